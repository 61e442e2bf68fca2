"""Which lives are still somebody's business at the end, though they have not been used for long?"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from ..history import news as n
from ..history.distinct import distinct
from ..history.lives import Life
from ..history.run import History
from ..history.shares import original
from ..history.tasks import Process
from . import signs
from .waiting import Waiting

if TYPE_CHECKING:
    from ..history.news import News

_THREADS = 100_000
_SILENT = ("dir", "memfd", "io_uring", "bpf", "perf", "pidfd")
_NETWORK = ("tcp", "tcp6", "udp", "udp6", "sctp", "sctp6", "socket", "unix", "vsock")


class Use:
    """Knows of threads and children that live for one connection, and of who is waited for."""

    def __init__(self) -> None:
        self._touched: dict[int, int] = {}
        self._made: dict[tuple[int, bytes], int] = {}
        self._alone: dict[int, set[int]] = {}
        self._alive: dict[int, Process] = {}
        self._open: list[Life] = []
        self._history: History | None = None
        self._waiting: Waiting | None = None

    def hear(self, news: News) -> None:
        """Lives began and ended: which threads made them, and when had each to do with any last?

        Of a million threads, those are remembered that made something, or touched it, latest.
        """
        self._count(news)
        self._touch(news)
        if len(self._made) > _THREADS:
            for old in list(self._made)[: -_THREADS // 2]:
                del self._made[old]
        if len(self._touched) > 2 * _THREADS:
            latest = sorted(self._touched.items(), key=lambda one: one[1])[-_THREADS:]
            self._touched = dict(latest)

    def _count(self, news: News) -> None:
        """Count what each thread makes."""
        import numpy as np

        begun, names = news.begun, news.names
        keys, first, which = distinct(begun[n.TID] * len(names) + begun[n.CODE])
        times = np.bincount(which, minlength=len(keys))
        order = np.argsort(first)
        for key, more in zip(keys[order].tolist(), times[order].tolist(), strict=True):
            made = key // len(names), names[key % len(names)]
            self._made[made] = self._made.get(made, 0) + more

    def _touch(self, news: News) -> None:
        """Remember when a thread last had to do with any life: used, or else made it; closed it."""
        import numpy as np

        ended = news.ended
        used = ended[n.LAST] >= 0
        tids = np.concatenate((np.where(used, ended[n.USER], ended[n.MAKER]), ended[n.ENDER]))
        places = np.concatenate((np.where(used, ended[n.LAST], ended[n.BEGAN]), ended[n.END]))
        known = places >= 0
        found, _, which = distinct(tids[known])
        latest = np.full(len(found), -1, np.int64)
        np.maximum.at(latest, which, places[known])
        touched = self._touched
        for tid, place in zip(found.tolist(), latest.tolist(), strict=True):
            touched[tid] = max(place, touched.get(tid, -1))

    def finish(self, still_open: list[Life], history: History) -> None:
        """The capture is over; these are open."""
        self._history, self._open = history, still_open
        self._alive = {tid: task.process for tid, task in history.fold.calls.tasks.items()}
        for life in still_open:
            at = signs.last_touch(life)
            if at is not None:
                self._touched[at.tid] = max(at.pos, self._touched.get(at.tid, -1))
            if life.copied and life.read_bytes + life.written_bytes > 0:
                self._alone.setdefault(id(life.process), set()).add(self._place(life))

    @staticmethod
    def _place(life: Life) -> int:
        """A child has its own copy of one client; of two it serves neither for sure."""
        return id(original(life))

    def has_owner(self, life: Life) -> bool:
        """Whether a thread, or a child process, lives for it.

        That is a thread that made no other, or has done nothing else since it
        used this one. A main thread does everything in turn, so its deeds prove nothing.
        """
        last, at = life.last_use, life.opened
        if life.copied and life.process.ended is None:
            return last is not None and len(self._alone.get(id(life.process), ())) == 1
        if at is not None and self._lives(at.tid, life.process) and self._made.get((at.tid, at.syscall)) == 1:
            return True
        return (
            last is not None
            and self._lives(last.tid, life.process)
            and self._touched.get(last.tid) == last.pos
        )

    def _lives(self, tid: int, process: Process) -> bool:
        """Whether a thread that is not the main one runs to the end."""
        return tid != process.pid and (tid in self._alive or process.ended_by == "signal")

    # -- asking the capture again --------------------------------------------

    @staticmethod
    def could_tell(lives: list[Life]) -> bool:
        """Whether it matters for any of these who waits for it: nobody can wait for a regular file."""
        return any(
            life.kind not in _SILENT
            and not signs.gone(life)
            and (life.kind != "file" or (life.target or "").startswith("/dev/"))
            for life in lives
        )

    def awaited(self, life: Life) -> bool:
        """Whether a poll, an epoll instance or an unfinished call of its process waits for it."""
        if self._waiting is None:
            assert self._history is not None
            self._waiting = Waiting(self._history)
        return self._waiting.on(life)

    def without_clients(self, suspects: list[Life]) -> list[Life]:
        """Suspects less the connections to a backend that stand behind clients that are still served.

        A proxy opens one connection for each client, right after it accepted
        it; while the client stays, so does its backend.
        """
        outgoing = [
            life for life in suspects if life.kind in _NETWORK and life.via == "open" and not signs.gone(life)
        ]
        if not outgoing:
            return suspects
        behind: set[int] = set()
        clients: dict[int, list[int]] = {}
        for life in sorted(outgoing, key=signs.begin):
            process = life.process
            if id(process) not in clients:
                clients[id(process)] = self._clients(process)
            places = clients[id(process)]
            before = bisect_left(places, signs.begin(life))
            if before:
                places.pop(before - 1)
                behind.add(id(life))
        if len(behind) * 5 < len(outgoing) * 4:
            return suspects
        return [life for life in suspects if id(life) not in behind]

    def _clients(self, process: Process) -> list[int]:
        places: list[int] = []
        for life in self._open:
            client = life.process is process and life.via == "accept" and not signs.gone(life)
            if client and self.awaited(life):
                insort(places, signs.begin(life))
        return places
