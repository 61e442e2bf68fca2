"""One side of a comparison, and the work that it shows: what rates are counted by."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..model import SEVERITIES, Coverage, Finding, Place
from . import names

_CALLS: dict[str, tuple[str, ...]] = {
    "connection accepted": ("accept", "accept4"),
    "connect()": ("connect",),
    "process or thread started": ("fork", "vfork", "clone", "clone3"),
}
"""Units of work by the calls that do them, the one that says most of a server first."""
UNITS = tuple(_CALLS)
"""Their names; they read after "per"."""
_COUPLED = 50
"""A unit of which there is this many times more, or less, than of what leaks says nothing of it."""


@dataclass(frozen=True)
class Side:
    """What is known of one side: a Case, or a report that was kept of one.

    `places` is None where only findings were kept, so that nobody knows what else
    was opened. `name` is how it was called.
    """

    name: str
    found: Sequence[Finding]
    coverage: Sequence[Coverage]
    places: tuple[Place, ...] | None

    @cached_property
    def findings(self) -> list[Finding]:
        """The findings, each key once: what several captures tell of it is added up."""
        once: dict[str, Finding] = {}
        for one in self.found:
            known = once.get(one.key)
            once[one.key] = one if known is None else _both(known, one)
        return list(once.values())

    @property
    def traces(self) -> list[Coverage]:
        """The recordings of strace."""
        return [one for one in self.coverage if one.kind == "strace" and one.calls]

    @property
    def blind(self) -> bool:
        """Whether no trace could have shown a close."""
        return bool(self.traces) and not any(one.closes_visible for one in self.traces)

    @property
    def stacks(self) -> bool:
        """Whether a trace has call sites."""
        return any("-k" in one.options for one in self.traces)

    @property
    def span_s(self) -> float | None:
        """Seconds from beginning to end of what was recorded; of several captures, the sum of the traces."""
        spans = [one.span_s for one in self.traces or self.coverage if one.span_s]
        return (sum(spans) if self.traces else max(spans)) if spans else None

    @property
    def looks(self) -> int:
        """How many looks at the system there are, by the tool that looked most often."""
        return max((one.snapshots for one in self.coverage), default=0)

    def calls(self, unit: str) -> int:
        """How much of a unit of work was done, by the number of calls."""
        return sum(one.syscalls.get(name, 0) for one in self.traces for name in _CALLS[unit])

    @property
    def turnover(self) -> int:
        """How many descriptors came or went between looks: an idle process cannot leak."""
        return sum(one.opened + one.closed for one in self.places or () if one.looks)

    def under(self, caller: str, besides: Iterable[Place]) -> int:
        """How many descriptors were opened below a caller, other than by these places."""
        apart = {id(one) for one in besides}
        return sum(
            one.opened
            for one in self.places or ()
            if id(one) not in apart and caller in (names.symbol(one.site), *names.chain(one))
        )


def _both(one: Finding, other: Finding) -> Finding:
    """Two findings of the same key as one."""
    worst, less = sorted((one, other), key=lambda f: SEVERITIES.index(f.severity), reverse=True)
    return replace(
        worst,
        pid=None,
        pids=tuple(sorted({*one.pids, *other.pids})),
        opened=_sum(one.opened, other.opened),
        closed=_sum(one.closed, other.closed),
        open=_sum(worst.open, less.open),
        growth_per_s=None,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return (one or 0) + (other or 0) if one is not None or other is not None else None


@dataclass(frozen=True, slots=True)
class Work:
    """How much of one unit of work both sides did. `unit` reads after "per"."""

    unit: str
    before: float
    after: float


def work(before: Side, after: Side, leaked: int) -> Work | None:
    """The unit of work that both sides did and that has to do with what leaks; None where there is none."""
    for unit in _CALLS:
        one, other = before.calls(unit), after.calls(unit)
        if one and other and one <= _COUPLED * leaked and leaked <= _COUPLED * one:
            return Work(unit, one, other)
    return None


def beside(before: Side, after: Side, finding: Finding, own: tuple[list[Place], list[Place]]) -> Work | None:
    """The nearest caller that demonstrably ran on both sides, by what else was opened below it."""
    for caller in names.chain(finding):
        one, other = before.under(caller, own[0]), after.under(caller, own[1])
        if one and other:
            return Work(f"descriptor opened below {caller}", one, other)
    return None


# -- the places of a finding -------------------------------------------------------


def places_of(finding: Finding, places: Iterable[Place]) -> list[Place]:
    """The places that a finding is about, by the names that outlast a new build.

    By call site, first in the same module, then in any; where one side has no
    stacks, by what is opened.
    """
    alike = [one for one in places if names.kind(one.kind) == names.kind(finding.kind)]
    for chosen in (_at_site(finding, alike), _of_target(finding, alike)):
        if chosen:
            ours = [one for one in chosen if names.command(one.command) == names.command(finding.command)]
            return ours or chosen
    return []


def _at_site(finding: Finding, places: Iterable[Place]) -> list[Place]:
    site, details = names.symbol(finding.call_site), names.details_of(finding)
    if not site:
        return []
    unnamed = not names.named(finding.call_site)
    found = [
        one
        for one in places
        if one.site
        and names.kind(one.kind) == names.kind(finding.kind)
        and names.symbol(one.site) == site
        and all(detail in (one.end, *map(names.symbol, one.callers[:1])) for detail in details)
        and (not unnamed or one.target == finding.target)
    ]
    own = [one for one in found if names.module(one.module) == names.module_of(finding)]
    return own or found


def _of_target(finding: Finding, places: Sequence[Place]) -> list[Place]:
    """Places without a call site, or all of them for a finding without one, that open the same."""
    target = finding.target or ""
    free = [one for one in places if not one.site or not finding.call_site]
    if finding.state:
        seen = [one for one in free if one.looks]
        if seen and finding.opened is None:
            free = [one for one in free if not one.looks or one.state == finding.state]
    return [one for one in free if _matches(one.target, target)]


def _matches(target: str, wanted: str) -> bool:
    if wanted.startswith("to ") and wanted.endswith(" peers"):
        return target.startswith("to ")
    return target == wanted or ("*" in wanted and fnmatch.fnmatchcase(target, wanted.replace("[", "[[]")))


def moved(before: Side, after: Side, one: Finding, other: Finding) -> bool:
    """Whether a place may have taken over from another: neither has a part on the other's side."""
    return not (_known(other, before.places or ()) or _known(one, after.places or ()))


def _known(finding: Finding, places: Iterable[Place]) -> bool:
    """Whether a place opened anything."""
    if finding.call_site:
        return bool(_at_site(finding, places))
    alike = [one for one in places if names.kind(one.kind) == names.kind(finding.kind)]
    return any(one.opened for one in _of_target(finding, alike))


def heirs(finding: Finding, before: Sequence[Place], after: Sequence[Place]) -> list[Place]:
    """Places that are new and may do what a finding's place did: the same kind, below the same caller.

    Where the finding names no caller, those that open the same target; without a
    call site, a target that differs in a port or directory only.
    """
    kind, callers = names.kind(finding.kind), names.chain(finding)[:1]
    alike = [one for one in after if names.kind(one.kind) == kind and not one.looks]
    if not finding.call_site:
        old = {one.target for one in before}
        loose = names.loosely(finding.target)
        return [one for one in alike if one.target not in old and names.loosely(one.target) == loose]
    known = {(names.kind(one.kind), names.symbol(one.site)) for one in before if one.site}
    return [
        one
        for one in alike
        if one.site
        and (kind, names.symbol(one.site)) not in known
        and (names.chain(one)[:1] == callers if callers else one.target == finding.target)
    ]
