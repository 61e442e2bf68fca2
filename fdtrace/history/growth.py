"""Populations: the descriptors of one process that are of one sort, from moment to moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from .places import settled
from .populations import SOCKETS, Holding, Populations

_OBJECTS = SOCKETS | {"pipe"}
"""Kinds with an inode of their own."""


@dataclass
class Population:
    """What a process holds of one kind, place and state, at each moment that shows it.

    `looks` are the numbers of those moments; `members` the holdings there, by
    what makes one the same at another moment (inode, addresses, number and name).
    """

    pid: int | None
    kind: str
    place: str
    state: str | None
    looks: list[int] = field(default_factory=list)
    times: list[int | None] = field(default_factory=list)
    members: list[dict[Hashable, Holding]] = field(default_factory=list)
    pids: tuple[int | None, ...] = ()
    parts: list[Population] = field(default_factory=list)
    """The populations of single processes that it was put together from."""

    @cached_property
    def counts(self) -> list[int]:
        """How many there were at each moment."""
        return [len(one) for one in self.members]

    @cached_property
    def gains(self) -> list[int]:
        """How many were new at each moment but the first."""
        return [len(b.keys() - a.keys()) for a, b in pairwise(self.members)]

    @cached_property
    def losses(self) -> list[int]:
        """How many of the moment before were gone at each moment but the first."""
        return [len(a.keys() - b.keys()) for a, b in pairwise(self.members)]

    @cached_property
    def now(self) -> list[Holding]:
        """The newest moment's, in the order of their numbers."""
        return sorted(self.members[-1].values(), key=lambda held: (held.fd is None, held.fd or 0, held.place))

    @cached_property
    def kept(self) -> int:
        """How many of those of the first moment are there in all later ones too."""
        stay = set(self.members[0])
        for one in self.members[1:]:
            stay &= one.keys()
        return len(stay)

    @cached_property
    def stayed(self) -> int:
        """How many of those of the last moment were there at the one before."""
        return len(self.members[-1].keys() & self.members[-2].keys()) if len(self.members) > 1 else 0

    @property
    def span_s(self) -> float | None:
        """Seconds from the first moment to the last."""
        if len(self.times) < 2 or self.times[0] is None or self.times[-1] is None:
            return None
        return (self.times[-1] - self.times[0]) / 1e9

    @property
    def rates(self) -> list[float]:
        """Growth of each interval, per second; per interval where times are not known."""
        found = []
        for (a, b), (begun, ended) in zip(pairwise(self.counts), pairwise(self.times), strict=True):
            seconds = (ended - begun) / 1e9 if begun is not None and ended is not None else 1.0
            found.append((b - a) / seconds if seconds > 0 else float(b - a))
        return found

    @property
    def told_by(self) -> tuple[str, ...]:
        """The tools that tell the state."""
        return tuple(sorted({name for held in self.members[-1].values() for name in held.told_by}))


def grown(made: Populations, skip: Callable[[Holding], bool] = lambda _: False) -> list[Population]:
    """Every population of every process, in the order of processes and kinds.

    What `skip` says yes to is left out.
    """
    seen = _visible(made)
    found = [_population(key, cell, seen, made) for key, cell in settled(made, skip).items()]
    return sorted((one for one in found if one.looks), key=lambda one: (one.pid or 0, one.kind, one.place))


def together(parts: list[Population]) -> Population:
    """The populations of several processes as one; a socket or pipe that several hold counts once."""
    looks = sorted({number for part in parts for number in part.looks})
    first = parts[0]
    whole = Population(first.pid, first.kind, first.place, first.state, looks)
    whole.pids = tuple(dict.fromkeys(pid for part in parts for pid in part.pids))
    whole.parts = parts
    for number in looks:
        members: dict[Hashable, Holding] = {}
        for part in parts:
            if number in part.looks:
                where = part.looks.index(number)
                for identity, held in part.members[where].items():
                    members.setdefault(_shared(held) or (part.pid, identity), held)
        times = [part.times[part.looks.index(number)] for part in parts if number in part.looks]
        whole.members.append(members)
        whole.times.append(times[0])
    return whole


def _shared(held: Holding) -> Hashable:
    """What makes an object the same in several processes; None where nothing does."""
    return ("inode", held.inode) if held.inode and held.kind in _OBJECTS else None


def _visible(made: Populations) -> Callable[[int | None, bool, int], bool]:
    """Whether a moment would have shown a process's sockets, or its other descriptors."""
    talking = [{held.pid for held in moment.holdings} for moment in made.moments]

    def seen(pid: int | None, socket: bool, number: int) -> bool:
        moment = made.moments[number]
        return pid in talking[number] if socket else pid in moment.whole

    return seen


def _population(
    key: tuple[int | None, str, str, str | None],
    cell: dict[int, list[Holding]],
    seen: Callable[[int | None, bool, int], bool],
    made: Populations,
) -> Population:
    pid, family, place, state = key
    kinds = Counter(held.kind for held in cell[max(cell)])
    one = Population(pid, kinds.most_common(1)[0][0], place, state, pids=(pid,))
    numbered = all(held.fd is not None for rows in cell.values() for held in rows)
    for number, moment in enumerate(made.moments):
        if number in cell or seen(pid, family in SOCKETS, number):
            one.looks.append(number)
            one.times.append(moment.at_ns)
            one.members.append(_identified(cell.get(number, ()), numbered))
    return one


def _identified(rows: Iterable[Holding], numbered: bool) -> dict[Hashable, Holding]:
    """Holdings by what makes one the same at another moment; those that nothing tells apart are counted."""
    found: dict[Hashable, Holding] = {}
    for held in rows:
        identity = _identity(held, numbered)
        if identity in found:
            again = 2
            while (identity, again) in found:
                again += 1
            identity = (identity, again)
        found[identity] = held
    return found


def _identity(held: Holding, numbered: bool) -> Hashable:
    if held.kind in SOCKETS:
        number = held.fd if numbered else None
        if held.local and held.peer and held.family in ("tcp", "udp") and held.state != "LISTEN":
            return (number, held.local, held.peer)
        return (number, held.inode or held.local or held.name)
    if held.kind == "pipe":
        return (held.fd, held.inode)
    if held.kind in ("file", "dir", "memfd", "mqueue", "char", "block"):
        return (held.fd, (held.name or "").removesuffix(" (deleted)"))
    return held.fd


def connections(parts: Iterable[Population]) -> dict[int | None, list[int]]:
    """By process: how many live connections were new at each moment but the first."""
    totals: dict[int | None, dict[int, int]] = {}
    for part in parts:
        if alive(part):
            for number, count in zip(part.looks, part.counts, strict=True):
                cell = totals.setdefault(part.pid, {})
                cell[number] = cell.get(number, 0) + count
    return {pid: [cell[number] for number in sorted(cell)] for pid, cell in totals.items()}


def alive(part: Population) -> bool:
    """Connections that may be in use: nothing but their number can speak against them."""
    if part.kind == "socket":
        return part.state is None
    if part.kind == "unix":
        return part.state == "CONNECTED" and part.place != "unnamed"
    return part.kind in ("tcp", "tcp6") and part.state == "ESTABLISHED"
