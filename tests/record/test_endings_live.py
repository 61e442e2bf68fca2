"""How recordings end: interrupts, limits, a full disk, the death of the program, and of strace."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import fdtrace
from tests.record.conftest import ROOT, Program, manifest, until
from tests.record.conftest import fdtrace as words_of
from tests.record.test_record_live import serious

Record = Callable[..., Program]
LONG = ("100000", "2000", "1", "0")


def grown(folder: Path, size: int = 20_000) -> None:
    """Wait until something was recorded."""
    until(lambda: (folder / "trace.strace").exists())
    until(lambda: (folder / "trace.strace").stat().st_size > size)


def last_line(folder: Path) -> bytes:
    return (folder / "trace.strace").read_bytes().splitlines(keepends=True)[-1]


SELF_WILLED = "import signal, sys, time; signal.signal(2, lambda *_: sys.exit(5)); time.sleep(60)"


@pytest.mark.parametrize(("program", "code"), [("leaky", 130), ("self-willed", 5)])
def test_ctrl_c_at_the_terminal_is_the_commands_to_answer(
    leaky: str, tmp_path: Path, program: str, code: int
) -> None:
    folder = tmp_path / "rec"
    command = [leaky, *LONG] if program == "leaky" else [sys.executable, "-c", SELF_WILLED]
    terminal, side = os.openpty()

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        words_of("record", "-o", str(folder), "--", *command),
        stdin=side,
        stdout=side,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=own_terminal,
    )
    try:
        grown(folder, 2_000)
        time.sleep(0.5)
        os.write(terminal, b"\x03")
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(terminal)
        os.close(side)
    assert process.returncode == code, said
    facts = manifest(folder)
    assert (facts["state"], facts["end"]["why"]) == ("complete", "interrupt")
    assert b"+++ " in last_line(folder)
    assert not fdtrace.load(folder).unreadable


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_recorder_is_passed_on(
    record: Record, leaky: str, tmp_path: Path, number: signal.Signals
) -> None:
    program = record("--", leaky, *LONG)
    grown(tmp_path / "rec")

    program.interrupt(number)

    assert program.wait()[0] == 128 + number
    assert manifest(tmp_path / "rec")["looks"]["count"] >= 1


@pytest.mark.slow
def test_the_duration_ends_a_command(record: Record, leaky: str, tmp_path: Path) -> None:
    code, _ = record("--duration", "1s", "--", leaky, *LONG).wait()

    assert code == 0
    facts = manifest(tmp_path / "rec")
    assert facts["end"]["why"] == "duration"
    assert facts["looks"]["count"] >= 2
    assert b"killed by SIGTERM" in last_line(tmp_path / "rec")


@pytest.mark.slow
def test_the_death_of_the_program_is_the_end(record: Record, leaky: str, tmp_path: Path) -> None:
    target = subprocess.Popen([leaky, *LONG])
    program = record("--pid", str(target.pid))
    grown(tmp_path / "rec", 150_000)
    time.sleep(1.5)  # what is opened within a second is a start, not a leak
    target.kill()
    target.wait()

    code, _ = program.wait()

    assert code == 0
    assert b"+++ killed by SIGKILL +++" in last_line(tmp_path / "rec")
    assert {kind for kind, _ in serious(fdtrace.load(tmp_path / "rec"))} == {"eventfd"}


def test_the_death_of_strace_leaves_what_it_had(record: Record, leaky: str, tmp_path: Path) -> None:
    program = record("--", leaky, *LONG)
    grown(tmp_path / "rec")
    os.kill(program.strace(), signal.SIGKILL)

    code, said = program.wait()

    assert code == 125
    assert "strace itself was ended by SIGKILL" in said
    case = fdtrace.load(tmp_path / "rec")
    assert any("SIGKILL" in gap for gap in case.coverage[0].missing)
    pid = int(case.processes["pid"].iloc[0])
    until(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in Path(f"/proc/{pid}/stat").read_text())


@pytest.mark.slow
def test_an_attached_program_survives_the_death_of_strace(record: Record, leaky: str, tmp_path: Path) -> None:
    target = subprocess.Popen([leaky, *LONG])
    try:
        program = record("--pid", str(target.pid))
        grown(tmp_path / "rec")
        os.kill(program.strace(), signal.SIGKILL)

        code, said = program.wait()

        assert code == 125
        assert "the program goes on" in said
        assert target.poll() is None
        assert manifest(tmp_path / "rec")["looks"]["count"] >= 2
    finally:
        target.kill()
        target.wait()


@pytest.mark.slow
def test_the_death_of_the_recorder_leaves_what_it_had(record: Record, leaky: str, tmp_path: Path) -> None:
    target = subprocess.Popen([leaky, *LONG])
    try:
        program = record("--pid", str(target.pid))
        grown(tmp_path / "rec")
        program.interrupt(signal.SIGKILL)
        program.process.wait()
        time.sleep(0.2)

        assert target.poll() is None
        case = fdtrace.load(tmp_path / "rec")
        assert any("ended from outside" in gap for gap in case.coverage[0].missing)
        assert not case.unreadable
        assert not case.skipped
    finally:
        target.kill()
        target.wait()


def test_a_limit_of_size_cuts_the_recording_and_not_the_command(
    record: Record, leaky: str, tmp_path: Path
) -> None:
    code, said = record("--max-size", "60k", "--", leaky, "300", "3000", "0", "0").wait()

    assert code == 7
    assert "the command goes on, unrecorded" in said
    files = [path for path in (tmp_path / "rec").iterdir() if path.name != "manifest.json"]
    assert sum(path.stat().st_size for path in files) <= 60_000
    assert last_line(tmp_path / "rec").endswith(b"\n")
    case = fdtrace.load(tmp_path / "rec")
    assert serious(case) == []
    assert any("--max-size" in gap for gap in case.coverage[0].missing)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_cuts_the_recording_and_not_the_command(
    started: Record, leaky: str, small_disk: Path
) -> None:
    folder = small_disk / "rec"
    command = words_of("record", "-o", str(folder), "--", leaky, "400", "3000", "0", "1")
    code, said = started(*command).wait()

    assert code == 7
    assert "the disk is full" in said
    facts = manifest(folder)
    assert (facts["state"], facts["cut"]) == ("complete", "the disk is full")
    assert last_line(folder).endswith(b"\n")
    case = fdtrace.load(folder)
    assert serious(case) == []
    assert any("the disk is full" in gap for gap in case.coverage[0].missing)


@pytest.mark.slow
def test_a_limit_of_the_shell_cuts_the_recording(record: Record, leaky: str, tmp_path: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, 80_000))

    code, said = record("--", leaky, "300", "3000", "0", "0", preexec_fn=limited).wait()

    assert code == 7
    assert "ulimit -f" in said
    assert manifest(tmp_path / "rec")["state"] == "complete"
    assert serious(fdtrace.load(tmp_path / "rec")) == []
