"""The descriptors of a process over time as a figure of plotly: their lives, and below how many were open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from fdtrace.history.timeline import FATES, By, Course, Fate, Level, Owner, Row, Run, Span, bars, levels
from fdtrace.report import cells
from fdtrace.report.timeline_drawing import KIND_COLOURS, PALETTE

_PARTS, _BARS = 600, 5_000
"""At most so many stretches of time and bars are drawn."""
_NEAR = 4
"""A limit up to so many times the peak is drawn; a higher one would flatten what is below it."""
_LOOKS: dict[Fate, tuple[str, str]] = {
    "leak": ("#d55e00", "in a leak finding"),
    "open": ("#57606a", "open at the end"),
    "closed": ("#afb8c1", "closed"),
}


def figure(course: Course, by: By, subplots: Any) -> Any:
    """Lives as bars by descriptor number, coloured by their fate; the open ones as areas, with the limit.

    It shows the process to watch. `by` says whether areas are of kinds or of call
    sites, `subplots` is the module of plotly that makes the frame.
    """
    drawn = subplots.make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.6, 0.4]
    )
    owner = course.fullest()
    if owner is None:
        return drawn
    one, spans = course.owners[owner], course.tables(owner)[0]
    note = _lives(drawn, course, spans)
    _areas(drawn, course, spans, by)
    _limit(drawn, one)
    name = " ".join(map(str, filter(None, (one.pid, one.command)))) or "the process"
    title = f"Descriptors of {cells.shorten(cells.visible(name), 60)}{note}"
    unit = "seconds since the first time stamp" if course.unit == "s" else "line of the capture"
    drawn.update_layout(title=cells.html_text(title), height=720, hovermode="closest", bargap=0)
    drawn.update_xaxes(range=[course.since, course.until])
    drawn.update_xaxes(title_text=unit, row=2, col=1)
    drawn.update_yaxes(title_text="descriptor number", row=1, col=1)
    drawn.update_yaxes(title_text="open", rangemode="tozero", row=2, col=1)
    return drawn


# -- lives -------------------------------------------------------------------


def _lives(drawn: Any, course: Course, spans: Sequence[Span]) -> str:
    """A bar for each life; says what a bar stands for where there are too many."""
    of_number: dict[int, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.since):
        of_number.setdefault(span.fd, []).append(span)
    rows = [Row(str(fd), 1, lives) for fd, lives in sorted(of_number.items())]
    found, _ = bars(rows, (course.until - course.since) / 2_000, _BARS)
    runs = [run for row in found for run in row]
    for fate in FATES:
        if own := [run for run in runs if run.first.fate == fate]:
            colour, words = _LOOKS[fate]
            x, y, texts = zip(*(point for run in own for point in _bar(run)), strict=True)
            drawn.add_scatter(
                x=x, y=y, text=texts, hoverinfo="text", name=words, mode="lines", connectgaps=False,
                line={"color": colour, "width": 6}, legendgroup="lives", row=1, col=1,
            )  # fmt: skip
    most = max((run.lives for run in runs), default=1)
    return f"; a bar stands for up to {most:,} short lives" if most > 1 else ""


def _bar(run: Run) -> Iterator[tuple[float | None, int | None, str]]:
    """The two ends of a bar, and the gap behind it."""
    said = _said(run)
    yield run.since, run.first.fd, said
    yield run.until, run.first.fd, said
    yield None, None, ""


def _said(run: Run) -> str:
    span = run.first
    if run.lives > 1:
        return f"{run.lives:,} lives of fd {span.fd}"
    name, place = (cells.shorten(cells.visible(text), 60, "both") for text in (span.name, span.place))
    what = span.kind if span.name == span.kind else f"{span.kind} {name}"
    return cells.html_text(f"fd {span.fd}, {what}, by {place}")


# -- how many were open ------------------------------------------------------


def _areas(drawn: Any, course: Course, spans: Sequence[Span], by: By) -> None:
    found = levels(spans, _key(by), course.since, course.until, _PARTS)
    times = [level.since for level in found]
    for colour, (key, heights) in zip(PALETTE, _stacked(found), strict=False):
        drawn.add_scatter(
            x=times, y=heights, name=cells.html_text(cells.shorten(cells.visible(key), 40, "both")),
            mode="lines", stackgroup="open", line={"shape": "hv", "width": 0, "color": colour},
            legendgroup="open", row=2, col=1,
        )  # fmt: skip
    if leaked := [span for span in spans if span.fate == "leak"]:
        found = levels(leaked, lambda _: "leak", course.since, course.until, _PARTS)
        drawn.add_scatter(
            x=times, y=[level.open.get("leak", 0) for level in found], name="in a leak finding", mode="lines",
            line={"shape": "hv", "color": _LOOKS["leak"][0], "width": 3}, legendgroup="open", row=2, col=1,
        )  # fmt: skip


def _key(by: By) -> Any:
    return (lambda span: span.kind) if by == "process" else (lambda span: span.place)


def _stacked(found: Sequence[Level]) -> Iterator[tuple[str, list[int]]]:
    """Each area with its heights, the highest first, those that there are too many of as one."""
    most: Counter[str] = Counter()
    for level in found:
        for key, count in level.open.items():
            most[key] = max(most[key], count)
    ordered = sorted(most, key=lambda key: (-most[key], key))
    for key in ordered[:KIND_COLOURS]:
        yield key, [level.open.get(key, 0) for level in found]
    if rest := set(ordered[KIND_COLOURS:]):
        yield f"{len(rest):,} others", [sum(level.open.get(key, 0) for key in rest) for level in found]


def _limit(drawn: Any, owner: Owner) -> None:
    if owner.limit is not None and owner.limit <= _NEAR * max(owner.peak, 1):
        drawn.add_hline(
            y=owner.limit, line_dash="dash", annotation_text=f"limit {owner.limit:,}", row=2, col=1
        )
