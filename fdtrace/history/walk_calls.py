"""What a call does to a lent table at its entry and at its exit, in arrays."""

from __future__ import annotations

import numpy as np

from ..machine_code import part
from ..readers.strace.scan_bytes import Bytes, Ints
from ..readers.strace.scan_columns import ERRNO_CODE, FD, NOTE_CODE, RET, RET_NOTE
from .walk_columns import (
    A_DESCRIPTION,
    ASK,
    BAD,
    C_RECORD,
    CLEARS,
    CLOSE_WAIT,
    CLOSED_STATE,
    COPIES,
    COPIES_ON,
    DECIDES,
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
    LOOK,
    MADE,
    NAMED,
    NEW_SPECIES,
    NEW_WORDS,
    NO_CALL,
    NOTHING,
    OWN,
    POS,
    R_FAILED,
    R_FLAGS,
    R_HELD,
    R_NAME,
    R_OFD,
    R_OWN,
    R_SAID,
    R_STATE,
    R_STATED,
    R_TWIN,
    ROWS,
    S_ASK,
    S_CLOSES,
    S_COMMAND,
    S_COPIES,
    S_CREATES,
    S_FAILS,
    S_FLIES,
    S_HOLDS,
    S_IDENTITY,
    S_LIMIT,
    S_OPTION,
    S_PAIR,
    S_PLAIN,
    S_SENDS,
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
    WANTED,
    WHO,
)
from .walk_forms import (
    PATH_LENGTH,
    decide,
    given_peer,
    kept_path,
)
from .walk_makings import begin_two, copied, one, two
from .walk_questions import mentions, question
from .walk_records import (
    CALL,
    ENTRY,
    EXIT,
    Marks,
    Narrow,
    begin,
    count,
    end,
    mark,
    set_cloexec,
    take,
)

_CONTROL = b"cmsg_type"
_ODD_FAILURES = S_ASK | S_SENDS | S_LIMIT | S_IDENTITY | S_FAILS
"""What fails for want of a number, or of the one that was named, and leaves more to do than to tell it."""


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
def leave(i: int, kind: int, w: int, s: int, op: int, dull: int, buf: Bytes, wide: Ints, narrow: Narrow,
          joined: Marks, threads: Ints, tables: Ints, cells: Ints, rec: Ints, logs: Ints, arena: Bytes,
          known: Ints, species: Ints, curve: Ints, state: Ints) -> int:  # fmt: skip
    """A call has ended."""
    t, pos = threads[w, K_TABLE], state[POS] + 1
    if threads[w, K_OP] != (op if kind == EXIT else NO_CALL):
        return ROWS
    if dull in (HARD, BAD) and s & _ODD_FAILURES:
        return ROWS
    fd, ret = wide[FD, i], wide[RET, i]
    failed = narrow[ERRNO_CODE, i] >= 0
    if not failed and ret < 0:
        return ROWS
    cell, r = np.int64(-1), np.int64(-1)
    if 0 <= fd < tables[t, T_CELLS]:
        cell = tables[t, T_BASE] + fd
    told = dull == HARD
    if s & (S_USES | S_CLOSES) and fd >= 0:
        if kind == EXIT and s & S_USES:
            r = threads[w, K_OLD]
        if r < 0 and cell >= 0:
            r = cells[cell, C_RECORD]
        if dull == BAD:
            if s & S_CLOSES and (r >= 0 or kind == EXIT):
                return ROWS
            told = r < 0
            r = np.int64(-1)
        elif s & S_CLOSES:
            r = np.int64(-1)
        elif r < 0:
            return ROWS
    if r >= 0:
        if rec[r, R_FLAGS] & FOREIGN:
            held = rec[r, R_HELD] > (1 if kind == EXIT else 0)
            if held or cell < 0 or cells[cell, C_RECORD] != r or not _leaves_state(s, failed, dull, ret):
                return ROWS
            state[WHO] = r
            return OWN
        if narrow[NOTE_CODE, i] >= 0 and rec[r, R_FLAGS] & NAMED == 0:
            state[WHO], state[WANTED] = r, A_DESCRIPTION
            return NEW_SPECIES
        if rec[r, R_FLAGS] & FANOTIFY:
            return ROWS
    answer = np.int64(NOTHING)
    if told and state[SETTLED] == 0:
        return ASK
    if state[SETTLED] == 0:
        answer = question(i, kind, s, dull, failed, cell, r, buf, wide, narrow, joined, cells, rec, arena,
                          known, species, state)  # fmt: skip
        if answer == LOOK:
            return ASK
        if answer in (NEW_WORDS, NEW_SPECIES):
            return answer
    shut = np.int64(-1)
    if s & S_CLOSES and dull != BAD:
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
            what = copied(i, kind, t, r, ret, answer == COPIES_ON, s & S_COPIES != 0, narrow, tables, cells,
                           rec, arena, known, state)  # fmt: skip
        elif s & S_PAIR:
            what = two(i, kind, t, buf, wide, narrow, joined, tables, cells, arena, known, state)
        else:
            what = one(i, kind, t, s, r, ret, buf, wide, narrow, joined, tables, cells, rec, arena, known,
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
        ends = not failed and ret == 0 and s & S_STREAM_END and s & S_PLAIN
        if ends and rec[r, R_FLAGS] & STREAM:
            rec[r, R_STATE] = CLOSED_STATE if rec[r, R_STATE] == FIN_WAIT else CLOSE_WAIT
            rec[r, R_SAID] = 0
            rec[r, R_TWIN] = UNKNOWN_TWIN
            mark(rec, r, R_STATED, i, kind, pos, wide, narrow)
        if answer in (SETS, CLEARS):
            set_cloexec(r, cell, answer == SETS, cells, rec)
        if answer == DECIDES:
            states, fails = decide(r, state[MADE], rec, species, state)
            if states:
                mark(rec, r, R_STATED, i, kind, pos, wide, narrow)
            if fails:
                mark(rec, r, R_FAILED, i, kind, pos, wide, narrow)
    if makes:
        if s & S_PAIR:
            begin_two(t, i, kind, pos, wide, narrow, tables, cells, rec, logs, species, curve, state)
        else:
            ofd = rec[r, R_OFD] if copies else np.int64(-1)
            new = begin(t, ret, state[MADE], ofd, i, kind, pos, wide, narrow, tables, cells, rec, logs,
                        species, curve, state)  # fmt: skip
            if not copies:
                rec[new, R_OWN] = given_peer(state[MADE], species, state)
                rec[new, R_NAME] = narrow[RET_NOTE, i] + 1
                if state[PATH_LENGTH] > 0:
                    rec[new, R_NAME] = kept_path(arena, known, state)
    return DONE


@part
def _leaves_state(s: int, failed: bool, dull: int, ret: int) -> bool:
    """Whether a use plainly decides no state: the first one of a copy would decide that of its original."""
    if s & S_PLAIN:
        return dull == DULL if failed else ret > 0 or s & S_STREAM_END == 0
    return s & S_COPIES != 0 or (s & S_COMMAND != 0 and s & S_OPTION == 0)
