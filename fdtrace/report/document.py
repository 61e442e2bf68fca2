"""A report as blocks of words: the same for every markup, escaped by none yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A name or a number as a capture has it, to be set apart from the words around it."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that are to be seen first."""

    text: str


Words = tuple[str | Code | Strong, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of what follows, of level 2 or 3."""

    level: int
    words: Words


@dataclass(frozen=True, slots=True)
class Lines:
    """A paragraph of which each line stands on its own."""

    lines: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `numbers` are the columns to be set to the right."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Words, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Quote:
    """Lines of a capture, or a command, letter by letter."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What a reader opens who wants to see it."""

    title: str
    blocks: tuple[Block, ...]


Block = Heading | Lines | Bullets | Grid | Quote | Fold


def plain(words: Words) -> str:
    """The words without their marks."""
    return "".join(part if isinstance(part, str) else part.text for part in words)
