"""Findings that were kept as JSON: what `--format json` and `report -o x.json` wrote, read again."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from typing import Any

from ..errors import BadArgument, DamagedInput
from ..model import SEVERITIES, Coverage, Evidence, Finding

LARGEST = 1 << 28
"""Bytes of a report that are read; none is that large."""
_BEGINNING = re.compile(rb'\s*\{\s*"findings"\s*:')
_NEEDED = ("key", "check", "severity")


def is_report(path: str) -> bool:
    """Whether a file begins as such a report does."""
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as stream:
            return bool(_BEGINNING.match(stream.read(64)))
    except OSError as error:
        raise DamagedInput(f"cannot be read ({error.strerror})", path=path) from error


def read_report(path: str) -> tuple[list[Finding], list[Coverage]] | None:
    """The findings and coverage of a report; None for what is no such report.

    Raises:
        BadArgument: it was written with `--columns` and lacks what findings are known by.
        DamagedInput: it is cut or not what it was.
    """
    if not is_report(path):
        return None
    try:
        with open(path, "rb") as stream:
            text = stream.read(LARGEST)
        report = json.loads(text)
        rows, coverage = report["findings"], report.get("coverage", [])
        return [_finding(row, path) for row in rows], [_coverage(one) for one in coverage]
    except OSError as error:
        raise DamagedInput(f"cannot be read ({error.strerror})", path=path) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedInput(f"is no whole report of findings ({reason})", path=path) from error


def _finding(row: dict[str, Any], path: str) -> Finding:
    if lacking := [name for name in _NEEDED if not row.get(name)]:
        raise BadArgument(f"{path}: its findings have no {', '.join(lacking)}: write it without --columns")
    if row["severity"] not in SEVERITIES:
        raise ValueError(f"severity {row['severity']!r}")
    given: dict[str, Any] = {
        "title": row["key"],
        "capture": path,
        **{name: _frozen(value) for name, value in row.items() if name in _FINDING},
    }
    return Finding(**given)


def _coverage(saved: dict[str, Any]) -> Coverage:
    return Coverage(**{name: _frozen(value) for name, value in saved.items() if name in _COVERAGE})


def _frozen(value: Any) -> Any:
    """A list of JSON as the tuple that it was."""
    if not isinstance(value, list):
        return value
    return tuple(
        Evidence(str(item.get("file")), int(item.get("line") or 0), str(item.get("text")))
        if isinstance(item, dict)
        else item
        for item in value
    )


_FINDING = frozenset(field.name for field in dataclasses.fields(Finding))
_COVERAGE = frozenset(field.name for field in dataclasses.fields(Coverage))
