"""The checks of snapshots and logs, after those of the traces beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..history.joined import Joined
from ..model import Finding
from .base import Check
from .leak import Leak

if TYPE_CHECKING:
    from ..readers.bundle import Capture
    from ..readers.sheet import Sheet
    from .snapshot_report import Named

_OTHER = "of a process that was not traced, by snapshots alone"


class Known:
    """What traces account for, so that snapshots do not tell it again."""

    def __init__(self) -> None:
        self._joins: list[tuple[Joined, list[Leak]]] = []

    def add(self, joined: Joined, checks: Iterable[Check]) -> None:
        """One trace, joined; its checks are asked for what they reported once they have judged."""
        self._joins.append((joined, [check for check in checks if isinstance(check, Leak)]))

    def findings(self, sheets: Sequence[tuple[Capture, Sheet]], only: Collection[str]) -> list[Finding]:
        """What snapshots and logs say that is not said yet."""
        if not sheets:
            return []
        from . import lws_logs, snapshots

        explained: set[Named] = set()
        leaked: set[Named] = set()
        for joined, checks in self._joins:
            explained |= joined.names(joined.traced)
            for check in checks:
                leaked |= joined.names(check.reported)
        found = snapshots.findings(sheets, explained, leaked, only)
        if self._joins:
            found = [self._about_others(finding) for finding in found]
        return found + lws_logs.findings(sheets, only)

    def _about_others(self, finding: Finding) -> Finding:
        """The question is asked of the processes that were traced: of others there is a remark."""
        pids = {pid for joined, _ in self._joins for pid in joined.pids}
        if finding.severity in ("info", "low") or pids & {*finding.pids, finding.pid}:
            return finding
        return replace(finding, severity="low", reasons=(_OTHER, *finding.reasons))


__all__ = ["Known"]
