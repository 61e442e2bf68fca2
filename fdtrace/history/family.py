"""Who is born of whom: threads and processes as their lines appear.

The first line of a child may come before its parent's call returns, and
without `+++` lines a thread may be gone without a word. What has to be guessed
is guessed here, in one place.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping

from .effects import CLONE_FILES, CLONE_NEWPID, CLONE_THREAD
from .kernel import Kernel
from .lives import At, Flight, Table
from .matching import matches
from .spawns import Birth, Spawns
from .tasks import COPIED, Process, Space, Task

ALIVE = 30_000
"""Threads alive at once that are followed, where no table of them is asked for."""
_FIRST = 100


class Family:
    """All tasks of a capture by their thread id."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.tasks: dict[int, Task] = {}
        self.gone: list[Task] = []
        self.spawns = Spawns()
        self.groups: dict[int, int] = {}
        """Processes that strace attached to, and how many of their threads have not been seen yet."""
        self._roomy: list[int] = []
        """Those of them that have such threads, in order."""
        self.told: Mapping[int, int] = {}
        """The process of each thread that was there before, where it was recorded beside the trace."""
        self.alone: set[int] = set()
        self.attaches = 0
        self.followed = False
        self.rooted = False
        """Whether the capture begins with the execution of a program: every other task has a parent in it."""
        self.resumed = False
        """Whether a call was resumed: strace prints calls as they begin, not when they have returned (-z)."""
        self.retaken = -1
        """Where the row that is being taken stood, if it had to wait."""
        self.belied = 0
        """Namespaces that threads spoke of, whose forks return the numbers that strace prints."""
        self.keep_tenures = kernel.list_copies
        self.tenures: list[tuple[int, int, int, Task, Table]] = []

    def left_out(self) -> Iterator[str]:
        """In words, what there was too much of."""
        if self.kernel.given_up:
            yield (
                f"more than {ALIVE:,} threads alive at once, or {COPIED:,} numbers in copies of their tables:"
                " who did least was not followed to the end"
            )

    # -- births --------------------------------------------------------------

    def ambiguous(self, tid: int) -> bool:
        """Whether an unknown thread could be the child of more than one call, with different tables."""
        spawns = self.spawns
        if tid in spawns.unborn:
            return True
        if tid in spawns.returned or tid in self.groups or tid in self.told or self._belies(tid):
            return False
        outcomes = (birth.outcome for birth in spawns.births())
        first = next(outcomes, None)
        if first is None:
            return self._orphans_wait(tid)
        return any(outcome != first for outcome in outcomes)

    def _orphans_wait(self, tid: int) -> bool:
        """Whether a thread that no call may have made may be the child of one that is yet to come.

        Under -z, or with any other choice of --status, a call is printed when it has returned: a child
        may come and go before its birth. Such a capture never says that a call is resumed.
        """
        if self.resumed or not self.tasks:
            return False
        return self.rooted and not self.attaches and tid not in self.alone

    def _belies(self, tid: int) -> bool:
        """Whether a fork returned this thread's number, though its caller says that it sees others."""
        for birth in self.spawns.inner.values():
            if birth.number == tid and self._disbelieve(birth, tid):
                return True
        return False

    def _disbelieve(self, birth: Birth, tid: int) -> bool:
        """A fork returned a number as strace prints it: what its space's threads say of theirs is wrong."""
        space = birth.space
        if space is None or not space.told or tid <= birth.call[0].tid:
            return False
        space.believed = False
        self.belied += 1
        for other in [other for other in self.spawns.inner.values() if other.space is space]:
            self.spawns.lose(other)
            if other.number is not None:
                self.spawned(*other.call, other.number, None, other.at)
        return True

    def place_of(self, at: At) -> int:
        """Where the row that is being taken stands: what came before it was not made by it.

        -1, before all, as long as calls may be printed when they have returned.
        """
        if not self.resumed:
            return -1
        return self.retaken if self.retaken >= 0 else at.pos

    def clear(self, until: int, last: bool) -> list[int]:
        """The threads that wait whose parents are clear, when all rows `until` there have been taken.

        When it is the `last` time, that is all of them.
        """
        spawns = self.spawns
        known = [
            tid
            for tid in spawns.unborn
            if tid in self.tasks or tid in spawns.returned or tid in self.groups or tid in self.told
        ]
        for tid in known:  # forks of theirs are not under way before their rows are taken
            until = min(until, spawns.unborn.pop(tid).first)
        for thread, birth in list(matches(spawns, until, self._orphans_wait(0), last)):
            del spawns.unborn[thread.tid]
            known.append(thread.tid)
            if birth is not None:
                spawns.lose(birth)
                spawns.returned[thread.tid] = birth.call
        return known

    def first_sight(self, tid: int, at: At) -> Task:
        """A thread prints its first line."""
        spawns = self.spawns
        born = spawns.claim(tid)
        if born is None:
            born = spawns.likeliest()
        if born is None and tid not in self.groups and tid not in self.told and not self.rooted:
            born = self._of_another_space(tid)
        if born is None and tid not in self.groups and self.followed:
            silent = spawns.oldest_silent()
            if silent is not None:
                return self._rename(silent, tid, at)
            born = spawns.oldest_unseen()
        if born is None:
            return self._stranger(tid, at)
        self.followed = True
        parent, flight = born
        task = self.child(tid, parent, flight, at)
        flight.spawned = task
        return task

    def _of_another_space(self, tid: int) -> tuple[Task, Flight] | None:
        """The fork that made a thread, if it returned a number that nobody has: one lower than its caller's.

        So forks do in a container whose processes strace attached to from outside.
        """
        returned = self.spawns.returned
        if not returned or tid <= max(self.tasks, default=0):
            return None
        for number, (task, flight) in returned.items():
            if number < task.tid < tid:
                task.process.enter(task.process.space or Space(told=True))
                del returned[number]
                return task, flight
        return None

    def _rename(self, task: Task, tid: int, at: At) -> Task:
        """A task that was known by its number in another pid namespace prints its first line."""
        if task.loan is not None:
            task.loan.rise(task)
        self.tasks.pop(task.tid, None)
        process = task.process
        process.tids = [tid if t == task.tid else t for t in process.tids]
        if process.pid == task.tid:
            process.pid = tid
        task.tid = tid
        return self._enrol(task, at)

    def heard(self, task: Task) -> None:
        """A task that had been silent since its birth prints a line."""
        task.silent = False
        if self.spawns.silent.get(task.tid) is task:
            del self.spawns.silent[task.tid]
            self.followed = True

    def born_elsewhere(self, task: Task, silent: bool) -> None:
        """A thread was born in the walk; `silent` while it has not printed a line."""
        self.tasks.pop(task.tid, None)
        self.tasks[task.tid] = task
        task.silent = silent
        if silent:
            self.spawns.silent.pop(task.tid, None)
            self.spawns.silent[task.tid] = task

    def _stranger(self, tid: int, at: At) -> Task:
        """A thread that nobody was seen to make: the program itself, or one that was there before."""
        leader = self._group_of(tid)
        if leader is not None:
            process, table = leader.process, leader.table
        else:
            process = self.kernel.process(tid or None, at)
            table = self.kernel.table(process)
        return self._enrol(Task(tid, process, table, at), at)

    def _enrol(self, task: Task, at: At) -> Task:
        self.tasks[task.tid] = task
        self.settled(task, at)
        if self.kernel.lean and (len(self.tasks) > ALIVE or self.kernel.copied > COPIED):
            self._give_up_quiet(at)
        return task

    def _give_up_quiet(self, at: At) -> None:
        """Follow a tenth of all threads no more: those whose descriptors did not change for longest.

        The first ones of the capture stay: they are most likely what it is about.
        """
        told = list(self.tasks.values())[_FIRST:]
        told.sort(key=lambda task: max(task.table.changed, task.started.pos if task.started else 0))
        for task in told[: max(1, len(told) // 10)]:
            del self.tasks[task.tid]
            self.spawns.silent.pop(task.tid, None)
            self.spawns.waiting.pop(task, None)
            self.kernel.give_up(task, at)
        self.attaches += 1  # from now on, one that nobody was seen to make may be one of these

    def settled(self, task: Task, at: At) -> None:
        """From this call on, the task uses this table (kept only where that is asked for)."""
        if self.keep_tenures:
            self.tenures.append((task.tid, at.file, at.seq, task, task.table))

    def _group_of(self, tid: int) -> Task | None:
        """The attached process that this thread belongs to, by strace's "attached with N threads"."""
        if tid in self.told:
            return self._leader(self.told[tid], tid)
        if tid in self.groups or tid in self.alone:
            return None
        place = bisect_left(self._roomy, tid) - 1
        if place < 0:
            return None
        leader = self._roomy[place]
        self.groups[leader] -= 1
        if not self.groups[leader]:
            del self._roomy[place]
        return self._leader(leader, tid)

    def _leader(self, leader: int, tid: int) -> Task | None:
        """The task whose number is that of the process of this thread; None for the leader itself."""
        if leader == tid:
            return None
        known = self.tasks.get(leader)
        if known is None:
            process = self.kernel.process(leader, None)
            known = Task(leader, process, self.kernel.table(process), None)
            self.tasks[leader] = known
        return known

    def child(self, tid: int, parent: Task, flight: Flight, at: At) -> Task:
        """Make the task that a fork or clone made."""
        if flight.flags & CLONE_THREAD:
            process = parent.process
        else:
            process = self.kernel.process(tid, at)
            process.ppid = parent.process.pid
            process.command, process.argv = parent.process.command, parent.process.argv
            process.limit = parent.process.limit
            new = Space() if flight.flags & CLONE_NEWPID else None
            process.space = new or parent.process.space_below or parent.process.space
        if flight.flags & CLONE_FILES:
            table = flight.table
        else:
            if flight.snapshot is None:  # its first copy went to a child that may not have been its own
                self.kernel.snapshot(flight)
            table = self.kernel.copy_table(flight, process, flight.at)
        return self._enrol(Task(tid, process, table, at), at)

    def spawned(self, task: Task, flight: Flight, tid: int, alias: int | None, at: At) -> Task | None:
        """A call of fork or clone returned `tid` (`alias`: the number in strace's own namespace)."""
        self.spawns.waiting.pop(task, None)
        tid = alias or tid
        known = self.tasks.get(tid)
        made = flight.spawned
        if made is not None and known is None and not self.rooted and tid < task.tid < made.tid:
            space = task.process.space or Space(told=True)
            task.process.enter(space)
            made.process.enter(space)
        birth = Birth((task, flight), at) if task.process.inner and alias is None else None
        if birth is not None:
            there = tid in self.spawns.unborn if made is None else made.tid == tid
            if not there or not self._disbelieve(birth, tid):
                if made is None:
                    birth.over = at.pos if self.retaken < 0 else self.retaken
                    self.spawns.keep_inner(birth, tid)
                return made
        if flight.spawned is not None:
            if (
                known is not None
                and known is not flight.spawned
                and known.started
                and flight.spawned.tid != tid
            ):
                self._swap(task, flight, known)
            return flight.spawned
        if known is not None and known is not task:
            for theirs in self.spawns.waiting.values():
                if theirs.spawned is known:  # taken for another's child, with the same table
                    theirs.spawned, flight.spawned = None, known
                    return known
            # The number was given out again, so its owner ended without a line.
            self.end(known, "exit", at)
        if flight.flags & CLONE_FILES:
            # It shares the table from now on, whether or not it ever prints a line.
            flight.spawned = self.child(tid, task, flight, at)
            self.spawns.silent[tid] = flight.spawned
            return flight.spawned
        self.spawns.keep(tid, task, flight)
        return None

    def _swap(self, task: Task, flight: Flight, known: Task) -> None:
        """Two forks were under way and their children were taken for each other's."""
        for other, theirs in self.spawns.waiting.items():
            if theirs.spawned is known and other is not task:
                theirs.spawned, flight.spawned = flight.spawned, known
                return

    # -- other lines ---------------------------------------------------------

    def attached(self, tid: int, threads: int) -> None:
        """Strace said that it attached to a process, and with how many threads."""
        if self.rooted or tid in self.tasks or self.spawns.candidates() or tid in self.spawns.returned:
            return
        if threads > 1:
            if not self.groups.get(tid):
                insort(self._roomy, tid)
            self.groups[tid] = threads - 1
        else:
            self.alone.add(tid)
        self.attaches += 1

    def detached(self, tid: int, at: At) -> None:
        """Strace left a task: it lives on, unseen."""
        task = self.tasks.get(tid)
        if task is not None and task.ended_by == "none":
            task.ended, task.ended_by = at, "detached"

    def known_as(self, tid: int) -> None:
        """The task without a number is `tid`."""
        task = self.tasks.pop(0, None)
        if task is None:
            return
        task.tid = tid
        self.tasks[tid] = task
        process = task.process
        process.tids = [tid if t == 0 else t for t in process.tids]
        if process.pid is None:
            process.pid = tid
            for other in self.kernel.processes:
                if other.ppid is None and other is not process and other.started is not None:
                    other.ppid = tid

    def superseded(self, leader_tid: int, thread_tid: int, at: At) -> None:
        """A thread that is not the leader execs: it goes on under the leader's number."""
        thread = self.tasks.get(thread_tid)
        leader = self.tasks.get(leader_tid)
        if thread is None or thread_tid == leader_tid:
            return
        process = thread.process
        if leader is not None:
            if leader.process is not process:
                return
            self.kernel.leave(leader, "exec_superseded", at)
            self.over(leader)
        del self.tasks[thread_tid]
        heir = Task(leader_tid, process, thread.table, leader.started if leader else at)
        heir.flight = thread.flight
        if thread in thread.table.flights:
            thread.table.flights[heir] = thread.table.flights[thread]
        self.kernel.leave(thread, "exec_superseded", at)
        self.over(thread)
        self._enrol(heir, at)
        process.ended, process.ended_by = None, "none"

    def exited(self, tid: int, at: At, status: int | None, how: str) -> None:
        """A task printed its exit status."""
        task = self.tasks.get(tid)
        if task is None:
            if tid not in self.spawns.returned and not self.spawns.candidates():
                return
            task = self.first_sight(tid, at)
        if task.silent:
            self.heard(task)
        if len(task.process.tasks) == 1 or task.tid == task.process.pid:
            task.process.exit_code = status
        self.end(task, how, at)

    def over(self, task: Task) -> None:
        """Keep a thread that is gone, where somebody may ask for its row."""
        if self.spawns.silent.get(task.tid) is task:
            del self.spawns.silent[task.tid]
        if not self.kernel.lean:
            self.gone.append(task)

    def end(self, task: Task, how: str, at: At | None) -> None:
        """A task is gone."""
        if self.tasks.get(task.tid) is task:
            del self.tasks[task.tid]
        flight = task.flight
        if flight is not None:
            for fd in list(flight.closed):
                self.kernel.confirm(flight, fd, "exit", at or flight.at)
            if flight.spawned is not None:
                self.spawns.waiting.pop(task, None)
        self.over(task)
        self.kernel.leave(task, how, at)

    def merge(self, stranger: Task, into: Table) -> bool:
        """Two tables turned out to be one; False when they contradict each other."""
        table = stranger.table
        if table is into or table.complete:
            return False
        for fd, life in table.fds.items():
            held = into.fds.get(fd)
            if held is not None and life.via not in ("inherited", "implied"):
                return False
        for fd, life in table.fds.items():
            if fd not in into.fds and fd not in into.touched:
                life.table, life.process = into, into.process
                into.fds[fd] = life
                self.kernel.note_stranger(into, fd)
        into.touched |= table.touched
        self._move_users(table, into)
        return True

    def _move_users(self, table: Table, into: Table) -> None:
        process: Process = into.process
        for task in sorted(table.users, key=lambda task: task.tid):
            old = task.process
            old.tasks.discard(task)
            task.process, task.table = process, into
            process.tasks.add(task)
            process.tids.append(task.tid)
            into.users.add(task)
            if not old.tasks:
                _remove(self.kernel.processes, old)
        table.users.clear()
        table.fds = {}

    def _forget(self, task: Task) -> None:
        """Strace did not follow children: of this one nothing is known, not even that it lives."""
        self.tasks.pop(task.tid, None)
        task.table.users.discard(task)
        task.process.tasks.discard(task)
        if not task.process.tasks:
            _remove(self.kernel.processes, task.process)

    def settle(self) -> None:
        """At the end: children that never printed a line, and exits that strace did not print."""
        if self.followed or self.attaches:
            for tid, (parent, flight) in list(self.spawns.returned.items()):
                if flight.snapshot is not None or flight.flags & CLONE_FILES:
                    self.child(tid, parent, flight, flight.at)
        self.spawns.returned.clear()
        if not self.followed and not self.attaches:
            for task in list(self.spawns.silent.values()):
                self._forget(task)
        for task in list(self.tasks.values()):
            gone = task.process.exiting or task.exiting
            if gone is not None and task.ended_by == "none":
                self.end(task, "exit", gone)


def _remove(processes: list[Process], process: Process) -> None:
    """Take a process out of a list in which it is one of the last, if it is there."""
    for place in range(len(processes) - 1, -1, -1):
        if processes[place] is process:
            del processes[place]
            return
