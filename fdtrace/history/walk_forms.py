"""Forms: the words of a call without what differs each time, and what is put into a record instead.

    accept4(3, {sa_family=AF_INET, sin_port=htons(<port>), sin_addr=inet_addr("<host>")}, [16], 0)
    openat(<path>, O_RDONLY|O_CLOEXEC)                socket(AF_INET, SOCK_STREAM, 0) + TCP:[<number>]

Where something was taken out, one of the bytes below stands in its place: no text holds
them. What a form means Python finds out (`lent_forms`), once, by trying it with several
numbers and names; a form that does not say all without them is no form (LITERAL).

An address is host and port as one number, `host << 16 | port`, a name the code of an
annotation, or the place of a path in the arena. In a record they stand one higher, or
negative, so that 0 is nothing.
"""

from __future__ import annotations

import numpy as np

from ..machine_code import part
from ..readers.strace.scan_bytes import (
    BACKSLASH,
    BLANK,
    BRACE,
    CLASS,
    CLOSE,
    COLON,
    COMMA,
    DIGIT,
    DOT,
    FAILED,
    GREATER,
    LEFT,
    LESS,
    LOWER,
    MINUS,
    NEWLINE,
    OPEN,
    QUOTE,
    RIGHT,
    SLASH,
    UPPER,
    WORD,
    ZERO,
    Bytes,
    Ints,
    says,
)
from ..readers.strace.scan_call import note_end
from ..readers.strace.scan_result import deleted_end
from .walk_columns import (
    ASIDE,
    DECIDED,
    F_FAILS,
    F_LOCAL,
    F_PEER,
    F_SAID,
    F_STATE,
    GIVEN,
    HOSTS,
    KEEPS,
    KEY,
    LIST,
    R_BRAND,
    R_FLAGS,
    R_LOCAL,
    R_PEER,
    R_SAID,
    R_STATE,
    R_TWIN,
    TEXT_STOP,
    UNKNOWN_TWIN,
)
from .walk_words import descriptor_end, keep, known_as, number

PORT, HOST, PATH, NAME, NUMBER, PEER, TEXT = range(1, 8)
"""In place of a port, a host, a path with the directory before it; before an annotation; in place of a
number or a peer in one, or of its path. The byte TEXT begins what is kept of a path."""

_PORT_BEFORE, _HOST_BEFORE = b"htons(", b'inet_addr("'
STATES = 1 << 8
"""What a decision depends on is the state times this, and flags."""
_PROC, _DEV, _MEMFD, _SECRET, _EVENTFD = b"/proc/", b"/dev/", b"/memfd:", b"/secretmem", b"{eventfd-"
_MOST_PORT, _MOST_PART = 65535, 255
_PORT_DIGITS, _PART_DIGITS, _INODE_DIGITS = 5, 3, 18
_PLAIN = np.zeros(256, np.uint8)
_PLAIN[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/.-+:@~%#")] = 1
"""Characters of a path that mean nothing else to anybody."""
PATH_LENGTH = LIST + 1


# -- addresses -------------------------------------------------------------------


@part
def _host(arena: Bytes, i: int, state: Ints, into: int) -> int:
    """Read an IPv4 address up to its quote; FAILED for any other text."""
    value = np.int64(0)
    for n in range(4):
        i = number(arena, i, _PART_DIGITS, state, into)
        if i == FAILED or state[into] > _MOST_PART or arena[i] != (QUOTE if n == 3 else DOT):
            return FAILED
        value = value << 8 | state[into]
        i += 1
    state[into] = value
    return i - 1


@part
def without_address(arena: Bytes, length: int, state: Ints) -> int:
    """Take the first port and IPv4 host out of the words behind the arena's end, into `state[LIST]`."""
    start = state[KEY]
    i, to, stop = start, start, start + length
    port, host = np.int64(-1), np.int64(-1)
    while i < stop:
        c = arena[i]
        arena[to] = c
        to += 1
        i += 1
        if c == OPEN and port < 0 and to - start > 6 and says(arena, to - 6, _PORT_BEFORE):
            end = number(arena, i, _PORT_DIGITS, state, LIST)
            if end != FAILED and state[LIST] <= _MOST_PORT and arena[end] == CLOSE:
                port = state[LIST]
                i = end
                arena[to] = PORT
                to += 1
        elif c == QUOTE and host < 0 and to - start > 11 and says(arena, to - 11, _HOST_BEFORE):
            end = _host(arena, i, state, LIST)
            if end != FAILED:
                host = state[LIST]
                i = end
                arena[to] = HOST
                to += 1
    state[LIST] = 0
    if port > 0:
        state[LIST] = port
    if host > 0:
        state[LIST] |= host << 16
    return to - start


@part
def without_descriptor(arena: Bytes, length: int, state: Ints) -> int:
    """Take the first argument, a descriptor, out of the words behind the arena's end; -1 when it is odd."""
    start = state[KEY]
    i, stop = start, start + length
    while arena[i] != OPEN:
        if i == stop:
            return -1
        i += 1
    to = i + 1
    i = descriptor_end(arena, to)
    if i == FAILED or i >= stop or arena[i] != COMMA:
        return -1
    while i < stop:
        arena[to] = arena[i]
        to += 1
        i += 1
    return to - start


@part
def address_from(form: int, given: int) -> int:
    """An address as a record has it: as the form says, with what the text gave."""
    if form >= KEEPS:
        return form
    if form == GIVEN:
        return given + 1
    return ((HOSTS + GIVEN - 1 - form) << 16 | (given & _MOST_PORT)) + 1


@part
def given_peer(made: int, species: Ints, state: Ints) -> int:
    """The peer that the text of a creation gave."""
    return address_from(species[made, F_PEER], state[LIST])


@part
def _news(said: int, before: int) -> bool:
    """Whether an address that was said is not the one that was said last."""
    return said != KEEPS and said != before


@part
def changes(r: int, form: int, rec: Ints, species: Ints, state: Ints) -> bool:
    """Whether a call decides anything that was not decided before."""
    given = state[LIST]
    return (
        species[form, F_SAID] > 0
        or species[form, F_FAILS] != 0
        or _news(address_from(species[form, F_LOCAL], given), rec[r, R_LOCAL])
        or _news(address_from(species[form, F_PEER], given), rec[r, R_PEER])
    )


@part
def decide(r: int, form: int, rec: Ints, species: Ints, state: Ints) -> tuple[bool, bool]:
    """A call decides the state and the addresses of a socket; whether its state, and whether it failed."""
    states = species[form, F_SAID] > 0
    changed = states
    if states:
        rec[r, R_STATE] = species[form, F_STATE]
        rec[r, R_SAID] = species[form, F_SAID]
    local = address_from(species[form, F_LOCAL], state[LIST])
    if _news(local, rec[r, R_LOCAL]):
        rec[r, R_LOCAL] = local
        changed = True
    peer = address_from(species[form, F_PEER], state[LIST])
    if _news(peer, rec[r, R_PEER]):
        rec[r, R_PEER] = peer
        changed = True
    if changed:
        rec[r, R_FLAGS] |= DECIDED
        rec[r, R_BRAND] = -1
        rec[r, R_TWIN] = UNKNOWN_TWIN
    return states, species[form, F_FAILS] != 0


# -- paths -----------------------------------------------------------------------


@part
def without_path(arena: Bytes, length: int, named: bool, state: Ints) -> int:
    """Take the path of an open out of the words behind the arena's end, with the directory it begins in.

    Only a plain one, and without an annotation (`named`) only one that leads through no
    descriptor; it is put aside then, its length is in the state. Returns the length of the words.
    """
    start = state[KEY]
    i, stop = start, start + length
    state[PATH_LENGTH] = 0
    while arena[i] != OPEN:
        if i == stop:
            return length
        i += 1
    i += 1
    to, numbered = i, False
    if arena[i] != QUOTE:
        if CLASS[arena[i]] & DIGIT:
            numbered = True
            i = descriptor_end(arena, i)
        else:
            while CLASS[arena[i]] & WORD:
                i += 1
            if arena[i] == LESS:
                i = note_end(arena, i)
        if i == FAILED or arena[i] != COMMA or arena[i + 1] != BLANK or arena[i + 2] != QUOTE:
            return length
        i += 2
    i += 1
    end = i
    while _PLAIN[arena[end]]:
        end += 1
    if arena[end] != QUOTE or end == i or end >= stop:
        return length
    sort = NAME
    if not named:
        sort = SLASH if arena[i] == SLASH else DOT
        if numbered and sort == DOT:
            return length
        if says(arena, i, _PROC) or says(arena, i, _DEV):
            return length
        state[PATH_LENGTH] = end - i
        for n in range(end - i):
            arena[start + ASIDE + n] = arena[i + n]
    arena[to] = PATH
    arena[to + 1] = sort
    to += 2
    i = end + 1
    while i < stop:
        arena[to] = arena[i]
        to += 1
        i += 1
    return to - start


@part
def kept_path(arena: Bytes, known: Ints, state: Ints) -> int:
    """The name of a record whose path was put aside: where it stands in the arena, below 0."""
    start, length = state[KEY], state[PATH_LENGTH]
    arena[start] = TEXT
    for n in range(length):
        arena[start + 1 + n] = arena[start + ASIDE + n]
    arena[start + 1 + length] = NEWLINE
    found = known_as(arena, known, length + 2, state)
    if found < 0:
        found = start
        keep(arena, known, length + 2, start, state)
    return -1 - found


# -- annotations -----------------------------------------------------------------


@part
def with_note(arena: Bytes, length: int, full: int, state: Ints) -> int:
    """Put the form of the result's annotation behind words shortened from `full`; -1 where it has none."""
    i = state[KEY] + full + 1
    while arena[i] != LESS:
        if arena[i] == NEWLINE:
            return -1
        i += 1
    end = note_end(arena, i)
    if end == FAILED or end > state[TEXT_STOP] or deleted_end(arena, end) != end:
        return -1
    last = end - 1
    i += 1
    for j in range(i, last):
        if arena[j] == BACKSLASH or arena[j] == LESS:
            return -1
    to = state[KEY] + length
    arena[to] = NAME
    to += 1
    c = arena[i]
    if c == SLASH:
        if says(arena, i, _MEMFD) or says(arena, i, _SECRET):
            return -1
        arena[to] = SLASH
        arena[to + 1] = TEXT
        return to + 2 - state[KEY]
    if c == BRACE:
        if not says(arena, i, _EVENTFD):
            return -1
        for n in range(len(_EVENTFD)):
            arena[to + n] = _EVENTFD[n]
        arena[to + len(_EVENTFD)] = TEXT
        return to + len(_EVENTFD) + 1 - state[KEY]
    if CLASS[c] & (UPPER | LOWER) == 0:
        return -1
    return _bracketed(arena, i, last, to, state)


@part
def _bracketed(arena: Bytes, i: int, last: int, to: int, state: Ints) -> int:
    """The same for `TCP:[127.0.0.1:80->10.0.0.7:4711]`, `UNIX-STREAM:[7->8,"/x"]`, `socket:[7]`."""
    while CLASS[arena[i]] & WORD or arena[i] == MINUS or arena[i] == SLASH:
        arena[to] = arena[i]
        to += 1
        i += 1
    if arena[i] != COLON or arena[i + 1] != LEFT or arena[last - 1] != RIGHT:
        return -1
    arena[to] = COLON
    arena[to + 1] = LEFT
    to += 2
    i += 2
    end = _digits_end(arena, i)
    numbered = end != FAILED
    if numbered:
        arena[to] = NUMBER
        to += 1
        i = end
    while i < last and not (arena[i] == MINUS and arena[i + 1] == GREATER):
        arena[to] = arena[i]
        to += 1
        i += 1
    if i < last:
        arena[to] = MINUS
        arena[to + 1] = GREATER
        to += 2
        i += 2
        if numbered:
            end = _digits_end(arena, i)
            if end == FAILED:
                return -1
            arena[to] = NUMBER
            i = end
        else:
            arena[to] = PEER
            i = last - 1
        to += 1
    while i < last:
        arena[to] = arena[i]
        to += 1
        i += 1
    return to - state[KEY]


@part
def _digits_end(arena: Bytes, i: int) -> int:
    """Where a plain number ends that stands alone in its place; FAILED for anything else."""
    first = i
    while CLASS[arena[i]] & DIGIT and i - first <= _INODE_DIGITS:
        i += 1
    if i == first or i - first > _INODE_DIGITS or (arena[first] == ZERO and i > first + 1):
        return FAILED
    if arena[i] == RIGHT or arena[i] == COMMA or (arena[i] == MINUS and arena[i + 1] == GREATER):
        return i
    return FAILED
