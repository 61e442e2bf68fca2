"""What a libwebsockets log says of one descriptor: its connection, or the context that opened it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..readers.bundle import Capture
from ..readers.sheet import LwsObject, Sheet
from .callsites import CallSites
from .lives import Life
from .lws import Connection, connections, left_behind, library_site, shift
from .run import History

_SLACK = 5_000_000
_CONNECTED = frozenset({"tcp", "tcp6", "unix", "socket"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log that is about a descriptor; `clock_ns` is on the clock of the trace."""

    capture: Capture
    file: str
    line: int
    clock_ns: int | None
    what: str


def lines_of(life: Life, history: History, sites: CallSites) -> Iterator[Line]:
    """The lines of all logs beside the trace that are about a life, log by log."""
    logs = history.joined.logs if history.joined is not None else []
    for capture, sheet in logs:
        at = shift(capture, sheet, history)
        if at is None or life.opened is None:
            continue
        one = _connection(life, history, sites, sheet, at)
        if one is not None:
            yield from _of_connection(one, capture, sheet, at)
        else:
            for behind in left_behind(sheet, at, [life], history, sites):
                yield from _of_object(behind.context, f"context {behind.context.context}", capture, sheet, at)


def _connection(life: Life, history: History, sites: CallSites, sheet: Sheet, at: int) -> Connection | None:
    """The connection that a socket is of: by its number, else the only one alive when it was opened."""
    if life.kind not in _CONNECTED or life.opened is None:
        return None
    opened = life.opened.clock
    alive = [one for one in connections(sheet, ("wsicli", "wsisrv")) if _alive(one, opened - at)]
    numbered = [one for one in alive if one.fd == life.fd]
    if numbered:
        return numbered[-1]
    nameless = [one for one in alive if one.fd is None]
    by_library = library_site(history, sites, life.opened) is not None
    return nameless[0] if len(nameless) == 1 and by_library else None


def _alive(one: Connection, clock: int) -> bool:
    begun = one.began_ns
    end = one.row.destroyed_ns if one.row is not None else None
    return begun is not None and begun - _SLACK <= clock and (end is None or clock <= end + _SLACK)


def _of_connection(one: Connection, capture: Capture, sheet: Sheet, at: int) -> Iterator[Line]:
    name = f"{one.group} {one.ordinal:x}" if one.ordinal is not None else str(one.group or "connection")
    told = [] if one.row is None else list(_of_object(one.row, name, capture, sheet, at))
    yield from told[:1]
    for event in one.events:
        clock = None if event.clock_ns is None else event.clock_ns + at
        yield Line(capture, event.file, event.line, clock, event.text or event.callback or "")
    yield from told[1:]


def _of_object(row: LwsObject, name: str, capture: Capture, sheet: Sheet, at: int) -> Iterator[Line]:
    clock = None if row.created_ns is None else row.created_ns + at
    yield Line(capture, row.file, row.line, clock, f"{name} created: {row.description or ''}".rstrip(": "))
    if row.destroyed_line is not None:
        clock = None if row.destroyed_ns is None else row.destroyed_ns + at
        lived = "" if row.lifetime_s is None else f", after {row.lifetime_s * 1000:,.1f} ms"
        yield Line(capture, row.file, row.destroyed_line, clock, f"{name} destroyed{lived}")
