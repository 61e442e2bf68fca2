"""Lines that say when a snapshot was taken: `# 2026-11-23T07:03:13Z`, the output of date, headers of watch.

A time of another language is understood by its month; a zone's abbreviation
other than UTC names several zones in the world, so such a time is local. Of a
date like 05/04/2026 nobody can say which is the month: it is no time.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from ..errors import BadArgument
from .sheet import Clock

_SECOND = 1_000_000_000
_EARLIEST, _LATEST = 1_000_000_000, 4_102_444_800
"""A number alone is a time from September 2001, when it got its tenth digit, to the end of 2099."""

_LONGEST = 300
"""Characters of the longest line that is looked at (headers of watch on wide terminals)."""

_CLOCK = (
    r"(?P<h>\d{1,2}):(?P<m>\d\d):(?P<s>\d\d)(?:[.,:](?P<part>\d{1,9}))?(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_ZONE = r"(?:\s*\(?(?P<zone>Z\b|(?:(?:UTC|GMT)\s?)?[+-]\d\d(?::?\d\d)?\b|[A-Z][A-Za-z]{1,4}\b)\)?)?"
_NUMERIC = re.compile(
    r"(?P<year>\d{4})(?:(?P<sep>[-/.])|年 ?)(?P<month>\d{1,2})(?:(?P=sep)|月 ?)(?P<day>\d{1,2})日?"
    r"(?:[T_@ ]|\s?-\s?|,\s|\s*[(]?[一-龥]{1,3}[)]?\s+)\s*" + _CLOCK + _ZONE
)
_KOREAN = re.compile(
    r"(?P<year>\d{4})\. ?(?P<month>\d{1,2})\. ?(?P<day>\d{1,2})\. (?:\([가-힣]\) )?" + _CLOCK + _ZONE
)
_BASIC = re.compile(
    r"\b(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d)[T_-](?P<h>\d\d)(?P<m>\d\d)(?P<s>\d\d)"
    r"(?P<part>)(?P<half>)(?P<zone>Z|[+-]\d{4})?(?!\w)"
)
_DAY_FIRST = re.compile(
    r"\b(?P<day>\d{1,2})(?P<sep>[./])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4}),?\s+" + _CLOCK + _ZONE
)
_TIME = re.compile(r"(?<![\d:.])" + _CLOCK + _ZONE + r"(?![\d:])")
_LIKELY = re.compile(r"\d:\d\d|\d{6}")
"""Most lines that are no time have nothing of the kind in them."""

_EPOCH = re.compile(r"(?<![\d.,])(\d{10})(?:[.,](\d{1,9})|(\d{3}|\d{9}))?(?![\d.,])")
_UPTIME = re.compile(r"^\s*(?:top - )?(\d\d:\d\d:\d\d) up\s+\d")
_WATCH = re.compile(r"^\w[\w ]{0,20} \d+[.,]\d+ ?s ?: ")

_LABEL = frozenset(
    "date time timestamp snapshot snap capture captured sample taken at on now the of started begin"
    " start run look iteration round loop no number nr pass cycle collected recorded local utc gmt"
    " t ts epoch unix seconds term".split()
)
_DECORATED = re.compile(r"^\s*(?:[#*+%]|==|--|~~|//|>>)")
_WORDS_BESIDE = 8
"""A decorated line may say so many words more than its time: `=== lsof of pid 4120 at 12:40:31 ===`."""

_MONTHS: dict[str, int] = {
    stem: number
    for number, stems in enumerate(
        (
            "jan gen ene янв січ sty led oca",
            "feb fev fév лют фев lut úno şub helmi",
            "mar mär mrz maa мар бер bře",  # noqa: RUF001
            "apr avr abr апр кві kwi dub nis",
            "may mai mag mei maj мая май тра kvě",
            "jun juin giu июн чер cze čer haz",
            "jul juil lug июл лип lip čvc červenec tem",
            "aug aoû aou ago авг сер sie srp ağu",  # noqa: RUF001
            "sep set сен вер wrz zář eyl",
            "oct okt ott out окт жов paź říj eki",
            "nov ноя лис lis kas",
            "dec déc dez dic des дек гру gru pro ara",  # noqa: RUF001
        ),
        1,
    )
    for stem in stems.split()
}
_MONTHS_LENGTHS = sorted({len(stem) for stem in _MONTHS}, reverse=True)
_BETWEEN = frozenset({"de", "of", "the"})
_TOKEN = re.compile(r"[^\W\d_]+|\d+|\S")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that a line tells: nanoseconds since 1970, or since midnight for the clock "day"."""

    at_ns: int
    clock: Clock


def moment(text: str) -> Moment | None:
    """The time that this line is there to tell; None for a line that is something else."""
    if len(text) > _LONGEST or not _LIKELY.search(text):
        return None
    if _WATCH.match(text):
        return _after_command(text)
    if text.startswith("Script started on "):  # the first line of a typescript
        return _alone(text[18:].partition(" [")[0].strip(), False)
    if up := _UPTIME.match(text):
        return _of_day(_TIME.match(up[1]))
    return _alone(text.strip(), bool(_DECORATED.match(text)))


def told(text: str) -> Moment:
    """The time that a user typed.

    Raises:
        BadArgument: it is none of the forms that time lines have.
    """
    found = moment(text)
    if found is None:
        raise BadArgument(
            f"at cannot be {text!r}: write it as 2026-11-23T12:40:31Z, 2026-11-23 12:40:31 (local time),"
            " 12:40:31 or seconds since 1970."
        )
    return found


def _alone(text: str, decorated: bool) -> Moment | None:
    """A time with nothing beside it but decoration and, in a decorated line, some words."""
    if number := _EPOCH.search(text):
        beside = text[: number.start()] + " " + text[number.end() :]
        return _epoch(number) if _is_label(beside, False) else None
    for pattern in (_NUMERIC, _KOREAN, _BASIC, _DAY_FIRST):
        if found := pattern.search(text):
            beside = text[: found.start()] + " " + text[found.end() :]
            return _of_calendar(found) if _is_label(beside, decorated) else None
    found = _TIME.search(text)
    if found is None:
        return None
    beside = text[: found.start()] + " " + text[found.end() :]
    if dated := _in_words(found, beside, decorated):
        return dated
    return _of_day(found) if _is_label(beside, decorated) else None


def _after_command(text: str) -> Moment | None:
    """The date at the end of watch's header: behind the command and the name of the host."""
    for piece in (text.rpartition(": ")[2], *(" ".join(text.split()[-count:]) for count in (7, 6, 5, 4, 2))):
        if found := _alone(piece, False):
            return found
    return None


def _is_label(beside: str, decorated: bool) -> bool:
    """Whether the rest of a line only says that here is a time."""
    words = [word for word in re.split(r"[^\w]+", beside) if word]
    if decorated:
        return len(words) <= _WORDS_BESIDE
    return len(words) <= 4 and all(word.lower() in _LABEL or word.isdigit() for word in words)


def _in_words(clock: re.Match[str], beside: str, decorated: bool) -> Moment | None:
    """The output of date in some language: the time of day, and a day, a month by name and a year."""
    words = [token for token in _TOKEN.findall(beside) if token.isalnum() and token.lower() not in _BETWEEN]
    months = [place for place, word in enumerate(words) if _month(word)]
    years = [word for word in words if word.isdecimal() and len(word) == 4]
    # mar. is Tuesday when another month follows: the last one that has a day beside it counts.
    found = next(((place, day) for place in reversed(months) if (day := _day_beside(words, place))), None)
    others = sum(word.isalpha() for word in words)
    if found is None or not years or others > (_WORDS_BESIDE if decorated else 3):
        return None
    year, month, day = int(years[0]), _month(words[found[0]]) or 0, found[1]
    zone = clock["zone"]
    numeric = re.search(r"(?:UTC|GMT)?\s?([+-]\d{4})\b", beside)
    if zone is None and numeric:
        zone = numeric[1]
    if zone is None:
        zone = next((word for word in words if word in ("UTC", "GMT", "UCT")), None)
    return _dated(year, month, day, clock, zone)


def _day_beside(words: list[str], place: int) -> int | None:
    """The day of the month whose name stands at this place: before it in most languages, else behind it."""
    for word in (*words[max(place - 1, 0) : place], *words[place + 1 : place + 2]):
        if word.isdecimal() and len(word) <= 2:
            return int(word)
    return None


def _month(word: str) -> int | None:
    lower = word.lower()
    for length in _MONTHS_LENGTHS:
        if number := _MONTHS.get(lower[:length]):
            return number if len(lower) <= 12 else None
    return None


def _of_calendar(found: re.Match[str]) -> Moment | None:
    day, month = int(found["day"]), int(found["month"])
    if found.re is _DAY_FIRST and found["sep"] == "/":
        if day <= 12 and month <= 12:
            return None
        day, month = max(day, month), min(day, month)
    return _dated(int(found["year"]), month, day, found, found["zone"])


def _dated(year: int, month: int, day: int, clock: re.Match[str], zone: str | None) -> Moment | None:
    try:
        whole = datetime.datetime(year, month, day, tzinfo=datetime.UTC)
    except ValueError:
        return None
    within = _within_day(clock)
    if within is None:
        return None
    at_ns = int(whole.timestamp()) * _SECOND + within
    if zone is None:
        return Moment(at_ns, "local")
    if zone.upper() in ("Z", "UTC", "GMT", "UCT"):
        return Moment(at_ns, "utc")
    distance = re.search(r"([+-])(\d\d):?(\d\d)?$", zone)
    if distance is None:
        return Moment(at_ns, "local")
    minutes = int(distance[2]) * 60 + int(distance[3] or 0)
    sign = -1 if distance[1] == "-" else 1
    return Moment(at_ns - sign * minutes * 60 * _SECOND, "zone")


def _of_day(clock: re.Match[str] | None) -> Moment | None:
    within = _within_day(clock) if clock else None
    return None if within is None else Moment(within, "day")


def _within_day(clock: re.Match[str]) -> int | None:
    """Nanoseconds since midnight; None for what no clock shows."""
    hour, minute, second = int(clock["h"]), int(clock["m"]), int(clock["s"])
    if half := clock["half"]:
        if not 1 <= hour <= 12:
            # The locales of date print 12:40:31 PM, some also 13:40:31 PM.
            half = ""
        hour = hour % 12 + 12 if half.lower() == "p" else hour % 12 if half else hour
    if hour > 23 or minute > 59 or second > 60:
        return None
    part = int((clock["part"] or "").ljust(9, "0"))
    return ((hour * 60 + minute) * 60 + second) * _SECOND + part


def _epoch(number: re.Match[str]) -> Moment | None:
    """Seconds since 1970 as `date +%s` prints them, with or without decimals; also %s%3N and %s%N."""
    seconds = int(number[1])
    if not _EARLIEST <= seconds < _LATEST:
        return None
    part = (number[2] or number[3] or "").ljust(9, "0")
    return Moment(seconds * _SECOND + int(part), "utc")
