"""A libwebsockets log as the trace shows it: the text that the program wrote, at the calls that wrote it.

Where a program's log goes through write(2) in a trace, the lines stand among
the calls in their true order, to the call. A trace that shows none of them is
passed over quickly.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..readers import lws
from ..readers.sheet import LwsEvent, LwsObject, Sheet
from ..readers.strace.args import Call, string
from ..readers.strace.window import Row
from .run import History, window_stream

if TYPE_CHECKING:
    from ..readers.strace.window import Window

_WRITES = frozenset((b"write", b"writev", b"send", b"sendto"))
_STAMPED = re.compile(
    rb"\"(?:\\33\[[\d;]*m|\\33\[0m)*\[(?:\d{4}/\d\d?/\d\d? \d\d:\d\d:\d\d|\d{9,11}):\d{4}\] [A-Z?]{1,9}: "
)
_OVERLAP = 200


def written(history: History) -> Sheet | None:
    """The log in a trace's own writes, its lines numbered as the trace's; None when there is none.

    Strings that strace has cut (-s) tell what is left of them.
    """
    if not _any(history):
        return None
    sheet = Sheet(history.file_name(0), "lws")
    reader = lws.Reader(sheet)
    for window in window_stream(history):
        sheet.file = history.file_name(window.file)
        _take(window, history.scan.syscalls.items, reader)
    sheet.problems.clear()
    reader.end()
    return sheet


def _any(history: History) -> bool:
    """Whether the text has stamped strings at all."""
    for source in history.capture.sources:
        rest = b""
        for block in source.blocks():
            text = rest + block
            if _STAMPED.search(text):
                return True
            rest = text[-_OVERLAP:]
    return False


def _take(window: Window, names: list[bytes], reader: lws.Reader) -> None:
    import numpy as np

    codes, kinds = window.column("syscall"), window.column("kind")
    wanted = np.array([name in _WRITES for name in names], dtype=bool)
    rows = np.flatnonzero((kinds <= Row.EXIT) & (kinds != Row.ENTRY) & (codes >= 0))
    for row in rows[wanted[codes[rows]]].tolist():
        text = window.text(row)
        if not _STAMPED.search(text):
            continue
        line = int(window.column("entry_line")[row])
        for said in _strings(Call(text)):
            for one in said.decode("utf-8", "backslashreplace").split("\n"):
                if one.strip():
                    reader.line(line, one)


def _strings(call: Call) -> list[bytes]:
    """What a call writes; of writev, every buffer on its own."""
    if call.name == b"writev":
        parts = (string(part) for part in call.arg(1).split(b"iov_base=")[1:])
        return [b"".join(part[0] for part in parts if part is not None)]
    said = string(call.arg(1))
    return [] if said is None else [said[0]]


def places(log: Sheet, trace: Sheet) -> dict[int, int]:
    """By line of the log, the line of the trace whose call wrote it.

    Stamps and what they say must agree; of equal ones the first goes with the first.
    """
    waiting: dict[tuple[object, ...], list[int]] = {}
    for key, line in _marks(trace):
        waiting.setdefault(key, []).append(line)
    for lines in waiting.values():
        lines.reverse()
    found: dict[int, int] = {}
    for key, line in _marks(log):
        if same := waiting.get(key):
            found.setdefault(line, same.pop())
    return found


def _marks(sheet: Sheet) -> list[tuple[tuple[object, ...], int]]:
    """What a log says, each with its line, in the order of the lines."""
    marks: list[tuple[tuple[object, ...], int]] = []
    for row in sheet.lws_objects:
        marks += _of_object(row)
    for event in sheet.lws_events:
        marks.append((_of_event(event), event.line))
    return sorted((mark for mark in marks if mark[0][0] is not None), key=lambda mark: mark[1])


def _of_object(row: LwsObject) -> list[tuple[tuple[object, ...], int]]:
    marks: list[tuple[tuple[object, ...], int]] = []
    if row.line != row.destroyed_line:
        marks.append(((row.created_ns, "++", row.group, row.ordinal), row.line))
    if row.destroyed_line is not None:
        marks.append(((row.destroyed_ns, "--", row.group, row.ordinal), row.destroyed_line))
    return marks


def _of_event(event: LwsEvent) -> tuple[object, ...]:
    return (event.clock_ns, event.callback, event.fd, (event.text or "")[:20])
