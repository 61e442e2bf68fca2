"""What becomes of the join of a trace with the snapshots beside it, or with none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .kernel import Observer
from .lives import Life
from .run import History

if TYPE_CHECKING:
    from ..readers.bundle import Capture
    from ..readers.sheet import Sheet
    from .adoption import Gap
    from .looks import Look, Row
    from .news import News


@dataclass(slots=True)
class Joined:
    """What became of the join of one trace with all snapshots."""

    looks: list[Look]
    clock: str = ""
    """In words, what was assumed about the clocks."""
    skew_ns: int = 0
    rows: dict[int, list[tuple[Look, Row]]] = field(default_factory=dict)
    """By the id of a life: every row that is it, oldest snapshot first."""
    adopted: list[Gap] = field(default_factory=list)
    gone: list[Gap] = field(default_factory=list)
    compared: int = 0
    """Descriptors of traced processes that the snapshots list, in all."""
    owners: dict[tuple[str, int], int] = field(default_factory=dict)
    """Whose descriptors a listing has that does not say it, by capture and number of the snapshot."""
    commands: dict[int, str] = field(default_factory=dict)
    """Names of programs by process, where only the snapshots tell them."""
    logs: list[tuple[Capture, Sheet]] = field(default_factory=list)
    """The libwebsockets logs beside the trace."""
    pids: frozenset[int] = frozenset()
    """The processes that were traced."""
    told: set[int] = field(default_factory=set)
    """The lives, by id, that a leak was found in."""
    traced: list[Life] = field(default_factory=list)
    """Lives that snapshots show, and the trace as well from their creation on."""
    left: list[Life] = field(default_factory=list)
    """Lives that nobody closed: open at the end, or when their process ended."""
    verified: set[int] = field(default_factory=set)
    """Lives, by id, that the newest full listing of their process still shows."""

    def account(self) -> tuple[str, ...]:
        """How far the trace and the snapshots agree, in words."""
        if not self.compared:
            return tuple(filter(None, [self.clock]))
        from ..readers.sheet import OpenFile

        found = sum(isinstance(row, OpenFile) for rows in self.rows.values() for _, row in rows)
        missing = self.compared - found
        before = sum(gap.before for gap in self.adopted)
        told = [f"{self.compared:,} rows about traced processes"]
        if self.adopted:
            since = f", {before:,} of them from before it" if before else ""
            told.append(f"{len(self.adopted):,} descriptors whose opening is not in the trace{since}")
        if self.gone:
            told.append(f"{len(self.gone):,} descriptors whose close is not in the trace")
        if not self.adopted and not self.gone:
            told.append("every descriptor at the end is accounted for")
        if missing > 0:
            told.append(f"{missing:,} rows that fit no life at their time")
        if self.skew_ns:
            told.append(f"clocks {self.skew_ns / 1e9:+.1f} s apart")
        return (*told, *filter(None, [self.clock]))

    def name_processes(self, history: History) -> None:
        """Gives processes the names that only snapshots tell."""
        for process in history.fold.calls.kernel.processes:
            if process.command is None and process.pid in self.commands:
                process.command = self.commands[process.pid]

    def names(self, lives: Iterable[Life]) -> set[tuple[int | None, object]]:
        """What these lives are called in the snapshots: process with number, process with addresses."""
        found: set[tuple[int | None, object]] = set()
        for life in lives:
            for _, row in self.of(life):
                pid = row.pid if row.pid is not None else life.process.pid
                found |= {(pid, life.fd), (pid, f"{row.local}->{row.peer}")}
        return found

    def of(self, life: Life) -> list[tuple[Look, Row]]:
        """The rows that are this life."""
        own = self.rows.get(id(life), [])
        if not own and life.parent is not None:
            return [(look, row) for look, row in self.of(life.parent) if row.pid == life.process.pid]
        return own


class Alone(Observer):
    """Stands for the join (see :class:`.join.Join`) of a trace that has nothing beside it."""

    def hear(self, news: News) -> None:
        """Nothing needs to be remembered."""

    def finish(self, history: History) -> Joined:
        """Who was traced."""
        joined = history.joined = Joined([])
        pids = (process.pid for process in history.fold.calls.kernel.processes)
        joined.pids = frozenset(pid for pid in pids if pid is not None)
        limit_of_all(history)
        return joined


def limit_of_all(history: History) -> None:
    """Of a trace of one process the limit of open descriptors is the one that it had last."""
    processes = history.fold.calls.kernel.processes
    if history.coverage.limit is None and len({process.pid for process in processes}) == 1:
        history.coverage.limit = processes[-1].limit
