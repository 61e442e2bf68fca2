"""Where holdings belong: the narrowest place that has enough of them, else a wider one.

`/data/t17.json` belongs to `/data/t*.json`, a connection to `to 10.0.0.9:443`;
files or peers that have few neighbours of their own sort are told by directory or port.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from . import patterns
from .populations import SOCKETS, Holding, Moment, Populations

_ENOUGH = 4
"""A place with fewer descriptors than this is told together with its neighbours."""
_NEIGHBOURS = 5
"""So are places that have more neighbours than this, unless they are the largest by far."""

Cell = dict[int, list[Holding]]
"""Holdings by the number of their moment."""
Place = tuple[int | None, str, str, str | None]
"""Process, kind without the version of IP, place, state."""
_Sort = tuple[int | None, str, str | None, tuple[str, ...]]


def settled(made: Populations, skip: Callable[[Holding], bool]) -> dict[Place, Cell]:
    """Every holding at its place; what `skip` says yes to is left out."""
    cells = _cells(made, skip)
    found: dict[Place, Cell] = {}
    left = list(cells)
    level = 0
    while left:
        own, wider = _sizes(left, cells, level), _sizes(left, cells, level + 1)
        rest = []
        for sort in left:
            pid, family, state, levels = sort
            mine = own[pid, family, state, _at(levels, level)]
            around = wider[pid, family, state, _at(levels, level + 1)]
            last = level + 1 >= len(levels)
            alone = last or len(around.parts) <= _NEIGHBOURS or mine.most * 2 >= around.most
            if not last and not (mine.most >= _ENOUGH and alone):
                rest.append(sort)
                continue
            place = _at(levels, level) if mine.most >= _ENOUGH else levels[0]
            cell = found.setdefault((pid, family, place, state), {})
            for number, holdings in cells[sort].items():
                cell.setdefault(number, []).extend(holdings)
        left, level = rest, level + 1
    return found


def _cells(made: Populations, skip: Callable[[Holding], bool]) -> dict[_Sort, Cell]:
    """Holdings that have all their places in common."""
    levels = _Levels(made)
    cells: dict[_Sort, Cell] = {}
    for number, moment in enumerate(made.moments):
        shared = _locals(moment)
        for held in moment.holdings:
            if skip(held):
                continue
            family = held.family
            sort = (held.pid, family, held.state, levels.of(held, family, shared))
            cells.setdefault(sort, {}).setdefault(number, []).append(held)
    return cells


@dataclass(slots=True)
class _Size:
    """The most that a place has at one moment, and the narrower places within it."""

    counts: dict[int, int] = field(default_factory=dict)
    parts: set[str] = field(default_factory=set)
    most: int = 0


def _at(levels: tuple[str, ...], level: int) -> str:
    return levels[level] if level < len(levels) else levels[-1]


def _sizes(left: Iterable[_Sort], cells: dict[_Sort, Cell], level: int) -> dict[tuple[object, ...], _Size]:
    """The places of one level by process, kind and state."""
    found: dict[tuple[object, ...], _Size] = {}
    for sort in left:
        pid, family, state, levels = sort
        key = (pid, family, state, _at(levels, level))
        size = found.get(key)
        if size is None:
            size = found[key] = _Size()
        for number, holdings in cells[sort].items():
            size.counts[number] = size.counts.get(number, 0) + len(holdings)
        if level:
            size.parts.add(_at(levels, level - 1))
    for size in found.values():
        size.most = max(size.counts.values())
    return found


class _Levels:
    """The places of a holding, the narrowest first."""

    def __init__(self, made: Populations) -> None:
        self.listening = made.listening
        self.known: dict[str, tuple[str, ...]] = {}

    def of(
        self, held: Holding, family: str, shared: Counter[tuple[int | None, str | None]]
    ) -> tuple[str, ...]:
        """From its name, its ends, or its kind alone."""
        if family in ("tcp", "udp", "sctp", "raw"):
            return self._ends(held, shared)
        if held.kind == "unix":
            name = (held.name or "").partition(" type=")[0]
            return (patterns.path(name),) if name.startswith(("/", "@")) else ("unnamed",)
        if held.kind in SOCKETS:
            return (held.kind,)
        if held.kind in ("file", "dir", "memfd", "mqueue") or (held.name or "").startswith("/"):
            name = held.name or held.kind
            if name not in self.known:
                self.known[name] = tuple(_widening(name))
            return self.known[name]
        return (held.kind,)

    def _ends(self, held: Holding, shared: Counter[tuple[int | None, str | None]]) -> tuple[str, ...]:
        local, peer = held.local or "", held.peer
        if held.state == "LISTEN":
            return (f"listening at {local}", "listening")
        if not peer or peer.endswith(":*"):
            return ("unconnected",)
        own = local.rpartition(":")[2]
        host, _, port = peer.rpartition(":")
        several = port not in self.listening and shared[held.pid, held.local] > 1
        if own and (own in self.listening or several):
            return (f"accepted at {local}", f"accepted at *:{own}")
        return (f"to {peer}", f"to *:{port}", f"to {host}:*", "to *")


def _widening(name: str) -> Iterator[str]:
    """A path without what varies, then by its directory and those above."""
    pattern = patterns.path(name)
    yield pattern
    if not name.startswith(("/dev/", "/memfd:")):
        for levels in (1, 2, 3):
            if wider := patterns.directory_of(pattern, levels):
                yield wider


def _locals(moment: Moment) -> Counter[tuple[int | None, str | None]]:
    """How many connections of a process share each own address: a listener's, not one of its own choice."""
    return Counter((held.pid, held.local) for held in moment.holdings if held.local and held.peer)
