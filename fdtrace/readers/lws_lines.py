"""One line of a libwebsockets log: its stamp, its level, its message.

The forms are those of 1.5 to 5.0: `[2026/11/23 07:05:37:7305] N: …` with ten
thousandths of a second, `[1447840000:1234] NOTICE: …` where there is no local
time, the free heap behind or instead of them on small systems, and no stamp at
all where a program has a way of its own to write. Whatever stands before the
stamp (`^C`, valgrind, syslog, colours) is another writer's.
"""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import NamedTuple

_STAMP = re.compile(
    r"\[(?:(\d{4}/\d\d?/\d\d? \d\d:\d\d:\d\d)|(\d{1,11})):(\d{4})\] ([A-Z]{1,9}|\?): ?"
    r"(?:(?=[ \d]{6}) *\d+: )?"
)
_GLUED = re.compile(
    r"(?<![\s\"'(\[=:])(?=\[(?:\d{4}/\d\d?/\d\d? \d\d:\d\d:\d\d|\d{9,11}):\d{4}\] [A-Z?]{1,9}: )"
)
_INNER = re.compile(r"\[\d{4,11}[/:]")
_COLOUR = re.compile(r"\x1b\[[\d;]*[mK]")
_UNSTAMPED = re.compile(
    r"(?:__lws_lc_(?:un)?tag:)?(?:^| )(?:\+\+|--) \[(?:\d+\|)?\w+\|[0-9a-f]+\|"
    r"|(?:\[(?:\d+\|)?[A-Za-z]\w*\|[0-9a-f]+\|[^\]]*\]: )?\b_{0,2}lws_\w+: "
    r"|\bLWS: \d+\.\d|\bLibwebsockets version: |\[(?:\d+\|)?(?:wsi\w*|vh|mux|SS\w+)\|[0-9a-f]+\|"
    r"|(?<!case )\bLWS_CALLBACK_[A-Z]|\bCLIENT_CONNECTION_ERROR\b"
)
_LEVEL = re.compile(r"(?:^|.*?[\s\]])(?:\d+: )?([A-Z]): $")
_HEAP = re.compile(r"^\d{4,9}: ")
_ISO = re.compile(
    r"^\W{0,3}(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d:?\d\d)?"
)
_DAMAGED = re.compile(
    r"(?P<stamp>^\[\d{4}/\d\d?/\d\d? \d\d[\d:]*\]?(?:$|[^\d:\]]| [A-Z]?$))"
    r"|(?P<head>^[\d/: ]*\d\d:\d{4}\] [A-Z]{1,9}: )"
    r"|(?P<life>__lws_lc_(?:un)?tag\b)"
)
_TAIL = re.compile(r" \((swallowed|dropped) (\d{1,10}) (?:dupes|logs)\)$")

_SECOND = 1_000_000_000


class Entry(NamedTuple):
    """One message. `clock_ns` is since 1970, in local time unless `utc`; None without a (possible) stamp."""

    clock_ns: int | None
    utc: bool
    level: str | None
    """One letter, as since 4.0: E W N I D P H X C L U T; None where none is printed."""
    message: str
    hidden: int
    """Further messages that the library left out here (5.0 and later)."""
    stamped: bool


def plain(text: str) -> str:
    """A line without colours."""
    return _COLOUR.sub("", text) if "\x1b" in text else text


def pieces(text: str) -> list[str]:
    """A line, or the lines that a missing line end has glued into one."""
    if _INNER.search(text, 1) is None:
        return [text]
    return [piece for piece in _GLUED.split(text) if piece]


def stamped(text: str) -> Entry | None:
    """The message of a line with libwebsockets' own stamp; None for another line."""
    found = _STAMP.search(text)
    if found is None:
        return None
    date, since_1970, fraction, level = found.groups()
    whole = _second(date) if since_1970 is None else int(since_1970)
    clock = None if whole is None else whole * _SECOND + int(fraction) * 100_000
    message, hidden = text[found.end() :], 0
    if message.endswith(")"):
        message, hidden = _without_tail(message)
    return Entry(clock, since_1970 is not None, _LETTERS.get(level, level[0]), message, hidden, True)


def unstamped(text: str, heap: bool) -> Entry | None:
    """The message of a line that another writer has stamped, or nobody.

    `heap` says that the log's lines begin with the free heap, as they do on ESP-IDF.
    """
    found = _UNSTAMPED.search(text)
    if found is None:
        alone = _HEAP.match(text) if heap else None
        if alone is None:
            return None
        message, hidden = _without_tail(text[alone.end() :])
        return Entry(None, False, None, message, hidden, False)
    level = _LEVEL.match(text[: found.start()])
    clock, utc = _iso(text)
    message, hidden = _without_tail(text[found.start() :])
    return Entry(clock, utc, level[1] if level else None, message.lstrip(), hidden, False)


def begins_with_heap(text: str) -> bool:
    """Whether a line begins with a number and a colon."""
    return _HEAP.match(text) is not None


def damage(text: str) -> str | None:
    """Why a line that is no message looks as if it had been one."""
    found = _DAMAGED.search(text)
    if found is None:
        return None
    return {
        "stamp": "a libwebsockets stamp that is cut off or damaged",
        "head": "a libwebsockets line without its beginning",
        "life": "a libwebsockets line about an object, damaged",
    }[found.lastgroup or "stamp"]


def _without_tail(message: str) -> tuple[str, int]:
    """A message without the library's remark on how many like it were left out."""
    hidden = 0
    for _ in range(2):
        found = _TAIL.search(message, max(0, len(message) - 48))
        if found is None:
            break
        hidden += int(found[2])
        message = message[: found.start()]
    return message, hidden


_LETTERS = {"EXTENSION": "X", "EXT": "X"}
"""Levels were words until 3.2; these have another letter now than their first one."""


@lru_cache(maxsize=1024)
def _second(date: str) -> int | None:
    """Seconds from 1970 to a date and time as stamps print it; None for one that does not exist."""
    day, _, time = date.partition(" ")
    midnight = _midnight(*map(int, day.split("/")))
    hour, minute, second = map(int, time.split(":"))
    if midnight is None or hour > 23 or minute > 59 or second > 60:
        return None
    return midnight + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=64)
def _midnight(year: int, month: int, day: int) -> int | None:
    """Seconds from 1970 to the beginning of a day; None for a day that does not exist."""
    try:
        return int(datetime.datetime(year, month, day, tzinfo=datetime.UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> tuple[int | None, bool]:
    """The time that another writer put at the beginning of a line, and whether it is of a known zone."""
    found = _ISO.match(text)
    if found is None:
        return None, False
    midnight = _midnight(int(found[1]), int(found[2]), int(found[3]))
    if midnight is None:
        return None, False
    seconds = midnight + int(found[4]) * 3600 + int(found[5]) * 60 + int(found[6])
    zone = found[8] or ""
    if zone[:1] in ("+", "-"):
        distance = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds -= distance if zone[0] == "+" else -distance
    return seconds * _SECOND + int((found[7] or "0").ljust(9, "0")), bool(zone)
