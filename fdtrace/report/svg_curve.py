"""The number of open descriptors over a capture, as a small drawing that stands on its own in a page."""

from __future__ import annotations

from fdtrace.model import Coverage
from fdtrace.report import cells, sentences

_WIDTH, _HEIGHT = 640, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 14, 26
_NEAR = 2.0
"""A limit is drawn where it is no higher than so many times the peak; else it would flatten the curve."""


def picture(coverage: Coverage, number: int) -> str:
    """An SVG element; "" where there is no curve. Colours come from the classes of the page."""
    values = coverage.curve
    if len(values) < 2:
        return ""
    peak = max(*values, coverage.peak or 0)
    limit = coverage.limit if coverage.limit and coverage.limit <= peak * _NEAR else None
    top = max(limit or 0, peak, 1)
    across = (_WIDTH - _LEFT - _RIGHT) / (len(values) - 1)
    points = [(_LEFT + place * across, _y(value, top)) for place, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{_LEFT},{_y(0, top):.1f} {line} {points[-1][0]:.1f},{_y(0, top):.1f}"
    name = f"curve-{number}"
    parts = [
        f'<svg class="curve" role="img" aria-labelledby="{name}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" font-size="12">',
        f'<title id="{name}">{cells.html_text(sentences.curve(coverage))}</title>',
        *_rule(0, top, "rule"),
        *_rule(peak, top, "rule"),
        *(_rule(limit, top, "limit") if limit else []),
        f'<polygon class="area" points="{area}" fill="currentColor" fill-opacity="0.12" stroke="none"/>',
        f'<polyline class="line" points="{line}" stroke-width="2"/>',
        _label(_LEFT, _HEIGHT - 8, "start", "begin"),
        _label(_WIDTH - _RIGHT, _HEIGHT - 8, "end", _end(coverage)),
        "</svg>",
    ]
    return "\n".join(parts)


def _y(value: float, top: int) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)


def _rule(value: int, top: int, name: str) -> list[str]:
    """A line across at one height, with its number in front."""
    y = _y(value, top)
    dashes = ' stroke-dasharray="6 4"' if name == "limit" else ""
    return [
        f'<line class="{name}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
        f'stroke-opacity="0.4"{dashes}/>',
        _label(_LEFT - 6, y + 4, "end", cells.count(value)),
    ]


def _label(x: float, y: float, anchor: str, text: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor" stroke="none">'
        f"{cells.html_text(text)}</text>"
    )


def _end(coverage: Coverage) -> str:
    return "end" if coverage.span_s is None else f"end, after {cells.duration(coverage.span_s)}"
