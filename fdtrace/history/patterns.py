"""Names without what changes from one descriptor to the next.

`/data/t0017.json` and `/data/t0018.json` come from the same place of a
program; so do `/tmp/tmpk3x9q2_a` and its sisters, and all connections to one
server whatever their own port. The pattern is what they share.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

from .lives import Life

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"(?<![A-Za-z0-9])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{6,}(?![A-Za-z0-9])")
_TEMPORARY = re.compile(r"(?<=tmp)[._-]?[A-Za-z0-9_]{6,10}(?=$|[./-])|(?<=\.)[A-Za-z0-9]{6}(?=$)")
_MIXED = re.compile(r"[A-Za-z0-9_]{6,}")
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=1 << 14)
def path(name: str) -> str:
    """A path with numbers, ids and random parts as `*`."""
    gone = name.endswith(" (deleted)")
    text = name.removesuffix(" (deleted)")
    text = _UUID.sub("*", text)
    head, slash, last = text.rpartition("/")
    last = _HEX.sub("*", last)
    last = _TEMPORARY.sub(lambda m: "*" if _random(m.group().lstrip("._-")) else m.group(), last)
    last = _MIXED.sub(lambda m: "*" if _jumbled(m.group()) else m.group(), last)
    text = _DIGITS.sub("*", head + slash + last)
    text = re.sub(r"\*[*_]*\*", "*", text)
    return text + (" (deleted)" if gone and not text.startswith("/memfd:") else "")


def _random(word: str) -> bool:
    """Whether a word looks made by mkstemp or tempfile rather than by a person."""
    return (len(word) >= 6 and not (word.islower() and word.isalpha() and len(word) < 8)) or _jumbled(word)


def _jumbled(word: str) -> bool:
    """Letters of both cases and digits changing places more often than in words that people write."""
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in word if c != "_"]
    changes = sum(a != b for a, b in itertools.pairwise(kinds))
    return changes >= 3 and len(set(kinds)) >= 2 and changes * 3 >= len(kinds)


def of(life: Life) -> str:
    """The pattern of what a life points to; its kind where it has no name."""
    target = life.target or ""
    if life.kind in ("file", "dir", "char", "block", "mqueue") and target:
        return path(target)
    if life.kind == "memfd":
        return path(target or "memfd")
    if life.kind in ("tcp", "tcp6", "udp", "udp6", "sctp", "sctp6", "socket", "unix"):
        return _socket(life)
    return life.kind


def _socket(life: Life) -> str:
    if life.via == "accept":
        local = life.local or life.kind
        return f"accepted at {path(local) if life.kind == 'unix' else local}"
    if life.state == "LISTEN":
        return f"listening at {life.local}" if life.local else "listening"
    if life.peer and not life.peer.startswith("fd "):
        return f"to {path(life.peer) if life.kind == 'unix' else life.peer}"
    if life.via in ("dup", "dup_over"):
        return "copied by dup"
    return "pair" if life.peer else "unconnected"


def directory_of(pattern: str, levels: int = 1) -> str | None:
    """A path pattern whose last names do not matter: what is above them, and the ending."""
    head, slash, last = pattern.rpartition("/")
    for _ in range(levels - 1):
        head, slash, _ = head.rpartition("/")
    if not slash or not head:
        return None
    gone = last.endswith(" (deleted)")
    _, dot, ending = last.removesuffix(" (deleted)").rpartition(".")
    names = "/".join("*" * levels)
    known = f".{ending}" if dot and ending and "*" not in ending else ""
    return f"{head}/{names}{known}{' (deleted)' if gone else ''}"
