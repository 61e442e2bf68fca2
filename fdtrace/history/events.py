"""Every call of a capture as a row: the text is read once more, halves of calls are joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import schema
from ..readers.strace import notes
from ..readers.strace.args import Call
from ..readers.strace.window import ABSENT, NO_FD, Mark, Row, Window
from . import creations
from .columns import Columns, Moments, Numbers, seq_bases
from .effects import EFFECTS, READS, USES, WRITES, Op
from .run import History, window_stream

_ON_FIRST = frozenset(
    {Op.USE, Op.READ, Op.STATE, Op.DUP, Op.DUP_OVER, Op.CLOSE, Op.CONTROL, Op.RECEIVE, Op.SEND, Op.GET_FD}
)
"""Operations whose first argument is the descriptor that they work on."""
_FIELDS = (
    "kind tid clock syscall fd note ret errno duration flags seq line entry_line entry_clock stack".split()
)

Tenants = Callable[[int, int, int], tuple[int | None, int | None]]
"""Thread, file and call to the process and the table that the thread had then."""


def events(history: History, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `events`, in the order in which calls began."""
    columns: Columns = {name: [] for name in schema.TABLES["events"].names if name != "capture"}
    builder = _Rows(history, numbers, moments, columns)
    for window in window_stream(history):
        builder.add(window)
    return columns


class _Rows:
    """Fills the columns; a call that was cut keeps its place until it resumes."""

    def __init__(self, history: History, numbers: Numbers, moments: Moments, columns: Columns) -> None:
        self._history = history
        self._numbers = numbers
        self._moments = moments
        self._columns = columns
        self._open: dict[tuple[int, int], int] = {}
        self._bases = seq_bases(history)
        self._tenants = _tenants(history)

    def add(self, window: Window) -> None:
        """Add the calls of a window."""
        for index, row in enumerate(window.rows(_FIELDS)):
            fields = dict(zip(_FIELDS, row, strict=True))
            if fields["kind"] > Row.EXIT:
                continue
            cells = self._cells(window, index, fields)
            key = (window.file, fields["seq"])
            place = self._open.pop(key, None) if fields["kind"] == Row.EXIT else None
            if place is None:
                place = len(self._columns["seq"])
                for values in self._columns.values():
                    values.append(None)
            if fields["kind"] == Row.ENTRY:
                self._open[key] = place
            for name, value in cells.items():
                self._columns[name][place] = value

    def _cells(self, window: Window, index: int, row: dict[str, int]) -> dict[str, Any]:
        scan, moments, numbers = self._history.scan, self._moments, self._numbers
        name = scan.syscalls[row["syscall"]]
        text = window.text(index)
        ended = row["kind"] != Row.ENTRY
        begun = row["entry_clock"] if row["kind"] == Row.EXIT else row["clock"]
        pid, table = self._tenants(row["tid"], window.file, row["seq"])
        ret, failed = row["ret"], row["errno"] >= 0
        moved = name in READS or name in WRITES
        return {
            "seq": numbers.seq + self._bases[window.file] + row["seq"],
            "file": self._history.file_name(window.file),
            "line": row["entry_line"],
            "end_line": row["line"] if ended and (ret != ABSENT or failed) else None,
            "tid": row["tid"] or None,
            "pid": pid,
            "table": None if table is None else numbers.table + table,
            "t_s": moments.seconds(begun),
            "end_t_s": moments.seconds(_end(row)) if ended else None,
            "duration_s": None if row["duration"] == ABSENT else row["duration"] / 1e9,
            "time": moments.calendar(begun),
            "syscall": name.decode("ascii", "replace"),
            "fd": row["fd"] if _works_on(name, row["fd"]) else None,
            "new_fd": _made(name, row, text) if ended and not failed and ret != ABSENT else None,
            "fd_text": notes.text(scan.notes[row["note"]]) if row["note"] >= 0 else None,
            "ret": None if ret == ABSENT else ret,
            "errno": scan.errnos[row["errno"]].decode("ascii", "replace") if failed else None,
            "outcome": outcome(row["kind"], ret, failed, row["flags"]),
            "io_bytes": ret if moved and ret != ABSENT and ret >= 0 else None,
            "args": ", ".join(map(notes.text, Call(text).args)),
            "stack": None if row["stack"] < 0 else numbers.stack + row["stack"],
        }


def _tenants(history: History) -> Tenants:
    """From the tenures that the fold kept: who a thread belonged to at which call."""
    tenures: dict[int, list[tuple[int, int, int | None, int]]] = {}
    for tid, file, seq, task, table in history.fold.calls.tenures:
        tenures.setdefault(tid or task.tid, []).append((file, seq, task.process.pid, table.ident))

    def find(tid: int, file: int, seq: int) -> tuple[int | None, int | None]:
        found: tuple[int | None, int | None] = (None, None)
        for in_file, since, pid, table in tenures.get(tid, ()):
            if in_file == file and since > seq and found[1] is not None:
                break
            found = (pid, table)
        return found

    return find


def _end(row: dict[str, int]) -> int:
    """When a call returned: on its resumed line, else after the time that it took."""
    if row["kind"] == Row.EXIT:
        return row["clock"]
    known = row["clock"] != ABSENT and row["duration"] != ABSENT
    return row["clock"] + row["duration"] if known else ABSENT


def outcome(kind: int, ret: int, failed: bool, flags: int) -> str:
    """How a call ended, in a word."""
    if flags & Mark.NOT_EXECUTED:
        return "injected"
    if flags & Mark.RESTARTED:
        return "restarted"
    if kind == Row.ENTRY:
        return "unfinished"
    if ret == ABSENT:
        return "no_return"
    return "error" if failed else "ok"


def _works_on(name: bytes, fd: int) -> bool:
    effect = EFFECTS.get(name)
    return fd != NO_FD and (name in USES or (effect is not None and effect.op in _ON_FIRST))


def _made(name: bytes, row: dict[str, int], text: bytes) -> int | None:
    """The descriptor that a successful call made, the first one where it made several."""
    effect = EFFECTS.get(name)
    ret = row["ret"]
    if effect is None or ret < 0:
        return None
    if effect.op == Op.CREATE:
        return next((new.fd for new in creations.created(effect, Call(text), ret, None)), None)
    if effect.op in (Op.DUP, Op.DUP_OVER, Op.GET_FD) or (effect.op == Op.CONTROL and b"F_DUPFD" in text):
        return ret
    if effect.op == Op.RECEIVE and b"SCM_RIGHTS" in text:
        return next((fd for fd, _ in creations.received(Call(text))[0]), None)
    return None
