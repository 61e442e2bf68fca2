"""What the walk does to records and tables: marks of places, levels, beginnings, ends and uses of lives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..machine_code import part
from ..readers.strace.scan_bytes import Bytes, Ints
from ..readers.strace.scan_columns import (
    CLOCK,
    CODE,
    ENTRY_CLOCK,
    ENTRY_LINE,
    ENTRY_OFFSET,
    LINE,
    OFFSET,
    SEQ,
    STACK_CODE,
    TID,
)
from .walk_columns import (
    A_CLOCK,
    A_CODE,
    A_FORM,
    A_LINE,
    A_OFFSET,
    A_POS,
    A_SEQ,
    A_STACK,
    A_TID,
    BARRED,
    BEGUN,
    C_CLOSED,
    C_FLAGS,
    C_RECORD,
    CLOEXEC,
    CLOEXEC_OFF,
    CLOEXEC_ON,
    CURVE,
    DONE,
    ENDED,
    F_CLOEXEC,
    F_FLAGS,
    F_STATE,
    F_TWIN,
    FOREIGN,
    FREE,
    GROW,
    IDENTS,
    L_BEGUN,
    L_ENDED,
    L_FREE,
    L_PARTED,
    MADE,
    MOST_NUMBERS,
    NEW_SPECIES,
    NOTE,
    NOTED,
    OFDS,
    PARTED,
    PLACE,
    R_BRAND,
    R_CLOSED,
    R_ERRORS,
    R_FD,
    R_FLAGS,
    R_IDENT,
    R_LAST,
    R_OFD,
    R_OPENED,
    R_PY,
    R_READ,
    R_SPECIES,
    R_STATE,
    R_STATED,
    R_TABLE,
    R_TWIN,
    R_USES,
    R_WRITTEN,
    RECORD,
    ROOM,
    ROWS,
    S_READS,
    S_WRITES,
    SHUT,
    T_BASE,
    T_CELLS,
    T_CHANGED,
    T_COUNT,
    T_FILLED,
    T_FLIGHTS,
    T_LEVEL,
    T_PEAK,
    T_POSITION,
    TOUCHED,
    UNKNOWN_TWIN,
    WANTED,
    WHAT,
    WHO,
    WIDTH,
)
from .walk_words import known_as

Narrow = npt.NDArray[np.int32]
Flags = npt.NDArray[np.uint16]
Marks = Bytes

CALL, ENTRY, EXIT, SIGNAL = 0, 1, 2, 3
_BUCKETS = 256
LITERAL, NEVER = -3, -2
"""In place of a species: the words have no form; what they make only the fold can tell."""


@part
def mark(into: Ints, row: int, first: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow) -> None:
    """Write down the place of a row: the line on which its call began."""
    into[row, first + A_POS] = pos
    into[row, first + A_SEQ] = wide[SEQ, i]
    into[row, first + A_LINE] = wide[ENTRY_LINE, i]
    into[row, first + A_OFFSET] = wide[ENTRY_OFFSET, i]
    into[row, first + A_CLOCK] = wide[ENTRY_CLOCK, i] if kind == EXIT else wide[CLOCK, i]
    into[row, first + A_TID] = narrow[TID, i]
    into[row, first + A_CODE] = narrow[CODE, i]
    into[row, first + A_STACK] = narrow[STACK_CODE, i]


@part
def level(tables: Ints, t: int, pos: int, curve: Ints, state: Ints) -> None:
    """The table has so many descriptors from here on; only the last of each part of the curve matters."""
    count = tables[t, T_COUNT]
    if count > tables[t, T_PEAK]:
        tables[t, T_PEAK] = count
    while pos >= state[WIDTH] * _BUCKETS:
        state[WIDTH] *= 2
    before = tables[t, T_POSITION]
    if before >= 0 and before // state[WIDTH] != pos // state[WIDTH]:
        n = state[CURVE]
        curve[n, 0] = t
        curve[n, 1] = before
        curve[n, 2] = tables[t, T_LEVEL]
        state[CURVE] = n + 1
    tables[t, T_POSITION] = pos
    tables[t, T_LEVEL] = count


@part
def take(t: int, fd: int, pos: int, tables: Ints, cells: Ints, curve: Ints, state: Ints) -> int:
    """Take a number out of a table; whether it was close-on-exec."""
    cell = tables[t, T_BASE] + fd
    cells[cell, C_RECORD] = -1
    cloexec = cells[cell, C_FLAGS] & CLOEXEC
    cells[cell, C_FLAGS] &= ~CLOEXEC
    tables[t, T_COUNT] -= 1
    if fd < tables[t, T_FILLED]:
        tables[t, T_FILLED] = fd
    tables[t, T_CHANGED] = pos
    level(tables, t, pos, curve, state)
    return cloexec


@part
def fill(t: int, fd: int, tables: Ints, cells: Ints) -> bool:
    """Whether nothing below a new number is missing, as the kernel gives out the lowest free one."""
    if tables[t, T_COUNT] > fd or tables[t, T_FLIGHTS] > 0:
        return True
    base = tables[t, T_BASE]
    for number in range(tables[t, T_FILLED], fd):
        if cells[base + number, C_RECORD] < 0:
            return False
    tables[t, T_FILLED] = fd
    return True


@part
def end(r: int, t: int, fd: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow, tables: Ints,
         cells: Ints, rec: Ints, logs: Ints, state: Ints) -> None:  # fmt: skip
    """A close has ended: the number is free, its life is over."""
    cell = tables[t, T_BASE] + fd
    cells[cell, C_FLAGS] |= TOUCHED | SHUT
    mark(cells, cell, C_CLOSED, i, kind, pos, wide, narrow)
    if rec[r, R_FLAGS] & FOREIGN == 0:
        for k in range(PLACE):
            rec[r, R_CLOSED + k] = cells[cell, C_CLOSED + k]
        logs[L_ENDED, state[ENDED]] = r
        state[ENDED] += 1
    else:
        logs[L_PARTED, state[PARTED]] = r
        state[PARTED] += 1


@part
def count(
    r: int, i: int, s: int, failed: bool, ret: int, pos: int, wide: Ints, narrow: Narrow, rec: Ints
) -> None:
    """Count one use of a descriptor."""
    rec[r, R_USES] += 1
    rec[r, R_ERRORS] += failed
    if ret > 0:
        if s & S_READS:
            rec[r, R_READ] += ret
        if s & S_WRITES:
            rec[r, R_WRITTEN] += ret
    rec[r, R_LAST + A_POS] = pos
    rec[r, R_LAST + A_SEQ] = wide[SEQ, i]
    rec[r, R_LAST + A_LINE] = wide[LINE, i]
    rec[r, R_LAST + A_OFFSET] = wide[OFFSET, i]
    rec[r, R_LAST + A_CLOCK] = wide[CLOCK, i]
    rec[r, R_LAST + A_TID] = narrow[TID, i]
    rec[r, R_LAST + A_CODE] = narrow[CODE, i]
    rec[r, R_LAST + A_STACK] = -1


@part
def room_for(t: int, number: int, tables: Ints, cells: Ints, state: Ints) -> int:
    """Whether a table can have a new number (DONE), or what has to be seen to before."""
    if number >= tables[t, T_CELLS]:
        state[WHO], state[WHAT] = t, number
        return GROW if number < MOST_NUMBERS else ROWS
    cell = tables[t, T_BASE] + number
    if cells[cell, C_RECORD] >= 0 or cells[cell, C_FLAGS] & BARRED:
        return ROWS
    if cells[cell, C_FLAGS] & NOTED == 0:
        state[WHO], state[WHAT] = t, number
        return NOTE
    return DONE


@part
def begin(t: int, number: int, made: int, ofd: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow,
          tables: Ints, cells: Ints, rec: Ints, logs: Ints, species: Ints, curve: Ints,
          state: Ints) -> int:  # fmt: skip
    """A life of a known species begins, on a new open file description where `ofd` is -1; its record."""
    state[FREE] -= 1
    new = logs[L_FREE, state[FREE]]
    for k in range(RECORD):
        rec[new, k] = 0
    rec[new, R_PY] = -1
    rec[new, R_FD] = number
    rec[new, R_TABLE] = t
    rec[new, R_FLAGS] = species[made, F_FLAGS]
    rec[new, R_STATE] = species[made, F_STATE]
    rec[new, R_SPECIES] = made
    rec[new, R_BRAND] = -1
    rec[new, R_IDENT] = state[IDENTS]
    rec[new, R_OFD] = state[OFDS] if ofd < 0 else ofd
    rec[new, R_TWIN] = made if species[made, F_TWIN] else UNKNOWN_TWIN
    rec[new, R_LAST] = -1
    rec[new, R_STATED] = -1
    rec[new, R_CLOSED] = -1
    state[IDENTS] += 1
    state[OFDS] += ofd < 0
    mark(rec, new, R_OPENED, i, kind, pos, wide, narrow)
    cell = tables[t, T_BASE] + number
    cells[cell, C_RECORD] = new
    cells[cell, C_FLAGS] |= TOUCHED
    if species[made, F_CLOEXEC]:
        cells[cell, C_FLAGS] |= CLOEXEC
    else:
        cells[cell, C_FLAGS] &= ~CLOEXEC
    tables[t, T_COUNT] += 1
    tables[t, T_CHANGED] = pos
    level(tables, t, pos, curve, state)
    logs[L_BEGUN, state[BEGUN]] = new
    state[BEGUN] += 1
    return new


@part
def met(length: int, records: int, arena: Bytes, known: Ints, state: Ints) -> int:
    """Whether a species of this key is known (DONE), and there is room for so many records of it."""
    state[MADE] = known_as(arena, known, length, state)
    if state[MADE] == NEVER or state[MADE] == LITERAL:
        return ROWS
    if state[MADE] < 0:
        state[WHAT] = length
        state[WANTED] = A_FORM
        return NEW_SPECIES
    return DONE if state[FREE] >= records else ROOM


@part
def set_cloexec(r: int, cell: int, on: bool, cells: Ints, rec: Ints) -> None:
    """The close-on-exec flag of a number was set or cleared."""
    rec[r, R_FLAGS] &= ~(CLOEXEC_ON | CLOEXEC_OFF)
    if on:
        cells[cell, C_FLAGS] |= CLOEXEC
        rec[r, R_FLAGS] |= CLOEXEC_ON
    else:
        cells[cell, C_FLAGS] &= ~CLOEXEC
        rec[r, R_FLAGS] |= CLOEXEC_OFF
