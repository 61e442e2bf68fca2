"""Findings and coverage as one JSON object, for programs that act on the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TextIO

from fdtrace import schema
from fdtrace.errors import BadArgument
from fdtrace.model import Coverage, Finding
from fdtrace.report import cells


def write(
    findings: Iterable[Finding],
    coverage: Iterable[Coverage],
    stream: TextIO,
    columns: Sequence[str] | None = None,
) -> None:
    """Writes `{"findings": […], "coverage": […]}`, one finding and one capture a line.

    A finding has the columns of the findings table, its key first, or those named
    by `columns`; what is not known is null.

    Raises:
        BadArgument: for a column that findings do not have.
    """
    known = schema.TABLES["findings"].names
    names = known if columns in (None, ["all"]) else tuple(columns or ())
    for name in names:
        if name not in known:
            raise BadArgument.choice("--columns", name, known)
    stream.write('{"findings": [')
    _write_lines((finding_record(finding, names) for finding in findings), stream)
    stream.write('], "coverage": [')
    _write_lines((coverage_record(one) for one in coverage), stream)
    stream.write("]}\n")


def finding_record(finding: Finding, columns: Sequence[str]) -> dict[str, object]:
    """One finding under the names of the findings table."""
    record = dataclasses.asdict(finding)
    return {name: record[name] for name in columns}


def coverage_record(coverage: Coverage) -> dict[str, object]:
    """What one capture can show, with the seconds it spans."""
    return {**dataclasses.asdict(coverage), "span_s": coverage.span_s}


def _write_lines(records: Iterable[dict[str, object]], stream: TextIO) -> None:
    before = "\n"
    for record in records:
        stream.write(before + cells.json_text(record))
        before = ",\n"
    if before != "\n":
        stream.write("\n")
