"""Interned strings in the compiled scanner: found by their hash, given codes in the order of the text."""

from __future__ import annotations

import numpy as np

from .scan_bytes import Bytes, Ints, compiled, part, says
from .scan_columns import (
    ARENA_END,
    EXITS,
    FRESH,
    FULL,
    M_CODE,
    M_HASH,
    M_KIND,
    M_LENGTH,
    M_START,
    MISSES,
    NAMES_FIRST,
    SPAWNS,
)

SYSCALL, ERRNO, NOTE, STACK, NOTE_GONE = map(np.int64, range(5))
"""What a string is of; NOTE_GONE is an annotation with `(deleted)` behind its bracket."""
KINDS = 4
WEIGHT, MOST, ROOM, REST, LEFT_OUT = range(KINDS, 6 * KINDS, KINDS)
"""Behind the counts of all kinds: their bytes, how many of both there may be, the code of those beyond."""

K_HASH, K_CODE, K_START, K_LENGTH = range(4)
"""Columns of a table of strings: hash (0 is an empty slot), code, place in the arena, length * 8 + kind."""

_FACTOR = np.int64(-0x61C8864680B583EB)
_FACTOR2 = np.int64(-0x4B47D0C5A6A1B1E3)


@part
def hashed(buf: Bytes, start: int, stop: int, kind: int) -> int:
    """A hash of a string, never 0."""
    h = (np.int64(stop - start) * 8 + kind + 1) * _FACTOR
    i = start
    while i + 8 <= stop:
        w = np.int64(buf[i])
        w |= np.int64(buf[i + 1]) << 8
        w |= np.int64(buf[i + 2]) << 16
        w |= np.int64(buf[i + 3]) << 24
        w |= np.int64(buf[i + 4]) << 32
        w |= np.int64(buf[i + 5]) << 40
        w |= np.int64(buf[i + 6]) << 48
        w |= np.int64(buf[i + 7]) << 56
        h = (h ^ w) * _FACTOR2
        h ^= (h >> 29) & 0x7FFFFFFFF
        i += 8
    w = np.int64(0)
    while i < stop:
        w = (w << 8) | np.int64(buf[i])
        i += 1
    h = (h ^ w) * _FACTOR
    h ^= (h >> 32) & 0xFFFFFFFF
    return h if h != 0 else np.int64(1)


@part
def same(one: Bytes, at: int, other: Bytes, there: int, length: int) -> bool:
    """Whether two stretches of bytes are equal."""
    for i in range(length):
        if one[at + i] != other[there + i]:
            return False
    return True


@part
def find(table: Ints, arena: Bytes, buf: Bytes, start: int, stop: int, kind: int, key: int) -> int:
    """The slot of a string, or ~slot of the empty one where it belongs.

    May run while another thread adds strings: what it adds is then found or not.
    """
    mask = table.shape[0] - 1
    wanted = (stop - start) * 8 + kind
    slot = key & mask
    while table[slot, K_HASH] != 0:
        if (
            table[slot, K_HASH] == key
            and table[slot, K_LENGTH] == wanted
            and table[slot, K_CODE] >= 0
            and same(arena, table[slot, K_START], buf, start, stop - start)
        ):
            return slot
        slot = (slot + 1) & mask
    return ~slot


@part
def put(table: Ints, slot: int, key: int, code: int, place: int, length: int, kind: int) -> None:
    """Fill an empty slot; the hash, by which others find it, comes last."""
    table[slot, K_START] = place
    table[slot, K_LENGTH] = length * 8 + kind
    table[slot, K_CODE] = code
    table[slot, K_HASH] = key


@compiled
def rehash(old: Ints, new: Ints) -> None:
    """Copy a table into an empty one."""
    mask = new.shape[0] - 1
    for i in range(old.shape[0]):
        if old[i, K_HASH] != 0:
            slot = old[i, K_HASH] & mask
            while new[slot, K_HASH] != 0:
                slot = (slot + 1) & mask
            for k in range(4):
                new[slot, k] = old[i, k]


_DELETED = b" (deleted)"


@compiled
def tells(buf: Bytes, at: int, length: int) -> int:
    """What a call of this name tells about who is alive; 0 for nothing."""
    if (length == 5 and says(buf, at, b"clone")) or (length == 4 and says(buf, at, b"fork")):
        return SPAWNS
    if length == 6 and (says(buf, at, b"clone3") or says(buf, at, b"clone2")):
        return SPAWNS
    if length == 5 and says(buf, at, b"vfork"):
        return SPAWNS
    if (length == 4 and says(buf, at, b"exit")) or (length == 10 and says(buf, at, b"exit_group")):
        return EXITS
    return NAMES_FIRST if length == 15 and says(buf, at, b"set_tid_address") else 0


@compiled
def learn(
    text: Bytes, start: int, stop: int, kind: int, code: int, table: Ints, arena: Bytes, place: int
) -> int:
    """Give a string its code; its bytes are copied to this place. Returns the end of the arena."""
    key = hashed(text, start, stop, kind)
    slot = find(table, arena, text, start, stop, kind, key)
    if slot >= 0:
        return place
    for i in range(stop - start):
        arena[place + i] = text[start + i]
    put(table, ~slot, key, code, place, stop - start, kind)
    return place + stop - start


@part
def interned(
    buf: Bytes, n: int, misses: Ints, table: Ints, arena: Bytes, counts: Ints, fresh: Ints, state: Ints
) -> int:
    """The code of the n-th new string of a block: the next one when nobody had it before."""
    if misses[n, M_CODE] >= 0:
        return misses[n, M_CODE]
    kind, start, length = misses[n, M_KIND], misses[n, M_START], misses[n, M_LENGTH]
    key = misses[n, M_HASH]
    slot = find(table, arena, buf, start, start + length, kind, key)
    if slot >= 0:
        misses[n, M_CODE] = table[slot, 1]
        return table[slot, 1]
    place = state[ARENA_END]
    for i in range(length):
        arena[place + i] = buf[start + i]
    state[ARENA_END] = place + length
    code = -1
    if kind == NOTE_GONE:
        code = _gone(place, length, table, arena, counts, fresh, state)
        slot = find(table, arena, buf, start, start + length, kind, key)
        beyond = code < 0
    else:
        beyond = not _has_room(kind, length, counts)
        code = counts[REST + kind] if beyond else _new_code(kind, place, length, counts, fresh, state)
    if beyond:
        state[ARENA_END] = place
        return code
    put(table, ~slot, key, code, place, length, kind)
    misses[n, M_CODE] = code
    return code


@part
def _has_room(kind: int, length: int, counts: Ints) -> bool:
    """Whether one more string of this kind may be kept."""
    weight = counts[WEIGHT + kind] + length
    if counts[kind] >= counts[MOST + kind] or weight > counts[ROOM + kind]:
        counts[LEFT_OUT + kind] = 1
        return False
    counts[WEIGHT + kind] = weight
    return True


@part
def _new_code(kind: int, place: int, length: int, counts: Ints, fresh: Ints, state: Ints) -> int:
    code = counts[kind]
    counts[kind] = code + 1
    row = state[FRESH]
    fresh[row, 0] = kind
    fresh[row, 1] = place
    fresh[row, 2] = length
    state[FRESH] = row + 1
    return code


@part
def _gone(place: int, length: int, table: Ints, arena: Bytes, counts: Ints, fresh: Ints, state: Ints) -> int:
    """The code of an annotation with `(deleted)` behind it: the same as with it inside."""
    start = state[ARENA_END]
    for i in range(length):
        arena[start + i] = arena[place + i]
    for i in range(len(_DELETED)):
        arena[start + length + i] = _DELETED[i]
    stop = start + length + len(_DELETED)
    key = hashed(arena, start, stop, NOTE)
    slot = find(table, arena, arena, start, stop, NOTE, key)
    if slot >= 0:
        return table[slot, 1]
    if not _has_room(NOTE, stop - start, counts):
        return -1
    state[ARENA_END] = stop
    code = _new_code(NOTE, start, stop - start, counts, fresh, state)
    put(table, ~slot, key, code, start, stop - start, NOTE)
    return code


@part
def code_of(
    buf: Bytes,
    start: int,
    stop: int,
    kind: int,
    table: Ints,
    arena: Bytes,
    seen: Ints,
    misses: Ints,
    count: Ints,
) -> int:
    """The code of a string, or -2 - n for the n-th that nobody has interned yet."""
    key = hashed(buf, start, stop, kind)
    slot = find(table, arena, buf, start, stop, kind, key)
    if slot >= 0:
        return table[slot, 1]
    mask = seen.shape[0] - 1
    slot = key & mask
    while seen[slot] >= 0:
        n = seen[slot]
        if misses[n, M_HASH] == key and misses[n, M_LENGTH] == stop - start and misses[n, M_KIND] == kind:
            there = misses[n, M_START]
            equal = True
            for i in range(stop - start):
                if buf[start + i] != buf[there + i]:
                    equal = False
                    break
            if equal:
                return -2 - n
        slot = (slot + 1) & mask
    n = count[MISSES]
    if n == misses.shape[0]:
        count[FULL] = 1
        return -1
    count[MISSES] = n + 1
    seen[slot] = n
    misses[n, M_START] = start
    misses[n, M_LENGTH] = stop - start
    misses[n, M_KIND] = kind
    misses[n, M_HASH] = key
    misses[n, M_CODE] = -1
    return -2 - n
