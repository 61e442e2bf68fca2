"""A sign of life while a large capture is read, for someone who waits at a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

from fdtrace.report import cells

_WORTH_A_SIGN = 20_000_000


@contextlib.contextmanager
def reading(paths: Sequence[str]) -> Iterator[None]:
    """Shows on a terminal's standard error that `paths` are being read, if that takes its time."""
    amount = sum(_bytes(path) for path in paths)
    if amount < _WORTH_A_SIGN or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(f"reading {cells.size(amount)} …"):
        yield


def _bytes(path: str) -> int:
    with contextlib.suppress(OSError):
        if os.path.isdir(path):
            return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())
        return os.stat(path).st_size
    return 0
