"""What each system call does to a descriptor table: data, and the only place for such knowledge.

Sources: the man pages of section 2, and Linux 6.18 where they are silent.
Flag bits are those of x86, arm and the generic ABI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    """One descriptor that a call created. `source` is the descriptor whose open file description it shares."""

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

USES = READS | WRITES | frozenset(
    b"""fstat fstat64 newfstatat fstatat64 fstatfs fstatfs64 lseek _llseek fsync fdatasync ftruncate ftruncate64
    fchmod fchown fchown32 flock fallocate fadvise64 fadvise64_64 readahead sync_file_range syncfs fchdir
    setsockopt epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old epoll_wait_old
    timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 inotify_add_watch inotify_rm_watch
    fanotify_mark sendfile sendfile64 splice tee vmsplice copy_file_range sendmmsg fgetxattr fsetxattr
    flistxattr fremovexattr io_uring_enter io_uring_register pidfd_send_signal mq_timedsend mq_timedreceive
    mq_notify mq_getsetattr mq_timedsend_time64 mq_timedreceive_time64 finit_module setns quotactl_fd
    process_madvise landlock_add_rule landlock_restrict_self fsconfig recvmmsg_time64 cachestat
    mkdirat unlinkat readlinkat symlinkat linkat renameat renameat2 fchmodat fchmodat2 fchownat faccessat
    faccessat2 mknodat futimesat utimensat statx name_to_handle_at openat openat2 execveat accept accept4""".split()
)
"""Calls whose first argument, when it is a number from 0 on, is a descriptor that they use."""

FD_COMMANDS = (b"F_DUPFD", b"F_SETFD", b"F_GETFD")
_IOCTL_CREATES = (
    b"TIOCGPTPEER",
    b"NS_GET_USERNS",
    b"NS_GET_PARENT",
    b"NS_MNT_GET_NEXT",
    b"NS_MNT_GET_PREV",
    b"SIOCGSKNS",
    b"TUNGETDEVNETNS",
    b"PIDFD_GET_",
    b"KVM_CREATE_VM",
    b"KVM_CREATE_VCPU",
    b"KVM_GET_STATS_FD",
    b"KVM_CREATE_GUEST_MEMFD",
    b"VFIO_GROUP_GET_DEVICE_FD",
    b"UDMABUF_CREATE",
    b"USERFAULTFD_IOC_NEW",
    b"LOOP_CTL_GET_FREE_FD",
)
_IOCTL_HIDES = (
    b"KVM_CREATE_DEVICE",
    b"DRM_IOCTL_PRIME_HANDLE_TO_FD",
    b"DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD",
    b"SYNC_IOC_MERGE",
    b"DMA_BUF_IOCTL_EXPORT_SYNC_FILE",
    b"DMA_HEAP_IOCTL_ALLOC",
    b"VIDIOC_EXPBUF",
    b"MEDIA_IOC_REQUEST_ALLOC",
    b"GPIO_GET_LINE",
    b"GPIO_V2_GET_LINE",
    b"SIOCKCMCLONE",
    b"SECCOMP_IOCTL_NOTIF_ADDFD",
)
_BPF_CREATES = frozenset(
    b"""BPF_MAP_CREATE BPF_PROG_LOAD BPF_OBJ_GET BPF_PROG_GET_FD_BY_ID BPF_MAP_GET_FD_BY_ID BPF_BTF_GET_FD_BY_ID
    BPF_LINK_GET_FD_BY_ID BPF_RAW_TRACEPOINT_OPEN BPF_BTF_LOAD BPF_LINK_CREATE BPF_ENABLE_STATS BPF_ITER_CREATE
    BPF_TOKEN_CREATE 0 0x0 5 0x5 7 0x7 13 0xd 14 0xe 19 0x13 30 0x1e 17 0x11 18 0x12 28 0x1c 32 0x20 33 0x21 36 0x24""".split()
)
_FAMILIES = {
    b"INET": "",
    b"INET6": "6",
    b"UNIX": "unix",
    b"LOCAL": "unix",
    b"FILE": "unix",
    b"NETLINK": "netlink",
    b"PACKET": "packet",
    b"VSOCK": "vsock",
    b"ALG": "alg",
    b"BLUETOOTH": "bluetooth",
}
_FAMILY_NUMBERS = {1: "unix", 2: "", 10: "6", 16: "netlink", 17: "packet", 38: "alg", 40: "vsock"}
_TYPES = ((b"SOCK_STREAM", "tcp"), (b"SOCK_DGRAM", "udp"), (b"SOCK_RAW", "raw"), (b"SOCK_SEQPACKET", "sctp"))
_TYPE_NUMBERS = {1: "tcp", 2: "udp", 3: "raw", 5: "sctp"}


def is_cloexec(effect: Effect, call: Call) -> bool:
    """Whether what the call creates closes on exec."""
    flag = effect.cloexec
    return flag if isinstance(flag, bool) else call.has(flag.arg, flag.word, flag.bit)


def socket_kind(call: Call) -> str:
    """The kind of socket that socket or socketpair makes, from family, type and protocol."""
    family = call.arg(0)
    name = _FAMILIES.get(family.rpartition(b"=")[2].partition(b" ")[0][3:])
    if name is None:
        name = _FAMILY_NUMBERS.get(a.number(family) or -1)
    if name is None:
        for word, meaning in _FAMILIES.items():
            if b"AF_" + word + b" " in family:
                name = meaning
    if name is None:
        return "socket"
    if len(name) > 1:
        return name
    kind = call.arg(1)
    for word, base in _TYPES:
        if word in kind:
            return base + name
    return _TYPE_NUMBERS.get(a.bits(kind) & 0xF, "socket") + name


def created(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    """The descriptors that a successful call of `Op.CREATE` made."""
    special = _SPECIAL.get(call.name)
    if special is not None:
        yield from special(effect, call, ret, note)
        return
    kind, target = effect.kind, None
    if effect.path is not None:
        path = a.string(call.arg(effect.path))
        target = None if path is None else a_text(path[0])
        if kind == "memfd" and target is not None:
            target = f"/memfd:{target}"
        elif kind == "file" and call.name != b"creat" and isinstance(effect.cloexec, Flag):
            if call.has(effect.cloexec.arg, b"O_DIRECTORY", 0x10000):
                kind = "dir"
    yield New(ret, note, kind, is_cloexec(effect, call), target)


def a_text(raw: bytes) -> str:
    """Bytes of an argument as text for tables; what is not UTF-8 stays visible."""
    return raw.decode("utf-8", "backslashreplace")


def _pair(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    socket = call.name == b"socketpair"
    found, _ = a.descriptors_in(call.arg(3 if socket else 0))
    kind = socket_kind(call) if socket else "pipe"
    cloexec = is_cloexec(effect, call)
    for fd, fd_note in found[:2] or [(HIDDEN, None)] * 2:
        yield New(fd, fd_note, kind, cloexec, via="open" if socket else "pipe")


def _socket(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    yield New(ret, note, socket_kind(call), is_cloexec(effect, call))


def _accept(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    listener = call.fd(0)
    peer = address(call.arg(1))
    yield New(ret, note, "socket", is_cloexec(effect, call), via="accept", peer=peer,
              source=None if listener is None else listener[0])


def _signalfd(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    first = call.fd(0)
    if first is None or first[0] < 0:
        yield New(ret, note, "signalfd", is_cloexec(effect, call))


def _landlock(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    flags = call.arg(2)
    if b"VERSION" not in flags and b"ERRATA" not in flags and not (a.number(flags) or 0):
        yield New(ret, note, "landlock", True)


def _bpf(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    if call.arg(0).partition(b" ")[0] in _BPF_CREATES:
        yield New(ret, note, "bpf", True)


def _seccomp(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    if call.has(1, b"SECCOMP_FILTER_FLAG_NEW_LISTENER", 8):
        yield New(ret, note, "seccomp", True)


_SPECIAL = {
    b"pipe": _pair,
    b"pipe2": _pair,
    b"socketpair": _pair,
    b"socket": _socket,
    b"accept": _accept,
    b"accept4": _accept,
    b"signalfd": _signalfd,
    b"signalfd4": _signalfd,
    b"landlock_create_ruleset": _landlock,
    b"bpf": _bpf,
    b"seccomp": _seccomp,
}


def control(call: Call, ret: int, note: bytes | None) -> Iterator[New | bool]:
    """What fcntl or ioctl did: a new descriptor, or the close-on-exec flag it set (True) or cleared."""
    command = call.arg(1)
    if call.name.startswith(b"fcntl"):
        yield from _fcntl(call, command, ret, note)
    elif b"FIONCLEX" in command or command.startswith(b"0x5450"):
        yield False
    elif b"FIOCLEX" in command or command.startswith(b"0x5451"):
        yield True
    elif any(word in command for word in _IOCTL_CREATES[:-1]):
        cloexec = b"TIOCGPTPEER" not in command or call.has(2, b"O_CLOEXEC", CLOEXEC_BIT)
        yield New(ret, note, "file" if b"KVM" not in command else "kvm", cloexec, via="ioctl")


def _fcntl(call: Call, command: bytes, ret: int, note: bytes | None) -> Iterator[New | bool]:
    raw = a.number(command)
    if b"F_DUPFD" in command or raw in (0, 1030):
        first = call.fd(0)
        cloexec = b"F_DUPFD_CLOEXEC" in command or raw == 1030
        yield New(ret, note, "unknown", cloexec, via="dup", source=None if first is None else first[0])
    elif b"F_SETFD" in command or raw == 2:
        yield call.has(2, b"FD_CLOEXEC", 1)


def may_create(call: Call) -> bool:
    """Whether an ioctl installs a descriptor that strace does not show."""
    return any(word in call.arg(1) for word in _IOCTL_HIDES)


def spawn_flags(call: Call) -> int:
    """The clone flags that matter here; fork and vfork share nothing."""
    if call.name == b"vfork":
        return CLONE_VM | CLONE_VFORK
    if call.name == b"fork":
        return 0
    text = b", ".join(call.args)
    flags = 0
    for value in a.members(text, b"flags"):
        words = value.partition(b",")[0]
        flags |= a.bits(words.partition(b"}")[0])
        break
    for word, bit in (
        (b"CLONE_VM", CLONE_VM),
        (b"CLONE_FILES", CLONE_FILES),
        (b"CLONE_VFORK", CLONE_VFORK),
        (b"CLONE_PIDFD", CLONE_PIDFD),
        (b"CLONE_THREAD", CLONE_THREAD),
        (b"CLONE_NEWPID", CLONE_NEWPID),
    ):
        if word in text and a.has_flag(text, word, 0):
            flags |= bit
    return flags


def spawn_pidfd(call: Call, flags: int) -> New | None:
    """The pidfd that clone or clone3 put into the caller's table."""
    if not flags & CLONE_PIDFD:
        return None
    text = b", ".join(call.args)
    name = b"pidfd" if call.name == b"clone3" else b"parent_tid"
    for value in a.members(text, name):
        found, _ = a.descriptors_in(value)
        if found:
            return New(found[0][0], found[0][1], "pidfd", True, via="pidfd")
    return None


def received(call: Call) -> tuple[list[tuple[int, bytes | None]], bool, bool]:
    """Descriptors that control messages brought, whether they close on exec, whether some are hidden."""
    text = b", ".join(call.args)
    cloexec = a.has_flag(call.arg(3 if call.name.startswith(b"recvmmsg") else 2), b"MSG_CMSG_CLOEXEC", 0x40000000)
    found, hidden = passed(text)
    return found, cloexec, hidden


def passed(text: bytes) -> tuple[list[tuple[int, bytes | None]], bool]:
    """Descriptors in the SCM_RIGHTS messages of a printed msghdr, all spellings; whether some are hidden."""
    text = _RAW_RIGHTS.sub(b"cmsg_type=SCM_RIGHTS,", text)
    found: list[tuple[int, bytes | None]] = []
    hidden = b"msg_control=0x" in text or b"msg_control=[...]" in text
    position = text.find(b"SCM_RIGHTS")
    while position >= 0:
        rest = text[position + 10 :].lstrip(b", ")
        if rest.startswith(b"cmsg_data="):
            data = rest[10:]
        elif rest.startswith(b"{"):
            data = b"[" + rest[1:].replace(b"}", b"]", 1)
        else:
            data = b""
        some, more = a.descriptors_in(data)
        found += some
        hidden = hidden or more
        position = text.find(b"SCM_RIGHTS", position + 10)
    return found, hidden


_RAW_RIGHTS = re.compile(rb"cmsg_level=0x1, cmsg_type=0x1,")


def pidfds_received(call: Call) -> list[tuple[int, bytes | None]]:
    """Pidfds that SCM_PIDFD messages brought."""
    text = b", ".join(call.args)
    found: list[tuple[int, bytes | None]] = []
    for part in text.split(b"SCM_PIDFD")[1:]:
        some, _ = a.descriptors_in(part.lstrip(b", ").removeprefix(b"cmsg_data="))
        found += some[:1]
    return found


def fanotify_events(call: Call) -> tuple[list[int], bool]:
    """Descriptors in the events that a read of a fanotify descriptor returned; whether the rest is hidden."""
    data = a.string(call.arg(1))
    if data is None:
        return [], True
    raw, cut = data
    found: list[int] = []
    position = 0
    while position + 24 <= len(raw):
        length = int.from_bytes(raw[position : position + 4], "little")
        fd = int.from_bytes(raw[position + 16 : position + 20], "little", signed=True)
        if fd >= 0:
            found.append(fd)
        if length < 24:
            break
        position += length
    if cut and position + 20 <= len(raw):
        fd = int.from_bytes(raw[position + 16 : position + 20], "little", signed=True)
        found += [fd] if fd >= 0 else []
    return found, cut


def address(text: bytes) -> str | None:
    """A printed sockaddr as `host:port`, `[v6]:port`, a path, or `@name` for an abstract socket."""
    host = None
    for marker in (b"inet_addr(", b"inet_pton(AF_INET6, "):
        position = text.find(marker)
        if position >= 0:
            found = a.string(text[position + len(marker) :])
            host = None if found is None else a_text(found[0])
    for value in a.members(text, b"sun_path"):
        found = a.string(value)
        if found is not None:
            return ("@" if value.startswith(b"@") else "") + a_text(found[0])
    if host is None:
        return None
    port = text.partition(b"port=htons(")[2].partition(b")")[0]
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port.decode()}" if port.isdigit() else shown


def socket_error(call: Call) -> bytes | None:
    """The error that getsockopt(SO_ERROR) reported: a name, b"" for none; None for other options."""
    if b"SO_ERROR" not in call.arg(2):
        return None
    value = call.arg(3).strip(b"[]")
    return b"" if value == b"0" else value


def peer_pidfd(call: Call) -> tuple[int, bytes | None] | None:
    """The pidfd that getsockopt(SO_PEERPIDFD) installed."""
    option = call.arg(2)
    if b"SO_PEERPIDFD" in option or option.startswith(b"0x4d "):
        found, _ = a.descriptors_in(call.arg(3))
        return found[0] if found else None
    return None


def nofile_limit(call: Call) -> int | None:
    """The soft RLIMIT_NOFILE that a limit call set or told; None for other limits."""
    text = b", ".join(call.args)
    if b"RLIMIT_NOFILE" not in text:
        return None
    wanted = None
    for value in a.members(text, b"rlim_cur"):
        wanted = value
    if wanted is None:
        return None
    factor = 1024 if wanted.partition(b",")[0].partition(b"}")[0].endswith(b"*1024") else 1
    value = a.number(wanted)
    return None if value is None else value * factor
