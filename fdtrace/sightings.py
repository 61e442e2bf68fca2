"""What snapshots and logs saw of descriptors, and the story of one that no trace knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from . import schema
from .errors import BadArgument

if TYPE_CHECKING:
    import pandas as pd

    from .case import Case
    from .history.callsites import CallSites
    from .history.looks import Look, Row
    from .history.recorder import Recorder


class Sighting(NamedTuple):
    """A row of the table `sightings`."""

    capture: str
    fd_id: int | None
    pid: int | None
    fd: int
    t_s: float | None
    source: str
    file: str
    line: int
    what: str


def table(looks: list[Look], recorded: Iterable[Recorder], sites: CallSites) -> pd.DataFrame:
    """Everything that was seen of descriptors, by the lives of the traces; the rows of no life come last."""
    rows: list[Sighting] = []
    met: set[int] = set()
    owners: dict[tuple[str, int], int] = {}
    for recorder in recorded:
        rows += sorted(_of_lives(recorder, sites, met), key=lambda one: one.fd_id or 0)
        owners |= recorder.history.joined.owners if recorder.history.joined is not None else {}
    rows += _alone(looks, met, owners)
    names = schema.TABLES["sightings"].names
    return schema.conform("sightings", {name: [getattr(row, name) for row in rows] for name in names})


def _of_lives(recorder: Recorder, sites: CallSites, met: set[int]) -> Iterator[Sighting]:
    """What is about the lives of one trace; `t_s` is on its clock. Logs come after snapshots.

    Adds the rows that it tells to `met`, by their id.
    """
    from .history.lws_beside import lines

    history = recorder.history
    first = history.coverage.first_ns
    assert history.joined is not None

    def seconds(clock: int | None) -> float | None:
        return None if clock is None or first is None else (clock - first) / 1e9

    for life in recorder.lives:
        who = history.fd_id(life), life.process.pid, life.fd
        told = set()
        found = history.joined.of(life)
        for look, row in sorted(found, key=lambda one: (one[0].clock_ns or 0, one[0].kind, one[1].line)):
            met.add(id(row))
            if (look.capture.name, row.line) not in told:
                told.add((look.capture.name, row.line))
                yield _sighting(look, row, *who, seconds(look.clock_ns))
    for life, line in lines(recorder.lives, history, sites):
        who = history.fd_id(life), life.process.pid, life.fd
        yield Sighting(
            line.capture.name, *who, seconds(line.clock_ns), "lws", line.file, line.line, line.what
        )


def _alone(looks: list[Look], met: set[int], owners: dict[tuple[str, int], int]) -> Iterator[Sighting]:
    """Every other row that names a number, oldest snapshot first; `t_s` is since the first of them."""
    times = [look.snapshot.at_ns for look in looks if look.snapshot.at_ns is not None]
    # Times of the day and times since 1970 are not on one axis.
    alike = len({look.snapshot.clock == "day" for look in looks if look.snapshot.at_ns is not None}) == 1
    first = min(times, default=0)

    def seconds(look: Look) -> float | None:
        at = look.snapshot.at_ns
        return (at - first) / 1e9 if at is not None and alike else None

    for look in sorted(looks, key=lambda look: (seconds(look) is None, seconds(look) or 0.0)):
        own = owners.get((look.capture.name, look.snapshot.number))
        for pid, numbers in look.files.items():
            for fd, row in numbers.items():
                if id(row) not in met:
                    yield _sighting(look, row, None, own if pid is None else pid, fd, seconds(look))
        for (holder, fd), socket in look.by_holder.items():
            if id(socket) not in met:
                yield _sighting(look, socket, None, holder, fd, seconds(look))


def _sighting(
    look: Look, row: Row, fd_id: int | None, pid: int | None, fd: int, t_s: float | None
) -> Sighting:
    return Sighting(look.capture.name, fd_id, pid, fd, t_s, look.kind, row.file, row.line, _words(row))


def _words(row: Row) -> str:
    """A row in few words: what it points to, or both ends and the state."""
    from .readers.sheet import Socket

    if row.local or row.peer:
        ends = f"{row.local or '*'} -> {row.peer}" if row.peer else str(row.local)
        waiting = f", {row.recv_q} bytes unread" if isinstance(row, Socket) and row.recv_q else ""
        return f"{row.proto or 'socket'} {ends} {row.state or ''}".rstrip() + waiting
    return str(row.path if isinstance(row, Socket) else row.name) + (f" {row.state}" if row.state else "")


# -- stories -----------------------------------------------------------------


def of(case: Case, fd_id: int) -> Iterator[tuple[Any, ...]]:
    """Every sighting of one life as a row of the table `story`: snapshots oldest first, then logs."""
    seen = case.sightings
    yield from _told(seen[(seen["fd_id"] == fd_id).fillna(False)])


def alone(case: Case, pid: int | None, fd: int) -> tuple[pd.Series, pd.DataFrame]:
    """The life of a descriptor that only snapshots know, as a row of `fds`, and its table `story`.

    Raises:
        BadArgument: no snapshot shows it, or several processes have one of this number.
    """
    seen = case.sightings
    seen = seen[seen["fd_id"].isna() & (seen["fd"] == fd).fillna(False)]
    if pid is not None:
        seen = seen[((seen["pid"] == pid) | seen["pid"].isna()).fillna(False)]
    if seen.empty:
        raise BadArgument(
            f"no snapshot shows a descriptor {fd}{'' if pid is None else f' of process {pid}'}."
        )
    owners = sorted({int(own) for own in seen["pid"].dropna()})
    if len(owners) > 1:
        known = ", ".join(map(str, owners[:20]))
        raise BadArgument(f"several processes are in these snapshots, say which: {known}.")
    told = schema.conform("story", dict(zip(_STORY, zip(*_told(seen), strict=True), strict=True)))
    return _life(case, seen.iloc[-1]), told


_STORY = schema.TABLES["story"].names


def _told(seen: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    columns = (seen[name].astype(object) for name in _STORY)
    yield from zip(*(column.where(column.notna(), None) for column in columns), strict=True)


def _life(case: Case, newest: pd.Series) -> pd.Series:
    """What the newest row says of a descriptor, as a row of `fds`."""
    rows = case.open_files if newest["source"] in ("lsof", "procfs") else case.sockets
    own = (rows["file"] == newest["file"]) & (rows["line"] == newest["line"])
    row = rows[own & (rows["fd"] == newest["fd"]).fillna(False)].iloc[0]
    target = row["name"] if "name" in row else row["path"]
    kind = row["kind"] if "kind" in row else row["proto"]
    return schema.conform(
        "fds",
        {
            "capture": [newest["capture"]],
            "pid": [newest["pid"]],
            "fd": [newest["fd"]],
            "kind": [kind],
            "target": [target],
            "local": [row["local"]],
            "peer": [row["peer"]],
            "inode": [row["inode"]],
            "via": ["snapshot"],
            "how": ["none"],
            "state": [row["state"]],
            "state_source": [newest["source"] if isinstance(row["state"], str) else None],
            "certainty": ["inferred"],
        },
    ).iloc[0]
