"""The script for machines without fdtrace: the same recording with sh and strace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import fdtrace
from fdtrace.record.plan import Plan
from fdtrace.record.script import text
from tests.record.conftest import tool, until
from tests.record.test_record_live import serious

SHELLS = [
    ["dash"],
    pytest.param(["busybox", "sh"], marks=pytest.mark.slow),
    pytest.param(["bash", "--posix"], marks=pytest.mark.slow),
]


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "record.sh"
    path.write_text(text(Plan("recording", every_s=1)))
    return str(path)


def test_shellcheck_has_nothing_to_say(script: str) -> None:
    for detail in (text(Plan("it's here")), text(Plan("rec", detail="light", stacks=True, duration_s=60))):
        Path(script).write_text(detail)
        done = subprocess.run([tool("shellcheck"), script], capture_output=True, text=True, check=False)
        assert done.stdout == ""


def test_nothing_is_left_to_fill_in() -> None:
    assert "@" not in text(Plan("recording")).replace('"$@"', "")


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_leak_is_recorded_by_the_script(shell: list[str], script: str, leaky: str, tmp_path: Path) -> None:
    tool(shell[0])
    words = [*shell, script, "-o", "rec", leaky, "300", "5000", "1", "1"]

    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert done.returncode == 7, done.stderr
    assert "fdtrace leaks rec" in done.stderr
    case = fdtrace.load(tmp_path / "rec")
    assert {kind for kind, _ in serious(case)} == {"eventfd"}
    assert not case.skipped
    assert not case.unreadable
    raced = {"a descriptor that could not be looked at", "gone, or not there, when it was looked at"}
    assert set(case.problems["reason"]) <= raced
    assert case.coverage[0].born
    assert len(case.processes) == 1


def test_the_script_attaches_and_lets_go(script: str, leaky: str, tmp_path: Path) -> None:
    target = subprocess.Popen([leaky, "100000", "3000", "1", "1"])
    try:
        words = ["sh", script, "-o", "rec", "-p", str(target.pid)]
        shell = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True)
        trace = tmp_path / "rec" / "trace.strace"
        until(lambda: trace.exists() and trace.stat().st_size > 150_000)
        os.killpg(shell.pid, signal.SIGINT)
        assert shell.wait(30) == 0
        assert target.poll() is None
    finally:
        target.kill()
        target.wait()
    case = fdtrace.load(tmp_path / "rec")
    assert {kind for kind, _ in serious(case)} == {"eventfd"}
    assert list(case.processes["pid"]) == [target.pid]
    assert not case.skipped


@pytest.mark.slow
def test_the_script_does_without_lsof(script: str, leaky: str, tmp_path: Path) -> None:
    few = tmp_path / "bin"
    few.mkdir()
    names = "sh strace sed head grep mkdir date ls cat sleep rm sort awk uname tr kill".split()
    for name in names:
        if path := shutil.which(name):
            os.symlink(path, few / name)
    words = ["sh", script, "-o", "rec", leaky, "300", "5000", "1", "0"]

    done = subprocess.run(
        words, capture_output=True, text=True, cwd=tmp_path, env={"PATH": str(few)}, check=False
    )

    assert done.returncode == 7, done.stderr
    assert set(os.listdir(tmp_path / "rec")) == {"manifest.json", "proc.txt", "trace.strace"}
    assert {kind for kind, _ in serious(fdtrace.load(tmp_path / "rec"))} == {"eventfd"}
