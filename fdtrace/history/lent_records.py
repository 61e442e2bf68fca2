"""Records of the walk as lives, for whoever wants to look at one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..readers.strace.window import Row, Scan, Window
from . import walk_columns as w
from . import walk_loans
from .calls import Calls
from .distinct import distinct_together
from .lent_arrays import Ints
from .lent_species import STATES, Species, flags_of
from .lives import At, Life
from .sockets import STREAMS
from .tasks import Process

_CLOEXEC = w.CLOEXEC_ON | w.CLOEXEC_OFF


class Records(Species):
    """What stands in the arrays, as the fold would have it; `file` is the code of the file that is read."""

    def __init__(self, calls: Calls, scan: Scan, file: int) -> None:
        super().__init__(calls, scan)
        self.file = file
        self._row: Ints = np.zeros(w.RECORD, np.int64)
        self._brands: dict[tuple[str, str | None], int] = {}
        """Listeners are one brand when what is accepted from them differs in nothing but its client."""

    def at(self, place: list[int]) -> At:
        """A place of the capture, from its columns."""
        pos, seq, line, offset, clock, tid, code, stack = place
        return At(
            self.file, seq, line, offset, clock, tid, self.names[code] if code >= 0 else b"", stack, pos
        )

    def place_of(self, window: Window, row: int, position: int) -> At:
        """The place of a row that is not taken yet."""
        columns = window.columns
        names = (
            "seq",
            "entry_line",
            "entry_offset",
            "clock",
            "tid",
            "syscall",
            "stack",
            "kind",
            "entry_clock",
        )
        seq, line, offset, clock, tid, code, stack, kind, entered = (int(columns[n][row]) for n in names)
        if kind == Row.EXIT:
            clock = entered
        return self.at([position, seq, line, offset, clock, tid, code, stack])

    def life(self, record: int) -> Life:
        """The life of a record, made where there is none yet."""
        life = self.lives[record]
        if life is None:
            life = self.lives[record] = self._made(self.rec[record].tolist())
            self.rec[record, w.R_PY] = 1
        return life

    def _made(self, row: list[int]) -> Life:
        """A life as it began."""
        species = row[w.R_SPECIES]
        proto, table = self.protos[species], self.table_of(row[w.R_TABLE])
        at = self.at(row[w.R_OPENED : w.R_OPENED + w.PLACE])
        life = Life(table, row[w.R_FD], -1, proto.kind, proto.via, at)
        life.same_file_as(proto)
        life.ident, life.ofd = row[w.R_IDENT], row[w.R_OFD]
        life.cloexec = proto.cloexec
        form = self.forms.get(species)
        if form is not None:
            form.fill_in(life, self.said(row))
        life.state_at = None if proto.state is None else at
        return life

    def settle(self, record: int) -> None:
        """Add what a record has summed up to its life."""
        life = self.life(record)
        walk_loans.settle(record, self._row, self.rec)
        self._add(life, self._row.tolist())

    def _add(self, life: Life, row: list[int]) -> None:
        """Add to a life what its record has summed up."""
        if row[w.R_USES]:
            life.uses += row[w.R_USES]
            life.errors += row[w.R_ERRORS]
            life.read_bytes += row[w.R_READ]
            life.written_bytes += row[w.R_WRITTEN]
            at = self.at(row[w.R_LAST : w.R_LAST + w.PLACE])
            if life.last_use is None or life.last_use.pos < at.pos:
                life.last_use = at
        self._decide(life, row)
        if row[w.R_FLAGS] & _CLOEXEC:
            life.cloexec = bool(row[w.R_FLAGS] & w.CLOEXEC_ON)

    def _decide(self, life: Life, row: list[int]) -> None:
        """Add what calls have decided about a socket."""
        if row[w.R_STATED] >= 0:
            at = life.state_at = self.at(row[w.R_STATED : w.R_STATED + w.PLACE])
            if row[w.R_SAID]:
                life.state, life.state_name = self.reasons[row[w.R_SAID] - 1]
            else:
                life.state = "CLOSE" if row[w.R_STATE] == w.CLOSED_STATE else "CLOSE_WAIT"
                life.state_name = f"{at.syscall.decode()}() = 0"
        if row[w.R_FAILED]:
            life.failed = self.at(row[w.R_FAILED : w.R_FAILED + w.PLACE])
        if row[w.R_LOCAL]:
            life.local = self.address(row[w.R_LOCAL])
        if row[w.R_PEER]:
            life.peer = self.address(row[w.R_PEER])

    def kin(self, records: Ints) -> Ints:
        """Of what species records are, with one of its own for each name and decision that counts."""
        found: Ints = self.rec[records, w.R_SPECIES]
        by = self.species[found, w.F_KIN]
        odd = np.flatnonzero((by == w.BY_NAME) | (self.rec[records, w.R_FLAGS] & w.DECIDED != 0))
        if len(odd):
            rows, by = self.rec[records[odd]], by[odd]
            local = (by == w.BY_LOCAL) | (rows[:, w.R_STATE] == w.LISTENING)
            name = np.where(by == w.BY_NAME, rows[:, w.R_NAME], 0)
            far = np.where(local, rows[:, w.R_LOCAL], rows[:, w.R_PEER])
            keys = found[odd], name, far, (rows[:, w.R_STATE] == w.LISTENING).astype(np.int64)
            first, which = distinct_together(keys)
            each = zip(*(key[first].tolist() for key in keys), strict=True)
            kins = [self._kin_of(key, rows[n]) for key, n in zip(each, first, strict=True)]
            found[odd] = np.array(kins)[which]
        return found

    def _kin_of(self, key: tuple[int, ...], row: Ints) -> int:
        species = self.kins.get(key)
        if species is None:
            life = self._made(row.tolist())
            self._decide(life, row.tolist())
            species = self.kins[key] = self.add_species(life)
        return species

    def columns(self, records: Ints, places: Ints, which: Sequence[int], into: Ints) -> None:
        """Put what stands in some columns of records into these places of rows, one for each column."""
        walk_loans.gather(records, places, np.array(which), self.rec, into)

    def process(self, place: int) -> Process:
        """Whose table a record is of."""
        return self.table_of(place).process

    def ended(self, records: Ints) -> list[Life]:
        """The lives of records that the walk has ended."""
        lives = [self.life(record) for record in records.tolist()]
        for life, row in zip(lives, self.rec[records].tolist(), strict=True):
            self._add(life, row)
            life.how = "dup_over" if row[w.R_FLAGS] & w.OVER else "close"
            life.closed = self.at(row[w.R_CLOSED : w.R_CLOSED + w.PLACE])
        self.rec[records, w.R_USES : w.R_LAST] = 0
        self.rec[records, w.R_STATED] = -1
        self.rec[records, w.R_FAILED] = 0
        self.rec[records, w.R_FLAGS] &= ~_CLOEXEC
        return lives

    def meet(self, window: Window, row: int) -> None:
        """The walk wants to know more of what a call says."""
        wanted = self.state[w.WANTED]
        if wanted == w.A_TEXT:
            self.spell(window, row)
            return
        if wanted == w.A_DESCRIPTION:
            self._describe(int(self.state[w.WHO]), self.scan.notes.items[window.columns["note"][row]])
            return
        traits = int(self.ops[int(window.columns["syscall"][row]), 2])
        if traits & (w.S_ASK | w.S_ASK_SUCCESS):
            self.read_decision(window, row)
            return
        if traits & w.S_PAIR:
            self.read_pair(window, row)
            return
        if traits & (w.S_COPIES | w.S_OVER | w.S_COMMAND):
            self.read_copy(window, row)
            return
        if not traits & w.S_ACCEPTS:
            self.read(window, row, None)
            return
        record = int(self.state[w.WHO])
        listener = self.life(record)
        if self.rec[record, w.R_BRAND] >= 0:
            self.read(window, row, listener)
            return
        self.settle(record)
        key = listener.kind, listener.local
        self.rec[record, w.R_BRAND] = self._brands.setdefault(key, len(self._brands))

    def _describe(self, record: int, note: bytes) -> None:
        """An annotation tells of what was open before anybody looked."""
        self.settle(record)
        life = self.life(record)
        life.describe(note)
        kept = self.rec[record, w.R_FLAGS] & ~(w.STREAM | w.CONNECTION | w.FANOTIFY)
        self.rec[record, w.R_FLAGS] = kept | flags_of(life, None) | w.NAMED
        self.forget_said(record)

    def forget_said(self, record: int) -> None:
        """Its life was told more than the record knows."""
        self.rec[record, [w.R_BRAND, w.R_TWIN, w.R_LOCAL, w.R_PEER]] = -1, w.UNKNOWN_TWIN, 0, 0

    def read_copy(self, window: Window, row: int) -> None:
        """A copy whose original, or what else is said of it, the walk does not know."""
        record = int(self.state[w.WHO])
        if self.rec[record, w.R_TWIN] == w.UNKNOWN_TWIN:
            self.rec[record, w.R_TWIN] = self._twin(record)
            return
        said = np.frombuffer(self.words()[-16:], np.int64).tolist()
        note = self.scan.notes.items[said[0]] if said[0] >= 0 else None
        self.know(self.add_species(self.copy(said[1] >> 2, note, bool(said[1] & 2), bool(said[1] & 1))))

    def _twin(self, record: int) -> int:
        """The twin of a life whose copies differ from it in nothing that only it knows; else `NO_TWIN`."""
        self.settle(record)
        life = self.life(record)
        foreign = self.rec[record, w.R_FLAGS] & w.FOREIGN
        if life.state is not None or life.failed is not None or (foreign and life.kind in STREAMS):
            return w.NO_TWIN
        return self.twin(life)

    def own(self) -> bool:
        """A life that is still a parent's is used: the table gets one of its own, as `Kernel.own` has it."""
        record = int(self.state[w.WHO])
        place, fd = self.rec[record, [w.R_TABLE, w.R_FD]].tolist()
        table, original = self.table_of(place), self.life(record)
        loan = table.loan
        if loan is None:
            return False
        cell = int(self.tables[place, w.T_BASE]) + fd
        cloexec = bool(self.cells[cell, w.C_FLAGS] & w.CLOEXEC)
        copy = self.calls.kernel.copy_of(original, table, fd, cloexec, table.forked)
        loan.fds[fd] = self.lives[record] = copy
        self.rec[record, [w.R_FLAGS, w.R_STATE]] = (
            flags_of(copy, table),
            STATES.get(copy.state or "", w.OTHER),
        )
        self.rec[record, [w.R_BRAND, w.R_TWIN]] = -1, w.UNKNOWN_TWIN
        return True
