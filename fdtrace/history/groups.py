"""Lives gathered by who made them: the aggregates that leaks are judged by.

A group is command × kind × call site; without a stack, × target pattern. It
holds counts per process, so that it does not grow with the capture; only lives
that nobody closed are kept one by one, and processes that are over and left
nothing are counted together. Inside a group its *cells* are told apart: the
chains of callers, and the two ends of a pipe or pair.

Lives are counted many at a time, as they are told of (`News`): what is
looked at one by one is only of which cell and process they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from . import news as n
from . import patterns
from .callsites import CallSite
from .closings import Openings, count_lengths, follow
from .distinct import distinct
from .kernel import Observer
from .lives import STDIO, Life
from .news import News
from .shares import OVER, Group, Share, original, over, united
from .tasks import Process

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .news import Ints

    Bools = npt.NDArray[np.bool_]

SHARES = 4096
"""Shares of processes that are told apart; beyond, those that ended and left nothing become one."""
CELLS = 256
"""Chains of callers that are told apart at one place."""
_CACHED = 1 << 14
_ENDS = ("", "read end", "write end", "first end", "second end")
_PAIRS = {b"pipe": (1, 2), b"pipe2": (1, 2), b"socketpair": (3, 4)}
"""Calls that make two descriptors, and what those are."""


class Sort(NamedTuple):
    """What decides where a life belongs: its command, kind, pattern, stack and end; what it is counted as."""

    command: str | None
    kind: str
    pattern: str
    stack: int
    end: str
    own_kind: str
    own_pattern: str


Key = tuple[str | None, str, str]


class Groups(Observer):
    """Gathers lives as they end; `finish` adds those that did not."""

    def __init__(self, site_of: Callable[[int], CallSite | None], by: str = "site") -> None:
        self.places: dict[Key, dict[tuple[tuple[str, ...], str], Group]] = {}
        self.settled: dict[str, int] = {}
        self._site_of = site_of
        self._by = by
        self._openings = Openings()
        self._second_ends = bytearray()
        """A bit for each life: whether it is the second of two that one call made."""
        self._cells: dict[Sort, Group] = {}
        self._protos: list[Life] = []
        self._kin: list[int] = []
        self._kins: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._shares = 0
        self._room = SHARES

    # -- observing -----------------------------------------------------------

    def hear(self, news: News) -> None:
        """Lives began and ended."""
        if self._shares + len(self._openings) > self._room:
            self._unite_past()
        self._note_pairs(news)
        self._count(news)
        self._openings.remember(news)

    def finish(self, still_open: Iterable[Life], held: Iterable[Life]) -> None:
        """Add the lives that are open at the end, and the copies that others hold."""
        for life in still_open:
            if _created(life):
                sort = self._sort_of(life)
                cell = self._cell_of(sort)
                cell.count_pattern(sort.own_pattern, 1)
                share = self._share(cell, life.process)
                share.opened += 1
                share.left.append(life)
        for life in held:
            self._cell_of(self._sort_of(life)).held.append(life)

    def merged(self) -> list[Group]:
        """The groups, each with its cells."""
        return [united(cells.values()) for cells in self.places.values()]

    def _unite_past(self) -> None:
        """Forget who was who of the processes that are over, and what they opened lately."""
        self._shares = 0
        for cells in self.places.values():
            shares = [item for cell in cells.values() for item in cell.shares.items()]
            guilty = {OVER, *(key for key, share in shares if share.left)}
            self._shares += sum(cell.unite_past(guilty) for cell in cells.values())
        self._openings.forget_past()
        self._room = max(SHARES, 2 * (self._shares + len(self._openings)))

    # -- counting ------------------------------------------------------------

    def _note_pairs(self, news: News) -> None:
        """Remember which lives are the second of two."""
        import numpy as np

        begun = news.begun
        makers = [begun[n.CODE] == news.code(name) for name in _PAIRS]
        rows = np.flatnonzero(np.logical_or.reduce(makers))
        at = begun[n.POS, rows]
        number = begun[n.IDENT, rows[1:][at[1:] == at[:-1]]]
        if len(number):
            place = number >> 3
            self._second_ends.extend(bytes(max(0, int(place.max()) + 1 - len(self._second_ends))))
            noted = np.frombuffer(self._second_ends, np.uint8)
            np.bitwise_or.at(noted, place, (1 << (number & 7)).astype(np.uint8))

    def _count(self, news: News) -> None:
        """Count what ended where it belongs."""
        import numpy as np

        ended = news.ended
        sorts, belongs, left = self._sorted(news)
        rows = np.flatnonzero(belongs >= 0)
        if not len(rows):
            return
        sort, closed = belongs[rows], news.closed[rows]
        cells, cell_of = self._placed(sorts, sort, closed)
        shares, which, lasting = self._shared(cells, cell_of[sort], ended[n.WHO, rows], news.processes)
        opened = np.bincount(which, minlength=len(shares)).tolist()
        ends = np.bincount(which[closed], minlength=len(shares)).tolist()
        for share, began, finished in zip(shares, opened, ends, strict=True):
            share.opened += began
            share.closed += finished
        for place, life in left:
            shares[which[np.searchsorted(rows, place)]].left.append(life)
        timed = closed & (ended[n.BEGAN, rows] >= 0) & (ended[n.END, rows] >= 0)
        which, closes = which[timed], ended[:, rows[timed]]
        count_lengths(shares, which, closes)
        own = lasting[which]
        if own.any():
            follow(shares, which[own], closes[:, own], self._openings, news)

    def _sorted(self, news: News) -> tuple[list[Sort], Ints, list[tuple[int, Life]]]:
        """What sort each row is of, -1 for what the program did not make; and the lives that were left."""
        import numpy as np

        belongs: Ints = np.full(news.ended.shape[1], -1, np.int64)
        numbers: dict[Sort, int] = {}
        self._sort_records(news, belongs, numbers)
        places: list[int] = []
        of: list[int] = []
        left: list[tuple[int, Life]] = []
        for place, life in news.ended_lives:
            if _created(life):
                places.append(place)
                of.append(numbers.setdefault(self._sort_of(life), len(numbers)))
                if life.how == "exit" and life.process.left:
                    left.append((place, life))
        belongs[places] = of
        return list(numbers), belongs, left

    def _sort_records(self, news: News, belongs: Ints, numbers: dict[Sort, int]) -> None:
        """Say of what sort the records are that the walk has closed."""
        import numpy as np

        ended = news.ended
        rows = np.flatnonzero((ended[n.SPECIES] >= 0) & (ended[n.FD] >= STDIO))
        if not len(rows):
            return
        commands: dict[str | None, int] = {}
        command_of = np.array([commands.setdefault(p.command, len(commands)) for p in news.processes])
        names = list(commands)
        kin = np.array(self._kin_of(news.protos))[ended[n.SPECIES, rows]]
        command, end, stack = command_of[ended[n.WHO, rows]], self._ends(news, rows), ended[n.STACK, rows]
        _, _, keys = distinct((kin * len(commands) + command) * len(_ENDS) + end)
        keys = keys * (stack.max() + 2) + stack + 1
        _, first, sort = distinct(keys)
        found: list[int] = []
        for one in first.tolist():
            kind, pattern = self._kins[kin[one]]
            of = Sort(names[command[one]], kind, pattern, int(stack[one]), _ENDS[end[one]], kind, pattern)
            found.append(numbers.setdefault(of, len(numbers)))
        belongs[rows] = np.array(found)[sort]

    def _kin_of(self, protos: list[Life]) -> list[int]:
        """For each species, the number of its kind and pattern."""
        if protos is not self._protos:
            self._protos, self._kin = protos, []
        for proto in protos[len(self._kin) :]:
            kin = proto.kind, patterns.of(proto)
            number = self._numbers.get(kin)
            if number is None:
                number = self._numbers[kin] = len(self._kins)
                self._kins.append(kin)
            self._kin.append(number)
        return self._kin

    def _ends(self, news: News, rows: Ints) -> Ints:
        """Which end of a pipe or pair each record is."""
        import numpy as np

        ended = news.ended
        made_by = ended[n.MADE_BY, rows]
        found: Ints = np.zeros(len(rows), np.int64)
        second: Ints = np.zeros(len(rows), np.int64)
        place, bit = ended[n.NUMBER, rows] >> 3, ended[n.NUMBER, rows] & 7
        noted = place < len(self._second_ends)
        second[noted] = np.frombuffer(self._second_ends, np.uint8)[place[noted]] >> bit[noted] & 1
        for name, ends in _PAIRS.items():
            own = made_by == news.code(name)
            found[own] = np.array(ends)[second[own]]
        return found

    def _placed(self, sorts: list[Sort], sort: Ints, closed: Bools) -> tuple[list[Group], Ints]:
        """The cells in which these belong, and for each sort the number of its own; counts their patterns."""
        import numpy as np

        cells: list[Group] = []
        numbers: dict[int, int] = {}
        cell_of: Ints = np.zeros(len(sorts), np.int64)
        _, first, _ = distinct(sort)
        opened = np.bincount(sort, minlength=len(sorts)).tolist()
        ends = np.bincount(sort[closed], minlength=len(sorts)).tolist()
        for number in sort[np.sort(first)].tolist():
            one = sorts[number]
            cell = self._cell_of(one)
            if id(cell) not in numbers:
                numbers[id(cell)] = len(cells)
                cells.append(cell)
            cell_of[number] = numbers[id(cell)]
            cell.count_pattern(one.own_pattern, opened[number])
            if ends[number]:
                self.settled[one.own_kind] = self.settled.get(one.own_kind, 0) + ends[number]
        return cells, cell_of

    def _shared(
        self, cells: list[Group], cell: Ints, who: Ints, processes: list[Process]
    ) -> tuple[list[Share], Ints, Bools]:
        """The shares, which of them each row is of, and whether they are of a process that is not over."""
        import numpy as np

        past = np.array([over(process) and not process.left for process in processes])
        keys = cell * (len(processes) + 1) + np.where(past[who], 0, who + 1)
        found, first, which = distinct(keys)
        made: dict[int, Share] = {}
        for number in np.argsort(first).tolist():
            row = first[number]
            made[number] = self._share(cells[cell[row]], processes[who[row]], past[who[row]])
        return [made[i] for i in range(len(found))], which, found % (len(processes) + 1) > 0

    def _share(self, cell: Group, process: Process, past: bool = False) -> Share:
        key = OVER if past else id(process)
        share = cell.shares.get(key)
        if share is None:
            share = cell.shares[key] = Share(process)
            self._shares += 1
        return share

    # -- placing -------------------------------------------------------------

    def _sort_of(self, life: Life) -> Sort:
        origin = original(life)
        stack = origin.opened.stack if origin.opened is not None else -1
        pattern = own_pattern = patterns.of(origin)
        if life is not origin:
            own_pattern = patterns.of(life)
        end = self._end(origin)
        return Sort(origin.process.command, origin.kind, pattern, stack, end, life.kind, own_pattern)

    def _cell_of(self, sort: Sort) -> Group:
        known = self._cells.get(sort)
        if known is not None:
            return known
        command, kind, pattern, stack, end = sort[:5]
        site = self._site_of(stack) if stack >= 0 else None
        cells = self.places.setdefault((command, kind, self._place(site, pattern)), {})
        chain = site.callers if site is not None else ()
        cell = cells.get((chain, end))
        if cell is None and len(cells) >= CELLS:
            chain = ()
            cell = cells.get((chain, end))
        if cell is None:
            cell = cells[chain, end] = Group(command, kind, site, pattern, end)
        if len(self._cells) >= _CACHED:
            self._cells.clear()
        self._cells[sort] = cell
        return cell

    def _end(self, life: Life) -> str:
        if life.opened is None or life.opened.syscall not in _PAIRS or life.via in ("dup", "dup_over"):
            return ""
        place = life.ident >> 3
        second = place < len(self._second_ends) and self._second_ends[place] >> (life.ident & 7) & 1
        return _ENDS[_PAIRS[life.opened.syscall][second]]

    def _place(self, site: CallSite | None, pattern: str) -> str:
        if self._by == "target" or site is None:
            return pattern
        if self._by == "caller":
            return f"{site.module}\0{site.site}\0{site.callers[0] if site.callers else ''}"
        if self._by == "stack":
            return "\0".join((site.module, site.site, *site.callers))
        return f"{site.module}\0{site.site}"


def _created(life: Life) -> bool:
    """Whether the program made this one itself: no copy of a fork, nothing inherited, no redirection."""
    if life.opened is None or life.copied or life.fd < STDIO:
        return False
    return life.via not in ("inherited", "implied")
