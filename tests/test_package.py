"""What is built holds what it needs."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_wheel_and_sdist(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "build", "-o", str(tmp_path), str(ROOT)], check=True, timeout=280)
    (wheel,) = tmp_path.glob("*.whl")
    (sdist,) = tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "fdtrace").rglob("*.py")}
    assert modules | {"fdtrace/py.typed"} <= inside
    assert not any(name.startswith(("tests/", "samples/")) for name in inside)
    with tarfile.open(sdist) as archive:
        sources = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    expected = {
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "tests/test_package.py",
        "fdtrace/py.typed",
        ".ci/run",
    }
    assert expected <= sources
    assert {
        f"samples/lws-gateway/{name}" for name in ("gateway.strace.gz", "gateway.c", "README.md")
    } <= sources
