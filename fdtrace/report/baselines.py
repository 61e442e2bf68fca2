"""What a baseline makes of findings, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fdtrace.comparison.judging import Change
from fdtrace.model import Finding
from fdtrace.report import cells, diffs
from fdtrace.report.layout import BOLD, labelled, paint, wrapped

_SHOWN = 12


def answer(
    new: Sequence[Finding],
    worse: Sequence[Change],
    known: Sequence[Change],
    stale: Sequence[Finding],
    reasons: Mapping[str, str],
    width: int = 100,
    colour: bool = False,
) -> str:
    """What is new, worse, accepted and stale; what is to be mended follows with its proof."""
    lines = [paint(line, BOLD, colour) for line in wrapped(_headline(new, worse, known, stale), width)]
    for change in worse:
        why = diffs.because(change) or diffs.share(change)
        lines += labelled("worse", f"{_name(change.finding)}: {why}", width, 2, 10)
    for change in known[:_SHOWN]:
        reason = reasons.get(change.key, "")
        better = " (better than accepted)" if change.status == "better" else ""
        lines += labelled(
            "known", f"{_name(change.finding)}{better}{f': {reason}' if reason else ''}", width, 2, 10
        )
    if len(known) > _SHOWN:
        lines += labelled("", f"and {len(known) - _SHOWN:,} more", width, 2, 10)
    for one in stale[:_SHOWN]:
        lines += labelled("stale", f"{cells.shorten(one.key, 160, 'both')}", width, 2, 10)
    if len(stale) > _SHOWN:
        lines += labelled("", f"and {len(stale) - _SHOWN:,} more", width, 2, 10)
    return "\n".join(lines) + "\n"


def _headline(
    new: Sequence[Finding], worse: Sequence[Change], known: Sequence[Change], stale: Sequence[Finding]
) -> str:
    parts = [f"{len(new):,} new", f"{len(worse):,} worse", f"{len(known):,} accepted"]
    said = f"Against the baseline: {', '.join(parts)}"
    if stale:
        said += f"; {cells.counted(len(stale), 'entry')} not found this time (fixed, or not exercised)"
    return f"{said}."


def _name(one: Finding) -> str:
    site = f", opened by {cells.shorten(one.call_site, 60, 'both')}" if one.call_site else ""
    return f"{one.title}{site}"
