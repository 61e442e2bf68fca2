"""What stands before a call on a line of strace: the leader.

    LEADER = [pid] [secontext] [absolute time] [relative time] [number] [address]

in exactly this order (strace-6 `printleader`). Every part may be missing, and
one file may change its habit: `[pid N]` stands only while more than one tracee
lives. So the leader is read anew on each line; ambiguities are settled by
width: a bare number is a time stamp from nine digits on (pid_max is 4194304).
"""

from __future__ import annotations

import re

from .window import ABSENT

LEADER = re.compile(
    rb"""
    (?: \[pid\ +(?P<bracketed>\d{1,8})(?:<(?P<bcomm>[^>]*)>)?\]\ +
      | (?P<bare>\d{1,8})(?:<(?P<comm>[^>]*)>)?\ +(?=[\[<a-z_?+\-\d(])
    )?
    (?:(?P<secontext>\[[^\]\s\d][^\]\s]*[_:][^\]\s]*\])\ )?
    (?: (?P<day>\d\d:\d\d:\d\d(?:\.\d+)?)\ +
      | (?P<epoch>\d{9,11}(?:\.\d+)?)\ +
    )?
    (?: \(\+\ *(?P<delta>\d+(?:\.\d+)?)\)\ +
      | \ *(?P<relative>\d{1,8}(?:\.\d+)?)\ +(?=[\[<a-z_?+\-])
    )?
    (?:(?P<number>\[\ *(?:\d{1,7}|\?{1,4})\])\ )?
    (?:(?P<address>\[(?:[0-9a-f]{8}|[0-9a-f]{16}|\?{8}|\?{16})\])\ )?
    """,
    re.VERBOSE,
)

(
    BRACKETED,
    BCOMM,
    BARE,
    COMM,
    SECONTEXT,
    DAY,
    EPOCH,
    DELTA,
    RELATIVE,
    NUMBER,
    ADDRESS,
) = range(11)
"""Positions of the leader's parts in `LEADER.match(line).groups()`."""

SECOND = 1_000_000_000
DAY_NS = 86_400 * SECOND
_JUST_BEFORE_MIDNIGHT = 23 * 3600 * SECOND
"""So much forward, after a midnight was seen, is a line that stepped back behind it."""
_WHOLE_SECONDS = len("00:00:00")
_LATEST = ((1 << 63) - 1) // SECOND * SECOND
"""No column holds a later time: such a stamp is a number of another kind."""


def nanoseconds(text: bytes) -> int:
    """A decimal number of seconds as integer nanoseconds; no rounding through floats."""
    if text[-7:-6] == b".":
        return int(text[:-7] + text[-6:]) * 1000
    whole, _, fraction = text.partition(b".")
    return int(whole) * SECOND + (int(fraction[:9].ljust(9, b"0")) if fraction else 0)


def time_of_day(text: bytes) -> int:
    """`hh:mm:ss[.fraction]` as nanoseconds since midnight."""
    return (int(text[0:2]) * 3600 + int(text[3:5]) * 60) * SECOND + nanoseconds(text[6:])


class Clock:
    """Turns the time stamps of one file into nanoseconds that do not step back a day.

    `-t` and `-tt` print no date: a fall of more than twelve hours is midnight,
    a smaller one a changed clock. `-r` counts from the line before it; together
    with a time of day in whole seconds it is the finer of the two. `name` tells
    which clock the file has: epoch, day, relative or none.
    """

    __slots__ = ("_minute", "anchor", "days", "elapsed", "name", "previous")

    def __init__(self) -> None:
        self.name = "none"
        self.days = 0
        self.previous = ABSENT
        self.elapsed = 0
        self.anchor = ABSENT
        self._minute: tuple[bytes, int] = (b"", 0)

    def read(self, epoch: bytes | None, day: bytes | None, delta: bytes | None) -> int:
        """The time of a line from the stamps in its leader; ABSENT when it has none."""
        if epoch is not None:
            self.name = "epoch"
            time = nanoseconds(epoch)
            return time if time < _LATEST else ABSENT
        if delta is not None and (day is None or len(day) == _WHOLE_SECONDS):
            return self._sum(delta, day)
        if day is None:
            return ABSENT
        self.name = "day"
        return self._of_day(day)

    def _of_day(self, text: bytes) -> int:
        minute, begin = self._minute
        if text[:6] != minute:
            begin = time_of_day(text[:6] + b"00")
            self._minute = (text[:6], begin)
        value = begin + nanoseconds(text[6:]) + self.days * DAY_NS
        if self.previous != ABSENT:
            if self.previous - value > DAY_NS // 2:
                self.days += 1
                value += DAY_NS
            elif value - self.previous > _JUST_BEFORE_MIDNIGHT and self.days:
                return value - DAY_NS
        self.previous = value
        return value

    def _sum(self, delta: bytes, day: bytes | None) -> int:
        if self.anchor == ABSENT:
            self.anchor = time_of_day(day) if day is not None else 0
            self.name = "day" if day is not None else "relative"
        else:
            self.elapsed += nanoseconds(delta)
        return self.anchor + self.elapsed
