"""Tables go to the walk and come back: what the fold knows as arrays, and what the walk did as lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import walk
from . import walk_columns as w
from .effects import Op
from .lent_species import STATES, flags_of
from .lives import Flight, Table, Use

if TYPE_CHECKING:
    from .lender import Lender
    from .tasks import Task

_SMALLEST = 64
_PAYS = 4
"""So many rows, and one for each descriptor and thread, make up for the trouble of lending a table."""
_LITTLE = 8
"""So many descriptors and threads are no trouble."""
_PATIENCE = 4096
_LENT = ("fds", "flights", "touched", "cloexec", "last_closed", "changed", "filled")
_IMPORTED = frozenset(
    {
        Op.USE, Op.READ, Op.STATE, Op.CREATE, Op.CLOSE, Op.CONTROL, Op.RECEIVE, Op.SEND, Op.LIMIT,
        Op.IDENTITY,
    }
)  # fmt: skip
"""Calls that may be under way in a thread when its table is lent."""


class Loan:
    """A table that is lent: where it stands in the arrays, and what it held when it went."""

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

    def give_back(self) -> None:
        """The fold wants to look at the table: it becomes what all rows so far have made of it."""
        _give_back(self.lender, self.table, self)

    def rise(self, task: Task) -> None:
        """The fold takes a row of a thread: that comes back alone, unless the walk knows its call."""
        lender, seat = self.lender, self.seats[task]
        if lender.threads[seat, w.K_OP] not in (w.NO_CALL, w.UNKNOWN_CALL):
            self.give_back()
            return
        del self.seats[task]
        _vacate(lender, task, seat, w.ALONE)
        task.flight = self.kept.pop(task, None)

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

    def moved(self, pos: int) -> None:
        """What numbers are free may have changed until here."""
        self.lender.tables[self.place, w.T_CHANGED] = pos


def calm(table: Table) -> bool:
    """Whether nothing about a table is more than the arrays can hold."""
    process = table.process
    if process.table is not table or process.divided or table.doubt or not table.users:
        return False
    for flight in table.flights.values():
        if flight.snapshot is not None:
            return False  # what is made meanwhile may be in the copy
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
    cells = lender.cells
    if fds:
        numbers = list(fds)
        records = lender.take_free(len(numbers))
        rec = lender.rec
        rec[records] = 0
        rec[records, w.R_PY] = 1
        rec[records, w.R_FD] = numbers
        rec[records, w.R_TABLE] = place
        rec[records, w.R_FLAGS] = [flags_of(life, table) for life in fds.values()]
        rec[records, w.R_STATE] = [STATES.get(life.state or "", w.OTHER) for life in fds.values()]
        rec[records, w.R_OFD] = [life.ofd for life in fds.values()]
        rec[records, w.R_BRAND] = rec[records, w.R_LAST] = rec[records, w.R_STATED] = -1
        rec[records, w.R_TWIN] = w.UNKNOWN_TWIN
        for r, life in zip(records, fds.values(), strict=True):
            lender.lives[r] = life
        cells[[base + number for number in numbers], w.C_RECORD] = records
    kernel = lender.calls.kernel
    for number in table.touched if table.origin is None else ():
        if number < size and kernel.has_noted(table, number):
            cells[base + number, w.C_FLAGS] |= w.NOTED
    for number in table.cloexec:
        if number < size:
            cells[base + number, w.C_FLAGS] |= w.CLOEXEC
    for number in (*table.blind, *table.reused):
        if 0 <= number < size:
            cells[base + number, w.C_FLAGS] |= w.BARRED
    loan = Loan(lender, place, table)
    flying = len(table.flights)
    lender.tables[place] = (base, size, len(fds), table.filled, table.changed, 0, flying, -1, 0, 0)
    for task in table.users:
        if lender.calls.tasks.get(task.tid) is task and not task.silent and task.exiting is None:
            enrol(lender, task, loan)
    for name in _LENT:
        delattr(table, name)
    table.loan = loan
    lender.lent[place] = table


def enrol(lender: Lender, task: Task, loan: Loan) -> None:
    """A thread of a lent table is the walk's from now on."""
    thread = lender.free_thread()
    lender.tasks[thread] = task
    call = _flight(lender, task, loan, int(lender.tables[loan.place, w.T_BASE]))
    lender.threads[thread] = (loan.place, *call)
    loan.seats[task] = thread
    if call[0] != w.UNKNOWN_CALL:
        loan.flights.pop(task, None)
    elif task.flight is not None:
        loan.kept[task] = task.flight
    del task.flight
    task.loan = loan
    lender.state[w.MET] += walk.enrol(lender.tids, task.tid, thread)


def _flight(lender: Lender, task: Task, loan: Loan, base: int) -> tuple[int, ...]:
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
        if loan.fds.get(number) is not flight.old:
            return unknown
        old = int(lender.cells[base + number, w.C_RECORD])
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


def _give_back(lender: Lender, table: Table, loan: Loan) -> None:
    table.loan = None
    base, size, _, filled, changed, peak, _, position, level, rows = lender.tables[loan.place].tolist()
    fds = loan.fds
    records, marks = lender.cells[base : base + size, : w.C_CLOSED].T.tolist()
    lives = lender.lives
    for number in [n for n, life in fds.items() if records[n] < 0 or lives[records[n]] is not life]:
        del fds[number]
    open_ones = [(number, r) for number, r in enumerate(records) if r >= 0]
    new = [r for number, r in open_ones if number not in fds]
    if new:
        for r in sorted(new, key=lambda r: int(lender.rec[r, w.R_IDENT])):
            life = lender.life(r)
            fds[life.fd] = life
    for _, r in open_ones:
        lender.settle(r)
    lender.retired += [r for _, r in open_ones]
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
                table.last_closed[number] = lender.at(lender.cells[base + number, w.C_CLOSED :].tolist())
    table.fds, table.filled, table.changed = fds, filled, changed
    process = table.process
    process.peak = max(process.peak, peak)
    if position >= 0:
        process.curve.put(position, level)
    _return_flights(lender, table, loan)
    lender.retired_tables.append(loan.place)
    lender.free_cells.setdefault(size, []).append(base)
    table.earned = 0
    trouble = len(fds) + len(loan.seats)
    more = 2 * table.patience + trouble // _LITTLE + (rows < _PAYS)
    table.patience = 0 if rows >= _PAYS + trouble else min(more, _PATIENCE)
    lender.patience = (7 * lender.patience + table.patience) // 8


def _vacate(lender: Lender, task: Task, seat: int, standing: int) -> None:
    walk.enrol(lender.tids, task.tid, standing)
    lender.free_seats.append(seat)
    lender.tasks[seat] = None
    task.loan = None


def _return_flights(lender: Lender, table: Table, loan: Loan) -> None:
    flights = loan.flights
    for task, thread in loan.seats.items():
        op, old, shut, cloexec, number, *place = lender.threads[thread, 1:].tolist()
        _vacate(lender, task, thread, w.NOT_LENT)
        if op in (w.NO_CALL, w.UNKNOWN_CALL):
            task.flight = loan.kept.get(task)
            continue
        flight = Flight(op, lender.at(place), table)
        if old >= 0:
            flight.old = lender.life(old)
        if shut >= 0:
            flight.closed[number] = lender.life(shut)
            lender.settle(shut)
            lender.retired.append(shut)
            if cloexec:
                flight.cloexec.add(number)
        task.flight = flight
        if op > Op.STATE and op != Op.READ:
            flights[task] = flight
    ordered = sorted(flights.items(), key=lambda item: item[1].pos)
    table.flights = dict(ordered)
