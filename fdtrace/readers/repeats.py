"""When a table that comes again in a file is another look at the system: shared by netstat and ss.

`netstat -c` prints its heading again without a word about the time; a shell loop
does the same with ss. Two commands after one another (`ss -t; ss -u`) print a
heading each as well, but of the same moment. A command line that was pasted
along, and the stamps that terminal loggers put before every line, help to tell.
"""

from __future__ import annotations

import re

from .moments import Moment, moment
from .prompts import command
from .sheet import Sheet

_STAMP = re.compile(
    r"\[(\d{4})[/-](\d{1,2})[/-](\d{1,2})[ T](\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(Z|[+-]\d\d:?\d\d)?\] ?(?=.)"
)


def options(text: str, tool: str) -> str | None:
    """What stands behind the name of the tool in a pasted command line; None for another line."""
    if tool not in text:
        return None
    words = command(text)
    found = re.match(rf"(?:\w+=\S+ )*(?:sudo )?(?:/\S*/)?{tool}(?=$|[\s|;>])(.*)$", words) if words else None
    return found[1].partition("|")[0].strip() if found else None


class Repeats:
    """The snapshots of one sheet, as its headings and rows begin them."""

    def __init__(self, sheet: Sheet) -> None:
        self.command = ""
        """The options of the command line that was pasted last."""
        self._sheet = sheet
        self._stamp: Moment | None = None
        self._basis = ""
        self.fresh()

    def fresh(self) -> None:
        """What follows is of another snapshot, which has begun."""
        self._headings: set[tuple[str, str]] = set()
        self._protos: set[str | None] = set()
        self._again: int | None = None
        self._empty = False
        self._number = 0

    def unstamped(self, number: int, text: str) -> str:
        """The line without the stamp of a terminal logger; the first stamp dates the snapshot."""
        found = _STAMP.match(text)
        if not found:
            return text
        year, month, day, clock, zone = found.groups()
        self._stamp = moment(f"{year}-{month:0>2}-{day:0>2} {clock}{zone or ''}")
        self._basis = f"line {number}: {found[0].strip()}"
        if not self._sheet.snapshots:
            self._begin(number)
        return text[found.end() :]

    def heading(self, number: int, text: str) -> None:
        """A heading was read: it may be the first line of another look."""
        signature = (self.command, " ".join(text.split()))
        if signature in self._headings:
            if self._empty:
                self._begin(number)
            else:
                self._again = number
        self._headings.add(signature)
        self._empty = True
        _ = self._sheet.snapshot  # the look took place, also where it saw nothing

    def row(self, proto: str | None) -> int:
        """The number of the snapshot that a row of this protocol belongs to."""
        if proto in self._protos and self._again is None and not self._empty:
            return self._number
        if self._again is not None:
            if proto in self._protos:
                headings = self._headings
                self._begin(self._again)
                self._headings = headings
            self._again = None
        self._empty = False
        self._protos.add(proto)
        self._number = self._sheet.snapshot
        return self._number

    def _begin(self, number: int) -> None:
        if self._stamp is None:
            self._sheet.begin(number, basis=f"line {number}: the heading comes again")
        else:
            self._sheet.begin(number, self._stamp.at_ns, self._stamp.clock, self._basis)
        self.fresh()
