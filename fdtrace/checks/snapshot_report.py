"""What snapshots show as findings, with quoted rows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from ..history.growth import Population, together
from ..history.looks import quoted
from ..history.populations import Holding, Populations
from ..model import SEVERITIES, Certainty, Evidence, Finding, Severity
from . import snapshot_words as words

Named = tuple[int | None, object]
"""A descriptor: process and number, or process and `local->peer` where no snapshot tells a number."""
Explained = Container[Named]
"""Descriptors that a trace of the same processes accounts for."""


RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}
"""How serious a severity is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A population and what is thought of it; `why` names the reason, see `snapshot_words`."""

    part: Population
    severity: Severity
    why: str
    note: str = ""
    check: str = "leak"


def covered(held: Holding, explained: Explained) -> bool:
    """Whether a trace accounts for a holding."""
    return named(held) in explained


def named(held: Holding) -> Named:
    """How a holding is told apart from the others of its moment."""
    return held.pid, held.fd if held.fd is not None else f"{held.local}->{held.peer}"


def merged(found: list[Judged], made: Populations) -> list[Judged]:
    """The same thing in several processes of one program is one finding."""
    groups: dict[tuple[str, str, str, str | None], list[Judged]] = {}
    for one in found:
        command = made.commands.get(one.part.pid)
        group = command if command else f"pid {one.part.pid}"
        groups.setdefault((group, one.part.kind, one.part.place, one.part.state), []).append(one)
    whole = []
    for several in groups.values():
        worst = max(several, key=lambda one: RANK[one.severity])
        part = together([one.part for one in several]) if len(several) > 1 else worst.part
        whole.append(replace(worst, part=part))
    return sorted(whole, key=lambda one: (-RANK[one.severity], -one.part.counts[-1]))


def finding(made: Populations, judged: Judged) -> Finding:
    """A judged population as a finding, with its proof."""
    part = judged.part
    pids = tuple(sorted(pid for pid in part.pids if pid is not None))
    command = made.commands.get(part.pid)
    now = part.now
    grew = part.counts[-1] - part.counts[0]
    span = part.span_s
    peers = {held.peer for held in now}
    return Finding(
        key=_key(judged, command),
        check=judged.check,
        severity=judged.severity,
        title=words.title(made, judged),
        capture=made.captures[now[0].place[0]].name if now else made.captures[0].name,
        pid=pids[0] if len(pids) == 1 else None,
        pids=pids,
        command=command,
        kind=part.kind,
        target=part.place,
        peer=peers.pop() if len(peers) == 1 else None,
        state=part.state,
        open=part.counts[-1],
        before=min(part.counts[0], part.counts[-1]) or None if len(part.counts) > 1 else None,
        growth_per_s=grew / span if span and grew > 0 else None,
        example_fds=tuple(held.fd for held in now[:5] if held.fd is not None),
        example_pid=now[0].pid if now else None,
        evidence=quotes(made, witnesses(part)),
        certainty=_certainty(judged),
        reasons=words.reasons(made, judged),
        advice=words.advice(made, judged),
    )


def witnesses(part: Population) -> Iterator[Holding]:
    """One that has stayed, at the first moment that shows it and at the last; then the newest ones."""
    last = part.members[-1]
    for one in part.members[:-1]:
        if stayed := [identity for identity in one if identity in last]:
            yield one[stayed[0]]
            yield last[stayed[0]]
            break
    before = part.members[-2] if len(part.members) > 1 else {}
    newest = [held for identity, held in last.items() if identity not in before]
    yield from (newest or part.now)[-2:]


def quotes(made: Populations, holdings: Iterable[Holding]) -> tuple[Evidence, ...]:
    """The rows of these holdings, each once, in the order given."""
    places = list(dict.fromkeys(held.place for held in holdings))
    read = {
        index: quoted(made.captures[index], {line for sheet, line in places if sheet == index})
        for index in {index for index, _ in places}
    }
    return tuple(read[index][line] for index, line in places if line in read[index])


def _key(judged: Judged, command: str | None) -> str:
    part = judged.part
    parts = (judged.check, command or "?", part.kind, part.place, part.state)
    return ":".join(word for word in parts if word)


def _certainty(judged: Judged) -> Certainty:
    """A leak is never certain without a trace; what a state itself says is."""
    if judged.check != "leak":
        return "certain"
    return "unknown" if judged.severity == "low" else "inferred"
