"""Rows on their way into windows, and the stack frames that belong to them."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from .window import COLUMNS, Strings, Window

ROWS_PER_WINDOW = 1 << 15
_GIVEN = [(name, dtype) for name, dtype in COLUMNS if name not in ("stack", "start", "stop")]


class Origin(NamedTuple):
    """Who printed a line, when, and where it stands."""

    tid: int
    clock: int
    line: int
    offset: int


class Entry(NamedTuple):
    """What is kept of a call until it resumes."""

    text: bytes
    code: int
    fd: int
    note: int
    seq: int
    origin: Origin


class Rows:
    """Collects the rows of one file; every `limit` rows a window becomes ready.

    A row is given as a tuple of its values in the order of `COLUMNS`, up to
    `entry_clock`. A window is cut only when the next row comes, so that the
    frames of its last row are in it wherever it ends.
    """

    __slots__ = ("_file", "_frames", "_limit", "_owner", "_stacks", "_texts", "_values", "ready")

    def __init__(self, file: int, limit: int) -> None:
        self.ready: list[Window] = []
        self._file = file
        self._limit = limit
        self._owner = -1
        self._frames: list[bytes] = []
        self._clear()

    def _clear(self) -> None:
        self._values: list[int] = []  # row after row: many small tuples would keep the garbage collector busy
        self._texts: list[bytes] = []
        self._stacks: dict[int, int] = {}
        self._owner = -1

    def add(self, row: tuple[int, ...], text: bytes, stacks: Strings) -> None:
        """Add a row that frames may follow."""
        if self._frames:
            self._end_frames(stacks)
        if len(self._texts) >= self._limit:
            self._cut()
        self._owner = len(self._texts)
        self._values += row
        self._texts.append(text)

    def add_beside(self, row: tuple[int, ...]) -> None:
        """Add a row that says something about tasks; frames still belong to the row before it."""
        self._values += row
        self._texts.append(b"")

    def frame(self, line: bytes) -> bool:
        """Keep a frame without its ` > `; False when there is no row that it could belong to."""
        if self._owner < 0:
            return False
        self._frames.append(line)
        return True

    def finish(self, stacks: Strings) -> None:
        """No row will come any more."""
        if self._frames:
            self._end_frames(stacks)
        if self._texts:
            self._cut()

    def _end_frames(self, stacks: Strings) -> None:
        self._stacks[self._owner] = stacks.code(b"\n".join(self._frames))
        self._frames = []

    def _cut(self) -> None:
        self.ready.append(self._window())
        self._clear()

    def _window(self) -> Window:
        import numpy as np

        size, width = len(self._texts), len(_GIVEN)
        columns = {
            name: np.fromiter(self._values[i::width], dtype, size) for i, (name, dtype) in enumerate(_GIVEN)
        }
        columns["stack"] = np.full(size, -1, "i4")
        columns["stack"][list(self._stacks)] = list(self._stacks.values())
        stop = np.fromiter(accumulate(map(len, self._texts)), "i8", size)
        columns["start"] = stop - np.fromiter(map(len, self._texts), "i8", size)
        columns["stop"] = stop
        return Window(self._file, columns, b"".join(self._texts), {})
