"""Which descriptors does a program hand on to the programs that it executes?

A descriptor without close-on-exec stays open in the executed program, which
knows nothing of it: it keeps sockets and files alive and shows secrets. Some
are meant (a make jobserver, a listener handed over), so this is a remark.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..history import patterns
from ..history.callsites import CallSites
from ..history.lives import At, Life
from ..history.run import History
from ..history.tasks import Task
from ..model import Finding
from ..readers.strace.window import Scan
from .base import Check, called_by, quotes


@dataclass(slots=True)
class _Handed:
    life: Life
    execs: int = 0
    lives: set[int] = field(default_factory=set)
    examples: list[At] = field(default_factory=list)


class Inherited(Check):
    """Descriptors above standard error that survive an exec: low for sockets, else info."""

    name = "inherited"

    def __init__(self, scan: Scan, sites: CallSites) -> None:
        super().__init__(scan, sites)
        self.handed: dict[tuple[str | None, str, str], _Handed] = {}

    def executed(self, task: Task, at: At, inherited: list[Life]) -> None:
        """Count what an exec left open, by who had opened it."""
        for life in inherited:
            origin = life
            while origin.parent is not None:
                origin = origin.parent
            if origin.opened is None:
                continue
            key = (origin.process.command, origin.kind, patterns.of(origin))
            handed = self.handed.setdefault(key, _Handed(origin))
            handed.execs += 1
            if len(handed.lives) < 1000:
                handed.lives.add(origin.ident)
            if len(handed.examples) < 2:
                handed.examples += [origin.opened, at]

    def findings(self, history: History) -> list[Finding]:
        """One finding per command, kind and target."""
        found = []
        for (command, kind, pattern), handed in self.handed.items():
            site = self.site(handed.life.opened.stack) if handed.life.opened is not None else None
            found.append(
                Finding(
                    key=f"inherited:{command or '?'}:{kind}:{site.site if site else pattern}",
                    check=self.name,
                    severity="low" if kind in ("tcp", "tcp6", "unix", "udp", "udp6") else "info",
                    title=f"{len(handed.lives):,} {kind} ({pattern}) stayed open in executed programs",
                    capture=history.capture.name,
                    pid=handed.life.process.pid,
                    command=command,
                    **called_by(site),
                    kind=kind,
                    target=pattern,
                    opened=len(handed.lives),
                    examples=(history.fd_id(handed.life),),
                    evidence=quotes(history, list(handed.examples)),
                    reasons=("opened without close-on-exec",),
                    advice="open it with O_CLOEXEC or SOCK_CLOEXEC, unless it is meant to be handed on",
                )
            )
        return found
