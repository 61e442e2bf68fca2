"""The output of ss (iproute2): sockets with all their holders.

Which columns a row has depends on the options: without several protocols there
is no Netid, with a filter for one state no State. Column widths follow the
terminal, headings run together, so each row is read by the form of its cells.
A socket with several holders (`users:((…),(…))`) gives a row for each.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import addresses
from .repeats import Repeats, options
from .sheet import PROLONGS, Sheet, Socket
from .ss_details import OF_TCP, PROLONGED, TIMERS_OF_TCP, Details, details, is_cut, seconds
from .ss_words import (
    ADDS,
    ENDS,
    HEADING,
    LONGEST,
    MESSAGE,
    NETID,
    NETIDS,
    ONE_END,
    ONLY_TCP,
    OPTIONS,
    QUICK,
    ROW,
    SEVERAL,
    STATES,
    SUMMARY,
    UNIX,
    UNIX_NAMED,
)

_NOBODY = ((None, None, None),)
_Ends = tuple[str | None, str | None, str | None, int | None, str | None, int | None]

MARKS = re.compile(
    rb"^[\s>#]*(?:Netid\s+)?(?:State\s+)?Recv-Q\s*Send-Q\s*Local Address:Port"
    rb"|^[\s>]*(?:" + NETID.encode() + rb")\s+(?:" + STATES.encode() + rb")\s+\d+\s+\d+\s+\S"
    rb"|^[\s>]*(?:" + STATES.encode() + rb")\s+\d+\s+\d+\s+\S*[:*]"
    rb"|^[\s>]*(?:(?:" + NETID.encode() + rb")\s+)?\d+\s+\d+\s+\S*[:*].*\busers:\(\(\""
    rb"|^\s+(?:skmem:\(r\d|users:\(\(\")|^\[\d{4}/\d\d?/\d\d? [\d:]{8}\] (?:"
    + NETID.encode()
    + rb")\s+(?:"
    + STATES.encode()
    + rb")\s+\d"
)
"""A line of this form speaks for ss."""


class _Row(NamedTuple):
    """The cells of a row in front of its addresses, and the rest of its text."""

    number: int
    netid: str | None
    proto: str | None
    family: str | None
    recv_q: int
    send_q: int
    state: str | None
    cells: str


class _Open(NamedTuple):
    """The row that may go on: its line, the index of its first socket, its text.

    `partial`: its addresses are not all there; `whole`: its list of holders is.
    """

    number: int
    first: int
    text: str
    partial: bool
    whole: bool = False


class Reader:
    """Rows of ss, whatever columns its options and its version gave them."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._repeats = Repeats(sheet)
        self._proto: str | None = None
        """The only protocol that the command line asks for."""
        self._state: str | None = None
        """The only state that the command line asks for."""
        self._open: _Open | None = None
        self._nameless: list[Socket] = []
        """Rows since the heading whose protocol was not printed."""
        self._is_tcp = False
        self._wild: list[Socket] = []
        """Rows of `*` alone: of which family they are, the other rows tell."""
        self._family: str | None = None
        self._found: set[str] = set()

    def line(self, number: int, text: str) -> str | None:
        """Take one line."""
        if text[0] == "[":
            text = self._repeats.unstamped(number, text)
        if (quick := QUICK.match(text)) and self._quick(number, text, quick):
            return None
        found = ROW.match(text)
        if found:
            first = len(self._sheet.sockets)
            if self._row(number, found):
                self._follows(_Open(number, first, text, partial=False))
                return None
            if (found[1] or found[2]) and len((found[5] or "").split()) <= 2:
                # Addresses that did not fit the terminal may stand on the next line.
                self._follows(_Open(number, first, text, partial=True))
                return None
        if self._open is not None and self._goes_on(self._open, text):
            return PROLONGS
        self._follows(None)
        return "a row without two addresses" if found else self._other(number, text)

    def new_snapshot(self) -> None:
        """A time line was seen."""
        self._block_ends()
        self._repeats.fresh()

    def end(self) -> None:
        """No line follows."""
        self._block_ends()
        for row in self._wild:
            row.family = self._family
        self._sheet.variants.extend(sorted(self._found))

    # --- rows

    def _quick(self, number: int, text: str, found: re.Match[str]) -> bool:
        """A row of the most frequent form, in one piece; one that tells of others goes the long way."""
        groups = found.groups()
        netid, state, recv_q, send_q, mine, mine_port, theirs, theirs_port = groups[:8]
        if mine == "*" or (self._family is None and mine[0] in "0[:"):
            return False
        program, pid, fd, timer, left, retrans, uid, ino = groups[8:]
        local, peer = addresses.joined(mine, mine_port), addresses.joined(theirs, theirs_port)
        peer_text: str | None = peer.text
        peer_addr: str | None = peer.addr
        if peer_text == "*:*":
            peer_text = peer_addr = None
        inode = int(ino) if ino else 0
        if self._open is not None and self._open.partial:
            self._follows(None)
        sheet = self._sheet
        self._open = _Open(number, len(sheet.sockets), text, partial=False, whole=True)
        row = Socket(
            self._repeats.row(netid),
            sheet.file,
            number,
            netid or self._proto,
            "inet6" if local.six or peer.six else "inet",
            int(recv_q),
            int(send_q),
            local.text,
            peer_text,
            local.addr,
            local.port,
            peer_addr,
            peer.port,
            addresses.state(state),
            int(uid) if uid else 0 if inode else None,
            inode or None,
            None,
            (int(pid) or None) if pid else None,
            int(fd) if fd else None,
            program,
            timer,
            seconds(left) if left else None,
            int(retrans) if retrans else None,
        )
        sheet.sockets.append(row)
        if row.proto is None:
            self._nameless.append(row)
            if not self._is_tcp:
                self._is_tcp = row.state in ONLY_TCP or timer in TIMERS_OF_TCP
        return True

    def _row(self, number: int, found: re.Match[str]) -> bool:
        """Add the sockets of a row; False when its cells are not all there."""
        netid, state, recv_q, send_q, cells = found.groups()
        if cells is None:
            return False
        proto, family = NETIDS[netid] if netid else (self._proto, None)
        plain = addresses.state(state) if state else self._state
        row = _Row(number, netid, proto, family, int(recv_q), int(send_q), plain, cells)
        if family in (None, "inet6") and cells[0] not in "/@":
            ends = ENDS.match(cells)
            if ends and ":" in ends[1] and ":" in ends[2]:
                self._inet(row, ends)
                return True
        if netid is None and state is None and '"' not in cells and not cells.startswith("* "):
            return False
        return (
            self._unix(row)
            if family == "unix" or netid is None
            else family is not None and self._other_family(row)
        )

    def _inet(self, row: _Row, ends: re.Match[str]) -> None:
        """A socket of the internet."""
        mine, theirs, rest = ends.groups()
        local, peer = addresses.located(mine), addresses.located(theirs)
        family = row.family
        if family is None:
            if mine[0] != "*" or theirs[0] != "*":
                family = "inet6" if local.six or peer.six else "inet"
                if self._family is None:
                    # New versions write 0.0.0.0 and [::], and * for both; the old ones * and :::.
                    self._family = "inet6" if mine[0] in "0[" else "inet" if mine.startswith(":::") else None
            elif "v6only:" in rest:
                family = "inet6"
        first = len(self._sheet.sockets)
        ends_of_it: _Ends = (local.text, peer.text, local.addr, local.port, peer.addr, peer.port)
        if peer.text == "*:*":
            ends_of_it = (local.text, None, local.addr, local.port, None, None)
        got = details(rest)
        if got.inode and got.uid is None:
            got = got._replace(uid=0)  # with -e the owner is left out when it is root
        self._add(row, got, row.proto, family, ends_of_it, got.inode)
        if family is None:
            self._wild.extend(self._sheet.sockets[first:])
        if row.proto is None:
            self._nameless.extend(self._sheet.sockets[first:])
            if not self._is_tcp:
                self._is_tcp = row.state in ONLY_TCP or bool(OF_TCP.search(rest))

    def _unix(self, row: _Row) -> bool:
        """A unix socket: path and inode of both ends. `ino:` behind it is its path's inode, not taken."""
        found = UNIX.match(row.cells) or UNIX_NAMED.match(row.cells)
        if found is None:
            return False
        path, inode, peer, peer_inode, rest = found.groups()
        self._add(
            row,
            details(rest),
            "unix",
            "unix",
            (None, None if peer == "*" else peer, None, None, None, None),
            int(inode),
            int(peer_inode),
            None if path == "*" else path,
        )
        return True

    def _other_family(self, row: _Row) -> bool:
        """A socket of netlink, packet, vsock, tipc or xdp; its ends as printed."""
        found = ONE_END.match(row.cells) if row.family in ("netlink", "packet", "xdp") else None
        peer = None
        if found:
            local, rest = found.groups()
        elif found := ENDS.match(row.cells):
            local, peer, rest = found.groups()
        else:
            return False
        got = details(rest)
        ends = (local, None if peer == "*:*" else peer, None, None, None, None)
        self._add(row, got, row.proto, row.family, ends, got.inode)
        return True

    def _add(
        self,
        row: _Row,
        got: Details,
        proto: str | None,
        family: str | None,
        ends: _Ends,
        inode: int | None,
        peer_inode: int | None = None,
        path: str | None = None,
    ) -> None:
        """One socket of the sheet for each holder."""
        sheet = self._sheet
        snapshot = self._repeats.row(row.netid)
        for program, pid, fd in got.holders or _NOBODY:
            sheet.sockets.append(
                Socket(
                    snapshot,
                    sheet.file,
                    row.number,
                    proto,
                    family,
                    row.recv_q,
                    row.send_q,
                    *ends,
                    row.state,
                    got.uid,
                    inode or None,
                    peer_inode or None,
                    pid or None,
                    fd,
                    program,
                    got.timer,
                    got.timer_s,
                    got.retrans,
                    path,
                )
            )

    # --- lines that go on

    def _follows(self, row: _Open | None) -> None:
        """From here on it is another row that may go on; the one before had all its lines."""
        before, self._open = self._open, row
        if before is not None and before.partial:
            self._sheet.problem(before.number, "a row without two addresses", before.text, lines=0)

    def _goes_on(self, row: _Open, text: str) -> bool:
        """Whether a line belongs to the row before it; what it adds is taken up."""
        cut = not (row.partial or row.whole) and is_cut(row.text)
        known = PROLONGED.match(text)
        if not (cut or row.partial or known):
            return False
        if self._nameless and OF_TCP.search(text):
            self._is_tcp = True
        if known and not (cut or row.partial or ADDS.match(text)):
            return True
        whole = f"{row.text.rstrip()}{text.strip()}" if cut else f"{row.text.rstrip()} {text.strip()}"
        again = ROW.match(whole)
        if again is None or len(whole) > LONGEST:
            return bool(known)
        rows = self._sheet.sockets[row.first :]
        del self._sheet.sockets[row.first :]
        for kept in (self._nameless, self._wild):
            while kept and kept[-1].line == row.number:
                kept.pop()
        if self._row(row.number, again):
            self._open = _Open(row.number, row.first, whole, partial=False)
            return True
        self._sheet.sockets.extend(rows)
        return bool(known)

    # --- everything else

    def _other(self, number: int, text: str) -> str | None:
        if HEADING.match(text):
            self._block_ends()
            self._repeats.heading(number, text)
            if "Netid" not in text:
                self._found.add("ss without the column Netid: one protocol was asked for")
            if "State" not in text:
                self._found.add("ss without the column State: one state was asked for")
            return None
        if SUMMARY.match(text):
            self._found.add("counts of ss -s, which name no sockets, are passed over")
            return None
        if MESSAGE.match(text):
            return None
        asked = options(text, "ss")
        if asked is not None:
            self._block_ends()
            self._asked(asked)
        return "not a row of ss"

    def _asked(self, asked: str) -> None:
        """What the command line says about columns that are left out when they have one value only."""
        self._repeats.command = asked
        state = re.search(r"\bstate\s+([a-z][\w-]+)", asked)
        word = addresses.state(state[1]) if state else ""
        self._state = None if not state or word in SEVERAL else word
        protos = set()
        for long, short in re.findall(r"(?:^|\s)-(?:-([a-z]+)|(\w+))", asked):
            protos |= {OPTIONS[name] for name in ([long] if long else short) if name in OPTIONS}
        self._proto = protos.pop() if len(protos) == 1 else None

    def _block_ends(self) -> None:
        """The rows of a heading are complete: what they have in common is known."""
        self._follows(None)
        if self._is_tcp:
            # Netid is left out when all rows are of one protocol.
            for row in self._nameless:
                row.proto = "tcp"
        self._nameless, self._is_tcp = [], False
