"""Logs of libwebsockets, 1.5 to 5.0: objects, callbacks, errors, fragments among whatever a program printed.

A line with libwebsockets' stamp is its own or of the program that uses it, and
is parsed whatever it says. A line without is parsed when its text can only be
libwebsockets'; everything else between them (output of the program, other
loggers, hex dumps, the further lines of a message) is taken as continuation:
it is neither an error nor a row. Only lines that look like damaged ones of
libwebsockets are problems.
"""

from __future__ import annotations

import re

from . import lws_callbacks as words
from . import lws_lines
from .lws_lines import Entry
from .lws_objects import Objects
from .sheet import PROLONGS, LwsEvent, LwsObject, Sheet

MARKS = re.compile(
    rb"^[^\"']{0,80}?\[(?:\d{4}/\d\d?/\d\d? \d\d:\d\d:\d\d|\d{1,11}):\d{4}\] (?:[A-Z?]|[A-Z]{3,9}): "
    rb"|\d{4,9}: +(?:\[(?:wsi|vh|mux)|_{0,2}lws_\w+: )"
    rb"|[^\"']*__lws_lc_(?:un)?tag: |(?:\d+: )?[NIUEWD]: .*(?:lws_|LWS|\[(?:wsi|vh|mux|SS))"
    rb"|[^\"']{0,80}?(?:\+\+|--) \[(?:\d+\|)?(?:wsi\w*|vh|mux|SS\w+)\|[0-9a-f]+\|"
)
"""Lines that only a libwebsockets log has."""

_LIFECYCLE = re.compile(
    r"^(?:[^\s:]+: )*\s*(\+\+|--) \[(?:\d+\|)?([A-Za-z]\w*)\|([0-9a-f]{1,16})(?:\|(.*?))?\]"
    r" \((-?\d+)\)(?: (\S+))?\s*$"
)
_CUT_LIFECYCLE = re.compile(
    r"^(?:[^\s:]+: )*\s*(\+\+|--) \[(?:\d+\|)?([A-Za-z]\w*)\|([0-9a-f]{1,16})\|([^\]]*)"
)
_TAG = re.compile(r"\[(?:\d+\|)?([A-Za-z]\w*)\|([0-9a-f]{1,16})\|([^\[\]]*)")
_VERSION = re.compile(
    r"^(?:\[?[\w.-]+\]?: )*(?:lws_create_context: )?(?:LWS: |Libwebsockets version: )(\d+)\.(\d+)(\S*)(.*)"
)
_FIRST_WORDS = re.compile(r"^Initial logging level \d+")
_GONE = re.compile(
    r"\blws_context_destroy\w*: pt \d+ fully destroyed|^lws_context_destroy3(?:$|: ctx \S+ freed)"
)
_OWN = re.compile(r"^(?:\[[^\]]*\]: )?(?:_{0,2}lws_|rops_|secstream_|elops_|_realloc|_lwsl)\w*: ")
_REFUSED = re.compile(
    r"lws_client_connect\w*: .*(?:says e(?:rr)? \d|says E|FAILED|lws_getaddrinfo\w* failed)|says E[A-Z]+$"
)
_OF_INTEREST = ("fd", "sock", "skt", "errno", "says ", "rx: len", "getaddrinfo")
"""Without one of these and without a callback, a message of another level than ERR is no event."""
_LOOKED_AT = 8192
"""Characters of a message that are looked at, whatever stands before it included."""
_LONGEST = 300
"""Characters of a message that an event keeps; the library's own are at most 255 (1,023 with threads)."""


class Reader:
    """One libwebsockets log."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.objects = Objects(sheet)
        self._heap = False
        self._others = 0
        self._hidden = 0
        self._cut = 0
        self._levels: dict[str, int] = {}
        self._versions: dict[str, None] = {}
        self._major: int | None = None
        self._stamps: set[str] = set()
        self._awaiting_version = False

    def line(self, number: int, text: str) -> str | None:
        """Take one line without its end, see the module's own words."""
        text = lws_lines.plain(text)
        taken = False
        for piece in lws_lines.pieces(text):
            piece = piece[:_LOOKED_AT]
            entry = lws_lines.stamped(piece) or lws_lines.unstamped(piece, self._heap)
            if entry is not None:
                self._entry(number, entry)
                self._heap = self._heap or (not entry.stamped and lws_lines.begins_with_heap(piece))
                taken = True
        if taken or not text.strip():
            return None
        damage = lws_lines.damage(text[:_LOOKED_AT])
        if damage is not None:
            return damage
        self._others += 1
        return PROLONGS

    def new_snapshot(self) -> None:
        """A log is one stream: a time line changes nothing."""

    def end(self) -> None:
        """Say what was found out about the form."""
        sheet = self.sheet
        sheet.variants += [f"libwebsockets {version}, as it calls itself" for version in self._versions]
        if self._stamps:
            sheet.variants.append("stamps: " + ", ".join(sorted(self._stamps)))
        if self._levels:
            sheet.variants.append("levels: " + " ".join(sorted(self._levels)))
        if not self.objects.lines:
            sheet.variants.append(
                "no lines about objects (++ and --): before 4.2 there are none, since 4.4 they are of"
                " level INFO; their absence proves nothing"
            )
        if self.objects.miscounted:
            sheet.variants.append(
                f"lines about objects are missing: the count on line {self.objects.miscounted} is another"
                " than what was seen"
            )
        if self._hidden:
            sheet.variants.append(f"{self._hidden:,} repeated messages were left out by the library")
        if self._cut:
            sheet.variants.append(f"{self._cut:,} messages are cut off at the library's limit (...)")
        if self._others:
            lines = "line" if self._others == 1 else "lines"
            sheet.variants.append(f"{self._others:,} {lines} of other writers, not read")
        self.objects.end()

    # -- one message -------------------------------------------------------------

    def _entry(self, number: int, entry: Entry) -> None:
        if entry.stamped:
            self._stamps.add("seconds since 1970" if entry.utc else "date and local time, to 1/10,000 s")
            if entry.clock_ns is None:
                self.sheet.problem(number, "a date that does not exist", entry.message, lines=0)
        else:
            self._stamps.add("by another writer" if entry.clock_ns is not None else "none")
        if entry.level is not None:
            self._levels[entry.level] = self._levels.get(entry.level, 0) + 1
        self._hidden += entry.hidden
        message = entry.message
        self._cut += message.endswith("...") and len(message) > 200
        if ("++ [" in message or "-- [" in message) and self._lifecycle(number, entry):
            return
        self._context(number, entry)
        self._event(number, entry)

    def _lifecycle(self, number: int, entry: Entry) -> bool:
        """An object's `++` or `--`; whether the message is one."""
        found = _LIFECYCLE.search(entry.message)
        cut = None if found else _CUT_LIFECYCLE.search(entry.message)
        match = found or cut
        if match is None:
            return False
        sign, group, ordinal, description = match.group(1, 2, 3, 4)
        count = int(found[5]) if found else None
        if cut:
            self.sheet.problem(number, "the end of a line about an object is missing", entry.message, lines=0)
        if sign == "++":
            self.objects.created(number, entry.clock_ns, group, int(ordinal, 16), description or "", count)
        else:
            self.objects.destroyed(
                number,
                entry.clock_ns,
                group,
                int(ordinal, 16),
                description or "",
                count,
                found[6] if found else None,
            )
        return True

    def _context(self, number: int, entry: Entry) -> None:
        """Beginnings and ends of contexts that the log states."""
        message = entry.message
        if _FIRST_WORDS.match(message):
            self.objects.context(number, entry.clock_ns, None)
            self._awaiting_version = True
        elif "LWS: " in message or message.startswith("Libwebsockets version"):
            found = _VERSION.match(message)
            if found is None:
                return
            version = f"{found[1]}.{found[2]}{found[3].rstrip(',-')}"
            self._versions.setdefault(version)
            self._major = int(found[1])
            if self._awaiting_version and self.sheet.lws_objects:
                self.sheet.lws_objects[-1].description = version
            else:
                self.objects.context(number, entry.clock_ns, version)
            self._awaiting_version = False
        elif "context_destroy" in message and _GONE.search(message):
            self.objects.context_destroyed(number, entry.clock_ns)

    # -- events --------------------------------------------------------------------

    def _event(self, number: int, entry: Entry) -> None:
        message = entry.message
        own = _OWN.match(message) is not None
        told = None if own else words.callback(message, self._major is None or self._major >= 2)
        if told is None and entry.level != "E" and not any(word in message for word in _OF_INTEREST):
            return
        event = LwsEvent(self.sheet.file, number, entry.clock_ns, text=message[:_LONGEST])
        row = self._about(event, message, told)
        if told is not None:
            event.callback, event.reason = told.name, told.number
            self._failure(event, told)
        elif entry.level != "W" and _REFUSED.search(message):
            event.stage = "dns" if "getaddrinfo" in message else "connect"
        piece = words.fragment(message, told.detail if told and "RECEIVE" in (told.name or "") else _rx(told))
        if piece is not None:
            event.length, event.remaining, event.first, event.last = piece
        event.fd = words.descriptor(message) if told is None else None
        if event.errno is None and (told is None or event.stage is not None):
            event.errno = None if "conn OK" in message else words.error(message)
        if (
            told is None
            and entry.level != "E"
            and not (event.stage or event.errno or piece or event.fd is not None)
        ):
            return
        self.sheet.lws_events.append(event)
        if row is not None:
            row.last_callback = event.callback or row.last_callback
            row.fd = event.fd if row.fd is None else row.fd
            if event.stage is not None and event.callback is not None:
                row.error = told.detail.lstrip(": ") if told and told.detail.strip(": ") else "no text"
            elif event.stage is not None and row.error is None:
                row.error = message

    def _about(self, event: LwsEvent, message: str, told: words.Callback | None) -> LwsObject | None:
        """Which object a message is about: the one it names, else the only one that it can be."""
        tag = _TAG.search(message)
        if tag is not None:
            event.group, event.ordinal = tag[1], int(tag[2], 16)
            event.context, row = self.objects.named(tag[1], event.ordinal, tag[3])
            return row
        if told is not None and told.name is not None:
            side = words.side(told.name)
        else:
            side = "client" if told is None and message.startswith("lws_client_connect") else ""
        row = self.objects.only(side) if side else None
        if row is not None:
            event.group, event.ordinal, event.context = row.group, row.ordinal, row.context
        return row

    @staticmethod
    def _failure(event: LwsEvent, told: words.Callback) -> None:
        """What CLIENT_CONNECTION_ERROR says of the stage and the error."""
        if told.name != "CLIENT_CONNECTION_ERROR":
            return
        detail = told.detail.strip(" :,")
        event.stage = words.stage(detail) or "unknown"
        event.errno = words.error(detail)


def _rx(told: words.Callback | None) -> str | None:
    """What follows the name of a raw socket's RX callback."""
    return told.detail if told is not None and (told.name or "").endswith(("_RX", "_RX_FILE")) else None
