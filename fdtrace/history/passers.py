"""Lives that the walk alone has seen, among the news for the observers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import walk_columns as w
from .lives import Life

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .lent_records import Records

    Ints = npt.NDArray[np.int64]


class Passers:
    """Lives that began, or ended, in the walk: some consecutive ones of what there is to tell."""

    __slots__ = ("first", "last", "lender", "log")

    def __init__(self, lender: Records, log: int, first: int, last: int) -> None:
        self.lender, self.log, self.first, self.last = lender, log, first, last

    def __len__(self) -> int:
        return self.last - self.first

    def records(self) -> Ints:
        """Their records."""
        return self.lender.logs[self.log, self.first : self.last]

    def lives(self) -> Iterator[Life]:
        """The lives, as objects."""
        if self.log == w.L_ENDED:
            yield from self.lender.ended(self.records())
        else:
            yield from map(self.lender.life, self.records().tolist())
