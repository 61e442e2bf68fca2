"""The fast scanner: bytes to the same columns as `lines.LineScanner`, in compiled loops.

    text ─▶ blocks ─▶ raw rows (scan_blocks, in threads) ─▶ rows (scan_joins, in order) ─▶ windows
                                                              │  ▲
                                                     odd lines▼  │the line scanner's own rows
                                                              records

Most lines are read by the automaton (`scan_leader`, `scan_call`). A line that it
does not take, and one that says something about who is alive where lines have no
thread of their own, is given to `Records`, the definition of all lines; so are
the lines behind it up to the next row. What both need to know (calls under way,
tracees, clock, interned strings) is carried over at these places.

A block ends before a line that is certainly a record, so that frames, and the
rest of what was cut, stand in one block with the row that they belong to.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from . import scan_columns as c
from . import scan_joins
from .lines import LONGEST_LINE, LineScanner, cleaned
from .rows import ROWS_PER_WINDOW, Origin, Rows
from .scan_block import Block, Piece, merged
from .scan_interned import Interned
from .scan_leader import BARE, DAY, EPOCH
from .scan_pending import Pending
from .window import Scan, Window

BLOCK_BYTES = 2 << 20
"""Text of a block: small enough for a processor's cache, large enough to be worth a thread's while."""
WHOLE_LIMIT = 64 << 20
"""So much text is taken for one line."""
ODD_LIMIT = 8 << 20
"""So much text of several lines is looked through for one that is certainly a record."""
THREADS = 1
"""Threads that read blocks, beside the one that finishes them: on two cores a third would be in the way."""
AHEAD = 1
"""So many more blocks are handed to the threads than they read at once."""
_CLOCKS = {EPOCH: "epoch", DAY: "day"}
_FEATURES = ((c.SAW_BARE, "pid column"), (c.SAW_BRACKETS, "[pid]"), (c.SAW_FRAMES, "-k"))


class FastScanner(LineScanner):
    """Reads one strace file into windows, many lines at a time; see `LineScanner`.

    `block` is the size of a block of text, `threads` how many read beside the one that asks for windows.
    """

    def __init__(
        self,
        scan: Scan,
        file: int,
        name: str,
        tid: int | None = None,
        longest: int = LONGEST_LINE,
        block: int = BLOCK_BYTES,
        threads: int = THREADS,
    ) -> None:
        super().__init__(scan, file, name, tid, longest)
        self._size = block
        self._threads = max(1, min(threads, os.cpu_count() or 1))
        self._state: npt.NDArray[np.int64] = np.zeros(c.STATE, np.int64)
        self._state[c.CUT_ROW] = -1
        self._interned = Interned(scan, self._state)
        self._pending = Pending(self._state)
        self._records.pending = self._pending
        self._free: list[Block] = []
        self._crossed: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._events: npt.NDArray[np.int64] = np.zeros((0, 2), np.int64)
        self._alive: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._going = 0
        self._next_line = 1
        self._next_offset = 0

    # -- windows -------------------------------------------------------------

    def windows(self, blocks: Iterable[bytes], rows: int = ROWS_PER_WINDOW) -> Iterator[Window]:
        """Windows of one block of text each, in file order."""
        made = self._records.rows = Rows(self._file, rows)
        waiting: deque[_Reading] = deque()
        with ThreadPoolExecutor(self._threads) as pool:
            for block in self._blocks(blocks):
                waiting.append(_Reading(pool, block, self._interned, self._longest))
                if len(waiting) > self._threads + AHEAD:
                    yield from self._finished(_oldest(waiting))
            while waiting:
                yield from self._finished(_oldest(waiting))
        self._records.finish()
        yield from made.ready
        made.ready.clear()

    # -- blocks of text --------------------------------------------------------

    def _blocks(self, pieces: Iterable[bytes]) -> Iterator[Block]:
        """The text cut into blocks, each of which begins with a record as far as that can be."""
        block, wanted = self._new_block(), self._size
        limit = max(WHOLE_LIMIT, self._longest + 1)
        for piece in pieces:
            self._tally.bytes += len(piece)
            at = 0
            while at < len(piece):
                if block.too_long:
                    at = block.drop(piece, at)
                else:
                    end = min(len(piece), at + wanted - block.size)
                    block.add(memoryview(piece)[at:end])
                    at = end
                if block.size < wanted or block.too_long:
                    continue
                found = block.cut(self._interned)
                if found or (wanted >= (ODD_LIMIT if block.sought else limit) and block.cut_anywhere()):
                    block, before = self._new_block(), block
                    block.add(before.text(before.stop, before.size))
                    wanted = max(self._size, block.size + 1)
                    yield self._placed(before)
                elif wanted < limit:
                    wanted = min(2 * wanted, limit)
        if block.size:
            block.end_line()
            yield self._placed(block)

    def _new_block(self) -> Block:
        return self._free.pop().empty() if self._free else Block(self._size)

    def _placed(self, block: Block) -> Block:
        block.offset = self._next_offset
        self._next_offset += block.stop + block.dropped
        return block

    # -- rows ----------------------------------------------------------------

    def _finished(self, block: Block) -> Iterator[Window]:
        block.line = self._next_line
        self._next_line += block.lines
        pieces: list[Piece] = []
        joined: dict[int, bytes] = {}
        self._begin(block)
        row = done = 0
        while row < block.rows:
            row = self._finish_rows(block, row, joined, pieces)
            if row > done:
                pieces.append((done, row))
                done = row
            if self._pending.make_room():
                continue
            if row < block.rows:
                self._judge(block, row)
                row += 1
            done = row
        self._tally.lines = block.line + block.lines - 1
        self._pending.leave()
        pieces += self._made()
        if pieces:
            window = merged(block, pieces, joined, self._file)
            weakref.finalize(window, self._free.append, block)
            yield window
        else:
            self._free.append(block)

    def _begin(self, block: Block) -> None:
        """Make room for what the rows of a block may add to what is remembered."""
        if len(self._events) < block.rows:
            self._events = np.empty((2 * block.rows, 2), np.int64)
            self._crossed = np.empty(2 * block.rows, np.int64)
        self._interned.make_room(block.misses[: int(block.own[c.MISSES])])
        self._state[c.BLOCK] = self._pending.begin(block)
        self._state[c.LINE_BASE] = block.line
        self._state[c.MIXED] = block.forms & 1 << BARE and block.forms != 1 << BARE
        self._push()

    def _finish_rows(self, block: Block, row: int, joined: dict[int, bytes], pieces: list[Piece]) -> int:
        """Finish rows up to the first that the line scanner has to judge."""
        if self._records.salvager.held is not None or block.narrow[c.FORM, row] & c.ODD:
            return row
        self._records.rows.finish(self._records.scan.stacks)  # frames to come are not an odd row's
        pieces += self._made()
        self._interned.catch_up()
        interned, pending = self._interned, self._pending
        end: int = scan_joins.finish_rows(
            block.buf, row, block.rows, block.kinds, block.wide, block.narrow, block.misses,
            interned.table, interned.arena, interned.counts, interned.fresh, interned.watched,
            pending.table, self._alive, self._going, self._crossed, self._events, self._state,
        )  # fmt: skip
        for crossed in self._crossed[: self._state[c.CROSSED]].tolist():
            joined[crossed] = pending.texts.pop(int(block.narrow[c.TID, crossed])) + block.call_text(crossed)
        self._state[c.CROSSED] = 0
        self._pull(block)
        return end

    def _judge(self, block: Block, row: int) -> None:
        """Give the lines from an odd row up to the next row to the line scanner."""
        self._offset = int(block.wide[c.OFFSET, row])
        tally, records = self._tally, self._records
        tally.lines = block.line + int(block.wide[c.LINE, row]) - 1
        text = block.text(self._offset - block.offset, block.begin_of(row + 1))
        for raw in text.split(b"\n")[:-1]:
            for line in self._whole([raw], len(raw) + block.dropped):
                offset = self._offset
                self._offset = offset + len(line) + 1
                tally.lines += 1
                self.odd_lines += 1
                records.take(cleaned(line), offset)
        self._push()

    def _made(self) -> list[Window]:
        """What the line scanner has made of odd lines."""
        made = list(self._records.rows.ready)
        self._records.rows.ready.clear()
        return made

    # -- what both halves know -------------------------------------------------

    def _push(self) -> None:
        """Tell the compiled half what the line scanner has learnt."""
        state, tally, clock, tracees = self._state, self._tally, self._records.clock, self.tracees
        state[c.CALLS], state[c.FIRST], state[c.LAST] = tally.calls, tally.first, tally.last
        state[c.DAYS], state[c.PREVIOUS] = clock.days, clock.previous
        state[c.ANCHOR], state[c.ELAPSED_SUM] = clock.anchor, clock.elapsed
        state[c.LAST_TID] = tracees.last
        going, others = tracees.alive()
        self._going = len(going)
        self._alive = np.array([*going, *others], np.int64)
        self._interned.catch_up()

    def _pull(self, block: Block) -> None:
        """Tell the line scanner what the compiled half has learnt."""
        state, tally, clock, records = self._state, self._tally, self._records.clock, self._records
        tally.calls, tally.last = int(state[c.CALLS]), int(state[c.LAST])
        tally.parsed += int(state[c.PARSED])
        tally.continuation += int(state[c.CONTINUED])
        clock.days, clock.previous = int(state[c.DAYS]), int(state[c.PREVIOUS])
        clock.elapsed = int(state[c.ELAPSED_SUM])
        clock.name = _CLOCKS.get(int(state[c.LAST_STAMP]), clock.name)
        records.tracees.last = int(state[c.LAST_TID])
        records.saw_durations = records.saw_durations or bool(state[c.SAW_DURATION])
        for seen, feature in _FEATURES:
            if state[seen]:
                tally.features[feature] = 1
        self._interned.publish()
        row = int(state[c.CUT_ROW])
        if row >= 0:
            wide = block.wide[:, row].tolist()
            tid = int(block.narrow[c.TID, row])
            records.last_cut = Origin(tid, wide[c.CLOCK], wide[c.LINE], wide[c.OFFSET])
        self.tracees.told(self._events[: state[c.EVENTS]].tolist())
        state[[c.PARSED, c.CONTINUED, c.LAST_STAMP, c.EVENTS]] = 0
        state[c.CUT_ROW] = -1


class _Reading:
    """A block that a thread reads, or whoever would have to wait for it."""

    def __init__(self, pool: ThreadPoolExecutor, block: Block, interned: Interned, longest: int) -> None:
        self.block = block
        self._how = interned, longest
        self._future = pool.submit(block.scan, interned, longest)

    def done(self) -> bool:
        """Whether there is nothing to wait for."""
        return self._future.done()

    def here(self) -> bool:
        """Read the block in this thread, if none has begun it."""
        if self._future.cancelled() or not self._future.cancel():
            return False
        self.block.scan(*self._how)
        return True

    def result(self) -> Block:
        """The block when it was read."""
        if not self._future.cancelled():
            self._future.result()
        return self.block


def _oldest(waiting: deque[_Reading]) -> Block:
    """The oldest block, read; while a thread is busy with it, this one reads those behind it."""
    first = waiting.popleft()
    while not first.done() and any(reading.here() for reading in (first, *waiting)):
        pass
    return first.result()
