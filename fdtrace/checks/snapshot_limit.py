"""Is a process running out of descriptors, by /proc/PID/limits and what it holds?"""

from __future__ import annotations

from ..history.populations import Populations
from ..model import Evidence, Finding


def findings(made: Populations, *, near: float = 0.8) -> list[Finding]:
    """One finding for each process that holds much of its limit; high when it is reached.

    Args:
        made: what the snapshots say.
        near: from this share of the limit on (0.8: little is left for a burst).
    """
    if not made.moments:
        return []
    moment = made.moments[-1]
    counts: dict[int | None, int] = {}
    for held in moment.holdings:
        counts[held.pid] = counts.get(held.pid, 0) + 1
    limits = {fact.pid: fact for fact in made.facts if fact.pid is not None and fact.nofile_limit}
    found = []
    for pid, fact in limits.items():
        number, limit = counts.get(pid, 0), fact.nofile_limit or 0
        if pid not in moment.whole or number < near * limit:
            continue
        command = made.commands.get(pid)
        found.append(
            Finding(
                key=f"exhaustion:{command or '?'}:near",
                check="exhaustion",
                severity="high" if number >= 0.98 * limit else "medium",
                title=f"{number:,} descriptors are open, of a limit of {limit:,}",
                capture=made.captures[0].name,
                pid=pid,
                pids=(pid,) if pid is not None else (),
                command=command,
                open=number,
                evidence=(Evidence(fact.file, fact.line, f"Max open files {limit}"),),
                advice="find what grows (fdtrace leaks); raising the limit (ulimit -n) only buys time",
            )
        )
    return found
