"""Which finding of one side is which of the other.

Equal keys first; then the same place under a name that a new build changed
(another module, another version of a library, another name of the program);
where one side has no stacks, the same target; at last a place that moved: the
same kind, from the same callers or to the same target, under another name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..model import SEVERITIES, Finding
from . import names

Alike = Callable[[Finding, Finding], bool]


@dataclass(frozen=True, slots=True)
class Pair:
    """A finding of BEFORE and that of AFTER; None where there is none. `moved`: under another name."""

    before: Finding | None
    after: Finding | None
    moved: bool = False


def pairs(
    before: Sequence[Finding],
    after: Sequence[Finding],
    may_have_moved: Alike = lambda _, __: True,
    degrees: Sequence[tuple[Alike, bool]] = (),
) -> list[Pair]:
    """Every finding of both sides once, in the order of BEFORE; what only AFTER has comes last.

    `may_have_moved` says no where one side still, or already, has both places.
    """
    left, right = list(before), list(after)
    met: dict[int, Pair] = {}
    for alike, moved in degrees or _DEGREES:
        for one in list(left):
            candidates = [
                other
                for other in right
                if one.check == other.check
                and alike(one, other)
                and (alike is not _moved or may_have_moved(one, other))
            ]
            if not candidates:
                continue
            other = max(candidates, key=lambda other: (_same_caller(one, other), _rank(other)))
            met[id(one)] = Pair(one, other, moved)
            left.remove(one)
            right.remove(other)
    return [met.get(id(one), Pair(one, None)) for one in before] + [Pair(None, one) for one in right]


def known(before: Sequence[Finding], after: Sequence[Finding]) -> list[Pair]:
    """The same, but only by what names a place: what moved, or is of another program, is not known."""
    return pairs(before, after, degrees=_DEGREES[:3])


def _rank(one: Finding) -> int:
    return SEVERITIES.index(one.severity)


def _same_caller(one: Finding, other: Finding) -> bool:
    return names.chain(one)[:1] == names.chain(other)[:1]


# -- degrees of likeness -------------------------------------------------------------


def _same_key(one: Finding, other: Finding) -> bool:
    return one.key == other.key


def _same_kind(one: Finding, other: Finding) -> bool:
    return names.kind(one.kind) == names.kind(other.kind)


def _same_command(one: Finding, other: Finding) -> bool:
    return names.command(one.command) == names.command(other.command)


def _same_site(one: Finding, other: Finding) -> bool:
    """The same symbol; a stripped module has none, so there the target has to be the same too."""
    site = names.symbol(one.call_site)
    if not site or site != names.symbol(other.call_site) or not _same_kind(one, other):
        return False
    return names.named(one.call_site) or one.target == other.target


def _same_module(one: Finding, other: Finding) -> bool:
    return (
        _same_site(one, other)
        and names.module_of(one) == names.module_of(other)
        and names.details_of(one) == names.details_of(other)
        and _same_command(one, other)
    )


def _same_target(one: Finding, other: Finding) -> bool:
    """What is opened, where at most one side knows who opens it."""
    if (one.call_site and other.call_site) or not _same_kind(one, other):
        return False
    if one.check == "leak" and not one.target:
        return False
    looked = one.opened is None and other.opened is None
    return one.target == other.target and (not looked or one.state == other.state)


def _same_target_and_command(one: Finding, other: Finding) -> bool:
    return _same_target(one, other) and _same_command(one, other)


def _moved(one: Finding, other: Finding) -> bool:
    """Another name, but the same kind from the same callers, or of the same target from some of them.

    Without call sites: what is opened differs in a port or directory only.
    """
    if not _same_kind(one, other) or one.state != other.state:
        return False
    if not (one.call_site and other.call_site):
        loose = names.loosely(one.target)
        return bool(loose) and loose == names.loosely(other.target) and _same_command(one, other)
    callers, others = names.chain(one), names.chain(other)
    if callers and callers[:1] == others[:1]:
        return True
    shared = len(set(callers) & set(others))
    return one.target == other.target and 2 * shared >= min(len(callers), len(others))


_DEGREES: tuple[tuple[Alike, bool], ...] = (
    (_same_key, False),
    (_same_module, False),
    (_same_target_and_command, False),
    (_same_site, True),
    (_same_target, True),
    (_moved, True),
)
