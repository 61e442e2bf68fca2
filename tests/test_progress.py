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


class Session:
    """fdtrace with a terminal for what is no result."""

    def __init__(self, *words: str, stdin: int = subprocess.DEVNULL, **variables: str) -> None:
        self._terminal, theirs = pty.openpty()
        environment = {
            **os.environ,
            "PYTHONPATH": os.getcwd(),
            "TERM": "xterm",
            "COLUMNS": "100",
            **variables,
        }
        self.child = subprocess.Popen(
            [sys.executable, "-m", "fdtrace", *words],
            stdout=subprocess.PIPE, stderr=theirs, stdin=stdin, env=environment,
        )  # fmt: skip
        os.close(theirs)
        self.text = ""
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        while data := _read(self._terminal):
            self.text += data.decode()

    def wait_for(self, words: str) -> None:
        """Until it has said this."""
        end = time.monotonic() + 60
        while words not in self.text and time.monotonic() < end:
            time.sleep(0.02)
        assert words in self.text, self.text

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.child.send_signal(signal.SIGINT)

    def end(self) -> bytes:
        """Wait for its end; gives what it wrote as its result."""
        assert self.child.stdout is not None
        out = self.child.stdout.read()
        self.child.wait(60)
        self.child.stdout.close()
        self._listener.join(60)
        os.close(self._terminal)
        assert "Traceback" not in self.text
        return out


@pytest.mark.parametrize("command", ["leaks", pytest.param("doctor", marks=pytest.mark.slow)])
def test_ctrl_c_on_a_terminal(tmp_path: Path, command: str) -> None:
    # GIVEN a capture that takes its time
    path = tmp_path / "app.strace"
    path.write_bytes(LINE * 500_000)
    session = Session(command, str(path), FDTRACE_SCANNER="lines")
    # WHEN it has shown how far it is and is interrupted
    session.wait_for("reading: ")
    session.interrupt()
    # THEN it ends with an answer for the part that it has read, and says so
    assert session.end()
    assert "% of " in session.text
    assert session.child.returncode == 130
    assert "interrupted: only what was read until then" in session.text


def test_ctrl_c_while_a_pipe_is_copied_whose_end_nobody_knows() -> None:
    # GIVEN a pipe out of which something comes now and then
    session = Session("leaks", "-", stdin=subprocess.PIPE, FDTRACE_SCANNER="lines")
    pipe = session.child.stdin
    assert pipe is not None
    for _ in range(40):
        pipe.write(LINE * 1000)
        pipe.flush()
        time.sleep(0.05)
        if "reading: " in session.text:
            break
    # WHEN it has shown how much came, and is interrupted
    session.wait_for("/s")
    assert "%" not in session.text
    session.interrupt()
    # THEN what came is judged, and marked
    assert session.end().startswith(b"No leak found in ")
    pipe.close()
    assert session.child.returncode == 130
    assert "interrupted: only what was read until then" in session.text


def test_ctrl_c_before_anything_came() -> None:
    session = Session("leaks", "-", stdin=subprocess.PIPE, PYTHONVERBOSE="1")
    session.wait_for("import 'fdtrace.readers.text'")
    time.sleep(0.3)
    session.interrupt()
    assert session.end() == b""
    assert session.child.returncode == 130
    assert "interrupted: nothing was read" in session.text


@pytest.mark.slow
def test_ctrl_c_twice_ends_also_what_compiles(tmp_path: Path) -> None:
    # GIVEN a first run, which compiles for a minute
    pytest.importorskip("numba")
    path = tmp_path / "app.strace"
    path.write_bytes(LINE * 10)
    session = Session("leaks", str(path), FDTRACE_SCANNER="fast", NUMBA_CACHE_DIR=str(tmp_path))
    session.wait_for("preparing the scanner")
    # WHEN it is interrupted, says what follows, and is interrupted again
    session.interrupt()
    session.wait_for("Ctrl-C once more")
    session.interrupt()
    began = time.monotonic()
    # THEN it ends at once, and leaves nothing that is not whole
    assert session.end() == b""
    assert time.monotonic() - began < 10
    assert session.child.returncode == 130
    assert session.text.endswith("interrupted\r\n")
    assert all(file.suffix == ".code" for file in tmp_path.glob("fdtrace/*"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
