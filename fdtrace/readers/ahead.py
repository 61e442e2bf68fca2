"""Blocks made in a thread while those before them are worked on: decompressors let go of the interpreter."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterator

_DEPTH = 4
_AT_ONCE = 2
"""Blocks that are made without a thread: whoever wants only the head of an input gets no further."""
_PATIENCE_S = 0.1


def ahead(blocks: Generator[bytes], depth: int = _DEPTH) -> Iterator[bytes]:
    """The same blocks; at most `depth` of them wait, and errors come where they would have come.

    The thread is over when the iteration is, however that ends.
    """
    for _ in range(_AT_ONCE):
        block = next(blocks, None)
        if block is None:
            return
        yield block
    worker = _Worker(blocks, depth)
    try:
        while (item := worker.made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        worker.stop()


class _Worker(threading.Thread):
    """Puts blocks, then None or the error that ended them, into `made`."""

    def __init__(self, blocks: Generator[bytes], depth: int) -> None:
        super().__init__(name="fdtrace-ahead", daemon=True)
        self.made: queue.Queue[bytes | BaseException | None] = queue.Queue(depth)
        self._blocks = blocks
        self._stopped = threading.Event()
        self.start()

    def run(self) -> None:
        """Make blocks until they end or nobody wants them."""
        end: BaseException | None = None
        try:
            for block in self._blocks:
                if not self._put(block):
                    break
        except BaseException as error:
            end = error
        self._blocks.close()
        self._put(end)

    def _put(self, item: bytes | BaseException | None) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self.made.put(item, timeout=_PATIENCE_S)
                return True
        return False

    def stop(self) -> None:
        """Nobody wants more."""
        self._stopped.set()
        self.join()
