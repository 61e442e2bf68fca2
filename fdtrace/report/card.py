"""A Case at a glance, as text: what leaks, which captures it holds, what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from fdtrace.model import Coverage, Finding
from fdtrace.report import cells, sentences
from fdtrace.report.answers import Answer, answers
from fdtrace.report.terminal import summary

INTERRUPTED = "Interrupted: all of this is of the first part of the captures."
_SHOWN = 20


def card(
    found: Sequence[Finding],
    coverage: Sequence[Coverage],
    asked: str = "leaks",
    skipped: Sequence[tuple[str, str]] = (),
    unreadable: Sequence[Exception] = (),
    interrupted: bool = False,
) -> str:
    """The verdict, one line for each capture, and one for what was not used."""
    told = answers(found, coverage)
    lines = [f"Case of {cells.counted(len(coverage), 'capture')}"]
    lines += [cells.visible(verdict(told, asked))] if told else []
    lines += [f"  {_line(one)}" for one in coverage[:_SHOWN]]
    if len(coverage) > _SHOWN:
        lines.append(f"  and {len(coverage) - _SHOWN:,} more")
    if interrupted:
        lines.append(INTERRUPTED)
    if skipped:
        lines.append(f"{cells.counted(len(skipped), 'file')} not taken: see .skipped")
    if unreadable:
        lines.append(f"{cells.counted(len(unreadable), 'input')} not readable: see .unreadable")
    return "\n".join(lines)


def verdict(told: Sequence[Answer], asked: str) -> str:
    """What was found, in one sentence."""
    return sentences.verdict(told[0], asked) if len(told) == 1 else summary(told)


def _line(coverage: Coverage) -> str:
    parts = [
        coverage.kind,
        *([cells.counted(len(coverage.files), "file")] if len(coverage.files) > 1 else []),
        cells.counted(coverage.lines, "line"),
        *([cells.counted(coverage.calls, "call")] if coverage.kind == "strace" else []),
        *([cells.counted(coverage.snapshots, "look")] if coverage.snapshots else []),
        *([cells.counted(coverage.processes, "process")] if coverage.processes else []),
    ]
    if coverage.span_s is not None:
        parts.append(cells.duration(coverage.span_s))
    if coverage.options:
        said = " " if coverage.kind == "strace" else "; "
        parts.append(f"{'recorded with ' if coverage.kind == 'strace' else ''}{said.join(coverage.options)}")
    if coverage.problems:
        parts.append(cells.counted(coverage.problems, "problem line"))
    return cells.visible(f"{coverage.capture}: {', '.join(parts)}")
