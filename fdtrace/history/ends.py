"""What comes to an end: lives, threads, processes, and what is kept of those that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lives import STDIO, At, Life, Table
from .tasks import Process, Task

if TYPE_CHECKING:
    from .passers import Passers

ENDED_KEPT = 2_000
"""Processes that ended without leaving a descriptor open are forgotten when there are twice as many.

Only where no table is to be made of them (`Kernel.lean`): a build or a server that forks has millions.
"""

LEFT_KEPT = 50_000
"""Descriptors of ended processes that are looked at one by one (`Kernel.lean`); more are counted."""

_MANY = 64
"""So many numbers of a table that is over are remembered, in case a child tells more of them."""


class _EveryNumber(set[int]):
    """In place of what a table had touched that is over: nothing more will be found out about it."""

    def __contains__(self, number: object) -> bool:
        return True

    def add(self, number: int) -> None:
        """It has it."""


_EVERY = _EveryNumber()


class Ends:
    """All processes of one capture, and what ended since observers were told."""

    def __init__(self) -> None:
        self.lean = False
        """Whether nobody will ask for the rows of processes, threads and tables that are over."""
        self.processes: list[Process] = []
        self.forgotten = 0
        """Processes that are no more in `processes`; what they had in common is in `forgotten_born`."""
        self.forgotten_born = True
        self.left_unjudged = 0
        self.given_up = 0
        """Threads alive that are not followed any more; what they hold open is not judged."""
        self._giving_up = False
        self.copied = 0
        """Numbers in tables that forks copied and that are in use."""
        self._copied: dict[int, int] = {}
        self._left = 0
        self._ended_clean = 0
        self.ended: list[Life | Passers] = []

    def process(self, pid: int | None, at: At | None) -> Process:
        """A process that begins here."""
        process = Process(pid, at)
        self.processes.append(process)
        return process

    def end(self, life: Life, how: str, at: At | None, certain: bool = True) -> None:
        """A life is over."""
        life.how = how
        life.closed = at
        life.certain = life.certain and certain
        if how == "exit":
            self._leave_open(life)
        self.ended.append(life)

    def let_go(self, task: Task, at: At) -> None:
        """A thread exits: it leaves its table at once, whatever comes of its process."""
        table = task.table
        table.users.discard(task)
        if not table.users:
            self._close_all(table, at)

    def leave(self, task: Task, how: str, at: At | None) -> None:
        """A task is gone; with the last user of a table go its descriptors."""
        task.ended, task.ended_by = at, how
        process, table = task.process, task.table
        process.tasks.discard(task)
        table.users.discard(task)
        table.ends(task)
        if not table.users and how != "detached":
            self._close_all(table, at)
        if not process.tasks:
            process.ended, process.ended_by = at, how
            self._ended_clean += not process.left
            if self.lean and self._ended_clean > 2 * ENDED_KEPT:
                self._forget_ended()

    def give_up(self, task: Task, at: At) -> None:
        """Follow a thread no more, though it may live on: what it alone held open is counted."""
        self.given_up += 1
        self._giving_up = True
        self.leave(task, "none", at)
        self._giving_up = False

    def _leave_open(self, life: Life) -> None:
        """A process leaves a number of its own to its end."""
        if life.fd < STDIO:
            return
        self._left += not self._giving_up
        if self.lean and (self._left > LEFT_KEPT or self._giving_up):
            self.left_unjudged += 1
        else:
            life.process.left = True

    def _forget_ended(self) -> None:
        """Forget the oldest processes that ended and left nothing; the fullest of all stays."""
        fullest = max(self.processes, key=lambda process: process.peak)
        clean = [p for p in self.processes if p.ended is not None and not p.left and not p.tasks]
        old = {p for p in clean[: len(clean) - ENDED_KEPT] if p is not fullest and not p.near_limit}
        self.processes = [p for p in self.processes if p not in old]
        for process in old:
            process.table = None  # else both wait for the garbage collector, which is seldom let in
        self.forgotten += len(old)
        self.forgotten_born = self.forgotten_born and all(p.born for p in old if p.ppid is None)
        self._ended_clean = ENDED_KEPT

    def _close_all(self, table: Table, at: At | None) -> None:
        if table.loan is not None:
            table.loan.give_back(over=True)
        for life in table.fds.values():
            if life.table is table:
                self.end(life, "exit", at)
        table.fds = {}
        table.cloexec, table.last_closed = set(), {}
        if table.complete or len(table.touched) > _MANY:
            table.touched, table.forked_knowing = _EVERY, frozenset()
        self.copied -= self._copied.pop(table.ident, 0)
