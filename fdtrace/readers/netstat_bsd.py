"""Rows of netstat on BSD and macOS: ports behind a dot, addresses of kernel structures, other columns.

Addresses are cut to the width of their column, which takes the end of the port
first: a port that may be cut is not known.
"""

from __future__ import annotations

import re

from . import addresses
from .addresses import CUT, Endpoint
from .sheet import Socket

_ROW = re.compile(
    r"[\s>]*(?:(?:0x)?[0-9a-f]{8,16}\s+(?:[0-9a-f]{1,8}\s+)?)?(tcp|udp|udplite|icm|ip|div|sctp|raw)(4|6|46)?"
    r"((?:\s+\d{1,10}){0,3})\s+(\S{1,300}[.:]\S{1,64})\s+(\S{1,300}[.:]\S{1,64})(?:\s+(.*))?$"
)
_UNIX = re.compile(
    r"[\s>]*(?:0x)?[0-9a-f]{8,16}\s+(?:stream|dgram|seqpac\w*|rdm)\s+(\d{1,10})\s+(\d{1,10})"
    r"(?:\s+(?:0x)?[0-9a-f]{1,16}){4}(?:\s+(\S.*))?$"
)
_WIDTHS = (18, 22)
"""Characters of an address with its port, with and without -A."""
_HOST_WIDTH = 16
"""Characters of an IPv6 host (without -W)."""
_STATE = re.compile(r"([A-Z][A-Z_]{3,11}\d?(?:_[12])?)(?=\s|$)")
_PROCESS = re.compile(r"(?:\d+\s+){2,4}(\S.*?):(\d{1,9})\s+[0-9a-f]{3,}")
_PID = re.compile(r"\d+\s+\d+\s+(\d{1,9})\s+\d+(?:\s|$)")


class Columns:
    """What the heading says about the rows under it."""

    def __init__(self, heading: str = "") -> None:
        local, foreign = heading.find("Local Address"), heading.find("Foreign Address")
        self.widths = (foreign - local - 1,) if 0 <= local < foreign else _WIDTHS
        self.queues = "Rexmit" not in heading
        """Whether the numbers before the addresses are queues (-T shows others)."""
        self.pid = bool(re.search(r"\bpid\s+epid\b", heading))
        self.process = "process:pid" in heading


def is_dotted(address: str) -> bool:
    """Whether the port stands behind a dot: no colon, or a dot behind the last one."""
    _, colon, port = address.rpartition(":")
    return "." in port if colon else "." in address


def inet(text: str, columns: Columns, empty: Socket) -> Socket | None:
    """The row as a socket, or None when it has another form."""
    found = _ROW.match(text)
    if not found or not (is_dotted(found[4]) and is_dotted(found[5])):
        return None
    proto, version, numbers, mine, theirs, rest = found.groups()
    queues = [int(number) for number in numbers.split()]
    if columns.queues and len(queues) >= 2:
        empty.recv_q, empty.send_q = queues[:2]
    local, peer = _end(mine, columns), _end(theirs, columns)
    empty.proto = "icmp" if proto == "icm" else proto
    six = version in ("6", "46") or local.six or peer.six
    empty.family = "inet6" if six else "inet"
    empty.local, empty.local_addr, empty.local_port = local.text, local.addr, local.port
    if peer.text != "*:*":
        empty.peer, empty.peer_addr, empty.peer_port = peer.text, peer.addr, peer.port
    rest = rest or ""
    if state := _STATE.match(rest):
        empty.state = addresses.state(state[1])
        rest = rest[state.end() :].lstrip()
    _holder(rest, columns, empty)
    return empty


def _end(text: str, columns: Columns) -> Endpoint:
    """One address; what its column was too narrow for is marked as cut."""
    host, port = addresses.split_dotted(text)
    whole = addresses.joined(host, port)
    host_cut = whole.six and len(host) == _HOST_WIDTH
    port_cut = len(text) in columns.widths and port != "*"
    if not (host_cut or port_cut):
        return whole
    plain = whole.addr + CUT * host_cut
    shown = f"{f'[{plain}]' if ':' in plain else plain}:{port}{CUT * port_cut}"
    return Endpoint(shown, plain, None if port_cut else whole.port, whole.six)


def _holder(rest: str, columns: Columns, row: Socket) -> None:
    """The process, which macOS shows with -v."""
    if columns.process and (found := _PROCESS.match(rest)):
        row.program, row.pid = found[1], int(found[2]) or None
    elif columns.pid and (found := _PID.match(rest)):
        row.pid = int(found[1]) or None


def unix(text: str, empty: Socket) -> Socket | None:
    """A row of the block of unix sockets. Its numbers are addresses in the kernel, not inodes."""
    found = _UNIX.match(text)
    if not found:
        return None
    empty.proto = empty.family = "unix"
    empty.recv_q, empty.send_q = int(found[1]), int(found[2])
    empty.path = found[3].rstrip() if found[3] else None
    return empty
