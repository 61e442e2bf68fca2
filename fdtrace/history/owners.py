"""Whose descriptors a listing shows that does not say it (`ls -l` of one /proc/PID/fd)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..readers.sheet import Sheet

_TELLING = 5
"""Fewer sockets than this, and any process has about as many."""


def owner(sheet: Sheet, sheets: Sequence[Sheet]) -> int | None:
    """Whose descriptors a listing shows that does not say it: the process of which others tell the same."""
    nameless = [file for file in sheet.open_files if file.pid is None and file.fd is not None]
    if not nameless:
        return None
    numbers = {(file.fd, file.inode) for file in nameless if file.inode}
    names = {(file.fd, file.name) for file in nameless if file.name and (file.fd or 0) > 2}
    votes: Counter[int] = Counter()
    for other in sheets:
        for row in other.open_files:
            if row.pid is not None and ((row.fd, row.inode) in numbers or (row.fd, row.name) in names):
                votes[row.pid] += 1
        for socket in other.sockets:
            if socket.pid is not None and (socket.fd, socket.inode) in numbers:
                votes[socket.pid] += 1
    best = votes.most_common(2)
    if not best:
        return _by_number(sheet, sheets)
    return None if len(best) > 1 and best[0][1] < 2 * best[1][1] else best[0][0]


def _by_number(sheet: Sheet, sheets: Sequence[Sheet]) -> int | None:
    """The only process that has about as many sockets in netstat as the listing has, each time."""
    listed = Counter(file.snapshot for file in sheet.open_files if file.pid is None and file.kind == "socket")
    if not listed or max(listed.values()) < _TELLING:
        return None
    fitting: set[int] = set()
    for other in sheets:
        if len(other.snapshots) != len(sheet.snapshots):
            continue
        told: dict[int, Counter[int]] = {}
        for socket in other.sockets:
            if socket.pid is not None and socket.fd is None:
                told.setdefault(socket.pid, Counter())[socket.snapshot] += 1
        for pid, counts in told.items():
            pairs = [(listed[shot.number], counts[shot.number]) for shot in sheet.snapshots]
            if all(abs(one - both) <= max(2, both // 4) for one, both in pairs):
                fitting.add(pid)
    return fitting.pop() if len(fitting) == 1 else None
