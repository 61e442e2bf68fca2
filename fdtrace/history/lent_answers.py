"""What the walk asks of a call whose columns do not tell enough: its text is looked at.

A question is answered in full, as the fold would have taken the row, or not at
all; then the fold takes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..readers.strace.args import Call
from ..readers.strace.window import Row, Window
from . import births, creations, sockets
from . import walk_columns as w
from .effects import EFFECTS, FD_COMMANDS, Op, is_cloexec
from .lent_forms import taken_from
from .lent_species import STATES
from .lives import At, Flight
from .state import Done

if TYPE_CHECKING:
    from .lender import Lender

_CONTROL, _IDENTITY, _LIMIT = int(Op.CONTROL), int(Op.IDENTITY), int(Op.LIMIT)
_RECEIVE, _SEND, _STATE = int(Op.RECEIVE), int(Op.SEND), int(Op.STATE)
_ENTRY_ROW, _EXIT_ROW = int(Row.ENTRY), int(Row.EXIT)
_FLAG = re.compile(rb"F_SETFD, \w+(?: /\* [\w|]+ \*/)?\)")
_REST = re.compile(rb"(?:, [\w|]+)?(?: /\* [\w|]+ \*/)?\)")
_COPIES = {b"F_DUPFD": w.COPIES, b"F_DUPFD_CLOEXEC": w.COPIES_ON}
TOLD = frozenset((b"EBADF", b"EMFILE", b"ENFILE"))
"""Errors that observers are told of."""
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
    if op == _CONTROL and errno < 0:
        return _control(lender, text, int(columns["fd"][row]), int(lender.state[w.WHO]))
    if op in (_SEND, _RECEIVE) and errno < 0:
        return True
    if lender.tasks[thread] is None:
        lender.look()
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
    if done.errno in TOLD:
        lender.calls.complain(task, done)
        return True
    if op == _LIMIT:
        births.limit(lender.calls, task, _NO_FLIGHT, done)
        return True
    if op == _IDENTITY and task.process.space is None:
        return False
    if op == _IDENTITY:
        return True
    record = int(lender.threads[thread, w.K_OLD]) if exits else -1
    if record < 0:
        base, size = lender.tables[int(lender.threads[thread, w.K_TABLE]), : w.T_CELLS + 1].tolist()
        record = int(lender.cells[base + done.fd, w.C_RECORD]) if 0 <= done.fd < size else -1
    return record >= 0 and _decide(lender, record, op, done)


def meaning(words: bytes) -> int:
    """What a command does, whatever the descriptor and the other arguments are.

    The words are the call's name and its command, up to the comma or parenthesis
    behind it; where a flag is set, to the end of the arguments.
    """
    name, _, said = words.partition(b"(")
    if name.startswith(b"clone"):
        return w.SHARES if births.makes_thread(words) else w.LOOK
    if name in (b"dup2", b"dup3"):
        if not _REST.fullmatch(said):
            return w.LOOK
        return (
            w.COPIES_ON
            if is_cloexec(EFFECTS[name], Call(words[: -len(said)] + b"7, 8" + said + b" = 8"))
            else w.COPIES
        )
    if said.strip(b",)") in _COPIES and name.startswith(b"fcntl"):
        return _COPIES[said.strip(b",)")]
    call = Call(b"%s(7, %s" % (name, said) + (b" [7], [4]) = 0" if said.endswith(b",") else b" = 0"))
    if name == b"getsockopt":
        plain = sockets.socket_error(call) is None and creations.peer_pidfd(call) is None
        return w.NOTHING if plain and len(call.args) > 2 else w.LOOK
    if name.startswith(b"fcntl") and not said.startswith(b"F_"):
        return w.LOOK
    if said.startswith(b"F_SETFD") and not _FLAG.fullmatch(said):
        return w.LOOK
    changes = list(creations.control(call, 0, None))
    if creations.may_create(call) or any(not isinstance(change, bool) for change in changes):
        return w.LOOK
    if not changes:
        return w.NOTHING
    return w.SETS if changes[-1] else w.CLEARS


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
    lender.forget_said(record)
    form = int(lender.state[w.MADE])
    if op == _STATE and form >= 0:
        given = int(lender.state[w.LIST])
        said = [taken_from(int(lender.species[form, of]), given) for of in (w.F_LOCAL, w.F_PEER)]
        lender.rec[record, [w.R_LOCAL, w.R_PEER]] = said
    return True
