"""A sign of life while large captures are read, for someone who waits at a terminal, and a way out."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

from fdtrace.model import Reading
from fdtrace.report import cells
from fdtrace.report.interrupts import Interrupts

_PATIENCE_S = 1.0
"""Work that takes no longer than this is not worth a sign."""
_EVERY_S = 0.2


class Meter:
    """Shows on a terminal how far the reading is, in one line that goes away when it is over.

    Called with each Reading. Inside of `stoppable`, Ctrl-C ends the reading at the
    next call, so that what was read can be judged; pressed twice, it ends the process.
    `silent` shows nothing, for who writes the result to the same terminal meanwhile.
    """

    def __init__(self, silent: bool = False, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shows = not silent and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._began = self._said = time.monotonic()
        self._first = 0
        self._previous = -1
        self._written = False
        self._interrupts: Interrupts | None = None

    def __call__(self, reading: Reading) -> None:
        """Take note of how far it is."""
        if self._interrupts is not None and self._interrupts.stopped:
            raise KeyboardInterrupt
        now = time.monotonic()
        if reading.bytes < self._previous:  # it is read once more
            self._began, self._first = now, reading.bytes
        self._previous = reading.bytes
        if self._shows and now - self._began >= _PATIENCE_S and now - self._said >= _EVERY_S:
            self._said = now
            self._show(said(reading, (reading.bytes - self._first) / (now - self._began)))

    def _show(self, text: str) -> None:
        width = shutil.get_terminal_size((80, 24)).columns
        with contextlib.suppress(OSError):
            self._stream.write(f"\r{cells.shorten(text, max(width - 1, 10))}\x1b[K")
            self._stream.flush()
        self._written = True

    def clear(self) -> None:
        """Take the line away."""
        if self._written:
            self._written = False
            with contextlib.suppress(OSError):
                self._stream.write("\r\x1b[K")
                self._stream.flush()

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """While this lasts, the first Ctrl-C only ends the reading; the line is gone afterwards."""
        try:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            with Interrupts(self._tell) as self._interrupts:
                yield
        finally:
            self._interrupts = None
            self.clear()

    def _tell(self, text: str) -> None:
        self.clear()
        with contextlib.suppress(OSError):
            print(text, file=self._stream, flush=True)


def said(reading: Reading, rate: float) -> str:
    """How far it is, in words: bytes, bytes a second, time left, descriptors."""
    parts = [cells.size(reading.bytes)]
    if reading.total:
        share = min(reading.bytes / reading.total, 1.0)
        parts = [f"{share:4.0%} of {cells.size(reading.total)}"]
    if rate > 0:
        parts.append(f"{cells.size(int(rate))}/s")
        if reading.total:
            parts.append(f"{cells.duration(max(reading.total - reading.bytes, 0) / rate)} left")
    if reading.descriptors:
        parts.append(cells.counted(reading.descriptors, "descriptor"))
    return "reading: " + ", ".join(parts)
