"""Which descriptors outlive the context or the connection of libwebsockets that opened them?

Needs a trace and a log of the same program: the log says when contexts and
connections were destroyed, the trace who opened what in between.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..history.callsites import CallSites
from ..history.lives import Life
from ..history.lws import LeftBehind, contexts, left_behind, outlived, shift
from ..history.lws_written import places, written
from ..history.run import History
from ..model import Evidence, Finding
from ..readers.bundle import Capture
from ..readers.sheet import LwsObject, Sheet
from ..readers.strace.window import Scan
from . import lws_words as words
from .base import Check, called_by, quotes
from .lws_objects import evidence

_SHOWN = 3


class LwsDescriptors(Check):
    """Descriptors that stay open after the libwebsockets context or connection that opened them.

    What is a leak by the trace is told there, not again here.

    Args:
        few: descriptors of one place that are left behind, below which it is low
            (3: a context that is destroyed last may be caught half way).
        many: how many of them are high (8).
    """

    name = "lws_descriptors"
    plain = False

    def __init__(self, scan: Scan, sites: CallSites, *, few: int = 3, many: int = 8) -> None:
        super().__init__(scan, sites)
        self.few, self.many = few, many
        self._left: list[Life] = []

    def closed(self, life: Life) -> None:
        """Keep what only the end of its process closed."""
        if life.how == "exit" and life.process.left:
            self._left.append(life)

    def findings(self, history: History) -> list[Finding]:
        """One finding for each place, and for each sort of connection, of each log."""
        joined = history.joined
        logs = joined.logs if joined is not None else []
        told = joined.told if joined is not None else set()
        lives = [life for life in (*self._left, *history.open_lives()) if id(life) not in told]
        found: list[Finding] = []
        own = written(history) if logs else None
        for capture, sheet in logs:
            at = shift(capture, sheet, history) if sheet.lws_objects else None
            if at is None:
                continue
            behind = left_behind(sheet, at, lives, history, self.sites)
            exact = _exact(behind, places(sheet, own)) if own and len(history.capture.sources) == 1 else False
            found += self._behind(history, capture, sheet, behind, exact)
            found += self._outlived(history, capture, outlived(sheet, at, lives))
        return found

    def _behind(
        self,
        history: History,
        capture: Capture,
        sheet: Sheet,
        behind: Sequence[LeftBehind],
        exact: bool,
    ) -> list[Finding]:
        groups: dict[tuple[str, str | None], list[LeftBehind]] = {}
        for one in behind:
            groups.setdefault((one.life.kind, one.site.site if one.site else None), []).append(one)
        return [self._left_by_contexts(history, capture, sheet, own, exact) for own in groups.values()]

    def _left_by_contexts(
        self, history: History, capture: Capture, sheet: Sheet, own: list[LeftBehind], exact: bool
    ) -> Finding:
        rows = contexts(sheet)
        destroyed = sum(row.open is False for row in rows)
        leavers = {row.line: row for row in (one.context for one in own)}
        site, life = own[0].site, own[0].life
        last = [row.destroyed_line for row in list(leavers.values())[:1] if row.destroyed_line]
        return Finding(
            key=f"{self.name}:{life.process.command or '?'}:{life.kind}:{site.site if site else ''}",
            check=self.name,
            severity="high" if len(own) >= self.many else "medium" if len(own) >= self.few else "low",
            title=words.behind(life.kind, len(own), len(leavers)),
            capture=history.capture.name,
            pid=life.process.pid,
            pids=() if life.process.pid is None else (life.process.pid,),
            command=life.process.command,
            **called_by(site),
            kind=life.kind,
            target=life.target,
            open=len(own),
            examples=tuple(history.fd_id(one.life) for one in own[:5]),
            example_fds=tuple(one.life.fd for one in own[:5]),
            example_pid=life.process.pid,
            evidence=(*self._quotes(history, [one.life for one in own]), *evidence(capture, last)),
            certainty="certain" if exact and site is not None else "inferred",
            reasons=words.behind_reasons(len(rows), destroyed, site is None, exact),
            advice=words.behind_advice(life.kind),
        )

    def _outlived(
        self, history: History, capture: Capture, found: Sequence[tuple[LwsObject, Life]]
    ) -> list[Finding]:
        groups: dict[str | None, list[tuple[LwsObject, Life]]] = {}
        for row, life in found:
            groups.setdefault(row.group, []).append((row, life))
        return [self._of_connections(history, capture, own) for own in groups.values()]

    def _of_connections(
        self, history: History, capture: Capture, own: list[tuple[LwsObject, Life]]
    ) -> Finding:
        row, life = own[0]
        ends = [one.destroyed_line for one, _ in own[:_SHOWN] if one.destroyed_line]
        return Finding(
            key=f"{self.name}:{life.process.command or '?'}:{row.group}",
            check=self.name,
            severity="medium" if len(own) >= self.few else "low",
            title=words.outlived(row.group, len(own)),
            capture=history.capture.name,
            pid=life.process.pid,
            pids=() if life.process.pid is None else (life.process.pid,),
            command=life.process.command,
            kind=life.kind,
            target=row.description,
            open=len(own),
            examples=tuple(history.fd_id(one) for _, one in own[:5]),
            example_fds=tuple(one.fd for _, one in own[:5]),
            example_pid=life.process.pid,
            evidence=(*self._quotes(history, [one for _, one in own]), *evidence(capture, ends)),
            certainty="inferred",
            reasons=tuple(words.named(one) for one, _ in own[:_SHOWN]),
            advice=words.OUTLIVED_ADVICE,
        )

    @staticmethod
    def _quotes(history: History, lives: Sequence[Life]) -> tuple[Evidence, ...]:
        return quotes(history, [life.opened for life in lives[:_SHOWN]])


def _exact(behind: Sequence[LeftBehind], line_of: dict[int, int]) -> bool:
    """Whether the log's lines in the trace's own writes stand around every opening."""
    return all(
        one.life.opened is not None
        and line_of.get(one.context.line, 1 << 62) <= one.life.opened.line
        and one.life.opened.line <= line_of.get(one.context.destroyed_line or -1, -1)
        for one in behind
    )
