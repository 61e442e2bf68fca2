"""/proc: listings of /proc/PID/fd by ls and find, fdinfo, limits, status, the tables of /proc/net.

A listing says which descriptors a process has and where they point. The mode
of a link is how the file was opened; its date is that of the listing, not of the
opening. Whose listing it is stands in the path before it, in the path of each
row, in the command at the prompt, or in the file's name; else the pid is
unknown. A process that is listed a second time begins a new snapshot.
"""

from __future__ import annotations

import re
from collections import Counter

from . import procfs_place
from .kinds import kind_of_target
from .moments import moment
from .procfs_info import Facts
from .procfs_links import Link, link, link_without_arrow, mode_of
from .procfs_place import Number, Place
from .procnet import Tables
from .prompts import command
from .sheet import PROLONGS, OpenFile, Sheet

MARKS = re.compile(
    rb"^\s*(?:[\d?.]+\s+){0,2}l(?:rwx|r-x|-wx|---)------[.+@]?\s.*\d\S? -> "
    rb"|^total 0\s*$"
    rb"|^\W*/proc/(?:\d+|self)/(?:task/\d+/)?(?:fd(?:info)?|limits|status|net)\b[/\w]*:?\W*$"
    rb"|^/proc/\d+/fd/\d+:? (?:-> |=> )?\S"
    rb"|^(?:/\S*/)?[\"']?\d+[\"']? -> [\"']?(?:/|(?:socket|pipe|net|mnt|user):\[\d|anon_inode:)"
    rb"|^(?:\S*/fdinfo/\d+:)?(?:pos:\t\d+|flags:\t0[0-7]+|mnt_id:\t\d+|ino:\t\d+)\s*$"
    rb"|^(?:eventfd-(?:count|id|semaphore):|inotify wd:|fanotify |tfd: +\d|sigmask:\t|clockid: \d)"
    rb"|^(?:Limit  +Soft Limit|Max [a-z ]+  +(?:\d+|unlimited)  )"
    rb"|^(?:Name|Umask|State|Tgid|Ngid|TracerPid|FDSize|Threads|Groups|NStgid|NSpid|NSpgid|NSsid|Kthread):\t"
    rb"|^(?:Vm[A-Z]\w+|Rss\w+|HugetlbPages|Sig[A-Z]\w+|Shd\w+|Cap(?:Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp\w*):\t"
    rb"|^\s*sl\s+local_address|^\s*\d+: [0-9A-F]{8}(?:[0-9A-F]{24})?:[0-9A-F]{4} [0-9A-F]{8}"
    rb"|^Num\s+RefCount|^[0-9a-fA-F]{8,16}: [0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{4} "
    rb"|^sk\s+(?:Eth|RefCnt)\s|^[0-9a-f]{8,16} \d+ +-?\d+ +(?:[0-9a-f]{8} \d+ +\d+ |[0-9a-f]{4} +\d+ +\d )"
)
"""A line of this form speaks for /proc."""

_OTHER_FILE = re.compile(r"^\s*(?:\d+\s+){0,2}[-dbcps][r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-][.+@]?\s")
_TOTAL = re.compile(r"^[^\W\d]+[ ]\d[\d.,]*[KMG]?$")
_NO_STAT = re.compile(r"^\s*(?:\?\s+){0,2}l\?{9}\s")
_MESSAGE = re.compile(
    r"^(?:\S*/)?(?:ls|find|cat|head|tail|grep|readlink|stat|bash|sh|dash|busybox|toybox)(?:\[\d+\])?: "
)
_REFUSED = re.compile(r"[Pp]ermission denied|[Oo]peration not permitted")
_GLUED = re.compile(r"/fd(?:/\d+)?(?:find|ls): ")
_NUMBERED = re.compile(r"^\w+:\[(\d{1,19})\]")
_TIME_OF_DAY = re.compile(r"\d\d:\d\d(?::\d\d|$)")
_DELETED = " (deleted)"
_MISCOUNTED = 3
"""`ls | wc -l` counts `.`, `..` or `total` as well, and descriptors come and go."""
_SMALLEST_PID = 100
"""A number in a heading, below this and without the word pid, rather counts the rounds of a loop."""


class Reader:
    """The lines of all files of /proc that concern descriptors, in any order and mixture."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._tables = Tables(sheet, self._again)
        self._facts = Facts(sheet)
        self._default = self._place = procfs_place.of_file(sheet.file)
        self._tables.named(self._place.last if self._place.what == "net" else None)
        self._found: Counter[str] = Counter()
        self._rows: dict[tuple[int | None, int | None, int], OpenFile] = {}
        self._listed: set[tuple[int | None, int | None]] = set()
        self._headed = False
        """A heading has just said whose listing follows."""
        self._number: Number | None = None
        """A heading that is a number, as long as it is not known of what."""
        self._number_line = 0
        self._bare: tuple[int, int] | None = None
        """The last such number that nothing stood beside, and how many rows there were before it."""
        self._columns = 0
        self._last: OpenFile | None = None
        """The row whose target may go on in the next line."""
        self._last_line = 0
        self._tail: list[str] = []

    # -- the protocol of readers ---------------------------------------------

    def line(self, number: int, text: str) -> str | None:
        """Take one line: a row, a heading, a part of a target, or something else."""
        found = link(text) if " -> " in text else None
        if isinstance(found, Link):
            self._link(number, found, len(text.partition(" -> ")[0].split()))
            return None
        reason = found or self._other(number, text)
        if reason is None:
            if self._last_line != number:
                self._settle(True)
                self._last = None
            return None
        if found is None and self._prolongs(number, text):
            self._tail.append(text)
            return PROLONGS
        self._settle(False)
        return reason

    def new_snapshot(self) -> None:
        """What follows is another look: headings come again, or the command of the file goes on."""
        self._settle(False)
        self._check_count()
        self._place = self._default
        self._forget()

    def end(self) -> None:
        """No line follows."""
        self._settle(False)
        self._check_count()
        self._facts.end()
        self.sheet.variants += [f"{what}: {count:,}" for what, count in self._found.items()]
        if any(row.pid is None for row in self.sheet.open_files):
            self.sheet.variants.append("some listings do not tell of which process they are")

    def _forget(self) -> None:
        """Nothing is listed yet in this snapshot."""
        self._rows.clear()
        self._listed.clear()
        self._tables.afresh()
        self._facts.afresh()
        self._number = None
        self._headed = False

    def _again(self, number: int, what: str) -> None:
        """Something that this snapshot has already comes a second time."""
        if not self.sheet.snapshots:
            self.sheet.begin(1)
        self.sheet.begin(number, basis=f"line {number}: {what} again")
        self._forget()

    # -- rows of listings ----------------------------------------------------

    def _link(self, number: int, found: Link, columns: int) -> None:
        """A descriptor and where it points."""
        self._settle(True)
        self._facts.leave()
        if self._number is not None:
            self._take_number(number)
        place = self._place
        pid = place.pid if found.pid is None else found.pid
        tid = place.tid if found.pid is None else found.tid
        if found.fd is not None:
            known = self._rows.get((pid, tid, found.fd))
            if known is not None and known.name is not None:
                self._again(number, f"descriptor {found.fd} of process {pid or 'unknown'}")
        row = OpenFile(self.sheet.snapshot, self.sheet.file, number, slot=found.slot, fd=found.fd)
        row.pid, row.tid, row.mode, row.user = pid, tid, found.mode, found.user
        row.command = place.command if found.pid is None else None
        if found.fd is None:
            self.sheet.open_files.append(row)
        else:
            row = self._kept((pid, tid, found.fd), row)
        if found.target is not None:
            _point(row, found.target)
            if found.is_dir:
                row.kind = "dir"
        self._headed = False
        self._columns = columns
        self._found["rows of listings"] += 1
        self._last, self._last_line = (row, number) if (row.name or "").startswith("/") else (None, number)

    def _kept(self, key: tuple[int | None, int | None, int], row: OpenFile) -> OpenFile:
        """The row of this descriptor: the one that its fdinfo has begun, or this new one."""
        known = self._rows.get(key)
        if known is None:
            self._rows[key] = row
            self.sheet.open_files.append(row)
            return row
        known.mode, known.user = known.mode or row.mode, row.user
        return known

    # -- targets with line ends in them --------------------------------------

    def _prolongs(self, number: int, text: str) -> bool:
        """Whether the line can be the rest of the target above it."""
        if self._last is None or number != self._last_line + 1 + len(self._tail):
            return False
        return moment(text) is None and command(text) is None

    def _settle(self, goes_on: bool) -> None:
        """Lines taken for the rest of a target are that when the listing goes on; else they are problems."""
        if not self._tail or self._last is None:
            return
        tail, self._tail = self._tail, []
        if goes_on or tail[-1].endswith(_DELETED):
            name = f"{self._last.name}{_DELETED if self._last.deleted else ''}"
            _point(self._last, "\n".join([name, *tail]))
        else:
            self.sheet.continuation -= len(tail)
            for line, text in enumerate(tail, self._last_line + 1):
                self.sheet.problem(line, "no row of a listing", text)
        self._last = None

    # -- everything else -----------------------------------------------------

    def _other(self, number: int, text: str) -> str | None:
        """Tables, headings, totals, fdinfo, limits, status, messages; None when it was one of them."""
        reason = self._tables.line(number, text)
        if reason is None:
            self._found["lines of tables of /proc/net"] += 1
            self._facts.leave()
        if reason != "":
            return reason
        if begun := self._facts.begins(text):
            self._fdinfo(number, begun)
        if self._facts.line(number, text, self._place):
            self._found["lines of fdinfo, limits or status"] += 1
            return None
        if self._heading(number, text):
            return None
        return self._part_of_listing(number, text)

    def _part_of_listing(self, number: int, text: str) -> str | None:
        """`total 0`, the rows of `.` and `..`, rows without a target, messages of the tool."""
        if _TOTAL.match(text):
            self._total(number)
            return None
        if found := link_without_arrow(text):
            self._link(number, found, 0)
            return None
        if _MESSAGE.match(text) or _GLUED.search(text):
            refused = _REFUSED.search(text)
            return (
                "refused: what is there is not known"
                if refused
                else "gone, or not there, when it was looked at"
            )
        words = text.split()
        if _OTHER_FILE.match(text):
            if words[-1].endswith("/fd") and (place := procfs_place.of_heading(words[-1])):
                self._begin_listing(number, place)
            return None
        if _NO_STAT.match(text):
            return "a descriptor that could not be looked at"
        if mode_of(words) is not None:
            return self._without_target(number, words)
        return "no row of a listing"

    def _without_target(self, number: int, words: list[str]) -> str | None:
        """A descriptor whose link could not be read: closed just then, or refused. It was there."""
        whole = len(words) == self._columns or (len(words) > 2 and _TIME_OF_DAY.match(words[-2]))
        if not whole or not words[-1].isdecimal() or len(words[-1]) > 7:
            return "a row of a listing that is cut off"
        fd = int(words[-1])
        if (self._place.pid, self._place.tid, fd) in self._rows:
            return "a row of a listing that is cut off"
        self._link(number, Link(fd, None, mode=mode_of(words)), len(words))
        return None

    def _total(self, number: int) -> None:
        """The first line of ls: a listing begins, of the process that was told last."""
        if self._number is not None:
            self._take_number(number)
        if not self._headed:
            self._begin_listing(number, self._place)
        self._headed = False

    def _begin_listing(self, number: int, place: Place) -> None:
        """The descriptors of this process follow; when this snapshot has them, they are seen again."""
        key = (place.pid, place.tid)
        if key in self._listed:
            self._again(number, f"the descriptors of process {place.pid or 'unknown'}")
        self._listed.add(key)
        self._place = place
        self._headed = True

    def _heading(self, number: int, text: str) -> bool:
        """Whether the line says where what follows is from."""
        place = procfs_place.of_heading(text)
        if place is not None:
            self._check_count()
            self._facts.leave()
            self._tables.named(place.last if place.what == "net" else None)
            self._number = None
            if command(text) is not None and "/proc/" in text:
                self._default = place
            if place.what == "fd" and place.last is None:
                self._begin_listing(number, place)
            elif place.what is not None:
                self._place = place
                self._headed = True
            return True
        told = procfs_place.of_number(text)
        if told is None:
            return False
        self._facts.leave()
        self._number, self._number_line = told, number
        return True

    def _take_number(self, number: int) -> None:
        """The number in a heading just before is that of the process whose listing begins."""
        told, self._number = self._number, None
        if told is None or number > self._number_line + 2:
            return
        self._check_count()
        if told.sure or told.number >= _SMALLEST_PID:
            self._place = Place(told.number, what="fd", command=told.command)
            self._headed = False
            self._bare = (told.number, len(self.sheet.open_files)) if told.bare else None

    def _check_count(self) -> None:
        """A number with nothing beside it may be the count of the rows below it, not their process."""
        told, self._bare = self._bare, None
        if told is None:
            return
        rows = self.sheet.open_files[told[1] :]
        if abs(told[0] - len(rows)) <= _MISCOUNTED:
            for row in rows:
                row.pid = None

    def _fdinfo(self, number: int, place: Place) -> None:
        """The first line of a fdinfo: whose it is, says its path, a heading, or a number before it."""
        if place.last is None:
            place = self._place if self._place.what == "fdinfo" else Place(self._place.pid)
        fd = int(place.last) if place.last and place.last.isdecimal() else None
        if self._number is not None:
            fd = self._number.number if number == self._number_line + 1 else fd
            self._number = None
        if fd is not None:
            known = self._rows.get((place.pid, None, fd))
            if known is not None and known.cloexec is not None:
                self._again(number, f"fdinfo of descriptor {fd}")
        row = OpenFile(self.sheet.snapshot, self.sheet.file, number, pid=place.pid, fd=fd, slot="fd")
        if fd is None:
            self.sheet.open_files.append(row)
        else:
            row = self._kept((place.pid, None, fd), row)
        self._facts.descriptor(row)


def _point(row: OpenFile, target: str) -> None:
    """What the target says of the descriptor."""
    kind = kind_of_target(target)
    row.name = target
    if kind in ("file", "memfd", "char") and target.endswith(_DELETED):
        row.name = target.removesuffix(_DELETED)
        row.deleted = True if kind == "file" else None
    elif kind == "file":
        row.deleted = False
    if row.kind == "unknown" or kind not in ("unknown", "socket", "file"):
        row.kind = kind
    if found := _NUMBERED.match(target):
        row.inode = int(found[1])
