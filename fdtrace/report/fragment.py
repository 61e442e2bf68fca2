"""Blocks as a piece of HTML for a cell of a notebook: no script, no link, nothing from elsewhere.

It takes the colours of the page around it, light or dark, and reads without its
styles as well, as where a notebook that is not trusted is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fdtrace.report import cells
from fdtrace.report.document import Block, Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong, Words

_FEW = 4
"""Tables of more columns are not squeezed into a narrow page: they scroll."""
_SEVERITIES = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low", "INFO": "info"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG element of our own making, well-formed and safe."""

    svg: str


Part = Block | Drawing


def render(parts: Sequence[Part]) -> str:
    """The parts one below the other, as one element."""
    return f'<div class="fdtrace"><style>\n{_style()}</style>\n{_inside(parts)}\n</div>'


@cache
def _style() -> str:
    return (resources.files("fdtrace.report") / "templates" / "fragment.css").read_text(encoding="utf-8")


def _inside(parts: Sequence[Part]) -> str:
    return "\n".join(_part(part) for part in parts)


def _part(part: Part) -> str:
    match part:
        case Drawing(svg):
            return svg
        case Heading(level, words):
            return f"<h{level}>{_words(words)}</h{level}>"
        case Lines(lines):
            return "\n".join(f"<p>{_words(line)}</p>" for line in lines)
        case Bullets(items):
            return "<ul>" + "".join(f"<li>{_words(item)}</li>" for item in items) + "</ul>"
        case Grid(headers, rows, numbers):
            return _grid(headers, rows, numbers)
        case Quote(lines):
            return f"<pre>{chr(10).join(map(cells.html_text, lines))}</pre>"
        case Fold(title, inner):
            summary = f"<summary>{cells.html_text(title)}</summary>"
            return f'<details>{summary}<div class="within">\n{_inside(inner)}\n</div></details>'


def _words(words: Words) -> str:
    parts = []
    for part in words:
        match part:
            case Code(text):
                parts.append(f"<code>{cells.html_text(text)}</code>")
            case Strong(text) if text in _SEVERITIES:
                parts.append(f'<strong class="severity {_SEVERITIES[text]}">{text}</strong>')
            case Strong(text):
                parts.append(f"<strong>{cells.html_text(text)}</strong>")
            case _:
                parts.append(cells.html_text(part))
    return "".join(parts)


def _grid(headers: Sequence[str], rows: Sequence[Sequence[Words]], numbers: frozenset[int]) -> str:
    """A table that scrolls by itself where the page is narrower."""
    looks = [' class="number"' if place in numbers else "" for place in range(len(headers))]
    head = [
        f'<th scope="col"{look}>{cells.html_text(h)}</th>' for h, look in zip(headers, looks, strict=True)
    ]
    body = [
        "".join(f"<td{look}>{_words(words)}</td>" for words, look in zip(row, looks, strict=True))
        for row in rows
    ]
    rules = "\n".join(f"<tr>{row}</tr>" for row in body)
    table = f"<table><thead><tr>{''.join(head)}</tr></thead>\n<tbody>{rules}</tbody></table>"
    return f'<div class="wide{" many" if len(headers) > _FEW else ""}">{table}</div>'
