"""The parts of a trace that was recorded as a ring: NAME.part000012.strace, one stretch of time together.

A part alone would be a trap: what is closed in the next one looks open in it.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from .families import Input
from .refusals import Refusals
from .text import Source, Spool

_PART = re.compile(r"(?P<stem>.+)\.part(?P<number>\d{6,9})\.strace")


class Chain(Spool):
    """What several inputs hold as they are stored, one behind the other. Compressed parts are so together."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._ends = list(accumulate(source.size or 0 for source in sources))
        self.size = self._ends[-1]

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer at the end of a part."""
        place = bisect_right(self._ends, offset)
        if place == len(self._ends) or offset < 0:
            return b""
        source = self._sources[place]
        begin = self._ends[place] - (source.size or 0)
        return source.stored_at(offset - begin, min(size, self._ends[place] - offset))


def joined(items: Iterable[Input], refusals: Refusals) -> list[Input]:
    """The inputs, the parts of each ring as one. Parts before a missing one are left out, with the reason."""
    found: list[Input | tuple[str | None, str]] = []
    rings: dict[tuple[str | None, str], list[tuple[int, Input]]] = defaultdict(list)
    for item in items:
        part = None if item.spans or item.kind not in ("strace", "empty") else _PART.fullmatch(item.bare)
        if part is None:
            found.append(item)
            continue
        key = (item.folder, part["stem"])
        if key not in rings:
            found.append(key)
        rings[key].append((int(part["number"]), item))
    return [
        _one(rings[item[0], item[1]], item[1], refusals) if isinstance(item, tuple) else item
        for item in found
    ]


def _one(parts: list[tuple[int, Input]], stem: str, refusals: Refusals) -> Input:
    """The newest parts without a gap between them, as one input."""
    parts.sort(key=lambda part: part[0])
    begin = len(parts) - 1
    while begin and parts[begin - 1][0] == parts[begin][0] - 1:
        begin -= 1
    for _, item in parts[:begin]:
        reason = "the next parts are missing: what it shows as open may be closed in them"
        refusals.skip(item.name, reason)
    members = [item for _, item in parts[begin:] if item.source.size]
    if len(members) < 2:
        return members[0] if members else parts[-1][1]
    first, last = members[0], members[-1]
    folder, bare = os.path.split(first.name)
    ending = bare[len(first.bare) :]
    source = Source(
        name=os.path.join(folder, f"{stem}.part*.strace{ending}"),
        path=first.source.path,
        size=sum(item.source.size or 0 for item in members),
        modified_ns=last.source.modified_ns,
        within=first.source.within,
        _spool=Chain([item.source for item in members]),
    )
    return replace(first, source=source, named=any(item.named for item in members))
