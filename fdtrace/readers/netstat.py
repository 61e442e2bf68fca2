"""The output of netstat: net-tools and busybox on Linux, and the forms of BSD and macOS.

Columns after the addresses depend on the options and may be blank (the state of
an unconnected UDP socket, the program of a socket that is nobody's), so a row is
read from both ends by the form of its cells, with or without a heading. Only one
holder of a socket is shown, and never its descriptor number.
"""

from __future__ import annotations

import re

from . import addresses, netstat_bsd
from .addresses import CUT, Endpoint
from .netstat_blocks import (
    BSD_UNIX_HEADING,
    CLOSING,
    HEADING,
    MESSAGE,
    OTHER_BLOCKS,
    PARENTHESIS,
    PATH_ONLY,
    TITLE,
    WINDOWS,
)
from .netstat_cells import TIMER, named, program_of, set_end, tail_of, timed
from .repeats import Repeats, options
from .sheet import Sheet, Socket

_PROTO = r"tcp|udp|udplite|udpl|raw|sctp|dccp|mptcp|icmp"
_ROW = re.compile(
    rf"[\s>]*({_PROTO})(6?)\s+(\d{{1,10}})\s+(\d{{1,10}})\s+(\S{{1,300}}:\S{{1,64}})\s+(\S{{1,300}}:\S{{1,64}})(?:\s+(.*))?$"
)
_QUICK = re.compile(
    r"(tcp|udp)(6?)\s+(\d{1,10})\s+(\d{1,10})\s+([^\s:]{1,99}):([^\s:.]{1,40})\s+([^\s:]{1,99}):([^\s:.]{1,40})"
    rf"\s+({'|'.join(sorted(addresses.NAMES, reverse=True))})(?=\s|$)"
    r"(?:\s+(\d{1,10})\s+(\d{1,18})(?=\s|$))?(?:\s+(-|\d{1,9}/\S(?:.{0,40}?\S)??))?"
    r"(?:\s+([^\s(]{1,30} \(\d{1,9}\.\d\d/\d{1,9}/-?\d{1,9}\)))?\s*$"
)
"""The most frequent form of a row in one piece: IPv4 and a state."""
_SCTP = re.compile(
    r"[\s>]*sctp(6?)\s(?:[\s\d]{0,40}\s)?([^\s:]\S{0,300}:\S{1,64})(?:\s+([^\s:]\S{0,300}:\S{1,64}))?(?:\s+([A-Z].*))?$"
)
_UNIX = re.compile(
    r"[\s>]*(?:unix|\?\?)\s+\d{1,10}\s+(?:\[[^\]]{0,20}\]\s+)?([^\W\d_]+)\s+(?:([^\s\d-]\S*)\s+)?(\d{1,18}|-)(?:\s(.*))?$"
)
_GLUED = re.compile(rf"\s+(?=(?:{_PROTO})6?\s+\d+\s+\d+\s+\S+:\S+\s+\S+:\S|unix\s+\d+\s+\[)")
_BEGUN = re.compile(rf"[\s>]*(?:(?:{_PROTO})6?\s+\d+\s+\d|unix\b)")
_WIDTH = 23
"""Characters to which net-tools cuts an address with its port (without -W)."""

MARKS = re.compile(
    rb"^[\s>]*(?:Active (?:Internet connections|UNIX domain sockets|LOCAL \(UNIX\) domain|Multipath Internet)"
    rb"|Proto(?:colo)?\s+(?:Recv-Q\s+Send-Q|RefCnt\s+Flags)|netstat: "
    rb"|(?:Socket|Tcpcb|PCB)\s+(?:Flowhash\s+)?Proto\s|Address\s+Type\s+Recv-Q\s+Send-Q\s+Inode)"
    rb"|^[\s>]*(?:[0-9a-f]{8,16}\s+(?:[0-9a-f]{1,8}\s+)?)?(?:tcp|udp|udplite|udpl|raw|sctp|icm)\d{0,2}\s+\d+\s+\d+\s+\S+[:.]\S+\s+\S+[:.]\S"
    rb"|^[\s>]*unix\s+\d+\s+\[[ A-Z]*\]\s"
    rb"|^[\s>]*[0-9a-f]{8,16}\s+(?:stream|dgram|seqpac)\s+\d+\s+\d+\s+[0-9a-f]+\s"
    rb"|^\[\d{4}/\d\d?/\d\d? [\d:]{8}\] (?:tcp|udp|raw)6?\s+\d+\s+\d+\s+\S+:\S+\s+\S+:\S"
)
"""A line of this form speaks for netstat."""


class Reader:
    """Rows of netstat, block by block."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._repeats = Repeats(sheet)
        self._has_program = True
        self._columns = netstat_bsd.Columns()
        self._titled = -1
        """The line of the last title: the heading under it is no news."""
        self._other: re.Pattern[str] | None = None
        """Rows of a block that is passed over."""
        self._parenthesis = 0
        """Lines that a message in parentheses may still go on for."""
        self._wide = False
        self._cut: list[tuple[Socket, bool, Endpoint]] = []
        """Addresses that fill their column, and what they are if they were not cut."""
        self._found: set[str] = set()

    def line(self, number: int, text: str) -> str | None:
        """Take one line."""
        if text[0] == "[":
            text = self._repeats.unstamped(number, text)
        if quick := _QUICK.match(text):
            self._quick(number, quick)
            return None
        found = _ROW.match(text)
        if found and not (netstat_bsd.is_dotted(found[5]) or netstat_bsd.is_dotted(found[6])):
            return self._inet(number, found)
        if self._unix(number, text) or self._bsd(number, text) or self._sctp(number, text):
            return None
        return self._no_row(number, text)

    def new_snapshot(self) -> None:
        """A time line was seen."""
        self._repeats.fresh()
        self._other = None

    def end(self) -> None:
        """No line follows."""
        if self._wide:
            for row, is_local, whole in self._cut:
                set_end(row, whole, is_local=is_local)
        elif self._cut:
            count = len({id(row) for row, _, _ in self._cut})
            rows = (
                "row has an IPv6 address that fills its"
                if count == 1
                else "rows have IPv6 addresses that fill their"
            )
            self._found.add(f"{count:,} {rows} column: the end may be cut off (netstat -W shows all)")
        self._sheet.variants.extend(sorted(self._found))

    # --- rows of Linux

    def _quick(self, number: int, found: re.Match[str]) -> None:
        """A row of the most frequent form, taken in one piece."""
        groups = found.groups()
        (
            proto,
            six,
            recv_q,
            send_q,
            mine,
            mine_port,
            theirs,
            theirs_port,
            state,
            uid,
            inode,
            program,
            timer,
        ) = groups
        self._other = None
        self._parenthesis = 0
        local, peer = addresses.joined(mine, mine_port), addresses.joined(theirs, theirs_port)
        if len(mine) + len(mine_port) >= _WIDTH or len(theirs) + len(theirs_port) >= _WIDTH:
            self._wide = True
        row = Socket(
            self._repeats.row(proto + six),
            self._sheet.file,
            number,
            proto,
            "inet6" if six else "inet",
            int(recv_q),
            int(send_q),
            local.text,
            None,
            local.addr,
            local.port,
            None,
            None,
            addresses.state(state),
            int(uid) if uid else None,
            (int(inode) or None) if inode else None,
        )
        if peer.text != "*:*":
            row.peer, row.peer_addr, row.peer_port = peer.text, peer.addr, peer.port
        if program:
            program_of(row, program)
        if timer and (printed := TIMER.match(timer)):
            timed(row, printed)
        self._sheet.sockets.append(row)

    def _inet(self, number: int, found: re.Match[str]) -> str | None:
        proto, six, recv_q, send_q, mine, theirs, tail = found.groups()
        glued = _GLUED.search(tail) if tail and 40 < len(tail) < 1000 else None
        if tail and glued:
            tail = tail[: glued.start()]
        row = self._socket(number, proto + six)
        row.proto = {"udpl": "udplite"}.get(proto, proto)
        row.recv_q, row.send_q = int(recv_q), int(send_q)
        local, peer = addresses.located(mine), addresses.located(theirs)
        # busybox calls the protocol tcp for both families.
        row.family = "inet6" if six or local.six or peer.six else "inet"
        self._ends(row, local, peer, mine, theirs)
        if reason := tail_of(row, (tail or "").rstrip()):
            return reason
        self._sheet.sockets.append(row)
        return self.line(number, found.string[found.start(7) + glued.end() :]) if glued else None

    def _ends(self, row: Socket, local: Endpoint, peer: Endpoint, mine: str, theirs: str) -> None:
        for is_local, end, text in ((True, local, mine), (False, peer, theirs)):
            if len(text) > _WIDTH:
                self._wide = True
            cut = end.six and len(text) == _WIDTH and text[0] != "[" and not self._wide
            if cut:
                self._cut.append((row, is_local, end))
                addr = end.addr + CUT
                end = Endpoint(f"[{addr}]:{end.port or '*'}", addr, end.port, True)
            if is_local or end.text != "*:*":
                set_end(row, end, is_local=is_local)

    def _socket(self, number: int, proto: str) -> Socket:
        self._other = None
        self._parenthesis = 0
        return Socket(self._repeats.row(proto), self._sheet.file, number)

    def _unix(self, number: int, text: str) -> bool:
        found = _UNIX.match(text)
        if not found:
            return False
        _, state, inode, tail = found.groups()
        row = self._socket(number, "unix")
        row.proto = row.family = "unix"
        row.state = addresses.state(state) if state else "CLOSE"  # blank is the kernel's "unconnected"
        row.inode = int(inode) or None if inode != "-" else None
        named(row, (tail or "").lstrip(), self._has_program)
        self._sheet.sockets.append(row)
        return True

    def _sctp(self, number: int, text: str) -> bool:
        """An association or endpoint as patched net-tools print them, with blank queues."""
        found = _SCTP.match(text)
        if not found:
            return False
        row = self._socket(number, "sctp")
        row.proto, row.family = "sctp", "inet6" if found[1] else "inet"
        set_end(row, addresses.located(found[2]), is_local=True)
        if found[3] and addresses.located(found[3]).text != "*:*":
            set_end(row, addresses.located(found[3]), is_local=False)
        if tail_of(row, (found[4] or "").rstrip()):
            return False
        self._sheet.sockets.append(row)
        return True

    # --- rows of BSD and macOS

    def _bsd(self, number: int, text: str) -> bool:
        row = Socket(0, self._sheet.file, number)
        taken = netstat_bsd.inet(text, self._columns, row) or netstat_bsd.unix(text, row)
        if taken is None:
            return False
        taken.snapshot = self._socket(number, taken.proto or "").snapshot
        self._found.add("netstat of BSD or macOS")
        if CUT in f"{taken.local}{taken.peer}":
            self._found.add(
                "addresses that fill their column may be cut: such ports are not known (netstat -W shows all)"
            )
        self._sheet.sockets.append(taken)
        return True

    # --- everything else

    def _no_row(self, number: int, text: str) -> str | None:
        if TITLE.match(text):
            self._repeats.heading(number, text)
            self._titled, self._other = number, None
            return None
        if WINDOWS.match(text):
            return "netstat of Windows, whose sockets are no descriptors"
        if HEADING.match(text) or BSD_UNIX_HEADING.match(text):
            if self._other is not None and self._other.match(text):
                return None
            self._headed(number, text)
            return None
        if self._message(text):
            return None
        for title, rows, name in OTHER_BLOCKS:
            if title.match(text):
                self._other = rows
                self._found.add(f"a block without sockets is passed over: {name}")
                return None
        if self._other is not None and self._other.match(text):
            return None
        self._other = None
        asked = options(text, "netstat")
        if asked is not None:
            self._repeats.command = asked
        return (
            "a row without two addresses of the form host:port"
            if _BEGUN.match(text)
            else "not a row of netstat"
        )

    def _headed(self, number: int, text: str) -> None:
        """The names of the columns."""
        if number != self._titled + 1:
            self._repeats.heading(number, text)
        self._other = None
        self._has_program = (
            bool(PATH_ONLY.search(text)) if "RefC" in text or "I-" in text else self._has_program
        )
        self._columns = netstat_bsd.Columns(text)

    def _message(self, text: str) -> bool:
        """Whether netstat speaks of itself; in other languages in parentheses, over a line or more."""
        if self._parenthesis:
            self._parenthesis = 0 if text.rstrip().endswith(CLOSING) else self._parenthesis - 1
            return True
        if MESSAGE.match(text):
            if "-p" in text or "Not all processes" in text:
                self._found.add("recorded without root: - in place of a program may hide one")
            return True
        if PARENTHESIS.match(text):
            self._parenthesis = 0 if text.rstrip().endswith(CLOSING) else 2
            return True
        return False
