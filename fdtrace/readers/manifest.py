"""The manifest of a recording, as it is read: an input like any other, believed as far as it makes sense.

What it may add to a capture is little on purpose: which threads belong to which
process, and what is known to be missing. A wrong one can therefore do little harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import DamagedInput
from ..model import Problem
from .text import Source

NAME = "manifest.json"
FORMAT = "fdtrace recording 1"
_FORMAT_BEGINS = "fdtrace recording "
_LARGEST = 4 << 20
_LOOKED_AT = 1 << 13
_LARGEST_PID = 1 << 22
_LONGEST_WORDS = 200


@dataclass(frozen=True)
class Recording:
    """What the manifest says about the captures beside it.

    `threads` has the process of each thread. `detail` is "light" where reads and
    writes were left out. `dropped` counts the older parts that were dropped, `cut`
    says why the end is missing, "" when it is not; `finished` is false for a
    recording that was itself ended from outside.
    """

    name: str
    threads: Mapping[int, int] = field(default_factory=dict)
    detail: str = "full"
    dropped: int = 0
    cut: str = ""
    finished: bool = True
    problems: tuple[Problem, ...] = ()


def is_manifest(source: Source) -> bool:
    """Whether this is the manifest of a recording; there are others of the name."""
    if re.split(r"[/:]", source.name)[-1] != NAME:
        return False
    try:
        return _FORMAT_BEGINS.encode() in source.stored_at(0, _LOOKED_AT)
    except DamagedInput:
        return False


def read(source: Source) -> Recording:
    """What stands in a manifest. What cannot be meant is left out, with a problem; nothing makes it fail."""
    try:
        text = source.head(_LARGEST + 1)
    except DamagedInput as damage:
        return _unusable(source.name, f"cannot be read ({damage})")
    if len(text) > _LARGEST:
        return _unusable(source.name, f"is larger than {_LARGEST:,} bytes")
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _unusable(source.name, f"is no JSON ({str(error)[:80]})")
    if not isinstance(facts, dict) or not str(facts.get("format", "")).startswith(_FORMAT_BEGINS):
        return _unusable(source.name, "is not of a recording")
    taken = _Taken(source.name, facts)
    if facts["format"] != FORMAT:
        other = str(facts["format"])[:40]
        taken.doubt("format", f"is another version of it ({other}): what is known of it is used")
    return Recording(
        source.name,
        threads=taken.threads(),
        detail="light" if taken.part("options").get("detail") == "light" else "full",
        dropped=taken.number("dropped_parts"),
        cut=taken.words("cut"),
        finished=facts.get("state") == "complete",
        problems=tuple(taken.problems),
    )


def _unusable(name: str, reason: str) -> Recording:
    problem = Problem(name, 0, "manifest", f"the manifest {reason}: not used", lines=0)
    return Recording(name, problems=(problem,))


class _Taken:
    """Takes values out of a manifest, each as what it has to be."""

    def __init__(self, name: str, facts: dict[str, Any]) -> None:
        self._name = name
        self._facts = facts
        self.problems: list[Problem] = []

    def doubt(self, key: str, reason: str) -> None:
        """A problem row about one entry."""
        reason = f"the manifest's {key} {reason}"
        self.problems.append(Problem(self._name, 0, "manifest", reason, lines=0))

    def part(self, key: str) -> dict[str, Any]:
        """An object; an empty one where there is none."""
        value = self._facts.get(key, {})
        if isinstance(value, dict):
            return value
        self.doubt(key, "is no object: not used")
        return {}

    def number(self, key: str) -> int:
        """A count; 0 where there is none."""
        value = self._facts.get(key, 0)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40:
            return value
        self.doubt(key, "is no count: not used")
        return 0

    def words(self, key: str) -> str:
        """A text of one line; "" where there is none."""
        value = self._facts.get(key) or ""
        if isinstance(value, str):
            return " ".join(value.split())[:_LONGEST_WORDS]
        self.doubt(key, "is no text: not used")
        return ""

    def threads(self) -> dict[int, int]:
        """The process of each thread."""
        found: dict[int, int] = {}
        wrong = 0
        for process, about in self.part("processes").items():
            tids = about.get("threads") if isinstance(about, dict) else None
            pid = int(process) if process.isascii() and process.isdecimal() and len(process) < 8 else 0
            if not _is_pid(pid) or not isinstance(tids, list) or not all(map(_is_pid, tids)):
                wrong += 1
                continue
            for tid in tids:
                if found.setdefault(tid, pid) != pid:
                    wrong += 1
        if wrong:
            self.doubt("processes", f"has {wrong:,} entries that cannot be meant: not used")
        return found


def _is_pid(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_PID
