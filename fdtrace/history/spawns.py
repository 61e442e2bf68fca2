"""Calls of fork and clone, and the threads that may be their children."""

from __future__ import annotations

from collections.abc import Iterator

from .effects import CLONE_FILES, CLONE_NEWPID
from .lives import At, Flight
from .tasks import COPIED, Space, Task

UNSEEN = 4096
"""Forks whose child has not printed a line yet that are remembered."""
UNDER_WAY = 512
"""Forks that have begun and not returned that are remembered."""


class Unborn:
    """A thread that printed lines before it is clear whose child it is.

    `first` is the place of its first line, `word` the number that it says to
    have, in whatever namespace it is; `births` are forks of its own.
    """

    __slots__ = ("births", "first", "space", "tid", "word")

    def __init__(self, tid: int, first: int) -> None:
        self.tid = tid
        self.first = first
        self.word: int | None = None
        self.births: list[Birth] = []
        self.space: Space | None = None


class Birth:
    """A fork whose child is not known by the number that strace prints.

    It is under way, or returned the `number` of another pid namespace, or is that
    of an unborn `parent`. Until `begun` no child of it can have printed a line;
    where it is `over`, numbers of the same namespace go up.
    """

    __slots__ = ("at", "begun", "call", "number", "over", "parent")

    def __init__(self, caller: tuple[Task, Flight] | Unborn, at: At) -> None:
        self.at = at
        self.parent = caller if isinstance(caller, Unborn) else None
        self.number: int | None = None
        self.over = -1
        if not isinstance(caller, Unborn):
            self.call = caller
            self.begun = caller[1].begun

    @property
    def space(self) -> Space | None:
        """The namespace in which its number counts."""
        return self.parent.space if self.parent is not None else self.call[0].process.space

    @property
    def enters(self) -> Space | None:
        """The namespace that its child is in, where that was made before."""
        below = None if self.parent is not None else self.call[0].process.space_below
        return below or self.space

    @property
    def outcome(self) -> int:
        """What the child's table is: equal for those whose children share one."""
        if self.parent is not None:
            return -id(self)
        flight = self.call[1]
        return flight.table.ident if flight.flags & CLONE_FILES else -id(flight)

    def may_have_made(self, thread: Unborn, returned: dict[tuple[Space | None, int], Birth]) -> bool:
        """Whether nothing that is known speaks against it; `returned` has those that did, by number."""
        if self.begun >= thread.first:
            return False
        word, number = thread.word, self.number
        if word is None or self.parent is not None:
            return word is None or number is None or number == word
        if self.enters is not self.space or self.call[1].flags & CLONE_NEWPID:
            return True  # the child has another number in its own namespace than in that of its parent
        if self.space is None or not self.space.believed:
            return word == thread.tid
        if number is None:
            return (self.space, word) not in returned
        return number == word


class Spawns:
    """Calls of clone and fork whose child has not printed a line yet.

    A child may be seen before its parent's call returns, so a new thread is
    matched with the calls that are under way; a call that has returned knows
    its child's number, unless that lives in another pid namespace.
    """

    __slots__ = ("inner", "returned", "silent", "unborn", "waiting")

    def __init__(self) -> None:
        self.inner: dict[tuple[Space | None, int], Birth] = {}
        self.silent: dict[int, Task] = {}
        self.waiting: dict[Task, Flight] = {}
        self.returned: dict[int, tuple[Task, Flight]] = {}
        self.unborn: dict[int, Unborn] = {}

    def wait(self, task: Task, flight: Flight) -> None:
        """A call is under way; of too many at once, the oldest is left to itself."""
        self.waiting[task] = flight
        if len(self.waiting) > UNDER_WAY or len(self.waiting) * len(flight.snapshot or ()) > COPIED:
            self.waiting.pop(next(iter(self.waiting))).snapshot = None

    def keep(self, tid: int, task: Task, flight: Flight) -> None:
        """A call returned a child that has printed no line yet; of too many, the oldest is lost."""
        self.returned[tid] = (task, flight)
        if len(self.returned) > UNSEEN or len(self.returned) * len(flight.snapshot or ()) > COPIED:
            self.oldest_unseen()

    def keep_inner(self, birth: Birth, number: int) -> None:
        """A call returned a child's number in another namespace; of too many, the oldest is lost."""
        birth.number = number
        self.inner[birth.space, number] = birth
        copied = birth.call[1].snapshot
        if len(self.inner) > UNSEEN or len(self.inner) * len(copied or ()) > COPIED:
            self.lose(next(iter(self.inner.values())))

    def lose(self, birth: Birth) -> None:
        """The child of a call that returned is not looked for any more."""
        if birth.number is not None:
            self.inner.pop((birth.space, birth.number), None)

    def candidates(self) -> list[tuple[Task, Flight]]:
        """Calls under way that have no child yet."""
        return [(task, flight) for task, flight in self.waiting.items() if flight.spawned is None]

    def births(self) -> Iterator[Birth]:
        """Calls that may have made a thread that nobody is known to have made."""
        if self.inner:
            yield from self.inner.values()
        for task, flight in self.candidates():
            yield Birth((task, flight), flight.at)
        for thread in self.unborn.values():
            yield from thread.births

    def likeliest(self) -> tuple[Task, Flight] | None:
        """The call that most likely made a thread whose maker is not known."""
        if self.inner:
            birth = min(self.inner.values(), key=lambda birth: birth.number or 0)
            self.lose(birth)
            return birth.call
        candidates = self.candidates()
        return candidates[0] if candidates else None

    def claim(self, tid: int) -> tuple[Task, Flight] | None:
        """The call that has returned `tid`."""
        return self.returned.pop(tid, None)

    def oldest_silent(self) -> Task | None:
        """The oldest sharer of a table that has printed no line yet."""
        for tid in self.silent:
            return self.silent.pop(tid)
        return None

    def oldest_unseen(self) -> tuple[Task, Flight] | None:
        """The oldest returned call whose child was never seen under the number that it returned."""
        for tid in self.returned:
            return self.returned.pop(tid)
        return None
