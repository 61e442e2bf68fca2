"""What a check looks for, and how to make sure of it."""

from __future__ import annotations

from typing import Annotated

import typer

from fdtrace.report.destination import Destination

from .app import app
from .complete import check_names


@app.command(epilog="Example:  fdtrace explain leak")
def explain(
    check: Annotated[
        str | None,
        typer.Argument(
            metavar="CHECK",
            help="The check; all are listed without it.",
            autocompletion=check_names,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say what a check looks for. Also when it is wrong and how to confirm it; without a name, list all."""
    from fdtrace.report import explain as explaining

    place = Destination()
    if check is None:
        text = explaining.listing(place.prose, place.colour)
    else:
        text = explaining.explanation(check, place.prose, place.colour)
    with place.open() as stream:
        stream.write(text)
