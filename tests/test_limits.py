"""What a hostile or boundless capture may cost: every limit holds, and says so where it cuts."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

import fdtrace
from fdtrace.errors import DamagedInput
from fdtrace.history import fold, groups, kernel
from fdtrace.readers.ahead import ahead
from tests.captures import START, case

CLOSED = "100 close(2) = 0\n"


def gaps(found: fdtrace.Case) -> str:
    (coverage,) = found.leaks().coverage
    return " | ".join(coverage.missing)


def test_numbers_near_the_end_of_all_numbers(tmp_path: Path) -> None:
    high = 2**31 - 2
    text = f'100 openat(AT_FDCWD, "/x", 0) = {high}\n100 close_range(3, 4294967295, 0) = 0\n'
    found = case(tmp_path, START + text)
    assert "2,147,483,646 numbers below one that was given out are open" in gaps(found)
    assert found.fds["fd"].max() == high
    assert len(found.fds) < 10


def test_numbers_below_a_new_one_are_listed_as_far_as_there_are_some_thousand(tmp_path: Path) -> None:
    found = case(tmp_path, START + '100 openat(AT_FDCWD, "/x", 0) = 5000\n')
    assert "not listed" not in gaps(found)
    assert len(found.fds) == 5001


@pytest.mark.parametrize("nested", ["[" * 50_000, "{" * 50_000, "(" * 50_000, '"' * 49_999, "<" * 50_000])
def test_nesting_without_end(tmp_path: Path, nested: str) -> None:
    found = case(tmp_path, START + f"100 writev(1, {nested}\n100 writev(1, {nested}) = 1\n" + CLOSED)
    assert found.events["syscall"].tolist()[-1] == "close"


@pytest.mark.slow
def test_a_line_longer_than_what_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "app.strace").write_bytes(
        START.encode() + b'100 write(1, "' + b"x" * (66 << 20) + b'", 9) = 9\n' + CLOSED.encode()
    )
    found = fdtrace.load(tmp_path / "app.strace")
    (coverage,) = found.leaks().coverage
    assert coverage.lines == 3
    assert coverage.syscalls["close"] == 1
    assert any("only the first" in reason for reason in found.problems["reason"])


def test_a_bomb_of_zeros(tmp_path: Path) -> None:
    packed = tmp_path / "app.strace.gz"
    with gzip.open(packed, "wb", 1) as stream:
        stream.write((START + CLOSED).encode())
        for _ in range(100):
            stream.write(bytes(1 << 20))
    (coverage,) = fdtrace.load(packed).leaks().coverage
    assert coverage.calls == 2
    assert coverage.lines == coverage.parsed + coverage.continuation + coverage.blank + coverage.problems


def children(count: int, body: str = "") -> str:
    lines = [START]
    for tid in range(200, 200 + count):
        lines.append(f"100 fork() = {tid}\n{body.replace('TID', str(tid))}{tid} +++ exited with 0 +++\n")
    return "".join(lines)


BUSY = 'TID openat(AT_FDCWD, "/x", 0) = 3\nTID close(3) = 0\n'
LEAVING = 'TID openat(AT_FDCWD, "/x", 0) = 3\n'


def test_processes_that_are_over_are_forgotten_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN limits of ten, and a hundred processes that open and close
    whole = case(tmp_path, children(100, BUSY))
    expected = str(whole.leaks())
    monkeypatch.setattr(kernel, "ENDED_KEPT", 10)
    monkeypatch.setattr(groups, "SHARES", 10)
    few = case(tmp_path, children(100, BUSY))
    # THEN the answer is the same, and tables that are asked for are whole
    assert str(few.leaks()) == expected
    assert few.leaks().coverage[0].processes == 101
    assert len(few.processes) == len(few.tasks) == 101


def test_what_processes_leave_is_looked_at_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "LEFT_KEPT", 20)
    found = case(tmp_path, children(50, LEAVING) + CLOSED)
    assert "30 descriptors of processes that ended are counted, not judged" in gaps(found)


def test_rows_that_wait_for_a_parent_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a thread of which nothing tells where it comes from, in a capture that begins with its program
    monkeypatch.setattr(fold, "LIMBO", 10)
    text = START + "".join(f'999 openat(AT_FDCWD, "/{i}", 0) = {i}\n' for i in range(3, 60))
    # THEN its calls are taken all the same
    assert len(case(tmp_path, text).fds.query("pid == 999 and via == 'open'")) == 57


def test_a_capture_that_is_still_being_written(tmp_path: Path) -> None:
    # GIVEN a capture whose last line is cut, and that grows after it was opened
    path = tmp_path / "app.strace"
    path.write_text(START + '100 openat(AT_FDCWD, "/etc/passwd", O_RDO')
    found = fdtrace.load(path)
    path.open("a").write("NLY) = 3\n100 close(3) = 0\n")
    # THEN all passes see what was there, and the cut line is no error
    assert found.unreadable == []
    assert found.leaks().coverage[0].lines == 2
    assert "close" not in set(found.events["syscall"])
    assert found.unreadable == []


class TestAhead:
    def blocks(self, count: int, error: Exception | None = None) -> Generator[bytes]:
        for number in range(count):
            self.made = number
            yield b"%d" % number
        if error is not None:
            raise error

    def threads(self) -> int:
        return sum(thread.name == "fdtrace-ahead" for thread in threading.enumerate())

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 100])
    def test_the_same_blocks(self, count: int) -> None:
        assert list(ahead(self.blocks(count))) == [b"%d" % n for n in range(count)]
        assert self.threads() == 0

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
    def test_errors_come_after_the_last_block(self, count: int) -> None:
        found: list[bytes] = []
        with pytest.raises(DamagedInput, match="cut"):
            found.extend(_kept(ahead(self.blocks(count, DamagedInput("cut"))), found))
        assert len(found) == count
        assert self.threads() == 0

    def test_only_some_are_made_ahead_and_the_thread_ends(self) -> None:
        blocks = ahead(self.blocks(10_000), depth=3)
        for _ in range(4):
            next(blocks)
        assert self.made < 12
        blocks.close()  # type: ignore[attr-defined]
        assert self.threads() == 0


def _kept(blocks: Iterator[bytes], found: list[bytes]) -> Iterator[bytes]:
    for block in blocks:
        found.append(block)
    return iter(())
