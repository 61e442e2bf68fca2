"""Lines that are not whole records: strace's own messages, spliced output, cut calls.

Without `-o`, strace's messages and the program's own output land in the middle
of a line and end it with a newline of their own:

    clone(child_stack=NULL, flags=SIGCHLDstrace: Process 21297 attached
     <unfinished ...>
    write(1, "hi\\n", 3hi
    )         = 3

A call that ends before its result is held; the lines after it are tried as its
rest until a whole record comes. What helps nobody is a problem row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import grammar as g
from . import layout
from .window import ABSENT, NO_FD, Mark, Row

if TYPE_CHECKING:
    from .lines import LineScanner

HELD_LINES = 400
HELD_BYTES = 1 << 20
"""How much foreign text is looked through for the rest of a call."""

_RECORD_WITHIN = re.compile(
    rb"(?:\[pid +\d+(?:<[^>]*>)?\] |(?<![\d.:])\d{1,8} +\d\d:\d\d:\d\d|(?<![\d.:])\d{1,8} +\d{9,11}\.\d)"
)
_CALL_WITHIN = re.compile(rb"[a-z_]\w*\([^()]*.*\)\s+= (?:-?\d|0x|\?)")
_COMMAND = re.compile(rb"^\S*[$#%>] (?:sudo )?\S*strace ")


def salvage(scanner: LineScanner, line: bytes, number: int, offset: int, cut: int | None) -> None:
    """Find a use for a line that is no record as it stands, or note why there is none.

    `cut` is the thread whose call was cut on the line before, if one was.
    """
    if line.startswith(b"\0"):
        line = line.lstrip(b"\0")
    bare = g.COLOUR.sub(b"", line) if b"\x1b" in line else line
    if not bare.strip():
        scanner.tally.blank += 1
        return
    if bare is not line or line.endswith(b" "):
        bare = bare.rstrip(b" \r")
    if _record(scanner, bare, number, offset):
        return
    if _message(scanner, bare, number, offset):
        return
    if cut is not None and scanner.held is None and _rest_of_cut(scanner, cut, bare, number, offset):
        return
    if scanner.held is not None and _rest_of_held(scanner, bare, number):
        return
    if _dump_or_frame(scanner, bare) or _quoted(scanner, bare, number, offset):
        return
    if _hold(scanner, bare, number, offset) or _record_within(scanner, bare, number, offset):
        return
    if scanner.held is not None:
        _follow(scanner, bare, number)
        return
    scanner.problem(reason(bare), bare, number=number)


def _record(scanner: LineScanner, line: bytes, number: int, offset: int) -> bool:
    """A record after all, once its colours are off; a held call ends where one begins."""
    return scanner.record(line, number, offset)


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


def _message(scanner: LineScanner, line: bytes, number: int, offset: int) -> bool:
    match = g.MESSAGE.search(line)
    if match is None:
        if g.OTHER_MESSAGE.match(line) and scanner.held is None:
            scanner.tally.parsed += 1
            return True
        return False
    before = line[: match.start()]
    if before.endswith(b"^C"):
        before = before[:-2]
    held = bool(before.strip()) and _hold(scanner, before, number, offset, spliced=True)
    tid = int(match.group(1))
    attached = match.group(2) == b"attached"
    if attached:
        _attached(scanner, tid, at_start=not held)
    kind = Row.ATTACHED if attached else Row.DETACHED
    scanner.add(kind, tid, ABSENT, number, offset, ret=int(match.group(3) or 0))
    if not held:
        scanner.tally.parsed += 1
    return True


def _attached(scanner: LineScanner, tid: int, at_start: bool) -> None:
    tracees = scanner.tracees
    if at_start and scanner.tally.calls == 0 and scanner.held is None and tracees.first == 0:
        tracees.replace_first(tid)
    tracees.attached(tid)


def _dump_or_frame(scanner: LineScanner, line: bytes) -> bool:
    if g.DUMP.match(line):
        scanner.tally.saw("-e read/write")
        scanner.tally.continuation += 1
        return True
    return False


def _quoted(scanner: LineScanner, line: bytes, number: int, offset: int) -> bool:
    """A line that mail quoted with `> ` or that a page indented."""
    bare = g.QUOTED.sub(b"", line.lstrip())
    return bare != line and scanner.record(bare, number, offset)


def _hold(scanner: LineScanner, line: bytes, number: int, offset: int, spliced: bool = False) -> bool:
    """Hold a call that stops before its result."""
    match = layout.LEADER.match(line)
    assert match is not None  # every part is optional
    if not g.OPEN_CALL.match(line, match.end()):
        return False
    if not match.end() and not spliced and not _bare_calls(scanner):
        return False
    abandon(scanner)
    from .lines import HeldCall

    tid, clock = scanner.leader(match.groups())
    scanner.held = HeldCall(line[match.end() :], tid, clock, number, offset)
    return True


def _bare_calls(scanner: LineScanner) -> bool:
    """Whether calls without any leader are usual in this file (prose looks like them)."""
    features = scanner.tally.features
    return not ("pid column" in features or "-ttt" in features or "-tt" in features or "-t" in features)


def _rest_of_cut(scanner: LineScanner, tid: int, line: bytes, number: int, offset: int) -> bool:
    """Under -z the rest of an interrupted call follows at once, with neither leader nor `resumed`."""
    entry = scanner.pending.get(tid)
    if entry is None:
        return False
    text = entry[0] + line
    call = g.CALL.match(text)
    if call is None or call.group(g.RET + 1) is None:
        return False
    del scanner.pending[tid]
    scanner.complete(call, text, entry, (tid, entry[7], number, offset, 0))
    scanner.tally.continuation += 1
    return True


def _rest_of_held(scanner: LineScanner, line: bytes, number: int) -> bool:
    """Try the line as the rest of the held call; foreign lines between are skipped."""
    held = scanner.held
    assert held is not None
    between = b"".join(text for _, text in held.followers)
    for text in (held.text + line, held.text + between + line, held.text + b" " + line):
        call = g.CALL.match(text)
        if call is None and re.match(rb"^.{0,4096}?\)\s*= ", line):
            call = g.CALL_FROM_RIGHT.match(text)
        if call is not None:
            break
    else:
        return False
    scanner.held = None
    scanner.call(call, text, held.tid, held.clock, held.line, held.offset, flags=int(Mark.SPLICED))
    scanner.tally.parsed += 1
    scanner.tally.continuation += len(held.followers) + 1
    return True


def _follow(scanner: LineScanner, line: bytes, number: int) -> None:
    held = scanner.held
    assert held is not None
    held.followers.append((number, line))
    held.size += len(line)
    if len(held.followers) >= HELD_LINES or held.size > HELD_BYTES:
        abandon(scanner)


def abandon(scanner: LineScanner, at_end: bool = False) -> None:
    """Give up waiting for the rest of the held call: its outcome is unknown."""
    held = scanner.held
    if held is None:
        return
    scanner.held = None
    call = g.CALL.match(held.text + b" <unfinished ...>")
    if call is not None:
        fields = call.groups()
        fd, note = scanner._first(fields)
        code = scanner.scan.syscalls.code(fields[g.NAME])
        row = (Row.ENTRY, held.tid, held.clock, code, fd, note, ABSENT, -1, -1, ABSENT, int(Mark.CUT))
        where = (scanner.tally.calls, held.line, held.offset, held.line, held.offset, held.clock)
        scanner._add(row, where, held.text)
        scanner.tally.calls += 1
        scanner.tally.parsed += 1
    else:
        why = "cut off in the middle of a call" if at_end else "a call whose end is missing"
        scanner.problem(why, held.text, number=held.line)
    for number, text in held.followers:
        scanner.problem("text between the lines of a trace", text, number=number)


def _record_within(scanner: LineScanner, line: bytes, number: int, offset: int) -> bool:
    """A record behind output that did not end its own line."""
    match = _RECORD_WITHIN.search(line)
    if match is None and _bare_calls(scanner):
        match = _CALL_WITHIN.search(line)
    if match is None or match.start() == 0:
        return False
    return scanner.record(line[match.start() :], number, offset)


__all__ = ["NO_FD", "abandon", "reason", "salvage"]
