"""Ctrl-C while captures are read: once ends the reading, twice ends everything, whatever is going on."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

CODE = 130
"""How a program ends that was interrupted."""
_PATIENCE_S = 1.0
"""After so long somebody who has pressed once is told what comes, and what a second time does."""
_GRACE_S = 0.5
"""So long the second may take to end everything in an orderly way."""
_SOON = "interrupted: the answer for what was read so far follows; Ctrl-C once more ends without it"


class Interrupts:
    """While this lasts, in the main thread, Ctrl-C sets `stopped`; pressed again, it ends the process.

    `say` is given what is to be told. Python hears of a signal between two of its
    instructions, and there are none for many seconds while a compiler is at work: so a
    thread of its own hears of them as well.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.stopped = False
        self._ended = False
        self._say = say
        self._watch: _Watch | None = None

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGINT, self._stop)
        if sys.platform != "win32":
            self._watch = _Watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self._watch is not None and not self._ended:
            self._watch.end()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        signal.signal(signal.SIGINT, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.bid_farewell()
        raise SystemExit(CODE)

    def tell_what_follows(self) -> None:
        """Say that it was heard, and is not over yet."""
        self._say(_SOON)

    def bid_farewell(self) -> None:
        """Say, once, that this is the end."""
        if not self._ended:
            self._ended = True
            self._say("interrupted")


class _Watch(threading.Thread):
    """Hears of each Ctrl-C; when the second has not ended the process soon, this does."""

    def __init__(self, interrupts: Interrupts) -> None:
        super().__init__(name="fdtrace-interrupts", daemon=True)
        self._interrupts = interrupts
        self._signals, self._told = os.pipe()
        os.set_blocking(self._told, False)
        self._before = signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)
        self.start()

    def run(self) -> None:
        """Wait for the first, then for the second."""
        if not self._heard():
            return
        if not select.select([self._signals], [], [], _PATIENCE_S)[0]:
            self._interrupts.tell_what_follows()
        if self._heard():
            threading.Event().wait(_GRACE_S)
            self._interrupts.bid_farewell()
            os._exit(CODE)

    def _heard(self) -> bool:
        """Whether Ctrl-C was pressed before all was over."""
        while number := os.read(self._signals, 1):
            if number[0] == signal.SIGINT:
                return True
        return False

    def end(self) -> None:
        """Nobody waits any more."""
        signal.set_wakeup_fd(self._before)
        os.close(self._told)
        self.join()
        os.close(self._signals)
