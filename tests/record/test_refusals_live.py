"""What cannot be recorded here, said with what helps; nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fdtrace
from fdtrace.cli import app
from fdtrace.errors import CannotRecord
from fdtrace.record import tools
from fdtrace.record.plan import Plan, check_targets
from tests.record.conftest import ROOT, Program, manifest, until


@pytest.fixture
def sleeper() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "60"])
    yield process.pid
    process.kill()
    process.wait()


def refusal(folder: Path, *words: str) -> tuple[int, str]:
    """What the recorder says, and its exit code; it must not have made the directory."""
    done = CliRunner().invoke(app, ["record", "-o", str(folder), *words])
    assert not folder.exists()
    return done.exit_code, done.stderr


def test_there_is_no_such_process(tmp_path: Path) -> None:
    code, said = refusal(tmp_path / "rec", "--pid", "4194303")

    assert code == 125
    assert "there is no process 4194303" in said


def test_a_thread_is_told_by_its_process(tmp_path: Path) -> None:
    script = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()"
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        threads = until(lambda: [t for t in os.listdir(f"/proc/{process.pid}/task") if int(t) != process.pid])
        _, said = refusal(tmp_path / "rec", "--pid", threads[0])
        assert f"--pid {process.pid}" in said
    finally:
        process.kill()
        process.wait()


def test_a_zombie_and_a_thread_of_the_kernel_have_no_descriptors(tmp_path: Path) -> None:
    process = subprocess.Popen(["true"])
    try:
        until(lambda: ") Z " in Path(f"/proc/{process.pid}/stat").read_text())
        assert "zombie" in refusal(tmp_path / "rec", "--pid", str(process.pid))[1]
    finally:
        process.wait()
    if Path("/proc/2/comm").exists() and Path("/proc/2/comm").read_text() == "kthreadd\n":
        assert "thread of the kernel" in refusal(tmp_path / "rec", "--pid", "2")[1]


def test_who_is_traced_already_is_left_to_its_tracer(sleeper: int, tmp_path: Path) -> None:
    words = ["strace", "-o", "/dev/null", "-p", str(sleeper)]
    strace = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        until(lambda: f"TracerPid:\t{strace.pid}\n" in Path(f"/proc/{sleeper}/status").read_text())
        code, said = refusal(tmp_path / "rec", "--pid", str(sleeper))
        assert code == 125
        assert f"already traced by strace (process {strace.pid})" in said
        assert f"kill {strace.pid}" in said
    finally:
        strace.terminate()
        strace.wait()


AS_NOBODY = """
import os, sys
from fdtrace.record import plan
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
try:
    print(plan.check_targets(plan.Plan("rec", pids=(int(sys.argv[1]),))))
except plan.CannotRecord as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_users_process_needs_root(sleeper: int) -> None:
    words = [sys.executable, "-c", textwrap.dedent(AS_NOBODY), str(sleeper)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}

    said = subprocess.run(words, capture_output=True, text=True, env=env, check=True).stdout

    assert f"process {sleeper} belongs to user 0, not to you" in said
    assert f"record --pid {sleeper}" in said


def test_who_records_is_not_recorded() -> None:
    with pytest.raises(CannotRecord, match="this fdtrace itself"):
        check_targets(Plan("rec", pids=(os.getpid(),)))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--", "/no/such/program"), 127, "no such command"),
        (("--", "/etc/passwd"), 126, "not executable"),
        (("--", "/etc"), 126, "directory"),
        ((), 2, "either a command behind -- or --pid PID"),
        (("--pid", "1", "--", "true"), 2, "either a command"),
        (("--duration", "soon", "--", "true"), 2, "--duration cannot be 'soon'"),
        (("--max-size", "0", "--", "true"), 2, "--max-size cannot be '0'"),
        (("--rotate", "2M", "--max-size", "1M", "--", "true"), 2, "smaller than --max-size"),
        (("--snapshots", "losf", "--", "true"), 2, "Did you mean 'lsof'?"),
    ],
)
def test_what_was_asked_wrongly(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    found = refusal(tmp_path / "rec", *words)

    assert found[0] == code
    assert told in found[1]


def test_no_directory_is_written_into_that_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    done = CliRunner().invoke(app, ["record", "-o", str(tmp_path / "rec"), "--", "true"])

    assert done.exit_code == 2
    assert "exists" in done.stderr
    assert not any((tmp_path / "rec").iterdir())


def test_a_missing_strace_is_told_with_how_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None if name == "strace" else f"/bin/{name}")

    code, said = refusal(tmp_path / "rec", "--", "true")

    assert code == 125
    assert "strace is not installed" in said
    assert tools.install("strace", "ID=alpine\n") == "sudo apk add strace"
    assert tools.install("ss", 'ID="rocky"\nID_LIKE="rhel centos fedora"\n') == "sudo dnf install iproute"
    assert tools.install("netstat", "ID=debian\n") == "sudo apt install net-tools"


def test_other_tools_may_be_missing(started: Callable[..., Program], leaky: str, tmp_path: Path) -> None:
    few = tmp_path / "bin"
    few.mkdir()
    os.symlink(str(shutil.which("strace")), few / "strace")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": str(few)}
    words = [sys.executable, "-m", "fdtrace", "record", "-o", str(tmp_path / "rec")]

    code, said = started(*words, "--", leaky, "200", "3000", "1", "0", env=env).wait()

    assert code == 7
    assert "without lsof, ss, netstat" in said
    assert {"proc.txt", "trace.strace", "manifest.json"} == set(os.listdir(tmp_path / "rec"))
    assert manifest(tmp_path / "rec")["looks"]["count"] >= 1
    assert not fdtrace.load(tmp_path / "rec").skipped


def test_a_sandbox_without_ptrace_is_told_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "strace"
    fake.write_text(
        "#!/bin/sh\n"
        '[ "$1" = -V ] && { echo "strace -- version 6.1"; exit 0; }\n'
        'echo "strace: test_ptrace_get_syscall_info: PTRACE_TRACEME: Operation not permitted" >&2; exit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    code, said = refusal(tmp_path / "rec", "--", "true")

    assert code == 125
    assert "Operation not permitted" in said
