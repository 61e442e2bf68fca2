"""Interned strings as the compiled half sees them: a table by hash, kept equal to `Scan`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...machine_code.memory import BEHIND
from . import scan_columns as c
from . import scan_strings
from .scan_strings import ERRNO, KINDS, LEFT_OUT, MOST, MOST_BYTES, NOTE, REST, STACK, SYSCALL, WEIGHT, rehash
from .window import Scan, Strings

_SLOTS = 1 << 14
_ARENA = 1 << 20
_BETWEEN_FRAMES = b"\n > "


class Interned:
    """System calls, errors, annotations and stacks by their bytes.

    New strings come from both sides: `publish` hands those of the compiled half to
    `Scan`, `catch_up` learns those that the line scanner interned. A stack stands in
    the table as it stands in the text. Arrays that are outgrown are replaced, never
    changed, so a thread that still reads them misses only what is new.
    """

    def __init__(self, scan: Scan, state: npt.NDArray[np.int64]) -> None:
        self._strings: dict[int, Strings] = {
            int(SYSCALL): scan.syscalls,
            int(ERRNO): scan.errnos,
            int(NOTE): scan.notes,
            int(STACK): scan.stacks,
        }
        self.table: npt.NDArray[np.int64] = np.zeros((_SLOTS, 4), np.int64)
        self.arena: npt.NDArray[np.uint8] = np.zeros(_ARENA + BEHIND, np.uint8)
        self.counts: npt.NDArray[np.int64] = np.zeros(6 * KINDS, np.int64)
        for kind, strings in self._strings.items():
            self.counts[MOST + kind], self.counts[MOST_BYTES + kind] = strings.limit.most, strings.limit.room
            self.counts[REST + kind] = strings.rest
        self.watched: npt.NDArray[np.uint8] = np.zeros(1 << 10, np.uint8)
        self.fresh: npt.NDArray[np.int64] = np.zeros((1 << 10, 3), np.int64)
        self._state = state
        self._used = 0

    def make_room(self, misses: npt.NDArray[np.int64]) -> None:
        """Make room for all strings that a block may add."""
        more = len(misses)
        if not more:
            return
        longest = int(misses[:, c.M_LENGTH].sum()) * 2 + 16 * more
        self._reserve(2 * more, longest)
        if len(self.fresh) < more:
            self.fresh = np.zeros((2 * more, 3), np.int64)

    def _reserve(self, strings: int, length: int) -> None:
        end = int(self._state[c.ARENA_END])
        if end + length + BEHIND > len(self.arena):
            arena = np.zeros(2 * (end + length) + BEHIND, np.uint8)
            arena[:end] = self.arena[:end]
            self.arena = arena
        self._used += strings
        if 2 * self._used > len(self.table):
            self._used = int(np.count_nonzero(self.table[:, 0])) + strings
            slots = len(self.table)
            while 4 * self._used > slots:
                slots *= 2
            table = np.zeros((slots, 4), np.int64)
            rehash(self.table, table)
            self.table = table
        names = int(self.counts[SYSCALL]) + strings
        if names > len(self.watched):
            self.watched = np.concatenate((self.watched, np.zeros(2 * names, np.uint8)))

    def publish(self) -> None:
        """Hand the strings that the compiled half met first to `Scan`, in their order."""
        for kind, strings in self._strings.items():
            strings.left_out = strings.left_out or bool(self.counts[LEFT_OUT + kind])
        count = int(self._state[c.FRESH])
        if not count:
            return
        for kind, start, length in self.fresh[:count].tolist():
            text = self.arena[start : start + length].tobytes()
            if kind == STACK:
                text = text.replace(_BETWEEN_FRAMES, b"\n")
            code = self._strings[kind].code(text)
            if kind == SYSCALL:
                self.watched[code] = scan_strings.tells(self.arena, start, length)
        self._state[c.FRESH] = 0

    def catch_up(self) -> None:
        """Learn the strings that the line scanner interned meanwhile."""
        for kind, strings in self._strings.items():
            for code in range(int(self.counts[kind]), len(strings)):
                text = strings[code]
                if kind == STACK:
                    text = text.replace(b"\n", _BETWEEN_FRAMES)
                self._reserve(1, len(text))
                self._learn(kind, code, text)
            self.counts[kind], self.counts[WEIGHT + kind] = len(strings), strings.weight

    def _learn(self, kind: int, code: int, text: bytes) -> None:
        data = np.frombuffer(text + bytes(BEHIND), np.uint8)
        end = int(self._state[c.ARENA_END])
        self._state[c.ARENA_END] = scan_strings.learn(
            data, 0, len(text), kind, code, self.table, self.arena, end
        )
        if kind == SYSCALL:
            self.watched[code] = scan_strings.tells(data, 0, len(text))
