"""The tables as the kernel kept them, rebuilt: numbers taken and given back.

Nothing here knows a system call. `fold` says what a call did; this says what
follows for tables, lives and open file descriptions, and tells the observers.
Rules and their sources: descriptors are the lowest free number (open(2)), a
close that fails with anything but EBADF has released the number (close(2)),
exec closes what is close-on-exec in a table of its own (execve(2)).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from .ends import Ends
from .lives import STDIO, At, Flight, Life, Table
from .tasks import Process, Task

if TYPE_CHECKING:
    from .news import News
    from .passers import Passers

FILLED = 200_000
"""Numbers of a capture that are listed because a higher one was given out; more are only counted."""

_STRANGERS = 256
"""Tables from before the capture of which one may turn out to be another's; the oldest are looked at."""


class Observer:
    """Who wants to know what happened, as it happens. Lives come with their uses counted."""

    plain = True
    """Whether it wants to hear of closed lives, too, that the walk took: all were closed without an error."""

    def opened(self, life: Life) -> None:
        """A life began that is not a copy made by fork."""

    def closed(self, life: Life) -> None:
        """A life ended; `how` and `closed` say why and where."""

    def failed(self, task: Task, at: At, fd: int, errno: bytes, last: At | None) -> None:
        """A call failed with EBADF, EMFILE or ENFILE; `last` is where the number was closed before."""

    def hear(self, news: News) -> None:
        """Lives began and ended; they are told one by one, unless somebody takes them all at once."""
        if type(self).opened is not Observer.opened:
            for life in news.lives_begun():
                self.opened(life)
        if type(self).closed is not Observer.closed:
            for life in news.lives_ended(self.plain):
                self.closed(life)

    def executed(self, task: Task, at: At, inherited: list[Life]) -> None:
        """A program was executed; `inherited` are the lives above standard error that it was handed."""


class Kernel(Ends):
    """All tables of one capture at one moment of it."""

    def __init__(
        self, observers: Iterable[Observer] = (), list_copies: bool = False, copy_cap: int = 2_000_000
    ) -> None:
        super().__init__()
        self.observers = tuple(observers)
        self.list_copies = list_copies
        self.copies_left = copy_cap
        self.copies_dropped = 0
        self.loose_order = False
        """Whether calls of different threads may have happened in another order than they are given (-ff)."""
        self.unordered = False
        """Whether nothing but cause and the lowest free number orders the calls of different threads."""
        self._tables: weakref.WeakValueDictionary[int, Table] = weakref.WeakValueDictionary()
        self.table_count = 0
        self.unlisted = 0
        """Numbers that must be open, by the rule of the lowest free one, but are too many to be listed."""
        self._fillable = FILLED
        self._strangers: dict[int, dict[int, None]] = {}
        self.begun: list[Life | Passers] = []
        self._ofds = 0
        self.originals = 0
        self._copies = 0

    @property
    def tables(self) -> list[Table]:
        """The tables by number, without those to which nothing leads any more."""
        return list(self._tables.values())

    # -- making --------------------------------------------------------------

    def table(self, process: Process) -> Table:
        """An empty table."""
        table = self._tables[self.table_count] = Table(self.table_count, process)
        self.table_count += 1
        return table

    def ofd(self) -> int:
        """The number of a new open file description."""
        self._ofds += 1
        return self._ofds - 1

    def life(self, table: Table, fd: int, kind: str, via: str, at: At | None, ofd: int | None = None) -> Life:
        """A life that is not a fork's copy; it is not in its table yet."""
        life = Life(table, fd, self.ofd() if ofd is None else ofd, kind, via, at)
        life.ident = self.originals
        self.originals += 1
        self.begun.append(life)
        return life

    def own(self, table: Table, fd: int) -> Life | None:
        """The life of a number, made the table's own when it was still its parent's."""
        life = table.fds.get(fd)
        if life is None or life.table is table:
            return life
        return self._copy(table, fd, life, table.forked)

    def _copy(self, table: Table, fd: int, original: Life, at: At | None, via: str = "fork_copy") -> Life:
        copy = table.fds[fd] = self.copy_of(original, table, fd, fd in table.cloexec, at, via)
        return copy

    def copy_of(
        self, original: Life, table: Table, fd: int, cloexec: bool, at: At | None, via: str = "fork_copy"
    ) -> Life:
        """A life of a table's own in place of one that is still another's; it is not in the table yet."""
        original.refresh()
        copy = Life(table, fd, original.ofd, original.kind, via, at)
        copy.same_file_as(original)
        copy.parent = original
        copy.certain = original.certain and fd not in table.doubt
        copy.copied = True
        copy.cloexec = True if cloexec else None if original.cloexec is None else False
        copy.ident = self._copies
        self._copies += 1
        return copy

    def copy_table(self, flight: Flight, process: Process, at: At, via: str = "fork_copy") -> Table:
        """A private copy of a table as a call's entry found it."""
        source = flight.table
        table = self.table(process)
        assert flight.snapshot is not None
        table.fds = flight.snapshot
        table.cloexec = flight.cloexec
        table.touched = flight.touched
        table.forked_knowing = frozenset() if source.complete else set(flight.touched)
        table.complete = source.complete
        table.survived_exec = source.survived_exec
        table.origin = source
        table.forked = at
        table.doubt = dict(flight.doubt)
        flight.snapshot = None
        self._copied[table.ident] = weight = len(table.fds) + len(table.touched)
        self.copied += weight
        for other in source.under_way():
            other.copies.append(table)
        if self.list_copies:
            self._list_copies(table, at, via)
        process.peak = max(process.peak, len(table.fds))
        return table

    def _list_copies(self, table: Table, at: At, via: str) -> None:
        if len(table.fds) > self.copies_left:
            self.copies_dropped += len(table.fds)
            return
        self.copies_left -= len(table.fds)
        for fd, life in list(table.fds.items()):
            self._copy(table, fd, life, at, via)

    @staticmethod
    def snapshot(flight: Flight) -> None:
        """Remember the table at a fork's entry; the child gets this, whatever its siblings do later."""
        held = flight.table.held()
        flight.snapshot = dict(held.fds)
        flight.cloexec = set(held.cloexec)
        flight.touched = set(held.touched)
        for other in held.flights.values():
            for fd, life in other.closed.items():
                flight.doubt.setdefault(fd, life)  # the close has begun, but may come after the copy

    # -- numbers -------------------------------------------------------------

    def install(self, life: Life, cloexec: bool | None) -> None:
        """Put a life at its number. What the table held there must have been closed unseen."""
        table, fd, at = life.table, life.fd, life.opened
        self.evict(table, fd, at)
        table.changed = at.pos if at is not None else table.changed
        blind = table.blind.pop(fd, None)
        table.touched.add(fd)
        table.doubt.pop(fd, None)
        life.cloexec = cloexec
        if blind is not None:
            self.end(life, "close", blind)
            return
        table.fds[fd] = life
        if table.origin is None and not table.complete:
            self.note_stranger(table, fd)
        if cloexec:
            table.cloexec.add(fd)
        else:
            table.cloexec.discard(fd)
        self._level(table, table.changed)

    @staticmethod
    def _level(table: Table, position: int) -> None:
        process, level = table.process, len(table.fds)
        process.curve.put(position, level)
        if level > process.peak:
            process.peak = level

    def fill_below(self, life: Life, since: int) -> None:
        """The kernel gives out the lowest free number: what is below a new one is open, seen or not.

        Only when nobody else worked on the table during the call: a close or
        a number reserved by a call under way would explain the hole.
        """
        table = life.table
        if len(table.fds) > life.fd or table.flights or table.changed >= since:
            return
        assert life.opened is not None
        missing = life.fd - len(table.fds)
        if missing > self._fillable:
            self.unlisted = max(self.unlisted, missing)
            return
        self._fillable -= missing
        whole = True
        for number in range(table.filled, life.fd):
            if number in table.fds:
                continue
            if self._made_by_stranger(table, number) or (self.loose_order and number in table.touched):
                whole = False
            else:
                self.reveal(table, number, None, life.opened)
        if whole:
            table.filled = life.fd

    def _made_by_stranger(self, table: Table, fd: int) -> bool:
        """Whether a table that may turn out to be this one, of a thread attached to, made a number."""
        if table.complete or table.origin is not None:
            return False
        return any(other is not table and other.users for other, _ in self.made_by_strangers(fd))

    def has_noted(self, table: Table, fd: int) -> bool:
        """Whether a number was made in a table before, or nobody asks."""
        return table.origin is not None or table.complete or table.ident in self._strangers.get(fd, ())

    def made_by_strangers(self, fd: int) -> Iterator[tuple[Table, Life]]:
        """Tables that were there before the capture and in which this number was made; the oldest of many."""
        idents = self._strangers.get(fd, {})
        for ident in list(islice(idents, _STRANGERS)):
            table = self._tables.get(ident)
            life = table.fds.get(fd) if table is not None else None
            if table is None:
                del idents[ident]
            elif life is not None and life.opened is not None:
                yield table, life

    def note_stranger(self, table: Table, fd: int) -> None:
        """A number was made in a table, or came to it from another."""
        if table.origin is None and not table.complete:
            self._strangers.setdefault(fd, {})[table.ident] = None

    def evict(self, table: Table, fd: int, at: At | None) -> None:
        """A number is about to be given out, so whatever the table holds there is no more."""
        old = table.take(fd)
        table.cloexec.discard(fd)
        table.reused.pop(fd, None)
        if old is None:
            return
        if fd in table.doubt:
            if old.table is table:
                self.end(old, "implied_reuse", at, certain=False)
            return
        if old.table is table:
            self.end(old, "implied_reuse", at, certain=False)
            table.reused[fd] = old

    def remove(self, flight: Flight, fd: int) -> None:
        """Take a number out of a table at a call's entry; the exit confirms or undoes it."""
        table = flight.table
        life = table.take(fd)
        if life is None:
            return
        flight.closed[fd] = life
        table.changed = flight.pos
        self._level(table, flight.pos)
        if fd in table.cloexec:
            table.cloexec.discard(fd)
            flight.cloexec.add(fd)

    def undo(self, flight: Flight) -> None:
        """The call failed: what its entry took out is there, unless the number came back meanwhile."""
        table = flight.table
        for fd, life in flight.closed.items():
            if fd in table.fds:
                if life.table is table:
                    self.end(life, "implied_reuse", flight.at, certain=False)
                continue
            table.fds[fd] = life
            if fd in flight.cloexec:
                table.cloexec.add(fd)
        flight.closed = {}

    def confirm(self, flight: Flight, fd: int, how: str, at: At) -> bool:
        """The call succeeded: end the life that its entry took out; False when there was none."""
        table = flight.table
        life = flight.closed.pop(fd, None) or self._put_off(flight, fd)
        if life is None:
            return False
        table.touched.add(fd)
        table.doubt.pop(fd, None)
        table.last_closed[fd] = at
        if life.table is table:
            self.end(life, how, at)
        return True

    def put_back(self, flight: Flight, fd: int) -> Life:
        """A number is used although a close of it has begun: it has yet to happen, its exit decides."""
        table, life = flight.table, flight.closed.pop(fd)
        flight.late[fd] = life
        table.fds[fd] = life
        if fd in flight.cloexec:
            table.cloexec.add(fd)
        return life

    def _put_off(self, flight: Flight, fd: int) -> Life | None:
        """The life that a late close ends now; None when its number was given out again meanwhile."""
        life = flight.late.pop(fd, None)
        if life is not None and flight.table.fds.get(fd) is life:
            flight.table.take(fd)
            flight.table.cloexec.discard(fd)
            return life
        return None

    def reveal(self, table: Table, fd: int, note: bytes | None, at: At) -> Life:
        """A number is in use that nothing created: it was inherited, or its creation was not seen."""
        origin = table.origin
        inherited = fd not in table.touched
        if inherited and origin is not None and fd not in table.forked_knowing:
            above = origin.fds.get(fd)
            if above is None and fd not in origin.touched:
                above = self.reveal(origin, fd, note, at)
                if not origin.users:
                    origin.take(fd)
                    self.end(above, "exit", origin.process.ended)
            if above is not None and above.via == "inherited":
                table.fds[fd] = above
                table.touched.add(fd)
                copy = self._copy(table, fd, above, table.forked)
                copy.certain = False
                return copy
        life = self.life(
            table, fd, "unknown", "inherited" if inherited and not table.complete else "implied", None
        )
        life.certain = False
        life.describe(note)
        table.fds[fd] = life
        table.touched.add(fd)
        life.cloexec = False if table.survived_exec and life.via == "inherited" else None
        if len(table.fds) > table.process.peak:
            table.process.peak = len(table.fds)
        return life

    def set_cloexec(self, table: Table, fd: int, on: bool) -> None:
        """The close-on-exec flag of a number was set or cleared."""
        if on:
            table.cloexec.add(fd)
        else:
            table.cloexec.discard(fd)
        life = self.own(table, fd)
        if life is not None:
            life.cloexec = on

    # -- tables that change hands --------------------------------------------

    def exec(self, task: Task, at: At, flight: Flight) -> list[Life]:
        """A successful exec: other threads are gone, the table is private, close-on-exec numbers close.

        Returns the lives above standard error that the new program inherits.
        """
        process, table = task.process, task.table
        for other in sorted(process.tasks, key=lambda other: other.tid):
            if other is not task:
                self.leave(other, "exec_superseded", at)
        if len(table.users) > 1:
            table = self.unshare(task, at, "exec", flight)
        process.table = table
        table.survived_exec = True
        held = table.held()
        unasked = [(fd, life) for fd, life in held.fds.items() if fd >= STDIO and life.cloexec is None]
        for _, kept in unasked:
            if kept.table is not table:
                kept.refresh()
        unknown = {fd for fd, life in unasked if life.cloexec is None}
        for fd in sorted(held.cloexec | unknown):
            life = held.take(fd)
            held.touched.add(fd)
            if life is not None and life.table is table:
                self.end(life, "cloexec_exec", at, certain=fd not in unknown)
        held.cloexec.clear()
        table.doubt.clear()
        for life in held.fds.values():
            if life.table is table:
                life.cloexec = False
        return [life for fd, life in held.fds.items() if fd >= STDIO]

    def unshare(self, task: Task, at: At, via: str = "unshare", flight: Flight | None = None) -> Table:
        """Give a task a private copy of the table that it shares, as it is or as a flight remembers it."""
        old = task.table
        task.process.divided = True
        if flight is None or flight.snapshot is None:
            flight = Flight(0, at, old)
            self.snapshot(flight)
        table = self.copy_table(flight, task.process, at, via)
        old.users.discard(task)
        table.users.add(task)
        task.table = table
        if task.tid == task.process.pid or len(task.process.tasks) == 1:
            task.process.table = table
        return table
