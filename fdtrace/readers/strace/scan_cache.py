"""Where compiled code is kept between runs, and whether some is there.

A folder of its own for each version of the sources: numba looks only at the file
of the function that Python calls, not at those that are compiled into it. It is
under `NUMBA_CACHE_DIR` where that is set, else in the user's cache folder. numba
writes each file beside its place and renames it, so several processes may compile
at once; where nothing can be written, the code is compiled for this process alone.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import lru_cache
from pathlib import Path

_SOURCES = "scan*.py"


@lru_cache(maxsize=1)
def folder() -> Path:
    """The folder for the code of these sources."""
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(Path(__file__).parent.glob(_SOURCES)):
        digest.update(source.read_bytes())
    return _base() / f"scanner-{digest.hexdigest()}"


def _base() -> Path:
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given) / "fdtrace"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "fdtrace" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fdtrace"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fdtrace"


def is_filled() -> bool:
    """Whether code was kept there before."""
    return any(folder().glob("*/*scan_block-*.nbc"))
