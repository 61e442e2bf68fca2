"""The command line: arguments, the library, a renderer, an exit code.

Exit codes: 0 done, 1 findings at or above --fail-on, 2 wrong usage, 3 an input
that was named could not be read (the others were), 130 interrupted. Results go
to standard output, everything else to standard error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

import fdtrace
from fdtrace.errors import BadArgument, FdtraceError, NeedsCaptured
from fdtrace.model import SEVERITIES, Problem, Severity
from fdtrace.report import doctor as doctoring
from fdtrace.report import findings_json, progress, tables, terminal
from fdtrace.report import formats as understood
from fdtrace.report.cells import counted, json_text
from fdtrace.report.destination import Destination, tell
from fdtrace.report.tables import Format

if TYPE_CHECKING:
    import pandas as pd

    from fdtrace.case import Case, Findings

_FOUND, _USAGE, _UNREADABLE = 1, 2, 3
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

Captures = Annotated[
    list[str],
    typer.Argument(
        metavar="CAPTURE", help="Files, directories, or - for standard input.", show_default=False
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How the result is written.")]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the result into this file.")
]
Force = Annotated[bool, typer.Option("--force", help="Let --output replace an existing file.")]
Limit = Annotated[int | None, typer.Option("--limit", min=0, metavar="N", help="At most so many rows.")]
Columns = Annotated[
    str | None, typer.Option("--columns", metavar="A,B,…", help="These columns, in this order; all for all.")
]
Raw = Annotated[bool, typer.Option("--raw", help="In csv and tsv, leave what a spreadsheet would run.")]
Kind = Annotated[
    str | None, typer.Option("--as", metavar="KIND", help="Take the captures for this kind (see formats).")
]
Date = Annotated[
    str | None,
    typer.Option(
        "--date", metavar="YYYY-MM-DD", help="The day on which a capture with bare clock times begins."
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--tz", metavar="ZONE", help="The time zone of bare clock times: UTC, +02:00, Europe/Paris."
    ),
]
FailOn = Annotated[
    Severity | None, typer.Option("--fail-on", help="Exit with 1 if something at least so serious is found.")
]
GroupBy = Annotated[
    Literal["site", "caller", "stack", "target"] | None,
    typer.Option("--group-by", help="What makes descriptors one finding."),
]


@dataclass(frozen=True)
class _Wanted:
    """How the result is wanted: the options that every command with a result has."""

    format: Format
    destination: Destination
    limit: int | None
    columns: list[str] | None
    raw: bool = False

    @classmethod
    def of(
        cls,
        format: Format,
        output: str | None,
        force: bool,
        limit: int | None = None,
        columns: str | None = None,
        raw: bool = False,
    ) -> _Wanted:
        names = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
        return cls(format, Destination(output, force), limit, names, raw)

    def write_table(self, frame: pd.DataFrame, name: str) -> None:
        with self.destination.open() as stream:
            tables.write(
                frame,
                name,
                stream,
                self.format,
                columns=self.columns,
                limit=self.limit,
                width=self.destination.width,
                raw=self.raw,
                notice=tell,
            )

    def write_findings(self, found: Findings, asked: str) -> None:
        shown = list(found)[: self.limit]
        if len(shown) < len(found):
            tell(f"findings: the first {len(shown):,} of {len(found):,}")
        if self.format == "json":
            with self.destination.open() as stream:
                findings_json.write(shown, found.coverage, stream, self.columns)
        elif self.format == "table" and self.columns is None:
            place = self.destination
            text = terminal.answer(found, found.coverage, place.prose, place.colour, asked, self.limit)
            with place.open() as stream:
                stream.write(text)
        else:
            self.write_table(found.table, "findings")


def _load(captures: Sequence[str], kind: str | None, date: str | None, tz: str | None) -> Case:
    with progress.reading(captures):
        case = fdtrace.load(*captures, kind=kind, date=date, tz=tz)
    if len(case.skipped) <= _FEW:
        for name, reason in case.skipped:
            tell(f"not taken: {name}: {reason}")
    else:
        tell(f"{counted(len(case.skipped), 'file')} not taken; fdtrace doctor says why")
    return case


def _leave(case: Case, found: Findings | None = None, fail_on: Severity | None = None) -> None:
    """Says which inputs were not readable, and ends with the exit code that this run deserves."""
    for error in case.unreadable:
        tell(f"fdtrace: {error}")
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
    """Find file-descriptor leaks, and the call sites behind them, in strace captures."""


@app.command(epilog="Example:  fdtrace leaks samples/lws-gateway")
def leaks(
    captures: Captures,
    format: FormatOption = "table",
    output: Output = None,
    force: Force = False,
    limit: Limit = None,
    columns: Columns = None,
    raw: Raw = False,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
    fail_on: FailOn = None,
    group_by: GroupBy = None,
) -> None:
    """Say what is opened and never closed, and by whom. Also how fast it grows, and how that is known."""
    wanted = _Wanted.of(format, output, force, limit, columns, raw)
    case = _load(captures, kind, date, tz)
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
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
    fail_on: FailOn = None,
) -> None:
    """Run every check. Leaks, exhaustion, double close, use after close, close errors, inheritance."""
    wanted = _Wanted.of(format, output, force, limit, columns, raw)
    case = _load(captures, kind, date, tz)
    found = case.check(only=None if only is None else [name.strip() for name in only.split(",")])
    wanted.write_findings(found, "check")
    _leave(case, found, fail_on)


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
        kind: Kind = None,
        date: Date = None,
        tz: Zone = None,
    ) -> None:
        wanted = _Wanted.of(format, output, force, limit, columns, raw)
        case = _load(captures, kind, date, tz)
        wanted.write_table(getattr(case, name), name)
        _leave(case)


_table_command(
    "fds",
    "List the life of every descriptor. Who opened it, what it was, how it ended.",
    "app.strace --format csv --output fds.csv",
)
_table_command(
    "events",
    "List the system calls. One row a call: halves that strace printed apart are joined.",
    "app.strace --columns line,tid,syscall,fd,ret --limit 50",
)
_table_command(
    "processes",
    "List the processes. Parent, program, end, limit and peak of open descriptors.",
    "app.strace --format markdown",
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
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
) -> None:
    """Tell the life of one descriptor. Made, copied, used, closed or not, in order of time."""
    wanted = _Wanted.of(format, output, force, limit, columns, raw)
    case = _load(captures, kind, date, tz)
    told = case.story(pid=pid, fd=fd, at=at)
    if format == "table" and columns is None and limit is None:
        with wanted.destination.open() as stream:
            stream.write(str(told).rstrip("\n") + "\n")
    else:
        wanted.write_table(told.table, "story")
    _leave(case)


@app.command(epilog="Example:  fdtrace doctor app.strace")
def doctor(
    captures: Captures,
    format: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="How the result is written.")
    ] = "table",
    output: Output = None,
    force: Force = False,
    kind: Kind = None,
    date: Date = None,
    tz: Zone = None,
) -> None:
    """Say what captures can and cannot tell. Where something is missing, also how to record it."""
    place = Destination(output, force)
    with progress.reading(captures):
        case = fdtrace.load(*captures, kind=kind, date=date, tz=tz)
    if format == "json":
        answer: dict[str, object] = {
            "coverage": [findings_json.coverage_record(one) for one in case.coverage],
            "skipped": case.skipped,
            "unreadable": [str(error) for error in case.unreadable],
        }
        text = json_text(answer) + "\n"
    else:
        problems = _problems(case.problems)
        text = doctoring.examine(
            case.coverage, problems, case.skipped, case.unreadable, place.prose, place.colour
        )
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


@app.command(epilog="Example:  fdtrace formats")
def formats() -> None:
    """List what fdtrace reads, and how to record it."""
    with Destination().open() as stream:
        stream.write(understood.UNDERSTOOD)
