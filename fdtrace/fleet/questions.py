"""What is asked of a fleet: which fault is on how many hosts, since when, how bad, where it shows best."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fdtrace.model import SEVERITIES, Evidence
from fdtrace.report.fleet import Site, Summary, what

Row = Mapping[str, Any]

OF_CAPTURES = ("day", "host", "incident", "analysis", "outcome", "error", "verdict", "host_source")
"""The columns of captures that answers are made of."""

OF_FINDINGS = (
    "day", "host", "incident", "analysis", "version", "key", "check", "severity", "title", "command",
    "call_site", "callers", "kind", "target", "open", "growth_per_s", "evidence", "advice",
)  # fmt: skip
"""The columns of findings that answers are made of."""


def summary(captures: Sequence[Row]) -> Summary:
    """What there is to judge: incidents, hosts, days."""
    everything, captures = captures, [row for row in captures if row["outcome"] != "no_capture"]
    judged = _judged(captures)
    days = sorted(row["day"] for row in judged if row["day"])
    sources: dict[str, int] = defaultdict(int)
    for row in captures:
        sources[row["host_source"] or "nothing"] += 1
    outcomes: dict[str, int] = defaultdict(int)
    for row in everything:
        outcomes[row["outcome"]] += 1
    return Summary(
        captures=len(captures),
        judged=len(judged),
        blind=sum(row["verdict"] == "cannot_tell" for row in captures),
        leaking=sum(row["verdict"] == "leaks" for row in captures),
        hosts=len({row["host"] for row in judged}),
        leaking_hosts=len({row["host"] for row in captures if row["verdict"] == "leaks"}),
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        outcomes=dict(outcomes),
        host_sources=dict(sources),
        errors=tuple((row["incident"], row["error"]) for row in captures if row["error"])[:3],
    )


def sites(captures: Sequence[Row], findings: Iterable[Row]) -> list[Site]:
    """Every fault of the fleet, the one that matters most first: by severity, hosts, growth."""
    judged = _judged(captures)
    hosts = len({row["host"] for row in judged})
    by_key: dict[str, list[Row]] = defaultdict(list)
    for finding in findings:
        by_key[finding["key"]].append(finding)
    found = [_site(key, rows, judged, hosts) for key, rows in by_key.items()]
    return sorted(found, key=_rank)


def _judged(captures: Sequence[Row]) -> list[Row]:
    """The incidents that could have shown a leak, or do."""
    return [row for row in captures if row["verdict"] in ("leaks", "clean")]


def _rank(site: Site) -> tuple[Any, ...]:
    return (
        -SEVERITIES.index(site.severity),
        site.check != "leak",
        -site.hosts,
        -(site.growth_max_per_s or 0.0),
        -(site.open or 0),
        site.key,
    )


def _site(key: str, rows: list[Row], judged: list[Row], hosts: int) -> Site:
    by_incident: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_incident[row["incident"]].append(row)
    growth = [value for group in by_incident.values() if (value := _sum(group, "growth_per_s")) is not None]
    opened = [value for group in by_incident.values() if (value := _sum(group, "open")) is not None]
    targets = {row["target"] for row in rows}
    worst = max(
        rows, key=lambda row: (_place(row), row["growth_per_s"] or 0.0, row["open"] or 0, row["incident"])
    )
    days = sorted(row["day"] for row in rows if row["day"])
    first = min(
        rows, key=lambda row: (row["day"] is None, row["day"] or "", row["version"] or "", row["incident"])
    )
    earlier = [row for row in judged if days and row["day"] and row["day"] < days[0]]
    commands = sorted({row["command"] for row in rows if row["command"]})
    return Site(
        key=key,
        check=worst["check"],
        severity=worst["severity"],
        what=what(
            worst["check"], worst["kind"], targets.pop() if len(targets) == 1 else None, worst["title"]
        ),
        command=", ".join(commands) or None,
        call_site=worst["call_site"],
        callers=tuple(worst["callers"] or ()),
        kind=worst["kind"],
        target=worst["target"],
        hosts=len({row["host"] for row in rows}),
        of_hosts=hosts,
        captures=len(by_incident),
        of_captures=len(judged),
        since_day=days[0] if days else None,
        until_day=days[-1] if days else None,
        before=len(earlier),
        since_version=first["version"],
        versions=tuple(sorted({row["version"] for row in rows if row["version"]})),
        growth_median_per_s=statistics.median(growth) if growth else None,
        growth_max_per_s=max(growth, default=None),
        open=sum(opened) if opened else None,
        open_max=max(opened, default=None),
        worst=worst["incident"],
        worst_host=worst["host"],
        worst_day=worst["day"],
        evidence=tuple(Evidence(**quote) for quote in worst["evidence"] or ()),
        advice=worst["advice"] or "",
    )


def _place(row: Row) -> int:
    return SEVERITIES.index(row["severity"])


def _sum(rows: list[Row], column: str) -> Any:
    """What several findings of one key in one incident come to; None where none of them is counted."""
    values = [row[column] for row in rows if row[column] is not None]
    return sum(values) if values else None
