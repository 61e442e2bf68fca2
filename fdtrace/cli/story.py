"""The life of one descriptor."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app, leave, reading
from .grouped import grouped
from .options import Captures, Redaction, Result, Sources


@app.command(epilog="Example:  fdtrace story app.strace --pid 4120 --fd 17 --at 12.5")
@grouped
def story(
    captures: Captures,
    *,
    fd: Annotated[int, typer.Option("--fd", help="The descriptor number.", show_default=False)],
    pid: Annotated[
        int | None, typer.Option("--pid", help="The process; needed where there are several.")
    ] = None,
    at: Annotated[
        float | None, typer.Option("--at", metavar="SECONDS", help="Its life at this time of the capture.")
    ] = None,
    result: Result,
    redaction: Redaction,
    sources: Sources,
) -> None:
    """Tell the life of one descriptor. Made, copied, used, closed or not, in order of time."""
    wanted = result.wanted()
    with reading(captures, sources, redaction) as case:
        told = case.story(pid=pid, fd=fd, at=at)
    if (result.format, result.columns, result.limit) == ("table", None, None):
        with wanted.destination.open() as stream:
            stream.write(str(told).rstrip("\n") + "\n")
    else:
        wanted.write_table(told.table, "story")
    leave(case)
