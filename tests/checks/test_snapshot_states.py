"""Remarks about states, listeners, deleted files and limits, from snapshots."""

from __future__ import annotations

from pathlib import Path

import pytest

from fdtrace.checks import snapshots
from fdtrace.readers.sheet import ProcessFacts
from tests.snapshot_sheets import Tool, growing, recorded

OTHERS = [name for name in snapshots.SNAPSHOT_CHECKS if name != "leak"]


def test_every_recorded_state_is_remarked_once() -> None:
    found = snapshots.findings(recorded("states"))
    assert {one.check: (one.severity, one.open) for one in found} == {
        "close_wait": ("low", 4),
        "half_closed": ("low", 4),
        "dead_socket": ("low", 3),
        "shared_listener": ("low", 2),
        "deleted_file": ("info", 1),
    }
    by_check = {one.check: one for one in found}
    assert by_check["shared_listener"].title == (
        "the listener at 127.0.0.1:7803 of python3 is also held by sleep (22955)"
    )
    assert by_check["shared_listener"].certainty == "certain"
    assert by_check["deleted_file"].title == (
        "1 deleted file is still open (/srv/jobs/app.log), 293 KiB of disk space"
    )


@pytest.mark.parametrize("kind", ["lsof", "netstat", "ss"])
def test_each_tool_alone_tells_the_states_that_it_knows(kind: str) -> None:
    checks = {one.check for one in snapshots.findings(recorded("states", kind))}
    assert {"close_wait", "half_closed"} <= checks
    assert ("dead_socket" in checks) == (kind == "lsof")


def test_what_is_a_leak_is_in_no_other_finding(tmp_path: Path) -> None:
    waiting = {"local": "127.0.0.1:5{n}", "peer": "127.0.0.1:80", "state": "CLOSE_WAIT"}
    deleted = {"name": "/data/t{n}.tmp (deleted)", "deleted": True}
    for more, kind in ((waiting, "tcp"), (deleted, "file")):
        found = snapshots.findings([growing(tmp_path, [10, 40, 70], kind, **more).pair()])
        assert [one.check for one in found] == ["leak"]


def test_sockets_without_an_owner_are_the_kernels(tmp_path: Path) -> None:
    net = Tool(tmp_path, "netstat")
    for at in (0, 60):
        net.look(at)
        for n in range(30):
            net.socket("FIN_WAIT2", pid=None, local=f"10.0.0.1:{5000 + n}", peer="10.0.0.2:80")
            net.socket("CLOSE_WAIT", pid=None, local=f"10.0.0.1:{6000 + n}", peer="10.0.0.2:80")
    assert snapshots.findings([net.pair()]) == []


def test_many_half_closed_that_last_are_medium(tmp_path: Path) -> None:
    half = {"local": "127.0.0.1:5{n}", "peer": "127.0.0.1:80", "state": "FIN_WAIT2"}
    (found,) = snapshots.findings([growing(tmp_path, [12, 12], "tcp", **half).pair()])
    assert (found.check, found.severity) == ("half_closed", "medium")
    (found,) = snapshots.findings([growing(tmp_path, [30], "tcp", **half).pair()])
    assert (found.check, found.severity) == ("half_closed", "low")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("nginx", "nginx"), False),
        (("systemd", "sshd"), False),
        (("app", "sleep"), True),
        (("python3", "python3.11"), False),
    ],
)
def test_a_listener_is_shared_on_purpose_or_not(tmp_path: Path, names: tuple[str, str], told: bool) -> None:
    lsof = Tool(tmp_path).look(1)
    for pid, name in enumerate(names, 10):
        lsof.file(3, "tcp", pid=pid, command=name, inode=55, local="*:80", state="LISTEN")
    assert bool(snapshots.findings([lsof.pair()], only=("shared_listener",))) == told


@pytest.mark.parametrize(
    ("sizes", "severity", "space"),
    [
        ([300], "info", "300 bytes"),
        ([200 << 20], "low", "200 MiB"),
        ([600 << 20, 600 << 20], "medium", "1.2 GiB"),
        ([None], "info", None),
    ],
)
def test_deleted_files_weigh_by_their_space(
    tmp_path: Path, sizes: list[int | None], severity: str, space: str | None
) -> None:
    lsof = Tool(tmp_path).look(1)
    for fd, size in enumerate(sizes, 3):
        for number in (fd, fd + 100):
            lsof.file(number, "file", name=f"/var/log/a{fd}.log (deleted)", deleted=True, size_bytes=size,
                      inode=fd, device="8,1")  # fmt: skip
    lsof.file(50, "file", name="/memfd:x (deleted)", deleted=True, size_bytes=1 << 40, inode=1)
    (found,) = snapshots.findings([lsof.pair()])
    assert (found.severity, found.open) == (severity, len(sizes))
    assert found.title.endswith(f"{space} of disk space" if space else "(/var/log/a3.log)")


def test_a_process_near_its_limit(tmp_path: Path) -> None:
    tool = growing(tmp_path, [90], "file", name="/data/t{n}.json")
    tool.sheet.processes.append(ProcessFacts(1, "limits.txt", 8, 7, nofile_limit=100))
    (found,) = snapshots.findings([tool.pair()])
    assert (found.check, found.severity) == ("exhaustion", "medium")
    assert found.title == "91 descriptors are open, of a limit of 100"


def test_nothing_to_look_at_is_nothing_found(tmp_path: Path) -> None:
    assert snapshots.findings([]) == []
    assert snapshots.findings([Tool(tmp_path).pair()]) == []
    assert snapshots.findings([Tool(tmp_path).look(1).pair()], only=OTHERS) == []
