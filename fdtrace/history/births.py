"""Calls that make tasks and change whose table is whose: fork, clone, exec, unshare."""

from __future__ import annotations

import re
from functools import lru_cache

from ..readers.strace import args as a
from ..readers.strace import notes
from ..readers.strace.args import Call
from . import creations
from .effects import CLONE_FILES, CLONE_NEWPID, CLONE_PIDFD, CLONE_THREAD, CLONE_VFORK, Op
from .lives import Flight
from .state import Done, State
from .tasks import Space, Task

_ALIAS = re.compile(rb"/\* (\d+) in strace's PID NS \*/")


@lru_cache(maxsize=256)
def spawn_flags(text: bytes) -> int:
    """The clone flags that matter in a call's text; who forks often does it with the same words."""
    return creations.spawn_flags(Call(text))


def enter_spawn(state: State, task: Task, flight: Flight, text: bytes, alone: bool) -> None:
    """The child's table is what the caller's was when the call began."""
    flight.flags = spawn_flags(text)
    flight.begun = state.place_of(flight.at)
    if not flight.flags & CLONE_FILES:
        state.kernel.snapshot(flight)
    if not alone:
        state.spawns.wait(task, flight)


def spawn(state: State, task: Task, flight: Flight, done: Done) -> None:
    """The call returned the child's number, and perhaps a pidfd."""
    if not done.succeeded or done.ret == 0:
        state.spawns.waiting.pop(task, None)
        return
    alias = _ALIAS.search(Call(done.text).rest) if b"/*" in done.text else None
    flight.flags = flight.flags or spawn_flags(done.text)
    child = state.spawned(task, flight, done.ret, int(alias.group(1)) if alias else None, done.at)
    if flight.flags & CLONE_VFORK and child is not None:
        _split_before(state, child)
    pidfd = creations.spawn_pidfd(Call(done.text)) if flight.flags & CLONE_PIDFD else None
    if pidfd is not None:
        state.make(task, flight, done.at, pidfd).peer = f"pid {done.ret}"


def makes_thread(words: bytes) -> bool:
    """Whether a call with these words makes a thread with its caller's table, whatever the numbers in it."""
    flags = spawn_flags(words)
    plain = flags & (CLONE_VFORK | CLONE_NEWPID | CLONE_PIDFD) == 0 and b"/*" not in words
    return plain and flags & CLONE_FILES != 0 and flags & CLONE_THREAD != 0


def _split_before(state: State, child: Task) -> None:
    """A vfork returns when the child's exec has already left the table that they shared."""
    flight = child.flight if len(child.table.users) > 1 else None
    if flight is not None and flight.op == Op.EXEC:
        state.kernel.snapshot(flight)


def exec_elsewhere(state: State, task: Task) -> Flight | None:
    """An exec resumed under the leader's number that another thread of the process began."""
    for other in task.process.tasks:
        if other is not task and other.flight is not None and other.flight.op == Op.EXEC:
            flight = other.flight
            other.flight = None
            state.superseded(task.tid, other.tid, flight.at)
            return flight
    return None


def execute(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A new program: other threads are gone, close-on-exec descriptors are closed."""
    if done.errno or done.ret != 0:
        return
    process = task.process
    if process.started is not None and process.started.seq == done.at.seq:
        process.born = state.rooted = True
    process.exiting = None
    others = sorted(other.tid for other in process.tasks if other is not task)
    inherited = state.kernel.exec(task, done.at, flight)
    state.settled(task, done.at)
    for tid in others:
        if tid in state.tasks:
            state.over(state.tasks.pop(tid))
    _name(task, Call(done.text))
    for observer in state.kernel.observers:
        observer.executed(task, done.at, inherited)


def _name(task: Task, call: Call) -> None:
    process = task.process
    process.command = program(call) or process.command
    process.argv = notes.text(call.arg(_path_of(call) + 1)) or None


def _path_of(call: Call) -> int:
    return 1 if call.name == b"execveat" else 0


def program(call: Call) -> str | None:
    """The name of the file that a call executes, without its directories."""
    index = _path_of(call)
    said = a.string(call.arg(index)) or a.string(call.arg(index + 1).lstrip(b"["))
    if said is None:
        return None
    path = notes.text(said[0])
    return path.rpartition("/")[2][:64] or path


def unshare(state: State, task: Task, flight: Flight, done: Done) -> None:
    """CLONE_FILES gives the caller a private table; CLONE_NEWPID numbers its children anew."""
    if done.errno or done.ret != 0:
        return
    call = Call(done.text)
    if call.has(0, b"CLONE_NEWPID", CLONE_NEWPID):
        task.process.space_below = Space()
    if len(task.table.users) > 1 and call.has(0, b"CLONE_FILES", CLONE_FILES):
        state.kernel.unshare(task, done.at)
        state.settled(task, done.at)


def limit(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A call set, or told, how many descriptors the process may have."""
    if b"NOFILE" not in done.text or done.errno:
        return
    pid, said = _limit_said(done.text)
    if pid in (0, None, task.process.pid):
        process = task.process
        process.limit = said or process.limit


@lru_cache(maxsize=256)
def _limit_said(text: bytes) -> tuple[int | None, int | None]:
    """Of which process a call tells or sets the limit, and that; every program of a build asks alike."""
    call = Call(text)
    return call.number(0) if call.name.startswith(b"prlimit") else 0, creations.nofile_limit(call)


def identity(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A thread asked for its number: when it is not strace's, it is another pid namespace's."""
    if done.succeeded and task.tid and done.ret != task.tid and task.process.space is None:
        task.process.enter(Space(told=True))
