"""How rows, new strings and the memory between rows stand in the arrays of the compiled scanner."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .tracees import ENDS as ENDS
from .tracees import EXITS as EXITS
from .tracees import NAMES_FIRST as NAMES_FIRST
from .tracees import SPAWNS as SPAWNS
from .window import Mark, Row

(
    CLOCK, FD, RET, DURATION, SEQ, LINE, OFFSET, ENTRY_LINE, ENTRY_OFFSET, ENTRY_CLOCK, START, STOP,
    HEAD_START, HEAD_STOP, ELAPSED,
) = range(15)  # fmt: skip
"""Rows of the array of wide columns; HEAD is a call's text before it was cut, ELAPSED the stamp of -r."""
WIDE = 15
TID, CODE, NOTE_CODE, RET_NOTE, ERRNO_CODE, STACK_CODE, FORM, FRAMES = range(8)
"""Rows of the array of narrow columns; FORM says how to finish a row, FRAMES counts its frames."""
NARROW = 8

PID_FORM, STAMP_FORM, EDGE, ODD, OWNED = 3, 7 << 2, 3 << 5, 1 << 7, 1 << 8
"""Bits of FORM: pid form, stamp form, how the text of a cut call ends or a resumed one
begins, odd lines, odd lines that begin with the row to which frames behind them belong."""
STAMP_SHIFT, EDGE_SHIFT = 2, 5
FREE, NAMED, TIGHT = range(3)
"""How a cut call's text ends: behind a comma or blank, behind its name, elsewhere.

A resumption that may follow all of them begins with TIGHT, one that may follow
the first two with NAMED, one that may follow only the first with FREE; together
they read as the joined text does, as neither half ends within a word.
"""
NEVER = 3

CALL, ENTRY, EXIT = int(Row.CALL), int(Row.ENTRY), int(Row.EXIT)
SIGNAL, EXITED, KILLED = int(Row.SIGNAL), int(Row.EXITED), int(Row.KILLED)
NO_RESULT, RESTARTED = int(Mark.NO_RESULT), int(Mark.RESTARTED)
NOT_A_ROW = -1

M_START, M_LENGTH, M_KIND, M_HASH, M_CODE = range(5)
"""Columns of the list of new strings: place, length, kind, hash, and the code once it is known."""
MISS = 5
ROWS, LINES, AT, MISSES, ROOM, FULL, ERA, TABLE, MASK, ARENA, SEEN, SEEN_MASK, NEW = range(13)
"""What lies on the desk of a block: how many rows, lines and bytes were read, how many new strings
there are, for how many there is room, and whether they were more; how often it was used; where the table
of strings, their bytes, and the block's own strings stand."""
KIND, FLAG = 14, 15
"""The row that is being read lies there as well: its kind and flags, then its wide and narrow columns."""
IN_WIDE, IN_NARROW = 16, 16 + WIDE
DESK = IN_NARROW + NARROW

Wide = npt.NDArray[np.int64]
Narrow = npt.NDArray[np.int32]
Kinds = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.uint16]


(
    CALLS, LAST_TID, DAYS, PREVIOUS, ANCHOR, ELAPSED_SUM, FIRST, LAST, PARSED, CONTINUED, CUT_ROW,
    SAW_DURATION, SAW_BARE, SAW_BRACKETS, SAW_FRAMES, LAST_STAMP, EVENTS, CROSSED, FRESH, ARENA_END,
    BLOCK, MIXED, UNDER_WAY, LINE_BASE,
) = range(24)  # fmt: skip
"""What the sequential half remembers between rows; UNDER_WAY counts slots of calls, used or left;
LINE_BASE is the number of the first line of the block."""
STATE = 24

(
    P_TID,
    P_CODE,
    P_FD,
    P_NOTE,
    P_SEQ,
    P_LINE,
    P_OFFSET,
    P_CLOCK,
    P_START,
    P_STOP,
    P_BLOCK,
    P_EDGE,
    P_LIVE,
    P_ORIGIN,
) = range(14)
"""Columns of the table of calls that are under way; P_ORIGIN is the thread that its first line names."""
PENDING_WIDTH = 14
FREE_SLOT, WAITING, RESUMED = range(3)
"""Values of P_LIVE."""
