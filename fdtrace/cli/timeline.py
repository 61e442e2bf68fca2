"""Pictures over time."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fdtrace.report.destination import Destination, tell

from .app import app, leave, reading
from .grouped import grouped
from .options import Captures, Force, Redaction, Sources


@app.command(epilog="Example:  fdtrace timeline app.strace --by site --output fds.svg")
@grouped
def timeline(
    captures: Captures,
    *,
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
    redaction: Redaction,
    sources: Sources,
) -> None:
    """Draw descriptors over time. A picture, a trace for Perfetto, or stacks for a flame graph."""
    from fdtrace.timeline import Timeline, form_of

    form_of(output)
    Destination(output, force)
    with reading(captures, sources, redaction) as case:
        drawn = Timeline(case, pid, by)
        for sentence in drawn.notices(output):
            tell(sentence)
        drawn.write(output, force)
    leave(case)
