"""The parallel half of the fast scanner: one block of text to raw rows, looking at nothing else.

A row is read onto the desk of its block and written from there into the columns of
the window that will be handed out. What depends on earlier text is left open: whose
line it is when it has no number, days and sums of the clock, the number of its line,
calls that began elsewhere, and strings that were not interned yet (their code is
-2 - n for the n-th new string of the block). `scan_joins` fills these in.
"""

from __future__ import annotations

from ...machine_code import compiled, part
from ...machine_code.memory import address, byte, load, saying, store
from .scan_bytes import (
    BLANK,
    BRACE,
    CLOSE,
    COMMA,
    DIGIT,
    EQUALS,
    FAILED,
    LEFT,
    LESS,
    LOWER,
    MINUS,
    NEWLINE,
    OPEN,
    PLUS,
    QUESTION,
    QUOTE,
    SLASH,
    UNDERSCORE,
    WORD,
    Bytes,
    Ints,
    Text,
    at_end,
    belongs,
    is_a,
    line_end,
    name_end,
    number,
    printed_end,
)
from .scan_call import arguments, first_argument, note_end
from .scan_columns import (
    ARENA,
    AT,
    CALL,
    CLOCK,
    CODE,
    DURATION,
    EDGE_SHIFT,
    ELAPSED,
    ENTRY,
    ERA,
    ERRNO_CODE,
    EXIT,
    EXITED,
    FD,
    FLAG,
    FORM,
    FRAMES,
    FREE,
    FULL,
    IN_NARROW,
    IN_WIDE,
    KILLED,
    KIND,
    LINE,
    LINES,
    MASK,
    MISSES,
    NAMED,
    NEVER,
    NEW,
    NO_RESULT,
    NOTE_CODE,
    ODD,
    OFFSET,
    OWNED,
    RESTARTED,
    RET,
    RET_NOTE,
    ROOM,
    ROWS,
    SEEN,
    SEEN_MASK,
    SIGNAL,
    STACK_CODE,
    STAMP_SHIFT,
    START,
    STOP,
    TABLE,
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

_says_rest_of, _says_resumed = saying(b"<... "), saying(b" resumed>")
_says_signal, _says_stopped, _says_sig = saying(b"--- "), saying(b"stopped by "), saying(b"SIG")
_says_exited, _says_plus = saying(b"+++ exited with "), saying(b" +++")
_says_killed = saying(b"+++ killed by ")
_says_frame, _says_becomes = saying(b" > "), saying(b"=> ")


# -- what lies on the desk -------------------------------------------------------


@part
def _put(desk: int, column: int, value: int) -> None:
    """Set a wide column of the row that is being read."""
    store(desk, IN_WIDE + column, value)


@part
def _put_code(desk: int, column: int, value: int) -> None:
    """Set a narrow column of the row that is being read."""
    store(desk, IN_NARROW + column, value)


@part
def _put_edge(desk: int, edge: int) -> None:
    """Note how the text of a cut call ends, or that of a resumed one begins."""
    store(desk, IN_NARROW + FORM, load(desk, IN_NARROW + FORM) | edge << EDGE_SHIFT)


@part
def _nothing_first(desk: int) -> None:
    """The row says of no descriptor."""
    _put(desk, FD, NO_FD)
    _put_code(desk, NOTE_CODE, -1)


@part
def _no_result(desk: int) -> None:
    _put_code(desk, RET_NOTE, -1)
    _put_code(desk, ERRNO_CODE, -1)
    _put(desk, RET, ABSENT)
    _put(desk, DURATION, ABSENT)


# -- lines -----------------------------------------------------------------------


@part
def _note(buf: Text, at: int, column: int, desk: int) -> int:
    """Read the annotation whose bracket opens here; where it ends, or FAILED."""
    stop = note_end(buf, at)
    if stop == FAILED:
        return FAILED
    end = deleted_end(buf, stop)
    _put_code(desk, column, code_of(buf, at + 1, stop - 1, NOTE if end == stop else NOTE_GONE, desk))
    return end


@part
def _result(buf: Text, at: int, desk: int) -> int:
    """Read the result and what stands behind it; where the line ends, or FAILED."""
    end, ret = result_number(buf, at)
    if end == FAILED:
        return FAILED
    unknown = byte(buf, at) == QUESTION
    may_fail = unknown or (end == at + 2 and ret == -1)
    _put_code(desk, RET_NOTE, -1)
    if byte(buf, end) == LESS:
        if not is_a(buf, end - 1, DIGIT):
            return FAILED
        end = _note(buf, end, RET_NOTE, desk)
        if end == FAILED:
            return FAILED
    stop, errno_start, errno_stop, duration = tail(buf, end, may_fail)
    if stop == FAILED:
        return FAILED
    _put_code(desk, ERRNO_CODE, -1)
    if errno_stop:
        _put_code(desk, ERRNO_CODE, code_of(buf, errno_start, errno_stop, ERRNO, desk))
    _put(desk, RET, ret)
    _put(desk, DURATION, duration)
    if unknown:
        store(desk, FLAG, RESTARTED if errno_stop else NO_RESULT)
    return stop


@part
def _call(buf: Text, at: int, desk: int) -> int:
    """Read a call, whole or cut; where its line ends, or FAILED."""
    end = name_end(buf, at)
    if byte(buf, end) != OPEN:
        return FAILED
    begin = first_argument(buf, end + 1)
    place, fd = first_number(buf, begin)
    if place == FAILED:
        return FAILED
    _put_code(desk, NOTE_CODE, -1)
    if byte(buf, place) == LESS and place > begin:
        place = _note(buf, place, NOTE_CODE, desk)
        if place == FAILED:
            return FAILED
    close, result = arguments(buf, place)
    if close == FAILED:
        return FAILED
    _put(desk, START, at)
    _put(desk, FD, fd)
    _put_code(desk, CODE, code_of(buf, at, end, SYSCALL, desk))
    if result == 0:
        store(desk, KIND, ENTRY)
        _no_result(desk)
        stop = close - 1 if byte(buf, close - 1) == BLANK else close
        _put(desk, STOP, stop)
        c = byte(buf, stop - 1)
        _put_edge(desk, NAMED if stop == end + 1 else FREE if c == COMMA or c == BLANK else TIGHT)
        return line_end(buf, close)
    store(desk, KIND, CALL)
    stop = _result(buf, result, desk)
    if stop == FAILED:
        return FAILED
    _put(desk, STOP, stop)
    return line_end(buf, stop)


@part
def _edge_of_rest(buf: Text, at: int) -> int:
    c = byte(buf, at)
    if c == CLOSE or c == COMMA or _says_becomes(buf, at):
        return TIGHT
    if c in (LEFT, BRACE, QUOTE):
        return NAMED
    return NEVER if c in (BLANK, LESS, EQUALS, SLASH) or c < BLANK else FREE


@part
def _resumed(buf: Text, at: int, desk: int) -> int:
    """Read `<... name resumed>rest`; where its line ends, or FAILED."""
    if not _says_rest_of(buf, at):
        return FAILED
    start = at + 5
    end = name_end(buf, start)
    if end == start or not _says_resumed(buf, end):
        return FAILED
    rest = end + 9
    if byte(buf, rest) == BLANK:
        rest += 1
    edge = _edge_of_rest(buf, rest)
    if edge == NEVER:
        return FAILED
    close, result = arguments(buf, rest)
    if close == FAILED or result == 0:
        return FAILED
    store(desk, KIND, EXIT)
    _nothing_first(desk)
    _put_code(desk, CODE, code_of(buf, start, end, SYSCALL, desk))
    _put_edge(desk, edge)
    stop = _result(buf, result, desk)
    if stop == FAILED:
        return FAILED
    _put(desk, START, rest)
    _put(desk, STOP, stop)
    return line_end(buf, stop)


@part
def _status(buf: Text, at: int, desk: int) -> int:
    """Read a signal or the end of a thread; where its line ends, or FAILED."""
    _no_result(desk)
    _nothing_first(desk)
    _put_code(desk, CODE, -1)
    _put(desk, START, 0)
    _put(desk, STOP, 0)
    if _says_signal(buf, at):
        name = at + 15 if _says_stopped(buf, at + 4) else at + 4
        if not _says_sig(buf, name) or not is_a(buf, name + 3, WORD):
            return FAILED
        store(desk, KIND, SIGNAL)
        return _plain_end(buf, name)
    if _says_exited(buf, at):
        start = at + 16
        minus = 1 if byte(buf, start) == MINUS else 0
        end, status = number(buf, start + minus)
        if end == start + minus or end - start > 10 or not _says_plus(buf, end):
            return FAILED
        store(desk, KIND, EXITED)
        _put(desk, RET, -status if minus else status)
        return _plain_end(buf, end)
    if _says_killed(buf, at) and is_a(buf, at + 14, WORD):
        store(desk, KIND, KILLED)
        return _plain_end(buf, at)
    return FAILED


@part
def _plain_end(buf: Text, at: int) -> int:
    """Where a line ends; FAILED when there are characters of control in it."""
    at = printed_end(buf, at)
    return line_end(buf, at) if at_end(buf, at) else FAILED


@part
def _record(buf: Text, at: int, desk: int) -> int:
    """Read the line that begins here onto the desk; where it ends, or FAILED."""
    body, pid_form, tid, stamp, time, elapsed = leader(buf, at)
    c = byte(buf, body)
    _put_code(desk, FORM, pid_form | stamp << STAMP_SHIFT)
    store(desk, FLAG, 0)
    if belongs(c, LOWER) or c == UNDERSCORE or c == QUESTION:
        end = _call(buf, body, desk)
    elif c == LESS:
        end = _resumed(buf, body, desk)
    elif c == PLUS or c == MINUS:
        end = _status(buf, body, desk)
    else:
        end = FAILED
    if end == FAILED or (pid_form == BARE and tid == 0) or load(desk, FULL):
        store(desk, FULL, 0)
        return FAILED
    _put_code(desk, TID, tid)
    _put(desk, CLOCK, ABSENT if stamp == 0 or stamp == DELTA else time)
    _put(desk, ELAPSED, elapsed)
    return end


# -- blocks ----------------------------------------------------------------------


@compiled
def scan_block(
    text: Bytes, stop: int, offset: int, longest: int,
    kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow,
    table: Ints, arena: Bytes, seen: Ints, misses: Ints, own: Ints,
) -> None:  # fmt: skip
    """Go on with the rows of the lines before `stop`, as long as there is room for them.

    `offset` is that of the text's begin, `own` the desk. Lines that only the line scanner can judge
    are one odd row for as many as follow each other; what follows it up to the next row is its.
    """
    buf, desk = address(text), address(own)
    _lay_out(table, arena, seen, misses, own)
    r, at, line = own[ROWS], own[AT], own[LINES]
    while at < stop and r < kinds.shape[0]:
        if r > 0 and _says_frame(buf, at):
            if (narrow[FORM, r - 1] & ODD) == 0:
                at, line = _frames(buf, at, stop, line, r - 1, narrow, desk)
                continue
            r = _with_owner(r, narrow)
            end = FAILED
        else:
            end = _record(buf, at, desk)
            if end - at > longest:
                end = FAILED
        if end != FAILED:
            _write(r, kinds, flags, wide, narrow, desk)
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
    own[ROWS], own[AT], own[LINES] = r, at, line


@part
def _lay_out(table: Ints, arena: Bytes, seen: Ints, misses: Ints, own: Ints) -> None:
    """Put on the desk where everything stands; a block that begins has no strings of its own."""
    own[TABLE], own[MASK], own[ARENA] = address(table), table.shape[0] - 1, address(arena)
    own[SEEN], own[SEEN_MASK] = address(seen), seen.shape[0] - 1
    own[NEW], own[ROOM] = address(misses), misses.shape[0]
    if own[AT] == 0:
        own[MISSES] = 0
        own[ERA] += 1


@part
def _write(r: int, kinds: Kinds, flags: Flags, wide: Wide, narrow: Narrow, desk: int) -> None:
    """Write the row that lies on the desk into the columns."""
    kinds[r] = load(desk, KIND)
    flags[r] = load(desk, FLAG)
    for column in (CLOCK, FD, RET, DURATION, START, STOP, ELAPSED):
        wide[column, r] = load(desk, IN_WIDE + column)
    for column in (TID, CODE, NOTE_CODE, RET_NOTE, ERRNO_CODE, FORM):
        narrow[column, r] = load(desk, IN_NARROW + column)


@part
def _with_owner(r: int, narrow: Narrow) -> int:
    """A frame behind odd lines: the row that it may belong to becomes odd as well, and one with them."""
    if narrow[FORM, r - 1] & OWNED or r < 2:
        return r
    narrow[FORM, r - 2] = ODD | OWNED
    return r - 1


@part
def _frames(buf: Text, at: int, stop: int, line: int, r: int, narrow: Narrow, desk: int) -> tuple[int, int]:
    """Read the frames that begin here for row `r`; the place and number of the line behind them."""
    first = at + 3
    frames = 0
    end = at
    while at < stop and _says_frame(buf, at):
        end = printed_end(buf, at + 3)
        if byte(buf, end) != NEWLINE:
            narrow[FORM, r] = ODD | OWNED
            return at, line + frames
        at = end + 1
        frames += 1
    narrow[STACK_CODE, r] = code_of(buf, first, end, STACK, desk)
    narrow[FRAMES, r] = frames
    return at, line + frames
