"""From paths to a Case."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .case import Case, Progress
from .errors import BadArgument, DamagedInput
from .readers.bundle import gather

if TYPE_CHECKING:
    import datetime

    from .store import Store


def load(
    *paths: str | os.PathLike[str],
    kind: str | None = None,
    date: str | None = None,
    tz: str | None = None,
    at: str | None = None,
    wrappers: Iterable[str] = (),
    progress: Progress | None = None,
) -> Case:
    """Take captures together as one Case.

    Args:
        paths: files, directories, or "-" for standard input. Compressed files are read as they are.
        kind: what the named files are ("strace"), instead of finding it out.
        date: the date (YYYY-MM-DD) of a capture whose clock has none (`-t`, `-tt`).
        tz: the time zone of that clock, as in "Europe/Berlin" or "+02:00"; UTC if not given.
        at: when snapshots were taken that do not tell it ("2026-03-01 12:40:31", "12:40:31").
        wrappers: regular expressions for symbols that are never a call site.
        progress: called with a Reading every now and then. What it raises ends the
            reading; after KeyboardInterrupt, what was read until then is the answer.

    Raises:
        BadArgument: no path, or a date, zone or kind that means nothing.
        MissingExtra: the only input needs an optional package to be unpacked.
        CaptureError: nothing among the paths could be read. When something
            could, what could not is in `Case.unreadable`.
    """
    if not paths:
        raise BadArgument("load needs at least one file or directory.")
    names = [os.fspath(path) for path in paths]
    if stored := _stored(names):
        return Case((), store=stored)
    from .history.passes import copying

    gathered = gather(names, kind, copying(progress))
    if not gathered.captures and gathered.unreadable:
        raise gathered.unreadable[0]
    if not gathered.captures:
        raise DamagedInput("no capture among the inputs", path=", ".join(map(str, paths)))
    return Case(
        gathered.captures,
        skipped=list(gathered.skipped),
        unreadable=list(gathered.unreadable),
        epoch_offset=_epoch_offset(date, tz),
        at=at,
        wrappers=tuple(wrappers),
        progress=progress,
    )


def _stored(names: list[str]) -> Store | None:
    """The store among the inputs, which is opened alone."""
    from . import store

    stores = [name for name in names if store.is_store(name)]
    if stores and len(names) > 1:
        raise BadArgument(f"{stores[0]} is a saved Case: it is opened alone, without other inputs.")
    return store.Store(stores[0]) if stores else None


def _epoch_offset(date: str | None, tz: str | None) -> int | None:
    """Nanoseconds from 1970 to the beginning of a local day; None without a date."""
    if date is None:
        if tz is not None:
            raise BadArgument("tz means nothing without a date: give both.")
        return None
    import datetime

    try:
        day = datetime.datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=_zone(tz))
    except (TypeError, ValueError) as error:
        raise BadArgument(f"date cannot be {date!r}: write it as YYYY-MM-DD.") from error
    return int(day.timestamp()) * 1_000_000_000


def _zone(tz: str | None) -> datetime.tzinfo:
    """A time zone by its name or by its distance from UTC."""
    import datetime
    import re
    import zoneinfo

    if tz is None or tz.upper() in ("UTC", "Z"):
        return datetime.UTC
    if distance := re.fullmatch(r"([+-])(\d\d):?(\d\d)", tz):
        sign = -1 if distance[1] == "-" else 1
        hours, minutes = int(distance[2]), int(distance[3])
        if hours < 24 and minutes < 60:
            return datetime.timezone(sign * datetime.timedelta(hours=hours, minutes=minutes))
    try:
        return zoneinfo.ZoneInfo(tz)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        raise BadArgument(f"tz cannot be {tz!r}: UTC, +02:00 and Europe/Berlin are zones.") from None
