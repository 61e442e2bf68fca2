"""What the compiled parts of the fast scanner share: byte classes, runs of bytes, numbers.

Text always ends with a newline, so what stops at newlines needs no other bound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...machine_code import part
from ...machine_code.memory import STRETCH, byte, first_bit, stops, word

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Text = Bytes | int
"""A text: an array, or the address where one begins."""


def _codes(text: bytes) -> list[int]:
    return list(text)


(
    NEWLINE, BLANK, QUOTE, PERCENT, OPEN, CLOSE, PLUS, COMMA, MINUS, DOT, SLASH, ZERO, COLON,
    LESS, EQUALS, GREATER, QUESTION, LEFT, BACKSLASH, RIGHT, UNDERSCORE, BRACE, BRACE_END, STAR, CR,
) = _codes(b"\n \"%()+,-./0:<=>?[\\]_{}*\r")  # fmt: skip
LETTER_D, LETTER_X = _codes(b"Dx")

_DIGIT, _LOWER, _UPPER, _HEX, _WORD, _BEHIND = (1 << bit for bit in range(6))


def _classes() -> npt.NDArray[np.uint16]:
    table = np.zeros(256, np.uint16)
    every = bytes(range(256))
    members = {
        _DIGIT: b"0123456789",
        _LOWER: b"abcdefghijklmnopqrstuvwxyz",
        _UPPER: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _HEX: b"0123456789abcdef",
        _WORD: bytes(c for c in every if chr(c).isascii() and (chr(c).isalnum() or c == UNDERSCORE)),
        _BEHIND: b",)(]}= \n",
    }
    for bit, characters in members.items():
        table[list(characters)] |= bit
    return table


CLASS = _classes()
DIGIT, LOWER, UPPER, HEX, WORD = map(np.uint16, (_DIGIT, _LOWER, _UPPER, _HEX, _WORD))
BEHIND = np.uint16(_BEHIND)

FAILED = -1
"""A position that says: this is not what was looked for."""


@part
def belongs(character: int, kind: int) -> bool:
    """Whether a byte is of a class."""
    return (CLASS[np.uint8(character)] & kind) != 0


@part
def is_a(buf: Text, at: int, kind: int) -> bool:
    """Whether the byte at a place is of a class."""
    return belongs(byte(buf, at), kind)


@part
def says(buf: Text, at: int, word: bytes) -> bool:
    """Whether a word stands at a place."""
    for i in range(len(word)):
        if byte(buf, at + i) != word[i]:
            return False
    return True


# -- runs of bytes of a sort -----------------------------------------------------

_CONTROLS = bytes(range(32))


def run(ends: Callable[..., int]) -> Callable[..., int]:
    """A function that tells where, from a place on, the first of those bytes stands that end a run."""

    @part
    def end(buf: Text, at: int) -> int:
        found = ends(buf, at)
        while found == 0:
            at += STRETCH
            found = ends(buf, at)
        return at + first_bit(found)

    return end


def run_to(characters: bytes) -> Callable[..., int]:
    """The same for a run that one of these ends, or a character of control."""
    return run(stops(characters, [_CONTROLS]))


line_end = run(stops(b"\n"))
"""Where the line that this place is in ends, its newline."""
printed_end = run_to(b"")
"""Where the next character of control stands."""
name_end = run(stops(b"_?", [b"az", b"AZ", b"09"], but=True))
"""Where the name of a system call ends."""


@part
def text_end(buf: Text, at: int) -> int:
    """Where the line ends, without carriage returns; FAILED when it holds characters of control."""
    end = printed_end(buf, at)
    return end if at_end(buf, end) else FAILED


@part
def at_end(buf: Text, at: int) -> bool:
    """Whether nothing but carriage returns stands before the line's end."""
    while byte(buf, at) == CR:
        at += 1
    return byte(buf, at) == NEWLINE


def signed(number: int) -> np.int64:
    """The 64 bits of a number as a signed one: numba makes a float of signed and unsigned together."""
    return np.int64(number - (1 << 64) if number >> 63 else number)


# -- numbers ---------------------------------------------------------------------

_EACH = 0x0101010101010101
_ZEROS, _BEYOND = signed(_EACH * ZERO), signed(_EACH * (128 - 10))
_LOW, _HIGH = signed(_EACH * 127), signed(_EACH * 128)
_PAIRS, _FOURS = signed(0x00FF00FF00FF00FF), signed(0x0000FFFF0000FFFF)
_TENS = 10 ** np.arange(19, dtype=np.int64)
_SECOND = 1_000_000_000


@part
def _digits_of(eight: int) -> int:
    """How many of eight bytes are digits, before the first that is none."""
    values = eight ^ _ZEROS
    return first_bit((((values & _LOW) + _BEYOND) | values) & _HIGH) >> 3


@part
def _number_of(eight: int, digits: int) -> int:
    """The number that the first one to eight of these bytes say, by twos, fours and eights."""
    values = (eight ^ _ZEROS) << (64 - 8 * digits)
    values = ((values * (10 << 8 | 1)) >> 8) & _PAIRS
    values = ((values * (100 << 16 | 1)) >> 16) & _FOURS
    return (values * (10000 << 32 | 1)) >> 32


@part
def digits_end(buf: Text, at: int) -> int:
    """Where a run of digits ends."""
    digits = _digits_of(word(buf, at))
    while digits == 8:
        at += 8
        digits = _digits_of(word(buf, at))
    return at + digits


@part
def number(buf: Text, at: int) -> tuple[int, int]:
    """Where the digits end that begin here, and what they say if they are at most 18."""
    value = np.int64(0)
    digits = np.int64(8)
    while digits == 8:
        eight = word(buf, at)
        digits = _digits_of(eight)
        if digits > 0:
            value = value * _TENS[digits] + _number_of(eight, digits)
            at += digits
    return at, value


@part
def decimal(buf: Text, start: int, stop: int) -> int:
    """The number that digits say; at most 18 of them."""
    value = np.int64(0)
    for i in range(start, stop):
        value = value * 10 + (byte(buf, i) - ZERO)
    return value


@part
def fraction(buf: Text, at: int) -> tuple[int, int]:
    """Where the decimals of a second end, and their nanoseconds; those beyond the ninth are cut."""
    end, value = number(buf, at)
    if end - at <= 9:
        return end, value * _TENS[9 - (end - at)]
    return end, decimal(buf, at, at + 9)


@part
def seconds(buf: Text, at: int) -> tuple[int, int, int, int]:
    """Where `123` or `123.456` ends that begins here; FAILED without a digit.

    Then the digits of the whole part, the whole part, and the rest in nanoseconds.
    """
    end, whole = number(buf, at)
    digits = end - at
    if digits == 0:
        return FAILED, 0, 0, 0
    if byte(buf, end) != DOT:
        return end, digits, whole, 0
    after, rest = fraction(buf, end + 1)
    if after == end + 1:
        return end, digits, whole, 0
    return after, digits, whole, rest
