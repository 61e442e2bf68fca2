"""Lives gathered by who made them: the aggregates that leaks are judged by.

A group is command × kind × call site; without a stack, × target pattern. It
holds counts per process, so that it does not grow with the capture; only lives
that nobody closed are kept one by one. Inside a group its *cells* are told
apart: the chains of callers, and the two ends of a pipe or pair.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..readers.strace.window import ABSENT
from . import patterns
from .callsites import CallSite
from .kernel import Observer
from .lives import STDIO, At, Life
from .tasks import Process
from .walk_columns import CLOSE_WAIT

if TYPE_CHECKING:
    from .passers import Passers

ROW = 3
"""This many closes without an open between them are one sweep."""
SHARES = 4096
"""Shares of processes that are told apart; beyond, those that ended and left nothing become one."""
CELLS = 256
"""Chains of callers that are told apart at one place."""
_RECENT = 4096
_ENDED = 0
"""In place of a process: all that ended and left nothing open."""
_PAIRS = frozenset((b"pipe", b"pipe2", b"socketpair"))


class Lengths:
    """How often which length was seen, to a fifth of its size."""

    __slots__ = ("_steps", "total")

    def __init__(self) -> None:
        self._steps: dict[int, int] = {}
        self.total = 0

    def add(self, length: int) -> None:
        """Count one length; what is negative counts as nothing."""
        step = _step(length)
        self._steps[step] = self._steps.get(step, 0) + 1
        self.total += 1

    def absorb(self, other: Lengths) -> None:
        """Count all of another's."""
        for step, count in other._steps.items():
            self._steps[step] = self._steps.get(step, 0) + count
        self.total += other.total

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
        least = _step(length)
        return sum(count for step, count in self._steps.items() if step >= least)


def _step(length: int) -> int:
    if length <= 0:
        return 0
    bits = length.bit_length()
    return 4 * bits + ((length << 2 >> bits - 1) & 3)


def _upper(step: int) -> int:
    bits, quarter = divmod(step, 4)
    return (5 + quarter << bits) >> 3 if step else 0


@dataclass(slots=True)
class Share:
    """What one process did in a group."""

    process: Process
    opened: int = 0
    closed: int = 0
    in_rows: int = 0
    """Closes that came after another one with no open between them, as a collector of garbage does it."""
    after_end: int = 0
    """Closes of sockets whose peer had ended the stream."""
    last_close: int = -1
    row: int = 0
    sweeps: list[int] = field(default_factory=list)
    """Where rows of closes began."""
    left: list[Life] = field(default_factory=list)
    """Lives that nobody closed: open at the end, or when the process ended."""
    lengths_ns: Lengths = field(default_factory=Lengths)
    idle: Lengths = field(default_factory=Lengths)
    """Of the lives that were closed: how long they were open, and (in capture order) unused before that."""

    def absorb(self, other: Share) -> None:
        """Add what another cell saw of the same process."""
        self.opened += other.opened
        self.closed += other.closed
        self.in_rows += other.in_rows
        self.after_end += other.after_end
        self.sweeps = sorted({*self.sweeps, *other.sweeps})
        self.left += other.left
        self.lengths_ns.absorb(other.lengths_ns)
        self.idle.absorb(other.idle)

    @property
    def swept(self) -> bool:
        """Whether closes come in sweeps: the saw-tooth of a garbage collector, or of a batch."""
        return self.closed >= 10 and self.in_rows * 10 >= self.closed * 6

    @property
    def hung_up_on(self) -> bool:
        """Whether it is the peers that end the connections of this place."""
        return self.closed >= 5 and self.after_end * 10 >= self.closed * 8


@dataclass(slots=True)
class Group:
    """Lives of one command, kind and call site (or target pattern)."""

    command: str | None
    kind: str
    site: CallSite | None
    pattern: str
    end: str = ""
    """Of pipes and pairs: which end, where a group is of one end only."""
    shares: dict[int, Share] = field(default_factory=dict)
    patterns: dict[str, int] = field(default_factory=dict)
    held: list[Life] = field(default_factory=list)
    """Copies that other processes hold of lives whose owner closed them."""
    cells: tuple[Group, ...] = ()
    innocent: tuple[str, ...] = ()
    """Callers of the same place that close what they get."""

    def target(self) -> str:
        """What the lives of the group point to: its only or its commonest pattern."""
        if not self.patterns:
            return self.pattern
        most = max(self.patterns, key=lambda p: self.patterns[p])
        if len(self.patterns) == 1 or self.patterns[most] * 2 >= sum(self.patterns.values()):
            return most
        folders = {patterns.directory_of(pattern) for pattern in self.patterns}
        return next(iter(folders)) or most if len(folders) == 1 else most

    def unite_ended(self) -> int:
        """Make one share of those that can be no finding any more; returns how many there are then."""
        ended = [k for k, s in self.shares.items() if k and not s.left and s.process.ended is not None]
        if ended:
            rest = self.shares.setdefault(_ENDED, Share(self.shares[ended[0]].process))
            for key in ended:
                rest.absorb(self.shares.pop(key))
            rest.sweeps.clear()
        return len(self.shares)

    @property
    def left(self) -> list[Life]:
        """All lives that nobody closed."""
        return [life for share in self.shares.values() for life in share.left]

    @property
    def opened(self) -> int:
        """How many lives began."""
        return sum(share.opened for share in self.shares.values())

    @property
    def closed(self) -> int:
        """How many were closed."""
        return sum(share.closed for share in self.shares.values())


Key = tuple[str | None, str, str]


class Groups(Observer):
    """Gathers lives as they end; `finish` adds those that did not."""

    def __init__(self, site_of: Callable[[int], CallSite | None], by: str = "site") -> None:
        self.places: dict[Key, dict[tuple[tuple[str, ...], str], Group]] = {}
        self.settled: dict[str, int] = {}
        self._site_of = site_of
        self._by = by
        self._opens: dict[tuple[Process, bytes], array[int]] = {}
        self._second_ends = bytearray()
        """A bit for each life: whether it is the second of two that one call made."""
        self._latest: tuple[int, int] = (-1, -1)
        self._shares = 0
        self._room = SHARES

    # -- observing -----------------------------------------------------------

    def opened(self, life: Life) -> None:
        """A life began: remember when, and whether it is the second of two."""
        if self._shares > self._room:
            self._unite_ended()
        at = life.opened
        if at is None:
            return
        if at.syscall in _PAIRS:
            if self._latest == (at.pos, life.table.ident):
                place = life.ident >> 3
                self._second_ends.extend(bytes(max(0, place + 1 - len(self._second_ends))))
                self._second_ends[place] |= 1 << (life.ident & 7)
            self._latest = at.pos, life.table.ident
        opens = self._opens.setdefault((life.process, at.syscall), array("q"))
        if len(opens) >= 2 * _RECENT:
            del opens[:_RECENT]
        opens.append(at.pos)

    def passed(self, begun: Passers) -> None:
        """Lives began that only the walk has seen, none of them one of two."""
        if self._shares > self._room:
            self._unite_ended()
        known: dict[tuple[Process, bytes], array[int]] = {}
        for process, syscall, pos, _ in begun.begun():
            key = process, syscall
            opens = known.get(key)
            if opens is None:
                opens = known[key] = self._opens.setdefault(key, array("q"))
            if len(opens) >= 2 * _RECENT:
                del opens[:_RECENT]
            opens.append(pos)

    def gone(self, ended: Passers) -> None:
        """Lives ended that the walk has closed."""
        lender = ended.lender
        names = lender.names
        places: dict[tuple[int, int, int], tuple[Group, Share, str, str, array[int] | None]] = {}
        for one in ended.ended():
            if isinstance(one, Life):
                self.closed(one)
                continue
            _, table, species, stack, fd, state, began, began_ns, code, _, end, end_ns, _, last, _ = one
            if fd < STDIO:
                continue
            place = places.get((table, species, stack))
            if place is None:
                proto, process = lender.protos[species], lender.process(table)
                cell = self._cell_of(proto, process.command, stack, "")
                opens = self._opens.get((process, names[code]))
                place = cell, self._share(cell, process), patterns.of(proto), proto.kind, opens
                places[table, species, stack] = place
            cell, share, pattern, kind, opens = place
            share.opened += 1
            if pattern in cell.patterns or len(cell.patterns) < 64:
                cell.patterns[pattern] = cell.patterns.get(pattern, 0) + 1
            share.closed += 1
            self.settled[kind] = self.settled.get(kind, 0) + 1
            if 0 <= began < share.last_close and (
                opens is None or bisect_right(opens, share.last_close) == bisect_right(opens, end)
            ):
                self._another_in_row(share, end)
            else:
                share.row = 1
            share.last_close = end
            share.after_end += state == CLOSE_WAIT
            share.idle.add(end - (last if last >= 0 else began))
            if end_ns != ABSENT and began_ns != ABSENT:
                share.lengths_ns.add(end_ns - began_ns)

    def closed(self, life: Life) -> None:
        """A life ended."""
        if not _created(life):
            return
        share = self._count(life)
        if life.how == "exit":
            if life.process.left:
                share.left.append(life)
            return
        share.closed += 1
        self.settled[life.kind] = self.settled.get(life.kind, 0) + 1
        if life.closed is not None and life.opened is not None:
            self._ended(share, life, life.opened, life.closed)

    def _ended(self, share: Share, life: Life, opened: At, closed: At) -> None:
        if self._in_row(share, opened, closed):
            self._another_in_row(share, closed.pos)
        else:
            share.row = 1
        share.last_close = closed.pos
        share.after_end += life.state == "CLOSE_WAIT"
        share.idle.add(closed.pos - (life.last_use or opened).pos)
        if closed.clock != ABSENT and opened.clock != ABSENT:
            share.lengths_ns.add(closed.clock - opened.clock)

    @staticmethod
    def _another_in_row(share: Share, place: int) -> None:
        share.row += 1
        share.in_rows += 1
        if share.row == ROW and len(share.sweeps) < _RECENT:
            share.sweeps.append(place)

    def _in_row(self, share: Share, opened: At, closed: At) -> bool:
        """Whether nothing was opened the same way between this close and the one before."""
        if share.last_close < 0 or opened.pos >= share.last_close:
            return False
        opens = self._opens.get((share.process, opened.syscall))
        return opens is None or bisect_right(opens, share.last_close) == bisect_right(opens, closed.pos)

    def _unite_ended(self) -> None:
        """Forget who was who of the processes that are over, and what they opened lately."""
        self._shares = sum(cell.unite_ended() for cells in self.places.values() for cell in cells.values())
        self._room = max(SHARES, 2 * self._shares)
        self._opens = {key: opens for key, opens in self._opens.items() if key[0].ended is None}

    def finish(self, still_open: Iterable[Life], held: Iterable[Life]) -> None:
        """Add the lives that are open at the end, and the copies that others hold."""
        for life in still_open:
            if _created(life):
                self._count(life).left.append(life)
        for life in held:
            self._cell(life).held.append(life)

    def merged(self) -> list[Group]:
        """The groups, each with its cells."""
        return [united(cells.values()) for cells in self.places.values()]

    # -- placing -------------------------------------------------------------

    def _count(self, life: Life) -> Share:
        cell = self._cell(life)
        share = self._share(cell, life.process)
        share.opened += 1
        pattern = patterns.of(life)
        if pattern in cell.patterns or len(cell.patterns) < 64:
            cell.patterns[pattern] = cell.patterns.get(pattern, 0) + 1
        return share

    def _share(self, cell: Group, process: Process) -> Share:
        share = cell.shares.get(id(process))
        if share is None:
            share = cell.shares[id(process)] = Share(process)
            self._shares += 1
        return share

    def _cell(self, life: Life) -> Group:
        origin = original(life)
        stack = origin.opened.stack if origin.opened is not None else -1
        return self._cell_of(origin, origin.process.command, stack, self._end(origin))

    def _cell_of(self, origin: Life, command: str | None, stack: int, end: str) -> Group:
        site = self._site_of(stack) if stack >= 0 else None
        pattern = patterns.of(origin)
        cells = self.places.setdefault((command, origin.kind, self._place(site, pattern)), {})
        chain = site.callers if site is not None else ()
        cell = cells.get((chain, end))
        if cell is None and len(cells) >= CELLS:
            chain = ()
            cell = cells.get((chain, end))
        if cell is None:
            cell = cells[chain, end] = Group(command, origin.kind, site, pattern, end)
        return cell

    def _end(self, life: Life) -> str:
        if life.opened is None or life.opened.syscall not in _PAIRS or life.via in ("dup", "dup_over"):
            return ""
        place = life.ident >> 3
        second = place < len(self._second_ends) and bool(self._second_ends[place] >> (life.ident & 7) & 1)
        if life.opened.syscall == b"socketpair":
            return "second end" if second else "first end"
        return "write end" if second else "read end"

    def _place(self, site: CallSite | None, pattern: str) -> str:
        if self._by == "target" or site is None:
            return pattern
        if self._by == "caller":
            return f"{site.module}\0{site.site}\0{site.callers[0] if site.callers else ''}"
        if self._by == "stack":
            return "\0".join((site.module, site.site, *site.callers))
        return f"{site.module}\0{site.site}"


def original(life: Life) -> Life:
    """The life that this one is a fork's copy of; itself when it is none."""
    while life.parent is not None:
        life = life.parent
    return life


def united(groups: Iterable[Group], pattern: str | None = None) -> Group:
    """Several groups as one; they stay its cells."""
    members = tuple(groups)
    if len(members) == 1 and pattern is None:
        return members[0]
    first = max(members, key=lambda group: (len(group.left) + len(group.held), group.opened))
    ends = {group.end for group in members}
    end = ends.pop() if len(ends) == 1 else ""
    whole = Group(first.command, first.kind, first.site, pattern or first.pattern, end)
    for group in members:
        for key, share in group.shares.items():
            if key not in whole.shares:
                whole.shares[key] = Share(share.process)
            whole.shares[key].absorb(share)
        for name, count in group.patterns.items():
            whole.patterns[name] = whole.patterns.get(name, 0) + count
        whole.held += group.held
    if pattern is not None:
        whole.patterns = {pattern: sum(whole.patterns.values())}
    whole.cells = tuple(cell for group in members for cell in group.cells or (group,))
    return whole


def _created(life: Life) -> bool:
    """Whether the program made this one itself: no copy of a fork, nothing inherited, no redirection."""
    if life.opened is None or life.copied or life.fd < STDIO:
        return False
    return life.via not in ("inherited", "implied")


def lives_of(groups: Iterable[Group]) -> Iterator[Life]:
    """All lives that nobody closed, of several groups."""
    for group in groups:
        yield from group.left
        yield from group.held
