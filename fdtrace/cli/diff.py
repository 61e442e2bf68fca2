"""Before and after a change."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fdtrace.errors import BadArgument
from fdtrace.model import Severity
from fdtrace.report.cells import json_text
from fdtrace.report.destination import Destination, tell

from .app import _CANNOT_TELL, _FOUND, app, leave, reading
from .grouped import grouped
from .options import Debuginfod, Force, Only, Output, Redaction, Sources, SymbolDirs, chosen

if TYPE_CHECKING:
    from fdtrace.case import Case
    from fdtrace.diffing import Diff

_CODES = {"not fixed": _FOUND, "worse": _FOUND, "cannot tell": _CANNOT_TELL}
"""Exit codes by verdict; that of the others is 0."""


@app.command(epilog="Example:  fdtrace diff before.strace after.strace")
@grouped
def diff(
    before: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE", help="A file, directory, saved Case or JSON report.", show_default=False
        ),
    ],
    after: Annotated[
        str, typer.Argument(metavar="AFTER", help="The same, after the change.", show_default=False)
    ],
    *,
    only: Only = None,
    severity: Annotated[
        Severity, typer.Option("--severity", help="Compare what is at least so serious on one side.")
    ] = "medium",
    format: Annotated[
        Literal["table", "json", "markdown"],
        typer.Option("--format", "-f", help="How the result is written."),
    ] = "table",
    output: Output = None,
    force: Force = False,
    redaction: Redaction,
    symbols: SymbolDirs = None,
    debuginfod: Debuginfod = None,
) -> None:
    """Say what a change cured, and what not. Exits with 0 if fixed, 1 if not, 4 if that cannot be told."""
    from fdtrace.report import diffs

    place = Destination(output, force)
    with contextlib.ExitStack() as stack:
        taken = functools.partial(reading, sources=Sources(symbols=symbols, debuginfod=debuginfod))
        cases = [_opened(path, stack, taken) for path in (before, after)]
        made = _compared(
            (before, after), cases, chosen(only), severity, redaction.redact_key or redaction.redact
        )
        if format == "json":
            text = json_text(made.to_json()) + "\n"
        elif format == "markdown":
            text = made.to_markdown()
        else:
            text = diffs.answer(made.comparison, place.prose, place.colour)
        with place.open() as stream:
            stream.write(text)
    for case in filter(None, cases):
        leave(case)
    if code := _CODES.get(made.verdict):
        raise typer.Exit(code)


def _opened(
    path: str, stack: contextlib.ExitStack, taken: Callable[..., contextlib.AbstractContextManager[Case]]
) -> Case | None:
    """The Case of a side; None for a report."""
    from fdtrace.comparison.kept import is_report

    if path == "-":
        raise BadArgument("diff compares files or directories: standard input is no side of it")
    return None if is_report(path) else stack.enter_context(taken([path]))


def _compared(
    paths: tuple[str, str],
    cases: list[Case | None],
    only: list[str] | None,
    severity: Severity,
    redact: str | bool,
) -> Diff:
    from fdtrace.comparison.judging import compare
    from fdtrace.diffing import Diff, redacted, side

    sides = [side(case or path, only, path) for path, case in zip(paths, cases, strict=True)]
    made = Diff(compare(sides[0], sides[1], severity))
    if not redact:
        return made
    before, after = cases
    if before is None or after is None:
        raise BadArgument("a report is redacted when it is written: --redact here wants captures")
    made, account = redacted(made, before, after, redact if isinstance(redact, str) else None)
    for sentence in account:
        tell(sentence)
    return made
