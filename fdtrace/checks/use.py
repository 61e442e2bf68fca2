"""Which lives are still somebody's business at the end, though they have not been used for long?"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from ..history.groups import original
from ..history.lives import Life
from ..history.run import History
from ..history.tasks import Process
from . import signs
from .waiting import Waiting

if TYPE_CHECKING:
    from ..history.passers import Passers

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

    def began(self, life: Life) -> None:
        """Count what each thread makes; of a million threads, the latest are remembered."""
        at = life.opened
        if at is None:
            return
        self._count(at.tid, at.syscall)

    def passed(self, begun: Passers) -> None:
        """Count what each thread makes, of lives that only the walk has seen."""
        for _, syscall, _, tid in begun.begun():
            self._count(tid, syscall)

    def _count(self, tid: int, syscall: bytes) -> None:
        key = tid, syscall
        self._made[key] = self._made.get(key, 0) + 1
        if len(self._made) > _THREADS:
            for old in list(self._made)[: _THREADS // 2]:
                del self._made[old]

    def note(self, life: Life) -> None:
        """Remember when a thread last had to do with any life."""
        places = [signs.last_touch(life)]
        if life.how not in ("none", "exit"):
            places.append(life.closed)
        for at in places:
            if at is not None:
                self._touch(at.tid, at.pos)
        self._thin()

    def gone(self, ended: Passers) -> None:
        """The same for lives that the walk has closed."""
        for one in ended.ended():
            if isinstance(one, Life):
                self.note(one)
                continue
            began, tid, end, _, end_tid, last, last_tid = one[6], *one[9:]
            self._touch(last_tid if last >= 0 else tid, last if last >= 0 else began)
            self._touch(end_tid, end)
            self._thin()

    def _touch(self, tid: int, pos: int) -> None:
        if pos > self._touched.get(tid, -1):
            self._touched.pop(tid, None)
            self._touched[tid] = pos

    def _thin(self) -> None:
        if len(self._touched) > 2 * _THREADS:
            for tid in list(self._touched)[:_THREADS]:
                del self._touched[tid]

    def finish(self, still_open: list[Life], history: History) -> None:
        """The capture is over; these are open."""
        self._history, self._open = history, still_open
        self._alive = {tid: task.process for tid, task in history.fold.calls.tasks.items()}
        for life in still_open:
            self.note(life)
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
