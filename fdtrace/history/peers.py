"""Who holds the other end of a pipe or of a unix socket, also in another process."""

from __future__ import annotations

from collections.abc import Iterator

from ..readers.sheet import OpenFile, Socket
from .joined import Joined
from .lives import Life
from .looks import Look
from .run import History
from .sockets import other_end

MOST = 200_000
"""Entries of tables that are looked through; a capture with more keeps its ends nameless."""
_SHOWN = 3

_Holder = tuple[int | None, int]


def name_peers(history: History, joined: Joined) -> None:
    """Sets `peer` of every open pipe and unix socket whose other end is held by somebody known."""
    tables = _tables(history)
    if sum(len(fds) for _, fds in tables) > MOST:
        return
    by_ofd: dict[int, list[_Holder]] = {}
    by_inode: dict[int, list[_Holder]] = {}
    for pid, fds in tables:
        for fd, life in fds.items():
            by_ofd.setdefault(life.ofd, []).append((pid, fd))
            if life.kind == "unix" and life.inode is not None:
                by_inode.setdefault(life.inode, []).append((pid, fd))
    newest = joined.looks[-1] if joined.looks else None
    for life in joined.left if joined.looks else list(history.open_lives()):
        if life.kind in ("pipe", "unix") and (not life.peer or life.peer.startswith("fd ")):
            held = list(dict.fromkeys(_other_holders(life, joined, newest, by_ofd, by_inode)))
            held = [holder for holder in held if holder != (life.process.pid, life.fd)]
            if held:
                life.peer = _said(held, life)


def _tables(history: History) -> list[tuple[int | None, dict[int, Life]]]:
    processes = history.fold.calls.kernel.processes
    return [(p.pid, p.table.fds) for p in processes if p.table is not None and p.ended is None]


def _other_holders(
    life: Life,
    joined: Joined,
    newest: Look | None,
    by_ofd: dict[int, list[_Holder]],
    by_inode: dict[int, list[_Holder]],
) -> Iterator[_Holder]:
    if life.other_end is not None:
        yield from by_ofd.get(life.other_end, ())
    end = other_end(life)
    inodes = [end[1]] if end is not None and end[0] == "inode" else []
    modes = set()
    for _, row in joined.of(life):
        if isinstance(row, Socket) and row.peer_inode:
            inodes.append(row.peer_inode)
        if isinstance(row, OpenFile) and row.mode:
            modes.add(row.mode)
    for inode in inodes:
        yield from by_inode.get(inode, ())
        for look in joined.looks:
            yield from _holders(look, inode)
    if life.kind == "pipe" and life.inode is not None and newest is not None and len(modes) == 1:
        for look in joined.looks:
            for one in look.by_inode.get(life.inode, ()):
                if isinstance(one, OpenFile) and one.fd is not None and one.mode not in modes:
                    yield one.pid, one.fd


def _holders(look: Look, inode: int) -> Iterator[_Holder]:
    for row in look.by_inode.get(inode, ()):
        if row.fd is not None:
            yield row.pid, row.fd


def _said(held: list[_Holder], life: Life) -> str:
    shown = [f"fd {fd}" if pid == life.process.pid else f"pid {pid} fd {fd}" for pid, fd in held[:_SHOWN]]
    more = f" and {len(held) - _SHOWN:,} more" if len(held) > _SHOWN else ""
    return ", ".join(shown) + more
