"""Where compiled code is kept between runs, and whether some is there.

A folder of its own for each version of the sources, each place they are installed
in, each Python and processor: numba looks only at the file of the function that
Python calls, not at those that are compiled into it. It is under `NUMBA_CACHE_DIR`
where that is set, else in the user's cache folder. numba writes each file beside
its place and renames it, so several processes may compile at once. What only
somebody else can write is copied for the time of this process; where there is
nothing to copy, the code is compiled for this process alone.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

_SOURCES = "scan*.py"
_PROCESSORS = "/proc/cpuinfo"


@lru_cache(maxsize=1)
def folder() -> Path | None:
    """The folder for the code of these sources, whether it exists or not; None where there is no home."""
    here = Path(__file__).parent
    digest = hashlib.blake2b(f"{here}\n{sys.version}\n{_processor()}".encode(), digest_size=8)
    try:
        for source in sorted(here.glob(_SOURCES)):
            digest.update(source.read_bytes())
        return _base() / f"scanner-{digest.hexdigest()}"
    except (OSError, RuntimeError):
        return None


def _processor() -> str:
    """What kind of processor this is, as far as code depends on it."""
    try:
        with open(_PROCESSORS, encoding="ascii", errors="replace") as file:
            lines = file.read(1 << 13).splitlines()
    except OSError:
        return platform.machine()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine())


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
    kept = folder()
    try:
        return kept is not None and any(kept.glob("*/*scan_block-*.nbc"))
    except OSError:
        return False


@lru_cache(maxsize=1)
def place() -> str:
    """Where this process reads and writes code: the folder, or a copy of it that ends with the process."""
    kept = folder()
    if kept is not None and _is_writable(kept):
        return str(kept)
    copy = tempfile.mkdtemp(prefix="fdtrace-scanner-")
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    if kept is not None and is_filled():
        shutil.copytree(kept, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
        os.chmod(copy, 0o700)  # whose code this runs is nobody else's affair
    return copy


def _is_writable(kept: Path) -> bool:
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=kept):
            return all(os.access(below, os.W_OK) for below in kept.iterdir() if below.is_dir())
    except OSError:
        return False


def forget() -> bool:
    """Remove what is kept, which cannot be used; whether there was something."""
    kept = folder()
    if kept is None or not is_filled():
        return False
    shutil.rmtree(kept, ignore_errors=True)
    shutil.rmtree(place(), ignore_errors=True)
    return True
