"""Rows on their way into windows, and the stack frames that belong to them."""

from __future__ import annotations

from .window import COLUMNS, Strings, Window

Fields = tuple[int, ...]
"""The values of a row in the order of `COLUMNS` up to `entry_clock`."""

_OF_A_ROW = [name for name, _ in COLUMNS if name not in ("stack", "start", "stop")]


class Rows:
    """Collects the rows of one file; every `limit` rows a window becomes ready.

    A window is cut only when the next row comes, so that the frames of its
    last row are in it wherever it ends.
    """

    __slots__ = ("_ends", "_file", "_frames", "_limit", "_owner", "_rows", "_size", "_stacks", "_texts", "ready")

    def __init__(self, file: int, limit: int) -> None:
        self.ready: list[Window] = []
        self._file = file
        self._limit = limit
        self._owner = -1
        self._frames: list[bytes] = []
        self._clear()

    def _clear(self) -> None:
        self._rows: list[Fields] = []
        self._texts: list[bytes] = []
        self._ends: list[int] = []
        self._size = 0
        self._stacks: dict[int, int] = {}

    def add(self, row: Fields, text: bytes, stacks: Strings) -> None:
        """Add a row that frames may follow."""
        if self._frames:
            self.end_frames(stacks)
        if len(self._rows) >= self._limit:
            self.cut()
        self._owner = len(self._rows)
        self.add_beside(row, text)

    def add_beside(self, row: Fields, text: bytes = b"") -> None:
        """Add a row that says something about tasks; frames still belong to the row before it."""
        self._rows.append(row)
        self._texts.append(text)
        self._size += len(text)
        self._ends.append(self._size)

    def frame(self, line: bytes) -> bool:
        """Keep a frame without its ` > `; False when there is no row that it could belong to."""
        if self._owner < 0:
            return False
        self._frames.append(line)
        return True

    def end_frames(self, stacks: Strings) -> None:
        """All frames of the last row are there: intern them as one block."""
        self._stacks[self._owner] = stacks.code(b"\n".join(self._frames))
        self._frames = []

    def cut(self) -> None:
        """Make a window of the rows so far."""
        if self._rows:
            self.ready.append(self._window())
        self._clear()
        self._owner = -1

    def finish(self, stacks: Strings) -> None:
        """The file is at its end."""
        if self._frames:
            self.end_frames(stacks)
        self.cut()

    def _window(self) -> Window:
        import numpy as np

        values = dict(zip(_OF_A_ROW, zip(*self._rows, strict=True), strict=True))
        values["stop"] = tuple(self._ends)
        values["start"] = (0, *self._ends[:-1])
        values["stack"] = tuple(self._stacks.get(row, -1) for row in range(len(self._rows)))
        columns = {name: np.array(values[name], dtype=dtype) for name, dtype in COLUMNS}
        return Window(self._file, columns, b"".join(self._texts), {})
