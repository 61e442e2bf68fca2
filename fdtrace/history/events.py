"""Every call of a capture as a row: the text is read once more, window by window, halves of calls are joined.

Rows come in the order in which calls began, so the end of a call that a window
cuts is looked for ahead. What is held at a time is one window, and the ends of
those calls that were under way where a window ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import schema
from ..readers.strace import notes
from ..readers.strace.args import Call
from ..readers.strace.window import ABSENT, NO_FD, Mark, Row, Window
from .columns import Columns, Moments, Numbers, seq_bases
from .effects import READS, WRITES
from .events_wanted import Chooser, Wanted, made, works_on_first
from .run import History, window_stream

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FIELDS = (
    "kind tid clock syscall fd note ret errno duration flags seq line entry_line entry_clock stack".split()
)
_ALL = Wanted()


def events(history: History, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `events`, in the order in which calls began."""
    columns: Columns = {name: [] for name in schema.TABLES["events"].names if name != "capture"}
    for piece in pieces(history, numbers, moments):
        for name, values in columns.items():
            values.extend(piece[name])
    return columns


def pieces(history: History, numbers: Numbers, moments: Moments, wanted: Wanted = _ALL) -> Iterator[Columns]:
    """The same for the calls that are wanted, some thousand rows at a time."""
    rows = _Rows(history, numbers, moments, wanted)
    for window in window_stream(history):
        columns = rows.of(window)
        if columns["seq"]:
            yield columns


class _Made(NamedTuple):
    """One call as it ended, or, while nothing is known of its end, as it began."""

    row: dict[str, int]
    text: bytes


class _Rows:
    """Makes the columns of one window after the other."""

    def __init__(self, history: History, numbers: Numbers, moments: Moments, wanted: Wanted) -> None:
        self._history = history
        self._numbers = numbers
        self._moments = moments
        self._bases = seq_bases(history)
        self._tenants = _Tenants(history)
        self._chooser = None if wanted == _ALL else Chooser(wanted, history)
        self._ends = _Ends(history)
        self._shown: dict[int, str] = {}

    def of(self, window: Window) -> Columns:
        """The columns of the calls that begin in a window."""
        columns: Columns = {name: [] for name in schema.TABLES["events"].names if name != "capture"}
        for call in self._calls(window):
            pid, table = self._tenants.of(call.row["tid"], window.file, call.row["seq"])
            name = self._history.scan.syscalls[call.row["syscall"]]
            if self._chooser is not None and not self._chooser.exactly(
                pid, name, call.row["fd"], call.row["ret"] if call.row["errno"] < 0 else -1, call.text
            ):
                continue
            cells = self._cells(call, name, window.file, pid, table)
            for column, values in columns.items():
                values.append(cells[column])
        return columns

    def _calls(self, window: Window) -> Iterator[_Made]:
        """The calls that begin in a window and may be wanted, each as it ended."""
        begun, ended = _begun(window)
        last = _last_rows(window, begun, ended)
        if self._chooser is not None:
            columns = {name: window.column(name)[last] for name in _FIELDS}
            last = last[self._chooser.likely(columns)]
        rows = zip(*(window.column(name)[last].tolist() for name in _FIELDS), strict=True)
        made_ = [dict(zip(_FIELDS, row, strict=True)) for row in rows]
        cut = [row["seq"] for row in made_ if row["kind"] == Row.ENTRY]
        far = self._ends.of(window, cut)
        for index, row in zip(last.tolist(), made_, strict=True):
            yield far.get(row["seq"]) or _Made(row, window.text(index))

    def _cells(
        self, call: _Made, name: bytes, file: int, pid: int | None, table: int | None
    ) -> dict[str, Any]:
        row, text = call
        scan, moments, numbers = self._history.scan, self._moments, self._numbers
        ended = row["kind"] != Row.ENTRY
        ret, failed = row["ret"], row["errno"] >= 0
        moved = name in READS or name in WRITES
        new = made(name, ret, text) if ended and not failed and ret != ABSENT else ()
        return {
            "seq": numbers.seq + self._bases[file] + row["seq"],
            "file": self._history.file_name(file),
            "line": row["entry_line"],
            "end_line": row["line"] if ended and (ret != ABSENT or failed) else None,
            "tid": row["tid"] or None,
            "pid": pid,
            "table": None if table is None else numbers.table + table,
            "t_s": moments.seconds(row["entry_clock"]),
            "end_t_s": moments.seconds(_end(row)) if ended else None,
            "duration_s": None if row["duration"] == ABSENT else row["duration"] / 1e9,
            "time": moments.calendar(row["entry_clock"]),
            "syscall": name.decode("ascii", "replace"),
            "fd": row["fd"] if row["fd"] != NO_FD and works_on_first(name) else None,
            "new_fd": new[0] if new else None,
            "fd_text": self._note(row["note"]),
            "ret": None if ret == ABSENT else ret,
            "errno": scan.errnos[row["errno"]].decode("ascii", "replace") if failed else None,
            "outcome": outcome(row["kind"], ret, failed, row["flags"]),
            "io_bytes": ret if moved and ret != ABSENT and ret >= 0 else None,
            "args": ", ".join(map(notes.text, Call(text).args)),
            "stack": None if row["stack"] < 0 else numbers.stack + row["stack"],
        }

    def _note(self, code: int) -> str | None:
        return None if code < 0 else notes.text(self._history.scan.notes[code])


def _begun(window: Window) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The rows with which calls begin (an exit without its entry is one), and those with which others end."""
    import numpy as np

    kinds = window.column("kind")
    exits = kinds == Row.EXIT
    orphans = exits & ((window.column("flags") & Mark.ORPHAN) != 0)
    return np.flatnonzero((kinds <= Row.ENTRY) | orphans), np.flatnonzero(exits & ~orphans)


def _last_rows(
    window: Window, begun: npt.NDArray[np.intp], ended: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """For each call the row of its end if that is in the same window, else its own."""
    import numpy as np

    seqs = window.column("seq")
    order = ended[np.argsort(seqs[ended], kind="stable")]
    place = np.searchsorted(seqs[order], seqs[begun])
    there = np.flatnonzero(place < len(order))
    there = there[seqs[order[place[there]]] == seqs[begun[there]]]
    last = begun.copy()
    last[there] = order[place[there]]
    return last


class _Ends:
    """How calls end that were under way where their window ended: read ahead, as far as is asked for."""

    def __init__(self, history: History) -> None:
        self._ahead = window_stream(history)
        self._known: dict[tuple[int, int], _Made] = {}
        self._next = (0, 0)
        """File and number of the first call of the window that `_ahead` gives next."""

    def of(self, window: Window, seqs: list[int]) -> dict[int, _Made]:
        """The ends of these calls of a window, by their numbers, as far as they have one."""
        asked = {(window.file, seq) for seq in seqs}
        behind = _behind(window)
        missing = {key for key in asked if key not in self._known}
        while missing and (ahead := next(self._ahead, None)) is not None:
            self._look(ahead, asked, behind)
            missing = {key for key in missing if key not in self._known and key[0] >= ahead.file}
        found = {key[1]: self._known[key] for key in asked if key in self._known}
        self._known = {key: end for key, end in self._known.items() if key >= behind}
        return found

    def _look(self, window: Window, asked: set[tuple[int, int]], behind: tuple[int, int]) -> None:
        """Keep the ends of calls of earlier windows that are, or may be, asked for."""
        import numpy as np

        _, ended = _begun(window)
        first = self._next if self._next[0] == window.file else (window.file, 0)
        self._next = _behind(window, first)
        seqs = window.column("seq")
        early = ended[seqs[ended] < first[1]]
        wanted = np.array(
            [(window.file, s) in asked or (window.file, s) >= behind for s in seqs[early].tolist()]
        )
        for index in early[wanted.astype(bool)].tolist():
            row = {name: int(window.column(name)[index]) for name in _FIELDS}
            self._known[window.file, row["seq"]] = _Made(row, window.text(index))


def _behind(window: Window, at_least: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """File and number of the first call behind a window."""
    seqs = window.column("seq")
    return max(at_least, (window.file, int(seqs.max()) + 1 if len(seqs) else 0))


class _Tenants:
    """Who a thread belonged to at which call: from the tenures that the fold kept."""

    def __init__(self, history: History) -> None:
        self._tenures: dict[int, list[tuple[int, int, int | None, int]]] = {}
        for tid, file, seq, task, table in history.fold.calls.tenures:
            known = (file, seq, task.process.pid, table.ident)
            self._tenures.setdefault(tid or task.tid, []).append(known)

    def of(self, tid: int, file: int, seq: int) -> tuple[int | None, int | None]:
        """The process and the table of a thread when it made a call."""
        found: tuple[int | None, int | None] = (None, None)
        for in_file, since, pid, table in self._tenures.get(tid, ()):
            if in_file == file and since > seq and found[1] is not None:
                break
            found = (pid, table)
        return found


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
