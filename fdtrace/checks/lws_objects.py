"""Which objects of libwebsockets were created and never destroyed?

Being alive at the end of a log is no fault: a server keeps its context, its
vhosts and its clients. Suspected are those that outlive others of their sort
which were created later, and those that only ever become more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..history.looks import quoted
from ..history.lws import connections, contexts, objects
from ..model import Evidence, Finding, Severity
from ..readers.bundle import Capture
from ..readers.lws_objects import CONTEXT
from ..readers.sheet import LwsObject, Sheet
from . import lws_words as words

NAME = "lws_objects"
_SHOWN = 3
_PARTS = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds of the rule.

    Args:
        few: suspects below this are a remark (3: two may be the ones in use).
        many: suspects from here on are high for contexts, medium for connections (8).
        clients: connections that only ever became more, from which on a remark is due
            (20: a busy server has that many clients that stay).
        outlived: how many of the same sort, created later, must be gone before a
            connection is suspected (3; for contexts one is enough).
        episodes: of ten equal parts of the log, how many must see new suspects (3:
            what is created at the start is meant to stay).
    """

    few: int = 3
    many: int = 8
    clients: int = 20
    outlived: int = 3
    episodes: int = 3


@dataclass(frozen=True, slots=True)
class _Sort:
    """The objects of one sort that a log tells of, in the order of their creation."""

    group: str | None
    description: str | None
    rows: list[LwsObject]

    def suspects(self, outlived: int) -> list[tuple[LwsObject, bool]]:
        """Those that are alive, and whether so many that were created later are gone."""
        gone = 0
        found = []
        for row in reversed(self.rows):
            if row.open:
                found.append((row, gone >= outlived))
            elif row.open is False:
                gone += 1
        return found[::-1]


def findings(capture: Capture, sheet: Sheet, limits: Limits | None = None) -> list[Finding]:
    """One finding for each sort of object that piles up."""
    limits = limits or Limits()
    found = [_contexts(capture, sheet, limits)]
    unending = {row.context for row in contexts(sheet) if row.open} if found[0] else set()
    sorts: dict[tuple[str | None, str | None], list[LwsObject]] = {}
    for row in objects(sheet):
        if row.context is None or row.context not in unending:
            sorts.setdefault((row.group, _stem(row.description)), []).append(row)
    found += [
        _piling(capture, sheet, _Sort(group, description, rows), limits)
        for (group, description), rows in sorts.items()
    ]
    return [one for one in found if one is not None]


def _stem(description: str | None) -> str | None:
    """A description without what is appended to it while the object lives."""
    return (description or "").partition("|")[0].partition("(")[0].rstrip("/") or None


def _contexts(capture: Capture, sheet: Sheet, limits: Limits) -> Finding | None:
    rows = contexts(sheet)
    sort = _Sort(CONTEXT, None, rows)
    alive = sort.suspects(1)
    suspects = [row for row, outlived in alive if outlived]
    if (
        not suspects
        and len(alive) >= limits.few
        and _episodes([row for row, _ in alive], sheet) >= limits.episodes
    ):
        suspects = [row for row, _ in alive]
    if not suspects:
        return None
    severity: Severity = "high" if len(suspects) >= limits.many else "medium"
    return _finding(capture, sheet, sort, suspects, "low" if len(suspects) < limits.few else severity, 0)


def _piling(capture: Capture, sheet: Sheet, sort: _Sort, limits: Limits) -> Finding | None:
    """Connections and other objects: alive, out of turn or ever more, and idle where that is known."""
    alive = sort.suspects(limits.outlived)
    suspects = [row for row, outlived in alive if outlived]
    if len(suspects) >= limits.few and _episodes(suspects, sheet) >= limits.episodes:
        idle = _idle(suspects, sheet)
        if idle is not None and idle < len(suspects):
            return None
        severity: Severity = "medium" if len(suspects) >= limits.many and idle else "low"
        return _finding(capture, sheet, sort, suspects, severity, idle or 0)
    everyone = [row for row, _ in alive]
    ended = sum(row.open is False for row in sort.rows)
    if len(everyone) >= limits.clients and not ended and _episodes(everyone, sheet) >= limits.episodes:
        return _finding(capture, sheet, sort, everyone, "low", 0)
    return None


def _episodes(rows: Sequence[LwsObject], sheet: Sheet) -> int:
    """In how many of ten equal parts of the log these were created."""
    return len({_PARTS * row.line // (sheet.lines + 1) for row in rows})


def _idle(rows: Sequence[LwsObject], sheet: Sheet) -> int | None:
    """How many are not mentioned in the last half of their life; None without callbacks of them."""
    wanted = {id(row) for row in rows}
    last = {
        id(one.row): one.events[-1].line
        for one in connections(sheet, ("wsi", "mux"))
        if one.row is not None and id(one.row) in wanted and one.events
    }
    if not last:
        return None
    return sum(last.get(id(row), 0) < (row.line + sheet.lines) / 2 for row in rows)


def _finding(
    capture: Capture, sheet: Sheet, sort: _Sort, suspects: list[LwsObject], severity: Severity, idle: int
) -> Finding:
    destroyed = sum(row.open is False for row in sort.rows)
    later = sum(outlived for row, outlived in sort.suspects(1) if row in suspects)
    complete = not any("missing" in text for text in sheet.variants)
    stamps = [row.created_ns for row in suspects if row.created_ns is not None]
    span_s = (max(stamps) - min(stamps)) / 1e9 if stamps else 0.0
    return Finding(
        key=f"{NAME}:{sort.group}:{sort.description or ''}",
        check=NAME,
        severity=severity,
        title=words.alive(sort.group, sort.description, len(suspects), len(sort.rows), destroyed),
        capture=capture.name,
        kind=sort.group,
        target=sort.description,
        opened=len(sort.rows),
        closed=destroyed,
        open=len(suspects),
        growth_per_s=(len(suspects) - 1) / span_s if span_s > 0 else None,
        evidence=evidence(capture, [row.line for row in suspects[:_SHOWN]]),
        certainty="inferred",
        reasons=words.alive_reasons(later, idle, len(suspects), complete),
        advice=words.CONTEXT_ADVICE if sort.group == CONTEXT else words.OBJECT_ADVICE,
    )


def evidence(capture: Capture, lines: Sequence[int]) -> tuple[Evidence, ...]:
    """These lines of a log, quoted in their order."""
    found = quoted(capture, lines)
    return tuple(found[line] for line in sorted(found))
