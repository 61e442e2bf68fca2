"""What each look at the system saw, ready to be asked: who holds what, in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model import Evidence
from ..readers.bundle import Capture
from ..readers.sheet import OpenFile, Sheet, Snapshot, Socket
from .kinds import NUMBERED
from .lives import Life
from .tasks import Process

Row = OpenFile | Socket
"""A row of a snapshot."""

_SOON = 500_000_000
_SLOW = 5_000_000_000
_INTERNET = frozenset({"tcp", "tcp6", "udp", "udp6", "sctp", "sctp6", "raw", "raw6", "IPv4", "IPv6"})


@dataclass(slots=True)
class Look:
    """One snapshot: descriptors by process and number, sockets by inode, holder and addresses.

    `clock_ns` is when it was taken on the clock of the trace that it is
    compared with; None while that cannot be told. `unread` are processes whose
    descriptors could not be listed (NOFD), `cut` those of which lsof shows some
    numbers by their last digits alone (`*345`). `states` counts the states of
    its TCP sockets, `owned` says whether a row has an inode or a holder.
    """

    capture: Capture
    kind: str
    snapshot: Snapshot
    files: dict[int | None, dict[int, OpenFile]] = field(default_factory=dict)
    sockets: list[Socket] = field(default_factory=list)
    by_inode: dict[int, list[Row]] = field(default_factory=dict)
    by_holder: dict[tuple[int, int], Socket] = field(default_factory=dict)
    by_other_end: dict[str | None, list[Socket]] = field(default_factory=dict)
    clock_ns: int | None = None
    unread: set[int | None] = field(default_factory=set)
    cut: set[int | None] = field(default_factory=set)
    states: Counter[str] = field(default_factory=Counter)
    owned: bool = False
    _by_ends: dict[tuple[str, str], list[Socket]] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int]:
        """How far before and after `clock_ns` it may have been taken.

        A time line stands before the output of a tool that takes a while; the
        modification time of a file is that of its last line.
        """
        return (_SLOW, _SOON) if self.snapshot.clock == "none" else (_SOON, _SLOW)

    def add_file(self, row: OpenFile) -> None:
        """A descriptor; of one that is listed for every thread (lsof -K) the first row counts."""
        if row.fd is None:
            if row.slot == "NOFD":
                self.unread.add(row.pid)
            elif row.slot == "fd":
                self.cut.add(row.pid)
            return
        known = self.files.setdefault(row.pid, {}).setdefault(row.fd, row)
        if known is row and row.state and row.kind in ("tcp", "tcp6"):
            self.states[row.state] += 1
        if known is row and row.inode and row.kind in NUMBERED:
            self.by_inode.setdefault(row.inode, []).append(row)

    def add_socket(self, row: Socket) -> None:
        """A socket, or one holder of it."""
        self.sockets.append(row)
        self.owned = self.owned or bool(row.inode)
        if row.state and (row.proto or "").startswith("tcp"):
            self.states[row.state] += 1
        if row.inode:
            self.by_inode.setdefault(row.inode, []).append(row)
        if row.pid is not None and row.fd is not None:
            self.by_holder[row.pid, row.fd] = row
        self.by_other_end.setdefault(row.peer, []).append(row)

    def with_ends(self, local: str, peer: str) -> list[Socket]:
        """Sockets with this peer, at the port of this local address."""
        if not self._by_ends:
            for row in self.sockets:
                if row.local and row.peer:
                    self._by_ends.setdefault((row.local.rpartition(":")[2], row.peer), []).append(row)
        return self._by_ends.get((local.rpartition(":")[2], peer), [])

    def complete_for(self, pid: int | None) -> bool:
        """Whether all descriptors of a process seem to be listed, not those of the network alone."""
        if pid in self.unread:
            return False
        rows = self.files.get(pid, {})
        return any(row.kind not in _INTERNET for row in rows.values())

    def name(self) -> str:
        """The tool, in a word: lsof, netstat, ss, /proc."""
        return "/proc" if self.kind == "procfs" else self.kind


def looks_of(sheets: Iterable[tuple[Capture, Sheet]]) -> list[Look]:
    """Every snapshot of every capture, in the order of the captures."""
    found: list[Look] = []
    for capture, sheet in sheets:
        own = {shot.number: Look(capture, sheet.kind, shot) for shot in sheet.snapshots}
        for file in sheet.open_files:
            own[file.snapshot].add_file(file)
        for socket in sheet.sockets:
            own[socket.snapshot].add_socket(socket)
        found += own.values()
    return found


def when(look: Look) -> int:
    """Order of the looks; those that the trace cannot place are taken to be of its end."""
    return look.clock_ns if look.clock_ns is not None else (1 << 62) + (look.snapshot.at_ns or 0)


def begin(life: Life) -> int:
    """When a life began on the clock of its trace; -1 for what was there before."""
    return life.opened.clock if life.opened is not None else -1


def end(life: Life) -> int:
    """When a life ended; never, while it is open."""
    return life.closed.clock if life.closed is not None and life.how != "none" else 1 << 62


def alive(process: Process, look: Look) -> bool:
    """Whether a look can have seen this process; one without a time sees those that live at the end."""
    if look.clock_ns is None:
        return process.ended is None
    before, after = look.span
    born = process.started.clock if process.started is not None and process.ppid is not None else -1
    died = process.ended.clock if process.ended is not None else look.clock_ns
    return born - after <= look.clock_ns <= died + before


_LOOKED_AT = 4096
"""Bytes of an unfinished line that are kept from block to block: a quote shows its beginning."""


def quoted(capture: Capture, lines: Iterable[int]) -> dict[int, Evidence]:
    """These lines of a snapshot's file, to be shown as evidence; the file is read once more."""
    wanted = set(lines)
    found: dict[int, Evidence] = {}
    if not wanted:
        return found
    source = capture.sources[0]
    last, number, rest = max(wanted), 0, b""
    for block in source.blocks():
        *whole, rest = (rest + block).split(b"\n")
        rest = rest[:_LOOKED_AT]
        for text in whole:
            number += 1
            if number in wanted:
                found[number] = _evidence(source.name, number, text)
        if number >= last:
            return found
    if number + 1 in wanted:
        found[number + 1] = _evidence(source.name, number + 1, rest)
    return found


def _evidence(file: str, number: int, line: bytes) -> Evidence:
    text = " ".join(line.decode("utf-8", "backslashreplace").split())
    return Evidence(file, number, text[:300])
