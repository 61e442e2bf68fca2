"""The kind of a file, in the words of `fds.kind`, from what lsof or a link of /proc says of it.

file dir char block pipe tcp tcp6 udp udp6 unix netlink packet raw … socket
(protocol not known) eventfd epoll timerfd signalfd inotify memfd pidfd … unknown.
"""

from __future__ import annotations

ANONYMOUS: dict[str, str] = {
    "eventpoll": "epoll",
    "eventfd": "eventfd",
    "timerfd": "timerfd",
    "signalfd": "signalfd",
    "inotify": "inotify",
    "fanotify": "fanotify",
    "pidfd": "pidfd",
    "io_uring": "io_uring",
    "userfaultfd": "userfaultfd",
    "perf_event": "perf",
    "bpf-map": "bpf",
    "bpf-prog": "bpf",
    "bpf_link": "bpf",
    "btf": "bpf",
    "fscontext": "fscontext",
    "landlock-ruleset": "landlock",
    "seccomp notify": "seccomp",
}
"""Files without a name, by what the kernel writes behind `anon_inode:`."""

PROTOCOLS: dict[str, str] = {
    "TCP": "tcp",
    "TCPv6": "tcp6",
    "UDP": "udp",
    "UDPv6": "udp6",
    "UNIX": "unix",
    "UNIX-STREAM": "unix",
    "UNIX-DGRAM": "unix",
    "UNIX-SEQPACKET": "unix",
    "NETLINK": "netlink",
    "PACKET": "packet",
    "RAW": "raw",
    "RAWv6": "raw6",
    "PING": "icmp",
    "PINGv6": "icmp6",
    "SCTP": "sctp",
    "SCTPv6": "sctp6",
}
"""Sockets, by the kernel's name of their protocol (system.sockprotoname)."""

_TYPES: dict[str, str] = {
    **dict.fromkeys(("REG", "VREG", "DEL", "LINK", "VLNK"), "file"),
    **dict.fromkeys(("DIR", "VDIR"), "dir"),
    **dict.fromkeys(("CHR", "VCHR", "VMPC", "MPC"), "char"),
    **dict.fromkeys(("BLK", "VBLK", "MPB"), "block"),
    **dict.fromkeys(("FIFO", "PIPE", "VFIFO"), "pipe"),
    **dict.fromkeys(("sock", "SOCK", "VSOC", "systm", "ndrv", "key", "rte", "lla", "ppp", "STSO"), "socket"),
    "unix": "unix",
    "netlink": "netlink",
    "pack": "packet",
    "raw": "raw",
    "raw6": "raw6",
    "icmp": "icmp",
    "sctp": "sctp",
    "ax25": "ax25",
    "ipx": "ipx",
    "ATALK": "appletalk",
    "x.25": "x25",
    "KQUEUE": "kqueue",
    "EVENTFD": "eventfd",
    "PROCDSC": "pidfd",
    "PSXMQ": "mqueue",
    "PSXSHM": "shm",
    "PSXSEM": "sem",
    "DOOR": "door",
    "PORT": "port",
}
_INTERNET = {"IPv4": "", "inet": "", "IPv6": "6"}


def kind_of(type_: str, name: str, proto: str = "") -> str:
    """The kind of a row of lsof from its TYPE and NAME, and what NODE says of the protocol."""
    family = _INTERNET.get(type_)
    if family is not None:
        return proto.lower() + family if proto else "socket"
    if type_ == "REG":
        return _without_path(name) if name[:7] in ("/memfd:", "[pidfd]", "[pidfd:", "/secret") else "file"
    if type_ in ("a_inode", "0000", "unknown"):
        return _anonymous(name.removeprefix("anon_inode:"))
    if type_ == "sock" and name.startswith("protocol: "):
        return protocol(name[10:].split(" ")[0])
    return _TYPES.get(type_, "unknown")


def kind_of_target(target: str) -> str:
    """The kind that a link of /proc/PID/fd tells: a path is a file, `socket:[1]` a socket of any protocol."""
    if target.startswith("/"):
        return _without_path(target)
    family = target.partition(":")[0]
    if family in ("socket", "pipe", "pidfd"):
        return family
    if family == "anon_inode":
        return _anonymous(target[11:])
    return "file" if target.endswith("]") and ":[" in target else "unknown"


def protocol(name: str) -> str:
    """The kind of a socket whose protocol the kernel calls so: `TCPv6`, `UNIX-STREAM`."""
    return PROTOCOLS.get(name, name.lower()) or "socket"


def _anonymous(name: str) -> str:
    """From `[eventpoll:5,7]`, `inotify`, `[eventfd]`; nothing more than `anon_inode` is unknown."""
    family = name.strip("[]").partition(":")[0]
    return (
        "unknown" if family == "anon_inode" or "/" in family else ANONYMOUS.get(family, family or "unknown")
    )


def _without_path(name: str) -> str:
    if name.startswith(("/memfd:", "/secretmem")):
        return "memfd"
    return "pidfd" if name.startswith("[pidfd") else "file"
