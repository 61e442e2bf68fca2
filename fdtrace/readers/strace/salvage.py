"""Lines that are not whole records: strace's own messages, spliced output, cut calls.

Without `-o`, strace's messages and the program's own output land in the middle
of a line and end it with a newline of their own:

    clone(child_stack=NULL, flags=SIGCHLDstrace: Process 21297 attached
     <unfinished ...>
    write(1, "hi\\n", 3hi
    )         = 3

A call that ends before its result is held; the lines after it are tried as its
rest until a whole record comes. What is of no use is a problem row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import grammar as g
from . import layout
from .window import Mark, Row

if TYPE_CHECKING:
    from .lines import LineScanner, Origin

HELD_LINES = 400
HELD_BYTES = 1 << 20
"""How much foreign text is looked through for the rest of a call."""

_RECORD_WITHIN = re.compile(
    rb"(?:\[pid +\d+(?:<[^>]*>)?\] |(?<![\d.:])\d{1,8} +\d\d:\d\d:\d\d|(?<![\d.:])\d{1,8} +\d{9,11}\.\d)"
)
_CALL_WITHIN = re.compile(rb"[a-z_]\w*\([^()]*.*\)\s+= (?:-?\d|0x|\?)")
_COMMAND = re.compile(rb"^\S*[$#%>] (?:sudo )?\S*strace ")
_COMPLETES = re.compile(rb"\)\s*= |^\s*= (?:-?\d|\?)|<(?:unfinished|detached) \.\.\.>$")
_COMPLETES_SOON = re.compile(rb"^.{0,4096}?\)\s*= ")


class HeldCall:
    """A call whose line ended before its result; the rest may follow after foreign text."""

    __slots__ = ("followers", "origin", "size", "text")

    def __init__(self, text: bytes, origin: Origin) -> None:
        self.text = text
        self.origin = origin
        self.followers: list[tuple[int, bytes]] = []
        self.size = 0


class Salvager:
    """Finds a use for the lines of one file that are no records as they stand."""

    def __init__(self, scanner: LineScanner) -> None:
        self.held: HeldCall | None = None
        self._scanner = scanner

    def take(self, line: bytes, number: int, offset: int) -> None:
        """Account for a line: as a record after all, a part of one, a message, blank, or a problem."""
        line = line.rstrip(b" ") if line.endswith(b" ") else line
        if not line.strip():
            self._scanner.tally.blank += 1
        elif self._message(line, number, offset) or self._rest_of_cut(line, number):
            return
        elif self.held is not None and self._rest_of_held(line):
            return
        elif self._dump(line) or self._dressed(line, number, offset):
            return
        elif self._hold(line, number, offset) or self._record_within(line, number, offset):
            return
        elif self.held is not None:
            self._follow(self.held, line, number)
        else:
            self._scanner.problem(reason(line), line, number=number)

    # -- strace's own messages -------------------------------------------------

    def _message(self, line: bytes, number: int, offset: int) -> bool:
        match = g.MESSAGE.search(line)
        if match is None:
            if self.held is None and g.OTHER_MESSAGE.match(line):
                self._scanner.tally.parsed += 1
                return True
            return False
        before = line[: match.start()].removesuffix(b"^C")
        held = bool(before.strip()) and self._hold(before, number, offset, spliced=True)
        self._told(match, number, offset, at_start=not held)
        if not held:
            self._scanner.tally.parsed += 1
        return True

    def _told(self, match: g.Match, number: int, offset: int, at_start: bool) -> None:
        """Strace attached to a task or left it."""
        scanner = self._scanner
        tid = int(match.group(1))
        attached = match.group(2) == b"attached"
        if attached:
            tracees = scanner.tracees
            if at_start and not scanner.tally.calls and self.held is None and tracees.first == 0:
                tracees.replace_first(tid)
            tracees.attached(tid)
        kind = Row.ATTACHED if attached else Row.DETACHED
        scanner.tell(kind, tid, number, offset, int(match.group(3) or 0))

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
        origin = self._scanner.leader(match.groups(), number, offset)
        self.held = HeldCall(line[match.end() :], origin)
        return True

    def _bare_calls(self) -> bool:
        """Whether calls without any leader are usual in this file (prose looks like them)."""
        return not self._scanner.tally.features.keys() & {"pid column", "-ttt", "-tt", "-t"}

    def _rest_of_cut(self, line: bytes, number: int) -> bool:
        """Under -z the rest of an interrupted call follows at once, with neither leader nor `resumed`."""
        scanner = self._scanner
        cut = scanner.last_cut
        if cut is None or cut.line != number - 1 or self.held is not None:
            return False
        entry = scanner.pending.get(cut.tid)
        if entry is None:
            return False
        text = entry.text + line
        call = g.CALL.match(text)
        if call is None or call.group(g.RET + 1) is None:
            return False
        scanner.complete(call, text, entry, cut)
        scanner.tally.continuation += 1
        return True

    def _rest_of_held(self, line: bytes) -> bool:
        """Try the line as the rest of the held call; foreign lines between are skipped."""
        held, scanner = self.held, self._scanner
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
        scanner.call(call, text, held.origin, int(Mark.SPLICED))
        scanner.tally.parsed += 1
        scanner.tally.continuation += len(held.followers) + 1
        return True

    def _follow(self, held: HeldCall, line: bytes, number: int) -> None:
        held.followers.append((number, line))
        held.size += len(line)
        if len(held.followers) >= HELD_LINES or held.size > HELD_BYTES:
            self.abandon()

    def abandon(self, at_end: bool = False) -> None:
        """Give up waiting for the rest of the held call: its outcome is unknown."""
        held, scanner = self.held, self._scanner
        if held is None:
            return
        self.held = None
        call = g.CALL.match(held.text + b" <unfinished ...>")
        if call is not None:
            scanner.add_entry(call.groups(), held.text, held.origin, int(Mark.CUT))
            scanner.tally.parsed += 1
        else:
            why = "cut off in the middle of a call" if at_end else "a call whose end is missing"
            scanner.problem(why, held.text, number=held.origin.line)
        for number, text in held.followers:
            scanner.problem("text between the lines of a trace", text, number=number)

    # -- other lines -----------------------------------------------------------

    def _dump(self, line: bytes) -> bool:
        if not g.DUMP.match(line):
            return False
        self._scanner.tally.saw("-e read/write")
        self._scanner.tally.continuation += 1
        return True

    def _dressed(self, line: bytes, number: int, offset: int) -> bool:
        """A line with blanks at its end, that mail quoted with `> ` or that a page indented."""
        return self._record(g.QUOTED.sub(b"", line.lstrip()), number, offset)

    def _record_within(self, line: bytes, number: int, offset: int) -> bool:
        """A record behind output that did not end its own line."""
        match = _RECORD_WITHIN.search(line)
        if match is None and self._bare_calls():
            match = _CALL_WITHIN.search(line)
        return match is not None and match.start() > 0 and self._record(line[match.start() :], number, offset)

    def _record(self, line: bytes, number: int, offset: int) -> bool:
        if not self._scanner.record(line, number, offset):
            return False
        self._scanner.tally.parsed += 1
        return True


def reason(line: bytes) -> str:
    """Why a line is not part of the trace, as far as it shows."""
    if g.SUMMARY.search(line):
        return "summary table of strace -c"
    if _COMMAND.search(line):
        return "shell command line"
    match = layout.LEADER.match(line)
    if match is not None and match.end() and match.end() >= len(line.rstrip()):
        return "cut off after its leader"
    if b"resumed>" in line:
        return "resumption that cannot be read"
    if line.startswith(b" > "):
        return "stack frame without a call"
    return "not a line of strace"
