"""Strokes of a timeline's picture: places, colours, boxes, words, the axis of time."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fdtrace.report import cells

WIDTH = 960
LEFT, RIGHT = 190.0, 24.0

KIND_COLOURS = 7
"""Kinds that have a colour of their own; the others share one."""

# Leaks are Okabe and Ito's vermilion, kinds their other colours, so that no pair is alike to the
# colour-blind; bars that are no leaks are grey, and differ in brightness.
_LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "soft": "#59636e", "line": "#d1d9e0",
    "leak": "#d55e00", "open": "#57606a", "closed": "#afb8c1", "exec": "#0072b2", "fork": "#1f2328",
    "kinds": ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#b5a800", "#5d3a9b", "#8c959f"),
}  # fmt: skip
_DARK = {
    "paper": "#0d1117", "ink": "#e6edf3", "soft": "#9198a1", "line": "#30363d",
    "leak": "#ff7b29", "open": "#a5b0bb", "closed": "#4d5660", "exec": "#58b5f0", "fork": "#e6edf3",
    "kinds": ("#2f8fd0", "#7cc7f2", "#1fb58b", "#f0b03c", "#dd93bb", "#d6cc4a", "#9a7bd6", "#6e7781"),
}  # fmt: skip

PALETTE = _LIGHT["kinds"]
"""Colours of kinds, of the eighth all that are left."""


def _rules(colours: Mapping[str, Sequence[str]], within: str = "") -> str:
    scope = f"{within}.fdtrace-timeline"
    fills = {".paper": "paper", "text": "ink", f".small,{scope} .tiny": "soft", ".fork": "fork"}
    fills |= {f".{name}": name for name in ("leak", "open", "closed", "exec")}
    rules = [f"{scope} {name}{{fill:{colours[key]}}}" for name, key in fills.items()]
    rules += [f"{scope} .k{i}{{fill:{colour}}}" for i, colour in enumerate(colours["kinds"])]
    rules += [
        f"{scope} .grid{{stroke:{colours['line']}}}",
        f"{scope} .life,{scope} .limit{{stroke:{colours['soft']}}}",
        *(f"{scope} .{fate}.unseen{{stroke:{colours[fate]}}}" for fate in ("leak", "open", "closed")),
        f"{scope} .leaking{{stroke:{colours['leak']}}}",
    ]
    return "".join(rules)


STYLE = (
    ".fdtrace-timeline text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
    + _rules(_LIGHT)
    + "@media (prefers-color-scheme:dark){"
    + _rules(_DARK)
    + "}"
)

NOTEBOOK_STYLE = _rules(_LIGHT, ":is([data-jp-theme-light=true],.vscode-light) ") + _rules(
    _DARK, ":is([data-jp-theme-light=false],.vscode-dark,.vscode-high-contrast) "
)
"""What makes a picture light or dark as the notebook around it is, whatever the desktop prefers."""

_STROKES = {
    "grid": ("line", 'stroke-width=".6"'),
    "life": ("soft", ""),
    "limit": ("soft", 'stroke-width="1.2" stroke-dasharray="6 4"'),
    "leaking": ("leak", 'stroke-width="2"'),
}
_WORDS = {
    "title": 'font-size="16" font-weight="600"',
    "words": 'font-size="12"',
    "process": 'font-weight="600"',
    "label": 'font-size="9"',
    "tiny": 'font-size="8"',
    "end": 'text-anchor="end"',
    "middle": 'text-anchor="middle"',
    "many": 'opacity=".62"',
    "cover": 'fill="none" pointer-events="all"',
}


def look(names: str) -> str:
    """The classes of an element, and as attributes what they mean in the light, where styles are blocked."""
    said = [f'class="{names}"']
    for name in names.split():
        if name in _STROKES:
            colour, more = _STROKES[name]
            said.append(f'fill="none" stroke="{_LIGHT[colour]}" {more}'.rstrip())
        elif name in _WORDS:
            said.append(_WORDS[name])
        elif name == "small":
            said.append(f'fill="{_LIGHT["soft"]}"')
        elif name == "unseen":
            fate = names.split()[0]
            said.append(f'fill-opacity=".2" stroke="{_LIGHT[fate]}" stroke-width=".8" stroke-dasharray="3 2"')
        elif name in _LIGHT:
            said.append(f'fill="{_LIGHT[name]}"')
        elif name[:1] == "k":
            said.append(f'fill="{_LIGHT["kinds"][int(name[1:])]}"')
    return " ".join(said)


def number(value: float, digits: int = 1) -> str:
    """A coordinate without what nobody sees."""
    shown = f"{value:.{digits}f}"
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


_UNITS = ((1e-6, "ns", 1e-9), (1e-3, "µs", 1e-6), (1.0, "ms", 1e-3), (300.0, "s", 1.0))
_LONG = ((7200.0 * 2, "minutes", 60.0), (86_400.0 * 4, "hours", 3600.0), (math.inf, "days", 86_400.0))


_FULL = {"ns": "nanoseconds", "µs": "microseconds", "ms": "milliseconds", "s": "seconds"}


@dataclass(frozen=True, slots=True)
class Scale:
    """Where which moment is, and how moments are said. `unit`: "s" for seconds, "line" for lines."""

    since: float
    until: float
    unit: Literal["s", "line"]

    @property
    def pixels(self) -> float:
        """The width of the whole time."""
        return WIDTH - RIGHT - LEFT

    def x(self, at: float) -> float:
        """The place of a moment."""
        share = (at - self.since) / ((self.until - self.since) or 1.0)
        return LEFT + min(1.0, max(0.0, share)) * self.pixels

    def length(self, pixels: float) -> float:
        """How long so many pixels last."""
        return pixels * (self.until - self.since) / self.pixels

    def said(self, at: float) -> str:
        """A moment in words."""
        if self.unit == "line":
            return f"line {at:,.0f}"
        name, factor = self._step_unit()
        digits = max(0, 3 - math.floor(math.log10(max((self.until - self.since) / factor, 1e-9))))
        return f"{at / factor:,.{min(digits, 6)}f} {name}"

    def lasting(self, length: float) -> str:
        """A length in words."""
        if self.unit == "line":
            return cells.counted(max(1, math.ceil(length)), "line")
        return cells.duration(length)

    def ticks(self) -> tuple[list[tuple[float, str]], str]:
        """Round moments with their labels, and what these count."""
        if self.unit == "line":
            name, factor = "line of the capture (no clock was recorded)", 1.0
        else:
            unit, factor = self._step_unit()
            name = f"{_FULL.get(unit, unit)} since the first time stamp"
        low, high = self.since / factor, self.until / factor
        step = nice((high - low) / 8)
        first = math.ceil(low / step - 1e-9)
        places = [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        return [(place * factor, f"{place:,.{digits}f}") for place in places], name

    def _step_unit(self) -> tuple[str, float]:
        length = self.until - self.since
        return next((name, factor) for limit, name, factor in (*_UNITS, *_LONG) if length < limit)


def nice(step: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is no less."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9))


def horizontal(scale: Scale, top: float, bottom: float) -> tuple[list[str], float]:
    """Grid and labels of the axis of time, below what stands between `top` and `bottom`."""
    ticks, name = scale.ticks()
    grid = "".join(f"M{number(scale.x(at))} {number(top)}V{number(bottom)}" for at, _ in ticks)
    parts = [path(grid, "grid")]
    parts += [text(scale.x(at), bottom + 13, label, "small middle") for at, label in ticks]
    parts.append(text(LEFT + scale.pixels / 2, bottom + 27, name, "small middle"))
    return parts, bottom + 30


def rect(x: float, y: float, width: float, height: float, names: str, title: str = "", data: str = "") -> str:
    """A box, with what it says to a pointer that rests on it."""
    box = (
        f'<rect {look(names)} x="{number(x)}" y="{number(y)}" width="{number(width)}"'
        f' height="{number(height)}"{data}'
    )
    return f"{box}><title>{cells.html_text(title)}</title></rect>" if title else f"{box}/>"


def path(strokes: str, names: str, title: str = "") -> str:
    """A line or an area, with what it says to a pointer that rests on it."""
    drawn = f'<path {look(names)} d="{strokes}"'
    return f"{drawn}><title>{cells.html_text(title)}</title></path>" if title else f"{drawn}/>"


def text(x: float, y: float, words: str, names: str, title: str = "") -> str:
    """Words, with more of them for a pointer that rests on it."""
    more = f"<title>{cells.html_text(title)}</title>" if title else ""
    return f'<text {look(names)} x="{number(x)}" y="{number(y)}">{cells.html_text(words)}{more}</text>'


def group(parts: Sequence[str], data: str = "") -> str:
    """Elements that belong together."""
    return "\n".join([f"<g{data}>", *parts, "</g>"])


def wrapped(words: str, columns: int) -> list[str]:
    """Words as lines of at most so many characters."""
    return textwrap.wrap(words, columns, break_long_words=True)


def staircase(points: Iterable[tuple[float, float]]) -> str:
    """A path that stays on each height until the next one begins."""
    strokes, last = "", None
    for x, y in points:
        if last is None:
            strokes += f"M{number(x)} {number(y)}"
        elif number(y) != number(last):
            strokes += f"H{number(x)}V{number(y)}"
        last = y
    return strokes
