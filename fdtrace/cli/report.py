"""The answer as a file."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from fdtrace.errors import BadArgument
from fdtrace.report.destination import Destination
from fdtrace.report.endings import form

from .app import app, leave, reading
from .grouped import grouped
from .options import At, Captures, FailOn, Force, Raw, Redaction, Sources


@app.command(epilog="Example:  fdtrace report app.strace lsof.txt --output ticket.md")
@grouped
def report(
    captures: Captures,
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Its ending is the form: .md .jira .txt .html .json .jsonl .sarif .csv .tsv .parquet.",
        ),
    ],
    force: Force = False,
    max_chars: Annotated[
        int, typer.Option("--max-chars", min=2_000, metavar="N", help="So long .md, .jira and .txt may be.")
    ] = 30_000,
    only: Annotated[
        str | None, typer.Option("--only", metavar="CHECK,…", help="Run these checks and no others.")
    ] = None,
    show_payload: Annotated[
        bool, typer.Option("--show-payload", help="Quote what programs read, wrote, were started with.")
    ] = False,
    date_stamp: Annotated[
        bool, typer.Option("--date-stamp", help="Say in it on which day it was written.")
    ] = False,
    raw: Raw = False,
    redaction: Redaction,
    sources: Sources,
    at: At = None,
    fail_on: FailOn = None,
) -> None:
    """Write the answer into a file. For a ticket, a mail, a browser or another program, safe to share."""
    form(output)
    Destination(output, force)
    if show_payload and redaction:
        raise BadArgument("--show-payload and --redact exclude each other: what was read cannot be redacted")
    names = None if only is None else [name.strip() for name in only.split(",")]
    shown = {"show_payload": True} if show_payload else {}
    today = f"{datetime.date.today():%Y-%m-%d}" if date_stamp else None
    with reading(captures, sources, redaction, at=at, account=False) as case:
        made = case.report(names, date=today, **shown)  # says itself what is redacted
        made.write(output, force=force, max_chars=max_chars, raw=raw)
    leave(case, made.findings, fail_on)
