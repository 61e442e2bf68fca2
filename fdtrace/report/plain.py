"""A report as plain text for an e-mail: nothing but letters, no line too long to be quoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fdtrace.report import cells
from fdtrace.report.document import Block, Bullets, Fold, Grid, Heading, Lines, Quote, Words, plain
from fdtrace.report.layout import wrapped

WIDTH = 76
_LONGEST_QUOTE = 200
_GAP = 2
_WIDEST_CELL = 34


def render(blocks: Sequence[Block]) -> str:
    """The blocks as lines of at most 76 columns; quoted lines of a capture are not broken."""
    return "\n\n".join("\n".join(_block(block)) for block in blocks) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, title):
            shown = wrapped(plain(title), WIDTH)
            yield from shown
            yield ("=" if level == 2 else "-") * max(map(cells.width, shown), default=0)
        case Lines(lines):
            for words in lines:
                yield from wrapped(plain(words), WIDTH)
        case Bullets(items):
            for item in items:
                yield from wrapped(f"* {plain(item)}", WIDTH, 0, 2)
        case Grid(headers, rows, numbers):
            yield from _grid(headers, rows, numbers)
        case Quote(quoted):
            for text in quoted:
                yield f"    {cells.shorten(cells.visible(text), _LONGEST_QUOTE)}"
        case Fold(label, inner):
            yield cells.visible(label)
            yield ""
            yield from render(inner).rstrip("\n").split("\n")


def _grid(headers: Sequence[str], rows: Sequence[Sequence[Words]], numbers: frozenset[int]) -> Iterator[str]:
    """A table as columns, or, where it is too wide for that, row by row."""
    texts = [[_cell(cell) for cell in row] for row in rows]
    widths = [max(map(cells.width, column)) for column in zip(headers, *texts, strict=True)]
    if sum(widths) + _GAP * (len(widths) - 1) > WIDTH:
        for row in rows:
            yield from _record(headers, row)
        return
    for line in [list(headers), ["-" * width for width in widths], *texts]:
        yield _columns(line, widths, numbers)


def _cell(words: Words) -> str:
    return cells.shorten(cells.visible(plain(words)), _WIDEST_CELL, "both")


def _columns(row: Sequence[str], widths: Sequence[int], numbers: frozenset[int]) -> str:
    padded = []
    for place, (text, width) in enumerate(zip(row, widths, strict=True)):
        room = " " * (width - cells.width(text))
        padded.append(room + text if place in numbers else text + room)
    return (" " * _GAP).join(padded).rstrip()


def _record(headers: Sequence[str], row: Sequence[Words]) -> Iterator[str]:
    """A row as an item of a list: what it is about, and below that what is known of it."""
    texts = [plain(cell) for cell in row]
    yield from wrapped(f"* {'  '.join(filter(None, texts[:2]))}", WIDTH, 0, 2)
    known = [(header, text) for header, text in zip(headers, texts, strict=True) if text not in ("", "–")]
    said = [f"{header}: {text}" for header, text in known if text not in texts[:2]]
    yield from wrapped("; ".join(said), WIDTH, 2, 2)
