"""What the arguments of a call say about the descriptors that it makes, passes or finds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..readers.strace import args as a
from ..readers.strace import notes
from ..readers.strace.args import Call
from .effects import (
    CLOEXEC_BIT,
    CLONE_FILES,
    CLONE_NEWPID,
    CLONE_PIDFD,
    CLONE_THREAD,
    CLONE_VFORK,
    CLONE_VM,
    HIDDEN,
    Effect,
    Flag,
    New,
    is_cloexec,
)
from .sockets import address

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
    b"_IOC(_IOC_NONE, 0xff, 0x",
)
_TIOCGPTPEER = 0x5441
_IOCTL_NUMBERS = frozenset(
    {_TIOCGPTPEER, 0xB701, 0xB702, 0xB70B, 0xB70C, 0x894C, 0x54E3, 0xAE01, 0xAE41, 0xAECE, 0xAA00}
    | set(range(0xFF01, 0xFF0B))
)
"""The same commands as -X raw prints them."""
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
    b"""BPF_MAP_CREATE BPF_PROG_LOAD BPF_OBJ_GET BPF_PROG_GET_FD_BY_ID BPF_MAP_GET_FD_BY_ID
    BPF_BTF_GET_FD_BY_ID BPF_LINK_GET_FD_BY_ID BPF_RAW_TRACEPOINT_OPEN BPF_BTF_LOAD BPF_LINK_CREATE
    BPF_ENABLE_STATS BPF_ITER_CREATE BPF_TOKEN_CREATE""".split()
)
_BPF_NUMBERS = frozenset({0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36})
"""The same commands as -X raw prints them."""

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
        target = None if path is None else notes.text(path[0])
        if kind == "memfd" and target is not None:
            target = f"/memfd:{target}"
        elif isinstance(effect.cloexec, Flag):
            kind, target = _opened(call, effect.cloexec.arg, kind, target)
    yield New(ret, note, kind, is_cloexec(effect, call), target)


def _opened(call: Call, flags: int, kind: str, target: str | None) -> tuple[str, str | None]:
    """What the flags of an open say: a directory, or (O_TMPFILE) a file without a name in one."""
    if call.has(flags, b"O_TMPFILE", 0x400000):
        return kind, None if target is None else f"{target.rstrip('/')}/#*"
    if call.has(flags, b"O_DIRECTORY", 0x10000):
        return "dir", target
    return kind if target is None else notes.kind_of_path(target), target


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
    yield New(
        ret,
        note,
        "socket",
        is_cloexec(effect, call),
        via="accept",
        peer=peer,
        source=None if listener is None else listener[0],
    )


def _signalfd(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    first = call.fd(0)
    if first is None or first[0] < 0:
        yield New(ret, note, "signalfd", is_cloexec(effect, call))


def _landlock(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    flags = call.arg(2)
    if b"VERSION" not in flags and b"ERRATA" not in flags and not (a.number(flags) or 0):
        yield New(ret, note, "landlock", True)


def _bpf(effect: Effect, call: Call, ret: int, note: bytes | None) -> Iterator[New]:
    command = call.arg(0)
    if command.partition(b" ")[0] in _BPF_CREATES or a.number(command) in _BPF_NUMBERS:
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
    elif b"PIDFD_GET_INFO" not in command and (
        any(word in command for word in _IOCTL_CREATES) or a.number(command) in _IOCTL_NUMBERS
    ):
        peer = b"TIOCGPTPEER" in command or a.number(command) == _TIOCGPTPEER
        cloexec = not peer or call.has(2, b"O_CLOEXEC", CLOEXEC_BIT)
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


def spawn_pidfd(call: Call) -> New | None:
    """The pidfd that a clone or clone3 with CLONE_PIDFD put into the caller's table."""
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
    cloexec = a.has_flag(
        call.arg(3 if call.name.startswith(b"recvmmsg") else 2), b"MSG_CMSG_CLOEXEC", 0x40000000
    )
    found, hidden = passed(text)
    return found, cloexec, hidden


def passed(text: bytes) -> tuple[list[tuple[int, bytes | None]], bool]:
    """Descriptors in the SCM_RIGHTS messages of a printed msghdr, all spellings; whether some are hidden."""
    text = _RAW_RIGHTS.sub(b"cmsg_type=SCM_RIGHTS,", text)
    found: list[tuple[int, bytes | None]] = []
    hidden = b"msg_control=0x" in text or b"msg_control=[...]" in text
    position = text.find(b"SCM_RIGHTS")
    while position >= 0:
        rest = text[position + 10 :].lstrip(b", */")  # the word may stand in a comment
        if rest.startswith(b"cmsg_data="):
            data = rest[10:]
        elif rest.startswith(b"{"):
            data = b"[" + rest[1:].replace(b"}", b"]", 1)
        else:
            data = b""
        some, more = a.descriptors_in(data)
        found += some
        if more:
            found += [(HIDDEN, None)] * (_carried(text, position) - len(some))
        hidden = hidden or more
        position = text.find(b"SCM_RIGHTS", position + 10)
    return found, hidden


_PIDFD_MESSAGE = re.compile(rb"SCM_PIDFD|cmsg_type=0x4(?: /\* SCM_\?\?\? \*/)?(?=[,}])")
_CONTROL_LENGTH = re.compile(rb"cmsg_len=(\d{1,6})")


def _carried(text: bytes, position: int) -> int:
    """How many descriptors a control message has room for: 16 bytes of header, then 4 for each."""
    lengths = _CONTROL_LENGTH.findall(text, 0, position)
    return max(0, int(lengths[-1]) - 16) // 4 if lengths else 0


_FAN_PIDFD = 4
_RAW_RIGHTS = re.compile(rb"cmsg_level=0x1, cmsg_type=0x1,")


def pidfds_received(call: Call) -> list[tuple[int, bytes | None]]:
    """Pidfds that SCM_PIDFD messages brought."""
    text = b", ".join(call.args)
    found: list[tuple[int, bytes | None]] = []
    for part in _PIDFD_MESSAGE.split(text)[1:]:
        data = part.lstrip(b", ").removeprefix(b"cmsg_data=")
        some, _ = a.descriptors_in(data if data.startswith(b"[") else b"[" + data.partition(b"}")[0] + b"]")
        found += some[:1] or [(HIDDEN, None)]
    return found


def fanotify_events(call: Call) -> tuple[list[tuple[int, bool]], bool]:
    """Descriptors in the events that a read of a fanotify descriptor returned; whether the rest is hidden.

    Each comes with whether it is a pidfd (FAN_REPORT_PIDFD).
    """
    data = a.string(call.arg(1))
    if data is None:
        return [], True
    raw, cut = data
    found: list[tuple[int, bool]] = []
    position = 0
    while position + 24 <= len(raw):
        length = int.from_bytes(raw[position : position + 4], "little")
        fd = int.from_bytes(raw[position + 16 : position + 20], "little", signed=True)
        if fd >= 0:
            found.append((fd, False))
        if length < 24:
            break
        position += length
        found += [(pidfd, True) for pidfd in _pidfds(raw[position - length + 24 : position])]
    if cut and position + 20 <= len(raw):
        fd = int.from_bytes(raw[position + 16 : position + 20], "little", signed=True)
        found += [(fd, False)] if fd >= 0 else []
    return found, cut


def _pidfds(records: bytes) -> list[int]:
    """Pidfds in the information records of a fanotify event (FAN_REPORT_PIDFD)."""
    found, position = [], 0
    while position + 8 <= len(records):
        length = int.from_bytes(records[position + 2 : position + 4], "little")
        if records[position] == _FAN_PIDFD:
            fd = int.from_bytes(records[position + 4 : position + 8], "little", signed=True)
            found += [fd] if fd >= 0 else []
        if length < 4:
            break
        position += length
    return found


def passes_cloexec(call: Call) -> bool:
    """Whether what a fanotify descriptor will deliver closes on exec (event_f_flags)."""
    return call.has(1, b"O_CLOEXEC", CLOEXEC_BIT)


_SO_PEERPIDFD = 77


def peer_pidfd(call: Call) -> tuple[int, bytes | None] | None:
    """The pidfd that getsockopt(SO_PEERPIDFD) installed."""
    option = call.arg(2)
    if b"SO_PEERPIDFD" in option or a.number(option) == _SO_PEERPIDFD:
        found, _ = a.descriptors_in(call.arg(3))
        return found[0] if found else None
    return None


def nofile_limit(call: Call) -> int | None:
    """The soft RLIMIT_NOFILE that a limit call set or told; None for other limits."""
    text = b", ".join(call.args)
    if b"RLIMIT_NOFILE" not in text:
        return None
    wanted = None
    for member in a.members(text, b"rlim_cur"):
        wanted = member
    if wanted is None:
        return None
    first = wanted.partition(b",")[0].partition(b"}")[0]
    value = a.number(first)
    return value if value is None else value * (1024 if first.endswith(b"*1024") else 1)
