"""The quick way for the lines that most captures consist of.

Whole calls, entries (`<unfinished ...>`) and exits (`<... read resumed>`) with a
thread number and a time or less before them are read by one expression. Every
column is as :meth:`Records.record` would fill it, which also takes what is not
taken here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import grammar as g
from . import layout, values
from .rows import Entry, Origin
from .tracees import UNKNOWN
from .window import ABSENT, NO_FD, Row

if TYPE_CHECKING:
    from .records import Records

_CALL, _ENTRY, _EXIT = int(Row.CALL), int(Row.ENTRY), int(Row.EXIT)


def take(records: Records, line: bytes, number: int, offset: int) -> bool:
    """Take a call of the common form, whole or as far as it went; False leaves everything as it was."""
    match = g.COMMON.match(line)
    if match is None:
        return _resumed(records, line, number, offset)
    pid, bracketed, epoch, day, name, fd, note, gone, *result, cut = match.groups()
    tally, scan = records.tally, records.scan
    if (tally.first == ABSENT and (epoch or day)) or not _is_plain(result):
        return False
    if records.salvager.held is not None:
        records.salvager.abandon()
    tid = records.who(pid, bracketed, number, offset)
    clock = _clock(records, epoch, day)
    code = scan.syscalls.code(name)
    fd = NO_FD if fd is None else values.first_number(fd)
    first = -1 if note is None else values.note(scan, note, gone)
    seq = tally.calls
    tally.calls = seq + 1
    start = match.start(g.COMMON_NAME)
    if cut is not None:
        text = line[start : match.start(g.COMMON_CUT)].removesuffix(b" ")
        records.wait(Entry(text, code, fd, first, seq, Origin(tid, clock, number, offset)))
        entry = (_ENTRY, tid, clock, code, fd, first, ABSENT, -1, -1, ABSENT, 0)
        records.rows.add((*entry, seq, number, offset, number, offset, clock), text, scan.stacks)
        return True
    ret, *rest = _result(records, result)
    row = (_CALL, tid, clock, code, fd, first, ret, *rest)
    text = line[start:] if start else line
    records.rows.add((*row, seq, number, offset, number, offset, clock), text, scan.stacks)
    records.heard(name, tid, clock, number, offset, ret)
    return True


def _resumed(records: Records, line: bytes, number: int, offset: int) -> bool:
    """Take the second half of a call whose first half is known."""
    match = g.COMMON_RESUMED.match(line)
    pending = records.pending
    if match is None or records.salvager.held is not None:
        return False
    pid, bracketed, epoch, day, name, rest = match.groups()
    if (records.tally.first == ABSENT and (epoch or day)) or (bracketed and UNKNOWN in pending):
        return False
    scan = records.scan
    tid = int(pid or bracketed) if pid or bracketed else records.tracees.unprefixed()
    entry = pending.get(tid)
    if entry is None or scan.syscalls[entry.code] != name:
        return False
    text = entry.text + rest
    call = g.COMMON.match(text)  # it has no leader
    if call is None:
        return False
    fd, note, gone, *result, cut = call.groups()[g.COMMON_NAME :]
    if cut is not None or not _is_plain(result):
        return False
    tid = records.who(pid, bracketed, number, offset)
    clock = _clock(records, epoch, day)
    del pending[tid]
    fd = NO_FD if fd is None else values.first_number(fd)
    first = -1 if note is None else values.note(scan, note, gone)
    ret, *more = _result(records, result)
    row = (_EXIT, tid, clock, entry.code, fd, first, ret, *more)
    begun = entry.origin
    place = (entry.seq, number, offset, begun.line, begun.offset, begun.clock)
    records.rows.add((*row, *place), text, scan.stacks)
    records.heard(name, tid, clock, number, offset, ret)
    return True


def _is_plain(result: list[Any]) -> bool:
    """Whether an error stands behind -1 only: elsewhere it is something else."""
    return result[3] is None or result[0] == b"-1"


def _clock(records: Records, epoch: bytes | None, day: bytes | None) -> int:
    clock = records.clock.read(epoch, day, None)
    if clock > records.tally.last:
        records.tally.last = clock
    return clock


def _result(records: Records, result: list[Any]) -> tuple[int, int, int, int, int]:
    """The columns ret, ret_note, errno, duration and flags."""
    printed, note, gone, error, time = result
    scan = records.scan
    duration = ABSENT
    if time is not None:
        duration = layout.nanoseconds(time)
        records.saw_durations = True
    return (
        values.number(printed),
        -1 if note is None else values.note(scan, note, gone),
        -1 if error is None else scan.errnos.code(error),
        duration,
        0,
    )
