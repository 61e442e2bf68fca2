"""Runs one program after the other and takes its time and memory."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
FLOOR = "import sys\nwith open(sys.argv[1], 'rb') as f:\n    for line in f:\n        line.split(b' ', 2)\n"
GUNZIP = """
import gzip, sys
with gzip.open(sys.argv[1]) as f:
    while f.read(1 << 20):
        pass
"""
UNZSTD = """
import sys
try:
    from compression import zstd
except ImportError:
    from backports import zstd
with zstd.open(sys.argv[1]) as f:
    while f.read(1 << 20):
        pass
"""
SCAN = """
import sys
from fdtrace.readers.bundle import gather
from fdtrace.readers.strace.choice import scanner_of
from fdtrace.readers.strace.window import Scan
(capture,) = gather([sys.argv[1]]).captures
scanner = scanner_of(capture, Scan(), 0, None, sys.argv[2])
for window in scanner.windows(capture.sources[0].blocks()):
    pass
"""
KEPT: dict[str, str] = {}
"""Where compiled code is kept, of Python and of numba: what was installed long ago has it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took: seconds on the wall, seconds of processor, most memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def cost(command: Sequence[str], runs: int = 3, **variables: str) -> Cost:
    """The median of some runs with these variables of the environment, output thrown away.

    Raises:
        RuntimeError: the program failed.
    """
    found = [_once(command, variables) for _ in range(runs)]
    return Cost(
        statistics.median(one.wall_s for one in found),
        statistics.median(one.cpu_s for one in found),
        max(one.peak_mb for one in found),
    )


def _once(command: Sequence[str], variables: dict[str, str]) -> Cost:
    import time

    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **KEPT, **variables}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            raise RuntimeError(errors.read().decode(errors="replace").strip()[-300:])
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def keep_in(folder: Path) -> None:
    """Keep compiled code there from now on; nothing is there yet."""
    KEPT["PYTHONPYCACHEPREFIX"] = str(folder / "pycache")
    KEPT["NUMBA_CACHE_DIR"] = str(folder / "numba")


def python(code: str, *words: str) -> list[str]:
    """The command that runs some Python."""
    return [sys.executable, "-c", code, *words]


def fdtrace(*words: str) -> list[str]:
    """The command that runs fdtrace."""
    return [sys.executable, "-m", "fdtrace", *words]


def machine() -> str:
    """What it was measured on."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    strace = subprocess.run(["strace", "--version"], capture_output=True, text=True, check=False).stdout
    numba = subprocess.run(
        python("import numba; print(numba.__version__)"), capture_output=True, text=True, check=False
    )
    return ", ".join(
        [
            f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}",
            f"{platform.system()} {platform.release()}",
            f"Python {platform.python_version()}",
            f"numba {numba.stdout.strip() or 'not installed'}",
            strace.splitlines()[0] if strace else "no strace",
        ]
    )


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
