"""The different ones among many numbers, and where each stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]


def distinct(numbers: Ints) -> tuple[Ints, Ints, Ints]:
    """The different ones of some whole numbers, in order; where each stands first; which of them each is.

    As `numpy.unique` has it, which sorts; numbers below their count are told apart in a table instead.
    """
    import numpy as np

    count = len(numbers)
    size = int(numbers.max()) + 1 if count else 0
    if size > count or int(numbers.min(initial=0)) < 0:
        return np.unique(numbers, return_index=True, return_inverse=True)
    first: Ints = np.full(size, -1, np.int64)
    first[numbers[::-1]] = np.arange(count - 1, -1, -1)  # the last one that is written stays
    met = first >= 0
    rank = np.cumsum(met) - 1
    return np.flatnonzero(met), first[met], rank[numbers]


def distinct_together(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """The different rows of some columns, in order: where each stands first; which of them each row is."""
    import numpy as np

    first: Ints = np.zeros(1, np.int64)
    which: Ints = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        found, _, rank = distinct(column)
        _, first, which = distinct(which * len(found) + rank)
    return first, which
