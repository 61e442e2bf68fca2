r"""Tables of /proc/net (and /proc/PID/net): tcp, udp, udplite, raw, icmp, unix, netlink, packet.

Addresses are printed as hexadecimal words in the byte order of the machine.
Little-endian is taken, as on x86 and arm64; a table of a big-endian machine
(s390x) cannot be told from it, only its 127.0.0.1 stands out, and is remarked.

The tables of udp and raw have the same columns. Which one it is, is told by the
file's name or a heading; else a port of 256 and more, which is no number of a
protocol, tells udp, and `proto` stays empty for the others.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import lru_cache

from . import addresses
from .sheet import Sheet, Socket

_ROW = re.compile(
    r"\s*(?P<sl>\d+): (?P<local>[0-9A-F]{8}(?:[0-9A-F]{24})?):(?P<lport>[0-9A-F]{4})"
    r" (?P<peer>[0-9A-F]{8}(?:[0-9A-F]{24})?):(?P<pport>[0-9A-F]{4}) (?P<state>[0-9A-F]{2})"
    r" (?P<tx>[0-9A-F]{8}):(?P<rx>[0-9A-F]{8}) (?P<timer>\d\d):(?P<when>[0-9A-F]{8,16})"
    r" (?P<retrans>[0-9A-F]{8})"
    r"\s+(?P<uid>\d+)\s+\d+\s+(?P<inode>\d+)(?P<rest>(?:\s+\S+){0,9})\s*$"
)
_CUT_ROW = re.compile(r"\s*\d+: [0-9A-F]{8}(?:[0-9A-F]{24})?:[0-9A-F]{0,4}\b")
_UNIX = re.compile(
    r"(?:[0-9a-fA-F]{8,16}|\(null\)|0+): (?P<refs>[0-9A-F]{8}) (?P<proto>[0-9A-F]{8}) (?P<flags>[0-9A-F]{8})"
    r" (?P<type>[0-9A-F]{4}) (?P<state>[0-9A-F]{2}) +(?P<inode>-?\d+)(?: (?P<path>.*))?$"
)
_HEADER = re.compile(r"\s*sl\s+local_address\s+rem(?:ote)?_address\s+st\b")
_COLUMNS = re.compile(r"sk\s+(?:Eth|RefCnt)\s")
_CELLS = re.compile(r"[0-9a-fA-F]{8,16}\s+-?\d+\s")

_STATES = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "03": "SYN_RECV",
    "04": "FIN_WAIT1",
    "05": "FIN_WAIT2",
    "06": "TIME_WAIT",
    "07": "CLOSE",
    "08": "CLOSE_WAIT",
    "09": "LAST_ACK",
    "0A": "LISTEN",
    "0B": "CLOSING",
    "0C": "SYN_RECV",
    "0D": "BOUND_INACTIVE",
}
_UNIX_STATES = {"01": "UNCONN", "02": "CONNECTING", "03": "CONNECTED", "04": "DISCONNECTING"}
_LISTENS = 0x10000
_TIMERS = {"01": "on", "02": "keepalive", "03": "timewait", "04": "persist"}
_TICKS = 100
"""What the kernel tells programs in ticks is in hundredths of a second, whatever its own clock (USER_HZ)."""

_NETLINK = {
    0: "rtnl",
    4: "tcpdiag",
    5: "nflog",
    6: "xfrm",
    7: "selinux",
    8: "iscsi",
    9: "audit",
    10: "fiblookup",
    11: "connector",
    12: "nft",
    14: "dec-rt",
    15: "uevent",
    16: "genl",
    18: "scsi-trans",
    19: "ecryptfs",
    20: "rdma",
    21: "crypto",
}
"""Protocols of netlink by the names that ss prints."""

_BIG_ENDIAN = "1.0.0.127: on a big-endian machine this is 127.0.0.1, and all addresses here are reversed"

_PROTOCOLS = frozenset({"tcp", "udp", "udplite", "raw", "icmp"})


class Tables:
    """The rows of these tables, one after the other. `again` begins a new snapshot, with line and reason."""

    def __init__(self, sheet: Sheet, again: Callable[[int, str], None]) -> None:
        self._sheet = sheet
        self._again = again
        self._named: str | None = None
        """The table's name as a heading or the file's name tells it: tcp, udp6."""
        self._dgram = False
        self._udp = False
        self._columns: list[str] = []
        self._slot = -1
        self._family = 0
        self._seen: set[str] = set()
        self._big_endian = False

    def named(self, name: str | None) -> None:
        """A path has told which table follows."""
        self._named = name
        self._slot = -1

    def afresh(self) -> None:
        """Another snapshot has begun."""
        self._seen.clear()
        self._slot = -1

    def line(self, number: int, text: str) -> str | None:
        """None: taken. "": not of these tables. Else the reason why a row cannot be used."""
        if found := _ROW.match(text):
            self._internet(number, found)
        elif found := _UNIX.match(text):
            self._unix(number, found)
        elif self._columns and _CELLS.match(text):
            return self._cells(number, text.split())
        elif _HEADER.match(text):
            self._dgram = "drops" in text or " ref " in text
            # Only the kernel's header of udp (IPv4) is filled up with blanks, and indented by one more.
            self._udp = self._dgram and text.startswith("   sl")
            self._begin(number, f"{text[:4]}{self._dgram}{'remote' in text}")
        elif text.startswith("Num ") and text.split()[1:2] == ["RefCount"]:
            self._begin(number, "unix")
        elif _COLUMNS.match(text):
            self._columns = text.split()
            self._begin(number, self._columns[1])
        elif _CUT_ROW.match(text):
            return "a row of /proc/net that is cut off or overwritten"
        else:
            return ""
        return None

    def _begin(self, number: int, table: str) -> None:
        """A header: of a table that this snapshot has already, it begins another snapshot."""
        self._slot = -1
        key = f"{self._named}{table}"
        if key in self._seen:
            self._again(number, "the table comes")
        self._seen.add(key)

    def _internet(self, number: int, found: re.Match[str]) -> None:
        words = found.groups()
        slot, family = int(words[0]), len(words[1])
        if slot < self._slot and family == self._family:
            self._again(number, "the table begins")
        self._slot, self._family = slot, family
        local, peer, lport, pport = host(words[1]), host(words[3]), int(words[2], 16), int(words[4], 16)
        if words[1] == "7F000001":
            self._remark_order(number)
        row = Socket(self._sheet.snapshot, self._sheet.file, number, self._protocol(lport, words[13]))
        row.family = "inet" if family == 8 else "inet6"
        row.local, row.local_addr, row.local_port = addresses.endpoint(local, lport), local, lport or None
        if pport or peer != "*":
            row.peer, row.peer_addr, row.peer_port = addresses.endpoint(peer, pport), peer, pport or None
        row.state = _STATES.get(words[5]) or words[5]
        # The size of a listener's backlog is not in this table: a 0 stands there.
        row.send_q = None if row.state == "LISTEN" else int(words[6], 16)
        row.recv_q = int(words[7], 16)
        row.timer = _TIMERS.get(words[8])
        row.timer_s = int(words[9], 16) / _TICKS if row.timer else None
        row.retrans = int(words[10], 16)
        # A socket that belongs to nobody is printed with the owner and the inode 0.
        row.inode = int(words[12]) or None
        row.uid = int(words[11]) if row.inode else None
        self._sheet.sockets.append(row)

    def _protocol(self, port: int, rest: str) -> str | None:
        """The protocol of a row, by the table's name, else by the header and what stands behind the inode."""
        name = (self._named or "").rstrip("6")
        if name in _PROTOCOLS:
            return name
        if not self._dgram and len(rest.split()) != 3:
            return "tcp"
        return "udp" if self._udp or port > 255 else None

    def _remark_order(self, number: int) -> None:
        if not self._big_endian:
            self._sheet.problem(number, _BIG_ENDIAN, lines=0)
        self._big_endian = True

    def _unix(self, number: int, found: re.Match[str]) -> None:
        listens = int(found["flags"], 16) & _LISTENS
        state = "LISTENING" if listens else _UNIX_STATES.get(found["state"])
        self._sheet.sockets.append(
            Socket(
                snapshot=self._sheet.snapshot,
                file=self._sheet.file,
                line=number,
                proto="unix",
                family="unix",
                state=addresses.state(state) if state else None,
                inode=int(found["inode"]) or None,
                path=found["path"] or None,
            )
        )

    def _cells(self, number: int, cells: list[str]) -> str | None:
        """A row of netlink or packet, by the columns of its header."""
        row = dict(zip(self._columns, cells, strict=False))
        netlink = "Eth" in row
        numbers = ("Eth", "Pid") if netlink else ("RefCnt", "Type")
        if len(cells) < len(self._columns) or not all(row[name].lstrip("-").isdecimal() for name in numbers):
            return "a row of /proc/net with fewer cells than its header"
        self._sheet.sockets.append(
            Socket(
                snapshot=self._sheet.snapshot,
                file=self._sheet.file,
                line=number,
                proto="netlink" if netlink else "packet",
                family="netlink" if netlink else "packet",
                recv_q=_whole(row.get("Rmem")),
                send_q=_whole(row.get("Wmem")),
                local=_netlink(int(row["Eth"]), int(row["Pid"])) if netlink else None,
                uid=_whole(row.get("User")),
                inode=_whole(row.get("Inode")) or None,
            )
        )
        return None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _netlink(protocol: int, port: int) -> str:
    """Protocol and port as ss prints them; the port is chosen by the program, by habit its pid."""
    return f"{_NETLINK.get(protocol, protocol)}:{'kernel' if port == 0 else port}"


@lru_cache(maxsize=1 << 12)
def host(printed: str) -> str:
    """An address from its hexadecimal words, each of them reversed: `0100007F` is 127.0.0.1."""
    packed = b"".join(bytes.fromhex(printed[at : at + 8])[::-1] for at in range(0, len(printed), 8))
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return addresses.host(socket.inet_ntop(family, packed))
