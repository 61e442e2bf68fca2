"""Which sockets are in a state that their holder should have ended?

close_wait    CLOSE_WAIT: the peer has ended, this process has not closed
half_closed   FIN_WAIT2: shut down on this side only
dead_socket   CLOSE: in no table of the kernel's, that is never connected,
              refused, reset, or ended on both sides

Only sockets that a process holds: what stands in CLOSE_WAIT, FIN_WAIT2 or CLOSE
without an owner is the kernel's, and goes away by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..history.growth import Population
from ..history.populations import Populations
from ..model import Finding, Severity
from .snapshot_report import Judged, finding, merged

CHECKS = {"close_wait": "CLOSE_WAIT", "half_closed": "FIN_WAIT2", "dead_socket": "CLOSE"}
"""The state of each check."""


def findings(
    made: Populations, rest: Sequence[Population], check: str, *, many: int = 10, few: int = 3
) -> list[Finding]:
    """One finding for each place whose sockets are in the state of this check.

    Args:
        made: what the snapshots say.
        rest: the populations that no leak was found in.
        check: a name of `CHECKS`.
        many: so many that were there in the snapshot before too are medium.
        few: fewer than this may just be waiting for their close.
    """
    found = []
    for part in rest:
        number, stayed = part.counts[-1], part.stayed
        if part.state != CHECKS[check] or not number or part.kind not in ("tcp", "tcp6", "socket"):
            continue
        lasting = stayed >= (few if check == "dead_socket" else 1)
        severity: Severity = "low" if lasting or number >= few else "info"
        if stayed >= many:
            severity = "medium"
        found.append(Judged(part, severity, "stays", check=check))
    return [finding(made, one) for one in merged(found, made)]
