"""Which descriptors is somebody still waiting for when the capture ends?

A client that says nothing for an hour is served all the same, as long as its
server would hear it: its socket is in the set of the last poll or select of a
thread, registered with an epoll instance that a thread waits on, or a read of
it has not returned.
"""

from __future__ import annotations

from ..history.lives import Life
from ..history.run import History
from ..history.tasks import Process
from ..history.waits import Waits, of_processes

_DEVICES = ("/dev/ptmx", "/dev/pts/", "/dev/tty", "/dev/net/")


class Waiting:
    """Tells of a life that nobody closed whether its process waits for it."""

    def __init__(self, history: History) -> None:
        self._waits = of_processes(history)
        self._may_hide: dict[int, bool] = {}

    def on(self, life: Life) -> bool:
        """Whether somebody would hear if something happened to this one."""
        waits = self._waits.get(id(life.process))
        if waits is None:
            return False
        if life.fd in waits.numbers:
            return True
        if not _has_another_end(life):
            return False
        if waits.hidden and self._may_be_hidden(waits, life.process):
            return True
        return any(_is_registered(waits, epoll, life) for epoll in waits.epolls)

    def _may_be_hidden(self, waits: Waits, process: Process) -> bool:
        """Whether all that strace does not show of a long poll has room in it."""
        known = self._may_hide.get(id(process))
        if known is None:
            held = process.table.fds.values() if process.table is not None else ()
            unseen = sum(_has_another_end(life) for life in held if life.fd not in waits.numbers)
            known = self._may_hide[id(process)] = process.table is not None and unseen <= waits.hidden
        return known


def _is_registered(waits: Waits, epoll: int, life: Life) -> bool:
    """Whether it was registered after it began, and epoll has not told since that its other end is gone."""
    found, at = waits.registered.get((epoll, life.fd)), life.opened
    if found is None or not found.added or at is None or (epoll, life.fd) in waits.hung_up:
        return False
    return found.line > at.line if found.file == at.file else found.clock >= at.clock


def _has_another_end(life: Life) -> bool:
    """Whether registering it with epoll means that a living counterpart is waited for.

    So it is with accepted clients, pipes, pairs and terminals. Connections that
    the program itself began, timers and counters stay registered in any event
    loop after everybody has forgotten them.
    """
    if life.via == "accept" or life.kind == "pipe":
        return True
    if life.opened is not None and life.opened.syscall == b"socketpair":
        return True
    return life.kind not in ("dir", "memfd") and (life.target or "").startswith(_DEVICES)
