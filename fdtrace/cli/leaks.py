"""What is opened and never closed."""

from __future__ import annotations

from .app import app, leave, reading
from .grouped import grouped
from .options import At, Captures, FailOn, GroupBy, Redaction, Result, Sources


@app.command(epilog="Example:  fdtrace leaks samples/lws-gateway")
@grouped
def leaks(
    captures: Captures,
    *,
    result: Result,
    redaction: Redaction,
    sources: Sources,
    at: At = None,
    fail_on: FailOn = None,
    group_by: GroupBy = None,
) -> None:
    """Say what is opened and never closed, and by whom. Also how fast it grows, and how that is known."""
    wanted = result.wanted()
    with reading(captures, sources, redaction, at=at) as case:
        found = case.leaks(**({"group_by": group_by} if group_by else {}))
    wanted.write_findings(found, "leaks")
    leave(case, found, fail_on)
