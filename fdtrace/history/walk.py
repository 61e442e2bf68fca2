"""The walk: rows that only add to what is known of calm tables, taken in compiled loops.

The definition of what a call does is the fold (`fold`, `calls`, `numbers`,
`passing`). A table whose state is simple is *lent*: it stands in arrays, and
the walk takes its rows as the fold would have, as long as they are of a few
plain forms:

    openat accept4 socket …  ─▶ a record     read write fstat …  ─▶ sums of a record
    close                    ─▶ its end      what fails          ─▶ nothing, or a use

It decides about a row before it changes anything. What it does not know
stops it: the fold takes the row, and whatever of a lent table the fold looks at
has been given back by then. So each row is taken by one of the two, in the
order of the capture, on the same state.
"""

from __future__ import annotations

import numpy as np

from ..machine_code import compiled, part
from ..readers.strace.scan_bytes import Bytes, Ints
from ..readers.strace.scan_columns import CODE, ERRNO_CODE, FD, TID
from .walk_calls import enter, leave
from .walk_columns import (
    ALONE,
    ASK,
    AT,
    BATCH,
    DONE,
    DUE,
    K_TABLE,
    L_BATCH,
    LIMIT,
    MET,
    NOT_LENT,
    POS,
    PUBLISH,
    ROWS,
    S_FAILS,
    S_OVER,
    S_TAKEN,
    SETTLED,
    T_ROWS,
    WHO,
)
from .walk_copies import enter_over, leave_over
from .walk_records import ENTRY, EXIT, SIGNAL, Flags, Marks, Narrow

_FACTOR = np.int64(-0x61C8864680B583EB)
_MARK = np.int64(1 << 40)
"""What makes the number of a thread in a list differ from an empty place."""


@part
def _place_of_tid(tids: Ints, tid: int) -> int:
    """The slot of a thread's number, or of the empty place where it belongs."""
    mask = tids.shape[0] - 1
    at = ((tid * _FACTOR) >> 20) & mask
    while tids[at, 0] != 0 and tids[at, 0] != tid + _MARK:
        at = (at + 1) & mask
    return at


@compiled
def enrol(tids: Ints, tid: int, thread: int) -> int:
    """Say which thread a number stands for from now on; 1 when the number is new."""
    at = _place_of_tid(tids, tid)
    new = tids[at, 0] == 0
    tids[at, 0] = tid + _MARK
    tids[at, 1] = thread
    return 1 if new else 0


@compiled
def rehash(old: Ints, new: Ints) -> None:
    """Copy all numbers of threads into an empty, larger list."""
    for i in range(old.shape[0]):
        if old[i, 0] != 0:
            at = _place_of_tid(new, old[i, 0] - _MARK)
            new[at, 0] = old[i, 0]
            new[at, 1] = old[i, 1]


@compiled
def walk(
    rows: int,
    buf: Bytes,
    wide: Ints,
    narrow: Narrow,
    kinds: Marks,
    flags: Flags,
    joined: Marks,
    ops: Ints,
    dull: Ints,
    tids: Ints,
    threads: Ints,
    tables: Ints,
    cells: Ints,
    rec: Ints,
    logs: Ints,
    arena: Bytes,
    known: Ints,
    species: Ints,
    curve: Ints,
    state: Ints,
) -> int:
    """Take rows until there is something that only the fold can do; says why it stopped.

    `ops` has for each system call its `Op`, whether it is a use that matters with
    a descriptor only, and its traits. The rows for the fold stand in the log L_BATCH:
    one of a lent table, or some of others up to the next one of a lent table.
    """
    i = state[AT]
    state[BATCH] = 0
    while i < rows:
        kind, code = kinds[i], narrow[CODE, i]
        op, uses, s = np.int64(0), np.int64(0), np.int64(0)
        if code >= 0:
            op, uses, s = ops[code, 0], ops[code, 1], ops[code, 2]
        matters = kind > SIGNAL or (op != 0 and (uses == 0 or wide[FD, i] >= 0))
        w, at = np.int64(NOT_LENT), np.int64(0)
        if kind <= SIGNAL:
            at = _place_of_tid(tids, narrow[TID, i])
            w = tids[at, 1]
            if tids[at, 0] == 0:
                w = np.int64(ALONE)
                matters = True
        if not matters:
            i += 1
            continue
        if w == ALONE:
            if state[BATCH] == 0:
                if tids[at, 0] == 0:
                    tids[at, 0] = np.int64(narrow[TID, i]) + _MARK
                    state[MET] += 1
                tids[at, 1] = NOT_LENT
                logs[L_BATCH, 0] = i
                state[BATCH] = 1
                i += 1
            break
        if w == NOT_LENT:
            logs[L_BATCH, state[BATCH]] = i
            state[BATCH] += 1
            i += 1
            if state[BATCH] >= state[LIMIT]:
                break
            continue
        if state[BATCH] > 0:
            break
        what = np.int64(ROWS)
        simple = flags[i] == 0 and kind <= EXIT and s & S_TAKEN != 0
        if simple and s & S_FAILS != 0 and kind != ENTRY:
            simple = narrow[ERRNO_CODE, i] >= 0
        if simple:
            if s & S_OVER:
                if kind == ENTRY:
                    what = enter_over(i, w, op, buf, wide, narrow, joined, threads, tables, cells, rec, arena,
                                      curve, state)  # fmt: skip
                else:
                    what = leave_over(i, kind, w, op, buf, wide, narrow, joined, threads, tables, cells, rec,
                                      logs, arena, known, species, curve, state)  # fmt: skip
            elif kind == ENTRY:
                what = enter(
                    i, w, s, op, buf, wide, narrow, joined, threads, tables, cells, rec, curve, state
                )
            else:
                weight = np.int64(0)
                if narrow[ERRNO_CODE, i] >= 0:
                    weight = dull[narrow[ERRNO_CODE, i]]
                what = leave(i, kind, w, s, op, weight, buf, wide, narrow, joined, threads, tables, cells,
                              rec, logs, arena, known, species, curve, state)  # fmt: skip
        if what == DONE:
            state[SETTLED] = 0
            state[POS] += 1
            tables[threads[w, K_TABLE], T_ROWS] += 1
            i += 1
            if state[POS] >= state[DUE]:
                state[AT] = i
                return PUBLISH
            continue
        state[AT] = i
        if what == ROWS:
            state[SETTLED] = 0
            logs[L_BATCH, 0] = i
            state[BATCH] = 1
            state[AT] = i + 1
        if what == ASK:
            state[WHO] = w
        return what
    state[AT] = i
    return ROWS if state[BATCH] > 0 else DONE
