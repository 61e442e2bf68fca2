"""Who holds what, at which time: the snapshots of all tools, told as one.

lsof, a listing of /proc/PID/fd, netstat and ss, run one after the other, look
at the same moment: each knows something that the others do not tell. Here their
rows of one moment become *holdings*, one for each descriptor of each process,
and the moments follow each other in time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..readers.bundle import Capture
from ..readers.sheet import OpenFile, ProcessFacts, Sheet, Snapshot, Socket
from .kinds import agree
from .owners import owner
from .rounds import moments, rows_of, when

SOCKETS = frozenset(
    "tcp tcp6 udp udp6 unix netlink packet raw raw6 sctp sctp6 icmp icmp6 vsock socket".split()
)
"""Kinds that netstat and ss list too."""

_STATEFUL = frozenset({"tcp", "sctp", "socket"})
_UNIX = frozenset({("unix", "LISTEN"), ("unix", "CONNECTED")})
"""What tools print as the state of other sockets says only whether connect() was called."""
_VAGUE = frozenset({"socket", "unknown"})


@dataclass(slots=True)
class Holding:
    """One descriptor of one process at one moment, as far as the tools together tell.

    `fd` is None where only netstat shows a socket, or lsof cut a number above
    9,999. `state` is by its Linux name, CLOSE for a TCP socket that is in no
    table of the kernel's; `told_by` are the tools that say so. `place` is the
    row to quote: the number of its sheet, and its line there.
    """

    pid: int | None
    fd: int | None
    kind: str
    place: tuple[int, int]
    inode: int | None = None
    name: str | None = None
    local: str | None = None
    peer: str | None = None
    state: str | None = None
    told_by: tuple[str, ...] = ()
    deleted: bool = False
    size_bytes: int | None = None
    device: str | None = None
    peer_inode: int | None = None
    state_ns: int = -1

    @property
    def family(self) -> str:
        """The kind without the version of IP."""
        return self.kind.removesuffix("6")


@dataclass(slots=True)
class Moment:
    """What all tools saw at about one time.

    `listed` are the processes of which lsof or /proc show descriptors, `whole`
    those of which they show more than sockets. `unplaced` counts, for each
    process, the sockets of netstat that could not be found among its
    descriptors (no inode, no number, no address on the other side).
    """

    at_ns: int | None
    holdings: list[Holding] = field(default_factory=list)
    listed: set[int | None] = field(default_factory=set)
    whole: set[int | None] = field(default_factory=set)
    unplaced: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Populations:
    """All moments, oldest first, and what is known of the processes in them."""

    captures: list[Capture]
    sheets: list[Sheet]
    moments: list[Moment]
    commands: dict[int | None, str]
    parents: dict[int, int]
    facts: list[ProcessFacts]
    listening: set[str]
    """Ports with a listener, whoever's it is."""
    names: set[tuple[int, str]] = field(default_factory=set)
    """Processes with each name that a tool printed of them."""

    @property
    def tools(self) -> str:
        """What looked, in words: `lsof, netstat`."""
        return ", ".join(sorted({tool(sheet) for sheet in self.sheets}))


def tool(sheet: Sheet) -> str:
    """What made a sheet, in a word: lsof, netstat, ss, /proc."""
    return "/proc" if sheet.kind == "procfs" else sheet.kind


def populations(sheets: Iterable[tuple[Capture, Sheet]]) -> Populations:
    """What the snapshots of these captures say together."""
    pairs = [
        (capture, sheet) for capture, sheet in sheets if sheet.open_files or sheet.sockets or sheet.processes
    ]
    made = Populations([c for c, _ in pairs], [s for _, s in pairs], [], {}, {}, [], set())
    rows = [rows_of(sheet) for sheet in made.sheets]
    owners = [owner(sheet, made.sheets) for sheet in made.sheets]
    for looks in moments(made.sheets, rows):
        gathering = _Gathering(made, Moment(when(looks)))
        for index, shot in looks:
            for file in rows[index][0].get(shot.number, ()):
                gathering.file(index, shot, file, file.pid if file.pid is not None else owners[index])
        gathering.connect()
        sockets = [(i, shot, row) for i, shot in looks for row in rows[i][1].get(shot.number, ())]
        # Rows that name their descriptor or inode first: they tell the addresses by which others are found.
        for index, shot, row in sorted(sockets, key=lambda one: not (one[2].fd is not None or one[2].inode)):
            gathering.socket(index, shot, row)
        made.moments.append(gathering.finished())
    for sheet in made.sheets:
        made.facts += sheet.processes
        for fact in sheet.processes:
            if fact.pid is not None and fact.command:
                _named(made, fact.pid, fact.command)
            if fact.pid is not None and fact.ppid:
                made.parents[fact.pid] = fact.ppid
    return made


# -- one moment --------------------------------------------------------------


class _Gathering:
    """The rows of one moment on their way to holdings."""

    def __init__(self, made: Populations, moment: Moment) -> None:
        self.made = made
        self.moment = moment
        self.by_number: dict[tuple[int | None, object], Holding] = {}
        self.by_inode: dict[int, list[Holding]] = {}
        self.by_ends: dict[tuple[str, str, str], list[Holding]] = {}

    def file(self, index: int, shot: Snapshot, row: OpenFile, pid: int | None) -> None:
        """A row of lsof or /proc; the rows that lsof -K prints for each thread are one."""
        self.moment.listed.add(pid)
        if row.kind not in SOCKETS:
            self.moment.whole.add(pid)
        key = (pid, row.fd if row.fd is not None else (row.inode, row.name))
        known = self.by_number.get(key)
        if known is None or _replaced(known, row):
            known = Holding(pid, row.fd, row.kind, (index, row.line))
            self.by_number[key] = known
        known.inode = known.inode or row.inode
        if known.kind in _VAGUE or (known.kind == "file" and row.kind != "file"):
            known.kind = row.kind
        if known.kind == "file" and (row.name or "").startswith("/dev/") and "/shm/" not in (row.name or ""):
            known.kind = "char"
        if not known.name or (row.kind in SOCKETS and row.local):
            known.name = row.name
            known.place = (index, row.line)
        known.local, known.peer = known.local or row.local, known.peer or row.peer
        known.deleted = known.deleted or bool(row.deleted)
        known.size_bytes = row.size_bytes if row.size_bytes is not None else known.size_bytes
        known.device = known.device or row.device
        _state(known, _state_of(row), tool(self.made.sheets[index]), shot)
        if row.command and row.pid is not None:
            _named(self.made, row.pid, row.command)
        if row.ppid is not None and row.pid is not None:
            self.made.parents[row.pid] = row.ppid
        if row.state == "LISTEN":
            self.made.listening.add(_port(row.local))

    def connect(self) -> None:
        """All descriptors are known now: sockets can be found among them."""
        for held in self.by_number.values():
            if held.kind in SOCKETS:
                if held.inode:
                    self.by_inode.setdefault(held.inode, []).append(held)
                if held.local:
                    self.by_ends.setdefault(_ends(held.kind, held), []).append(held)

    def socket(self, index: int, shot: Snapshot, row: Socket) -> None:
        """A row of netstat, ss or /proc/net: of descriptors that are known, or of one that only it shows."""
        if row.state == "LISTEN":
            self.made.listening.add(_port(row.local))
        if row.pid is not None and row.program:
            _named(self.made, row.pid, row.program)
        holders = self._holders(index, row)
        if not holders and row.pid is not None:
            holders = [self._new(index, row)]
        for held in holders:
            if held.kind in _VAGUE:
                held.kind = _kind(row)
            if held.local is None and row.local:
                held.place = (index, row.line)
                self.by_ends.setdefault(_ends(held.kind, row), []).append(held)
            held.inode = held.inode or row.inode
            held.local, held.peer = held.local or row.local, held.peer or row.peer
            held.name, held.peer_inode = row.path or held.name, row.peer_inode or held.peer_inode
            _state(held, row.state, tool(self.made.sheets[index]), shot)

    def _holders(self, index: int, row: Socket) -> list[Holding]:
        """The descriptors that a row is about: by holder, by inode, by both ends."""
        if row.pid is not None and row.fd is not None:
            held = self.by_number.get((row.pid, row.fd))
            if held is not None and held.kind in SOCKETS and held.inode in (None, row.inode or held.inode):
                return [held]
        found = self.by_inode.get(row.inode, []) if row.inode else []
        if not found and row.local and not (row.pid is None and row.state == "TIME_WAIT"):
            found = [
                held
                for held in self.by_ends.get(_ends(_kind(row), row), ())
                if not (held.inode and row.inode) and (held.fd is not None or held.place[0] != index)
            ]
        if not found:
            return found
        own = [held for held in found if held.pid == row.pid]
        if row.pid is not None and row.fd is not None:
            return [held for held in own if held.fd in (None, row.fd)]
        return own or found

    def _new(self, index: int, row: Socket) -> Holding:
        key = (row.pid, row.fd if row.fd is not None else (row.inode, row.local, row.peer, row.line))
        held = Holding(row.pid, row.fd, _kind(row), (index, row.line), row.inode)
        self.by_number[key] = held
        if held.inode:
            self.by_inode.setdefault(held.inode, []).append(held)
        if row.fd is None and row.pid in self.moment.listed:
            self.moment.unplaced[row.pid or 0] = self.moment.unplaced.get(row.pid or 0, 0) + 1
        return held

    def finished(self) -> Moment:
        """The moment with all its holdings."""
        self.moment.holdings = list(self.by_number.values())
        return self.moment


def _ends(kind: str, row: Holding | Socket) -> tuple[str, str, str]:
    """Both ends of a socket as one key; a wildcard on the other side is written or not."""
    return kind.removesuffix("6"), row.local or "", row.peer or "*:*"


def _replaced(known: Holding, row: OpenFile) -> bool:
    """Whether a number was closed and given again between two tools' looks."""
    if not agree(known.kind, row.kind):
        return True
    return bool(known.kind in SOCKETS and known.inode and row.inode and known.inode != row.inode)


def _kind(row: Socket) -> str:
    if row.family == "unix":
        return "unix"
    proto = row.proto or "socket"
    return f"{proto}6" if row.family == "inet6" and proto in ("tcp", "udp", "raw", "sctp") else proto


def _port(address: str | None) -> str:
    return (address or "").rpartition(":")[2]


def _state_of(row: OpenFile) -> str | None:
    """The state that a row tells; a socket of TCP that is in no table of the kernel's is CLOSE."""
    if row.state:
        return row.state
    name = row.name or ""
    if row.type == "sock" and (
        name.startswith("protocol: TCP") or name.startswith("can't identify protocol")
    ):
        return "CLOSE"
    return None


def _state(held: Holding, state: str | None, told_by: str, shot: Snapshot) -> None:
    """The newest word on a state counts; those who agree are named."""
    if held.kind == "unix" and state == "ESTABLISHED":
        state = "CONNECTED"
    if state is None or (held.family not in _STATEFUL and (held.kind, state) not in _UNIX):
        return
    at = shot.at_ns if shot.at_ns is not None else held.state_ns
    if held.state == state:
        if told_by not in held.told_by:
            held.told_by += (told_by,)
        held.state_ns = max(held.state_ns, at)
    elif held.state is None or at >= held.state_ns:
        held.state, held.told_by, held.state_ns = state, (told_by,), at


def _named(made: Populations, pid: int, name: str) -> None:
    """The fullest name of a program: lsof cuts at 9 characters, netstat has its path."""
    if (pid, name) in made.names:
        return
    made.names.add((pid, name))
    plain = (name.partition(": ")[0].rpartition("/")[2] or name).removesuffix(":")
    known = made.commands.get(pid, "")
    if not known or plain.startswith(known):
        made.commands[pid] = plain
