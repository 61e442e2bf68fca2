"""Where machine code is kept between runs: one file for each function, kind of machine, and compiler.

The folder is under `NUMBA_CACHE_DIR` where that is set, else in the user's cache
folder. A file is written beside its place and renamed, so several processes may
make the same one at once; where nothing can be written, code is made for one
process alone. Files that nobody has loaded for `UNUSED_DAYS` are removed when
another is written: they are of former versions. Code from elsewhere must not be run: a file counts only if it
belongs to the user or to root, nobody else may write it, and its checksum fits.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

_BEGIN = b"fdtrace machine code\n"
_SUM = 32
_ENDING = ".code"
_UNFINISHED = ".fdtrace-"
_MAKERS = "building.py", "kernels.py", "running.py"
UNUSED_DAYS = 60
_DAY = 24 * 3600
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def folder() -> Path:
    """The folder of all files, whether it exists or not."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given) / "fdtrace"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "fdtrace" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fdtrace"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fdtrace"


def key(meaning: bytes) -> str:
    """What a file is named by: what the function means, and all that machine code depends on besides."""
    return hashlib.blake2b(meaning + _surroundings(), digest_size=12).hexdigest()


@lru_cache(maxsize=1)
def _surroundings() -> bytes:
    """The processor with all its features, Python, numpy, and what makes the code."""
    import llvmlite
    from llvmlite import binding

    layout = object.__basicsize__, tuple.__basicsize__
    features = binding.get_host_cpu_features().flatten()
    return repr(
        (binding.get_process_triple(), binding.get_host_cpu_name(), features, sys.implementation.cache_tag,
         layout, np.__version__, llvmlite.__version__, _numba(), *map(_source, _MAKERS))
    ).encode()  # fmt: skip


def _numba() -> bytes:
    """What numba's version file says; importing numba would take longer than all else."""
    found = find_spec("numba")
    return _bytes(Path(found.origin).with_name("_version.py")) if found and found.origin else b""


def _source(name: str) -> bytes:
    return _bytes(Path(__file__).with_name(name))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def holds(name: str) -> bool:
    """Whether there is a file whose name begins so: with that of a function, or with all but the types."""
    try:
        return any(folder().glob(f"{name}-*{_ENDING}"))
    except (OSError, RuntimeError):
        return False


def load(name: str) -> bytes | None:
    """The machine code of this name; None when there is none that may be run."""
    try:
        with open(folder() / f"{name}{_ENDING}", "rb") as file:
            about = os.fstat(file.fileno())
            if not _is_trusted(about):
                return None
            _in_use(Path(file.name), about)
            begin, found, code = file.read(len(_BEGIN)), file.read(_SUM), file.read()
    except (OSError, RuntimeError):
        return None
    return code if begin == _BEGIN and found == _sum(name, code) else None


def _in_use(path: Path, about: os.stat_result) -> None:
    """Note that a file is used, once in a day."""
    if time.time() - about.st_mtime > _DAY:
        with suppress(OSError):  # it is not ours, or was removed meanwhile
            os.utime(path)


def _remove_unused(place: Path) -> None:
    """Remove what was not used for long, also what a writer left that was stopped; others may do the same."""
    oldest = time.time() - UNUSED_DAYS * _DAY
    for path in (*place.glob(f"*{_ENDING}"), *place.glob(f"{_UNFINISHED}*")):
        with suppress(OSError):
            if path.lstat().st_mtime < oldest:
                path.unlink()


def _is_trusted(file: os.stat_result) -> bool:
    if not stat.S_ISREG(file.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return file.st_uid in (0, os.geteuid()) and not file.st_mode & _OF_OTHERS


def _sum(name: str, code: bytes) -> bytes:
    return hashlib.blake2b(name.encode() + code, digest_size=_SUM).digest()


def save(name: str, code: bytes) -> None:
    """Keep machine code under this name, where that is possible."""
    import tempfile

    try:
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        _remove_unused(place)
        with tempfile.NamedTemporaryFile(dir=place, prefix=_UNFINISHED, delete=False) as file:
            try:
                file.write(_BEGIN + _sum(name, code) + code)
                file.close()
                os.chmod(file.name, 0o644)
                os.replace(file.name, place / f"{name}{_ENDING}")
            except OSError:
                os.unlink(file.name)
    except (OSError, RuntimeError):  # there is no place, or none that may be written
        return
