"""The line that shows how far the reading is, and Ctrl-C."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import fdtrace
from fdtrace.model import Reading
from fdtrace.report import progress

LINE = b'7 1700000000.000000 read(3</etc/passwd>, "0123456789", 4096) = 10\n'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_how_far_it_is_in_words() -> None:
    assert (
        progress.said(Reading(250_000_000, 1_000_000_000, 1204), 50e6)
        == "reading:  25% of 1 GB, 50 MB/s, 15 s left, 1,204 descriptors"
    )
    assert progress.said(Reading(250_000_000), 50e6) == "reading: 250 MB, 50 MB/s"
    assert progress.said(Reading(0, 10), 0) == "reading:   0% of 10 bytes"


def test_a_line_after_a_second_and_none_before(clock: list[float]) -> None:
    terminal = Terminal()
    meter = progress.Meter(stream=terminal)
    meter(Reading(10, 100))
    assert terminal.getvalue() == ""
    clock[0] += 1.5
    meter(Reading(30, 100))
    assert "30% of 100 bytes, 20 bytes/s" in terminal.getvalue()
    meter.clear()
    assert terminal.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("silent", [True, False])
def test_nothing_where_nobody_looks(clock: list[float], silent: bool) -> None:
    stream = Terminal() if silent else io.StringIO()
    meter = progress.Meter(silent, stream)
    clock[0] += 9
    meter(Reading(30, 100))
    meter.clear()
    assert stream.getvalue() == ""


def test_a_second_reading_is_timed_for_itself(clock: list[float]) -> None:
    terminal = Terminal()
    meter = progress.Meter(stream=terminal)
    clock[0] += 2
    meter(Reading(90, 100))
    clock[0] += 2
    meter(Reading(10, 100))
    clock[0] += 2
    meter(Reading(30, 100))
    assert "30% of 100 bytes, 10 bytes/s, 7 s left" in terminal.getvalue()


def test_an_interrupt_between_two_blocks_gives_the_part_that_was_read(tmp_path: Path) -> None:
    # GIVEN a capture of several blocks, and somebody who has seen enough after the second
    (tmp_path / "app.strace").write_bytes(LINE * 60_000)
    told: list[Reading] = []

    def enough(reading: Reading) -> None:
        told.append(reading)
        if len(told) > 1:
            raise KeyboardInterrupt

    case = fdtrace.load(tmp_path / "app.strace", progress=enough)
    # WHEN it is read
    (coverage,) = case.leaks().coverage
    # THEN the answer is of whole lines of its first part, and marked
    assert case.interrupted
    assert coverage.partial
    assert 0 < coverage.lines < 60_000
    assert coverage.lines == coverage.parsed + coverage.continuation + coverage.blank + coverage.problems
    assert told[0].total == 60_000 * len(LINE)
    assert 0 < told[0].bytes <= told[1].bytes <= told[0].total


def test_all_bytes_are_told_of_compressed_input_too(tmp_path: Path) -> None:
    import gzip

    packed = tmp_path / "app.strace.gz"
    packed.write_bytes(gzip.compress(LINE * 60_000))
    told: list[Reading] = []
    fdtrace.load(packed, progress=told.append).leaks()
    assert told[-1].bytes == told[-1].total == packed.stat().st_size


@pytest.mark.parametrize(
    ("command", "code"), [("leaks", 130), pytest.param("doctor", 130, marks=pytest.mark.slow)]
)
def test_ctrl_c_on_a_terminal(tmp_path: Path, command: str, code: int) -> None:
    # GIVEN a capture that takes its time, read by a process on a terminal
    path = tmp_path / "app.strace"
    path.write_bytes(LINE * 500_000)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "TERM": "xterm", "COLUMNS": "100"}
    environment["FDTRACE_SCANNER"] = "lines"
    child = subprocess.Popen(
        [sys.executable, "-m", "fdtrace", command, str(path)],
        stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    os.close(theirs)
    said: list[bytes] = []
    seen = threading.Event()

    def listen() -> None:
        while data := _read(ours):
            said.append(data)
            if b"reading: " in data:
                seen.set()

    listener = threading.Thread(target=listen)
    listener.start()
    # WHEN it has shown how far it is and is interrupted
    shown = seen.wait(60)
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    listener.join(60)
    os.close(ours)
    # THEN it ends with an answer for the part that it has read, and says so
    text = b"".join(said).decode()
    assert shown, text
    assert "% of " in text
    assert "Traceback" not in text
    assert child.returncode == code, text
    assert "interrupted: only what was read until then" in text
    assert out


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
