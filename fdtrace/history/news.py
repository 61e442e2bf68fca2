"""What began and what ended since observers were told last: life by life, or in columns.

The fold tells of lives, the walk of records of lives that it took (`Passers`), each in the order of
the capture. In columns both are alike: a row for each, -1 where something is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from . import walk_columns as w
from .distinct import distinct
from .lives import Life
from .passers import Passers
from .tasks import Process

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .lent_records import Records

    Ints = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

(WHO, POS, TID, CODE, IDENT) = range(5)
"""Columns of what began: its process, position, thread and system call, and the number of the life."""
_BEGUN = [w.R_TABLE, w.R_OPENED + w.A_POS, w.R_OPENED + w.A_TID, w.R_OPENED + w.A_CODE, w.R_IDENT]

(BEGAN, BEGAN_NS, MAKER, MADE_BY, END, END_NS, ENDER, LAST, USER) = range(1, 10)
"""Columns of what ended, behind WHO: position, clock and thread of its creation, and the system call; of
its end; position and thread of its last use. The end of what only its process ended is unknown."""
(STATE, FD, NUMBER, SPECIES, STACK) = range(10, 15)
"""And its state at its end (see `walk_columns`). The others are of records alone: SPECIES is -1 of a life."""
_ENDED = [
    w.R_TABLE,
    *(w.R_OPENED + of for of in (w.A_POS, w.A_CLOCK, w.A_TID, w.A_CODE)),
    *(w.R_CLOSED + of for of in (w.A_POS, w.A_CLOCK, w.A_TID)),
    *(w.R_LAST + of for of in (w.A_POS, w.A_TID)),
    *(w.R_STATE, w.R_FD, w.R_IDENT, w.R_SPECIES, w.R_OPENED + w.A_STACK),
]  # fmt: skip
_NOWHERE = (-1, -1, -1, -1)


class News:
    """What there is to tell, once."""

    def __init__(self, begun: Sequence[Life | Passers], ended: Sequence[Life | Passers]) -> None:
        self._begun, self._ended = begun, ended
        self.processes: list[Process] = []
        """The processes that the columns speak of."""
        self._number_of: dict[Process, int] = {}
        pieces = [piece for piece in (*begun, *ended) if not isinstance(piece, Life)]
        self._lender: Records | None = pieces[0].lender if pieces else None
        self._codes = {name: code for code, name in enumerate(self._lender.names if self._lender else ())}
        self.ended_lives: list[tuple[int, Life]]
        """Lives that ended, each with its place in the columns."""
        self._settle()

    # -- life by life --------------------------------------------------------

    @property
    def count_begun(self) -> int:
        """How many lives began."""
        return self._size(self._begun)

    def lives_begun(self) -> Iterator[Life]:
        """Every life that began."""
        for piece in self._begun:
            yield from (piece,) if isinstance(piece, Life) else piece.lives()

    def lives_ended(self, plain: bool = True) -> Iterator[Life]:
        """Every life that ended, or but for the `plain` ones, which the walk has made and closed."""
        for piece in self._ended:
            if isinstance(piece, Life):
                yield piece
            elif plain:
                yield from piece.lives()

    # -- in columns ----------------------------------------------------------

    @property
    def names(self) -> list[bytes]:
        """The system calls, by their code in the columns; complete when the columns were made."""
        return list(self._codes)

    def code(self, name: bytes) -> int:
        """The code of a system call; -2 of one that nothing came of."""
        return self._codes.get(name, -2)

    @property
    def protos(self) -> list[Life]:
        """What all records of a species have in common."""
        return self._lender.protos if self._lender is not None else []

    @property
    def closed(self) -> Bools:
        """Whether each of what ended was closed, rather than left to the end of its process."""
        import numpy as np

        closed = np.ones(self.ended.shape[1], np.bool_)
        closed[[place for place, life in self.ended_lives if life.how == "exit"]] = False
        return closed

    @cached_property
    def begun(self) -> Ints:
        """What began, as columns; without what nothing is known to have made."""
        import numpy as np

        places, records, lives = self._pieces(self._begun, w.L_BEGUN)
        columns: Ints = np.full((len(_BEGUN), self._size(self._begun)), -1, np.int64)
        if self._lender is not None and len(records):
            self._lender.columns(records, places, _BEGUN, columns)
            self._name_processes(columns, places)
        codes, number = self._codes, self._number
        rows = [
            (number(life.process), at.pos, at.tid, codes.setdefault(at.syscall, len(codes)), life.ident)
            for _, life in lives
            if (at := life.opened) is not None
        ]
        if rows:
            columns[:, [place for place, life in lives if life.opened is not None]] = np.array(rows).T
        return columns[:, columns[POS] >= 0]

    @cached_property
    def ended(self) -> Ints:
        """What ended, as columns; those of which the fold has made lives are among `ended_lives`."""
        import numpy as np

        columns: Ints = np.full((len(_ENDED), self._size(self._ended)), -1, np.int64)
        if self._lender is not None and len(self._closed):
            self._lender.columns(self._closed, self._closed_places, _ENDED, columns)
            self._name_processes(columns, self._closed_places)
            columns[SPECIES, self._closed_places] = self._lender.kin(self._closed)
        if self.ended_lives:
            rows = [(self._number(life.process), *self._row(life)) for _, life in self.ended_lives]
            columns[:FD, [place for place, _ in self.ended_lives]] = np.array(rows).T
        return columns

    def _row(self, life: Life) -> tuple[int, ...]:
        opened, closed, last = life.opened, life.closed, life.last_use
        state = w.CLOSE_WAIT if life.state == "CLOSE_WAIT" else w.OTHER
        began, end = _NOWHERE, _NOWHERE
        if opened is not None:
            code = self._codes.setdefault(opened.syscall, len(self._codes))
            began = opened.pos, opened.clock, opened.tid, code
        if closed is not None and life.how not in ("none", "exit"):
            end = closed.pos, closed.clock, closed.tid, -1
        return (*began, *end[:3], *((-1, -1) if last is None else (last.pos, last.tid)), state)

    def _settle(self) -> None:
        """Tell apart what the walk has ended: records, and those that the fold has made lives of."""
        self._closed_places, self._closed, self.ended_lives = self._pieces(self._ended, w.L_ENDED)
        lender = self._lender
        if lender is None or not len(self._closed):
            return
        made = lender.rec[self._closed, w.R_PY] == 1
        if made.any():
            places = self._closed_places[made].tolist()
            self.ended_lives += zip(places, lender.ended(self._closed[made]), strict=True)
            self.ended_lives.sort(key=lambda one: one[0])
        self._closed_places, self._closed = self._closed_places[~made], self._closed[~made]

    @staticmethod
    def _size(pieces: Iterable[Life | Passers]) -> int:
        return sum(1 if isinstance(piece, Life) else len(piece) for piece in pieces)

    def _pieces(
        self, pieces: Iterable[Life | Passers], log: int
    ) -> tuple[Ints, Ints, list[tuple[int, Life]]]:
        """The places of the records among all, the records, and the lives with their places."""
        import numpy as np

        lives: list[tuple[int, Life]] = []
        before: list[int] = []
        sizes: list[int] = []
        records = 0
        for piece in pieces:
            if isinstance(piece, Life):
                lives.append((records + len(lives), piece))
            else:
                before.append(len(lives))
                sizes.append(len(piece))
                records += len(piece)
        if self._lender is None or not records:
            nothing: Ints = np.zeros(0, np.int64)
            return nothing, nothing, lives
        places = np.arange(records) + np.repeat(before, sizes)
        return places, self._lender.logs[log, :records], lives

    # -- processes -----------------------------------------------------------

    def _number(self, process: Process) -> int:
        number = self._number_of.get(process)
        if number is None:
            number = self._number_of[process] = len(self.processes)
            self.processes.append(process)
        return number

    def _name_processes(self, columns: Ints, places: Ints) -> None:
        """Say which process each record is of, in place of where its table stands."""
        import numpy as np

        assert self._lender is not None
        tables, _, which = distinct(columns[WHO, places])
        numbers = [self._number(self._lender.process(table)) for table in tables.tolist()]
        columns[WHO, places] = np.array(numbers, np.int64)[which]
