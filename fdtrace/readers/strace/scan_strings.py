"""Interned strings in the compiled scanner: found by their hash, given codes in the order of the text."""

from __future__ import annotations

import numpy as np

from ...machine_code import compiled, part
from ...machine_code.memory import STRETCH, address, alike, load, store, word
from .scan_bytes import Bytes, Ints, Text, says
from .scan_columns import (
    ARENA,
    ARENA_END,
    ERA,
    EXITS,
    FRESH,
    FULL,
    M_CODE,
    M_HASH,
    M_KIND,
    M_LENGTH,
    M_START,
    MASK,
    MISS,
    MISSES,
    NAMES_FIRST,
    NEW,
    ROOM,
    SEEN,
    SEEN_MASK,
    SPAWNS,
    TABLE,
)

SYSCALL, ERRNO, NOTE, STACK, NOTE_GONE = map(np.int64, range(5))
"""What a string is of; NOTE_GONE is an annotation with `(deleted)` behind its bracket."""
KINDS = 4
WEIGHT, MOST, MOST_BYTES, REST, LEFT_OUT = range(KINDS, 6 * KINDS, KINDS)
"""Behind the counts of all kinds: their bytes, how many of both there may be, the code of those beyond."""

K_HASH, K_CODE, K_START, K_LENGTH = range(4)
SLOT = 4
"""Columns of a table of strings: hash (0 is an empty slot), code, place in the arena, length * 8 + kind."""

_FACTOR = np.int64(-0x61C8864680B583EB)
_FACTOR2 = np.int64(-0x4B47D0C5A6A1B1E3)
_LONG = 64
"""Strings from this length on are hashed in four lanes at once."""
_ERA_SHIFT = 32
_NUMBER = (1 << _ERA_SHIFT) - 1


@part
def hashed(buf: Text, start: int, stop: int, kind: int) -> int:
    """A hash of a string, never 0; seven bytes behind it may be looked at."""
    h = (np.int64(stop - start) * 8 + kind + 1) * _FACTOR
    i = start
    if stop - start >= _LONG:
        one, two, three = h + 1, h + 2, h + 3
        while i + 32 <= stop:
            h = _mixed(h, word(buf, i))
            one = _mixed(one, word(buf, i + 8))
            two = _mixed(two, word(buf, i + 16))
            three = _mixed(three, word(buf, i + 24))
            i += 32
        h = _mixed(_mixed(h, one), _mixed(two, three))
    while i + 8 <= stop:
        h = _mixed(h, word(buf, i))
        i += 8
    if i < stop:
        h = _mixed(h, word(buf, i) & _first_bytes(stop - i))
    h *= _FACTOR
    h ^= (h >> 32) & 0xFFFFFFFF
    return h if h != 0 else np.int64(1)


@part
def _mixed(h: int, value: int) -> int:
    h = (h ^ value) * _FACTOR2
    return h ^ ((h >> 29) & 0x7FFFFFFFF)


@part
def _first_bytes(count: int) -> int:
    """A mask for the first one to seven bytes of a word."""
    return (np.int64(1) << (8 * count)) - 1


@part
def same(one: Text, at: int, other: Text, there: int, length: int) -> bool:
    """Whether two stretches of bytes are equal; seven bytes behind them may be looked at."""
    i = np.int64(0)
    while i + STRETCH <= length:
        if not alike(one, at + i, other, there + i):
            return False
        i += STRETCH
    while i + 8 <= length:
        if word(one, at + i) != word(other, there + i):
            return False
        i += 8
    if i == length:
        return True
    return (word(one, at + i) ^ word(other, there + i)) & _first_bytes(length - i) == 0


@part
def find(table: int, mask: int, arena: Text, buf: Text, start: int, stop: int, kind: int, key: int) -> int:
    """The slot of a string in the table at an address, or ~slot of the empty one where it belongs.

    May run while another thread adds strings: what it adds is then found or not.
    """
    wanted = (stop - start) * 8 + kind
    slot = key & mask
    found = load(table, slot * SLOT + K_HASH)
    while found != 0:
        if (
            found == key
            and load(table, slot * SLOT + K_LENGTH) == wanted
            and load(table, slot * SLOT + K_CODE) >= 0
            and same(arena, load(table, slot * SLOT + K_START), buf, start, stop - start)
        ):
            return slot
        slot = (slot + 1) & mask
        found = load(table, slot * SLOT + K_HASH)
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
    slot = find(address(table), table.shape[0] - 1, arena, text, start, stop, kind, key)
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
    slot = find(address(table), table.shape[0] - 1, arena, buf, start, start + length, kind, key)
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
        slot = find(address(table), table.shape[0] - 1, arena, buf, start, start + length, kind, key)
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
    if counts[kind] >= counts[MOST + kind] or weight > counts[MOST_BYTES + kind]:
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
    slot = find(address(table), table.shape[0] - 1, arena, arena, start, stop, NOTE, key)
    if slot >= 0:
        return table[slot, 1]
    if not _has_room(NOTE, stop - start, counts):
        return -1
    state[ARENA_END] = stop
    code = _new_code(NOTE, start, stop - start, counts, fresh, state)
    put(table, ~slot, key, code, start, stop - start, NOTE)
    return code


@part
def code_of(buf: Text, start: int, stop: int, kind: int, desk: int) -> int:
    """The code of a string, or -2 - n for the n-th that nobody has interned yet."""
    key = hashed(buf, start, stop, kind)
    table = load(desk, TABLE)
    slot = find(table, load(desk, MASK), load(desk, ARENA), buf, start, stop, kind, key)
    if slot >= 0:
        return load(table, slot * SLOT + K_CODE)
    return _new_in_block(buf, start, stop, kind, key, desk)


@part
def _new_in_block(buf: Text, start: int, stop: int, kind: int, key: int, desk: int) -> int:
    """The same for a string that is not in the table; `seen` finds those of the block by their hash.

    A number in it is of this block when the block's era stands above it.
    """
    era, seen, mask, new = load(desk, ERA), load(desk, SEEN), load(desk, SEEN_MASK), load(desk, NEW)
    slot = key & mask
    while load(seen, slot) >> _ERA_SHIFT == era:
        n = load(seen, slot) & _NUMBER
        miss = new + n * MISS * 8
        if (
            load(miss, M_HASH) == key
            and load(miss, M_LENGTH) == stop - start
            and load(miss, M_KIND) == kind
            and same(buf, start, buf, load(miss, M_START), stop - start)
        ):
            return -2 - n
        slot = (slot + 1) & mask
    n = load(desk, MISSES)
    if n == load(desk, ROOM):
        store(desk, FULL, 1)
        return -1
    store(desk, MISSES, n + 1)
    store(seen, slot, era << _ERA_SHIFT | n)
    miss = new + n * MISS * 8
    store(miss, M_START, start)
    store(miss, M_LENGTH, stop - start)
    store(miss, M_KIND, kind)
    store(miss, M_HASH, key)
    store(miss, M_CODE, -1)
    return -2 - n
