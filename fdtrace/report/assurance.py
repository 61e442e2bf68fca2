"""How sure an answer is, and what to type to learn more."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from fdtrace.model import Coverage, Finding
from fdtrace.report import beside, cells
from fdtrace.report.layout import wrapped

_NAMED = 8
"""So many files are spelled out in a command."""


def lines(findings: list[Finding], coverage: Coverage, others: list[Coverage], width: int) -> Iterator[str]:
    """On what the answer for one capture rests, and what that capture cannot tell."""
    unsure = any(finding.certainty != "certain" for finding in findings)
    doubts = bool(coverage.missing or coverage.problems or coverage.partial or unsure)
    end = ", but:" if coverage.missing else "."
    said = f"{'How sure' if doubts else 'Sure of this'}: {_grounds(coverage, others)}{end}"
    yield from wrapped(said, width)
    for gap in coverage.missing:
        yield from wrapped(f"– {gap}", width, 2, 4)


def _grounds(coverage: Coverage, others: list[Coverage]) -> str:
    parts = []
    if coverage.kind != "strace":
        parts.append(
            beside.sources([coverage]) if coverage.kind != "snapshots" else "no trace, snapshots only"
        )
    elif coverage.born:
        parts.append("traced from birth")
    elif not coverage.missing:
        parts.append("not traced from birth")
    if "-k" in coverage.options:
        parts.append("with stacks")
    if others:
        parts.append(f"joined with {beside.sources(others)}")
    if coverage.partial:
        parts.append("the input is cut off and used up to there")
    if coverage.problems:
        parts.append(
            f"{cells.count(coverage.problems)} of {cells.counted(coverage.lines, 'line')} not understood"
        )
    else:
        parts.append(f"all {cells.counted(coverage.lines, 'line')} understood")
    return ", ".join(parts)


def next_commands(
    findings: list[Finding], coverage: Coverage, others: Sequence[Coverage] = ()
) -> Iterator[str]:
    """Commands that show more, ready to be copied."""
    label = "More:"
    for command in _commands(findings, coverage, others):
        yield f"{label} {command}"
        label = "     "


def _commands(findings: list[Finding], coverage: Coverage, others: Sequence[Coverage]) -> Iterator[str]:
    capture = as_typed(coverage, others)
    yield f"fdtrace doctor {capture}"
    for finding in findings:
        pid = finding.pid if finding.example_pid is None else finding.example_pid
        if pid is not None and finding.example_fds:
            yield f"fdtrace story {capture} --pid {pid} --fd {finding.example_fds[0]}"
            return


def as_typed(coverage: Coverage, others: Sequence[Coverage] = ()) -> str:
    """The captures as arguments for a shell: their directory where they share one.

    A family is a pattern, what came through a pipe is `-`.
    """
    files = (*coverage.files, *(file for one in others for file in one.files))
    if others or coverage.kind == "snapshots":
        folders = {file.rpartition("/")[0] for file in files}
        if len(folders) == 1 and "" not in folders:
            return shlex.quote(cells.visible(folders.pop()))
        names = list(dict.fromkeys(files))
        return " ".join(shlex.quote(cells.visible(name)) for name in names[:_NAMED])
    if files == ("stdin",):
        return "-"
    name = coverage.files[0] if len(coverage.files) == 1 else coverage.capture
    name = cells.visible(name)
    return (
        f"{shlex.quote(name[:-1])}*" if len(coverage.files) > 1 and name.endswith("*") else shlex.quote(name)
    )
