"""What is opened and never closed."""

from __future__ import annotations

from .app import app, leave, reading
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
    with reading(captures, kind, date, tz, at, redact=redact_key or redact) as case:
        found = case.leaks(**({"group_by": group_by} if group_by else {}))
    wanted.write_findings(found, "leaks")
    leave(case, found, fail_on)
