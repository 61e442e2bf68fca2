"""The state of each open socket, by the newest source that tells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..readers import addresses
from ..readers.sheet import OpenFile, Socket
from .kinds import NUMBERED, normal
from .lives import Life
from .looks import Look, Row, begin, end, when
from .run import History

if TYPE_CHECKING:
    from .joined import Joined

_INTERNET = frozenset({"tcp", "tcp6", "udp", "udp6", "sctp", "sctp6", "raw", "raw6"})
SOCKETS = _INTERNET | {"unix", "socket"}
_OWNERLESS = frozenset({"TIME_WAIT", "LAST_ACK", "CLOSING", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV"})
_HASHED = frozenset({"LISTEN", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT2"})
_TOGETHER = 5_000_000_000
"""Snapshots so close to each other are of one moment."""
_LATER = 1_000_000_000


def settle(joined: Joined, history: History) -> None:
    """Gives every open socket its state, with its source."""
    lives = [life for life in joined.left if life.kind in SOCKETS]
    finder = _Finder(joined, history, lives)
    for life in lives:
        found = finder.rows(life)
        if found:
            _decide(life, found, joined, finder)
        elif life.state == "SYN_SENT" and joined.looks:
            life.state = None  # it went on from there, and no snapshot tells which of the rows it is


class _Found(NamedTuple):
    """A row that tells of a life; `sure` unless it has but the peer of the life, as others in its state."""

    look: Look
    row: Row
    sure: bool


class _Finder:
    """The rows of all looks, for one life after the other."""

    def __init__(self, joined: Joined, history: History, lives: Sequence[Life]) -> None:
        self.joined = joined
        self.looks = sorted(joined.looks, key=when)[::-1]
        self.last_ns = history.coverage.last_ns or 0
        self.elsewhere = _elsewhere(joined, lives, history)
        rivals: dict[str | None, list[Life]] = {}
        for life in lives:
            if life.kind in _INTERNET:
                rivals.setdefault(normal(life.peer), []).append(life)
        self._rivals = rivals
        self._found_alike: dict[tuple[int, str, int | None], list[Socket]] = {}
        self._taken: dict[int, set[int]] = {}
        for look in self.looks:
            if look.sockets:
                rows = (self._own(life, look) for life in lives if _seen_by(life, look))
                self._taken[id(look)] = {id(row) for row in rows if row is not None}

    def rows(self, life: Life) -> list[_Found]:
        """What the looks say of a life, newest first."""
        listed = {id(look): row for look, row in self.joined.of(life)}
        found = []
        for look in self.looks:
            if id(look) in listed:
                found.append(_Found(look, listed[id(look)], True))
            if look.sockets and _seen_by(life, look):
                own = self._own(life, look)
                alike = [] if own is not None else self._alike(life, look)
                if own is not None or alike:
                    found.append(_Found(look, own or alike[0], own is not None))
        return found

    def _own(self, life: Life, look: Look) -> Socket | None:
        """The row of a netstat, ss or /proc/net look that is this life, and no other's."""
        listed = [row for _, row in self.joined.of(life)]
        inode = life.inode or next((row.inode for row in listed if row.inode and _numbered(row)), None)
        pid = life.process.pid
        if inode is not None:
            rows = [row for row in look.by_inode.get(inode, ()) if isinstance(row, Socket)]
            own = next((row for row in rows if row.pid == pid), None)
            if rows and (own or look.clock_ns is None or begin(life) <= look.clock_ns):
                return own or rows[0]
            if look.owned:
                return None  # it tells inodes, and this one is not among them
        holder = look.by_holder.get((pid or -1, life.fd))
        if holder is not None:
            return holder if inode is None or holder.inode in (None, inode) else None
        local, peer = _ends(life, listed)
        if local is None or peer is None or life.kind not in _INTERNET:
            return None
        rows = [row for row in look.with_ends(local, peer) if _fits(life, row, local)]
        return rows[0] if len(rows) == 1 else None

    def _alike(self, life: Life, look: Look) -> list[Socket]:
        """Rows with the peer of a life whose own end is not known: enough for all such, and in one state."""
        local, peer = _ends(life, [row for _, row in self.joined.of(life)])
        if local is not None or peer is None or (life.inode is not None and look.owned):
            return []
        key = id(look), peer, life.process.pid
        if key not in self._found_alike:
            self._found_alike[key] = self._search_alike(life, look, peer)
        return self._found_alike[key]

    def _search_alike(self, life: Life, look: Look, peer: str) -> list[Socket]:
        taken = self._taken[id(look)]
        rows = [
            row
            for row in look.by_other_end.get(peer, ())
            if id(row) not in taken and _may_be(life, row) and (row.pid or row.state not in _OWNERLESS)
        ]
        if len({row.state for row in rows}) != 1:
            return []
        rivals = [other for other in self._rivals.get(peer, ()) if _seen_by(other, look)]
        return rows if len(rows) >= sum(self._own(other, look) is None for other in rivals) else []

    def unlisted(self, known: _Found) -> Look | None:
        """A later look of the tool that told a state, which does not list the socket any more."""
        place = self.looks.index(known.look)
        return next((one for one in self.looks[:place] if one.kind == known.look.kind and one.states), None)

    def within(self, look: Look) -> bool:
        """Whether a look was taken during the trace: what it does not show was not closed after that."""
        return look.clock_ns is not None and look.clock_ns <= self.last_ns + _LATER


def _seen_by(life: Life, look: Look) -> bool:
    """Whether a life was open when a look was taken."""
    if look.clock_ns is None:
        return life.how in ("none", "exit")
    before, after = look.span
    slack = after if life.inode is not None and look.owned else min(after, _LATER)
    return begin(life) - slack <= look.clock_ns <= end(life) + before


def _numbered(row: Row) -> bool:
    return isinstance(row, Socket) or row.kind in NUMBERED


def _ends(life: Life, listed: Iterable[Row]) -> tuple[str | None, str | None]:
    """Both ends of a life as the snapshots write them; an end without a port is not known."""
    known = next((row for row in listed if row.local and row.peer), None)
    local, peer = (life.local, life.peer) if known is None else (known.local, known.peer)
    local = normal(local)
    return None if local is None or addresses.split(local)[1] in ("0", "*", "", None) else local, normal(peer)


def _may_be(life: Life, row: Socket) -> bool:
    return row.pid is None or life.process.pid is None or row.pid == life.process.pid


def _fits(life: Life, row: Socket, local: str) -> bool:
    if not _may_be(life, row) or row.local is None:
        return False
    host, port = addresses.split(local)
    own_host, own_port = addresses.split(row.local)
    return port == own_port and (host in ("*", own_host) or own_host == "*")


def _elsewhere(joined: Joined, lives: Sequence[Life], history: History) -> set[tuple[int, int | None]]:
    """Looks and processes whose sockets are in a network namespace that the look has not seen.

    lsof knows of these only that they are of TCP, as of sockets that are not
    connected. A listening socket does not fall back to that by itself.
    """
    moved = {"unshare", "setns"} & set(history.coverage.syscalls)
    found = set()
    for life in lives:
        for look, row in joined.of(life):
            unknown = isinstance(row, OpenFile) and not row.state and state_of(row)
            there = life.state == "LISTEN" or (moved and life.state in _HASHED)
            if unknown and there and not _has_states(look, row.pid):
                found.add((id(look), row.pid))
    return found


def _has_states(look: Look, pid: int | None) -> bool:
    return any(row.state for row in look.files.get(pid, {}).values())


def _decide(life: Life, found: list[_Found], joined: Joined, finder: _Finder) -> None:
    """The newest snapshot counts, unless a call has decided the state after it."""
    known = {id(row) for _, row in joined.of(life)}
    fresh = [(one.look, one.row) for one in found if one.sure and id(one.row) not in known]
    if fresh:
        joined.rows[id(life)] = [*joined.rows.get(id(life), ()), *fresh]
    told = [
        one
        for one in found
        if state_of(one.row)
        and not (one.row.state is None and (id(one.look), one.row.pid) in finder.elsewhere)
    ]
    if not told:
        if life.state == "SYN_SENT":
            life.state = None
        return
    newest, row = told[0].look, told[0].row
    decided = life.state_at
    if (
        newest.clock_ns is not None
        and life.state
        and decided is not None
        and decided.clock > newest.clock_ns + _LATER
    ):
        return
    state, names = state_of(row), newest.name()
    _learn(life, told)
    later = finder.unlisted(told[0]) if life.kind in ("tcp", "tcp6") and state != "CLOSE" else None
    if later is not None and (not told[0].sure or finder.within(later) or not finder.within(newest)):
        whole = later.kind == "procfs" or (state in later.states and len(later.states) > 2)
        if not (told[0].sure and finder.within(later) and whole):
            return  # it may have been left out there, or closed since
        state = "CLOSE"
        shot = later.snapshot
        life.state_source = f"{later.name()} ({shot.file}:{shot.line}), no longer listed"
    else:
        agreeing = [one for one in told if state_of(one.row) == state and _same_moment(one.look, newest)]
        names = ", ".join(dict.fromkeys(one.look.name() for one in agreeing))
        life.state_source = f"{names} ({row.file}:{row.line})"
    if life.state != state:
        life.state, life.state_name, life.state_at = state, f"{state} in {names}", None


def _learn(life: Life, told: list[_Found]) -> None:
    """Addresses and kind, of rows that are surely this life."""
    for one in told:
        if one.sure:
            life.local = life.local or one.row.local
            life.peer = life.peer or one.row.peer
        if life.kind == "socket" and one.row.proto:
            life.kind = _kind(one.row)


def _kind(row: Row) -> str:
    """The kind of a socket as in `fds`: tcp6 for TCP over IPv6, and so on."""
    proto = (row.proto or "socket").lower().removesuffix("6")
    six = isinstance(row, Socket) and row.family == "inet6"
    return f"{proto}6" if six and proto in ("tcp", "udp", "raw", "sctp") else proto


def _same_moment(look: Look, newest: Look) -> bool:
    if look.clock_ns is None or newest.clock_ns is None:
        return look.clock_ns is newest.clock_ns
    return abs(newest.clock_ns - look.clock_ns) <= _TOGETHER


def state_of(row: Row) -> str | None:
    """The state that a row tells; a socket of TCP in no table of the kernel's is CLOSE.

    So is one whose addresses are in TIME_WAIT: that is what the kernel keeps of a
    connection when both sides have ended it, whoever holds the socket.
    """
    if row.state:
        return "CLOSE" if row.state == "TIME_WAIT" else row.state
    if isinstance(row, OpenFile) and row.type == "sock" and "TCP" in (row.name or ""):
        return "CLOSE"
    return None
