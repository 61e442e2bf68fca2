"""Lines that a mail program or a form wrapped, put together again.

A wrapped line is full: the first word of what follows it would not have fitted
any more. Where nearly all lines that no record begins with follow a full one, the
text was wrapped at that width. Joined lines stand where their first part stood;
the others become blank, so that line numbers stay those of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .signs import MENDED, QUOTING
from .sniff import begins_call, form_of
from .strace.layout import LEADER

_NARROWEST, _WIDEST = 40, 200
_FEW = 3
_SHARE = 0.9
_PARTS = 200
_FENCE = re.compile(rb"^\s*(?:```|~~~|\{(?:code|noformat|quote)\b|</?(?:pre|code)>)")
_WITHIN = re.compile(rb"^(?:htons|htonl|inet_addr|inet_pton|makedev|if_nametoindex|WIFEXITED|WIFSIGNALED)\(")
"""What strace writes like a call within the arguments of another."""
_FRAME = b" > /"
_LEADER_ALONE = re.compile(rb"^(?:\[pid +\d+\] ?|\d+ +)?(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d{9,}\.\d+)\s*$")
_SIGNATURE = re.compile(rb"^-- ?$")


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The text with as many lines as before; `joined` of them were parts of others, cut at `width`."""

    text: bytes
    joined: int
    width: int

    def __str__(self) -> str:
        """What was done, in words."""
        return f"{self.joined:,} lines that were wrapped at {self.width} columns are {MENDED}"


def may_be_wrapped(head: bytes) -> bool:
    """A quick look at the beginning of a text: whether nearly all of its lines are short."""
    lengths = sorted(map(len, head.split(b"\n")))
    return len(lengths) > _FEW and lengths[int(_SHARE * (len(lengths) - 1))] <= _WIDEST


def unwrapped(text: bytes) -> Unwrapped | None:
    """The text with its wrapped lines put together; None where nothing was wrapped."""
    whole = [QUOTING.sub(b"", line).rstrip(b"\r") for line in text.split(b"\n")]
    records, followers = _lines_of_records(whole)
    if len(followers) < _FEW:
        return None
    lengths = sorted(len(whole[number].rstrip()) for number in records if b" " in whole[number].strip())
    width = lengths[int(0.98 * (len(lengths) - 1))]
    if not _NARROWEST <= width <= _WIDEST or _too_long(whole, width):
        return None
    # Cut anywhere, all parts but the last are of one length, and nothing is longer.
    longest = max(len(whole[number]) for number in records)
    hard = sum(len(whole[number - 1]) == longest for number in followers) >= _SHARE * len(followers)
    width = longest if hard else width
    full = {number for number in followers if _is_full(whole[number - 1], whole[number], width, hard)}
    if len(full) < max(_FEW, _SHARE * len(followers)):
        return None
    return Unwrapped(b"\n".join(_joined(whole, full, hard)), len(full), width)


def _lines_of_records(lines: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """The numbers of all lines of records, and of those that begin none and stand behind one."""
    from .prompts import command

    leaders = _with_leaders(lines)
    records: list[int] = []
    followers: list[int] = []
    within = parts = 0
    for number, line in enumerate(lines):
        if not line.strip() or _FENCE.match(line) or _SIGNATURE.match(line):
            within = 0
        elif _begins(line, leaders):
            within, parts = 1, 0
            records.append(number)
        elif within and parts < _PARTS and command(line.decode("utf-8", "replace")) is None:
            parts += 1
            records.append(number)
            followers.append(number)
        else:
            within = 0
    return records, followers


def _with_leaders(lines: Sequence[bytes]) -> bool:
    """Whether the calls of a text have a thread number or a time before them."""
    bare = alone = led = 0
    for line in lines:
        if _LEADER_ALONE.match(line):
            alone += 1
        elif form_of(line) == "strace" or begins_call(line):
            led += _leader(line) > 0
            bare += _leader(line) == 0
    return led + alone > bare - alone


def _leader(line: bytes) -> int:
    found = LEADER.match(line)
    return found.end() if found is not None else 0


def _begins(line: bytes, leaders: bool) -> bool:
    if line.startswith(_FRAME) or (leaders and _LEADER_ALONE.match(line)):
        return True
    form = form_of(line)
    if form == "strace" or (not form and begins_call(line)):
        return _leader(line) > 0 if leaders else not _WITHIN.match(line)
    return bool(form)


def _too_long(lines: Sequence[bytes], width: int) -> bool:
    """Whether many lines are longer than a wrapped text has them: words that are too long are not broken."""
    beyond = sum(len(line.rstrip()) > width and b" " in line.strip() for line in lines)
    return beyond > (1 - _SHARE) * len(lines)


def _is_full(line: bytes, after: bytes, width: int, hard: bool) -> bool:
    if hard:
        return len(line) >= width
    if after[:1].isspace():
        return False
    return len(line.rstrip()) + 1 + len(after.split(maxsplit=1)[0]) > width


def _joined(lines: Sequence[bytes], full: set[int], hard: bool) -> list[bytes]:
    """The lines, those in `full` at the end of the one before."""
    made: list[bytes] = []
    first = 0
    for number, line in enumerate(lines):
        if number not in full:
            first = number
            made.append(line)
            continue
        between = b"" if hard or made[first].endswith(b" ") else b" "
        made[first] += between + line
        made.append(b"")
    return made
