"""Every check."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app, leave, reading
from .options import (
    At,
    Captures,
    Columns,
    Date,
    FailOn,
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
    with reading(captures, kind, date, tz, at, redact=redact_key or redact) as case:
        found = case.check(only=None if only is None else [name.strip() for name in only.split(",")])
    wanted.write_findings(found, "check")
    leave(case, found, fail_on)
