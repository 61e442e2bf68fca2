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
from ..readers.strace.scan_columns import CODE, ERRNO_CODE, EXITED, FD, NO_RESULT, TID
from .walk_calls import enter, leave
from .walk_columns import (
    ALONE,
    ASK,
    AT,
    BATCH,
    DEPARTED,
    DONE,
    DUE,
    EXITING,
    EXPECTED,
    K_STANDING,
    K_TABLE,
    L_BATCH,
    LIMIT,
    NO_SEAT,
    NOBODY,
    NOT_LENT,
    POS,
    PUBLISH,
    ROWS,
    S_EXITS,
    S_FAILS,
    S_OVER,
    S_QUITS,
    S_SPAWNS,
    S_TAKEN,
    SETTLED,
    SILENT,
    T_ROWS,
    WHO,
)
from .walk_copies import enter_over, leave_over
from .walk_records import ENTRY, EXIT, SIGNAL, Flags, Marks, Narrow
from .walk_threads import (
    adopt,
    depart,
    enter_spawn,
    hear,
    is_new,
    leave_spawn,
    leave_thread,
    may_depart,
    name,
    place_of_tid,
    seat_at,
)


@part
def _take(i: int, kind: int, w: int, s: int, op: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks,
          dull: Ints, tids: Ints, threads: Ints, tables: Ints, cells: Ints, rec: Ints, logs: Ints,
          arena: Bytes, known: Ints, species: Ints, curve: Ints, state: Ints) -> int:  # fmt: skip
    """Take the row of a call; DONE, or why that is not possible."""
    if kind == ENTRY:
        if s & S_OVER:
            return enter_over(i, w, op, buf, wide, narrow, joined, threads, tables, cells, rec, arena, curve,
                              state)  # fmt: skip
        if s & S_SPAWNS:
            return enter_spawn(i, w, s, op, buf, wide, narrow, joined, threads, tables, cells, rec, logs,
                               arena, known, curve, state)  # fmt: skip
        return enter(i, w, s, op, buf, wide, narrow, joined, threads, tables, cells, rec, curve, state)
    if s & S_FAILS and narrow[ERRNO_CODE, i] < 0:
        return ROWS
    if s & S_OVER:
        return leave_over(i, kind, w, op, buf, wide, narrow, joined, threads, tables, cells, rec, logs, arena,
                          known, species, curve, state)  # fmt: skip
    weight = np.int64(0)
    if narrow[ERRNO_CODE, i] >= 0:
        weight = dull[narrow[ERRNO_CODE, i]]
    if s & S_SPAWNS:
        return leave_spawn(i, kind, w, s, op, weight, buf, wide, narrow, joined, tids, threads, tables, logs,
                           arena, known, state)  # fmt: skip
    return leave(i, kind, w, s, op, weight, buf, wide, narrow, joined, threads, tables, cells, rec, logs,
                 arena, known, species, curve, state)  # fmt: skip


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
        w, at, first = np.int64(NOT_LENT), np.int64(0), False
        if kind <= SIGNAL or kind == EXITED:
            at = place_of_tid(tids, narrow[TID, i])
            w = seat_at(tids, at)
            if kind == EXITED:
                if not may_depart(tids, at, threads, tables):
                    w = np.int64(NOT_LENT)
            elif is_new(tids, at) or tids[at, 1] <= EXPECTED:
                first, matters = not matters, True
                if is_new(tids, at):
                    w = np.int64(ALONE)
            elif w == DEPARTED:
                w = np.int64(ALONE)
        if not matters:
            i += 1
            continue
        if state[BATCH] > 0 and w != NOT_LENT:
            break
        plainly_first = first and op == 0 and flags[i] == 0
        if w == ALONE:
            parted = is_new(tids, at) or tids[at, 1] == DEPARTED
            w = np.int64(NOBODY)
            if parted and (plainly_first or not first):
                w = adopt(at, i, kind, wide, narrow, tids, threads, tables, logs, state)
            if w == -NO_SEAT:
                state[AT] = i
                return NO_SEAT
            if w == NOBODY:
                name(tids, at, narrow[TID, i], NOT_LENT, state)
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
        what = np.int64(ROWS)
        if kind == EXITED:
            depart(w, at, tids, threads, tables, logs, state)
            what = np.int64(DONE)
        else:
            tids[at, 1] = w
            if threads[w, K_STANDING] & SILENT:
                hear(w, threads, logs, state)
        if plainly_first:
            what = np.int64(DONE)
        elif kind <= EXIT and not first and s & S_TAKEN != 0:
            if s & (S_EXITS | S_QUITS) != 0 or flags[i] == NO_RESULT:
                what = leave_thread(i, kind, flags[i], w, s, op, wide, narrow, threads, tables, cells, rec,
                                    logs, state)  # fmt: skip
            elif flags[i] == 0 and threads[w, K_STANDING] & EXITING == 0:
                what = _take(i, kind, w, s, op, buf, wide, narrow, joined, dull, tids, threads, tables, cells,
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
