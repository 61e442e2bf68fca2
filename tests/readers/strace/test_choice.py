"""Which scanner reads a capture, and where its compiled code is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fdtrace.readers.strace import choice, scan_cache
from fdtrace.readers.strace.lines import LineScanner
from fdtrace.readers.strace.window import Scan
from tests.captures import START

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    for remembered in (choice._ready, scan_cache.folder, scan_cache.place):
        remembered.cache_clear()
    yield
    monkeypatch.undo()
    for remembered in (choice._ready, scan_cache.folder, scan_cache.place):
        remembered.cache_clear()


def code(kept: Path) -> Path:
    """A file of the name that compiled code has."""
    file = kept / "strace_0" / "scan_blocks.scan_block-1.py311.1.nbc"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"code")
    return file


class TestPlace:
    def test_it_is_where_the_user_says(self, tmp_path: Path) -> None:
        kept = scan_cache.folder()
        assert kept is not None
        assert kept.is_relative_to(tmp_path / "cache")
        assert scan_cache.place() == str(kept)
        assert kept.is_dir()
        assert not scan_cache.is_filled()

    def test_what_only_others_can_write_is_copied(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = scan_cache.folder()
        assert kept is not None
        within = code(kept).relative_to(kept)
        monkeypatch.setattr(scan_cache, "_is_writable", lambda _: False)
        copy = Path(scan_cache.place())
        assert copy != kept
        assert (copy / within).read_bytes() == b"code"
        assert copy.stat().st_mode & 0o077 == 0

    def test_without_a_home_it_is_for_this_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def none() -> Path:
            raise RuntimeError("no home")

        monkeypatch.setattr(scan_cache, "_base", none)
        assert scan_cache.folder() is None
        assert not scan_cache.is_filled()
        assert os.listdir(scan_cache.place()) == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_cannot_be_written(self) -> None:
        kept = scan_cache.folder()
        assert kept is not None
        code(kept)
        kept.chmod(0o500)
        assert scan_cache.place() != str(kept)
        kept.chmod(0o700)


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

    def test_code_that_cannot_be_loaded_is_made_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = scan_cache.folder()
        assert kept is not None
        file = code(kept)

        def compiled() -> type[LineScanner]:
            if file.exists():
                raise EOFError("ran out of input")
            return LineScanner

        monkeypatch.setattr(choice, "_compiled", compiled)
        assert choice._ready() is LineScanner
        assert not file.exists()


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
