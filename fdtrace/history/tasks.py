"""Threads and processes: who is born of whom, and which table each one uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .curve import Curve
from .lives import At, Flight, Table

if TYPE_CHECKING:
    from .loans import Loan


class Process:
    """A process (thread group). `pid` is None while the capture has not told it."""

    __slots__ = (
        "argv",
        "born",
        "command",
        "curve",
        "divided",
        "ended",
        "ended_by",
        "exit_code",
        "exiting",
        "inner",
        "left",
        "limit",
        "makes_inner",
        "peak",
        "pid",
        "ppid",
        "started",
        "table",
        "tasks",
        "tids",
    )

    def __init__(self, pid: int | None, started: At | None) -> None:
        self.pid = pid
        self.ppid: int | None = None
        self.started = started
        self.ended: At | None = None
        self.ended_by = "none"
        self.exit_code: int | None = None
        self.exiting: At | None = None
        self.command: str | None = None
        self.argv: str | None = None
        self.limit: int | None = None
        self.inner = self.makes_inner = False
        """In a pid namespace below strace's, or making children that are: the numbers it sees are others."""
        self.peak = 0
        self.left = False
        """Whether it left a descriptor of its own open when it ended."""
        self.born = False
        self.divided = False
        """Whether its threads have had tables of their own."""
        self.curve = Curve()
        self.table: Table | None = None
        self.tasks: set[Task] = set()
        self.tids: list[int] = []

    @property
    def near_limit(self) -> bool:
        """Whether it ever had half as many descriptors open as it may have."""
        return self.limit is not None and 2 * self.peak >= self.limit


class Task:
    """A thread. `table` is the one it uses now, or used last."""

    __slots__ = (
        "ended",
        "ended_by",
        "exiting",
        "flight",
        "loan",
        "process",
        "silent",
        "started",
        "table",
        "tid",
    )

    def __init__(self, tid: int, process: Process, table: Table, started: At | None) -> None:
        self.tid = tid
        self.process = process
        self.table = table
        self.started = started
        self.ended: At | None = None
        self.ended_by = "none"
        self.exiting: At | None = None
        self.flight: Flight | None = None
        self.loan: Loan | None = None
        self.silent = True
        """Whether it has printed no line yet."""
        process.tasks.add(self)
        process.tids.append(tid)
        table.users.add(self)
        if process.table is None:
            process.table = table

    def __getattr__(self, name: str) -> Any:
        """The call under way of a thread whose table is lent (see `lender`): it leaves the walk first."""
        loan = self.loan if name != "loan" else None
        if loan is None:
            raise AttributeError(name)
        loan.rise(self)
        return getattr(self, name)


UNSEEN = 4096
"""Forks whose child has not printed a line yet that are remembered."""
UNDER_WAY = 512
"""Forks that have begun and not returned that are remembered."""
COPIED = 4_000_000
"""Numbers in the copies of tables that either of these hold, together."""


class Spawns:
    """Calls of clone and fork whose child has not printed a line yet.

    A child may be seen before its parent's call returns, so a new thread is
    matched with the calls that are under way; a call that has returned knows
    its child's number, unless that lives in another pid namespace.
    """

    __slots__ = ("inner", "returned", "silent", "waiting")

    def __init__(self) -> None:
        self.inner: dict[int, tuple[Task, Flight]] = {}
        self.silent: dict[int, Task] = {}
        self.waiting: dict[Task, Flight] = {}
        self.returned: dict[int, tuple[Task, Flight]] = {}

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

    def candidates(self) -> list[tuple[Task, Flight]]:
        """Calls under way that have no child yet."""
        return [(task, flight) for task, flight in self.waiting.items() if flight.spawned is None]

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
