"""Which closes failed?

A close that fails with anything but EBADF has released the number all the same
(close(2), Linux), so it is no leak; but EIO, ENOSPC and EDQUOT mean that data
written before may be lost.
"""

from __future__ import annotations

from ..history.callsites import CallSites
from ..history.lives import Life
from ..history.run import History
from ..model import Finding
from ..readers.strace.window import Scan
from .base import Check, quotes

_LOSSES = frozenset({"EIO", "ENOSPC", "EDQUOT"})


class CloseErrors(Check):
    """Closes that failed: low, medium where data may be lost."""

    name = "close_errors"
    plain = False

    def __init__(self, scan: Scan, sites: CallSites) -> None:
        super().__init__(scan, sites)
        self.lives: dict[tuple[str | None, str], list[Life]] = {}

    def closed(self, life: Life) -> None:
        """Keep the first of each kind."""
        if life.how == "close_error":
            self.lives.setdefault((life.process.command, life.close_errno), []).append(life)

    def findings(self, history: History) -> list[Finding]:
        """One finding per command and errno."""
        return [
            Finding(
                key=f"close_errors:{command or '?'}:{errno}",
                check=self.name,
                severity="medium" if errno in _LOSSES else "low",
                title=f"{len(lives):,} close() failed with {errno}",
                capture=history.capture.name,
                pid=lives[0].process.pid,
                command=command,
                kind=lives[0].kind,
                target=lives[0].target,
                examples=tuple(history.fd_id(life) for life in lives[:5]),
                evidence=quotes(history, [life.closed for life in lives[:3]]),
                reasons=("the number is free all the same",),
                advice="check what fsync() and close() return" if errno in _LOSSES else "",
            )
            for (command, errno), lives in self.lives.items()
        ]
