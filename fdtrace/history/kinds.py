"""Whether two sources speak of the same sort of file, when each names it in its own way."""

from __future__ import annotations

from ..readers import addresses
from ..readers.sheet import OpenFile
from .lives import Life

_CONNECTED = frozenset({"tcp", "tcp6"})
_SOCKETS = frozenset(
    "socket tcp tcp6 udp udp6 unix netlink packet raw raw6 sctp sctp6 icmp icmp6 vsock".split()
)
NUMBERED = _SOCKETS | {"pipe"}
"""What has an inode of its own: a file's is shared by all who open it, an anonymous one's by all."""
_NAMED = frozenset({"file", "dir", "char", "block", "mqueue", "memfd", "pipe"})


def agree(one: str, other: str) -> bool:
    """Whether a life's kind and a row's can be of one file."""
    if one == other or "unknown" in (one, other):
        return True
    if one in _SOCKETS and other in _SOCKETS:
        same = one.removesuffix("6") == other.removesuffix("6")
        return same or "socket" in (one, other)
    return one in _NAMED and other in _NAMED and "file" in (one, other)


def same_file(life: Life, row: OpenFile) -> bool:
    """Whether a row at a life's number can be it: by inode where both tell one, else by kind and ends."""
    if not agree(life.kind, row.kind):
        return False
    if life.inode is not None and row.inode is not None and life.kind in NUMBERED and row.kind in NUMBERED:
        return life.inode == row.inode
    elsewhere = _other_peer(life.peer, row.peer) or _other_port(life.local, row.local)
    return life.kind not in _CONNECTED or not elsewhere


def proven(life: Life, row: OpenFile) -> bool:
    """Whether a row is of this very file, as its inode says."""
    return life.kind in NUMBERED and life.inode is not None and life.inode == row.inode


def _other_peer(one: str | None, other: str | None) -> bool:
    return bool(one and other) and normal(one) != normal(other)


def _other_port(one: str | None, other: str | None) -> bool:
    if not one or not other:
        return False
    ports = {addresses.split(address)[1] for address in (one, other)}
    return len(ports) == 2 and not ports & {"0", "*", "", None}


def normal(address: str | None) -> str | None:
    """An address of a trace in the spelling of the snapshots."""
    if not address or address.startswith(("/", "@")):
        return address
    return addresses.endpoint(*addresses.split(address))


def same_row(one: OpenFile, other: OpenFile) -> bool:
    """Whether two looks show the same file at a number, maybe by two tools."""
    if not agree(one.kind, other.kind):
        return False
    return one.inode is None or other.inode is None or one.inode == other.inode
