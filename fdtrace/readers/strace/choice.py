"""Which of the two scanners reads a file of a capture; they give the same rows."""

from __future__ import annotations

import logging
import os
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
WORTH_COMPILED_CODE = 12_000_000
"""Bytes of text from which on the fast scanner makes up for the time that loading numba takes."""
WORTH_COMPILING = 80_000_000
"""Bytes of text from which on it makes up for the half minute of its first compilation as well."""
_PACKED = 10
"""So much smaller is a trace when it is compressed."""
_ODD_SHARE = 20

_log = logging.getLogger(__name__)


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
    from . import scan_cache

    size = source.size or 0
    if size * _PACKED < WORTH_COMPILED_CODE:
        return False
    worth = WORTH_COMPILED_CODE if scan_cache.is_filled() else WORTH_COMPILING
    if size * _PACKED < worth:
        return False
    try:
        stored = source.stored()
    except DamagedInput:
        return False
    if stored is None:
        return True
    stored.close()
    return size >= worth


def _fast(scan: Scan, file: int, name: str) -> LineScanner | None:
    """The fast scanner; None where numba is missing or cannot be loaded."""
    if find_spec("numba") is None:
        return None
    from . import scan_cache

    try:
        if not scan_cache.is_filled():
            _log.warning("fdtrace: preparing the scanner for large captures (once after installation) …")
        from .scan import FastScanner

        return FastScanner(scan, file, name)
    except (
        Exception
    ) as error:  # whatever is wrong with numba or its compiler: the other one gives the same rows
        _log.warning("fdtrace: large captures are read slowly, numba cannot be used: %s", error)
        return None


def remarks(scanner: LineScanner) -> tuple[str, ...]:
    """What is to be said about how a file was read."""
    odd, lines = scanner.odd_lines, scanner.tally.lines
    if odd * _ODD_SHARE <= lines or not odd:
        return ()
    return (f"{odd:,} of {lines:,} lines have a form that takes the slow way of reading",)
