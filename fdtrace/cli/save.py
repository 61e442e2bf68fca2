"""Tables as Parquet."""

from __future__ import annotations

from typing import Annotated

import typer

from fdtrace.report.destination import tell

from .app import app, leave, reading
from .grouped import grouped
from .options import At, Captures, Sources


@app.command(epilog="Example:  fdtrace save app.strace.gz lsof.txt --output app.fdtrace")
@grouped
def save(
    captures: Captures,
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="NAME.fdtrace", help="The directory to write.", show_default=False
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Let --output replace an older store.")] = False,
    sources: Sources,
    at: At = None,
) -> None:
    """Keep tables and answers as Parquet files. Every command reads them again, at once."""
    from fdtrace import store

    store.check_place(output, force)
    with reading(captures, sources, at=at) as case:
        case.save(output, force)
    tell(f"written to {output}")
    leave(case)
