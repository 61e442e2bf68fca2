"""The tasks and tables of one capture, and what every call's meaning is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from ..readers.strace import notes
from ..readers.strace.window import ABSENT
from . import sockets
from .effects import AT_CALLS, FILE_ERRORS, HIDDEN, USES, New, Op
from .family import Family
from .kernel import Kernel, Observer
from .lives import At, Flight, Life, Table
from .news import News
from .tasks import Task

CREATING = frozenset({Op.CREATE, Op.DUP, Op.DUP_OVER, Op.RECEIVE, Op.CONTROL, Op.GET_FD, Op.SPAWN})
"""Calls that may hold a number before they return it."""
USING = frozenset({Op.USE, Op.STATE, Op.READ, Op.RECEIVE, Op.SEND, Op.CONTROL, Op.DUP, Op.CREATE, Op.GET_FD})
"""Calls whose first argument may be a descriptor that they work on."""


class Done(NamedTuple):
    """A call as its exit shows it. `text` is whole; `ret` is ABSENT when nothing was returned."""

    at: At
    fd: int
    note: bytes | None
    text: bytes
    ret: int
    ret_note: bytes | None
    errno: bytes
    flags: int

    @property
    def succeeded(self) -> bool:
        """Whether it returned something that is no error."""
        return not self.errno and self.ret != ABSENT and self.ret >= 0


class State(Family):
    """What is known of a capture at one moment; the calls of `numbers`, `births` and `passing` change it."""

    def __init__(self, observers: Iterable[Observer], list_copies: bool) -> None:
        super().__init__(Kernel(observers, list_copies))
        self.sent: list[tuple[sockets.End | None, list[Life]]] = []
        self.hidden: dict[str, int] = {}

    # -- new descriptors -----------------------------------------------------

    def make(self, task: Task, flight: Flight, at: At, new: New, ofd: int | None = None) -> Life:
        """Install one descriptor that a call made."""
        table = task.table
        shown = new.fd != HIDDEN
        if not shown:
            new = replace(new, fd=table.lowest_free())
            self.hide("descriptors made but not printed (-s 0): taken to be the lowest free numbers")
        self._settle_doubt(table, new.fd)
        source = self._source(table, flight, at, new)
        copied = new.via in ("dup", "dup_over")
        life = self.kernel.life(
            table, new.fd, new.kind, new.via, at, source.ofd if copied and source is not None else ofd
        )
        if source is not None and copied:
            life.same_file_as(source)
        elif source is not None and new.via == "accept":
            sockets.accepted(life, source, at, new.peer)
        if new.target is not None:
            life.target = new.target
        life.describe(new.note)
        life.certain = shown
        if not copied or at.syscall == b"dup":
            self.kernel.fill_below(life, flight.pos)
        self.kernel.install(life, new.cloexec)
        self._note_for_forks(table, flight, life)
        return life

    def _source(self, table: Table, flight: Flight, at: At, new: New) -> Life | None:
        """The life that a new one is made from: the original of a dup, the listener of an accept."""
        if new.source is None or new.source < 0:
            return None  # none, or lost in text that was spliced into the line
        if new.via == "accept":
            return table.fds.get(new.source)
        return (
            flight.old
            or table.fds.get(new.source)
            or self.closing(table, new.source)
            or self.kernel.reveal(table, new.source, None, at)
        )

    def _settle_doubt(self, table: Table, fd: int) -> None:
        """The kernel gave out `fd`: everything below it was taken, so what a fork may have copied, it did."""
        for number in sorted(table.doubt):
            if number < fd and number not in table.fds and table.lowest_free() == number:
                table.fds[number] = table.doubt[number]
                copy = self.kernel.own(table, number)
                if copy is not None:
                    copy.certain = False

    def _note_for_forks(self, table: Table, flight: Flight, life: Life) -> None:
        """A fork of this table is, or was, under way: whether the copy has the new descriptor is open."""
        for copy in flight.copies:
            held = copy.fds.get(life.fd)
            if held is not None and held.opened is None and held.table is copy:
                held.same_file_as(life)
                held.parent, held.via, held.opened = life, "fork_copy", copy.forked
                held.cloexec = life.cloexec
            elif held is None and life.fd not in copy.touched:
                copy.doubt[life.fd] = life
        for fork in table.flights.values():
            if fork.op == Op.SPAWN and fork.spawned is None and fork.snapshot is not None:
                if flight.pos < fork.pos and life.fd not in fork.snapshot:
                    fork.snapshot[life.fd] = life
                    if life.cloexec:
                        fork.cloexec.add(life.fd)
                fork.doubt[life.fd] = life

    # -- old descriptors -----------------------------------------------------

    def used(self, task: Task, flight: Flight, op: int, done: Done) -> Life | None:
        """The life that a call worked on, revealed when nothing is known to have created it."""
        fd, at = done.fd, done.at
        if fd < 0 or op not in USING or (op == Op.CREATE and at.syscall not in USES):
            return None
        table = flight.table
        life = flight.old or table.fds.get(fd)
        if done.errno == b"EBADF":
            if life is None:
                self.complain(task, done)
            return None
        if life is None:
            if not _proves_open(done):
                return None
            life = (
                self.closing(table, fd)
                or self.shared_with(task, fd, done.note)
                or self.kernel.reveal(task.table, fd, done.note, at)
            )
        if life.table is not table and table.fds.get(fd) is life:
            life = self.kernel.own(table, fd) or life
        if done.note is not None and life.target is None:
            life.describe(done.note)
        return life

    def closing(self, table: Table, fd: int) -> Life | None:
        """The life of a number that a call under way is about to close: it was still open for this one."""
        for flight in table.flights.values():
            if fd in flight.closed and flight.op != Op.DUP_OVER:
                return self.kernel.put_back(flight, fd)
        return None

    def shared_with(self, task: Task, fd: int, note: bytes | None) -> Life | None:
        """After an attach: a thread that uses a number which another one made shares its table."""
        table = task.table
        if not _stranger(table):
            return None
        for other, life in self.kernel.made_by_strangers(fd):
            if other is table or life.table is not other or not _stranger(other):
                continue
            made = life.opened is not None and not life.copied
            same = note is None or life.target is None or _same_target(life, note)
            if made and same and self.merge(task, other):
                return other.fds.get(fd)
        return None

    def end_now(self, table: Table, fd: int, how: str, at: At) -> None:
        """Close a number at once."""
        flight = Flight(Op.CLOSE, at, table)
        self.kernel.remove(flight, fd)
        self.kernel.confirm(flight, fd, how, at)

    @staticmethod
    def creating(table: Table) -> bool:
        """Whether a call under way may be about to return a number."""
        return any(flight.op in CREATING for flight in table.flights.values())

    # -- telling -------------------------------------------------------------

    def complain(self, task: Task, done: Done) -> None:
        """A call failed for want of an open, or a free, number."""
        last = task.table.closed_before(done.fd) if done.errno == b"EBADF" else None
        for observer in self.kernel.observers:
            observer.failed(task, done.at, done.fd, done.errno, last)

    def hide(self, what: str) -> None:
        """Count something that the capture hides."""
        self.hidden[what] = self.hidden.get(what, 0) + 1

    def publish(self) -> None:
        """Tell the observers what began and ended since the last time, uses already counted."""
        kernel = self.kernel
        begun, kernel.begun = kernel.begun, []
        ended, kernel.ended = kernel.ended, []
        if begun or ended:
            news = News(begun, ended)
            for observer in kernel.observers:
                observer.hear(news)


def _proves_open(done: Done) -> bool:
    """Whether a call shows that its first argument was open.

    A failure does so only when it comes from the file itself: the kernel looks
    for a free number, at paths and at flags before it looks at a descriptor,
    and at a directory's not at all when the path is absolute.
    """
    if done.note is not None:
        return True
    if done.errno:
        return done.errno in FILE_ERRORS
    return done.ret != ABSENT and done.at.syscall not in AT_CALLS


def _stranger(table: Table) -> bool:
    """Whether a table was there before the capture, and may turn out to be another one's."""
    return table.origin is None and not table.complete and bool(table.users)


def _same_target(life: Life, note: bytes) -> bool:
    seen = notes.read(note)
    return seen.target == life.target or (seen.inode is not None and seen.inode == life.inode)
