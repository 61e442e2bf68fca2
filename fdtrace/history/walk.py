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
import numpy.typing as npt

from ..readers.strace.scan_bytes import CLASS, DIGIT, Bytes, Ints, compiled, part, says
from ..readers.strace.scan_columns import (
    CLOCK,
    CODE,
    ENTRY_CLOCK,
    ENTRY_LINE,
    ENTRY_OFFSET,
    ERRNO_CODE,
    FD,
    HEAD_START,
    HEAD_STOP,
    LINE,
    NOTE_CODE,
    OFFSET,
    RET,
    RET_NOTE,
    SEQ,
    STACK_CODE,
    START,
    STOP,
    TID,
)
from ..readers.strace.scan_strings import hashed, same
from .walk_columns import (
    A_CLOCK,
    A_CODE,
    A_LINE,
    A_OFFSET,
    A_POS,
    A_SEQ,
    A_STACK,
    A_TID,
    ASK,
    AT,
    BARRED,
    BATCH,
    BEGUN,
    C_CLOSED,
    C_FLAGS,
    C_RECORD,
    CLOEXEC,
    CLOSE_WAIT,
    CLOSED_STATE,
    CONNECTION,
    CURVE,
    DONE,
    DUE,
    ENDED,
    FANOTIFY,
    FIN_WAIT,
    FOREIGN,
    FREE,
    GROW,
    HARD,
    IDENTS,
    K_AT,
    K_CLOEXEC,
    K_FD,
    K_OLD,
    K_OP,
    K_SHUT,
    K_TABLE,
    KEY,
    L_BATCH,
    L_BEGUN,
    L_ENDED,
    L_FREE,
    LIMIT,
    LONGEST_KEY,
    MET,
    MOST_NUMBERS,
    NAMED,
    NEW_SPECIES,
    NO_CALL,
    NOT_LENT,
    NOTE,
    NOTED,
    OFDS,
    POS,
    PUBLISH,
    R_BRAND,
    R_CLOSED,
    R_ERRORS,
    R_FD,
    R_FLAGS,
    R_HELD,
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
    R_USES,
    R_WRITTEN,
    RECORD,
    RESETS,
    ROOM,
    ROWS,
    S_ACCEPTS,
    S_ASK,
    S_ASK_ENTRY,
    S_ASK_SUCCESS,
    S_CLOSES,
    S_CREATES,
    S_FLIES,
    S_HOLDS,
    S_PLAIN,
    S_READS,
    S_SHUTDOWN,
    S_STREAM_END,
    S_TAKEN,
    S_USES,
    S_WRITES,
    SETTLED,
    SHUT,
    STREAM,
    T_BASE,
    T_CELLS,
    T_CHANGED,
    T_COUNT,
    T_FILLED,
    T_FLIGHTS,
    T_LEVEL,
    T_PEAK,
    T_POSITION,
    T_ROWS,
    TOUCHED,
    WHAT,
    WHO,
    WIDTH,
)

Narrow = npt.NDArray[np.int32]
Flags = npt.NDArray[np.uint16]
Marks = npt.NDArray[np.uint8]

_CALL, _ENTRY, _EXIT, _SIGNAL = 0, 1, 2, 3
_BUCKETS = 256
_COMMA, _BLANK, _CLOSE, _EQUALS, _ZERO = 44, 32, 41, 61, 48
_FACTOR = np.int64(-0x61C8864680B583EB)
_NEVER = -2
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


@part
def _mark(into: Ints, row: int, first: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow) -> None:
    """Write down the place of a row: the line on which its call began."""
    into[row, first + A_POS] = pos
    into[row, first + A_SEQ] = wide[SEQ, i]
    into[row, first + A_LINE] = wide[ENTRY_LINE, i]
    into[row, first + A_OFFSET] = wide[ENTRY_OFFSET, i]
    into[row, first + A_CLOCK] = wide[ENTRY_CLOCK, i] if kind == _EXIT else wide[CLOCK, i]
    into[row, first + A_TID] = narrow[TID, i]
    into[row, first + A_CODE] = narrow[CODE, i]
    into[row, first + A_STACK] = narrow[STACK_CODE, i]


@part
def _level(tables: Ints, t: int, pos: int, curve: Ints, state: Ints) -> None:
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
def _arguments_end(buf: Bytes, start: int, stop: int, ret: int) -> int:
    """Behind the last `)` that `= <ret>` follows: all arguments stand before it. -1 when there is none."""
    at = stop - 1
    while at >= start:
        if buf[at] == _CLOSE:
            i = at + 1
            while i < stop and buf[i] == _BLANK:
                i += 1
            if (
                i + 2 < stop
                and buf[i] == _EQUALS
                and buf[i + 1] == _BLANK
                and (CLASS[buf[i + 2]] & DIGIT) != 0
            ):
                i += 2
                value = np.int64(0)
                first = i
                while i < stop and (CLASS[buf[i]] & DIGIT) != 0 and i - first < 10:
                    value = value * 10 + (np.int64(buf[i]) - _ZERO)
                    i += 1
                if value == ret and (buf[first] != _ZERO or i == first + 1):
                    return at + 1
        at -= 1
    return -1


@part
def _key(
    buf: Bytes, i: int, kind: int, wide: Ints, narrow: Narrow, brand: int, arena: Bytes, state: Ints
) -> int:
    """Copy what a creation says of itself behind the arena's end; its length, -1 when it is odd."""
    start, stop = wide[START, i], wide[STOP, i]
    end = _arguments_end(buf, start, stop, wide[RET, i])
    if end < 0:
        return -1
    head, tail = 0, 0
    if kind == _EXIT:
        head, tail = wide[HEAD_START, i], wide[HEAD_STOP, i]
    length = (tail - head) + (end - start)
    if length > LONGEST_KEY:
        return -1
    at = state[KEY]
    for j in range(head, tail):
        arena[at] = buf[j]
        at += 1
    for j in range(start, end):
        arena[at] = buf[j]
        at += 1
    for value in (np.int64(narrow[RET_NOTE, i]), np.int64(brand)):
        for shift in range(0, 64, 8):
            arena[at] = (value >> shift) & 255
            at += 1
    return at - state[KEY]


@part
def _species(arena: Bytes, known: Ints, length: int, state: Ints) -> int:
    """The species of the key behind the arena's end; -1 when it is new."""
    start = state[KEY]
    h = hashed(arena, start, start + length, 0)
    mask = known.shape[0] - 1
    at = h & mask
    while known[at, 0] != 0:
        if known[at, 0] == h and known[at, 2] == length and same(arena, known[at, 1], arena, start, length):
            return known[at, 3]
        at = (at + 1) & mask
    return -1


@compiled
def learn(arena: Bytes, known: Ints, length: int, species: int, state: Ints) -> None:
    """Keep the key behind the arena's end as one of this species."""
    start = state[KEY]
    h = hashed(arena, start, start + length, 0)
    mask = known.shape[0] - 1
    at = h & mask
    while known[at, 0] != 0:
        at = (at + 1) & mask
    known[at, 0] = h
    known[at, 1] = start
    known[at, 2] = length
    known[at, 3] = species
    state[KEY] = start + length


_SHUT_WR, _SHUT_RDWR = b", SHUT_WR)", b", SHUT_RDWR)"
_CUT_WR, _CUT_RDWR = b", SHUT_WR", b", SHUT_RDWR"


@part
def _ends_with(buf: Bytes, start: int, end: int, word: bytes) -> bool:
    if end - len(word) < start:
        return False
    return says(buf, end - len(word), word)


@part
def _shuts_writing(buf: Bytes, i: int, wide: Ints) -> bool:
    """Whether a shutdown plainly says that it ends writing, too."""
    start, stop = wide[START, i], wide[STOP, i]
    end = _arguments_end(buf, start, stop, wide[RET, i])
    if end < 0:
        return False
    if end - start < 12:  # the argument stands on the line of the entry
        head, tail = wide[HEAD_START, i], wide[HEAD_STOP, i]
        if end - start != 1:
            return False
        return _ends_with(buf, head, tail, _CUT_WR) or _ends_with(buf, head, tail, _CUT_RDWR)
    return _ends_with(buf, start, end, _SHUT_WR) or _ends_with(buf, start, end, _SHUT_RDWR)


@part
def _take(t: int, fd: int, pos: int, tables: Ints, cells: Ints, curve: Ints, state: Ints) -> int:
    """Take a number out of a table; whether it was close-on-exec."""
    cell = tables[t, T_BASE] + fd
    cells[cell, C_RECORD] = -1
    cloexec = cells[cell, C_FLAGS] & CLOEXEC
    cells[cell, C_FLAGS] &= ~CLOEXEC
    tables[t, T_COUNT] -= 1
    if fd < tables[t, T_FILLED]:
        tables[t, T_FILLED] = fd
    tables[t, T_CHANGED] = pos
    _level(tables, t, pos, curve, state)
    return cloexec


@part
def _fill(t: int, fd: int, tables: Ints, cells: Ints) -> bool:
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
def _end(r: int, t: int, fd: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow, tables: Ints,
         cells: Ints, rec: Ints, logs: Ints, state: Ints) -> None:  # fmt: skip
    """A close has ended: the number is free, its life is over."""
    cell = tables[t, T_BASE] + fd
    cells[cell, C_FLAGS] |= TOUCHED | SHUT
    _mark(cells, cell, C_CLOSED, i, kind, pos, wide, narrow)
    if rec[r, R_FLAGS] & FOREIGN == 0:
        for k in range(8):
            rec[r, R_CLOSED + k] = cells[cell, C_CLOSED + k]
        logs[L_ENDED, state[ENDED]] = r
        state[ENDED] += 1


@part
def _enter(i: int, w: int, s: int, op: int, buf: Bytes, wide: Ints, narrow: Narrow, threads: Ints,
           tables: Ints, cells: Ints, rec: Ints, curve: Ints, state: Ints) -> int:  # fmt: skip
    """The entry of a call that somebody interrupted."""
    if threads[w, K_OP] != NO_CALL:
        return ROWS
    t, fd, pos = threads[w, K_TABLE], wide[FD, i], state[POS] + 1
    known = 0 <= fd < tables[t, T_CELLS]
    r = np.int64(-1)
    if known:
        r = cells[tables[t, T_BASE] + fd, C_RECORD]
    if s & S_ASK_ENTRY and state[SETTLED] == 0:
        return ASK
    old, shut = np.int64(-1), np.int64(-1)
    if s & S_CLOSES:
        if r < 0 or rec[r, R_HELD] > 0:
            return ROWS
        shut = r
        threads[w, K_CLOEXEC] = _take(t, fd, pos, tables, cells, curve, state)
    elif r >= 0 and s & S_USES:
        old = r
        rec[r, R_HELD] += 1
    threads[w, K_OP] = op
    threads[w, K_OLD] = old
    threads[w, K_SHUT] = shut
    threads[w, K_FD] = fd
    _mark(threads, w, K_AT, i, _ENTRY, pos, wide, narrow)
    if s & S_FLIES:
        tables[t, T_FLIGHTS] += 1
    return DONE


@part
def _leave(i: int, kind: int, w: int, s: int, op: int, dull: int, buf: Bytes, wide: Ints, narrow: Narrow,
           joined: Marks, threads: Ints, tables: Ints, cells: Ints, rec: Ints, logs: Ints, arena: Bytes,
           known: Ints, species: Ints, curve: Ints, state: Ints) -> int:  # fmt: skip
    """A call has ended."""
    t, pos = threads[w, K_TABLE], state[POS] + 1
    if threads[w, K_OP] != (op if kind == _EXIT else NO_CALL):
        return ROWS
    if dull == HARD:
        return ROWS
    fd, ret = wide[FD, i], wide[RET, i]
    failed = narrow[ERRNO_CODE, i] >= 0
    if not failed and ret < 0:
        return ROWS
    r = np.int64(-1)
    if s & S_USES and fd >= 0:
        if kind == _EXIT:
            r = threads[w, K_OLD]
        if r < 0 and fd < tables[t, T_CELLS]:
            r = cells[tables[t, T_BASE] + fd, C_RECORD]
        if r < 0 or rec[r, R_FLAGS] & FOREIGN:
            return ROWS
        if narrow[NOTE_CODE, i] >= 0 and rec[r, R_FLAGS] & NAMED == 0:
            return ROWS
        if rec[r, R_FLAGS] & FANOTIFY:
            return ROWS
    shutdown = False
    if s & S_SHUTDOWN:
        shutdown = failed or (joined[i] == 0 and _shuts_writing(buf, i, wide))
    if state[SETTLED] == 0:
        if s & S_ASK and not shutdown:
            return ASK
        if s & S_ASK_SUCCESS and not failed:
            return ASK
        if s & S_PLAIN and dull == RESETS and r >= 0:
            return ASK
    shut = np.int64(-1)
    if s & S_CLOSES:
        if failed or ret != 0 or fd < 0 or fd >= tables[t, T_CELLS]:
            return ROWS
        shut = threads[w, K_SHUT] if kind == _EXIT else cells[tables[t, T_BASE] + fd, C_RECORD]
        if (
            shut < 0
            or (kind == _CALL and rec[shut, R_HELD] > 0)
            or (kind == _EXIT and threads[w, K_FD] != fd)
        ):
            return ROWS
    made, cell = np.int64(-1), np.int64(-1)
    if s & S_CREATES and not failed:
        if s & S_ACCEPTS and r < 0:
            return ROWS
        if ret >= tables[t, T_CELLS]:
            state[WHO], state[WHAT] = t, ret
            return GROW if ret < MOST_NUMBERS else ROWS
        cell = tables[t, T_BASE] + ret
        if cells[cell, C_RECORD] >= 0 or cells[cell, C_FLAGS] & BARRED or joined[i]:
            return ROWS
        if cells[cell, C_FLAGS] & NOTED == 0:
            state[WHO], state[WHAT] = t, ret
            return NOTE
        brand = np.int64(0)
        if s & S_ACCEPTS:
            brand = rec[r, R_BRAND]
            state[WHO] = r
            if brand < 0:
                return NEW_SPECIES
        length = _key(buf, i, kind, wide, narrow, brand, arena, state)
        if length < 0:
            return ROWS
        made = _species(arena, known, length, state)
        if made == _NEVER:
            return ROWS
        if made < 0:
            state[WHAT] = length
            return NEW_SPECIES
        if state[FREE] == 0:
            return ROOM
        if kind == _CALL and not _fill(t, ret, tables, cells):
            return ROWS
    # from here on the row is taken
    if kind == _EXIT:
        if threads[w, K_OLD] >= 0:
            rec[threads[w, K_OLD], R_HELD] -= 1
        threads[w, K_OP] = NO_CALL
        if s & S_FLIES:
            tables[t, T_FLIGHTS] -= 1
        if s & S_HOLDS:
            tables[t, T_CHANGED] = pos
    if shut >= 0:
        if kind == _CALL:
            _take(t, fd, pos, tables, cells, curve, state)
        _end(shut, t, fd, i, kind, pos, wide, narrow, tables, cells, rec, logs, state)
    if r >= 0:
        _count(r, i, s, failed, ret, pos, wide, narrow, rec)
        if not failed:
            if ret == 0 and s & S_STREAM_END and s & S_PLAIN and rec[r, R_FLAGS] & STREAM != 0:
                rec[r, R_STATE] = CLOSED_STATE if rec[r, R_STATE] == FIN_WAIT else CLOSE_WAIT
                _mark(rec, r, R_STATED, i, kind, pos, wide, narrow)
            elif shutdown and rec[r, R_FLAGS] & CONNECTION:
                rec[r, R_STATE] = CLOSED_STATE if rec[r, R_STATE] == CLOSE_WAIT else FIN_WAIT
                _mark(rec, r, R_STATED, i, kind, pos, wide, narrow)
    if made >= 0:
        state[FREE] -= 1
        new = logs[L_FREE, state[FREE]]
        for k in range(RECORD):
            rec[new, k] = 0
        rec[new, R_PY] = -1
        rec[new, R_FD] = ret
        rec[new, R_TABLE] = t
        rec[new, R_FLAGS] = species[made, 0]
        rec[new, R_STATE] = species[made, 1]
        rec[new, R_SPECIES] = made
        rec[new, R_BRAND] = -1
        rec[new, R_IDENT] = state[IDENTS]
        rec[new, R_OFD] = state[OFDS]
        rec[new, R_LAST] = -1
        rec[new, R_STATED] = -1
        rec[new, R_CLOSED] = -1
        state[IDENTS] += 1
        state[OFDS] += 1
        _mark(rec, new, R_OPENED, i, kind, pos, wide, narrow)
        cells[cell, C_RECORD] = new
        cells[cell, C_FLAGS] |= TOUCHED
        if species[made, 2]:
            cells[cell, C_FLAGS] |= CLOEXEC
        else:
            cells[cell, C_FLAGS] &= ~CLOEXEC
        tables[t, T_COUNT] += 1
        tables[t, T_CHANGED] = pos
        _level(tables, t, pos, curve, state)
        logs[L_BEGUN, state[BEGUN]] = new
        state[BEGUN] += 1
    return DONE


@part
def _count(
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
        matters = kind > _SIGNAL or (op != 0 and (uses == 0 or wide[FD, i] >= 0))
        w = np.int64(NOT_LENT)
        if kind <= _SIGNAL:
            at = _place_of_tid(tids, narrow[TID, i])
            if tids[at, 0] == 0:
                tids[at, 0] = np.int64(narrow[TID, i]) + _MARK
                tids[at, 1] = NOT_LENT
                state[MET] += 1
                matters = True
            w = tids[at, 1]
        if not matters:
            i += 1
            continue
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
        if flags[i] == 0 and s & S_TAKEN != 0 and kind <= _EXIT:
            if kind == _ENTRY:
                what = _enter(i, w, s, op, buf, wide, narrow, threads, tables, cells, rec, curve, state)
            else:
                weight = np.int64(0)
                if narrow[ERRNO_CODE, i] >= 0:
                    weight = dull[narrow[ERRNO_CODE, i]]
                what = _leave(i, kind, w, s, op, weight, buf, wide, narrow, joined, threads, tables, cells,
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
