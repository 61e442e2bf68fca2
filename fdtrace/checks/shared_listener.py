"""Which listening sockets do other programs hold, that will never accept from them?

A child that inherits a listener keeps the port busy when its parent ends, and
takes connections that nobody answers. Workers of one server share theirs on
purpose, and so do those that hand sockets over (systemd, inetd).
"""

from __future__ import annotations

from collections.abc import Hashable

from ..history.populations import Holding, Populations
from ..model import Finding
from .snapshot_report import quotes
from .snapshot_words import who

_GIVERS = ("systemd", "init", "inetd", "xinetd", "launchd", "s6-", "docker-pr", "containerd", "master")
"""Programs that open sockets for others (master: Postfix)."""


def findings(made: Populations) -> list[Finding]:
    """One finding for each listener of one program that another holds: low for its children, else info."""
    newest = made.moments[-1].holdings if made.moments else []
    serving = {(held.pid, _port(held)) for held in newest if held.peer}
    listeners: dict[Hashable, list[Holding]] = {}
    for held in newest:
        if held.state == "LISTEN" and held.inode:
            listeners.setdefault(held.inode, []).append(held)
    found: dict[str, Finding] = {}
    for holders in listeners.values():
        one = _finding(made, holders, serving)
        if one is not None:
            found.setdefault(one.key, one)
    return list(found.values())


def _finding(
    made: Populations, holders: list[Holding], serving: set[tuple[int | None, str]]
) -> Finding | None:
    pids = list(dict.fromkeys(held.pid for held in holders if held.pid is not None))
    names = {pid: made.commands.get(pid, "") for pid in pids}
    owner = _owner(made, pids)
    port = _port(holders[0])
    foreign = [
        pid
        for pid in pids
        if owner is not None and not _same(names[pid], names[owner]) and (pid, port) not in serving
    ]
    given = any(name.startswith(_GIVERS) for name in names.values()) or 1 in pids
    if owner is None or not foreign or given or not all(names.values()):
        return None
    local = holders[0].local or holders[0].name or "?"
    heirs = who(made, foreign[:4], len(foreign))
    children = sum(_descends(made, pid, owner) for pid in foreign)
    related = (
        f"descended from {names[owner]} (lsof -R): {children:,} of {len(foreign):,}"
        if children
        else "whether they are children of its owner, the snapshots do not tell (lsof -R would)"
    )
    return Finding(
        key=f"shared_listener:{names[owner]}:{local}",
        check="shared_listener",
        severity="low" if children else "info",
        title=f"the listener at {local} of {names[owner]} is also held by {heirs}",
        capture=made.captures[holders[0].place[0]].name,
        pid=owner,
        pids=tuple(sorted(pids)),
        command=names[owner],
        kind=holders[0].kind,
        target=f"listening at {local}",
        state="LISTEN",
        open=len(holders),
        example_fds=tuple(held.fd for held in holders[:5] if held.fd is not None),
        example_pid=holders[0].pid,
        evidence=quotes(made, [held for held in holders if held.pid in (owner, *foreign[:2])]),
        certainty="certain" if children else "inferred",
        reasons=(related, "while one of them lives the port stays taken, and connections to it may hang"),
        advice="open the listener with SOCK_CLOEXEC, or close it in the child before exec()",
    )


def _owner(made: Populations, pids: list[int]) -> int | None:
    """The process that the others descend from; else the oldest number."""
    if len(pids) < 2:
        return None
    elders = [pid for pid in pids if made.parents.get(pid) not in pids]
    return min(elders or pids)


def _port(held: Holding) -> str:
    return (held.local or "").rpartition(":")[2]


def _descends(made: Populations, pid: int, elder: int) -> bool:
    seen: set[int] = set()
    while pid in made.parents and pid not in seen:
        seen.add(pid)
        pid = made.parents[pid]
        if pid == elder:
            return True
    return False


def _same(one: str, other: str) -> bool:
    """Whether two names can be of one program, one of them cut short."""
    return one.startswith(other) or other.startswith(one)
