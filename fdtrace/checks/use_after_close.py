"""Which descriptors are used after they were closed?

A call on a number that was closed fails with EBADF, or, once the number has
been given out again, works on a file that it was not meant for.
"""

from __future__ import annotations

from ..history.lives import At
from ..history.run import History
from ..model import Finding
from .bad_numbers import BadNumbers
from .base import called_by, quotes


class UseAfterClose(BadNumbers):
    """A call other than close on a number that was closed: low, medium where another thread had closed it."""

    name = "use_after_close"

    def concerns(self, at: At) -> bool:
        """All calls but close; fcntl(F_GETFD) and fstat are how programs ask whether a number is open."""
        return at.syscall not in (b"close", b"fcntl", b"fcntl64", b"fstat", b"newfstatat", b"dup2", b"dup3")

    def findings(self, history: History) -> list[Finding]:
        """One finding per command, system call and call site."""
        return [
            Finding(
                key=f"use_after_close:{b.command or '?'}:{b.site.site if b.site else b.syscall}",
                check=self.name,
                severity="medium" if b.across else "low",
                title=f"{b.count:,} {b.syscall}() on a number that was closed before",
                capture=history.capture.name,
                pid=next(iter(b.pids)) if len(b.pids) == 1 else None,
                pids=tuple(sorted(b.pids)),
                command=b.command,
                **called_by(b.site),
                evidence=quotes(history, self.places(b, history)),
                reasons=(f"in {b.across:,} of {b.count:,} another thread had closed it",) if b.across else (),
                advice="end all users of a descriptor before it is closed",
            )
            for b in self.blunders.values()
        ]
