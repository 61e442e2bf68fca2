"""Stacks of never-closed descriptors in the form that flamegraph.pl and speedscope read.

One line a stack: frames from the outermost to the innermost with `;` between,
then what was made, then how many. Without stacks the system call stands for them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fdtrace.report import cells

_LONGEST = 300
_BLANKS = re.compile(r"\s+")


class Made(NamedTuple):
    """Descriptors that nobody closed and that were made alike. `frames` begin with the outermost."""

    command: str | None
    frames: tuple[str, ...]
    call: str | None
    kind: str
    pattern: str
    lives: int


def lines(made: Iterable[Made]) -> Iterator[str]:
    """The lines, in the order of the alphabet; stacks that come out alike are added up."""
    counts: Counter[str] = Counter()
    for one in made:
        counts[_stack(one)] += one.lives
    for stack in sorted(counts):
        yield f"{stack} {counts[stack]}\n"


def _stack(one: Made) -> str:
    leaf = one.kind if one.pattern == one.kind else f"{one.kind} {one.pattern}"
    frames = one.frames or (one.call or "unknown call",)
    return ";".join(_frame(name) for name in (one.command or "unknown program", *frames, leaf))


def _frame(name: str) -> str:
    """A frame without what separates frames and counts."""
    shown = cells.shorten(cells.visible(name), _LONGEST, keep="both").replace(";", ":")
    return _BLANKS.sub("_", shown) or "?"
