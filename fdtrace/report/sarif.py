"""Findings as SARIF 2.1.0, for editors and code hosts that show findings beside the source line.

A finding stands at the source line of its call site where the frames tell one
(`strace -kk`, or `--symbols`); else only its logical location, module and
function, is known, and it is counted among those. The rules are what
`fdtrace explain` says.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import fdtrace
from fdtrace.comparison import names
from fdtrace.model import Coverage, Finding
from fdtrace.report import cells, explain

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"high": "error", "medium": "warning", "low": "note", "info": "note"}
_ROOT = "SRCROOT"
_FRAMES = 64


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame of a stack, as far as the table `frames` tells it."""

    symbol: str | None
    module: str | None
    offset: int | None
    source: str | None
    line: int | None


def log(
    findings: Sequence[Finding], coverage: Sequence[Coverage], table: Callable[[str], pd.DataFrame]
) -> dict[str, Any]:
    """The SARIF log of these findings; `table` gives the tables `fds` and `frames` of their Case."""
    stacks = _stacks(findings, coverage, table)
    rules = list(dict.fromkeys(one.check for one in findings))
    results = [_result(one, rules.index(one.check), stacks.get(one.key, [])) for one in findings]
    without = sum(not any("physicalLocation" in place for place in result["locations"]) for result in results)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "fdtrace",
                "version": fdtrace.__version__,
                "semanticVersion": fdtrace.__version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "invocations": [_invocation(coverage, len(results), without)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "Where the sources are checked out."}}},
        "artifacts": [
            {"location": {"uri": _uri(name.rpartition("/")[2])}, "roles": ["analysisTarget"]}
            for one in coverage
            for name in one.files
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"findingsWithoutSourceLine": without},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def text(
    findings: Sequence[Finding], coverage: Sequence[Coverage], table: Callable[[str], pd.DataFrame]
) -> str:
    """The log as it is written into a file."""
    return cells.json_text(log(findings, coverage, table)) + "\n"


def fingerprint(finding: Finding) -> str:
    """What stays the same for the same fault in the next build: check, program, kind and place."""
    place = names.symbol(finding.call_site) or finding.target or names.place_of(finding)
    parts = (
        finding.check,
        names.command(finding.command),
        names.kind(finding.kind),
        names.module_of(finding),
        place,
        *names.details_of(finding),
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


# -- one result ----------------------------------------------------------------------


def _result(finding: Finding, rule: int, stack: list[_Frame]) -> dict[str, Any]:
    site = _site(finding, stack)
    result: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": _said(finding)},
        "locations": [_location(finding, site)],
        "partialFingerprints": {"fdtrace/v1": fingerprint(finding)},
        "properties": {
            name: value
            for name, value in (
                ("key", finding.key),
                ("severity", finding.severity),
                ("certainty", finding.certainty),
                ("opened", finding.opened),
                ("closed", finding.closed),
                ("open", finding.open),
                ("growthPerSecond", finding.growth_per_s),
            )
            if value is not None
        },
    }
    if finding.open:
        result["occurrenceCount"] = finding.open
    if stack:
        result["stacks"] = [{"message": {"text": "opened by"}, "frames": [_frame(one) for one in stack]}]
    if finding.evidence:
        result["relatedLocations"] = [_quoted(number, one) for number, one in enumerate(finding.evidence, 1)]
    return result


def _said(finding: Finding) -> str:
    """What is wrong, why it is thought so, and what to do."""
    where = f", opened by {finding.call_site}" if finding.call_site else ""
    parts = [f"{finding.title}{where}", *finding.reasons]
    if finding.advice:
        parts.append(f"Next: {finding.advice}")
    return ". ".join(cells.visible(part) for part in parts) + "."


def _site(finding: Finding, stack: Sequence[_Frame]) -> _Frame | None:
    """The frame of the call site in the stack of an example."""
    for frame in stack:
        if frame.symbol and finding.call_site and frame.symbol == finding.call_site:
            return frame
    return None


def _location(finding: Finding, site: _Frame | None) -> dict[str, Any]:
    logical: dict[str, Any] = {"kind": "function" if finding.call_site else "resource"}
    name = finding.call_site or finding.target or finding.kind or finding.check
    logical["name"] = cells.visible(name)
    module = names.place_of(finding).partition("!")[0] if names.module_of(finding) else finding.command
    logical["fullyQualifiedName"] = cells.visible(f"{module}!{name}" if module else name)
    place: dict[str, Any] = {"logicalLocations": [logical]}
    if site is not None and (physical := _physical(site)):
        place["physicalLocation"] = physical
    return place


def _physical(frame: _Frame) -> dict[str, Any] | None:
    if not frame.source:
        return None
    place: dict[str, Any] = {"artifactLocation": _artifact(frame.source)}
    if frame.line:
        place["region"] = {"startLine": frame.line}
    return place


def _artifact(source: str) -> dict[str, Any]:
    """A source file: relative to the root of the sources if it lies below this directory, or was so named."""
    here = os.getcwd().rstrip("/") + "/"
    if source.startswith(here):
        source = source[len(here) :]
    if source.startswith("/"):
        return {"uri": f"file://{_uri(os.path.normpath(source))}"}
    return {"uri": _uri(os.path.normpath(source)), "uriBaseId": _ROOT}


def _uri(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/-._~")


def _frame(frame: _Frame) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if frame.module:
        told["module"] = cells.visible(frame.module)
    location: dict[str, Any] = {}
    if frame.symbol:
        location["logicalLocations"] = [{"name": cells.visible(frame.symbol), "kind": "function"}]
    if physical := _physical(frame):
        location["physicalLocation"] = physical
    return {**told, "location": location} if location else told


def _quoted(number: int, evidence: Any) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(evidence.file.rpartition("/")[2])}}
    if evidence.line:
        place["region"] = {"startLine": evidence.line}
    return {
        "id": number,
        "physicalLocation": place,
        "message": {"text": cells.visible(evidence.text.strip()) or "…"},
    }


# -- the stacks of examples ----------------------------------------------------------


def _stacks(
    findings: Sequence[Finding], coverage: Sequence[Coverage], table: Callable[[str], pd.DataFrame]
) -> dict[str, list[_Frame]]:
    """By key of a finding, the frames of the stack in which its first example was opened."""
    wanted = {one.key: one.examples[0] for one in findings if one.examples and one.call_site}
    if not wanted or not any("-k" in one.options for one in coverage):
        return {}
    lives = table("fds")["stack"]
    numbers = {key: lives.get(life) for key, life in wanted.items()}
    frames = table("frames")
    chosen = frames[frames["stack"].isin([n for n in numbers.values() if n is not None and n == n])]
    by_stack: dict[int, list[_Frame]] = {}
    columns = [chosen[name].astype(object).where(chosen[name].notna(), None) for name in _COLUMNS]
    for stack, symbol, module, offset, source, line in zip(*columns, strict=True):
        by_stack.setdefault(int(stack), []).append(_Frame(symbol, module, offset, source, line))
    return {
        key: by_stack[int(number)][:_FRAMES]
        for key, number in numbers.items()
        if number is not None and number == number and int(number) in by_stack
    }


_COLUMNS = ("stack", "symbol", "module", "offset", "source", "source_line")


# -- the run -------------------------------------------------------------------------


def _rule(name: str) -> dict[str, Any]:
    """A check as a rule, with its text from `fdtrace explain`."""
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("_")),
        "shortDescription": {"text": explain.question(name)},
        "fullDescription": {"text": explain.question(name)},
        "help": {"text": explain.explanation(name), "markdown": explain.rule(name).strip()},
        "defaultConfiguration": {"level": "warning"},
    }


def _invocation(coverage: Sequence[Coverage], results: int, without: int) -> dict[str, Any]:
    """That it ran, and what it could not tell."""
    notes = []
    if without:
        notes.append(
            f"{without} of {cells.counted(results, 'finding')} have no source line: their frames tell none "
            "(strace -kk, or fdtrace report --symbols, would)"
        )
    notes += [f"{one.capture.rpartition('/')[2]}: {gap}" for one in coverage for gap in one.missing]
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {"level": "note", "message": {"text": cells.visible(note)}} for note in notes
        ],
    }
