"""Rows of threads of which it is not clear yet who made them: they wait until it is.

A child may be seen before its parent's call returns; where several calls are
under way, or calls return numbers of another pid namespace, any of them may be
its parent's (`matching`). Its rows are taken as soon as that is known, in the
capture's order among all others that are.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from ..readers.strace.window import Row
from .calls import Calls
from .effects import Op
from .lives import At, Life
from .spawns import Birth, Unborn

LIMBO = 100_000
"""Rows of threads with unclear parents that may wait for clarity; more of them are taken as they are."""
THREADS = 500
"""Threads whose parents are unclear at once; of more, all are taken as they are."""
_TROUBLE = 1000
"""So many pairs of threads and forks are looked at for each row that may have made something clear."""
_NOT_TAKEN = At(0, -1, 0, 0, 0, 0, b"", -1, -1)
_RETURNS = frozenset({int(Row.CALL), int(Row.EXIT)})

Waiting = tuple[int, tuple[int, ...], bytes, int]
"""The place of a row among all, the row, its text and its file."""


class Limbo:
    """The rows that wait, by thread; `take` takes one of them, `position` says how many were taken."""

    def __init__(
        self,
        calls: Calls,
        take: Callable[[tuple[int, ...], bytes, int], Life | None],
        position: Callable[[], int],
    ) -> None:
        self._calls, self._take, self._position = calls, take, position
        self._rows: dict[int, list[Waiting]] = {}
        self._ready: list[Waiting] = []
        self._left = 0
        self._replaying = False
        self._asked = 0

    @property
    def empty(self) -> bool:
        """Whether no row waits."""
        return self._left == 0

    @property
    def full(self) -> bool:
        """Whether more rows wait than may."""
        return self._left > LIMBO

    def put(self, row: tuple[int, ...], text: bytes, file: int, op: int) -> None:
        """A row has to wait."""
        tid, place = row[1], self._position()
        unborn = self._calls.spawns.unborn
        thread = unborn.get(tid)
        new = thread is None
        if thread is None:
            thread = unborn[tid] = Unborn(tid, place)
        self._rows.setdefault(tid, []).append((place, row, text, file))
        self._left += 1
        crowded = len(unborn) > THREADS
        if self._learn(thread, row, op) or new:
            self.settle(last=crowded)

    def _learn(self, thread: Unborn, row: tuple[int, ...], op: int) -> bool:
        """What a row says about its thread, or about children of its own; whether it may settle something."""
        kind, ret, errno = row[0], row[6], row[8]
        if op == Op.IDENTITY and kind in _RETURNS and errno < 0 <= ret:
            thread.word = ret
            return True
        if op != Op.SPAWN or kind > Row.EXIT:
            return False
        place = self._position()
        if kind != Row.EXIT or not thread.births:
            birth = Birth(thread, _NOT_TAKEN)
            birth.begun = place if self._calls.resumed else -1
            thread.births.append(birth)
        if kind == Row.ENTRY:
            return False
        if errno >= 0 or ret <= 0:
            thread.births.pop()
        else:
            thread.births[-1].number, thread.births[-1].over = ret, place
        return True

    def settle(self, last: bool = False) -> None:
        """Take the rows of all threads whose parents are clear by now; of all, for the `last` time."""
        spawns = self._calls.spawns
        unborn = spawns.unborn
        self._asked += 1
        if self._replaying or not (unborn or self._ready):
            return
        forks = len(spawns.inner) + sum(len(thread.births) for thread in unborn.values())
        if not last and len(unborn) * forks > _TROUBLE * self._asked:
            return
        self._replaying = True
        while self._rows:
            self._asked = 0
            free = self._calls.clear(self._ready[0][0] if self._ready else self._position() + 1, last)
            if not free and not self._ready and last:
                free = [next(iter(unborn))]
                del unborn[free[0]]
            self._release(free)
            if not self._ready:
                break
            while self._ready and not self._asked:
                self._calls.retaken, row, text, file = heappop(self._ready)
                self._left -= 1
                self._take(row, text, file)
            self._calls.retaken = -1
        self._replaying = False

    def _release(self, free: list[int]) -> None:
        """These threads are born, and their rows wait for their turn only."""
        for tid in sorted(free, key=lambda tid: self._rows[tid][0][0]):
            rows = self._rows.pop(tid)
            row, file = rows[0][1], rows[0][3]
            if tid not in self._calls.tasks:
                at = At(file, row[10], row[11], row[12], row[2], tid, b"", -1, self._position())
                self._calls.first_sight(tid, at)
            for waiting in rows:
                heappush(self._ready, waiting)
