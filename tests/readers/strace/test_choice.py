"""Which scanner reads a capture, and what happens where the fast one cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fdtrace.readers.strace import choice
from fdtrace.readers.strace.lines import LineScanner
from fdtrace.readers.strace.window import Scan
from fdtrace.readers.text import open_source
from tests.captures import START

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    choice._ready.cache_clear()
    yield
    monkeypatch.undo()
    choice._ready.cache_clear()


class TestReadiness:
    def read(self) -> LineScanner:
        return choice._fast(Scan(), 0, "x") or LineScanner(Scan(), 0, "x")

    def test_without_numba_the_lines_are_read_one_by_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "find_spec", lambda _: None)
        assert type(self.read()) is LineScanner

    def test_what_fails_is_said_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken() -> type[LineScanner]:
            raise ImportError("numba needs another numpy")

        monkeypatch.setattr(choice, "_compiled", broken)
        assert type(self.read()) is type(self.read()) is LineScanner
        assert [text for text in caplog.messages if "another numpy" in text] == [
            "fdtrace: large captures are read slowly, numba cannot be used: numba needs another numpy"
        ]


class TestRoom:
    @pytest.mark.parametrize("what", ["RLIMIT_DATA", "RLIMIT_AS"])
    def test_where_little_memory_is_allowed_lines_are_read_one_by_one(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
    ) -> None:
        resource = pytest.importorskip("resource")
        path = tmp_path / "app.strace"
        path.write_bytes(b"".join(b"1 close(%d) = 0\n" % number for number in range(3, 120_000)))
        source = open_source(str(path))
        monkeypatch.setattr(choice, "_is_compiled", lambda: True)
        assert choice._is_large(source)
        limits = {getattr(resource, what): choice.ROOM - 1}
        unlimited = resource.RLIM_INFINITY
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits.get(kind, unlimited), unlimited))
        assert not choice._is_large(source)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_compile_at_once_and_a_third_finds_it(tmp_path: Path) -> None:
    capture = tmp_path / "app.strace"
    capture.write_text(START + "".join(f'100 openat(AT_FDCWD, "/x", 0) = {n}\n' for n in range(3, 90)))

    def begin(scanner: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "FDTRACE_SCANNER": scanner, "PYTHONPATH": str(PROJECT)}
        return subprocess.Popen(
            [sys.executable, "-m", "fdtrace", "leaks", str(capture)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    told = [begin("fast"), begin("fast")]
    first = [process.communicate(timeout=900) for process in told]
    third = begin("fast").communicate(timeout=300)
    lines = begin("lines").communicate(timeout=300)
    assert [out for out, _ in (*first, third)] == [lines[0]] * 3
    assert all("preparing the scanner" in said for _, said in first)
    assert "preparing" not in third[1]
