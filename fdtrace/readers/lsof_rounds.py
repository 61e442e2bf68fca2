"""Where one run of lsof ends and the next begins, and when each was.

A run is a snapshot. In repeat mode (-r) a marker follows each round, so a time
in it is that of the rows before; a script writes its heading before the rows.
The first time line of a file decides: rows before it mean markers, unless rows
come after the last one and the marker is not of lsof's own making. Runs that
were appended to each other without anything between them are told apart when a
descriptor comes a second time: the new snapshot then begins at the last header.
"""

from __future__ import annotations

import re

from .moments import Moment
from .sheet import Clock, OpenFile, Sheet, Snapshot

_MARKER = re.compile(r"=+[\d:.TZ-]+=+$")
"""The form that the manual gives as example: -r m====%T====."""

_Key = tuple[int | None, int | None, int]


class Rounds:
    """Gives every row its snapshot."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._seen: set[_Key] = set()
        self._over = not sheet.snapshots
        self._first_row = 0
        self._block = (0, 0)
        self._heads = False
        self._separated = 0
        self._closed: list[Snapshot] = []
        self._certain = False

    def block(self, line: int) -> None:
        """A header, or another sign that a run may begin on this line."""
        if self._over:
            self._begin(line)
        self._block = (len(self._sheet.open_files), line)

    def document(self, line: int) -> None:
        """A document that holds one run begins on this line."""
        if self._over or len(self._sheet.open_files) > self._first_row:
            self._begin(line)

    def add(self, row: OpenFile, known: bool = True) -> None:
        """The next row. `known` says that process, thread and number are all there is to tell it apart by."""
        if self._over:
            self._begin(row.line)
        if row.fd is not None and known:
            key = (row.pid, row.tid, row.fd)
            if key in self._seen:
                self._again(row.line)
            self._seen.add(key)
        row.snapshot = self._sheet.snapshots[-1].number
        self._sheet.open_files.append(row)

    def separator(self, line: int) -> None:
        """A round of -r is over; one without rows, between two markers in a row, is a snapshot too."""
        if self._over and line == self._separated + 1:
            self._begin(line)
        self._over = True
        self._separated = line

    @property
    def may_close(self) -> bool:
        """Whether a time line can be that of the rows before it."""
        return bool(self._sheet.snapshots) and not self._heads

    def moment(self, line: int, found: Moment, text: str, own: bool = False) -> None:
        """A time line that closes a round; `own` says that only lsof can have written it (the field m)."""
        if self._over:
            self._begin(line)
        self._over = True
        self._separated = line
        self._stamp(self._sheet.snapshots[-1], found.at_ns, found.clock, f"line {line}: {text.strip()[:60]}")
        self._closed.append(self._sheet.snapshots[-1])
        self._certain = self._certain or own or bool(_MARKER.match(text))

    def new_snapshot(self) -> None:
        """A snapshot was begun from outside; when that comes before any row, headings tell the times."""
        self._heads = self._heads or not self._sheet.open_files
        self._fresh()

    def end(self) -> None:
        """Times that stood between runs are those of the runs behind them, if rows follow the last."""
        if self._certain or self._over:
            return
        shots = self._sheet.snapshots
        for shot in reversed(self._closed):
            behind = shots[shot.number]
            if behind.at_ns is None and not behind.basis:
                self._stamp(behind, shot.at_ns, shot.clock, shot.basis)
            self._stamp(shot, None, "none", "")

    @staticmethod
    def _stamp(shot: Snapshot, at_ns: int | None, clock: Clock, basis: str) -> None:
        shot.at_ns, shot.clock, shot.basis = at_ns, clock, basis

    def _begin(self, line: int) -> None:
        self._sheet.begin(line)
        self._fresh()

    def _fresh(self) -> None:
        self._over = False
        self._seen.clear()
        self._first_row = len(self._sheet.open_files)
        self._block = (self._first_row, 0)

    def _again(self, line: int) -> None:
        """A descriptor was listed already: rows since the last header are of the next run."""
        rows = self._sheet.open_files
        since, header = self._block
        moved = rows[since:] if since > self._first_row else []
        self._begin(header if moved or (since == len(rows) and header) else line)
        self._first_row -= len(moved)
        self._block = (self._first_row, 0)
        for row in moved:
            row.snapshot = self._sheet.snapshots[-1].number
            if row.fd is not None:
                self._seen.add((row.pid, row.tid, row.fd))
