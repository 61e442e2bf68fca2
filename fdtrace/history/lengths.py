"""Lengths, counted to a fifth of their size: how long descriptors were open, and unused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

STEPS = 256
"""There are fewer steps than this."""


class Lengths:
    """How often which length was seen, to a fifth of its size."""

    __slots__ = ("_steps", "total")

    def __init__(self) -> None:
        self._steps: dict[int, int] = {}
        self.total = 0

    def add(self, step: int, times: int) -> None:
        """So many lengths more are of this step."""
        self._steps[step] = self._steps.get(step, 0) + times
        self.total += times

    def absorb(self, other: Lengths) -> None:
        """Count all of another's."""
        for step, times in other._steps.items():
            self.add(step, times)

    def counts(self) -> dict[int, int]:
        """How many are of each step."""
        return dict(sorted(self._steps.items()))

    def within(self, share: float) -> int:
        """The length that this share of them does not exceed; 0 when there are none."""
        seen = 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            if seen >= self.total * share:
                return _upper(step)
        return 0

    def beyond(self, length: int) -> int:
        """How many are at least this long."""
        least = step_of(length)
        return sum(times for step, times in self._steps.items() if step >= least)


def step_of(length: int) -> int:
    """The step of a length: four for each power of two; what is negative counts as nothing."""
    if length <= 0:
        return 0
    bits = length.bit_length()
    return 4 * bits + ((length << 2 >> bits - 1) & 3)


def _upper(step: int) -> int:
    bits, quarter = divmod(step, 4)
    return (5 + quarter << bits) >> 3 if step else 0


def steps_of(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The step of each length, as `step_of` has it."""
    import numpy as np

    powers = np.int64(1) << np.arange(63, dtype=np.int64)
    bits = np.searchsorted(powers, lengths, side="right")
    least = np.maximum(lengths, 0)
    quarter = (least >> np.maximum(bits - 3, 0) << np.maximum(3 - bits, 0)) & 3
    return np.where(lengths > 0, 4 * bits + quarter, 0)
