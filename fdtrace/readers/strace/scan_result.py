"""Numbers in a call: the first argument, the result, and what stands behind it, read from bytes."""

from __future__ import annotations

import numpy as np

from ...machine_code import part
from ...machine_code.memory import byte, saying, stops
from .scan_bytes import (
    BLANK,
    CLOSE,
    COLON,
    COMMA,
    DIGIT,
    DOT,
    FAILED,
    GREATER,
    HEX,
    LESS,
    LETTER_X,
    MINUS,
    OPEN,
    QUESTION,
    SLASH,
    STAR,
    UPPER,
    ZERO,
    Text,
    is_a,
    number,
    run,
    run_to,
    seconds,
    text_end,
)
from .window import ABSENT, NO_FD

_SECOND = 1_000_000_000
_HIGHEST_ERRNO = 4096
_SURE_DIGITS = 18
"""So many decimal digits fit a column without a second thought."""
_USUAL_DURATION = len("<0.000012>")
_DELETED = b"(deleted)"
_says_deleted = saying(_DELETED)
_says_errno = saying(b" (errno ")
_says_injected = saying(b"(INJECTED")
_parenthesis = run_to(b"(")
_error_run = run(stops(b"_?", [b"AZ", b"09"], but=True))


@part
def _hex_end(buf: Text, at: int) -> int:
    while is_a(buf, at, HEX):
        at += 1
    return at


@part
def _hex(buf: Text, start: int, stop: int) -> int:
    """A hexadecimal number of at most 16 digits, wrapped to 64 bits."""
    value = np.int64(0)
    for i in range(start, stop):
        c = byte(buf, i)
        value = (value << 4) | (c - ZERO if c < COLON else c - 87)
    return value


@part
def _as_descriptor(value: int, digits: int) -> int:
    """A raw hexadecimal number as a descriptor: two's complement of a small one, or none."""
    if 0 <= value < 1 << 31:
        return value
    if digits <= 16 and 0 < (1 << 32) - value <= _HIGHEST_ERRNO:
        return value - (1 << 32)
    if -_HIGHEST_ERRNO <= value < 0:
        return value
    return NO_FD


@part
def first_number(buf: Text, at: int) -> tuple[int, int]:
    """Where the number ends that stands first among the arguments, and its value.

    The same place when there is none; FAILED when it wants a second look.
    """
    start = at
    if byte(buf, at) == ZERO and byte(buf, at + 1) == LETTER_X and is_a(buf, at + 2, HEX):
        end = _hex_end(buf, at + 2)
        if end - at > 18:
            return FAILED, NO_FD
        value = _as_descriptor(_hex(buf, at + 2, end), end - at - 2)
    else:
        at += byte(buf, at) == MINUS
        end, value = number(buf, at)
        if end == at:
            return start, NO_FD
        if end - at > _SURE_DIGITS:
            return FAILED, NO_FD
        if at > start:
            value = -value
        elif value >= 1 << 31:
            value = _as_descriptor(value, 16)
    c = byte(buf, end)
    if c == BLANK and byte(buf, end + 1) == SLASH and byte(buf, end + 2) == STAR:
        return FAILED, NO_FD
    if c == COMMA or c == CLOSE or c == LESS or c == BLANK or c == SLASH:
        return end, value
    return start, NO_FD


@part
def deleted_end(buf: Text, at: int) -> int:
    """Where `(deleted)` ends; the same place when it does not stand here."""
    return at + len(_DELETED) if byte(buf, at) == OPEN and _says_deleted(buf, at) else at


@part
def result_number(buf: Text, at: int) -> tuple[int, int]:
    """Where a result ends, and its value as strace prints it: decimal, hex or octal."""
    if byte(buf, at) == QUESTION:
        return at + 1, ABSENT
    if byte(buf, at) == ZERO and byte(buf, at + 1) == LETTER_X:
        end = _hex_end(buf, at + 2)
        if end == at + 2 or end - at > 18:
            return FAILED, ABSENT
        return end, _hex(buf, at + 2, end)
    start = at
    at += byte(buf, at) == MINUS
    end, value = number(buf, at)
    if end - at > _SURE_DIGITS:
        return FAILED, ABSENT
    if end > start + 1 and byte(buf, start) == ZERO:
        octal = np.int64(0)
        for i in range(start, end):
            if byte(buf, i) > 55:  # 8 and 9 are no octal digits
                return end, value
            octal = octal * 8 + (byte(buf, i) - ZERO)
        return end, octal
    return end, -value if at > start else value


@part
def _errno_end(buf: Text, at: int) -> int:
    """Where the name of an error ends that begins here: capitals, and text in parentheses behind it."""
    if not is_a(buf, at, UPPER):
        return FAILED
    end = _error_run(buf, at + 1)
    return end if end > at + 1 and byte(buf, end) == BLANK and byte(buf, end + 1) == OPEN else FAILED


@part
def _duration(buf: Text, at: int, end: int) -> tuple[int, int]:
    """Where ` <0.000012>` begins that ends here, and its nanoseconds; FAILED without.

    The nanoseconds are ABSENT when it says more of them than a column should hold.
    """
    if byte(buf, end - 1) != GREATER:
        return FAILED, ABSENT
    begin, duration = _duration_from(buf, at, end - _USUAL_DURATION, end)
    if begin != FAILED:
        return begin, duration
    start = end - 2
    while start > at + 1 and (is_a(buf, start, DIGIT) or byte(buf, start) == DOT):
        start -= 1
    return _duration_from(buf, at, start, end)


@part
def _duration_from(buf: Text, at: int, start: int, end: int) -> tuple[int, int]:
    """The same if its bracket stands at `start`."""
    if start <= at or byte(buf, start) != LESS or byte(buf, start - 1) != BLANK:
        return FAILED, ABSENT
    stop, digits, whole, rest = seconds(buf, start + 1)
    if stop != end - 1:
        return FAILED, ABSENT
    return start - 1, whole * _SECOND + rest if digits <= 9 else ABSENT


@part
def _is_injected(buf: Text, at: int, end: int) -> bool:
    """Whether a tail says so."""
    at = _parenthesis(buf, at)
    while at < end:
        if _says_injected(buf, at):
            return True
        at = _parenthesis(buf, at + 1)
    return False


@part
def tail(buf: Text, at: int, may_fail: bool) -> tuple[int, int, int, int]:
    """What stands behind a result: the line's end, the error's begin and end, the duration.

    The line's end is FAILED when the tail says more than an error and a duration can.
    """
    end = text_end(buf, at)
    if end == FAILED or end == at:
        return end, 0, 0, ABSENT
    before, duration = _duration(buf, at, end)
    if before != FAILED:
        if duration == ABSENT:
            return FAILED, 0, 0, ABSENT
        if before == at:
            return end, 0, 0, duration
    begin, stop = 0, 0
    if may_fail and byte(buf, at) == BLANK:
        stop = _errno_end(buf, at + 1)
        if stop == FAILED:
            if _says_errno(buf, at):
                return FAILED, 0, 0, ABSENT
            stop = 0
        else:
            begin = at + 1
    if _is_injected(buf, at, end):
        return FAILED, 0, 0, ABSENT
    return end, begin, stop, duration
