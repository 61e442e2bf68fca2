"""The recipes for pipelines: they are of the form that the hosts want, and their commands do what is said."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service_trace import half, trace

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


def recipe(mark: str) -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    text = PAGE.partition(f"<!-- {mark} -->\n```yaml\n")[2].partition("```")[0]
    told: dict[Any, Any] = yaml.safe_load(text)
    return told


def commands() -> list[str]:
    """Every line of a shell on the page, of recipes too."""
    workflow = [step["run"] for step in recipe("workflow")["jobs"]["leaks"]["steps"] if "run" in step]
    job = recipe("pipeline")["leaks"]
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    texts = [*workflow, *job["before_script"], *job["script"], *job["after_script"], *blocks]
    return [line for text in texts for line in text.splitlines() if line.strip()]


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """A directory with a capture, and an environment in which fdtrace is a command."""
    bin = tmp_path / "bin"
    bin.mkdir()
    for name, text in (
        ("fdtrace", f"#!{sys.executable}\nfrom fdtrace.__main__ import main\nmain()\n"),
        ("pip", "#!/bin/sh\n"),
        ("sudo", "#!/bin/sh\n"),
        ("git", "#!/bin/sh\n"),
        ("apt-get", "#!/bin/sh\n"),
        ("strace", "#!/bin/sh\n"),
    ):
        (bin / name).write_text(text)
        (bin / name).chmod(0o755)
    (tmp_path / "app.strace").write_text(trace(60, half))
    return {
        **os.environ,
        "PATH": f"{bin}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }


@pytest.mark.slow
def test_every_command_of_the_page_runs(place: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    ordered = sorted(dict.fromkeys(commands()), key=lambda line: "--write-baseline" not in line)
    subprocess.run(
        ["fdtrace", "save", "app.strace", "--output", "main.fdtrace"], cwd=tmp_path, env=place, check=True
    )
    codes = {}
    for line in ordered:
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=place, capture_output=True, text=True)
        assert "Traceback" not in done.stderr
        codes[line] = done.returncode
    finds = {line for line, code in codes.items() if code == 1}
    assert finds == {
        "fdtrace check app.strace --fail-on medium",
        "fdtrace diff main.fdtrace app.strace --format markdown",
    }
    assert {code for line, code in codes.items() if line not in finds} == {0}
    assert " (pid 4120) leaks 30 descriptors" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "leaks.sarif").exists()


def test_the_recipes_have_what_their_hosts_ask_for() -> None:
    workflow = recipe("workflow")
    assert {"leaks"} == set(workflow["jobs"])
    assert workflow.get("on", workflow.get(True)) == ["push", "pull_request"]
    for step in workflow["jobs"]["leaks"]["steps"]:
        assert ("run" in step) != ("uses" in step)
    job = recipe("pipeline")["leaks"]
    assert set(job) == {"image", "before_script", "script", "after_script", "artifacts"}


TESTS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.live
def test_the_tests_of_the_page_pass_as_they_stand(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("strace cannot trace here")
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "__init__.py").touch()
    (shop / "load.py").write_text("import sys\nwith open(sys.argv[1]) as file:\n    file.read()\n")
    (tmp_path / "orders.csv").write_text("1,2\n")
    for number, text in enumerate(TESTS):
        (tmp_path / f"test_{number}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert f"{len(TESTS)} passed" in done.stdout, done.stdout


def test_names_on_the_page_exist() -> None:
    module = importlib.import_module("fdtrace.testing")
    assert {"assert_no_leaks", "traced"} == set(module.__all__)
