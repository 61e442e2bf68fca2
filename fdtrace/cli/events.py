"""System calls, one after the other."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app, leave, reading
from .options import (
    Captures,
    Columns,
    Date,
    Force,
    FormatOption,
    Kind,
    Limit,
    Output,
    Raw,
    Redact,
    RedactKey,
    Wanted,
    Zone,
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
    with reading(
        captures, kind, date, tz, silent=wanted.destination.terminal, redact=redact_key or redact
    ) as case:
        pieces = case.iter_events(pid=pid, fd=fd, syscall=syscall, since=since, until=until)
        wanted.write_pieces(pieces, "events")
    leave(case)
