"""From which host, of which day and of which version of a program an incident is, and who told it.

What the user says goes first (`--host-from` and its like), then the manifest
of `fdtrace record` (a number for the machine, no name), then what the captures
tell, then names, then the time at which the newest file was changed. What
nothing tells is absent.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fdtrace.errors import BadArgument
from fdtrace.model import Coverage
from fdtrace.readers.families import unpacked_name

_DATED = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")
_NUMERIC = re.compile(r"[\d._:TZ+-]+")
_HIVE = re.compile(r"(\w+)=(.*)")
_LONGEST = 60
_DATES = frozenset({"epoch", "utc", "zone", "local"})
"""Clocks of captures that tell the date."""
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of an incident that may tell its labels.

    `is_file` says that it is no directory, `deeper` that it lies in one below the directory
    that was named, `manifest` is what `fdtrace record` wrote down.
    """

    name: str
    files: tuple[str, ...] = ()
    is_file: bool = False
    deeper: bool = False
    newest_ns: int | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)
    coverage: Sequence[Coverage] = ()

    @property
    def parts(self) -> list[str]:
        """The directories of its name, and its own."""
        path = self.name.partition("://")[2].partition("?")[0] if "://" in self.name else self.name
        return [part for part in path.split("/") if part]


Told = tuple[str, str] | None
"""A label and who told it; None where nobody did."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Regular expressions that find a label in the name of an incident or of a file of it.

    The label is group 1, or all that matches where there is no group.
    """

    host: str | None = None
    day: str | None = None
    version: str | None = None

    def __post_init__(self) -> None:
        for name, rule in (("host", self.host), ("day", self.day), ("version", self.version)):
            try:
                re.compile(rule or "")
            except re.error as error:
                raise BadArgument(f"{name}_from is no regular expression: {error}") from None


NO_RULES = Rules()


def labels(about: Subject, rules: Rules = NO_RULES) -> dict[str, str | None]:
    """`host`, `day`, `version`, and for each `…_source`: who told it."""
    told = {"host": _host(about, rules), "day": _day(about, rules), "version": _version(about, rules)}
    row = {name: None if one is None else one[0] for name, one in told.items()}
    return row | {f"{name}_source": None if one is None else one[1] for name, one in told.items()}


def _host(about: Subject, rules: Rules) -> Told:
    """Without a rule, a manifest or `host=NAME` it is the last directory that is no date or number.

    Of a file that lies directly in the directory that was named, it is the name up to the first point.
    """
    if (found := _by_rule(rules.host, about)) is not None:
        return found, "host_from"
    machine = about.manifest.get("host")
    if isinstance(machine, dict) and isinstance(machine.get("id"), str) and machine["id"]:
        return f"machine-{machine['id'][:12]}", "manifest"
    for part in about.parts:
        if (pair := _HIVE.fullmatch(part)) and pair[1] == "host" and pair[2]:
            return _short(pair[2]), "directory name"
    if about.is_file and not about.deeper and about.parts:
        stem = unpacked_name(about.parts[-1]).partition(".")[0]
        return (_short(stem), "file name") if stem else None
    for part in reversed(about.parts[:-1] if about.is_file else about.parts):
        if not _NUMERIC.fullmatch(part) and not _HIVE.fullmatch(part):
            return _short(part), "directory name"
    return None


def _day(about: Subject, rules: Rules) -> Told:
    """The day on which it began, in UTC where a clock tells it."""
    if (found := _by_rule(rules.day, about)) is not None:
        dated = _DATED.search(found)
        return "-".join(dated.groups()) if dated else found, "day_from"
    if (dated := _DATED.match(str(about.manifest.get("started", "")))) is not None:
        return "-".join(dated.groups()), "manifest"
    if (first := first_ns(about.coverage)) is not None and (date := _date(first)) is not None:
        return date, "capture"
    for part in reversed(about.parts):
        if (dated := _DATED.search(part)) is not None:
            return "-".join(dated.groups()), "name"
    if about.newest_ns is not None and (date := _date(about.newest_ns)) is not None:
        return date, "time of change"
    return None


def _version(about: Subject, rules: Rules) -> Told:
    """The version of the program that was recorded: no capture tells it."""
    found = _by_rule(rules.version, about)
    return None if found is None else (found, "version_from")


def first_ns(coverage: Sequence[Coverage]) -> int | None:
    """The first time stamp that has a date, in nanoseconds since 1970; those of strace go first."""
    dated = [
        (one.kind != "strace", one.first_ns)
        for one in coverage
        if one.clock in _DATES and one.first_ns is not None and _date(one.first_ns) is not None
    ]
    return min(dated)[1] if dated else None


def _date(ns: int) -> str | None:
    """The day of a time stamp; None for one that no recording has (before 2000, after 2100)."""
    if not 946_684_800 <= ns // _SECOND < 4_102_444_800:
        return None
    return f"{datetime.datetime.fromtimestamp(ns // _SECOND, datetime.UTC):%Y-%m-%d}"


def _by_rule(rule: str | None, about: Subject) -> str | None:
    """What a rule finds in the name of an incident, or in that of one of its files."""
    if rule is None:
        return None
    for text in (about.name, *about.files):
        if (found := re.search(rule, text)) is not None:
            value = found[1] if found.re.groups else found[0]
            return _short(value) if value else None
    return None


def _short(text: str) -> str:
    """Text that becomes the name of a directory."""
    return text.strip()[:_LONGEST]
