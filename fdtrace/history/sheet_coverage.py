"""What captures other than of strace can and cannot show."""

from __future__ import annotations

from collections import Counter

from ..model import Coverage
from ..readers.bundle import Capture
from ..readers.sheet import Sheet

_AGAIN = "for i in 1 2 3 4; do date -Is; {command}; sleep 60; done > {file}"
_COMMANDS = {
    "lsof": ("lsof -nP -p PID", "lsof.txt"),
    "netstat": ("netstat -tunpe", "netstat.txt"),
    "ss": ("ss -tunpae", "ss.txt"),
    "procfs": ("ls -lR /proc/PID/fd", "fds.txt"),
}


def describe(capture: Capture, sheet: Sheet) -> Coverage:
    """The account of one file, and the gaps of what it holds."""
    times = [shot.at_ns for shot in sheet.snapshots if shot.at_ns is not None and shot.clock != "none"]
    clocks = {shot.clock for shot in sheet.snapshots if shot.clock != "none"}
    stamps = [event.clock_ns for event in sheet.lws_events if event.clock_ns is not None]
    coverage = Coverage(
        capture.name,
        sheet.kind,
        files=(sheet.file,),
        lines=sheet.lines,
        parsed=sheet.parsed,
        continuation=sheet.continuation,
        blank=sheet.blank,
        problems=sum(problem.lines for problem in sheet.problems),
        bytes=capture.sources[0].size or 0,
        clock=min(clocks) if clocks else "local" if stamps else "none",
        first_ns=min([*times, *stamps], default=None),
        last_ns=max([*times, *stamps], default=None),
        options=tuple(dict.fromkeys(sheet.variants)),
        processes=len(_owners(sheet)),
        snapshots=len(sheet.snapshots),
        reasons=capture.reasons,
        partial=capture.sources[0].partial,
    )
    _levels(coverage, sheet)
    _gaps(coverage, sheet)
    return coverage


def _owners(sheet: Sheet) -> set[int | None]:
    """The processes that the rows name."""
    return ({row.pid for row in sheet.open_files} | {row.pid for row in sheet.sockets}) - {None}


def _levels(coverage: Coverage, sheet: Sheet) -> None:
    """How many descriptors the fullest process had, look after look, and its limit."""
    counts: Counter[tuple[int | None, int]] = Counter()
    for row in sheet.open_files:
        if row.fd is not None and row.tid in (None, row.pid):
            counts[row.pid, row.snapshot] += 1
    if counts:
        fullest = max(counts, key=lambda key: counts[key])[0]
        coverage.curve = tuple(
            counts[fullest, shot.number] for shot in sheet.snapshots if counts[fullest, shot.number]
        )
        coverage.peak = max(coverage.curve)
    limits = [facts.nofile_limit for facts in sheet.processes if facts.nofile_limit is not None]
    coverage.limit = min(limits) if limits else None


def _gaps(coverage: Coverage, sheet: Sheet) -> None:
    rows = bool(sheet.open_files or sheet.sockets)
    owners = _owners(sheet)
    gaps = {
        "one look only: whether anything grows cannot be told (look again after some minutes)": (
            rows and len(sheet.snapshots) == 1
        ),
        "no times: the looks are in order, but growth per second is unknown": (
            len(sheet.snapshots) > 1 and coverage.first_ns is None
        ),
        "no process column: who holds a socket is unknown (run it as root, with -p)": (
            bool(sheet.sockets) and not owners and not sheet.open_files
        ),
        "whose descriptors these are is not told (ls -lR /proc/PID/fd tells it)": (
            bool(sheet.open_files) and not owners
        ),
        "who opened what cannot be seen in a snapshot (strace shows it)": rows,
    }
    coverage.missing = tuple(gap for gap, there in gaps.items() if there)
    if sheet.kind in _COMMANDS:
        command, file = _COMMANDS[sheet.kind]
        coverage.remedy = _AGAIN.format(command=command, file=file)
