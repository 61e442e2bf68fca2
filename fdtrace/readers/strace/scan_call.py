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

from ...machine_code import part
from ...machine_code.memory import byte, saying
from .scan_bytes import (
    BACKSLASH,
    BEHIND,
    BLANK,
    BRACE,
    BRACE_END,
    CLOSE,
    COLON,
    DIGIT,
    EQUALS,
    FAILED,
    GREATER,
    LEFT,
    LESS,
    LETTER_D,
    LOWER,
    MINUS,
    QUESTION,
    QUOTE,
    RIGHT,
    SLASH,
    STAR,
    UNDERSCORE,
    UPPER,
    WORD,
    Text,
    at_end,
    belongs,
    is_a,
    run_to,
)

_LONGEST_COMMENT = 2048
_LONGEST_BRACES = 200
_LONGEST_FAMILY = 20

_plain_run = run_to(b'"<)/')
_string_run = run_to(b'"\\')
_socket_run = run_to(b'"<]')
_note_run = run_to(b'<>"\\')
_says_char, _says_block = saying(b"char "), saying(b"block ")
_says_unfinished = saying(b"<unfinished ...>")
_says_detached, _says_changed = saying(b"<detached ...>"), saying(b"<pid changed to ")


@part
def _string_end(buf: Text, at: int) -> int:
    """Where the string ends whose first quote stands before this place."""
    while True:
        at = _string_run(buf, at)
        c = byte(buf, at)
        if c == QUOTE:
            return at + 1
        if c != BACKSLASH or byte(buf, at + 1) < BLANK:
            return FAILED
        at += 2


@part
def _socket_end(buf: Text, at: int) -> int:
    """Where `TCP:[a->b]>` ends; behind its opening bracket is a capital letter."""
    start = at
    at += 1
    while is_a(buf, at, WORD) or byte(buf, at) == SLASH or byte(buf, at) == MINUS:
        at += 1
    if at - start > _LONGEST_FAMILY or byte(buf, at) != COLON or byte(buf, at + 1) != LEFT:
        return FAILED
    at += 2
    while True:
        at = _socket_run(buf, at)
        c = byte(buf, at)
        if c == RIGHT:
            if byte(buf, at + 1) == GREATER:
                return at + 2
            at += 1
        elif c == QUOTE:
            at = _string_end(buf, at + 1)
            if at == FAILED:
                return FAILED
        else:
            return FAILED


@part
def _braces_end(buf: Text, at: int) -> int:
    """Where `{eventfd-count=…}>` ends, from its brace on."""
    start = at + 1
    while byte(buf, at) != BRACE_END:
        if byte(buf, at) < BLANK or at - start > _LONGEST_BRACES:
            return FAILED
        at += 1
    return at + 2 if byte(buf, at + 1) == GREATER else FAILED


@part
def note_end(buf: Text, at: int) -> int:
    """Where the annotation ends whose opening bracket stands here; FAILED for what needs a second look."""
    at += 1
    c = byte(buf, at)
    if belongs(c, UPPER):
        return _socket_end(buf, at)
    if c == BRACE:
        return _braces_end(buf, at)
    if c == LESS:
        return FAILED
    while True:
        at = _note_run(buf, at)
        if byte(buf, at) != BACKSLASH or byte(buf, at + 1) < BLANK:
            break
        at += 2
    if byte(buf, at) == LESS:
        if not _says_char(buf, at + 1) and not _says_block(buf, at + 1):
            return FAILED
        at += 1
        while byte(buf, at) != GREATER:
            if byte(buf, at) < BLANK or byte(buf, at) == LESS:
                return FAILED
            at += 1
        at += 1
    if byte(buf, at) != GREATER:
        return FAILED
    if not is_a(buf, at + 1, BEHIND):
        return FAILED
    return at + 1


@part
def _result_follows(buf: Text, at: int) -> int:
    """Where the result begins if this closing parenthesis is the last one; FAILED if it is not."""
    at += 1
    while byte(buf, at) == BLANK:
        at += 1
    if byte(buf, at) != EQUALS or byte(buf, at + 1) != BLANK:
        return FAILED
    at += 2
    while byte(buf, at) == BLANK:
        at += 1
    c = byte(buf, at)
    if belongs(c, DIGIT) or c == QUESTION:
        return at
    return at if c == MINUS and is_a(buf, at + 1, DIGIT) else FAILED


@part
def _comment_end(buf: Text, at: int) -> int:
    """Where the comment ends that begins here; the next place when it is none."""
    if byte(buf, at + 1) != STAR:
        return at + 1
    end = at + 2
    while byte(buf, end) != STAR:
        if byte(buf, end) < BLANK:
            return FAILED
        end += 1
    if byte(buf, end + 1) != SLASH or end - at - 2 > _LONGEST_COMMENT:
        return FAILED
    return end + 2


@part
def arguments(buf: Text, at: int) -> tuple[int, int]:
    """Reads on to the end of the arguments.

    Returns the place of the last parenthesis and of the result; of `<` and 0
    for a call that is cut; FAILED for anything else.
    """
    while True:
        at = _plain_run(buf, at)
        c = byte(buf, at)
        if c == QUOTE:
            at = _string_end(buf, at + 1)
        elif c == CLOSE:
            result = _result_follows(buf, at)
            if result != FAILED:
                return at, result
            at += 1
        elif c == LESS:
            before = byte(buf, at - 1)
            if belongs(before, DIGIT) or before == LETTER_D or before == SLASH:
                at = note_end(buf, at)
            elif _says_unfinished(buf, at) and at_end(buf, at + 16):
                return at, 0
            elif _says_detached(buf, at) or _says_changed(buf, at):
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
def first_argument(buf: Text, at: int) -> int:
    """Where the first argument begins: behind its name, if it has one (-N)."""
    if is_a(buf, at, LOWER) or byte(buf, at) == UNDERSCORE:
        end = at + 1
        while is_a(buf, end, WORD):
            end += 1
        if byte(buf, end) == EQUALS:
            return end + 1
    return at
