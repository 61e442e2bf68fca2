"""Lives gathered by who made them: the aggregates that leaks are judged by.

A group is command × kind × call site; without a stack, × target pattern. It
holds counts and a coarse curve per process, so that it does not grow with the
capture; only lives that nobody closed are kept one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..readers.strace.window import ABSENT
from . import patterns
from .callsites import CallSite
from .kernel import Observer
from .lives import STDIO, Life
from .tasks import Process

IN_A_ROW = 3
"""Two closes this many calls apart are one after the other."""
SISTERS = 4
"""This many different names in one directory are taken to be of one making."""


@dataclass(slots=True)
class Share:
    """What one process did in a group."""

    process: Process
    opened: int = 0
    closed: int = 0
    in_rows: int = 0
    """Closes that came right after another one of the same place, as a collector of garbage does it."""
    after_end: int = 0
    """Closes of sockets whose peer had ended the stream."""
    last_close: int = -1
    left: list[Life] = field(default_factory=list)
    """Lives that nobody closed: open at the end, or when the process ended."""
    typical_ns: list[int] = field(default_factory=lambda: [0] * 64)
    idle_pos: list[int] = field(default_factory=lambda: [0] * 64)
    """Of the lives that were closed, by powers of two: their length in ns, and how long they had been idle."""

    def absorb(self, other: Share) -> None:
        """Add what another group saw of the same process."""
        self.opened += other.opened
        self.closed += other.closed
        self.in_rows += other.in_rows
        self.after_end += other.after_end
        self.left += other.left
        self.typical_ns = [a + b for a, b in zip(self.typical_ns, other.typical_ns, strict=True)]
        self.idle_pos = [a + b for a, b in zip(self.idle_pos, other.idle_pos, strict=True)]

    @property
    def collected(self) -> bool:
        """Whether closes come in bursts: the saw-tooth of a garbage collector."""
        return self.closed >= 10 and self.in_rows * 10 >= self.closed * 7

    @property
    def hung_up_on(self) -> bool:
        """Whether it is the peers that end the connections of this place."""
        return self.closed >= 5 and self.after_end * 10 >= self.closed * 8

    def idled(self, share: float) -> int:
        """How long at most this share of the closed lives had been idle when they were closed, to a factor of two."""
        total, seen = sum(self.idle_pos), 0
        for power, count in enumerate(self.idle_pos):
            seen += count
            if seen >= total * share:
                return 1 << power
        return 0

    def closed_after_idling(self, length: int) -> int:
        """How many closed lives had been idle for at least this long."""
        return sum(self.idle_pos[max(0, length).bit_length() :])


@dataclass(slots=True)
class Group:
    """Lives of one command, kind and call site (or target pattern)."""

    command: str | None
    kind: str
    site: CallSite | None
    pattern: str
    shares: dict[int, Share] = field(default_factory=dict)
    patterns: dict[str, int] = field(default_factory=dict)
    callers: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    """Opened and closed by the chain of callers."""
    held: list[Life] = field(default_factory=list)
    """Copies that other processes hold of lives whose owner closed them."""

    def target(self) -> str:
        """What the lives of the group point to: its only or its commonest pattern."""
        if not self.patterns:
            return self.pattern
        most = max(self.patterns, key=lambda p: self.patterns[p])
        if len(self.patterns) == 1 or self.patterns[most] * 2 >= sum(self.patterns.values()):
            return most
        folders = {patterns.directory_of(pattern) for pattern in self.patterns}
        return next(iter(folders)) or most if len(folders) == 1 else most

    @property
    def left(self) -> list[Life]:
        """All lives that nobody closed."""
        return [life for share in self.shares.values() for life in share.left]


Key = tuple[str | None, str, str]


class Groups(Observer):
    """Gathers lives as they end; `finish` adds those that did not."""

    def __init__(self, site_of: Callable[[int], CallSite | None], by: str = "site") -> None:
        self.groups: dict[Key, Group] = {}
        self.settled: dict[str, int] = {}
        self._site_of = site_of
        self._by = by

    def closed(self, life: Life) -> None:
        """A life ended."""
        if not _created(life):
            return
        share, group = self._share(life)
        self._count(share, group, life)
        closed = life.closed
        if life.how == "exit":
            share.left.append(life)
            return
        share.closed += 1
        self.settled[life.kind] = self.settled.get(life.kind, 0) + 1
        if closed is not None and life.opened is not None:
            after = closed.pos - share.last_close
            share.in_rows += 0 <= after <= IN_A_ROW and life.opened.pos < share.last_close
            share.last_close = closed.pos
            share.after_end += life.state == "CLOSE_WAIT"
            last = life.last_use if life.last_use is not None else life.opened
            share.idle_pos[min(63, max(0, closed.pos - last.pos).bit_length())] += 1
            if closed.clock != ABSENT and life.opened.clock != ABSENT:
                share.typical_ns[min(63, max(0, closed.clock - life.opened.clock).bit_length())] += 1
            self._caller(group, life)[1] += 1

    def finish(self, still_open: Iterator[Life], held: Iterator[Life]) -> None:
        """Add the lives that are open at the end, and the copies that others hold."""
        for life in still_open:
            if _created(life):
                share, group = self._share(life)
                self._count(share, group, life)
                share.left.append(life)
        for life in held:
            self._group(life).held.append(life)

    def merged(self) -> list[Group]:
        """The groups; without stacks, names that differ in a directory that has many are one."""
        if self._by != "site":
            return list(self.groups.values())
        groups = list(self.groups.values())
        for levels in (1, 2):
            groups = _with_sisters(groups, levels)
        return groups

    def _count(self, share: Share, group: Group, life: Life) -> None:
        assert life.opened is not None
        share.opened += 1
        pattern = patterns.of(life)
        if pattern in group.patterns or len(group.patterns) < 64:
            group.patterns[pattern] = group.patterns.get(pattern, 0) + 1
        self._caller(group, life)[0] += 1

    def _caller(self, group: Group, life: Life) -> list[int]:
        site = self._site_of(life.opened.stack) if life.opened is not None and life.opened.stack >= 0 else None
        chain = site.callers if site is not None else ()
        if chain not in group.callers and len(group.callers) >= 256:
            chain = ()
        return group.callers.setdefault(chain, [0, 0])

    def _share(self, life: Life) -> tuple[Share, Group]:
        group = self._group(life)
        share = group.shares.get(id(life.process))
        if share is None:
            share = group.shares[id(life.process)] = Share(life.process)
        return share, group

    def _group(self, life: Life) -> Group:
        origin = life
        while origin.parent is not None:
            origin = origin.parent
        opened = origin.opened
        site = self._site_of(opened.stack) if opened is not None and opened.stack >= 0 else None
        pattern = patterns.of(origin)
        place = self._place(site, pattern)
        key = (origin.process.command, origin.kind, place)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(origin.process.command, origin.kind, site, pattern)
        return group

    def _place(self, site: CallSite | None, pattern: str) -> str:
        if self._by == "target" or site is None:
            return pattern
        if self._by == "caller":
            return f"{site.module}\0{site.site}\0{site.callers[0] if site.callers else ''}"
        if self._by == "stack":
            return "\0".join((site.module, site.site, *site.callers))
        return f"{site.module}\0{site.site}"


def _with_sisters(groups: list[Group], levels: int) -> list[Group]:
    """Groups that differ only in the last names of their paths as one, where there are many of them."""
    folders: dict[tuple[str | None, str, str], list[Group]] = {}
    whole: list[Group] = []
    for group in groups:
        folder = patterns.directory_of(group.pattern, levels) if group.site is None else None
        if folder is None:
            whole.append(group)
        else:
            folders.setdefault((group.command, group.kind, folder), []).append(group)
    for (_, _, folder), members in folders.items():
        if len(members) < SISTERS or not any(member.left or member.held for member in members):
            whole += members
        else:
            whole.append(_united(members, folder))
    return whole


def _united(members: list[Group], pattern: str) -> Group:
    """Several groups as one."""
    first = members[0]
    united = Group(first.command, first.kind, None, pattern)
    for group in members:
        for key, share in group.shares.items():
            if key in united.shares:
                united.shares[key].absorb(share)
            else:
                united.shares[key] = share
        united.held += group.held
    united.patterns = {pattern: sum(share.opened for share in united.shares.values())}
    return united


def _created(life: Life) -> bool:
    """Whether the program itself made this one, and for itself: no copy of a fork, nothing inherited, no redirection."""
    return life.opened is not None and not life.copied and life.fd >= STDIO and life.via not in ("inherited", "implied")
