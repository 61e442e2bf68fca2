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
        "notebooks/02-leak-hunt.ipynb",
    }
    assert expected <= sources
    assert {
        f"samples/lws-gateway/{name}" for name in ("gateway.strace.gz", "gateway.c", "README.md")
    } <= sources


def loaded_by(*words: str) -> set[str]:
    """The modules that a command imports."""
    code = (
        "import sys\nfrom fdtrace.cli import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    return set(done.stderr.split())


HEAVY = {"jinja2", "llvmlite", "numba", "pandas", "pyarrow", "pydantic", "rich", "tabulate"}
"""None of these is needed to say what a capture tells."""


@pytest.mark.parametrize(
    "words", [("--help",), ("leaks", "--help"), ("leaks", "--nonsense"), ("nonsense",), ("leaks",)]
)
def test_help_and_refusals_come_at_once(words: tuple[str, ...]) -> None:
    loaded = loaded_by(*words)
    assert not loaded & {*HEAVY, "numpy"}
    parts = {name.split(".")[1] for name in loaded if name.startswith("fdtrace.")}
    assert parts <= {"cli", "errors", "model", "report", "record", "symbols"}
    assert not loaded & {"fdtrace.report.tables", "fdtrace.report.terminal"}


OF_OTHERS = (
    "checks.lws_objects", "comparison", "history.join", "history.looks", "history.recorder",
    "readers.archive", "readers.manifest", "readers.paste", "readers.sheet", "readers.snapshots",
    "report.tables", "schema", "sightings", "store", "story",
)  # fmt: skip
"""What the answer about one recording of strace has no use for."""


def test_a_small_capture_is_answered_by_what_is_quick_to_load() -> None:
    loaded = loaded_by("leaks", "samples/web-server/nginx.strace.xz")
    assert not loaded & HEAVY
    assert not loaded & {f"fdtrace.{name}" for name in OF_OTHERS}
