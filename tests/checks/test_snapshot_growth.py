"""What snapshots alone make a leak, and what they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fdtrace.checks import snapshots
from fdtrace.model import Finding
from tests.snapshot_sheets import Tool, growing, recorded

WAITING = {"local": "127.0.0.1:5{n}", "peer": "127.0.0.1:9002", "state": "CLOSE_WAIT"}
CLIENT = {"local": "127.0.0.1:5{n}", "peer": "127.0.0.1:9002", "state": "ESTABLISHED"}
SERVED = {"local": "127.0.0.1:80", "peer": "127.0.0.1:5{n}", "state": "ESTABLISHED"}
DEAD = {"type": "sock", "name": "protocol: TCP"}
ONCE = {"name": "/data/t{n}.json"}
AGAIN = {"name": "/data/t.json"}
GONE = {"name": "/data/t{n}.tmp (deleted)", "deleted": True}


def leaks(*tools: Tool, **more: Any) -> list[Finding]:
    return snapshots.findings([tool.pair() for tool in tools], only=("leak",), **more)


@pytest.mark.parametrize(
    ("counts", "kind", "more", "severity"),
    [
        # dead sockets: a leak as soon as they become more and stay
        ([8, 16, 24], "tcp", WAITING, "high"),
        ([8, 16, 16], "tcp", WAITING, "high"),
        ([0, 1, 9], "tcp", WAITING, "high"),
        ([0, 0, 42], "tcp", WAITING, "medium"),
        ([8, 16], "tcp", WAITING, "medium"),
        ([0, 2, 3], "tcp", WAITING, "low"),
        ([12, 12, 12], "tcp", WAITING, "medium"),
        ([2, 2, 2], "tcp", WAITING, None),
        ([5, 50, 85], "tcp", DEAD, "high"),
        # what may be in use: steady growth through three looks
        ([6, 12, 18, 24], "eventfd", {}, "high"),
        ([2, 40, 70], "inotify", {}, "high"),
        ([3, 29, 49], "tcp", {**WAITING, "state": "SYN_SENT"}, "high"),
        ([1, 5, 15], "tcp", {"local": "*:80", "state": "LISTEN"}, "high"),
        ([30, 60, 90, 90], "memfd", {"name": "/memfd:frame"}, "medium"),
        ([2, 2, 33], "epoll", {}, "medium"),
        ([6, 20], "eventfd", {}, "medium"),
        ([2, 40], "eventfd", {}, "low"),
        ([5, 24, 24], "eventfd", {}, "low"),
        ([2, 15, 20], "eventfd", {}, "low"),
        ([2, 5, 8], "eventfd", {}, "low"),
        ([20, 20, 20], "eventfd", {}, None),
        ([24, 20, 16], "eventfd", {}, None),
        # files: a cache opens each once
        ([6, 52, 92], "file", ONCE, "medium"),
        ([6, 52, 92], "file", AGAIN, "high"),
        ([6, 52, 92], "file", GONE, "high"),
        ([2, 40], "file", ONCE, "low"),
        # live connections: clients come
        ([14, 28, 42], "tcp", SERVED, "low"),
        ([14, 28, 42], "tcp", CLIENT, "low"),
        ([100, 200, 300], "tcp", CLIENT, "medium"),
        ([2, 11, 15], "tcp", CLIENT, None),
        # one look
        ([25], "tcp", WAITING, "medium"),
        ([5], "tcp", WAITING, "low"),
        ([2], "tcp", WAITING, None),
        ([120], "file", AGAIN, "medium"),
        ([60], "file", AGAIN, "low"),
        ([60], "file", ONCE, None),
        ([300], "eventfd", {}, "low"),
        ([1200], "eventfd", {}, "medium"),
        ([100], "eventfd", {}, None),
    ],
)
def test_severity(
    tmp_path: Path, counts: list[int], kind: str, more: dict[str, Any], severity: str | None
) -> None:
    found = leaks(growing(tmp_path, counts, kind, **more))
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_a_finding_says_what_how_many_how_fast_and_proves_it(tmp_path: Path) -> None:
    (found,) = leaks(growing(tmp_path, [6, 12, 18, 24], "eventfd"))
    assert found.title == "24 eventfds, +6 between every two snapshots, none released"
    assert found.growth_per_s == pytest.approx(0.6)
    assert (found.pid, found.command, found.open, found.certainty) == (7, "srv", 24, "inferred")
    assert "of the 6 in the first snapshot all are still open in the last" in found.reasons
    assert [(one.line, one.text.split()[2]) for one in found.evidence] == [
        (3, "3"),
        (45, "3"),
        (67, "25"),
        (68, "26"),
    ]
    assert "strace -f" in found.advice
    assert "-p 7 " in found.advice
    assert found.key == "leak:srv:eventfd:eventfd"


def test_a_state_is_told_with_its_sources(tmp_path: Path) -> None:
    (found,) = leaks(growing(tmp_path, [8, 16, 24], "tcp", **WAITING))
    assert found.title.startswith("24 TCP sockets to 127.0.0.1:9002 in CLOSE_WAIT (lsof), +8 between")
    assert (found.state, found.peer, found.target) == ("CLOSE_WAIT", "127.0.0.1:9002", "to 127.0.0.1:9002")


def test_keys_do_not_depend_on_numbers(tmp_path: Path) -> None:
    one = leaks(growing(tmp_path, [8, 16, 24], "file", **AGAIN))
    other = leaks(growing(tmp_path, [10, 80, 150], "file", pid=99, **AGAIN))
    assert [f.key for f in one] == [f.key for f in other] == ["leak:srv:file:/data/t.json"]


def test_without_times_growth_has_no_rate(tmp_path: Path) -> None:
    tool = growing(tmp_path, [6, 12, 18], "eventfd")
    for shot in tool.sheet.snapshots:
        shot.at_ns, shot.clock = None, "none"
    (found,) = leaks(tool)
    assert (found.severity, found.growth_per_s) == ("high", None)


def test_churn_is_no_leak(tmp_path: Path) -> None:
    tool = Tool(tmp_path)
    for at in range(4):
        tool.look(at)
        for n in range(20 + at):
            tool.file(3 + n, "tcp", inode=1000 * at + n, local=f"10.0.0.1:{at}{n:03}", peer="10.0.0.2:80")
    assert leaks(tool) == []


def test_what_comes_with_each_connection_is_theirs(tmp_path: Path) -> None:
    tool = Tool(tmp_path)
    for at, count in enumerate((14, 28, 42)):
        tool.look(at)
        for n in range(count):
            tool.file(3 + n, "tcp", inode=n, **{key: value.format(n=n) for key, value in SERVED.items()})
            tool.file(103 + n, "file", name=f"/log/s{n}.log")
    found = {one.kind: one for one in leaks(tool)}
    assert found["file"].severity == "low"
    assert "one for each live connection" in found["file"].reasons[0]


def test_pipes_to_living_children_are_in_use(tmp_path: Path) -> None:
    tool = Tool(tmp_path)
    for at, count in enumerate((8, 20, 32)):
        tool.look(at)
        for n in range(count):
            tool.file(3 + n, "pipe", inode=100 + n, name="pipe")
            tool.file(1, "pipe", pid=50 + n, command="child", inode=100 + n, name="pipe")
    (found,) = leaks(tool)
    assert (found.severity, found.command) == ("low", "srv")
    assert "other ends are held by child" in found.reasons[0]


def test_unix_sockets_weigh_by_who_is_on_the_other_side(tmp_path: Path) -> None:
    found = {}
    for case in ("unknown", "other process", "same process"):
        lsof, ss = Tool(tmp_path), Tool(tmp_path, "ss")
        for at, count in enumerate((10, 20, 30)):
            lsof.look(at)
            ss.look(at)
            lsof.file(0, "char", name="/dev/null")
            for n in range(count):
                peer = None if case == "unknown" else 900 + n
                ss.socket("CONNECTED", proto="unix", fd=3 + n, inode=100 + n, peer_inode=peer)
                if case == "other process":
                    ss.socket("CONNECTED", pid=8, proto="unix", fd=3 + n, inode=900 + n, path="/run/db")
        (found[case],) = [one for one in leaks(lsof, ss) if one.pid == 7]
    assert {case: one.severity for case, one in found.items()} == {
        "unknown": "medium",
        "other process": "low",
        "same process": "high",
    }


def test_what_stopped_together_with_a_leak_is_probably_one(tmp_path: Path) -> None:
    tool = Tool(tmp_path)
    for at, count in enumerate((8, 24, 24, 24)):
        tool.look(at)
        for n in range(count):
            tool.file(3 + n, "eventfd", inode=1038)
            tool.file(103 + n, "tcp", inode=200 + n, local=f"10.0.0.1:{5000 + n}", peer="10.0.0.2:80",
                      state="CLOSE_WAIT")  # fmt: skip
    assert {one.kind: one.severity for one in leaks(tool)} == {"tcp": "high", "eventfd": "medium"}


def test_workers_that_each_leak_a_little_leak_together(tmp_path: Path) -> None:
    tool = Tool(tmp_path)
    for at, count in enumerate((1, 3, 5)):
        tool.look(at)
        for pid in range(10, 22):
            for n in range(count):
                tool.file(3 + n, "file", pid=pid, name="/data/form.xml", inode=77)
    (found,) = leaks(tool)
    assert (found.severity, found.open, len(found.pids), found.pid) == ("high", 60, 12, None)
    assert "12 processes" in found.reasons[-1]


def test_a_socket_that_workers_share_counts_once(tmp_path: Path) -> None:
    tool = Tool(tmp_path)
    for at in range(3):
        tool.look(at)
        for pid in range(10, 22):
            tool.file(
                3, "tcp", pid=pid, inode=77, local="10.0.0.1:80", peer="10.0.0.2:99", state="CLOSE_WAIT"
            )
    assert leaks(tool) == []


def test_what_a_trace_explains_is_not_told_again(tmp_path: Path) -> None:
    tool = growing(tmp_path, [6, 12, 18, 24], "eventfd")
    assert leaks(tool, explained={(7, fd) for fd in range(3, 40)}) == []
    net = Tool(tmp_path, "netstat")
    for at, count in enumerate((5, 10, 15)):
        net.look(at)
        for n in range(count):
            net.socket("CLOSE_WAIT", local=f"127.0.0.1:{5000 + n}", peer="127.0.0.1:80")
    ends = {(7, f"127.0.0.1:{5000 + n}->127.0.0.1:80") for n in range(15)}
    assert len(leaks(net)) == 1
    assert leaks(net, leaked=ends) == []


@pytest.mark.parametrize(
    ("kinds", "found"),
    [
        ((), {"eventfd": "high", "tcp": "high"}),
        (("lsof",), {"eventfd": "high", "tcp": "high"}),
        (("netstat",), {"tcp": "high"}),
        (("ss",), {"tcp": "high"}),
        (("procfs",), {"eventfd": "high", "socket": "low"}),
        (("netstat", "procfs"), {"eventfd": "high", "tcp": "high"}),
    ],
)
def test_a_recorded_leak_is_found_by_each_tool_alone(kinds: tuple[str, ...], found: dict[str, str]) -> None:
    told = snapshots.findings(recorded("leaking", *kinds), only=("leak",))
    mine = [one for one in told if one.pid == 22828]
    assert {one.kind: one.severity for one in mine} == found
    for one in mine:
        assert (one.growth_per_s or 0) > 3
        assert [bool(quote.text) for quote in one.evidence] == [True] * 4


@pytest.mark.parametrize("kinds", [(), ("lsof",), ("netstat",), ("ss",), ("procfs",), ("netstat", "procfs")])
def test_a_recorded_pool_that_changes_its_connections_is_no_leak(kinds: tuple[str, ...]) -> None:
    assert snapshots.findings(recorded("steady", *kinds)) == []
