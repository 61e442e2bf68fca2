"""Which snapshots were taken together: those of several tools and processes, by time or by order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..readers.sheet import OpenFile, Sheet, Snapshot, Socket

_ROUND = 3_000_000_000
"""Listings of one process after the other, each with a time line, are one round when it takes no longer."""
_TOGETHER = 60_000_000_000
"""Tools that looked once each did so for one moment when no more than a minute lies between them."""

Look = tuple[int, Snapshot]
_Round = list[Look]
Rows = tuple[dict[int, list[OpenFile]], dict[int, list[Socket]]]


def rows_of(sheet: Sheet) -> Rows:
    """The rows of each snapshot."""
    files: dict[int, list[OpenFile]] = {}
    sockets: dict[int, list[Socket]] = {}
    for file in sheet.open_files:
        if file.slot in (None, "fd"):
            files.setdefault(file.snapshot, []).append(file)
    for socket in sheet.sockets:
        sockets.setdefault(socket.snapshot, []).append(socket)
    return files, sockets


def when(looks: Sequence[Look]) -> int | None:
    """The time of the first of these looks; None where none has a time."""
    times = [shot.at_ns for _, shot in looks if shot.at_ns is not None]
    return min(times) if times else None


def moments(sheets: Sequence[Sheet], rows: Sequence[Rows]) -> list[list[Look]]:
    """The snapshots that were taken together, oldest first.

    By their times where all have one; else the first of each tool belong
    together, and so on. Files of one tool about the same processes are of
    different moments: they follow each other in the order in which they are given.
    """
    streams = _streams(sheets, rows)
    shots = [shot for stream in streams for round in stream for _, shot in round]
    days = {shot.clock == "day" for shot in shots}
    timed = all(shot.at_ns is not None for shot in shots) and len(days) == 1
    if timed and not _in_step(streams):
        return list(_by_time(streams))
    longest = max(map(len, streams), default=0)
    return [
        [look for stream in streams if place < len(stream) for look in stream[place]]
        for place in range(longest)
    ]


def _in_step(streams: Sequence[Sequence[_Round]]) -> bool:
    """Whether all tools looked equally often, each time all of them before the next time."""
    if len({len(stream) for stream in streams}) != 1 or len(streams[0]) < 2:
        return False
    times = [[when(round) or 0 for round in rounds] for rounds in zip(*streams, strict=True)]
    return all(max(early) < min(late) for early, late in pairwise(times))


def _streams(sheets: Sequence[Sheet], rows: Sequence[Rows]) -> list[list[_Round]]:
    """What follows each other: the rounds of one file, and of files that look at the same again."""
    streams: list[tuple[str, set[object], list[_Round]]] = []
    for index, sheet in enumerate(sheets):
        rounds, seen = rounds_of(index, sheet, rows[index])
        for kind, subjects, stream in streams:
            if kind == sheet.kind and subjects & seen:
                stream += rounds
                subjects |= seen
                break
        else:
            streams.append((sheet.kind, seen, rounds))
    for _, _, stream in streams:
        if all(when(round) is not None for round in stream):
            stream.sort(key=lambda round: when(round) or 0)
    return [stream for _, _, stream in streams if stream]


def rounds_of(index: int, sheet: Sheet, rows: Rows) -> tuple[list[_Round], set[object]]:
    """The looks of one file, those at different processes right after each other as one; what it looks at."""
    rounds: list[_Round] = []
    seen: set[object] = set()
    everything: set[object] = set()
    for shot in sheet.snapshots:
        subjects: set[object] = {file.pid for file in rows[0].get(shot.number, ())}
        subjects |= {(socket.proto or "").removesuffix("6") for socket in rows[1].get(shot.number, ())}
        everything |= subjects
        begun = when(rounds[-1]) if rounds else None
        late = begun is not None and shot.at_ns is not None and shot.at_ns - begun > _ROUND
        if not rounds or late or not subjects or subjects & seen:
            rounds.append([])
            seen = set()
        rounds[-1].append((index, shot))
        seen |= subjects
    return rounds, everything


def _by_time(streams: Sequence[Sequence[_Round]]) -> Iterator[list[Look]]:
    """Rounds within half the time between two of the same tool; none of a tool twice."""
    gaps = [(when(late) or 0) - (when(early) or 0) for stream in streams for early, late in pairwise(stream)]
    reach = min(gaps) // 2 if gaps else _TOGETHER
    ordered = sorted(
        ((when(round) or 0, number, round) for number, stream in enumerate(streams) for round in stream),
        key=lambda one: one[:2],
    )
    group: list[Look] = []
    begun, taken = 0, set[int]()
    for at, number, round in ordered:
        if group and (at - begun > reach or number in taken):
            yield group
            group, taken = [], set()
        if not group:
            begun = at
        group += round
        taken.add(number)
    if group:
        yield group
