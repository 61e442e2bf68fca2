"""The sequential half of the fast scanner: raw rows finished in file order.

What a row may depend on is small: the calls that are under way (by thread), who
is alive, the clock, how many calls there were, and the strings interned so far.
It is kept in arrays, so that a compiled loop can go on where it stopped. It stops
in front of every row that the line scanner has to judge.
"""

from __future__ import annotations

import numpy as np

from ...machine_code import compiled, part
from ...machine_code.memory import address
from .layout import DAY_NS
from .scan_bytes import Bytes, Ints
from .scan_columns import (
    ANCHOR,
    BLOCK,
    CALLS,
    CLOCK,
    CODE,
    CONTINUED,
    CROSSED,
    CUT_ROW,
    DAYS,
    DURATION,
    EDGE,
    EDGE_SHIFT,
    ELAPSED,
    ELAPSED_SUM,
    ENDS,
    ENTRY,
    ENTRY_CLOCK,
    ENTRY_LINE,
    ENTRY_OFFSET,
    ERRNO_CODE,
    EVENTS,
    EXIT,
    EXITED,
    FD,
    FIRST,
    FORM,
    FRAMES,
    FREE_SLOT,
    HEAD_START,
    HEAD_STOP,
    KILLED,
    LAST,
    LAST_STAMP,
    LAST_TID,
    LINE,
    LINE_BASE,
    M_HASH,
    M_LENGTH,
    M_START,
    MIXED,
    NOTE_CODE,
    ODD,
    OFFSET,
    P_BLOCK,
    P_CLOCK,
    P_CODE,
    P_EDGE,
    P_FD,
    P_LINE,
    P_LIVE,
    P_NOTE,
    P_OFFSET,
    P_ORIGIN,
    P_SEQ,
    P_START,
    P_STOP,
    P_TID,
    PARSED,
    PENDING_WIDTH,
    PID_FORM,
    PREVIOUS,
    RESUMED,
    RET,
    RET_NOTE,
    SAW_BARE,
    SAW_BRACKETS,
    SAW_DURATION,
    SAW_FRAMES,
    SEQ,
    SPAWNS,
    STACK_CODE,
    STAMP_FORM,
    STAMP_SHIFT,
    START,
    STOP,
    TID,
    UNDER_WAY,
    WAITING,
    Kinds,
    Narrow,
    Wide,
)
from .scan_leader import BARE, BRACKETED, DAY, DAY_AND_DELTA, DELTA, NO_PID
from .scan_strings import SYSCALL, find, interned, tells
from .window import ABSENT

_HALF_DAY = DAY_NS // 2
_JUST_BEFORE_MIDNIGHT = 23 * 3600 * 1_000_000_000


@compiled
def pending_slot(pending: Ints, tid: int) -> int:
    """The slot of a thread's call, or the free one where it belongs."""
    mask = pending.shape[0] - 1
    slot = (tid * 0x9E3779B1 >> 7) & mask
    while pending[slot, P_LIVE] != FREE_SLOT and pending[slot, P_TID] != tid:
        slot = (slot + 1) & mask
    return slot


@compiled
def compact(old: Ints, new: Ints) -> int:
    """Copy the calls that wait into an empty table; returns how many."""
    count = 0
    for i in range(old.shape[0]):
        if old[i, P_LIVE] == WAITING:
            slot = pending_slot(new, old[i, P_TID])
            for k in range(PENDING_WIDTH):
                new[slot, k] = old[i, k]
            count += 1
    return count


@compiled
def left_behind(pending: Ints, block: int, slots: Ints) -> int:
    """The calls of a block that go on waiting after it; returns how many."""
    count = 0
    for i in range(pending.shape[0]):
        if pending[i, P_LIVE] == WAITING and pending[i, P_BLOCK] == block:
            slots[count] = i
            count += 1
    return count


@part
def _clock(r: int, stamp: int, wide: Wide, state: Ints) -> None:
    """Finish the time of a row: days since the first midnight, sums of relative times."""
    if stamp == DAY:
        value = wide[CLOCK, r] + state[DAYS] * DAY_NS
        previous = state[PREVIOUS]
        if previous != ABSENT and previous - value > _HALF_DAY:
            state[DAYS] += 1
            value += DAY_NS
        elif previous != ABSENT and value - previous > _JUST_BEFORE_MIDNIGHT and state[DAYS] > 0:
            wide[CLOCK, r] = value - DAY_NS
            return
        state[PREVIOUS] = value
        wide[CLOCK, r] = value
    elif stamp == DELTA or stamp == DAY_AND_DELTA:
        state[ELAPSED_SUM] += wide[ELAPSED, r]
        wide[CLOCK, r] = state[ANCHOR] + state[ELAPSED_SUM]


@part
def _unnumbered(alive: Ints, going: int, state: Ints) -> int:
    """The thread of a line without a number; the first `going` of those alive have not called exit."""
    if going == 1:
        state[LAST_TID] = alive[0]
    elif going > 0:
        known = False
        for i in range(going):
            known = known or alive[i] == state[LAST_TID]
        if not known:
            state[LAST_TID] = alive[going - 1]
    return state[LAST_TID]


@part
def _thread(r: int, form: int, narrow: Narrow, alive: Ints, going: int, state: Ints) -> bool:
    """Finish whose row it is; False when that takes the line scanner."""
    if form == NO_PID:
        narrow[TID, r] = _unnumbered(alive, going, state)
    elif form == BRACKETED:
        tid = np.int64(narrow[TID, r])
        for i in range(alive.shape[0]):
            if alive[i] == tid:
                state[LAST_TID] = tid
                return True
        return False
    return True


@part
def _join(
    r: int, tid: int, code: int, wide: Wide, narrow: Narrow, pending: Ints, crossed: Ints, state: Ints
) -> bool:
    """Join a resumption with its call; False when they do not fit each other without a second look."""
    slot = pending_slot(pending, tid)
    call = pending[slot]
    if call[P_LIVE] != WAITING or call[P_CODE] != code:
        return False
    if (narrow[FORM, r] & EDGE) >> EDGE_SHIFT < call[P_EDGE]:
        return False
    wide[SEQ, r] = call[P_SEQ]
    wide[FD, r] = call[P_FD]
    narrow[NOTE_CODE, r] = call[P_NOTE]
    wide[ENTRY_LINE, r] = call[P_LINE]
    wide[ENTRY_OFFSET, r] = call[P_OFFSET]
    wide[ENTRY_CLOCK, r] = call[P_CLOCK]
    if call[P_BLOCK] == state[BLOCK]:
        wide[HEAD_START, r] = call[P_START]
        wide[HEAD_STOP, r] = call[P_STOP]
    else:
        crossed[state[CROSSED]] = r
        state[CROSSED] += 1
    call[P_LIVE] = RESUMED
    return True


@part
def _wait(r: int, tid: int, wide: Wide, narrow: Narrow, pending: Ints, state: Ints) -> None:
    """Remember a call that was cut."""
    slot = pending_slot(pending, tid)
    call = pending[slot]
    state[UNDER_WAY] += call[P_LIVE] == FREE_SLOT
    call[P_TID] = tid
    call[P_CODE] = narrow[CODE, r]
    call[P_FD] = wide[FD, r]
    call[P_NOTE] = narrow[NOTE_CODE, r]
    call[P_SEQ] = wide[SEQ, r]
    call[P_LINE] = wide[LINE, r]
    call[P_OFFSET] = wide[OFFSET, r]
    call[P_CLOCK] = wide[CLOCK, r]
    call[P_START] = wide[START, r]
    call[P_STOP] = wide[STOP, r]
    call[P_BLOCK] = state[BLOCK]
    call[P_EDGE] = (narrow[FORM, r] & EDGE) >> EDGE_SHIFT
    call[P_LIVE] = WAITING
    call[P_ORIGIN] = tid


@part
def _known(buf: Bytes, r: int, narrow: Narrow, misses: Ints, table: Ints, arena: Bytes) -> int:
    """The code of a resumed call's name; -1 when no call of that name was seen yet."""
    code = narrow[CODE, r]
    if code >= 0:
        return code
    n = -2 - code
    start, key = misses[n, M_START], misses[n, M_HASH]
    mask = table.shape[0] - 1
    slot = find(address(table), mask, arena, buf, start, start + misses[n, M_LENGTH], SYSCALL, key)
    return table[slot, 1] if slot >= 0 else -1


@part
def _about_tasks(buf: Bytes, r: int, kind: int, narrow: Narrow, misses: Ints, watched: Bytes) -> int:
    """What a row tells about who is alive; 0 for nothing."""
    if kind == EXITED or kind == KILLED:
        return ENDS
    code = narrow[CODE, r]
    if kind == ENTRY or code == -1:
        return 0
    if code >= 0:
        return watched[code]
    return tells(buf, misses[-2 - code, M_START], misses[-2 - code, M_LENGTH])


@part
def _stamp_is_plain(r: int, stamp: int, wide: Wide, state: Ints) -> bool:
    """Whether the clock has begun, so that nothing is to be learnt from this stamp."""
    if stamp == 0:
        return True
    if state[FIRST] == ABSENT:
        return False
    if stamp == DELTA or stamp == DAY_AND_DELTA:
        return state[ANCHOR] != ABSENT
    return wide[CLOCK, r] != ABSENT


@part
def _place(r: int, kind: int, wide: Wide, state: Ints) -> None:
    """Number a row, and give it its own line as the one on which it began."""
    wide[SEQ, r] = -1
    if kind <= ENTRY:
        wide[SEQ, r] = state[CALLS]
        state[CALLS] += 1
    wide[ENTRY_LINE, r] = wide[LINE, r]
    wide[ENTRY_OFFSET, r] = wide[OFFSET, r]
    wide[ENTRY_CLOCK, r] = wide[CLOCK, r]


@part
def _account(r: int, pid_form: int, stamp: int, wide: Wide, narrow: Narrow, state: Ints) -> None:
    """Count a row that was taken."""
    state[PARSED] += 1
    frames = narrow[FRAMES, r]
    if frames:
        state[CONTINUED] += frames
        state[SAW_FRAMES] = 1
    if wide[CLOCK, r] > state[LAST]:
        state[LAST] = wide[CLOCK, r]
    if stamp:
        state[LAST_STAMP] = stamp
    if wide[DURATION, r] != ABSENT:
        state[SAW_DURATION] = 1
    if pid_form == BARE:
        state[SAW_BARE] = 1
        state[LAST_TID] = narrow[TID, r]
    elif pid_form == BRACKETED:
        state[SAW_BRACKETS] = 1


@compiled
def finish_rows(
    buf: Bytes, r: int, rows: int, kinds: Kinds, wide: Wide, narrow: Narrow, misses: Ints,
    table: Ints, arena: Bytes, counts: Ints, fresh: Ints, watched: Bytes,
    pending: Ints, alive: Ints, going: int, crossed: Ints, events: Ints, state: Ints,
) -> int:  # fmt: skip
    """Finish rows from `r` on; returns the first that the line scanner has to judge, or `rows`."""
    while r < rows:
        form, kind = narrow[FORM, r], kinds[r]
        pid_form, stamp = form & PID_FORM, (form & STAMP_FORM) >> STAMP_SHIFT
        if form & ODD or not _stamp_is_plain(r, stamp, wide, state):
            return r
        about = _about_tasks(buf, r, kind, narrow, misses, watched)
        if about and (pid_form != BARE or state[MIXED]):
            return r
        if not _thread(r, pid_form, narrow, alive, going, state):
            return r
        tid = np.int64(narrow[TID, r])
        if kind == ENTRY and 2 * state[UNDER_WAY] >= pending.shape[0]:
            return r
        if kind == EXIT:
            code = _known(buf, r, narrow, misses, table, arena)
            if code < 0 or not _join(r, tid, code, wide, narrow, pending, crossed, state):
                return r
        for column in (CODE, NOTE_CODE, RET_NOTE, ERRNO_CODE, STACK_CODE):
            if narrow[column, r] < -1:
                narrow[column, r] = interned(
                    buf, -2 - narrow[column, r], misses, table, arena, counts, fresh, state
                )
        _clock(r, stamp, wide, state)
        wide[LINE, r] += state[LINE_BASE]
        if kind != EXIT:
            _place(r, kind, wide, state)
        if kind == ENTRY:
            _wait(r, tid, wide, narrow, pending, state)
            state[CUT_ROW] = r
        if about:
            events[state[EVENTS], 0] = about
            events[state[EVENTS], 1] = wide[RET, r] if about == SPAWNS else tid
            state[EVENTS] += 1
            if about == ENDS:
                _gone_with(tid, pending)
        _account(r, pid_form, stamp, wide, narrow, state)
        r += 1
    return r


@part
def _gone_with(tid: int, pending: Ints) -> None:
    """A thread has ended, and its call with it."""
    slot = pending_slot(pending, tid)
    if pending[slot, P_LIVE] == WAITING:
        pending[slot, P_LIVE] = RESUMED


@compiled
def forms_of(narrow: Narrow, rows: int) -> int:
    """Which forms of the pid the rows of a block have, as bits."""
    found = 0
    for r in range(rows):
        if narrow[FORM, r] & ODD == 0:
            found |= 1 << (narrow[FORM, r] & PID_FORM)
    return found
