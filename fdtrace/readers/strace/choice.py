"""Which of the two scanners reads a file of a capture; they give the same rows."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal

from ...errors import DamagedInput
from ..bundle import Capture
from ..text import Source
from .lines import LineScanner
from .window import Scan

Choice = Literal["lines", "fast"] | None
"""The line scanner, the fast one, or whichever is quicker for the file."""

FORCED = "FDTRACE_SCANNER"
"""The variable of the environment that forces a scanner: `lines` or `fast`."""
WORTH_COMPILED_CODE = 1_200_000
"""Bytes of text from which on the fast scanner makes up for the time that loading its code takes."""
WORTH_COMPILING = 80_000_000
"""Bytes of text from which on it makes up for the half minute of its first compilation as well."""
ROOM = 288 << 20
"""Bytes of memory that the fast scanner wants to be allowed, with the compiled loops behind it."""
_PACKED = 10
"""So much smaller is a trace when it is compressed."""
_ODD_SHARE = 20

_SAMPLE = b"""\
1 1700000000.1 openat(AT_FDCWD</>, "/x", O_RDONLY) = 3</x> <0.000010>
 > /lib/libc.so.6(open+0x1) [0x2]
1 1700000000.2 read(3</x>,  <unfinished ...>
2 1700000000.3 openat(AT_FDCWD</>, "/y", O_RDONLY) = -1 ENOENT (No such file or directory) <0.000010>
1 1700000000.4 <... read resumed>"", 1) = 0 <0.000010>
1 1700000000.5 close(3</x>) = 0 <0.000010>
2 1700000000.6 fork() = 5 <0.000010>
2 1700000000.7 +++ exited with 0 +++
1 not a line of strace
1 1700000000.8 read(4,  <unfinished ...>
"""
"""A few lines of every sort, for the fast scanner to be compiled with."""


def scanner_of(
    capture: Capture, scan: Scan, file: int, tid: int | None, choice: Choice = None
) -> LineScanner:
    """The scanner for a file of a capture.

    The files of a `-ff` family are merged line by line, which is what takes the time
    there, so they are left to the line scanner.
    """
    source = capture.sources[file]
    wanted = choice or os.environ.get(FORCED) or ("fast" if _is_large(source) else "lines")
    if wanted == "fast" and tid is None:
        fast = _fast(scan, file, source.name)
        if fast is not None:
            return fast
    return LineScanner(scan, file, source.name, tid)


def _is_large(source: Source) -> bool:
    size = source.size or 0
    if size * _PACKED < WORTH_COMPILED_CODE:
        return False
    worth = WORTH_COMPILED_CODE if _is_compiled() else WORTH_COMPILING
    if size * _PACKED < worth or not _has_room():
        return False
    try:
        stored = source.stored()
    except DamagedInput:
        return False
    if stored is None:
        return True
    stored.close()
    return size >= worth


def _has_room() -> bool:
    """Whether this process may take the memory: the workers of a scan, and `ulimit -v`, have limits."""
    try:
        import resource
    except ImportError:  # Windows
        return True
    limits = [resource.getrlimit(what)[0] for what in (resource.RLIMIT_DATA, resource.RLIMIT_AS)]
    return all(limit == resource.RLIM_INFINITY or limit >= ROOM for limit in limits)


def _is_compiled() -> bool:
    try:
        from ...machine_code import is_kept
        from .scan_blocks import scan_block

        return is_kept(scan_block)
    except ImportError:
        return False


def _fast(scan: Scan, file: int, name: str) -> LineScanner | None:
    """The fast scanner; None where numba is missing or cannot be used."""
    kind = _ready()
    return kind(scan, file, name) if kind is not None else None


@lru_cache(maxsize=1)
def _ready() -> type[LineScanner] | None:
    """The fast scanner, compiled; None, and why is said, when that cannot be.

    Whatever is wrong with numba or its compiler, the line scanner gives the same rows.
    """
    if find_spec("numba") is None:
        return None
    try:
        return _compiled()
    except Exception as error:
        import logging

        text = "fdtrace: large captures are read slowly, numba cannot be used: %s"
        logging.getLogger(__name__).warning(text, error)
        return None


def _compiled() -> type[LineScanner]:
    """The fast scanner after it has read a little, in small blocks, so that it is compiled."""
    from .scan import FastScanner

    for _ in FastScanner(Scan(), 0, "", block=128).windows([_SAMPLE]):
        pass
    return FastScanner


def remarks(scanner: LineScanner) -> tuple[str, ...]:
    """What is to be said about how a file was read."""
    odd, lines = scanner.odd_lines, scanner.tally.lines
    if odd * _ODD_SHARE <= lines or not odd:
        return ()
    return (f"{odd:,} of {lines:,} lines have a form that takes the slow way of reading",)
