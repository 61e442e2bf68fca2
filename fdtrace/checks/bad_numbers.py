"""Calls on numbers that were not open (EBADF), gathered by who made them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..history.callsites import CallSite, CallSites
from ..history.lives import At
from ..history.run import History
from ..history.tasks import Task
from ..readers.strace.window import Scan
from .base import Check

SWEEP = 64
"""Failures of one thread this close together, on neighbouring numbers, are a loop over all numbers."""


@dataclass(slots=True)
class Blunders:
    """Failed calls of one command, system call and call site."""

    command: str | None
    syscall: str
    site: CallSite | None
    count: int = 0
    across: int = 0
    """Those whose number another thread had closed."""
    examples: list[tuple[At, At]] = field(default_factory=list)
    """The failed call, and the call that had closed the number."""
    pids: set[int] = field(default_factory=set)


class BadNumbers(Check):
    """Shared half of double_close and use_after_close."""

    def __init__(self, scan: Scan, sites: CallSites) -> None:
        super().__init__(scan, sites)
        self.blunders: dict[tuple[str | None, str, str | None], Blunders] = {}
        self._previous: dict[int, At] = {}
        self._numbers: dict[int, int] = {}

    def concerns(self, at: At) -> bool:
        """Whether a failed call is this check's business."""
        raise NotImplementedError

    def failed(self, task: Task, at: At, fd: int, errno: bytes, last: At | None) -> None:
        """Count a call on a number that was open before; loops over all numbers mean nothing."""
        if errno != b"EBADF" or not self.concerns(at):
            return
        before, number = self._previous.get(at.tid), self._numbers.get(at.tid, -9)
        self._previous[at.tid], self._numbers[at.tid] = at, fd
        if last is None or (before is not None and at.pos - before.pos < SWEEP and abs(fd - number) <= 3):
            return
        site = self.site(at.stack)
        name = at.syscall.decode("ascii", "replace")
        command = task.process.command
        key = (command, name, site.site if site else None)
        blunders = self.blunders.get(key)
        if blunders is None:
            blunders = self.blunders[key] = Blunders(command, name, site)
        blunders.count += 1
        blunders.across += last.tid != at.tid
        if task.process.pid is not None and len(blunders.pids) < 100:
            blunders.pids.add(task.process.pid)
        if len(blunders.examples) < 3:
            blunders.examples.append((at, last))

    def places(self, blunders: Blunders, history: History) -> list[At | None]:
        """Lines to quote: who closed the number, and who came too late."""
        return [place for at, last in blunders.examples for place in (last, at)]
