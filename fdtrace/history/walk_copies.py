"""dup, dup2, dup3 and F_DUPFD in the walk: another number for the same open file description.

What a copy is follows from its original, which may be anything that the fold made; so
originals are told apart by *twins*: numbers of what their copies have in common.
"""

from __future__ import annotations

import numpy as np

from ..machine_code import part
from ..readers.strace.scan_bytes import Bytes, Ints
from ..readers.strace.scan_columns import ERRNO_CODE, FD, RET, RET_NOTE
from .walk_columns import (
    A_FORM,
    BARRED,
    C_FLAGS,
    C_RECORD,
    COPIES,
    COPIES_ON,
    DONE,
    K_AT,
    K_CLOEXEC,
    K_FD,
    K_OLD,
    K_OP,
    K_SHUT,
    K_TABLE,
    KEY,
    LIST,
    MADE,
    NEW_SPECIES,
    NEW_WORDS,
    NO_CALL,
    NO_TWIN,
    NOTE,
    NOTED,
    OVER,
    POS,
    R_FLAGS,
    R_HELD,
    R_OFD,
    R_TWIN,
    ROWS,
    T_BASE,
    T_CELLS,
    T_CHANGED,
    T_FLIGHTS,
    WANTED,
    WHAT,
    WHO,
)
from .walk_records import CALL, ENTRY, EXIT, Marks, Narrow, begin, end, mark, met, room_for, take
from .walk_words import known_as, number_over, unread, with_numbers


@part
def copy_of(r: int, ret_note: int, on: bool, over: bool, rec: Ints, arena: Bytes, known: Ints,
            state: Ints) -> int:  # fmt: skip
    """Whether the species of a record's copy is known (DONE); it is in `state[MADE]` then."""
    state[WHO] = r
    state[WHAT] = 0
    twin = rec[r, R_TWIN]
    if twin == NO_TWIN:
        return ROWS
    state[WANTED] = A_FORM
    if twin < 0:
        return NEW_SPECIES
    for j in range(3):
        arena[state[KEY] + j] = 0
    length = with_numbers(arena, 3, ret_note, 4 * twin + 2 * over + on, state)
    return met(length, 1, arena, known, state)


@part
def enter_over(i: int, w: int, op: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks,
               threads: Ints, tables: Ints, cells: Ints, rec: Ints, arena: Bytes, curve: Ints,
               state: Ints) -> int:  # fmt: skip
    """The entry of a dup2 or dup3: what stands at its second number is taken out."""
    t, fd, pos = threads[w, K_TABLE], wide[FD, i], state[POS] + 1
    if threads[w, K_OP] != NO_CALL or fd < 0 or fd >= tables[t, T_CELLS]:
        return ROWS
    old = cells[tables[t, T_BASE] + fd, C_RECORD]
    if old < 0:
        return ROWS
    length = number_over(buf, i, ENTRY, wide, joined, arena, state)
    if length < 0:
        return unread(length, state)
    number = state[LIST]
    if number == fd or number >= tables[t, T_CELLS]:
        return ROWS
    shut = cells[tables[t, T_BASE] + number, C_RECORD]
    if shut >= 0:
        if rec[shut, R_HELD] > 0:
            return ROWS
        threads[w, K_CLOEXEC] = take(t, number, pos, tables, cells, curve, state)
    rec[old, R_HELD] += 1
    threads[w, K_OP] = op
    threads[w, K_OLD] = old
    threads[w, K_SHUT] = shut
    threads[w, K_FD] = number
    mark(threads, w, K_AT, i, ENTRY, pos, wide, narrow)
    tables[t, T_FLIGHTS] += 1
    return DONE


@part
def leave_over(i: int, kind: int, w: int, op: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks,
               threads: Ints, tables: Ints, cells: Ints, rec: Ints, logs: Ints, arena: Bytes, known: Ints,
               species: Ints, curve: Ints, state: Ints) -> int:  # fmt: skip
    """A dup2 or dup3 has ended: what stood at its second number is over, a copy stands there."""
    t, fd, pos = threads[w, K_TABLE], wide[FD, i], state[POS] + 1
    number = wide[RET, i]
    if threads[w, K_OP] != (op if kind == EXIT else NO_CALL):
        return ROWS
    if narrow[ERRNO_CODE, i] >= 0 or number < 0 or number == fd or fd < 0 or fd >= tables[t, T_CELLS]:
        return ROWS
    cell = tables[t, T_BASE] + number
    if kind == CALL:
        r, shut = cells[tables[t, T_BASE] + fd, C_RECORD], np.int64(-1)
        if number < tables[t, T_CELLS]:
            shut = cells[cell, C_RECORD]
            if shut >= 0 and (rec[shut, R_HELD] > 0 or cells[cell, C_FLAGS] & BARRED):
                return ROWS
    else:
        r, shut = threads[w, K_OLD], threads[w, K_SHUT]
        if number != threads[w, K_FD]:
            return ROWS
    if r < 0:
        return ROWS
    length = number_over(buf, i, kind, wide, joined, arena, state)
    if length < 0:
        return unread(length, state)
    if state[LIST] != number or (state[LIST + 1] and shut < 0):
        return ROWS
    says = known_as(arena, known, length, state)
    if says < 0:
        state[WHAT] = length
        return NEW_WORDS
    if says not in (COPIES, COPIES_ON):
        return ROWS
    if kind == EXIT or shut < 0:
        what = room_for(t, number, tables, cells, state)
        if what != DONE:
            return what
    elif cells[cell, C_FLAGS] & NOTED == 0:
        state[WHO], state[WHAT] = t, number
        return NOTE
    what = copy_of(r, narrow[RET_NOTE, i], says == COPIES_ON, True, rec, arena, known, state)
    if what != DONE:
        return what
    # from here on the row is taken
    if kind == EXIT:
        rec[r, R_HELD] -= 1
        threads[w, K_OP] = NO_CALL
        tables[t, T_FLIGHTS] -= 1
        tables[t, T_CHANGED] = pos
    if shut >= 0:
        if kind == CALL:
            take(t, number, pos, tables, cells, curve, state)
        rec[shut, R_FLAGS] |= OVER
        end(shut, t, number, i, kind, pos, wide, narrow, tables, cells, rec, logs, state)
    begin(t, number, state[MADE], rec[r, R_OFD], i, kind, pos, wide, narrow, tables, cells, rec, logs,
          species, curve, state)  # fmt: skip
    return DONE
