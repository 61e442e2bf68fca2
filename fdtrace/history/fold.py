"""The fold: rows of a capture, one after the other, over the tables of its processes.

The tracer prints a call's entry before the kernel runs it and its exit after,
so the effect lies between both lines. Taking releases at the entry and
creations at the exit gives the one order that never contradicts a number the
kernel handed out; what the order leaves open is settled by the rule that it
hands out the lowest free number, and marked as inferred.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..readers.strace.window import ABSENT, Mark, Row, Scan, Window
from .calls import Calls
from .effects import EFFECTS, USES, Op
from .lives import At, Life
from .merge import Mixed
from .state import Done
from .tasks import Task
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


_CALL = int(Row.CALL)
_NO_RESULT = int(Mark.NO_RESULT)
_EXITS = frozenset({int(Op.EXIT), int(Op.EXIT_GROUP)})
_PLAIN = frozenset({int(Op.USE), int(Op.READ)})


def _plainly_used(task: Task | None, fd: int) -> Life | None:
    """The life that a successful call used, when the call tells nothing else about it: most calls."""
    if task is None or task.silent:
        return None
    life = task.table.fds.get(fd)
    plain = life is not None and life.table is task.table and life.target is not None
    return life if plain and life is not None and life.kind != "fanotify" else None


class Fold:
    """Feeds windows to the tables; `calls` holds what is known so far."""

    def __init__(self, scan: Scan, observers: Iterable[Observer] = (), list_copies: bool = False) -> None:
        self.scan = scan
        self.calls = Calls(observers, list_copies)
        self.uses = UseCounter()
        self.syscall_counts: list[int] = []
        self._ops: list[int] = []
        self._names: list[bytes] = []
        self._pos = 0
        self._limbo: list[tuple[tuple[int, ...], bytes, int]] = []
        self._unborn: set[int] = set()

    @property
    def position(self) -> int:
        """How many rows were taken: the capture's order as a number."""
        return self._pos

    def feed(self, window: Window) -> None:
        """Apply the rows of one window."""
        ops = self._classify(window)
        lives: list[int] = []
        where: list[int] = []
        positions: list[int] = []
        touched: list[Life] = []
        selected = self._relevant(window, ops)
        names = [window.column(name)[selected].tolist() for name in _FIELDS]
        text_of = window.text
        files = window.files if isinstance(window, Mixed) else None
        file = window.file
        for index, row in zip(selected.tolist(), zip(*names, strict=True), strict=True):
            if files is not None:
                file = files[index]
            code = row[3]
            text = text_of(index) if code >= 0 and self._ops[code] > Op.USE else b""
            life = self._take(row, text, file)
            if life is not None:
                if life.slot < 0:
                    life.slot = len(touched)
                    touched.append(life)
                lives.append(life.slot)
                where.append(index)
                positions.append(self._pos)
        self.uses.count(window, where, positions, lives, touched, self._names)
        self.calls.publish()

    def finish(self) -> None:
        """The capture has no more rows: settle what was left open."""
        self._replay(last=True)
        self.calls.finish()
        self.calls.publish()

    # -- rows ----------------------------------------------------------------

    def _classify(self, window: Window) -> npt.NDArray[np.int16]:
        import numpy as np

        for code in range(len(self._ops), len(self.scan.syscalls)):
            name = self.scan.syscalls[code]
            effect = EFFECTS.get(name)
            self._names.append(name)
            self._ops.append(int(effect.op if effect is not None else Op.USE if name in USES else Op.NONE))
            self.syscall_counts.append(0)
        codes = window.column("syscall")
        counts = np.bincount(
            codes[(codes >= 0) & (window.column("kind") != Row.EXIT)], minlength=len(self._ops)
        )
        for code, count in enumerate(counts.tolist()):
            self.syscall_counts[code] += count
        table: npt.NDArray[np.int16] = np.array([*self._ops, int(Op.NONE)], dtype=np.int16)
        return table[codes.astype(np.intp)]  # code -1, no call, takes the last entry

    def _relevant(self, window: Window, ops: npt.NDArray[np.int16]) -> npt.NDArray[np.intp]:
        import numpy as np

        fd, kind = window.column("fd"), window.column("kind")
        uses = (ops == Op.USE) | (ops == Op.READ) | (ops == Op.STATE)
        return np.flatnonzero(
            (kind > Row.SIGNAL) | ((ops != Op.NONE) & ~uses) | (uses & (fd >= 0)) | self._first_sight(window)
        )

    def _first_sight(self, window: Window) -> npt.NDArray[np.bool_]:
        """The first row of each thread: it may do nothing that matters and still exist."""
        import numpy as np

        tids = window.column("tid")
        mask = np.zeros(len(tids), dtype=bool)
        calls = np.flatnonzero(window.column("kind") <= Row.SIGNAL)
        if len(calls):
            _, first = np.unique(tids[calls], return_index=True)
            mask[calls[first]] = True
        return mask

    def _take(self, row: tuple[int, ...], text: bytes, file: int) -> Life | None:
        kind, tid, clock, code, fd, note, ret, ret_note, errno, flags, seq = row[:11]
        calls = self.calls
        self._pos += 1
        if kind == _CALL and ret > 0 and errno < 0 and self._ops[code] in _PLAIN:
            life = _plainly_used(calls.tasks.get(tid), fd)
            if life is not None:
                return life
        name = self._names[code] if code >= 0 else b""
        at = At(
            file, seq, row[11], row[12], row[13] if kind == Row.EXIT else clock, tid, name, row[14], self._pos
        )
        if kind > Row.SIGNAL:
            if kind in (Row.EXITED, Row.KILLED) and tid not in calls.tasks and calls.ambiguous(tid):
                self._unborn.add(tid)
                self._limbo.append((row, text, file))
            else:
                self._status(kind, tid, ret, at)
            return None
        task = calls.tasks.get(tid)
        if task is None:
            if calls.ambiguous(tid):
                self._limbo.append((row, text, file))
                if tid not in self._unborn:
                    self._unborn.add(tid)
                    self._match()
                return None
            task = calls.first_sight(tid, at)
        if task.silent:
            calls.heard(task)
        if kind == Row.SIGNAL:
            return None
        op = self._ops[code]
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
        if op == Op.SPAWN and self._limbo:
            self.calls.match_inner(self._unborn)
            self._replay()
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

    def _match(self) -> None:
        if self.calls.match_inner(self._unborn):
            self._replay()

    def _replay(self, last: bool = False) -> None:
        """Rows of children whose parent was not clear are taken as soon as it is, in their order."""
        waiting, self._limbo = self._limbo, []
        for row, text, file in waiting:
            tid = row[1]
            calls = self.calls
            if tid in self._unborn and (last or tid in calls.tasks or not calls.ambiguous(tid)):
                self._unborn.discard(tid)
                if tid not in calls.tasks:
                    calls.first_sight(
                        tid, At(file, row[10], row[11], row[12], row[2], tid, b"", -1, self._pos)
                    )
            if tid in self._unborn:
                self._limbo.append((row, text, file))
            else:
                self._take(row, text, file)
