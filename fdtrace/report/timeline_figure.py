"""The number of open descriptors over time as a figure of plotly."""

from __future__ import annotations

from typing import Any

from fdtrace.history.timeline import Course, levels
from fdtrace.report import cells

_PARTS = 600


def figure(course: Course, graphs: Any) -> Any:
    """Areas stacked by kind for the process to watch, its leaked descriptors as a line, and its limit."""
    drawn = graphs.Figure()
    owner = course.fullest()
    if owner is None:
        return drawn
    one = course.owners[owner]
    spans = course.tables(owner)[0]
    found = levels(spans, lambda span: span.kind, course.since, course.until, _PARTS)
    times = [level.since for level in found]
    for kind in sorted({kind for level in found for kind in level.open}):
        heights = [level.open.get(kind, 0) for level in found]
        drawn.add_scatter(
            x=times, y=heights, name=cells.html_text(kind), mode="lines", stackgroup="open",
            line={"shape": "hv", "width": 0},
        )  # fmt: skip
    if leaked := [span for span in spans if span.fate == "leak"]:
        found = levels(leaked, lambda _: "leak", course.since, course.until, _PARTS)
        drawn.add_scatter(
            x=times, y=[level.open.get("leak", 0) for level in found], name="in a leak finding", mode="lines",
            line={"shape": "hv", "color": "#d55e00", "width": 3},
        )  # fmt: skip
    if one.limit is not None and one.limit <= 4 * max(one.peak, 1):
        drawn.add_hline(y=one.limit, line_dash="dash", annotation_text=f"limit {one.limit:,}")
    name = " ".join(map(str, filter(None, (one.pid, one.command)))) or "the process"
    unit = "seconds since the first time stamp" if course.unit == "s" else "line of the capture"
    title = cells.html_text(f"Open descriptors of {name}")
    drawn.update_layout(title=title, xaxis_title=unit, yaxis_title="open")
    return drawn
