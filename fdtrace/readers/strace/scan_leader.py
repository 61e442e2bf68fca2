"""The leader of a line, read from bytes: the same language as `layout.LEADER`.

    [pid] [secontext] [absolute time] [relative time] [number] [address]

Each part may be missing and takes all it can; the parts are tried in this order.
"""

from __future__ import annotations

from ...machine_code import part
from ...machine_code.memory import byte, saying
from .scan_bytes import (
    BLANK,
    CLOSE,
    COLON,
    DIGIT,
    DOT,
    FAILED,
    GREATER,
    HEX,
    LEFT,
    LESS,
    LOWER,
    MINUS,
    NEWLINE,
    OPEN,
    PLUS,
    QUESTION,
    RIGHT,
    UNDERSCORE,
    Text,
    belongs,
    decimal,
    digits_end,
    fraction,
    is_a,
    number,
    seconds,
)
from .window import ABSENT

NO_PID, BARE, BRACKETED = range(3)
"""How the thread stands in a leader."""
NO_STAMP, EPOCH, DAY, DELTA, DAY_AND_DELTA = range(5)
"""Which stamps tell the time of a line; DAY_AND_DELTA is a time of day in whole seconds with `-r`."""
Leader = tuple[int, int, int, int, int, int]
"""Where it ends, pid form, thread, stamp form, absolute and relative time in ns."""

_MAX_PID_DIGITS = 8
_SECOND = 1_000_000_000
_says_pid = saying(b"[pid ")
LATEST = ((1 << 63) - 1) // _SECOND
"""The first second whose nanoseconds no column can hold."""


@part
def _blanks_end(buf: Text, at: int) -> int:
    while byte(buf, at) == BLANK:
        at += 1
    return at


@part
def _begins_body(c: int) -> bool:
    """Whether a byte may stand behind a number that is a relative time."""
    return belongs(c, LOWER) or c in (LEFT, LESS, UNDERSCORE, QUESTION, PLUS, MINUS)


@part
def _comm_end(buf: Text, at: int) -> int:
    """Where `<name>` of -Y ends; the same place when there is none."""
    if byte(buf, at) != LESS:
        return at
    end = at + 1
    while byte(buf, end) != GREATER:
        if byte(buf, end) == NEWLINE:
            return at
        end += 1
    return end + 1


@part
def _pid(buf: Text, at: int) -> tuple[int, int, int]:
    """Where the pid part ends, its form and the thread."""
    bracketed = byte(buf, at) == LEFT and _says_pid(buf, at)
    start = _blanks_end(buf, at + 5) if bracketed else at
    end, tid = number(buf, start)
    if end == start or end - start > _MAX_PID_DIGITS:
        return at, NO_PID, 0
    end = _comm_end(buf, end)
    if bracketed:
        if byte(buf, end) != RIGHT:
            return at, NO_PID, 0
        end += 1
    body = _blanks_end(buf, end)
    if body == end:
        return at, NO_PID, 0
    if bracketed:
        return body, BRACKETED, tid
    c = byte(buf, body)
    if _begins_body(c) or c == OPEN or belongs(c, DIGIT):
        return body, BARE, tid
    return at, NO_PID, 0


@part
def _secontext(buf: Text, at: int) -> int:
    """Where `[user:role:type] ` ends."""
    if byte(buf, at) != LEFT or is_a(buf, at + 1, DIGIT):
        return at
    end, named = at + 1, False
    while byte(buf, end) != RIGHT:
        c = byte(buf, end)
        if c <= BLANK:
            return at
        named = named or (end > at + 1 and (c == COLON or c == UNDERSCORE))
        end += 1
    return end + 2 if named and byte(buf, end + 1) == BLANK else at


@part
def _time_of_day(buf: Text, at: int) -> tuple[int, int, bool]:
    """Where `hh:mm:ss[.fraction]` ends (FAILED), the time since midnight, whether it has no fraction."""
    for i in (0, 1, 3, 4, 6, 7):
        if not is_a(buf, at + i, DIGIT):
            return FAILED, 0, False
    end = at + 8
    minutes = decimal(buf, at, at + 2) * 60 + decimal(buf, at + 3, at + 5)
    value = (minutes * 60 + decimal(buf, at + 6, at + 8)) * _SECOND
    whole = True
    if byte(buf, end) == DOT and is_a(buf, end + 1, DIGIT):
        end, rest = fraction(buf, end + 1)
        value += rest
        whole = False
    return end, value, whole


@part
def _absolute(buf: Text, at: int) -> tuple[int, int, int, bool]:
    """Where the absolute time ends, its form, its value, whether it is a time of day in whole seconds."""
    if not is_a(buf, at, DIGIT):
        return at, NO_STAMP, 0, False
    if is_a(buf, at + 1, DIGIT) and byte(buf, at + 2) == COLON:
        if not is_a(buf, at + 3, DIGIT) or not is_a(buf, at + 4, DIGIT) or byte(buf, at + 5) != COLON:
            return at, NO_STAMP, 0, False
        end, value, whole = _time_of_day(buf, at)
        if end != FAILED and byte(buf, end) == BLANK:
            return _blanks_end(buf, end), DAY, value, whole
        return at, NO_STAMP, 0, False
    end, digits, since, rest = seconds(buf, at)
    if 9 <= digits <= 11 and byte(buf, end) == BLANK:
        value = since * _SECOND + rest if since < LATEST else ABSENT
        return _blanks_end(buf, end), EPOCH, value, False
    return at, NO_STAMP, 0, False


@part
def _relative(buf: Text, at: int) -> tuple[int, int]:
    """Where the relative time ends, and its value."""
    if byte(buf, at) == OPEN:
        if byte(buf, at + 1) != PLUS:
            return at, 0
        start = _blanks_end(buf, at + 2)
        end, digits, whole, rest = seconds(buf, start)
        if end == FAILED or digits > 9:
            return at, 0
        if byte(buf, end) != CLOSE or byte(buf, end + 1) != BLANK:
            return at, 0
        return _blanks_end(buf, end + 1), whole * _SECOND + rest
    start = _blanks_end(buf, at)
    end, digits, whole, rest = seconds(buf, start)
    if end == FAILED or digits > 8 or byte(buf, end) != BLANK:
        return at, 0
    body = _blanks_end(buf, end)
    return (body, whole * _SECOND + rest) if _begins_body(byte(buf, body)) else (at, 0)


@part
def _number_end(buf: Text, at: int) -> int:
    """Where `[ 257] ` of -n ends."""
    if byte(buf, at) != LEFT:
        return at
    start = _blanks_end(buf, at + 1)
    end = digits_end(buf, start)
    if end == start:
        while byte(buf, end) == QUESTION and end - start < 4:
            end += 1
    if end == start or end - start > 7 or byte(buf, end) != RIGHT or byte(buf, end + 1) != BLANK:
        return at
    return end + 2


@part
def _address_end(buf: Text, at: int) -> int:
    """Where `[00007f3fe9a23ad7] ` of -i ends."""
    if byte(buf, at) != LEFT:
        return at
    end = at + 1
    if byte(buf, end) == QUESTION:
        while byte(buf, end) == QUESTION:
            end += 1
    else:
        while is_a(buf, end, HEX):
            end += 1
    if end - at - 1 not in (8, 16) or byte(buf, end) != RIGHT or byte(buf, end + 1) != BLANK:
        return at
    return end + 2


@part
def leader(buf: Text, at: int) -> Leader:
    """The leader of the line that begins here."""
    at, form, tid = _pid(buf, at)
    if is_a(buf, at, LOWER):
        return at, form, tid, NO_STAMP, 0, 0
    if byte(buf, at) == LEFT:
        at = _secontext(buf, at)
    at, stamp, time, whole = _absolute(buf, at)
    if is_a(buf, at, LOWER) or byte(buf, at) == LESS:
        return at, form, tid, stamp, time, 0
    after, delta = _relative(buf, at)
    if after != at:
        at = after
        if stamp == NO_STAMP:
            stamp = DELTA
        elif stamp == DAY and whole:
            stamp = DAY_AND_DELTA
    at = _address_end(buf, _number_end(buf, at))
    return at, form, tid, stamp, time, delta
