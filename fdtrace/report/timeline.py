"""The picture of a timeline as SVG: lives as bars, forks and execs, and below it how many were open, by kind.

It is one file without scripts, fonts or anything from elsewhere, and stays
below 300 kB: where a capture has more lives than a picture has room for, bars
stand for several, and the picture says for how many.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fdtrace.history.timeline import (
    FATES,
    Block,
    By,
    Course,
    Mark,
    Row,
    Run,
    Span,
    bars,
    by_process,
    by_site,
    levels,
)  # fmt: skip
from fdtrace.report import cells
from fdtrace.report.timeline_counts import counts
from fdtrace.report.timeline_drawing import (
    LEFT,
    RIGHT,
    STYLE,
    WIDTH,
    Scale,
    group,
    horizontal,
    number,
    path,
    rect,
    text,
    wrapped,
)  # fmt: skip

ROWS, AREAS, BLOCKS, SITES, BARS, MARKS = 72, 28, 16, 30, 700, 160
"""At most so many rows of bars, or of areas, processes, call sites, bars, and forks and execs are drawn."""
_ROW, _AREA, _HEAD, _GAP = 9.0, 22.0, 16.0, 6.0
_PARTS, _REMARK = 180, 600
_WORDS = {
    "leak": "in a leak finding",
    "open": "open at the end, or at its process's exit",
    "closed": "closed",
}
_ENDS = {
    "none": "open when the capture ends",
    "exit": "open when its process ended",
    "cloexec_exec": "closed by exec",
    "implied_reuse": "its number is given out again, the close was not seen",
    "snapshot_gone": "gone when a snapshot was taken",
    "dup_over": "closed by dup2 onto its number",
}


class _Drawn(NamedTuple):
    """A part of the picture: its elements, and where it ends."""

    parts: list[str]
    bottom: float


def svg(course: Course, *, by: By = "process", interactive: bool = False) -> str:
    """The picture as the text of an SVG element.

    Args:
        course: what it shows.
        by: a line for each process and number, or for each call site.
        interactive: add `data-` attributes: on the picture `data-since`, `data-until`,
            `data-left`, `data-right` and `data-unit` (where which time is), on bars
            `data-since`, `data-until`, `data-fate`, `data-lives` and `data-fd-id`, on
            groups of rows `data-pid`.
    """
    scale = Scale(course.since, course.until, course.unit)
    blocks = by_process(course, ROWS, AREAS, BLOCKS) if by == "process" else by_site(course, SITES)
    head = _head(course, by)
    lives = _lives(course, blocks, by, scale, head.bottom, interactive)
    owner = course.fullest()
    below = _Drawn([], lives.bottom)
    if owner is not None:
        below = _Drawn(*counts(course, owner, scale, lives.bottom + 14))
    notes = _notes([*_omitted(course, blocks, by), *course.remarks], below.bottom)
    body = [*head.parts, *lives.parts, *below.parts, *notes.parts]
    return _picture(course, scale, body, notes.bottom + 8, interactive)


def summary(course: Course) -> str:
    """What the picture shows, in a sentence."""
    used = len({span.owner for span in course.spans})
    lives = len(course.spans)
    said = "1 life of a descriptor" if lives == 1 else f"{lives:,} lives of descriptors"
    said += f" in {cells.counted(used, 'process')}"
    if course.unit == "s":
        said += f" over {cells.duration(course.until - course.since)}"
    leaked, left = course.count("leak"), course.count("open")
    ended = "still open when their process or the capture ended"
    return f"{said}: {leaked:,} in a leak finding, {left:,} more {ended}"


# -- the frame ---------------------------------------------------------------


def _picture(course: Course, scale: Scale, body: Sequence[str], height: float, interactive: bool) -> str:
    data = ""
    if interactive:
        data = (
            f' data-since="{number(scale.since, 6)}" data-until="{number(scale.until, 6)}"'
            f' data-left="{number(LEFT)}" data-right="{number(WIDTH - RIGHT)}" data-unit="{course.unit}"'
        )
    title = "Descriptors over time"
    kind = 'class="fdtrace-timeline" role="img" font-family="sans-serif" font-size="11"'
    size = f'viewBox="0 0 {WIDTH} {number(height)}" width="{WIDTH}" height="{number(height)}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {kind} {size}{data}>',
            f"<title>{title}</title>",
            f"<desc>{cells.html_text(summary(course))}.</desc>",
            f"<style>{STYLE}</style>",
            rect(0, 0, WIDTH, height, "paper"),
            *body,
            "</svg>\n",
        ]
    )


def _head(course: Course, by: By) -> _Drawn:
    what = "by process and number" if by == "process" else "by call site"
    parts = [
        text(16, 24, f"Descriptors over time, {what}", "title"),
        text(16, 42, summary(course), "words"),
    ]
    x = 16.0
    for fate in FATES:
        if not course.count(fate):
            continue
        parts.append(rect(x, 54, 22, 7, fate))
        parts.append(text(x + 28, 61.5, _WORDS[fate], "small"))
        x += 28 + 5.6 * len(_WORDS[fate]) + 18
    for what, shape, y in (("fork", _fork, 54.0), ("exec", _exec, 61.0)):
        if all(mark.what != what for mark in course.marks):
            continue
        parts += [shape(x + 4, y), text(x + 13, 61.5, what, "small")]
        x += 50
    return _Drawn(parts, 74)


def _notes(remarks: Sequence[str], top: float) -> _Drawn:
    lines = [line for remark in remarks for line in wrapped(_sentence(remark), 150)]
    y = top + 4
    parts = []
    for line in lines:
        y += 15
        parts.append(text(16, y, line, "small"))
    return _Drawn(parts, y)


def _sentence(remark: str) -> str:
    shown = cells.shorten(cells.visible(remark), _REMARK)
    return f"{shown[:1].upper()}{shown[1:]}."


def _omitted(course: Course, blocks: Sequence[Block], by: By) -> Iterator[str]:
    shown = sum(len(row.spans) for block in blocks for row in block.rows)
    if by == "process":
        owners = len({span.owner for span in course.spans})
    else:
        owners = len({span.place for span in course.spans})
    if (missing := owners - len(blocks)) > 0:
        lives = len(course.spans) - shown
        drawn = {id(span) for block in blocks for row in block.rows for span in row.spans}
        leaks = sum(span.fate == "leak" and id(span) not in drawn for span in course.spans)
        noun = "more process" if by == "process" else "more call site"
        with_ = f"{lives:,} lives, {leaks:,} of them in a leak finding"
        yield f"not drawn: {cells.counted(missing, noun)} with {with_}"
    unseen = sum(not span.seen for span in course.spans)
    if unseen:
        which = "1 life whose opening was" if unseen == 1 else f"{unseen:,} lives whose opening was"
        where = "from where the process begins or the number was free last"
        yield f"{which} not seen: drawn {where}, as a bar with a broken outline"


# -- lives -------------------------------------------------------------------


def _lives(
    course: Course, blocks: Sequence[Block], by: By, scale: Scale, top: float, interactive: bool
) -> _Drawn:
    rows = [row for block in blocks for row in block.rows]
    drawn, narrow = bars(rows, scale.length(1.2), BARS)
    runs = iter(drawn)
    parts: list[str] = []
    y = top
    if by == "site":
        parts += [text(LEFT - 8, y + 11, "forks, execs", "label end"), *_marks(course.marks, scale, y + 8)]
        y += _HEAD
    for block in blocks:
        inside, y = _block(course, block, runs, scale, y, interactive)
        pid = "" if block.owner is None else str(course.owners[block.owner].pid or "")
        parts.append(group(inside, f' data-pid="{pid}"' if interactive and pid else ""))
        y += _GAP
    axis, bottom = horizontal(scale, top, y)
    said = list(_thinned(rows, drawn, narrow, scale, by))
    for line in said:
        axis.append(text(LEFT, bottom + 13, line, "small"))
        bottom += 15
    return _Drawn([*axis, *parts], bottom + 4)


def _thinned(
    rows: Sequence[Row], drawn: Sequence[Sequence[Run]], narrow: float, scale: Scale, by: By
) -> Iterator[str]:
    most = max((run.lives for runs in drawn for run in runs), default=1)
    if most > 1:
        short = f"those shorter than {scale.lasting(narrow)} are joined with their neighbours"
        yield f"Each bar stands for up to {most:,} lives: {short}."
    lanes = max((row.lanes for row in rows), default=1)
    if lanes > 1:
        if by == "process":
            yield f"Each row stands for up to {lanes:,} numbers: its height is how many of them are open."
        else:
            yield f"High rows stand for up to {lanes:,} lives open together, each in its own scale."


def _block(
    course: Course, block: Block, runs: Iterator[Sequence[Run]], scale: Scale, y: float, interactive: bool
) -> tuple[list[str], float]:
    parts: list[str] = []
    if block.owner is not None:
        parts += _process(course, block, scale, y)
        y += _HEAD
    for place, row in enumerate(block.rows):
        label = row.label if block.owner is not None else block.label if place == 0 else ""
        height = _ROW if row.lanes == 1 else _AREA
        if label:
            middle = y + (height / 2 + 3.2 if row.lanes == 1 else 10)
            shown = cells.shorten(cells.visible(label), 26, keep="both")
            full = cells.shorten(cells.visible(label), 120, keep="both")
            parts.append(text(LEFT - 8, middle, shown, "label end", title=full if full != shown else ""))
        if row.lanes == 1:
            parts += [_bar(run, scale, y + 1, height - 2, interactive) for run in next(runs)]
        else:
            next(runs)
            parts += _area(row, scale, y + 1, height - 2)
        y += height
    return parts, y


def _process(course: Course, block: Block, scale: Scale, y: float) -> list[str]:
    """The line of a process: its name, how long it lived, its forks and execs."""
    assert block.owner is not None
    owner = course.owners[block.owner]
    start, end = scale.x(owner.since), scale.x(owner.until)
    said = f"process {block.label}: " + {
        "exit": "exited", "signal": "killed by a signal", "none": "lived when the capture ended",
        "detached": "left by strace",
    }.get(owner.ended_by, owner.ended_by)  # fmt: skip
    name = cells.shorten(cells.visible(block.label), 27, keep="both")
    parts = [
        text(12, y + 11.5, name, "process", title=cells.shorten(cells.visible(said), 160)),
        path(f"M{number(start)} {number(y + 8)}H{number(end)}", "life"),
    ]
    if owner.ended_by in ("exit", "signal"):
        parts.append(path(f"M{number(end)} {number(y + 4)}v8", "life"))
    own = [mark for mark in course.marks if mark.owner == block.owner]
    return [*parts, *_marks(own, scale, y + 8)]


def _bar(run: Run, scale: Scale, y: float, height: float, interactive: bool) -> str:
    start = scale.x(run.since)
    wide = max(1.2, scale.x(run.until) - start)
    span = run.first
    names = span.fate + (" many" if run.lives > 1 else "" if span.seen else " unseen")
    data = ""
    if interactive:
        data = (
            f' data-since="{number(run.since, 6)}" data-until="{number(run.until, 6)}"'
            f' data-fate="{span.fate}" data-lives="{run.lives}" data-fd-id="{span.fd_id}"'
        )
    said = _story(span, scale) if run.lives == 1 else _stories(run, scale)
    return rect(start, y, wide, height, names, title=said, data=data)


def _story(span: Span, scale: Scale) -> str:
    """One life in a sentence, for the pointer that rests on it."""
    begun = f"from {scale.said(span.since)}" if span.seen else "there before it was first seen"
    by = cells.shorten(cells.visible(span.place), 40, keep="both")
    what = cells.shorten(cells.visible(span.name), 48, keep="both")
    line = "" if span.line is None or not span.seen else f" (line {span.line})"
    over = span.how not in ("none", "exit")
    end = f"to {scale.said(span.until)}, {_ENDS.get(span.how, 'closed')}" if over else _ENDS[span.how]
    leak = "; in a leak finding" if span.fate == "leak" else ""
    kind = "" if what == span.kind else f"{cells.shorten(cells.visible(span.kind), 16)} "
    return f"fd {span.fd}, {kind}{what}, by {by}, {begun}{line} {end}{leak}".replace(", by there before", "")


def _stories(run: Run, scale: Scale) -> str:
    return f"{run.lives:,} lives of fd {run.first.fd}, {scale.said(run.since)} to {scale.said(run.until)}"


def _area(row: Row, scale: Scale, y: float, height: float) -> list[str]:
    """How many of a row's numbers are open, the leaked ones lowest."""
    found = levels(row.spans, lambda span: span.fate, scale.since, scale.until, _PARTS)
    peak = max(sum(level.open.values()) for level in found)
    lanes = max(row.lanes, peak)
    said = f"{len(row.spans):,} lives, at most {peak:,} open at a time"
    parts = []
    floor = [0] * len(found)
    for fate in FATES:
        roof = [low + level.open.get(fate, 0) for low, level in zip(floor, found, strict=True)]
        if roof != floor:
            parts.append(_steps(fate, floor, roof, scale, y, height, lanes))
        floor = roof
    label = [] if row.label else [text(LEFT - 8, y + 19, f"at most {peak:,} open", "tiny end")]
    cover = rect(LEFT, y, WIDTH - RIGHT - LEFT, height, "cover", title=said)
    return [*parts, *label, cover]


def _steps(
    fate: str, floor: Sequence[int], roof: Sequence[int], scale: Scale, y: float, height: float, lanes: int
) -> str:
    """Boxes between two staircases; what is not nothing is at least a pixel high."""
    strokes, x = "", scale.x(scale.since)
    step = scale.pixels / len(roof)
    place = 0
    for (low, high), alike in itertools.groupby(zip(floor, roof, strict=True)):
        length = len(list(alike))
        if high > low:
            tall = max(1.0, (high - low) / lanes * height)
            base = y + height - low / lanes * height
            wide = number(length * step)
            strokes += f"M{number(x + place * step)} {number(base)}h{wide}v{number(-tall)}h-{wide}z"
        place += length
    return path(strokes, fate)


# -- forks and execs ---------------------------------------------------------


def _marks(marks: Sequence[Mark], scale: Scale, y: float) -> list[str]:
    """Forks and execs on a line; those at the same place are one mark that says how many it stands for."""
    heaps: list[list[Mark]] = []
    apart = 7.0 if len(marks) <= MARKS else scale.pixels / 40
    for mark in marks:
        last = heaps[-1][0] if heaps else None
        if last is not None and last.what == mark.what and scale.x(mark.at) - scale.x(last.at) < apart:
            heaps[-1].append(mark)
        else:
            heaps.append([mark])
    parts = []
    for heap in heaps:
        first = heap[0]
        shape = _fork if first.what == "fork" else _exec
        if len(heap) == 1:
            said = f"{first.what} of {first.text}, at {scale.said(first.at)}"
        else:
            until = scale.said(heap[-1].at)
            said = f"{cells.counted(len(heap), first.what)}, {scale.said(first.at)} to {until}"
        parts.append(shape(scale.x(first.at), y, cells.shorten(cells.visible(said), 120)))
    return parts


def _fork(x: float, y: float, said: str = "") -> str:
    """A triangle that hangs on the line of a process."""
    return path(f"M{number(x)} {number(y)}l4 7h-8z", "fork", said)


def _exec(x: float, y: float, said: str = "") -> str:
    """A diamond that stands on it."""
    return path(f"M{number(x)} {number(y)}l4-4l-4-4l-4 4z", "exec", said)
