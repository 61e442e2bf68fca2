"""The answer where snapshots and logs stand beside a trace, or alone."""

from __future__ import annotations

import pytest

from fdtrace.model import Coverage, Finding
from fdtrace.report import beside, doctor
from fdtrace.report.terminal import answer

TRACE = Coverage(
    "app.strace", "strace", ("case/app.strace",), lines=9, parsed=9, calls=9, processes=1, born=True
)
LSOF = Coverage(
    "case/lsof.txt",
    "lsof",
    ("case/lsof.txt",),
    lines=40,
    parsed=40,
    first_ns=0,
    last_ns=60_000_000_000,
    processes=1,
    snapshots=4,
    curve=(5, 9, 14, 20),
    peak=20,
    missing=("who opened what cannot be seen in a snapshot (strace shows it)", "no times"),
)
SS = Coverage(
    "case/ss.txt",
    "ss",
    ("case/ss.txt",),
    lines=10,
    parsed=8,
    problems=2,
    processes=2,
    snapshots=4,
    missing=("who opened what cannot be seen in a snapshot (strace shows it)",),
)
LOG = Coverage("case/lws.log", "lws", ("case/lws.log",), lines=7, parsed=7)
GROWTH = Finding(
    key="leak:app:eventfd:eventfd",
    check="leak",
    severity="high",
    title="20 eventfds, +5, +5, +6 from snapshot to snapshot, none released",
    capture="case/lsof.txt",
    pid=7,
    pids=(7,),
    command="app",
    kind="eventfd",
    open=20,
    growth_per_s=0.25,
    example_fds=(4,),
    example_pid=7,
)


def test_files_of_one_incident_are_one_account() -> None:
    whole = beside.merged([LSOF, SS, LOG])
    assert (whole.kind, whole.snapshots, whole.processes, whole.lines, whole.problems) == (
        "snapshots",
        4,
        2,
        57,
        2,
    )
    assert whole.curve == LSOF.curve
    assert whole.span_s == 60.0
    assert beside.merged([SS]) is SS


def test_what_one_file_lacks_another_may_have() -> None:
    assert beside.merged([LSOF, SS]).missing == (
        "who opened what cannot be seen in a snapshot (strace shows it)",
    )


@pytest.mark.parametrize(
    ("captures", "words"),
    [
        ([LSOF], "4 looks of lsof"),
        ([LSOF, SS], "4 looks of lsof and ss"),
        ([LSOF, LOG], "4 looks of lsof and a libwebsockets log"),
        ([LOG], "a libwebsockets log"),
        ([Coverage("p", "procfs", snapshots=1)], "1 look of /proc"),
    ],
)
def test_the_sources_in_words(captures: list[Coverage], words: str) -> None:
    assert beside.sources(captures) == words


def test_snapshots_alone_get_an_answer_of_their_own() -> None:
    text = answer([GROWTH], [LSOF, SS])
    assert text.startswith("app (pid 7) leaks 20 descriptors in 60 s")
    assert "How sure: no trace, snapshots only, 2 of 50 lines not understood, but:\n" in text
    assert "More: fdtrace doctor case\n      fdtrace story case --pid 7 --fd 4\n" in text


def test_snapshots_in_which_nothing_grows() -> None:
    assert answer([], [LSOF]).startswith("No growth found in 60 s, in 4 looks.")
    one = Coverage("lsof.txt", "lsof", ("lsof.txt",), lines=3, parsed=3, snapshots=1)
    assert answer([], [one]).startswith("Nothing suspicious in this one look at the system; only a second")
    assert answer([], [LOG]).startswith("Nothing wrong found in 7 lines of a libwebsockets log.")


def test_beside_one_trace_they_are_part_of_its_answer() -> None:
    text = answer([], [TRACE, LSOF, LOG])
    assert "joined with 4 looks of lsof and a libwebsockets log" in text
    assert "More: fdtrace doctor case\n" in text
    assert "──" not in text


def test_beside_several_traces_what_is_about_none_of_them_stands_apart() -> None:
    other = Coverage("b.strace", "strace", ("case/b.strace",), lines=9, parsed=9, calls=9, born=True)
    text = answer([GROWTH], [TRACE, other, LSOF])
    assert "1 of 3 captures shows a leak" in text
    assert "── case/lsof.txt" in text


def test_doctor_tells_looks_and_form_of_a_snapshot() -> None:
    text = doctor.examine([LSOF])
    assert "  looks         4\n" in text
    assert "calls" not in text
