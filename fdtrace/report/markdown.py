"""A report in the Markdown of GitHub and GitLab."""

from __future__ import annotations

from collections.abc import Sequence

from fdtrace.report import cells
from fdtrace.report.document import Block, Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong, Words


def render(blocks: Sequence[Block]) -> str:
    """The blocks as Markdown, with an empty line between them."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(level, words):
            return f"{'#' * level} {_words(words)}"
        case Lines(lines):
            return "\n".join(_line(line) for line in lines)
        case Bullets(items):
            return "\n".join(f"* {_line(item)}" for item in items)
        case Grid(headers, rows, numbers):
            return _grid(headers, rows, numbers)
        case Quote(lines):
            return cells.markdown_block(lines)
        case Fold(title, inner):
            # The empty lines make what is inside Markdown again.
            summary = f"<details><summary>{cells.html_text(title)}</summary>"
            return f"{summary}\n\n{render(inner)}\n</details>"


def _line(words: Words) -> str:
    """Words at the start of a line; marks of ours stand there as they are."""
    said = _words(words)
    return cells.markdown_start(said) if words and isinstance(words[0], str) else said


def _words(words: Words, cell: bool = False) -> str:
    parts = []
    for part in words:
        match part:
            case Code(text):
                parts.append(cells.markdown_code(text, cell))
            case Strong(text):
                parts.append(f"**{cells.markdown(text)}**")
            case _:
                parts.append(cells.markdown(part))
    return "".join(parts)


def _grid(headers: Sequence[str], rows: Sequence[Sequence[Words]], numbers: frozenset[int]) -> str:
    rule = ["---:" if place in numbers else "---" for place in range(len(headers))]
    lines = [[cells.markdown(header) for header in headers], rule]
    lines += [[_words(cell, cell=True) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
