"""Descriptors over time: lives as spans, processes, forks and execs, and how many were open.

A picture has room for some hundred bars and a capture may hold a million lives,
so what is thinned here says how many lives stand for one bar. Positions are
seconds since the first time stamp; without a clock they are lines of the
capture, which is the order in which strace wrote it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Fate = Literal["leak", "open", "closed"]
By = Literal["process", "site"]

FATES: tuple[Fate, ...] = ("leak", "open", "closed")
LANES = 6
"""Lives of one call site that are open together, up to which each one gets its own line."""


class Span(NamedTuple):
    """One life, from its creation to its end.

    `fate` is "leak" when a finding of medium or high severity is about it, "open"
    when it was otherwise still open when its process or the capture ended, else
    "closed". `seen` tells whether its creation was; see `placed` for `since` where it
    was not. `name` is what it points to, `place` the call site that made it (without
    stacks: the call and the target's pattern), `source` the fd_id it is a fork's copy of,
    `table` the descriptor table: threads may have unshared theirs.
    """

    fd_id: int
    owner: int
    fd: int
    since: float
    until: float
    fate: Fate
    kind: str
    name: str
    place: str
    via: str
    how: str
    line: int | None
    seen: bool
    tid: int | None = None
    source: int | None = None
    table: int = 0


class Owner(NamedTuple):
    """A process. `limit` and `peak`: how many descriptors it may have, and had at most."""

    capture: str
    pid: int | None
    command: str | None
    since: float
    until: float
    ended_by: str = "none"
    limit: int | None = None
    peak: int = 0
    parent: int | None = None


class Mark(NamedTuple):
    """A fork or an exec of a process; `other` is the child's place among the owners."""

    owner: int
    at: float
    what: Literal["fork", "exec"]
    text: str
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """All that a picture of a Case is made of. `unit` is "s", or "line" without a clock."""

    spans: Sequence[Span]
    owners: Sequence[Owner]
    marks: Sequence[Mark]
    until: float
    unit: Literal["s", "line"] = "s"
    since: float = 0.0
    remarks: tuple[str, ...] = ()

    def count(self, fate: Fate) -> int:
        """How many lives had this fate."""
        return sum(span.fate == fate for span in self.spans)

    def fullest(self) -> int | None:
        """The process to watch: the one with most leaked descriptors, else that held most for longest."""
        leaked = Counter(span.owner for span in self.spans if span.fate == "leak")
        held = _held(self.spans, lambda span: span.owner)
        return max(held, key=lambda owner: (leaked[owner], held[owner], -owner), default=None)

    def tables(self, owner: int) -> list[list[Span]]:
        """The lives of a process by descriptor table, the one that held most for longest first."""
        own = [span for span in self.spans if span.owner == owner]
        held = _held(own, lambda span: span.table)
        ordered = sorted(held, key=lambda table: (-held[table], table))
        return [[span for span in own if span.table == table] for table in ordered]


def _held(spans: Iterable[Span], key: Callable[[Span], int]) -> dict[int, float]:
    """For how long lives were open, all in all, by key."""
    held: dict[int, float] = {}
    for span in spans:
        held[key(span)] = held.get(key(span), 0.0) + span.until - span.since
    return held


class Run(NamedTuple):
    """What one bar stands for: so many lives of one fate, one after the other on the same line."""

    since: float
    until: float
    first: Span
    lives: int


class Row(NamedTuple):
    """A line of the picture. With `lanes` above 1 it stands for so many numbers, or lives open together."""

    label: str
    lanes: int
    spans: Sequence[Span]


class Block(NamedTuple):
    """Rows that belong together: of one process, or of one call site."""

    label: str
    owner: int | None
    rows: Sequence[Row]


class Level(NamedTuple):
    """A stretch of time and how many were open in it, by key, at the moment when most were."""

    since: float
    until: float
    open: dict[str, int]


def placed(spans: Iterable[Span]) -> list[Span]:
    """The same, where those whose creation was not seen begin no earlier than their number was free."""
    free: dict[tuple[int, int], float] = {}
    found = []
    for span in sorted(spans, key=lambda span: span.until):
        before = free.get((span.owner, span.fd))
        if not span.seen and before is not None:
            span = span._replace(since=max(span.since, before))
        free[span.owner, span.fd] = span.until
        found.append(span)
    return sorted(found, key=lambda span: (span.since, span.fd_id))


# -- open counts -------------------------------------------------------------


def changes(
    spans: Iterable[Span], key: Callable[[Span], str], until: float
) -> Iterator[tuple[float, str, int]]:
    """Every rise and fall of the number of open descriptors, in order of time; no fall where the course ends.

    At one moment ends come before beginnings, as a number is only given out
    again when it is free, unless a life ends in the moment in which it begins.
    """
    ends: list[tuple[float, int, str]] = []
    for place, span in enumerate(sorted(spans, key=lambda span: span.since)):
        while ends and ends[0][0] <= span.since:
            at, _, name = heapq.heappop(ends)
            yield at, name, -1
        name = key(span)
        yield span.since, name, 1
        if span.until < until or span.fate == "closed":
            heapq.heappush(ends, (span.until, place, name))
    while ends:
        at, _, name = heapq.heappop(ends)
        yield at, name, -1


def levels(
    spans: Iterable[Span], key: Callable[[Span], str], since: float, until: float, parts: int
) -> list[Level]:
    """How many were open in each of so many equal stretches of time: the most at one moment, by key."""
    width = (until - since) / parts or 1.0
    most: list[dict[str, int]] = []
    now: dict[str, int] = {}
    total = best = 0
    for at, name, step in changes(spans, key, until):
        part = min(parts - 1, max(0, int((at - since) / width)))
        while len(most) <= part:
            most.append({k: n for k, n in now.items() if n})
            best = total
        now[name] = now.get(name, 0) + step
        total += step
        if total >= best:
            most[part] = {k: n for k, n in now.items() if n}
            best = total
    while len(most) < parts:
        most.append({k: n for k, n in now.items() if n})
    return [Level(since + i * width, since + (i + 1) * width, held) for i, held in enumerate(most)]


# -- lines and bars ----------------------------------------------------------


def runs(spans: Sequence[Span], narrow: float) -> list[Run]:
    """The bars of one line: lives shorter than `narrow` are joined with neighbours of their fate."""
    bars: list[Run] = []
    joinable = False
    for span in spans:
        short = span.until - span.since < narrow
        last = bars[-1] if bars else None
        near = last is not None and span.since - last.until < narrow
        if last is not None and near and short and joinable and last.first.fate == span.fate:
            bars[-1] = Run(last.since, max(last.until, span.until), last.first, last.lives + 1)
        else:
            bars.append(Run(span.since, span.until, span, 1))
            joinable = short
    return bars


def bars(rows: Iterable[Row], narrow: float, most: int) -> tuple[list[list[Run]], float]:
    """The bars of rows, at most about so many; and how short a life has to be to be joined with others."""
    rows = list(rows)
    while True:
        drawn = [runs(row.spans, narrow) if row.lanes == 1 else [] for row in rows]
        if sum(map(len, drawn)) <= max(most, len(rows)):
            return drawn, narrow
        narrow *= 1.5


def by_process(course: Course, most: int, areas: int, blocks: int) -> list[Block]:
    """A block for each process, a row for each number where that makes at most `most` rows.

    Else a row stands for as many numbers as it takes to have no more than `areas`.
    Of more processes than `blocks` those with leaks come first, then the busiest;
    they stand in the order in which they began.
    """
    of_owner: dict[int, dict[int, list[Span]]] = {}
    for span in sorted(course.spans, key=lambda span: span.since):
        of_owner.setdefault(span.owner, {}).setdefault(span.fd, []).append(span)
    weight = Counter(span.owner for span in course.spans)
    leaked = Counter(span.owner for span in course.spans if span.fate == "leak")
    shown = sorted(of_owner, key=lambda o: (-leaked[o], -weight[o], o))[:blocks]
    numbers = [len(of_owner[owner]) for owner in shown]
    lanes = 1 if sum(numbers) <= most else 2
    while lanes > 1 and sum(-(-count // lanes) for count in numbers) > max(areas, len(shown)):
        lanes += 1
    return [
        Block(_process(course.owners[owner]), owner, _numbers(of_owner[owner], lanes))
        for owner in sorted(shown, key=lambda o: (course.owners[o].since, o))
    ]


def _numbers(of_number: dict[int, list[Span]], lanes: int) -> list[Row]:
    used = sorted(of_number)
    rows = []
    each = -(-len(used) // -(-len(used) // lanes))
    for start in range(0, len(used), each):
        part = used[start : start + each]
        label = f"{part[0]}" if len(part) == 1 else f"{part[0]}–{part[-1]}"
        rows.append(Row(label, lanes, [span for fd in part for span in of_number[fd]]))
    return rows


def _process(owner: Owner) -> str:
    return " ".join(map(str, filter(None, (owner.pid, owner.command)))) or "the process"


def by_site(course: Course, blocks: int) -> list[Block]:
    """A block for each call site, those with leaks first; few lives open together have a line each."""
    of_site: dict[str, list[Span]] = {}
    for span in sorted(course.spans, key=lambda span: span.since):
        of_site.setdefault(span.place, []).append(span)
    leaked = Counter(span.place for span in course.spans if span.fate == "leak")
    shown = sorted(of_site, key=lambda place: (-leaked[place], -len(of_site[place]), place))[:blocks]
    return [Block(place, None, _packed(of_site[place])) for place in shown]


def _packed(spans: Sequence[Span]) -> list[Row]:
    """Lives on as few lines as keep them apart; one row for all where that would be too many lines."""
    lines: list[list[Span]] = []
    free: list[tuple[float, int]] = []
    for span in spans:
        if free and free[0][0] <= span.since:
            line = heapq.heappop(free)[1]
        else:
            line = len(lines)
            lines.append([])
        lines[line].append(span)
        heapq.heappush(free, (span.until, line))
    if len(lines) > LANES:
        return [Row("", len(lines), spans)]
    return [Row("", 1, line) for line in lines]


def among(owners: Sequence[Owner]) -> Callable[[str, int | None, float], int | None]:
    """Finds the process of a capture that had a number at a moment: numbers of processes come back."""
    places: dict[tuple[str, int | None], list[int]] = {}
    for place, owner in enumerate(owners):
        places.setdefault((owner.capture, owner.pid), []).append(place)
    begins = {key: [owners[place].since for place in found] for key, found in places.items()}

    def find(capture: str, pid: int | None, at: float) -> int | None:
        found = places.get((capture, pid))
        if found is None:
            return None
        return found[max(0, bisect_right(begins[capture, pid], at) - 1)]

    return find
