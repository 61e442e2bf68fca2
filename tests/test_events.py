"""The table events in pieces: whole calls in order, filters, and nothing read that is not wanted."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import fdtrace
from fdtrace.history import events
from fdtrace.readers.strace.lines import LineScanner
from tests.captures import case

BODY = (
    "100 1700000010.000000 socket(AF_INET, SOCK_STREAM, 0) = 3\n"
    "101 1700000010.100000 accept(3,  <unfinished ...>\n"
    '100 1700000010.200000 openat(AT_FDCWD, "/etc/motd", O_RDONLY) = 4\n'
    "100 1700000010.300000 pipe2([5, 6], 0) = 0\n"
    "100 1700000010.400000 dup2(4, 7) = 7\n"
    "100 1700000010.500000 close_range(5, 6, 0) = 0\n"
    "102 1700000010.600000 futex(0x7f, FUTEX_WAIT, 2, NULL <unfinished ...>\n"
    "101 1700000010.700000 <... accept resumed>NULL, NULL) = 5\n"
    '100 1700000010.800000 read(5, "", 9) = 0\n'
    "100 1700000010.900000 close(4) = 0\n"
)


@pytest.fixture(params=[1, 2, 3, 100])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of so many rows, so that calls are cut at every place."""
    monkeypatch.setattr(LineScanner.windows, "__defaults__", (request.param,))


def lines(pieces: object) -> list[int]:
    frames = list(pieces)  # type: ignore[call-overload]
    return [] if not frames else pd.concat(frames)["line"].tolist()


@pytest.mark.usefixtures("rows")
def test_pieces_are_the_table(tmp_path: Path) -> None:
    found = case(tmp_path, BODY)
    whole = pd.concat([piece.astype(object) for piece in found.iter_events()])
    pd.testing.assert_frame_equal(whole, found.events.astype(object))
    assert whole["line"].tolist() == [1, 2, 3, 4, 5, 6, 7, 9, 10]
    accepted = whole[whole["syscall"] == "accept"].iloc[0]
    assert (accepted["end_line"], accepted["new_fd"], accepted["args"]) == (8, 5, "3, NULL, NULL")
    assert whole[whole["syscall"] == "futex"]["outcome"].tolist() == ["unfinished"]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"fd": 3}, [1, 2]),
        ({"fd": 4}, [3, 5, 10]),
        ({"fd": 5}, [2, 4, 6, 9]),
        ({"fd": 6}, [4, 6]),
        ({"fd": 7}, [5]),
        ({"fd": 8}, []),
        ({"syscall": "close,dup2"}, [5, 10]),
        ({"syscall": ["accept"]}, [2]),
        ({"since": 0.3, "until": 0.5}, [4, 5, 6]),
        ({"fd": 5, "since": 0.2}, [4, 6, 9]),
        ({"pid": 102}, [7]),
        ({"pid": 100, "syscall": "accept,futex"}, [2]),
    ],
)
def test_filters(tmp_path: Path, wanted: dict[str, object], expected: list[int]) -> None:
    assert lines(case(tmp_path, BODY).iter_events(**wanted)) == expected  # type: ignore[arg-type]


def test_a_saved_case_filters_the_same(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    found = case(tmp_path, BODY)
    found.save(tmp_path / "x.fdtrace")
    kept = fdtrace.load(tmp_path / "x.fdtrace")
    for wanted in ({"fd": 5}, {"fd": 6}, {"pid": 100}, {"syscall": "close"}, {"since": 0.3, "until": 0.5}):
        assert lines(kept.iter_events(**wanted)) == lines(found.iter_events(**wanted))  # type: ignore[arg-type]


def test_times_need_a_clock(tmp_path: Path) -> None:
    with pytest.raises(fdtrace.NeedsCaptured, match="no clock"):
        list(case(tmp_path, "close(3) = 0\n").iter_events(since=1))


@pytest.mark.parametrize("wanted", [{"syscall": " , "}, {"since": 2, "until": 1}])
def test_what_no_call_can_meet(tmp_path: Path, wanted: dict[str, object]) -> None:
    with pytest.raises(fdtrace.BadArgument):
        list(case(tmp_path, BODY).iter_events(**wanted))  # type: ignore[arg-type]


def test_a_limit_stops_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN windows of ten rows, and a count of those that are read for the table
    monkeypatch.setattr(LineScanner.windows, "__defaults__", (10,))
    found = case(tmp_path, "".join(f'read(0, "", {i}) = 0\n' for i in range(1000)))
    read: list[int] = []
    stream = events.window_stream

    def counted(history: object) -> object:
        for window in stream(history):  # type: ignore[arg-type]
            read.append(len(window))
            yield window

    monkeypatch.setattr(events, "window_stream", counted)
    # WHEN some rows are taken
    next(found.iter_events())
    # THEN one window was read, not all
    assert sum(read) == 10


def test_what_is_held_ahead_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a thread that waits from the first line to the last, and another whose calls are all cut in two
    monkeypatch.setattr(LineScanner.windows, "__defaults__", (1,))
    cut = "".join(
        f"100 17000000{i:02}.000000 read(0,  <unfinished ...>\n"
        f"102 17000000{i:02}.500000 getpid() = 102\n"
        f'100 17000000{i:02}.900000 <... read resumed>"", {i}) = 0\n'
        for i in range(2, 60)
    )
    entry, end = (
        "101 1700000001.0 accept(3,  <unfinished ...>",
        "101 1700000099.0 <... accept resumed>NULL) = 9",
    )
    text = f"{entry}\n{cut}{end}\n"
    found = case(tmp_path, text)
    # WHEN its events are read
    frame = pd.concat(list(found.iter_events()))
    # THEN every call has its end
    assert set(frame["outcome"]) == {"ok"}
    assert frame["args"].tolist()[:2] == ["3, NULL", '0, "", 2']
