"""Inputs as blocks of bytes: compression, encodings, pipes, damage."""

from __future__ import annotations

import bz2
import functools
import gzip
import importlib
import io
import lzma
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fdtrace.errors import DamagedInput, MissingExtra
from fdtrace.readers.text import Source, open_source

LINES = [b'%d openat(AT_FDCWD, "/srv/%d", O_RDONLY) = %d\n' % (100 + n % 7, n, n % 90) for n in range(4000)]
TEXT = b"".join(LINES)

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "bz2": functools.partial(bz2.compress, compresslevel=1),
    "xz": lzma.compress,
}


def written(folder: Path, data: bytes, name: str = "capture") -> Source:
    path = folder / name
    path.write_bytes(data)
    return open_source(str(path))


def whole(source: Source, size: int = 1 << 16) -> bytes:
    return b"".join(source.blocks(size))


def kept_until_damage(source: Source) -> tuple[bytes, DamagedInput]:
    """What the blocks hold, and the damage that ends them."""
    parts = []
    try:
        for block in source.blocks(1 << 16):
            parts.append(block)
    except DamagedInput as damage:
        return b"".join(parts), damage
    raise AssertionError("the damage was not noticed")


@pytest.mark.parametrize("packer", PACKERS)
def test_content_and_not_the_name_decides_the_compression(tmp_path: Path, packer: str) -> None:
    # GIVEN a file whose name says nothing true about its compression
    source = written(tmp_path, PACKERS[packer](TEXT), name="trace.zip")
    # WHEN it is read
    text = whole(source)
    # THEN the text comes out
    assert text == TEXT


@pytest.mark.parametrize("packer", ["gz", "bz2", "xz"])
def test_all_members_of_a_concatenated_file_are_read(tmp_path: Path, packer: str) -> None:
    # GIVEN two compressed files put one after the other, with padding behind
    pack = PACKERS[packer]
    source = written(tmp_path, pack(TEXT) + pack(b"second\n") + b"\0" * 512)
    # WHEN / THEN both are in the text
    assert whole(source) == TEXT + b"second\n"


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_blocks_are_no_longer_than_asked_for(tmp_path: Path, packer: str, size: int) -> None:
    # GIVEN a text
    text = TEXT[:5000]
    source = written(tmp_path, PACKERS[packer](text))
    # WHEN it is read in blocks of a size
    blocks = list(source.blocks(size))
    # THEN no block is longer, none is empty, and nothing is lost
    assert max(map(len, blocks)) <= size
    assert min(map(len, blocks)) > 0
    assert b"".join(blocks) == text


@pytest.mark.parametrize("packer", ["gz", "xz", "bz2"])
def test_a_cut_file_gives_all_that_can_be_decoded_then_the_damage(tmp_path: Path, packer: str) -> None:
    # GIVEN a compressed text (long enough for several bz2 blocks) of which the last fifth is missing
    text = random.Random(1).randbytes(150_000).hex().encode()
    packed = PACKERS[packer](text)
    source = written(tmp_path, packed[: len(packed) * 4 // 5], name="cut.log")
    # WHEN it is read
    kept, damage = kept_until_damage(source)
    # THEN what was there comes first, and the error names the file
    assert len(kept) > len(text) // 2
    assert text.startswith(kept)
    assert "ends too early" in str(damage)
    assert damage.path.endswith("cut.log")


def test_a_broken_checksum_is_damage_after_the_whole_text(tmp_path: Path) -> None:
    # GIVEN a gzip file with a wrong byte in its trailer
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 0xFF
    source = written(tmp_path, bytes(packed))
    # WHEN / THEN
    kept, damage = kept_until_damage(source)
    assert TEXT.startswith(kept)
    assert "is broken" in str(damage)


def test_foreign_bytes_behind_a_member_are_told(tmp_path: Path) -> None:
    # GIVEN a gzip file with a line of text behind it
    source = written(tmp_path, gzip.compress(TEXT) + b"and a note, not compressed\n")
    # WHEN / THEN the compressed text is complete, and the rest is reported
    kept, damage = kept_until_damage(source)
    assert kept == TEXT
    assert "do not belong" in str(damage)


def test_a_head_is_given_in_spite_of_later_damage(tmp_path: Path) -> None:
    # GIVEN a cut gzip file
    packed = gzip.compress(TEXT)
    source = written(tmp_path, packed[:-20])
    # WHEN / THEN its head is there as if nothing was wrong
    assert source.head(1000) == TEXT[:1000]


def test_a_head_of_nothing_decodable_is_damage(tmp_path: Path) -> None:
    # GIVEN a file with the first bytes of a gzip header alone
    source = written(tmp_path, gzip.compress(TEXT)[:8])
    # WHEN / THEN
    with pytest.raises(DamagedInput, match="ends too early"):
        source.head()


def test_zstd_is_read_with_the_extra(tmp_path: Path) -> None:
    # GIVEN a file of two zstd frames
    zstd = pytest.importorskip("backports.zstd", reason="the zstd extra is not installed")
    source = written(tmp_path, zstd.compress(TEXT) + zstd.compress(b"second\n"))
    # WHEN / THEN
    assert whole(source) == TEXT + b"second\n"


def test_zstd_without_the_extra_names_the_pip_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a Python without a zstd decoder, and a zstd file
    def no_module(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", no_module)
    source = written(tmp_path, b"\x28\xb5\x2f\xfd" + b"\0" * 20, name="t.zst")
    # WHEN / THEN
    with pytest.raises(MissingExtra, match=r"t\.zst.*pip install 'fdtrace\[zstd\]'"):
        whole(source)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("packer", ["plain", "gz"])
def test_re_encoded_captures_come_out_as_utf8(tmp_path: Path, encoding: str, packer: str) -> None:
    # GIVEN a capture that a Windows editor or shell stored in its own encoding
    text = TEXT.decode() + 'open("/tmp/größe", 0) = -1 ENOENT (Нет файла)\r\n'
    source = written(tmp_path, PACKERS[packer](text.encode(encoding)))
    # WHEN / THEN it is UTF-8 without a mark, also where a block ends inside a character
    assert whole(source, 1001 if encoding != "utf-8-sig" else 1 << 16) == text.encode()


def test_nul_bytes_do_not_make_a_text_utf16(tmp_path: Path) -> None:
    # GIVEN a log with a hole of NUL bytes before its first line
    data = b"\0" * 1000 + TEXT
    # WHEN / THEN it is read as it is
    assert whole(written(tmp_path, data)) == data


@pytest.mark.parametrize("packer", PACKERS)
def test_lines_are_found_again_by_their_offset(tmp_path: Path, packer: str) -> None:
    # GIVEN a capture and the offsets of some of its lines, in no order
    source = written(tmp_path, PACKERS[packer](TEXT))
    offsets = [sum(map(len, LINES[:n])) for n in (3999, 0, 17, 2500)]
    # WHEN they are looked up
    found = source.lines_at(offsets)
    # THEN each is there without its line end
    assert found == dict(zip(offsets, (LINES[n].rstrip() for n in (3999, 0, 17, 2500)), strict=True))


@pytest.mark.parametrize("packer", ["plain", "gz"])
def test_a_long_line_is_cut_at_the_limit(tmp_path: Path, packer: str) -> None:
    # GIVEN a line of three megabytes between two short ones
    data = b"first\r\n" + b"x" * 3_000_000 + b"\nlast"
    source = written(tmp_path, PACKERS[packer](data))
    # WHEN / THEN
    found = source.lines_at([0, 7, 3_000_008, 9_000_000], limit=10)
    assert found == {0: b"first", 7: b"x" * 10, 3_000_008: b"last"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_offsets_count_the_text_and_not_the_stored_bytes(tmp_path: Path, encoding: str) -> None:
    # GIVEN a capture with a byte order mark
    source = written(tmp_path, TEXT.decode().encode(encoding))
    second = len(LINES[0])
    # WHEN / THEN
    assert source.lines_at([0, second]) == {0: LINES[0].rstrip(), second: LINES[1].rstrip()}


def test_lines_behind_damage_are_left_out(tmp_path: Path) -> None:
    # GIVEN a cut gzip file, and offsets before and behind the cut
    packed = gzip.compress(TEXT)
    source = written(tmp_path, packed[: len(packed) // 2])
    # WHEN / THEN
    assert source.lines_at([0, len(TEXT) - len(LINES[-1])]) == {0: LINES[0].rstrip()}


def test_a_file_that_still_grows_is_read_to_its_first_size(tmp_path: Path) -> None:
    # GIVEN an opened capture to which strace goes on writing
    source = written(tmp_path, TEXT)
    with (tmp_path / "capture").open("ab") as file:
        file.write(b"later\n")
    # WHEN / THEN every pass sees the text as it was
    assert whole(source) == TEXT
    assert source.size == len(TEXT)
    assert source.lines_at([len(TEXT)]) == {}


def test_stdin_can_be_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a compressed capture on standard input
    stream = io.TextIOWrapper(io.BytesIO(gzip.compress(TEXT)))
    monkeypatch.setattr("sys.stdin", stream)
    # WHEN it is opened
    source = open_source("-")
    # THEN it can be read as often as a file
    assert (source.name, source.path) == ("stdin", None)
    assert whole(source) == TEXT
    assert whole(source) == TEXT
    assert source.lines_at([0]) == {0: LINES[0].rstrip()}


def test_two_passes_over_stdin_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN stdin, larger than what is kept in memory
    text = TEXT * 60
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    source = open_source("-")
    # WHEN two passes take turns
    pairs = list(zip(source.blocks(1 << 18), source.blocks(1 << 18), strict=True))
    # THEN both see everything
    assert all(left == right for left, right in pairs)
    assert b"".join(left for left, _ in pairs) == text


def test_no_stdin_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a process without a standard input
    monkeypatch.setattr("sys.stdin", None)
    # WHEN / THEN
    with pytest.raises(DamagedInput, match="no standard input"):
        open_source("-")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_can_be_read_twice(tmp_path: Path) -> None:
    # GIVEN a FIFO into which a program writes once, as <(zcat …) does
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(TEXT,))
    writer.start()
    # WHEN it is opened
    source = open_source(str(path))
    writer.join()
    # THEN it can be read as often as a file
    assert whole(source) == TEXT
    assert source.head(10) == TEXT[:10]


@pytest.mark.skipif(not os.path.exists("/proc/self/net/unix"), reason="no /proc")
def test_files_of_proc_have_content_although_their_size_is_zero() -> None:
    # GIVEN a file that the kernel makes while it is read
    source = open_source("/proc/self/net/unix")
    # WHEN / THEN
    assert whole(source).startswith(b"Num ")


def test_an_empty_file_has_no_blocks(tmp_path: Path) -> None:
    # GIVEN / WHEN
    source = written(tmp_path, b"")
    # THEN
    assert list(source.blocks()) == []
    assert source.head() == b""
    assert source.lines_at([0]) == {}


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(DamagedInput, match=r"gone\.log: no such file"):
        open_source(str(tmp_path / "gone.log"))


def test_a_directory_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(DamagedInput, match="is a directory"):
        open_source(str(tmp_path))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices")
def test_an_endless_device_is_refused() -> None:
    with pytest.raises(DamagedInput, match="is a device"):
        open_source("/dev/zero")


def test_an_unreadable_file_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a file that only root may read
    path = tmp_path / "root.log"
    path.write_bytes(TEXT)

    def refused(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refused)
    # WHEN / THEN
    with pytest.raises(DamagedInput, match=r"root\.log: no permission.*chown"):
        open_source(str(path))


def test_a_file_that_vanishes_between_two_passes_is_an_error(tmp_path: Path) -> None:
    # GIVEN an opened file that is then removed
    source = written(tmp_path, TEXT)
    (tmp_path / "capture").unlink()
    # WHEN / THEN
    with pytest.raises(DamagedInput, match="no such file"):
        whole(source)
