"""Rows of threads of which it is not clear yet who made them: they wait until it is.

A child may be seen before its parent's call returns; where several calls are
under way, or calls return numbers of another pid namespace, any of them may be
its parent's. Its rows are taken as soon as that is known, in the capture's order
among all others that are.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from .calls import Calls
from .lives import At, Life

LIMBO = 100_000
"""Rows of threads with unclear parents that may wait for clarity; more of them are taken as they are."""

Waiting = tuple[int, tuple[int, ...], bytes, int]
"""How many rows had to wait before, the row, its text and its file."""


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
        self._unborn: set[int] = set()
        self._replaying = False
        self._place = 0
        self._put = 0
        self._left = 0

    @property
    def full(self) -> bool:
        """Whether more rows wait than may."""
        return self._left > LIMBO

    def put(self, row: tuple[int, ...], text: bytes, file: int, over: bool = False) -> None:
        """A row has to wait; `over` when it tells its thread's end."""
        tid = row[1]
        self._rows.setdefault(tid, []).append((self._put, row, text, file))
        self._put += 1
        self._left += 1
        if tid not in self._unborn:
            self._unborn.add(tid)
            if not over and self._calls.match_inner(self._unborn):
                self.replay()

    def born(self) -> None:
        """A call has returned a child: perhaps one of those that wait."""
        if self._left:
            self._calls.match_inner(self._unborn)
            self.replay()

    def replay(self, last: bool = False) -> None:
        """Take the rows of all threads whose parents are clear by now; of all, for the `last` time.

        Whether a thread's are is asked at its first row: what rows before it do may make it unclear.
        """
        if self._replaying:
            for tid in list(self._rows):
                if self._rows[tid][0][0] > self._place:
                    break
                self._free(tid, last)
            return
        self._replaying = True
        for tid in list(self._rows):
            if tid in self._rows:
                self._drain(self._rows[tid][0][0])
                self._free(tid, last)
        self._drain(self._put)
        self._replaying = False

    def _free(self, tid: int, last: bool) -> None:
        """Let go of a thread if its parent is clear."""
        if tid in self._rows and (last or tid in self._calls.tasks or not self._calls.ambiguous(tid)):
            for waiting in self._rows.pop(tid):
                heappush(self._ready, waiting)

    def _drain(self, until: int) -> None:
        """Take the rows before this place that need not wait any more."""
        while self._ready and self._ready[0][0] < until:
            self._place, row, text, file = heappop(self._ready)
            self._left -= 1
            self._retake(row, text, file)

    def _retake(self, row: tuple[int, ...], text: bytes, file: int) -> None:
        tid = row[1]
        if tid in self._unborn:
            self._unborn.discard(tid)
            if tid not in self._calls.tasks:
                place = At(file, row[10], row[11], row[12], row[2], tid, b"", -1, self._position())
                self._calls.first_sight(tid, place)
        self._take(row, text, file)
