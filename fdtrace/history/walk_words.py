"""What the walk reads of a call's text: which words it knows, and the numbers in a list of two.

The words of a call are its text up to the parenthesis that closes its arguments.
They are copied behind the arena's end and looked up there among those that are known;
what is new, Python reads (`lent_species`), once for all calls that say the same.
"""

from __future__ import annotations

import numpy as np

from ..machine_code import compiled, part
from ..readers.strace.scan_bytes import (
    BLANK,
    CLASS,
    CLOSE,
    COLON,
    COMMA,
    DIGIT,
    EQUALS,
    FAILED,
    GREATER,
    HEX,
    LEFT,
    LESS,
    LETTER_X,
    MINUS,
    NEWLINE,
    OPEN,
    RIGHT,
    SLASH,
    WORD,
    ZERO,
    Bytes,
    Ints,
    says,
)
from ..readers.strace.scan_call import note_end
from ..readers.strace.scan_columns import HEAD_START, HEAD_STOP, RET, START, STOP
from ..readers.strace.scan_result import deleted_end
from ..readers.strace.scan_strings import hashed, same
from .walk_columns import (
    A_TEXT,
    KEY,
    LIST,
    LONGEST_KEY,
    LONGEST_TEXT,
    NEW_SPECIES,
    ROWS,
    SLACK,
    SPELLED,
    SPELLED_AT,
    TEXT_STOP,
    TEXTS,
    WANTED,
)

Marks = Bytes

ENTRY, EXIT = 1, 2
ODD, UNTOLD = -1, -2
"""In place of the length of words: nobody can read them; Python has to say them first."""
_FD_DIGITS, _INODE_DIGITS, _MOST_HEX = 9, 18, 17
_TEN = ord("a") - 10
_NONE = -1
_LONGEST_COMMAND = 64


@part
def _arguments_end(buf: Bytes, start: int, stop: int, ret: int) -> int:
    """Behind the last `)` that `= <ret>` follows: all arguments stand before it. -1 when there is none."""
    at = stop - 1
    while at >= start:
        if buf[at] == CLOSE:
            i = at + 1
            while i < stop and buf[i] == BLANK:
                i += 1
            if (
                i + 2 < stop
                and buf[i] == EQUALS
                and buf[i + 1] == BLANK
                and _is_result(buf, i + 2, stop, ret)
            ):
                return at + 1
        at -= 1
    return -1


@part
def _is_result(buf: Bytes, i: int, stop: int, ret: int) -> bool:
    """Whether a number, decimal or hex, stands at a place and is this result."""
    value, first = np.int64(0), i
    if buf[i] == ZERO and buf[i + 1] == LETTER_X:
        i += 2
        while i < stop and (CLASS[buf[i]] & HEX) != 0 and i - first < _MOST_HEX:
            value = (value << 4) | (np.int64(buf[i]) - (ZERO if buf[i] < COLON else _TEN))
            i += 1
        return value == ret and i > first + 2
    while i < stop and (CLASS[buf[i]] & DIGIT) != 0 and i - first < _FD_DIGITS + 1:
        value = value * 10 + (np.int64(buf[i]) - ZERO)
        i += 1
    return value == ret and i > first and (buf[first] != ZERO or i == first + 1)


@part
def text(buf: Bytes, i: int, kind: int, wide: Ints, joined: Marks, arena: Bytes, state: Ints) -> int:
    """Copy a call's text behind the arena's end; its length, ODD, or UNTOLD: Python has to do that first."""
    if state[SPELLED_AT] == i + 1:
        length = state[SPELLED]
        state[SPELLED_AT] = 0
        state[TEXT_STOP] = state[KEY] + length
        return length
    if joined[i] or state[KEY] + SLACK > arena.shape[0]:
        return UNTOLD
    head, tail = np.int64(0), np.int64(0)
    if kind == EXIT:
        head, tail = wide[HEAD_START, i], wide[HEAD_STOP, i]
    start, stop = wide[START, i], wide[STOP, i]
    if (tail - head) + (stop - start) > LONGEST_TEXT:
        return ODD
    at = state[KEY]
    for j in range(head, tail):
        arena[at] = buf[j]
        at += 1
    for j in range(start, stop):
        arena[at] = buf[j]
        at += 1
    arena[at] = NEWLINE
    state[TEXT_STOP] = at
    return at - state[KEY]


@part
def words(buf: Bytes, i: int, kind: int, wide: Ints, joined: Marks, arena: Bytes, state: Ints) -> int:
    """Copy a call's text behind the arena's end; the length of its words, else as `text`."""
    length = text(buf, i, kind, wide, joined, arena, state)
    if length < 0:
        return length
    end = _arguments_end(arena, state[KEY], state[KEY] + length, wide[RET, i])
    if end < 0 or end - state[KEY] > LONGEST_KEY:
        return ODD
    arena[end] = NEWLINE
    return end - state[KEY]


@part
def unread(length: int, state: Ints) -> int:
    """What to do about words that were not read: Python says them, or the fold takes the row."""
    if length != UNTOLD:
        return ROWS
    state[WANTED] = A_TEXT
    return NEW_SPECIES


@part
def with_numbers(arena: Bytes, length: int, one: int, other: int, state: Ints) -> int:
    """Put two numbers behind words; the length of both."""
    at = state[KEY] + length
    for value in (np.int64(one), np.int64(other)):
        for shift in range(0, 64, 8):
            arena[at] = (value >> shift) & 255
            at += 1
    return length + 16


@part
def known_as(arena: Bytes, known: Ints, length: int, state: Ints) -> int:
    """What the key behind the arena's end stands for; -1 when it is new."""
    start = state[KEY]
    h = hashed(arena, start, start + length, 0)
    mask = known.shape[0] - 1
    at = h & mask
    while known[at, 0] != 0:
        if known[at, 0] == h and known[at, 2] == length and same(arena, known[at, 1], arena, start, length):
            return known[at, 3]
        at = (at + 1) & mask
    return -1


@part
def keep(arena: Bytes, known: Ints, length: int, meaning: int, state: Ints) -> None:
    """Keep the key behind the arena's end, and what it stands for."""
    start = state[KEY]
    h = hashed(arena, start, start + length, 0)
    mask = known.shape[0] - 1
    at = h & mask
    while known[at, 0] != 0:
        at = (at + 1) & mask
    known[at, 0] = h
    known[at, 1] = start
    known[at, 2] = length
    known[at, 3] = meaning
    state[KEY] = start + length
    state[TEXTS] += 1


@compiled
def learn(arena: Bytes, known: Ints, length: int, meaning: int, state: Ints) -> None:
    """The same for Python."""
    keep(arena, known, length, meaning, state)


# -- a list of two ---------------------------------------------------------------


@part
def number(arena: Bytes, i: int, digits: int, state: Ints, into: int) -> int:
    """Read a plain decimal number; where it ends, FAILED for any other."""
    first, value = i, np.int64(0)
    while CLASS[arena[i]] & DIGIT:
        value = value * 10 + (np.int64(arena[i]) - ZERO)
        i += 1
        if i - first > digits:
            return FAILED
    if i == first or (arena[first] == ZERO and i > first + 1):
        return FAILED
    state[into] = value
    return i


@part
def _end_of_pair(arena: Bytes, i: int, to: int, state: Ints, into: int) -> tuple[int, int]:
    """Read one descriptor, `3`, `3<pipe:[1]>` or `3<UNIX-STREAM:[1->2]>`; its signs are moved to `to`."""
    i = number(arena, i, _FD_DIGITS, state, into)
    state[into + 1] = state[into + 2] = _NONE
    if i == FAILED or arena[i] != LESS:
        return i, to
    while True:
        arena[to] = arena[i]
        to += 1
        i += 1
        if (CLASS[arena[i]] & WORD) == 0 and arena[i] != MINUS and arena[i] != SLASH:
            break
    if arena[i] != COLON or arena[i + 1] != LEFT:
        return FAILED, to
    arena[to] = COLON
    arena[to + 1] = LEFT
    to += 2
    i = number(arena, i + 2, _INODE_DIGITS, state, into + 1)
    if i == FAILED:
        return i, to
    if arena[i] == MINUS and arena[i + 1] == GREATER:
        arena[to] = MINUS
        arena[to + 1] = GREATER
        to += 2
        i = number(arena, i + 2, _INODE_DIGITS, state, into + 2)
        if i == FAILED:
            return i, to
    if arena[i] != RIGHT or arena[i + 1] != GREATER:
        return FAILED, to
    arena[to] = RIGHT
    arena[to + 1] = GREATER
    return i + 2, to + 2


@part
def pair(arena: Bytes, length: int, state: Ints) -> int:
    """Take the numbers out of the list of two descriptors in the words behind the arena's end.

    They go to `state[LIST:]`: descriptor, inode and the other end's inode, twice, -1
    for what is not told. Returns how long the words are without them, -1 when they are odd.
    """
    i, stop = state[KEY], state[KEY] + length
    while arena[i] != LEFT:
        if i == stop:
            return -1
        i += 1
    to = i + 1
    i, to = _end_of_pair(arena, to, to, state, LIST)
    if i == FAILED or arena[i] != COMMA or arena[i + 1] != BLANK:
        return -1
    arena[to] = COMMA
    arena[to + 1] = BLANK
    i, to = _end_of_pair(arena, i + 2, to + 2, state, LIST + 3)
    if i == FAILED or arena[i] != RIGHT:
        return -1
    while i < stop:
        arena[to] = arena[i]
        to += 1
        i += 1
    return to - state[KEY]


# -- commands --------------------------------------------------------------------

_SETS_FLAG = b"F_SETFD,"


@part
def _word(arena: Bytes, i: int, to: int) -> tuple[int, int]:
    """Move one plain argument to `to`; where the comma or parenthesis behind it stands, or FAILED."""
    first = i
    while (CLASS[arena[i]] & WORD) != 0 or arena[i] == BLANK:
        arena[to] = arena[i]
        to += 1
        i += 1
    if i == first or (arena[i] != COMMA and arena[i] != CLOSE):
        return FAILED, to
    arena[to] = arena[i]
    return i, to + 1


@part
def descriptor_end(arena: Bytes, i: int) -> int:
    """Where a descriptor that stands here ends, with its annotation; FAILED when it is odd."""
    first = i
    while CLASS[arena[i]] & DIGIT:
        i += 1
    if i == first:
        return FAILED
    if arena[i] == LESS:
        i = note_end(arena, i)
        if i != FAILED:
            i = deleted_end(arena, i)
    return i


@part
def command(arena: Bytes, length: int, several: bool, state: Ints) -> int:
    """Cut the words behind the arena's end down to the call's name and its command.

    That is the second argument, with the third where there are `several` to one
    command, and all that follows F_SETFD. Returns the length, -1 when they are odd.
    """
    start = state[KEY]
    i, stop = start, start + length
    while arena[i] != OPEN:
        if i == stop:
            return -1
        i += 1
    i += 1
    to = i
    i = descriptor_end(arena, i)
    if i == FAILED or arena[i] != COMMA or arena[i + 1] != BLANK:
        return -1
    if says(arena, i + 2, _SETS_FLAG):
        if stop - i > _LONGEST_COMMAND:
            return -1
        i += 2
        while i < stop:
            arena[to] = arena[i]
            to += 1
            i += 1
        return to - start
    i, to = _word(arena, i + 2, to)
    if i != FAILED and several and arena[i] == COMMA:
        i, to = _word(arena, i + 1, to)
    return -1 if i == FAILED or i >= stop else to - start


@part
def number_over(buf: Bytes, i: int, kind: int, wide: Ints, joined: Marks, arena: Bytes, state: Ints) -> int:
    """Read the second number of a dup2 or dup3 into `state[LIST]`, and whether it has an annotation.

    Returns the length of the call's words without the numbers, -1 when they are odd.
    An entry has no end of its arguments: the number is what may be cut there.
    """
    if kind == ENTRY:
        length = text(buf, i, kind, wide, joined, arena, state)
    else:
        length = words(buf, i, kind, wide, joined, arena, state)
    if length < 0:
        return length
    start = state[KEY]
    i, stop = start, start + length
    while arena[i] != OPEN:
        if i == stop:
            return -1
        i += 1
    to = i + 1
    i = descriptor_end(arena, to)
    if i == FAILED or arena[i] != COMMA or arena[i + 1] != BLANK:
        return -1
    first = number(arena, i + 2, _FD_DIGITS, state, LIST)
    if first == FAILED:
        return -1
    i = descriptor_end(arena, i + 2)
    if i == FAILED:
        return -1
    state[LIST + 1] = i - first
    if kind == ENTRY and i < stop and arena[i] != COMMA:
        return -1
    while i < stop:
        arena[to] = arena[i]
        to += 1
        i += 1
    return to - start
