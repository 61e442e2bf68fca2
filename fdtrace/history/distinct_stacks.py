"""The stacks of a recording alone, for what has to know them all before the first call is looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from ..errors import DamagedInput
from ..readers.bundle import Capture
from ..readers.strace.choice import scanner_of
from ..readers.strace.window import Scan
from ..readers.text import Source


def distinct_stacks(capture: Capture, progress: Callable[[int], None] | None = None) -> list[bytes]:
    """Every different stack; of a damaged file, or after an interrupt, those that were read until then."""
    scan = Scan()
    with contextlib.suppress(KeyboardInterrupt):
        for code, source in enumerate(capture.sources):
            reader = scanner_of(capture, scan, code, capture.tids[code])
            for _ in reader.windows(_blocks(source, progress)):
                pass
    return scan.stacks.items


def _blocks(source: Source, progress: Callable[[int], None] | None) -> Iterator[bytes]:
    with contextlib.suppress(DamagedInput):
        for block in source.blocks():
            if progress is not None:
                progress(len(block))
            yield block
