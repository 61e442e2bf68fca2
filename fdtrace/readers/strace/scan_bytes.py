"""What the compiled parts of the fast scanner share: byte classes, numbers, interned strings.

Everything here is plain loops over arrays of bytes. Text always ends with a
newline, so a loop that stops at newlines needs no other bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from . import scan_cache

F = TypeVar("F", bound=Callable[..., Any])
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


_OPTIONS: Any = {"no_cfunc_wrapper": True, "_nrt": False}
"""Nothing here makes an array, so none has to be counted: counting took half of the time."""


def part(function: F) -> F:
    """Compile a function into those that call it."""
    options: Any = {"no_cpython_wrapper": True, **_OPTIONS}
    return cast(F, numba.njit(**options)(function))


def compiled(function: F) -> F:
    """Compile a function that Python calls, on first use; the result is kept where that is possible."""
    options: Any = {"nogil": True, **_OPTIONS}
    config: Any = numba.config
    before = config.CACHE_DIR
    try:
        config.CACHE_DIR = scan_cache.place()
        return cast(F, numba.njit(cache=True, **options)(function))
    except (OSError, RuntimeError):  # there is no place to keep it
        return cast(F, numba.njit(**options)(function))
    finally:
        config.CACHE_DIR = before


def _codes(text: bytes) -> list[int]:
    return list(text)


(
    NEWLINE, BLANK, QUOTE, PERCENT, OPEN, CLOSE, PLUS, COMMA, MINUS, DOT, SLASH, ZERO, COLON,
    LESS, EQUALS, GREATER, QUESTION, LEFT, BACKSLASH, RIGHT, UNDERSCORE, BRACE, BRACE_END, STAR, CR,
) = _codes(b"\n \"%()+,-./0:<=>?[\\]_{}*\r")  # fmt: skip
LETTER_D, LETTER_X = _codes(b"Dx")

_DIGIT, _LOWER, _UPPER, _HEX, _WORD, _CONTROL, _PLAIN, _IN_STRING, _IN_NOTE, _BEHIND, _IN_SOCKET = (
    1 << bit for bit in range(11)
)


def _classes() -> npt.NDArray[np.uint16]:
    table = np.zeros(256, np.uint16)
    every = bytes(range(256))
    control = bytes(range(32))
    members = {
        _DIGIT: b"0123456789",
        _LOWER: b"abcdefghijklmnopqrstuvwxyz",
        _UPPER: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _HEX: b"0123456789abcdef",
        _WORD: bytes(c for c in every if chr(c).isascii() and (chr(c).isalnum() or c == UNDERSCORE)),
        _CONTROL: control,
        _PLAIN: bytes(c for c in every if c not in control + b'"<)/'),
        _IN_STRING: bytes(c for c in every if c not in control + b'"\\'),
        _IN_NOTE: bytes(c for c in every if c not in control + b'<>"\\'),
        _IN_SOCKET: bytes(c for c in every if c not in control + b'"<]'),
        _BEHIND: b",)(]}= \n",
    }
    for bit, characters in members.items():
        table[list(characters)] |= bit
    return table


CLASS = _classes()
DIGIT, LOWER, UPPER, HEX, WORD = map(np.uint16, (_DIGIT, _LOWER, _UPPER, _HEX, _WORD))
CONTROL, PLAIN, IN_STRING, IN_NOTE = map(np.uint16, (_CONTROL, _PLAIN, _IN_STRING, _IN_NOTE))
BEHIND, IN_SOCKET = np.uint16(_BEHIND), np.uint16(_IN_SOCKET)

FAILED = -1
"""A position that says: this is not what was looked for."""


@part
def is_a(buf: Bytes, at: int, kind: int) -> bool:
    """Whether the byte at a place is of a class."""
    return (CLASS[buf[at]] & kind) != 0


@part
def says(buf: Bytes, at: int, word: bytes) -> bool:
    """Whether a word stands at a place."""
    for i in range(len(word)):
        if buf[at + i] != word[i]:
            return False
    return True


@part
def digits_end(buf: Bytes, at: int) -> int:
    """Where a run of digits ends."""
    while CLASS[buf[at]] & DIGIT:
        at += 1
    return at


@part
def decimal(buf: Bytes, start: int, stop: int) -> int:
    """The number that digits say; at most 18 of them."""
    value = 0
    for i in range(start, stop):
        value = value * 10 + (np.int64(buf[i]) - ZERO)
    return value


@part
def fraction(buf: Bytes, start: int, stop: int) -> int:
    """Decimals of a second as nanoseconds; digits beyond the ninth are cut."""
    value, width = 0, 0
    for i in range(start, stop):
        if width < 9:
            value = value * 10 + (np.int64(buf[i]) - ZERO)
            width += 1
    while width < 9:
        value *= 10
        width += 1
    return value


@part
def seconds_end(buf: Bytes, at: int) -> int:
    """Where `123` or `123.456` ends that begins here; FAILED without a digit."""
    end = digits_end(buf, at)
    if end == at:
        return FAILED
    if buf[end] == DOT and is_a(buf, end + 1, DIGIT):
        end = digits_end(buf, end + 1)
    return end


@part
def nanoseconds(buf: Bytes, start: int, stop: int) -> int:
    """Decimal seconds as nanoseconds; the whole part has at most 9 digits, or it is an epoch of 11."""
    dot = digits_end(buf, start)
    value = decimal(buf, start, dot) * 1_000_000_000
    return value + fraction(buf, dot + 1, stop) if dot < stop else value


@part
def line_end(buf: Bytes, at: int) -> int:
    """Where the line that this place is in ends, its newline."""
    while buf[at] != NEWLINE:
        at += 1
    return at


@part
def text_end(buf: Bytes, at: int) -> int:
    """Where the line ends, without carriage returns; FAILED when it holds characters of control."""
    while buf[at] > 31:
        at += 1
    end = at
    while buf[at] == CR:
        at += 1
    return end if buf[at] == NEWLINE else FAILED


@part
def at_end(buf: Bytes, at: int) -> bool:
    """Whether nothing but carriage returns stands before the line's end."""
    while buf[at] == CR:
        at += 1
    return buf[at] == NEWLINE
