"""The clocks of a trace and of snapshots beside it, brought together.

strace prints seconds since 1970 (-ttt) or the local time of day (-t, -tt);
a snapshot's time line may be UTC, local time, or missing. What is unknown is a
whole number of days and a time zone, a multiple of a quarter of an hour; the one
that puts the snapshots into the trace's time is taken, UTC before all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .looks import Look

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_QUARTER = 900 * SECOND
_ZONES = 14 * 4
"""Time zones reach from -12 to +14 hours."""
_BESIDE = 300 * SECOND
"""A snapshot so long before or after a trace is still taken to be of its recording."""

_CERTAIN = frozenset({"utc", "zone"})


def align(looks: Sequence[Look], clock: str, first: int, last: int, epoch_offset: int | None = None) -> str:
    """Sets `clock_ns` of every look that can be placed on the trace's clock; says in words how.

    `clock` is the trace's: epoch, day, relative or none; `epoch_offset` the
    beginning of its first day where the user told it.
    """
    for look in looks:
        look.clock_ns = None
    if clock not in ("epoch", "day"):
        return "the trace has no clock that could be compared: snapshots are joined without time"
    told = []
    for name in ("certain", "local", "day", "hint"):
        own = [look for look in looks if look.snapshot.at_ns is not None and _sort(look) == name]
        if own:
            told.append(_place(own, name, clock, first, last, epoch_offset))
    return "; ".join(dict.fromkeys(text for text in told if text))


def _sort(look: Look) -> str:
    clock = look.snapshot.clock
    return "certain" if clock in _CERTAIN else "hint" if clock == "none" else clock


def _place(own: list[Look], sort: str, clock: str, first: int, last: int, epoch_offset: int | None) -> str:
    times = [look.snapshot.at_ns or 0 for look in own]
    shift, words = _shift(times, sort, clock, first, last, epoch_offset)
    for look, time in zip(own, times, strict=True):
        look.clock_ns = time + shift
    return words


def _shift(
    times: list[int], sort: str, clock: str, first: int, last: int, epoch_offset: int | None
) -> tuple[int, str]:
    """What to add to the times of these looks, and what was assumed for it."""
    if clock == "epoch" and sort in ("certain", "hint"):
        return 0, ""
    if clock == "day" and epoch_offset is not None and sort in ("certain", "hint"):
        return -epoch_offset, ""
    if clock == "epoch":
        days = [0] if sort == "local" else [_midnight(first) + day * DAY for day in (0, 1, -1)]
    elif sort == "day":
        days = [day * DAY for day in (0, 1, -1)]
    else:
        days = [-_midnight(times[0]) + day * DAY for day in (0, 1, -1)]
    zones = [0] if clock == sort == "day" else list(_zones())
    best = min(
        ((day, zone) for zone in zones for day in days),
        key=lambda one: (_outside(times, one[0] + one[1], first, last), abs(one[1])),
    )
    if best[1] and _outside(times, best[0] + best[1], first, last) > 0:
        near = min(days, key=lambda day: _outside(times, day, first, last))
        best = (near, 0)
    return best[0] + best[1], _said(best[1], sort, clock)


def _said(zone: int, sort: str, clock: str) -> str:
    if zone:
        sign = "-" if zone < 0 else "+"
        hours, minutes = divmod(abs(zone) // (60 * SECOND), 60)
        return f"the trace's clock is taken to be {sign}{hours:02}:{minutes:02} from that of the snapshots"
    if sort in ("certain", "hint") and clock == "day":
        return "the trace's time of day is taken to be UTC"
    return "" if sort == "day" else "the snapshots' local time is taken to be that of the trace"


def _zones() -> Iterator[int]:
    yield 0
    for step in range(1, _ZONES + 1):
        yield step * _QUARTER
        yield -step * _QUARTER


def _midnight(time: int) -> int:
    return time - time % DAY


def _outside(times: Iterable[int], shift: int, first: int, last: int) -> int:
    """How far these times lie outside the trace, summed; next to it counts as within."""
    far = (max(first - time - shift, time + shift - last, 0) for time in times)
    return sum(gap if gap > _BESIDE else 0 for gap in far)


def moment(lives: Sequence[tuple[int, int]], time: int, before: int, after: int) -> int:
    """When a look at about `time` was taken: of all moments nearby, the nearest in which most lives are open.

    Each pair is the beginning and the end of a life that the look may have seen;
    it was taken at most so long `before` or `after` its stamp.
    """
    low, high = time - before, time + after
    there = [(max(begin, low), min(end, high)) for begin, end in lives if begin <= high and end >= low]
    edges = sorted([(begin, 0, 1) for begin, _ in there] + [(end, 1, -1) for _, end in there])
    best, most, count = time, sum(begin <= time <= end for begin, end in there), 0
    if most == len(there):
        return best
    for number, (edge, _, step) in enumerate(edges[:-1]):
        count += step
        nearest = min(max(time, edge), edges[number + 1][0])
        if count > most or (count == most and abs(nearest - time) < abs(best - time)):
            best, most = nearest, count
    return best


def skew(spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The shift, nearest to none, that most spans contain, and how many do.

    Each span is what must be added to a snapshot's time for it to fall into the
    life of something that it saw. Clocks of one machine agree: 0 wins over what is
    only a little better.
    """
    here = sum(low <= 0 <= high for low, high in spans)
    best, most = 0, here
    for low, high in spans:
        for edge in (low, high):
            count = sum(a <= edge <= b for a, b in spans)
            if count > most or (count == most and abs(edge) < abs(best) and most > here):
                best, most = edge, count
    return (best, most) if most >= here + max(3, len(spans) // 5) else (0, here)
