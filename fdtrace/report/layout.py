"""Lines for a terminal: wrapping under a label, colour, and the places where both stop."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from fdtrace.report import cells

NARROWEST = 40
_LONGEST_TEXT = 600

BOLD, DIM, RED, YELLOW = "1", "2", "1;31", "1;33"


def paint(text: str, code: str, colour: bool) -> str:
    """The text in bold or in a colour, if colours are wanted."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour and text else text


def wrapped(text: str, width: int, indent: int = 0, hanging: int | None = None) -> list[str]:
    """A text of a capture or about it, made visible and cut into lines of at most `width` columns.

    `indent` is the space before the first line, `hanging` before the others.
    """
    text = cells.shorten(cells.visible(text), _LONGEST_TEXT)
    after = indent if hanging is None else hanging
    return textwrap.wrap(
        text,
        max(width, after + 20),
        initial_indent=" " * indent,
        subsequent_indent=" " * after,
        break_on_hyphens=False,
    )


def labelled(label: str, text: str, width: int, indent: int = 2, column: int = 14) -> list[str]:
    """`label` and, from `column` on, the text, wrapped there."""
    lines = wrapped(text, width, column)
    if lines:
        lines[0] = (" " * indent + label).ljust(column - 1) + " " + lines[0][column:]
    return lines


def joined(parts: Iterable[str], between: str, width: int) -> list[str]:
    """Short parts with `between` before all but the first, on lines of at most `width` columns.

    A part is never broken but cut: it is a name.
    """
    lines: list[str] = []
    for part in parts:
        name = cells.shorten(cells.visible(part), max(width - len(between) - 1, 8), "both")
        piece = between + name if lines else name
        if lines and cells.width(lines[-1]) + 1 + cells.width(piece) <= width:
            lines[-1] += " " + piece
        else:
            lines.append(piece)
    return lines


def listed(words: list[str], most: int = 0) -> str:
    """`a, b and c`; with `most`, no more than so many and how many others there are."""
    if most and len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most:,} more"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
