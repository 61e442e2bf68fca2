"""What to ask strace for, so that a capture can tell: the classes of calls, those in no class, the options.

Checked against the tables of strace 4.8 to 7.2.
"""

from __future__ import annotations

from .effects import EFFECTS, Op

CLASSES = ("%desc", "%network", "%process")
"""Nearly every call that makes, uses, passes on or ends a descriptor is in one of these classes of strace."""

UNCLASSED = ("close_range", "unshare", "seccomp", "prlimit64", "setrlimit")
"""Calls that matter and are in no class: most programs make them, or they empty whole tables."""

RARELY_UNCLASSED = ("getrlimit", "ugetrlimit", "mq_open", "set_tid_address")
"""The same, of older programs, older versions of strace, or to know threads by."""

OPTIONS = ("-f", "-ttt", "-T", "-yy", "-k")

RECOMMENDED = f"strace {' '.join(OPTIONS)} -e trace={','.join((*CLASSES, *UNCLASSED))} -o app.strace -p PID"
"""The recording that shows what fdtrace can use, as a line to be typed anywhere."""

_TELLS_TARGET = frozenset({b"connect", b"bind", b"listen"})
_SETTLED_BY_TABLE = frozenset(
    {
        Op.CREATE,
        Op.DUP,
        Op.DUP_OVER,
        Op.CLOSE,
        Op.CLOSE_RANGE,
        Op.CONTROL,
        Op.SPAWN,
        Op.EXEC,
        Op.EXIT,
        Op.EXIT_GROUP,
        Op.UNSHARE,
        Op.RECEIVE,
        Op.GET_FD,
        Op.LIMIT,
    }
)


def table_calls() -> list[str]:
    """The calls that change a descriptor table, or tell what a socket is for: the least that shows a leak.

    Reads, writes and waits are not among them, and they are most of what a program does.
    """
    return [
        name.decode()
        for name, effect in EFFECTS.items()
        if effect.op in _SETTLED_BY_TABLE or name in _TELLS_TARGET
    ]
