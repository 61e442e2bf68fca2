"""A Case at a glance: which captures it holds, how they were recorded, what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from fdtrace.model import Coverage
from fdtrace.report import cells

_SHOWN = 20


def card(
    coverage: Sequence[Coverage],
    skipped: Sequence[tuple[str, str]] = (),
    unreadable: Sequence[Exception] = (),
) -> str:
    """One line for each capture, and one for what was not used."""
    lines = [f"Case of {cells.counted(len(coverage), 'capture')}"]
    lines += [f"  {_line(one)}" for one in coverage[:_SHOWN]]
    if len(coverage) > _SHOWN:
        lines.append(f"  and {len(coverage) - _SHOWN:,} more")
    if skipped:
        lines.append(f"{cells.counted(len(skipped), 'file')} not taken: see .skipped")
    if unreadable:
        lines.append(f"{cells.counted(len(unreadable), 'input')} not readable: see .unreadable")
    return "\n".join(lines)


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
