"""Tables lent to the compiled walk (`walk`), and taken back whenever somebody looks at them.

Most rows of a large capture are plain: a descriptor is made, read, written and
closed, and nobody looks at its table in between. The fold (`fold`) says what they
mean; for tables without anything unusual about them the walk does the same in
arrays. The invariant, on which all of this rests:

    A lent table has no numbers of its own (`Table.fds` and its kin are unset).
    Whoever reads them makes the lender give it back first, so the fold sees what
    it would have made of all rows so far. Rows are taken in the capture's order,
    each by the walk or by the fold, on the same state and under the same number.

Lives that began and ended in the walk are told to the observers in the same place
among the others (`Passers`); they become objects only for those that ask for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..readers.strace import scan_columns as c
from ..readers.strace.args import Call, split
from ..readers.strace.scan_block import BlockWindow
from ..readers.strace.window import Row, Scan, Window
from . import births, creations, paths, sockets, walk
from . import walk_columns as w
from .creations import created
from .effects import EFFECTS, FD_COMMANDS, READS, STREAM_ENDS, USES, WRITES, Op
from .lives import At, Flight, Life, Table, Use
from .sockets import STREAMS
from .state import Done

if TYPE_CHECKING:
    from .calls import Calls
    from .tasks import Process, Task

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Arrays = tuple[int, Bytes, Ints, npt.NDArray[np.int32], Bytes, npt.NDArray[np.uint16], Bytes]
"""A window: its rows, text, wide and narrow columns, kinds, flags, and which texts are elsewhere."""

_SIMPLE = frozenset(
    b"""open openat openat2 creat memfd_create socket accept accept4 epoll_create epoll_create1 eventfd
    eventfd2 timerfd_create inotify_init inotify_init1""".split()
)
"""Calls that return the one descriptor that they make."""
_CONNECTION = frozenset({"tcp", "tcp6", "socket", "sctp", "sctp6"})
_CLOSE, _CONTROL, _CREATE, _IDENTITY, _LIMIT, _READ, _RECEIVE, _SEND, _STATE, _USE = map(
    int,
    (
        Op.CLOSE,
        Op.CONTROL,
        Op.CREATE,
        Op.IDENTITY,
        Op.LIMIT,
        Op.READ,
        Op.RECEIVE,
        Op.SEND,
        Op.STATE,
        Op.USE,
    ),
)
_ENTRY_ROW, _EXIT_ROW = int(Row.ENTRY), int(Row.EXIT)
_NEVER = -2
_SMALLEST = 64
_WORTH = 2
"""So many rows of a table, and one for each `_EACH` descriptors, are taken by the fold before it is lent."""
_EACH = 4
_PAYS = 12
"""So many rows, and three for each descriptor and thread, make up for the trouble of lending a table."""
_PATIENCE = 4096
_BATCH, _MOST_ROWS = 64, 1024
SPECIES = 1 << 14
"""Texts of creations that are remembered; with more, all are forgotten at the next telling of news."""
_ARENA = SPECIES * 256
_STATES = {
    "FIN_WAIT1": w.FIN_WAIT,
    "FIN_WAIT2": w.FIN_WAIT,
    "CLOSE_WAIT": w.CLOSE_WAIT,
    "CLOSE": w.CLOSED_STATE,
}
_LENT = ("fds", "flights", "touched", "cloexec", "last_closed", "changed", "filled")
_IMPORTED = frozenset({_USE, _READ, _STATE, _CREATE, _CLOSE, _CONTROL, _RECEIVE, _SEND, _LIMIT, _IDENTITY})


def traits(name: bytes, op: int) -> int:
    """What matters of a system call to the walk; 0 for calls that the fold takes."""
    found = w.S_TAKEN
    found |= w.S_FLIES if op > _STATE and op != _READ else 0
    found |= w.S_STREAM_END if name in STREAM_ENDS else 0
    found |= (w.S_READS if name in READS else 0) | (w.S_WRITES if name in WRITES else 0)
    if op in (_USE, _READ):
        return found | w.S_USES | w.S_PLAIN
    if op == _STATE:
        return found | w.S_USES | w.S_ASK | (w.S_SHUTDOWN if name == b"shutdown" else 0)
    if op == _CREATE and name in _SIMPLE:
        accepts = w.S_ACCEPTS if name in (b"accept", b"accept4") else 0
        return found | w.S_CREATES | w.S_HOLDS | accepts | (w.S_USES if name in USES else 0)
    if op == _CLOSE:
        return found | w.S_CLOSES
    if op == _CONTROL:
        return found | w.S_USES | w.S_ASK_SUCCESS | w.S_HOLDS
    if op == _RECEIVE:
        return found | w.S_USES | w.S_PLAIN | w.S_ASK_SUCCESS | w.S_HOLDS
    if op == _SEND:
        return found | w.S_USES | w.S_PLAIN | w.S_ASK_SUCCESS | w.S_ASK_ENTRY
    if op in (_LIMIT, _IDENTITY):
        return found | w.S_ASK
    return 0


class Loan:
    """A table that is lent: where it stands in the arrays, and what it held when it went."""

    __slots__ = ("cloexec", "fds", "flights", "last_closed", "lender", "place", "table", "threads", "touched")

    def __init__(self, lender: Lender, place: int, table: Table) -> None:
        self.lender = lender
        self.place, self.table = place, table
        self.fds, self.flights = table.fds, table.flights
        self.touched, self.cloexec, self.last_closed = table.touched, table.cloexec, table.last_closed
        self.threads: list[tuple[int, Task]] = []


_BEGUN = [w.R_TABLE, w.R_OPENED + w.A_CODE, w.R_OPENED + w.A_POS, w.R_OPENED + w.A_TID]
_ENDED = [
    w.R_PY, w.R_TABLE, w.R_SPECIES, w.R_OPENED + w.A_STACK, w.R_FD, w.R_STATE, w.R_OPENED + w.A_POS,
    w.R_OPENED + w.A_CLOCK, w.R_OPENED + w.A_CODE, w.R_OPENED + w.A_TID, w.R_CLOSED + w.A_POS,
    w.R_CLOSED + w.A_CLOCK, w.R_CLOSED + w.A_TID, w.R_LAST + w.A_POS, w.R_LAST + w.A_TID,
]  # fmt: skip


class Passers:
    """Lives that began, or ended, in the walk: some consecutive ones of what there is to tell."""

    __slots__ = ("_rows", "first", "last", "lender", "log")

    def __init__(self, lender: Lender, log: int, first: int, last: int) -> None:
        self.lender, self.log, self.first, self.last = lender, log, first, last
        self._rows: list[Life | tuple[int, ...]] | None = None

    def records(self) -> list[int]:
        """The numbers of their records; what was still a parent's life has ended for nobody."""
        found = self.lender.logs[self.log, self.first : self.last]
        if self.log == w.L_ENDED:
            found = found[self.lender.rec[found, w.R_FLAGS] & w.FOREIGN == 0]
        numbers: list[int] = found.tolist()
        return numbers

    def begun(self) -> list[tuple[Process, bytes, int, int]]:
        """Of each that began: process, system call, position and thread of its creation."""
        lender = self.lender
        rows = lender.rec[np.array(self.records(), np.intp)[:, None], _BEGUN].tolist()
        process, names = lender.process, lender.names
        return [(process(table), names[code], pos, tid) for table, code, pos, tid in rows]

    def ended(self) -> list[Life | tuple[int, ...]]:
        """Those that ended: a life, or a row of the columns `_ENDED` for one that the fold never saw."""
        if self._rows is None:
            lender = self.lender
            records = self.records()
            self._rows = lender.rec[np.array(records, np.intp)[:, None], _ENDED].tolist()
            for i, record in enumerate(records):
                if lender.rec[record, w.R_PY] == 1:
                    life = self._rows[i] = lender.life(record)
                    lender.end(record, life)
        return self._rows

    def lives(self) -> Iterator[Life]:
        """The lives, as objects."""
        for record in self.records():
            life = self.lender.life(record)
            if self.log == w.L_ENDED:
                self.lender.end(record, life)
            yield life


class Lender:
    """Keeps the arrays of the walk, lends tables to it and takes them back."""

    def __init__(self, calls: Calls, scan: Scan, file: int) -> None:
        self.calls, self.scan, self.file = calls, scan, file
        self.names: list[bytes] = []
        self.ops: Ints = np.zeros((0, 3), np.int64)
        self.dull: Ints = np.zeros(1, np.int64)
        self.tids: Ints = np.zeros((1 << 17, 2), np.int64)
        self.threads: Ints = np.zeros((64, w.THREAD), np.int64)
        self.tables: Ints = np.zeros((64, w.TABLE), np.int64)
        self.cells: Ints = np.zeros((1 << 12, w.CELL), np.int64)
        self.rec: Ints = np.zeros((1 << 12, w.RECORD), np.int64)
        self.logs: Ints = np.zeros((w.LOGS, 1 << 17), np.int64)
        self.curve: Ints = np.zeros((1 << 17, 3), np.int64)
        self.state: Ints = np.zeros(w.STATE, np.int64)
        self.state[w.WIDTH] = 1
        self.state[w.LIMIT] = _BATCH
        self._lives: list[Life | None] = [None] * len(self.rec)
        self._push_free(range(len(self.rec)))
        self._lent: list[Table | None] = [None] * len(self.tables)
        self._free_tables = list(range(len(self.tables)))
        self._free_threads = list(range(len(self.threads)))
        self._tasks: list[Task | None] = [None] * len(self.threads)
        self._free_cells: dict[int, list[int]] = {}
        self._cells_used = 0
        self._retired: list[int] = []
        self._retired_tables: list[int] = []
        self._brands: dict[tuple[str, str | None], int] = {}
        self._told = [0, 0]
        self._patience = 0  # what tables had to have of late
        self._clients: dict[tuple[bytes, bytes | None, str, str | None], tuple[Life, str]] = {}
        self._forget_species()

    def _forget_species(self) -> None:
        self.protos: list[Life] = []
        self.arena: Bytes = np.zeros(_ARENA, np.uint8)
        self.known: Ints = np.zeros((8 * SPECIES, 4), np.int64)
        self.species: Ints = np.zeros((4 * SPECIES, 3), np.int64)
        self.state[w.KEY] = self._texts = 0

    # -- what is known of names --------------------------------------------------

    def learn(self, names: list[bytes], ops: list[int]) -> None:
        """There may be new names of system calls and errors."""
        self.names = names
        known = len(self.ops)
        if known < len(ops):
            uses = (_USE, _READ, _STATE)
            more = [
                (op, op in uses, traits(name, op))
                for name, op in zip(names[known:], ops[known:], strict=True)
            ]
            self.ops = np.concatenate((self.ops, np.array(more, np.int64)))
        errnos = self.scan.errnos.items
        if len(self.dull) <= len(errnos):
            self.dull = np.zeros(len(errnos) + 1, np.int64)
            for code, errno in enumerate(errnos):
                hard = errno in (b"EBADF", b"EMFILE", b"ENFILE")
                self.dull[code] = w.HARD if hard else w.RESETS if errno in sockets.RESET else w.DULL

    # -- walking -----------------------------------------------------------------

    def window(self, window: Window) -> Arrays:
        """The arrays of a window."""
        rows = len(window)
        joined = np.zeros(rows + 1, np.uint8)
        columns = window.columns
        if isinstance(window, BlockWindow):
            block = window._block
            joined[list(window.joined)] = 1
            if columns["clock"].base is block.wide:
                return rows, block.buf, block.wide, block.narrow, block.kinds, block.flags, joined
            buf = block.buf
        else:
            joined[:] = 1
            buf = np.zeros(64, np.uint8)
        wide = np.zeros((c.WIDE, rows), np.int64)
        narrow = np.zeros((c.NARROW, rows), np.int32)
        from ..readers.strace.scan_block import NARROW, WIDE

        for name, place in WIDE.items():
            if name in columns:
                wide[place] = columns[name]
        for name, place in NARROW.items():
            narrow[place] = columns[name]
        return (
            rows,
            buf,
            wide,
            narrow,
            columns["kind"].astype(np.uint8),
            columns["flags"].astype(np.uint16),
            joined,
        )

    def run(self, window: Arrays, position: int, due: int) -> int:
        """Walk on; why it stopped. The numbers of the fold and of the kernel go on where the walk's end."""
        state, kernel = self.state, self.calls.kernel
        state[w.POS], state[w.DUE] = position, due
        state[w.IDENTS], state[w.OFDS] = kernel.originals, kernel._ofds
        if 2 * (int(state[w.MET]) + window[0]) > len(self.tids):
            more: Ints = np.zeros((2 * len(self.tids), 2), np.int64)
            walk.rehash(self.tids, more)
            self.tids = more
        reason: int = walk.walk(
            *window, self.ops, self.dull, self.tids, self.threads, self.tables, self.cells, self.rec,
            self.logs, self.arena, self.known, self.species, self.curve, state,
        )  # fmt: skip
        kernel.originals, kernel._ofds = int(state[w.IDENTS]), int(state[w.OFDS])
        if state[w.CURVE]:
            for place, at, level in self.curve[: state[w.CURVE]].tolist():
                self._table(place).process.curve.put(at, level)
            state[w.CURVE] = 0
        for which, end, log, news in (
            (0, int(state[w.BEGUN]), w.L_BEGUN, kernel.begun),
            (1, int(state[w.ENDED]), w.L_ENDED, kernel.ended),
        ):  # fmt: skip
            begin = self._told[which]
            if end > begin:
                last = news[-1] if news else None
                if isinstance(last, Passers) and last.last == begin:
                    last.last = end
                else:
                    news.append(Passers(self, log, begin, end))
                self._told[which] = end
        return reason

    def told(self) -> None:
        """The news were told: what they were about may be forgotten."""
        state = self.state
        ended = self.logs[w.L_ENDED, : state[w.ENDED]].tolist()
        self._told = [0, 0]
        state[w.BEGUN] = state[w.ENDED] = 0
        if self._texts > SPECIES or state[w.KEY] > _ARENA // 2:
            self.give_all_back()
            self._forget_species()
        done = [*ended, *self._retired]
        for r in done:
            self._lives[r] = None
        self._push_free(done)
        self._retired = []
        for place in self._retired_tables:
            self._lent[place] = None
        self._free_tables += self._retired_tables
        self._retired_tables = []

    def give_all_back(self) -> None:
        """No table is lent any more."""
        for table in self._lent:
            if table is not None and table.loan is not None:
                self.give_back(table)

    def _push_free(self, records: Any) -> None:
        free = int(self.state[w.FREE])
        self.logs[w.L_FREE, free : free + len(records)] = records
        self.state[w.FREE] = free + len(records)

    def grow(self) -> None:
        """Make room for more records."""
        size = len(self.rec)
        self.rec = np.concatenate((self.rec, np.zeros_like(self.rec)))
        self._lives += [None] * size
        if self.logs.shape[1] < 2 * size + (1 << 16):
            self.logs = np.concatenate((self.logs, np.zeros_like(self.logs)), axis=1)
        self._push_free(range(size, 2 * size))

    # -- lending -----------------------------------------------------------------

    def recall(self, tid: int) -> None:
        """The fold takes a row of this thread: its table comes back."""
        task = self.calls.tasks.get(tid)
        if task is not None and task.loan is not None:
            self.give_back(task.loan.table)

    def take_more(self) -> None:
        """Nothing was lent for many rows: the fold takes more of them at a time."""
        self.state[w.LIMIT] = min(2 * int(self.state[w.LIMIT]), _MOST_ROWS)

    def offer(self, tid: int, rows: int) -> None:
        """The fold took rows of this thread and others: perhaps its table is calm enough to be lent."""
        task = self.calls.tasks.get(tid)
        if task is None:
            return
        table = task.table
        if table.loan is not None:
            if task.loan is None and not task.silent and task.exiting is None and task in table.users:
                self._enrol(task, table.loan)
            return
        table.earned += max(1, rows)
        due = max(_WORTH + max(table.patience, self._patience), len(table.fds) // _EACH)
        if table.earned < due:
            return
        if self._calm(table):
            self._lend(table)
        else:
            table.earned = 0

    def _calm(self, table: Table) -> bool:
        process = table.process
        if process.table is not table or process.divided or table.doubt or not table.users:
            return False
        for flight in table.flights.values():
            if flight.snapshot is not None:
                return False  # what is made meanwhile may be in the copy
        return not table.fds or (max(table.fds) < w.MOST_NUMBERS and min(table.fds) >= 0)

    def _lend(self, table: Table) -> None:
        self.state[w.LIMIT] = _BATCH
        place = self._free_table()
        fds = table.fds
        size = _SMALLEST
        while fds and size <= max(fds):
            size *= 2
        base = self._segment(size, table.origin is None)
        cells = self.cells
        if fds:
            numbers = list(fds)
            records = self._take_free(len(numbers))
            rec = self.rec
            rec[records] = 0
            rec[records, w.R_PY] = 1
            rec[records, w.R_FD] = numbers
            rec[records, w.R_TABLE] = place
            rec[records, w.R_FLAGS] = [_flags(life, table) for life in fds.values()]
            rec[records, w.R_STATE] = [_STATES.get(life.state or "", w.OTHER) for life in fds.values()]
            rec[records, w.R_BRAND] = rec[records, w.R_LAST] = rec[records, w.R_STATED] = -1
            for r, life in zip(records, fds.values(), strict=True):
                self._lives[r] = life
            cells[[base + number for number in numbers], w.C_RECORD] = records
        kernel = self.calls.kernel
        for number in table.touched if table.origin is None else ():
            if number < size and kernel.has_noted(table, number):
                cells[base + number, w.C_FLAGS] |= w.NOTED
        for number in table.cloexec:
            if number < size:
                cells[base + number, w.C_FLAGS] |= w.CLOEXEC
        for number in (*table.blind, *table.reused):
            if 0 <= number < size:
                cells[base + number, w.C_FLAGS] |= w.BARRED
        loan = Loan(self, place, table)
        flying = len(table.flights)
        self.tables[place] = (base, size, len(fds), table.filled, table.changed, 0, flying, -1, 0, 0)
        for task in table.users:
            if self.calls.tasks.get(task.tid) is task and not task.silent and task.exiting is None:
                self._enrol(task, loan)
        for name in _LENT:
            delattr(table, name)
        table.loan = loan
        self._lent[place] = table

    def _enrol(self, task: Task, loan: Loan) -> None:
        thread = self._free_thread()
        self._tasks[thread] = task
        call = self._flight(task, loan, int(self.tables[loan.place, w.T_BASE]))
        self.threads[thread] = (loan.place, *call)
        loan.threads.append((thread, task))
        del task.flight
        task.loan = loan
        self.state[w.MET] += walk.enrol(self.tids, task.tid, thread)

    def _flight(self, task: Task, loan: Loan, base: int) -> tuple[int, ...]:
        """A thread's call under way as columns; one that holds more than they can stays with the fold."""
        flight = task.flight
        nowhere = (0,) * w.PLACE
        if flight is None:
            return (w.NO_CALL, -1, -1, 0, -1, *nowhere)
        unknown = (w.UNKNOWN_CALL, -1, -1, 0, -1, *nowhere)
        if (
            flight.op not in _IMPORTED
            or flight.late
            or flight.message
            or flight.snapshot is not None
            or flight.flags
        ):
            return unknown
        if flight.table is not loan.table or (
            not isinstance(flight, Use) and (flight.copies or flight.doubt)
        ):
            return unknown
        old = shut = number = -1
        cloexec = 0
        if flight.op == _CLOSE:
            if len(flight.closed) != 1:
                return unknown
            ((number, life),) = flight.closed.items()
            if number >= self.tables[loan.place, w.T_CELLS]:
                return unknown
            shut = self._take_free(1)[0]
            self.rec[shut] = 0
            self.rec[shut, [w.R_PY, w.R_FD, w.R_TABLE, w.R_FLAGS]] = (
                1,
                number,
                loan.place,
                _flags(life, flight.table),
            )
            self.rec[shut, [w.R_BRAND, w.R_LAST, w.R_STATED]] = -1
            self._lives[shut] = life
            cloexec = int(number in flight.cloexec)
        elif flight.closed:
            return unknown
        elif flight.old is not None:
            number = flight.old.fd
            if loan.fds.get(number) is not flight.old:
                return unknown
            old = int(self.cells[base + number, w.C_RECORD])
            self.rec[old, w.R_HELD] += 1
        at = flight.at
        code = self.scan.syscalls.codes.get(at.syscall, -1)
        return (
            flight.op,
            old,
            shut,
            cloexec,
            number,
            flight.pos,
            at.seq,
            at.line,
            at.offset,
            at.clock,
            at.tid,
            code,
            at.stack,
        )

    # -- taking back -------------------------------------------------------------

    def give_back(self, table: Table) -> None:
        """The fold wants to look at a table: it becomes what all rows so far have made of it."""
        loan = table.loan
        assert loan is not None
        table.loan = None
        base, size, _, filled, changed, peak, _, position, level, rows = self.tables[loan.place].tolist()
        fds = loan.fds
        records, marks = self.cells[base : base + size, : w.C_CLOSED].T.tolist()
        lives = self._lives
        for number in [n for n, life in fds.items() if records[n] < 0 or lives[records[n]] is not life]:
            del fds[number]
        open_ones = [(number, r) for number, r in enumerate(records) if r >= 0]
        new = [r for number, r in open_ones if number not in fds]
        if new:
            for r in sorted(new, key=lambda r: int(self.rec[r, w.R_OPENED + w.A_POS])):
                life = self.life(r)
                fds[life.fd] = life
        for _, r in open_ones:
            self._settle(r)
        self._retired += [r for _, r in open_ones]
        table.cloexec = loan.cloexec
        table.cloexec.clear()
        table.touched, table.last_closed = loan.touched, loan.last_closed
        for number, mark in enumerate(marks):
            if mark & ~w.NOTED:
                if mark & w.CLOEXEC:
                    table.cloexec.add(number)
                if mark & w.TOUCHED:
                    table.touched.add(number)
                if mark & w.SHUT:
                    table.last_closed[number] = self._at(self.cells[base + number, w.C_CLOSED :].tolist())
        table.fds, table.filled, table.changed = fds, filled, changed
        process = table.process
        process.peak = max(process.peak, peak)
        if position >= 0:
            process.curve.put(position, level)
        self._return_flights(table, loan)
        self._retired_tables.append(loan.place)
        self._free_cells.setdefault(size, []).append(base)
        table.earned = 0
        trouble = len(fds) + len(loan.threads)
        table.patience = 0 if rows >= _PAYS + 3 * trouble else min(2 * table.patience + trouble, _PATIENCE)
        self._patience = (7 * self._patience + table.patience) // 8

    def _return_flights(self, table: Table, loan: Loan) -> None:
        flights = loan.flights
        for thread, task in loan.threads:
            op, old, shut, cloexec, number, *place = self.threads[thread, 1:].tolist()
            walk.enrol(self.tids, task.tid, w.NOT_LENT)
            self._free_threads.append(thread)
            self._tasks[thread] = None
            task.loan = None
            if op == w.UNKNOWN_CALL:
                task.flight = flights.get(task)
                continue
            flights.pop(task, None)
            if op == w.NO_CALL:
                task.flight = None
                continue
            flight = Flight(op, self._at(place), table)
            if old >= 0:
                flight.old = self.life(old)
            if shut >= 0:
                flight.closed[number] = self.life(shut)
                self._settle(shut)
                self._retired.append(shut)
                if cloexec:
                    flight.cloexec.add(number)
            task.flight = flight
            if op > _STATE and op != _READ:
                flights[task] = flight
        ordered = sorted(flights.items(), key=lambda item: item[1].pos)
        table.flights = dict(ordered)

    def _client(self, words: bytes, note: bytes | None, listener: Life) -> Life | None:
        """A client that differs from one before in nothing but its port."""
        found = _template(words, note, listener)
        known = self._clients.get(found[0]) if found is not None else None
        if found is None or known is None:
            return None
        proto, before, port = known[0], known[1], found[1]
        life = Life(_NO_TABLE, proto.fd, -1, proto.kind, proto.via, None)
        life.same_file_as(proto)
        life.cloexec = proto.cloexec
        life.peer = f"{(proto.peer or '')[: -len(before)]}{port}"
        if proto.target is not None:
            life.target = f"{proto.target[: -len(before) - 1]}{port}]" if note is not None else proto.target
        return life

    def _remember_client(self, words: bytes, note: bytes | None, listener: Life, proto: Life) -> None:
        found = _template(words, note, listener)
        if found is None or not (proto.peer or "").endswith(f":{found[1]}"):
            return
        if proto.inode is not None or (proto.target is not None) != (note is not None):
            return
        if note is not None and not (proto.target or "").endswith(f":{found[1]}]"):
            return
        if len(self._clients) > SPECIES:
            self._clients.clear()
        self._clients[found[0]] = proto, found[1]

    # -- room ----------------------------------------------------------------------

    def widen(self) -> None:
        """A table needs a number beyond its cells."""
        place, number = int(self.state[w.WHO]), int(self.state[w.WHAT])
        base, size = int(self.tables[place, w.T_BASE]), int(self.tables[place, w.T_CELLS])
        larger = size
        while larger <= number:
            larger *= 2
        new = self._segment(larger, self._table(place).origin is None)
        self.cells[new : new + size] = self.cells[base : base + size]
        self.tables[place, [w.T_BASE, w.T_CELLS]] = new, larger
        self._free_cells.setdefault(size, []).append(base)

    def note(self) -> None:
        """A table from before the capture makes a number for the first time."""
        place, number = int(self.state[w.WHO]), int(self.state[w.WHAT])
        self.calls.kernel.note_stranger(self._table(place), number)
        self.cells[self.tables[place, w.T_BASE] + number, w.C_FLAGS] |= w.NOTED

    def _segment(self, size: int, strange: bool) -> int:
        """So many cells in a row, all free; of a table from before the capture each number is noted."""
        free = self._free_cells.get(size)
        if free:
            base = free.pop()
        else:
            base = self._cells_used
            self._cells_used += size
            while self._cells_used > len(self.cells):
                self.cells = np.concatenate((self.cells, np.zeros_like(self.cells)))
        self.cells[base : base + size, w.C_RECORD] = -1
        self.cells[base : base + size, w.C_FLAGS] = 0 if strange else w.NOTED
        return base

    def _free_table(self) -> int:
        if not self._free_tables:
            size = len(self.tables)
            self.tables = np.concatenate((self.tables, np.zeros_like(self.tables)))
            self._lent += [None] * size
            self._free_tables += range(size, 2 * size)
        return self._free_tables.pop()

    def _free_thread(self) -> int:
        if not self._free_threads:
            size = len(self.threads)
            self.threads = np.concatenate((self.threads, np.zeros_like(self.threads)))
            self._tasks += [None] * size
            self._free_threads += range(size, 2 * size)
        return self._free_threads.pop()

    def _take_free(self, count: int) -> list[int]:
        while int(self.state[w.FREE]) < count:
            self.grow()
        free = int(self.state[w.FREE])
        self.state[w.FREE] = free - count
        found: list[int] = self.logs[w.L_FREE, free - count : free].tolist()
        return found

    # -- records -----------------------------------------------------------------

    def _at(self, place: list[int]) -> At:
        pos, seq, line, offset, clock, tid, code, stack = place
        return At(
            self.file, seq, line, offset, clock, tid, self.names[code] if code >= 0 else b"", stack, pos
        )

    def _table(self, place: int) -> Table:
        table = self._lent[place]
        assert table is not None
        return table

    def life(self, record: int) -> Life:
        """The life of a record, made where there is none yet."""
        known = self._lives[record]
        if known is not None:
            return known
        row = self.rec[record].tolist()
        proto, table = self.protos[row[w.R_SPECIES]], self._table(row[w.R_TABLE])
        at = self._at(row[w.R_OPENED : w.R_OPENED + w.PLACE])
        life = Life(table, row[w.R_FD], row[w.R_OFD], proto.kind, proto.via, at)
        life.ident = row[w.R_IDENT]
        life.target, life.inode = proto.target, proto.inode
        life.local, life.peer = proto.local, proto.peer
        life.cloexec = proto.cloexec
        life.state, life.state_name = proto.state, proto.state_name
        life.state_at = None if proto.state is None else at
        self.rec[record, w.R_PY] = 1
        self._lives[record] = life
        return life

    def _settle(self, record: int) -> None:
        """Add what a record has summed up to its life."""
        row = self.rec[record].tolist()
        life = self.life(record)
        if row[w.R_USES]:
            life.uses += row[w.R_USES]
            life.errors += row[w.R_ERRORS]
            life.read_bytes += row[w.R_READ]
            life.written_bytes += row[w.R_WRITTEN]
            at = self._at(row[w.R_LAST : w.R_LAST + w.PLACE])
            if life.last_use is None or life.last_use.pos < at.pos:
                life.last_use = at
            self.rec[record, w.R_USES : w.R_LAST] = 0
        if row[w.R_STATED] >= 0:
            at = self._at(row[w.R_STATED : w.R_STATED + w.PLACE])
            shut = at.syscall == b"shutdown"
            closed = row[w.R_STATE] == w.CLOSED_STATE
            life.state = "CLOSE" if closed else "FIN_WAIT2" if shut else "CLOSE_WAIT"
            life.state_at = at
            life.state_name = "shutdown()" if shut else f"{at.syscall.decode()}() = 0"
            self.rec[record, w.R_STATED] = -1

    def process(self, place: int) -> Process:
        """Whose table a record is of."""
        return self._table(place).process

    def end(self, record: int, life: Life) -> None:
        """A life that the walk has ended."""
        self._settle(record)
        life.how = "close"
        life.closed = self._at(self.rec[record, w.R_CLOSED : w.R_CLOSED + w.PLACE].tolist())

    # -- what the walk asks --------------------------------------------------------

    def answer(self, window: Window, row: int, position: int) -> bool:
        """Look at a call's text and do what it does to one life; False when the fold has to take the row."""
        columns = window.columns
        text = window.text(row)
        code = int(columns["syscall"][row])
        op = int(self.ops[code, 0])
        kind = int(columns["kind"][row])
        if op in (_SEND, _RECEIVE) and b"cmsg_type" in text:
            return False
        if kind == _ENTRY_ROW:
            return True
        thread = int(self.state[w.WHO])
        errno = int(columns["errno"][row])
        if op == _CONTROL:
            return self._control(text, int(columns["fd"][row]), int(self.state[w.WHO]))
        if op in (_SEND, _RECEIVE) and errno < 0:
            return True
        task = self._tasks[thread]
        assert task is not None
        exits = kind == _EXIT_ROW
        notes = self.scan.notes.items
        done = Done(
            At(
                self.file,
                int(columns["seq"][row]),
                int(columns["entry_line"][row]),
                int(columns["entry_offset"][row]),
                int(columns["entry_clock" if exits else "clock"][row]),
                int(columns["tid"][row]),
                self.names[code],
                int(columns["stack"][row]),
                position + 1,
            ),
            int(columns["fd"][row]),
            notes[columns["note"][row]] if columns["note"][row] >= 0 else None,
            text,
            int(columns["ret"][row]),
            None,
            self.scan.errnos.items[errno] if errno >= 0 else b"",
            0,
        )
        if op in (_LIMIT, _IDENTITY):
            handler = births.limit if op == _LIMIT else births.identity
            handler(self.calls, task, _NO_FLIGHT, done)
            return True
        record = int(self.threads[thread, w.K_OLD]) if exits else -1
        if record < 0:
            base, size = self.tables[int(self.threads[thread, w.K_TABLE]), : w.T_CELLS + 1].tolist()
            record = int(self.cells[base + done.fd, w.C_RECORD]) if 0 <= done.fd < size else -1
        return record >= 0 and self._decide(record, op, done)

    def _control(self, text: bytes, fd: int, thread: int) -> bool:
        """Whether a successful fcntl or ioctl does no more than to set a flag of its descriptor."""
        ioctl = text.startswith(b"ioctl")
        if not ioctl and b", F_" in text and not any(word in text for word in FD_COMMANDS):
            return True
        call = Call(text)
        if ioctl and creations.may_create(call):
            return False
        changes = list(creations.control(call, 0, None))
        if not changes:
            return True
        place = int(self.threads[thread, w.K_TABLE])
        base, size = self.tables[place, : w.T_CELLS + 1].tolist()
        if len(changes) > 1 or not isinstance(changes[0], bool) or not 0 <= fd < size:
            return False
        record = int(self.cells[base + fd, w.C_RECORD])
        if record < 0 or self.rec[record, w.R_FLAGS] & w.FOREIGN:
            return False
        self.life(record).cloexec = changes[0]
        self.cells[base + fd, w.C_FLAGS] &= ~w.CLOEXEC
        if changes[0]:
            self.cells[base + fd, w.C_FLAGS] |= w.CLOEXEC
        return True

    def _decide(self, record: int, op: int, done: Done) -> bool:
        if op == _STATE:
            call = Call(done.text)
            if call.name == b"getsockopt" and not done.errno and creations.peer_pidfd(call) is not None:
                return False
            life = self.life(record)
            self._settle(record)
            sockets.decide(life, done.at, call, done.ret, done.errno)
        else:
            life = self.life(record)
            self._settle(record)
            if done.errno:
                sockets.io(life, done.at, done.ret, done.errno)
        self.rec[record, w.R_STATE] = _STATES.get(life.state or "", w.OTHER)
        self.rec[record, w.R_BRAND] = -1
        return True

    # -- species -----------------------------------------------------------------

    def meet(self, window: Window, row: int) -> None:
        """A creation whose text the walk does not know: read it."""
        columns, state = window.columns, self.state
        code = int(columns["syscall"][row])
        name = self.names[code]
        listener: Life | None = None
        if self.ops[code, 2] & w.S_ACCEPTS:
            record = int(state[w.WHO])
            listener = self.life(record)
            if self.rec[record, w.R_BRAND] < 0:
                self._settle(record)
                key = listener.kind, listener.local
                self.rec[record, w.R_BRAND] = self._brands.setdefault(key, len(self._brands))
                return
        length = int(state[w.WHAT])
        start = int(state[w.KEY])
        words = self.arena[start : start + length - 16].tobytes()
        ret_note = int(columns["ret_note"][row])
        note = self.scan.notes.items[ret_note] if ret_note >= 0 else None
        ret = int(columns["ret"][row])
        proto = self._client(words, note, listener) if listener is not None else None
        if proto is None:
            proto = _proto(name, words, window.text(row), ret, note, listener)
            if proto is not None and listener is not None:
                self._remember_client(words, note, listener, proto)
        species = _NEVER
        if proto is not None:
            species = len(self.protos)
            self.protos.append(proto)
            self.species[species] = (
                _flags(proto, None), _STATES.get(proto.state or "", w.OTHER), int(bool(proto.cloexec))
            )  # fmt: skip
        walk.learn(self.arena, self.known, length, species, state)
        self._texts += 1
        if int(state[w.KEY]) + 2 * w.LONGEST_KEY > len(self.arena):
            self.arena = np.concatenate((self.arena, np.zeros_like(self.arena)))


_PORT = re.compile(rb"port=htons\(([1-9]\d{0,4})\)")


_NO_FLIGHT = Flight.__new__(Flight)


def _flags(life: Life, table: Table | None) -> int:
    found = w.FOREIGN if table is not None and life.table is not table else 0
    found |= w.NAMED if life.target is not None else 0
    found |= w.STREAM if life.kind in STREAMS else 0
    found |= w.CONNECTION if life.kind in _CONNECTION else 0
    return found | (w.FANOTIFY if life.kind == "fanotify" else 0)


def _proto(
    name: bytes, words: bytes, text: bytes, ret: int, note: bytes | None, listener: Life | None
) -> Life | None:
    """What every descriptor is that is made with these words; None when they do not tell all.

    The arguments have to read the same whatever stands behind them.
    """
    call = Call(text)
    if any(Call(words + tail).args != call.args for tail in (b" = 7", b' = 7</a") = b> (c')):
        return None
    inside = words.partition(b"(")[2]
    if split(inside)[0] != call.args:
        return None
    news = list(created(EFFECTS[name], call, ret, note))
    if len(news) != 1 or news[0].fd != ret or news[0].via not in ("open", "accept"):
        return None
    (new,) = news
    life = Life(_NO_TABLE, ret, -1, new.kind, new.via, None)
    if new.via == "accept":
        if listener is None or new.source != listener.fd:
            return None
        sockets.accepted(life, listener, _NOWHERE, new.peer)
    elif new.source is not None:
        return None
    if new.target is not None:
        if name in paths.OPENS and note is None and paths.may_lead(new.target, call):
            return None
        life.target = new.target
    life.describe(new.note)
    life.cloexec = new.cloexec
    if name == b"socket":
        sockets.created(life, _NOWHERE)
    return life


_NOWHERE = At(0, -1, 0, 0, 0, 0, b"", -1, -1)


def _template(
    words: bytes, note: bytes | None, listener: Life
) -> tuple[tuple[bytes, bytes | None, str, str | None], str] | None:
    """What an accept says but for the port of its client, and that; None when it is not plain."""
    ports = _PORT.findall(words)
    if len(ports) != 1:
        return None
    port = ports[0]
    if note is not None:
        if not note.endswith(b":" + port + b"]"):
            return None
        note = note[: -len(port) - 1]
    return (_PORT.sub(b"port", words), note, listener.kind, listener.local), port.decode()


class _Nobody:
    process = None


_NO_TABLE: Any = _Nobody()
