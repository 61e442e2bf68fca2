"""Paths that lead through another descriptor: what an open without annotations opened.

`/proc/self/fd/7` and `/dev/stdin` are links to what stands at a number
(proc_pid_fd(5)); a relative path of openat begins in the directory of its first
argument (open(2)). Where that descriptor is known, so is what was opened.
"""

from __future__ import annotations

import re

from ..readers.strace.args import Call
from .lives import Life, Table
from .state import State
from .tasks import Task

OPENS = frozenset((b"open", b"openat", b"openat2", b"creat"))

_NUMBER = re.compile(r"/(?:proc/(self|thread-self|\d{1,10})(?:/task/\d+)?|dev)/fd/(\d{1,10})$")
_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def follow(state: State, task: Task, made: Life, call: Call) -> None:
    """Learn from another descriptor what a new one is open on."""
    target = made.target
    if target is None:
        return
    if target.startswith("/"):
        linked = _linked(state, task, target)
        if linked is not None and linked is not made and _is_known(linked):
            made.kind, made.target, made.inode = linked.kind, linked.target, linked.inode
    elif call.name in (b"openat", b"openat2"):
        first = call.fd(0)
        base = None if first is None else task.table.fds.get(first[0])
        if base is not None and base.kind in ("dir", "file") and (base.target or "").startswith("/"):
            made.target = f"{(base.target or '').rstrip('/')}/{target}"


def may_lead(target: str, call: Call) -> bool:
    """Whether what an open without an annotation opened may depend on another descriptor."""
    if target.startswith("/"):
        return target in _STANDARD or _NUMBER.match(target) is not None
    return call.name in (b"openat", b"openat2") and call.fd(0) is not None


def _is_known(life: Life) -> bool:
    return life.kind != "unknown" and (life.target is not None or life.kind not in ("file", "dir"))


def _linked(state: State, task: Task, path: str) -> Life | None:
    """The life behind a path of /proc or /dev that names a descriptor."""
    number = _STANDARD.get(path)
    if number is not None:
        return task.table.fds.get(number)
    match = _NUMBER.match(path)
    if match is None:
        return None
    table = _table_of(state, task, match[1])
    return None if table is None else table.fds.get(int(match[2]))


def _table_of(state: State, task: Task, whose: str | None) -> Table | None:
    if whose is None or not whose.isdigit():
        return task.table
    other = state.tasks.get(int(whose))
    return None if other is None else other.table
