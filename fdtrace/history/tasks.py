"""Threads and processes: who is born of whom, and which table each one uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .curve import Curve
from .lives import At, Flight, Table

if TYPE_CHECKING:
    from .loans import Loan

COPIED = 4_000_000
"""Numbers in the copies of tables that forks under way, or whose children were not seen, hold together."""


class Space:
    """A pid namespace below strace's: its threads have numbers of their own there, and see only those.

    `told` by a thread that says another number than strace, not by the call that
    made it; it is `believed` until a fork in it returns the number that strace prints.
    """

    __slots__ = ("believed", "told")

    def __init__(self, told: bool = False) -> None:
        self.told = told
        self.believed = True


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
        "left",
        "limit",
        "peak",
        "pid",
        "ppid",
        "space",
        "space_below",
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
        self.space: Space | None = None
        """The pid namespace that it is in, where that is not strace's."""
        self.space_below: Space | None = None
        """The one that its children will be in, after an unshare."""
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

    def enter(self, space: Space) -> None:
        """It turns out to be in a pid namespace: what its calls return are other numbers than strace's."""
        self.space = space
        if self.table is not None and self.table.loan is not None:
            self.table.loan.give_back()

    @property
    def inner(self) -> bool:
        """Whether it sees other numbers than strace prints."""
        return self.space is not None and self.space.believed

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
