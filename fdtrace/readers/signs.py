"""Quick signs that a text is more than one capture, and worth the search for its parts (:mod:`.paste`)."""

from __future__ import annotations

import re

LARGEST = 1 << 22
"""Bytes of text that are looked through for parts; a longer text is no paste but one capture as a whole."""

QUOTING = re.compile(rb"^(?:> ?|\| )+")
"""What mail programs put before quoted lines; a stack frame of strace begins with a blank."""

MENDED = "put together again"
"""How the sentence ends that says of a text that its lines were wrapped."""

_LOOKED_AT = 2000

_SIGNS: tuple[tuple[str, bytes, re.Pattern[bytes]], ...] = (
    ("strace", b") ", re.compile(rb"\) += (?:-?\d|0x|\?)")),
    ("lsof", b"COMMAND ", re.compile(rb"COMMAND +PID ")),
    ("lsof", b"\np", re.compile(rb"\np\d+\r?\n")),
    ("netstat", b"Active ", re.compile(rb"Active (?:Internet|UNIX|LOCAL)")),
    ("netstat", b"Recv-Q", re.compile(rb"Proto +Recv-Q")),
    ("ss", b"Address:Port", re.compile(rb"Local Address:Port")),
    ("procfs", b"/proc/", re.compile(rb"/proc/\d+/fd\S*:\r?\n")),
    ("procfs", b"------", re.compile(rb"------[.+@]? +\d")),
    ("procfs", b"local_address", re.compile(rb"sl +local_address")),
    ("procfs", b"RefCount", re.compile(rb"Num +RefCount")),
    ("lws", b"]", re.compile(rb"\] [NEWIDU]: ")),
)
"""Signs of a kind in a text of another: some letters, which are found at once, and what they are part of."""


def quoted(head: bytes) -> bool:
    """Whether a text begins with the quoting marks of a mail."""
    return bool(QUOTING.match(head.lstrip()))


def may_hold_others(text: bytes, kind: str) -> bool:
    """Whether a text of this kind is worth the search for parts: quoted, or with a sign of another kind."""
    if not kind.startswith("strace") and quoted(text[:_LOOKED_AT]):
        return True
    others = [(word, sign) for other, word, sign in _SIGNS if not kind.startswith(other)]
    return any(word in text and sign.search(text) for word, sign in others)
