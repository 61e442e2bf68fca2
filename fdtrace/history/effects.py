"""What each system call does to a descriptor table: data, and the only place for such knowledge.

Sources: the man pages of section 2, and Linux 6.18 where they are silent.
Flag bits are those of x86, arm and the generic ABI.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ..readers.strace import args as a
from ..readers.strace.args import Call

CLOEXEC_BIT = 0x80000
CLONE_VM, CLONE_FILES, CLONE_VFORK, CLONE_PIDFD, CLONE_THREAD = 0x100, 0x400, 0x4000, 0x1000, 0x10000
CLONE_NEWPID = 0x20000000


class Op(IntEnum):
    """Which part of the fold a call concerns."""

    NONE = 0
    USE = 1
    """The call works on its first argument and leaves the table alone."""
    STATE = 2
    """A use that decides a socket's state (connect, listen, shutdown …)."""
    CREATE = 3
    """New descriptors, however they are returned."""
    DUP = 4
    DUP_OVER = 5
    CLOSE = 6
    CLOSE_RANGE = 7
    CONTROL = 8
    """fcntl and ioctl: a use, unless the command says otherwise."""
    SPAWN = 9
    EXEC = 10
    EXIT = 11
    EXIT_GROUP = 12
    UNSHARE = 13
    RECEIVE = 14
    SEND = 15
    GET_FD = 16
    """pidfd_getfd: a descriptor out of another process's table."""
    LIMIT = 17
    READ = 18
    """A use; on a fanotify descriptor it creates others."""
    IDENTITY = 19
    """gettid and its kind: tells the caller's number."""


HIDDEN = -1
"""The number of a descriptor that was made but not printed (`pipe2([...])` under `-s 0`)."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Where a call's close-on-exec flag stands: argument, word and bit."""

    arg: int
    word: bytes
    bit: int = CLOEXEC_BIT


@dataclass(frozen=True, slots=True)
class Effect:
    """What one system call does; `cloexec` is a flag to look at, or settled by the call itself."""

    op: Op
    kind: str = "unknown"
    cloexec: Flag | bool = False
    path: int | None = None


@dataclass(frozen=True, slots=True)
class New:
    """One descriptor that a call created.

    `source` is what it was made from: the original of a dup, the listener of an accept.
    """

    fd: int
    note: bytes | None
    kind: str
    cloexec: bool
    target: str | None = None
    via: str = "open"
    source: int | None = None
    peer: str | None = None


def _create(kind: str, cloexec: Flag | bool = False, path: int | None = None) -> Effect:
    return Effect(Op.CREATE, kind, cloexec, path)


_O = b"O_CLOEXEC"
EFFECTS: dict[bytes, Effect] = {
    b"open": _create("file", Flag(1, _O), 0),
    b"openat": _create("file", Flag(2, _O), 1),
    b"openat2": _create("file", Flag(2, _O), 1),
    b"creat": _create("file", path=0),
    b"open_by_handle_at": _create("file", Flag(2, _O)),
    b"open_tree": _create("file", Flag(2, b"OPEN_TREE_CLOEXEC"), 1),
    b"open_tree_attr": _create("file", Flag(2, b"OPEN_TREE_CLOEXEC"), 1),
    b"fsopen": _create("fscontext", Flag(1, b"FSOPEN_CLOEXEC", 1)),
    b"fsmount": _create("file", Flag(1, b"FSMOUNT_CLOEXEC", 1)),
    b"fspick": _create("fscontext", Flag(2, b"FSPICK_CLOEXEC", 1)),
    b"memfd_create": _create("memfd", Flag(1, b"MFD_CLOEXEC", 1), 0),
    b"memfd_secret": _create("memfd", Flag(0, _O)),
    b"mq_open": _create("mqueue", True, 0),
    b"pipe": _create("pipe"),
    b"pipe2": _create("pipe", Flag(1, _O)),
    b"socket": _create("socket", Flag(1, b"SOCK_CLOEXEC")),
    b"socketpair": _create("socket", Flag(1, b"SOCK_CLOEXEC")),
    b"accept": _create("socket"),
    b"accept4": _create("socket", Flag(3, b"SOCK_CLOEXEC")),
    b"getsockopt": Effect(Op.STATE),
    b"pidfd_open": _create("pidfd", True),
    b"epoll_create": _create("epoll"),
    b"epoll_create1": _create("epoll", Flag(0, b"EPOLL_CLOEXEC")),
    b"eventfd": _create("eventfd"),
    b"eventfd2": _create("eventfd", Flag(1, b"EFD_CLOEXEC")),
    b"signalfd": _create("signalfd"),
    b"signalfd4": _create("signalfd", Flag(3, b"SFD_CLOEXEC")),
    b"timerfd_create": _create("timerfd", Flag(1, b"TFD_CLOEXEC")),
    b"inotify_init": _create("inotify"),
    b"inotify_init1": _create("inotify", Flag(0, b"IN_CLOEXEC")),
    b"fanotify_init": _create("fanotify", Flag(0, b"FAN_CLOEXEC", 1)),
    b"userfaultfd": _create("userfaultfd", Flag(0, _O)),
    b"perf_event_open": _create("perf", Flag(4, b"PERF_FLAG_FD_CLOEXEC", 8)),
    b"bpf": _create("bpf", True),
    b"io_uring_setup": _create("io_uring", True),
    b"landlock_create_ruleset": _create("landlock", True),
    b"seccomp": _create("seccomp", True),
    b"spu_create": _create("spufs"),
    b"dup": Effect(Op.DUP),
    b"dup2": Effect(Op.DUP_OVER),
    b"dup3": Effect(Op.DUP_OVER, cloexec=Flag(2, _O)),
    b"close": Effect(Op.CLOSE),
    b"close_range": Effect(Op.CLOSE_RANGE),
    b"fcntl": Effect(Op.CONTROL),
    b"fcntl64": Effect(Op.CONTROL),
    b"ioctl": Effect(Op.CONTROL),
    b"fork": Effect(Op.SPAWN),
    b"vfork": Effect(Op.SPAWN),
    b"clone": Effect(Op.SPAWN),
    b"clone2": Effect(Op.SPAWN),
    b"clone3": Effect(Op.SPAWN),
    b"execve": Effect(Op.EXEC),
    b"execveat": Effect(Op.EXEC),
    b"exit": Effect(Op.EXIT),
    b"_exit": Effect(Op.EXIT),
    b"exit_group": Effect(Op.EXIT_GROUP),
    b"unshare": Effect(Op.UNSHARE),
    b"recvmsg": Effect(Op.RECEIVE),
    b"recvmmsg": Effect(Op.RECEIVE),
    b"recvmmsg_time64": Effect(Op.RECEIVE),
    b"sendmsg": Effect(Op.SEND),
    b"sendmmsg": Effect(Op.SEND),
    b"pidfd_getfd": Effect(Op.GET_FD),
    b"prlimit64": Effect(Op.LIMIT),
    b"prlimit": Effect(Op.LIMIT),
    b"getrlimit": Effect(Op.LIMIT),
    b"ugetrlimit": Effect(Op.LIMIT),
    b"setrlimit": Effect(Op.LIMIT),
    b"connect": Effect(Op.STATE),
    b"bind": Effect(Op.STATE),
    b"listen": Effect(Op.STATE),
    b"shutdown": Effect(Op.STATE),
    b"getsockname": Effect(Op.STATE),
    b"getpeername": Effect(Op.STATE),
    b"read": Effect(Op.READ),
    b"gettid": Effect(Op.IDENTITY),
    b"set_tid_address": Effect(Op.IDENTITY),
}

READS = frozenset(
    b"read pread64 readv preadv preadv2 recv recvfrom recvmsg recvmmsg getdents getdents64".split()
)
"""Calls whose result counts bytes that came in through their first argument."""
WRITES = frozenset(b"write pwrite64 writev pwritev pwritev2 send sendto sendmsg".split())
"""The same for bytes that went out."""
STREAM_ENDS = frozenset(b"read readv recv recvfrom recvmsg".split())
"""Calls whose result 0 on a stream says that the peer has ended it."""

USES = (
    READS
    | WRITES
    | frozenset(
        b"""fstat fstat64 newfstatat fstatat64 fstatfs fstatfs64 lseek _llseek fsync fdatasync ftruncate
    ftruncate64 fchmod fchown fchown32 flock fallocate fadvise64 fadvise64_64 readahead sync_file_range
    syncfs fchdir
    setsockopt epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old epoll_wait_old
    timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 inotify_add_watch inotify_rm_watch
    fanotify_mark sendfile sendfile64 splice tee vmsplice copy_file_range sendmmsg fgetxattr fsetxattr
    flistxattr fremovexattr io_uring_enter io_uring_register pidfd_send_signal mq_timedsend mq_timedreceive
    mq_notify mq_getsetattr mq_timedsend_time64 mq_timedreceive_time64 finit_module setns quotactl_fd
    process_madvise landlock_add_rule landlock_restrict_self fsconfig recvmmsg_time64 cachestat
    mkdirat unlinkat readlinkat symlinkat linkat renameat renameat2 fchmodat fchmodat2 fchownat faccessat
    faccessat2 mknodat futimesat utimensat statx name_to_handle_at openat openat2 execveat accept
    accept4""".split()
    )
)
"""Calls whose first argument, when it is a number from 0 on, is a descriptor that they use."""

AT_CALLS = frozenset(
    b"""openat openat2 newfstatat fstatat64 mkdirat unlinkat readlinkat symlinkat linkat renameat renameat2
    fchmodat fchmodat2 fchownat faccessat faccessat2 mknodat futimesat utimensat statx name_to_handle_at
    execveat open_tree""".split()
)
"""Calls that look at their first argument only when the path is relative."""

FILE_ERRORS = frozenset(
    b"""EAGAIN EALREADY EADDRINUSE ECONNABORTED ECONNREFUSED ECONNRESET EDESTADDRREQ EDQUOT EFBIG EHOSTUNREACH
    EINPROGRESS EIO EISCONN EISDIR EMSGSIZE ENETUNREACH ENOSPC ENOTCONN ENOTDIR ENOTSOCK ENOTTY EOPNOTSUPP
    EPIPE EPROTOTYPE ESHUTDOWN ESPIPE ETIMEDOUT ETXTBSY""".split()
)
"""Errors that only an open file can give."""

FD_COMMANDS = (b"F_DUPFD", b"F_SETFD", b"F_GETFD")


def is_cloexec(effect: Effect, call: Call) -> bool:
    """Whether what the call creates closes on exec."""
    flag = effect.cloexec
    if isinstance(flag, bool):
        return flag
    text = call.arg(flag.arg)
    for member in a.members(text, b"flags") if text.startswith(b"{") else (text,):  # openat2's struct
        return a.has_flag(member.partition(b",")[0].partition(b"}")[0], flag.word, flag.bit)
    return False
