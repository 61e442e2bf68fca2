"""The stories that a libwebsockets log tells: contexts, connections, messages in their fragments.

Connections that the log names by tag are those of its objects; where it has no
lines about objects, they are put together from callbacks in their order, which
works while one connection is under way at a time and stops where two are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..readers.bundle import Capture
from ..readers.lws_callbacks import side
from ..readers.lws_objects import CONTEXT
from ..readers.sheet import LwsEvent, LwsObject, Sheet, Snapshot
from . import clocks
from .callsites import CallSite, CallSites
from .lives import At, Life
from .looks import Look
from .run import History

_POINTER = re.compile(r"\b0x[0-9a-f]{6,16}\b")
_HOST = re.compile(r"^(?:[A-Z]+)/[^/]+(?:/[^/]+)?/([^/|\]]+)")
_ENDS = frozenset(("CLIENT_CONNECTION_ERROR", "CLIENT_CLOSED", "CLOSED", "CLOSED_CLIENT_HTTP", "WSI_DESTROY"))
_ESTABLISHED = frozenset(
    "CLIENT_ESTABLISHED ESTABLISHED ESTABLISHED_CLIENT_HTTP RAW_CONNECTED MQTT_CLIENT_ESTABLISHED".split()
)
_RELEASED = "WSI_DESTROY"
_BY_LIBRARY = re.compile(r"^_*lws_|^rops_|^elops_|^__lws")
_HOUSEKEEPING = frozenset(("eventfd", "pipe", "netlink", "epoll", "timerfd"))
"""What a context opens for itself: without stacks, only these are taken to be its own."""
_AT_ONCE = 256
"""Messages that may be under way at the same time."""
_SLACK = 2_000_000
"""Stamps are cut to 100 µs and taken before the line is written."""


@dataclass(slots=True)
class Connection:
    """One connection from its creation to its end, as far as the log tells.

    `row` is its object, None where the log has no lines about objects; then
    `certain` says whether its events name it, and were not only put together
    in their order. `events` are its own, in the order of the log.
    """

    row: LwsObject | None
    group: str | None
    ordinal: int | None
    description: str | None
    events: list[LwsEvent] = field(default_factory=list)
    certain: bool = True

    @property
    def address(self) -> str | None:
        """The host that it goes to, from its description (`WS/h1/default/HOST`)."""
        found = _HOST.match(self.description or "")
        return found[1] if found else None

    @property
    def line(self) -> int:
        """Its first line in the log."""
        lines = [event.line for event in self.events[:1]]
        return min([*lines, self.row.line] if self.row else lines)

    @property
    def began_ns(self) -> int | None:
        """When it was created, or when the log first speaks of it."""
        if self.row is not None and self.row.created_ns is not None:
            return self.row.created_ns
        return self.events[0].clock_ns if self.events else None

    @property
    def fd(self) -> int | None:
        """Its descriptor, where the log names it."""
        if self.row is not None and self.row.fd is not None:
            return self.row.fd
        return next((event.fd for event in self.events if event.fd is not None), None)

    def event(self, callbacks: Iterable[str]) -> LwsEvent | None:
        """Its first event that is one of these callbacks."""
        names = frozenset(callbacks)
        return next((event for event in self.events if event.callback in names), None)

    @property
    def failure(self) -> LwsEvent | None:
        """What says that it was never established: the callback, else the library's own line."""
        told = self.event(("CLIENT_CONNECTION_ERROR",))
        return told or next((event for event in self.events if event.stage is not None), None)

    @property
    def stage(self) -> str | None:
        """At which stage it failed; a word of the library's own line where the callback has none."""
        stages = [event.stage for event in self.events if event.stage is not None]
        return next((stage for stage in stages if stage != "unknown"), stages[0] if stages else None)

    @property
    def errno(self) -> str | None:
        """The error with which it failed."""
        return next((event.errno for event in self.events if event.stage and event.errno), None)

    @property
    def established(self) -> LwsEvent | None:
        """What says that it was established."""
        return self.event(_ESTABLISHED)

    @property
    def closed(self) -> LwsEvent | None:
        """What says that it was closed."""
        return self.event(("CLIENT_CLOSED", "CLOSED", "CLOSED_CLIENT_HTTP", "RAW_CLOSE"))

    @property
    def released(self) -> bool | None:
        """Whether it was destroyed; None where the log does not tell of ends."""
        if self.row is not None:
            return None if self.row.open is None else not self.row.open
        return True if self.event((_RELEASED,)) else None


def contexts(sheet: Sheet) -> list[LwsObject]:
    """The contexts of a log, in the order of their creation."""
    return [row for row in sheet.lws_objects if row.group == CONTEXT]


def objects(sheet: Sheet) -> list[LwsObject]:
    """Everything else that a log says was created."""
    return [row for row in sheet.lws_objects if row.group != CONTEXT]


def connections(sheet: Sheet, sides: Sequence[str] = ("wsicli",)) -> list[Connection]:
    """Every connection of a log whose group begins like one of `sides`, in the order in which they began."""
    named: dict[tuple[int | None, str | None, int | None], list[Connection]] = {}
    found: list[Connection] = []
    for row in objects(sheet):
        if (row.group or "").startswith(tuple(sides)):
            one = Connection(row, row.group, row.ordinal, row.description)
            found.append(one)
            named.setdefault((row.context, row.group, row.ordinal), []).append(one)
    loose: list[LwsEvent] = []
    for event in sheet.lws_events:
        holder = _holder(named.get((event.context, event.group, event.ordinal), ()), event.line)
        if holder is not None:
            holder.events.append(event)
        elif not found:
            loose.append(event)
    found += _from_callbacks(loose, "client" if "wsicli" in sides else "server")
    return sorted(found, key=lambda one: one.line)


def _holder(candidates: Iterable[Connection], line: int) -> Connection | None:
    for one in candidates:
        assert one.row is not None
        if one.row.line <= line and (one.row.destroyed_line is None or line <= one.row.destroyed_line):
            return one
    return None


def _from_callbacks(events: Iterable[LwsEvent], whose: str) -> list[Connection]:
    """Connections out of callbacks alone, by tag or pointer where messages have them, else one at a time."""
    found: list[Connection] = []
    under_way: dict[str, Connection] = {}
    for event in events:
        if event.callback is None and event.stage is None:
            continue
        if event.callback is not None and side(event.callback) not in (whose, "either"):
            continue
        key, description = _key(event)
        one = under_way.get(key) or (under_way.get("") if key and not _has_name(under_way.get("")) else None)
        if one is None and not key and len(under_way) == 1:
            one = next(iter(under_way.values()))
        finished = one is not None and any(e.callback in _ENDS for e in one.events)
        if one is None or event.callback == "WSI_CREATE" or (finished and event.callback not in _ENDS):
            if event.callback == _RELEASED and one is None:
                continue
            one = Connection(None, event.group, event.ordinal, description, certain=bool(key))
            found.append(one)
            under_way[key] = one
        if one.group is None and event.group is not None:
            one.group, one.ordinal, one.description = event.group, event.ordinal, description
        one.events.append(event)
        if event.callback == _RELEASED:
            for known in [known for known, held in under_way.items() if held is one]:
                del under_way[known]
    return found


def _has_name(one: Connection | None) -> bool:
    return one is None or one.group is not None


def _key(event: LwsEvent) -> tuple[str, str | None]:
    """What an event names its connection by, and the description beside it."""
    text = event.text or ""
    if event.group is not None:
        _, _, rest = text.partition(f"[{event.group}|{event.ordinal or 0:x}|")
        return f"{event.group}|{event.ordinal}", rest.partition("]")[0] or None
    pointer = _POINTER.search(text)
    return (pointer[0] if pointer else ""), None


# -- messages ------------------------------------------------------------------


@dataclass(slots=True)
class Message:
    """One received message in its fragments. `bytes` is None while its last fragment is not in the log."""

    lines: list[int]
    lengths: list[int]
    frame: int | None
    """Bytes of its first frame, from its first fragment and what was still to come."""
    whole: bool = False

    @property
    def bytes(self) -> int:
        """All that came of it."""
        return sum(self.lengths)


def messages(events: Iterable[LwsEvent]) -> Iterator[Message]:
    """The messages in fragments: from a first one to the last one with nothing left to come.

    Fragments of several connections that no message of the log tells apart are:
    what one has still to come is what the next one brings and leaves.
    """
    open_: list[tuple[int | None, Message]] = []
    for event in events:
        if event.length is None or event.last is None:
            continue
        came = None if event.remaining is None else event.length + event.remaining
        if event.first:
            message = Message([], [], came)
        else:
            place = next(
                (n for n, (left, _) in enumerate(open_) if not left or came is None or left == came), None
            )
            if place is None:
                continue
            message = open_.pop(place)[1]
        message.lines.append(event.line)
        message.lengths.append(event.length)
        if event.last and not event.remaining:
            message.whole = True
            yield message
        else:
            open_.append((event.remaining, message))
            del open_[:-_AT_ONCE]
    yield from (message for _, message in open_)


def received(sheet: Sheet) -> list[tuple[str, list[Message]]]:
    """The messages of a log, by what received them (name of the callback), each connection on its own."""
    by_holder: dict[tuple[str, int | None, str | None, int | None], list[LwsEvent]] = {}
    for event in sheet.lws_events:
        if event.length is not None:
            key = (event.callback or "rx", event.context, event.group, event.ordinal)
            by_holder.setdefault(key, []).append(event)
    found: dict[str, list[Message]] = {}
    for (callback, *_), events in by_holder.items():
        found.setdefault(callback, []).extend(m for m in messages(events) if m.lines)
    return list(found.items())


# -- beside a trace ---------------------------------------------------------------


def shift(capture: Capture, sheet: Sheet, history: History) -> int | None:
    """What to add to a log's stamps for the trace's clock; None when the two cannot be compared."""
    coverage = history.coverage
    stamps = [row.created_ns for row in sheet.lws_objects if row.created_ns is not None]
    stamps += [event.clock_ns for event in sheet.lws_events if event.clock_ns is not None]
    if not stamps or coverage.first_ns is None or coverage.last_ns is None:
        return None
    looks = [
        Look(capture, "lws", Snapshot(number, sheet.file, 0, at, "local"))
        for number, at in enumerate((min(stamps), max(stamps)), 1)
    ]
    clocks.align(looks, coverage.clock, coverage.first_ns, coverage.last_ns)
    at = looks[0].clock_ns
    return None if at is None else at - min(stamps)


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A descriptor that was opened while a context was alive, by it, and outlives it."""

    context: LwsObject
    life: Life
    site: CallSite | None
    """The library's function that opened it; None without a stack."""


def left_behind(
    sheet: Sheet, shift_ns: int, lives: Iterable[Life], history: History, sites: CallSites
) -> list[LeftBehind]:
    """The descriptors among `lives` (nobody closed them) that destroyed contexts have opened."""
    gone = [row for row in contexts(sheet) if row.created_ns is not None and row.destroyed_ns is not None]
    found = []
    for life in lives:
        if life.opened is None or life.opened.clock < 0 or life.copied:
            continue
        site = library_site(history, sites, life.opened)
        if site is None and (life.opened.stack >= 0 or life.kind not in _HOUSEKEEPING):
            continue
        owner = _context_at(gone, life.opened.clock - shift_ns)
        if owner is not None:
            found.append(LeftBehind(owner, life, site))
    return found


def _context_at(rows: Iterable[LwsObject], at: int) -> LwsObject | None:
    """The context that was alive then; the latest of several."""
    inside = [
        row for row in rows
        if (row.created_ns or 0) - _SLACK <= at <= (row.destroyed_ns or 0) + _SLACK
    ]  # fmt: skip
    return inside[-1] if inside else None


def library_site(history: History, sites: CallSites, at: At) -> CallSite | None:
    """The call site of a stack, if it is a function of libwebsockets."""
    if at.stack < 0:
        return None
    site = sites.of(history.scan.stacks[at.stack])
    if site is None:
        return None
    if "libwebsockets" in (site.module or "") or _BY_LIBRARY.match(site.site or ""):
        return site
    return None


def outlived(sheet: Sheet, shift_ns: int, lives: Iterable[Life]) -> list[tuple[LwsObject, Life]]:
    """Objects that were destroyed, with their descriptors that nobody closed.

    The log names the descriptor; the life that had the number when the object
    was destroyed is meant.
    """
    by_fd: dict[int, list[Life]] = {}
    for life in lives:
        by_fd.setdefault(life.fd, []).append(life)
    found = []
    for row in objects(sheet):
        if row.fd is None or row.destroyed_ns is None or row.created_ns is None:
            continue
        begin, end = row.created_ns + shift_ns - _SLACK, row.destroyed_ns + shift_ns + _SLACK
        for life in by_fd.get(row.fd, ()):
            if life.opened is not None and begin <= life.opened.clock <= end:
                found.append((row, life))
    return found
