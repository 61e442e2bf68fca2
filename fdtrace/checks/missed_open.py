"""What does a snapshot show that was not seen being opened?"""

from __future__ import annotations

from ..history.lives import STDIO
from ..history.run import History
from ..model import Finding
from . import gaps
from .base import Check


class MissedOpen(Check):
    """Descriptors that a snapshot shows and whose creation the trace does not have.

    After an attach they are what was there before. In a trace from birth they
    mean that calls are missing from it: a filter, a thread that was not followed,
    a call that strace cannot show (io_uring). They are listed in `fds` as
    `snapshot` or `inherited`, with certainty `inferred`.
    """

    name = "missed_open"

    def findings(self, history: History) -> list[Finding]:
        """One finding for each process and kind."""
        joined = history.joined
        if joined is None:
            return []
        missed = [gap for gap in joined.adopted if gap.life.fd >= STDIO]
        return [gaps.finding(self.name, own, history, joined) for own in gaps.groups(missed)]
