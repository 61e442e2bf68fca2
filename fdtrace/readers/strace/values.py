"""The values of a call that stand in columns: first number, annotations, result, error, duration."""

from __future__ import annotations

from functools import lru_cache

from . import grammar as g
from . import layout
from .window import ABSENT, NO_FD, Mark, Scan

Result = tuple[int, int, int, int, int]
"""ret, the code of its annotation, errno, duration and marks."""

_HIGHEST_ERRNO = 4096


def first(scan: Scan, fields: g.Fields) -> tuple[int, int]:
    """The number that stands first among the arguments and the code of its annotation."""
    text = fields[g.FIRST]
    if text is None:
        return NO_FD, -1
    return first_number(text), note(scan, fields[g.FIRST_NOTE], fields[g.FIRST_GONE])


@lru_cache(maxsize=1 << 12)
def first_number(text: bytes) -> int:
    """A descriptor as printed; raw captures print -1 and AT_FDCWD as two's complement, addresses are none."""
    fd = int(text, 16) if text[:2] == b"0x" else int(text)
    if fd < 1 << 31:
        return fd
    for width in (32, 64):
        if 0 < (1 << width) - fd <= _HIGHEST_ERRNO:
            return fd - (1 << width)
    return NO_FD


def note(scan: Scan, text: bytes | None, gone: bytes | None) -> int:
    """The code of an annotation; `(deleted)` reads as if it stood inside the brackets."""
    if text is None:
        return -1
    return scan.notes.code(text[1:-1] + b" (deleted)" if gone else text[1:-1])


def result(scan: Scan, fields: g.Fields) -> Result:
    """What stands behind the arguments of a call."""
    printed, tail = fields[g.RET], fields[g.TAIL]
    duration = ABSENT
    errno = -1
    marks = 0
    if tail:
        timed = g.DURATION.search(tail)
        if timed is not None:
            duration = layout.nanoseconds(timed.group(1))
        error = g.ERRNO.match(tail)
        if error is not None and printed in (b"-1", b"?"):
            errno = scan.errnos.code(error.group(1) or error.group(2))
        marks = _injected(tail)
    if printed == b"?":
        return ABSENT, -1, errno, duration, marks | (Mark.RESTARTED if errno >= 0 else Mark.NO_RESULT)
    return number(printed), note(scan, fields[g.RET_NOTE], fields[g.RET_GONE]), errno, duration, marks


def _injected(tail: bytes) -> int:
    if b"(INJECTED" not in tail:
        return 0
    if b"(INJECTED)" in tail or b"retval)" in tail:
        return Mark.INJECTED | Mark.NOT_EXECUTED
    return Mark.INJECTED


@lru_cache(maxsize=1 << 12)
def number(text: bytes) -> int:
    """A result as strace prints numbers: decimal, 0x hex (wrapped to 64 bits) or 0 octal."""
    if text[:2] == b"0x":
        value = int(text, 16) & (1 << 64) - 1
        return value - (1 << 64) if value >= 1 << 63 else value
    if len(text) > 1 and text[:1] == b"0" and text.isdigit() and b"8" not in text and b"9" not in text:
        return int(text, 8)
    value = int(text[:20])
    return value if -(1 << 63) <= value < 1 << 63 else ABSENT


def readable(text: bytes, limit: int = 200) -> str:
    r"""Bytes of a capture as text: undecodable ones as `\xNN`, at most `limit` characters."""
    return text[: limit * 4].decode("utf-8", "backslashreplace")[:limit]
