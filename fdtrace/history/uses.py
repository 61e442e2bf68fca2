"""Reads, writes and errors attributed to lives: one pass of array sums per window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..readers.strace.window import Window
from .effects import READS, WRITES
from .lives import At, Life
from .merge import Mixed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.generic]
else:
    Array = Any


class UseCounter:
    """Adds what a window's calls did to the lives that they worked on."""

    def __init__(self) -> None:
        self._reads: list[bool] = []
        self._writes: list[bool] = []

    def count(
        self,
        window: Window,
        where: list[int],
        positions: list[int],
        slots: list[int],
        lives: list[Life],
        names: list[bytes],
    ) -> None:
        """Row `where[i]` of the window, at `positions[i]` of the fold, is a use of `lives[slots[i]]`."""
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
        np.maximum.at(last, slot, np.arange(len(rows)))
        last_rows, last_pos = rows[last], np.array(positions)[last].tolist()
        ends = [
            window.column(name)[last_rows].tolist()
            for name in ("seq", "line", "offset", "clock", "tid", "syscall")
        ]
        rows_of_last = last_rows.tolist()
        for i, life in enumerate(lives):
            life.uses += uses[i]
            life.errors += int(errors[i])
            life.read_bytes += read[i]
            life.written_bytes += written[i]
            seq, line, offset, clock, tid, code = (column[i] for column in ends)
            file = window.files[rows_of_last[i]] if isinstance(window, Mixed) else window.file
            if life.last_use is None or life.last_use.pos < last_pos[i]:
                life.last_use = At(file, seq, line, offset, clock, tid, names[code], -1, last_pos[i])
            life.slot = -1


def _sums(slot: Array, moved: Array, chosen: Array, size: int) -> list[int]:
    """Sums of the chosen numbers per slot."""
    import numpy as np

    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, slot[chosen], moved[chosen])
    return total.tolist()
