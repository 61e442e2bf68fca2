"""The system calls of the reference kernel that touch one table: what they print and what they do.

Spellings are those of strace 6 on x86-64. Calls that make or end processes,
or reach into another table, are in :mod:`tests.reference_process_calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from tests.reference_kernel import Call, Description, Kernel, Refused, Task

SWEEP_END = 96
"""Numbers above this are never in use; close_range prints its own, larger end."""


@dataclass(frozen=True)
class Maker:
    """A call whose return value is a new descriptor of its own.

    `plain` and `cloexec` are the arguments without and with the flag; one of
    them is empty where a call always or never sets it. `text` and `full` are
    the annotations of -y and -yy, with the inode for `%d`.
    """

    name: str
    kind: str
    plain: str
    cloexec: str
    text: str = ""
    full: str = ""


MAKERS = (
    Maker("eventfd2", "eventfd", "0, 0", "0, EFD_CLOEXEC|EFD_NONBLOCK"),
    Maker(
        "openat",
        "file",
        'AT_FDCWD, "/srv/a<b", O_RDONLY',
        'AT_FDCWD, "/srv/a<b", O_RDONLY|O_CLOEXEC',
        r"/srv/a\74b",
    ),
    Maker(
        "socket",
        "tcp",
        "AF_INET, SOCK_STREAM, IPPROTO_IP",
        "AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP",
        "socket:[%d]",
        "TCP:[%d]",
    ),
    Maker(
        "openat",
        "file",
        'AT_FDCWD, "/dev/null", O_RDWR',
        'AT_FDCWD, "/dev/null", O_RDWR|O_CREAT|O_CLOEXEC, 0666',
        "/dev/null",
        "/dev/null<char 1:3>",
    ),
    Maker("creat", "file", '"/srv/x) = 5 <unfinished ...>", 0644', "", "/srv/x) = 5 \\74unfinished ...\\76"),
    Maker("epoll_create", "epoll", "1", "", "anon_inode:[eventpoll]"),
    Maker("epoll_create1", "epoll", "0", "EPOLL_CLOEXEC", "anon_inode:[eventpoll]"),
    Maker("memfd_create", "memfd", '"m", 0', '"m", MFD_CLOEXEC', "/memfd:m>(deleted)"),
    Maker("timerfd_create", "timerfd", "CLOCK_MONOTONIC, 0", "CLOCK_MONOTONIC, TFD_CLOEXEC"),
    Maker("signalfd4", "signalfd", "-1, [USR1], 8, 0", "-1, [USR1], 8, SFD_CLOEXEC"),
    Maker("inotify_init1", "inotify", "0", "IN_CLOEXEC|IN_NONBLOCK", "anon_inode:inotify"),
    Maker("mq_open", "file", "", '"q", O_RDWR|O_CREAT, 0600, NULL', "/q"),
    Maker("userfaultfd", "userfaultfd", "O_NONBLOCK", "O_CLOEXEC|O_NONBLOCK"),
    Maker(
        "landlock_create_ruleset",
        "landlock",
        "",
        "{handled_access_fs=LANDLOCK_ACCESS_FS_EXECUTE}, 8, 0",
        "anon_inode:[landlock-ruleset]",
    ),
    Maker(
        "bpf",
        "bpf",
        "",
        "BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_ARRAY, key_size=4, value_size=4, max_entries=1}, 72",
        "anon_inode:bpf-map",
    ),
    Maker(
        "socket", "netlink", "AF_NETLINK, SOCK_RAW, NETLINK_ROUTE", "", "socket:[%d]", "NETLINK:[ROUTE:%d]"
    ),
)


def annotated(kernel: Kernel, kind: str, text: str, full: str = "") -> Description:
    """A new description whose annotations name its inode."""
    inode = 700_000 + kernel.descriptions
    made = kernel.describe(kind, text.replace("%d", str(inode)), full.replace("%d", str(inode)))
    if text.endswith("(deleted)"):  # strace writes this word behind the bracket
        made.plain = made.full = "<" + text
    return made


class Make(Call):
    """A simple creator; `outcome` forces ENOENT, a failing later close, or strace's own fault injection."""

    allocates = True

    def __init__(self, kernel: Kernel, task: Task, maker: Maker, cloexec: bool, outcome: str = "") -> None:
        self.maker, self.outcome = maker, outcome
        self.cloexec = bool(maker.cloexec) if not (maker.cloexec and maker.plain) else cloexec
        self.name = maker.name
        super().__init__(kernel, task)

    def head(self) -> list[str | int]:
        return [self.maker.cloexec if self.cloexec else self.maker.plain]

    def effect(self) -> None:
        if self.outcome == "injected":
            self.result, self.remark = 42, " (INJECTED)"
            return
        if self.outcome == "ENOENT":
            raise Refused("ENOENT")
        made = annotated(self.kernel, self.maker.kind, self.maker.text, self.maker.full)
        made.close_error = self.outcome or None
        self.result = self.take(made, self.cloexec, "open")

    def value(self) -> str | int:
        return self.result


class Wait(Call):
    """A creator that holds its number back before it blocks: accept, or the open of a FIFO."""

    allocates = True

    def __init__(
        self, kernel: Kernel, task: Task, listener: int | None, cloexec: bool, outcome: str = ""
    ) -> None:
        self.listener, self.cloexec, self.outcome = listener, cloexec, outcome
        self.name = "openat" if listener is None else "accept4" if cloexec else "accept"
        self.number: int | None = None
        super().__init__(kernel, task)
        self.mentions = set() if listener is None else {listener}

    def head(self) -> list[str | int]:
        if self.listener is None:
            flag = "|O_CLOEXEC" if self.cloexec else ""
            return [f'AT_FDCWD, "/srv/fifo", O_RDONLY{flag}']
        return [self.listener]

    def tail(self) -> list[str | int]:
        if self.listener is None:
            return []
        return ["NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK" if self.cloexec else "NULL, NULL"]

    def stages(self) -> Iterator[Callable[[], bool]]:
        yield self.hold
        yield self.stage

    def hold(self) -> bool:
        """The number is reserved: absent from /proc, EBUSY for dup2."""
        try:
            if self.listener is not None and self.table.look_up(self.listener).description.kind != "tcp":
                raise Refused("ENOTSOCK")
            self.number = self.table.lowest_free()
            self.table.reserved.add(self.number)
        except Refused as error:
            self.result = str(error)
            self.pending.pop()
        return True

    def effect(self) -> None:
        assert self.number is not None
        if self.outcome:
            self.give_up()
            if self.outcome == "ERESTARTSYS":
                self.task.again = Wait(self.kernel, self.task, self.listener, self.cloexec)
            raise Refused(self.outcome)
        if self.listener is None:
            made = self.kernel.describe("fifo", "/srv/fifo")
        else:
            made = annotated(self.kernel, "tcp", "socket:[%d]", "TCP:[127.0.0.1:80->127.0.0.1:%d]")
        self.table.install(self.number, made, self.cloexec, "accept", self)
        self.taken.append(self.number)
        self.result = self.number

    def give_up(self) -> None:
        if self.number is not None:
            self.table.reserved.discard(self.number)

    def value(self) -> str | int:
        return self.result


class Pair(Call):
    """pipe, pipe2 and socketpair: two numbers in an array, the result is 0."""

    allocates = True

    def __init__(self, kernel: Kernel, task: Task, name: str, cloexec: bool) -> None:
        self.name, self.cloexec = name, cloexec and name != "pipe"
        self.comma = name == "socketpair"  # nothing stands before the array of a pipe
        super().__init__(kernel, task)

    def head(self) -> list[str | int]:
        flag = "|SOCK_CLOEXEC" if self.cloexec else ""
        return [f"AF_UNIX, SOCK_STREAM{flag}, 0"] if self.name == "socketpair" else []

    def tail(self) -> list[str | int]:
        flags = ", O_CLOEXEC" if self.cloexec else ", 0"
        array: list[str | int] = (
            ["[", self.taken[0], ", ", self.taken[1], "]"] if self.taken else ["0x7ffd10"]
        )
        return [*array, flags] if self.name == "pipe2" else array

    def effect(self) -> None:
        table, kernel = self.table, self.kernel
        table.lowest_free(table.lowest_free() + 1)
        inode = 700_000 + kernel.descriptions
        if self.name == "socketpair":
            ends = [
                kernel.describe("unix", f"socket:[{one}]", f"UNIX-STREAM:[{one}->{other}]")
                for one, other in ((inode, inode + 1), (inode + 1, inode))
            ]
            ends[0].mate, ends[1].mate = ends[1], ends[0]
        else:
            ends = [kernel.describe("pipe", f"pipe:[{inode}]") for _ in range(2)]
        for end in ends:
            self.take(end, self.cloexec, self.name)


class Dup(Call):
    """dup and fcntl F_DUPFD, F_DUPFD_CLOEXEC: the same description at the lowest free number."""

    allocates = True

    def __init__(
        self, kernel: Kernel, task: Task, old: int, least: int | None = None, cloexec: bool = False
    ) -> None:
        self.old, self.least, self.cloexec = old, least, cloexec and least is not None
        self.name = "dup" if least is None else "fcntl"
        super().__init__(kernel, task)
        self.uses.add(old)

    def head(self) -> list[str | int]:
        if self.least is None:
            return [self.old]
        return [self.old, f", F_DUPFD{'_CLOEXEC' if self.cloexec else ''}, {self.least}"]

    def effect(self) -> None:
        source = self.table.look_up(self.old).description
        if self.least is not None and self.least >= self.kernel.limit:
            raise Refused("EINVAL")
        self.result = self.take(source, self.cloexec, "dup", self.least or 0)

    def value(self) -> str | int:
        return self.result


class DupOver(Call):
    """dup2 and dup3: the caller chooses the number, and what was there is closed."""

    def __init__(self, kernel: Kernel, task: Task, old: int, new: int, flags: str | None = None) -> None:
        self.old, self.new, self.flags = old, new, flags
        self.name = "dup2" if flags is None else "dup3"
        super().__init__(kernel, task)
        self.uses.add(old)
        self.changes.add(new)

    def head(self) -> list[str | int]:
        return [self.old, ", ", self.new, "" if self.flags is None else f", {self.flags}"]

    def effect(self) -> None:
        if self.flags is not None and self.old == self.new:
            raise Refused("EINVAL")
        source = self.table.look_up(self.old).description
        if self.new >= self.kernel.limit:
            raise Refused("EBADF")
        self.result = self.new
        if self.old == self.new:
            return
        if self.new in self.table.reserved:
            raise Refused("EBUSY")
        if self.new in self.table.open:
            self.table.release(self.new, "dup_over", self)
        self.table.install(self.new, source, self.flags == "O_CLOEXEC", "dup_over", self)
        self.taken.append(self.new)

    def value(self) -> str | int:
        return self.result


class Close(Call):
    """close: an error other than EBADF still gives the number back; an injected error does not."""

    name = "close"

    def __init__(self, kernel: Kernel, task: Task, fd: int, injected: bool = False) -> None:
        self.fd, self.injected = fd, injected
        super().__init__(kernel, task)
        self.changes.add(fd)

    def head(self) -> list[str | int]:
        return [self.fd]

    def effect(self) -> None:
        if self.injected:
            self.remark = " (INJECTED)"
            raise Refused("EIO")
        error = self.table.look_up(self.fd).description.close_error
        self.table.release(self.fd, "close_error" if error else "close", self)
        if error:
            raise Refused(error)


class CloseRange(Call):
    """close_range in its three modes."""

    name = "close_range"

    def __init__(self, kernel: Kernel, task: Task, first: int, last: int, flags: str = "0") -> None:
        self.first, self.last, self.flags = first, last, flags
        self.copies = "UNSHARE" in flags
        super().__init__(kernel, task)
        self.changes = set(range(first, min(last, SWEEP_END) + 1))

    def head(self) -> list[str | int]:
        return [f"{self.first}, {self.last}, {self.flags}"]

    def effect(self) -> None:
        if self.first > self.last:
            raise Refused("EINVAL")
        if self.copies:
            self.kernel.unshare(self.task, self)
        for fd in sorted(self.table.open):
            if self.first <= fd <= self.last and "CLOEXEC" in self.flags:
                self.table.open[fd].cloexec = self.table.open[fd].flag_set = True
            elif self.first <= fd <= self.last:
                self.table.release(fd, "close_range", self)


class SetFlag(Call):
    """fcntl F_SETFD, ioctl FIOCLEX and FIONCLEX."""

    def __init__(self, kernel: Kernel, task: Task, fd: int, cloexec: bool, by_ioctl: bool = False) -> None:
        self.fd, self.cloexec, self.by_ioctl = fd, cloexec, by_ioctl
        self.name = "ioctl" if by_ioctl else "fcntl"
        super().__init__(kernel, task)
        self.changes.add(fd)

    def head(self) -> list[str | int]:
        if self.by_ioctl:
            return [self.fd, ", FIOCLEX" if self.cloexec else ", FIONCLEX"]
        return [self.fd, ", F_SETFD, ", "FD_CLOEXEC" if self.cloexec else "0"]

    def effect(self) -> None:
        life = self.table.look_up(self.fd)
        life.cloexec, life.flag_set = self.cloexec, True


class Use(Call):
    """A call that leaves the table alone, among them some whose result looks like a descriptor."""

    FORMS: ClassVar[tuple[tuple[str, str, str, str], ...]] = (
        ("read", ", ", '"x) = 5", 16', "7"),
        ("write", r', "close(3) = 0 <unfinished ...>\n", 30', "", "30"),
        ("fstat", ", ", "{st_mode=S_IFREG|0644, st_size=5, ...}", "0"),
        ("fcntl", ", F_GETFD", "", "0"),
        ("fcntl", ", F_GETFL", "", "0x8002 (flags O_RDWR|O_LARGEFILE)"),
        ("inotify_add_watch", ', "/srv", IN_CREATE', "", "5"),
        ("signalfd4", ", [USR2], 8, SFD_CLOEXEC", "", ""),
        ("mmap", "NULL, 4096, PROT_READ, MAP_PRIVATE, ", "", "0x7f3ad5be8000"),
        ("landlock_create_ruleset", "NULL, 0, LANDLOCK_CREATE_RULESET_VERSION", "", "7"),
        ("fanotify_mark", ", FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, NULL", "", "0"),
        ("timer_create", "CLOCK_MONOTONIC, NULL, [6]", "", "0"),
    )

    comma = False  # it is part of the forms

    def __init__(self, kernel: Kernel, task: Task, fd: int, form: int = 0, error: str = "") -> None:
        self.fd, self.error = fd, error
        self.name, self.first, self.last, self.answer = self.FORMS[form % len(self.FORMS)]
        super().__init__(kernel, task)
        self.mentions = {fd}

    def head(self) -> list[str | int]:
        if self.name == "mmap":
            return [self.first, self.fd, ", 0"]
        if self.name in ("landlock_create_ruleset", "timer_create"):
            return [self.first]
        return [self.fd, self.first]

    def tail(self) -> list[str | int]:
        return [self.last] if self.last else []

    def effect(self) -> None:
        if self.name not in ("landlock_create_ruleset", "timer_create"):
            self.table.look_up(self.fd)
        if self.error:
            raise Refused(self.error)

    def value(self) -> str | int:
        return self.result if self.failed else self.answer or self.fd
