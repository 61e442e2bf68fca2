"""What is still open by the trace, and in no later snapshot?"""

from __future__ import annotations

from ..history.run import History
from ..model import Finding
from . import gaps
from .base import Check


class MissedClose(Check):
    """Descriptors that the trace has open and a later snapshot does not show.

    Their close was missed, so what else the trace shows as never closed is to be
    doubted as well. They end in `fds` as `snapshot_gone`.
    """

    name = "missed_close"

    def findings(self, history: History) -> list[Finding]:
        """One finding for each process and kind."""
        joined = history.joined
        if joined is None or not history.coverage.closes_visible:
            return []  # that all closes are missing is known, and said elsewhere
        return [gaps.finding(self.name, own, history, joined) for own in gaps.groups(joined.gone)]
