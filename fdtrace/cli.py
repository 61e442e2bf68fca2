"""The command line: arguments, the library, a renderer, an exit code.

Exit codes: 0 done, 1 findings at or above --fail-on, 2 wrong usage, 3 an input
that was named could not be read (the others were), 130 interrupted. Results go
to standard output, everything else to standard error.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from typer.core import TyperGroup

import fdtrace
from fdtrace.errors import BadArgument, FdtraceError, NeedsCaptured
from fdtrace.model import SEVERITIES, Finding, Problem, Severity
from fdtrace.report import doctor as doctoring
from fdtrace.report import findings_json, progress
from fdtrace.report import formats as understood
from fdtrace.report.cells import counted, json_text
from fdtrace.report.destination import Destination, tell
from fdtrace.report.endings import form

from .options import (
    At,
    Captures,
    Columns,
    Date,
    FailOn,
    Force,
    FormatOption,
    GroupBy,
    Kind,
    Limit,
    Output,
    Raw,
    Redact,
    RedactKey,
    Wanted,
    Zone,
)

if TYPE_CHECKING:
    import pandas as pd

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
def _reading(
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


def _leave(case: Case, found: Iterable[Finding] | None = None, fail_on: Severity | None = None) -> None:
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


@app.command(epilog="Example:  fdtrace leaks samples/lws-gateway")
def leaks(
    captures: Captures,
    format: FormatOption = "table",
    output: Output = None,
    force: Force = False,
    limit: Limit = None,
    columns: Columns = None,
    raw: Raw = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
    at: At = None,
    fail_on: FailOn = None,
    group_by: GroupBy = None,
) -> None:
    """Say what is opened and never closed, and by whom. Also how fast it grows, and how that is known."""
    wanted = Wanted.of(format, output, force, limit, columns, raw)
    with _reading(captures, kind, date, tz, at, redact=redact_key or redact) as case:
        found = case.leaks(**({"group_by": group_by} if group_by else {}))
    wanted.write_findings(found, "leaks")
    _leave(case, found, fail_on)


@app.command(epilog="Example:  fdtrace check app.strace --only leak,double_close --fail-on medium")
def check(
    captures: Captures,
    only: Annotated[
        str | None, typer.Option("--only", metavar="CHECK,…", help="Run these checks and no others.")
    ] = None,
    format: FormatOption = "table",
    output: Output = None,
    force: Force = False,
    limit: Limit = None,
    columns: Columns = None,
    raw: Raw = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
    at: At = None,
    fail_on: FailOn = None,
) -> None:
    """Run every check. Leaks, and whatever else is wrong with descriptors, sockets and contexts."""
    wanted = Wanted.of(format, output, force, limit, columns, raw)
    with _reading(captures, kind, date, tz, at, redact=redact_key or redact) as case:
        found = case.check(only=None if only is None else [name.strip() for name in only.split(",")])
    wanted.write_findings(found, "check")
    _leave(case, found, fail_on)


@app.command(epilog="Example:  fdtrace report app.strace lsof.txt --output ticket.md")
def report(
    captures: Captures,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="The file; its ending is the form: .md .jira .txt .html .json .jsonl .csv .tsv .parquet.",
        ),
    ],
    force: Force = False,
    max_chars: Annotated[
        int, typer.Option("--max-chars", min=2_000, metavar="N", help="So long .md, .jira and .txt may be.")
    ] = 30_000,
    only: Annotated[
        str | None, typer.Option("--only", metavar="CHECK,…", help="Run these checks and no others.")
    ] = None,
    show_payload: Annotated[
        bool, typer.Option("--show-payload", help="Quote what programs read, wrote, were started with.")
    ] = False,
    date_stamp: Annotated[
        bool, typer.Option("--date-stamp", help="Say in it on which day it was written.")
    ] = False,
    raw: Raw = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
    at: At = None,
    fail_on: FailOn = None,
) -> None:
    """Write the answer into a file. For a ticket, a mail, a browser or another program, safe to share."""
    form(output)
    Destination(output, force)
    if show_payload and (redact or redact_key):
        raise BadArgument("--show-payload and --redact exclude each other: what was read cannot be redacted")
    names = None if only is None else [name.strip() for name in only.split(",")]
    shown = {"show_payload": True} if show_payload else {}
    today = f"{datetime.date.today():%Y-%m-%d}" if date_stamp else None
    with _reading(captures, kind, date, tz, at, redact=redact_key or redact, account=False) as case:
        made = case.report(names, date=today, **shown)  # says itself what is redacted
        made.write(output, force=force, max_chars=max_chars, raw=raw)
    _leave(case, made.findings, fail_on)


_TABLES = {"open-files": "open_files", "lws": "lws_objects"}


def _table_command(name: str, says: str, example: str) -> None:
    """Adds the command that shows one table of the Case."""

    @app.command(name, help=says, epilog=f"Example:  fdtrace {name} {example}")
    def show(
        captures: Captures,
        format: FormatOption = "table",
        output: Output = None,
        force: Force = False,
        limit: Limit = None,
        columns: Columns = None,
        raw: Raw = False,
        redact: Redact = False,
        redact_key: RedactKey = None,
        kind: Kind = None,
        date: Date = None,
        tz: Zone = None,
        at: At = None,
    ) -> None:
        wanted = Wanted.of(format, output, force, limit, columns, raw)
        table = _TABLES.get(name, name)
        with _reading(captures, kind, date, tz, at, redact=redact_key or redact) as case:
            frame = getattr(case, table)
        wanted.write_table(frame, table)
        _leave(case)


_table_command(
    "fds",
    "List the life of every descriptor. Who opened it, what it was, how it ended.",
    "app.strace --format csv --output fds.csv",
)


@app.command(epilog="Example:  fdtrace events app.strace --pid 4120 --fd 17 --format csv --output calls.csv")
def events(
    captures: Captures,
    pid: Annotated[int | None, typer.Option("--pid", help="Only calls of this process.")] = None,
    fd: Annotated[
        int | None, typer.Option("--fd", help="Only calls that act on this number, or make it.")
    ] = None,
    syscall: Annotated[
        str | None, typer.Option("--syscall", metavar="NAME,…", help="Only calls of these names.")
    ] = None,
    since: Annotated[
        float | None, typer.Option("--since", metavar="SECONDS", help="Only calls that begin then or later.")
    ] = None,
    until: Annotated[
        float | None, typer.Option("--until", metavar="SECONDS", help="Only calls that begin then or before.")
    ] = None,
    format: FormatOption = "table",
    output: Output = None,
    force: Force = False,
    limit: Limit = None,
    columns: Columns = None,
    raw: Raw = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
) -> None:
    """List the system calls. One row a call: halves that strace printed apart are joined."""
    wanted = Wanted.of(format, output, force, limit, columns, raw)
    with _reading(
        captures, kind, date, tz, silent=wanted.destination.terminal, redact=redact_key or redact
    ) as case:
        pieces = case.iter_events(pid=pid, fd=fd, syscall=syscall, since=since, until=until)
        wanted.write_pieces(pieces, "events")
    _leave(case)


_table_command(
    "processes",
    "List the processes. Parent, program, end, limit and peak of open descriptors.",
    "app.strace --format markdown",
)
_table_command(
    "open-files",
    "List what lsof and listings of /proc saw. One row a descriptor and snapshot.",
    "lsof.txt --columns at,pid,fd,type,name",
)
_table_command(
    "sockets",
    "List what netstat, ss and /proc/net saw. One row a socket, holder and snapshot.",
    "netstat.txt ss.txt --format csv",
)
_table_command(
    "lws",
    "List the objects of libwebsockets logs. Created, destroyed, alive at the end.",
    "lws.log --format markdown",
)


@app.command(epilog="Example:  fdtrace story app.strace --pid 4120 --fd 17 --at 12.5")
def story(
    captures: Captures,
    fd: Annotated[int, typer.Option("--fd", help="The descriptor number.", show_default=False)],
    pid: Annotated[
        int | None, typer.Option("--pid", help="The process; needed where there are several.")
    ] = None,
    at: Annotated[
        float | None, typer.Option("--at", metavar="SECONDS", help="Its life at this time of the capture.")
    ] = None,
    format: FormatOption = "table",
    output: Output = None,
    force: Force = False,
    limit: Limit = None,
    columns: Columns = None,
    raw: Raw = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
) -> None:
    """Tell the life of one descriptor. Made, copied, used, closed or not, in order of time."""
    wanted = Wanted.of(format, output, force, limit, columns, raw)
    with _reading(captures, kind, date, tz, redact=redact_key or redact) as case:
        told = case.story(pid=pid, fd=fd, at=at)
    if format == "table" and columns is None and limit is None:
        with wanted.destination.open() as stream:
            stream.write(str(told).rstrip("\n") + "\n")
    else:
        wanted.write_table(told.table, "story")
    _leave(case)


@app.command(epilog="Example:  fdtrace timeline app.strace --by site --output fds.svg")
def timeline(
    captures: Captures,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="The file; its ending is the form: .svg, .perfetto.json, .folded.",
        ),
    ],
    pid: Annotated[int | None, typer.Option("--pid", help="Only this process.")] = None,
    by: Annotated[
        Literal["process", "site"], typer.Option("--by", help="Lines by process and number, or by call site.")
    ] = "process",
    force: Force = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
) -> None:
    """Draw descriptors over time. A picture, a trace for Perfetto, or stacks for a flame graph."""
    from fdtrace.timeline import Timeline, form_of

    form_of(output)
    Destination(output, force)
    with _reading(captures, kind, date, tz, redact=redact_key or redact) as case:
        drawn = Timeline(case, pid, by)
        for sentence in drawn.notices(output):
            tell(sentence)
        drawn.write(output, force)
    _leave(case)


@app.command(epilog="Example:  fdtrace doctor app.strace")
def doctor(
    captures: Captures,
    format: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="How the result is written.")
    ] = "table",
    output: Output = None,
    force: Force = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
) -> None:
    """Say what captures can and cannot tell. Where something is missing, also how to record it."""
    place = Destination(output, force)
    with _reading(captures, kind, date, tz, redact=redact_key or redact) as case:
        coverage, problems = case.coverage, _problems(case.problems)
    if format == "json":
        answer: dict[str, object] = {
            "coverage": [findings_json.coverage_record(one) for one in coverage],
            "skipped": case.skipped,
            "unreadable": [str(error) for error in case.unreadable],
        }
        text = json_text(answer) + "\n"
    else:
        text = doctoring.examine(coverage, problems, case.skipped, case.unreadable, place.prose, place.colour)
    with place.open() as stream:
        stream.write(text)
    _leave(case)


def _problems(frame: pd.DataFrame) -> list[tuple[str, Problem]]:
    """The rows of the problems table as records again, each with its capture."""
    columns = ("capture", "file", "line", "reader", "reason", "text")
    rows = zip(*(frame[name].astype(object).tolist() for name in columns), strict=True)
    return [
        (str(capture), Problem(str(file), int(line), str(reader), str(reason), str(text)))
        for capture, file, line, reader, reason, text in rows
    ]


@app.command(epilog="Example:  fdtrace save app.strace.gz lsof.txt --output app.fdtrace")
def save(
    captures: Captures,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="NAME.fdtrace", help="The directory to write.", show_default=False
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Let --output replace an older store.")] = False,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
    at: At = None,
) -> None:
    """Keep tables and answers as Parquet files. Every command reads them again, at once."""
    from fdtrace import store

    store.check_place(output, force)
    with _reading(captures, kind, date, tz, at) as case:
        case.save(output, force)
    tell(f"written to {output}")
    _leave(case)


@app.command(epilog="Example:  fdtrace formats")
def formats() -> None:
    """List what fdtrace reads, and how to record it."""
    with Destination().open() as stream:
        stream.write(understood.UNDERSTOOD)
