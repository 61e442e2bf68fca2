"""The system calls of the reference kernel that make or end tasks, or reach into another table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.reference_kernel import SUPERSEDED, UNKNOWN, Call, Description, Kernel, Refused, Task

THREAD = (
    "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS"
    "|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID"
)
FORK = "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"


def doomed_safely(tasks: list[Task], but: Task | None) -> bool:
    """Whether no call in flight of these tasks leaves it open what their end does to the table."""
    calls = [task.call for task in tasks if task is not but and task.call is not None]
    return not any(
        call.changes or call.taken or call.copies or call.channel or isinstance(call, Spawn) for call in calls
    )


class Spawn(Call):
    """fork, vfork, clone and clone3, with or without CLONE_FILES, CLONE_THREAD and CLONE_PIDFD.

    `style` is fork, vfork, clone, clone3 or spawn (clone3 as posix_spawn uses it).
    """

    comma = False

    def __init__(
        self,
        kernel: Kernel,
        task: Task,
        style: str,
        *,
        thread: bool = False,
        files: bool = False,
        pidfd: bool = False,
    ) -> None:
        self.style, self.thread = style, thread
        self.files = (files or thread) and style not in ("fork", "vfork")
        self.pidfd = pidfd and not thread and style not in ("fork", "vfork")
        self.copies, self.allocates = not self.files, self.pidfd
        self.name = {"spawn": "clone3"}.get(style, style)
        self.child: Task | None = None
        self.child_seen = False
        super().__init__(kernel, task)

    @property
    def flags(self) -> str:
        """The flag words, without the signal for clone3."""
        words = [THREAD] if self.thread else []
        words += ["CLONE_VM|CLONE_VFORK"] if self.style == "spawn" else []
        words += ["CLONE_FILES"] if self.files and not self.thread else []
        words += ["CLONE_PIDFD"] if self.pidfd else []
        return "|".join(words)

    def head(self) -> list[str | int]:
        if self.style in ("fork", "vfork"):
            return []
        signal = "0" if self.thread else "SIGCHLD"
        if self.name == "clone3":
            pidfd = "pidfd=0x7ffd1a2b3c4c, " if self.pidfd else ""
            return [f"{{flags={self.flags or '0'}, {pidfd}exit_signal={signal}, stack=NULL, stack_size=0}}"]
        if self.thread:
            return [f"child_stack=0x7f9ba510d000, flags={THREAD}"]
        return [
            f"child_stack=NULL, flags={self.flags}|SIGCHLD"
            if self.flags
            else f"child_stack=NULL, flags={FORK}"
        ]

    def tail(self) -> list[str | int]:
        if self.name == "clone3":
            if self.thread and not self.failed:
                return [f" => {{parent_tid=[{self.result}]}}, 88"]
            return [" => {pidfd=[", self.taken[0], "]}, 88"] if self.taken else [", 88"]
        if self.name != "clone":
            return []
        if self.thread:
            return [f", parent_tid=[{self.result}], tls=0x7f9ba590d6c0, child_tidptr=0x7f9ba590d990"]
        if self.taken:
            return [", parent_tid=[", self.taken[0], "]"]
        return ["" if self.flags else ", child_tidptr=0x7fcfc4020a10"]

    def stages(self) -> Iterator[Callable[[], bool]]:
        yield self.stage
        if self.style in ("vfork", "spawn"):
            yield self.released

    def effect(self) -> None:
        if self.pidfd:
            self.table.lowest_free()
        process, table = self.task.process, self.table
        if not self.files:
            table = self.kernel.new_table()
            self.table.copy_into(table, self)
        if self.thread:
            self.child = self.kernel.add_task(process, table)
        else:
            self.child = self.kernel.add_process(process, table)
        if self.pidfd:
            number = self.take(pidfd_of(self.kernel, self.child), True, "pidfd")
            assert number == self.taken[0]
        self.result = self.child.tid

    def orphans(self, other: Call) -> bool:
        """Whether a child could be of either call, and the lines may end before one says whose it is."""
        waits = {"vfork", "spawn"} & {self.style, other.style if isinstance(other, Spawn) else ""}
        return isinstance(other, Spawn) and not other.child_seen and bool(waits)

    def released(self) -> bool:
        """A vfork parent waits until the child has left its memory."""
        return self.child is None or self.child.process.released


def pidfd_of(kernel: Kernel, task: Task) -> Description:
    """A pidfd."""
    made = kernel.describe("pidfd", "anon_inode:[pidfd]", f"pid:{task.process.pid}")
    made.process = task.process
    return made


class Exec(Call):
    """execve: the other threads end, a shared table is copied, close-on-exec numbers close."""

    name = "execve"

    def __init__(self, kernel: Kernel, task: Task, command: str = "tool", outcome: str = "") -> None:
        self.command, self.outcome = command, outcome
        self.copies = not outcome
        super().__init__(kernel, task)

    def head(self) -> list[str | int]:
        return [f'"/usr/bin/{self.command}", ["{self.command}"], 0x7ffd3869b160 /* 43 vars */']

    def stages(self) -> Iterator[Callable[[], bool]]:
        yield self.stage
        if not self.outcome:
            yield self.alone
            yield self.replaced

    def effect(self) -> None:
        if self.outcome:
            raise Refused(self.outcome)
        process = self.task.process
        for other in list(process.alive):
            if other is not self.task:
                self.kernel.end_task(
                    other, SUPERSEDED if other is process.leader else "+++ exited with 0 +++"
                )

    def alone(self) -> bool:
        """All other threads are gone; a thread that is not the leader becomes it."""
        process, leader = self.task.process, self.task.process.leader
        if any(not task.gone for task in process.tasks if task is not self.task and task is not leader):
            return False
        if leader is not None and leader is not self.task:
            leader.gone, leader.call = True, None
            process.tasks.remove(leader)
        if self.task.tid != process.pid:
            old, self.task.tid = self.task.tid, process.pid
            self.task.tids.append(process.pid)
            self.kernel.note("superseded", self.task, self, str(old))
        return True

    def replaced(self) -> bool:
        """The new program has its own table, without the close-on-exec numbers."""
        self.kernel.unshare(self.task, self)
        for fd, life in sorted(self.table.open.items()):
            if life.cloexec:
                self.table.release(fd, "cloexec_exec", self)
        self.task.process.command = self.command
        self.task.process.released = True
        return True


class Exit(Call):
    """exit and exit_group, and kill of another process with SIGKILL."""

    ends = True

    def __init__(
        self, kernel: Kernel, task: Task, name: str, status: int = 0, victim: Task | None = None
    ) -> None:
        self.name, self.status, self.victim = name, status, victim
        super().__init__(kernel, task)

    def head(self) -> list[str | int]:
        if self.victim is not None:
            return [f"{self.victim.process.pid}, SIGKILL"]
        return [str(self.status)]

    def effect(self) -> None:
        ending = f"+++ exited with {self.status} +++"
        if self.victim is not None:
            self.kernel.end_process(self.victim.process, "+++ killed by SIGKILL +++")
        elif self.name == "exit":
            self.result = UNKNOWN
            self.kernel.end_task(self.task, ending)
        else:
            self.result = UNKNOWN
            self.kernel.end_process(self.task.process, ending)


class Unshare(Call):
    """unshare(CLONE_FILES): a thread leaves with a copy of everything."""

    name = "unshare"
    copies = True

    def head(self) -> list[str | int]:
        return ["CLONE_FILES"]

    def effect(self) -> None:
        self.kernel.unshare(self.task, self)


class Pass(Call):
    """sendmsg with SCM_RIGHTS: the sender keeps its numbers, the descriptions travel."""

    name = "sendmsg"

    def __init__(self, kernel: Kernel, task: Task, end: int, sent: list[int]) -> None:
        self.end, self.sent = end, sent
        super().__init__(kernel, task)
        self.uses = {end, *sent}
        mate = self.table.open[end].description.mate if end in self.table.open else None
        self.channel = ("to", mate) if mate else None

    def head(self) -> list[str | int]:
        return [self.end, ", ", *message(self.sent, "0"), ", 0"]

    def effect(self) -> None:
        descriptions = [self.table.look_up(fd).description for fd in self.sent]
        mate = self.table.look_up(self.end).description.mate
        if mate is None:
            raise Refused("ENOTSOCK")
        mate.waiting.append(descriptions)
        self.result = 1


class Receive(Call):
    """recvmsg: new numbers for what was sent; `room` says how many the control buffer can take."""

    name = "recvmsg"
    allocates = True

    def __init__(
        self,
        kernel: Kernel,
        task: Task,
        end: int,
        *,
        cloexec: bool = False,
        room: int = 9,
        peek: bool = False,
    ) -> None:
        self.end, self.cloexec, self.room, self.peek = end, cloexec, room, peek
        self.cut = False
        super().__init__(kernel, task)
        self.uses = {end}
        self.channel = ("from", self.table.open[end].description) if end in self.table.open else None

    def head(self) -> list[str | int]:
        return [self.end]

    def tail(self) -> list[str | int]:
        flags = "|".join(["MSG_DONTWAIT"] + ["MSG_PEEK"] * self.peek + ["MSG_CMSG_CLOEXEC"] * self.cloexec)
        if self.failed:
            return ["{msg_namelen=0}, ", flags]
        shown = "|".join(["MSG_CTRUNC"] * self.cut + ["MSG_CMSG_CLOEXEC"] * self.cloexec) or "0"
        return [*message(self.taken, shown), ", ", flags]

    def effect(self) -> None:
        here = self.table.look_up(self.end).description
        if here.mate is None:
            raise Refused("ENOTSOCK")
        if not here.waiting:
            raise Refused("EAGAIN")
        sent = here.waiting[0] if self.peek else here.waiting.pop(0)
        self.result, self.cut = 1, len(sent) > self.room
        for description in sent[: self.room]:
            try:
                self.take(description, self.cloexec, "scm_rights")
            except Refused:
                self.cut = True
                break


def message(fds: list[int], flags: str) -> list[str | int]:
    """A msghdr with the numbers in its control message, if there are any."""
    before = '{msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="x", iov_len=1}], msg_iovlen=1'
    if not fds:
        return [f"{before}, msg_controllen=0, msg_flags={flags}}}"]
    length = 16 + 4 * len(fds)
    listed: list[str | int] = []
    for fd in fds:
        listed += [", ", fd] if listed else [fd]
    control = f", msg_control=[{{cmsg_len={length}, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=["
    return [before + control, *listed, f"]}}], msg_controllen={(length + 7) // 8 * 8}, msg_flags={flags}}}"]


class PidfdOpen(Call):
    """pidfd_open: always close-on-exec."""

    name = "pidfd_open"
    allocates = True

    def __init__(self, kernel: Kernel, task: Task, target: Task) -> None:
        self.target = target
        super().__init__(kernel, task)

    def head(self) -> list[str | int]:
        return [f"{self.target.process.pid}, 0"]

    def effect(self) -> None:
        if not self.target.process.alive:
            raise Refused("ESRCH")
        self.result = self.take(pidfd_of(self.kernel, self.target), True, "pidfd")

    def value(self) -> str | int:
        return self.result


class PidfdGetfd(Call):
    """pidfd_getfd: the second argument is a number in the other process's table."""

    name = "pidfd_getfd"
    allocates = True
    at_once = True

    def __init__(self, kernel: Kernel, task: Task, pidfd: int, theirs: int) -> None:
        self.pidfd, self.theirs = pidfd, theirs
        super().__init__(kernel, task)
        self.uses.add(pidfd)

    @property
    def target(self) -> Task | None:
        """A thread of the process that the pidfd leads to, as long as one lives."""
        life = self.table.open.get(self.pidfd)
        process = life.description.process if life else None
        return process.alive[0] if process and process.alive else None

    def head(self) -> list[str | int]:
        return [self.pidfd, f", {self.theirs}, 0"]

    def effect(self) -> None:
        if self.table.look_up(self.pidfd).description.process is None:
            raise Refused("EBADF")
        if self.target is None:
            raise Refused("ESRCH")
        theirs = self.target.table.look_up(self.theirs).description
        self.result = self.take(theirs, True, "pidfd_getfd")

    def value(self) -> str | int:
        return self.result
