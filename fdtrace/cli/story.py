"""The life of one descriptor."""

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
    with reading(captures, kind, date, tz, redact=redact_key or redact) as case:
        told = case.story(pid=pid, fd=fd, at=at)
    if format == "table" and columns is None and limit is None:
        with wanted.destination.open() as stream:
            stream.write(str(told).rstrip("\n") + "\n")
    else:
        wanted.write_table(told.table, "story")
    leave(case)
