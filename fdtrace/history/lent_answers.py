"""What the walk asks of a call whose columns do not tell enough: its text is looked at.

A question is answered in full, as the fold would have taken the row, or not at
all; then the fold takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..readers.strace.args import Call
from ..readers.strace.window import Row, Window
from . import births, creations, sockets
from . import walk_columns as w
from .effects import FD_COMMANDS, Op
from .lent_species import STATES
from .lives import At, Flight
from .state import Done

if TYPE_CHECKING:
    from .lender import Lender

_CONTROL, _IDENTITY, _LIMIT = int(Op.CONTROL), int(Op.IDENTITY), int(Op.LIMIT)
_RECEIVE, _SEND, _STATE = int(Op.RECEIVE), int(Op.SEND), int(Op.STATE)
_ENTRY_ROW, _EXIT_ROW = int(Row.ENTRY), int(Row.EXIT)
_NO_FLIGHT = Flight.__new__(Flight)


def answer(lender: Lender, window: Window, row: int, position: int) -> bool:
    """Look at a call's text and do what it does to one life; False when the fold has to take the row."""
    columns = window.columns
    text = window.text(row)
    code = int(columns["syscall"][row])
    op = int(lender.ops[code, 0])
    kind = int(columns["kind"][row])
    if op in (_SEND, _RECEIVE) and b"cmsg_type" in text:
        return False
    if kind == _ENTRY_ROW:
        return True
    thread = int(lender.state[w.WHO])
    errno = int(columns["errno"][row])
    if op == _CONTROL:
        return _control(lender, text, int(columns["fd"][row]), int(lender.state[w.WHO]))
    if op in (_SEND, _RECEIVE) and errno < 0:
        return True
    task = lender.tasks[thread]
    assert task is not None
    exits = kind == _EXIT_ROW
    notes = lender.scan.notes.items
    done = Done(
        At(
            lender.file,
            int(columns["seq"][row]),
            int(columns["entry_line"][row]),
            int(columns["entry_offset"][row]),
            int(columns["entry_clock" if exits else "clock"][row]),
            int(columns["tid"][row]),
            lender.names[code],
            int(columns["stack"][row]),
            position + 1,
        ),
        int(columns["fd"][row]),
        notes[columns["note"][row]] if columns["note"][row] >= 0 else None,
        text,
        int(columns["ret"][row]),
        None,
        lender.scan.errnos.items[errno] if errno >= 0 else b"",
        0,
    )
    if op in (_LIMIT, _IDENTITY):
        handler = births.limit if op == _LIMIT else births.identity
        handler(lender.calls, task, _NO_FLIGHT, done)
        return True
    record = int(lender.threads[thread, w.K_OLD]) if exits else -1
    if record < 0:
        base, size = lender.tables[int(lender.threads[thread, w.K_TABLE]), : w.T_CELLS + 1].tolist()
        record = int(lender.cells[base + done.fd, w.C_RECORD]) if 0 <= done.fd < size else -1
    return record >= 0 and _decide(lender, record, op, done)


def _control(lender: Lender, text: bytes, fd: int, thread: int) -> bool:
    """Whether a successful fcntl or ioctl does no more than to set a flag of its descriptor."""
    ioctl = text.startswith(b"ioctl")
    if not ioctl and b", F_" in text and not any(word in text for word in FD_COMMANDS):
        return True
    call = Call(text)
    if ioctl and creations.may_create(call):
        return False
    changes = list(creations.control(call, 0, None))
    if not changes:
        return True
    place = int(lender.threads[thread, w.K_TABLE])
    base, size = lender.tables[place, : w.T_CELLS + 1].tolist()
    if len(changes) > 1 or not isinstance(changes[0], bool) or not 0 <= fd < size:
        return False
    record = int(lender.cells[base + fd, w.C_RECORD])
    if record < 0 or lender.rec[record, w.R_FLAGS] & w.FOREIGN:
        return False
    lender.life(record).cloexec = changes[0]
    lender.cells[base + fd, w.C_FLAGS] &= ~w.CLOEXEC
    if changes[0]:
        lender.cells[base + fd, w.C_FLAGS] |= w.CLOEXEC
    return True


def _decide(lender: Lender, record: int, op: int, done: Done) -> bool:
    if op == _STATE:
        call = Call(done.text)
        if call.name == b"getsockopt" and not done.errno and creations.peer_pidfd(call) is not None:
            return False
        life = lender.life(record)
        lender.settle(record)
        sockets.decide(life, done.at, call, done.ret, done.errno)
    else:
        life = lender.life(record)
        lender.settle(record)
        if done.errno:
            sockets.io(life, done.at, done.ret, done.errno)
    lender.rec[record, w.R_STATE] = STATES.get(life.state or "", w.OTHER)
    lender.rec[record, w.R_BRAND] = -1
    return True
