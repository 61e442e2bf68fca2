"""A Dask cluster on loopback: a real scheduler and worker processes, which can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of the scheduler, and the worker processes."""
    told = folder / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def start(what: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", *words]
        with open(folder / "cluster.log", "ab") as log:
            return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)

    running = [start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(told))]
    try:
        address = _address(told, running[0])
        some = [
            start("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
            for _ in range(workers)
        ]
        running += some
        yield address, some
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()


def _address(told: Path, scheduler: subprocess.Popen[bytes], patience_s: float = 60) -> str:
    end = time.monotonic() + patience_s
    while time.monotonic() < end and scheduler.poll() is None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads(told.read_text())["address"])
        time.sleep(0.1)
    raise RuntimeError("the scheduler did not start")
