import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from fdtrace.errors import NeedsCaptured
from fdtrace.report.perfetto import Call, pieces
from tests.captures import START, case
from tests.report.courses import COURSE, HOSTILE, crowd
from tests.report.goldens_of import compare

CALLS = [
    Call(0, 41, 0.5, 0.001, "openat", None, 3, None, "ok", 11),
    Call(0, 43, 4.0, 0.002, "clone", None, 42, None, "ok", 30),
    Call(1, 42, 4.1, None, "close", 9, -1, "EBADF", "error", 31),
    Call(0, 43, 9.0, None, "epoll_wait", 4, None, None, "unfinished", 40),
]


SPAWNS = ("fork", "vfork", "clone", "clone3")
SAMPLES = Path(__file__).parents[2] / "samples"


def events(text: str) -> list[dict[str, Any]]:
    return json.loads(text)["traceEvents"]


def obeys(found: list[dict[str, Any]]) -> None:
    """The rules of the Trace Event Format that viewers rely on: what breaks one is dropped in silence."""
    named = {one["pid"] for one in found if one["ph"] == "M" and one["name"] == "process_name"}
    for one in found:
        assert one["ph"] in "MXibeCsf", one
        assert type(one["pid"]) is int, one
        assert type(one["tid"]) is int, one
        assert one["pid"] in named, one
        assert one["ph"] == "M" or one["ts"] >= 0, one
        assert one["ph"] != "X" or one["dur"] >= 0, one
    _lives(found)
    _slices(found)
    _flows(found)
    _counters(found)
    _names(found)


def _lives(found: list[dict[str, Any]]) -> None:
    """Each life begins and ends once, under one name; each id is of one life."""
    begun = [one for one in found if one["ph"] == "b"]
    ended = {(one["cat"], one["id"], one["name"], one["pid"]): one["ts"] for one in found if one["ph"] == "e"}
    assert len({one["id"] for one in begun}) == len(begun) == len(ended)
    for one in begun:
        assert ended[one["cat"], one["id"], one["name"], one["pid"]] >= one["ts"]


def _slices(found: list[dict[str, Any]]) -> None:
    """On a thread a slice is inside of another or beside it."""
    threads: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for one in found:
        if one["ph"] == "X":
            threads.setdefault((one["pid"], one["tid"]), []).append((one["ts"], one["ts"] + one["dur"]))
    for slices in threads.values():
        around: list[float] = []
        for start, end in sorted(slices, key=lambda pair: (pair[0], -pair[1])):
            while around and around[-1] <= start:
                around.pop()
            assert not around or round(end, 3) <= round(around[-1], 3)
            around.append(end)


def _flows(found: list[dict[str, Any]]) -> None:
    """An arrow has two ends, each at a slice."""
    ends = Counter((one["ph"], one["id"]) for one in found if one["ph"] in "sf")
    assert set(ends.values()) <= {1}
    assert {i for ph, i in ends if ph == "s"} == {i for ph, i in ends if ph == "f"}
    slices = [one for one in found if one["ph"] == "X"]
    begins = {one["id"]: one["ts"] for one in found if one["ph"] == "s"}
    for arrow in (one for one in found if one["ph"] in "sf"):
        around = [
            one
            for one in slices
            if (one["pid"], one["tid"]) == (arrow["pid"], arrow["tid"])
            and one["ts"] <= arrow["ts"] <= one["ts"] + one["dur"]
        ]
        assert around, arrow
        # The innermost slice is the one that a viewer ties it to.
        innermost = min(around, key=lambda one: (one["dur"], one["cat"] == "process"))["name"]
        assert innermost in SPAWNS or innermost.startswith("process "), (arrow, innermost)
        assert arrow["ph"] == "s" or (arrow["bp"] == "e" and arrow["ts"] >= begins[arrow["id"]])


def _counters(found: list[dict[str, Any]]) -> None:
    """Numbers alone, never back in time; a series that is there stays there."""
    last: dict[int, dict[str, Any]] = {}
    for one in (one for one in found if one["ph"] == "C"):
        assert all(type(n) is int and n >= 0 for n in one["args"].values()), one
        before = last.get(one["pid"])
        assert before is None or (before["ts"] < one["ts"] and before["args"].keys() == one["args"].keys())
        last[one["pid"]] = one


def _names(found: list[dict[str, Any]]) -> None:
    """Each process and thread is named once, before anything is told of the thread."""
    named = [(one["name"], one["pid"], one["tid"]) for one in found if one["ph"] == "M"]
    assert len(named) == len(set(named))
    assert {name for name, _, _ in named} <= {"process_name", "thread_name"}
    assert all(one["args"].keys() == {"name"} and one["args"]["name"] for one in found if one["ph"] == "M")
    calls = {(one["pid"], one["tid"]) for one in found if one.get("cat") == "syscall"}
    assert calls <= {(pid, tid) for name, pid, tid in named if name == "thread_name"}


def test_the_trace_is_the_golden_one() -> None:
    compare("timeline.perfetto.json", "".join(pieces(COURSE, CALLS)))


def test_it_obeys_the_rules_of_the_format() -> None:
    obeys(events("".join(pieces(COURSE, CALLS))))
    obeys(events("".join(pieces(crowd(300, processes=7), []))))


@pytest.mark.parametrize("name", ["lws-gateway", "web-server"])
def test_recorded_programs_obey_them_too(name: str) -> None:
    found = events(fdtrace.load(SAMPLES / name).timeline().to_perfetto())
    obeys(found)
    lengths = {one["pid"]: one["dur"] for one in found if one.get("cat") == "process"}
    arrows = [one for one in found if one["ph"] == "s"]
    assert len(arrows) == len(lengths) - 1
    clones = [one["ts"] for one in found if one["name"] == "clone"]
    assert [one["ts"] for one in arrows] == clones


def test_lives_are_slices_with_their_kind_and_end() -> None:
    found = [one for one in events("".join(pieces(COURSE, []))) if one.get("id") == "0x2"]
    assert [(one["ph"], one["cat"], one["name"], one["ts"]) for one in found] == [
        ("b", "tcp", "fd 4 tcp, leak", 1e6),
        ("e", "tcp", "fd 4 tcp, leak", 1e7),
    ]
    assert found[0]["args"]["target"] == "127.0.0.1:9002"


def test_a_call_without_a_length_is_an_instant_and_an_unfinished_one_lasts_to_the_end() -> None:
    found = {
        one["name"]: one for one in events("".join(pieces(COURSE, CALLS))) if one.get("cat") == "syscall"
    }
    assert (found["openat"]["ph"], found["openat"]["dur"]) == ("X", 1000)
    assert (found["close"]["ph"], "dur" in found["close"]) == ("i", False)
    assert (found["epoll_wait"]["ph"], found["epoll_wait"]["dur"]) == ("X", 1e6)


def test_counters_count_what_is_open() -> None:
    found = [one for one in events("".join(pieces(COURSE, []))) if one["ph"] == "C" and one["pid"] == 41]
    assert found[0]["args"] == {"file": 1, "tcp": 0}
    assert found[-1]["args"] == {"file": 1, "tcp": 6}


def test_a_fork_is_an_arrow_to_the_child() -> None:
    told = events("".join(pieces(COURSE, CALLS)))
    found = [one for one in told if one["ph"] in "sf"]
    assert told[told.index(found[0]) - 1]["name"] == "clone"
    assert [(one["ph"], one["pid"], one["ts"]) for one in found] == [("s", 41, 4e6), ("f", 42, 4e6)]
    assert [one["tid"] for one in found] == [43, 42]


def test_processes_of_several_captures_are_told_apart() -> None:
    owners = [COURSE.owners[0], COURSE.owners[1]._replace(pid=41, capture="other.strace")]
    found = events("".join(pieces(replace(COURSE, owners=owners, marks=[]), [])))
    names = {one["pid"]: one["args"]["name"] for one in found if one["name"] == "process_name"}
    assert len(names) == 2


def test_hostile_names() -> None:
    spans = [one._replace(name=HOSTILE, place=HOSTILE) for one in COURSE.spans]
    owners = [owner._replace(command=HOSTILE, capture=HOSTILE) for owner in COURSE.owners]
    text = "".join(pieces(replace(COURSE, spans=spans, owners=owners), CALLS))
    obeys(events(text))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) < 2_000


def test_it_is_made_piece_by_piece() -> None:
    taken = 0

    def calls() -> Iterator[Call]:
        nonlocal taken
        for _ in range(1_000):
            taken += 1
            yield CALLS[0]

    for piece in pieces(COURSE, calls()):
        assert len(piece) < 1_000
        if '"syscall"' in piece:
            break
    assert taken == 1


def test_of_a_capture(tmp_path: Path) -> None:
    text = START.replace("100 ", "100 1700000000.000000 ", 1) + "".join(
        f"100 170000000{i}.000000 {call}\n"
        for i, call in enumerate(
            (
                'openat(AT_FDCWD, "/a", O_RDONLY) = 3 <0.000100>',
                'read(3, "secret", 6) = 6 <0.000020>',
                "fork() = 101 <0.000500>",
                "close(3) = 0 <0.000010>",
                "+++ exited with 0 +++",
            ),
            1,
        )
    )
    text = text.replace("100 1700000004", "101 1700000003.100000 close(3) = 0 <0.000010>\n100 1700000004")
    written = case(tmp_path, text).timeline().to_perfetto()
    found = events(written)
    obeys(found)
    calls = Counter(one["name"] for one in found if one.get("cat") == "syscall")
    assert calls == {"execve": 1, "openat": 1, "read": 1, "fork": 1, "close": 2}
    assert "secret" not in written
    assert [one["pid"] for one in found if one["ph"] == "f"] == [101]


def test_without_a_clock_it_says_what_to_record(tmp_path: Path) -> None:
    drawn = case(tmp_path, START + '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n').timeline()
    with pytest.raises(NeedsCaptured, match="-ttt"):
        drawn.to_perfetto()
