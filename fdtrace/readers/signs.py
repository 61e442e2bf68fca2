"""Quick signs that a text is more than one capture, and worth the search for its parts (:mod:`.paste`)."""

from __future__ import annotations

import re

LARGEST = 1 << 22
"""Bytes of text that are looked through for parts; a longer text is no paste but one capture as a whole."""

QUOTING = re.compile(rb"^(?:> ?|\| )+")
"""What mail programs put before quoted lines; a stack frame of strace begins with a blank."""

_LOOKED_AT = 2000

# Signs of a kind that are quickly found in a text of another: each begins with some letters of its own.
_SIGNS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("strace", re.compile(rb"\) += (?:-?\d|0x|\?)")),
    ("lsof", re.compile(rb"COMMAND +PID ")),
    ("lsof", re.compile(rb"\np\d+\r?\n")),
    ("netstat", re.compile(rb"Active (?:Internet|UNIX|LOCAL)")),
    ("netstat", re.compile(rb"Proto +Recv-Q")),
    ("ss", re.compile(rb"Local Address:Port")),
    ("procfs", re.compile(rb"/proc/\d+/fd\S*:\r?\n")),
    ("procfs", re.compile(rb"------[.+@]? +\d")),
    ("procfs", re.compile(rb"sl +local_address")),
    ("procfs", re.compile(rb"Num +RefCount")),
    ("lws", re.compile(rb"\] [NEWIDU]: ")),
)


def quoted(head: bytes) -> bool:
    """Whether a text begins with the quoting marks of a mail."""
    return bool(QUOTING.match(head.lstrip()))


def may_hold_others(text: bytes, kind: str) -> bool:
    """Whether a text of this kind is worth the search for parts: quoted, or with a sign of another kind."""
    if not kind.startswith("strace") and quoted(text[:_LOOKED_AT]):
        return True
    return any(sign.search(text) for other, sign in _SIGNS if not kind.startswith(other))
