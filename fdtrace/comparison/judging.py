"""What became of each finding, and what to say of the whole.

The rule. That a leak is not found again proves nothing: its place may not have
run, or too rarely. A leak counts as fixed when so few of what AFTER did stayed
open that at BEFORE's rate it would be chance (below 5 %): from three expected
and none seen on (the rule of three), more where some are open at the end. The
work is counted first in what the place itself opened, then, where that became
too rare to tell because it opens less often now, in what else was opened below
the same caller, in connections accepted or made, and in processes started. A
place that opened nothing at all is never called fixed: an error that did not
happen looks the same.

A leak that is still found is better or worse when the share that stays open, or
the number for one unit of work, differs by more than chance and by a quarter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ..model import SEVERITIES, Finding, Severity
from . import chance, sides
from .pairs import Pair, pairs
from .sides import Side

Status = Literal["new", "worse", "same", "better", "unknown", "fixed"]
Verdict = Literal["worse", "not fixed", "cannot tell", "fixed", "nothing found"]

STATUSES: tuple[Status, ...] = ("new", "worse", "same", "better", "unknown", "fixed")
"""What can become of a finding, the worst first."""
_LEAK = "leak"
_OPENED = "descriptor opened"
_SECOND = "second"
_LOOK = "look"
_LOW = SEVERITIES.index("low")


@dataclass(frozen=True, slots=True)
class Measure:
    """How many stayed open of how much work, on both sides. `unit` reads after "per"."""

    unit: str
    before: int
    before_work: float
    after: int
    after_work: float

    @property
    def own(self) -> bool:
        """Whether the work is the opening of the very descriptors that leak."""
        return self.unit == _OPENED

    @property
    def expected(self) -> float:
        """How many would stay open in AFTER at BEFORE's rate."""
        return self.before * self.after_work / self.before_work if self.before_work else 0.0

    @property
    def needed(self) -> int | None:
        """How much work AFTER would have had to do for its number to say something."""
        if not self.before or not self.before_work:
            return None
        rate = self.before / self.before_work
        return math.ceil(chance.expected_for(self.after) / rate - 1e-3)

    @property
    def clear(self) -> bool:
        """Whether so few are no chance."""
        return chance.at_most(self.after, self.expected) <= chance.DOUBT

    @property
    def direction(self) -> int:
        """-1 where it became rarer, 1 where more frequent, 0 where chance may have done it."""
        numbers = (self.before, self.before_work, self.after, self.after_work)
        if self.own and self.before <= self.before_work and self.after <= self.after_work:
            return chance.share_differs(*map(int, numbers))
        return chance.rate_differs(*numbers)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one finding.

    `why` is the reason in a word (see `report.diffs`), `measure` what it was
    judged by, `moved` whether AFTER has it under another name, `heirs` the names
    of places in AFTER that may have taken over.
    """

    status: Status
    before: Finding | None
    after: Finding | None
    why: str
    measure: Measure | None = None
    moved: bool = False
    heirs: tuple[str, ...] = ()

    @property
    def finding(self) -> Finding:
        """The finding as the newest side has it."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def key(self) -> str:
        """The key of the finding, as BEFORE has it where it has it."""
        return (self.before or self.finding).key


@dataclass(frozen=True)
class Comparison:
    """Both sides, and what became of all that is serious; `minor` counts remarks in BEFORE and in AFTER."""

    before: Side
    after: Side
    changes: tuple[Change, ...]
    minor: tuple[int, int]
    least: Severity = "medium"

    @property
    def verdict(self) -> Verdict:
        """What to say of the whole."""
        statuses = {change.status for change in self.changes}
        if {"worse", "same", "better"} & statuses:
            return "not fixed"
        if "new" in statuses:
            return "worse"
        if "unknown" in statuses or (not statuses and self.after.blind):
            return "cannot tell"
        return "fixed" if statuses else "nothing found"

    def of(self, *statuses: Status) -> list[Change]:
        """The changes of these statuses."""
        return [change for change in self.changes if change.status in statuses]


def compare(before: Side, after: Side, least: Severity = "medium") -> Comparison:
    """What became of every finding that is at least so serious, and which are new; the worst first."""
    changes, minor = [], [0, 0]
    for pair in pairs(before.findings, after.findings, partial(sides.moved, before, after)):
        was, now = (_serious(one, least) for one in (pair.before, pair.after))
        if was or now:
            changes.append(_judged(pair, was, now, before, after))
        else:
            minor[0] += pair.before is not None
            minor[1] += pair.after is not None
    changes.sort(key=lambda one: (STATUSES.index(one.status), -_rank(one.finding), one.key))
    return Comparison(before, after, tuple(changes), (minor[0], minor[1]), least)


def rated(pair: Pair, before: Side, after: Side) -> Change:
    """A finding of both sides, whatever its severity: worse, better or the same."""
    return _found_now(pair, before, after)


def _serious(finding: Finding | None, least: Severity) -> bool:
    return finding is not None and _rank(finding) >= SEVERITIES.index(least)


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _judged(pair: Pair, was: bool, now: bool, before: Side, after: Side) -> Change:
    if now:
        return _found_now(pair, before, after) if was else _new(pair, before, after)
    assert pair.before is not None
    if pair.before.check != _LEAK:
        return _gone(pair, pair.before, before, after)
    if pair.before.opened is None:
        return _grows_no_more(pair, pair.before, before, after)
    return _closed_now(pair, pair.before, before, after)


# -- what is still there -------------------------------------------------------------


def _found_now(pair: Pair, before: Side, after: Side) -> Change:
    """A finding of both sides: worse, better or the same."""
    one, other = pair.before, pair.after
    assert one is not None
    assert other is not None
    measures = _measures(one, other, before, after)
    if _rank(other) > max(_rank(one), _LOW) and (not measures or _rank(one) <= _LOW):
        return Change("worse", one, other, "severity", measures[0] if measures else None, pair.moved)
    for measure in measures:
        if measure.direction:
            status: Status = "worse" if measure.direction > 0 else "better"
            return Change(status, one, other, "rate", measure, pair.moved)
    measure_ = measures[0] if measures else None
    return Change("same", one, other, "rate" if measures else "uncounted", measure_, pair.moved)


def _measures(one: Finding, other: Finding, before: Side, after: Side) -> list[Measure]:
    """By what two findings can be compared, what says most first."""
    counts = _leaked(one), _leaked(other)
    if counts[0] is None or counts[1] is None:
        return []
    found = []
    if one.opened and other.opened:
        found.append(Measure(_OPENED, counts[0], one.opened, counts[1], other.opened))
    if unit := sides.work(before, after, counts[0]):
        found.append(Measure(unit.unit, counts[0], unit.before, counts[1], unit.after))
    elif not found and before.span_s and after.span_s:
        gained = _gained(one, before), _gained(other, after)
        if gained[0] is not None and gained[1] is not None:
            found.append(Measure(_SECOND, gained[0], before.span_s, gained[1], after.span_s))
    if not found and one.opened is None and other.opened is None:
        found.append(Measure(_LOOK, counts[0], 1, counts[1], 1))
    return found


def _leaked(finding: Finding) -> int | None:
    """How many stayed open of those that were seen being opened."""
    if finding.open is None or finding.opened is None:
        return finding.open
    left = finding.opened - (finding.closed or 0)  # of the others, snapshots know; or children hold copies
    return min(finding.open, left if left > 0 else finding.opened)


def _gained(finding: Finding, side: Side) -> int | None:
    """By how many a population of snapshots grew."""
    if finding.opened is None and finding.growth_per_s is not None and side.span_s:
        return round(finding.growth_per_s * side.span_s)
    return finding.open if finding.opened is not None else None


def _new(pair: Pair, before: Side, after: Side) -> Change:
    """A serious finding that BEFORE does not have, or has as a remark: new, or only better seen."""
    other = pair.after
    assert other is not None
    if other.check != _LEAK or before.places is None or other.opened is None:
        return Change("new", pair.before, other, "" if before.places is not None else "report")
    places = [one for one in sides.places_of(other, before.places) if not one.looks]
    opened, open_ = sum(one.opened for one in places), sum(one.open for one in places)
    if not opened:
        return Change("new", pair.before, other, "never opened", None)
    measure = Measure(_OPENED, open_, opened, _leaked(other) or 0, other.opened)
    if measure.direction > 0 or open_ == 0:
        return Change("new", pair.before, other, "closed before", measure)
    return Change("same", pair.before, other, "short before", measure)


# -- what is not found any more ------------------------------------------------------


def _closed_now(pair: Pair, one: Finding, before: Side, after: Side) -> Change:
    """A leak of a trace that AFTER does not have: fixed, or not to be seen."""
    if after.blind:
        return Change("unknown", one, pair.after, "blind")
    if after.places is None:
        return _by_report(pair, one)
    own = (
        sides.places_of(one, before.places or ()),
        [place for place in sides.places_of(one, after.places) if not place.looks],
    )
    heirs: tuple[str, ...] = ()
    if not own[1] and (taken := sides.heirs(one, before.places or (), after.places)):
        heirs = tuple(dict.fromkeys(place.site or place.target for place in taken))
        own = own[0], taken
    if not after.traces:
        return _by_looks(pair, one, before, after)
    opened, open_ = sum(place.opened for place in own[1]), sum(place.open for place in own[1])
    leaked, of = _leaked(one) or 0, one.opened or one.open or 0
    measures = [Measure(_OPENED, leaked, of, open_, opened)] if of else []
    near, whole = sides.beside(before, after, one, own), sides.work(before, after, leaked)
    measures += [
        Measure(work.unit, leaked, work.before, open_, work.after)
        for work in (near, whole)
        if work is not None
    ]
    moved = pair.moved or bool(heirs)
    if not opened:
        # Its code may be gone; or a switch, an error that did not happen, a cache: no number tells.
        why, measure = ("not opened", measures[1]) if near is not None else ("never opened", measures[0])
        return Change("unknown", one, pair.after, why, measure)
    for measure in measures:
        if measure.clear:
            return Change("fixed", one, pair.after, "closed", measure, moved, heirs)
    why = "rarely opened" if _rare(measures) else "still open"
    return Change("unknown", one, pair.after, why, measures[0] if measures else None, moved, heirs)


def _rare(measures: Sequence[Measure]) -> bool:
    return bool(measures) and measures[0].after_work < (measures[0].needed or 0)


def _by_report(pair: Pair, one: Finding) -> Change:
    """AFTER is a report, which has only findings: what it says of the place, if it says anything."""
    other = pair.after
    if other is None or other.opened is None or not one.opened:
        return Change("unknown", one, other, "report")
    measure = Measure(_OPENED, _leaked(one) or 0, one.opened, other.open or 0, other.opened)
    if measure.clear:
        return Change("fixed", one, other, "closed", measure)
    return Change("unknown", one, other, "rarely opened" if _rare([measure]) else "still open", measure)


def _by_looks(pair: Pair, one: Finding, before: Side, after: Side) -> Change:
    """A leak of a trace, where AFTER has only snapshots: whether its kind grows."""
    if one.growth_per_s is None:
        return Change("unknown", one, pair.after, "looks only")
    return _grows_no_more(pair, one, before, after)


def _grows_no_more(pair: Pair, one: Finding, before: Side, after: Side) -> Change:
    """A population that grew, and does not in AFTER: fixed, if AFTER had time and was not idle."""
    if after.places is None:
        return Change("unknown", one, pair.after, "report")
    if after.traces and not after.looks:
        return Change("unknown", one, pair.after, "no looks")
    looked = [place for place in sides.places_of(one, after.places) if place.looks]
    now = sum(place.open for place in looked)
    if after.looks < 2 or one.growth_per_s is None:
        count = Measure(_LOOK, one.open or 0, 1, now, 1)
        why = "one look" if after.looks < 2 else "one look before"
        return Change("unknown", one, pair.after, why, count)
    if not after.span_s or not before.span_s:
        return Change("unknown", one, pair.after, "no times")
    gained = max(0, sum(place.opened - place.closed for place in looked))
    measure = Measure(_SECOND, round(one.growth_per_s * before.span_s), before.span_s, gained, after.span_s)
    if not after.turnover:
        return Change("unknown", one, pair.after, "idle", measure)
    if measure.clear:
        return Change("fixed", one, pair.after, "grows no more", measure)
    return Change(
        "unknown", one, pair.after, "too short" if gained * 2 < measure.before else "grows", measure
    )


def _gone(pair: Pair, one: Finding, before: Side, after: Side) -> Change:
    """What another check found: gone, if AFTER did at least as much."""
    done = _calls(before, after)
    if done is None:
        fewer = after.looks < before.looks or not (before.looks or after.places)
        return Change("unknown" if fewer else "fixed", one, pair.after, "fewer looks" if fewer else "gone")
    if done.after * 2 < done.before:
        return Change("unknown", one, pair.after, "did less", done)
    return Change("fixed", one, pair.after, "gone", done)


def _calls(before: Side, after: Side) -> Measure | None:
    """All system calls, where both sides have a trace; what was found is counted once."""
    one, other = (sum(trace.calls for trace in side.traces) for side in (before, after))
    return Measure("system call", 1, one, 0, other) if one and other else None
