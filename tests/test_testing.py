"""The helpers for tests: what passes, what fails and how that reads, and programs run under strace."""

import shutil
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from fdtrace.testing import assert_no_leaks, traced
from tests.service_trace import half, never, trace


def put(place: Path, *given: Any, **options: Any) -> Path:
    place.write_text(trace(*given, **options))
    return place


def test_what_closes_everything_passes(tmp_path: Path) -> None:
    assert_no_leaks(put(tmp_path / "a.strace", 40, never))
    assert_no_leaks(fdtrace.load(tmp_path / "a.strace"), only=None)


def test_a_leak_fails_with_the_answer_and_with_what_accepts_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as failure:
        assert_no_leaks(put(tmp_path / "a.strace", 40))
    said = str(failure.value)
    assert said.startswith("1 finding of severity medium or more")
    assert "open_log ← handle ← main" in said
    assert "allow=['leak:service:file:service!open_log']" in said


def test_what_is_allowed_passes_and_what_fits_nothing_is_warned_of(tmp_path: Path) -> None:
    leaky = put(tmp_path / "a.strace", 40)
    assert_no_leaks(leaky, allow=["open_*"])
    with pytest.warns(UserWarning, match="'gone' fits no finding"):
        assert_no_leaks(leaky, allow=["open_log", "gone"])


def test_less_than_the_severity_passes(tmp_path: Path) -> None:
    burst = put(tmp_path / "a.strace", 20, pause=0.001, answers=0)
    assert_no_leaks(burst)
    with pytest.raises(AssertionError, match="20 of 20 files"):
        assert_no_leaks(burst, severity="low")


def test_a_baseline_accepts_what_it_knows_and_no_more(tmp_path: Path) -> None:
    from fdtrace.baseline import write
    from fdtrace.diffing import side

    known = put(tmp_path / "a.strace", 60, half)
    write(str(tmp_path / "b.json"), side(known))
    assert_no_leaks(known, baseline=tmp_path / "b.json")
    with pytest.raises(AssertionError):
        assert_no_leaks(put(tmp_path / "b.strace", 60), baseline=tmp_path / "b.json")


def test_what_could_show_no_leak_does_not_pass(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"cannot tell .* closes are not in it\. Record with: strace"):
        assert_no_leaks(put(tmp_path / "a.strace", 9, closes=False))


# -- programs under strace ---------------------------------------------------------

LEAK = """
import os, sys
for n in range(int(sys.argv[1])):
    for _ in range(20): os.stat("/etc/hostname")
    fd = os.open("/etc/hostname", os.O_RDONLY)
    os.read(fd, 10)
    for _ in range(14): os.read(fd, 0)
    if sys.argv[2] == "close": os.close(fd)
"""
SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
kept = []
while True:
    client, _ = listener.accept()
    while client.recv(10): pass
    if sys.argv[2] == "keep": kept.append(client)
    else: client.close()
"""


@pytest.fixture
def strace() -> None:
    path = shutil.which("strace")
    if path is None:
        pytest.skip("strace is not installed")
    done = subprocess.run([path, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"strace cannot trace here: {done.stderr.strip()[:100]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.live
@pytest.mark.usefixtures("strace")
def test_a_program_is_run_and_its_case_is_told(tmp_path: Path) -> None:
    with traced([sys.executable, "-c", LEAK, "12", "close"], stacks=False) as case:
        assert_no_leaks(case)
        opened = case.fds[case.fds["target"] == "/etc/hostname"]
        assert opened["how"].tolist() == ["close"] * 12
    leaking = traced([sys.executable, "-c", LEAK, "12", "keep"], stacks=False, keep=tmp_path)
    with leaking as case, pytest.raises(AssertionError, match="12 of 12 files"):
        assert_no_leaks(case, severity="low")
    assert (tmp_path / "app.strace").exists()


@pytest.mark.live
@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("fate", ["keep", pytest.param("close", marks=pytest.mark.slow)])
def test_a_server_is_used_and_then_asked_to_end(fate: str) -> None:
    port = free_port()

    def use(pid: int) -> None:
        assert pid > 1
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", port))
            client.send(b"x")
            client.close()
            time.sleep(0.06)

    with traced([sys.executable, "-c", SERVER, str(port), fate], during=use, port=port, stacks=False) as case:
        if fate == "close":
            assert_no_leaks(case)
        else:
            with pytest.raises(AssertionError, match=r"accepted at 127\.0\.0\.1"):
                assert_no_leaks(case)


@pytest.mark.live
@pytest.mark.usefixtures("strace")
def test_how_a_program_ends_matters() -> None:
    with pytest.raises(AssertionError, match="ended with 3, not with 0"), traced(["sh", "-c", "exit 3"]):
        pass
    with traced(["sh", "-c", "exit 3"], returncode=3, stacks=False) as case:
        assert case.processes["exit_code"].tolist() == [3]
    with traced(["cat"], input=b"hello", stacks=False):
        pass
    with pytest.raises(TimeoutError, match="did not end within"), traced(["sleep", "60"], timeout=0.5):
        pass
    with pytest.raises(FileNotFoundError, match="no-such-program"), traced(["no-such-program"]):
        pass


def test_without_strace_it_is_raised_or_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(fdtrace.FdtraceError, match="strace is not installed"), traced(["true"]):
        pass
    skipped = pytest.raises(unittest.SkipTest, match="strace is not installed")
    with skipped, traced(["true"], missing="skip"):
        pass


def test_without_permission_it_says_what_helps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "strace"
    fake.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -V ]; then echo "strace -- version 6.1"; exit; fi\n'
        'echo "strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(fdtrace.FdtraceError, match="Operation not permitted"), traced(["true"]):
        pass
