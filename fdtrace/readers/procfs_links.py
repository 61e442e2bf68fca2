r"""One row of a listing of /proc/PID/fd: of ls in any variant, of find, or plain `3 -> socket:[123]`.

The columns before the arrow vary with options, locale and version, so nothing
is counted from the left: the last word before the arrow is the name, the word
`lrwx------` the mode. Names and targets may be quoted as GNU ls does it
('…', "…", $'…') or escaped as find does it (`\ `, `\303`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MODES = {"lr-x------": "r", "l-wx------": "w", "lrwx------": "u", "l---------": "-"}
_SLOTS = {"cwd": "cwd", "root": "rtd", "exe": "txt"}
_PATH = re.compile(
    r"^(?:\./)?(?:.*?(?:^|/)(?P<pid>\d{1,10})/)?(?:task/(?P<tid>\d{1,10})/)?fd/(?P<fd>\d{1,10})$|^\./(?P<here>\d{1,10})$"
)
_PROCESS = re.compile(r"(?:^|/)(\d{1,10})/(?:task/\d+/)?(cwd|root|exe)$")
_RANGE = re.compile(r"^(?:.*/)?[0-9a-f]{4,16}-[0-9a-f]{4,16}$")
_BARE = re.compile(
    r"^(?P<name>\S*/?proc/\d{1,10}/(?:task/\d+/)?fd/\d{1,10}|(?:fd )?\d{1,7}(?=[:=\s]))"
    r"\s*(?:=>|[:=])?\s*(?P<target>\S.*)$",
    re.DOTALL,
)
_TARGET = re.compile(
    r"^[\"']?(?:/|\w+:\[\d+\]|anon_inode:|\(unreachable\)/)",
)
_ESCAPE = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SHELL_WORD = re.compile(
    r"\$'((?:[^'\\]|\\.)*)'|'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)|([^'\"\\$]+|\$)", re.DOTALL
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_INDICATED = re.compile(r"^(?:(?:socket:\[\d+\])=|(?:pipe:\[\d+\])\||/.*[^/](?:/))$", re.DOTALL)
_SIZES = frozenset({"64", "0"})
"""What the size of such a link is."""


@dataclass(slots=True)
class Link:
    """One row. `fd` is None for cwd, root, exe and mapped files; `target` when it was not printed."""

    fd: int | None
    target: str | None
    slot: str = "fd"
    pid: int | None = None
    tid: int | None = None
    mode: str | None = None
    user: str | None = None
    is_dir: bool = False


NO_DESCRIPTOR = "a link that is no descriptor of a process"


def link(text: str) -> Link | str | None:
    """The row that this line with an arrow is; the reason for a link of something else; None for no row."""
    head, _, target = text.partition(" -> ")
    words = head.split()
    place = _mode_at(words)
    if place is None:
        if len(words) == 1 or (len(words) == 2 and words[0] == "fd"):
            return _named(words[-1], target, None, None)
        # Only the links to cwd, root, exe and to namespaces have all bits.
        for at, word in enumerate(words[:3]):
            if word.startswith("lrwxrwxrwx"):
                return _named(words[-1], target, None, _owner(words, at))
        return None
    escaped = place == 2 and "/" in words[-1]
    return _named(words[-1], target, _MODES[words[place][:10]], _owner(words, place), escaped)


def mode_of(words: list[str]) -> str | None:
    """How the descriptor was opened, when these words are the columns of its row in a listing."""
    place = _mode_at(words)
    return None if place is None else _MODES[words[place][:10]]


def _mode_at(words: list[str]) -> int | None:
    """Which word is the mode: the first, or one behind the inode and the blocks of ls -i, -s and find."""
    for place, word in enumerate(words[:3]):
        if word[:10] in _MODES and (len(word) == 10 or (len(word) == 11 and word[10] in ".+@")):
            return place
        if not word.isdecimal():
            return None
    return None


def _owner(words: list[str], place: int) -> str | None:
    """The owner, where the number of columns between the mode and the size shows that it is there."""
    after = words[place + 1 : place + 6]
    if len(after) < 5 or not after[0].isdecimal():
        return None
    with_context = after[4] in _SIZES and (after[3] == "?" or ":" in after[3])
    return after[1] if after[3] in _SIZES or with_context else None


def _named(name: str, target: str, mode: str | None, user: str | None, escaped: bool = False) -> Link | str:
    """The row with this name and target, both as printed."""
    target, is_dir = _plain(target, escaped)
    if name.isdecimal() and len(name) <= 10:
        return Link(int(name), target, mode=mode, user=user, is_dir=is_dir)
    name = name.strip("\"'")
    if name.isdecimal() and len(name) <= 10:
        return Link(int(name), target, mode=mode, user=user, is_dir=is_dir)
    if found := _PATH.match(name):
        pid, tid, fd = found["pid"], found["tid"], found["fd"] or found["here"]
        return Link(int(fd), target, "fd", _whole(pid), _whole(tid), mode, user, is_dir)
    if found := _PROCESS.search(name):
        return Link(None, target, _SLOTS[found[2]], int(found[1]), user=user, is_dir=found[2] != "exe")
    if name in _SLOTS:
        return Link(None, target, _SLOTS[name], user=user, is_dir=name != "exe")
    if _RANGE.match(name):
        return Link(None, target, "mem", mode=mode, user=user)
    return NO_DESCRIPTOR


def _whole(text: str | None) -> int | None:
    return int(text) if text else None


def link_without_arrow(text: str) -> Link | None:
    """`/proc/1/fd/3 socket:[1]` of a loop with readlink; `3: /dev/null` only when a target follows."""
    found = _BARE.match(text)
    if found is None or not _TARGET.match(found["target"]):
        return None
    told = _named(found["name"].removeprefix("fd "), found["target"], None, None)
    return told if isinstance(told, Link) else None


def _plain(target: str, escaped: bool) -> tuple[str, bool]:
    """The target without quotes, escapes and the sign of ls -F; whether that sign is a directory's."""
    if target[:1] in ("'", '"', "$"):
        target = _unquoted(target)
    elif escaped or "\\ " in target:
        target = unescaped(target)
    last = target[-1:]
    if last in ("=", "|", "/") and _INDICATED.match(target):
        return target[:-1], last == "/"
    return target, False


def _unquoted(target: str) -> str:
    """Text as a shell reads it; as it stands when it is no shell word to its end."""
    words, at = [], 0
    while at < len(target):
        found = _SHELL_WORD.match(target, at)
        if found is None:
            return target
        dollar, single, double, char, plain = found.groups()
        if plain is not None and plain not in ("=", "|", "/", "*"):
            return target
        words.append(unescaped(dollar or double or "") or single or char or plain or "")
        at = found.end()
    return "".join(words)


def unescaped(text: str) -> str:
    r"""Text without backslashes: `\ `, `\n`, and `\303\251` as the bytes of UTF-8."""
    if "\\" not in text:
        return text
    out, at = bytearray(), 0
    for found in _ESCAPE.finditer(text):
        out += text[at : found.start()].encode("utf-8", "surrogatepass")
        octal, hexadecimal, letter = found.groups()
        if letter is not None:
            out += _ESCAPES.get(letter, letter).encode("utf-8", "surrogatepass")
        else:
            out.append(int(octal, 8) & 255 if octal else int(hexadecimal, 16))
        at = found.end()
    out += text[at:].encode("utf-8", "surrogatepass")
    return out.decode("utf-8", "backslashreplace")
