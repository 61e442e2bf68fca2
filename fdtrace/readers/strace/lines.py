"""The lines of one strace file: cut out of blocks, cleaned, and every one accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model import Problem
from . import grammar as g
from .layout import Clock
from .records import Records
from .rows import ROWS_PER_WINDOW, Rows
from .tracees import Tracees
from .window import Scan, Tally, Window

LONGEST_LINE = 64 << 20
"""Bytes of one line that are looked at; what is beyond is dropped with a problem row."""


class LineScanner:
    """Reads the lines of one strace file into windows.

    `tid` is the thread of a `-ff` file; elsewhere the leader of each line tells.
    `tally` accounts for every line; `problems` has a row for each line that is
    not part of the trace. Nothing depends on how the text was cut into blocks.
    """

    def __init__(
        self, scan: Scan, file: int, name: str, tid: int | None = None, longest: int = LONGEST_LINE
    ) -> None:
        self.name = name
        self._file = file
        self._records = Records(scan, name, tid)
        self._tally = self._records.tally
        self._longest = longest
        self._unclean = False
        self._offset = 0
        self.odd_lines = 0
        """Lines that a faster scanner had to leave to this one."""

    @property
    def tally(self) -> Tally:
        """How the lines were accounted for so far."""
        return self._tally

    @property
    def problems(self) -> list[Problem]:
        """The lines that are not part of the trace."""
        return self._records.problems

    @property
    def clock(self) -> Clock:
        """The clock of the file."""
        return self._records.clock

    @property
    def tracees(self) -> Tracees:
        """Whom the lines without a number belong to."""
        return self._records.tracees

    @property
    def saw_durations(self) -> bool:
        """Whether the time spent in calls is printed (`-T`)."""
        return self._records.saw_durations

    def windows(self, blocks: Iterable[bytes], rows: int = ROWS_PER_WINDOW) -> Iterator[Window]:
        """Windows of at most about `rows` records, in file order."""
        made = self._records.rows = Rows(self._file, rows)
        tally = self._tally
        for line in self._lines(blocks):
            offset = self._offset
            self._offset = offset + len(line) + 1
            tally.lines += 1
            self._records.take(cleaned(line) if self._unclean else line, offset)
            if made.ready:
                yield from made.ready
                made.ready.clear()
        self._records.finish()
        yield from made.ready

    def _lines(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        rest: list[bytes] = []
        held = 0
        for block in blocks:
            self._tally.bytes += len(block)
            self._unclean = self._unclean or b"\r" in block or b"\x1b" in block or b"\0" in block
            *complete, tail = block.split(b"\n")
            if complete and held:
                yield from self._whole([*rest, complete[0]], held + len(complete[0]))
                del complete[0]
                rest, held = [], 0
            for line in complete:
                if len(line) > self._longest:
                    yield from self._whole([line], len(line))
                else:
                    yield line
            if tail and held < self._longest:
                rest.append(tail)
            held += len(tail)
        if held:
            yield from self._whole(rest, held)

    def _whole(self, parts: list[bytes], size: int) -> Iterator[bytes]:
        """A line of `size` bytes from the parts that were kept of it, cut when it is too long."""
        line = b"".join(parts)[: self._longest]
        if size > len(line):
            why = f"a line of {size:,} bytes: only the first {self._longest:,} were read"
            self._records.problem(why, line, lines=0, number=self._tally.lines + 1)
        yield line
        self._offset += size - len(line)


def cleaned(line: bytes) -> bytes:
    """A line without what is never strace's own: carriage returns, colours and NUL bytes of a cut log."""
    if b"\x1b" in line:
        line = g.COLOUR.sub(b"", line)
    if b"\0" in line:
        line = line.replace(b"\0", b"")
    return line.rstrip(b"\r")
