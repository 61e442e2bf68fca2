"""A verdict about a group as a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..history.callsites import CallSite
from ..history.lives import Life
from ..history.run import History
from ..history.shares import Group, original
from ..model import Finding, Severity
from . import leak_words as words
from . import signs
from .base import called_by, quotes, seconds
from .leak_seen import Seen

_FIRST = 2
"""Lines of the trace that are quoted before those of snapshots: how it began, and the sign of its end."""


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say about one group; `silent`: its peers end first, so their last word was missed."""

    group: Group
    lives: list[Life]
    severity: Severity
    why: str
    opened: int
    closed: int
    silent: bool
    history: History
    exhausted: dict[int, int]
    seen: Seen
    site: CallSite | None = None
    """Who opened them, with the line from which most of them come."""

    @property
    def serious(self) -> bool:
        """Whether somebody has to do something."""
        return self.severity in ("medium", "high")

    @property
    def state(self) -> str | None:
        """The state that most of the sockets are in; None where the silence of their peers belies it."""
        states = Counter(life.state for life in self.lives if life.state)
        if not states:
            return None
        state, count = states.most_common(1)[0]
        return None if count * 2 < len(self.lives) or (state == "ESTABLISHED" and self.silent) else state


def finding(told: Told) -> Finding:
    """One line of the answer, with its proof."""
    group, lives, history = told.group, told.lives, told.history
    command = group.command or _named(told)
    processes = sorted({life.process.pid for life in lives if life.process.pid is not None})
    quoted = quotes(history, signs.evidence(lives) if told.serious else [lives[0].opened])
    return Finding(
        key=":".join(("leak", command or "?", group.kind, words.place(group))),
        check="leak",
        severity=told.severity,
        title=words.title(told),
        capture=history.capture.name,
        pid=processes[0] if len(processes) == 1 else None,
        pids=tuple(processes),
        command=command,
        **called_by(told.site),
        kind=group.kind,
        target=group.target(),
        peer=_same(life.peer for life in lives),
        state=told.state,
        state_source=", ".join(told.seen.sources()) or None if told.state else None,
        opened=told.opened,
        closed=told.closed,
        open=len(lives) + len(told.seen.adopted),
        before=len(told.seen.adopted) or None,
        growth_per_s=signs.growth(lives, _until(told)),
        first_t_s=seconds(history, lives[0].opened),
        last_t_s=seconds(history, lives[-1].opened),
        examples=tuple(history.fd_id(original(life)) for life in lives[:5]),
        example_fds=tuple(life.fd for life in lives[:5]),
        example_pid=lives[0].process.pid,
        evidence=(
            *quoted[:_FIRST],
            *told.seen.evidence(),
            *quoted[_FIRST:],
        ),
        certainty="certain" if all(life.certain for life in lives) else "inferred",
        reasons=words.reasons(told),
        advice=words.advice(told),
    )


def _named(told: Told) -> str | None:
    """The name of the program where only snapshots tell it."""
    names = told.history.joined.commands if told.history.joined is not None else {}
    found = {names.get(life.process.pid or 0) for life in told.lives}
    return found.pop() if len(found) == 1 else None


def _until(told: Told) -> int | None:
    """When the lives could have grown no more: their processes' end, or the capture's."""
    ends = [life.process.ended for life in told.lives]
    clocks = [end.clock for end in ends if end is not None]
    return max(clocks) if clocks and len(clocks) == len(ends) else told.history.coverage.last_ns


def _same(values: Iterable[str | None]) -> str | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None
