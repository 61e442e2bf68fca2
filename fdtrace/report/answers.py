"""Which findings answer for which capture: the cut that every form of the answer makes alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fdtrace.model import SEVERITIES, Coverage, Finding
from fdtrace.report import beside

LEAK = "leak"
"""The check whose findings are descriptors that pile up: seen in a trace, or in snapshots alone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One capture with its findings, the most serious first, and the captures it was joined with."""

    coverage: Coverage
    findings: list[Finding]
    others: list[Coverage]


def answers(findings: Iterable[Finding], coverage: Iterable[Coverage]) -> list[Answer]:
    """One answer for each trace and one for all snapshots that no trace took in, the worst first."""
    ordered = sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))
    coverage = list(coverage)
    traces = [one for one in coverage if one.kind == "strace"]
    others = [one for one in coverage if one.kind != "strace"]
    told = [
        Answer(one, [f for f in ordered if f.capture == one.capture or len(traces) == 1], others)
        for one in traces
    ]
    names = {one.capture for one in traces}
    rest = [] if len(traces) == 1 else [f for f in ordered if f.capture not in names]
    if others and (rest or not traces):
        told.append(Answer(beside.merged(others), rest, []))
    return sorted(told, key=_place) if len(told) > 1 else told


def is_serious(finding: Finding) -> bool:
    """Whether somebody has to do something."""
    return finding.severity in ("medium", "high")


def leaks_of(findings: Iterable[Finding]) -> list[Finding]:
    """Those of the findings that are leaks."""
    return [finding for finding in findings if finding.check == LEAK and is_serious(finding)]


def _place(answer: Answer) -> tuple[int, bool]:
    """The worst capture first; then those that cannot tell; then the calm ones."""
    worst = max((SEVERITIES.index(one.severity) for one in answer.findings if is_serious(one)), default=0)
    return -worst, answer.coverage.closes_visible


def source(finding: Finding) -> str:
    """File and line of the call that opened; empty where they are not known."""
    if not finding.source:
        return ""
    return f"{finding.source}:{finding.source_line}" if finding.source_line else finding.source
