"""Snapshots and logs from their text to their rows: lines are counted, time lines begin a new snapshot.

A line is offered to the reader of the format first. What it does not
understand may be a time, which begins a new snapshot; or a prompt with a
command, a comment or a heading, which count as read; all else is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..errors import DamagedInput
from . import reader_of
from .moments import Moment, moment, told
from .prompts import command
from .sheet import PROLONGS, SHOWN, Reader, Sheet
from .text import Source

LONGEST = 1 << 20
"""Bytes of a line that are looked at; the rest of a longer one is left out, with a problem row.

A reader whose format has longer lines says so in LONGEST_LINE.
"""

MANY = 10_000
"""Lines that get a problem row of their own; more of them share one."""

_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|[()#][0-9A-Za-z]|[=>78cDEHM])"
)
"""What terminals are told: colours, cursor movements, window titles."""

_HOLE = re.compile(rb"\0{16,}")
"""Emptying a file while a tool goes on writing to it leaves a hole of NUL bytes."""

_TOOL = re.compile(r"(?:sudo (?:-\S+ )*)?(?:\S*/)?(?:lsof|netstat|ss|ls|find|cat|head|busybox)\b")

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND


def read(
    source: Source, kind: str, progress: Callable[[int], None] | None = None, at: str | None = None
) -> Sheet:
    """All rows of one file of the given kind. Content cannot make it fail; damage is a problem row.

    `at` says when the snapshots were taken that have no time of their own (in
    any form that a time line has). Without it the file's modification time is
    a hint for the last one: its clock stays "none".

    Raises:
        BadArgument: `at` is no time.
    """
    asked = None if at is None else told(at)
    sheet = Sheet(source.name, kind)
    module = reader_of(kind)
    driver = _Driver(sheet, module.Reader(sheet))
    for lines in _batches(source, sheet, progress, getattr(module, "LONGEST_LINE", LONGEST)):
        driver.take(lines)
    driver.end()
    _complete(sheet, asked, source.modified_ns)
    return sheet


class _Driver:
    """Where each line belongs."""

    def __init__(self, sheet: Sheet, reader: Reader) -> None:
        self._sheet = sheet
        self._reader = reader
        self._prompts = 0
        self._commands: set[str] = set()
        self._moment: Moment | None = None
        """The time line that nothing was read after yet."""
        self._beyond: tuple[int, str, str] | None = None
        self._uncounted = 0

    def take(self, lines: list[str]) -> None:
        """Some whole lines in order."""
        sheet = self._sheet
        number, parsed, continuation, blank = sheet.lines, 0, 0, 0
        offer = self._reader.line
        for text in lines:
            number += 1
            if not text or text.isspace():
                blank += 1
                continue
            reason = offer(number, text)
            if reason is None:
                parsed += 1
                self._moment = None
            elif reason == PROLONGS:
                continuation += 1
            elif self._is_prose(number, text):
                parsed += 1
            else:
                self._problem(number, reason, text)
        sheet.lines = number
        sheet.parsed += parsed
        sheet.continuation += continuation
        sheet.blank += blank

    def end(self) -> None:
        """No line follows."""
        self._reader.end()
        if self._beyond is not None:
            line, reason, text = self._beyond
            words = f"{self._uncounted:,} more lines that are no rows, this one first: {reason}"
            self._sheet.problem(line, words, text, lines=self._uncounted)
        if self._prompts:
            noun = "prompt, comment or heading" if self._prompts == 1 else "prompts, comments and headings"
            self._sheet.variants.append(f"{self._prompts:,} {noun} around the output")

    def _is_prose(self, number: int, text: str) -> bool:
        """Whether the line is a time, a prompt, a comment or a heading; sees to what follows from it."""
        if found := moment(text):
            self._begin(number, found, text)
            return True
        words = command(text)
        if words is None:
            return False
        self._prompts += 1
        if _TOOL.match(words):
            if words in self._commands:
                self._begin(number, None, text)
            self._commands.add(words)
        return True

    def _begin(self, number: int, found: Moment | None, text: str) -> None:
        """From this line on it is another snapshot, unless it tells the time that the line before told."""
        sheet = self._sheet
        shown = text.strip()[:60]
        before, self._moment = self._moment, found
        if before is not None and found is None:
            self._moment = before
            return
        if before is not None and found is not None and _same(before, found):
            if _RANKS[found.clock] > _RANKS[before.clock]:
                last = sheet.snapshots[-1]
                last.at_ns, last.clock, last.basis = found.at_ns, found.clock, f"line {number}: {shown}"
            else:
                self._moment = before
            return
        self._commands.clear()
        if found is None:
            sheet.begin(number, basis=f"line {number}: the command is given again: {shown}")
        else:
            sheet.begin(number, found.at_ns, found.clock, f"line {number}: {shown}")
        self._reader.new_snapshot()

    def _problem(self, number: int, reason: str, text: str) -> None:
        """A problem row; of a file that is full of them, the rows beyond a limit are one."""
        if len(self._sheet.problems) < MANY:
            self._sheet.problem(number, reason, text)
            return
        if self._beyond is None:
            self._beyond = (number, reason, text[:SHOWN])
        self._uncounted += 1


_RANKS = {"none": 0, "day": 1, "local": 2, "zone": 3, "utc": 4}


def _same(one: Moment, other: Moment) -> bool:
    """Whether two time lines in a row tell one moment in two ways (date and uptime, UTC and local)."""
    apart = abs(one.at_ns - other.at_ns)
    if one.clock == other.clock:
        return apart < 2 * _SECOND
    return apart % (900 * _SECOND) < 2 * _SECOND or apart % (900 * _SECOND) > 898 * _SECOND


def _complete(sheet: Sheet, asked: Moment | None, modified_ns: int | None) -> None:
    """What can be said of the snapshots' times when all lines are read."""
    days, before = 0, 0
    for shot in sheet.snapshots:
        if shot.clock == "day" and shot.at_ns is not None:
            # A clock without a date that goes back by hours has passed midnight.
            days += shot.at_ns + _DAY // 2 < before
            before = shot.at_ns
            shot.at_ns += days * _DAY
        elif shot.at_ns is None and asked is not None:
            shot.at_ns, shot.clock, shot.basis = asked.at_ns, asked.clock, "as told"
    if asked is None and modified_ns is not None and sheet.snapshots and sheet.snapshots[-1].at_ns is None:
        last = sheet.snapshots[-1]
        last.at_ns = modified_ns
        last.basis = "; ".join(filter(None, (last.basis, "modification time of the file")))


def _batches(
    source: Source, sheet: Sheet, progress: Callable[[int], None] | None, longest: int
) -> Iterator[list[str]]:
    r"""The lines without their ends, some at a time; undecodable bytes as \xNN, terminal codes left out."""
    held = _Held(sheet, longest)
    for block in _blocks(source, sheet, progress):
        text = held.without_holes(block)
        cut = text.rfind(b"\n")
        if cut < 0:
            held.add(text)
            continue
        first = text.find(b"\n")
        held.add(text[:first])
        yield _decoded(held.taken() + text[first:cut])
        held.add(text[cut + 1 :])
    if rest := held.taken():
        yield _decoded(rest)


class _Held:
    """The beginning of a line whose end is not read yet, as long as it may be."""

    def __init__(self, sheet: Sheet, longest: int) -> None:
        self._sheet = sheet
        self._longest = longest
        self._parts: list[bytes] = []
        self._length = 0
        self._left_out = 0
        self._hole = 0
        """The line with the last hole: however long, it is one."""

    def add(self, piece: bytes) -> None:
        """More of the line; what is too long is counted only."""
        kept = piece[: self._longest - self._length]
        self._left_out += len(piece) - len(kept)
        self._length += len(kept)
        if kept:
            self._parts.append(kept)

    def taken(self) -> bytes:
        """The line as far as it is kept; nothing is held any more."""
        if self._left_out:
            reason = f"longer than {self._longest:,} bytes: {self._left_out:,} more are left out"
            self._sheet.problem(self._sheet.lines + 1, reason, lines=0)
        line = b"".join(self._parts)
        self._parts, self._length, self._left_out = [], 0, 0
        return line

    def without_holes(self, block: bytes) -> bytes:
        """The block without long runs of NUL bytes, with a remark about it."""
        if b"\0" * 16 not in block:
            return block
        lines = self._sheet.lines + 1
        for hole in _HOLE.finditer(block):
            line = lines + block.count(b"\n", 0, hole.start())
            if line != self._hole:
                self._sheet.problem(line, "a hole of NUL bytes is left out", lines=0)
            self._hole = line
        return _HOLE.sub(b"", block)


def _decoded(lines: bytes) -> list[str]:
    text = lines.decode("utf-8", "backslashreplace")
    if "\x1b" in text:
        text = _SEQUENCES.sub("", text)
    if "\r" in text:
        return [line.rstrip("\r") for line in text.split("\n")]
    return text.split("\n")


def _blocks(source: Source, sheet: Sheet, progress: Callable[[int], None] | None) -> Iterator[bytes]:
    try:
        for block in source.blocks():
            if progress is not None:
                progress(len(block))
            yield block
    except DamagedInput as damage:
        sheet.problem(0, str(damage), lines=0)
