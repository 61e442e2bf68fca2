"""lsof output written out in tests, read as a file is."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fdtrace.readers import snapshots
from fdtrace.readers.sheet import OpenFile, Sheet
from fdtrace.readers.text import open_source

RECORDED = Path(__file__).parent.parent / "captures"

HEADER = "COMMAND   PID USER   FD      TYPE DEVICE SIZE/OFF     NODE NAME\n"


def sheet(text: str | bytes, kind: str = "lsof") -> Sheet:
    """What the reader makes of a text; every line is accounted for."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lsof.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return checked(snapshots.read(open_source(str(path)), kind))


def recorded(name: str) -> Sheet:
    """What the reader makes of a recording."""
    return checked(snapshots.read(open_source(str(RECORDED / name)), "lsof"))


def checked(found: Sheet) -> Sheet:
    """The sheet, whose lines must add up and whose rows must belong to its snapshots."""
    problems = sum(problem.lines for problem in found.problems)
    assert found.lines == found.parsed + found.continuation + found.blank + problems
    numbers = [shot.number for shot in found.snapshots]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(row.snapshot in numbers for row in found.open_files)
    return found


def rows(text: str | bytes) -> list[OpenFile]:
    """All rows of a text in which every line must be understood."""
    found = sheet(text)
    assert not found.problems
    return found.open_files


def row(text: str) -> OpenFile:
    """The only row of a text."""
    (only,) = rows(text)
    return only
