"""What an annotation of `-y`, `-yy` or `-Y` says about a descriptor.

The text between the brackets: `/etc/passwd`, `pipe:[178736]`, `socket:[1]`,
`anon_inode:[eventpoll]`, `/dev/null<char 1:3>`, `TCP:[a:1->b:2]`,
`UNIX-STREAM:[1->2,"/run/x"]`, `{eventfd-count=0, …}`, `pid:12`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..kinds import ANONYMOUS, PROTOCOLS
from .args import unescape

_DETAILS = re.compile(rb"^([A-Z][\w/-]*):\[(.*)\]$", re.DOTALL)
_INODE = re.compile(rb"^(pipe|socket|pidfd):\[(\d+)\]$")
_UNIX = re.compile(rb'^(\d+)(?:->(\d+))?(?:,(@?".*"))?$', re.DOTALL)
_DEVICE = re.compile(rb"<(char|block) [^<>]*>$")
_CHARACTER = re.compile(
    r"/dev/(?:null|zero|full|random|urandom|tty|ptmx|console|kmsg|fuse|kvm|net/tun|(?:pts/|tty|ttyS|ttyUSB)\d+)"
)


@dataclass(frozen=True, slots=True)
class Note:
    """The file behind a descriptor as an annotation tells it; None where it does not."""

    kind: str
    target: str
    inode: int | None = None
    local: str | None = None
    peer: str | None = None
    peer_inode: int | None = None


@lru_cache(maxsize=1 << 14)
def read(note: bytes) -> Note:
    """The meaning of an annotation's text. Text that fits nothing is a path."""
    if note.startswith(b"\\x"):  # -xx: every byte of a path is hex
        note = unescape(note).replace(b"\\", b"\\\\")
    inode = _INODE.match(note)
    if inode is not None:
        return Note(inode.group(1).decode(), text(note), int(inode.group(2)))
    details = _DETAILS.match(note)
    if details is not None and note[:1].isupper():
        return _socket(text(details.group(1)), details.group(2))
    if note.startswith(b"anon_inode:"):
        name = text(note[11:]).strip("[]")
        family = name.split(":")[0]
        return Note(ANONYMOUS.get(family, family or "unknown"), text(note))
    if note.startswith(b"{eventfd-"):
        return Note("eventfd", "anon_inode:[eventfd]")
    if note.startswith(b"signalfd:["):
        return Note("signalfd", "anon_inode:[signalfd]")
    if note.startswith(b"pid:") and not note.startswith(b"pid:["):
        return Note("pidfd", text(note.partition(b"<")[0]))
    device = _DEVICE.search(note)
    path = unescape(note[: device.start()] if device else note)
    if path.startswith((b"/memfd:", b"/secretmem")):
        return Note("memfd", text(path).removesuffix(" (deleted)"))
    return Note(device[1].decode() if device else kind_of_path(text(path)), text(path))


def kind_of_path(path: str) -> str:
    """The kind of what a path names, as far as its name tells: char for devices of every Linux, else file.

    The names are those of the kernel's list of allocated devices (admin-guide/devices.txt).
    """
    return "char" if _CHARACTER.fullmatch(path) else "file"


def _socket(protocol: str, inside: bytes) -> Note:
    kind = PROTOCOLS.get(protocol, protocol.lower())
    whole = f"{protocol}:[{text(inside)}]"
    if kind == "unix":
        match = _UNIX.match(inside)
        if match is None:
            return Note(kind, whole)
        own, peer, name = match.groups()
        local = text(unescape(name.replace(b'"', b"", 1)[:-1])) if name else None
        return Note(kind, whole, int(own), local, None, int(peer) if peer else None)
    if inside.isdigit():
        return Note(kind, whole, int(inside))
    if kind == "netlink":
        return Note(kind, whole)
    local, arrow, peer = text(inside).partition("->")
    return Note(kind, whole, None, _address(kind, local), _address(kind, peer) if arrow else None)


def _address(kind: str, printed: str) -> str:
    """Host and port; strace before 4.22 left the brackets of IPv6 addresses out."""
    if not kind.endswith("6") or printed.startswith("["):
        return printed
    host, _, port = printed.rpartition(":")
    return f"[{host}]:{port}"


def text(raw: bytes) -> str:
    r"""Bytes as text for tables; what is not UTF-8 stays visible as `\xNN`."""
    return raw.decode("utf-8", "backslashreplace")
