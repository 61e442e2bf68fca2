"""Processes as /proc shows them: whose child each is, which threads it has, what state it is in."""

from __future__ import annotations

import contextlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable

PROC = "/proc"
_LONGEST = 1 << 16


def read(path: str) -> str:
    """A small file of /proc; "" when it is gone or refused."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST)
    except OSError:
        return ""


def word(status: str, name: str) -> str:
    """The first word of one line of a `status`."""
    found = re.search(rf"^{name}:\s*(\S+)", status, re.MULTILINE)
    return found[1] if found else ""


def pids() -> list[int]:
    """All processes of this pid namespace."""
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir(PROC) if name.isdecimal()]
    return []


def parent(pid: int) -> int | None:
    """Whose child a process is; None when it is gone."""
    # The name may hold anything, brackets and spaces too: what follows its last bracket counts.
    rest = read(f"{PROC}/{pid}/stat").rpartition(")")[2].split()
    return int(rest[1]) if len(rest) > 1 and rest[1].isdecimal() else None


def descendants(roots: Iterable[int]) -> list[int]:
    """These processes, as far as they live, and all below them."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid in pids():
        above = parent(pid)
        if above is not None:
            children[above].append(pid)
    found: list[int] = []
    waiting = [pid for pid in dict.fromkeys(roots) if os.path.exists(f"{PROC}/{pid}")]
    while waiting:
        pid = waiting.pop(0)
        if pid not in found:
            found.append(pid)
            waiting += children.get(pid, [])
    return found


def threads(pid: int) -> list[int]:
    """The thread numbers of a process."""
    with contextlib.suppress(OSError):
        return sorted(int(name) for name in os.listdir(f"{PROC}/{pid}/task") if name.isdecimal())
    return []


def tracer(pid: int) -> int:
    """Who traces a process; 0 for nobody."""
    return int(word(read(f"{PROC}/{pid}/status"), "TracerPid") or 0)


def traced_by(strace: int) -> list[int]:
    """The processes that a strace traces now."""
    return [pid for pid in pids() if tracer(pid) == strace]


def is_over(pid: int) -> bool:
    """Whether a process has ended; one that nobody has collected yet has."""
    return word(read(f"{PROC}/{pid}/status"), "State") in ("", "Z", "X")


def name(pid: int) -> str:
    """What a process is called, at most 15 characters; "" when it is gone."""
    return read(f"{PROC}/{pid}/comm").rstrip("\n")
