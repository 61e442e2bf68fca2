"""What snapshots add to a leak that a trace shows: states, and what was open before the trace saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..history import patterns
from ..history.callsites import CallSites
from ..history.lives import STDIO, Life
from ..history.run import History
from ..history.shares import Group
from ..model import Evidence
from . import signs

if TYPE_CHECKING:
    from ..history.adoption import Gap
    from ..history.joined import Joined
    from ..history.looks import Look, Row


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one group: descriptors that were adopted from snapshots, and the newest rows of its lives.

    `before` stood in a snapshot from before the trace; `between` were first
    seen later, so that their creation fell between that snapshot and the trace.
    """

    before: list[Gap] = field(default_factory=list)
    between: list[Gap] = field(default_factory=list)
    rows: list[tuple[Look, Row]] = field(default_factory=list)
    contexts: tuple[int, int] | None = None
    """Contexts that a log says were created and destroyed, where they left these behind."""

    @property
    def adopted(self) -> list[Life]:
        """The lives that only snapshots show."""
        return [gap.life for gap in (*self.before, *self.between)]

    def sources(self) -> tuple[str, ...]:
        """The tools that told a state."""
        if not self.rows:
            return ()
        from ..history.states import state_of

        return tuple(sorted({look.name() for look, row in self.rows if state_of(row)}))

    def evidence(self, most: int = 2) -> tuple[Evidence, ...]:
        """Rows to quote: of the first lives, one from each tool."""
        if not self.rows:
            return ()
        from ..history.looks import quoted
        from ..history.states import state_of

        chosen: dict[str, tuple[Look, Row]] = {}
        for look, row in sorted(self.rows, key=lambda one: state_of(one[1]) is None):
            chosen.setdefault(look.name(), (look, row))
        shown: list[Evidence] = []
        for look, row in list(chosen.values())[:most]:
            shown += quoted(look.capture, [row.line]).values()
        return tuple(shown)


def seen(
    group: Group, lives: Sequence[Life], rivals: Iterable[Group], history: History, sites: CallSites
) -> Seen:
    """What the snapshots say of these lives of a group, and of others that must be of its making.

    Nothing is added to a group where another one (`rivals`) may have made it as well.
    """
    joined = history.joined
    if joined is None or not (joined.looks or joined.logs):
        return Seen()
    processes = {id(life.process) for life in lives}
    before: list[Gap] = []
    between: list[Gap] = []
    if not any(_same_sort(group, rival) for rival in rivals):
        for gap in joined.adopted:
            if id(gap.life.process) in processes and gap.life.fd >= STDIO and _alike(gap.life, group, lives):
                (before if gap.before else between).append(gap)
    adopted = [gap.life for gap in (*before, *between)]
    rows = [one for life in (*lives, *adopted) for one in _newest(joined.of(life))]
    return Seen(before, between, rows, _contexts(lives, history, joined, sites))


def seen_open(lives: Iterable[Life], history: History) -> list[Life]:
    """Those of these lives that the newest full listing of their process shows."""
    joined = history.joined
    return [] if joined is None else [life for life in lives if id(life) in joined.verified]


def _contexts(
    lives: Sequence[Life], history: History, joined: Joined, sites: CallSites
) -> tuple[int, int] | None:
    """How many contexts a log has, and how many of them ended, if most of these lives are what they left."""
    if not joined.logs:
        return None
    from ..history.lws import contexts, left_behind, shift

    for capture, sheet in joined.logs:
        at = shift(capture, sheet, history) if sheet.lws_objects else None
        if at is not None and len(left_behind(sheet, at, lives, history, sites)) * 3 >= len(lives) * 2:
            rows = contexts(sheet)
            return len(rows), sum(row.open is False for row in rows)
    return None


def _newest(rows: list[tuple[Look, Row]]) -> list[tuple[Look, Row]]:
    """The last row of each tool."""
    last: dict[str, tuple[Look, Row]] = {}
    for look, row in rows:
        last[look.name()] = (look, row)
    return list(last.values())


def _same_sort(one: Group, other: Group) -> bool:
    """Whether nothing but the call site tells what two groups make."""
    if one is other or one.command != other.command or one.kind != other.kind:
        return False
    return bool(set(one.patterns or (one.pattern,)) & set(other.patterns or (other.pattern,)))


def _alike(life: Life, group: Group, lives: Sequence[Life]) -> bool:
    """Whether an adopted descriptor is what this group makes, in the state that its leaked ones are in."""
    if life.last_use is not None and not signs.gone(life):
        return False
    if life.kind.removesuffix("6") != group.kind.removesuffix("6"):
        return False
    states = Counter(one.state for one in lives if one.state)
    if states and life.state is not None and life.state != states.most_common(1)[0][0]:
        return False
    known = set(group.patterns or (group.pattern,))
    if known & {patterns.of(life), life.kind}:
        return True
    return life.local is not None and f"accepted at {life.local}" in known
