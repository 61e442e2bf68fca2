"""Reads, writes and errors attributed to lives: one pass of array sums per window."""

from __future__ import annotations

from ..readers.strace.window import Scan, Window
from .effects import READS, WRITES
from .lives import At, Life


class UseCounter:
    """Adds what a window's calls did to the lives that they worked on."""

    def __init__(self) -> None:
        self._reads: list[bool] = []
        self._writes: list[bool] = []

    def count(
        self, window: Window, where: list[int], slots: list[int], lives: list[Life], scan: Scan, names: list[bytes]
    ) -> None:
        """Row `where[i]` of the window is a use of `lives[slots[i]]`."""
        if not lives:
            return
        import numpy as np

        for code in range(len(self._reads), len(names)):
            self._reads.append(names[code] in READS)
            self._writes.append(names[code] in WRITES)
        rows, slot = np.array(where), np.array(slots)
        size = len(lives)
        codes, ret = window.column("syscall")[rows], window.column("ret")[rows]
        moved = np.where(ret > 0, ret, 0)
        uses = np.bincount(slot, minlength=size).tolist()
        errors = np.bincount(slot, weights=window.column("errno")[rows] >= 0, minlength=size).tolist()
        read = _sums(slot, moved, np.array(self._reads)[codes], size)
        written = _sums(slot, moved, np.array(self._writes)[codes], size)
        last = np.zeros(size, dtype=np.int64)
        np.maximum.at(last, slot, rows)
        where_last = [window.column(n)[last].tolist() for n in ("seq", "line", "offset", "clock", "tid", "syscall")]
        for i, life in enumerate(lives):
            life.uses += uses[i]
            life.errors += int(errors[i])
            life.read_bytes += read[i]
            life.written_bytes += written[i]
            seq, line, offset, clock, tid, code = (column[i] for column in where_last)
            life.last_use = At(window.file, seq, line, offset, clock, tid, names[code], -1, 0)
            life.slot = -1


def _sums(slot, moved, chosen, size):  # type: ignore[no-untyped-def]
    import numpy as np

    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, slot[chosen], moved[chosen])
    return total.tolist()
