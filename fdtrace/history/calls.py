"""What each call does between its entry and its exit.

`enter` is told what the entry line shows, `leave` what the exit line adds; a
call on one line goes through both at once. A call under way is a `Flight`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..readers.strace.args import Call
from ..readers.strace.window import Mark
from . import births, numbers, passing
from .effects import CLONE_FILES, Op
from .lives import At, Flight, Life
from .state import CREATING, USING, Done, State
from .tasks import Task

_ORPHAN = int(Mark.ORPHAN)
_NOT_EXECUTED = int(Mark.NOT_EXECUTED)
_WITHOUT_EFFECT = int(Mark.NOT_EXECUTED | Mark.RESTARTED)


class Calls(State):
    """The tables of one capture and the calls that work on them."""

    def enter(self, task: Task, op: int, at: At, fd: int, text: bytes, flags: int, alone: bool) -> Flight:
        """Apply what takes effect when a call begins; `alone` when its exit is on the same line."""
        table = task.table
        flight = Flight(op, at, table)
        if not alone:
            self._lost(task)
            task.flight = flight
            if op > Op.STATE and op != Op.READ:
                table.begins(task, flight)
        if flags & _NOT_EXECUTED:
            return flight
        if op == Op.CLOSE:
            numbers.enter_close(self, flight, fd)
        elif op in USING:
            flight.old = table.fds.get(fd) if fd >= 0 else None
            if op == Op.SEND:
                passing.enter_send(self, flight, text)
        elif op == Op.DUP_OVER:
            numbers.enter_dup_over(flight, Call(text), fd, self)
        elif op == Op.CLOSE_RANGE:
            numbers.enter_close_range(self, flight, Call(text))
        elif op == Op.SPAWN:
            births.enter_spawn(self, task, flight, text, alone)
        elif op == Op.EXIT:
            task.exiting = at
            self.kernel.let_go(task, at)
        elif op == Op.EXIT_GROUP:
            task.process.exiting = at
        return flight

    def resume(self, task: Task, op: int, at: At, fd: int, text: bytes, flags: int) -> Flight:
        """The flight that a resumption ends; for an orphan, one that begins here."""
        flight = task.flight
        if flags & _ORPHAN or flight is None or flight.op != op:
            if op == Op.EXEC:
                found = births.exec_elsewhere(self, task)
                if found is not None:
                    return found
            if flight is not None and flight.op != op:
                self._lost(task)
            flight = self._orphan(task, op, at, fd, text)
        task.flight = None
        flight.table.ends(task)
        if op in CREATING:
            flight.table.moved(at.pos)  # it may have held a number until now
        return flight

    def _orphan(self, task: Task, op: int, at: At, fd: int, text: bytes) -> Flight:
        flight = Flight(op, at, task.table)
        if fd >= 0:
            flight.old = task.table.fds.get(fd)
        if op == Op.SPAWN and not births.spawn_flags(text) & CLONE_FILES:
            self.kernel.snapshot(flight)
        return flight

    def _lost(self, task: Task) -> None:
        """The exit of the task's previous call was not seen: what its entry did stands."""
        flight = task.flight
        if flight is not None:
            flight.table.ends(task)
            self.spawns.waiting.pop(task, None)
            for fd in list(flight.closed):
                self.kernel.confirm(flight, fd, "close", flight.at)
            task.flight = None

    def leave(self, task: Task, flight: Flight, op: int, done: Done) -> Life | None:
        """Apply what takes effect when a call ends; the life that it used, if any."""
        task = self.tasks.get(task.tid, task)
        if done.flags & _WITHOUT_EFFECT:
            self.kernel.undo(flight)
            self.spawns.waiting.pop(task, None)
            return None
        life = self.used(task, flight, op, done)
        if flight.old is None:
            flight.old = life
        handler = _HANDLERS.get(op)
        if handler is not None:
            handler(self, task, flight, done)
        if done.errno in (b"EMFILE", b"ENFILE"):
            self.complain(task, done)
        return life

    def finish(self) -> None:
        """The capture is over: calls under way keep what their entry did."""
        for task in list(self.tasks.values()):
            self._lost(task)
        self.settle()


_HANDLERS: dict[int, Callable[[State, Task, Flight, Done], None]] = {
    Op.USE: passing.use,
    Op.READ: passing.read,
    Op.STATE: passing.state_call,
    Op.SEND: passing.send,
    Op.RECEIVE: passing.receive,
    Op.GET_FD: passing.get_fd,
    Op.CREATE: numbers.create,
    Op.DUP: numbers.dup,
    Op.DUP_OVER: numbers.dup_over,
    Op.CONTROL: numbers.control,
    Op.CLOSE: numbers.close,
    Op.CLOSE_RANGE: numbers.close_range,
    Op.SPAWN: births.spawn,
    Op.EXEC: births.execute,
    Op.UNSHARE: births.unshare,
    Op.LIMIT: births.limit,
    Op.IDENTITY: births.identity,
}
