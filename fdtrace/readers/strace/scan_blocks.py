"""The parallel half of the fast scanner: one block of text to raw rows, looking at nothing else.

Rows are written straight into the columns of the window that will be handed
out. What depends on earlier text is left open: whose line it is when it has no
number, days and sums of the clock, calls that began elsewhere, and strings that
were not interned yet (their code is -2 - n for the n-th new string of the block).
`scan_joins` fills these in.
"""

from __future__ import annotations

import numpy as np

from .scan_bytes import (
    BLANK,
    CLASS,
    CLOSE,
    COMMA,
    DIGIT,
    EQUALS,
    FAILED,
    GREATER,
    LESS,
    LOWER,
    MINUS,
    NEWLINE,
    OPEN,
    PLUS,
    QUESTION,
    SLASH,
    UNDERSCORE,
    WORD,
    Bytes,
    Ints,
    at_end,
    compiled,
    decimal,
    digits_end,
    is_a,
    line_end,
    part,
    says,
)
from .scan_call import arguments, first_argument, name_end, note_end
from .scan_columns import (
    CALL,
    CLOCK,
    CODE,
    DURATION,
    EDGE_SHIFT,
    ELAPSED,
    ENTRY,
    ERRNO_CODE,
    EXIT,
    EXITED,
    FD,
    FORM,
    FRAMES,
    FREE,
    FULL,
    KILLED,
    LINE,
    NAMED,
    NEVER,
    NO_RESULT,
    NOTE_CODE,
    ODD,
    OFFSET,
    OWNED,
    RESTARTED,
    RET,
    RET_NOTE,
    ROWS,
    SIGNAL,
    STACK_CODE,
    STAMP_SHIFT,
    START,
    STOP,
    TID,
    TIGHT,
    Flags,
    Kinds,
    Narrow,
    Wide,
)
from .scan_leader import BARE, DELTA, leader
from .scan_result import deleted_end, first_number, result_number, tail
from .scan_strings import ERRNO, NOTE, NOTE_GONE, STACK, SYSCALL, code_of
from .window import ABSENT, NO_FD


@part
def _result(
    buf: Bytes, at: int, r: int, flags: Flags, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, count: Ints,
) -> int:  # fmt: skip
    """Read the result and what stands behind it into row `r`; where the line ends, or FAILED."""
    end, ret = result_number(buf, at)
    if end == FAILED:
        return FAILED
    unknown = buf[at] == QUESTION
    may_fail = unknown or (end == at + 2 and ret == -1)
    note_start, note_stop, kind = np.int64(0), np.int64(0), NOTE
    if buf[end] == LESS:
        if not is_a(buf, end - 1, DIGIT):
            return FAILED
        note_start, note_stop = end + 1, note_end(buf, end)
        if note_stop == FAILED:
            return FAILED
        end = deleted_end(buf, note_stop)
        if end != note_stop:
            kind = NOTE_GONE
    stop, errno_start, errno_stop, duration = tail(buf, end, may_fail)
    if stop == FAILED:
        return FAILED
    narrow[RET_NOTE, r] = -1
    if note_stop:
        narrow[RET_NOTE, r] = code_of(buf, note_start, note_stop - 1, kind, table, arena, seen, misses, count)
    narrow[ERRNO_CODE, r] = -1
    if errno_stop:
        narrow[ERRNO_CODE, r] = code_of(
            buf, errno_start, errno_stop, ERRNO, table, arena, seen, misses, count
        )
    wide[RET, r] = ret
    wide[DURATION, r] = duration
    flags[r] = 0
    if unknown:
        flags[r] = RESTARTED if errno_stop else NO_RESULT
    return stop


@part
def _no_result(r: int, flags: Flags, wide: Wide, narrow: Narrow) -> None:
    narrow[RET_NOTE, r] = -1
    narrow[ERRNO_CODE, r] = -1
    wide[RET, r] = ABSENT
    wide[DURATION, r] = ABSENT
    flags[r] = 0


@part
def _call(
    buf: Bytes, at: int, r: int, kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, count: Ints,
) -> int:  # fmt: skip
    """Read a call, whole or cut, into row `r`; where its line ends, or FAILED."""
    end = name_end(buf, at)
    if buf[end] != OPEN:
        return FAILED
    begin = first_argument(buf, end + 1)
    place, fd = first_number(buf, begin)
    if place == FAILED:
        return FAILED
    note_start, note_stop, kind = np.int64(0), np.int64(0), NOTE
    if buf[place] == LESS and place > begin:
        note_start, note_stop = place + 1, note_end(buf, place)
        if note_stop == FAILED:
            return FAILED
        place = deleted_end(buf, note_stop)
        if place != note_stop:
            kind = NOTE_GONE
    close, result = arguments(buf, place)
    if close == FAILED:
        return FAILED
    wide[START, r] = at
    wide[FD, r] = fd
    narrow[CODE, r] = code_of(buf, at, end, SYSCALL, table, arena, seen, misses, count)
    narrow[NOTE_CODE, r] = -1
    if note_stop:
        narrow[NOTE_CODE, r] = code_of(
            buf, note_start, note_stop - 1, kind, table, arena, seen, misses, count
        )
    if result == 0:
        kinds[r] = ENTRY
        _no_result(r, flags, wide, narrow)
        stop = close - 1 if buf[close - 1] == BLANK else close
        wide[STOP, r] = stop
        c = buf[stop - 1]
        edge = NAMED if stop == end + 1 else FREE if c == COMMA or c == BLANK else TIGHT
        narrow[FORM, r] |= edge << EDGE_SHIFT
        return line_end(buf, close)
    kinds[r] = CALL
    stop = _result(buf, result, r, flags, wide, narrow, table, arena, seen, misses, count)
    if stop == FAILED:
        return FAILED
    wide[STOP, r] = stop
    return line_end(buf, stop)


@part
def _edge_of_rest(c: int) -> int:
    if c == CLOSE or c == COMMA:
        return TIGHT
    if c in (91, 123, 34):  # [ { "
        return NAMED
    return NEVER if c in (BLANK, LESS, EQUALS, SLASH) or c < BLANK else FREE


@part
def _resumed(
    buf: Bytes, at: int, r: int, kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, count: Ints,
) -> int:  # fmt: skip
    """Read `<... name resumed>rest` into row `r`; where its line ends, or FAILED."""
    if not says(buf, at, b"<... "):
        return FAILED
    start = at + 5
    end = name_end(buf, start)
    if end == start or not says(buf, end, b" resumed>"):
        return FAILED
    rest = end + 9
    if buf[rest] == BLANK:
        rest += 1
    edge = _edge_of_rest(buf[rest])
    if edge == NEVER:
        return FAILED
    close, result = arguments(buf, rest)
    if close == FAILED or result == 0:
        return FAILED
    kinds[r] = EXIT
    wide[FD, r] = NO_FD
    narrow[NOTE_CODE, r] = -1
    narrow[CODE, r] = code_of(buf, start, end, SYSCALL, table, arena, seen, misses, count)
    narrow[FORM, r] |= edge << EDGE_SHIFT
    stop = _result(buf, result, r, flags, wide, narrow, table, arena, seen, misses, count)
    if stop == FAILED:
        return FAILED
    wide[START, r] = rest
    wide[STOP, r] = stop
    return line_end(buf, stop)


@part
def _status(buf: Bytes, at: int, r: int, kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow) -> int:
    """Read a signal or the end of a thread into row `r`; where its line ends, or FAILED."""
    _no_result(r, flags, wide, narrow)
    wide[FD, r] = NO_FD
    narrow[NOTE_CODE, r] = -1
    narrow[CODE, r] = -1
    wide[START, r] = 0
    wide[STOP, r] = 0
    if says(buf, at, b"--- "):
        word = at + 15 if says(buf, at + 4, b"stopped by ") else at + 4
        if not says(buf, word, b"SIG") or not is_a(buf, word + 3, WORD):
            return FAILED
        kinds[r] = SIGNAL
        return _plain_end(buf, word)
    if says(buf, at, b"+++ exited with "):
        start = at + 16
        minus = 1 if buf[start] == MINUS else 0
        end = digits_end(buf, start + minus)
        if end == start + minus or end - start > 10 or not says(buf, end, b" +++"):
            return FAILED
        status = decimal(buf, start + minus, end)
        kinds[r] = EXITED
        wide[RET, r] = -status if minus else status
        return _plain_end(buf, end)
    if says(buf, at, b"+++ killed by ") and is_a(buf, at + 14, WORD):
        kinds[r] = KILLED
        return _plain_end(buf, at)
    return FAILED


@part
def _plain_end(buf: Bytes, at: int) -> int:
    """Where a line ends; FAILED when there are characters of control in it."""
    while buf[at] >= BLANK:
        at += 1
    return line_end(buf, at) if at_end(buf, at) else FAILED


@part
def _record(
    buf: Bytes, at: int, r: int, kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, count: Ints,
) -> int:  # fmt: skip
    """Read the line that begins here into row `r`; where it ends, or FAILED."""
    body, pid_form, tid, stamp, time, elapsed = leader(buf, at)
    c = buf[body]
    narrow[FORM, r] = pid_form | stamp << STAMP_SHIFT
    if (CLASS[c] & LOWER) != 0 or c == UNDERSCORE or c == QUESTION:
        end = _call(buf, body, r, kinds, flags, wide, narrow, table, arena, seen, misses, count)
    elif c == LESS:
        end = _resumed(buf, body, r, kinds, flags, wide, narrow, table, arena, seen, misses, count)
    elif c == PLUS or c == MINUS:
        end = _status(buf, body, r, kinds, flags, wide, narrow)
    else:
        end = FAILED
    if end == FAILED or (pid_form == BARE and tid == 0) or count[FULL]:
        count[FULL] = 0
        return FAILED
    narrow[TID, r] = tid
    wide[CLOCK, r] = ABSENT if stamp == 0 or stamp == DELTA else time
    wide[ELAPSED, r] = elapsed
    return end


@part
def _frame_end(buf: Bytes, at: int) -> int:
    """Where a stack frame ends, without carriage returns; FAILED with characters of control."""
    while buf[at] >= BLANK:
        at += 1
    return at if buf[at] == NEWLINE else FAILED


@compiled
def scan_block(
    buf: Bytes, stop: int, line: int, offset: int, longest: int,
    kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, count: Ints,
) -> None:  # fmt: skip
    """Rows of the lines up to a place; `offset` and `line` are those of the buffer's begin.

    Lines that only the line scanner can judge are one odd row for as many as
    follow each other; what follows it in the buffer up to the next row is its.
    """
    r, at = np.int64(0), np.int64(0)
    count[:] = 0
    seen[:] = -1
    while at < stop:
        frame = r > 0 and buf[at] == BLANK and buf[at + 1] == GREATER and buf[at + 2] == BLANK
        if frame:
            if (narrow[FORM, r - 1] & ODD) == 0:
                at, line = _frames(
                    buf, at, stop, line, r - 1, wide, narrow, table, arena, seen, misses, count
                )
                continue
            r = _with_owner(r, narrow)
            end = FAILED
        else:
            end = _record(buf, at, r, kinds, flags, wide, narrow, table, arena, seen, misses, count)
            if end - at > longest:
                end = FAILED
        if end != FAILED or r == 0 or (narrow[FORM, r - 1] & ODD) == 0:
            wide[LINE, r] = line
            wide[OFFSET, r] = at + offset
            narrow[FRAMES, r] = 0
            narrow[STACK_CODE, r] = -1
            if end == FAILED:
                narrow[FORM, r] = ODD
            r += 1
        at = (line_end(buf, at) if end == FAILED else end) + 1
        line += 1
    count[ROWS] = r


@part
def _with_owner(r: int, narrow: Narrow) -> int:
    """A frame behind odd lines: the row that it may belong to becomes odd as well, and one with them."""
    if narrow[FORM, r - 1] & OWNED or r < 2:
        return r
    narrow[FORM, r - 2] = ODD | OWNED
    return r - 1


@part
def _frames(
    buf: Bytes, at: int, stop: int, line: int, r: int, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, count: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Read the frames that begin here for row `r`; the place and number of the line behind them."""
    first = at + 3
    frames = 0
    end = at
    while at < stop and buf[at] == BLANK and buf[at + 1] == GREATER and buf[at + 2] == BLANK:
        end = _frame_end(buf, at + 3)
        if end == FAILED:
            narrow[FORM, r] = ODD | OWNED
            return at, line + frames
        at = end + 1
        frames += 1
    narrow[STACK_CODE, r] = code_of(buf, first, end, STACK, table, arena, seen, misses, count)
    narrow[FRAMES, r] = frames
    return at, line + frames


@compiled
def count_lines(buf: Bytes, stop: int) -> int:
    """How many lines end before a place."""
    count = 0
    for i in range(stop):
        count += buf[i] == NEWLINE
    return count


@compiled
def newline_before(buf: Bytes, stop: int) -> int:
    """Where the last whole line ends, behind its newline; 0 without one."""
    while stop > 0 and buf[stop - 1] != NEWLINE:
        stop -= 1
    return stop


@compiled
def last_row(
    buf: Bytes, stop: int, kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, count: Ints,
) -> int:  # fmt: skip
    """Where the last line begins that is certainly a record; FAILED without one behind the first line."""
    at = stop
    count[:] = 0
    seen[:] = -1
    while at > 0:
        at -= 1
        while at > 0 and buf[at - 1] != NEWLINE:
            at -= 1
        if (
            at > 0
            and _record(buf, at, 0, kinds, flags, wide, narrow, table, arena, seen, misses, count) != FAILED
        ):
            return at
    return FAILED
