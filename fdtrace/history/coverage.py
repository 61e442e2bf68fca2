"""What a capture can and cannot show, found out from what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import History


def describe(history: History) -> None:
    """Fill the coverage of a capture that was read."""
    coverage = history.coverage
    coverage.capture = history.capture.name
    coverage.files = tuple(source.name for source in history.capture.sources)
    for scanner in history.scanners:
        tally = scanner.tally
        for name in ("lines", "parsed", "continuation", "blank", "problems", "bytes", "calls"):
            setattr(coverage, name, getattr(coverage, name) + getattr(tally, name))
