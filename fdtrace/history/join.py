"""Lives and what snapshots saw of them, brought together.

A row of lsof or of /proc/PID/fd is a life when its inode is the life's, else
when process and number are, at that time, and the kinds agree. A row of
netstat, ss or /proc/net is one by inode, then by holder, then by its addresses,
as seen from the life's own end. The newest word on a socket's state counts: a
snapshot's, unless a system call decided it later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..readers.bundle import Capture
from ..readers.sheet import OpenFile, Sheet
from . import clocks
from .adoption import Reconciliation
from .joined import Joined, limit_of_all
from .kernel import Observer
from .kinds import NUMBERED, agree, proven, same_file
from .lives import Life, Table
from .looks import Look, alive, begin, end, looks_of, when
from .run import History
from .states import SOCKETS, settle
from .tasks import Process

if TYPE_CHECKING:
    from .news import News

_KEPT = 128
"""Lives of one number that are remembered when they end: the longest, and what a snapshot has by inode."""
_REMEMBERED = 200_000
"""Lives that are remembered in all, about 0.1 GB: when there are more, fewer are of each number."""
_PAIRS = 400
_TOGETHER = 5_000_000_000
"""Snapshots so close to each other are of one moment."""


class Join(Observer):
    """Remembers what of a trace snapshots may have seen; `finish` brings both together."""

    def __init__(
        self,
        sheets: Sequence[tuple[Capture, Sheet]],
        epoch_offset: int | None = None,
        remembered: int = _REMEMBERED,
    ) -> None:
        self.looks = looks = looks_of(sheets)
        self._logs = [one for one in sheets if one[1].kind == "lws"]
        self._limits = {
            facts.pid: facts.nofile_limit
            for _, sheet in sheets
            for facts in sheet.processes
            if facts.nofile_limit
        }
        self._epoch_offset = epoch_offset
        self._inodes = {inode for look in looks for inode in look.by_inode}
        self._numbers = {fd for look in looks for rows in look.files.values() for fd in rows}
        self._listed = {(pid, fd) for look in looks for pid, rows in look.files.items() for fd in rows}
        self._lives: dict[tuple[int | None, int], list[Life]] = {}
        self._processes: dict[int | None, list[Process]] = {}
        self._thinned: set[tuple[int | None, int]] = set()
        self._remembered, self._kept, self._count = remembered, _KEPT, 0

    def closed(self, life: Life) -> None:
        """Keep a life that a snapshot may have seen, in its process or in a child of that."""
        left = life.how == "exit" and life.kind in SOCKETS
        if not (left or life.fd in self._numbers or life.inode in self._inodes):
            return
        kept = self._lives.setdefault((life.process.pid, life.fd), [])
        kept.append(life)
        self._count += 1
        if len(kept) >= 2 * self._kept:
            self._thin(kept)
        if self._count > self._remembered:
            self._kept = max(1, self._kept // 2)
            for kept in self._lives.values():
                self._thin(kept)
            self._forget()

    def hear(self, news: News) -> None:
        """Only where there are snapshots, somebody asks for closed lives."""
        if self.looks:
            super().hear(news)

    def _thin(self, kept: list[Life]) -> None:
        """Forget the shortest lives of a number: those that a snapshot has hardly seen."""
        if len(kept) <= self._kept:
            return
        known = {id(one) for one in kept if one.inode in self._inodes}
        known |= {id(one) for one in sorted(kept, key=_length)[-self._kept :]}
        self._count -= len(kept) - len(known)
        self._thinned.add((kept[0].process.pid, kept[0].fd))
        kept[:] = [one for one in kept if id(one) in known]

    def _forget(self) -> None:
        """The older half of what no snapshot lists under its process."""
        others = [key for key in self._lives if key not in self._listed]
        for key in others[: len(others) // 2 + 1]:
            self._count -= len(self._lives.pop(key))

    def _learn_limits(self, history: History) -> None:
        """The limit of open descriptors where only /proc/PID/limits tells it."""
        for pid, processes in self._processes.items():
            if pid in self._limits and processes[-1].limit is None:
                processes[-1].limit = self._limits[pid]
        limit_of_all(history)

    def finish(self, history: History) -> Joined:
        """Place the snapshots in time, find their lives, adopt what was missed, settle the states."""
        joined = Joined(self.looks, logs=self._logs)
        history.joined = joined
        for process in history.fold.calls.kernel.processes:
            self._processes.setdefault(process.pid, []).append(process)
        joined.pids = frozenset(pid for pid in self._processes if pid is not None)
        self._learn_limits(history)
        if not self.looks:
            return joined
        coverage = history.coverage
        clock = coverage.clock if coverage.first_ns is not None else "none"
        joined.clock = clocks.align(
            self.looks, clock, coverage.first_ns or 0, coverage.last_ns or 0, self._epoch_offset
        )
        joined.owners = _name_processes(self.looks, history)
        for life in history.open_lives():
            self._lives.setdefault((life.process.pid, life.fd), []).append(life)
        joined.left = [
            life for lives in self._lives.values() for life in lives if life.how in ("none", "exit")
        ]
        joined.skew_ns = self._correct_skew()
        for look in self.looks:
            if look.clock_ns is not None:
                near = (_TOGETHER, _TOGETHER) if joined.skew_ns else look.span
                look.clock_ns = clocks.moment(self._spans(look), look.clock_ns, *near)
        joined.commands = _commands(self.looks)
        ordered = sorted(self.looks, key=when)
        for look in reversed(ordered):  # what is open at the end learns its inode first
            self._match(look, joined)
        for rows in joined.rows.values():
            rows.reverse()
        Reconciliation(joined, history, self).run(ordered)
        known = {id(life): life for lives in (*self._lives.values(), joined.left) for life in lives}
        joined.traced = [life for life in known.values() if life.opened is not None and joined.of(life)]
        settle(joined, history)
        return joined

    # -- clocks --------------------------------------------------------------

    def _correct_skew(self) -> int:
        """Seconds by which the snapshots' clock is off, by the lives that they must have seen."""
        spans: list[tuple[int, int]] = []
        for look in self.looks:
            if look.clock_ns is not None:
                for pid, rows in look.files.items():
                    for row in rows.values():
                        spans += self._span(look, look.clock_ns, pid, row)
        step = len(spans) // _PAIRS + 1
        shift, _ = clocks.skew(spans[::step])
        if shift:
            for look in self.looks:
                look.clock_ns = None if look.clock_ns is None else look.clock_ns + shift
        return shift

    def _span(self, look: Look, time: int, pid: int | None, row: OpenFile) -> Iterable[tuple[int, int]]:
        """By how much the look must be moved to fall into the only life that this row can be."""
        known = self._lives.get((pid, row.fd or 0), ())
        same = [life for life in known if proven(life, row)]
        if not same and len(known) == 1 and same_file(known[0], row):
            same = [known[0]]
        if len(same) == 1 and same[0].opened is not None and same[0].opened.clock >= 0:
            before, after = look.span
            end = same[0].closed
            low = same[0].opened.clock - time - after
            yield low, (end.clock - time + before if end is not None else low + clocks.DAY)

    def _spans(self, look: Look) -> list[tuple[int, int]]:
        """From when to when the lives that a look may have seen were open."""
        return [
            (begin(life), end(life))
            for pid, rows in look.files.items()
            for fd, row in rows.items()
            for life in self._lives.get((pid, fd), ())
            if same_file(life, row)
        ]

    # -- matching ------------------------------------------------------------

    def _match(self, look: Look, joined: Joined) -> None:
        shared: dict[int, Life] = {}
        for pid, rows in look.files.items():
            if pid not in self._processes:
                continue
            for fd, row in rows.items():
                joined.compared += 1
                life = self.life_at(look, row, pid, fd)
                if life is None and (life := self.inherited(look, pid, fd, row)) is not None:
                    shared[id(life)] = life
                if life is not None:
                    joined.rows.setdefault(id(life), []).append((look, row))
                    if life.inode is None and life.kind in NUMBERED and row.kind in NUMBERED:
                        life.inode = row.inode
        known = set(map(id, joined.left))
        joined.left += [life for key, life in shared.items() if key not in known]

    def lives(self, pid: int | None, fd: int) -> list[Life]:
        """What the trace has of a number, oldest first."""
        return self._lives.get((pid, fd), [])

    def life_at(self, look: Look, row: OpenFile, pid: int | None, fd: int) -> Life | None:
        """The life that a row shows; None when the trace has none there at that time."""
        lives = [life for life in self.lives(pid, fd) if same_file(life, row)]
        time = look.clock_ns
        if time is None:
            same = [life for life in lives if proven(life, row)]
            still = [life for life in lives if life.how in ("none", "exit") and self._of_the_end(look)]
            return (same or still or [None])[-1]  # type: ignore[list-item]
        before, after = look.span
        there = [life for life in lives if begin(life) <= time + after and end(life) >= time - before]
        own = row.tid in (None, pid)
        far = [
            (
                not proven(life, row),
                (life.table is life.process.table) is not own,
                max(begin(life) - time, time - end(life), 0),
                -_length(life),
            )
            for life in there
        ]
        if far and (pid, fd) in self._thinned and min(far)[0] and min(far)[2]:
            return None  # it may be one of those that were forgotten
        return there[far.index(min(far))] if there else None

    def _of_the_end(self, look: Look) -> bool:
        """Whether no look was taken much later; one that has no time at all may be of the end."""
        return look.snapshot.at_ns is None or self._newest(look) - look.snapshot.at_ns <= _TOGETHER

    def _newest(self, look: Look) -> int:
        times = [other.snapshot.at_ns for other in self.looks if other.snapshot.at_ns is not None]
        return max(times)

    def inherited(self, look: Look, pid: int | None, fd: int, row: OpenFile) -> Life | None:
        """The life of a parent that a forked child still shares, or shared until its end."""
        for process in self._processes.get(pid, ()):
            table = process.table
            if table is None or not alive(process, look):
                continue
            life = table.fds.get(fd)
            if life is not None and life.table is not table and same_file(life, row):
                return life
            if life is None and process.ended is not None and (life := self._handed_down(table, fd, row)):
                return life
        return None

    def _handed_down(self, table: Table, fd: int, row: OpenFile) -> Life | None:
        """What a table that is gone had of its parent when it was made."""
        while table.origin is not None and table.forked is not None:
            time, table = table.forked.clock, table.origin
            for life in self.lives(table.process.pid, fd):
                if begin(life) <= time <= end(life) and same_file(life, row):
                    return life
        return None


def _length(life: Life) -> int:
    return end(life) - begin(life)


def _commands(looks: Iterable[Look]) -> dict[int, str]:
    """What the snapshots call each process, the newest last."""
    found: dict[int, str] = {}
    for look in looks:
        for pid, rows in look.files.items():
            row = next(iter(rows.values()), None)
            if pid is not None and row is not None and row.command:
                found[pid] = row.command
        for socket in look.sockets:
            if socket.pid is not None and socket.program:
                found.setdefault(socket.pid, socket.program.rpartition("/")[2])
    return found


def _name_processes(looks: Iterable[Look], history: History) -> dict[tuple[str, int], int]:
    """Listings that do not say whose they are: of the traced process whose descriptors they agree with."""
    owners: dict[tuple[str, int], int] = {}
    alive = [p for p in history.fold.calls.kernel.processes if p.table is not None and p.pid is not None]
    for look in looks:
        rows = look.files.get(None)
        if not rows:
            continue
        scores = []
        for process in alive:
            fds = process.table.fds if process.table is not None else {}
            both = [fd for fd in rows if fd in fds]
            agreed = sum(agree(fds[fd].kind, rows[fd].kind) for fd in both)
            scores.append((agreed, -len(fds), process))
        best = max(scores, key=lambda one: one[:2], default=None)
        if best is None or (len(alive) > 1 and best[0] * 2 < len(rows)):
            continue
        pid = best[2].pid
        assert pid is not None
        owners[look.capture.name, look.snapshot.number] = pid
        look.files.setdefault(pid, {}).update(look.files.pop(None))
    return owners


__all__ = ["Join"]
