"""The lower part of a timeline's picture: how many descriptors a process had open, by kind, and its limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fdtrace.history.timeline import Course, Level, Span, levels
from fdtrace.report import cells
from fdtrace.report.timeline_drawing import (
    KIND_COLOURS,
    LEFT,
    RIGHT,
    WIDTH,
    Scale,
    horizontal,
    nice,
    number,
    path,
    rect,
    staircase,
    text,
)  # fmt: skip

_HEIGHT = 150.0
_PARTS = 320
_COVERS = 80
_NEAR = 4
"""A limit up to so many times the peak is drawn to scale."""
_OTHER = "other kinds"


def counts(course: Course, owner: int, scale: Scale, top: float) -> tuple[list[str], float]:
    """The elements of this part, and where it ends."""
    tables = course.tables(owner)
    found = levels(tables[0], _fate_and_kind, scale.since, scale.until, _PARTS)
    kinds = _kinds(found)
    peak = max((sum(level.open.values()) for level in found), default=0)
    limit = course.owners[owner].limit
    near = limit is not None and limit <= peak * _NEAR
    step = max(1.0, nice((limit if near and limit else max(peak, 1)) / 4))
    most = step * -(-(max(limit or 0, peak) if near else max(peak, 1)) // step)
    floor = top + 26 + _HEIGHT
    heights = _Heights(floor, _HEIGHT / most)
    parts = [text(16, top + 14, _title(course, owner, peak, len(tables)), "process")]
    for value in range(0, int(most) + 1, int(step)):
        y = heights.y(value)
        parts.append(path(f"M{number(LEFT)} {number(y)}H{number(WIDTH - RIGHT)}", "grid"))
        parts.append(text(LEFT - 8, y + 3.5, f"{value:,}", "small end"))
    parts += _stack(found, kinds, scale, heights)
    parts += _leaking(found, scale, heights)
    axis, bottom = horizontal(scale, floor - _HEIGHT, floor)
    parts += axis
    parts += _limit(limit, near, heights)
    parts += _covers(found, scale, floor)
    legend, bottom = _legend(kinds, any("leak " in key for level in found for key in level.open), bottom)
    return [*parts, *legend], bottom


class _Heights:
    """Where which number of descriptors is."""

    def __init__(self, floor: float, each: float) -> None:
        self._floor, self._each = floor, each

    def y(self, count: float) -> float:
        """The place of a number."""
        return self._floor - count * self._each


def _fate_and_kind(span: Span) -> str:
    return f"{'leak' if span.fate == 'leak' else 'fine'} {span.kind}"


def _kind(key: str) -> str:
    return key.partition(" ")[2]


def _kinds(found: Sequence[Level]) -> list[str]:
    """The kinds with a colour of their own, those with most leaked and open first, then the rest as one."""
    most: Counter[str] = Counter()
    leaked: Counter[str] = Counter()
    for level in found:
        for kind in {_kind(key) for key in level.open}:
            leaks = level.open.get(f"leak {kind}", 0)
            leaked[kind] = max(leaked[kind], leaks)
            most[kind] = max(most[kind], leaks + level.open.get(f"fine {kind}", 0))
    ordered = sorted(most, key=lambda kind: (-leaked[kind], -most[kind], kind))
    return ordered if len(ordered) <= KIND_COLOURS else [*ordered[:KIND_COLOURS], _OTHER]


def _title(course: Course, owner: int, peak: int, tables: int) -> str:
    one = course.owners[owner]
    name = " ".join(map(str, filter(None, (one.pid, one.command)))) or "the process"
    of = len({span.owner for span in course.spans})
    best = "leaked most" if course.count("leak") else "held most for longest"
    why = f", in one of its {tables:,} tables" if tables > 1 else ""
    why += "" if of < 2 else f" (of {of:,} processes the one that {best})"
    return cells.shorten(f"Open descriptors of {cells.visible(name)}, by kind: at most {peak:,}{why}", 120)


def _stack(found: Sequence[Level], kinds: Sequence[str], scale: Scale, heights: _Heights) -> list[str]:
    """One area for each kind, on top of those before."""
    parts = []
    floor = [0] * len(found)
    for place, kind in enumerate(kinds):
        roof = [low + _count(level, kind, kinds) for low, level in zip(floor, found, strict=True)]
        if roof != floor:
            up = [(scale.x(level.since), heights.y(high)) for level, high in zip(found, roof, strict=True)]
            down = [(scale.x(level.until), heights.y(low)) for level, low in zip(found, floor, strict=True)]
            outline = staircase(up) + f"H{number(down[-1][0])}" + _back(down)
            parts.append(path(outline, f"k{place}"))
        floor = roof
    return parts


def _back(points: Sequence[tuple[float, float]]) -> str:
    """A staircase from right to left that closes an area."""
    strokes = f"V{number(points[-1][1])}"
    last = points[-1][1]
    for x, y in reversed(points):
        if number(y) != number(last):
            strokes += f"H{number(x)}V{number(y)}"
        last = y
    return strokes + f"H{number(LEFT)}z"


def _count(level: Level, kind: str, kinds: Sequence[str]) -> int:
    if kind == _OTHER:
        return sum(count for key, count in level.open.items() if _kind(key) not in kinds)
    return sum(count for key, count in level.open.items() if _kind(key) == kind)


def _leaking(found: Sequence[Level], scale: Scale, heights: _Heights) -> list[str]:
    leaked = [sum(count for key, count in level.open.items() if key.startswith("leak ")) for level in found]
    if not any(leaked):
        return []
    points = [(scale.x(level.since), heights.y(count)) for level, count in zip(found, leaked, strict=True)]
    return [path(f"{staircase(points)}H{number(WIDTH - RIGHT)}", "leaking")]


def _limit(limit: int | None, near: bool, heights: _Heights) -> list[str]:
    top = heights.y(0) - _HEIGHT
    if limit is None:
        return [text(WIDTH - RIGHT, top - 6, "limit not recorded", "small end")]
    if not near:
        return [text(WIDTH - RIGHT, top - 6, f"limit {limit:,}, far above", "small end")]
    y = heights.y(limit)
    return [
        path(f"M{number(LEFT)} {number(y)}H{number(WIDTH - RIGHT)}", "limit"),
        text(WIDTH - RIGHT, y - 4, f"limit {limit:,}", "small end"),
    ]


def _covers(found: Sequence[Level], scale: Scale, floor: float) -> list[str]:
    """What was open, in words, for a pointer that rests on a stretch of time."""
    width = max(1, -(-len(found) // _COVERS))
    parts = []
    for start in range(0, len(found), width):
        some = found[start : start + width]
        level = max(some, key=lambda level: sum(level.open.values()))
        kinds: Counter[str] = Counter()
        for key, count in level.open.items():
            kinds[_kind(key)] += count
        listed = ", ".join(f"{count:,} {cells.shorten(kind, 16)}" for kind, count in kinds.most_common(6))
        said = f"{scale.said(some[0].since)}: {sum(kinds.values()):,} open" + f" ({listed})" * bool(listed)
        x = scale.x(some[0].since)
        parts.append(rect(x, floor - _HEIGHT, scale.x(some[-1].until) - x, _HEIGHT, "cover", title=said))
    return parts


def _legend(kinds: Sequence[str], leaks: bool, y: float) -> tuple[list[str], float]:
    entries = [(f"k{place}", kind) for place, kind in enumerate(kinds)]
    parts, x = [], LEFT
    y += 6
    if leaks:
        parts.append(path(f"M{number(x)} {number(y + 4)}h16", "leaking"))
        parts.append(text(x + 21, y + 8, "of them in a leak finding", "small"))
        x += 21 + 5.8 * 25 + 16
    for look, kind in entries:
        shown = cells.shorten(cells.visible(kind), 24)
        wide = 15 + 6.2 * len(shown) + 14
        if x + wide > WIDTH - RIGHT:
            x, y = LEFT, y + 16
        parts += [rect(x, y, 10, 9, look), text(x + 15, y + 8, shown, "small")]
        x += wide
    return parts, y + 14
