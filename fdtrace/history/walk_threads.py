"""Births and deaths of threads in the walk: calls that make one, first rows, exits.

What a thread is, `family` defines. Here stand those that share a lent table with the
rest of their process: they take a seat among the threads when their parent's call
returns or, if that is sooner, with their first row, and lose it when they have ended. The
fold hears of them before it takes its next row (`lent_threads`).

    clone …       ─▶ the seat waits for a child     its result  ─▶ a child, unless it is there
    first row     ─▶ the child of a call that waits, where all that wait share one table
    exit          ─▶ no user of the table any more  +++ exited  ─▶ a free seat
"""

from __future__ import annotations

import numpy as np

from ..machine_code import compiled, part
from ..readers.strace.scan_bytes import CLASS, DIGIT, EQUALS, NEWLINE, WORD, ZERO, Bytes, Ints, says
from ..readers.strace.scan_columns import (
    ERRNO_CODE,
    FD,
    HEAD_START,
    HEAD_STOP,
    NO_RESULT,
    NOTE_CODE,
    RET,
    START,
    STOP,
    TID,
)
from .walk_calls import enter
from .walk_columns import (
    ALIVE,
    BIRTHS,
    BORN,
    BY_SIGHT,
    C_RECORD,
    DEPARTED,
    DONE,
    EXITING,
    EXPECTED,
    FANOTIFY,
    FOLLOWED,
    FOREIGN,
    FORMER,
    GONE,
    HARD,
    HAS_LEFT,
    K_AT,
    K_CHILD,
    K_CLOEXEC,
    K_FD,
    K_KIN,
    K_KNOWN,
    K_LEAVING,
    K_OLD,
    K_OP,
    K_SHUT,
    K_STANDING,
    K_STARTED,
    K_TABLE,
    K_TID,
    KEY,
    L_BORN,
    L_SEATS,
    L_STIR,
    L_WAITING,
    LONGEST_KEY,
    MET,
    NAMED,
    NEW_WORDS,
    NO_CALL,
    NO_SEAT,
    NOBODY,
    NOT_LENT,
    POS,
    QUIET,
    QUITTING,
    R_FLAGS,
    R_HELD,
    ROWS,
    S_CREATES,
    S_EXITS,
    S_FLIES,
    S_HOLDS,
    S_PLAIN,
    S_QUITS,
    S_USES,
    SEATS,
    SHARES,
    SILENT,
    SILENTS,
    STIR,
    STIRRED,
    T_BASE,
    T_CELLS,
    T_CHANGED,
    T_FLIGHTS,
    T_PID,
    T_USERS,
    THREAD,
    UNMET,
    WAITING,
    WHAT,
)
from .walk_records import ENTRY, EXIT, Marks, Narrow, count, mark
from .walk_words import known_as

_FACTOR = np.int64(-0x61C8864680B583EB)
_MARK = np.int64(1 << 40)
"""What makes the number of a thread in a list differ from an empty place."""
MOST_WAITING = 64
"""Calls under way that make threads of which the walk keeps account."""
_FLAGS = b"flags"
(_BAR,) = b"|"
_WORD, _NUMBER = 1, 2


# -- numbers ---------------------------------------------------------------------


@part
def place_of_tid(tids: Ints, tid: int) -> int:
    """The slot of a thread's number, or of the empty place where it belongs."""
    mask = tids.shape[0] - 1
    at = ((tid * _FACTOR) >> 20) & mask
    while tids[at, 0] != 0 and tids[at, 0] != tid + _MARK:
        at = (at + 1) & mask
    return at


@part
def seat_at(tids: Ints, at: int) -> int:
    """The seat of the thread in a slot; what stands there instead where it has none."""
    standing = tids[at, 1]
    return QUIET - standing if standing <= EXPECTED else standing


@part
def is_new(tids: Ints, at: int) -> bool:
    """Whether nobody is known by the number in a slot, and nobody has printed a line under it."""
    return tids[at, 0] == 0 or tids[at, 1] == UNMET


@part
def name(tids: Ints, at: int, tid: int, standing: int, state: Ints) -> None:
    """Say what a number, whose slot this is, stands for from now on."""
    if tids[at, 0] == 0:
        tids[at, 0] = np.int64(tid) + _MARK
        state[MET] += 1
    tids[at, 1] = standing


@compiled
def acquaint(tids: Ints, tid: int, state: Ints) -> None:
    """Somebody is known by this number, to the fold."""
    at = place_of_tid(tids, tid)
    if is_new(tids, at):
        name(tids, at, tid, EXPECTED, state)
    elif tids[at, 1] == DEPARTED:
        tids[at, 1] = NOT_LENT


@compiled
def rehash(old: Ints, new: Ints) -> None:
    """Copy all numbers of threads into an empty, larger list."""
    for i in range(old.shape[0]):
        if old[i, 0] != 0:
            at = place_of_tid(new, old[i, 0] - _MARK)
            new[at, 0] = old[i, 0]
            new[at, 1] = old[i, 1]


# -- seats -----------------------------------------------------------------------


@compiled
def seat(tid: int, silent: int, kin: int, t: int, op: int, old: int, shut: int, cloexec: int, fd: int,
         tids: Ints, threads: Ints, tables: Ints, logs: Ints, state: Ints) -> int:  # fmt: skip
    """The thread of this number has a seat from now on, which is returned, and so has its call under way."""
    state[SEATS] -= 1
    place = logs[L_SEATS, state[SEATS]]
    for k in range(THREAD):
        threads[place, k] = 0
    threads[place, K_TABLE] = t
    threads[place, K_OP] = op
    threads[place, K_OLD] = old
    threads[place, K_SHUT] = shut
    threads[place, K_CLOEXEC] = cloexec
    threads[place, K_FD] = fd
    threads[place, K_STANDING] = SILENT if silent else 0
    threads[place, K_TID] = tid
    threads[place, K_CHILD] = NOBODY
    threads[place, K_KNOWN] = 1
    threads[place, K_KIN] = kin
    tables[t, T_USERS] += kin
    state[SILENTS] += silent
    at = place_of_tid(tids, tid)
    first = is_new(tids, at) or tids[at, 1] <= EXPECTED
    name(tids, at, tid, QUIET - place if first else place, state)
    return place


@compiled
def vacate(place: int, standing: int, tids: Ints, threads: Ints, tables: Ints, logs: Ints,
           state: Ints) -> None:  # fmt: skip
    """A thread has no seat any more; its number stands for something else."""
    there = threads[place, K_STANDING]
    if there & (HAS_LEFT | GONE) == 0:
        tables[threads[place, K_TABLE], T_USERS] -= threads[place, K_KIN]
    if there & GONE == 0:
        state[SILENTS] -= there & SILENT
        at = place_of_tid(tids, threads[place, K_TID])
        tids[at, 1] = EXPECTED if tids[at, 1] <= EXPECTED else standing
    logs[L_SEATS, state[SEATS]] = place
    state[SEATS] += 1


@part
def _stir(w: int, threads: Ints, logs: Ints, state: Ints) -> None:
    """What is known of a thread has changed."""
    if threads[w, K_KNOWN] and threads[w, K_STANDING] & STIRRED == 0:
        threads[w, K_STANDING] |= STIRRED
        logs[L_STIR, state[STIR]] = w
        state[STIR] += 1


@part
def _born(at: int, tid: int, parent: int, silent: int, i: int, kind: int, wide: Ints, narrow: Narrow,
          tids: Ints, threads: Ints, tables: Ints, logs: Ints, state: Ints) -> int:  # fmt: skip
    """A thread is born here; its seat."""
    state[SEATS] -= 1
    new = logs[L_SEATS, state[SEATS]]
    for k in range(THREAD):
        threads[new, k] = 0
    t = threads[parent, K_TABLE]
    threads[new, K_TABLE] = t
    threads[new, K_OP] = NO_CALL
    threads[new, K_OLD] = -1
    threads[new, K_SHUT] = -1
    threads[new, K_STANDING] = silent
    threads[new, K_TID] = tid
    threads[new, K_KIN] = 1
    mark(threads, new, K_STARTED, i, kind, state[POS] + 1, wide, narrow)
    name(tids, at, tid, QUIET - new if silent and is_new(tids, at) else new, state)
    tables[t, T_USERS] += 1
    state[SILENTS] += silent
    state[ALIVE] -= 1
    logs[L_BORN, state[BORN]] = new
    state[BORN] += 1
    return new


@part
def hear(w: int, threads: Ints, logs: Ints, state: Ints) -> None:
    """A thread that had been silent since its birth prints a line."""
    threads[w, K_STANDING] &= ~SILENT
    state[SILENTS] -= 1
    state[FOLLOWED] = 1
    _stir(w, threads, logs, state)


# -- calls that make threads -----------------------------------------------------


@part
def _words(buf: Bytes, i: int, kind: int, wide: Ints, arena: Bytes, state: Ints) -> int:
    """Copy a call behind the arena's end, numbers but those of its flags as 0; its length, -1 when long."""
    head, tail = np.int64(0), np.int64(0)
    if kind == EXIT:
        head, tail = wide[HEAD_START, i], wide[HEAD_STOP, i]
    size, start = tail - head, wide[START, i]
    first = state[KEY]
    at, inside, in_flags = first, 0, False
    for j in range(size + wide[STOP, i] - start):
        if at - first == LONGEST_KEY:
            return -1
        c = buf[head + j] if j < size else buf[start + j - size]
        if CLASS[c] & WORD == 0:
            inside = 0
        elif inside == 0:
            inside = _NUMBER if CLASS[c] & DIGIT != 0 and not in_flags else _WORD
        elif inside == _NUMBER:
            continue
        in_flags = in_flags and (inside != 0 or c == _BAR)
        if c == EQUALS and at - first >= len(_FLAGS):
            in_flags = says(arena, at - len(_FLAGS), _FLAGS)
        arena[at] = ZERO if inside == _NUMBER else c
        at += 1
    arena[at] = NEWLINE
    return at - first


@part
def _makes_thread(i: int, kind: int, buf: Bytes, wide: Ints, joined: Marks, arena: Bytes, known: Ints,
                  state: Ints) -> int:  # fmt: skip
    """Whether a call plainly makes a thread that shares its caller's table (DONE)."""
    length = -1 if joined[i] else _words(buf, i, kind, wide, arena, state)
    if length < 0:
        return ROWS
    found = known_as(arena, known, length, state)
    if found < 0:
        state[WHAT] = length
        return NEW_WORDS
    return DONE if found == SHARES else ROWS


@part
def _may_wait(w: int, threads: Ints, state: Ints) -> bool:
    """Whether children of a thread may be born in the walk."""
    return state[BIRTHS] != 0 and threads[w, K_KIN] != 0 and state[WAITING] < MOST_WAITING


@part
def enter_spawn(i: int, w: int, s: int, op: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks,
                threads: Ints, tables: Ints, cells: Ints, rec: Ints, logs: Ints, arena: Bytes, known: Ints,
                curve: Ints, state: Ints) -> int:  # fmt: skip
    """A call begins that makes a thread: its child may be seen before it returns."""
    if not _may_wait(w, threads, state):
        return ROWS
    what = _makes_thread(i, ENTRY, buf, wide, joined, arena, known, state)
    if what == DONE:
        what = enter(i, w, s, op, buf, wide, narrow, joined, threads, tables, cells, rec, curve, state)
    if what == DONE:
        threads[w, K_CHILD] = NOBODY
        logs[L_WAITING, state[WAITING]] = w
        state[WAITING] += 1
    return what


@part
def _taken_for(tid: int, w: int, threads: Ints, logs: Ints, state: Ints) -> int:
    """The thread whose call waits no more, for it was given this child, which may be another's."""
    for n in range(state[WAITING]):
        other = logs[L_WAITING, n]
        if other != w and threads[other, K_CHILD] == tid:
            return other
    return NOBODY


@part
def leave_spawn(i: int, kind: int, w: int, s: int, op: int, dull: int, buf: Bytes, wide: Ints,
                narrow: Narrow, joined: Marks, tids: Ints, threads: Ints, tables: Ints, logs: Ints,
                arena: Bytes, known: Ints, state: Ints) -> int:  # fmt: skip
    """The call returned its child's number, as `Family.spawned` has it, or failed."""
    if threads[w, K_OP] != (op if kind == EXIT else NO_CALL) or dull == HARD:
        return ROWS
    tid, child = wide[RET, i], np.int64(NOBODY)
    if kind == EXIT:
        child = threads[w, K_CHILD]
    elif not _may_wait(w, threads, state):
        return ROWS
    if narrow[ERRNO_CODE, i] < 0:
        if tid <= 0 or tid == threads[w, K_TID]:
            return ROWS
        what = _makes_thread(i, kind, buf, wide, joined, arena, known, state)
        if what == DONE and child != tid:
            what = _returned(tid, child, i, kind, w, wide, narrow, tids, threads, tables, logs, state)
        if what != DONE:
            return what
    if kind == EXIT:
        t = threads[w, K_TABLE]
        threads[w, K_OP] = NO_CALL
        tables[t, T_FLIGHTS] -= 1
        tables[t, T_CHANGED] = state[POS] + 1
        n = np.int64(0)
        while logs[L_WAITING, n] != w:
            n += 1
        state[WAITING] -= 1
        for m in range(n, state[WAITING]):
            logs[L_WAITING, m] = logs[L_WAITING, m + 1]
    return DONE


@part
def _returned(tid: int, child: int, i: int, kind: int, w: int, wide: Ints, narrow: Narrow, tids: Ints,
              threads: Ints, tables: Ints, logs: Ints, state: Ints) -> int:  # fmt: skip
    """A number that is not its child's so far was returned: the child is born, or was taken for another's."""
    at = place_of_tid(tids, tid)
    free = is_new(tids, at) or tids[at, 1] == DEPARTED
    if not free and seat_at(tids, at) < 0:
        return ROWS
    other = NOBODY if free else _taken_for(tid, w, threads, logs, state)
    if other != NOBODY:
        threads[other, K_CHILD] = child
        return DONE
    if child != NOBODY:
        own, made = threads[w, K_TID], child if child > 0 else FORMER - child
        return ROWS if free and tid < own < made else DONE
    if not free or state[ALIVE] <= 0:
        return ROWS
    if state[SEATS] == 0:
        return NO_SEAT
    _born(at, tid, w, SILENT, i, kind, wide, narrow, tids, threads, tables, logs, state)
    return DONE


@part
def adopt(at: int, i: int, kind: int, wide: Ints, narrow: Narrow, tids: Ints, threads: Ints, tables: Ints,
          logs: Ints, state: Ints) -> int:  # fmt: skip
    """The seat of a thread that prints its first line, the child of the oldest call that waits for one.

    NOBODY where that is not clear, or the fold knows more of it; -NO_SEAT where there is none for it.
    """
    if state[BIRTHS] != BY_SIGHT or state[ALIVE] <= 0:
        return NOBODY
    parent = np.int64(NOBODY)
    for n in range(state[WAITING]):
        w = logs[L_WAITING, n]
        if threads[w, K_CHILD] == NOBODY:
            if parent == NOBODY:
                parent = w
            elif threads[w, K_TABLE] != threads[parent, K_TABLE]:
                return NOBODY
    if parent == NOBODY:
        return NOBODY
    if state[SEATS] == 0:
        return -NO_SEAT
    tid = np.int64(narrow[TID, i])
    threads[parent, K_CHILD] = tid
    state[FOLLOWED] = 1
    return _born(at, tid, parent, 0, i, kind, wide, narrow, tids, threads, tables, logs, state)


# -- ends ------------------------------------------------------------------------


@part
def leave_thread(i: int, kind: int, flags: int, w: int, s: int, op: int, wide: Ints, narrow: Narrow,
                 threads: Ints, tables: Ints, cells: Ints, rec: Ints, logs: Ints,
                 state: Ints) -> int:  # fmt: skip
    """A thread calls `exit` or `exit_group`, or dies in another call."""
    t, pos = threads[w, K_TABLE], state[POS] + 1
    exits = s & (S_EXITS | S_QUITS) != 0
    if flags != (0 if kind == ENTRY else NO_RESULT):
        return ROWS
    if threads[w, K_OP] != (op if kind == EXIT else NO_CALL):
        return ROWS
    if kind == EXIT and exits:
        threads[w, K_OP] = NO_CALL
        tables[t, T_FLIGHTS] -= 1
        return DONE
    if threads[w, K_STANDING] & (EXITING | QUITTING):
        return ROWS
    leaving = np.int64(EXITING)
    if kind == EXIT:
        what = _die_in_call(i, w, s, pos, wide, narrow, threads, tables, cells, rec)
        if what != DONE:
            return what
    else:
        if not exits or not _may_leave(w, t, s, threads, tables):
            return ROWS
        if kind == ENTRY:
            threads[w, K_OP] = op
            threads[w, K_OLD] = -1
            threads[w, K_SHUT] = -1
            mark(threads, w, K_AT, i, ENTRY, pos, wide, narrow)
            tables[t, T_FLIGHTS] += 1
        if s & S_QUITS:
            leaving = np.int64(QUITTING)
        else:
            threads[w, K_STANDING] |= HAS_LEFT
            tables[t, T_USERS] -= 1
    threads[w, K_STANDING] |= leaving
    mark(threads, w, K_LEAVING, i, kind, pos, wide, narrow)
    _stir(w, threads, logs, state)
    return DONE


@part
def _may_leave(w: int, t: int, s: int, threads: Ints, tables: Ints) -> bool:
    """Whether nothing ends with a thread's `exit`; an `exit_group` only says what is going to happen."""
    if s & S_QUITS:
        return threads[w, K_KNOWN] != 0
    return threads[w, K_KIN] != 0 and tables[t, T_USERS] >= 2


@part
def _die_in_call(i: int, w: int, s: int, pos: int, wide: Ints, narrow: Narrow, threads: Ints, tables: Ints,
                 cells: Ints, rec: Ints) -> int:  # fmt: skip
    """A call never returned, for its thread was killed in it; it was a use of its descriptor all the same."""
    if s & (S_PLAIN | S_CREATES) == 0:
        return ROWS
    t, fd, r = threads[w, K_TABLE], wide[FD, i], np.int64(-1)
    if s & S_USES and fd >= 0:
        r = threads[w, K_OLD]
        if r < 0 and fd < tables[t, T_CELLS]:
            r = cells[tables[t, T_BASE] + fd, C_RECORD]
        if r < 0 or rec[r, R_FLAGS] & (FOREIGN | FANOTIFY) != 0:
            return ROWS
        if narrow[NOTE_CODE, i] >= 0 and rec[r, R_FLAGS] & NAMED == 0:
            return ROWS
    if threads[w, K_OLD] >= 0:
        rec[threads[w, K_OLD], R_HELD] -= 1
    threads[w, K_OP] = NO_CALL
    if s & S_FLIES:
        tables[t, T_FLIGHTS] -= 1
    if s & S_HOLDS:
        tables[t, T_CHANGED] = pos
    if r >= 0:
        count(r, i, s, False, -1, pos, wide, narrow, rec)
    return DONE


@part
def may_depart(tids: Ints, at: int, threads: Ints, tables: Ints) -> bool:
    """Whether the end of a thread ends nothing else: others of its process use its table."""
    if tids[at, 0] == 0 or seat_at(tids, at) < 0:
        return False
    w = seat_at(tids, at)
    t = threads[w, K_TABLE]
    others = tables[t, T_USERS] - (threads[w, K_STANDING] & HAS_LEFT == 0)
    calm = threads[w, K_OP] == NO_CALL and threads[w, K_KIN] != 0
    return calm and others > 0 and threads[w, K_TID] != tables[t, T_PID]


@part
def depart(w: int, at: int, tids: Ints, threads: Ints, tables: Ints, logs: Ints, state: Ints) -> None:
    """A thread has ended, and was not the last one."""
    if threads[w, K_STANDING] & SILENT:
        hear(w, threads, logs, state)
    tids[at, 1] = UNMET if tids[at, 1] <= EXPECTED else DEPARTED
    if threads[w, K_STANDING] & HAS_LEFT == 0:
        tables[threads[w, K_TABLE], T_USERS] -= 1
    threads[w, K_STANDING] |= GONE
    state[ALIVE] += 1
    parent = _taken_for(threads[w, K_TID], w, threads, logs, state)
    if parent != NOBODY:
        threads[parent, K_CHILD] = FORMER - threads[w, K_TID]
    _stir(w, threads, logs, state)
