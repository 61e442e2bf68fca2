"""The application: what all commands share, from reading captures to exit codes."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

import fdtrace
from fdtrace.errors import BadArgument, FdtraceError, NeedsCaptured
from fdtrace.model import SEVERITIES, Finding, Severity
from fdtrace.report import progress
from fdtrace.report.cells import counted
from fdtrace.report.destination import tell

from .options import Redaction, Sources
from .values import spare_checks

if TYPE_CHECKING:
    from fdtrace.case import Case

_IN_ORDER_OF_HELP = {
    "record": "record",
    "scan": "scan",
    "leaks": "leaks",
    "check": "check",
    "report": "report",
    "fds": "tables",
    "processes": "tables",
    "open-files": "tables",
    "sockets": "tables",
    "lws": "tables",
    "events": "events",
    "story": "story",
    "timeline": "timeline",
    "diff": "diff",
    "doctor": "doctor",
    "save": "save",
    "formats": "formats",
    "explain": "explain",
}
"""Each command and the module that declares it, which is not loaded before it is asked for."""
_FOUND, _USAGE, _UNREADABLE, _CANNOT_TELL, _INTERRUPTED = 1, 2, 3, 4, 130
_FEW = 3


class Commands(TyperGroup):
    """All commands; what is the user's to mend becomes a sentence and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The options before the command, without what makes them slow."""
        spare_checks(self, ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(_IN_ORDER_OF_HELP)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name, quick to start."""
        if cmd_name not in _IN_ORDER_OF_HELP:
            return None
        command = get_command_from_info(
            _declared(cmd_name), pretty_exceptions_short=False, rich_markup_mode=None
        )
        spare_checks(command, ctx)
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """What each command says of itself; its options cost time, and are not looked at."""
        names = self.list_commands(ctx)
        room = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short(_declared(name), room)) for name in names])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is asked for; for one that does not exist, Typer looks for a name like it."""
        self.commands = cast(Any, dict.fromkeys(_IN_ORDER_OF_HELP))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was asked for."""
        try:
            return super().invoke(ctx)
        except FdtraceError as error:
            tell(f"fdtrace: {error}")
            wrong = isinstance(error, (BadArgument, NeedsCaptured))
            raise typer.Exit(_USAGE if wrong else _UNREADABLE) from None


def declared() -> list[CommandInfo]:
    """All commands, in the order of the help."""
    return [_declared(name) for name in _IN_ORDER_OF_HELP]


def _declared(name: str) -> CommandInfo:
    """What the module of a command says about it."""
    importlib.import_module(f".{_IN_ORDER_OF_HELP[name]}", __package__)
    return next(info for info in app.registered_commands if _name(info) == name)


def _name(info: CommandInfo) -> str:
    assert info.callback is not None
    return info.name or info.callback.__name__


def _short(info: CommandInfo, room: int) -> str:
    """The first sentence of what a command says of itself."""
    return TyperCommand(None, help=info.help or inspect.getdoc(info.callback)).get_short_help_str(room)


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
    sources: Sources,
    redaction: Redaction | None = None,
    at: str | None = None,
    silent: bool = False,
    account: bool = True,
) -> Iterator[Case]:
    """The Case of these captures. While it is read, a terminal shows how far that is, and Ctrl-C ends it.

    Redacted, it has pseudonyms in the place of names; `account` says on stderr which.
    """
    # Numpy starts a thread for each processor when it is loaded, to multiply matrices: no capture has any.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    meter = progress.Meter(silent)
    try:
        case = fdtrace.load(
            *captures,
            kind=sources.kind,
            date=sources.date,
            tz=sources.tz,
            at=at,
            symbols=sources.symbols or (),
            debuginfod=sources.debuginfod or (),
            progress=meter,
        )
    except KeyboardInterrupt:
        meter.clear()
        tell("interrupted: nothing was read")
        raise typer.Exit(_INTERRUPTED) from None
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
        for sentence in case.symbols if sources.symbols or sources.debuginfod else ():
            tell(sentence)
        if not redaction:
            yield case
            return
        redacted = case.redacted(redaction.redact_key)
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
