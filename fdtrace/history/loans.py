"""Tables go to the walk and come back: what the fold knows as arrays, and what the walk did as lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import walk_columns as w
from . import walk_loans
from .effects import Op
from .lent_species import STATES, flags_of
from .lives import At, Flight, Life, Table, Use

if TYPE_CHECKING:
    from .lender import Lender
    from .tasks import Task

_SMALLEST = 64
_PAYS = 4
"""So many rows, and one for each descriptor and thread, make up for the trouble of lending a table."""
_LITTLE = 8
"""So many descriptors and threads are no trouble."""
_PATIENCE = 4096
_STEADY = frozenset({"file", "dir", "char", "pipe"})
"""Kinds of which no use decides anything but whether they close on exec."""
_LENT = ("fds", "flights", "touched", "cloexec", "last_closed", "changed", "filled")
_IMPORTED = frozenset(
    {
        Op.USE, Op.READ, Op.STATE, Op.CREATE, Op.CLOSE, Op.CONTROL, Op.RECEIVE, Op.SEND, Op.LIMIT,
        Op.IDENTITY,
    }
)  # fmt: skip
"""Calls that may be under way in a thread when its table is lent."""


class Loan:
    """A table that is lent: where it stands in the arrays, and what is kept of it meanwhile.

    `fds`, `cloexec` and `touched` are what the table had when somebody looked last; `flights` are the
    calls under way of which the walk knows only that they are.
    """

    __slots__ = (
        "cloexec", "fds", "flights", "kept", "last_closed", "lender", "place", "seats", "table", "touched",
    )  # fmt: skip

    def __init__(self, lender: Lender, place: int, table: Table) -> None:
        self.lender = lender
        self.place, self.table = place, table
        self.fds, self.flights = table.fds, table.flights
        self.touched, self.cloexec, self.last_closed = table.touched, table.cloexec, table.last_closed
        self.seats: dict[Task, int] = {}
        """The threads that are lent with it, and where they stand."""
        self.kept: dict[Task, Flight] = {}
        """Calls of theirs that are under way and that only the fold knows."""

    def give_back(self, over: bool = False) -> None:
        """The fold wants to look at the table: it becomes what all rows so far have made of it.

        When the table is `over`, nobody will ask any more when its numbers were closed.
        """
        _give_back(self.lender, self.table, self, over)

    def rise(self, task: Task) -> None:
        """The fold takes a row of a thread: it comes back alone, unless a life is held for its call."""
        lender, seat = self.lender, self.seats[task]
        call = lender.threads[seat, w.K_OP : w.K_STANDING].tolist()
        op, old, shut = call[:3]
        if op not in (w.NO_CALL, w.UNKNOWN_CALL) and (old >= 0 or shut >= 0):
            self.give_back()
            return
        del self.seats[task]
        lender.vacate(task, seat, w.ALONE)
        task.flight = self._flight(task, call)

    def _flight(self, task: Task, call: list[int]) -> Flight | None:
        """The call under way of a thread that comes back, as the fold has it."""
        op, old, shut, cloexec, number, *place = call
        if op in (w.NO_CALL, w.UNKNOWN_CALL):
            return self.kept.pop(task, None)
        lender = self.lender
        flight = Flight(op, lender.at(place), self.table)
        if old >= 0:
            flight.old = lender.life(old)
        if shut >= 0:
            flight.closed[number] = lender.life(shut)
            lender.settle(shut)
            lender.retired.append(shut)
            if cloexec:
                flight.cloexec.add(number)
        if op > Op.STATE and op != Op.READ:
            self.flights[task] = flight
        return flight

    def begins(self, task: Task, flight: Flight) -> None:
        """A call that the fold knows is under way."""
        self.ends(task)
        self.flights[task] = flight
        self.lender.tables[self.place, w.T_FLIGHTS] += 1

    def ends(self, task: Task) -> None:
        """A call that the fold knows is over, or its thread."""
        if task.loan is not None:
            task.loan.rise(task)
        if self.table.loan is None:
            self.table.ends(task)
        elif self.flights.pop(task, None) is not None:
            self.lender.tables[self.place, w.T_FLIGHTS] -= 1

    def closed_before(self, fd: int) -> At | None:
        """Where a number was closed last."""
        base, size = self.lender.tables[self.place, : w.T_CELLS + 1].tolist()
        cell = base + fd
        if 0 <= fd < size and self.lender.cells[cell, w.C_FLAGS] & w.SHUT:
            return self.lender.at(self.lender.cells[cell, w.C_CLOSED :].tolist())
        return self.last_closed.get(fd)

    def moved(self, pos: int) -> None:
        """What numbers are free may have changed until here."""
        self.lender.tables[self.place, w.T_CHANGED] = pos

    @property
    def told(self) -> bool:
        """Whether all its calls under way are among `flights`: of none does only the walk know."""
        return bool(self.lender.tables[self.place, w.T_FLIGHTS] == len(self.flights))

    @property
    def forking(self) -> bool:
        """Whether a call under way remembers the table as it was."""
        return any(flight.snapshot is not None for flight in self.flights.values())

    def look(self) -> tuple[list[int], list[int]]:
        """Bring what is kept of the table up to date; its records, and its numbers with their marks."""
        lender = self.lender
        said = lender.room_to_say(int(lender.tables[self.place, w.T_CELLS]))
        end = walk_loans.look(said, self.place, lender.tables, lender.cells, lender.rec)
        count, _, *facts = said[:end].tolist()
        facts, marks = facts[: 4 * count], facts[4 * count :]
        numbers, records = facts[0::4], facts[1::4]
        now = dict(zip(numbers, records, strict=True))
        fds, lives = self.fds, lender.lives
        for number in [n for n, life in fds.items() if n not in now or lives[now[n]] is not life]:
            del fds[number]
        if len(fds) < count:
            born = [(ident, n) for ident, n in zip(facts[3::4], numbers, strict=True) if n not in fds]
            for _, number in sorted(born):
                fds[number] = lender.life(now[number])
        for record, news in zip(records, facts[2::4], strict=True):
            if news:
                lender.settle(record)
        self.cloexec.clear()
        for number, mark in zip(marks[0::2], marks[1::2], strict=True):
            if mark & w.CLOEXEC:
                self.cloexec.add(number)
            if mark & w.TOUCHED:
                self.touched.add(number)
        return records, marks

    def refresh(self, life: Life) -> None:
        """Bring one life of the table up to date, wherever it stands."""
        lender, held = self.lender, self.lender.lives
        base, size = lender.tables[self.place, : w.T_CELLS + 1].tolist()
        record = int(lender.cells[base + life.fd, w.C_RECORD]) if life.fd < size else -1
        if record >= 0 and held[record] is life:
            lender.settle(record)
        elif life.kind not in _STEADY or life.cloexec is None:
            closing = [int(lender.threads[seat, w.K_SHUT]) for seat in self.seats.values()]
            closed = lender.logs[w.L_ENDED, : lender.state[w.ENDED]]
            closed = closed[lender.rec[closed, w.R_FD] == life.fd].tolist()
            for record in (*closing, *closed):
                if record >= 0 and held[record] is life:
                    lender.settle(record)

    def take(self, fd: int) -> Life | None:
        """Takes a number out after a look; the life that it was, None where it was free."""
        lender = self.lender
        base, size, count, filled = lender.tables[self.place, : w.T_FILLED + 1].tolist()
        if fd < size:
            lender.cells[base + fd, w.C_FLAGS] &= ~w.CLOEXEC
        if 0 <= fd < filled:
            lender.tables[self.place, w.T_FILLED] = fd
        life = self.fds.pop(fd, None)
        if life is not None:
            lender.retired.append(int(lender.cells[base + fd, w.C_RECORD]))
            lender.cells[base + fd, w.C_RECORD] = -1
            lender.tables[self.place, w.T_COUNT] = count - 1
        return life


def calm(table: Table) -> bool:
    """Whether nothing about a table is more than the arrays can hold."""
    process = table.process
    if process.table is not table or process.divided or table.doubt or not table.users:
        return False
    if len(table.users) > 1:
        for flight in table.flights.values():
            if flight.snapshot is not None:
                return False  # what others make meanwhile may be in the copy
    return not table.fds or (max(table.fds) < w.MOST_NUMBERS and min(table.fds) >= 0)


def lend(lender: Lender, table: Table) -> None:
    """Put a table into the arrays, with its threads."""
    lender.state[w.LIMIT] = w.FIRST_LIMIT
    place = lender.free_table()
    fds = table.fds
    size = _SMALLEST
    while fds and size <= max(fds):
        size *= 2
    base = lender.segment(size, table.origin is None)
    flying = len(table.flights)
    pid = table.process.pid or -1
    lender.tables[place] = (base, size, len(fds), table.filled, table.changed, 0, flying, -1, 0, 0, 0, pid)
    _hand_over(lender, table, place)
    loan = Loan(lender, place, table)
    for task in table.users:
        if lender.calls.tasks.get(task.tid) is task and (
            task.exiting is None if not task.silent else lender.calls.spawns.silent.get(task.tid) is task
        ):
            enrol(lender, task, loan)
    for name in _LENT:
        delattr(table, name)
    table.loan = loan
    lender.lent[place] = table


def _hand_over(lender: Lender, table: Table, place: int) -> None:
    """Say what a table holds, and what is marked in it."""
    fds, said = table.fds, [len(table.fds), 0]
    for number, life in fds.items():
        said += number, flags_of(life, table), STATES.get(life.state or "", w.OTHER), life.ofd
    marks = [(number, w.CLOEXEC) for number in table.cloexec]
    if table.origin is None:
        kernel = lender.calls.kernel
        marks += [(number, w.NOTED) for number in table.touched if kernel.has_noted(table, number)]
    marks += [(number, w.BARRED) for number in (*table.blind, *table.reused)]
    said[1] = len(marks)
    for mark in marks:
        said += mark
    room = lender.room_to_say(len(said))
    room[: len(said)] = said
    free = lender.ensure_free(len(fds))
    walk_loans.hand_over(room, place, lender.tables, lender.cells, lender.rec, lender.logs, lender.state)
    records = lender.logs[w.L_FREE, free - len(fds) : free].tolist()
    for record, life in zip(records, fds.values(), strict=True):
        lender.lives[record] = life


def goes_on(task: Task) -> bool:
    """Whether a thread's next row may be the walk's: not as it ends, or in a call that only the fold ends."""
    flight = task.flight
    return (
        task.exiting is None and task.process.exiting is None and (flight is None or flight.op in _IMPORTED)
    )


def enrol(lender: Lender, task: Task, loan: Loan) -> None:
    """A thread of a lent table is the walk's from now on, unless what it does may be in another's copy."""
    if len(loan.table.users) > 1 and loan.forking:
        loan.give_back()
        return
    call = _flight(lender, task, loan)
    lender.seat(task, loan, call)
    if call[0] != w.UNKNOWN_CALL:
        loan.flights.pop(task, None)
    elif task.flight is not None:
        loan.kept[task] = task.flight
    del task.flight
    task.loan = loan


def _flight(lender: Lender, task: Task, loan: Loan) -> tuple[int, ...]:
    """A thread's call under way as columns; one that holds more than they can stays with the fold."""
    flight = task.flight
    if flight is None:
        return (w.NO_CALL, -1, -1, 0, -1)
    unknown = (w.UNKNOWN_CALL, -1, -1, 0, -1)
    if (
        flight.op not in _IMPORTED
        or flight.late
        or flight.message
        or flight.snapshot is not None
        or flight.flags
    ):
        return unknown
    if flight.table is not loan.table or (not isinstance(flight, Use) and (flight.copies or flight.doubt)):
        return unknown
    old = shut = number = -1
    cloexec = 0
    if flight.op == Op.CLOSE:
        if len(flight.closed) != 1:
            return unknown
        ((number, life),) = flight.closed.items()
        if number >= lender.tables[loan.place, w.T_CELLS]:
            return unknown
        shut = lender.take_free(1)[0]
        lender.rec[shut] = 0
        lender.rec[shut, [w.R_PY, w.R_FD, w.R_TABLE, w.R_FLAGS]] = (
            1,
            number,
            loan.place,
            flags_of(life, flight.table),
        )
        lender.rec[shut, [w.R_BRAND, w.R_LAST, w.R_STATED]] = -1
        lender.lives[shut] = life
        cloexec = int(number in flight.cloexec)
    elif flight.closed:
        return unknown
    elif flight.old is not None:
        number = flight.old.fd
        base, size = lender.tables[loan.place, : w.T_CELLS + 1].tolist()
        if number < size:
            old = int(lender.cells[base + number, w.C_RECORD])
        if old < 0 or lender.lives[old] is not flight.old:
            return unknown
        lender.rec[old, w.R_HELD] += 1
    at = flight.at
    code = lender.scan.syscalls.codes.get(at.syscall, -1)
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


def _give_back(lender: Lender, table: Table, loan: Loan, over: bool) -> None:
    lender.look()
    table.loan = None
    base, size, _, filled, changed, peak, _, position, level, rows, *_ = lender.tables[loan.place].tolist()
    records, marks = loan.look()
    lender.retired += records
    table.fds, table.cloexec, table.touched = loan.fds, loan.cloexec, loan.touched
    table.last_closed = loan.last_closed
    for number, mark in () if over else zip(marks[0::2], marks[1::2], strict=True):
        if mark & w.SHUT:
            table.last_closed[number] = lender.at(lender.cells[base + number, w.C_CLOSED :].tolist())
    table.filled, table.changed = filled, changed
    process = table.process
    process.peak = max(process.peak, peak)
    if position >= 0:
        process.curve.put(position, level)
    _return_flights(lender, table, loan)
    lender.retired_tables.append(loan.place)
    lender.free_cells.setdefault(size, []).append(base)
    table.earned = 0
    trouble = len(table.fds) + len(loan.seats)
    more = 2 * table.patience + trouble // _LITTLE + (rows < _PAYS)
    table.patience = 0 if rows >= _PAYS + trouble else min(more, _PATIENCE)
    lender.patience = (7 * lender.patience + table.patience) // 8


def _return_flights(lender: Lender, table: Table, loan: Loan) -> None:
    for task, seat in loan.seats.items():
        call = lender.threads[seat, w.K_OP : w.K_STANDING].tolist()
        lender.vacate(task, seat, w.NOT_LENT)
        task.flight = loan._flight(task, call)
    table.flights = dict(sorted(loan.flights.items(), key=lambda item: item[1].pos))
