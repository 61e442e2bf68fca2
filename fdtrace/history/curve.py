"""How many descriptors a process had open over a capture, in little memory."""

from __future__ import annotations

BUCKETS = 256


class Curve:
    """The last value in each of at most 256 parts of a line whose length is not known beforehand.

    The parts double in width as the line grows; positions never go back.
    """

    __slots__ = ("_values", "width")

    def __init__(self) -> None:
        self.width = 1
        self._values: dict[int, int] = {}

    def put(self, position: int, value: int) -> None:
        """The value from this position on."""
        while position >= self.width * BUCKETS:
            if self._values:
                self._values = {place // 2: value for place, value in self._values.items()}
            self.width *= 2
        self._values[position // self.width] = value

    def samples(self, end: int, count: int = 60) -> tuple[int, ...]:
        """`count` values evenly from the beginning to `end`; each the latest known there."""
        filled, value = [], 0
        for place in range(min(BUCKETS, end // self.width + 1)):
            value = self._values.get(place, value)
            filled.append(value)
        if len(filled) <= count:
            return tuple(filled)
        return tuple(filled[i * (len(filled) - 1) // (count - 1)] for i in range(count))
