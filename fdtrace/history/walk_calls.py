"""What a call does to a lent table at its entry and at its exit, in arrays."""

from __future__ import annotations

import numpy as np

from ..machine_code import part
from ..readers.strace.scan_bytes import Bytes, Ints
from ..readers.strace.scan_columns import ERRNO_CODE, FD, NOTE_CODE, RET, RET_NOTE, TID
from .walk_columns import (
    ASK,
    C_RECORD,
    CLEARS,
    CLOSE_WAIT,
    CLOSED_STATE,
    CONNECTION,
    COPIES,
    COPIES_ON,
    DONE,
    DULL,
    FANOTIFY,
    FIN_WAIT,
    FOREIGN,
    HARD,
    K_AT,
    K_CLOEXEC,
    K_FD,
    K_OLD,
    K_OP,
    K_SHUT,
    K_TABLE,
    LIST,
    LOOK,
    MADE,
    NAMED,
    NEW_SPECIES,
    NEW_WORDS,
    NO_CALL,
    NOTHING,
    OWN,
    POS,
    R_BRAND,
    R_FAR,
    R_FLAGS,
    R_HELD,
    R_OFD,
    R_OTHER,
    R_OWN,
    R_STATE,
    R_STATED,
    R_TWIN,
    RESETS,
    ROWS,
    S_ACCEPTS,
    S_ASK,
    S_ASK_SUCCESS,
    S_CLOSES,
    S_COMMAND,
    S_COPIES,
    S_CREATES,
    S_FLIES,
    S_HOLDS,
    S_IDENTITY,
    S_LIMIT,
    S_MESSAGE,
    S_OPTION,
    S_PAIR,
    S_PLAIN,
    S_SENDS,
    S_SHUTDOWN,
    S_STREAM_END,
    S_USES,
    SETS,
    SETTLED,
    STREAM,
    T_BASE,
    T_CELLS,
    T_CHANGED,
    T_FLIGHTS,
    UNKNOWN_TWIN,
    WHAT,
    WHO,
)
from .walk_copies import copy_of
from .walk_records import (
    CALL,
    ENTRY,
    EXIT,
    Marks,
    Narrow,
    begin,
    count,
    end,
    fill,
    mark,
    met,
    room_for,
    set_cloexec,
    take,
)
from .walk_words import command, known_as, mentions, pair, shuts_writing, with_numbers, words

_NOFILE, _CONTROL = b"NOFILE", b"cmsg_type"


@part
def enter(i: int, w: int, s: int, op: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks,
          threads: Ints, tables: Ints, cells: Ints, rec: Ints, curve: Ints, state: Ints) -> int:  # fmt: skip
    """The entry of a call that somebody interrupted."""
    if threads[w, K_OP] != NO_CALL:
        return ROWS
    t, fd, pos = threads[w, K_TABLE], wide[FD, i], state[POS] + 1
    r = np.int64(-1)
    if 0 <= fd < tables[t, T_CELLS]:
        r = cells[tables[t, T_BASE] + fd, C_RECORD]
    if s & S_SENDS and state[SETTLED] == 0 and (joined[i] or mentions(buf, i, ENTRY, wide, _CONTROL)):
        return ASK
    old, shut = np.int64(-1), np.int64(-1)
    if s & S_CLOSES:
        if r < 0 or rec[r, R_HELD] > 0:
            return ROWS
        shut = r
        threads[w, K_CLOEXEC] = take(t, fd, pos, tables, cells, curve, state)
    elif r >= 0 and s & S_USES:
        old = r
        rec[r, R_HELD] += 1
    threads[w, K_OP] = op
    threads[w, K_OLD] = old
    threads[w, K_SHUT] = shut
    threads[w, K_FD] = fd
    mark(threads, w, K_AT, i, ENTRY, pos, wide, narrow)
    if s & S_FLIES:
        tables[t, T_FLIGHTS] += 1
    return DONE


@part
def _says(i: int, kind: int, s: int, cell: int, r: int, buf: Bytes, wide: Ints, joined: Marks, cells: Ints,
          arena: Bytes, known: Ints, state: Ints) -> int:  # fmt: skip
    """What the command of a call means for its descriptor, or LOOK: somebody has to look at its text."""
    if joined[i]:
        return LOOK
    length = words(buf, i, kind, wide, arena, state)
    if length < 0:
        return LOOK
    length = command(arena, length, s & S_OPTION != 0, state)
    if length < 0:
        return LOOK
    found = known_as(arena, known, length, state)
    if found < 0:
        state[WHAT] = length
        return NEW_WORDS
    if found in (SETS, CLEARS) and (cell < 0 or cells[cell, C_RECORD] != r):
        return LOOK
    return found


@part
def _question(i: int, kind: int, s: int, dull: int, failed: bool, shutdown: bool, cell: int, r: int,
              buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks, cells: Ints, arena: Bytes, known: Ints,
              state: Ints) -> int:  # fmt: skip
    """What a call means that has to be read first: an answer, LOOK, or NEW_WORDS."""
    if shutdown:
        return NOTHING
    if s & S_ASK:
        return LOOK
    if s & S_LIMIT:
        return LOOK if joined[i] or (not failed and mentions(buf, i, kind, wide, _NOFILE)) else NOTHING
    if s & S_IDENTITY:
        return LOOK if not failed and wide[RET, i] != narrow[TID, i] else NOTHING
    if s & S_MESSAGE and (joined[i] or mentions(buf, i, kind, wide, _CONTROL)):
        return LOOK
    if s & S_PLAIN and dull == RESETS and r >= 0:
        return LOOK
    if failed:
        return NOTHING
    if s & S_COMMAND:
        return _says(i, kind, s, cell, r, buf, wide, joined, cells, arena, known, state)
    return LOOK if s & S_ASK_SUCCESS else NOTHING


@part
def _copied(i: int, kind: int, t: int, r: int, ret: int, on: bool, fills: bool, narrow: Narrow, tables: Ints,
            cells: Ints, rec: Ints, arena: Bytes, known: Ints, state: Ints) -> int:  # fmt: skip
    """The same for a copy of a record that the call returned."""
    what = room_for(t, ret, tables, cells, state)
    if what == DONE:
        what = copy_of(r, narrow[RET_NOTE, i], on, False, rec, arena, known, state)
    if what == DONE and kind == CALL and fills and not fill(t, ret, tables, cells):
        return ROWS
    return what


@part
def _one(i: int, kind: int, t: int, s: int, r: int, ret: int, buf: Bytes, wide: Ints, narrow: Narrow,
         joined: Marks, tables: Ints, cells: Ints, rec: Ints, arena: Bytes, known: Ints,
         state: Ints) -> int:  # fmt: skip
    """Whether the descriptor that a call returned can be made (DONE); its species is in `state[MADE]`."""
    if joined[i] or (s & S_ACCEPTS and r < 0):
        return ROWS
    what = room_for(t, ret, tables, cells, state)
    if what != DONE:
        return what
    brand = np.int64(0)
    if s & S_ACCEPTS:
        brand = rec[r, R_BRAND]
        state[WHO] = r
        if brand < 0:
            return NEW_SPECIES
    length = words(buf, i, kind, wide, arena, state)
    if length < 0:
        return ROWS
    length = with_numbers(arena, length, narrow[RET_NOTE, i], brand, state)
    what = met(length, 1, arena, known, state)
    if what == DONE and kind == CALL and not fill(t, ret, tables, cells):
        return ROWS
    return what


@part
def _two(i: int, kind: int, t: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks, tables: Ints,
         cells: Ints, arena: Bytes, known: Ints, state: Ints) -> int:  # fmt: skip
    """The same for the two that a pipe or a pair of sockets has; their numbers are in `state[LIST:]`."""
    if joined[i]:
        return ROWS
    length = words(buf, i, kind, wide, arena, state)
    if length > 0:
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
def leave(i: int, kind: int, w: int, s: int, op: int, dull: int, buf: Bytes, wide: Ints, narrow: Narrow,
          joined: Marks, threads: Ints, tables: Ints, cells: Ints, rec: Ints, logs: Ints, arena: Bytes,
          known: Ints, species: Ints, curve: Ints, state: Ints) -> int:  # fmt: skip
    """A call has ended."""
    t, pos = threads[w, K_TABLE], state[POS] + 1
    if threads[w, K_OP] != (op if kind == EXIT else NO_CALL):
        return ROWS
    if dull == HARD:
        return ROWS
    fd, ret = wide[FD, i], wide[RET, i]
    failed = narrow[ERRNO_CODE, i] >= 0
    if not failed and ret < 0:
        return ROWS
    cell, r = np.int64(-1), np.int64(-1)
    if 0 <= fd < tables[t, T_CELLS]:
        cell = tables[t, T_BASE] + fd
    if s & S_USES and fd >= 0:
        if kind == EXIT:
            r = threads[w, K_OLD]
        if r < 0 and cell >= 0:
            r = cells[cell, C_RECORD]
        if r < 0:
            return ROWS
        if rec[r, R_FLAGS] & FOREIGN:
            held = rec[r, R_HELD] > (1 if kind == EXIT else 0)
            if held or cell < 0 or cells[cell, C_RECORD] != r or not _leaves_state(s, failed, dull, ret):
                return ROWS
            state[WHO] = r
            return OWN
        if narrow[NOTE_CODE, i] >= 0 and rec[r, R_FLAGS] & NAMED == 0:
            return ROWS
        if rec[r, R_FLAGS] & FANOTIFY:
            return ROWS
    shutdown = False
    if s & S_SHUTDOWN:
        shutdown = failed or (joined[i] == 0 and shuts_writing(buf, i, wide))
    answer = np.int64(NOTHING)
    if state[SETTLED] == 0:
        answer = _question(i, kind, s, dull, failed, shutdown, cell, r, buf, wide, narrow, joined, cells,
                           arena, known, state)  # fmt: skip
        if answer == LOOK:
            return ASK
        if answer == NEW_WORDS:
            return NEW_WORDS
    shut = np.int64(-1)
    if s & S_CLOSES:
        if failed or ret != 0 or cell < 0:
            return ROWS
        shut = threads[w, K_SHUT] if kind == EXIT else cells[cell, C_RECORD]
        if shut < 0 or (kind == CALL and rec[shut, R_HELD] > 0) or (kind == EXIT and threads[w, K_FD] != fd):
            return ROWS
    if s & S_COPIES and not failed:
        answer = COPIES
    copies = answer in (COPIES, COPIES_ON)
    makes = copies or (s & S_CREATES != 0 and not failed)
    if makes:
        if copies:
            what = _copied(i, kind, t, r, ret, answer == COPIES_ON, s & S_COPIES != 0, narrow, tables, cells,
                           rec, arena, known, state)  # fmt: skip
        elif s & S_PAIR:
            what = _two(i, kind, t, buf, wide, narrow, joined, tables, cells, arena, known, state)
        else:
            what = _one(i, kind, t, s, r, ret, buf, wide, narrow, joined, tables, cells, rec, arena, known,
                        state)  # fmt: skip
        if what != DONE:
            return what
    # from here on the row is taken
    if kind == EXIT:
        if threads[w, K_OLD] >= 0:
            rec[threads[w, K_OLD], R_HELD] -= 1
        threads[w, K_OP] = NO_CALL
        if s & S_FLIES:
            tables[t, T_FLIGHTS] -= 1
        if s & S_HOLDS:
            tables[t, T_CHANGED] = pos
    if shut >= 0:
        if kind == CALL:
            take(t, fd, pos, tables, cells, curve, state)
        end(shut, t, fd, i, kind, pos, wide, narrow, tables, cells, rec, logs, state)
    if r >= 0:
        count(r, i, s, failed, ret, pos, wide, narrow, rec)
        if not failed:
            if ret == 0 and s & S_STREAM_END and s & S_PLAIN and rec[r, R_FLAGS] & STREAM != 0:
                rec[r, R_STATE] = CLOSED_STATE if rec[r, R_STATE] == FIN_WAIT else CLOSE_WAIT
                _stated(r, i, kind, pos, wide, narrow, rec)
            elif shutdown and rec[r, R_FLAGS] & CONNECTION:
                rec[r, R_STATE] = CLOSED_STATE if rec[r, R_STATE] == CLOSE_WAIT else FIN_WAIT
                _stated(r, i, kind, pos, wide, narrow, rec)
        if answer in (SETS, CLEARS):
            set_cloexec(r, cell, answer == SETS, cells, rec)
    if makes:
        if s & S_PAIR:
            _begin_two(t, i, kind, pos, wide, narrow, tables, cells, rec, logs, species, curve, state)
        else:
            ofd = rec[r, R_OFD] if copies else np.int64(-1)
            begin(t, ret, state[MADE], ofd, i, kind, pos, wide, narrow, tables, cells, rec, logs, species,
                  curve, state)  # fmt: skip
    return DONE


@part
def _leaves_state(s: int, failed: bool, dull: int, ret: int) -> bool:
    """Whether a use plainly decides no state: the first one of a copy would decide that of its original."""
    if s & S_PLAIN:
        return dull == DULL if failed else ret > 0 or s & S_STREAM_END == 0
    return s & S_COPIES != 0 or (s & S_COMMAND != 0 and s & S_OPTION == 0)


@part
def _begin_two(t: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow, tables: Ints, cells: Ints,
               rec: Ints, logs: Ints, species: Ints, curve: Ints, state: Ints) -> None:  # fmt: skip
    """Both ends of a pipe or a pair of sockets begin."""
    for n in range(2):
        new = begin(t, state[LIST + 3 * n], state[MADE] + n, -1, i, kind, pos, wide, narrow, tables, cells,
                    rec, logs, species, curve, state)  # fmt: skip
        rec[new, R_OWN] = state[LIST + 3 * n + 1]
        rec[new, R_FAR] = state[LIST + 3 * n + 2]
        rec[new, R_OTHER] = state[LIST + 3 - 3 * n]


@part
def _stated(r: int, i: int, kind: int, pos: int, wide: Ints, narrow: Narrow, rec: Ints) -> None:
    """The state of a socket was decided here."""
    mark(rec, r, R_STATED, i, kind, pos, wide, narrow)
    rec[r, R_TWIN] = UNKNOWN_TWIN
