"""What the walk has to read of a call before it knows what that does."""

from __future__ import annotations

import numpy as np

from ..machine_code import part
from ..readers.strace.scan_bytes import Bytes, Ints
from ..readers.strace.scan_columns import ERRNO_CODE, HEAD_START, HEAD_STOP, RET, START, STOP, TID
from .walk_columns import (
    C_RECORD,
    CLEARS,
    CONNECTION,
    DECIDES,
    DONE,
    LOOK,
    MADE,
    NEW_SPECIES,
    NEW_WORDS,
    NOTHING,
    R_FLAGS,
    R_PY,
    R_STATE,
    RESETS,
    ROWS,
    S_ASK,
    S_ASK_SUCCESS,
    S_COMMAND,
    S_IDENTITY,
    S_LIMIT,
    S_MESSAGE,
    S_OPTION,
    S_PLAIN,
    SETS,
    STREAM,
    WHAT,
)
from .walk_forms import (
    STATES,
    changes,
    without_address,
    without_descriptor,
)
from .walk_records import (
    EXIT,
    NEVER,
    Marks,
    Narrow,
    met,
)
from .walk_words import command, known_as, unread, with_numbers, words

_NOFILE, _CONTROL = b"NOFILE", b"cmsg_type"
_SOCKET = STREAM | CONNECTION


@part
def _says(i: int, kind: int, s: int, cell: int, r: int, buf: Bytes, wide: Ints, joined: Marks, cells: Ints,
          arena: Bytes, known: Ints, state: Ints) -> int:  # fmt: skip
    """What the command of a call means for its descriptor, or LOOK: somebody has to look at its text."""
    length = words(buf, i, kind, wide, joined, arena, state)
    if length < 0:
        return LOOK if unread(length, state) == ROWS else NEW_SPECIES
    length = command(arena, length, s & S_OPTION != 0, state)
    if length < 0:
        return LOOK
    found = known_as(arena, known, length, state)
    if found < 0:
        state[WHAT] = length
        return NEW_WORDS
    if found in (SETS, CLEARS) and (cell < 0 or cells[cell, C_RECORD] != r):
        return LOOK
    return found


@part
def _decision(i: int, kind: int, r: int, buf: Bytes, wide: Ints, narrow: Narrow, joined: Marks, rec: Ints,
              arena: Bytes, known: Ints, species: Ints, state: Ints) -> int:  # fmt: skip
    """What a call decides about a socket: DECIDES, its form is in `state[MADE]`; LOOK, or NEW_SPECIES."""
    state[MADE] = NEVER
    length = words(buf, i, kind, wide, joined, arena, state)
    if length < 0:
        return LOOK if unread(length, state) == ROWS else NEW_SPECIES
    length = without_descriptor(arena, length, state)
    if length < 0:
        return LOOK
    length = without_address(arena, length, state)
    before = rec[r, R_STATE] * STATES + (rec[r, R_FLAGS] & _SOCKET)
    what = met(with_numbers(arena, length, narrow[ERRNO_CODE, i], before, state), 0, arena, known, state)
    if what != DONE:
        return LOOK if what == ROWS else what
    shared = rec[r, R_PY] == 1  # others may look at its life
    return LOOK if shared and changes(r, state[MADE], rec, species, state) else DECIDES


@part
def question(i: int, kind: int, s: int, dull: int, failed: bool, cell: int, r: int, buf: Bytes, wide: Ints,
              narrow: Narrow, joined: Marks, cells: Ints, rec: Ints, arena: Bytes, known: Ints,
              species: Ints, state: Ints) -> int:  # fmt: skip
    """What a call means that has to be read first: an answer, LOOK, NEW_WORDS, or NEW_SPECIES."""
    if s & S_ASK and r >= 0:
        return _decision(i, kind, r, buf, wide, narrow, joined, rec, arena, known, species, state)
    if s & S_LIMIT:
        return LOOK if joined[i] or (not failed and mentions(buf, i, kind, wide, _NOFILE)) else NOTHING
    if s & S_IDENTITY:
        return LOOK if not failed and wide[RET, i] != narrow[TID, i] else NOTHING
    if s & S_MESSAGE and (joined[i] or mentions(buf, i, kind, wide, _CONTROL)):
        return LOOK
    if s & S_PLAIN and dull == RESETS and r >= 0:
        return LOOK
    if failed:
        return NOTHING
    answer = np.int64(NOTHING)
    if s & S_COMMAND:
        state[MADE] = NEVER
        answer = _says(i, kind, s, cell, r, buf, wide, joined, cells, arena, known, state)
        if answer != LOOK or joined[i]:  # what Python has said can be read once
            return answer
    if s & S_ASK_SUCCESS and r >= 0:
        return _decision(i, kind, r, buf, wide, narrow, joined, rec, arena, known, species, state)
    return answer


@part
def mentions(buf: Bytes, i: int, kind: int, wide: Ints, word: bytes) -> bool:
    """Whether a word whose first letter is in it only once stands anywhere in a call's text."""
    head, tail = np.int64(0), np.int64(0)
    if kind == EXIT:
        head, tail = wide[HEAD_START, i], wide[HEAD_STOP, i]
    size, start = tail - head, wide[START, i]
    said = 0
    for j in range(size + wide[STOP, i] - start):
        c = buf[head + j] if j < size else buf[start + j - size]
        if c == word[said]:
            said += 1
            if said == len(word):
                return True
        else:
            said = 1 if c == word[0] else 0
    return False
