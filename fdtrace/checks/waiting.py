"""Which descriptors is somebody still waiting for when the capture ends?

A client that says nothing for an hour is served all the same, as long as its
server would hear it: its socket is in the set of the last poll or select of a
thread, registered with an epoll instance that a thread waits on, or a read of
it has not returned. A capture is read once more for this, and only when it
would change an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..history.lives import Life
from ..history.run import History, window_stream
from ..history.tasks import Process
from ..readers.strace.args import Call
from ..readers.strace.window import Mark, Row, Window

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_POLLS = frozenset((b"poll", b"ppoll", b"select", b"pselect6", b"_newselect"))
_EPOLL_WAITS = frozenset((b"epoll_wait", b"epoll_pwait", b"epoll_pwait2"))
_IN_POLL = re.compile(rb"\{fd=(\d+)")
_IN_SET = re.compile(rb"(?:^\[|(?<=[\s>]))(\d+)(?=[<\s\]])")
_DATA = re.compile(rb"data=(?:\{u32=\d+, u64=)?(\d+)")
_HUNG_UP = re.compile(rb"events=[A-Z|]*EPOLL(?:RD)?HUP[A-Z|]*, data=(?:\{u32=\d+, u64=)?(\d+)")
_UNFINISHED = Mark.NO_RESULT | Mark.DETACHED | Mark.CUT | Mark.RESTARTED
_DEVICES = ("/dev/ptmx", "/dev/pts/", "/dev/tty", "/dev/net/")


@dataclass(slots=True)
class _Thread:
    """What a thread did last, as far as waiting goes."""

    pending: int | None = None
    polled: bytes | None = None
    epoll: int | None = None


@dataclass(slots=True)
class _Waits:
    """What a process waits for."""

    numbers: set[int] = field(default_factory=set)
    hidden: int = 0
    """Numbers of a poll that strace left out (`...`)."""
    epolls: set[int] = field(default_factory=set)
    registered: dict[tuple[int, int], tuple[bool, int, int, int]] = field(default_factory=dict)
    """By epoll instance and number: whether it was added, in which file, line and at what time."""
    by_data: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Epoll instance and number, by the data that events of theirs carry."""
    hung_up: set[tuple[int, int]] = field(default_factory=set)
    """Of which epoll told that the other end is gone; nobody waits for these any more."""


class Waiting:
    """Tells of a life that nobody closed whether its process waits for it."""

    def __init__(self, history: History) -> None:
        self._alive = set(history.fold.calls.tasks)
        self._process_of: dict[int, Process] = {}
        for process in history.fold.calls.kernel.processes:
            for tid in process.tids:
                self._process_of[tid] = process
        processes = {id(process): process for process in self._process_of.values()}
        self._only = next(iter(processes.values())) if len(processes) == 1 else None
        self._threads: dict[int, _Thread] = {}
        self._waits: dict[int, _Waits] = {}
        for window in window_stream(history):
            self._take(window, history.scan.syscalls.items)
        for tid, thread in self._threads.items():
            self._conclude(tid, thread)

    def on(self, life: Life) -> bool:
        """Whether somebody would hear if something happened to this one."""
        waits = self._waits.get(id(life.process))
        if waits is None:
            return False
        if life.fd in waits.numbers:
            return True
        if not _has_another_end(life):
            return False
        if waits.hidden and self._may_be_hidden(waits, life.process):
            return True
        return any(self._registered(waits, epoll, life) for epoll in waits.epolls)

    @staticmethod
    def _may_be_hidden(waits: _Waits, process: Process) -> bool:
        """Whether all that strace does not show of a long poll has room in it."""
        if process.table is None:
            return False
        unseen = [life for life in process.table.fds.values() if life.fd not in waits.numbers]
        return sum(map(_has_another_end, unseen)) <= waits.hidden

    @staticmethod
    def _registered(waits: _Waits, epoll: int, life: Life) -> bool:
        added, file, line, clock = waits.registered.get((epoll, life.fd), (False, 0, 0, 0))
        at = life.opened
        if not added or at is None or (epoll, life.fd) in waits.hung_up:
            return False
        return line > at.line if file == at.file else clock >= at.clock

    # -- reading -------------------------------------------------------------

    def _take(self, window: Window, names: list[bytes]) -> None:
        import numpy as np

        kinds, codes, tids = window.column("kind"), window.column("syscall"), window.column("tid")
        calls = np.flatnonzero((kinds <= Row.EXIT) & (codes >= 0))
        if not len(calls):
            return
        waits = np.array([name in _POLLS or name in _EPOLL_WAITS for name in names], dtype=bool)
        controls = np.array([name == b"epoll_ctl" for name in names], dtype=bool)
        events = np.array([name in _EPOLL_WAITS for name in names], dtype=bool)
        for row in calls[(controls | events)[codes[calls]]].tolist():
            if controls[codes[row]]:
                self._control(window, row)
            else:
                self._heard(window, row)
        for row in _last_of_each(calls, tids):
            thread = self._threads.setdefault(int(tids[row]), _Thread())
            unfinished = kinds[row] == Row.ENTRY or int(window.column("flags")[row]) & _UNFINISHED
            fd = int(window.column("fd")[row])
            plain = names[codes[row]] not in _POLLS and names[codes[row]] not in _EPOLL_WAITS
            thread.pending = fd if unfinished and plain and fd >= 0 else None
        for row in _last_of_each(calls[waits[codes[calls]]], tids):
            thread = self._threads[int(tids[row])]
            if names[codes[row]] in _POLLS:
                thread.polled, thread.epoll = window.text(row), None
            else:
                thread.polled, thread.epoll = None, int(window.column("fd")[row])

    def _control(self, window: Window, row: int) -> None:
        if int(window.column("errno")[row]) >= 0 or int(window.column("kind")[row]) == Row.ENTRY:
            return
        process = self._process_of.get(int(window.column("tid")[row]), self._only)
        call = Call(window.text(row))
        watched = call.fd(2)
        if process is None or watched is None:
            return
        waits = self._waits.setdefault(id(process), _Waits())
        place = window.file, int(window.column("line")[row]), int(window.column("clock")[row])
        added = b"DEL" not in call.arg(1) and call.arg(1) != b"2"
        key = int(window.column("fd")[row]), watched[0]
        waits.registered[key] = (added, *place)
        waits.hung_up.discard(key)
        for data in _DATA.findall(window.text(row))[:1]:
            waits.by_data[data] = key

    def _heard(self, window: Window, row: int) -> None:
        """An epoll_wait returned: whose other end is gone is waited for no more."""
        text = window.text(row)
        process = self._process_of.get(int(window.column("tid")[row]), self._only)
        if b"HUP" not in text or process is None:
            return
        waits = self._waits.setdefault(id(process), _Waits())
        waits.hung_up |= {waits.by_data[data] for data in _HUNG_UP.findall(text) if data in waits.by_data}

    def _conclude(self, tid: int, thread: _Thread) -> None:
        process = self._process_of.get(tid, self._only)
        if process is None:
            return
        if tid not in self._alive and process.ended is None and process is not self._only:
            return
        waits = self._waits.setdefault(id(process), _Waits())
        if thread.pending is not None:
            waits.numbers.add(thread.pending)
        if thread.epoll is not None:
            waits.epolls.add(thread.epoll)
        if thread.polled is not None:
            numbers, hidden = _numbers(thread.polled)
            waits.numbers |= numbers
            waits.hidden += hidden


def _last_of_each(rows: npt.NDArray[np.intp], tids: npt.NDArray[np.generic]) -> list[int]:
    """The last of these rows of every thread."""
    import numpy as np

    backwards = rows[::-1]
    _, first = np.unique(tids[backwards], return_index=True)
    last: list[int] = backwards[first].tolist()
    return last


def _numbers(text: bytes) -> tuple[set[int], int]:
    """The numbers that a poll or select names, and how many of them strace left out."""
    call = Call(text)
    if b"poll" not in call.name:
        return {int(number) for index in (1, 2, 3) for number in _IN_SET.findall(call.arg(index))}, 0
    numbers = {int(number) for number in _IN_POLL.findall(call.arg(0))}
    whole = call.number(1) or 0
    return numbers, max(0, whole - call.arg(0).count(b"{fd=")) if b"..." in call.arg(0)[-8:] else 0


def _has_another_end(life: Life) -> bool:
    """Whether registering it with epoll means that a living counterpart is waited for.

    So it is with accepted clients, pipes, pairs and terminals. Connections that
    the program itself began, timers and counters stay registered in any event
    loop after everybody has forgotten them.
    """
    if life.via == "accept" or life.kind == "pipe":
        return True
    if life.opened is not None and life.opened.syscall == b"socketpair":
        return True
    return life.kind not in ("dir", "memfd") and (life.target or "").startswith(_DEVICES)
