"""What a hostile or boundless capture may cost: every limit holds, and says so where it cuts."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

import fdtrace
from fdtrace.errors import DamagedInput
from fdtrace.history import ends, family, groups, limbo
from fdtrace.readers import decode
from fdtrace.readers.ahead import ahead
from fdtrace.readers.strace import window
from tests import hostile
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


def test_a_bomb_that_no_trace_looks_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN an input that unpacks to far more than its size
    monkeypatch.setattr(decode, "FREE", 2 << 20)
    monkeypatch.setattr(decode, "RATIO", 20)
    packed = tmp_path / "app.strace.gz"
    packed.write_bytes(
        gzip.compress(START.encode() + b'100 write(1, "%s", 4000) = 4000\n' % (b"x" * 4000) * 1000)
    )
    found = fdtrace.load(packed)
    # THEN its beginning is read, and the rest is said to be left out
    assert 100 < found.leaks().coverage[0].calls < 1000
    assert found.problems["reason"].str.contains("more than 20 times its size").sum() == 1


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
    monkeypatch.setattr(ends, "ENDED_KEPT", 10)
    monkeypatch.setattr(groups, "SHARES", 10)
    few = case(tmp_path, children(100, BUSY))
    # THEN the answer is the same, and tables that are asked for are whole
    assert str(few.leaks()) == expected
    assert few.leaks().coverage[0].processes == 101
    assert len(few.processes) == len(few.tasks) == 101


def test_what_processes_leave_is_looked_at_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "LEFT_KEPT", 20)
    found = case(tmp_path, children(50, LEAVING) + CLOSED)
    assert "30 descriptors of processes that ended are counted, not judged" in gaps(found)


def test_rows_that_wait_for_a_parent_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a thread of which nothing tells where it comes from, in a capture that begins with its program
    monkeypatch.setattr(limbo, "LIMBO", 10)
    text = START + "".join(f'999 openat(AT_FDCWD, "/{i}", 0) = {i}\n' for i in range(3, 60))
    # THEN its calls are taken all the same
    assert len(case(tmp_path, text).fds.query("pid == 999 and via == 'open'")) == 57


def test_threads_that_wait_for_a_parent_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN more threads than may wait, of which nothing tells where they come from
    monkeypatch.setattr(limbo, "THREADS", 10)
    text = START + "".join(f'{900 + i} openat(AT_FDCWD, "/{i}", 0) = 3\n' for i in range(25))
    # WHEN a fork returns one of those that had to be let go, and one of those that still wait
    text += "100 fork() = 903\n100 fork() = 924\n"
    tasks = case(tmp_path, text).processes.set_index("pid")["ppid"]
    # THEN all are followed, and whose parent could still be found has it
    assert set(range(900, 925)) <= set(tasks.index)
    assert tasks[924] == 100


def test_annotations_beyond_the_limit_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN room for ten annotations, and files beyond them that nobody closes
    monkeypatch.setattr(window, "NOTES", window.Limit("annotations of descriptors", 10, 1 << 20))
    opens = "".join(f'100 openat(AT_FDCWD</>, "/srv/{n}", O_RDONLY) = {n}</srv/{n}>\n' for n in range(3, 60))
    found = case(tmp_path, START + opens)
    # THEN that is said, and the descriptors are known by their calls
    assert "more than 10 different annotations of descriptors" in gaps(found)
    assert found.problems["reason"].str.contains("annotations").sum() == 1
    assert len(found.fds.query("via == 'open' and how == 'none'")) == 57
    assert sorted(found.fds.query("fd == 50")["target"]) == ["/srv/50"]


def test_a_string_without_end_leaves_room_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "NOTES", window.Limit("annotations of descriptors", 10, 100))
    text = f'100 read(3</{"x" * 200}>, "", 1) = 0\n100 read(4</short>, "", 1) = 0\n'
    found = case(tmp_path, START + text)
    assert "or 100 bytes of them" in gaps(found)
    assert list(found.fds.query("fd == 4")["target"]) == ["/short"]


def test_calls_of_too_many_names_prove_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN more names than are kept, so that a close may be among those that are not
    text = START + CLOSED + "".join(f'100 openat(AT_FDCWD, "/x", 0) = {n}\n' for n in range(3, 60))
    assert case(tmp_path, text).coverage[0].closes_visible
    monkeypatch.setattr(window, "NAMES", window.Limit("names of system calls", 5, 1 << 20))
    found = case(tmp_path, text + "".join(hostile.names(20)), "many.strace")
    # THEN nothing is called a leak
    assert not found.coverage[0].closes_visible
    assert {one.severity for one in found.leaks()} <= {"info"}
    assert "more than 5 different names of system calls" in gaps(found)
    assert found.coverage[0].syscalls["(other)"] > 10


def test_threads_beyond_the_limit_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN room for two hundred threads, and a server that leaks among a thousand processes
    monkeypatch.setattr(family, "ALIVE", 200)
    leaking = [f'100 openat(AT_FDCWD, "/srv/{n}", O_RDONLY) = {n}\n' for n in range(3, 103)]
    lines = [*hostile.processes(1000)]
    text = START + "".join("".join(lines[n * 10 : n * 10 + 10]) + line for n, line in enumerate(leaking))
    found = case(tmp_path, text)
    # THEN its leak is found, and what is not known is said
    assert "were not followed to their end" in gaps(found)
    assert found.problems["reason"].str.contains("more than 200 threads alive at once").sum() == 1
    assert any(one.pid == 100 and one.open == 100 for one in found.leaks())
    assert found.leaks().coverage[0].processes == 1001


def test_tables_that_forks_copied_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "COPIED", 1000)
    opens = "".join(f'100 openat(AT_FDCWD, "/x{n}", O_RDONLY) = {n}\n' for n in range(3, 53))
    forks = "".join(f"100 fork() = {n}\n{n} close(3) = 0\n" for n in range(200, 400))
    found = case(tmp_path, START + opens + forks)
    assert "were not followed to their end" in gaps(found)
    assert len(found.processes) == 201  # a table that is asked for has them all


def test_a_window_of_zstd_that_is_too_large(tmp_path: Path) -> None:
    # GIVEN a frame that wants a gigabyte of memory to be unpacked (RFC 8878: exponent 20)
    pytest.importorskip("backports.zstd", reason="the zstd extra is not installed")
    packed = tmp_path / "app.strace.zst"
    packed.write_bytes(b"\x28\xb5\x2f\xfd\x00\xa0" + b"\x01\x00\x00" * 10)
    with pytest.raises(DamagedInput, match="too much memory"):
        fdtrace.load(packed)


MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "fdtrace", "leaks", sys.argv[1]], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""By a small process: a child begins with the peak of whoever starts it."""


def peak_mib(path: Path) -> float:
    """The most memory that `fdtrace leaks` takes."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "FDTRACE_SCANNER": "lines"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], env=environment, capture_output=True, check=True
    )
    return int(done.stdout) / 1024


@pytest.mark.slow
@pytest.mark.parametrize("kind", hostile.KINDS, ids=lambda kind: kind.__name__)
def test_memory_has_an_end(tmp_path: Path, kind: Callable[[int], Iterator[str]]) -> None:
    assert peak_mib(hostile.write(kind, 8_000, tmp_path / "app.strace")) < 500


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
