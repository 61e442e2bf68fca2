"""One pass over captures, watched: how many bytes of how many, how many descriptors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..model import Reading
from ..readers.bundle import Capture
from .kernel import Observer

if TYPE_CHECKING:
    from .news import News

Progress = Callable[[Reading], None]


class Pass(Observer):
    """Watches as an observer, and is told of every block (called with its size) in between.

    `progress` is called in the thread that reads, never inside of a record: it may
    raise KeyboardInterrupt to end the reading there.
    """

    def __init__(self, captures: Sequence[Capture], progress: Progress) -> None:
        self._progress = progress
        self._total = sum(source.size or 0 for capture in captures for source in capture.sources)
        self._taken = 0
        self._descriptors = 0

    def watched(self, capture: Capture) -> Capture:
        """The same capture; what is taken of it is counted here."""
        return replace(capture, sources=tuple(replace(s, taken=self._take) for s in capture.sources))

    def hear(self, news: News) -> None:
        """Count what began."""
        self._descriptors += news.count_begun

    def _take(self, size: int) -> None:
        self._taken += size

    def __call__(self, size: int) -> None:
        """Tell how far it is."""
        taken = self._taken
        if self._total and taken > self._total:  # it is read once more
            taken = taken % self._total
        self._progress(Reading(taken, self._total or None, self._descriptors))


def copying(progress: Progress | None) -> Callable[[int], None] | None:
    """What tells how much of a pipe was copied, before anything of it is read."""
    if progress is None:
        return None
    copied = 0

    def count(size: int) -> None:
        nonlocal copied
        copied += size
        progress(Reading(copied))

    return count
