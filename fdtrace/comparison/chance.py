"""What may be chance: a few formulas, no more than the question needs."""

from __future__ import annotations

import math

DOUBT = 0.05
"""What happens by chance no more often than this is taken as shown."""
LEAST_RATIO = 1.25
"""Rates closer to each other than this are the same to a reader, however sure the difference is."""
_LARGE = 20_000


def at_most(seen: int, expected: float) -> float:
    """How likely it is to see so few, or fewer, where so many are expected (Poisson).

    For none seen this is exp(-expected): below one in twenty from three expected
    on, the rule of three.
    """
    if expected <= 0 or seen > expected + 40 * math.sqrt(expected) + 40:
        return 1.0
    if expected > 700:  # beyond, e**-expected is no number any more; the normal form is as good there
        return 0.5 * math.erfc((expected - seen - 0.5) / math.sqrt(2 * expected))
    term = total = math.exp(-expected)
    for number in range(1, seen + 1):
        term *= expected / number
        total += term
    return min(1.0, total)


def expected_for(seen: int) -> float:
    """How many must have been expected so that seeing so few is no chance: 3.0 for none, 4.7 for one."""
    low, high = 0.0, 2.0 * seen + 20.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if at_most(seen, middle) <= DOUBT else (middle, high)
    return high


def share_differs(before: int, of_before: int, after: int, of_after: int) -> int:
    """Whether a share fell (-1) or rose (1) by more than chance (Fisher's exact test); else 0."""
    whole, marked = of_before + of_after, before + after
    if not (of_before and of_after) or whole > _LARGE:
        return rate_differs(before, of_before, after, of_after)
    ways = [
        _choices(marked, number) + _choices(whole - marked, of_after - number)
        for number in range(max(0, of_after - (whole - marked)), min(marked, of_after) + 1)
    ]
    first = max(0, of_after - (whole - marked))
    chances = [math.exp(way - _choices(whole, of_after)) for way in ways]
    down = sum(chances[: after - first + 1])
    up = sum(chances[after - first :])
    return _direction(before / of_before, after / of_after, down, up)


def rate_differs(before: int, work_before: float, after: int, work_after: float) -> int:
    """Whether events became rarer (-1) or more frequent (1) for the work done, beyond chance; else 0."""
    total = before + after
    if not (work_before > 0 and work_after > 0 and total):
        return 0
    share = work_after / (work_before + work_after)
    if total > _LARGE:
        spread = math.sqrt(total * share * (1 - share)) or 1.0
        down = 0.5 * math.erfc((total * share - after - 0.5) / spread / math.sqrt(2))
        up = 0.5 * math.erfc((after - total * share - 0.5) / spread / math.sqrt(2))
    else:
        chances = [
            math.exp(_choices(total, k) + k * math.log(share) + (total - k) * math.log1p(-share))
            for k in range(total + 1)
        ]
        down, up = sum(chances[: after + 1]), sum(chances[after:])
    return _direction(before / work_before, after / work_after, down, up)


def _direction(before: float, after: float, down: float, up: float) -> int:
    if down <= DOUBT and after * LEAST_RATIO <= before:
        return -1
    return 1 if up <= DOUBT and after >= before * LEAST_RATIO else 0


def _choices(whole: int, part: int) -> float:
    """The logarithm of the number of ways to choose."""
    return math.lgamma(whole + 1) - math.lgamma(part + 1) - math.lgamma(whole - part + 1)
