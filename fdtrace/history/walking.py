"""The fold of a large capture: plain rows are taken in the compiled walk, the others one by one.

The walk stops where it does not know how to go on (`walk_columns` has the reasons).
Each reason has its method here, which sees to it, or takes a row as the fold does;
then the walk goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..readers.strace import scan_columns as c
from ..readers.strace.scan_block import Arrays, arrays_of
from ..readers.strace.window import Row, Scan, Window
from . import walk_columns as w
from .fold import Fold
from .lender import Lender
from .lent_answers import answer, meaning

if TYPE_CHECKING:
    from .kernel import Observer

_KILLED = int(Row.KILLED)


class WalkingFold(Fold):
    """Takes plain rows in compiled loops: for one file that numba reads, and no list of lives."""

    def __init__(self, scan: Scan, observers: Iterable[Observer] = (), list_copies: bool = False) -> None:
        super().__init__(scan, observers, list_copies)
        self._lender = Lender(self.calls, scan, 0)
        self._window: Window
        self._arrays: Arrays
        self._stops: dict[int, Callable[[], None]] = {
            w.ROWS: self._take_batch,
            w.ASK: self._asked,
            w.OWN: self._own,
            w.PUBLISH: self._due_now,
            w.NEW_SPECIES: self._new_species,
            w.NEW_WORDS: self._new_words,
            w.GROW: self._lender.widen,
            w.ROOM: self._lender.grow,
            w.NOTE: self._lender.note,
            w.NO_SEAT: self._lender.seat_more,
        }

    def feed(self, window: Window) -> None:
        """Apply the rows of one window."""
        self._classify(window)
        self._lender.learn(self._names, self._ops)
        self._lender.state[w.AT] = 0
        self._window, self._arrays = window, arrays_of(window)
        for end in self._parts(window):
            self._walk((end, *self._arrays[1:]))
        self._count(window)

    def _walk(self, arrays: Arrays) -> None:
        """Take the rows of a part of a window."""
        lender, stops = self._lender, self._stops
        state = lender.state
        while True:
            reason = lender.run(arrays, self._pos, self._due, self._limbo.empty)
            self._pos = int(state[w.POS])
            if reason == w.DONE:
                lender.look()
                return
            stops[reason]()

    def finish(self) -> None:
        """The capture has no more rows: settle what was left open."""
        self._lender.give_all_back()
        super().finish()

    def _publish(self) -> None:
        super()._publish()
        self._lender.told()

    # -- stops ---------------------------------------------------------------

    def _due_now(self) -> None:
        """It is time to tell the observers."""
        self._lender.look()
        self._count(self._window)
        self._tell()

    def _new_species(self) -> None:
        self._lender.meet(self._window, self._row)

    def _new_words(self) -> None:
        lender = self._lender
        lender.know(meaning(lender.words()))

    def _asked(self) -> None:
        """A call whose columns do not tell enough: its text may, else the row is taken here."""
        lender = self._lender
        if answer(lender, self._window, self._row, self._pos):
            lender.state[w.SETTLED] = 1
        else:
            self._take_here()

    def _own(self) -> None:
        """A life that is a parent's is used: it becomes the table's own, or the row is taken here."""
        if not self._lender.own():
            self._take_here()

    def _take_here(self) -> None:
        """Take the row at which the walk stands."""
        row, state = self._row, self._lender.state
        state[w.SETTLED] = 0
        state[w.AT] = row + 1
        self._take_alone(row)

    def _take_batch(self) -> None:
        """Take the rows that the walk has passed over and the one at which it stands."""
        lender, window = self._lender, self._window
        rows = lender.logs[w.L_BATCH, : lender.state[w.BATCH]].tolist()
        if len(rows) == 1:
            self._take_alone(rows[0])
            return
        lender.look()
        renames = (window.column("kind")[rows] > _KILLED).any()
        if renames:
            lender.give_all_back()
        self._take_rows(window, rows)
        if renames:
            lender.acquaint()
        if len(rows) == lender.state[w.LIMIT]:
            lender.take_more()
        tids = set(window.column("tid")[rows].tolist())
        for tid in tids:
            lender.offer(tid, len(rows) // len(tids))

    def _take_alone(self, row: int) -> None:
        """Take one row, if it is not the walk's after all."""
        lender, window = self._lender, self._window
        if lender.recall(window, row, self._pos):
            lender.state[w.AT] = row
            return
        renames = window.column("kind")[row] > _KILLED
        if renames:
            lender.give_all_back()
        self._take_one(window, row)
        if renames:
            lender.acquaint()
        lender.offer(int(window.column("tid")[row]), 1)

    # -- rows ----------------------------------------------------------------

    @property
    def _row(self) -> int:
        """The row at which the walk stands."""
        return int(self._lender.state[w.AT])

    def _take_one(self, window: Window, index: int) -> None:
        """Apply one row of the window."""
        _, _, wide_ones, narrow_ones, kinds, flags, _ = self._arrays
        wide, narrow = wide_ones[:, index].tolist(), narrow_ones[:, index].tolist()
        row = (
            int(kinds[index]),
            narrow[c.TID],
            wide[c.CLOCK],
            narrow[c.CODE],
            wide[c.FD],
            narrow[c.NOTE_CODE],
            wide[c.RET],
            narrow[c.RET_NOTE],
            narrow[c.ERRNO_CODE],
            int(flags[index]),
            wide[c.SEQ],
            wide[c.ENTRY_LINE],
            wide[c.ENTRY_OFFSET],
            wide[c.ENTRY_CLOCK],
            narrow[c.STACK_CODE],
        )
        self._apply(window, index, row, None, window.file)
