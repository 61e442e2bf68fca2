"""Numbers in a call: the first argument, the result, and what stands behind it, read from bytes."""

from __future__ import annotations

import numpy as np

from .scan_bytes import (
    BLANK,
    CLASS,
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
    UNDERSCORE,
    UPPER,
    ZERO,
    Bytes,
    decimal,
    digits_end,
    is_a,
    nanoseconds,
    part,
    says,
    seconds_end,
    text_end,
)
from .window import ABSENT, NO_FD

_HIGHEST_ERRNO = 4096
_SURE_DIGITS = 18
"""So many decimal digits fit a column without a second thought."""
_DELETED = b"(deleted)"


@part
def _hex_end(buf: Bytes, at: int) -> int:
    while CLASS[buf[at]] & HEX:
        at += 1
    return at


@part
def _hex(buf: Bytes, start: int, stop: int) -> int:
    """A hexadecimal number of at most 16 digits, wrapped to 64 bits."""
    value = np.int64(0)
    for i in range(start, stop):
        c = np.int64(buf[i])
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
def first_number(buf: Bytes, at: int) -> tuple[int, int]:
    """Where the number ends that stands first among the arguments, and its value.

    The same place when there is none; FAILED when it wants a second look.
    """
    start = at
    if buf[at] == ZERO and buf[at + 1] == LETTER_X and is_a(buf, at + 2, HEX):
        end = _hex_end(buf, at + 2)
        if end - at > 18:
            return FAILED, NO_FD
        value = _as_descriptor(_hex(buf, at + 2, end), end - at - 2)
    else:
        at += buf[at] == MINUS
        end = digits_end(buf, at)
        if end == at:
            return start, NO_FD
        if end - at > _SURE_DIGITS:
            return FAILED, NO_FD
        value = decimal(buf, at, end)
        if at > start:
            value = -value
        elif value >= 1 << 31:
            value = _as_descriptor(value, 16)
    c = buf[end]
    if c == BLANK and buf[end + 1] == SLASH and buf[end + 2] == STAR:
        return FAILED, NO_FD
    if c == COMMA or c == CLOSE or c == LESS or c == BLANK or c == SLASH:
        return end, value
    return start, NO_FD


@part
def deleted_end(buf: Bytes, at: int) -> int:
    """Where `(deleted)` ends; the same place when it does not stand here."""
    return at + len(_DELETED) if buf[at] == OPEN and says(buf, at, _DELETED) else at


@part
def result_number(buf: Bytes, at: int) -> tuple[int, int]:
    """Where a result ends, and its value as strace prints it: decimal, hex or octal."""
    if buf[at] == QUESTION:
        return at + 1, ABSENT
    if buf[at] == ZERO and buf[at + 1] == LETTER_X:
        end = _hex_end(buf, at + 2)
        if end == at + 2 or end - at > 18:
            return FAILED, ABSENT
        return end, _hex(buf, at + 2, end)
    start = at
    at += buf[at] == MINUS
    end = digits_end(buf, at)
    if end - at > _SURE_DIGITS:
        return FAILED, ABSENT
    if end > start + 1 and buf[start] == ZERO:
        value = 0
        for i in range(start, end):
            if buf[i] > 55:  # 8 and 9 are no octal digits
                return end, decimal(buf, start, end)
            value = value * 8 + (np.int64(buf[i]) - ZERO)
        return end, value
    value = decimal(buf, at, end)
    return end, -value if at > start else value


@part
def _errno_end(buf: Bytes, at: int) -> int:
    """Where the name of an error ends that begins here: capitals, and text in parentheses behind it."""
    if not is_a(buf, at, UPPER):
        return FAILED
    end = at + 1
    while is_a(buf, end, UPPER) or is_a(buf, end, DIGIT) or buf[end] == UNDERSCORE or buf[end] == QUESTION:
        end += 1
    return end if end > at + 1 and buf[end] == BLANK and buf[end + 1] == OPEN else FAILED


@part
def _duration_start(buf: Bytes, at: int, end: int) -> int:
    """Where the digits of ` <0.000012>` begin that ends here; FAILED without."""
    if buf[end - 1] != GREATER:
        return FAILED
    start = end - 2
    while start > at + 1 and ((CLASS[buf[start]] & DIGIT) != 0 or buf[start] == DOT):
        start -= 1
    if start <= at or buf[start] != LESS or buf[start - 1] != BLANK:
        return FAILED
    return start + 1 if seconds_end(buf, start + 1) == end - 1 else FAILED


@part
def tail(buf: Bytes, at: int, may_fail: bool) -> tuple[int, int, int, int]:
    """What stands behind a result: the line's end, the error's begin and end, the duration.

    The line's end is FAILED when the tail says more than an error and a duration can.
    """
    end = text_end(buf, at)
    if end == FAILED or end == at:
        return end, 0, 0, ABSENT
    duration = ABSENT
    digits = _duration_start(buf, at, end)
    if digits != FAILED:
        if digits_end(buf, digits) - digits > 9:
            return FAILED, 0, 0, ABSENT
        duration = nanoseconds(buf, digits, end - 1)
        if digits == at + 2:
            return end, 0, 0, duration
    begin, stop = 0, 0
    if may_fail and buf[at] == BLANK:
        stop = _errno_end(buf, at + 1)
        if stop == FAILED:
            if says(buf, at, b" (errno "):
                return FAILED, 0, 0, ABSENT
            stop = 0
        else:
            begin = at + 1
    for i in range(at, end):
        if buf[i] == OPEN and says(buf, i, b"(INJECTED"):
            return FAILED, 0, 0, ABSENT
    return end, begin, stop, duration
