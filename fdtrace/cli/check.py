"""Every check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fdtrace.errors import BadArgument
from fdtrace.model import Severity
from fdtrace.report.destination import tell

from .app import app, leave, reading
from .grouped import grouped
from .options import At, Captures, FailOn, Only, Redaction, Result, Sources, Wanted, chosen

if TYPE_CHECKING:
    from fdtrace.case import Findings
    from fdtrace.model import Finding


@app.command(epilog="Example:  fdtrace check app.strace --only leak,double_close --fail-on medium")
@grouped
def check(
    captures: Captures,
    *,
    only: Only = None,
    result: Result,
    redaction: Redaction,
    sources: Sources,
    at: At = None,
    fail_on: FailOn = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Accept what this file knows; exit with 1 for what is new or worse (medium, or --fail-on).",
        ),
    ] = None,
    write_baseline: Annotated[
        str | None,
        typer.Option(
            "--write-baseline", metavar="FILE", help="Accept what is found now, and keep that in this file."
        ),
    ] = None,
) -> None:
    """Run every check. Leaks, and whatever else is wrong with descriptors, sockets and contexts."""
    wanted = result.wanted()
    if (baseline or write_baseline) and redaction:
        raise BadArgument(
            "a baseline and --redact exclude each other: pseudonyms are no names to know things by"
        )
    with reading(captures, sources, redaction, at=at) as case:
        found = case.check(only=chosen(only))
    if write_baseline:
        _accept(found, write_baseline, fail_on, result.force)
        leave(case)
    elif baseline:
        left = _beyond(found, baseline, wanted, only, fail_on)
        leave(case, left, fail_on or "medium")
    else:
        wanted.write_findings(found, "check")
        leave(case, found, fail_on)


def _accept(found: Findings, path: str, least: Severity | None, force: bool) -> None:
    """Writes a baseline of what is found now."""
    from fdtrace import baseline as baselines
    from fdtrace.comparison.sides import Side

    side = Side(path, list(found), found.coverage, None)
    number = baselines.write(path, side, least or "low", force)
    tell(f"{number:,} accepted; give each a reason there, and name the file with --baseline")


def _beyond(
    found: Findings, path: str, wanted: Wanted, only: str | None, least: Severity | None
) -> list[Finding]:
    """Writes what a baseline does not accept, and returns it."""
    from fdtrace import baseline as baselines
    from fdtrace.comparison.sides import Side
    from fdtrace.report.baselines import answer

    accepted = baselines.read(path).only(chosen(only))
    side = Side(path, list(found), found.coverage, None)
    judged = baselines.judge(side, accepted, "info" if least == "info" else "low")
    place = wanted.destination
    said = answer(
        judged.new, judged.worse, judged.known, judged.stale, accepted.reasons, place.prose, place.colour
    )
    left = type(found)(judged.open, found.coverage, "check")
    if wanted.format != "table" or wanted.columns is not None:
        tell(said)
        wanted.write_findings(left, "check")
        return judged.open
    wanted.write_findings(left, "check", above=said)
    return judged.open
