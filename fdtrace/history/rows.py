"""The rows of snapshots and logs as the columns of their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import schema
from ..readers.bundle import Capture
from ..readers.sheet import LwsEvent, LwsObject, OpenFile, Sheet, Snapshot, Socket

Columns = dict[str, list[Any]]


def columns(
    table: str,
    sheets: Iterable[tuple[Capture, Sheet]],
    epoch_offset: int | None,
    owners: Mapping[tuple[str, int], int] | None = None,
) -> Columns:
    """The columns of `open_files`, `sockets`, `lws_objects` or `lws_events`, in the order of the captures.

    `owners` are the processes of listings that do not name them, as a trace beside them tells.
    """
    names = schema.TABLES[table].names
    out: Columns = {name: [] for name in names}
    for capture, sheet in sheets:
        moments = _Moments(sheet, epoch_offset)
        for row in getattr(sheet, table):
            for name, values in out.items():
                values.append(_value(row, name, capture, moments))
            if owners and isinstance(row, OpenFile) and row.pid is None:
                out["pid"][-1] = owners.get((capture.name, row.snapshot))
    return out


class _Moments:
    """The calendar times of one sheet's snapshots and log lines."""

    def __init__(self, sheet: Sheet, epoch_offset: int | None) -> None:
        self._at = {snapshot.number: self._calendar(snapshot, epoch_offset) for snapshot in sheet.snapshots}
        clocks = [event.clock_ns for event in sheet.lws_events if event.clock_ns is not None]
        self.first = clocks[0] if clocks else None

    def at(self, number: int) -> int | None:
        """When the tool looked, in nanoseconds since 1970."""
        return self._at.get(number)

    @staticmethod
    def _calendar(snapshot: Snapshot, epoch_offset: int | None) -> int | None:
        if snapshot.clock == "none":  # a file's modification time is a hint, not what the capture says
            return None
        if snapshot.at_ns is None or snapshot.clock != "day":
            return snapshot.at_ns
        return None if epoch_offset is None else epoch_offset + snapshot.at_ns


def _value(
    row: OpenFile | Socket | LwsObject | LwsEvent, name: str, capture: Capture, moments: _Moments
) -> Any:
    if name == "capture":
        return capture.name
    if name == "at" and isinstance(row, (OpenFile, Socket)):
        return moments.at(row.snapshot)
    if isinstance(row, LwsObject) and name in ("created_time", "destroyed_time"):
        return getattr(row, name.replace("time", "ns"))
    if isinstance(row, LwsEvent) and name == "time":
        return row.clock_ns
    if isinstance(row, LwsEvent) and name == "t_s":
        known = row.clock_ns is not None and moments.first is not None
        return (row.clock_ns - moments.first) / 1e9 if known else None  # type: ignore[operator]
    return getattr(row, name)
