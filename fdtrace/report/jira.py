"""A report in the wiki markup of Jira."""

from __future__ import annotations

from collections.abc import Sequence

from fdtrace.report import cells
from fdtrace.report.document import Block, Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong, Words


def render(blocks: Sequence[Block]) -> str:
    """The blocks as wiki markup, with an empty line between them."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(level, words):
            return f"h{level}. {_words(words)}"
        case Lines(lines):
            return "\n".join(_line(line) for line in lines)
        case Bullets(items):
            return "\n".join(f"* {_line(item)}" for item in items)
        case Grid(headers, rows, _):
            head = "||" + "||".join(cells.jira(header) or " " for header in headers) + "||"
            # An empty cell would join the two bars around it to those of a heading.
            return "\n".join(
                [head, *("|" + "|".join(_words(cell) or " " for cell in row) + "|" for row in rows)]
            )
        case Quote(lines):
            return cells.jira_block(lines)
        case Fold(title, inner):
            return f"h4. {cells.jira(title)}\n\n{render(inner)}".rstrip("\n")


def _line(words: Words) -> str:
    """Words at the start of a line; marks of ours stand there as they are."""
    said = _words(words)
    return cells.jira_start(said) if words and isinstance(words[0], str) else said


def _words(words: Words) -> str:
    parts = []
    for part in words:
        match part:
            case Code(text):
                parts.append(f"{{{{{cells.jira(text)}}}}}" if text.strip() else "")
            case Strong(text):
                parts.append(f"*{cells.jira(text)}*")
            case _:
                parts.append(cells.jira(part))
    return "".join(parts)
