"""Lives that the walk alone has seen, as the observers are told of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from . import walk_columns as w
from .lives import Life

if TYPE_CHECKING:
    from .lent_records import Records
    from .tasks import Process

_BEGUN = [w.R_TABLE, w.R_OPENED + w.A_CODE, w.R_OPENED + w.A_POS, w.R_OPENED + w.A_TID]
_ENDED = [
    w.R_PY, w.R_TABLE, w.R_SPECIES, w.R_OPENED + w.A_STACK, w.R_FD, w.R_STATE, w.R_OPENED + w.A_POS,
    w.R_OPENED + w.A_CLOCK, w.R_OPENED + w.A_CODE, w.R_OPENED + w.A_TID, w.R_CLOSED + w.A_POS,
    w.R_CLOSED + w.A_CLOCK, w.R_CLOSED + w.A_TID, w.R_LAST + w.A_POS, w.R_LAST + w.A_TID,
]  # fmt: skip


class Passers:
    """Lives that began, or ended, in the walk: some consecutive ones of what there is to tell."""

    __slots__ = ("_rows", "first", "last", "lender", "log")

    def __init__(self, lender: Records, log: int, first: int, last: int) -> None:
        self.lender, self.log, self.first, self.last = lender, log, first, last
        self._rows: list[Life | tuple[int, ...]] | None = None

    def records(self) -> list[int]:
        """The numbers of their records; what was still a parent's life has ended for nobody."""
        found = self.lender.logs[self.log, self.first : self.last]
        if self.log == w.L_ENDED:
            found = found[self.lender.rec[found, w.R_FLAGS] & w.FOREIGN == 0]
        numbers: list[int] = found.tolist()
        return numbers

    def begun(self) -> list[tuple[Process, bytes, int, int]]:
        """Of each that began: process, system call, position and thread of its creation."""
        lender = self.lender
        rows = lender.rec[np.array(self.records(), np.intp)[:, None], _BEGUN].tolist()
        process, names = lender.process, lender.names
        return [(process(table), names[code], pos, tid) for table, code, pos, tid in rows]

    def ended(self) -> list[Life | tuple[int, ...]]:
        """Those that ended: a life, or a row of the columns `_ENDED` for one that the fold never saw."""
        if self._rows is None:
            lender = self.lender
            records = self.records()
            self._rows = lender.rec[np.array(records, np.intp)[:, None], _ENDED].tolist()
            for i, record in enumerate(records):
                if lender.rec[record, w.R_PY] == 1:
                    life = self._rows[i] = lender.life(record)
                    lender.end(record, life)
        return self._rows

    def lives(self) -> Iterator[Life]:
        """The lives, as objects."""
        for record in self.records():
            life = self.lender.life(record)
            if self.log == w.L_ENDED:
                self.lender.end(record, life)
            yield life
