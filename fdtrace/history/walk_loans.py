"""Tables as they go to the walk and come back: all their cells and records at once."""

from __future__ import annotations

from ..machine_code import compiled
from ..readers.strace.scan_bytes import Ints
from .walk_columns import (
    C_FLAGS,
    C_RECORD,
    CLOEXEC_OFF,
    CLOEXEC_ON,
    FOREIGN,
    FREE,
    L_FREE,
    NOTED,
    R_BRAND,
    R_FAILED,
    R_FD,
    R_FLAGS,
    R_IDENT,
    R_LAST,
    R_OFD,
    R_PY,
    R_STATE,
    R_STATED,
    R_TABLE,
    R_TWIN,
    R_USES,
    RECORD,
    T_BASE,
    T_CELLS,
    UNKNOWN_TWIN,
)

ROOM = 6
"""So many numbers are said at most of each number of a table, and in the beginning."""
HEADS = 2
"""What is said of a table begins with two counts: of what is open, and of numbers with marks."""


@compiled
def hand_over(said: Ints, place: int, tables: Ints, cells: Ints, rec: Ints, logs: Ints, state: Ints) -> None:
    """Make records of the lives of a table, and set the marks of its numbers.

    For each life its number, flags, state and open file description are said; for each mark its number
    and itself. The records are the last free ones, in the order of the lives.
    """
    lives, marks = said[0], said[1]
    base, size = tables[place, T_BASE], tables[place, T_CELLS]
    state[FREE] -= lives
    free = state[FREE]
    at = HEADS
    for n in range(lives):
        r = logs[L_FREE, free + n]
        for k in range(RECORD):
            rec[r, k] = 0
        rec[r, R_PY] = 1
        rec[r, R_FD] = said[at]
        rec[r, R_TABLE] = place
        rec[r, R_FLAGS] = said[at + 1]
        rec[r, R_STATE] = said[at + 2]
        rec[r, R_OFD] = said[at + 3]
        rec[r, R_BRAND] = -1
        rec[r, R_LAST] = -1
        rec[r, R_STATED] = -1
        rec[r, R_TWIN] = UNKNOWN_TWIN
        cells[base + said[at], C_RECORD] = r
        at += 4
    for _ in range(marks):
        if 0 <= said[at] < size:
            cells[base + said[at], C_FLAGS] |= said[at + 1]
        at += 2


@compiled
def look(said: Ints, place: int, tables: Ints, cells: Ints, rec: Ints) -> int:
    """Say what a table holds: number, record, whether it has news for its life, and its order of birth.

    All that becomes of a life comes with a use of it. Behind that stands each number with marks, and
    these. Returns how much was said.
    """
    base, size = tables[place, T_BASE], tables[place, T_CELLS]
    at = HEADS
    for number in range(size):
        r = cells[base + number, C_RECORD]
        if r < 0:
            continue
        said[at] = number
        said[at + 1] = r
        said[at + 2] = rec[r, R_FLAGS] & FOREIGN == 0 and (rec[r, R_USES] > 0 or rec[r, R_PY] != 1)
        said[at + 3] = rec[r, R_IDENT]
        at += 4
    said[0] = (at - HEADS) // 4
    open_end = at
    for number in range(size):
        marks = cells[base + number, C_FLAGS] & ~NOTED
        if marks:
            said[at] = number
            said[at + 1] = marks
            at += 2
    said[1] = (at - open_end) // 2
    return at


@compiled
def settle(r: int, said: Ints, rec: Ints) -> None:
    """Say all that a record has summed up, which its life knows from now on."""
    for k in range(RECORD):
        said[k] = rec[r, k]
    for k in range(R_USES, R_LAST):
        rec[r, k] = 0
    rec[r, R_STATED] = -1
    rec[r, R_FAILED] = 0
    rec[r, R_FLAGS] &= ~(CLOEXEC_ON | CLOEXEC_OFF)


@compiled
def gather(records: Ints, places: Ints, which: Ints, rec: Ints, found: Ints) -> None:
    """Put some columns of these records into these places of rows, one for each column."""
    for n in range(len(records)):
        for k in range(len(which)):
            found[k, places[n]] = rec[records[n], which[k]]
