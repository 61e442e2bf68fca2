"""What captures can and cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fdtrace.model import Problem
from fdtrace.report.cells import json_text
from fdtrace.report.destination import Destination

from .app import app, leave, reading
from .grouped import grouped
from .options import Captures, Force, Output, Redaction, Sources

if TYPE_CHECKING:
    import pandas as pd


@app.command(epilog="Example:  fdtrace doctor app.strace")
@grouped
def doctor(
    captures: Captures,
    *,
    format: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="How the result is written.")
    ] = "table",
    output: Output = None,
    force: Force = False,
    redaction: Redaction,
    sources: Sources,
) -> None:
    """Say what captures can and cannot tell. Where something is missing, also how to record it."""
    from fdtrace.report import doctor as doctoring
    from fdtrace.report import findings_json

    place = Destination(output, force)
    with reading(captures, sources, redaction) as case:
        coverage, problems = case.coverage, _problems(case.problems)
    if format == "json":
        answer: dict[str, object] = {
            "coverage": [findings_json.coverage_record(one) for one in coverage],
            "skipped": case.skipped,
            "unreadable": [str(error) for error in case.unreadable],
        }
        text = json_text(answer) + "\n"
    else:
        text = doctoring.examine(coverage, problems, case.skipped, case.unreadable, place.prose, place.colour)
    with place.open() as stream:
        stream.write(text)
    leave(case)


def _problems(frame: pd.DataFrame) -> list[tuple[str, Problem]]:
    """The rows of the problems table as records again, each with its capture."""
    columns = ("capture", "file", "line", "reader", "reason", "text")
    rows = zip(*(frame[name].astype(object).tolist() for name in columns), strict=True)
    return [
        (str(capture), Problem(str(file), int(line), str(reader), str(reason), str(text)))
        for capture, file, line, reader, reason, text in rows
    ]
