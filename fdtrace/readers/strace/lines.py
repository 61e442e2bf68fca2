"""The definition of how strace text becomes columns: one line, one regular expression.

Every other scanner has to give the same columns as this one. Lines that are
not records go to :mod:`.salvage`, which mends what foreign text broke.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model import Problem
from . import grammar as g
from . import layout
from .stacks import FrameBlock
from .tracees import UNKNOWN, Tracees
from .window import ABSENT, COLUMNS, NO_FD, Mark, Row, Scan, Tally, Window

ROWS_PER_WINDOW = 1 << 15
LONGEST_LINE = 64 << 20
"""Bytes of one line that are looked at; what is beyond is dropped with a problem row."""
_SPAWNS = frozenset({b"fork", b"vfork", b"clone", b"clone3", b"clone2"})
PROBLEM_ROWS = 10_000
"""Problem rows kept per file; the rest is counted in one last row."""


class LineScanner:
    """Reads the lines of one strace file into windows.

    `tid` is the thread of a `-ff` file; elsewhere the leader of each line tells.
    `tally` accounts for every line; `problems` has a row for each line that is
    not part of the trace.
    """

    def __init__(self, scan: Scan, file: int, name: str, tid: int | None = None) -> None:
        self.scan = scan
        self.file = file
        self.name = name
        self.tally = Tally()
        self.problems: list[Problem] = []
        self.clock = layout.Clock()
        self.tracees = Tracees(tid or UNKNOWN)
        self.fixed = tid is not None
        self.frames = FrameBlock()
        self.pending: dict[int, _Entry] = {}
        self.held: HeldCall | None = None
        self.just_cut: int | None = None
        """The thread whose call was cut on the line before this one."""
        self._rows: list[tuple[int, ...]] = []
        self._stacks: list[int] = []
        self._texts: list[bytes] = []
        self._size = 0
        self.saw_durations = False
        self._dropped_problems = 0
        self._line = 0
        self._offset = 0

    def windows(self, blocks: Iterable[bytes], rows: int = ROWS_PER_WINDOW) -> Iterator[Window]:
        """Windows of at most about `rows` records, in file order."""
        for line in self._lines(blocks):
            if len(self._rows) >= rows and not line.startswith(b" > "):
                self._end_frames()
                yield self._flush()
            self._take(line)
        self._finish()
        if self._rows:
            yield self._flush()

    # -- lines ---------------------------------------------------------------

    def _lines(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        rest: list[bytes] = []
        held = 0
        for block in blocks:
            self.tally.bytes += len(block)
            *complete, tail = block.split(b"\n")
            if complete and rest:
                complete[0] = b"".join(rest) + complete[0]
                rest, held = [], 0
            for line in complete:
                yield self._numbered(line)
            if tail and held < LONGEST_LINE:
                rest.append(tail)
            held += len(tail)
        if held:
            yield self._numbered(b"".join(rest))

    def _numbered(self, line: bytes) -> bytes:
        self._line += 1
        if len(line) > LONGEST_LINE:
            self.problem(f"a line of {len(line):,} bytes: only the first {LONGEST_LINE:,} were read", line, 0)
            self._offset += len(line) - LONGEST_LINE
            return line[:LONGEST_LINE]
        return line

    def _take(self, raw: bytes) -> None:
        offset = self._offset
        self._offset += len(raw) + 1
        self.tally.lines += 1
        line = raw.rstrip(b"\r")
        if line.startswith(b" > ") and self._frame(line):
            return
        if self.frames:
            self._end_frames()
        cut, self.just_cut = self.just_cut, None
        if not self.record(line, self._line, offset):
            from .salvage import salvage

            salvage(self, line, self._line, offset, cut)

    def _frame(self, line: bytes) -> bool:
        if not self.frames.take(line):
            return False
        self.tally.continuation += 1
        self.tally.features.setdefault("-k", 1)
        return True

    def _end_frames(self) -> None:
        row, block = self.frames.close()
        if row >= 0:
            self._stacks[row] = self.scan.stacks.code(block)

    def _finish(self) -> None:
        from .salvage import abandon

        abandon(self, at_end=True)
        self._end_frames()
        if self._dropped_problems:
            self.problems.append(
                Problem(self.name, 0, "strace", f"{self._dropped_problems:,} more lines like these", lines=0)
            )
        self.tally.clock = self.clock.name

    # -- records -------------------------------------------------------------

    def record(self, line: bytes, number: int, offset: int) -> bool:
        """Take a line that is a whole record; False leaves everything as it was."""
        match = layout.LEADER.match(line)
        assert match is not None  # every part is optional
        start = match.end()
        first = line[start : start + 1]
        if first.islower() or first in (b"_", b"?"):
            call = g.CALL.match(line, start)
            if call is None:
                return False
            tid, clock = self.leader(match.groups())
            self.call(call, line[start:], tid, clock, number, offset)
        elif first == b"<":
            resumed = g.RESUMED.match(line, start)
            if resumed is None or not self._resumed(resumed, match.groups(), number, offset):
                return False
        elif first in (b"+", b"-"):
            if not self._status(line[start:], match.groups(), number, offset):
                return False
        elif not (first == b"[" and g.PERSONALITY.match(line, start)):
            return False
        self.tally.parsed += 1
        return True

    def leader(self, groups: tuple[bytes | None, ...]) -> tuple[int, int]:
        """Thread and time of a line from the parts of its leader."""
        number = groups[layout.BARE] or groups[layout.BRACKETED]
        if number is None:
            tid = self.tracees.unprefixed()
        else:
            tid = int(number)
            if groups[layout.BRACKETED] is not None:
                self._prefixed(tid, False)
            elif not self.fixed:
                self.tracees.last = tid
                self.tally.features.setdefault("pid column", 1)
        clock = self.clock.read(groups)
        if clock != ABSENT:
            tally = self.tally
            if tally.first == ABSENT:
                tally.first = clock
                self._note_leader(groups)
            tally.last = max(tally.last, clock)
        return tid, clock

    def _note_leader(self, groups: tuple[bytes | None, ...]) -> None:
        stamp = groups[layout.EPOCH]
        if stamp is not None:
            self.tally.saw("-ttt")
        elif groups[layout.DAY] is not None:
            stamp = groups[layout.DAY]
            self.tally.saw("-tt" if b"." in (stamp or b"") else "-t")
        if groups[layout.DELTA] or groups[layout.RELATIVE]:
            self.tally.saw("-r")
        if groups[layout.NUMBER]:
            self.tally.saw("-n")
        if groups[layout.ADDRESS]:
            self.tally.saw("-i")
        if groups[layout.SECONTEXT]:
            self.tally.saw("--secontext")

    def _prefixed(self, tid: int, resumes: bool) -> None:
        if self.tracees.prefixed(tid, resumes):
            self.known_as(tid)
        self.tally.features.setdefault("[pid]", 1)

    def known_as(self, tid: int) -> None:
        """Give the tracee that had no number its own, in the rows to come and by a row for those past."""
        if UNKNOWN in self.pending:
            self.pending[tid] = self.pending.pop(UNKNOWN)
        self.add(Row.KNOWN_AS, tid, ABSENT, self._line, self._offset)

    def call(
        self, match: g.Match, text: bytes, tid: int, clock: int, number: int, offset: int, flags: int = 0
    ) -> None:
        """Add the row of a call that a line tells from its name on."""
        fields = match.groups()
        seq = self.tally.calls
        self.tally.calls += 1
        code = self.scan.syscalls.code(fields[g.NAME])
        fd, note = self._first(fields)
        if fields[g.RET] is None:
            self._cut_call(fields, text, (tid, clock, code, fd, note, seq, number, offset, flags))
            return
        ret, ret_note, errno, duration, marks = self._result(fields)
        row = (Row.CALL, tid, clock, code, fd, note, ret, ret_note, errno, duration, marks | flags)
        self._add(row, (seq, number, offset, number, offset, clock), text)
        if not self.fixed or tid == UNKNOWN:
            self._watch(fields[g.NAME], tid, ret)

    def _cut_call(self, fields: g.Fields, text: bytes, known: tuple[int, ...]) -> None:
        tid, clock, code, fd, note, seq, number, offset, flags = known
        partial = text[: text.rindex(b"<", 0, len(text))].removesuffix(b" ")
        if fields[g.ENDED] == b"detached":
            flags |= Mark.DETACHED
        row = (Row.ENTRY, tid, clock, code, fd, note, ABSENT, -1, -1, ABSENT, flags)
        self._add(row, (seq, number, offset, number, offset, clock), partial)
        self.pending[tid] = (partial, code, fd, note, seq, number, offset, clock)
        self.just_cut = tid
        leader = fields[g.LEADER_TID]
        if leader is not None:
            self.add(Row.MOVED, tid, clock, number, offset, ret=int(leader))

    def _resumed(
        self, match: g.Match, groups: tuple[bytes | None, ...], number: int, offset: int
    ) -> bool:
        name, rest = match.groups()
        bracketed = groups[layout.BRACKETED]
        if bracketed is not None:
            waiting = self.pending.get(UNKNOWN)
            mine = waiting is not None and self.scan.syscalls[waiting[1]] == name
            self._prefixed(int(bracketed), mine and int(bracketed) not in self.pending)
        tid, clock = self.leader(groups)
        entry = self.pending.get(tid)
        if entry is None or self.scan.syscalls[entry[1]] != name:
            entry = self._orphan(name, number, offset, clock)
            flags = int(Mark.ORPHAN)
        else:
            flags = 0
            del self.pending[tid]
        text = entry[0] + rest.removeprefix(b" ")
        call = g.CALL.match(text) or g.CALL_FROM_RIGHT.match(text)
        if call is None or call.group(g.RET + 1) is None:
            return self._resumed_in_vain(tid, entry, flags, call is not None)
        self.complete(call, text, entry, (tid, clock, number, offset, flags))
        return True

    def complete(self, call: g.Match, text: bytes, entry: _Entry, known: tuple[int, int, int, int, int]) -> None:
        """Add the row of a call's exit, its halves joined."""
        tid, clock, number, offset, flags = known
        seq, entry_line, entry_offset, entry_clock = entry[4:]
        name = call.group(1)
        fields = call.groups()
        fd, note = self._first(fields)
        ret, ret_note, errno, duration, marks = self._result(fields)
        code = self.scan.syscalls.code(name)
        row = (Row.EXIT, tid, clock, code, fd, note, ret, ret_note, errno, duration, marks | flags)
        self._add(row, (seq, number, offset, entry_line, entry_offset, entry_clock), text)
        if not self.fixed:
            self._watch(name, tid, ret)

    def _orphan(self, name: bytes, number: int, offset: int, clock: int) -> _Entry:
        self.tally.calls += 1
        return (name + b"(", 0, NO_FD, -1, self.tally.calls - 1, number, offset, clock)

    def _resumed_in_vain(self, tid: int, entry: _Entry, flags: int, cut_again: bool) -> bool:
        """A resumption without a result: a second cut keeps the call waiting, else the line is no record."""
        if flags & Mark.ORPHAN:
            self.tally.calls -= 1
        else:
            self.pending[tid] = entry
        return cut_again

    def _watch(self, name: bytes, tid: int, ret: int) -> None:
        """Learn from a call who is alive and what the first tracee is called."""
        if tid == UNKNOWN and name == b"set_tid_address" and ret > 0:
            self.tracees.name_first(ret)
            self.known_as(ret)
        elif name in (b"exit", b"exit_group"):
            self.tracees.exiting(tid)
        elif ret > 0 and name in _SPAWNS:
            self.tracees.born(ret)

    def _status(self, text: bytes, groups: tuple[bytes | None, ...], number: int, offset: int) -> bool:
        if g.SIGNAL.match(text):
            tid, clock = self.leader(groups)
            self.add(Row.SIGNAL, tid, clock, number, offset)
            return True
        for kind, pattern in ((Row.EXITED, g.EXITED), (Row.KILLED, g.KILLED), (Row.SUPERSEDED, g.SUPERSEDED)):
            match = pattern.match(text)
            if match is not None:
                break
        else:
            return False
        tid, clock = self.leader(groups)
        status = ABSENT if kind is Row.KILLED else int(match.group(1))
        self.add(kind, tid, clock, number, offset, ret=status)
        if kind is not Row.SUPERSEDED:
            self.tracees.gone(tid)
            self.pending.pop(tid, None)
        elif status in self.pending:
            # The thread's exec is resumed under its leader's number.
            self.pending[tid] = self.pending.pop(status)
        return True

    # -- values --------------------------------------------------------------

    def _first(self, fields: g.Fields) -> tuple[int, int]:
        text = fields[g.FIRST]
        if text is None:
            return NO_FD, -1
        fd = int(text, 16) if text[:2] == b"0x" else int(text)
        if fd >= 1 << 31:
            fd = fd - (1 << 32) if fd >= (1 << 32) - 4096 and fd < 1 << 32 else NO_FD
        note = fields[g.FIRST_NOTE]
        return fd, self._note(note, fields[g.FIRST_GONE])

    def _note(self, note: bytes | None, gone: bytes | None) -> int:
        if note is None:
            return -1
        return self.scan.notes.code(note[1:-1] + (b" (deleted)" if gone else b""))

    def _result(self, fields: g.Fields) -> tuple[int, int, int, int, int]:
        """ret, its note, errno, duration and marks."""
        ret_text, tail = fields[g.RET], fields[g.TAIL]
        duration = ABSENT
        errno = -1
        flags = 0
        if tail:
            timed = g.DURATION.search(tail)
            if timed is not None:
                duration = layout.nanoseconds(timed.group(1))
                self.saw_durations = True
            if len(tail) > 6 and tail[:2] != b" <":
                error = g.ERRNO.match(tail)
                if error is not None and ret_text in (b"-1", b"?"):
                    errno = self.scan.errnos.code(error.group(1) or error.group(2))
                flags = self._marks(tail)
        if ret_text == b"?":
            return ABSENT, -1, errno, duration, flags | (Mark.RESTARTED if errno >= 0 else Mark.NO_RESULT)
        return number(ret_text), self._note(fields[g.RET_NOTE], fields[g.RET_GONE]), errno, duration, flags

    def _marks(self, tail: bytes) -> int:
        if b"(INJECTED" not in tail:
            return 0
        self.tally.saw("-e inject")
        if b"(INJECTED)" in tail or b"retval)" in tail:
            return Mark.INJECTED | Mark.NOT_EXECUTED
        return Mark.INJECTED

    # -- rows ----------------------------------------------------------------

    def add(self, kind: Row, tid: int, clock: int, number: int, offset: int, ret: int = ABSENT) -> None:
        """Add a row that is not a call."""
        row = (kind, tid, clock, -1, NO_FD, -1, ret, -1, -1, ABSENT, 0)
        self._add(row, (-1, number, offset, number, offset, clock), b"")

    def _add(self, row: tuple[int, ...], where: tuple[int, ...], text: bytes) -> None:
        if self.frames:
            self._end_frames()
        self._rows.append((*row, *where, self._size, self._size + len(text)))
        self._stacks.append(-1)
        self._texts.append(text)
        self._size += len(text)
        self.frames.open(len(self._rows) - 1)

    def problem(self, reason: str, text: bytes, lines: int = 1, number: int | None = None) -> None:
        """Account for a line that is not part of the trace."""
        self.tally.problems += lines
        if len(self.problems) >= PROBLEM_ROWS:
            self._dropped_problems += 1
            return
        where = self._line if number is None else number
        self.problems.append(Problem(self.name, where, "strace", reason, readable(text), lines))

    def _flush(self) -> Window:
        import numpy as np

        names = [name for name, _ in COLUMNS]
        values = dict(zip((n for n in names if n != "stack"), zip(*self._rows, strict=True), strict=True))
        columns = {
            name: np.array(self._stacks if name == "stack" else values[name], dtype=dtype)
            for name, dtype in COLUMNS
        }
        window = Window(self.file, columns, b"".join(self._texts), {})
        self._rows, self._stacks, self._texts, self._size = [], [], [], 0
        self.frames.forget()
        return window


_Entry = tuple[bytes, int, int, int, int, int, int, int]
"""What is kept of a call until it resumes: text, syscall, fd, note, seq, line, offset, clock."""


class HeldCall:
    """A call whose line ended before its result; the rest may follow after foreign text."""

    __slots__ = ("clock", "followers", "line", "offset", "size", "text", "tid")

    def __init__(self, text: bytes, tid: int, clock: int, line: int, offset: int) -> None:
        self.text = text
        self.tid = tid
        self.clock = clock
        self.line = line
        self.offset = offset
        self.followers: list[tuple[int, bytes]] = []
        self.size = 0


def number(text: bytes) -> int:
    """A result as strace prints numbers: decimal, 0x hex (wrapped to 64 bits) or 0 octal."""
    if text[:2] == b"0x":
        value = int(text, 16) & (1 << 64) - 1
        return value - (1 << 64) if value >= 1 << 63 else value
    if len(text) > 1 and text[:1] == b"0" and text.isdigit() and b"8" not in text and b"9" not in text:
        return int(text, 8)
    value = int(text[:20])
    return value if -(1 << 63) <= value < 1 << 63 else ABSENT


def readable(text: bytes, limit: int = 200) -> str:
    """Bytes of a capture as text: undecodable ones as `\\xNN`, at most `limit` characters."""
    return text[: limit * 4].decode("utf-8", "backslashreplace")[:limit]

