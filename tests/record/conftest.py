"""A leaking program, and the recorder as a command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import obstacle

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if HERE in item.path.parents and "live" in item.path.name]
    reason = obstacle() if here else None
    for item in here:
        item.add_marker(pytest.mark.live)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("programs") / "leaky"
    subprocess.run(["gcc", "-w", "-O1", "-g", "-pthread", "-o", path, HERE / "leaky.c"], check=True)
    path.parent.chmod(0o755)
    return str(path)


def fdtrace(*words: str) -> list[str]:
    return [sys.executable, "-m", "fdtrace", *words]


class Program:
    """The recorder, started in a process group of its own."""

    def __init__(self, words: Sequence[str], **how: Any) -> None:
        how.setdefault("env", {**os.environ, "PYTHONPATH": str(ROOT)})
        how.setdefault("stdout", subprocess.PIPE)
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True, **how
        )

    def wait(self, timeout: float = 60) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=timeout)
        return self.process.returncode, said

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def strace(self) -> int:
        """The number of the strace that it runs."""
        return until(lambda: next(iter(children(self.process.pid, "strace")), 0))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def children(pid: int, name: str) -> list[int]:
    found = []
    for other in filter(str.isdecimal, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{other}/stat").read_text()
        except OSError:
            continue
        head, _, rest = text.rpartition(")")
        if head.partition("(")[2] == name and int(rest.split()[1]) == pid:
            found.append(int(other))
    return found


def until(ready: Callable[[], Any], patience_s: float = 20) -> Any:
    end = time.monotonic() + patience_s
    while not (found := ready()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


@pytest.fixture
def started() -> Iterator[Callable[..., Program]]:
    """Starts programs, and sees to it that none of them outlives the test."""
    programs: list[Program] = []

    def start(*words: str, **how: Any) -> Program:
        programs.append(Program(words, **how))
        return programs[-1]

    yield start
    for program in programs:
        program.end()


@pytest.fixture
def record(started: Callable[..., Program], tmp_path: Path) -> Callable[..., Program]:
    """Starts a recording into tmp_path/rec; the options come first."""

    def start(*words: str, **how: Any) -> Program:
        return started(*fdtrace("record", "-o", str(tmp_path / "rec"), *words), **how)

    return start


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path
