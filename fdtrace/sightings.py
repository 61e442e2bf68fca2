"""What snapshots and logs saw of one descriptor, for its story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BadArgument

if TYPE_CHECKING:
    import pandas as pd

    from .case import Case
    from .history.callsites import CallSites
    from .history.lives import Life
    from .history.looks import Look, Row
    from .history.run import History


@dataclass(frozen=True, slots=True)
class Sighting:
    """One line of another capture that is about a descriptor; `t_s` is on the clock of the trace."""

    capture: str
    t_s: float | None
    source: str
    file: str
    line: int
    what: str


def of(case: Case, fd_id: int) -> Iterator[Sighting]:
    """Every row of a snapshot that is this life, oldest first, and every line of a log that is about it."""
    from .history.callsites import CallSites

    sites = CallSites(case._wrappers)
    for history, lives in case._recorded:
        for life in lives:
            if history.fd_id(life) == fd_id:
                yield from _of_life(history, life, sites)
                return


def _of_life(history: History, life: Life, sites: CallSites) -> Iterator[Sighting]:
    from .history.lws_beside import lines_of

    if history.joined is None:
        return
    first = history.coverage.first_ns
    rows = sorted(history.joined.of(life), key=lambda one: (one[0].clock_ns or 0, one[0].kind, one[1].line))
    seen = set()
    for look, row in rows:
        if (look.capture.name, row.line) not in seen:
            seen.add((look.capture.name, row.line))
            known = look.clock_ns is not None and first is not None
            t_s = (look.clock_ns - first) / 1e9 if known else None  # type: ignore[operator]
            yield _sighting(look, row, t_s)
    for line in lines_of(life, history, sites):
        t_s = None if line.clock_ns is None or first is None else (line.clock_ns - first) / 1e9
        yield Sighting(line.capture.name, t_s, "lws", line.file, line.line, line.what)


def _sighting(look: Look, row: Row, t_s: float | None) -> Sighting:
    return Sighting(look.capture.name, t_s, look.kind, row.file, row.line, _words(row))


def _words(row: Row) -> str:
    """A row in few words: what it points to, or both ends and the state."""
    from .readers.sheet import Socket

    if row.local or row.peer:
        ends = f"{row.local or '*'} -> {row.peer}" if row.peer else str(row.local)
        waiting = f", {row.recv_q} bytes unread" if isinstance(row, Socket) and row.recv_q else ""
        return f"{row.proto or 'socket'} {ends} {row.state or ''}".rstrip() + waiting
    return str(row.path if isinstance(row, Socket) else row.name) + (f" {row.state}" if row.state else "")


def alone(case: Case, pid: int | None, fd: int) -> tuple[pd.Series, pd.DataFrame]:
    """The life of a descriptor that only snapshots know, as a row of `fds`, and its table `story`.

    Raises:
        BadArgument: no snapshot shows it, or several processes have one of this number.
    """
    from . import schema
    from .history.looks import looks_of

    found = [
        (look, own, rows[fd])
        for look in looks_of(case._sheets)
        for own, rows in look.files.items()
        if fd in rows and (pid is None or own in (pid, None))
    ]
    owners = {own for _, own, _ in found} - {None}
    if not found:
        raise BadArgument(
            f"no snapshot shows a descriptor {fd}{'' if pid is None else f' of process {pid}'}."
        )
    if len(owners) > 1:
        known = ", ".join(str(own) for own in sorted(owners, key=str)[:20])
        raise BadArgument(f"several processes are in these snapshots, say which: {known}.")
    times = [look.snapshot.at_ns for look, _, _ in found if look.snapshot.at_ns is not None]
    first = min(times, default=0)
    rows = [
        _sighting(look, row, None if look.snapshot.at_ns is None else (look.snapshot.at_ns - first) / 1e9)
        for look, _, row in found
    ]
    rows.sort(key=lambda one: one.t_s if one.t_s is not None else float("inf"))
    newest = found[-1][2]
    life = schema.conform(
        "fds",
        {
            "capture": [rows[-1].capture],
            "pid": [newest.pid],
            "fd": [fd],
            "kind": [newest.kind],
            "target": [newest.name],
            "local": [newest.local],
            "peer": [newest.peer],
            "inode": [newest.inode],
            "via": ["snapshot"],
            "how": ["none"],
            "state": [newest.state],
            "state_source": [rows[-1].source if newest.state else None],
            "certainty": ["inferred"],
        },
    ).iloc[0]
    names = [column.name for column in schema.TABLES["story"].columns]
    table = schema.conform("story", {name: [getattr(row, name) for row in rows] for name in names})
    return life, table
