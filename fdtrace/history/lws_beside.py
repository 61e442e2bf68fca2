"""What a libwebsockets log says of one descriptor: its connection, or the context that opened it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def lines(lives: Iterable[Life], history: History, sites: CallSites) -> Iterator[tuple[Life, Line]]:
    """The lines of all logs beside the trace that are about these lives, log by log."""
    opened = [life for life in lives if life.opened is not None]
    for capture, sheet in history.joined.logs if history.joined is not None else ():
        at = shift(capture, sheet, history)
        if at is None:
            continue
        others = []
        for life, alive in _with_alive(opened, sheet, at):
            one = _connection(life, alive, history, sites)
            if one is None:
                others.append(life)
                continue
            for line in _of_connection(one, capture, sheet, at):
                yield life, line
        for behind in left_behind(sheet, at, others, history, sites):
            name = f"context {behind.context.context}"
            for line in _of_object(behind.context, name, capture, sheet, at):
                yield behind.life, line


def _with_alive(lives: Iterable[Life], sheet: Sheet, at: int) -> Iterator[tuple[Life, list[Connection]]]:
    """Lives in the order of their opening, each with the connections that were alive then."""
    begun = [one for one in connections(sheet, ("wsicli", "wsisrv")) if one.began_ns is not None]
    begun.sort(key=lambda one: one.began_ns or 0)
    alive: list[Connection] = []
    place = 0
    for life in sorted(lives, key=lambda life: life.opened.clock if life.opened else 0):
        assert life.opened is not None
        clock = life.opened.clock - at
        while place < len(begun) and (begun[place].began_ns or 0) - _SLACK <= clock:
            alive.append(begun[place])
            place += 1
        alive = [one for one in alive if not _over(one, clock)]
        yield life, sorted(alive, key=lambda one: one.line) if life.kind in _CONNECTED else []


def _over(one: Connection, clock: int) -> bool:
    end = one.row.destroyed_ns if one.row is not None else None
    return end is not None and clock > end + _SLACK


def _connection(life: Life, alive: list[Connection], history: History, sites: CallSites) -> Connection | None:
    """The connection that a socket is of: by its number, else the only one alive when it was opened."""
    numbered = [one for one in alive if one.fd == life.fd]
    if numbered:
        return numbered[-1]
    nameless = [one for one in alive if one.fd is None]
    if len(nameless) != 1 or life.opened is None:
        return None
    return nameless[0] if library_site(history, sites, life.opened) is not None else None


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
