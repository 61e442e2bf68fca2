"""Is a process running out of descriptors?

The limit is RLIMIT_NOFILE as the capture shows it (prlimit64, getrlimit,
setrlimit); EMFILE says that it was reached, ENFILE that the whole system's was.
"""

from __future__ import annotations

from ..history.callsites import CallSites
from ..history.lives import At
from ..history.run import History
from ..history.tasks import Process, Task
from ..model import Finding
from ..readers.strace.window import Scan
from .base import Check, quotes


class Exhaustion(Check):
    """EMFILE or ENFILE: high. Close to the limit: medium.

    Args:
        near: from this share of the limit on (0.8: little is left for a burst).
    """

    name = "exhaustion"

    def __init__(self, scan: Scan, sites: CallSites, *, near: float = 0.8) -> None:
        super().__init__(scan, sites)
        self.near = near
        self.full: dict[int, tuple[Process, str, list[At], int]] = {}

    def failed(self, task: Task, at: At, fd: int, errno: bytes, last: At | None) -> None:
        """Remember who ran into the limit."""
        if errno not in (b"EMFILE", b"ENFILE"):
            return
        process = task.process
        known = self.full.get(id(process))
        places = known[2] if known is not None else []
        if len(places) < 3:
            places.append(at)
        count = (known[3] if known is not None else 0) + 1
        self.full[id(process)] = (process, errno.decode(), places, count)

    def findings(self, history: History) -> list[Finding]:
        """One finding per process."""
        found = [self._reached(*entry, history) for entry in self.full.values()]
        for process in history.fold.calls.kernel.processes:
            limit = process.limit
            if limit and id(process) not in self.full and process.peak >= self.near * limit:
                found.append(self._near(process, limit, history))
        return found

    def _reached(
        self, process: Process, errno: str, places: list[At], count: int, history: History
    ) -> Finding:
        limit = f" of {process.limit:,}" if process.limit else ""
        whose = "its limit" + limit if errno == "EMFILE" else "the limit of the whole system"
        return Finding(
            key=f"exhaustion:{process.command or '?'}:{errno}",
            check=self.name,
            severity="high",
            title=f"{count:,} calls failed with {errno}: the process has reached {whose}",
            capture=history.capture.name,
            pid=process.pid,
            pids=() if process.pid is None else (process.pid,),
            command=process.command,
            open=process.peak,
            evidence=quotes(history, list(places)),
            reasons=(f"at most {process.peak:,} descriptors were seen open at once",),
            advice="find what grows (fdtrace leaks); raising the limit (ulimit -n) only buys time",
        )

    def _near(self, process: Process, limit: int, history: History) -> Finding:
        return Finding(
            key=f"exhaustion:{process.command or '?'}:near",
            check=self.name,
            severity="medium",
            title=f"{process.peak:,} descriptors open at once, of a limit of {limit:,}",
            capture=history.capture.name,
            pid=process.pid,
            pids=() if process.pid is None else (process.pid,),
            command=process.command,
            open=process.peak,
            advice="raise the limit if this is the normal load, else find what grows (fdtrace leaks)",
        )
