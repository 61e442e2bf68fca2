"""Calls that take and give back numbers: open, dup, close and their kin."""

from __future__ import annotations

from ..readers.strace import args as a
from ..readers.strace.args import Call
from ..readers.strace.window import ABSENT
from . import creations, paths, sockets
from .creations import created
from .effects import EFFECTS, FD_COMMANDS, New, Op, is_cloexec
from .lives import STDIO, At, Flight, Table
from .state import Done, State
from .tasks import Task

_LAST_FD = (1 << 31) - 1
_UNSHARE, _CLOEXEC = 2, 4


def create(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A call that returns new descriptors made them at its exit."""
    if not done.succeeded:
        return
    call = Call(done.text)
    news = list(created(EFFECTS[call.name], call, done.ret, done.ret_note))
    made = [state.make(task, flight, done.at, new) for new in news]
    if call.name in paths.OPENS and made and done.ret_note is None:
        paths.follow(state, task, made[0], call)
    elif call.name == b"socket" and made:
        sockets.created(made[0], done.at)
    elif call.name == b"socketpair" and len(made) == 2:
        for one, other in (made, made[::-1]):
            one.peer = one.peer or f"fd {other.fd}"
            one.other_end = other.ofd
    elif call.name in (b"pipe", b"pipe2") and len(made) == 2:
        made[0].other_end, made[1].other_end = made[1].ofd, made[0].ofd
    elif call.name == b"pidfd_open" and made:
        made[0].peer = f"pid {call.number(0)}"
    elif call.name == b"fanotify_init" and made:
        made[0].passes_cloexec = creations.passes_cloexec(call)


def dup(state: State, task: Task, flight: Flight, done: Done) -> None:
    """`dup` returned a copy of its argument."""
    if done.succeeded:
        state.make(
            task, flight, done.at, New(done.ret, done.ret_note, "unknown", False, via="dup", source=done.fd)
        )


def enter_dup_over(flight: Flight, call: Call, old: int, state: State) -> None:
    """dup2 looks its source up and takes its target out of the table."""
    flight.old = flight.table.fds.get(old)
    new = call.fd(1)
    if new is not None and new[0] != old:
        state.kernel.remove(flight, new[0])


def dup_over(state: State, task: Task, flight: Flight, done: Done) -> None:
    """dup2 and dup3: what was at the new number is closed, a copy of the old one stands there."""
    call = Call(done.text)
    new = call.fd(1)
    if done.errno:
        state.kernel.undo(flight)
        if done.errno == b"EBADF":
            state.complain(task, done)
        return
    if done.ret == ABSENT:
        for number in list(flight.closed):
            state.kernel.confirm(flight, number, "dup_over", done.at)
        return
    if new is not None and new[0] == done.fd:
        if done.fd not in task.table.fds:
            state.kernel.reveal(task.table, done.fd, None, done.at)
        return
    _replace(state, task.table, flight, done, None if new is None else new[1])
    if flight.old is None and done.fd >= 0 and done.fd not in task.table.fds:
        old = call.fd(0)
        flight.old = state.closing(task.table, done.fd) or state.kernel.reveal(
            task.table, done.fd, old[1] if old else None, done.at
        )
    cloexec = is_cloexec(EFFECTS[call.name], call) if call.name == b"dup3" else False
    made = state.make(
        task, flight, done.at, New(done.ret, done.ret_note, "unknown", cloexec, via="dup", source=done.fd)
    )
    made.via = "dup_over"


def _replace(state: State, table: Table, flight: Flight, done: Done, note: bytes | None) -> None:
    """End what the new number was before; an annotation tells of it even if nothing else did."""
    number = done.ret
    known = state.kernel.confirm(flight, number, "dup_over", done.at)
    if not known and note is not None and number not in table.fds:
        state.kernel.reveal(table, number, note, done.at)
    held = table.fds.get(number)
    if held is not None and (held.opened is not None or not known):
        state.end_now(table, number, "dup_over", done.at)


def control(state: State, task: Task, flight: Flight, done: Done) -> None:
    """Fcntl and ioctl: most commands change nothing in a table."""
    if not done.succeeded:
        return
    ioctl = done.text.startswith(b"ioctl")
    if not ioctl and b", F_" in done.text and not any(word in done.text for word in FD_COMMANDS):
        return
    call = Call(done.text)
    for change in creations.control(call, done.ret, done.ret_note):
        if isinstance(change, New):
            state.make(task, flight, done.at, change)
        else:
            state.kernel.set_cloexec(task.table, done.fd, change)
            _flag_in_forks(task.table, flight, done.fd, change)
    if ioctl and creations.may_create(call):
        state.hide("ioctl that may install a descriptor")


def _flag_in_forks(table: Table, flight: Flight, fd: int, on: bool) -> None:
    """A fork that began after this call did copies the flag as this call sets it."""
    for fork in table.flights.values():
        if fork.snapshot is not None and flight.pos < fork.pos:
            (fork.cloexec.add if on else fork.cloexec.discard)(fd)


def enter_close(state: State, flight: Flight, fd: int) -> None:
    """A close takes effect when it begins."""
    if fd >= 0 and not (state.kernel.unordered and fd in flight.table.reused):
        state.kernel.remove(flight, fd)


def close(state: State, task: Task, flight: Flight, done: Done) -> None:
    """A close has ended: whatever it returned but EBADF, the number is free."""
    fd, at, table = done.fd, done.at, flight.table
    if fd < 0:
        return
    if done.errno == b"EBADF":
        blind = not flight.closed
        state.kernel.undo(flight)
        if blind:
            state.complain(task, done)
        return
    how = "close_error" if done.errno else "exit" if done.ret == ABSENT else "close"
    if done.errno and fd in flight.closed:
        flight.closed[fd].close_errno = done.errno.decode("ascii", "replace")
    if state.kernel.confirm(flight, fd, how, at) or _closed_late(state, table, flight, fd, how, at):
        return
    if _to_come(state, table, fd):
        table.blind[fd] = at
    elif fd in table.fds:
        state.end_now(table, fd, how, at)
    elif done.ret != ABSENT:
        _unseen(state, task, done, how)


def _closed_late(state: State, table: Table, flight: Flight, fd: int, how: str, at: At) -> bool:
    """Whether the close belongs to a life whose number was given out again, or began during the call."""
    now = table.fds.get(fd)
    if now is None or now.opened is None:
        return False
    earlier = table.reused.pop(fd, None)
    if earlier is not None and (state.kernel.unordered or ABSENT != at.clock < now.opened.clock):
        earlier.how, earlier.closed, earlier.certain = how, at, True
        return True
    if now.opened.pos > flight.pos:
        state.end_now(table, fd, how, at)
        return True
    return False


def _to_come(state: State, table: Table, fd: int) -> bool:
    """Whether the creation of a number that was closed is only about to be seen."""
    if fd not in table.fds and state.kernel.unordered and fd in table.touched and fd not in table.blind:
        return True
    inherited = fd < STDIO and fd not in table.touched and table.survived_exec
    return state.creating(table) and not inherited


def _unseen(state: State, task: Task, done: Done, how: str) -> None:
    """A close succeeded on a number that nothing was seen to open."""
    if state.shared_with(task, done.fd, None) is None:
        state.kernel.reveal(task.table, done.fd, _annotation(done.text), done.at)
    state.end_now(task.table, done.fd, how, done.at)


def _annotation(text: bytes) -> bytes | None:
    found = a.descriptor(text.partition(b"(")[2])
    return found[1] if found is not None else None


def enter_close_range(state: State, flight: Flight, call: Call) -> None:
    """close_range closes when it begins, unless it has to make the table private first."""
    flight.flags = _range_flags(call)
    if flight.flags & _CLOEXEC or (flight.flags & _UNSHARE and len(flight.table.users) > 1):
        return
    for fd in _in_range(call, flight.table):
        state.kernel.remove(flight, fd)


def close_range(state: State, task: Task, flight: Flight, done: Done) -> None:
    """All numbers of a range are closed, or marked close-on-exec, perhaps in a table of its own."""
    if not done.succeeded:
        state.kernel.undo(flight)
        return
    call = Call(done.text)
    table = task.table
    flags = flight.flags or _range_flags(call)
    if flags & _UNSHARE and len(table.users) > 1:
        table = state.kernel.unshare(task, done.at)
        state.settled(task, done.at)
        flight = Flight(Op.CLOSE_RANGE, done.at, table)
        if not flags & _CLOEXEC:
            for number in _in_range(call, table):
                state.kernel.remove(flight, number)
    if flags & _CLOEXEC:
        for number in _in_range(call, table):
            state.kernel.set_cloexec(table, number, True)
    for number in [*flight.closed, *flight.late]:
        state.kernel.confirm(flight, number, "close_range", done.at)


def _in_range(call: Call, table: Table) -> list[int]:
    first, last = call.number(0), call.number(1)
    low = 0 if first is None else first & 0xFFFFFFFF
    high = _LAST_FD if last is None else last & 0xFFFFFFFF
    return [number for number in table.fds if low <= number <= high]


def _range_flags(call: Call) -> int:
    unshare = _UNSHARE if call.has(2, b"CLOSE_RANGE_UNSHARE", _UNSHARE) else 0
    return unshare | (_CLOEXEC if call.has(2, b"CLOSE_RANGE_CLOEXEC", _CLOEXEC) else 0)
