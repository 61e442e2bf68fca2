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
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..readers.strace.window import ABSENT, COLUMNS, Row, Window
from .effects import EFFECTS, USES, Op

if TYPE_CHECKING:
    from ..readers.strace.lines import LineScanner
    from ..readers.strace.window import Scan
    from .calls import Calls

_PAIR = re.compile(rb"\[(\d+)")

_WAITING = frozenset({b"accept", b"accept4", b"recvmsg", b"recvmmsg", b"vfork", b"clone", b"clone3", b"fork"})
"""Calls that may last: without a duration they end when their thread's next line begins."""

_INDEX = {name: i for i, (name, _) in enumerate(COLUMNS)}
_KIND, _TID, _CLOCK, _CODE, _FD = (_INDEX[n] for n in ("kind", "tid", "clock", "syscall", "fd"))
_RET, _ERRNO, _DURATION, _SEQ = (_INDEX[n] for n in ("ret", "errno", "duration", "seq"))
_JOINS = frozenset({b"wait4", b"waitid", b"waitpid", b"futex"})
"""Calls that return when a child or, as pthread_join does it, a thread has ended."""
_JOIN = re.compile(rb"futex\(0x[0-9a-f]+, FUTEX_WAIT[^,]*, (\d+)[,)]")
_NEEDS_OPEN = frozenset(
    {Op.CLOSE, Op.DUP, Op.DUP_OVER, Op.CONTROL, Op.STATE, Op.READ, Op.SEND, Op.RECEIVE, Op.USE}
)
STDERR = 2
ROWS_PER_WINDOW = 4096


class _Thread:
    """The rows of one file, cut into entries and exits, each with the time at which it counts."""

    def __init__(self, order: int, windows: Iterator[Window], scan: Scan, scanner: LineScanner) -> None:
        self.order = order
        self.file = order
        self._scan = scan
        self._scanner = scanner
        self._halves = self._cut(windows)
        self.next: tuple[int, list[int], bytes] | None = next(self._halves, None)

    @property
    def _timeless(self) -> bool:
        """`-r` alone counts from the line before it in *any* file, so it orders nothing between files."""
        return self._scanner.clock.name == "relative"

    def pop(self) -> tuple[int, list[int], bytes]:
        assert self.next is not None
        taken = self.next
        self.next = next(self._halves, None)
        return taken

    def _cut(self, windows: Iterator[Window]) -> Iterator[tuple[int, list[int], bytes]]:
        names = self._scan.syscalls
        held: tuple[list[int], bytes] | None = None
        for row, text in self._rows(windows):
            if self._timeless:
                row[_CLOCK] = ABSENT
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


class Mixed(Window):
    """A window whose rows are of several files: `files` has the code of each row's."""

    __slots__ = ("files",)

    def __init__(self, rows: list[list[int]], texts: list[bytes], files: list[int]) -> None:
        import numpy as np

        values = list(zip(*rows, strict=True))
        columns = {name: np.array(values[i], dtype=dtype) for i, (name, dtype) in enumerate(COLUMNS)}
        super().__init__(-1, columns, b"", dict(enumerate(texts)))
        self.files = files


Step = tuple[_Thread, list[int], bytes] | None
"""The next row of all; None asks that the tables be brought up to date first."""


def merged(
    streams: list[Iterator[Window]], scan: Scan, calls: Calls, scanners: list[LineScanner]
) -> Iterator[Window]:
    """Windows of all files in one order. What was handed out is in the tables before more is asked for."""
    threads = [
        _Thread(order, windows, scan, scanner)
        for order, (windows, scanner) in enumerate(zip(streams, scanners, strict=True))
    ]
    threads = [thread for thread in threads if thread.next is not None]
    clocked = all(thread.next is not None and thread.next[0] != ABSENT for thread in threads)
    coarse = any("-t" in scanner.tally.features for scanner in scanners)
    calls.kernel.unordered = coarse or not clocked
    chooser = _Chooser(scan, calls, threads)
    rows: list[list[int]] = []
    texts: list[bytes] = []
    files: list[int] = []
    for step in _by_clock(threads, chooser) if clocked else _by_cause(threads, chooser):
        if step is not None:
            thread, row, text = step
            rows.append(row)
            texts.append(text)
            files.append(thread.file)
        if rows and (step is None or len(rows) >= ROWS_PER_WINDOW):
            yield Mixed(rows, texts, files)
            rows, texts, files = [], [], []
    if rows:
        yield Mixed(rows, texts, files)


def _by_clock(threads: list[_Thread], chooser: _Chooser) -> Iterator[Step]:
    heap = [(thread.next[0], thread.order, thread) for thread in threads if thread.next is not None]
    heapq.heapify(heap)
    while heap:
        clock, _, thread = heapq.heappop(heap)
        if heap and heap[0][0] == clock:
            same = [thread]
            while heap and heap[0][0] == clock:
                same.append(heapq.heappop(heap)[2])
            yield None
            thread = chooser.ready(same)
            for other in same:
                if other is not thread:
                    heapq.heappush(heap, (clock, other.order, other))
        _, row, text = thread.pop()
        chooser.took(row, text)
        yield thread, row, text
        if thread.next is not None:
            heapq.heappush(heap, (max(thread.next[0], clock), thread.order, thread))


def _by_cause(threads: list[_Thread], chooser: _Chooser) -> Iterator[Step]:
    current = threads[0]
    while threads:
        if current.next is None or not chooser.idle(current):
            yield None
            if current.next is None or chooser.hindrance(current) > _FREE:
                current = chooser.ready(threads)
        _, row, text = current.pop()
        chooser.took(row, text)
        yield current, row, text
        if current.next is None:
            threads = [thread for thread in threads if thread.next is not None]


_FREE, _FITS, _WANTED, _RELEASES, _ODD, _CONTRADICTS, _UNBORN = range(7)
"""How much speaks against a thread's next call being the next of all."""


class _Chooser:
    """Asks the tables whose turn it is."""

    def __init__(self, scan: Scan, calls: Calls, threads: list[_Thread]) -> None:
        self._scan = scan
        self._calls = calls
        self._barred: dict[int, int] = {}
        self._threads = {thread.next[1][_TID]: thread for thread in threads if thread.next is not None}

    def took(self, row: list[int], text: bytes) -> None:
        """A call was taken: a vfork bars its caller until the child's exec, or end, was taken as well."""
        if row[_CODE] < 0 or row[_RET] < 0 or row[_ERRNO] >= 0 or row[_KIND] == Row.ENTRY:
            return
        effect = EFFECTS.get(self._scan.syscalls[row[_CODE]])
        if effect is None:
            return
        if effect.op == Op.SPAWN and (text.startswith(b"vfork") or b"CLONE_VFORK" in text):
            self._barred[row[_TID]] = row[_RET]
        elif effect.op == Op.EXEC:
            for parent in [p for p, c in self._barred.items() if c == row[_TID]]:
                del self._barred[parent]

    def barred(self, tid: int) -> bool:
        """Whether a thread waits for the child of its vfork."""
        child = self._barred.get(tid)
        other = self._threads.get(child) if child is not None else None
        return other is not None and other.next is not None and other.next[1][_TID] == child

    def ready(self, threads: list[_Thread]) -> _Thread:
        """The thread whose next call the tables allow best; the first of them when several are equal."""
        best, least = threads[0], _UNBORN + 1
        wanted: set[tuple[int, int]] | None = None
        for thread in threads:
            hindrance = self.hindrance(thread)
            if hindrance == _FREE:
                return thread
            if hindrance == _RELEASES:
                wanted = self._wanted(threads) if wanted is None else wanted
                if self._release(thread) in wanted:
                    hindrance = _WANTED
            if hindrance < least:
                best, least = thread, hindrance
        return best

    def idle(self, thread: _Thread) -> bool:
        """Whether a thread's next call has nothing to do with any table."""
        assert thread.next is not None
        row = thread.next[1]
        if row[_CODE] < 0 or row[_TID] not in self._calls.tasks or self.barred(row[_TID]):
            return False
        name = self._scan.syscalls[row[_CODE]]
        return name not in USES and name not in EFFECTS and name not in _JOINS

    def _too_early(self, name: bytes, row: list[int], text: bytes) -> bool:
        """Whether a call returned because a thread had ended whose file is not at its end yet."""
        if name == b"futex":
            joined = _JOIN.match(text)
            ended = int(joined.group(1)) if joined is not None else 0
        else:
            ended = row[_RET] if row[_ERRNO] < 0 else 0
        other = self._threads.get(ended)
        return other is not None and other.next is not None and other.next[1][_TID] != row[_TID]

    def hindrance(self, thread: _Thread) -> int:
        """What the tables say to a thread's next call."""
        assert thread.next is not None
        _, row, text = thread.next
        calls = self._calls
        task = calls.tasks.get(row[_TID])
        if task is None:
            begins = row[_TID] in calls.spawns.returned or (not calls.tasks and self._is_first(row))
            return _FREE if begins else _UNBORN
        if self.barred(row[_TID]):
            return _UNBORN
        if row[_CODE] < 0 or row[_KIND] == Row.ENTRY:
            return _FREE
        name = self._scan.syscalls[row[_CODE]]
        if name in _JOINS and self._too_early(name, row, text):
            return _UNBORN
        effect = EFFECTS.get(name)
        fds = task.table.fds
        if row[_FD] > STDERR and (name in USES or (effect is not None and effect.op in _NEEDS_OPEN)):
            wrong = row[_ERRNO] >= 0 and self._scan.errnos[row[_ERRNO]] == b"EBADF"
            if (row[_FD] in fds) == wrong:
                return _CONTRADICTS
        if effect is None or row[_RET] < 0 or row[_ERRNO] >= 0:
            return _FREE
        if effect.op == Op.CLOSE:
            return _RELEASES
        first = _first_made(row, text, effect.op)
        if first is None:
            return _FREE
        if first in fds:
            return _CONTRADICTS
        return _FITS if task.table.lowest_free() == first or effect.op == Op.CONTROL else _ODD

    def _release(self, thread: _Thread) -> tuple[int, int]:
        assert thread.next is not None
        row = thread.next[1]
        return self._calls.tasks[row[_TID]].table.ident, row[_FD]

    def _wanted(self, threads: list[_Thread]) -> set[tuple[int, int]]:
        """The numbers that the next calls of threads will get, with their tables."""
        wanted = set()
        for thread in threads:
            assert thread.next is not None
            _, row, text = thread.next
            task = self._calls.tasks.get(row[_TID])
            effect = EFFECTS.get(self._scan.syscalls[row[_CODE]]) if row[_CODE] >= 0 else None
            if task is not None and effect is not None and row[_RET] >= 0 and row[_ERRNO] < 0:
                first = _first_made(row, text, effect.op)
                if first is not None:
                    wanted.add((task.table.ident, first))
        return wanted

    def _is_first(self, row: list[int]) -> bool:
        return row[_CODE] >= 0 and self._scan.syscalls[row[_CODE]] == b"execve"


def _first_made(row: list[int], text: bytes, op: Op) -> int | None:
    """The number that a call got, the first one of a pair."""
    if op == Op.CREATE:
        if text.startswith((b"pipe", b"socketpair")):
            found = _PAIR.search(text)
            return int(found.group(1)) if found else None
        return row[_RET]
    if op == Op.DUP or (op == Op.CONTROL and b"F_DUPFD" in text):
        return row[_RET]
    return None
