"""The table of lsof: cells by where the header puts them, or by what they look like.

lsof sizes its columns over the whole run, so each cell lies under its word of
the header: right-aligned columns end where the word ends (FD two characters
behind, for mode and lock), and a blank cell leaves its place blank. Tables that
were retyped, squeezed or cut from their header are read by content instead.
"""

from __future__ import annotations

import re

from .lsof_rows import LARGEST_ID, Slot, cloexec, command, open_file, slot
from .sheet import OpenFile

_TITLES: dict[str, str] = {
    "COMMAND": "command",
    "PID": "pid",
    "TID": "tid",
    "TASKCMD": "task",
    "ZONE": "zone",
    "SECURITY-CONTEXT": "context",
    "PPID": "ppid",
    "PGID": "pgid",
    "USER": "user",
    "FD": "fd",
    "TYPE": "type",
    "FILE-ADDR": "file_addr",
    "FCT": "count",
    "FILE-FLAG": "flags",
    "NODE-ID": "node_id",
    "DEVICE": "device",
    "SIZE/OFF": "size",
    "SIZE": "size",
    "OFFSET": "size",
    "NLINK": "nlink",
    "NODE": "node",
    "INODE": "node",
    "NAME": "name",
}
_LEFT_ALIGNED = frozenset({"command", "task", "zone", "context"})
_OVERHANG = 2
"""Mode and lock stand behind the number in the FD column."""

_HEADER = re.compile(r"(?:\s*\[\d[\d/:. +-]*\]\s)?[^\w]*\bCOMMAND\s+PID\b.*\bFD\s+TYPE\b")
_TYPE = re.compile(
    r"(?:V?REG|V?DIR|V?CHR|V?BLK|V?FIFO|V?LNK|VSOC|VNON|VBAD|V?MPC|MPB|LINK|IPv[46]|inet|unix|sock|SOCK|a_inode"
    r"|netlink|pack|raw6?|icmp|sctp|ax25|ipx|x\.25|ATALK|PIPE|KQUEUE|EVENTFD|PROCDSC|FSEVENTS|CHANNEL|NPOLICY|NEXUS"
    r"|systm|ndrv|key|rte|lla|ppp|PSX(?:MQ|SEM|SHM)|SHM|DOOR|PORT|DEL|UNKN\w{0,3}|UNSP|UNNM|unknown)$"
)
_OCTAL = re.compile(r"[0-7]{4}$")
_PROTOCOL = re.compile(r"(?:TCP|UDP|UDPLITE|ICMP(?:V6)?|SCTP|RAW|IGMP|IPV6|\d{1,3})$")
_DEVICE = re.compile(r"(?:\d+,(?:\d+|0x[0-9a-f]+)(?:,\d+)?|0x[0-9a-f]+)$")
_NUMBER = re.compile(r"(?:0t\d+|0x[0-9a-f]+|\d+)$")
_FLAGS = re.compile(r"(?:[A-Z]{1,4}(?:[,;][A-Z]{1,4})*;?|0x[0-9a-f]+;0x[0-9a-f]+)$")
_STAMP = re.compile(r"\s*\[\d[\d/:. +-]*\]\s+")
_LEADING = " \t>|#*"
_BEFORE_PID = 4
_BEFORE_FD = 6
_MOST_TOKENS = 24


class Columns:
    """One header, and the rows below it."""

    def __init__(self, titles: list[tuple[str, int, int]], printed: str, aligned: bool) -> None:
        self.names = tuple(name for name, _, _ in titles)
        self.titles = printed
        self.start = titles[0][1]
        self._groups: list[str] = []
        self._match = self._pattern(titles).match if aligned else None
        rare = ("tid", "ppid", "flags", "nlink")
        self._more = [(index, name) for index, name in enumerate(self._groups) if name in rare]
        at = {name: index for index, name in enumerate(self._groups)}
        self._user, self._fd, self._type = at.get("user", -1), at.get("fd", -1), at.get("type", -1)
        self._device, self._size, self._node = at.get("device", -1), at.get("size", -1), at.get("node", -1)

    def _pattern(self, titles: list[tuple[str, int, int]]) -> re.Pattern[str]:
        """One group for each right-aligned column; a left-aligned one is at the front of the next."""
        parts, at = [f".{{{self.start}}}"], self.start
        for name, begins, ends in titles:
            if name in _LEFT_ALIGNED:
                continue
            if name == "name":
                parts.append(f".{{{begins - at}}}(.*)" if begins > at else "(.*)")
            else:
                end = ends + (_OVERHANG if name == "fd" else 0)
                parts.append(f"(.{{{end - at}}}) ")
                at = end + 1
            self._groups.append(name)
        return re.compile("".join(parts), re.DOTALL)

    def row(self, file: str, line: int, text: str) -> OpenFile | None:
        """The row whose cells lie under the header's words; None when they do not."""
        if self._match is None:
            return None
        found = self._match(text)
        if found is None:
            return None
        cells = found.groups()
        head = cells[0].rsplit(None, 1)
        if not head or not head[-1].isdecimal() or len(head[-1]) > 10:
            return None
        held = slot(cells[self._fd].strip())
        type_, device = cells[self._type].strip(), cells[self._device].strip()
        size, node = cells[self._size].strip(), cells[self._node].strip()
        user = cells[self._user].split()
        if held is None or " " in type_ or " " in device or " " in size or " " in node or not user:
            return None
        pid = int(head[-1])
        if pid > LARGEST_ID:
            return None
        row = open_file(
            file,
            line,
            command(head[0].strip()) if len(head) > 1 else None,
            pid,
            user[-1],
            held,
            type_,
            device,
            size,
            node,
            cells[-1],
        )
        for index, name in self._more:
            _add(row, name, "".join(cells[index].split()[-1:]))
        return row


def _add(row: OpenFile, name: str, cell: str) -> None:
    """One of the columns that only some options print."""
    if name == "flags":
        row.cloexec = cloexec(cell) if cell else (False if row.fd is not None else None)
    elif not cell.isdecimal() or len(cell) > 10 or int(cell) > LARGEST_ID:
        return
    elif name == "nlink":
        row.deleted = int(cell) == 0
    elif name == "tid":
        row.tid = int(cell)
    else:
        row.ppid = int(cell)


def header(text: str) -> Columns | None:
    """The columns that a header names; None for a line that is no header."""
    if not _HEADER.match(text):
        return None
    titles: list[tuple[str, int, int]] = []
    for word in re.finditer(r"\S+", text):
        name = _TITLES.get(word[0].lstrip("#*>|") if not titles else word[0])
        if name is None and titles:
            name = word[0].lower()
        if name is not None:
            titles.append((name, word.end() - len(word[0].lstrip("#*>|")), word.end()))
    at = {name: (begins, ends) for name, begins, ends in titles}
    wide = "\t" not in text and at["type"][0] - at["fd"][1] > _OVERHANG
    whole = len(at) == len(titles) and {"user", "device", "size", "node"} <= at.keys()
    whole = whole and titles[-1][0] == "name"
    return Columns(titles, " ".join(text[titles[0][1] :].split()), wide and whole)


def by_content(file: str, line: int, text: str, columns: Columns | None) -> tuple[OpenFile, bool] | None:
    """The row that a line must be by the look of its words, whatever stands between them.

    With it comes whether all cells before USER are understood: without a
    header a number there may be a thread or a parent.
    """
    stamp = _STAMP.match(text)
    bare = (text[stamp.end() :] if stamp else text).lstrip(_LEADING)
    words = bare.split(None, _MOST_TOKENS)
    for first in range(1, min(_BEFORE_PID, len(words)) + 1):
        if first < len(words) and words[first].isdecimal() and len(words[first]) <= 10:
            found = _from_pid(file, line, bare, words, first, columns)
            if found is not None:
                return found
    return None


def _from_pid(
    file: str, line: int, bare: str, words: list[str], first: int, columns: Columns | None
) -> tuple[OpenFile, bool] | None:
    """The row whose process number is the word `first`, if an FD and a TYPE follow."""
    if int(words[first]) > LARGEST_ID:
        return None
    for at in range(first + 2, min(first + 2 + _BEFORE_FD, len(words))):
        held = slot(words[at])
        if held is None:
            continue
        untyped = held[1] == "NOFD"
        if untyped or (at + 1 < len(words) and _is_type(words[at + 1], held)):
            type_ = "" if untyped else words[at + 1]
            device, size, node, name, more = _tail(bare, words, at + (1 if untyped else 2), type_, columns)
            row = open_file(
                file,
                line,
                command(" ".join(words[:first])),
                int(words[first]),
                words[at - 1],
                held,
                type_,
                device,
                size,
                node,
                name,
            )
            _owner(row, words[first + 1 : at - 1], columns)
            for title, cell in more:
                _add(row, title, cell)
            return row, columns is not None or at == first + 2
    return None


def _is_type(word: str, held: Slot) -> bool:
    """Whether a word can be the TYPE; four octal digits only behind an FD that is more than a number."""
    return bool(_TYPE.match(word)) or (held[2] is not None and bool(_OCTAL.match(word)))


def _owner(row: OpenFile, between: list[str], columns: Columns | None) -> None:
    """What stands between PID and USER, when the header says what it is and no cell is blank."""
    if columns is None or not between:
        return
    titles = columns.names[columns.names.index("pid") + 1 : columns.names.index("fd") - 1]
    if len(titles) == len(between):
        for title, cell in zip(titles, between, strict=True):
            if title in ("tid", "ppid"):
                _add(row, title, cell)


def _tail(
    bare: str, words: list[str], at: int, type_: str, columns: Columns | None
) -> tuple[str, str, str, str, list[tuple[str, str]]]:
    """DEVICE, SIZE/OFF, NODE, NAME and further cells from the words behind TYPE."""
    more = []
    if columns is not None and "flags" in columns.names and at < len(words) and _FLAGS.match(words[at]):
        more.append(("flags", words[at]))
        at += 1
    device = size = node = ""
    if type_ in ("IPv4", "IPv6", "inet"):
        for ahead in range(at, min(at + 4, len(words))):
            if _PROTOCOL.match(words[ahead]) and not words[ahead].isdecimal():
                cells = words[at:ahead]
                device, size = [*cells, "", ""][:2]
                return device, size, words[ahead], _rest(bare, words, ahead + 1), more
    if at < len(words) and (_DEVICE.match(words[at]) or (type_ == "pack" and words[at].isdecimal())):
        device = words[at]
        at += 1
    numbers: list[str] = []
    while at < len(words) and len(numbers) < 3 and _NUMBER.match(words[at]):
        numbers.append(words[at])
        at += 1
    if len(numbers) == 3 and columns is not None and "nlink" in columns.names:
        more.append(("nlink", numbers.pop(1)))
    if len(numbers) == 1:
        alone = numbers[0]
        is_size = alone[:2] in ("0t", "0x") or type_ == "PIPE"
        size, node = (alone, "") if is_size else ("", alone)
    elif numbers:
        size, node = numbers[0], numbers[1]
    if type_ == "pack" and not node and at < len(words) and words[at] == "ALL":
        at += 1
    return device, size, node, _rest(bare, words, at), more


def _rest(bare: str, words: list[str], at: int) -> str:
    """The text from the word `at` on, blanks and all."""
    if at >= len(words):
        return ""
    return bare.split(None, at)[at]
