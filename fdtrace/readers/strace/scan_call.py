r"""The automaton that reads a call, from its name to the end of its line.

    name ( [argument=] first[<note>[(deleted)]] arguments ) = result[<note>[(deleted)]] tail
                                                    |
                                     " <unfinished ...>" ends the line: an entry

It goes forward over bytes and makes, at each place, the first choice that
`grammar.CALL` would make. A regular expression that fails later on would come
back and try others; the automaton gives up instead (FAILED), and the line goes
to the line scanner. So what it accepts, it reads as the expression does:

    ARGUMENTS ──"──▶ string ──"──▶ ARGUMENTS
        ├──  < behind a digit, D or /  ──▶ note ──>──▶ ARGUMENTS
        ├──  /*  ──▶ comment ──*/──▶ ARGUMENTS
        ├──  ) = result  ──▶ the end        ) else  ──▶ ARGUMENTS
        └──  <unfinished ...> at the line's end  ──▶ cut
"""

from __future__ import annotations

from .scan_bytes import (
    BACKSLASH,
    BEHIND,
    BLANK,
    BRACE,
    BRACE_END,
    CLASS,
    CLOSE,
    COLON,
    DIGIT,
    EQUALS,
    FAILED,
    GREATER,
    IN_NOTE,
    IN_SOCKET,
    IN_STRING,
    LEFT,
    LESS,
    LETTER_D,
    LOWER,
    MINUS,
    PLAIN,
    QUESTION,
    QUOTE,
    RIGHT,
    SLASH,
    STAR,
    UNDERSCORE,
    UPPER,
    WORD,
    Bytes,
    at_end,
    is_a,
    part,
    says,
)

_LONGEST_COMMENT = 2048
_LONGEST_BRACES = 200
_LONGEST_FAMILY = 20


@part
def _string_end(buf: Bytes, at: int) -> int:
    """Where the string ends whose first quote stands before this place."""
    while True:
        while CLASS[buf[at]] & IN_STRING:
            at += 1
        c = buf[at]
        if c == QUOTE:
            return at + 1
        if c != BACKSLASH or buf[at + 1] < BLANK:
            return FAILED
        at += 2


@part
def _socket_end(buf: Bytes, at: int) -> int:
    """Where `TCP:[a->b]>` ends; behind its opening bracket is a capital letter."""
    start = at
    at += 1
    while (CLASS[buf[at]] & WORD) != 0 or buf[at] == SLASH or buf[at] == MINUS:
        at += 1
    if at - start > _LONGEST_FAMILY or buf[at] != COLON or buf[at + 1] != LEFT:
        return FAILED
    at += 2
    while True:
        while CLASS[buf[at]] & IN_SOCKET:
            at += 1
        c = buf[at]
        if c == RIGHT:
            if buf[at + 1] == GREATER:
                return at + 2
            at += 1
        elif c == QUOTE:
            at = _string_end(buf, at + 1)
            if at == FAILED:
                return FAILED
        else:
            return FAILED


@part
def _braces_end(buf: Bytes, at: int) -> int:
    """Where `{eventfd-count=…}>` ends, from its brace on."""
    start = at + 1
    while buf[at] != BRACE_END:
        if buf[at] < BLANK or at - start > _LONGEST_BRACES:
            return FAILED
        at += 1
    return at + 2 if buf[at + 1] == GREATER else FAILED


@part
def note_end(buf: Bytes, at: int) -> int:
    """Where the annotation ends whose opening bracket stands here; FAILED for what needs a second look."""
    at += 1
    c = buf[at]
    if CLASS[c] & UPPER:
        return _socket_end(buf, at)
    if c == BRACE:
        return _braces_end(buf, at)
    if c == LESS:
        return FAILED
    while True:
        while CLASS[buf[at]] & IN_NOTE:
            at += 1
        if buf[at] != BACKSLASH or buf[at + 1] < BLANK:
            break
        at += 2
    if buf[at] == LESS:
        if not says(buf, at + 1, b"char ") and not says(buf, at + 1, b"block "):
            return FAILED
        at += 1
        while buf[at] != GREATER:
            if buf[at] < BLANK or buf[at] == LESS:
                return FAILED
            at += 1
        at += 1
    if buf[at] != GREATER:
        return FAILED
    if (CLASS[buf[at + 1]] & BEHIND) == 0:
        return FAILED
    return at + 1


@part
def _result_follows(buf: Bytes, at: int) -> int:
    """Where the result begins if this closing parenthesis is the last one; FAILED if it is not."""
    at += 1
    while buf[at] == BLANK:
        at += 1
    if buf[at] != EQUALS or buf[at + 1] != BLANK:
        return FAILED
    at += 2
    while buf[at] == BLANK:
        at += 1
    c = buf[at]
    if (CLASS[c] & DIGIT) != 0 or c == QUESTION:
        return at
    return at if c == MINUS and is_a(buf, at + 1, DIGIT) else FAILED


@part
def _comment_end(buf: Bytes, at: int) -> int:
    """Where the comment ends that begins here; the next place when it is none."""
    if buf[at + 1] != STAR:
        return at + 1
    end = at + 2
    while buf[end] != STAR:
        if buf[end] < BLANK:
            return FAILED
        end += 1
    if buf[end + 1] != SLASH or end - at - 2 > _LONGEST_COMMENT:
        return FAILED
    return end + 2


@part
def arguments(buf: Bytes, at: int) -> tuple[int, int]:
    """Reads on to the end of the arguments.

    Returns the place of the last parenthesis and of the result; of `<` and 0
    for a call that is cut; FAILED for anything else.
    """
    while True:
        while CLASS[buf[at]] & PLAIN:
            at += 1
        c = buf[at]
        if c == QUOTE:
            at = _string_end(buf, at + 1)
        elif c == CLOSE:
            result = _result_follows(buf, at)
            if result != FAILED:
                return at, result
            at += 1
        elif c == LESS:
            before = buf[at - 1]
            if (CLASS[before] & DIGIT) != 0 or before == LETTER_D or before == SLASH:
                at = note_end(buf, at)
            elif says(buf, at, b"<unfinished ...>") and at_end(buf, at + 16):
                return at, 0
            elif says(buf, at, b"<detached ...>") or says(buf, at, b"<pid changed to "):
                return FAILED, 0
            else:
                at += 1
        elif c == SLASH:
            at = _comment_end(buf, at)
        else:
            return FAILED, 0
        if at == FAILED:
            return FAILED, 0


@part
def name_end(buf: Bytes, at: int) -> int:
    """Where the name of a system call ends."""
    while (CLASS[buf[at]] & WORD) != 0 or buf[at] == QUESTION:
        at += 1
    return at


@part
def first_argument(buf: Bytes, at: int) -> int:
    """Where the first argument begins: behind its name, if it has one (-N)."""
    if is_a(buf, at, LOWER) or buf[at] == UNDERSCORE:
        end = at + 1
        while CLASS[buf[end]] & WORD:
            end += 1
        if buf[end] == EQUALS:
            return end + 1
    return at
