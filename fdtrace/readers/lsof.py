"""lsof of Linux, macOS and BSD: its table, field output (-F, -F0) and JSON (-J, -j).

One text may hold several runs (see :mod:`.lsof_rounds`): those of repeat mode
(-r) with its markers, those below time lines, and those that were appended one
after the other, where a header is repeated and a (pid, fd) that was seen
already in this snapshot comes again: that begins a new snapshot without a time.

A row NOFD says that the descriptors of a process could not be read: the table
is unknown then, not empty. Numbers from 10,000 on are printed as `*345`, the
last three digits (table, and -F before 4.99.7): `fd` is NA in these rows.
Messages of lsof between the rows are understood and counted, not problems.
"""

from __future__ import annotations

import re

from . import lsof_columns
from .lsof_columns import Columns
from .lsof_fields import Fields
from .lsof_json import Json
from .lsof_rounds import Rounds
from .moments import Moment, moment
from .sheet import PROLONGS, OpenFile, Sheet

_SLOTS = (
    rb"(?:(?:\d+|\*\d{3})(?:[rwu-][\w-]?)?|cwd|rtd|txt|mem(?:-\w)?|mmap|DEL|NOFD|err|ltx|fp\.|twd|jld|ctty)"
)
_TYPES = (
    rb"(?:V?REG|V?DIR|V?CHR|V?BLK|FIFO|LINK|IPv[46]|inet|unix|sock|a_inode|netlink|pack|raw6?|icmp|PIPE|KQUEUE"
    rb"|systm|ndrv|NPOLICY|CHANNEL|PSX\w+|DOOR|DEL|UNKN\w*|unknown)"
)
MARKS: re.Pattern[bytes] = re.compile(
    rb"\W*COMMAND\s+PID\s.*\bFD\s+TYPE\b"
    rb"|lsof: (?:WARNING|no |can't |status|avoiding|illegal|unsupported|Internal)"
    rb"|[\s>|#*]*(?:\[\d[\d/:. +-]*\]\s+)?\S+\s+(?:\S+\s+)?\d+\s+\S+\s(?:.{0,80}?\s)??"
    + _SLOTS
    + rb"\s+(?:"
    + _TYPES
    + rb"\s|0000\s+0,\d|/\S+ \(opendir: )"
    # the fields of lsof -F, one a line
    rb"|(?:p\d+|f(?:\d+|cwd|rtd|txt|mem|DEL|NOFD)|D0x[0-9a-f]+|G0x[0-9a-f]+;0x[0-9a-f]+|TST=[A-Z_0-9]+|TQ[RS]=\d+"
    rb"|P(?:TCP|UDP)|t(?:REG|DIR|CHR|BLK|FIFO|IPv[46]|unix|sock|a_inode|netlink|PIPE|KQUEUE|V[A-Z]{3})"
    rb"|n(?:/|\[\w+[\]:]|(?:\*|\S+):\S+(?:->\S+)?$|.* type=[A-Z]+$|protocol: ).*)(?:\0|$)"
    rb"|\s*\{\"lsof_version\":|\s*\"lsof_version\": \"|\{(?=.{0,300}\"pid\":\d)(?=.{0,600}\"fd\":\").*\}\s*$",
    re.DOTALL,
)
"""Lines that only lsof writes."""

LONGEST_LINE = 1 << 26
"""Bytes of a line that count here: the document of -J is a single line."""

_MESSAGE = re.compile(
    r"lsof: |lsof \d+\.\d|lsof version information| (?:latest (?:revision|FAQ|\(non)|usage: )"
    r"|Use the ``-h'' option|\s+compiler|Anyone can list all files"
)
_MORE_OF_MESSAGE = re.compile(r"\s+(?:Output information may be incomplete|assuming \"dev=|Device cache )")
_SEPARATOR = re.compile(r"=======\s*$")
_LEFT_OUT = re.compile(r"[\s>|#*]*(?:\.\.\.+|…|\[\.\.\.\]|-+ ?(?:snip|cut)\w*.*)\s*$")
_COUNT = re.compile(r"(\d)c\d{1,9}\s*$")
_BARE_NUMBER = re.compile(r"\d{1,7}\s*$")
_WRAPPED = re.compile(r"\s*\([^()]+\)\s*$")


class Reader:
    """All forms of lsof's output, mixed as people paste them."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._rounds = Rounds(sheet)
        self._columns: Columns | None = None
        self._fields = Fields(sheet, self._rounds)
        self._json = Json(sheet, self._rounds)
        self._after_row = False
        self._messages: list[str] = []
        self._told: dict[str, None] = {}

    def line(self, number: int, text: str) -> str | None:
        """Take one line; most are rows below the last header."""
        if self._columns is not None:
            row = self._columns.row(self._sheet.file, number, text)
            if row is not None:
                self._after_row = True
                self._rounds.add(row)
                return None
        elif self._fields.reading and self._fields.plain(text):
            return PROLONGS
        return self._other(number, text)

    def new_snapshot(self) -> None:
        """A time line was seen: what follows is another run."""
        self._fields.flush()
        self._rounds.new_snapshot()

    def end(self) -> None:
        """Complete what waits, and say what was found out about the form."""
        self._fields.flush()
        self._json.end()
        self._rounds.end()
        self._settle_deleted()
        self._sheet.variants += self._variants()

    # -- lines that are no rows below a header --------------------------------

    def _other(self, number: int, text: str) -> str | None:
        after_row, self._after_row = self._after_row, False
        if self._json.open or text.lstrip()[:1] == "{":
            return self._json.line(number, text)
        forms = (self._field, self._of_table) if self._fields.reading else (self._of_table, self._field)
        for form in forms:
            told = form(number, text)
            if told is None or told == PROLONGS:
                return told
        return self._between(number, text, after_row)

    def _of_table(self, number: int, text: str) -> str | None:
        """A header, or a row that is known by its content."""
        columns = lsof_columns.header(text)
        if columns is not None:
            self._columns = columns
            self._fields.marker()
            self._rounds.block(number)
            self._told[f"columns {columns.titles}"] = None
            return None
        found = lsof_columns.by_content(self._sheet.file, number, text, self._columns)
        if found is None:
            return "not a row of lsof"
        beside = "rows without header" if self._columns is None else "rows beside the header's columns"
        self._told[beside] = None
        self._after_row = True
        self._rounds.add(*found)
        return None

    def _field(self, number: int, text: str) -> str | None:
        """A line of -F; the marker of -r among them is `m`, a time behind it maybe."""
        mark = text.rstrip("\0")
        if self._fields.reading and mark[:1] == "m" and (mark == "m" or _time(mark[1:])):
            self._fields.marker()
            self._told["repeat mode (-r)"] = None
            found = _time(mark[1:])
            if found is None:
                self._rounds.separator(number)
            else:
                self._rounds.moment(number, found, mark, own=True)
            return None
        told = self._fields.line(number, text)
        if told is None:
            self._told["fields (-F0)" if "\0" in text else "fields (-F)"] = None
        return told

    def _between(self, number: int, text: str, after_row: bool) -> str | None:
        """What stands between rows: markers, times, messages, the command itself."""
        if _SEPARATOR.match(text):
            self._fields.marker()
            self._told["repeat mode (-r)"] = None
            self._rounds.separator(number)
            return None
        if self._rounds.may_close and (found := _time(text)):
            self._fields.marker()
            self._told["a time line behind rows"] = None
            self._rounds.moment(number, found, text)
            return None
        if _MORE_OF_MESSAGE.match(text) or (after_row and _WRAPPED.match(text)):
            self._after_row = after_row
            return PROLONGS
        if _MESSAGE.match(text):
            self._after_row = after_row
            self._messages.append(f"line {number}: {text.strip()[:100]}")
            return None
        if _LEFT_OUT.match(text):
            return "rows were left out here"
        if _BARE_NUMBER.match(text):
            return "a bare number: lsof -t prints processes only, without their descriptors"
        return "not a row of lsof"

    # -- at the end -------------------------------------------------------------

    def _settle_deleted(self) -> None:
        """On Linux lsof says `(deleted)` where it is so: without it the path is still there."""
        rows = self._sheet.open_files
        if any(row.slot == "mem" or row.type in ("a_inode", "sock") for row in rows):
            for row in rows:
                if (
                    row.deleted is None
                    and row.name is not None
                    and row.name.startswith("/")
                    and _has_path(row)
                ):
                    row.deleted = False

    def _variants(self) -> list[str]:
        told = list(self._told)
        if self._json.form:
            told.append(self._json.form)
            if any(row.kind in ("tcp", "tcp6") and row.name is None for row in self._sheet.open_files):
                told.append("sockets without addresses: lsof 4.99.7 leaves them out of its JSON")
        rows = self._sheet.open_files
        cut = sum(1 for row in rows if row.slot == "fd" and row.fd is None)
        if cut:
            told.append(f"descriptors from 10,000 on, printed with their last three digits only: {cut}")
        unread = len({row.pid for row in rows if row.slot == "NOFD"})
        if unread:
            told.append(f"processes whose descriptors lsof could not read (NOFD): {unread}")
        if any(row.tid is not None for row in rows):
            told.append("threads are listed (-K): each descriptor once for every thread")
        if self._messages:
            told.append(f"messages of lsof itself: {len(self._messages)}, first {self._messages[0]}")
        return told


def _has_path(row: OpenFile) -> bool:
    name = row.name or ""
    return row.kind in ("file", "dir", "char", "block") and name[:1] == "/" and not name.endswith(" denied)")


def _time(text: str) -> Moment | None:
    """What a time line tells; behind one of lsof itself the count of -r may stand (`07:00:57c2`)."""
    return moment(_COUNT.sub(r"\1", text))
