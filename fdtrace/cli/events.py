"""System calls, one after the other."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app, leave, reading
from .grouped import grouped
from .options import Captures, Redaction, Result, Sources


@app.command(epilog="Example:  fdtrace events app.strace --pid 4120 --fd 17 --format csv --output calls.csv")
@grouped
def events(
    captures: Captures,
    *,
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
    result: Result,
    redaction: Redaction,
    sources: Sources,
) -> None:
    """List the system calls. One row a call: halves that strace printed apart are joined."""
    wanted = result.wanted()
    with reading(captures, sources, redaction, silent=wanted.destination.terminal) as case:
        pieces = case.iter_events(pid=pid, fd=fd, syscall=syscall, since=since, until=until)
        wanted.write_pieces(pieces, "events")
    leave(case)
