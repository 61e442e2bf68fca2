r"""Lines that are not whole records: strace's own messages, spliced output, cut calls.

Without `-o`, strace's messages and the program's own output land in the middle
of a line and end it with a newline of their own:

    clone(child_stack=NULL, flags=SIGCHLDstrace: Process 21297 attached
     <unfinished ...>
    write(1, "hi\n", 3hi
    )         = 3

A call that ends before its result is held; the lines after it are tried as its
rest until a whole record comes. What is of no use is a problem row.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from . import grammar as g
from . import layout
from .window import Mark, Row

if TYPE_CHECKING:
    from .records import Records
    from .rows import Origin

HELD_LINES = 400
HELD_BYTES = 1 << 20
"""How much foreign text is looked through for the rest of a call."""

_LEADER_WITHIN = re.compile(
    rb"\[pid +\d+(?:<[^>]*>)?\] (?=[\w<+?-])"
    rb"|(?<![\d.:])\d{1,8} +(?:\d\d:\d\d:\d\d|\d{9,11}\.\d)"
    rb"|(?<![\d.:])(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d{9,11}\.\d+|\ {1,6}\d{1,6}\.\d{3,9}) (?=[a-z_<+?-])"
)
_CALL_WITHIN = re.compile(rb"(?<![a-z_])[a-z_]\w{0,60}\(")
_RESULT_WITHIN = re.compile(rb"\)\s+= (?:-?\d|0x|\?)")
_COMMAND = re.compile(rb"^\S*[$#%>] (?:sudo )?\S*strace ")
_TRIES = 32
"""How many places of one line are tried as the beginning of a record."""
_HARD_BLANK = "\N{NO-BREAK SPACE}".encode()
"""Pages and word processors put it in place of blanks; strace itself never prints it between words."""
_CLOSED = re.compile(rb'\w+\((?:[^"()]++|' + g.STRING + rb"|\([^()]*+\))*+\)")
_COMPLETES = re.compile(rb"\)\s*= |^\s*= (?:-?\d|\?)|<(?:unfinished|detached) \.\.\.>$")
_COMPLETES_SOON = re.compile(rb"^.{0,4096}?\)\s*= ")


class HeldCall:
    """A call whose line ended before its result; the rest may follow after foreign text."""

    __slots__ = ("followers", "leader", "origin", "size", "text")

    def __init__(self, text: bytes, origin: Origin, leader: bool) -> None:
        self.text = text
        self.leader = leader
        self.origin = origin
        self.followers: list[tuple[int, bytes]] = []
        self.size = 0


class Salvager:
    """Finds a use for the lines of one file that are no records as they stand."""

    def __init__(self, records: Records) -> None:
        self.held: HeldCall | None = None
        self._records = records

    def take(self, line: bytes, number: int, offset: int) -> None:
        """Account for a line: as a record after all, a part of one, a message, blank, or a problem."""
        line = line.replace(_HARD_BLANK, b" ").rstrip(b" ")
        if not line.strip():
            self._records.tally.blank += 1
        elif self._used(line, number, offset):
            return
        elif self.held is not None:
            self._follow(self.held, line, number)
        else:
            self._records.problem(reason(line), line, number=number)

    def _used(self, line: bytes, number: int, offset: int) -> bool:
        return (
            self._message(line, number, offset)
            or self._dressed(line, number, offset)
            or self._rest_of_cut(line, number, offset)
            or self._rest_of_held(line)
            or self._dump(line)
            or self._misquoted(line, number, offset)
            or self._hold(line, number, offset)
            or self._record_within(line, number, offset)
        )

    # -- strace's own messages -------------------------------------------------

    def _message(self, line: bytes, number: int, offset: int) -> bool:
        match = g.MESSAGE.search(line) if b"tached" in line else None
        if match is None:
            if self.held is None and g.OTHER_MESSAGE.match(line):
                self._records.tally.parsed += 1
                return True
            return False
        before = line[: match.start()].removesuffix(b"^C")
        held = bool(before.strip()) and self._hold(before, number, offset, spliced=True)
        self._told(match, number, offset, at_start=not held)
        if not held:
            self._records.tally.parsed += 1
        return True

    def _told(self, match: g.Match, number: int, offset: int, at_start: bool) -> None:
        """Strace attached to a task or left it."""
        records = self._records
        tid = int(match.group(1))
        attached = match.group(2) == b"attached"
        if attached:
            tracees = records.tracees
            if at_start and not records.tally.calls and self.held is None and tracees.first == 0:
                tracees.replace_first(tid)
            tracees.attached(tid)
        kind = Row.ATTACHED if attached else Row.DETACHED
        records.tell(kind, tid, number, offset, int(match.group(3) or 0))

    # -- calls in pieces -------------------------------------------------------

    def _hold(self, line: bytes, number: int, offset: int, spliced: bool = False) -> bool:
        """Hold a call that stops before its result."""
        match = layout.LEADER.match(line)
        assert match is not None  # every part is optional
        if not g.OPEN_CALL.match(line, match.end()):
            return False
        if not match.end() and not spliced and not self._bare_calls():
            return False
        self.abandon()
        origin = self._records.leader(match.groups(), number, offset)
        self.held = HeldCall(line[match.end() :], origin, bool(match.end()))
        return True

    def _misquoted(self, line: bytes, number: int, offset: int) -> bool:
        """A call that the program's output, holding a quote, was printed into."""
        match = layout.LEADER.match(line)
        assert match is not None  # every part is optional
        start = match.end()
        if (not start and not self._bare_calls()) or not g.OPEN_CALL.match(line, start):
            return False
        call = g.CALL_FROM_RIGHT.match(line, start)
        if call is None:
            return False
        self.abandon()
        origin = self._records.leader(match.groups(), number, offset)
        self._records.call(call, line[start:], origin, int(Mark.SPLICED))
        self._records.tally.parsed += 1
        return True

    def _bare_calls(self) -> bool:
        """Whether calls without any leader are usual in this file (prose looks like them)."""
        return not self._records.tally.features.keys() & {"pid column", "-ttt", "-tt", "-t"}

    def _rest_of_cut(self, line: bytes, number: int, offset: int) -> bool:
        """Under -z the rest of an interrupted call follows at once, with neither leader nor `resumed`."""
        records = self._records
        cut = records.last_cut
        if cut is None or cut.line != number - 1 or self.held is not None:
            return False
        entry = records.pending.get(cut.tid)
        if entry is None:
            return False
        text = entry.text + line
        call = g.CALL.match(text)
        if call is None or call.group(g.RET + 1) is None:
            return False
        records.complete(call, text, entry, cut._replace(line=number, offset=offset))
        records.tally.continuation += 1
        return True

    def _rest_of_held(self, line: bytes) -> bool:
        """Try the line as the rest of the held call; foreign lines between are skipped."""
        held, records = self.held, self._records
        if held is None or not _COMPLETES.search(line):
            return False
        between = b"".join(text for _, text in held.followers)
        for text in (held.text + line, held.text + between + line, held.text + b" " + line):
            call = g.CALL.match(text)
            if call is None and _COMPLETES_SOON.match(line):
                call = g.CALL_FROM_RIGHT.match(text)
            if call is not None:
                break
        else:
            return False
        self.held = None
        records.call(call, text, held.origin, int(Mark.SPLICED))
        records.tally.parsed += 1
        records.tally.continuation += len(held.followers) + 1
        return True

    def _follow(self, held: HeldCall, line: bytes, number: int) -> None:
        held.followers.append((number, line))
        held.size += len(line)
        if len(held.followers) >= HELD_LINES or held.size > HELD_BYTES:
            self.abandon()

    def abandon(self, at_end: bool = False) -> None:
        """Give up waiting for the rest of the held call: its outcome is unknown."""
        held, records = self.held, self._records
        if held is None:
            return
        self.held = None
        last = at_end and not held.followers
        call = g.BEGUN.match(held.text)
        if call is not None and (held.leader or last or self._only_cut(held.text)):
            records.add_entry(call.groups(), held.text, held.origin, int(Mark.CUT))
            records.tally.parsed += 1
        else:
            why = "cut off in the middle of a call" if at_end else "a call whose end is missing"
            records.problem(why, held.text, number=held.origin.line)
        for number, text in held.followers:
            records.problem("text between the lines of a trace", text, number=number)

    @staticmethod
    def _only_cut(text: bytes) -> bool:
        """Whether text without a leader reads like a call up to its cut: prose like `sleep(1);` does not."""
        return not _CLOSED.match(text) and g.CALL.match(text + b" <unfinished ...>") is not None

    # -- other lines -----------------------------------------------------------

    def _dump(self, line: bytes) -> bool:
        if not g.DUMP.match(line):
            return False
        self._records.tally.saw("-e read/write")
        self._records.tally.continuation += 1
        return True

    def _dressed(self, line: bytes, number: int, offset: int) -> bool:
        """A line with blanks at its end, that mail quoted with `> ` or that a page indented."""
        return self._record(g.QUOTED.sub(b"", line.lstrip()), number, offset)

    def _record_within(self, line: bytes, number: int, offset: int) -> bool:
        """A record behind output that did not end its own line."""
        starts = [match.start() for match in islice(_LEADER_WITHIN.finditer(line), _TRIES)]
        if not starts and self._bare_calls() and _RESULT_WITHIN.search(line):
            starts = [match.start() for match in islice(_CALL_WITHIN.finditer(line), _TRIES)]
        for start in starts:
            rest = line[start:]
            if start and (self._record(rest, number, offset) or self._hold(rest, number, offset)):
                return True
        return False

    def _record(self, line: bytes, number: int, offset: int) -> bool:
        if not self._records.record(line, number, offset):
            return False
        self._records.tally.parsed += 1
        return True


def reason(line: bytes) -> str:
    """Why a line is not part of the trace, as far as it shows."""
    if g.SUMMARY.search(line):
        return "summary table of strace -c"
    if _COMMAND.search(line):
        return "shell command line"
    match = layout.LEADER.match(line + b" x")
    if match is not None and match.end() > len(line) and not line.isdigit():
        return "cut off after its leader"
    if b"resumed>" in line:
        return "resumption that cannot be read"
    if line.startswith(b" > "):
        return "stack frame without a call"
    return "not a line of strace"
