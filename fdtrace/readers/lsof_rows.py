"""What the cells of one row of lsof mean, whatever form they were printed in.

Which cell holds a socket's inode depends on the type: DEVICE for IPv4, IPv6 and
packet sockets of Linux, NODE for all others. The inode of an anonymous file
(eventfd, epoll …) is one and the same for the whole system and is left out.
"""

from __future__ import annotations

import re
from functools import lru_cache

from . import addresses, kinds
from .sheet import OpenFile

LARGEST = (1 << 63) - 1
LARGEST_ID = (1 << 31) - 1
"""Process numbers and descriptors are 32 bits wide."""

Slot = tuple[int | None, str | None, str | None, str | None]
"""Descriptor number, slot, mode and lock."""

_NUMBERED = re.compile(r"(\d{1,10}|\*\d{3})([rwu-]?)([rRwWuUxXN-]?)$")
_WORD = re.compile(
    r"(cwd|rtd|txt|mem|mmap|DEL|NOFD|err|ltx|pd|tr|jld|fp\.|v86|m86|ctty|twd|[LM]\d{1,3})"
    r"(?:[rwu-]([rRwWuUxXN])?)?$"
)
_ESCAPED = re.compile(r"(?:\\x[0-9a-f]{2})+")
_STATE = re.compile(r"\(([A-Z][A-Z_0-9]*)(?: [A-Z]{2}=[^()]*)?\)$")
_RAW_STATE = re.compile(r" st=([0-9A-F]{2})$")
_RAW_STATES = {"01": "ESTABLISHED", "07": "CLOSE"}
_PROGRAM = re.compile(r"(:[^:\[\]]+)\[[^\[\]]*\]$")
_INTERNET = frozenset({"IPv4", "IPv6", "inet"})
_IN_DEVICE = _INTERNET | {"pack"}
_STATEFUL = _INTERNET | {"unix", "raw", "raw6", "sock"}
_CLOEXEC = 0x80000


@lru_cache(maxsize=1 << 14)
def slot(cell: str) -> Slot | None:
    """The FD cell: `12u`, `4wW`, `3`, `*345r`, `cwd`, `mem-W`; None for a text that is none."""
    if word := _WORD.match(cell):
        return None, word[1], None, word[2]
    found = _NUMBERED.match(cell)
    if found is None:
        return None
    number, mode, lock = found.groups()
    fd = None if number[0] == "*" else int(number)
    if fd is not None and fd > LARGEST_ID:
        return None
    return fd, "fd", mode or None, None if lock in ("", "-") else lock


def open_file(
    file: str,
    line: int,
    command: str | None,
    pid: int | None,
    user: str | None,
    held: Slot,
    type_: str,
    device: str,
    size_or_offset: str,
    node: str,
    name: str,
) -> OpenFile:
    """The record of one row. Blank cells are empty texts; `node` is an inode or a protocol.

    Which snapshot it belongs to is settled later.
    """
    fd, where, mode, lock = held
    inode = node if node.isdecimal() else None
    proto = "" if inode or type_ not in _INTERNET else node
    kind = kinds.kind_of(type_, name, proto)
    row = OpenFile(0, file, line, kind, command, pid, None, None, user, fd, where, mode, lock)
    row.type, row.device = type_ or None, device or None
    if type_ in _IN_DEVICE:
        inode = device if device.isdecimal() else None
    elif type_ == "a_inode":
        inode = None
    if inode is not None:
        row.inode = whole(inode)
    if size_or_offset:
        _measure(row, size_or_offset)
    row.name = name or None
    if type_ in _STATEFUL:
        _socket(row, type_, name.rstrip(), kind)
    elif kind in ("packet", "netlink", "icmp", "sctp"):
        row.proto = kind
    if where == "DEL" or name.endswith(" (deleted)") or " (deleted) (" in name:
        row.deleted = True
    return row


def whole(text: str) -> int | None:
    """A number that fits a table's 64 bits; None for any other text."""
    if not text.isdecimal() or len(text) > 19:
        return None
    number = int(text)
    return number if number <= LARGEST else None


def offset(text: str) -> int | None:
    """A position in a file: `0t512`, `0x200`."""
    try:
        number = int(text[2:], 10 if text.startswith("0t") else 16)
    except ValueError:
        return None
    return number if 0 <= number <= LARGEST else None


def _measure(row: OpenFile, cell: str) -> None:
    """SIZE/OFF is a size when it is a plain number, else a position; of `1.2K` (-H) nothing is exact."""
    if cell[:2] in ("0t", "0x"):
        row.offset_bytes = offset(cell)
    else:
        row.size_bytes = whole(cell.removesuffix("B"))


def _socket(row: OpenFile, type_: str, name: str, kind: str) -> None:
    """Protocol, addresses and state, from NAME."""
    row.proto = None if kind in ("socket", "unknown") else kind.removesuffix("6")
    if name.endswith(")") and type_ != "sock":
        found = _STATE.search(name, max(0, len(name) - 120))
        row.state = addresses.state(found[1]) if found else None
    if type_ in _INTERNET:
        row.local, row.peer = ends(name.partition(" ")[0])
    elif type_ == "unix":
        row.local = _path(name)
    elif found := _RAW_STATE.search(name, max(0, len(name) - 8)):
        row.state = _RAW_STATES.get(found[1])


@lru_cache(maxsize=1 << 14)
def ends(text: str) -> tuple[str | None, str | None]:
    """Both addresses of `127.0.0.1:5->[::1]:80`; the second is None where there is no arrow."""
    local, arrow, peer = text.partition("->")
    return _end(local), _end(peer) if arrow else None


def _end(text: str) -> str | None:
    """One address; of `111[sunrpc]` (+M) the port alone."""
    if text[-1:] == "]":
        text = _PROGRAM.sub(r"\1", text)
    host, port = addresses.split(text)
    return addresses.endpoint(host, port) if port else None


def _path(name: str) -> str | None:
    """Path or abstract name of a unix socket; None for one that has none."""
    path = name.partition(" type=")[0].partition(" ->")[0]
    if name.startswith(("type=", "->", "socket", "0x", "(")) or not path:
        return None
    return _STATE.sub("", path).rstrip()


@lru_cache(maxsize=1 << 12)
def command(text: str) -> str:
    r"""The name of a program with its blanks and foreign letters: `my\x20app` is `my app`."""
    if "\\x" not in text:
        return text
    return _ESCAPED.sub(_unescaped, text)


def _unescaped(found: re.Match[str]) -> str:
    plain = bytes.fromhex(found[0].replace("\\x", "")).decode("utf-8", "backslashreplace")
    return plain if plain.isprintable() else found[0]


@lru_cache(maxsize=1 << 10)
def cloexec(flags: str) -> bool | None:
    """Whether FILE-FLAG (`RW,CX`, `0x80002;0x0`) has close-on-exec; None where it says nothing."""
    if not flags:
        return None
    own, _, more = flags.partition(";")
    if own.startswith("0x"):
        try:
            return bool(int(own, 16) & _CLOEXEC) or bool(int(more or "0", 16) & 1)
        except ValueError:
            return None
    return "CX" in re.split("[,;]", flags)
