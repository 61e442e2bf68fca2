"""The definition of how a line of strace becomes a row: one line, one regular expression.

Every other scanner has to give the same columns as this one. Lines that are
not records go to :mod:`.salvage`, which mends what foreign text broke.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from ...model import Problem
from . import common, layout, values
from . import grammar as g
from .rows import ROWS_PER_WINDOW, Entry, Origin, Rows
from .salvage import Salvager
from .tracees import HIGHEST_TID, UNKNOWN, Tracees
from .window import ABSENT, NO_FD, Mark, Row, Scan, Tally

PROBLEM_ROWS = 10_000
"""Problem rows kept per file; the rest is counted in one last row."""
_ENDS = ((Row.EXITED, g.EXITED), (Row.KILLED, g.KILLED), (Row.SUPERSEDED, g.SUPERSEDED))
_SPAWNS = frozenset({b"fork", b"vfork", b"clone", b"clone3", b"clone2"})
_WATCHED = _SPAWNS | {b"exit", b"exit_group", b"set_tid_address"}


class Records:
    """Turns the lines of one strace file into rows.

    `tid` is the thread of a `-ff` file; elsewhere the leader of each line tells.
    """

    def __init__(self, scan: Scan, name: str, tid: int | None = None) -> None:
        self.scan = scan
        self.name = name
        self.tally = Tally()
        self.problems: list[Problem] = []
        self.rows = Rows(0, ROWS_PER_WINDOW)
        self.clock = layout.Clock()
        self.tracees = Tracees(tid or UNKNOWN)
        self.pending: MutableMapping[int, Entry] = {}
        self.last_cut: Origin | None = None
        """Where the last call was cut whose rest is to come."""
        self.saw_durations = False
        self._fixed = tid is not None
        self.salvager = Salvager(self)
        self._dropped_problems = 0

    def take(self, line: bytes, offset: int) -> None:
        """Account for the next line, which begins at `offset`."""
        if line[:3] == b" > " and self._frame(line):
            return
        number = self.tally.lines
        if common.take(self, line, number, offset) or self.record(line, number, offset):
            self.tally.parsed += 1
        else:
            self.salvager.take(line, number, offset)

    def finish(self) -> None:
        """The file is at its end."""
        self.salvager.abandon(at_end=True)
        self.rows.finish(self.scan.stacks)
        if self._dropped_problems:
            more = f"{self._dropped_problems:,} more lines like these"
            self.problems.append(Problem(self.name, 0, "strace", more, lines=0))
        self.tally.clock = self.clock.name

    def _frame(self, line: bytes) -> bool:
        if self.salvager.held is not None:
            self.salvager.abandon()
        if not self.rows.frame(line[3:]):
            return False
        self.tally.continuation += 1
        self.tally.features["-k"] = 1
        return True

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
            self.salvager.abandon()
            self.call(call, line[start:], self.leader(match.groups(), number, offset))
        elif first == b"<":
            resumed = g.RESUMED.match(line, start)
            return resumed is not None and self._resumed(resumed, match.groups(), number, offset)
        elif first in (b"+", b"-"):
            return self._status(line[start:], match.groups(), number, offset)
        elif not (first == b"[" and g.PERSONALITY.match(line, start)):
            return False
        return True

    def leader(self, groups: tuple[bytes | None, ...], number: int, offset: int) -> Origin:
        """Thread and time of a line from the parts of its leader."""
        tid = self.who(groups[layout.BARE], groups[layout.BRACKETED], number, offset)
        clock = self.clock.read(
            groups[layout.EPOCH], groups[layout.DAY], groups[layout.DELTA] or groups[layout.RELATIVE]
        )
        if clock != ABSENT:
            tally = self.tally
            if tally.first == ABSENT:
                tally.first = clock
                self._note_leader(groups)
            tally.last = max(tally.last, clock)
        return Origin(tid, clock, number, offset)

    def who(self, bare: bytes | None, bracketed: bytes | None, number: int, offset: int) -> int:
        """The thread that a line is of, by the numbers of its leader."""
        if bare is not None:
            tid = int(bare)
            if not self._fixed:
                self.tracees.last = tid
                self.tally.features["pid column"] = 1
            return tid
        if bracketed is not None:
            self._prefixed(int(bracketed), False, number, offset)
            return int(bracketed)
        return self.tracees.unprefixed()

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

    def _prefixed(self, tid: int, resumes: bool, number: int, offset: int) -> None:
        if self.tracees.prefixed(tid, resumes):
            self._known_as(tid, number, offset)
        self.tally.features["[pid]"] = 1

    def _known_as(self, tid: int, number: int, offset: int) -> None:
        """Give the tracee that had no number its own, in the rows to come and by a row for those past."""
        if UNKNOWN in self.pending:
            self.pending[tid] = self.pending.pop(UNKNOWN)
        self.tell(Row.KNOWN_AS, tid, number, offset)

    # -- calls ---------------------------------------------------------------

    def call(self, match: g.Match, text: bytes, origin: Origin, marks: int = 0) -> None:
        """Add the row of a call that a line tells from its name on."""
        fields = match.groups()
        if fields[g.RET] is None:
            self._cut(fields, text, origin, marks)
            return
        seq = self.tally.calls
        self.tally.calls += 1
        ret = self._add_call(Row.CALL, fields, text, (seq, origin, origin), marks)
        self.heard(fields[g.NAME], *origin, ret)

    def _cut(self, fields: g.Fields, text: bytes, origin: Origin, marks: int) -> None:
        """A call that another line interrupted, or whose end strace did not see."""
        if fields[g.ENDED] == b"detached":
            marks |= Mark.DETACHED
        text = text[: text.rindex(b"<")].removesuffix(b" ")
        self.wait(self.add_entry(fields, text, origin, marks))
        leader = fields[g.LEADER_TID]
        if leader is not None:
            self.add(Row.MOVED, origin, ret=int(leader))

    def add_entry(self, fields: g.Fields, text: bytes, origin: Origin, marks: int) -> Entry:
        """Add the row of a call's beginning."""
        fd, note = values.first(self.scan, fields)
        entry = Entry(text, self.scan.syscalls.code(fields[g.NAME]), fd, note, self.tally.calls, origin)
        self.tally.calls += 1
        row = (Row.ENTRY, origin.tid, origin.clock, entry.code, fd, note, ABSENT, -1, -1, ABSENT, marks)
        self._add(row, (entry.seq, origin, origin), text)
        return entry

    def _resumed(self, match: g.Match, groups: tuple[bytes | None, ...], number: int, offset: int) -> bool:
        name, rest = match.groups()
        bracketed = groups[layout.BRACKETED]
        if bracketed is not None:
            waiting = self.pending.get(UNKNOWN)
            mine = waiting is not None and self.scan.syscalls[waiting.code] == name
            self._prefixed(int(bracketed), mine and int(bracketed) not in self.pending, number, offset)
        origin = self.leader(groups, number, offset)
        entry = self.pending.get(origin.tid)
        orphan = entry is None or self.scan.syscalls[entry.code] != name
        if not rest.startswith(b" <"):
            rest = rest.removeprefix(b" ")
        text = (name + b"(" if entry is None or orphan else entry.text) + rest
        call = g.CALL.match(text) or g.CALL_FROM_RIGHT.match(text)
        if call is None or call.group(g.RET + 1) is None:
            return call is not None  # cut a second time, it goes on waiting
        self.salvager.abandon()
        self.complete(call, text, None if orphan else entry, origin)
        return True

    def complete(self, call: g.Match, text: bytes, entry: Entry | None, origin: Origin) -> None:
        """Add the row of a call's exit, its halves joined; without an entry the capture has only the exit."""
        fields = call.groups()
        if entry is None:
            place, marks = (self.tally.calls, origin, origin), int(Mark.ORPHAN)
            self.tally.calls += 1
        else:
            place, marks = (entry.seq, origin, entry.origin), 0
            self.pending.pop(origin.tid, None)
        ret = self._add_call(Row.EXIT, fields, text, place, marks)
        self.heard(fields[g.NAME], *origin, ret)

    def wait(self, entry: Entry) -> None:
        """Remember a call that was cut until it resumes."""
        self.pending[entry.origin.tid] = entry
        self.last_cut = entry.origin

    def heard(self, name: bytes, tid: int, clock: int, line: int, offset: int, ret: int) -> None:
        """Note a call that has a result, where lines have no thread of their own."""
        if name in _WATCHED and (not self._fixed or tid == UNKNOWN):
            self.watch(name, Origin(tid, clock, line, offset), ret)

    def watch(self, name: bytes, origin: Origin, ret: int) -> None:
        """Learn from a call who is alive and what the first tracee is called."""
        if name == b"set_tid_address" and origin.tid == UNKNOWN and 0 < ret < HIGHEST_TID:
            self.tracees.name_first(ret)
            self._known_as(ret, origin.line, origin.offset)
        elif name in (b"exit", b"exit_group"):
            self.tracees.exiting(origin.tid)
        elif 0 < ret < HIGHEST_TID and name in _SPAWNS:
            self.tracees.born(ret)

    def _status(self, text: bytes, groups: tuple[bytes | None, ...], number: int, offset: int) -> bool:
        if g.SIGNAL.match(text):
            self.salvager.abandon()
            self.add(Row.SIGNAL, self.leader(groups, number, offset))
            return True
        for kind, pattern in _ENDS:
            match = pattern.match(text)
            if match is not None:
                self.salvager.abandon()
                self._ended(kind, match, self.leader(groups, number, offset))
                return True
        return False

    def _ended(self, kind: Row, match: g.Match, origin: Origin) -> None:
        status = ABSENT if kind is Row.KILLED else int(match.group(1))
        self.add(kind, origin, ret=status)
        if kind is not Row.SUPERSEDED:
            self.tracees.gone(origin.tid)
            self.pending.pop(origin.tid, None)
        elif status in self.pending:
            # The thread's exec is resumed under its leader's number.
            self.pending[origin.tid] = self.pending.pop(status)

    # -- rows ----------------------------------------------------------------

    def _add_call(
        self, kind: Row, fields: g.Fields, text: bytes, place: tuple[int, Origin, Origin], marks: int
    ) -> int:
        """Add a row with a result, and return the result."""
        origin = place[1]
        fd, note = values.first(self.scan, fields) if not marks & Mark.ORPHAN else (NO_FD, -1)
        ret, ret_note, errno, duration, more = values.result(self.scan, fields)
        if duration != ABSENT:
            self.saw_durations = True
        if more & Mark.INJECTED:
            self.tally.saw("-e inject")
        code = self.scan.syscalls.code(fields[g.NAME])
        row = (kind, origin.tid, origin.clock, code, fd, note, ret, ret_note, errno, duration, marks | more)
        self._add(row, place, text)
        return ret

    def add(self, kind: Row, origin: Origin, ret: int = ABSENT) -> None:
        """Add a row that is not a call."""
        row = (kind, origin.tid, origin.clock, -1, NO_FD, -1, ret, -1, -1, ABSENT, 0)
        self._add(row, (-1, origin, origin), b"")

    def tell(self, kind: Row, tid: int, line: int, offset: int, ret: int = ABSENT) -> None:
        """Add a row about a task that no leader names."""
        self.add(kind, Origin(tid, ABSENT, line, offset), ret)

    def _add(self, row: tuple[int, ...], place: tuple[int, Origin, Origin], text: bytes) -> None:
        seq, origin, entry = place
        whole = (*row, seq, origin.line, origin.offset, entry.line, entry.offset, entry.clock)
        if row[0] >= Row.ATTACHED:
            self.rows.add_beside(whole)
        else:
            self.rows.add(whole, text, self.scan.stacks)

    def problem(self, reason: str, text: bytes, lines: int = 1, number: int | None = None) -> None:
        """Account for a line that is not part of the trace."""
        self.tally.problems += lines
        if len(self.problems) >= PROBLEM_ROWS:
            self._dropped_problems += 1
            return
        where = self.tally.lines if number is None else number
        self.problems.append(Problem(self.name, where, "strace", reason, values.readable(text), lines))
