"""What kind of capture the first bytes of an input are.

Decided on the head alone, line by line: each line is a system call or another
line of strace, a message of strace itself, a row of another kind of capture, a
line of a look-alike (ltrace, perf trace, …), or something else. Shell prompts,
notes and program output around a trace are expected; stack frames and dumps
count for nothing, because with `-k` they are most of a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from fdtrace.errors import NotThisFormat, UnknownFormat
from fdtrace.readers import SNAPSHOT_KINDS, reader_of
from fdtrace.readers.foreign import ADVICE, binary_file, document, look_alike, other_kind

_COLOUR = re.compile(rb"\x1b\[[0-9;]*[mK]")

_LEADER = (
    rb"[\s>|$#*`]*"  # quoting, indentation and comment signs of a paste
    rb"(?:\[pid\s+(?P<pid1>\d+)(?:<[^>]*>)?\]\s*|(?P<pid2>\d{1,7})(?:<[^>]*>)?\s+)?"
    rb"(?:\[[\w:.,-]+\]\s+)?"  # --secontext
    rb"(?:\d\d:\d\d:\d\d(?:\.\d+)?\s+|\d{9,}(?:\.\d+)?\s+)?"
    rb"(?:\(\+\s*\d+(?:\.\d+)?\)\s+|\d+\.\d+\s+)?"
    rb"(?:\[\s*[\d?]+\]\s+)?"  # -n
    rb"(?:\[[0-9a-f?]{8,16}\]\s+)?"  # -i
)
_RESULT = rb"\)\s*= ?(?:-?\d|0x[0-9a-f]|\?)"
_STRACE = re.compile(
    rb"^" + _LEADER + rb"(?:"
    rb"(?P<call>[a-z_?][a-z0-9_?]*)\(.*?(?:" + _RESULT + rb"|<(?:unfinished|detached) \.\.\.>\s*$)"
    rb"|<\.\.\. [\w?]+ resumed>"
    rb"|\+\+\+ (?:exited with \d|killed by SIG|superseded by execve)"
    rb"|--- (?:SIG\w+ |stopped by SIG)"
    rb"|\[ Process PID=\d+ runs in"
    rb")"
)
_BEGUN = re.compile(rb"^" + _LEADER + rb"[a-z_][a-z0-9_]*\((?:[\"\-\d\[{]|NULL|0x|AT_FDCWD|[A-Z_]{4,}|$)")
_BEHIND_PREFIX = re.compile(rb".*[\s:\"\]][a-z][a-z0-9_]{2,20}\(.*" + _RESULT)
_CONTINUATION = re.compile(
    rb"^\s*(?:> .*\[0x[0-9a-f]+\]|> unexpected_back|> too many stack|\| [0-9a-f]{5,} )"
)
_MESSAGE = re.compile(
    rb"^(?:\S*strace: |Process \d+ (?:attached|detached|resumed|suspended)|Exit of unknown pid)"
)

# What a C program calls and a kernel does not offer: the mark of ltrace.
_LIBRARY = re.compile(
    rb"^(?:malloc|calloc|realloc|c?free|mem(?:cpy|set|cmp|move|chr)|f?printf|sn?printf|puts|putchar"
    rb"|str(?:n?cmp|len|n?cpy|n?cat|chr|rchr|dup|str|tok|tol\w*|error|casecmp)|setlocale|perror"
    rb"|fopen(?:64)?|fclose|fread|fwrite|fflush|fputs|fgets|getenv|atoi|isatty|sleep|usleep"
    rb"|__libc_start_main|__\w+_chk|bindtextdomain|textdomain|getopt\w*|pthread_\w+|opendir|readdir|closedir)$"
)

_HARD_BLANK = "\N{NO-BREAK SPACE}".encode()
"""What web pages put in the place of blanks."""
_LONGEST_LINE = 4096
_ENOUGH = 20
_PLENTY = 60
_WHOLE_SHARE = 0.3
_WHOLE_COUNT = 100
_FEW = 3
_TRIED = 5000
_SMALL_SHARE = 0.05


@dataclass(frozen=True)
class Recognised:
    """The kind of an input, and why.

    `whole` is False when the lines of that kind are only a small part of a text. `pids` are the thread
    numbers that the lines begin with, empty where they do not. `born` says that
    the first call is an execve, the sign of a trace from the first moment of a
    process.
    """

    kind: str
    reasons: tuple[str, ...]
    whole: bool = True
    pids: frozenset[int] = frozenset()
    born: bool = False


class _Tally:
    """How many lines of each sort the head has."""

    def __init__(self) -> None:
        self.strace = 0
        self.begun = 0
        self.messages = 0
        self.prefixed = 0
        self.rest = 0
        self.calls: Counter[bytes] = Counter()
        self.alike: Counter[str] = Counter()
        self.other: Counter[str] = Counter()
        self.pids: Counter[int] = Counter()
        self.understood = 0

    @property
    def lines(self) -> int:
        """All lines that speak for or against something."""
        return self.strace + self.messages + self.rest + self.alike.total() + self.other.total()

    @property
    def library(self) -> int:
        """Calls that no kernel offers."""
        return sum(count for name, count in self.calls.items() if _LIBRARY.match(name))

    @property
    def certain(self) -> bool:
        """Enough lines, nearly all of them strace's: the rest need not be looked at."""
        if self.strace < _ENOUGH or self.library:
            return False
        return self.strace == self.lines or (self.strace >= _PLENTY and self.share(self.strace) >= 0.9)

    def share(self, count: int) -> float:
        """This many lines as a part of all."""
        return count / self.lines if self.lines else 0.0

    def of_kind(self, kind: str) -> int:
        """How many lines speak for this kind."""
        if kind == "strace":
            return self.strace + self.messages + self.begun
        return self.other[kind]

    def add(self, line: bytes) -> None:
        """Count one line that is not blank."""
        if _CONTINUATION.match(line):
            return
        found = _STRACE.match(line)
        if alike := look_alike(line, with_result=bool(found)):
            self.alike[alike] += 1
        elif found:
            self._add_strace(found)
        elif _MESSAGE.match(line):
            self.messages += 1
        elif kind := other_kind(line):
            self.other[kind] += 1
        else:
            self.rest += 1
            if _BEGUN.match(line):
                self.begun += 1
            elif _BEHIND_PREFIX.match(line):
                self.prefixed += 1

    def _add_strace(self, found: re.Match[bytes]) -> None:
        self.strace += 1
        if found["call"]:
            self.calls[found["call"]] += 1
        pid = int(found["pid1"] or found["pid2"] or 0)
        if pid:
            self.pids[pid] += 1


def recognise(head: bytes, name: str = "", kind: str | None = None) -> Recognised:
    """The kind of capture that begins with `head`.

    Raises :class:`UnknownFormat` whose message says what the input looks like
    instead, why, and what to do. With `kind` the guess is settled, unless the
    head is plainly something else: then :class:`NotThisFormat`.
    """
    if kind is None:
        return _guessed(head, name)
    try:
        found: Recognised | None = _guessed(head, name)
        looks = found.reasons[0] if found else ""
    except UnknownFormat as error:
        found, looks = None, str(error).removeprefix(f"{name}: ")
    if found is not None and found.kind.startswith(kind):
        return found
    tally = _tally(head, kind)
    marks = tally.of_kind(kind)
    own = max(marks, tally.understood)
    if own == 0 or _is_ltrace(tally) or (tally.share(marks) < _SMALL_SHARE and _contradicts(tally, kind)):
        raise NotThisFormat(f"was said to be {kind}, but {looks}", path=name)
    lines = "1 line has" if own == 1 else f"{own} lines have"
    return Recognised(kind, (f"said to be {kind}", f"{lines} its form"))


def form_of(line: bytes) -> str:
    """The kind of capture that a line without colours has the form of; "" for none.

    "strace-messages" is what strace says of itself, "frame" a line of a stack or dump.
    """
    if _CONTINUATION.match(line):
        return "frame"
    if found := _STRACE.match(line):
        return "" if look_alike(line, with_result=bool(found)) else "strace"
    if _MESSAGE.match(line):
        return "strace-messages"
    return "" if look_alike(line) else other_kind(line)


def shows_something(head: bytes) -> bool:
    """Whether one line at least could be of a capture, or so few lines are there that nobody can tell."""
    tally = _tally(head)
    return tally.lines < _ENOUGH or tally.rest < tally.lines or tally.begun > 0


def resembles_another(text: bytes) -> bool:
    """Whether a text is plainly no capture and no paste: a binary, a page, or the output of a look-alike."""
    if binary_file(text) or document(text) == "HTML":
        return True
    tally = _tally(text)
    alike = _most(tally.alike)[1]
    return _is_ltrace(tally) or (tally.share(alike) >= _SMALL_SHARE and alike >= _most(tally.other)[1])


def begins_call(line: bytes) -> bool:
    """Whether the line begins as a system call does, and ends before its result."""
    return bool(_BEGUN.match(line))


def _guessed(head: bytes, name: str) -> Recognised:
    """The kind that the lines speak for."""
    sentence = binary_file(head)
    if sentence:
        raise UnknownFormat(sentence, path=name)
    tally = _tally(head)
    alike, alike_count = _most(tally.alike)
    other, other_count = _most(tally.other)
    if _is_ltrace(tally):
        raise UnknownFormat(ADVICE["ltrace"], path=name)
    if _is_strace(tally, max(alike_count, other_count)) and not (document(head) and not _is_whole(tally)):
        return _strace(tally)
    if _contradicts(tally) and alike_count >= other_count:
        raise UnknownFormat(ADVICE[alike], path=name)
    if tally.share(other_count) >= _SMALL_SHARE:
        reason = f"{other_count} of its first {tally.lines} lines have the form of {other} output"
        return Recognised(other, (reason,), whole=tally.share(other_count) >= _WHOLE_SHARE)
    if tally.messages and tally.messages >= tally.rest:
        reason = f"{tally.messages} of its first {tally.lines} lines are messages of strace itself"
        return Recognised("strace-messages", (reason,))
    if tally.begun and 2 * tally.begun >= tally.lines:
        return Recognised("strace", ("begins with a system call whose end is further on",))
    raise UnknownFormat(_why_not(head, tally), path=name)


def _tally(head: bytes, kind: str | None = None) -> _Tally:
    """The lines of the head, counted until the answer is certain; all of them for a kind that was said."""
    tally = _Tally()
    for line in _lines(head):
        tally.add(line)
        if kind is None and tally.certain:
            break
    if kind in SNAPSHOT_KINDS and not binary_file(head):
        tally.understood = _understood(head, kind)
    if "strace -c" in tally.alike and b"syscall" not in head:
        # Rows of numbers alone are as well those of top, vmstat or iostat.
        tally.rest += tally.alike.pop("strace -c")
    return tally


def _lines(head: bytes) -> Iterator[bytes]:
    """The lines that are not blank, without colours; of a very long one both ends."""
    plain = _COLOUR.sub(b"", head).replace(b"\r", b"\n").replace(_HARD_BLANK, b" ")
    for line in plain.split(b"\n"):
        text = line.strip(b"\0")
        if len(text) > _LONGEST_LINE:
            text = text[: _LONGEST_LINE // 2] + text[-_LONGEST_LINE // 2 :]
        if text.strip():
            yield text


def _most(counts: Counter[str]) -> tuple[str, int]:
    return counts.most_common(1)[0] if counts else ("", 0)


def _is_ltrace(tally: _Tally) -> bool:
    """Whether the calls are those of libraries; a few may be system calls all the same."""
    marks = tally.alike["ltrace"] + tally.library
    return marks >= 2 and tally.share(marks) >= _SMALL_SHARE and marks >= 0.1 * tally.strace


def _is_strace(tally: _Tally, rival: int) -> bool:
    """Whether strace has the most lines of any kind, and more than a stray one in a long text."""
    enough = tally.strace >= _FEW or tally.share(tally.strace) >= 0.1
    return tally.strace > 0 and enough and tally.strace >= rival


def _is_whole(tally: _Tally) -> bool:
    return tally.strace >= min(_WHOLE_COUNT, _WHOLE_SHARE * tally.lines)


def _contradicts(tally: _Tally, kind: str = "strace") -> bool:
    """Whether a look-alike or another kind has a good share of the lines, and more than this one."""
    others = Counter(tally.other)
    others.pop(kind, None)
    if kind != "strace":
        others["strace"] = tally.strace
    best = max(_most(tally.alike)[1], _most(others)[1])
    return tally.share(best) >= _SMALL_SHARE and best >= tally.of_kind(kind)


def _understood(head: bytes, kind: str) -> int:
    """How many lines the reader of a kind makes rows of; what has no marks may still be read by it."""
    from fdtrace.readers.sheet import Sheet

    sheet = Sheet("", kind)
    reader = reader_of(kind).Reader(sheet)
    count = 0
    for number, line in enumerate(islice(_lines(head), _TRIED), 1):
        count += reader.line(number, line.decode("utf-8", "backslashreplace")) is None
    reader.end()
    rows = sheet.open_files or sheet.sockets or sheet.lws_objects or sheet.lws_events or sheet.processes
    return count if rows else 0


def _strace(tally: _Tally) -> Recognised:
    """The answer for a text with lines of strace."""
    reasons = [f"{tally.strace} of its first {tally.lines} lines are system calls, signals or exits"]
    if tally.pids:
        share = "" if tally.pids.total() >= 0.5 * tally.strace else "some "
        reasons.append(f"{share}lines begin with a thread number")
    first = next(iter(tally.calls), b"")
    return Recognised(
        "strace",
        tuple(reasons),
        whole=_is_whole(tally),
        pids=frozenset(tally.pids),
        born=first == b"execve",
    )


def _why_not(head: bytes, tally: _Tally) -> str:
    """The sentence for text in which nothing speaks for any kind."""
    kind = document(head)
    if kind:
        return ADVICE[kind]
    if not tally.lines:
        return "holds nothing but blank lines or NUL bytes"
    if tally.share(tally.prefixed) >= _SMALL_SHARE:
        return ADVICE["prefixed"]
    begun = f"; {tally.begun} begin like a call, none has a result" if tally.begun else ""
    few = f"only {tally.strace}" if tally.strace else "none"
    return (
        f"is not a capture that fdtrace knows: of its first {tally.lines} lines {few} looks like a line"
        f" of strace, name(arguments) = result{begun}"
    )
