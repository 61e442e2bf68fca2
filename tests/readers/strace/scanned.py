"""Reads literal strace text and resolves the columns, so that a test can state what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fdtrace.model import Problem
from fdtrace.readers.strace.lines import LineScanner
from fdtrace.readers.strace.stacks import Frame, frames
from fdtrace.readers.strace.window import ABSENT, COLUMNS, NO_FD, Mark, Row, Scan, Tally

RESOLVED = {"syscall": "syscalls", "note": "notes", "ret_note": "notes", "errno": "errnos", "stack": "stacks"}


@dataclass(frozen=True)
class Line:
    """One row of a window with its codes resolved; None where a column says that nothing was printed."""

    kind: Row
    tid: int
    clock: int | None
    syscall: str | None
    fd: int | None
    note: str | None
    ret: int | None
    ret_note: str | None
    errno: str | None
    duration: int | None
    flags: Mark
    seq: int
    line: int
    offset: int
    entry_line: int
    entry_offset: int
    entry_clock: int | None
    stack: bytes | None
    text: bytes

    @property
    def frames(self) -> list[Frame]:
        return frames(self.stack) if self.stack is not None else []


@dataclass(frozen=True)
class Scanned:
    """All rows of a text and the account of its lines."""

    rows: list[Line]
    tally: Tally
    problems: list[Problem]
    odd_lines: int = field(default=0, compare=False)

    @property
    def row(self) -> Line:
        (row,) = self.rows
        return row

    @property
    def account(self) -> tuple[int, int, int, int]:
        return self.tally.parsed, self.tally.continuation, self.tally.blank, self.tally.problems

    def of(self, kind: Row) -> list[Line]:
        return [row for row in self.rows if row.kind == kind]

    def call(self, name: str) -> Line:
        """The last row of the call of this name."""
        return [row for row in self.rows if row.syscall == name][-1]


def scan(
    text: str | bytes,
    tid: int | None = None,
    rows: int = 1 << 15,
    block: int = 1 << 20,
    longest: int = 64 << 20,
    fast: int | None = None,
    threads: int = 2,
) -> Scanned:
    """Read a text; every one of its lines is accounted for, whatever it is.

    `fast` lets the fast scanner read it, in blocks of this size.
    """
    data = text.encode() if isinstance(text, str) else text
    names = Scan()
    scanner = LineScanner(names, 0, "trace", tid, longest=longest)
    if fast is not None:
        from fdtrace.readers.strace.scan import FastScanner

        scanner = FastScanner(names, 0, "trace", tid, longest=longest, block=fast, threads=threads)
    found: list[Line] = []
    for window in scanner.windows((data[i : i + block] for i in range(0, len(data), block)), rows):
        columns = [name for name, _ in COLUMNS if name not in ("start", "stop")]
        for index, values in enumerate(window.rows(columns)):
            row = {name: _meaning(names, name, value) for name, value in zip(columns, values, strict=True)}
            found.append(Line(**row, text=window.text(index)))
    tally = scanner.tally
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    assert tally.lines == lines
    assert tally.parsed + tally.continuation + tally.blank + tally.problems == lines
    assert sum(problem.lines for problem in scanner.problems) == tally.problems
    return Scanned(found, tally, scanner.problems, scanner.odd_lines)


def _meaning(names: Scan, column: str, value: int) -> Any:
    if column in RESOLVED:
        item = getattr(names, RESOLVED[column])[value] if value >= 0 else None
        return item if column == "stack" or item is None else item.decode("utf-8", "backslashreplace")
    if column in ("kind", "flags"):
        return (Row if column == "kind" else Mark)(value)
    return None if value in (ABSENT, NO_FD) else value
