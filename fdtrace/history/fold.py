"""The fold: rows of a capture, one after the other, over the tables of its processes.

The tracer prints a call's entry before the kernel runs it and its exit after,
so the effect lies between both lines. Taking releases at the entry and
creations at the exit gives the one order that never contradicts a number the
kernel handed out; what the order leaves open is settled by the rule that it
hands out the lowest free number, and marked as inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..readers.strace.window import ABSENT, Mark, Row, Scan, Window
from .calls import Calls
from .effects import EFFECTS, STREAM_ENDS, USES, Op
from .limbo import Limbo
from .lives import At, Life, Use
from .merge import Mixed
from .sockets import RESET, STREAMS
from .state import Done
from .uses import UseCounter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .kernel import Observer

_FIELDS = (
    "kind",
    "tid",
    "clock",
    "syscall",
    "fd",
    "note",
    "ret",
    "ret_note",
    "errno",
    "flags",
    "seq",
    "entry_line",
    "entry_offset",
    "entry_clock",
    "stack",
)


_ENTRY, _EXIT = int(Row.ENTRY), int(Row.EXIT)
_NO_RESULT = int(Mark.NO_RESULT)
_EXITS = frozenset({int(Op.EXIT), int(Op.EXIT_GROUP)})
_PLAIN = frozenset({int(Op.USE), int(Op.READ)})
_TEXTLESS = (Op.NONE, Op.USE, Op.READ)
"""What is told of these calls stands in columns; only a read of a fanotify descriptor has more to say."""
_TELLING_ERRORS = RESET | {b"EBADF", b"EMFILE", b"ENFILE"}


_ROWS_UNTOLD = 1 << 15
_BEGUN = Life.__new__(Life)

_FEW = 8


class _Used:
    """Rows that used a life, not yet added to it."""

    __slots__ = ("positions", "slots", "touched", "where")

    def __init__(self) -> None:
        self.touched: list[Life] = []
        self.slots: list[int] = []
        self.where: list[int] = []
        self.positions: list[int] = []


class Fold:
    """Feeds windows to the tables; `calls` holds what is known so far."""

    def __init__(self, scan: Scan, observers: Iterable[Observer] = (), list_copies: bool = False) -> None:
        self.scan = scan
        self.calls = Calls(observers, list_copies)
        self.uses = UseCounter()
        self.syscall_counts: list[int] = []
        self._ops: list[int] = []
        self._ends_stream: list[bool] = []
        self._dull_errors: list[bool] = []
        self._names: list[bytes] = []
        self._pos = 0
        self._limbo = Limbo(self.calls, self._take, lambda: self._pos)
        self._met: set[int] = set()
        self._due = _ROWS_UNTOLD
        self._used = _Used()

    @property
    def position(self) -> int:
        """How many rows were taken: the capture's order as a number."""
        return self._pos

    def feed(self, window: Window) -> None:
        """Apply the rows of one window."""
        self._classify(window)
        rows, begin = self._relevant(window), 0
        for end in self._parts(window):
            self._take_rows(window, rows[(begin <= rows) & (rows < end)].tolist())
            begin = end
        self._count(window)

    def _parts(self, window: Window) -> Iterator[int]:
        """Where parts of a window end: there is a first one where its end says more of all threads to come.

        Once a call is resumed, no child comes before its parent's call any more.
        """
        if not self.calls.resumed:
            for row in (window.column("kind") == _EXIT).nonzero()[0][:1].tolist():
                yield row + 1
                self.calls.resumed = True
                self._limbo.settle()
        yield len(window)

    def _count(self, window: Window) -> None:
        """Add the uses that were collected to their lives."""
        used = self._used
        if used.where:
            self.uses.count(window, used.where, used.positions, used.slots, used.touched, self._names)
            self._used = _Used()

    def _note(self, life: Life, index: int) -> None:
        """A row used a life."""
        used = self._used
        if life.slot < 0:
            life.slot = len(used.touched)
            used.touched.append(life)
        used.slots.append(life.slot)
        used.where.append(index)
        used.positions.append(self._pos)

    def _take_rows(self, window: Window, indices: list[int]) -> None:
        """Apply some rows of a window one by one."""
        if len(indices) <= _FEW:
            columns = [[int(window.columns[name][i]) for i in indices] for name in _FIELDS]
        else:
            import numpy as np

            chosen = np.array(indices)
            columns = [window.columns[name][chosen].tolist() for name in _FIELDS]
        ops = self._ops
        telling = [
            i for i, code in zip(indices, columns[3], strict=True) if code >= 0 and ops[code] not in _TEXTLESS
        ]
        texts = dict(zip(telling, window.texts(telling), strict=True)) if telling else {}
        files = window.files if isinstance(window, Mixed) else None
        file = window.file
        for index, row in zip(indices, zip(*columns, strict=True), strict=True):
            self._apply(window, index, row, texts.get(index), file if files is None else files[index])

    def _apply(self, window: Window, index: int, row: tuple[int, ...], text: bytes | None, file: int) -> None:
        """Apply one row of a window."""
        op = self._ops[row[3]] if row[3] >= 0 else Op.NONE
        life = self._plainly(row) if op in _PLAIN and row[0] <= _EXIT else None
        if life is None:
            if text is None:
                text = window.text(index) if op > Op.USE and op not in _EXITS else b""
            life = self._take(row, text, file)
        if life is not None and life is not _BEGUN:
            self._note(life, index)
        if self._pos >= self._due:
            self._count(window)
            self._tell()

    def _tell(self) -> None:
        """Tell the observers what has become of lives; wherever windows end, it is after the same rows."""
        if self._limbo.full:
            self._limbo.settle(last=True)
        self._publish()
        self._due = self._pos + _ROWS_UNTOLD

    def finish(self) -> None:
        """The capture has no more rows: settle what was left open."""
        self._publish()
        self._limbo.settle(last=True)
        self.calls.finish()
        self._publish()

    def _publish(self) -> None:
        self.calls.publish()

    # -- rows ----------------------------------------------------------------

    def _plainly(self, row: tuple[int, ...]) -> Life | None:
        """Take a use that tells nothing but that it was one, as most calls do: the life that it used.

        `_BEGUN` for one that is under way, None for what `_take` has to look at.
        """
        kind, tid, _, code, fd, _, ret, _, errno, flags = row[:10]
        task = self.calls.tasks.get(tid)
        if task is None or task.silent or flags:
            return None
        flight = task.flight
        if kind == _ENTRY:
            if flight is not None or task.exiting is not None:
                return None
            self._pos += 1
            table = task.table
            task.flight = Use(self._ops[code], self._pos, table, table.fds.get(fd))
            return _BEGUN
        if kind == _EXIT:
            if flight is None or flight.op != self._ops[code]:
                return None
            table = flight.table
            life = flight.old or table.fds.get(fd)
        else:
            table = task.table
            life = table.fds.get(fd)
        if life is None or life.table is not table or life.target is None or life.kind == "fanotify":
            return None
        if errno >= 0:
            if not self._dull_errors[errno]:
                return None
        elif ret <= 0 and (ret < 0 or (self._ends_stream[code] and life.kind in STREAMS)):
            return None
        if kind == _EXIT:
            task.flight = None
        elif task.exiting is not None and (errno >= 0 or ret == 0):
            return None
        self._pos += 1
        return life

    def _classify(self, window: Window) -> None:
        """Learn what the names in a window mean, and count its calls."""
        import numpy as np

        for code in range(len(self._ops), len(self.scan.syscalls)):
            name = self.scan.syscalls[code]
            effect = EFFECTS.get(name)
            self._names.append(name)
            self._ops.append(int(effect.op if effect is not None else Op.USE if name in USES else Op.NONE))
            self._ends_stream.append(name in STREAM_ENDS)
            self.syscall_counts.append(0)
        for code in range(len(self._dull_errors), len(self.scan.errnos)):
            self._dull_errors.append(self.scan.errnos[code] not in _TELLING_ERRORS)
        codes = window.column("syscall")
        counts = np.bincount(
            codes[(codes >= 0) & (window.column("kind") != Row.EXIT)], minlength=len(self._ops)
        )
        for code, count in enumerate(counts.tolist()):
            self.syscall_counts[code] += count

    def _relevant(self, window: Window) -> npt.NDArray[np.intp]:
        """The rows that matter."""
        import numpy as np

        fd, kind = window.column("fd"), window.column("kind")
        table: npt.NDArray[np.int16] = np.array([*self._ops, int(Op.NONE)], dtype=np.int16)
        ops = table[window.column("syscall").astype(np.intp)]  # code -1, no call, takes the last entry
        uses = (ops == Op.USE) | (ops == Op.READ) | (ops == Op.STATE)
        return np.flatnonzero(
            (kind > Row.SIGNAL) | ((ops != Op.NONE) & ~uses) | (uses & (fd >= 0)) | self._first_sight(window)
        )

    def _first_sight(self, window: Window) -> npt.NDArray[np.bool_]:
        """The first row of each thread: it may do nothing that matters and still exist.

        First in the capture, not in its window, so that nothing depends on where windows are cut.
        """
        import numpy as np

        tids = window.column("tid")
        mask = np.zeros(len(tids), dtype=bool)
        calls = np.flatnonzero(window.column("kind") <= Row.SIGNAL)
        if len(calls):
            met, first = np.unique(tids[calls], return_index=True)
            new = [row for tid, row in zip(met.tolist(), first.tolist(), strict=True) if tid not in self._met]
            self._met.update(met.tolist())
            mask[calls[new]] = True
        return mask

    def _take(self, row: tuple[int, ...], text: bytes, file: int) -> Life | None:
        kind, tid, clock, code, fd, note, ret, ret_note, errno, flags, seq = row[:11]
        calls = self.calls
        self._pos += 1
        name = self._names[code] if code >= 0 else b""
        at = At(
            file, seq, row[11], row[12], row[13] if kind == Row.EXIT else clock, tid, name, row[14], self._pos
        )
        if kind > Row.SIGNAL:
            if kind in (Row.EXITED, Row.KILLED) and tid not in calls.tasks and calls.ambiguous(tid):
                self._limbo.put(row, text, file, Op.NONE)
            else:
                self._status(kind, tid, ret, at)
                if not calls.tasks:
                    self._limbo.settle()
            return None
        task = calls.tasks.get(tid)
        op = self._ops[code] if code >= 0 else Op.NONE
        if task is None:
            if calls.ambiguous(tid):
                self._limbo.put(row, text, file, op)
                return None
            task = calls.first_sight(tid, at)
        if task.silent:
            calls.heard(task)
        if kind == Row.SIGNAL:
            return None
        if flags & _NO_RESULT and op not in _EXITS:
            task.exiting = at  # it died in the call
        elif task.exiting is not None and kind != Row.EXIT:
            task.exiting = None
        notes, errnos = self.scan.notes.items, self.scan.errnos.items
        if op == Op.NONE:
            return None
        if kind == Row.CALL:
            flight = calls.enter(task, op, at, fd, text, flags, alone=True)
        elif kind == Row.ENTRY:
            calls.enter(task, op, at, fd, text, flags, alone=False)
            return None
        else:
            flight = calls.resume(task, op, at, fd, text, flags)
        done = Done(
            at,
            fd,
            notes[note] if note >= 0 else None,
            text,
            ret,
            notes[ret_note] if ret_note >= 0 else None,
            errnos[errno] if errno >= 0 else b"",
            flags,
        )
        life = calls.leave(task, flight, op, done)
        if op == Op.SPAWN:
            self._limbo.settle()
        return life

    def _status(self, kind: int, tid: int, ret: int, at: At) -> None:
        calls = self.calls
        if kind == Row.EXITED or kind == Row.KILLED:
            calls.exited(tid, at, None if ret == ABSENT else ret, "exit" if kind == Row.EXITED else "signal")
        elif kind == Row.SUPERSEDED:
            calls.superseded(tid, ret, at)
        elif kind == Row.MOVED:
            calls.superseded(ret, tid, at)
        elif kind == Row.ATTACHED:
            calls.attached(tid, ret)
        elif kind == Row.DETACHED:
            calls.detached(tid, at)
        elif kind == Row.KNOWN_AS:
            calls.known_as(tid)
