"""Which numbers are closed twice?

A close of a number that is not open fails with EBADF and does no harm, this
time. In a program with threads the number may have been given to somebody else
in between, and then the second close takes an innocent descriptor away.
"""

from __future__ import annotations

from ..history.lives import At
from ..history.run import History
from ..model import Finding
from .bad_numbers import BadNumbers
from .base import called_by, quotes


class DoubleClose(BadNumbers):
    """close() of a number that was closed before: low, medium where another thread had closed it."""

    name = "double_close"

    def concerns(self, at: At) -> bool:
        """Only close."""
        return at.syscall == b"close"

    def findings(self, history: History) -> list[Finding]:
        """One finding per command and call site."""
        return [
            Finding(
                key=f"double_close:{b.command or '?'}:{b.site.site if b.site else 'close'}",
                check=self.name,
                severity="medium" if b.across else "low",
                title=f"{b.count:,} close() of a number that was closed before",
                capture=history.capture.name,
                pid=next(iter(b.pids)) if len(b.pids) == 1 else None,
                pids=tuple(sorted(b.pids)),
                command=b.command,
                **called_by(b.site),
                opened=None,
                evidence=quotes(history, self.places(b, history)),
                reasons=_reasons(b.count, b.across),
                advice="close each descriptor in one place only, and forget its number (set it to -1) there",
            )
            for b in self.blunders.values()
        ]


def _reasons(count: int, across: int) -> tuple[str, ...]:
    if across:
        return (f"in {across:,} of {count:,} another thread had closed it: a race that can hit the innocent",)
    return ("the same thread closes twice; with threads, the second close can hit an innocent descriptor",)
