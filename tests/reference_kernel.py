"""A small model of what Linux does to descriptor tables.

It knows tables, open file descriptions, processes and threads, and keeps a
ledger of lives: one entry for each use of one number. A system call
(:mod:`tests.reference_calls`) goes through it in separate steps: it is
*entered*, takes *effect* in one or more stages, and is *left*. Tasks take
these steps in any order, as on a real machine, and a tracer sees the first and
the last of them only. What the tracer sees is kept in `Kernel.seen`;
:mod:`tests.strace_text` prints it the way strace would.

    python -m tests.reference_kernel --measure 500

prints how many tables fdtrace rebuilds exactly from racing programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

UNKNOWN = "?"
"""The return value of a call that never came back, as strace prints it."""

SUPERSEDED = "superseded"
"""The ending of a leader whose tid goes to the thread that called execve: strace prints no exit for it."""


class Refused(Exception):
    """A system call fails; the argument is the name of the errno."""


@dataclass(eq=False)
class Description:
    """An open file description: shared by every dup, fork copy and passed copy.

    `plain` and `full` are what strace -y and -yy write behind a number that
    leads here. `mate` is the other end of a socket pair, and `waiting` holds
    the descriptions in flight towards this end, one list for each message.
    """

    number: int
    kind: str
    plain: str
    full: str
    initial: bool = False
    mate: Description | None = None
    waiting: list[list[Description]] = field(default_factory=list)
    close_error: str | None = None
    process: Process | None = None


@dataclass(eq=False)
class Life:
    """One use of one number in one table, from its creation to its release.

    `opener` is None for what was there before the trace. The root of a fork
    copy is the life in the first table that it was copied from.
    """

    table: Table
    fd: int
    description: Description
    cloexec: bool
    via: str
    opener: Call | None
    parent: Life | None = None
    how: str = "none"
    closer: Call | None = None
    flag_set: bool = False

    @property
    def root(self) -> Life:
        """The life that this one is a fork copy of, or itself."""
        return self if self.parent is None else self.parent.root


@dataclass(eq=False)
class Table:
    """A descriptor table (`files_struct`): open numbers and numbers held back for a call in flight."""

    number: int
    limit: int = 1024
    open: dict[int, Life] = field(default_factory=dict)
    reserved: set[int] = field(default_factory=set)
    past: list[Life] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    def lowest_free(self, least: int = 0) -> int:
        """The number the next creator gets; EMFILE at the limit."""
        fd = least
        while fd in self.open or fd in self.reserved:
            fd += 1
        if fd >= self.limit:
            raise Refused("EMFILE")
        return fd

    def look_up(self, fd: int) -> Life:
        """The open life of a number; EBADF when there is none (a reserved number has none)."""
        if fd not in self.open:
            raise Refused("EBADF")
        return self.open[fd]

    def install(
        self, fd: int, description: Description, cloexec: bool, via: str, opener: Call | None
    ) -> Life:
        """A life begins."""
        self.reserved.discard(fd)
        life = self.open[fd] = Life(self, fd, description, cloexec, via, opener)
        return life

    def release(self, fd: int, how: str, closer: Call | None = None) -> Life:
        """A life ends."""
        life = self.open.pop(fd)
        life.how, life.closer = how, closer
        self.past.append(life)
        return life

    def copy_into(self, other: Table, opener: Call) -> None:
        """Fork and unshare: the same numbers, flags and descriptions; reserved numbers are free there."""
        for fd, life in self.open.items():
            copy = other.install(fd, life.description, life.cloexec, "fork_copy", opener)
            copy.parent, copy.flag_set = life, life.flag_set


@dataclass(eq=False)
class Task:
    """A thread. `ending` is what strace will say of its end, once it is doomed."""

    tid: int
    process: Process
    table: Table
    call: Call | None = None
    again: Call | None = None
    attached: bool = False
    ending: str = ""
    end_shown: bool = False
    gone: bool = False
    tids: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Process:
    """A thread group. `released` becomes true when a vfork parent may go on."""

    pid: int
    parent: Process | None
    command: str
    tasks: list[Task] = field(default_factory=list)
    released: bool = False
    last_table: Table | None = None

    @property
    def leader(self) -> Task | None:
        """The task whose tid is the pid, as long as it is there."""
        return next((task for task in self.tasks if task.tid == self.pid), None)

    @property
    def alive(self) -> list[Task]:
        """The tasks that still use their table."""
        return [task for task in self.tasks if not task.ending]


@dataclass(frozen=True)
class Seen:
    """One thing the tracer noticed: entered, left, torn, ended, attached, superseded or signal."""

    what: str
    tid: int
    now: int
    call: Call | None = None
    text: str = ""
    command: str = ""


class Call:
    """One system call of one task.

    Subclasses give the text at entry (`head`) and at exit (`tail`), the stages
    of the effect, and what the call touches, from which
    :mod:`tests.reference_schedule` decides whether two calls race:

    * `uses`: numbers whose description the effect depends on;
    * `mentions`: numbers it only reads or writes;
    * `changes`: numbers it releases, replaces or whose flag it sets;
    * `allocates`: it takes the lowest free number;
    * `copies`: it takes a copy of the whole table;
    * `ends`: it may end a task that shares the table;
    * `channel`: a message queue it appends to or takes from;
    * `at_once`: it looks into another process's table.
    """

    name = ""
    allocates = False
    copies = False
    ends = False
    at_once = False
    comma = True
    made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Remembers its arguments, so that the same call can be made on another kernel."""
        call = super().__new__(cls)
        call.made_with = (args[2:], options)
        return call

    def __init__(self, kernel: Kernel, task: Task) -> None:
        self.kernel = kernel
        self.task = task
        self.uses: set[int] = set()
        self.mentions: set[int] = set()
        self.changes: set[int] = set()
        self.channel: tuple[str, Description] | None = None
        self.taken: list[int] = []
        self.result: int | str = 0
        self.remark = ""
        self.done = False
        self.blind = False
        self.window = False
        self.key = 0
        self.source = task.table
        self.before: dict[int, Description] = {}
        self.after: dict[int, Description] = {}
        self.entered_at = 0
        self.pending: list[Callable[[], bool]] = [*self.stages()]

    @property
    def table(self) -> Table:
        """The caller's table at this moment."""
        return self.task.table

    @property
    def failed(self) -> bool:
        """Whether the result is an errno."""
        return isinstance(self.result, str)

    def head(self) -> list[str | int]:
        """What strace prints at entry; a whole number stands for a descriptor."""
        raise NotImplementedError

    def tail(self) -> list[str | int]:
        """What strace prints of the arguments at exit."""
        return []

    def value(self) -> str | int:
        """The result as printed; a whole number stands for a descriptor."""
        return str(self.result)

    def stages(self) -> Iterator[Callable[[], bool]]:
        """The steps of the effect; each returns False while it has to wait."""
        yield self.stage

    def stage(self) -> bool:
        """The usual single step: the effect, or the errno it fails with."""
        try:
            self.effect()
        except Refused as error:
            self.result = str(error)
        return True

    def effect(self) -> None:
        """What the call does to the kernel; raises `Refused`."""

    def take(self, description: Description, cloexec: bool, via: str, least: int = 0) -> int:
        """Install a description at the lowest free number of the caller's table."""
        fd = self.table.lowest_free(least)
        self.table.install(fd, description, cloexec, via, self)
        self.taken.append(fd)
        return fd

    def give_up(self) -> None:
        """The caller dies inside the call: numbers held back become free."""


class Kernel:
    """Everything there is: tables, processes, and what a tracer has seen of them."""

    def __init__(self, extra: tuple[int, ...] = (), limit: int = 1024, first_pid: int = 4100) -> None:
        self.limit, self.initial = limit, extra
        self.tables: list[Table] = []
        self.processes: list[Process] = []
        self.tasks: list[Task] = []
        self.seen: list[Seen] = []
        self.descriptions = 0
        self.next_pid = first_pid
        self.now = 1_700_000_000_000_000
        process = Process(self._new_pid(), None, "prog")
        self.processes.append(process)
        task = self.add_task(process, self.new_table())
        task.attached = True
        for fd in (0, 1, 2, *extra):
            life = task.table.install(fd, self.describe("file", f"/dev/pts/{fd}"), False, "inherited", None)
            life.description.initial = True

    def _new_pid(self) -> int:
        self.next_pid += 1
        return self.next_pid - 1

    def describe(self, kind: str, name: str = "", full: str = "") -> Description:
        """A new open file description; `name` is the text in the -y annotation."""
        self.descriptions += 1
        plain = f"<{name or f'anon_inode:[{kind}]'}>"
        return Description(self.descriptions, kind, plain, f"<{full}>" if full else plain)

    def new_table(self) -> Table:
        """An empty table."""
        self.tables.append(Table(len(self.tables), self.limit))
        return self.tables[-1]

    def add_task(self, process: Process, table: Table) -> Task:
        """A thread more; the first one of a process is its leader."""
        task = Task(self._new_pid() if process.tasks else process.pid, process, table)
        task.tids.append(task.tid)
        process.tasks.append(task)
        table.tasks.append(task)
        self.tasks.append(task)
        return task

    def add_process(self, parent: Process, table: Table) -> Task:
        """A process more; returns its leader."""
        process = Process(self._new_pid(), parent, parent.command)
        self.processes.append(process)
        return self.add_task(process, table)

    def move(self, task: Task, table: Table) -> None:
        """The task gets another table; the old one lives as long as others use it."""
        task.table.tasks.remove(task)
        task.table = table
        table.tasks.append(task)

    def unshare(self, task: Task, call: Call) -> None:
        """A private copy of the table, unless nobody else uses it."""
        if len(task.table.tasks) > 1:
            table = self.new_table()
            task.table.copy_into(table, call)
            self.move(task, table)

    def end_task(self, task: Task, ending: str) -> None:
        """The task stops running; with its last task a table is emptied."""
        if task.ending:
            return
        task.ending = ending
        if task.call is not None and not task.call.done:
            task.call.give_up()
        task.table.tasks.remove(task)
        if not task.table.tasks:
            for fd in sorted(task.table.open):
                task.table.release(fd, "exit")
        if not task.process.alive:
            task.process.released = True
            task.process.last_table = task.table

    def end_process(self, process: Process, ending: str) -> None:
        """exit_group or a fatal signal."""
        for task in list(process.alive):
            self.end_task(task, ending)

    # -- what the tracer sees --------------------------------------------------

    def note(self, what: str, task: Task, call: Call | None = None, text: str = "") -> None:
        """The tracer sees something of a task."""
        self.now += 23
        self.seen.append(Seen(what, task.tid, self.now, call, text, task.process.command))

    def enter(self, call: Call) -> None:
        """The entry line: nothing has happened yet."""
        table = call.table
        call.task.call = call
        call.blind = any(fd not in table.open for fd in call.uses | call.changes)
        call.window, call.source = call.copies, table
        call.before = {fd: life.description for fd, life in table.open.items()}
        self.note("entered", call.task, call)
        call.entered_at = self.now

    def advance(self, call: Call) -> bool:
        """The next stage of the effect; False when it has to wait."""
        if not call.pending[0]():
            return False
        call.pending.pop(0)
        call.done = not call.pending
        return True

    def leave(self, call: Call) -> None:
        """The exit line."""
        call.after = {fd: life.description for fd, life in call.table.open.items()}
        call.task.call, call.window = None, False
        self.note("left", call.task, call)


if __name__ == "__main__":
    from tests.reference_measure import main

    main()
