"""Field output of lsof (-F, -F0): one field a line, or each set on one line with NULs between.

A set of a process begins with `p`, a set of a file with `f`; lsof from 4.94 on
may leave `f` out, then a file begins with the first field that comes again.
"""

from __future__ import annotations

import re

from . import addresses
from .lsof_rounds import Rounds
from .lsof_rows import LARGEST_ID, cloexec, offset, open_file, slot
from .sheet import PROLONGS, Sheet

_PROCESS = frozenset("pgRcuLKMzZ")
_FORMS: dict[str, re.Pattern[str]] = {
    **dict.fromkeys("pRu", re.compile(r"\d{1,10}$")),
    **dict.fromkeys("gK", re.compile(r"-?\d{1,10}$")),
    **dict.fromkeys("cLMzZ", re.compile(r".*$", re.DOTALL)),
    "f": re.compile(r"\*?\d{1,10}$|[A-Za-z]{2,7}\d*\.?$|[LM]\d{1,3}$"),
    "a": re.compile(r"[rwu -]?$"),
    "l": re.compile(r"[ rRwWuUxXN-]?$"),
    "t": re.compile(r"\S{0,9}$"),
    "d": re.compile(r"\S+$"),
    **dict.fromkeys("Dr", re.compile(r"0x[0-9a-f]+$")),
    "G": re.compile(r"\S*$"),
    **dict.fromkeys("CFN", re.compile(r"\S+$")),
    "o": re.compile(r"0[tx][0-9a-f]+$"),
    **dict.fromkeys("ski", re.compile(r"\d{1,20}$")),
    "P": re.compile(r"\S+$"),
    "S": re.compile(r".*$", re.DOTALL),
    "n": re.compile(r".*$", re.DOTALL),
    "T": re.compile(r"[A-Z]{2}=\S*$"),
    **dict.fromkeys("0123456789", re.compile(r"\S*$")),
}
"""What the value behind each letter looks like."""

_PLAIN = frozenset("altdDrGosikPn")
"""Fields of a file that come once and need nothing more than to be kept."""


class Fields:
    """The sets of one process after the other."""

    def __init__(self, sheet: Sheet, rounds: Rounds) -> None:
        self._sheet = sheet
        self._rounds = rounds
        self._process: dict[str, str] = {}
        self._file: dict[str, str] = {}
        self._line = 0
        self._lettered = False
        self._last = 1 << 40

    @property
    def reading(self) -> bool:
        """Whether a process set has begun."""
        return bool(self._process)

    def line(self, number: int, text: str) -> str | None:
        """None: a set begins; PROLONGS: part of one; other text: why it is no field."""
        if "\0" not in text:
            return self._field(number, text)
        told = [self._field(number, part) for part in text.split("\0") if part]
        wrong = [one for one in told if one not in (None, PROLONGS)]
        return wrong[0] if wrong else None

    def plain(self, text: str) -> bool:
        """Whether the line was one of the fields that most lines are; the others need :meth:`line`."""
        letter, told = text[0], self._file
        if not told or letter not in _PLAIN or letter in told or "\0" in text:
            return False
        if not _FORMS[letter].match(text, 1):
            return False
        told[letter] = text[1:]
        return True

    def marker(self) -> None:
        """A round is over."""
        self.flush()
        self._process = {}
        self._last = 1 << 40

    def _field(self, number: int, text: str) -> str | None:
        letter, value = text[0], text[1:]
        form = _FORMS.get(letter)
        if form is None or not form.match(value):
            return "not a field of lsof -F"
        if letter == "p":
            return self._begin_process(number, value)
        if not self._process:
            return "a field of lsof -F before any process"
        if letter in _PROCESS and not self._file:
            if letter in self._process:
                return "a field that this process has already"
            self._process[letter] = value
            return PROLONGS
        return self._of_file(number, letter, value)

    def _of_file(self, number: int, letter: str, value: str) -> str | None:
        if letter == "f":
            self.flush()
            self._lettered = True
        elif letter == "T" and self._file:
            if value.startswith("ST="):
                self._file["T"] = value[3:]
            return PROLONGS
        elif letter in self._file or (self._lettered and not self._file):
            if self._lettered or letter in _PROCESS:
                return "a field that this file has already"
            self.flush()
        elif letter in _PROCESS:
            return "a field of a process among those of a file"
        begins = not self._file
        if begins:
            self._line = number
        self._file[letter] = value
        return None if begins else PROLONGS

    def _begin_process(self, number: int, value: str) -> str | None:
        if int(value) > LARGEST_ID:
            return "not a process number"
        self.flush()
        if int(value) <= self._last:
            self._rounds.block(number)
        self._last = int(value)
        self._process, self._lettered = {"p": value}, False
        return None

    def flush(self) -> None:
        """The file set that was read is complete."""
        if not self._file:
            return
        told, process, self._file = self._file, self._process, {}
        known = slot(told.get("f", "")) or (None, told.get("f"), None, None)
        held = known[0], known[1], told.get("a", "").strip() or None, told.get("l", "").strip() or None
        row = open_file(
            self._sheet.file,
            self._line,
            process.get("c"),
            int(process["p"]),
            process.get("L") or process.get("u"),
            held,
            told.get("t", ""),
            told.get("d") or told.get("D", ""),
            told.get("s") or told.get("o", ""),
            told.get("P") or told.get("i", ""),
            told.get("n", ""),
        )
        if "o" in told:
            row.offset_bytes = offset(told["o"])
        row.tid = _id(process.get("K"))
        row.ppid = _id(process.get("R"))
        if "T" in told:
            row.state = addresses.state(told["T"])
        if "k" in told:
            row.deleted = row.deleted or told["k"] == "0"
        if "G" in told:
            row.cloexec = cloexec(told["G"])
        self._rounds.add(row)


def _id(text: str | None) -> int | None:
    """A process or thread number; 0 and what does not fit are none."""
    number = int(text) if text else 0
    return number if 0 < number <= LARGEST_ID else None
