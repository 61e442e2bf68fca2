"""Signs that a life is forgotten, and that lives keep coming: small questions, no thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ..history.lives import STDIO, At, Life
from ..history.run import History
from ..history.shares import Share, original
from ..readers.strace.window import ABSENT

_SIDE_BY_SIDE = 12
"""Opens this few calls apart are of one go."""
_MANY_FOR_ONE_NAME = ("/dev/", "/proc/", "/sys/")


def gone(life: Life) -> bool:
    """Whether the trace, or a snapshot beside it, shows that it is of no use any more."""
    dead = life.state == "CLOSE" and life.state_source is not None and life.kind in ("tcp", "tcp6")
    return dead or life.state == "CLOSE_WAIT" or life.failed is not None or hung_up(life)


def hung_up(life: Life) -> bool:
    """Whether the last writer or reader of the other end of a pipe is gone."""
    return life.kind == "pipe" and life.state_at is not None


def begin(life: Life) -> int:
    """When a life began, in capture order."""
    return life.opened.pos if life.opened is not None else 0


def active(life: Life) -> int:
    """For how long a life was used, in capture order."""
    if life.opened is None or life.last_use is None:
        return 0
    return life.last_use.pos - life.opened.pos


def age(life: Life, end: int) -> int:
    """How old a life was when it, or the capture, ended."""
    return (life.closed.pos if life.closed is not None else end) - begin(life)


def idle(life: Life, end: int) -> int:
    """For how long a life had not been used when it, or the capture, ended."""
    return age(life, end) - active(life)


def last_touch(life: Life) -> At | None:
    """The last call that had to do with a life, its creation if there was no other."""
    return life.last_use if life.last_use is not None else life.opened


def clocks(lives: Iterable[Life]) -> list[int]:
    """When those were opened of which the capture tells it, in ns."""
    return [life.opened.clock for life in lives if life.opened is not None and life.opened.clock != ABSENT]


def burst(lives: Iterable[Life]) -> bool:
    """Opened in one go: nearly all within a few calls of the one before, and all in less than a second.

    Sockets that are of no use any more are no start-up, however fast they came; neither is
    one file, opened again and again.
    """
    lives = list(lives)
    if sum(map(gone, lives)) * 2 > len(lives) or _one_file(lives):
        return False
    moments = sorted(life.opened for life in lives if life.opened is not None)
    places = sorted(at.pos for at in moments)
    gaps = [b - a for a, b in pairwise(places)]
    clocks = [at.clock for at in moments if at.clock != ABSENT]
    quick = not clocks or max(clocks) - min(clocks) < 1_000_000_000
    return bool(gaps) and quick and sum(gap <= _SIDE_BY_SIDE for gap in gaps) >= 0.9 * len(gaps)


def _one_file(lives: list[Life]) -> bool:
    """Whether nearly all are the same file of a disk."""
    (name, often), *_ = Counter(life.target if life.kind == "file" else None for life in lives).most_common(1)
    if name is None or name.startswith(_MANY_FOR_ONE_NAME) or name.endswith("/#*"):
        return False
    return often >= 0.9 * len(lives)


def revisited(lives: list[Life], part: float) -> int:
    """How many are used over at least this part of the time in which all of them were opened."""
    places = [begin(life) for life in lives]
    width = max(places) - min(places)
    return sum(width > 0 and active(life) >= part * width for life in lives)


def before_sweep(life: Life, share: Share) -> float:
    """Where between two sweeps of its place a life began: 0 right after one, 1 right before the next."""
    place = begin(life)
    earlier = max((sweep for sweep in share.sweeps if sweep <= place), default=0)
    later = min((sweep for sweep in share.sweeps if sweep > place), default=None)
    return 1.0 if later is None else (place - earlier) / max(1, later - earlier)


def alike(suspects: list[Life], left: list[Life]) -> list[Life]:
    """Lives too young to be suspects, used as briefly as those, where nothing is ever closed."""
    known = {id(life) for life in suspects}
    processes = {id(life.process) for life in suspects}
    longest = max(map(active, suspects))
    youngest = max(map(begin, suspects))
    return [
        life
        for life in left
        if id(life) not in known
        and id(life.process) in processes
        and begin(life) > youngest
        and active(life) <= 2 * longest
    ]


def growth(lives: list[Life], until: int | None) -> float | None:
    """Lives a second, from the opening of the first to the end of the capture (`until`, in ns)."""
    moments = [life.opened for life in lives if life.opened is not None]
    clocks = sorted(at.clock for at in moments if at.clock != ABSENT)
    if len(clocks) < 2 or until is None or until <= clocks[0]:
        return None
    return round(len(clocks) * 1e9 / (until - clocks[0]), 6)


def held_elsewhere(history: History) -> Iterator[Life]:
    """Copies in tables that live, of lives that their own process closed: one for each of these.

    The end of a pipe that one child alone holds, and whose other end its maker
    kept, is how the two talk to each other.
    """
    kernel = history.fold.calls.kernel
    seen: set[int] = set()
    holders: Counter[int] = Counter()
    found: list[tuple[Life, Life]] = []
    for table in kernel.tables:
        if not table.users:
            continue
        for fd, life in list(table.fds.items()):
            origin = original(life)
            copied = life.copied or life.table is not table
            if fd < STDIO or not copied or origin.opened is None or origin.how in ("none", "exit"):
                continue
            holders[origin.ident] += 1
            own = kernel.own(table, fd) if origin.ident not in seen else None
            if own is not None:
                seen.add(origin.ident)
                found.append((own, origin))
    for own, origin in found:
        if holders[origin.ident] > 1 or not _kept_other_end(origin):
            yield own


def _kept_other_end(life: Life) -> bool:
    """Whether the process that made a pipe or a pair still has its other end."""
    if life.other_end is None:
        return False
    return any(other.ofd == life.other_end for other in life.table.fds.values())


def evidence(lives: list[Life]) -> list[At | None]:
    """For the first examples: the line that opened it, and the one that shows that it is forgotten."""
    places: list[At | None] = []
    for life in lives[:3]:
        places.append(life.opened)
        if gone(life):
            places.append(life.failed or life.state_at)
        elif life.last_use is not None:
            places.append(life.last_use)
    return places


def uses_left_out(history: History) -> bool:
    """Whether reads and writes were left out on purpose, by the manifest of the recording."""
    recording = history.capture.recording
    return recording is not None and recording.detail == "light"
