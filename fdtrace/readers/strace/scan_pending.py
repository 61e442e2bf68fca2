"""Calls under way, kept where the compiled half finds them and the line scanner as well."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

import numpy as np
import numpy.typing as npt

from . import scan_columns as c
from . import scan_joins
from .rows import Entry, Origin
from .scan_block import Block

_SLOTS = 1 << 8
_NO_BLOCK = -1


class Pending(MutableMapping[int, Entry]):
    """The call that each thread waits in, by thread; `texts` holds those that began in an earlier block."""

    def __init__(self, state: npt.NDArray[np.int64]) -> None:
        self.table: npt.NDArray[np.int64] = np.zeros((_SLOTS, c.PENDING_WIDTH), np.int64)
        self.texts: dict[int, bytes] = {}
        self._number = 0
        self._block: Block | None = None
        self._state = state

    def begin(self, block: Block) -> int:
        """A block begins; returns its number."""
        self._number += 1
        self._block = block
        return self._number

    def leave(self) -> None:
        """The block ends: keep the text of its calls that are still under way."""
        block = self._block
        assert block is not None
        slots = np.empty(len(self.table), np.int64)
        count = scan_joins.left_behind(self.table, self._number, slots)
        for slot in slots[:count].tolist():
            tid, start, stop = self.table[slot, [c.P_TID, c.P_START, c.P_STOP]].tolist()
            self.texts[tid] = block.text(start, stop)
        self._block = None

    def make_room(self) -> bool:
        """Make room for more calls where half of it is used; False when there was enough."""
        if 2 * self._state[c.UNDER_WAY] < len(self.table):
            return False
        slots = len(self.table)
        if 4 * len(self) >= slots:
            slots *= 4
        table = np.zeros((slots, c.PENDING_WIDTH), np.int64)
        self._state[c.UNDER_WAY] = scan_joins.compact(self.table, table)
        self.table = table
        return True

    def _slot(self, tid: int) -> int:
        return int(scan_joins.pending_slot(self.table, tid))

    def __getitem__(self, tid: int) -> Entry:
        slot = self._slot(tid)
        values = self.table[slot].tolist()
        _, code, fd, note, seq, line, offset, clock, start, stop, number, _, live, origin = values
        if live != c.WAITING:
            raise KeyError(tid)
        here = self._block if number == self._number else None
        text = self.texts[tid] if here is None else here.text(start, stop)
        return Entry(text, code, fd, note, seq, Origin(origin, clock, line, offset))

    def __setitem__(self, tid: int, entry: Entry) -> None:
        self.make_room()
        origin, slot = entry.origin, self._slot(tid)
        self._state[c.UNDER_WAY] += self.table[slot, c.P_LIVE] == c.FREE_SLOT
        self.table[slot] = (
            tid, entry.code, entry.fd, entry.note, entry.seq, origin.line, origin.offset, origin.clock,
            0, 0, _NO_BLOCK, c.NEVER, c.WAITING, origin.tid,
        )  # fmt: skip
        self.texts[tid] = entry.text

    def __delitem__(self, tid: int) -> None:
        slot = self._slot(tid)
        if self.table[slot, c.P_LIVE] != c.WAITING:
            raise KeyError(tid)
        self.table[slot, c.P_LIVE] = c.RESUMED
        self.texts.pop(tid, None)

    def __contains__(self, tid: object) -> bool:
        return isinstance(tid, int) and bool(self.table[self._slot(tid), c.P_LIVE] == c.WAITING)

    def __iter__(self) -> Iterator[int]:
        waiting: list[int] = self.table[self.table[:, c.P_LIVE] == c.WAITING, c.P_TID].tolist()
        return iter(waiting)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.table[:, c.P_LIVE] == c.WAITING))
