"""The files of a recording: whole lines, within limits, without a hole."""

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from fdtrace.record.sink import Sink

CALL = b"4120  1795449081.%06d close(3) = 0 <0.000010>\n"
STACK = b" > /srv/app(main+0x10) [0x1000]\n"


def lines(first: int, count: int, stack: int = 0) -> bytes:
    return b"".join(CALL % (first + number) + STACK * stack for number in range(count))


def stored(folder: Path) -> bytes:
    files = sorted(path for path in folder.iterdir() if path.name.startswith("trace"))
    return b"".join(map(unpacked, files))


def unpacked(path: Path) -> bytes:
    text = path.read_bytes()
    return gzip.decompress(text) if path.suffix == ".gz" else text


def test_what_comes_is_stored(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path))
    sink.trace(lines(0, 10))
    sink.trace(lines(10, 10))
    sink.append("lsof.txt", b"# look\n")
    sink.append("lsof.txt", b"# again\n")
    sink.close()

    assert (tmp_path / "trace.strace").read_bytes() == lines(0, 20)
    assert (tmp_path / "lsof.txt").read_bytes() == b"# look\n# again\n"
    assert sink.written == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o600"}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("piece", [1, 7, 500])
def test_a_ring_keeps_the_newest_without_a_hole(tmp_path: Path, compressed: bool, piece: int) -> None:
    everything = lines(0, 4000, stack=2)
    ring = 10_000 if compressed else 60_000
    sink = Sink(str(tmp_path), ring=ring, compressed=compressed)
    records = [lines(number, piece, stack=2) for number in range(0, 4000, piece)]
    for record in records:
        sink.trace(record)
    sink.close()

    kept = stored(tmp_path)
    assert (everything + records[-1]).endswith(kept) or b"".join(records).endswith(kept)
    assert kept.startswith(b"4120  ")
    assert sink.dropped > 0
    assert ring // 4 < sum(path.stat().st_size for path in tmp_path.iterdir()) <= ring
    for part in tmp_path.iterdir():
        text = unpacked(part)
        assert text.startswith(b"4120  ")
        assert text.endswith(b"\n")


def test_a_limit_ends_it_behind_a_whole_piece(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path), largest=1000)
    for number in range(100):
        sink.trace(lines(number, 1))
    sink.append("lsof.txt", b"too late\n")
    sink.close()

    text = (tmp_path / "trace.strace").read_bytes()
    assert lines(0, 100).startswith(text)
    assert text.endswith(b"\n")
    assert 900 < len(text) <= 1000
    assert sink.written == len(text)
    assert "--max-size" in sink.cut
    assert sink.lost == len(lines(0, 100)) - len(text)
    assert not (tmp_path / "lsof.txt").exists()


FILLING = """
import resource, sys
from fdtrace.record.sink import Sink
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
sink = Sink(sys.argv[1], compressed=sys.argv[2] == "gz")
for number in range(200):
    sink.trace(b"4120  1795449081.%06d close(3) = 0\\n" % (number * 7919 % 1000003) * 3)
sink.append("lsof.txt", b"too late\\n")
sink.close()
print(sink.cut)
"""


@pytest.mark.parametrize("form", ["plain", "gz"])
def test_a_file_that_may_grow_no_more_ends_with_a_whole_line(tmp_path: Path, form: str) -> None:
    words = [sys.executable, "-c", FILLING, str(tmp_path), form]

    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert "ulimit -f" in done.stdout
    text = stored(tmp_path)
    assert text.count(b"\n") > 50
    assert text.endswith(b"\n")
    assert not (tmp_path / "lsof.txt").exists()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 5000


def test_a_look_does_not_take_the_room_that_the_trace_needs(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path), largest=10_000)

    assert not sink.append("ss.txt", b"x" * 2_000)
    assert sink.append("lsof.txt", b"x" * 1_000)
    sink.trace(lines(0, 100))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["lsof.txt", "trace.strace"]
    assert not sink.cut


def test_one_large_piece_is_cut_at_its_last_line_that_has_room(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path), largest=1000)

    sink.trace(lines(0, 100))

    text = (tmp_path / "trace.strace").read_bytes()
    assert 900 < len(text) <= 1000
    assert text.endswith(b"\n")


def test_a_file_that_nothing_fits_into_is_not_left_behind(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path), largest=10)

    sink.trace(lines(0, 3))

    assert sink.cut
    assert not any(tmp_path.iterdir())


def test_no_file_is_written_through_a_link_that_waits_for_it(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    os.symlink(victim, tmp_path / "trace.strace")
    sink = Sink(str(tmp_path))

    sink.trace(lines(0, 3))

    assert sink.cut
    assert not victim.exists()
