"""Programs to record, compiled once a session, and the recorder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.recorder import Recorder

PROGRAMS = Path(__file__).parent / "programs"


def obstacle() -> str | None:
    """Why nothing can be recorded here, or None."""
    for tool in ("strace", "gcc"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if not Path("/proc/self/fdinfo").is_dir():
        return "/proc is not mounted"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return f"strace cannot trace here: {tried.stderr.strip()[:100]}" if tried.returncode else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    reason = obstacle() if here else None
    for item in here:
        item.add_marker(pytest.mark.live)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The path of one of the programs, compiled when first asked for."""
    place = tmp_path_factory.mktemp("programs")

    def compiled(name: str) -> str:
        path = place / name
        if not path.exists():
            source = str(PROGRAMS / f"{name}.c")
            subprocess.run(["gcc", "-w", "-g", "-pthread", "-o", str(path), source, "-lrt"], check=True)
        return str(path)

    return compiled


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    return Recorder(tmp_path_factory.mktemp("recordings"))
