"""What threads wait for, noted while a large capture is read, in memory that does not grow with it.

Asked at the end, it says what reading the capture again would say (`waits`). Two
things are forgotten on the way: threads that are gone, as soon as their process is
known to live on without them, and what epoll knew of processes that are over and
forgotten themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..readers.strace.scan_block import Arrays, arrays_of
from ..readers.strace.window import Scan, Window
from . import walk_waits as w
from .tasks import Process
from .waits import (
    CONTROLS,
    EPOLL_WAITS,
    EXITS_ALL,
    EXITS_THREAD,
    POLLS,
    Owners,
    Registration,
    Thread,
    Waits,
    hung_up,
    registration,
)

if TYPE_CHECKING:
    from .calls import Calls

Ints = npt.NDArray[np.int64]

_SORTS = (
    (POLLS, w.POLL),
    (EPOLL_WAITS, w.EPOLL_WAIT),
    (CONTROLS, w.CONTROL),
    (EXITS_THREAD, w.EXIT_THREAD),
    (EXITS_ALL, w.EXIT_ALL),
)
_SEATS = 1 << 12
_LOG = 1 << 13
_TABLE = 1 << 15
_UNCLEAR = 1 << 10
"""Threads of unknown processes that are remembered when they are gone, and entries of such threads."""
assert _UNCLEAR + w.MOST_AT_ONCE <= _LOG


class WaitsNoted:
    """Notes what the threads of one file wait for; `take` is told of each window after the fold was."""

    def __init__(self, scan: Scan, calls: Calls) -> None:
        self._names = scan.syscalls.items
        self._calls = calls
        self._sorts: Ints = np.zeros(0, np.int64)
        self._threads: Ints = np.zeros((_SEATS, w.THREAD), np.int64)
        self._texts: npt.NDArray[np.uint8] = np.zeros((_SEATS, w.LONGEST_POLL), np.uint8)
        self._long: dict[int, bytes] = {}
        """Polls that have no room in a seat, by thread."""
        self._words: npt.NDArray[np.uint8] = np.zeros(w.LONGEST_CONTROL + 64, np.uint8)
        self._log: Ints = np.zeros((_LOG, w.ENTRY), np.int64)
        self._table: Ints = np.zeros((_TABLE, w.REGISTERED), np.int64)
        self._links: Ints = np.zeros((_TABLE, w.LINK), np.int64)
        self._state: Ints = np.zeros(w.STATE, np.int64)
        self._tids: Ints = np.zeros((4 * _SEATS, 2), np.int64)
        self._groups: dict[int, int] = {}
        self._members: list[tuple[Process, int] | None] = []
        """Of each group its process and a thread of it; None when the process is forgotten."""
        self._over: dict[int, tuple[Process, Waits]] = {}
        """What threads of processes that are over waited for."""

    # -- noting ----------------------------------------------------------------

    def take(self, window: Window) -> None:
        """Note what the rows of a window say."""
        self._learn()
        arrays, state = arrays_of(window), self._state
        state[w.AT] = 0
        while True:
            reason = w.collect(*arrays, self._sorts, self._tids, self._threads, self._words, self._log, state)
            if reason == w.ODD:
                self._read(window, int(state[w.ROW]))
            elif reason == w.LOG_FULL:
                self._apply()
            else:
                self._settle(window, arrays)
                if reason == w.DONE:
                    return
                self._make_seats()

    def _learn(self) -> None:
        """There may be new names of system calls."""
        known = len(self._sorts)
        if known < len(self._names):
            more = [
                next((sort for names, sort in _SORTS if name in names), w.OTHER)
                for name in self._names[known:]
            ]
            self._sorts = np.concatenate((self._sorts, np.array(more, np.int64)))

    def _read(self, window: Window, row: int) -> None:
        """Note a row that has an unusual form."""
        text = window.text(row)
        if self._sorts[window.column("syscall")[row]] == w.CONTROL:
            found = registration(text)
            if found is not None:
                added, fd, data = found
                self._enter(window, row, w.ADDED if added else w.REMOVED, fd, data)
        else:
            for data in hung_up(text):
                self._enter(window, row, w.HUNG_UP, 0, data)

    def _enter(self, window: Window, row: int, what: int, fd: int, data: bytes | None) -> None:
        if self._state[w.ENTRIES] == len(self._log):
            self._apply()
        tid, epoll, line, clock = (int(window.column(name)[row]) for name in ("tid", "fd", "line", "clock"))
        number = int(data or 0) & (1 << 64) - 1
        number -= (number >> 63) << 64
        entry = tid, w.NOTHING, what, epoll, fd, number, data is not None, line, clock
        self._log[self._state[w.ENTRIES]] = entry
        self._state[w.ENTRIES] += 1

    def _settle(self, window: Window, arrays: Arrays) -> None:
        """Bring the last rows of each thread into its seat."""
        threads, state = self._threads, self._state
        left = w.settle(*arrays[1:], self._sorts, threads, self._texts, state)
        if left:
            for seat in np.flatnonzero(threads[: state[w.SEATS], w.T_WAIT] >= 0).tolist():
                row = int(threads[seat, w.T_WAIT])
                threads[seat, w.T_WAIT] = w.NOTHING
                self._long[int(threads[seat, w.T_TID])] = window.text(row)

    # -- forgetting --------------------------------------------------------------

    def _make_seats(self) -> None:
        """Let go of threads that are gone and wait for nothing; make more seats if need be."""
        threads, texts = self._threads, self._texts
        alive = self._calls.tasks
        here = np.array([tid in alive for tid in threads[:, w.T_TID].tolist()], dtype=bool)
        waits = (
            (threads[:, w.T_PENDING] >= 0)
            | (threads[:, w.T_EPOLL] >= 0)
            | (threads[:, w.T_LENGTH] != w.NOTHING)
        )
        last = np.flatnonzero(~here & waits & (threads[:, w.T_GONE] == 0)).tolist()
        processes = self._processes(int(threads[seat, w.T_TID]) for seat in last)
        unclear = []
        for seat in last:
            tid = int(threads[seat, w.T_TID])
            process = processes.get(tid)
            if process is None:
                unclear.append(seat)
            elif process.ended is not None:
                self._thread(seat).adds_to(self._over.setdefault(id(process), (process, Waits()))[1])
        here[unclear[-_UNCLEAR:]] = True
        keep = np.flatnonzero(here)
        for tid in set(self._long) - set(threads[keep, w.T_TID].tolist()):
            del self._long[tid]
        size = len(threads) * (2 if 2 * len(keep) > len(threads) else 1)
        self._threads = np.zeros((size, w.THREAD), np.int64)
        self._texts = np.zeros((size, w.LONGEST_POLL), np.uint8)
        self._tids = np.zeros((4 * size, 2), np.int64)
        self._threads[: len(keep)] = threads[keep]
        self._texts[: len(keep)] = texts[keep]
        self._state[w.SEATS] = len(keep)
        w.seat_all(self._tids, self._threads, self._state)
        self._forget_processes()

    def _forget_processes(self) -> None:
        known = set(map(id, self._calls.kernel.processes))
        for key in set(self._over) - known:
            del self._over[key]

    def _thread(self, seat: int) -> Thread:
        """What a thread did last."""
        tid, _, _, pending, epoll, length, gone = self._threads[seat].tolist()
        text = self._long.get(tid, b"") if length == w.ELSEWHERE else self._texts[seat, :length].tobytes()
        return Thread(
            pending if pending >= 0 else None,
            text if length != w.NOTHING else None,
            epoll if epoll >= 0 else None,
            bool(gone),
        )

    # -- processes ---------------------------------------------------------------

    def _processes(self, tids: Iterable[int]) -> dict[int, Process]:
        """The processes of these threads, as far as known now; the latest threads are found first."""
        wanted, found = set(tids), {}
        for tid in list(wanted):
            task = self._calls.tasks.get(tid)
            if task is not None:
                found[tid] = task.process
                wanted.discard(tid)
        for process in reversed(self._calls.kernel.processes):
            if not wanted:
                break
            for tid in reversed(process.tids):
                if tid in wanted:
                    found[tid] = process
                    wanted.discard(tid)
                    if not wanted:
                        break
        return found

    def _apply(self, owners: Owners | None = None) -> None:
        """Bring the log into the table; what threads of unknown processes did waits until more is known."""
        self._follow_mergers()
        count = int(self._state[w.ENTRIES])
        if not count:
            return
        log = self._log[:count]
        tids, places = np.unique(log[:, w.E_TID], return_inverse=True)
        if owners is None:
            processes = self._processes(tids.tolist())
        else:
            processes = {tid: one for tid in tids.tolist() if (one := owners.of(tid)) is not None}
        groups = np.array(
            [self._group(processes[tid], tid) if tid in processes else w.NOTHING for tid in tids.tolist()]
        )
        log[:, w.E_GROUP] = groups[places]
        self._make_room(count)
        w.apply(self._log, self._table, self._links, self._state)
        unclear = log[log[:, w.E_GROUP] < 0][-_UNCLEAR:]
        self._log[: len(unclear)] = unclear
        self._state[w.ENTRIES] = len(unclear)

    def _follow_mergers(self) -> None:
        """What was taken for two processes may have turned out to be one: it has one group."""
        renamed = np.arange(len(self._members) + 1)
        for number, member in enumerate(self._members, 1):
            if member is None or member[0].tasks or member[0].ended is not None:
                continue
            into = self._processes([member[1]]).get(member[1])
            if into is not None and into is not member[0]:
                del self._groups[id(member[0])]
                self._members[number - 1] = None
                renamed[number] = self._group(into, member[1])
        if (renamed != np.arange(len(renamed))).any():
            self._table[:, w.R_GROUP] = renamed[self._table[:, w.R_GROUP]]
            self._enter_again(self._table, 0)

    def _group(self, process: Process, tid: int) -> int:
        group = self._groups.get(id(process))
        if group is None:
            self._members.append((process, tid))
            group = self._groups[id(process)] = len(self._members)
        return group

    def _make_room(self, entries: int) -> None:
        """Room in the table for so many entries; what matters to nobody any more is left out first."""
        used = max(int(self._state[w.REGISTRATIONS]), int(self._state[w.LINKS]))
        if 2 * (used + entries) <= len(self._table):
            return
        known = set(map(id, self._calls.kernel.processes))
        for number, member in enumerate(self._members):
            if member is not None and id(member[0]) not in known:
                self._members[number] = None
                del self._groups[id(member[0])]
        live = np.array([False, *(member is not None for member in self._members)])
        self._enter_again(self._table[live[self._table[:, w.R_GROUP]]], entries)

    def _enter_again(self, rows: Ints, more: int) -> None:
        """Make the table anew from some of its rows, with room for more."""
        rows = rows[(rows[:, w.R_GROUP] > 0) & (rows[:, w.R_ADDED] != 0)]
        size = len(self._table)
        while 4 * (len(rows) + more) > size:
            size *= 2
        self._table = np.zeros((size, w.REGISTERED), np.int64)
        self._links = np.zeros((size, w.LINK), np.int64)
        w.enter_all(rows[np.argsort(rows[:, w.R_LINE])], self._table, self._links, self._state)

    # -- asking ------------------------------------------------------------------

    def of_processes(self, owners: Owners) -> dict[int, Waits]:
        """What processes wait for, by their `id()`."""
        self._apply(owners)
        self._forget_processes()
        found = {key: waits for key, (_, waits) in self._over.items()}
        self._over = {}
        for seat in range(int(self._state[w.SEATS])):
            process = owners.waiting(int(self._threads[seat, w.T_TID]))
            if process is not None and not self._threads[seat, w.T_GONE]:
                self._thread(seat).adds_to(found.setdefault(id(process), Waits()))
        table = self._table
        known = set(map(id, self._calls.kernel.processes))
        rows = table[table[:, w.R_ADDED] != 0]
        for group, epoll, fd, _, line, clock, hung, _, _ in rows[np.argsort(rows[:, w.R_LINE])].tolist():
            member = self._members[group - 1]
            if member is None or id(member[0]) not in known:
                continue
            waits = found.setdefault(id(member[0]), Waits())
            waits.registered[epoll, fd] = Registration(True, 0, line, clock)
            if hung:
                waits.hung_up.add((epoll, fd))
        return found
