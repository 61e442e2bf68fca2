"""A text out of several captures and prose, cut into its parts.

Tickets, mails and notes hold the outputs of several tools between sentences,
prompts and fences, quoted with `> ` or indented. Each part becomes a text of
its own with as many lines as the paste: lines of others are blank, so that line
numbers stay those of the paste. A line belongs to one part or to the prose;
only a line that tells the time is given to every part that follows it, until
the next such line.

Only what stands alone is cut out: a few lines of another kind between calls of
strace are the output of the program, and stay where they are.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from fdtrace.readers.moments import moment
from fdtrace.readers.prompts import command
from fdtrace.readers.signs import QUOTING
from fdtrace.readers.sniff import begins_call, form_of

RECORDINGS = 50
"""Commands of strace whose output is a part of its own; what follows more of them is one part."""

_ENOUGH = 3
_GAP = 8
_LOOKED_AT = 2000

_HARD_BLANK = "\N{NO-BREAK SPACE}".encode()
"""What web pages put in the place of blanks."""
_COLOUR = re.compile(rb"\x1b\[[0-9;]*[mK]")
_FENCE = re.compile(rb"^\s*(?:```|~~~|\{(?:code|noformat|quote)\b[^}]*\}|</?(?:pre|code)>)")
_TOOL = re.compile(r"(?:^|[\s/|;&(])(?P<tool>strace|lsof|netstat|ss)(?=\s|$)")
_PROC = re.compile(
    r"(?:^|\s)(?:ls|ll|find|cat|head|tail|grep|stat|readlink|for)\s.*/proc\b|(?:^|\s)/proc/\S+/?$"
)

_HEADERS: dict[str, re.Pattern[bytes]] = {
    "strace": re.compile(rb".*\bexecve\(\""),
    "lsof": re.compile(rb"^\W*COMMAND +PID\b|^\s*\{\s*\"(?:lsof_version|processes|pid|command)\""),
    "netstat": re.compile(rb"^\s*(?:Active (?:Internet|UNIX|LOCAL)|Proto +(?:Recv-Q|RefCnt))"),
    "ss": re.compile(rb"^\s*(?:Netid +)?(?:State +)?(?:Recv-Q *Send-Q *)?Local Address:Port"),
    "procfs": re.compile(rb"^\s*(?:total \d+\s*$|\S*/proc/\S+/fd\S*:\s*$|sl +local_address|Num +RefCount)"),
    "lws": re.compile(rb".*\] (?:N|NOTICE): .*(?:LWS: |Libwebsockets version)"),
}
# Rows and continuations that a table may have without the marks of its kind.
_TAILS: dict[str, re.Pattern[bytes]] = {
    "lsof": re.compile(rb"^\S+ +\d+ "),
    "netstat": re.compile(rb"^\s*(?:tcp|udp|unix|raw)\w* +\d+ "),
    "ss": re.compile(rb"^[ \t]+\S|^(?:timer|users|skmem|ino|cubic|uid):?"),
    "procfs": re.compile(rb"^l[r?-]|^[\w-]+:\s|^(?:ls|find): "),
}
# What every line that tells a time has: it spares looking at prose more closely.
_CLOCK = re.compile(rb"\d:\d\d|\d{8}[T_-]\d{6}|\d{10}")
_MAIL = re.compile(r"^(?:from|to|cc|subject|reply-to|message-id|von|an|betreff)\s?:", re.IGNORECASE)
_MAIL_DATE = re.compile(r"^(?:date|sent|datum|gesendet|received)\s?:", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One capture in a paste: its lines, from and to, and its text, in which all others are blank."""

    kind: str
    spans: tuple[tuple[int, int], ...]
    text: bytes

    @property
    def lines(self) -> int:
        """How many lines of the paste belong to it."""
        return sum(last - first + 1 for first, last in self.spans)


@dataclass(frozen=True)
class Cut:
    """The parts in order of their first lines; `prose` counts the lines of the paste in none of them."""

    parts: tuple[Part, ...]
    prose: int
    lines: int


@dataclass
class _Stretch:
    """Neighbouring lines of one kind."""

    kind: str
    first: int
    last: int
    told: bool
    """Whether a prompt with the tool's name stands before it."""
    bounded: bool
    """Whether a blank line, a prompt or a fence separates it from what was before."""
    marks: int = 0
    header: bool = False

    @property
    def real(self) -> bool:
        """Whether this is more than a line that somebody quotes in a sentence."""
        return self.marks >= _ENOUGH or (self.marks > 0 and (self.told or (self.header and self.marks > 1)))


def cut(text: bytes) -> Cut:
    """The captures in a text; no part where nothing stands out as one."""
    lines = [QUOTING.sub(b"", line) for line in text.replace(_HARD_BLANK, b" ").split(b"\n")]
    finder = _Finder(lines)
    for number, line in enumerate(lines):
        finder.take(number, _COLOUR.sub(b"", line[:_LOOKED_AT]).rstrip())
    stretches = _joined(_without_glued([one for one in finder.stretches if one.real]))
    taken: set[int] = set()
    parts = []
    for kind, own in _grouped(stretches):
        part, its_lines = _part(kind, own, lines, finder.times)
        parts.append(part)
        taken |= its_lines
    count = len(lines) - (not lines[-1])
    prose = sum(1 for number, line in enumerate(lines) if number not in taken and line.strip())
    return Cut(tuple(sorted(parts, key=lambda part: part.spans)), prose, count)


# -- what each line is ---------------------------------------------------------


class _Finder:
    """Walks over the lines and finds the stretches, and the lines that tell a time."""

    def __init__(self, lines: list[bytes]) -> None:
        self.stretches: list[_Stretch] = []
        self.times: list[int] = []
        self._lines = lines
        self._now: _Stretch | None = None
        self._tool = ""
        """The kind that the last prompt announced."""
        self._prompt = 0
        self._others = 0
        """Lines of nothing since the last one of the stretch."""
        self._apart = True
        """Whether a boundary or a blank line is among them."""

    def take(self, number: int, line: bytes) -> None:
        """The next line, without colours and blanks at its end."""
        if not line:
            self._apart = True
            return
        form = form_of(line)
        if not form and self._is_boundary(number, line):
            self._now, self._apart, self._others = None, True, 0
            return
        kind = {"strace-messages": "strace", "frame": "strace"}.get(form, form)
        if form == "frame" and (self._now is None or self._now.kind != "strace"):
            kind = ""
        if self._now is not None and kind in ("", self._now.kind):
            self._go_on(self._now, number, line, bool(kind))
        if kind and (self._now is None or kind != self._now.kind):
            self._begin(kind, number, line, 1)
        elif self._now is None and self._tool in _HEADERS:
            self._begin(self._tool, number, line, 0)

    def _is_boundary(self, number: int, line: bytes) -> bool:
        """Whether the line is a fence, a time, or a prompt; what a prompt announces is remembered."""
        if _FENCE.match(line):
            return True
        text = line.decode("utf-8", "replace")
        if _CLOCK.search(line) and moment(text):
            if not self._in_mail_head(number, text):
                self.times.append(number)
            return True
        words = command(text)
        if words is None:
            return False
        self._tool, self._prompt = _tool_of(words), number
        return True

    def _in_mail_head(self, number: int, text: str) -> bool:
        """Whether the date is the one of a mail."""
        if not _MAIL_DATE.match(text):
            return False
        around = self._lines[max(0, number - 4) : number + 5]
        return any(_MAIL.match(line.decode("utf-8", "replace")) for line in around)

    def _go_on(self, now: _Stretch, number: int, line: bytes, marked: bool) -> None:
        """A line of the same kind, or of none, behind a stretch."""
        if marked and self._others and self._apart:
            self._now = None
        elif marked or (not self._others and not self._apart and _follows(now, line)):
            now.last = number
            now.marks += marked
            now.header = now.header or _is_header(now.kind, line)
            self._others, self._apart = 0, False
        else:
            self._others += 1
            if self._others > _GAP:
                self._now, self._apart = None, True

    def _begin(self, kind: str, number: int, line: bytes, marks: int) -> None:
        told = self._tool == kind
        # Readers of snapshots learn from the command; to the one of strace it is a line of no use.
        first = self._prompt if told and kind != "strace" else number
        self._now = _Stretch(kind, first, number, told, self._apart, marks, _is_header(kind, line))
        self.stretches.append(self._now)
        self._tool, self._others, self._apart = "", 0, False


def _follows(now: _Stretch, line: bytes) -> bool:
    """Whether a line without a mark of its own still belongs to the output right before it."""
    if now.told:
        return True
    if now.kind == "strace":
        return begins_call(line) or line.lstrip().startswith(b")")
    tail = _TAILS.get(now.kind)
    return bool(tail and tail.match(line))


def _is_header(kind: str, line: bytes) -> bool:
    return bool(_HEADERS[kind].match(line))


def _tool_of(words: str) -> str:
    """The kind whose output follows a command; "" for any other command."""
    if found := _TOOL.search(words):
        return found["tool"]
    return "procfs" if _PROC.search(words) else ""


# -- which of them are captures ------------------------------------------------


def _without_glued(stretches: list[_Stretch]) -> list[_Stretch]:
    """Without what a traced program printed between its calls: neither told, nor with a header, nor apart."""
    kept: list[_Stretch] = []
    for one in stretches:
        in_strace = kept and kept[-1].kind == "strace" and one.kind != "strace"
        if not in_strace or one.told or one.header or one.bounded:
            kept.append(one)
    return kept


def _joined(stretches: list[_Stretch]) -> list[_Stretch]:
    """Stretches of strace that only the program's output kept apart are one, with that output in it."""
    joined: list[_Stretch] = []
    for one in stretches:
        before = joined[-1] if joined else None
        if before and before.kind == one.kind == "strace" and not one.told and not one.bounded:
            before.last = one.last
            before.marks += one.marks
        else:
            joined.append(one)
    return joined


def _grouped(stretches: list[_Stretch]) -> Iterator[tuple[str, list[_Stretch]]]:
    """The stretches of one part: all of a kind; of strace those of one command."""
    groups: dict[tuple[str, int], list[_Stretch]] = {}
    commands = 0
    for one in stretches:
        if one.kind == "strace" and one.told:
            commands = min(commands + 1, RECORDINGS)
        groups.setdefault((one.kind, commands if one.kind == "strace" else 0), []).append(one)
    for (kind, _), own in groups.items():
        yield kind, own


def _part(kind: str, own: list[_Stretch], lines: list[bytes], times: list[int]) -> tuple[Part, set[int]]:
    """One part, and the numbers of its lines, those that tell its times among them."""
    text = [b""] * len(lines)
    taken: set[int] = set()
    for one in own:
        block = lines[one.first : one.last + 1]
        indent = 0 if kind == "strace" else _indentation(block)
        text[one.first : one.last + 1] = [line[indent:] for line in block]
        taken.update(range(one.first, one.last + 1))
        earlier = bisect_left(times, one.first)
        its_own = earlier < len(times) and times[earlier] <= one.last
        if earlier and not its_own and kind not in ("strace", "lws"):
            text[times[earlier - 1]] = lines[times[earlier - 1]].strip()
            taken.add(times[earlier - 1])
    spans = _merged(tuple((one.first + 1, one.last + 1) for one in own))
    return Part(kind, spans, b"\n".join(text)), taken


def _indentation(block: list[bytes]) -> int:
    """By how much all of these lines are indented, with the same blanks."""
    rows = [line for line in block if line.strip()]
    common = rows[0][: len(rows[0]) - len(rows[0].lstrip())]
    for line in rows:
        while not line.startswith(common):
            common = common[:-1]
    return len(common)


def _merged(spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Spans without seams between neighbours."""
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and first == merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)
