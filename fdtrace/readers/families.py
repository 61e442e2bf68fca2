"""The files of `strace -ff`: one a thread, NAME.<tid>, together one recording."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fdtrace.readers.sniff import Recognised
from fdtrace.readers.text import Source

_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst)$")
_MEMBER = re.compile(r"(?P<stem>.+)\.(?P<tid>[1-9]\d{0,6})")
_MADE = re.compile(rb"\b(?:v?fork|clone3?)(?:\(| resumed>).* = (\d+)")
_PID_COLUMN = re.compile(rb"^\[pid +\d+\] ", re.MULTILINE)
# PID_MAX_LIMIT of the kernel: a larger number at the end of a name is a date or a counter.
_LARGEST_TID = 4_194_304
# Numbers of repeated runs (run.1, run.2) are small; those of threads are in a fresh pid namespace only.
_SMALL_NUMBER = 100
_LONG_HEAD = 1 << 20

FamilyKey = tuple[str | None, str]


@dataclass(frozen=True)
class Input:
    """One opened and recognised file; `look` is None when it is empty.

    `made` are the numbers that its first calls of fork and clone returned.
    `spans` are the lines, from and to, of one part of a paste, and `prose`
    counts the lines of the paste that are in no part.
    """

    source: Source
    named: bool
    look: Recognised | None
    digest: bytes = b""
    made: frozenset[int] = frozenset()
    spans: tuple[tuple[int, int], ...] = ()
    prose: int = 0

    @property
    def name(self) -> str:
        """The name that the user sees."""
        return self.source.name

    @property
    def kind(self) -> str:
        """What it is; "empty" for a file without a byte."""
        return "empty" if self.look is None else self.look.kind

    @property
    def folder(self) -> str | None:
        """The directory it is in; None for stdin."""
        return self.source.folder

    @property
    def bare(self) -> str:
        """Its file name without the ending of a compressor."""
        return unpacked_name(os.path.basename(self.name))

    @property
    def stem(self) -> str:
        """The NAME of NAME.<tid>."""
        return self.bare.rpartition(".")[0]

    @property
    def tid(self) -> int | None:
        """The number at the end of the file's name, when a thread can have it."""
        return None if self.spans else tid_of(self.bare)


def unpacked_name(name: str) -> str:
    """A file name without the ending of a compressor."""
    return _PACKED.sub("", name)


def tid_of(name: str) -> int | None:
    """The thread number that a file name ends in; None for a date, a padded counter or no number."""
    found = _MEMBER.fullmatch(name)
    tid = int(found["tid"]) if found else 0
    return tid if 0 < tid <= _LARGEST_TID else None


def tids_made(head: bytes) -> frozenset[int]:
    """The thread numbers that fork and clone return in these lines."""
    return frozenset(int(number) for number in _MADE.findall(head) if len(number) <= 7)


def families(inputs: Iterable[Input]) -> dict[FamilyKey, list[Input]]:
    """The families among these files, by directory and NAME, each in the order of its numbers.

    A member holds one thread: its lines carry no thread number, or its own only
    (`--always-show-pid`). Empty members are normal. A single file with such a
    name is a family of one.
    """
    groups: dict[FamilyKey, list[Input]] = defaultdict(list)
    for item in inputs:
        if item.tid is not None and item.kind in ("strace", "empty") and _of_one_thread(item):
            groups[item.folder, item.stem].append(item)
    found = {}
    for key, members in groups.items():
        members.sort(key=lambda item: item.tid or 0)
        if any(item.look is not None for item in members) and not _separate_runs(members):
            found[key] = members
    return found


def _of_one_thread(item: Input) -> bool:
    return item.look is None or not item.look.pids or item.look.pids == {item.tid}


def _separate_runs(members: Sequence[Input]) -> bool:
    """Whether the files are numbered or rotated recordings rather than threads of one.

    So when the numbers are small and lines further on begin with `[pid N]`, or
    more than one file begins with the execve of a fresh start while none shows
    a call that made another's number. In doubt they are one family: unrelated
    processes in one capture do little harm.
    """
    if (members[-1].tid or 0) >= _SMALL_NUMBER:
        return False
    if any(item.look and _PID_COLUMN.search(item.source.head(_LONG_HEAD)) for item in members):
        return True
    tids = {item.tid for item in members}
    born = sum(1 for item in members if item.look is not None and item.look.born)
    return born > 1 and not any(item.made & tids for item in members)
