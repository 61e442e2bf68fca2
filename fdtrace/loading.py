"""From paths to a Case."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .case import Case, Progress
from .errors import BadArgument, DamagedInput
from .readers.bundle import gather
from .readers.listing import DEEPEST

if TYPE_CHECKING:
    import datetime

    from .store import Store
    from .symbols.resolve import Symbols


NOTHING = "no capture among the inputs"
"""Why nothing can be loaded from files that are there, but are something else."""


def load(
    *paths: str | os.PathLike[str],
    kind: str | None = None,
    date: str | None = None,
    tz: str | None = None,
    at: str | None = None,
    wrappers: Iterable[str] = (),
    symbols: Iterable[str | os.PathLike[str]] = (),
    debuginfod: Iterable[str] = (),
    symbolizer: str = "auto",
    progress: Progress | None = None,
    deepest: int = DEEPEST,
) -> Case:
    """Take captures together as one Case.

    Args:
        paths: files, directories, or "-" for standard input. Compressed files are read as they are.
        kind: what the named files are ("strace"), instead of finding it out.
        date: the date (YYYY-MM-DD) of a capture whose clock has none (`-t`, `-tt`).
        tz: the time zone of that clock, as in "Europe/Berlin" or "+02:00"; UTC if not given.
        at: when snapshots were taken that do not tell it ("2026-03-01 12:40:31", "12:40:31").
        wrappers: regular expressions for symbols that are never a call site.
        symbols: directories (or files) with the programs, libraries and debug files that were traced
            (`-k`): frames become functions, files and lines. See `Case.symbols` for what was found.
        debuginfod: servers that may be asked for debug files by build id; "env" for those that
            $DEBUGINFOD_URLS names. Without it, no network is used.
        symbolizer: what reads source lines: llvm-symbolizer, addr2line, python, none, or auto.
        progress: called with a Reading every now and then. What it raises ends the
            reading; after KeyboardInterrupt, what was read, or copied of a pipe, is the answer.
        deepest: so many levels of directories below a named one are searched; 0 for none.

    Raises:
        BadArgument: no path, or a date, zone or kind that means nothing.
        MissingExtra: the only input needs an optional package to be unpacked.
        CaptureError: nothing among the paths could be read. When something
            could, what could not is in `Case.unreadable`.
    """
    if not paths:
        raise BadArgument("load needs at least one file or directory.")
    names = [os.fspath(path) for path in paths]
    symbols = (symbols,) if isinstance(symbols, (str, os.PathLike)) else tuple(symbols)
    if stored := _stored(names):
        if symbols:
            raise BadArgument(f"{names[0]} is a saved Case: give symbols where it is saved.")
        return Case((), store=stored)
    from .history.passes import copying

    gathered = gather(names, kind, copying(progress), deepest)
    if not gathered.captures and gathered.unreadable:
        raise gathered.unreadable[0]
    if not gathered.captures:
        raise DamagedInput(NOTHING, path=", ".join(map(str, paths)))
    return Case(
        gathered.captures,
        skipped=list(gathered.skipped),
        unreadable=list(gathered.unreadable),
        epoch_offset=_epoch_offset(date, tz),
        at=at,
        wrappers=tuple(wrappers),
        progress=progress,
        symbols=_symbols(symbols, debuginfod, symbolizer),
    )


def _stored(names: list[str]) -> Store | None:
    """The store among the inputs, which is opened alone."""
    folders = [name for name in names if os.path.isdir(name)]
    if not folders:
        return None
    from . import store

    stores = [name for name in folders if store.is_store(name)]
    if stores and len(names) > 1:
        raise BadArgument(f"{stores[0]} is a saved Case: it is opened alone, without other inputs.")
    return store.Store(stores[0]) if stores else None


def _symbols(
    places: Iterable[str | os.PathLike[str]], servers: Iterable[str], symbolizer: str
) -> Symbols | None:
    """Where symbols are looked for; None where that was not asked for."""
    given, asked = tuple(os.fspath(place) for place in places), tuple(servers)
    if not given and not asked:
        return None
    from .symbols.resolve import Symbols

    return Symbols.of(given, asked, symbolizer)


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
