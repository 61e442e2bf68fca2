"""Every check of snapshots, in one explicit list."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..history.growth import grown
from ..history.populations import populations
from ..model import Finding
from ..readers.bundle import Capture
from ..readers.sheet import Sheet
from . import deleted_file, shared_listener, snapshot_growth, snapshot_limit, socket_states
from .snapshot_report import Named, covered, finding, named

SNAPSHOT_CHECKS: tuple[str, ...] = (
    "leak",
    "exhaustion",
    *socket_states.CHECKS,
    "shared_listener",
    "deleted_file",
)
"""The names of the checks, as findings have them."""


def findings(
    sheets: Iterable[tuple[Capture, Sheet]],
    explained: Collection[Named] = frozenset(),
    leaked: Collection[Named] = frozenset(),
    only: Collection[str] = SNAPSHOT_CHECKS,
    limits: snapshot_growth.Limits | None = None,
) -> list[Finding]:
    """What these snapshots say is wrong, each descriptor in one finding.

    Args:
        sheets: all that was read of them.
        explained: what a trace of the same processes accounts for, whatever it
            says of it: no leak is looked for there, the trace knows better.
        leaked: those of them that are in a finding already: not told again.
        only: names of checks; those that are not of snapshots are passed over.
        limits: thresholds for leaks.
    """
    made = populations(sheets)
    known, limits = {*explained, *leaked}, limits or snapshot_growth.Limits()
    judged, rest = snapshot_growth.judge(made, known, limits)
    told = {*leaked, *(named(held) for one in judged for held in one.part.now)}
    if explained:
        rest = grown(made, skip=lambda held: covered(held, told))
    found: list[Finding] = []
    for name in SNAPSHOT_CHECKS:
        if name not in only:
            continue
        if name == "leak":
            found += [finding(made, one) for one in judged]
        elif name in socket_states.CHECKS:
            found += socket_states.findings(made, rest, name)
        elif name == "exhaustion":
            found += snapshot_limit.findings(made)
        elif name == "shared_listener":
            found += shared_listener.findings(made)
        else:
            found += deleted_file.findings(made, told)
    return found


__all__ = ["SNAPSHOT_CHECKS", "findings"]
