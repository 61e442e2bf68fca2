"""Many captures, and what they say together."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fdtrace.errors import BadArgument, FdtraceError, MissingExtra
from fdtrace.model import SEVERITIES
from fdtrace.report.destination import Destination, tell
from fdtrace.report.media import TextFormat

from .app import app
from .options import Columns, FailOn, Limit, Raw, Redact, RedactKey

if TYPE_CHECKING:
    from fdtrace.fleet import Fleet

_FOUND, _UNREADABLE, _INTERRUPTED = 1, 3, 130
_FEW = 3
_ANSWER_S = 10
_MIB = 1 << 20


@app.command(epilog="Example:  fdtrace scan samples -o fleet")
def scan(
    captures: Annotated[
        list[str],
        typer.Argument(
            metavar="CAPTURE",
            help="Directories, files, globs, URLs, or - for a list of names; or an earlier RESULT to show.",
            show_default=False,
        ),
    ],
    result: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="RESULT", help="The directory or URL of the dataset, made or continued."
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="CHECK,…", help="Run these checks and no others.")
    ] = None,
    each_file: Annotated[
        bool, typer.Option("--each-file", help="Take each file alone, not the files of a directory together.")
    ] = False,
    host_from: Annotated[
        str | None, typer.Option("--host-from", metavar="REGEX", help="Finds the host in a name: group 1.")
    ] = None,
    day_from: Annotated[
        str | None, typer.Option("--day-from", metavar="REGEX", help="Finds the day in a name, YYYY-MM-DD.")
    ] = None,
    version_from: Annotated[
        str | None,
        typer.Option("--version-from", metavar="REGEX", help="Finds the program's version in a name."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="Processes; else one a processor.")
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            "--memory", min=128, metavar="MIB", help="The most memory of a process; else a share of 80 %."
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit", min=0.001, metavar="S", help="So long one is read; that much of it is judged."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Let a Dask cluster do it: tcp://HOST:8786."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed, though it has not changed.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove from RESULT what is no longer where it was.")
    ] = False,
    format: Annotated[
        TextFormat, typer.Option("--format", "-f", help="How the answer is written.")
    ] = "table",
    limit: Limit = None,
    columns: Columns = None,
    raw: Raw = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    fail_on: FailOn = None,
) -> None:
    """Analyse many captures of many hosts. Which call sites leak on how many, since when, how fast."""
    from fdtrace import fleet

    if result is None:
        if len(captures) != 1 or not fleet.is_result(captures[0]):
            raise BadArgument("-o RESULT says where the answers go; alone, an earlier RESULT is shown")
        asked = fleet.Fleet(captures[0])
    else:
        with _executor(scheduler) as (executor, in_flight):
            asked = _scanned(
                captures,
                result=result,
                executor=executor,
                in_flight=in_flight,
                only=None if only is None else [name.strip() for name in only.split(",")],
                each_file=each_file,
                host_from=host_from,
                day_from=day_from,
                version_from=version_from,
                time_limit_s=time_limit,
                workers=workers,
                memory_bytes=None if memory is None else memory * _MIB,
                retry_failed=retry_failed,
                prune=prune,
            )
    _write(asked, format, limit, columns, raw, redact_key or redact)
    for name, error in asked.unread[:_FEW]:
        tell(f"fdtrace: {name}: {error.removeprefix(f'{name}: ')}")
    if asked.unread:
        raise typer.Exit(_UNREADABLE)
    if fail_on is not None:
        least = SEVERITIES.index(fail_on)
        if any(SEVERITIES.index(site.severity) >= least for site in asked.ranked):
            raise typer.Exit(_FOUND)


def _scanned(captures: list[str], **how: object) -> Fleet:
    """The scan itself, with a line on the terminal meanwhile and an account of it afterwards."""
    from fdtrace import fleet
    from fdtrace.report.fleet import FleetMeter, account

    meter = FleetMeter()
    try:
        found = fleet.scan(captures, progress=meter.done, **how)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        meter.clear()
        tell("interrupted: what is done is kept, and the same command goes on from there")
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        meter.clear()
    for sentence in account(found.done, found.gone, meter.seconds):
        tell(sentence)
    for name, number in found.crowded[:_FEW]:
        tell(f"{name}: its {number:,} captures were taken as one incident; --each-file takes each alone")
    return found


def _write(
    asked: Fleet,
    format: TextFormat,
    limit: int | None,
    columns: str | None,
    raw: bool,
    redact: str | bool,
) -> None:
    from fdtrace.report import fleet, tables

    place = Destination()
    hidden = fleet.Hidden(redact if isinstance(redact, str) else None) if redact else None
    if format == "table" and columns is None:
        summary, ranked = asked.summary, asked.ranked
        if hidden:
            summary, ranked = hidden.summary(summary), hidden.sites(ranked)
        with place.open() as stream:
            stream.write(fleet.answer(summary, ranked, place.prose, place.colour, limit))
    else:
        names = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
        frame = asked.table_of(hidden.sites(asked.ranked)) if hidden else asked.sites
        with place.open() as stream:
            tables.write(
                frame, "sites", stream, format,
                columns=names, limit=limit, width=place.width, raw=raw, notice=tell,
            )  # fmt: skip
    if hidden:
        for sentence in hidden.finish():
            tell(sentence)


@contextlib.contextmanager
def _executor(scheduler: str | None) -> Iterator[tuple[Executor | None, int | None]]:
    """The workers of a Dask cluster, and how many incidents to have on their way to them; else neither."""
    if scheduler is None:
        yield None, None
        return
    from fdtrace.fleet.pool import IN_FLIGHT

    try:
        client = _client(scheduler)
    except (OSError, ValueError) as error:
        raise FdtraceError(f"no Dask scheduler answers at {scheduler} ({error})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_ANSWER_S)
        except TimeoutError:
            raise FdtraceError(f"the Dask cluster at {scheduler} has no workers") from None
        # Not pure: what failed once is not answered from memory when it is tried again.
        executor = client.get_executor(pure=False)
        yield executor, IN_FLIGHT * max(sum(client.nthreads().values()), 2)


def _client(scheduler: str) -> Any:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise MissingExtra("--scheduler", "cluster") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is told by the scan itself
    return distributed.Client(scheduler, timeout=_ANSWER_S, set_as_default=False)
