"""The application: what all commands share, from reading captures to exit codes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

import fdtrace
from fdtrace.errors import BadArgument, FdtraceError, NeedsCaptured
from fdtrace.model import SEVERITIES, Finding, Severity
from fdtrace.report import progress
from fdtrace.report.cells import counted
from fdtrace.report.destination import tell

if TYPE_CHECKING:
    from fdtrace.case import Case

_FOUND, _USAGE, _UNREADABLE, _INTERRUPTED = 1, 2, 3, 130
_FEW = 3


class Commands(TyperGroup):
    """All commands; what is the user's to mend becomes a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was asked for."""
        try:
            return super().invoke(ctx)
        except FdtraceError as error:
            tell(f"fdtrace: {error}")
            wrong = isinstance(error, (BadArgument, NeedsCaptured))
            raise typer.Exit(_USAGE if wrong else _UNREADABLE) from None


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  fdtrace leaks app.strace.gz",
)


@contextlib.contextmanager
def reading(
    captures: Sequence[str],
    kind: str | None = None,
    date: str | None = None,
    tz: str | None = None,
    at: str | None = None,
    silent: bool = False,
    redact: str | bool = False,
    account: bool = True,
) -> Iterator[Case]:
    """The Case of these captures. While it is read, a terminal shows how far that is, and Ctrl-C ends it.

    With `redact`, which may be the file of a key, it has pseudonyms in the place of names.
    """
    meter = progress.Meter(silent)
    try:
        case = fdtrace.load(*captures, kind=kind, date=date, tz=tz, at=at, progress=meter)
    finally:
        meter.clear()
    for part in case.parts:
        tell(part)
    if len(case.skipped) <= _FEW:
        for name, reason in case.skipped:
            tell(f"not taken: {name}: {reason}")
    else:
        tell(f"{counted(len(case.skipped), 'file')} not taken; fdtrace doctor says why")
    with meter.stoppable():
        if not redact:
            yield case
            return
        redacted = case.redacted(redact if isinstance(redact, str) else None)
        yield cast("Case", redacted)
        redacted.keep_key()
    if account:
        for sentence in redacted.account:
            tell(sentence)


def leave(case: Case, found: Iterable[Finding] | None = None, fail_on: Severity | None = None) -> None:
    """Says which inputs were not readable, and ends with the exit code that this run deserves."""
    for error in case.unreadable:
        tell(f"fdtrace: {error}")
    if case.interrupted:
        tell("interrupted: only what was read until then is in the result")
        raise typer.Exit(_INTERRUPTED)
    if case.unreadable:
        raise typer.Exit(_UNREADABLE)
    if found is not None and fail_on is not None:
        least = SEVERITIES.index(fail_on)
        if any(SEVERITIES.index(finding.severity) >= least for finding in found):
            raise typer.Exit(_FOUND)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fdtrace {fdtrace.__version__}")
        raise typer.Exit


@app.callback()
def fdtrace_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Find file-descriptor leaks, and who makes them, in captures of strace, lsof, netstat, ss and /proc."""
