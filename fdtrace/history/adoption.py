"""The tables of a trace at its end against the newest full listing of each process.

What a listing shows and the trace has not is adopted; what the trace has and a
listing does not show was closed unseen. Both are said only of what cannot be
explained otherwise: a listing that is filtered, of another moment than its stamp
says, or in conflict with what the trace proves, ends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..readers.sheet import OpenFile
from .kinds import NUMBERED, same_file, same_row
from .lives import STDIO, Life
from .looks import Look, alive, begin, end, when
from .run import History
from .tasks import Process

if TYPE_CHECKING:
    from .join import Join
    from .joined import Joined

_AFTER = 5_000_000_000
"""A listing that takes a while may miss what was opened, and show what was closed, so long before."""
_SHORT = 500_000_000
_CUT = 1000
"""lsof cuts numbers that are too long for their column; those below this are whole."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What the trace and a snapshot tell differently.

    `life` is the one that the trace has open and the snapshot does not show
    (its close was missed), or the one that was adopted because the snapshot
    shows it and the trace has no creation (`row`).
    """

    look: Look
    life: Life
    row: OpenFile | None = None
    before: bool = False
    """It stood in the first snapshot, which is from before the trace: it was there already."""


class Reconciliation:
    """Adopts what snapshots show and the trace has not; ends what the trace has and they do not show."""

    def __init__(self, joined: Joined, history: History, join: Join) -> None:
        self.joined = joined
        self.history = history
        self.join = join
        self.last_ns = history.coverage.last_ns or 0
        self.first_ns = history.coverage.first_ns or 0
        self.blind = not history.coverage.closes_visible
        self.open: dict[int | None, list[Life]] = {}
        for life in history.open_lives():
            self.open.setdefault(life.process.pid, []).append(life)

    def run(self, ordered: Sequence[Look]) -> None:
        """Every process, by the looks that list all of its descriptors."""
        for process in self.history.fold.calls.kernel.processes:
            if process.pid is None or process.table is None:
                continue
            own = [look for look in ordered if look.complete_for(process.pid) and alive(process, look)]
            if not own:
                continue
            newest, oldest = own[-1], own[0]
            if process.ended is None:
                self._end_missing(newest, process)
            for fd, row in sorted(newest.files[process.pid].items()):
                life = process.table.fds.get(fd)
                if life is not None and life.opened is None and life.parent is None and same_file(life, row):
                    self._learn(life, self._first_seen(own, process.pid, fd, row), row, oldest)
                elif row.tid in (None, process.pid) and not self._shown(process.pid, fd, newest):
                    self._adopt(process, fd, self._first_seen(own, process.pid, fd, row), row, oldest)

    # -- what is missing in the trace ------------------------------------------

    def _shown(self, pid: int, fd: int, look: Look) -> bool:
        """Whether the trace accounts for a row: by a life, or because the number changed hands since."""
        row = look.files[pid][fd]
        if self.join.inherited(look, pid, fd, row) is not None:
            return True
        time = look.clock_ns
        known = self.join.lives(pid, fd)
        if time is None:
            return any(life.how == "none" for life in known)
        return any(end(life) >= time - _AFTER or begin(life) >= time - _AFTER for life in known)

    def _first_seen(self, own: Sequence[Look], pid: int, fd: int, row: OpenFile) -> Look:
        """The oldest look from which on this file is at this number."""
        since = own[-1]
        begun = [life for life in self.join.lives(pid, fd) if life.opened is not None]
        for look in reversed(own):
            other = look.files[pid].get(fd)
            if other is None or not same_row(other, row):
                break
            if any(begin(life) <= when(look) <= end(life) for life in begun):
                break
            since = look
        return since

    def _adopt(self, process: Process, fd: int, since: Look, row: OpenFile, oldest: Look) -> None:
        kernel, table, pid = self.history.fold.calls.kernel, process.table, process.pid
        assert table is not None
        if fd in table.fds:
            return
        life = kernel.life(table, fd, row.kind, "snapshot", None)
        kernel.begun.pop()
        life.certain = False
        if process.ended is None:
            table.fds[fd] = life
            process.peak = max(process.peak, len(table.fds))
            self.joined.verified.add(id(life))
        else:
            life.how, life.closed = "exit", process.ended
        self.joined.left.append(life)
        for look in self.joined.looks:
            other = look.files.get(pid, {}).get(fd)
            if other is not None and when(look) >= when(since) and same_row(other, row):
                self.joined.rows.setdefault(id(life), []).append((look, other))
        self._learn(life, since, row, oldest)
        self.join.lives(pid, fd).append(life)

    def _learn(self, life: Life, since: Look, row: OpenFile, oldest: Look) -> None:
        """What a snapshot tells of a life whose creation the trace does not show."""
        if life.kind in ("unknown", "socket"):
            life.kind = row.kind
        life.target = life.target or row.name
        if life.inode is None and row.kind in NUMBERED:
            life.inode = row.inode
        life.local, life.peer = life.local or row.local, life.peer or row.peer
        life.cloexec = row.cloexec if life.cloexec is None else life.cloexec
        for _, other in self.joined.rows.get(id(life), ()):  # lsof names what /proc only calls a socket
            if not isinstance(other, OpenFile) or other.kind == "socket" or life.kind != "socket":
                continue
            if same_row(other, row):
                life.kind, life.target = other.kind, other.name or life.target
        before = since is oldest and since.clock_ns is not None and since.clock_ns < self.first_ns
        self.joined.adopted.append(Gap(since, life, row, before))

    # -- what is missing in a listing --------------------------------------------

    def _end_missing(self, newest: Look, process: Process) -> None:
        """Lives that the newest listing does not show, though it was taken while they should be open."""
        time, rows, table = newest.clock_ns, newest.files[process.pid], process.table
        if time is None or table is None:
            return
        missing, conflicts = [], 0
        for life in self.open.get(process.pid, ()):
            if life.table is not table or begin(life) > time + newest.span[1]:
                continue
            used = life.last_use.clock if life.last_use is not None else -1
            row = rows.get(life.fd)
            if row is not None and same_file(life, row):
                self.joined.verified.add(id(life))
            elif begin(life) < time - _AFTER and (life.fd < _CUT or process.pid not in newest.cut):
                missing += [(life, row)] if used < time - _AFTER else []
                conflicts += used > time + _AFTER
        if not missing or not self._trusted(newest, process, conflicts):
            return
        for life, row in missing:
            del table.fds[life.fd]
            table.cloexec.discard(life.fd)
            life.how, life.certain = "snapshot_gone", False
            self.joined.gone.append(Gap(newest, life, row))

    def _trusted(self, look: Look, process: Process, conflicts: int) -> bool:
        """Whether what this listing does not show was closed before it was taken.

        Not if it is of after the trace (it may have been closed in between), has
        only a file's time, seems filtered, or shows what by the trace is not there.
        Where closes were not recorded, whatever it does not show may be closed.
        """
        rows = look.files[process.pid]
        if not any(fd < STDIO for fd in rows):
            return False
        conflicts += sum(self._in_conflict(look, process.pid, fd, row) for fd, row in rows.items())
        if conflicts * 10 > len(rows):
            return False
        late = look.clock_ns is None or look.clock_ns > self.last_ns + _SHORT
        return self.blind or (not late and look.snapshot.clock != "none")

    def _in_conflict(self, look: Look, pid: int | None, fd: int, row: OpenFile) -> bool:
        if not any(life.opened is not None for life in self.join.lives(pid, fd)):
            return False
        found = self.join.life_at(look, row, pid, fd) or self.join.inherited(look, pid, fd, row)
        return found is None
