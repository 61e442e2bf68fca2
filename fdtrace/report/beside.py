"""Captures beside a trace, or without one: many files, one account of them."""

from __future__ import annotations

from collections.abc import Sequence

from fdtrace.model import Coverage
from fdtrace.report import cells
from fdtrace.report.layout import listed

_NAMES = {"procfs": "/proc"}


def merged(coverage: Sequence[Coverage]) -> Coverage:
    """Snapshots and logs of one incident as if they were one capture."""
    first = coverage[0]
    if len(coverage) == 1:
        return first
    fullest = max(coverage, key=lambda one: (len(one.curve), one.peak or 0))
    firsts = [one.first_ns for one in coverage if one.first_ns is not None]
    lasts = [one.last_ns for one in coverage if one.last_ns is not None]
    # What one file lacks another may have.
    missing = [gap for gap in first.missing if all(gap in one.missing for one in coverage)]
    return Coverage(
        ", ".join(one.capture for one in coverage),
        "snapshots",
        files=tuple(file for one in coverage for file in one.files),
        lines=sum(one.lines for one in coverage),
        parsed=sum(one.parsed for one in coverage),
        problems=sum(one.problems for one in coverage),
        first_ns=min(firsts, default=None),
        last_ns=max(lasts, default=None),
        processes=max(one.processes for one in coverage),
        snapshots=max(one.snapshots for one in coverage),
        curve=fullest.curve,
        peak=fullest.peak,
        limit=next((one.limit for one in coverage if one.limit), None),
        missing=tuple(missing),
        remedy=first.remedy,
        partial=any(one.partial for one in coverage),
    )


def sources(coverage: Sequence[Coverage]) -> str:
    """Which tools were asked how often: "4 looks of lsof and ss, a libwebsockets log"."""
    looks: dict[int, list[str]] = {}
    logs = 0
    for one in coverage:
        if one.kind == "lws":
            logs += 1
        elif one.snapshots:
            looks.setdefault(one.snapshots, []).append(_NAMES.get(one.kind, one.kind))
    parts = [
        f"{cells.counted(number, 'look')} of {listed(list(dict.fromkeys(tools)), 6)}"
        for number, tools in sorted(looks.items(), reverse=True)
    ]
    if logs:
        parts.append("a libwebsockets log" if logs == 1 else f"{logs:,} libwebsockets logs")
    return listed(parts, 6)
