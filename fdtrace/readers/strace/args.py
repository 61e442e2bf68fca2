"""The argument language of strace, for the calls whose arguments matter.

`-X raw`, `-X verbose` and `-e raw=` print numbers where names are expected
(`0x80000 /* O_RDONLY|O_CLOEXEC */`), so flags are tested by word and by bit.
Bits are those of x86, arm and the generic ABI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from .grammar import COMMENT, NOTE, STRING

_TOKEN = re.compile(
    rb'[^"<\[\]{}(),=/]++|'
    + STRING
    + rb"(?:\.\.\.)?|(?<=[0-9D/])"
    + NOTE
    + rb"|"
    + COMMENT
    + rb"|[\[{(]|[\]})]|,|.",
    re.DOTALL,
)
_FD = re.compile(rb"^(?:[a-z_]\w*=)?(0x[0-9a-f]+|-?\d+)(?: /\* [^*]*\*/)?(" + NOTE + rb")?(\(deleted\))?")
_STRING = re.compile(rb"^(?:[a-z_]\w*=)?@?(" + STRING + rb")(\.\.\.)?", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_PLAIN = dict(zip(b"ntvfrabe", b"\n\t\v\f\r\a\b\x1b", strict=True))
_NUMBER = re.compile(rb"^(?:[a-z_]\w*=)?(0x[0-9a-f]+|-?\d+)\b")
_NAMED = re.compile(rb"^[a-z_]\w*=(?![=>])")
"""The name of an argument as -N prints it; clone has always named its own."""
_NAME = re.compile(rb"^[a-z_]\w*=")
_COMMENT = re.compile(COMMENT)
_WORDS = re.compile(rb"\w+")
_RESULT = b" = "
_USUAL = 512


class Call:
    """A call's text cut into its arguments; what follows them is `rest` (` = 3</etc/passwd> <0.1>`)."""

    __slots__ = ("args", "name", "rest")

    def __init__(self, text: bytes) -> None:
        name, _, inside = text.partition(b"(")
        self.name = name
        head = inside[: inside.rfind(_RESULT)].rstrip(b" ")
        args, end = _cut_before(head) if _is_whole(head) else ((), -1)
        if end == len(head):
            self.args, self.rest = list(args), inside[end:]
        else:
            self.args, self.rest = split(inside)
        if self.args and _NAMED.match(self.args[0]) and not name.startswith(b"clone"):
            self.args = [_NAMED.sub(b"", arg) for arg in self.args]

    def arg(self, index: int) -> bytes:
        """An argument's text; empty when the call has fewer."""
        return self.args[index] if -len(self.args) <= index < len(self.args) else b""

    def fd(self, index: int) -> tuple[int, bytes | None] | None:
        """The number and annotation of a descriptor argument; None when it is not a number."""
        return descriptor(self.arg(index))

    def number(self, index: int) -> int | None:
        """The value of a numeric argument, decimal or hex; None for a name."""
        return number(self.arg(index))

    def has(self, index: int, word: bytes, bit: int) -> bool:
        """Whether a flag is set, by its name or, in raw captures, by its bit."""
        return has_flag(self.arg(index), word, bit)


def _is_whole(head: bytes) -> bool:
    """Whether no string and no annotation is cut where this text of arguments ends; not if it is long."""
    if len(head) > _USUAL or b'\\"' in head or head.count(b'"') & 1:
        return False
    return head.rfind(b"<") <= head.rfind(b">")


def split(inside: bytes) -> tuple[list[bytes], bytes]:
    """Cut text behind the opening parenthesis at its top-level commas; also what follows the closing one."""
    args, after = _cut(inside)
    return list(args), inside[after:] if after >= 0 else b""


def _cut(inside: bytes) -> tuple[tuple[bytes, ...], int]:
    """The arguments and the place behind the closing parenthesis, -1 without one."""
    args: list[bytes] = []
    depth = start = position = 0
    for match in _TOKEN.finditer(inside):
        token = match.group()
        position = match.end()
        if len(token) > 1:
            continue
        if token in b"[{(":
            depth += 1
        elif token in b"]})":
            if not depth and token == b")":
                args.append(inside[start : position - 1].strip())
                return _without_empty(args), position
            depth = max(0, depth - 1)
        elif token == b"," and not depth:
            args.append(inside[start : position - 1].strip())
            start = position
    args.append(inside[start:].strip())
    return _without_empty(args), -1


_cut_before = lru_cache(maxsize=1 << 12)(_cut)
"""Programs make the same calls again and again; only the results differ."""


def _without_empty(args: list[bytes]) -> tuple[bytes, ...]:
    return tuple(args[:-1] if args and not args[-1] else args)


def descriptor(text: bytes) -> tuple[int, bytes | None] | None:
    """Number and annotation of a descriptor as printed: `3`, `3</p>`, `0x3`, `fd=3`."""
    match = _FD.match(text)
    if match is None:
        return None
    digits, note, gone = match.groups()
    value = _integer(digits)
    if value >= 1 << 31:
        value = (value & 0xFFFFFFFF) - (1 << 32) if value & 1 << 31 else value & 0xFFFFFFFF
    return value, None if note is None else note[1:-1] + (b" (deleted)" if gone else b"")


def number(text: bytes) -> int | None:
    """A number at the beginning of an argument."""
    match = _NUMBER.match(text)
    return None if match is None else _integer(match.group(1))


def _integer(digits: bytes) -> int:
    """Decimal, 0x hex or 0 octal."""
    if digits[:2] == b"0x":
        return int(digits, 16)
    return int(digits, 8) if digits[:1] == b"0" and not digits.strip(b"01234567") else int(digits)


def has_flag(text: bytes, word: bytes, bit: int) -> bool:
    """Whether `word` stands among the flags of an argument, or `bit` is set in its number."""
    if word in text and word in _WORDS.findall(text):
        return True
    return bool(bits(text) & bit)


def bits(text: bytes) -> int:
    """All numbers of a flags argument together: `0x1|0x80000`; names and comments count nothing."""
    value = 0
    for part in _COMMENT.sub(b"", text).rpartition(b"=")[2].split(b"|"):
        value |= number(part.strip()) or 0
    return value


def string(text: bytes) -> tuple[bytes, bool] | None:
    """The bytes of a string argument and whether strace cut it; None when it is no string."""
    match = _STRING.match(text)
    if match is None:
        return None
    return unescape(match.group(1)[1:-1]), match.group(2) is not None


def unescape(text: bytes) -> bytes:
    """Undo strace's C-style quoting."""
    return _ESCAPE.sub(_escape, text) if b"\\" in text else text


def _escape(match: re.Match[bytes]) -> bytes:
    hexadecimal, octal, plain = match.groups()
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    return bytes([_PLAIN.get(plain[0], plain[0])])


def members(text: bytes, name: bytes) -> Iterator[bytes]:
    """The values of every member `name=` inside a printed structure, in order, as raw text."""
    for match in re.finditer(rb"\b" + name + rb"=", text):
        yield text[match.end() :]


def member_number(text: bytes, name: bytes) -> int | None:
    """The number in the first member `name=`."""
    for value in members(text, name):
        return number(value)
    return None


def descriptors_in(text: bytes) -> tuple[list[tuple[int, bytes | None]], bool]:
    """The descriptors of a list `[3</a>, 4, ...]`, and whether strace left some out."""
    inside = _NAME.sub(b"", _COMMENT.sub(b"", text.lstrip()))
    if not inside.startswith(b"["):
        return [], bool(inside) and not inside.startswith(b"NULL")
    items, _ = split(_closing(inside[1:]))
    found = [d for d in map(descriptor, items) if d is not None]
    return found, any(item.startswith(b"...") for item in items)


def _closing(inside: bytes) -> bytes:
    """Turn the bracket that ends a list into the parenthesis that `split` looks for."""
    depth = 0
    for match in _TOKEN.finditer(inside):
        token = match.group()
        if token in (b"[", b"{", b"("):
            depth += 1
        elif token in (b"]", b"}", b")"):
            if not depth:
                return inside[: match.start()] + b")"
            depth -= 1
    return inside
