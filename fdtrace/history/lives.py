"""Lives and tables: who holds which number, on which open file description.

A *life* is one use of one number in one table, from its creation to its
release. A fork copies a table by reference: the child's entries are the
parent's lives until the child touches them, and only then become lives of
their own. That keeps a server with thousands of descriptors and thousands of
forks in the memory that its log deserves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..readers.strace import notes

if TYPE_CHECKING:
    from .loans import Loan
    from .tasks import Process, Task

STDIO = 3
"""Numbers below this are standard input, output and error."""


class At(NamedTuple):
    """Where in a capture something happened: the call and the line that tells it."""

    file: int
    seq: int
    line: int
    offset: int
    clock: int
    tid: int
    syscall: bytes
    stack: int
    pos: int


class Life:
    """One use of one number in one table. Fields are those of the `fds` table, still as codes and marks."""

    __slots__ = (
        "certain",
        "cloexec",
        "close_errno",
        "closed",
        "copied",
        "errors",
        "failed",
        "fd",
        "how",
        "ident",
        "inode",
        "kind",
        "last_use",
        "local",
        "ofd",
        "opened",
        "other_end",
        "parent",
        "passes_cloexec",
        "peer",
        "process",
        "read_bytes",
        "slot",
        "state",
        "state_at",
        "state_name",
        "state_source",
        "table",
        "target",
        "uses",
        "via",
        "written_bytes",
    )

    def __init__(self, table: Table, fd: int, ofd: int, kind: str, via: str, opened: At | None) -> None:
        self.ident = -1
        self.table = table
        self.process = table.process
        self.fd = fd
        self.ofd = ofd
        self.kind = kind
        self.via = via
        self.opened = opened
        self.closed: At | None = None
        self.how = "none"
        self.close_errno = ""
        self.parent: Life | None = None
        self.target: str | None = None
        self.local: str | None = None
        self.peer: str | None = None
        self.inode: int | None = None
        self.cloexec: bool | None = None
        self.certain = True
        self.copied = False
        self.uses = 0
        self.errors = 0
        self.read_bytes = 0
        self.written_bytes = 0
        self.last_use: At | None = None
        self.state: str | None = None
        self.state_at: At | None = None
        self.state_name = ""
        self.state_source: str | None = None
        self.failed: At | None = None
        self.passes_cloexec = False
        self.other_end: int | None = None
        self.slot = -1

    def refresh(self) -> None:
        """Learn what the walk has made of it, where its table is lent."""
        if self.table.loan is not None:
            self.table.loan.refresh(self)

    def describe(self, note: bytes | None) -> None:
        """Learn from an annotation; what a call said about itself is kept where both speak."""
        if note is None:
            return
        seen = notes.read(note)
        if self.kind in ("unknown", "socket") or (
            self.kind == "file" and seen.kind not in ("file", "socket")
        ):
            self.kind = seen.kind
        if self.target is None or not seen.target.startswith("/") or not self.target.startswith("/"):
            if not (seen.kind == "unix" and self.target):
                self.target = seen.target
        elif self.via in ("open", "inherited", "implied"):
            self.target = seen.target
        self.inode = self.inode if seen.inode is None else seen.inode
        self.local = seen.local or self.local
        self.peer = seen.peer or self.peer

    def same_file_as(self, other: Life) -> None:
        """Take over what a copy shares with its original: the open file description and all it is."""
        self.ofd = other.ofd
        self.kind = other.kind
        self.target, self.inode = other.target, other.inode
        self.local, self.peer = other.local, other.peer
        self.state, self.state_at, self.state_name = other.state, other.state_at, other.state_name
        self.state_source = other.state_source
        self.failed = other.failed
        self.other_end = other.other_end


class Table:
    """A descriptor table (files_struct): numbers to lives, shared by the tasks that use it."""

    __slots__ = (
        "__weakref__",
        "blind",
        "changed",
        "cloexec",
        "complete",
        "doubt",
        "earned",
        "fds",
        "filled",
        "flights",
        "forked",
        "forked_knowing",
        "ident",
        "last_closed",
        "loan",
        "origin",
        "patience",
        "process",
        "reused",
        "survived_exec",
        "touched",
        "users",
    )

    def __init__(self, ident: int, process: Process) -> None:
        self.ident = ident
        self.process = process
        self.fds: dict[int, Life] = {}
        self.filled = 0
        """Every number below this is open: holes need not be looked for there."""
        self.cloexec: set[int] = set()
        self.users: set[Task] = set()
        self.complete = False
        self.survived_exec = False
        self.touched: set[int] = set()
        self.origin: Table | None = None
        self.forked: At | None = None
        self.changed = -1
        self.forked_knowing: frozenset[int] | set[int] = frozenset()
        self.flights: dict[Task, Flight] = {}
        self.blind: dict[int, At] = {}
        self.doubt: dict[int, Life] = {}
        self.reused: dict[int, Life] = {}
        self.last_closed: dict[int, At] = {}
        self.loan: Loan | None = None
        """Set while it is lent: its numbers are elsewhere then."""
        self.earned = 0
        """Rows that the fold has taken since it was last lent."""
        self.patience = 0
        """So many more have to be: a loan that did not pay for its trouble is not repeated soon."""

    def __getattr__(self, name: str) -> Any:
        """Whoever looks at a table that is lent gets it back first (see `lender`)."""
        loan = self.loan if name != "loan" else None
        if loan is None:
            raise AttributeError(name)
        loan.give_back()
        return getattr(self, name)

    def begins(self, task: Task, flight: Flight) -> None:
        """A call is under way in a thread that uses it; lent or not."""
        if self.loan is None:
            self.flights[task] = flight
        else:
            self.loan.begins(task, flight)

    def ends(self, task: Task) -> None:
        """No call is under way in a thread, or none that it has to know of; lent or not."""
        if self.loan is None:
            self.flights.pop(task, None)
        else:
            self.loan.ends(task)

    def closed_before(self, fd: int) -> At | None:
        """Where a number was closed last; lent or not."""
        return self.last_closed.get(fd) if self.loan is None else self.loan.closed_before(fd)

    def moved(self, pos: int) -> None:
        """What numbers are free may have changed until here; lent or not."""
        if self.loan is None:
            self.changed = pos
        else:
            self.loan.moved(pos)

    def held(self) -> Table | Loan:
        """Where `fds`, `cloexec`, `touched`, `flights` and `take` stand for it, up to date.

        It is given back for that only where others go on working on it in the walk.
        """
        loan = self.loan
        if loan is None or len(self.users) > 1 or not loan.told:
            return self
        loan.look()
        return loan

    def under_way(self) -> Iterable[Flight]:
        """The calls under way that it has to know of; lent or not."""
        loan = self.loan
        return self.flights.values() if loan is None or not loan.told else loan.flights.values()

    def take(self, fd: int) -> Life | None:
        """Takes a number out; the life that it was, None where it was free."""
        if 0 <= fd < self.filled:
            self.filled = fd
        return self.fds.pop(fd, None)

    def lowest_free(self, at_least: int = 0) -> int:
        """The smallest number that is not open; in-flight calls may have reserved it."""
        number = at_least
        while number in self.fds:
            number += 1
        return number


class Flight:
    """A call between its entry and its exit, with what the entry already did to the table."""

    __slots__ = (
        "at",
        "begun",
        "cloexec",
        "closed",
        "copies",
        "doubt",
        "flags",
        "late",
        "message",
        "old",
        "op",
        "pos",
        "snapshot",
        "spawned",
        "table",
        "touched",
    )

    def __init__(self, op: int, at: At, table: Table) -> None:
        self.op = op
        self.at = at
        self.pos = at.pos
        self.table = table
        self.closed: dict[int, Life] = {}
        self.late: dict[int, Life] = {}
        self.cloexec: set[int] = set()
        self.old: Life | None = None
        self.snapshot: dict[int, Life] | None = None
        self.touched: set[int] = set()
        self.copies: list[Table] = []
        self.message: tuple[tuple[str, int] | None, list[Life]] | None = None
        self.doubt: dict[int, Life] = {}
        self.spawned: Task | None = None
        self.begun = -1
        """Where it stands among all lines, if it is a fork: no child of it printed any before."""
        self.flags = 0


class Use(Flight):
    """A read, a write or the like that is under way: it does nothing to the table at its entry."""

    __slots__ = ()

    def __init__(self, op: int, pos: int, table: Table, old: Life | None) -> None:
        self.op = op
        self.at = _NOWHERE
        self.pos = pos
        self.table = table
        self.closed = self.late = _NO_LIVES
        self.old = old
        self.snapshot = self.message = self.spawned = None
        self.flags = 0


_NO_LIVES: dict[int, Life] = {}
_NOWHERE = At(0, -1, 0, 0, 0, 0, b"", -1, -1)
