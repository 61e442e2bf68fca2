"""The column contract between every scanner of strace text and the history.

A scanner cuts a capture into windows. A window holds one row per *record* in
file order: a call that stands on one line (`CALL`), the entry of a call that
another tracee interrupted (`ENTRY`), its resumption (`EXIT`), a signal, an
exit status, or one of strace's own messages that says something about tasks.
Nothing in a window depends on where it was cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ABSENT = -(1 << 62)
"""The number that means "not printed" in the columns clock, ret and duration."""
NO_FD = -(1 << 31)
"""The number that means "no descriptor stands first among the arguments"."""
_BEFORE_FRAME = len(" > ")


class Row(IntEnum):
    """What a row of a window is (column `kind`)."""

    CALL = 0
    ENTRY = 1
    EXIT = 2
    SIGNAL = 3
    EXITED = 4
    KILLED = 5
    SUPERSEDED = 6
    ATTACHED = 7
    DETACHED = 8
    KNOWN_AS = 9
    """The tracee that had no number until here (tid 0) is this tid."""
    MOVED = 10
    """The thread of a `-ff` file became the leader `ret` through its exec."""


class Mark(IntFlag):
    """Decorations of a row (column `flags`)."""

    NOT_EXECUTED = 1
    """`(INJECTED)`: the kernel never ran the call."""
    RESTARTED = 2
    """`= ? ERESTART…`: nothing happened yet, the call is made again."""
    NO_RESULT = 4
    """`= ?`: the caller died in the call, or strace lost it."""
    DETACHED = 8
    """`<detached ...>`: strace left while the call was running."""
    SPLICED = 16
    """Foreign text was cut out of the line; its arguments may be damaged."""
    CUT = 32
    """The record ends before its result; the outcome is unknown."""
    ORPHAN = 64
    """A resumption whose entry is not in the capture."""
    INJECTED = 128


COLUMNS: tuple[tuple[str, str], ...] = (
    ("kind", "u1"),
    ("tid", "i4"),
    ("clock", "i8"),
    ("syscall", "i4"),
    ("fd", "i8"),
    ("note", "i4"),
    ("ret", "i8"),
    ("ret_note", "i4"),
    ("errno", "i4"),
    ("duration", "i8"),
    ("flags", "u2"),
    ("seq", "i8"),
    ("line", "i8"),
    ("offset", "i8"),
    ("entry_line", "i8"),
    ("entry_offset", "i8"),
    ("entry_clock", "i8"),
    ("stack", "i4"),
    ("start", "i8"),
    ("stop", "i8"),
)
"""Name and NumPy type of each column.

kind        a :class:`Row`
tid         thread id of the leader; 0 while unknown
clock       ns when strace printed this line, on the capture's own clock; ABSENT without one
syscall     code into `Scan.syscalls`; -1 for rows that are not calls
fd          the number that stands first among the arguments; NO_FD when it is none
note        its `-y` annotation, a code into `Scan.notes`; -1 when it has none
ret         the result; for EXITED/KILLED the status, for ATTACHED the threads; else ABSENT
ret_note    annotation of the result
errno       code into `Scan.errnos`; -1 for success
duration    ns spent in the call (`-T`); ABSENT without
flags       :class:`Mark` bits
seq         ordinal of the call's first line among the calls of its file; -1 for other rows
line offset where this row's line begins: number from 1, and byte in the decompressed text
entry_*     the same for the line on which the call began
stack       code into `Scan.stacks`; -1 without frames
start stop  the text of the call in `Window.buffer`, from its name to its result
"""


class Limit(NamedTuple):
    """How many different strings of a sort are kept, and how many bytes of them; `what` are they."""

    what: str
    most: int
    room: int


NAMES = Limit("names of system calls", 10_000, 1 << 20)
ERRORS = Limit("names of errors", 10_000, 1 << 20)
NOTES = Limit("annotations of descriptors", 1_000_000, 64 << 20)
STACKS = Limit("stacks", 200_000, 64 << 20)

OTHER = b"(other)"
"""Stands for all names beyond the limit; no name has such a form."""


class Strings:
    """Interned byte strings; the code of a string is the order of its first appearance.

    Beyond the limit new ones are left out: their code is `rest`.
    """

    __slots__ = ("codes", "items", "left_out", "limit", "rest", "weight")

    def __init__(self, limit: Limit = NOTES, first: bytes | None = None) -> None:
        self.items: list[bytes] = []
        self.codes: dict[bytes, int] = {}
        self.limit = limit
        self.weight = 0
        self.left_out = False
        self.rest = -1
        if first is not None:
            self.rest = self.code(first)

    def code(self, item: bytes) -> int:
        """The code of a string, a new one when it was not met before."""
        code = self.codes.get(item)
        return self._new(item) if code is None else code

    def _new(self, item: bytes) -> int:
        code = len(self.items)
        weight = self.weight + len(item) + _BEFORE_FRAME * item.count(b"\n")
        if code >= self.limit.most or weight > self.limit.room:
            self.left_out = True
            return self.rest
        self.weight = weight
        self.codes[item] = code
        self.items.append(item)
        return code

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, code: int) -> bytes:
        return self.items[code]


@dataclass(slots=True)
class Tally:
    """How the lines of one file were accounted for, and what they showed."""

    lines: int = 0
    parsed: int = 0
    continuation: int = 0
    blank: int = 0
    problems: int = 0
    bytes: int = 0
    calls: int = 0
    clock: str = "none"
    first: int = ABSENT
    last: int = ABSENT
    features: dict[str, int] = field(default_factory=dict)

    def saw(self, feature: str) -> None:
        """Count one appearance of an option's trace in the text."""
        self.features[feature] = self.features.get(feature, 0) + 1


@dataclass(slots=True)
class Scan:
    """What all windows of one capture share: interned strings and the account of lines."""

    syscalls: Strings = field(default_factory=lambda: Strings(NAMES, OTHER))
    errnos: Strings = field(default_factory=lambda: Strings(ERRORS, OTHER))
    notes: Strings = field(default_factory=lambda: Strings(NOTES))
    stacks: Strings = field(default_factory=lambda: Strings(STACKS))

    def left_out(self) -> Iterator[str]:
        """In words, of which strings there were too many to keep all."""
        for strings in (self.syscalls, self.errnos, self.notes, self.stacks):
            if strings.left_out:
                what, most, room = strings.limit
                yield f"more than {most:,} different {what}, or {room:,} bytes of them: the rest is left out"


class Window:
    """Some consecutive records of one file, as columns (see `COLUMNS`)."""

    __slots__ = ("buffer", "columns", "file", "joined", "size")

    def __init__(
        self,
        file: int,
        columns: dict[str, npt.NDArray[np.generic]],
        buffer: bytes,
        joined: dict[int, bytes],
    ) -> None:
        self.file = file
        self.columns = columns
        self.buffer = buffer
        self.joined = joined
        self.size = len(columns["kind"])

    def __len__(self) -> int:
        return self.size

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column as it is stored."""
        return self.columns[name]

    def text(self, row: int) -> bytes:
        """The call of a row as strace would have printed it on one line, without its leader."""
        whole = self.joined.get(row)
        if whole is not None:
            return whole
        return self.buffer[int(self.columns["start"][row]) : int(self.columns["stop"][row])]

    def texts(self, rows: Sequence[int]) -> list[bytes]:
        """The texts of many rows."""
        return [self.text(row) for row in rows]

    def rows(self, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Rows as tuples of Python numbers, in the order of `names`."""
        return zip(*(self.columns[name].tolist() for name in names), strict=True)
