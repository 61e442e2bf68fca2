"""A block of text with room for its rows, and the window that is made of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...machine_code.memory import BEHIND
from . import scan_blocks, scan_joins
from . import scan_columns as c
from .scan_bytes import Bytes
from .scan_interned import Interned
from .window import Window

_MISSES = 1 << 16
_NEWLINE = b"\n"

WIDE = {
    "clock": c.CLOCK, "fd": c.FD, "ret": c.RET, "duration": c.DURATION, "seq": c.SEQ, "line": c.LINE,
    "offset": c.OFFSET, "entry_line": c.ENTRY_LINE, "entry_offset": c.ENTRY_OFFSET,
    "entry_clock": c.ENTRY_CLOCK, "start": c.START, "stop": c.STOP,
    "head_start": c.HEAD_START, "head_stop": c.HEAD_STOP,
}  # fmt: skip
NARROW = {
    "tid": c.TID, "syscall": c.CODE, "note": c.NOTE_CODE, "ret_note": c.RET_NOTE, "errno": c.ERRNO_CODE,
    "stack": c.STACK_CODE,
}  # fmt: skip

Column = npt.NDArray[np.generic]
Columns = dict[str, Column]


class Block:
    """Some text, its place in the capture, and its rows; used again and again.

    `odd` says that the line scanner has to read all of it, `dropped` how many
    bytes of its only line were too many to be kept; no line before `sought` but
    the first is certainly a record.
    """

    def __init__(self, size: int) -> None:
        self._hold(bytearray(size + BEHIND))
        self.size = 0
        self.stop = 0
        self.sought = 0
        self.line = 0
        self.offset = 0
        self.odd = self.too_long = False
        self.dropped = 0
        self.forms = 0
        self.misses: npt.NDArray[np.int64] = np.empty((_MISSES, 5), np.int64)
        self.seen: npt.NDArray[np.int64] = np.zeros(4 * _MISSES, np.int64)
        self.own: npt.NDArray[np.int64] = np.zeros(c.DESK, np.int64)
        self.make_room(64)

    def empty(self) -> Block:
        """Forget the text."""
        self.size = self.stop = self.sought = self.dropped = 0
        self.odd = self.too_long = False
        return self

    def _hold(self, text: bytearray) -> None:
        self._text = text
        self._view = memoryview(text)
        self.buf: npt.NDArray[np.uint8] = np.frombuffer(text, np.uint8)

    def make_room(self, rows: int) -> None:
        """Room for this many rows, with nothing in them."""
        self.kinds: npt.NDArray[np.uint8] = np.empty(rows, np.uint8)
        self.flags: npt.NDArray[np.uint16] = np.empty(rows, np.uint16)
        self.wide: npt.NDArray[np.int64] = np.empty((c.WIDE, rows), np.int64)
        self.narrow: npt.NDArray[np.int32] = np.empty((c.NARROW, rows), np.int32)

    def _more_room(self) -> None:
        """Room for more rows; how many, the text tells that was read so far."""
        kinds, flags, wide, narrow, rows = self.kinds, self.flags, self.wide, self.narrow, self.rows
        self.make_room(rows * self.stop // max(1, int(self.own[c.AT])) * 9 // 8 + 64)
        self.kinds[:rows], self.flags[:rows] = kinds, flags
        self.wide[:, :rows], self.narrow[:, :rows] = wide, narrow

    def add(self, text: bytes | memoryview) -> None:
        """Append text."""
        end = self.size + len(text)
        if end + BEHIND > len(self._text):
            grown = bytearray(max(end, 2 * len(self._text)) + BEHIND)
            grown[: self.size] = self._view[: self.size]
            self._hold(grown)
        self._view[self.size : end] = text
        self.size = end

    def end_line(self) -> None:
        """The capture ends here, perhaps within a line."""
        if not self._text.endswith(_NEWLINE, 0, self.size):
            self.add(_NEWLINE)
        self.stop = self.size

    def cut(self, interned: Interned) -> bool:
        """End before the last line that is certainly a record; False when there is none behind the first."""
        whole = at = self._text.rfind(_NEWLINE, 0, self.size) + 1
        while at > self.sought:
            at = self._text.rfind(_NEWLINE, 0, at - 1) + 1
            if at > 0 and self._is_record(at, interned):
                self.stop = at
                return True
        self.sought = whole
        return False

    def _is_record(self, at: int, interned: Interned) -> bool:
        """Whether the line that begins here is certainly one; may be asked before the rows are read."""
        self.own[[c.ROWS, c.AT, c.LINES]] = 0
        self._read(self.buf[at:], 1, interned, self.size)
        return not self.narrow[c.FORM, 0] & c.ODD

    def cut_anywhere(self) -> bool:
        """End behind the last whole line, for the line scanner; False when there is none."""
        self.odd = True
        self.stop = self.size if self.dropped else self._text.rfind(_NEWLINE, 0, self.size) + 1
        self.too_long = self.stop == 0
        return self.stop > 0

    def drop(self, piece: bytes, at: int) -> int:
        """Pass over more of a line that is too long, up to its end; where that is in the piece."""
        end = piece.find(b"\n", at)
        self.dropped += (end if end >= 0 else len(piece)) - at
        if end < 0:
            return len(piece)
        self.add(_NEWLINE)
        self.too_long = False
        return end + 1

    def scan(self, interned: Interned, longest: int) -> None:
        """Read the raw rows, and say which forms of the pid they have."""
        self._scan(interned, longest)
        self.forms = int(scan_joins.forms_of(self.narrow, self.rows))

    def _scan(self, interned: Interned, longest: int) -> None:
        self.own[[c.ROWS, c.AT, c.LINES, c.MISSES]] = 0
        if self.odd:
            self.own[c.ROWS], self.own[c.LINES] = 1, self._text.count(_NEWLINE, 0, self.stop)
            self.narrow[c.FORM, 0] = c.ODD
            self.wide[c.LINE, 0], self.wide[c.OFFSET, 0] = 0, self.offset
            return
        self._read(self.buf, self.stop, interned, longest)
        while self.own[c.AT] < self.stop:
            self._more_room()
            self._read(self.buf, self.stop, interned, longest)

    def _read(self, text: npt.NDArray[np.uint8], stop: int, interned: Interned, longest: int) -> None:
        scan_blocks.scan_block(
            text, stop, self.offset, longest, self.kinds, self.flags, self.wide, self.narrow,
            interned.table, interned.arena, self.seen, self.misses, self.own,
        )  # fmt: skip

    @property
    def lines(self) -> int:
        """How many lines were read."""
        return int(self.own[c.LINES])

    @property
    def rows(self) -> int:
        """How many raw rows there are."""
        return int(self.own[c.ROWS])

    def begin_of(self, row: int) -> int:
        """Where the line of a row begins in the block's text."""
        return int(self.wide[c.OFFSET, row]) - self.offset if row < self.rows else self.stop

    def text(self, start: int, stop: int) -> bytes:
        """A stretch of the text."""
        return self._view[start:stop].tobytes()

    def call_text(self, row: int) -> bytes:
        """What a row's own line says of its call."""
        return self.text(int(self.wide[c.START, row]), int(self.wide[c.STOP, row]))

    def column(self, name: str) -> Column:
        """A column with all its room."""
        found: Column = self.kinds if name == "kind" else self.flags
        if name in WIDE:
            found = self.wide[WIDE[name]]
        elif name in NARROW:
            found = self.narrow[NARROW[name]]
        return found


class BlockWindow(Window):
    """A window whose text is in a block. Its columns are good until the window is let go."""

    __slots__ = ("__weakref__", "_block")

    def __init__(self, file: int, columns: Columns, joined: dict[int, bytes], block: Block) -> None:
        super().__init__(file, columns, b"", joined)
        self._block = block

    def text(self, row: int) -> bytes:
        """The call of a row as strace would have printed it on one line, without its leader."""
        whole = self.joined.get(row)
        if whole is not None:
            return whole
        columns, block = self.columns, self._block
        text = block.text(int(columns["start"][row]), int(columns["stop"][row]))
        if columns["kind"][row] == c.EXIT:
            head = block.text(int(columns["head_start"][row]), int(columns["head_stop"][row]))
            return head + text
        return text

    def texts(self, rows: Sequence[int]) -> list[bytes]:
        """The texts of many rows."""
        columns, joined = self.columns, self.joined
        chosen = np.asarray(rows, np.intp)
        parts = (columns[name][chosen].tolist() for name in ("start", "stop", "head_start", "head_stop"))
        resumed = (columns["kind"][chosen] == c.EXIT).tolist()
        text = self._block._view
        found = []
        for row, start, stop, head, end, exits in zip(rows, *parts, resumed, strict=True):
            whole = joined.get(row)
            if whole is None:
                whole = bytes(text[start:stop])
                if exits:
                    whole = bytes(text[head:end]) + whole
            found.append(whole)
        return found


Piece = tuple[int, int] | Window
"""Rows of a block from one to before another, or rows that the line scanner made."""


def merged(block: Block, pieces: list[Piece], joined: dict[int, bytes], file: int) -> BlockWindow:
    """The window of all pieces; `joined` are texts, by row, that do not stand in the block."""
    names = ["kind", "flags", *WIDE, *NARROW]
    only = pieces[0]
    if len(pieces) == 1 and isinstance(only, tuple) and only[0] == 0:
        return BlockWindow(file, {name: block.column(name)[: only[1]] for name in names}, joined, block)
    parts: dict[str, list[Column]] = {name: [] for name in names}
    texts: dict[int, bytes] = {}
    at = 0
    for piece in pieces:
        if isinstance(piece, Window):
            size = len(piece)
            texts.update({at + row: piece.text(row) for row in range(size)})
            for name in names:
                known = name in piece.columns
                parts[name].append(piece.column(name) if known else np.zeros(size, np.int64))
        else:
            first, last = piece
            size = last - first
            for name in names:
                parts[name].append(block.column(name)[first:last])
            texts.update({at + r - first: text for r, text in joined.items() if first <= r < last})
        at += size
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    return BlockWindow(file, columns, texts, block)


Arrays = tuple[int, Bytes, c.Wide, c.Narrow, c.Kinds, c.Flags, Bytes]
"""A window: its rows, text, wide and narrow columns, kinds, flags, and which texts are elsewhere."""


def arrays_of(window: Window) -> Arrays:
    """The arrays of a window, for compiled loops over its rows."""
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
        buf = np.zeros(BEHIND, np.uint8)
    wide = np.zeros((c.WIDE, rows), np.int64)
    narrow = np.zeros((c.NARROW, rows), np.int32)
    for name, place in WIDE.items():
        if name in columns:
            wide[place] = columns[name]
    for name, place in NARROW.items():
        narrow[place] = columns[name]
    kinds, flags = columns["kind"].astype(np.uint8), columns["flags"].astype(np.uint16)
    return rows, buf, wide, narrow, kinds, flags, joined
