"""JSON of lsof 4.99.7: one document of processes with their files (-J), or one object a file (-j).

That version leaves the addresses of internet sockets out of it; state and
inode are there. Numbers of 64 bits are texts.
"""

from __future__ import annotations

import json
import re
from typing import Any

from . import addresses
from .lsof_rounds import Rounds
from .lsof_rows import LARGEST_ID, cloexec, open_file, slot, whole
from .sheet import PROLONGS, Sheet

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LONGEST = 1 << 28


class Json:
    """Objects and documents, one after the other; a document may be spread over lines (jq does that)."""

    def __init__(self, sheet: Sheet, rounds: Rounds) -> None:
        self._sheet = sheet
        self._rounds = rounds
        self._parts: list[str] = []
        self._size = 0
        self._line = 0
        self._last = 1 << 40
        self.form = ""

    @property
    def open(self) -> bool:
        """Whether a document has begun and not ended."""
        return bool(self._parts)

    def line(self, number: int, text: str) -> str | None:
        """Take a line that begins with a brace, or is inside a document."""
        if self._parts:
            return self._prolong(text)
        found = parsed(text)
        if isinstance(found, dict):
            return self._take(number, found)
        if text.rstrip() in ("{", '{"processes":[') or (text[:1] == "{" and found is None and _begins(text)):
            self._parts, self._size, self._line = [text], len(text), number
            return None
        return "not an object of lsof -J or -j"

    def _prolong(self, text: str) -> str | None:
        self._parts.append(text)
        self._size += len(text)
        if text.startswith("}"):
            found = parsed("\n".join(self._parts))
            self._parts = []
            if not isinstance(found, dict) or self._take(self._line, found):
                self._sheet.problem(self._line, "JSON that is not of lsof, or damaged", lines=0)
        elif self._size > _LONGEST:
            self._parts = []
            return "a JSON document too long to be read"
        return PROLONGS

    def end(self) -> None:
        """No line follows."""
        if self._parts:
            self._salvage("\n".join(self._parts))

    def _salvage(self, text: str) -> None:
        """What a document that was cut off still tells: each process that is whole."""
        self._sheet.problem(self._line, "the JSON document is cut off: the rest of it is missing", lines=0)
        start = text.find("[", text.find('"processes"'))
        decoder = json.JSONDecoder(strict=False)
        while start > 0:
            start = text.find("{", start)
            if start < 0:
                break
            try:
                found, start = decoder.raw_decode(text, start)
            except (ValueError, RecursionError):
                break
            if isinstance(found, dict):
                self._process(self._line, found)

    def _take(self, number: int, found: dict[str, Any]) -> str | None:
        """One parsed object: a document, or a file with its process."""
        if isinstance(found.get("processes"), list):
            self.form = "lsof -J"
            self._rounds.document(number)
            for process in found["processes"]:
                if isinstance(process, dict):
                    self._process(number, process)
            return None
        if "pid" not in found or not {"fd", "type", "name", "inode"} & found.keys():
            return "not an object of lsof -J or -j"
        self.form = "lsof -j"
        pid = _number(found.get("pid")) or 0
        if pid <= self._last:
            self._rounds.block(number)
        self._last = pid
        return self._file(number, found, found)

    def _process(self, number: int, process: dict[str, Any]) -> None:
        files = process.get("files")
        for file in files if isinstance(files, list) else ():
            if isinstance(file, dict):
                told = self._file(number, process, file)
                if told:
                    self._sheet.problem(number, told, lines=0)

    def _file(self, number: int, process: dict[str, Any], file: dict[str, Any]) -> str | None:
        pid = _number(process.get("pid"))
        if "pid" in process and pid is None:
            return "not a process number"
        fd = _text(file.get("fd"))
        known = slot(fd) or (None, fd or None, None, None)
        row = open_file(
            self._sheet.file,
            number,
            _text(process.get("command")) or None,
            pid,
            _text(process.get("login")) or _text(process.get("uid")) or None,
            (known[0], known[1], _text(file.get("access")) or None, _text(file.get("lock")) or None),
            _text(file.get("type")),
            _text(file.get("device")) or _text(file.get("device_number")),
            "",
            _text(file.get("protocol")) or _text(file.get("inode")),
            _text(file.get("name")),
        )
        row.size_bytes, row.offset_bytes = whole(_text(file.get("size"))), whole(_text(file.get("offset")))
        row.tid, row.ppid = _number(process.get("tid")), _number(process.get("ppid"))
        row.cloexec = cloexec(_text(file.get("flags")))
        if "nlink" in file:
            row.deleted = row.deleted or _text(file["nlink"]) == "0"
        info = file.get("tcp_info")
        if isinstance(info, dict) and _text(info.get("state")):
            row.state = addresses.state(_text(info["state"]))
        self._rounds.add(row)
        return None


def parsed(text: str) -> Any:
    r"""The value; None for what is no JSON. Bytes that are no UTF-8 stand in the text as \xNN."""
    try:
        return json.loads(text, strict=False)
    except RecursionError:
        return None
    except ValueError:
        if "\\x" not in text:
            return None
    try:
        return json.loads(_ESCAPE.sub(_kept, text), strict=False)
    except (ValueError, RecursionError):
        return None


def _kept(found: re.Match[str]) -> str:
    return "\\\\x" if found[1] == "x" else found[0]


def _begins(text: str) -> bool:
    return '"lsof_version"' in text[:64] or '"processes"' in text[:64]


def _text(value: Any) -> str:
    """A text or number of JSON as text; anything else is nothing."""
    if type(value) is str and value.isascii():
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _number(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_ID
    return value if known else None
