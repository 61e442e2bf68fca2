"""What became of the lives of one place of a program: groups, and in them what each process did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from . import patterns
from .callsites import CallSite
from .lengths import Lengths
from .lives import Life
from .tasks import Process

OVER = 0
"""In place of a process: all that are over and left nothing open."""


def over(process: Process) -> bool:
    """Whether a process has ended, and with it all that it held: nothing more will be heard of it."""
    table = process.table
    return process.ended is not None and not process.divided and (table is None or not table.users)


@dataclass(slots=True)
class Share:
    """What one process did in a group; of all that are over, only how much, and how long things were open."""

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
        self.absorb_past(other)
        self.in_rows += other.in_rows
        self.after_end += other.after_end
        self.sweeps = sorted({*self.sweeps, *other.sweeps})
        self.left += other.left
        self.idle.absorb(other.idle)

    def absorb_past(self, other: Share) -> None:
        """Add what a process did that is over."""
        self.opened += other.opened
        self.closed += other.closed
        self.lengths_ns.absorb(other.lengths_ns)

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

    def count_pattern(self, pattern: str, times: int) -> None:
        """So many more lives of this pattern; of too many patterns, the first are told apart."""
        if pattern in self.patterns or len(self.patterns) < 64:
            self.patterns[pattern] = self.patterns.get(pattern, 0) + times

    def unite_past(self, guilty: set[int]) -> int:
        """Make one share of processes that are over and not among these; returns how many there are then."""
        past = [key for key, share in self.shares.items() if key not in guilty and over(share.process)]
        if past:
            rest = self.shares.setdefault(OVER, Share(self.shares[past[0]].process))
            for key in past:
                rest.absorb_past(self.shares.pop(key))
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


def lives_of(groups: Iterable[Group]) -> Iterator[Life]:
    """All lives that nobody closed, of several groups."""
    for group in groups:
        yield from group.left
        yield from group.held


def original(life: Life) -> Life:
    """The life that this one is a fork's copy of; itself when it is none."""
    while life.parent is not None:
        life = life.parent
    return life
