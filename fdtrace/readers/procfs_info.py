"""Files of /proc/PID that say something of one descriptor or of the process: fdinfo, limits, status.

The flags of fdinfo are octal and those of most machines (x86, arm64, s390x,
riscv); alpha, parisc and sparc number O_CLOEXEC otherwise.
"""

from __future__ import annotations

import re

from .procfs_place import Place
from .sheet import OpenFile, ProcessFacts, Sheet

_CLOEXEC, _PATH, _ACCESS = 0o2000000, 0o10000000, 3
_MODES = ("r", "w", "u", "-")

_KEY = re.compile(
    r"^(?:\S*?proc/(?P<pid>\d+|self)/(?:task/\d+/)?fdinfo/(?P<fd>\d+):)?"
    r"(?P<key>[\w-]+(?: [\w-]+)?):\s*(?P<value>.*)$"
)
_BEGINS = re.compile(r"^(?:\S*?proc/(?:\d+|self)/(?:task/\d+/)?fdinfo/\d+:)?pos:\s")
_WORDS = re.compile(r"^(?:\S*/fdinfo/\d+:)?(?:inotify|fanotify)\s\S+:")
_LOCK = re.compile(
    r"(?:\d+: )?(POSIX|FLOCK|OFDLCK)\s+\w+\s+(READ|WRITE|RW|NONE)\s+-?\d+\s+\S+\s+(\d+)\s+(EOF|\d+)"
)
_LIMIT = re.compile(r"^(Limit  +Soft Limit|Max [a-z ]+?  +\S)")
_NOFILE = re.compile(r"^Max open files\s+(\w+)\s+(\w+)")

_KIND_OF: tuple[tuple[str, str], ...] = (
    ("eventfd-", "eventfd"),
    ("tfd", "epoll"),
    ("inotify", "inotify"),
    ("fanotify", "fanotify"),
    ("sigmask", "signalfd"),
    ("clockid", "timerfd"),
    ("Pid", "pidfd"),
    ("SqMask", "io_uring"),
    ("SqEntries", "io_uring"),
    ("map_type", "bpf"),
    ("prog_type", "bpf"),
    ("link_type", "bpf"),
    ("tty-index", "char"),
)
"""How the lines begin that only one kind of file has."""

_NAMELESS = frozenset(
    {"eventfd", "epoll", "inotify", "fanotify", "signalfd", "timerfd", "pidfd", "io_uring", "bpf"}
)
"""Kinds whose `ino` is shared by all of them and identifies nothing."""


class Facts:
    """The lines of these files, whichever order they come in."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._section = ""
        self._row: OpenFile | None = None
        self._facts: ProcessFacts | None = None
        self._known: dict[int, ProcessFacts] = {}
        self._shared: set[int] = set()
        self._unsure: list[OpenFile] = []

    def leave(self) -> None:
        """A heading or a row of something else: what was begun is complete."""
        self._section = ""
        self._row = None

    def afresh(self) -> None:
        """Another snapshot has begun."""
        self.leave()
        self._known.clear()

    def end(self) -> None:
        """What a shared inode was printed for has no inode of its own."""
        for row in self._unsure:
            if row.inode in self._shared:
                row.inode = None

    # -- fdinfo --------------------------------------------------------------

    @staticmethod
    def begins(text: str) -> Place | None:
        """Whether this line is the first of a fdinfo, and whose, where grep has put the path before it."""
        if not _BEGINS.match(text):
            return None
        found = _KEY.match(text)
        if found is None or found["fd"] is None:
            return Place()
        return Place(int(found["pid"]) if found["pid"].isdecimal() else None, what="fdinfo", last=found["fd"])

    def descriptor(self, row: OpenFile) -> None:
        """The lines that follow are about this descriptor."""
        self._section, self._row = "fdinfo", row

    # -- lines ---------------------------------------------------------------

    def line(self, number: int, text: str, place: Place) -> bool:
        """Whether the line is one of these files'; its meaning goes into the row or the facts."""
        if _LIMIT.match(text):
            self._limit(number, text, place)
            return True
        found = _KEY.match(text)
        if self._section == "fdinfo" and self._row is not None:
            if found is None:
                return self._more(self._row, text)
            self._about(self._row, found["key"], found["value"])
            return True
        if found is None or found["fd"] is not None:
            return False
        if found["key"] == "Name" and text[5:6] == "\t":
            self._section = "status"
            self._facts = self._of(number, place.pid)
        if self._section != "status" or self._facts is None:
            return False
        self._status(self._facts, found["key"], found["value"])
        return True

    def _more(self, row: OpenFile, text: str) -> bool:
        """A line of a fdinfo without a key: `inotify wd:1 …`, the indented lists of io_uring."""
        if _WORDS.match(text):
            return self._of_kind(row, text)
        return text.startswith(("  ", "\t"))

    def _of_kind(self, row: OpenFile, text: str) -> bool:
        for begins, kind in _KIND_OF:
            if text.rpartition("fdinfo/")[2].lstrip("0123456789:").startswith(begins):
                if row.kind == "unknown":
                    row.kind = kind
                if kind in _NAMELESS and row.inode is not None:
                    self._shared.add(row.inode)
                return True
        return False

    def _about(self, row: OpenFile, key: str, value: str) -> None:
        """One line of a fdinfo."""
        if key == "pos":
            row.offset_bytes = _whole(value)
        elif key == "flags":
            flags = _octal(value)
            if flags is not None:
                row.cloexec = bool(flags & _CLOEXEC)
                row.mode = "-" if flags & _PATH else _MODES[flags & _ACCESS]
        elif key == "ino":
            if row.inode is None and row.kind in ("unknown", "file", "dir"):
                row.inode = _whole(value)
                self._unsure.append(row)
        elif key == "lock":
            row.lock = _lock(value) or row.lock
        else:
            self._of_kind(row, key)

    # -- limits and status -----------------------------------------------------

    def _of(self, number: int, pid: int | None) -> ProcessFacts:
        if pid is not None and pid in self._known:
            return self._known[pid]
        facts = ProcessFacts(self._sheet.snapshot, self._sheet.file, number, pid)
        self._sheet.processes.append(facts)
        if pid is not None:
            self._known[pid] = facts
        return facts

    def _limit(self, number: int, text: str, place: Place) -> None:
        if found := _NOFILE.match(text):
            facts = self._of(number, place.pid)
            facts.nofile_limit, facts.nofile_hard = _whole(found[1]), _whole(found[2])

    def _status(self, facts: ProcessFacts, key: str, value: str) -> None:
        if key == "Name":
            facts.command = value
        elif key == "Tgid" and facts.pid is None:
            facts.pid = _whole(value)
        elif key == "PPid":
            facts.ppid = _whole(value)
        elif key == "Threads":
            facts.threads = _whole(value)
        elif key == "FDSize":
            facts.fd_size = _whole(value)
        elif key == "Uid":
            # Real, effective, saved and that of the file system: the effective one owns /proc/PID.
            facts.user = next(iter(value.split()[1:2]), None)


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _octal(text: str) -> int | None:
    return int(text, 8) if text and len(text) < 20 and not text.strip("01234567") else None


def _lock(value: str) -> str | None:
    """The letter that lsof shows for it: r, w, and in capitals when it covers the whole file."""
    found = _LOCK.match(value)
    if found is None or found[2] == "NONE":
        return None
    letter = {"READ": "r", "WRITE": "w", "RW": "u"}[found[2]]
    return letter.upper() if (found[3], found[4]) == ("0", "EOF") else letter
