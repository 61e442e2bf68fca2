"""Pipes and pairs of sockets: two descriptors from one call, as the walk makes them.

Their texts differ in the numbers of descriptors and inodes, and in nothing else
that matters; the walk keeps those in the records and looks up the rest.
"""

from __future__ import annotations

import re
from typing import Any

from ..readers.strace.args import Call
from . import walk_columns as w
from .creations import created
from .effects import EFFECTS
from .lives import Life

_END = rb"(?:<([\w/-]*):\[(->)?\]>)?"
_LIST = re.compile(rb"\[" + _END + rb", " + _END + rb"\]")
"""A list of two without its numbers."""
_TAILS = (b" = 0", b" = 7", b" = 0</a\") = b> (c')")
_OTHERS = [(1001, 17, 19, 1002, 23, 29), (0, 4, 123456789, 31, 5, 0)]
"""Descriptors and inodes for a second and a third look."""


class _Nobody:
    process = None


NO_TABLE: Any = _Nobody()
"""In place of the table of a life that only shows what others are like."""


class Pair:
    """What two descriptors are that one call makes: a life in place of each, and what numbers add to it."""

    __slots__ = ("_forms", "_has_peer", "_knows_inode", "ends")

    def __init__(self, ends: list[Life], forms: list[tuple[str, bool] | None]) -> None:
        self.ends = ends
        self._forms = forms
        self._knows_inode = [end.inode is not None for end in ends]
        self._has_peer = [end.peer is not None for end in ends]

    def fill_in(self, life: Life, row: list[int]) -> None:
        """Add to a life what its record says of it alone."""
        second = bool(row[w.R_FLAGS] & w.SECOND)
        form = self._forms[second]
        if form is not None:
            life.target = _target(form, row[w.R_OWN], row[w.R_FAR])
        life.inode = row[w.R_OWN] if self._knows_inode[second] else None
        life.peer = f"fd {row[w.R_OTHER]}" if self._has_peer[second] else None
        life.other_end = life.ofd - 1 if second else life.ofd + 1

    def tells(self, ends: list[Life], numbers: tuple[int, ...]) -> bool:
        """Whether it says of two lives with these numbers all that they are."""
        for n, end in enumerate(ends):
            row = [0] * w.RECORD
            row[w.R_FLAGS] = w.SECOND if n else 0
            row[w.R_OWN], row[w.R_FAR] = numbers[3 * n + 1 : 3 * n + 3]
            row[w.R_OTHER] = numbers[3 - 3 * n]
            like = self.ends[n]
            life = Life(NO_TABLE, numbers[3 * n], 0, like.kind, like.via, None)
            life.local, life.cloexec = like.local, like.cloexec
            self.fill_in(life, row)
            if _facts(life) != _facts(end):
                return False
        return True


def _target(form: tuple[str, bool], own: int, far: int) -> str:
    family, arrow = form
    return f"{family}:[{own}->{far}]" if arrow else f"{family}:[{own}]"


def _facts(life: Life) -> tuple[Any, ...]:
    return life.fd, life.kind, life.via, life.target, life.local, life.peer, life.inode, life.cloexec


def read_pair(name: bytes, words: bytes, text: bytes, numbers: list[int]) -> Pair | None:
    """What two descriptors are that a call with these words makes; None when they do not tell all.

    They have to read the same whatever the numbers are, and whatever stands behind them.
    """
    match = _LIST.search(words)
    if match is None or match.start() != words.find(b"["):
        return None
    forms = [
        (match.group(n).decode(), match.group(n + 1) is not None) if match.group(n) is not None else None
        for n in (1, 3)
    ]
    pair = None
    args = Call(text).args
    for some in (tuple(numbers), *_OTHERS):
        spelled = words[: match.start()] + _spelled(forms, some) + words[match.end() :]
        if any(Call(spelled + tail).args != (args or Call(spelled + _TAILS[0]).args) for tail in _TAILS):
            return None
        ends = _ends(name, spelled + _TAILS[0])
        if ends is None:
            return None
        pair = pair or Pair(ends, forms)
        if not pair.tells(ends, some):
            return None
        args = []
    return pair


def _spelled(forms: list[tuple[str, bool] | None], numbers: tuple[int, ...]) -> bytes:
    """The list with its numbers."""
    both = []
    for n, form in enumerate(forms):
        fd, own, far = numbers[3 * n : 3 * n + 3]
        both.append(f"{fd}" if form is None else f"{fd}<{_target(form, own, far)}>")
    return f"[{both[0]}, {both[1]}]".encode()


def _ends(name: bytes, text: bytes) -> list[Life] | None:
    """The lives that such a call makes, as far as its text tells (`numbers.create`)."""
    news = list(created(EFFECTS[name], Call(text), 0, None))
    if len(news) != 2 or any(new.fd < 0 or new.target or new.peer or new.source is not None for new in news):
        return None
    ends = []
    for new in news:
        life = Life(NO_TABLE, new.fd, 0, new.kind, new.via, None)
        life.describe(new.note)
        life.cloexec = new.cloexec
        ends.append(life)
    if name == b"socketpair":
        for one, other in (ends, ends[::-1]):
            one.peer = one.peer or f"fd {other.fd}"
    return ends
