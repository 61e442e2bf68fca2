"""Calls that pass descriptors between processes, and events that carry them."""

from __future__ import annotations

from ..readers.strace.args import Call
from . import creations, sockets
from .effects import New
from .lives import At, Flight, Life
from .state import Done, State
from .tasks import Task

_MESSAGES_KEPT = 1000
"""Sent descriptors that nobody was seen to receive; the oldest are forgotten."""


def enter_send(state: State, flight: Flight, text: bytes) -> None:
    """Queue what a message carries: the receiver may return before the sender does."""
    if b"cmsg_type" not in text:
        return
    found, _ = creations.passed(b", ".join(Call(text).args))
    lives = [flight.table.fds.get(number) for number, _ in found]
    known = [life for life in lives if life is not None]
    if known and len(known) == len(lives):
        to = sockets.other_end(flight.old) if flight.old is not None else None
        flight.message = (to, known)
        state.sent.append(flight.message)
        del state.sent[:-_MESSAGES_KEPT]


def send(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A message was sent, or not."""
    life = flight.old or task.table.fds.get(done.fd)
    if done.errno and life is not None:
        sockets.io(life, done.at, done.ret, done.errno)
    if not done.succeeded:
        if flight.message in state.sent:
            state.sent.remove(flight.message)
    elif flight.message is None and b"cmsg_type" in done.text:
        found, _ = creations.passed(b", ".join(Call(done.text).args))
        for number, note in found:
            if number >= 0 and number not in task.table.fds:
                state.kernel.reveal(task.table, number, note, done.at)
        enter_send(state, flight, done.text)


def receive(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A message came in: its control part may have brought descriptors, in the order of their numbers."""
    life = flight.old or task.table.fds.get(done.fd)
    if life is not None and (done.ret == 0 or done.errno):
        sockets.io(life, done.at, done.ret, done.errno)
    if not done.succeeded or b"cmsg_type" not in done.text:
        return
    call = Call(done.text)
    found, cloexec, hidden = creations.received(call)
    if hidden:
        state.hide("control message cut by -s: descriptors may have arrived unseen")
    originals = _taken(state, life, len(found), call.has(2, b"MSG_PEEK", 2)) if found else []
    for index, (number, note) in enumerate(found):
        original = originals[index] if index < len(originals) else None
        _arrive(
            state, task, flight, done.at, New(number, note, "unknown", cloexec, via="scm_rights"), original
        )
    for number, note in creations.pidfds_received(call):
        state.make(task, flight, done.at, New(number, note, "pidfd", True, via="scm_rights"))


def _taken(state: State, receiver: Life | None, count: int, peek: bool) -> list[Life]:
    """The lives that were sent to this socket, oldest message first, else the oldest of that size."""
    keys = sockets.endpoints(receiver) if receiver is not None else frozenset()
    for exact in (True, False):
        for index, (to, lives) in enumerate(state.sent):
            if len(lives) >= count and (to in keys if exact else to is None or not keys):
                if not peek:
                    del state.sent[index]
                return lives
    return []


def _arrive(state: State, task: Task, flight: Flight, at: At, new: New, original: Life | None) -> None:
    """Install a descriptor that came from elsewhere; it shares its original's open file description."""
    made = state.make(task, flight, at, new, original.ofd if original is not None else None)
    if original is not None and made.target is None:
        made.same_file_as(original)


def get_fd(state: State, task: Task, flight: Flight, done: Done) -> None:
    """pidfd_getfd took a descriptor out of another process's table."""
    if not done.succeeded:
        return
    pidfd = task.table.fds.get(done.fd)
    wanted = Call(done.text).number(1)
    original = None
    if pidfd is not None and wanted is not None:
        other = _named(state, pidfd)
        original = other.table.fds.get(wanted) if other is not None else None
    _arrive(
        state,
        task,
        flight,
        done.at,
        New(done.ret, done.ret_note, "unknown", True, via="pidfd_getfd"),
        original,
    )


def _named(state: State, pidfd: Life) -> Task | None:
    """The task that a pidfd stands for."""
    for word in (pidfd.peer or "", (pidfd.target or "").replace(":", " ")):
        if word.startswith("pid ") and word[4:].isdigit():
            return state.tasks.get(int(word[4:]))
    return None


def read(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A read of a fanotify descriptor brings descriptors in its events."""
    life = flight.old or task.table.fds.get(done.fd)
    if life is None:
        return
    if done.ret == 0 or done.errno:
        sockets.io(life, done.at, done.ret, done.errno)
    if life.kind == "fanotify" and done.ret > 0:
        numbers, hidden = creations.fanotify_events(Call(done.text))
        for number, pidfd in numbers:
            kind, cloexec = ("pidfd", True) if pidfd else ("file", life.passes_cloexec)
            state.make(task, flight, done.at, New(number, None, kind, cloexec, via="fanotify"))
        if hidden:
            state.hide("fanotify event cut by -s: descriptors may have arrived unseen")


def use(state: State, task: Task, flight: Flight, done: Done) -> None:
    """Any other use: what it returned may tell the state of a socket."""
    if done.ret == 0 or done.errno:
        life = flight.old or task.table.fds.get(done.fd)
        if life is not None:
            sockets.io(life, done.at, done.ret, done.errno)


def state_call(state: State, task: Task, flight: Flight, done: Done) -> None:
    """connect, listen, shutdown, getsockopt and the like decide the state of a socket."""
    life = flight.old or task.table.fds.get(done.fd)
    if life is None:
        return
    call = Call(done.text)
    sockets.decide(life, done.at, call, done.ret, done.errno)
    if call.name == b"getsockopt" and not done.errno:
        found = creations.peer_pidfd(call)
        if found is not None:
            state.make(task, flight, done.at, New(found[0], found[1], "pidfd", True, via="pidfd"))
