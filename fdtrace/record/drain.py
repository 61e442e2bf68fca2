"""The stream of a running strace, taken off its hands: a FIFO that it writes to, emptied by a thread.

A file that strace wrote itself would have holes where the disk was full for a
while, and a hole is a lie: what was closed in it looks open. So fdtrace writes.
It looks often enough for the FIFO never to be full, and not at each line: strace
and the program that it traces should have the processor.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable

_LARGE = 1 << 20
_SET_SIZE = 1031  # F_SETPIPE_SZ: named by the module fcntl on Linux only
_PAUSE_S = 0.02
_LONGEST_HEAD = 200
_FIRST = re.compile(rb"(\d+) ")
_END = re.compile(rb"(?m)^(\d+) +\S+ \+\+\+ (?:exited|killed)")
_OFTEN_S = 0.1
_OFTEN_COMPRESSED_S = 1.0


class Drain(threading.Thread):
    """Hands whole lines to `keep`; `path` is what strace has to write to."""

    def __init__(self, keep: Callable[[bytes], None], compressed: bool = False) -> None:
        super().__init__(name="trace", daemon=True)
        self._keep = keep
        self._folder = tempfile.mkdtemp(prefix="fdtrace-record-")
        self.path = os.path.join(self._folder, "trace")
        os.mkfifo(self.path, 0o600)
        self._reading = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # As long as one end for writing is open, nothing to read is not the end.
        self._writing = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._reading, _SET_SIZE, _LARGE)
        self._often_s = _OFTEN_COMPRESSED_S if compressed else _OFTEN_S
        self._over = threading.Event()
        self._held: list[bytes] = []
        self._size = 0
        self._since = time.monotonic()
        self.bytes = 0
        """Taken so far."""
        self.first: int | None = None
        """The process of the first line: the program that was started."""
        self.ended: set[int] = set()
        """Threads whose end stands in the trace."""
        self.failure: Exception | None = None
        """What went wrong in keeping; the stream is taken all the same, or the program would stand still."""
        self._tail = b""

    def run(self) -> None:
        """Take what comes until `finish` is called, then what is left."""
        while True:
            over = self._over.is_set()
            try:
                data = os.read(self._reading, _LARGE)
            except BlockingIOError:
                data = b""
            if data:
                self._take(data)
            elif over:
                break
            if self._held and (over or time.monotonic() - self._since >= self._often_s):
                self._pass_on()
            if len(data) < _LARGE // 4 and not over:
                time.sleep(_PAUSE_S)
        self._pass_on(all_of_it=True)

    def _take(self, data: bytes) -> None:
        if not self._held:
            self._since = time.monotonic()
        self.bytes += len(data)
        self._notice(self._tail + data)
        self._held.append(data)
        self._size += len(data)
        if self._size >= _LARGE:
            self._pass_on()

    def _pass_on(self, all_of_it: bool = False) -> None:
        """Hand on the whole lines; the beginning of one more waits for its end."""
        text = b"".join(self._held)
        end = len(text) if all_of_it else text.rfind(b"\n") + 1
        self._held = [text[end:]] if end < len(text) else []
        self._size = len(text) - end
        self._since = time.monotonic()
        if end and self.failure is None:
            try:
                self._keep(text[:end])
            except Exception as error:
                self.failure = error

    def _notice(self, text: bytes) -> None:
        """Who speaks first, and whose end is told."""
        if self.first is None and (found := _FIRST.match(text)):
            self.first = int(found[1])
            shutil.rmtree(self._folder, ignore_errors=True)  # strace has it open, and nobody else needs it
        if b"+++ " in text:
            self.ended.update(map(int, _END.findall(text)))
        self._tail = text[text.rfind(b"\n") + 1 :][-_LONGEST_HEAD:]

    def finish(self) -> None:
        """Take what an ended strace left, and end."""
        self._over.set()
        self.join()
        os.close(self._reading)
        os.close(self._writing)
        shutil.rmtree(self._folder, ignore_errors=True)
