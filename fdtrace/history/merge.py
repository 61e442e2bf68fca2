"""The files of `strace -ff` as one stream, in the order in which things happened.

Each file has the calls of one thread, each call on one line, so nothing shows
which calls overlapped. With a clock the files are merged by it: a call begins at
its stamp and ends after its duration, or, without `-T`, at once, unless it is
one that waits; those end when the thread goes on. Without a clock, or within
one tick of a coarse one, a thread waits until what its next call needs is so:
its parent has made it, the number that it gets is free, the number that it uses
is open. When nobody can go on, the first in line does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..readers.strace.window import ABSENT, COLUMNS, NO_FD, Row, Window
from .effects import EFFECTS, Op

if TYPE_CHECKING:
    from .fold import Fold

_WAITING = frozenset({b"accept", b"accept4", b"recvmsg", b"recvmmsg", b"vfork", b"clone", b"clone3", b"fork"})
"""Calls that may last: without a duration they end when their thread's next line begins."""

Step = tuple[int, ...]
_INDEX = {name: i for i, (name, _) in enumerate(COLUMNS)}
_KIND, _TID, _CLOCK, _CODE, _FD = (_INDEX[n] for n in ("kind", "tid", "clock", "syscall", "fd"))
_RET, _ERRNO, _DURATION, _SEQ = (_INDEX[n] for n in ("ret", "errno", "duration", "seq"))
ROWS_PER_WINDOW = 4096


class _Thread:
    """The rows of one file, cut into entries and exits, each with the time at which it counts."""

    def __init__(self, order: int, windows: Iterator[Window], fold: Fold) -> None:
        self.order = order
        self.file = order
        self._fold = fold
        self._halves = self._cut(windows)
        self.next: tuple[int, list[int], bytes] | None = next(self._halves, None)

    def pop(self) -> tuple[int, list[int], bytes]:
        assert self.next is not None
        taken = self.next
        self.next = next(self._halves, None)
        return taken

    def _cut(self, windows: Iterator[Window]) -> Iterator[tuple[int, list[int], bytes]]:
        names = self._fold.scan.syscalls
        held: tuple[list[int], bytes] | None = None
        for row, text in self._rows(windows):
            clock = row[_CLOCK]
            if held is not None:
                yield self._exit(held, clock)
                held = None
            if row[_KIND] != Row.CALL:
                yield clock, row, text
                continue
            name = names[row[_CODE]]
            duration = row[_DURATION]
            if clock == ABSENT or (duration == ABSENT and name not in _WAITING):
                yield clock, row, text
                continue
            entry = list(row)
            entry[_KIND] = Row.ENTRY
            yield clock, entry, text
            if duration != ABSENT:
                yield self._exit((row, text), clock + duration)
            else:
                held = (row, text)
        if held is not None:
            yield self._exit(held, held[0][_CLOCK])

    @staticmethod
    def _exit(held: tuple[list[int], bytes], clock: int) -> tuple[int, list[int], bytes]:
        row, text = held
        row = list(row)
        row[_KIND] = Row.EXIT
        return clock, row, text

    @staticmethod
    def _rows(windows: Iterator[Window]) -> Iterator[tuple[list[int], bytes]]:
        for window in windows:
            columns = [window.column(name).tolist() for name, _ in COLUMNS]
            for index, row in enumerate(zip(*columns, strict=True)):
                yield list(row), window.text(index)


def merged(streams: list[Iterator[Window]], fold: Fold) -> Iterator[Window]:
    """Windows of all files in one order; each window has rows of one file."""
    threads = [_Thread(order, windows, fold) for order, windows in enumerate(streams)]
    threads = [thread for thread in threads if thread.next is not None]
    clocked = all(thread.next is not None and thread.next[0] != ABSENT for thread in threads)
    order = _by_clock(threads, fold) if clocked else _by_cause(threads, fold)
    batch = _Batch()
    last = -1
    for thread, row, text in order:
        if batch.rows and thread.file != last:
            yield batch.window(last)
        last = thread.file
        batch.add(row, text)
        if len(batch.rows) >= ROWS_PER_WINDOW or not clocked:
            yield batch.window(last)
    if batch.rows:
        yield batch.window(last)


def _by_clock(threads: list[_Thread], fold: Fold) -> Iterator[tuple[_Thread, list[int], bytes]]:
    heap = [(thread.next[0], thread.order, thread) for thread in threads if thread.next is not None]
    heapq.heapify(heap)
    while heap:
        clock = heap[0][0]
        same = []
        while heap and heap[0][0] == clock:
            same.append(heapq.heappop(heap)[2])
        thread = same[0] if len(same) == 1 else _ready(same, fold)
        for other in same:
            if other is not thread:
                heapq.heappush(heap, (clock, other.order, other))
        _, row, text = thread.pop()
        yield thread, row, text
        if thread.next is not None:
            stamp = thread.next[0] if thread.next[0] != ABSENT else clock
            heapq.heappush(heap, (max(stamp, clock), thread.order, thread))


def _by_cause(threads: list[_Thread], fold: Fold) -> Iterator[tuple[_Thread, list[int], bytes]]:
    current: _Thread | None = None
    while threads:
        if current is None or current.next is None or not _can_go(current, fold):
            current = _ready(threads, fold)
        _, row, text = current.pop()
        yield current, row, text
        threads = [thread for thread in threads if thread.next is not None]


def _ready(threads: list[_Thread], fold: Fold) -> _Thread:
    """The first thread whose next call the tables allow; the first of all when there is none."""
    for thread in threads:
        if _can_go(thread, fold):
            return thread
    known = [t for t in threads if t.next is not None and t.next[1][_TID] in fold.calls.tasks]
    return known[0] if known else threads[0]


def _can_go(thread: _Thread, fold: Fold) -> bool:
    assert thread.next is not None
    _, row, _ = thread.next
    calls = fold.calls
    task = calls.tasks.get(row[_TID])
    if task is None:
        return row[_TID] in calls.spawns.returned or (not calls.tasks and _is_first(row, fold))
    if row[_KIND] not in (Row.CALL, Row.EXIT):
        return True
    name = fold.scan.syscalls[row[_CODE]]
    effect = EFFECTS.get(name)
    fds = task.table.fds
    if effect is None:
        return True
    if effect.op in (Op.CREATE, Op.DUP) and row[_RET] >= 0 and row[_ERRNO] < 0 and name not in (b"pipe", b"pipe2", b"socketpair"):
        return row[_RET] not in fds
    if effect.op == Op.CLOSE:
        return (row[_FD] in fds) == (row[_ERRNO] < 0) or not task.table.complete
    return True


def _is_first(row: list[int], fold: Fold) -> bool:
    return row[_CODE] >= 0 and fold.scan.syscalls[row[_CODE]] == b"execve"


class _Batch:
    """Rows of one file on their way into a window."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self.texts: list[bytes] = []

    def add(self, row: list[int], text: bytes) -> None:
        """Take a row and the text of its call."""
        self.rows.append(row)
        self.texts.append(text)

    def window(self, file: int) -> Window:
        """The rows so far as a window."""
        import numpy as np

        values = list(zip(*self.rows, strict=True))
        columns = {name: np.array(values[i], dtype=dtype) for i, (name, dtype) in enumerate(COLUMNS)}
        joined = dict(enumerate(self.texts))
        self.rows, self.texts = [], []
        return Window(file, columns, b"", joined)


__all__ = ["NO_FD", "merged"]
