"""What each process waits for when a capture ends: the last polls of its threads, epoll, calls under way.

Either noted while the capture was read (`waits_noted`), or found by reading it once
more, which is the definition of both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..readers.strace.args import Call
from ..readers.strace.window import Mark, Row, Window
from .tasks import Process

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .kernel import Kernel
    from .run import History

POLLS = frozenset((b"poll", b"ppoll", b"select", b"pselect6", b"_newselect"))
EPOLL_WAITS = frozenset((b"epoll_wait", b"epoll_pwait", b"epoll_pwait2"))
CONTROLS = frozenset((b"epoll_ctl",))
EXITS_THREAD = frozenset((b"exit", b"_exit"))
EXITS_ALL = frozenset((b"exit_group",))
_NOT_PENDING = POLLS | EPOLL_WAITS | EXITS_THREAD | EXITS_ALL
"""Calls that wait for what they name among others, and those whose argument is no descriptor."""
_IN_POLL = re.compile(rb"\{fd=(\d+)")
_IN_SET = re.compile(rb"(?:^\[|(?<=[\s>]))(\d+)(?=[<\s\]])")
_DATA = re.compile(rb"data=(?:\{u32=\d+, u64=)?(\d+)")
_HUNG_UP = re.compile(rb"events=[A-Z|]*EPOLL(?:RD)?HUP[A-Z|]*, data=(?:\{u32=\d+, u64=)?(\d+)")
_UNFINISHED = Mark.NO_RESULT | Mark.DETACHED | Mark.CUT | Mark.RESTARTED


class Registration(NamedTuple):
    """The last epoll_ctl about a number: whether it stays registered, in which file, line and when."""

    added: bool
    file: int
    line: int
    clock: int


@dataclass(slots=True)
class Waits:
    """What a process waits for."""

    numbers: set[int] = field(default_factory=set)
    """Those of the last poll or select of a thread, and of calls that have not returned."""
    hidden: int = 0
    """Numbers of a poll that strace left out (`...`)."""
    epolls: set[int] = field(default_factory=set)
    """Epoll instances that a thread waits on."""
    registered: dict[tuple[int, int], Registration] = field(default_factory=dict)
    """By epoll instance and number."""
    by_data: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Epoll instance and number, by the data that events of theirs carry."""
    hung_up: set[tuple[int, int]] = field(default_factory=set)
    """Of which epoll told that the other end is gone; nobody waits for these any more."""


@dataclass(slots=True)
class Thread:
    """What a thread did last, as far as waiting goes."""

    pending: int | None = None
    polled: bytes | None = None
    epoll: int | None = None
    gone: bool = False
    """Whether its last call ended it: then it waits for nothing, though its process may live on."""

    def adds_to(self, waits: Waits) -> None:
        """What the thread waits for, its process does."""
        if self.pending is not None:
            waits.numbers.add(self.pending)
        if self.epoll is not None:
            waits.epolls.add(self.epoll)
        if self.polled is not None:
            numbers, hidden = polled(self.polled)
            waits.numbers |= numbers
            waits.hidden += hidden


class Owners:
    """Which process each thread is, or was, of."""

    def __init__(self, kernel: Kernel, alive: Iterable[int]) -> None:
        self._alive = set(alive)
        self._of = {tid: process for process in kernel.processes for tid in process.tids}
        processes = {id(process): process for process in self._of.values()}
        self._only = next(iter(processes.values())) if len(processes) == 1 else None

    def of(self, tid: int) -> Process | None:
        """The process of a thread; the only one there is for a number that nobody is known by."""
        return self._of.get(tid, self._only)

    def waiting(self, tid: int) -> Process | None:
        """The process of a thread that was there when this process, or the capture, ended."""
        process = self._of.get(tid)
        if process is None:
            return self._only
        return process if tid in self._alive or process.ended is not None else None


def of_processes(history: History) -> dict[int, Waits]:
    """What processes wait for, by their `id()`; whoever is not in there waits for nothing."""
    owners = Owners(history.fold.calls.kernel, history.fold.calls.tasks)
    if history.waits is not None:
        return history.waits.of_processes(owners)
    from .run import window_stream

    return _Again(owners, history.scan.syscalls.items).read(window_stream(history))


class _Again:
    """Reads a capture once more."""

    def __init__(self, owners: Owners, names: list[bytes]) -> None:
        self._owners = owners
        self._names = names
        self._threads: dict[int, Thread] = {}
        self._waits: dict[int, Waits] = {}

    def read(self, windows: Iterator[Window]) -> dict[int, Waits]:
        """What processes wait for after these windows."""
        for window in windows:
            self._take(window)
        for tid, thread in self._threads.items():
            process = self._owners.waiting(tid)
            if process is not None and not thread.gone:
                thread.adds_to(self._of(process))
        return self._waits

    def _of(self, process: Process) -> Waits:
        return self._waits.setdefault(id(process), Waits())

    def _take(self, window: Window) -> None:
        import numpy as np

        names = self._names
        kinds, codes, tids = window.column("kind"), window.column("syscall"), window.column("tid")
        calls = np.flatnonzero((kinds <= Row.EXIT) & (codes >= 0))
        if not len(calls):
            return
        waits = np.array([name in POLLS or name in EPOLL_WAITS for name in names], dtype=bool)
        controls = np.array([name in CONTROLS for name in names], dtype=bool)
        events = np.array([name in EPOLL_WAITS for name in names], dtype=bool)
        for row in calls[(controls | events)[codes[calls]]].tolist():
            if controls[codes[row]]:
                self._control(window, row)
            else:
                self._heard(window, row)
        for row in _last_of_each(calls, tids):
            thread = self._threads.setdefault(int(tids[row]), Thread())
            unfinished = kinds[row] == Row.ENTRY or int(window.column("flags")[row]) & _UNFINISHED
            fd = int(window.column("fd")[row])
            plain = names[codes[row]] not in _NOT_PENDING
            thread.pending = fd if unfinished and plain and fd >= 0 else None
            thread.gone = names[codes[row]] in EXITS_THREAD
        for row in _last_of_each(calls[waits[codes[calls]]], tids):
            thread = self._threads[int(tids[row])]
            if names[codes[row]] in POLLS:
                thread.polled, thread.epoll = window.text(row), None
            else:
                fd = int(window.column("fd")[row])
                thread.polled, thread.epoll = None, fd if fd >= 0 else None

    def _control(self, window: Window, row: int) -> None:
        if int(window.column("errno")[row]) >= 0 or int(window.column("kind")[row]) == Row.ENTRY:
            return
        process = self._owners.of(int(window.column("tid")[row]))
        found = registration(window.text(row))
        if process is None or found is None:
            return
        waits = self._of(process)
        added, fd, data = found
        key = int(window.column("fd")[row]), fd
        place = window.file, int(window.column("line")[row]), int(window.column("clock")[row])
        waits.registered[key] = Registration(added, *place)
        waits.hung_up.discard(key)
        if data is not None:
            waits.by_data[data] = key

    def _heard(self, window: Window, row: int) -> None:
        """An epoll_wait returned: whose other end is gone is waited for no more."""
        process = self._owners.of(int(window.column("tid")[row]))
        ended = hung_up(window.text(row))
        if not ended or process is None:
            return
        waits = self._of(process)
        waits.hung_up |= {waits.by_data[data] for data in ended if data in waits.by_data}


def _last_of_each(rows: npt.NDArray[np.intp], tids: npt.NDArray[np.generic]) -> list[int]:
    """The last of these rows of every thread."""
    import numpy as np

    backwards = rows[::-1]
    _, first = np.unique(tids[backwards], return_index=True)
    last: list[int] = backwards[first].tolist()
    return last


def registration(text: bytes) -> tuple[bool, int, bytes | None] | None:
    """What an epoll_ctl says: whether the number stays registered, the number, the data of its events."""
    call = Call(text)
    watched = call.fd(2)
    if watched is None:
        return None
    data = _DATA.search(call.arg(3))
    removed = b"DEL" in call.arg(1) or call.arg(1) == b"2"
    return not removed, watched[0], data.group(1) if data else None


def hung_up(text: bytes) -> list[bytes]:
    """The data of events that tell of an end that is gone."""
    return _HUNG_UP.findall(text) if b"HUP" in text else []


def polled(text: bytes) -> tuple[set[int], int]:
    """The numbers that a poll or select names, and how many of them strace left out."""
    call = Call(text)
    if b"poll" not in call.name:
        return {int(number) for index in (1, 2, 3) for number in _IN_SET.findall(call.arg(index))}, 0
    numbers = {int(number) for number in _IN_POLL.findall(call.arg(0))}
    whole = call.number(1) or 0
    return numbers, max(0, whole - call.arg(0).count(b"{fd=")) if b"..." in call.arg(0)[-8:] else 0
