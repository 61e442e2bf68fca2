"""The arrays of the walk, and room in them: cells of tables, records of lives, threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import walk_columns as w
from . import walk_loans

if TYPE_CHECKING:
    from .calls import Calls
    from .lives import Life, Table
    from .tasks import Task

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
_SEATS = 1 << 9


class Arrays:
    """What the walk works on; a place is the row of a table, a seat that of a thread."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.tids: Ints = np.zeros((1 << 17, 2), np.int64)
        self.threads: Ints = np.zeros((_SEATS, w.THREAD), np.int64)
        self.tables: Ints = np.zeros((64, w.TABLE), np.int64)
        self.cells: Ints = np.zeros((1 << 12, w.CELL), np.int64)
        self.rec: Ints = np.zeros((1 << 12, w.RECORD), np.int64)
        self.logs: Ints = np.zeros((w.LOGS, 1 << 17), np.int64)
        self.curve: Ints = np.zeros((1 << 17, 3), np.int64)
        self.state: Ints = np.zeros(w.STATE, np.int64)
        self.state[w.WIDTH] = 1
        self.lives: list[Life | None] = [None] * len(self.rec)
        """The life of each record, where there is one."""
        self.push_free(range(len(self.rec)))
        self.lent: list[Table | None] = [None] * len(self.tables)
        self.free_places = list(range(len(self.tables)))
        self.tasks: list[Task | None] = [None] * len(self.threads)
        self.push_seats(range(len(self.threads)))
        self.free_cells: dict[int, list[int]] = {}
        self._cells_used = 0
        self._said: Ints = np.zeros(1 << 10, np.int64)

    def table_of(self, place: int) -> Table:
        """The table that is lent there."""
        table = self.lent[place]
        assert table is not None
        return table

    def push_free(self, records: Any) -> None:
        """These records may be used again."""
        free = int(self.state[w.FREE])
        self.logs[w.L_FREE, free : free + len(records)] = records
        self.state[w.FREE] = free + len(records)

    def grow(self) -> None:
        """Make room for more records."""
        size = len(self.rec)
        self.rec = np.concatenate((self.rec, np.zeros_like(self.rec)))
        self.lives += [None] * size
        if self.logs.shape[1] < 2 * size + (1 << 16):
            self.logs = np.concatenate((self.logs, np.zeros_like(self.logs)), axis=1)
        self.push_free(range(size, 2 * size))

    def widen(self) -> None:
        """A table needs a number beyond its cells."""
        place, number = int(self.state[w.WHO]), int(self.state[w.WHAT])
        base, size = int(self.tables[place, w.T_BASE]), int(self.tables[place, w.T_CELLS])
        larger = size
        while larger <= number:
            larger *= 2
        new = self.segment(larger, self.table_of(place).origin is None)
        self.cells[new : new + size] = self.cells[base : base + size]
        self.tables[place, [w.T_BASE, w.T_CELLS]] = new, larger
        self.free_cells.setdefault(size, []).append(base)

    def note(self) -> None:
        """A table from before the capture makes a number for the first time."""
        place, number = int(self.state[w.WHO]), int(self.state[w.WHAT])
        self.calls.kernel.note_stranger(self.table_of(place), number)
        self.cells[self.tables[place, w.T_BASE] + number, w.C_FLAGS] |= w.NOTED

    def segment(self, size: int, strange: bool) -> int:
        """So many cells in a row, all free; of a table from before the capture each number is noted."""
        free = self.free_cells.get(size)
        if free:
            base = free.pop()
        else:
            base = self._cells_used
            self._cells_used += size
            while self._cells_used > len(self.cells):
                self.cells = np.concatenate((self.cells, np.zeros_like(self.cells)))
        self.cells[base : base + size, w.C_RECORD] = -1
        self.cells[base : base + size, w.C_FLAGS] = 0 if strange else w.NOTED
        return base

    def free_table(self) -> int:
        """A place for a table."""
        if not self.free_places:
            size = len(self.tables)
            self.tables = np.concatenate((self.tables, np.zeros_like(self.tables)))
            self.lent += [None] * size
            self.free_places += range(size, 2 * size)
        return self.free_places.pop()

    def push_seats(self, places: Sequence[int]) -> None:
        """These seats may be taken again."""
        free = int(self.state[w.SEATS])
        self.logs[w.L_SEATS, free : free + len(places)] = places
        self.state[w.SEATS] = free + len(places)

    def more_seats(self) -> None:
        """Make room for more threads."""
        size = len(self.threads)
        self.threads = np.concatenate((self.threads, np.zeros_like(self.threads)))
        self.tasks += [None] * size
        if self.logs.shape[1] < len(self.threads):
            self.logs = np.concatenate((self.logs, np.zeros_like(self.logs)), axis=1)
        self.push_seats(range(size, 2 * size))

    def room_to_say(self, numbers: int) -> Ints:
        """An array in which all can be said of a table with so many numbers (see `walk_loans`)."""
        if len(self._said) < walk_loans.ROOM * (numbers + 1):
            self._said = np.zeros(2 * walk_loans.ROOM * (numbers + 1), np.int64)
        return self._said

    def ensure_free(self, count: int) -> int:
        """See to it that there are so many free records; how many there are."""
        while int(self.state[w.FREE]) < count:
            self.grow()
        return int(self.state[w.FREE])

    def take_free(self, count: int) -> list[int]:
        """So many records that nobody uses."""
        free = self.ensure_free(count)
        self.state[w.FREE] = free - count
        found: list[int] = self.logs[w.L_FREE, free - count : free].tolist()
        return found
