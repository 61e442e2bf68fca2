"""All histories that the lines of a capture admit.

The effect of a call lies somewhere between its two lines, so racing calls can
be put in more than one order. `possible_tables` replays what a tracer saw in
every order that gives the printed results, and returns each table's possible
contents. Where there is only one, a reader of the capture has no excuse.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from tests.reference_kernel import UNKNOWN, Call, Description, Kernel, Seen, Task
from tests.reference_process_calls import Spawn

Contents = tuple[tuple[int, bool], ...]
TOO_MANY = 200
"""Worlds at one time; beyond, nothing is claimed."""


class TooMany(Exception):
    """The search was given up."""


class Worlds:
    """The kernels that agree with what was seen so far."""

    def __init__(self, real: Kernel, start: Kernel) -> None:
        self.real = real
        self.worlds = [start]
        self.keys: dict[int, int] = {}
        self.finished = {id(seen.call) for seen in real.seen if seen.what == "left"}

    def replay(self) -> list[Kernel]:
        """Every world at the end."""
        for seen in self.real.seen:
            getattr(self, f"_{seen.what}")(seen)
            if not self.worlds:
                raise AssertionError(f"no world explains {seen}")
        return self.worlds

    # -- one method for each thing that can be seen -------------------------------

    def _entered(self, seen: Seen) -> None:
        self._attached(seen)
        assert seen.call is not None
        key = self.keys.setdefault(id(seen.call), len(self.keys) + 1)
        for world in self.worlds:
            task = task_of(world, seen.tid)
            args, options = seen.call.made_with
            twin = type(seen.call)(
                world,
                task,
                *(_here(world, value) for value in args),
                **{name: _here(world, value) for name, value in options.items()},
            )
            twin.key = key
            world.enter(twin)
            twin.before = {}
            world.seen.clear()

    def _left(self, seen: Seen) -> None:
        assert seen.call is not None
        real, key = seen.call, self.keys[id(seen.call)]
        if real.result == UNKNOWN:
            self._torn(seen)
            return
        self.require(lambda world: any(call.done for call in in_flight(world) if call.key == key))
        for world in self.worlds:
            call = next(call for call in in_flight(world) if call.key == key)
            world.leave(call)
            call.after = {}
            world.seen.clear()

    def _torn(self, seen: Seen) -> None:
        self.require(lambda world: bool(doomed(world, seen.tid)))
        for world in self.worlds:
            for task in doomed(world, seen.tid):
                task.call = None

    def _ended(self, seen: Seen) -> None:
        self.require(lambda world: bool(doomed(world, seen.tid)))
        for world in self.worlds:
            for task in doomed(world, seen.tid):
                task.gone, task.call = True, None

    def _attached(self, seen: Seen) -> None:
        self.require(lambda world: any(seen.tid in task.tids for task in world.tasks))

    def _superseded(self, seen: Seen) -> None:
        old = int(seen.text)
        self.require(lambda world: any(old in task.tids[:-1] for task in world.tasks))

    def _signal(self, seen: Seen) -> None:
        pass

    # -- the search -----------------------------------------------------------------

    def require(self, fact: Any) -> None:
        """Let calls in flight take effect, in every order, until the fact holds."""
        ready: dict[Any, Kernel] = {}
        waiting = {signature(world): world for world in self.worlds}
        known = set(waiting)
        while waiting:
            fresh: dict[Any, Kernel] = {}
            for mark, world in waiting.items():
                if fact(world):
                    ready[mark] = world
                    continue
                for later in self.steps(world):
                    sign = signature(later)
                    if sign not in known:
                        known.add(sign)
                        fresh[sign] = later
            if len(known) > TOO_MANY:
                raise TooMany
            waiting = fresh
        self.worlds = list(ready.values())

    def steps(self, world: Kernel) -> Iterator[Kernel]:
        """The worlds after one more stage of one of the calls in flight."""
        for call in in_flight(world):
            if call.done or call.task.ending:
                continue
            later = copy.deepcopy(world)
            twin = next(other for other in in_flight(later) if other.key == call.key)
            real = next(real for real in self.calls if self.keys.get(id(real)) == call.key)
            later.descriptions = call.key * 10
            if isinstance(real, Spawn) and real.child is not None:
                later.next_pid = real.child.tids[0]
            if later.advance(twin) and self.agrees(twin, real):
                later.seen.clear()
                yield later

    @property
    def calls(self) -> Iterator[Call]:
        """All calls that were entered."""
        return (seen.call for seen in self.real.seen if seen.what == "entered" and seen.call is not None)

    def agrees(self, twin: Call, real: Call) -> bool:
        """Whether the effect gives the result that was printed, if one was."""
        if not twin.done or id(real) not in self.finished:
            return True
        return (twin.result, twin.taken) == (real.result, real.taken)


def _here(world: Kernel, value: Any) -> Any:
    """An argument of a call in another world: tasks are those of that world."""
    return (
        next(task for task in world.tasks if task.tids[0] == value.tids[0])
        if isinstance(value, Task)
        else value
    )


def task_of(world: Kernel, tid: int) -> Task:
    """The latest task with this tid."""
    return next(task for task in reversed(world.tasks) if task.tid == tid and not task.gone)


def doomed(world: Kernel, tid: int) -> list[Task]:
    """Tasks with this tid that have ended."""
    return [task for task in world.tasks if task.tid == tid and task.ending]


def in_flight(world: Kernel) -> list[Call]:
    """Calls between their lines."""
    return [task.call for task in world.tasks if task.call is not None]


def signature(world: Kernel) -> Any:
    """What tells two worlds apart."""

    def key(call: Call | None) -> int:
        return call.key if call else 0

    def queue(description: Description) -> Any:
        return tuple(tuple(sent.number for sent in message) for message in description.waiting)

    return tuple(
        sorted(
            (
                tuple(
                    sorted(
                        (task.tids[0], key(task.call), len(task.call.pending) if task.call else 0)
                        for task in table.tasks
                    )
                ),
                tuple(
                    sorted(
                        (fd, life.cloexec, key(life.opener), life.description.number, queue(life.description))
                        for fd, life in table.open.items()
                    )
                ),
                tuple(sorted(table.reserved)),
                tuple(
                    sorted(
                        (life.fd, life.cloexec, key(life.opener), life.how, key(life.closer))
                        for life in table.past
                    )
                ),
            )
            for table in world.tables
        )
    ) + tuple((task.tids[0], task.ending, task.gone) for task in sorted(world.tasks, key=lambda t: t.tids[0]))


def contents(world: Kernel) -> dict[int, Contents]:
    """By first tid: the numbers and flags of its table at the end, or when that table ended."""
    found: dict[int, Contents] = {}
    for task in world.tasks:
        table = task.table
        lives: Iterable[Any] = (
            table.open.values() if table.tasks else [life for life in table.past if life.how == "exit"]
        )
        found[task.tids[0]] = tuple(sorted((life.fd, life.cloexec) for life in lives))
    return found


def possible_tables(real: Kernel, start: Kernel) -> dict[int, set[Contents]] | None:
    """What the table of each task can hold; None when there are too many ways to tell."""
    try:
        worlds = Worlds(real, start).replay()
    except TooMany:
        return None
    possible: dict[int, set[Contents]] = {}
    for world in worlds:
        for tid, held in contents(world).items():
            possible.setdefault(tid, set()).add(held)
    return possible
