"""Findings that are known and accepted, kept in a file that people edit.

    {
      "format": "fdtrace baseline",
      "version": 1,
      "work": {"connect()": 48, "second": 8.9},
      "findings": [
        {"key": "leak:gateway:eventfd:libwebsockets.so.19!lws_plat_pipe_create",
         "severity": "high", "open": 24, "opened": 24, …, "reason": "cured by 4.3.7"}
      ]
    }

Entries are sorted by key, one a line, so that a change of one is a change of one
line. `reason` is for people and survives when the file is written anew. A finding
is known if its place is, by the names that outlast a new build; it is worse if
its severity rose, or if more of what was done stays open: a larger share of what
its place opened, or more for one unit of `work`, by more than chance and by a quarter.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .comparison.judging import Change, rated
from .comparison.pairs import known as known_pairs
from .comparison.sides import UNITS, Side
from .errors import BadArgument, DamagedInput
from .model import SEVERITIES, Coverage, Finding, Severity
from .report.cells import json_text
from .report.destination import Destination

VERSION = 1
_MARK = "fdtrace baseline"
_KEPT = (
    "key", "check", "severity", "command", "kind", "call_site", "callers", "target", "state",
    "opened", "open", "growth_per_s", "title",
)  # fmt: skip
_NAMED = {"connection accepted": "accept", "connect()": "connect", "process or thread started": "clone"}


@dataclass(frozen=True)
class Baseline:
    """What is accepted: findings as they were then, why they are accepted, and the work done in that time."""

    path: str
    findings: tuple[Finding, ...]
    reasons: dict[str, str]
    work: dict[str, float]

    def only(self, checks: Sequence[str] | None) -> Baseline:
        """What of it is about these checks; all of it for None."""
        if checks is None:
            return self
        return replace(self, findings=tuple(one for one in self.findings if one.check in checks))

    @property
    def side(self) -> Side:
        """The baseline as one side of a comparison."""
        seconds = self.work.get("second")
        calls = {_NAMED[unit]: int(number) for unit, number in self.work.items() if unit in _NAMED}
        coverage = Coverage("", "strace", calls=max(1, sum(calls.values())), syscalls=calls)
        if seconds:
            coverage.first_ns, coverage.last_ns = 0, int(seconds * 1e9)
        return Side(self.path, self.findings, [coverage], None)


@dataclass(frozen=True)
class Judged:
    """Findings against a baseline: `new` and `worse` to be mended, `known` accepted, `stale` not found."""

    new: tuple[Finding, ...]
    worse: tuple[Change, ...]
    known: tuple[Change, ...]
    stale: tuple[Finding, ...]

    @property
    def open(self) -> list[Finding]:
        """What is not accepted, the most serious first."""
        found = [*self.new, *(change.finding for change in self.worse)]
        return sorted(found, key=lambda one: -SEVERITIES.index(one.severity))


def judge(found: Side, baseline: Baseline, least: Severity = "low") -> Judged:
    """Each finding that is at least so serious by what the baseline says of it."""
    new: list[Finding] = []
    stale: list[Finding] = []
    changes: list[Change] = []
    for pair in known_pairs(baseline.side.findings, found.findings):
        if pair.before is None and pair.after is not None:
            new += [pair.after] if _weighs(pair.after, least) else []
        elif pair.after is None and pair.before is not None:
            stale.append(pair.before)
        else:
            changes.append(rated(pair, baseline.side, found))
    worse = [one for one in changes if one.status == "worse"]
    return Judged(
        tuple(new), tuple(worse), tuple(one for one in changes if one.status != "worse"), tuple(stale)
    )


def _weighs(one: Finding, least: Severity) -> bool:
    return SEVERITIES.index(one.severity) >= SEVERITIES.index(least)


# -- the file ------------------------------------------------------------------------


def read(path: str | os.PathLike[str]) -> Baseline:
    """A baseline from its file.

    Raises:
        BadArgument: there is no such file, or it is none of these.
        DamagedInput: it cannot be read as JSON; the message names the line.
    """
    name = os.fspath(path)
    try:
        with open(name, encoding="utf-8") as stream:
            saved = json.load(stream)
    except FileNotFoundError:
        raise BadArgument(f"{name}: there is no such baseline; check --write-baseline makes one") from None
    except OSError as error:
        raise DamagedInput(f"cannot be read ({error.strerror})", path=name) from error
    except (json.JSONDecodeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        raise DamagedInput(f"is no JSON ({error})", path=name, line=line) from error
    except UnicodeDecodeError as error:
        raise DamagedInput(f"is no text ({error.reason})", path=name) from error
    if not isinstance(saved, dict) or saved.get("format") != _MARK:
        raise BadArgument(f'{name} is no baseline of fdtrace: it has no "format": "{_MARK}"')
    if saved.get("version") != VERSION:
        raise BadArgument(
            f"{name} is a baseline of version {saved.get('version')!r}; this fdtrace reads {VERSION}"
        )
    entries = saved.get("findings")
    if not isinstance(entries, list):
        raise DamagedInput('has no list of "findings"', path=name)
    given = saved.get("work")
    work: dict[str, Any] = given if isinstance(given, dict) else {}
    return Baseline(
        name,
        tuple(_finding(entry, name) for entry in entries),
        {entry["key"]: str(entry["reason"]) for entry in entries if entry.get("reason")},
        {str(unit): float(number) for unit, number in work.items() if isinstance(number, (int, float))},
    )


def _finding(entry: Any, path: str) -> Finding:
    """An entry as a finding; what is missing but its key is unknown."""
    if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
        raise DamagedInput('has an entry without a "key"', path=path)
    given: dict[str, Any] = {name: entry.get(name) for name in _KEPT}
    key = given["key"]
    severity = given["severity"] or "high"
    if severity not in SEVERITIES:
        raise BadArgument.choice(f"{path}: the severity of {key}", severity, SEVERITIES)
    for name in ("opened", "open"):
        if given[name] is not None and not isinstance(given[name], int):
            raise BadArgument(f"{path}: {name} of {key} cannot be {given[name]!r}: it is a whole number")
    given.update(
        severity=severity,
        check=given["check"] or key.partition(":")[0],
        callers=tuple(given["callers"] or ()),
        title=given["title"] or key,
    )
    return Finding(capture=path, **given)


def text(found: Side, reasons: dict[str, str], least: Severity = "low") -> str:
    """A baseline of these findings as it is written; reasons are taken over by key."""
    kept = [one for one in found.findings if _weighs(one, least)]
    entries = [json_text(_entry(one, reasons.get(one.key, ""))) for one in sorted(kept, key=lambda f: f.key)]
    work: dict[str, float] = {unit: found.calls(unit) for unit in UNITS if found.calls(unit)}
    if found.span_s:
        work["second"] = round(found.span_s, 3)
    lines = ",\n".join(f"    {entry}" for entry in entries)
    return (
        f'{{\n  "format": "{_MARK}",\n  "version": {VERSION},\n  "work": {json_text(work)},\n'
        f'  "findings": [{f"{chr(10)}{lines}{chr(10)}  " if entries else ""}]\n}}\n'
    )


def _entry(one: Finding, reason: str) -> dict[str, object]:
    kept = {name: getattr(one, name) for name in _KEPT}
    kept["callers"] = list(one.callers[:1])
    if one.growth_per_s is not None:
        kept["growth_per_s"] = round(one.growth_per_s, 3)
    known = {name: value for name, value in kept.items() if value not in (None, [], "")}
    return {**known, "reason": reason}


def write(path: str, found: Side, least: Severity = "low", force: bool = False) -> int:
    """Writes a baseline of all findings that are at least so serious; returns how many there are.

    Reasons in a file that is replaced stay with their findings.

    Raises:
        BadArgument: the file exists and is not to be replaced, or is no baseline.
    """
    place = Destination(path, force)
    reasons = read(path).reasons if os.path.exists(path) else {}
    written = text(found, reasons, least)
    with place.open() as stream:
        stream.write(written)
    return written.count('{"key": ')


def accepted(findings: Iterable[Finding], allow: Sequence[str]) -> tuple[list[Finding], list[str]]:
    """Findings that no pattern of `allow` matches, and patterns that match none.

    A pattern is a key, a call site, a target or a caller, with `*` and `?`.
    """
    from fnmatch import fnmatchcase

    used: set[str] = set()
    rest = []
    for one in findings:
        names = [name for name in (one.key, one.call_site, one.target, *one.callers) if name]
        fitting = [
            pattern for pattern in allow if any(p == pattern or fnmatchcase(p, pattern) for p in names)
        ]
        used.update(fitting)
        if not fitting:
            rest.append(one)
    return rest, [pattern for pattern in allow if pattern not in used]


__all__ = ["VERSION", "Baseline", "Judged", "accepted", "judge", "read", "text", "write"]
