"""Threads with seats in the walk, and what became of them there, for whoever wants to look.

The walk makes and ends threads without their `Task`. `look` brings tasks up to date:
those that were born and are alive come to be, in the order of their birth, those that
have ended go. Of one that came and went meanwhile only its number is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import family, walk_threads
from . import walk_columns as w
from .effects import CLONE_FILES, CLONE_THREAD, Op
from .lent_records import Records
from .lives import Flight
from .spawns import UNDER_WAY
from .tasks import COPIED, Task

if TYPE_CHECKING:
    from .loans import Loan

_FEW_SEATS = 4
"""One of so many seats has to be free, else there are more of them."""
_SPAWN = int(Op.SPAWN)


class Threads(Records):
    """The seats, and the tasks that have them."""

    looked = True
    """Whether nothing has happened in the walk since tasks were brought up to date."""

    # -- taking and leaving a seat -----------------------------------------------

    def seat(self, task: Task, loan: Loan, call: tuple[int, ...]) -> None:
        """A thread of a lent table is the walk's from now on, and with it the call that is under way."""
        if not self.state[w.SEATS]:
            self.more_seats()
        kin = task.process is loan.table.process and task.process.space is None
        op, old, shut, cloexec, number, *at = call
        place = walk_threads.seat(
            task.tid, task.silent, kin, loan.place, op, old, shut, cloexec, number,
            self.tids, self.threads, self.tables, self.logs, self.state,
        )  # fmt: skip
        if op not in (w.NO_CALL, w.UNKNOWN_CALL):
            self.threads[place, w.K_AT : w.K_STANDING] = at
        self.tasks[place] = task
        loan.seats[task] = place

    def vacate(self, task: Task, place: int, standing: int) -> None:
        """A thread leaves its seat; its number stands for something else."""
        walk_threads.vacate(place, standing, self.tids, self.threads, self.tables, self.logs, self.state)
        self.tasks[place] = None
        task.loan = None

    def seat_more(self) -> None:
        """There is no free seat: those of threads that are over are; else there are more."""
        self.look()
        if _FEW_SEATS * int(self.state[w.SEATS]) < len(self.threads):
            self.more_seats()

    # -- births ------------------------------------------------------------------

    def allow_births(self, quiet: bool) -> None:
        """Say whether threads may be born in the walk: where nothing is to be known but what it knows.

        That is where nobody waits for clarity (`quiet`), and every thread that has not printed a line
        yet has a seat.
        """
        state, calls = self.state, self.calls
        spawns = calls.spawns
        state[w.ALIVE] = family.ALIVE - len(calls.tasks)
        state[w.BIRTHS] = 0
        if not quiet or spawns.inner or calls.told or calls.groups or calls.keep_tenures:
            return
        if calls.kernel.copied > COPIED:
            return
        if len(spawns.silent) == state[w.SILENTS] and len(spawns.waiting) < UNDER_WAY // 2:
            state[w.BIRTHS] = w.BY_NUMBER if spawns.returned or spawns.waiting else w.BY_SIGHT

    def acquaint(self) -> None:
        """Numbers changed hands: somebody may be known by one of which no row has been seen."""
        for tid in self.calls.tasks:
            walk_threads.acquaint(self.tids, tid, self.state)

    # -- looking -----------------------------------------------------------------

    def look(self) -> None:
        """Somebody looks at tasks: they become what all rows so far have made of them."""
        if self.looked:
            return
        self.looked = True
        state, logs = self.state, self.logs
        if not any(state[w.BORN : w.FOLLOWED + 1].tolist()):
            return
        born, stirred = logs[w.L_BORN, : state[w.BORN]], logs[w.L_STIR, : state[w.STIR]]
        former = []
        for place, row in zip(born.tolist(), self.threads[born].tolist(), strict=True):
            loan = self.table_of(row[w.K_TABLE]).loan
            assert loan is not None
            if row[w.K_STANDING] & w.GONE:
                loan.table.process.tids.append(row[w.K_TID])
                former.append(place)
            else:
                self._bring(place, row, loan)
        for place, row in zip(stirred.tolist(), self.threads[stirred].tolist(), strict=True):
            self._stirred(place, row)
        self.push_seats(former)
        if state[w.FOLLOWED]:
            self.calls.followed = True
        for place in logs[w.L_WAITING, : state[w.WAITING]].tolist():
            self._tell_call(place)
        state[w.BORN : w.FOLLOWED + 1] = 0

    def _bring(self, place: int, row: list[int], loan: Loan) -> None:
        """A thread that was born in the walk comes to be."""
        at = self.at(row[w.K_STARTED : w.K_STARTED + w.PLACE])
        task = Task(row[w.K_TID], loan.table.process, loan.table, at)
        del task.flight
        task.loan, loan.seats[task], self.tasks[place] = loan, place, task
        self.threads[place, w.K_KNOWN] = 1
        self.calls.born_elsewhere(task, bool(row[w.K_STANDING] & w.SILENT))
        self._leaving(task, row)

    def _stirred(self, place: int, row: list[int]) -> None:
        """A thread's standing has changed."""
        task, standing = self.tasks[place], row[w.K_STANDING]
        assert task is not None
        self.threads[place, w.K_STANDING] &= ~w.STIRRED
        if task.silent and not standing & w.SILENT:
            self.calls.heard(task)
        self._leaving(task, row)
        if standing & w.GONE:
            assert task.loan is not None
            del task.loan.seats[task]
            self.vacate(task, place, w.DEPARTED)
            task.flight = None
            self.calls.end(task, "exit", None)

    def _leaving(self, task: Task, row: list[int]) -> None:
        standing = row[w.K_STANDING]
        if standing & w.EXITING:
            task.exiting = self.at(row[w.K_LEAVING : w.K_LEAVING + w.PLACE])
        if standing & w.QUITTING:
            at, before = self.at(row[w.K_LEAVING : w.K_LEAVING + w.PLACE]), task.process.exiting
            task.process.exiting = at if before is None or before.pos < at.pos else before
        if standing & w.HAS_LEFT:
            task.table.users.discard(task)

    def _tell_call(self, place: int) -> None:
        """A call that makes a thread is under way: the fold may want to know, and takes its end."""
        task, row = self.tasks[place], self.threads[place].tolist()
        assert task is not None
        assert task.loan is not None
        flight = Flight(_SPAWN, self.at(row[w.K_AT : w.K_AT + w.PLACE]), task.table)
        flight.flags = CLONE_FILES | CLONE_THREAD
        flight.begun = self.calls.place_of(flight.at)
        child = row[w.K_CHILD]
        if child > 0:
            flight.spawned = self.calls.tasks[child]
        elif child != w.NOBODY:
            flight.spawned = Task.__new__(Task)  # nobody, for it is over; what is left of it is its number
            flight.spawned.tid = w.FORMER - child
        task.loan.kept[task] = task.loan.flights[task] = flight
        self.calls.spawns.waiting[task] = flight
        self.threads[place, w.K_OP] = w.UNKNOWN_CALL
