"""What calls make in the walk: one descriptor, the two ends of a pipe or a pair, or a copy."""

from __future__ import annotations

import numpy as np

from ..machine_code import part
from ..readers.strace.scan_bytes import Bytes, Ints
from ..readers.strace.scan_columns import RET_NOTE
from .walk_columns import (
    A_FORM,
    DONE,
    LIST,
    MADE,
    NEW_SPECIES,
    R_BRAND,
    R_FAR,
    R_OTHER,
    R_OWN,
    ROWS,
    S_ACCEPTS,
    S_OPENS,
    WANTED,
    WHO,
)
from .walk_copies import copy_of
from .walk_forms import (
    PATH_LENGTH,
    with_note,
    without_address,
    without_path,
)
from .walk_records import (
    CALL,
    LITERAL,
    Marks,
    Narrow,
    begin,
    fill,
    met,
    room_for,
)
from .walk_words import pair, unread, with_numbers, words


@part
def copied(i: int, kind: int, t: int, r: int, ret: int, on: bool, fills: bool, narrow: Narrow, tables: Ints,
            cells: Ints, rec: Ints, arena: Bytes, known: Ints, state: Ints) -> int:  # fmt: skip
    """The same for a copy of a record that the call returned."""
    what = room_for(t, ret, tables, cells, state)
    if what == DONE:
        what = copy_of(r, narrow[RET_NOTE, i], on, False, rec, arena, known, state)
    if what == DONE and kind == CALL and fills and not fill(t, ret, tables, cells):
        return ROWS
    return what


@part
def one(i: int, kind: int, t: int, s: int, r: int, ret: int, buf: Bytes, wide: Ints, narrow: Narrow,
         joined: Marks, tables: Ints, cells: Ints, rec: Ints, arena: Bytes, known: Ints,
         state: Ints) -> int:  # fmt: skip
    """Whether the descriptor that a call returned can be made (DONE); its species is in `state[MADE]`."""
    if s & S_ACCEPTS and r < 0:
        return ROWS
    what = room_for(t, ret, tables, cells, state)
    if what != DONE:
        return what
    brand = np.int64(0)
    if s & S_ACCEPTS:
        brand = rec[r, R_BRAND]
        state[WHO] = r
        if brand < 0:
            state[WANTED] = A_FORM
            return NEW_SPECIES
    state[LIST] = state[PATH_LENGTH] = 0
    full = words(buf, i, kind, wide, joined, arena, state)
    if full < 0:
        return unread(full, state)
    note = np.int64(narrow[RET_NOTE, i])
    length = full
    if s & S_OPENS:
        length = without_path(arena, length, note >= 0, state)
    elif s & S_ACCEPTS:
        length = without_address(arena, length, state)
    rest = note
    if note >= 0:
        named = with_note(arena, length, full, state)
        if named > 0:
            length = named
            rest = np.int64(-1)
    what = met(with_numbers(arena, length, rest, brand, state), 1, arena, known, state)
    if state[MADE] == LITERAL:
        length = words(buf, i, kind, wide, joined, arena, state)
        if length < 0:
            return ROWS
        state[LIST] = state[PATH_LENGTH] = 0
        what = met(with_numbers(arena, length, note, brand, state), 1, arena, known, state)
    if what == DONE and kind == CALL and not fill(t, ret, tables, cells):
        return ROWS
    return what


@part
def two(i: int, kind: int, t: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks, tables: Ints,
         cells: Ints, arena: Bytes, known: Ints, state: Ints) -> int:  # fmt: skip
    """The same for the two that a pipe or a pair of sockets has; their numbers are in `state[LIST:]`."""
    length = words(buf, i, kind, wide, joined, arena, state)
    if length < 0:
        return unread(length, state)
    length = pair(arena, length, state)
    if length < 0 or state[LIST] == state[LIST + 3]:
        return ROWS
    length = with_numbers(arena, length, narrow[RET_NOTE, i], 0, state)
    what = met(length, 2, arena, known, state)
    for n in range(2):
        if what == DONE:
            what = room_for(t, state[LIST + 3 * n], tables, cells, state)
    if what == DONE and kind == CALL and not fill(t, state[LIST], tables, cells):
        return ROWS
    return what


@part
def begin_two(t: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow, tables: Ints, cells: Ints,
               rec: Ints, logs: Ints, species: Ints, curve: Ints, state: Ints) -> None:  # fmt: skip
    """Both ends of a pipe or a pair of sockets begin."""
    for n in range(2):
        new = begin(t, state[LIST + 3 * n], state[MADE] + n, -1, i, kind, pos, wide, narrow, tables, cells,
                    rec, logs, species, curve, state)  # fmt: skip
        rec[new, R_OWN] = state[LIST + 3 * n + 1]
        rec[new, R_FAR] = state[LIST + 3 * n + 2]
        rec[new, R_OTHER] = state[LIST + 3 - 3 * n]
