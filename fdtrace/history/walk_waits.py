"""What threads wait for, in compiled loops: the last call of each, and what epoll was told and tells.

The rows of a window are gone through once. The last call of each thread, and its
last poll, select or epoll_wait, stand in the thread's seat; calls of epoll_ctl and
ends of connections that epoll reported become entries of a log, in their order.
Later, when it is known which threads make up a process, `apply` brings the entries
into a table: what is registered with which epoll instance. What has an unusual
form is left to Python (`waits_noted`), row by row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..machine_code import compiled, part
from ..readers.strace.scan_bytes import (
    BRACE,
    CLASS,
    CLOSE,
    DIGIT,
    FAILED,
    HEX,
    LESS,
    NEWLINE,
    UPPER,
    WORD,
    ZERO,
    Bytes,
    Ints,
    digits_end,
    says,
)
from ..readers.strace.scan_call import note_end
from ..readers.strace.scan_columns import (
    CLOCK,
    CODE,
    ERRNO_CODE,
    FD,
    HEAD_START,
    HEAD_STOP,
    LINE,
    START,
    STOP,
    TID,
    Flags,
    Kinds,
    Narrow,
    Wide,
)
from ..readers.strace.window import Mark, Row

Words = npt.NDArray[np.uint8]

POLL, EPOLL_WAIT, CONTROL, OTHER, EXIT_THREAD, EXIT_ALL = range(6)
"""Sorts of system calls."""
T_TID, T_LAST, T_WAIT, T_PENDING, T_EPOLL, T_LENGTH, T_GONE = range(7)
"""Columns of a thread's seat: its number; the rows of this window with its last call and its last wait;
what its unfinished call works on; the epoll instance that it waits on; how long the text of its last
poll is; whether its last call ended it."""
THREAD = 7
NOTHING, ELSEWHERE = -1, -2
"""Of rows, numbers and lengths: there is none; of a length: the text is where Python keeps it."""
E_TID, E_GROUP, E_WHAT, E_EPOLL, E_FD, E_DATA, E_HAS, E_LINE, E_CLOCK = range(9)
"""Columns of an entry: `E_HAS` says whether it came with data, which is the number of its events."""
ENTRY = 9
ADDED, REMOVED, HUNG_UP = range(3)
R_GROUP, R_EPOLL, R_FD, R_ADDED, R_LINE, R_CLOCK, R_HUNG, R_DATA, R_HAS = range(9)
"""Columns of what is registered; the group counts from 1."""
REGISTERED = 9
L_GROUP, L_DATA, L_EPOLL, L_FD = range(4)
"""Columns of the table from data to what came with it last."""
LINK = 4
AT, ROW, SEATS, ENTRIES, REGISTRATIONS, LINKS = range(6)
STATE = 6
DONE, ODD, NO_SEAT, LOG_FULL = range(4)

LONGEST_POLL = 256
"""Bytes of a poll that a seat has room for; Python keeps longer ones."""
LONGEST_CONTROL = 1024
_LONGEST_EVENTS = 1 << 16
MOST_AT_ONCE = 1 << 12
"""Entries that a row may need: each event takes 23 bytes at least."""

_CALL, _ENTRY, _EXIT = int(Row.CALL), int(Row.ENTRY), int(Row.EXIT)
_UNFINISHED = int(Mark.NO_RESULT | Mark.DETACHED | Mark.CUT | Mark.RESTARTED)
_BAR, _D = b"|D"
_BACK = np.full(256, -1, np.int64)
_BACK[list(b"HUP")] = 0, 1, 2
_LONGEST_NUMBER = 9
_SPREAD, _SHIFT = 2654435761, 15


@part
def _seat_of(tids: Ints, tid: int) -> int:
    """Where a thread is, or would be, in the table of seats by thread."""
    mask = tids.shape[0] - 1
    at = ((np.int64(tid) * _SPREAD) >> _SHIFT) & mask
    while tids[at, 0] != 0 and tids[at, 0] != np.int64(tid) + 1:
        at = (at + 1) & mask
    return at


@compiled
def seat_all(tids: Ints, threads: Ints, state: Ints) -> None:
    """Find the seats of all threads again, in an empty table."""
    for seat in range(state[SEATS]):
        at = _seat_of(tids, threads[seat, T_TID])
        tids[at, 0] = threads[seat, T_TID] + 1
        tids[at, 1] = seat


@part
def _sit(tid: int, tids: Ints, threads: Ints, state: Ints) -> int:
    """The seat of a thread, a new one if need be; NOTHING when there is no more."""
    at = _seat_of(tids, tid)
    if tids[at, 0] != 0:
        return tids[at, 1]
    seat = state[SEATS]
    if seat == threads.shape[0]:
        return NOTHING
    state[SEATS] += 1
    tids[at, 0] = np.int64(tid) + 1
    tids[at, 1] = seat
    threads[seat, T_TID] = tid
    threads[seat, T_LAST] = NOTHING
    threads[seat, T_WAIT] = NOTHING
    threads[seat, T_PENDING] = NOTHING
    threads[seat, T_EPOLL] = NOTHING
    threads[seat, T_LENGTH] = NOTHING
    threads[seat, T_GONE] = 0
    return seat


@compiled
def collect(
    rows: int,
    buf: Bytes,
    wide: Wide,
    narrow: Narrow,
    kinds: Kinds,
    flags: Flags,
    joined: Bytes,
    sorts: Ints,
    tids: Ints,
    threads: Ints,
    words: Words,
    log: Ints,
    state: Ints,
) -> int:
    """Note the rows of a window from `AT` on; says why it stopped."""
    i = state[AT]
    tid, seat = np.int64(-1), np.int64(-1)
    while i < rows:
        code, kind = narrow[CODE, i], kinds[i]
        if code < 0 or kind > _EXIT:
            i += 1
            continue
        if seat < 0 or narrow[TID, i] != tid:
            tid = np.int64(narrow[TID, i])
            seat = _sit(tid, tids, threads, state)
            if seat < 0:
                state[AT] = i
                return NO_SEAT
        sort = sorts[code]
        if EPOLL_WAIT <= sort <= CONTROL and state[ENTRIES] + MOST_AT_ONCE > log.shape[0]:
            state[AT] = i
            return LOG_FULL
        threads[seat, T_LAST] = i
        if sort <= EPOLL_WAIT:
            threads[seat, T_WAIT] = i
        plain = True
        if sort == CONTROL:
            if kind != _ENTRY and narrow[ERRNO_CODE, i] < 0:
                plain = _control(i, kind, buf, wide, narrow, joined, words, log, state)
        elif sort == EPOLL_WAIT:
            plain = _heard(i, kind, buf, wide, narrow, joined, log, state)
        i += 1
        if not plain:
            state[AT] = i
            state[ROW] = i - 1
            return ODD
    state[AT] = i
    return DONE


@compiled
def settle(
    buf: Bytes,
    wide: Wide,
    narrow: Narrow,
    kinds: Kinds,
    flags: Flags,
    joined: Bytes,
    sorts: Ints,
    threads: Ints,
    texts: Bytes,
    state: Ints,
) -> int:
    """Bring what the rows of a window say into the seats; how many texts are left to Python."""
    left = np.int64(0)
    for seat in range(state[SEATS]):
        i = threads[seat, T_LAST]
        if i < 0:
            continue
        threads[seat, T_LAST] = NOTHING
        sort = sorts[narrow[CODE, i]]
        unfinished = kinds[i] == _ENTRY or (flags[i] & _UNFINISHED) != 0
        threads[seat, T_GONE] = sort == EXIT_THREAD
        threads[seat, T_PENDING] = NOTHING
        if unfinished and CONTROL <= sort <= OTHER and wide[FD, i] >= 0:
            threads[seat, T_PENDING] = wide[FD, i]
        i = threads[seat, T_WAIT]
        if i < 0:
            continue
        if sorts[narrow[CODE, i]] == EPOLL_WAIT:
            threads[seat, T_WAIT] = NOTHING
            threads[seat, T_EPOLL] = wide[FD, i] if wide[FD, i] >= 0 else NOTHING
            threads[seat, T_LENGTH] = NOTHING
            continue
        threads[seat, T_EPOLL] = NOTHING
        head = np.int64(0)
        if kinds[i] == _EXIT:
            head = wide[HEAD_STOP, i] - wide[HEAD_START, i]
        length = head + wide[STOP, i] - wide[START, i]
        if joined[i] or length > texts.shape[1]:
            threads[seat, T_LENGTH] = ELSEWHERE
            left += 1
            continue
        threads[seat, T_WAIT] = NOTHING
        threads[seat, T_LENGTH] = length
        for j in range(head):
            texts[seat, j] = buf[wide[HEAD_START, i] + j]
        for j in range(length - head):
            texts[seat, head + j] = buf[wide[START, i] + j]
    return left


# -- reading ---------------------------------------------------------------------


@part
def _enter(
    i: int, what: int, fd: int, data: int, has: int, wide: Wide, narrow: Narrow, log: Ints, state: Ints
) -> None:
    """Write an entry about a row into the log."""
    at = state[ENTRIES]
    state[ENTRIES] += 1
    log[at, E_TID] = narrow[TID, i]
    log[at, E_GROUP] = NOTHING
    log[at, E_WHAT] = what
    log[at, E_EPOLL] = wide[FD, i]
    log[at, E_FD] = fd
    log[at, E_DATA] = data
    log[at, E_HAS] = has
    log[at, E_LINE] = wide[LINE, i]
    log[at, E_CLOCK] = wide[CLOCK, i]


@part
def _control(
    i: int,
    kind: int,
    buf: Bytes,
    wide: Wide,
    narrow: Narrow,
    joined: Bytes,
    words: Words,
    log: Ints,
    state: Ints,
) -> bool:
    """Read a call of epoll_ctl that succeeded; False when it has an unusual form."""
    if joined[i]:
        return False
    if kind == _CALL:
        return _registration(i, buf, wide[START, i], wide, narrow, log, state)
    head, start = wide[HEAD_START, i], wide[START, i]
    length = wide[HEAD_STOP, i] - head
    whole = length + wide[STOP, i] - start
    if whole > LONGEST_CONTROL:
        return False
    for j in range(length):
        words[j] = buf[head + j]
    for j in range(whole - length):
        words[length + j] = buf[start + j]
    words[whole] = NEWLINE
    return _registration(i, words, 0, wide, narrow, log, state)


@part
def _registration(i: int, text: Bytes, at: int, wide: Wide, narrow: Narrow, log: Ints, state: Ints) -> bool:
    """Read `epoll_ctl(4<…>, EPOLL_CTL_ADD, 7<…>, {events=…, data=…})`; False for any other form."""
    if not says(text, at, b"epoll_ctl("):
        return False
    end = digits_end(text, at + 10)
    if end == at + 10:
        return False
    at = _behind_note(text, end)
    if at == FAILED or not says(text, at, b", EPOLL_CTL_"):
        return False
    at += 12
    if not says(text, at, b"ADD, ") and not says(text, at, b"MOD, ") and not says(text, at, b"DEL, "):
        return False
    what = REMOVED if text[at] == _D else ADDED
    at += 5
    end = digits_end(text, at)
    if end == at or end - at > _LONGEST_NUMBER or (text[at] == ZERO and end > at + 1):
        return False
    fd = _number(text, at, end)
    at = _behind_note(text, end)
    if at == FAILED:
        return False
    if says(text, at, b", NULL)"):
        _enter(i, what, fd, 0, 0, wide, narrow, log, state)
        return True
    if says(text, at, b", 0x"):
        at += 4
        while CLASS[text[at]] & HEX:
            at += 1
        if text[at] != CLOSE:
            return False
        _enter(i, what, fd, 0, 0, wide, narrow, log, state)
        return True
    if not says(text, at, b", {events="):
        return False
    at += 10
    while (CLASS[text[at]] & WORD) != 0 or text[at] == _BAR:
        at += 1
    at = _data(text, at)
    if at == FAILED:
        return False
    _enter(i, what, fd, _number(text, at, digits_end(text, at)), 1, wide, narrow, log, state)
    return True


@part
def _behind_note(text: Bytes, at: int) -> int:
    """Behind the annotation that may stand here; FAILED for one that takes a second look."""
    return note_end(text, at) if text[at] == LESS else at


@part
def _number(text: Bytes, at: int, end: int) -> int:
    """A number; one of more than 64 bits as its last 64."""
    value = np.int64(0)
    for j in range(at, end):
        value = value * 10 + (np.int64(text[j]) - ZERO)
    return value


@part
def _data(text: Bytes, at: int) -> int:
    """Where the number begins in `, data={u32=…, u64=…` or `, data=…`; FAILED when there is none."""
    if not says(text, at, b", data="):
        return FAILED
    at += 7
    if says(text, at, b"{u32="):
        end = digits_end(text, at + 5)
        if end == at + 5 or not says(text, end, b", u64="):
            return FAILED
        at = end + 6
    return at if CLASS[text[at]] & DIGIT else FAILED


@part
def _heard(
    i: int, kind: int, buf: Bytes, wide: Wide, narrow: Narrow, joined: Bytes, log: Ints, state: Ints
) -> bool:
    """Read which connections an epoll_wait told the end of; False when it has an unusual form."""
    if joined[i]:
        return False
    start, stop = wide[START, i], wide[STOP, i]
    if stop - start > _LONGEST_EVENTS:
        return False
    if kind == _EXIT:
        for j in range(wide[HEAD_START, i], wide[HEAD_STOP, i]):
            if buf[j] == BRACE:
                return False
    at = start
    while at < stop:  # any HUP has a letter at one of three places in a row
        back = _BACK[buf[at]]
        at += 3
        if back < 0:
            continue
        place = at - 3 - back
        if place < start or not says(buf, place, b"HUP"):
            continue
        at = place + 5
        first = place
        while first > start and ((CLASS[buf[first - 1]] & UPPER) != 0 or buf[first - 1] == _BAR):
            first -= 1
        if first < start + 7 or not says(buf, first - 7, b"events="):
            continue
        if not (place - first >= 5 and says(buf, place - 5, b"EPOLL")) and not (
            place - first >= 7 and says(buf, place - 7, b"EPOLLRD")
        ):
            continue
        end = place + 3
        while (CLASS[buf[end]] & UPPER) != 0 or buf[end] == _BAR:
            end += 1
        begin = _data(buf, end)
        if begin == FAILED:
            continue
        end = digits_end(buf, begin)
        _enter(i, HUNG_UP, 0, _number(buf, begin, end), 1, wide, narrow, log, state)
        at = end + 2
    return True


# -- what is registered ----------------------------------------------------------


@part
def _mixed(one: int, other: int, third: int) -> int:
    """A number from three that spreads well."""
    h = np.int64(one) * 0x9E3779B97F4A7C1 + np.int64(other)
    h = (h ^ (h >> 29)) * 0x3F58476D1CE4E5B9 + np.int64(third)
    h = (h ^ (h >> 32)) * 0x14D049BB133111EB
    return h ^ (h >> 31)


@part
def _registered(table: Ints, group: int, epoll: int, fd: int) -> int:
    """Where this stands, or would stand, in the table of what is registered."""
    mask = table.shape[0] - 1
    at = _mixed(group, epoll, fd) & mask
    while table[at, R_GROUP] != 0 and not (
        table[at, R_GROUP] == group and table[at, R_EPOLL] == epoll and table[at, R_FD] == fd
    ):
        at = (at + 1) & mask
    return at


@part
def _linked(links: Ints, group: int, data: int) -> int:
    """Where this data stands, or would stand, in its table."""
    mask = links.shape[0] - 1
    at = _mixed(group, data, 0) & mask
    while links[at, L_GROUP] != 0 and not (links[at, L_GROUP] == group and links[at, L_DATA] == data):
        at = (at + 1) & mask
    return at


@compiled
def apply(log: Ints, table: Ints, links: Ints, state: Ints) -> None:
    """Bring the entries of known processes into the table, which has room for all of them."""
    for e in range(state[ENTRIES]):
        group = log[e, E_GROUP]
        if group < 0:
            continue
        if log[e, E_WHAT] == HUNG_UP:
            at = _linked(links, group, log[e, E_DATA])
            if links[at, L_GROUP] != 0:
                at = _registered(table, group, links[at, L_EPOLL], links[at, L_FD])
                if table[at, R_GROUP] != 0:
                    table[at, R_HUNG] = 1
            continue
        at = _registered(table, group, log[e, E_EPOLL], log[e, E_FD])
        if table[at, R_GROUP] == 0:
            state[REGISTRATIONS] += 1
            table[at, R_GROUP] = group
            table[at, R_EPOLL] = log[e, E_EPOLL]
            table[at, R_FD] = log[e, E_FD]
            table[at, R_HAS] = 0
        table[at, R_ADDED] = log[e, E_WHAT] == ADDED
        table[at, R_LINE] = log[e, E_LINE]
        table[at, R_CLOCK] = log[e, E_CLOCK]
        table[at, R_HUNG] = 0
        if log[e, E_HAS]:
            table[at, R_DATA] = log[e, E_DATA]
            table[at, R_HAS] = 1
            _link(links, group, log[e, E_DATA], log[e, E_EPOLL], log[e, E_FD], state)


@part
def _link(links: Ints, group: int, data: int, epoll: int, fd: int, state: Ints) -> None:
    at = _linked(links, group, data)
    if links[at, L_GROUP] == 0:
        state[LINKS] += 1
        links[at, L_GROUP] = group
        links[at, L_DATA] = data
    links[at, L_EPOLL] = epoll
    links[at, L_FD] = fd


@compiled
def enter_all(rows: Ints, table: Ints, links: Ints, state: Ints) -> None:
    """Bring registrations, the oldest first, into empty tables."""
    state[REGISTRATIONS] = 0
    state[LINKS] = 0
    for r in range(rows.shape[0]):
        at = _registered(table, rows[r, R_GROUP], rows[r, R_EPOLL], rows[r, R_FD])
        state[REGISTRATIONS] += table[at, R_GROUP] == 0
        for k in range(REGISTERED):
            table[at, k] = rows[r, k]
        if rows[r, R_HAS]:
            _link(links, rows[r, R_GROUP], rows[r, R_DATA], rows[r, R_EPOLL], rows[r, R_FD], state)
