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

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..readers.strace.scan_block import Arrays
from ..readers.strace.window import Row, Scan, Window
from . import sockets, walk, walk_threads
from . import walk_columns as w
from .calls import Calls
from .effects import READS, STREAM_ENDS, USES, WRITES, Op
from .lent_answers import TOLD
from .lent_arrays import Ints
from .lent_species import ARENA, SPECIES
from .lent_threads import Threads
from .lives import Life, Table
from .loans import calm, enrol, goes_on, lend
from .passers import Passers
from .paths import OPENS

_SIMPLE = frozenset(
    b"""open openat openat2 creat memfd_create socket accept accept4 epoll_create epoll_create1 eventfd
    eventfd2 timerfd_create inotify_init inotify_init1""".split()
)
"""Calls that return the one descriptor that they make."""
_PAIRS = frozenset({b"pipe", b"pipe2", b"socketpair"})
_WORTH = 1
"""So many rows of a table, and one for each `_EACH` descriptors, are taken by the fold before it is lent."""
_EACH = 4
_MOST_ROWS = 1024
_EXIT_ROW = int(Row.EXIT)


def traits(name: bytes, op: int) -> int:
    """What matters of a system call to the walk; 0 for calls that the fold takes."""
    found = w.S_TAKEN
    found |= w.S_FLIES if op > Op.STATE and op != Op.READ else 0
    found |= w.S_STREAM_END if name in STREAM_ENDS else 0
    found |= (w.S_READS if name in READS else 0) | (w.S_WRITES if name in WRITES else 0)
    if op in (Op.USE, Op.READ):
        return found | w.S_USES | w.S_PLAIN
    if op == Op.STATE:
        asks = w.S_ASK if name == b"connect" else w.S_ASK_SUCCESS
        asks |= w.S_COMMAND | w.S_OPTION if name == b"getsockopt" else 0
        return found | w.S_USES | asks
    if op == Op.CREATE and name in _PAIRS:
        return found | w.S_CREATES | w.S_HOLDS | w.S_PAIR
    if op == Op.CREATE and name in _SIMPLE:
        accepts = w.S_ACCEPTS if name in (b"accept", b"accept4") else 0
        opens = w.S_OPENS if name in OPENS else 0
        return found | w.S_CREATES | w.S_HOLDS | accepts | opens | (w.S_USES if name in USES else 0)
    if op == Op.CLOSE:
        return found | w.S_CLOSES
    if op == Op.CONTROL:
        return found | w.S_USES | w.S_COMMAND | w.S_HOLDS
    if op == Op.RECEIVE:
        return found | w.S_USES | w.S_PLAIN | w.S_MESSAGE | w.S_HOLDS
    if op == Op.SEND:
        return found | w.S_USES | w.S_PLAIN | w.S_MESSAGE | w.S_SENDS
    if op == Op.DUP:
        return found | w.S_USES | w.S_COPIES | w.S_HOLDS
    if op == Op.DUP_OVER:
        return found | w.S_OVER | w.S_HOLDS
    if op in (Op.LIMIT, Op.IDENTITY):
        return found | (w.S_LIMIT if op == Op.LIMIT else w.S_IDENTITY)
    if op == Op.EXEC:
        return found | w.S_FAILS
    if op == Op.EXIT:
        return found | w.S_EXITS
    if op == Op.EXIT_GROUP:
        return found | w.S_QUITS
    if op == Op.SPAWN and name.startswith(b"clone"):
        return found | w.S_SPAWNS
    return 0


class Lender(Threads):
    """Lends tables to the walk and takes them back; runs it."""

    def __init__(self, calls: Calls, scan: Scan, file: int) -> None:
        super().__init__(calls, scan, file)
        self.dull: Ints = np.zeros(1, np.int64)
        self.state[w.LIMIT] = w.FIRST_LIMIT
        self.retired: list[int] = []
        self.retired_tables: list[int] = []
        self.patience = 0
        """What tables had to have of late."""
        self._told = {w.L_BEGUN: 0, w.L_ENDED: 0}

    # -- what is known of names --------------------------------------------------

    def learn(self, names: list[bytes], ops: list[int]) -> None:
        """There may be new names of system calls and errors."""
        self.names = names
        known = len(self.ops)
        if known < len(ops):
            uses = (Op.USE, Op.READ, Op.STATE)
            more = [
                (op, op in uses, traits(name, op))
                for name, op in zip(names[known:], ops[known:], strict=True)
            ]
            self.ops = np.concatenate((self.ops, np.array(more, np.int64)))
        errnos = self.scan.errnos.items
        if len(self.dull) <= len(errnos):
            self.dull = np.zeros(len(errnos) + 1, np.int64)
            for code, errno in enumerate(errnos):
                weight = w.RESETS if errno in sockets.RESET else w.DULL
                self.dull[code] = (w.BAD if errno == b"EBADF" else w.HARD) if errno in TOLD else weight

    # -- walking -----------------------------------------------------------------

    def run(self, window: Arrays, position: int, due: int, quiet: bool) -> int:
        """Walk on; why it stopped. The numbers of the fold and of the kernel go on where the walk's end.

        `quiet` while no thread waits for clarity about who made it.
        """
        state, kernel = self.state, self.calls.kernel
        if self.looked:
            self.allow_births(quiet)
            self.looked = False
        state[w.POS], state[w.DUE] = position, due
        state[w.IDENTS], state[w.OFDS] = kernel.originals, kernel._ofds
        if 2 * (int(state[w.MET]) + window[0]) > len(self.tids):
            more: Ints = np.zeros((2 * len(self.tids), 2), np.int64)
            walk_threads.rehash(self.tids, more)
            self.tids = more
        reason: int = walk.walk(
            *window, self.ops, self.dull, self.tids, self.threads, self.tables, self.cells, self.rec,
            self.logs, self.arena, self.known, self.species, self.curve, state,
        )  # fmt: skip
        now: list[int] = state.tolist()
        kernel.originals, kernel._ofds = now[w.IDENTS], now[w.OFDS]
        if now[w.CURVE]:
            for place, at, level in self.curve[: now[w.CURVE]].tolist():
                self.table_of(place).process.curve.put(at, level)
            state[w.CURVE] = 0
        if now[w.BEGUN] > self._told[w.L_BEGUN]:
            self._tell(w.L_BEGUN, now[w.BEGUN], kernel.begun)
        if now[w.ENDED] > self._told[w.L_ENDED]:
            self._tell(w.L_ENDED, now[w.ENDED], kernel.ended)
        return reason

    def _tell(self, log: int, end: int, news: list[Life | Passers]) -> None:
        """Up to here, a list of lives that began or ended in the walk is among the news."""
        begin, self._told[log] = self._told[log], end
        last = news[-1] if news else None
        if isinstance(last, Passers) and last.last == begin:
            last.last = end
        else:
            news.append(Passers(self, log, begin, end))

    def told(self) -> None:
        """The news were told: what they were about may be forgotten."""
        state = self.state
        ended = self.logs[w.L_ENDED, : state[w.ENDED]].tolist()
        parted = self.logs[w.L_PARTED, : state[w.PARTED]].tolist()
        self._told = {w.L_BEGUN: 0, w.L_ENDED: 0}
        state[w.BEGUN] = state[w.ENDED] = state[w.PARTED] = 0
        if state[w.TEXTS] > SPECIES or len(self.protos) > 2 * SPECIES or state[w.KEY] > ARENA // 2:
            self.give_all_back()
            self.forget_species()
        done = [*ended, *parted, *self.retired]
        for r in done:
            self.lives[r] = None
        self.push_free(done)
        self.retired = []
        for place in self.retired_tables:
            self.lent[place] = None
        self.free_places += self.retired_tables
        self.retired_tables = []

    def give_all_back(self) -> None:
        """No table is lent any more."""
        for table in self.lent:
            if table is not None and table.loan is not None:
                table.loan.give_back()

    # -- lending -----------------------------------------------------------------

    def recall(self, window: Window, row: int, position: int) -> bool:
        """The fold is to take a row: its thread comes back; or, just born, it is the walk's after all."""
        self.look()
        columns, calls = window.columns, self.calls
        tid = int(columns["tid"][row])
        task = calls.tasks.get(tid)
        if task is not None and task.loan is not None:
            task.loan.rise(task)
            return False
        if columns["kind"][row] > _EXIT_ROW or columns["flags"][row] or not self._matters(columns, row):
            return False
        if task is None:
            if calls.ambiguous(tid):
                return False
            task = calls.first_sight(tid, self.place_of(window, row, position + 1))
        if not task.silent or task.exiting is not None:
            return False
        if task.table.loan is None and not self._is_due(task.table, 1):
            return False
        calls.heard(task)
        if task.table.loan is None:
            lend(self, task.table)
        else:
            enrol(self, task, task.table.loan)
        return True

    def _matters(self, columns: Mapping[str, npt.NDArray[Any]], row: int) -> bool:
        """Whether a call matters by itself, not only as the first of its thread."""
        code = int(columns["syscall"][row])
        if code < 0:
            return False
        op, uses = self.ops[code, :2].tolist()
        return op != 0 and (not uses or bool(columns["fd"][row] >= 0))

    def take_more(self) -> None:
        """Nothing was lent for many rows: the fold takes more of them at a time."""
        self.state[w.LIMIT] = min(2 * int(self.state[w.LIMIT]), _MOST_ROWS)

    def offer(self, tid: int, rows: int) -> None:
        """The fold took rows of this thread and others: perhaps its table is calm enough to be lent."""
        self._seat_youngest()
        task = self.calls.tasks.get(tid)
        if task is None:
            return
        table = task.table
        if table.loan is not None:
            if task.loan is None and not task.silent and task in table.users and goes_on(task):
                enrol(self, task, table.loan)
            return
        if self._is_due(table, max(1, rows)):
            lend(self, table)

    def _is_due(self, table: Table, rows: int) -> bool:
        """Whether a table may be lent after so many more rows: when it is calm, and worth the trouble."""
        table.earned += rows
        if table.earned < max(_WORTH + max(table.patience, self.patience), len(table.fds) // _EACH):
            return False
        if calm(table):
            return True
        table.earned = 0
        return False

    def _seat_youngest(self) -> None:
        """A child that has been returned and is silent so far is the walk's where its table is."""
        silent = self.calls.spawns.silent
        for tid in reversed(silent):
            task = silent[tid]
            if task.loan is None and task.table.loan is not None and self.calls.tasks.get(tid) is task:
                enrol(self, task, task.table.loan)
            return
