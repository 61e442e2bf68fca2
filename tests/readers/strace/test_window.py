"""The columns do not depend on how the text was cut into blocks and windows."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readers.strace.scanned import scan
from tests.strace_text import Capture
from tests.strategies import captures, damaged_captures

SAMPLE = Path(__file__).parents[3] / "samples" / "lws-gateway" / "gateway.strace.gz"
STEADY = settings(deadline=None, derandomize=True, max_examples=60)


@pytest.fixture(scope="module")
def sample() -> bytes:
    text = gzip.decompress(SAMPLE.read_bytes())
    return text[: text.index(b"\n", 60_000)]


@STEADY
@given(rows=st.integers(1, 700), block=st.integers(40, 70_000))
def test_windows_of_the_sample(sample: bytes, rows: int, block: int) -> None:
    assert scan(sample, rows=rows, block=block) == scan(sample)


@STEADY
@given(made=captures(max_size=25), rows=st.integers(1, 60), block=st.integers(1, 4000))
def test_windows_of_generated_captures(made: tuple[object, object, Capture], rows: int, block: int) -> None:
    for text in made[2].files.values():
        assert scan(text, rows=rows, block=block) == scan(text)


@STEADY
@given(data=damaged_captures(), rows=st.integers(1, 60), block=st.integers(1, 4000))
def test_windows_of_damaged_captures(data: bytes, rows: int, block: int) -> None:
    assert scan(data, rows=rows, block=block) == scan(data)


@STEADY
@given(
    data=st.lists(
        st.sampled_from(
            [b"close(3) = 0", b"\n", b"\r\n", b"\x1b[1m", b"\0", b" > /lib/x(f+0x1) [0x2]\n",
             b"7 read(3, ", b'"', b")", b" <unfinished ...>\n", b"7 <... read resumed>", b" = 1\n", 
             b"strace: Process 9 attached\n", b"x" * 50, b"[pid 9] ", b"06:00:00 "]
        ),
        max_size=60,
    ).map(b"".join),
    rows=st.integers(1, 9),
    block=st.integers(1, 40),
    longest=st.integers(1, 80),
)  # fmt: skip
def test_windows_of_fragments(data: bytes, rows: int, block: int, longest: int) -> None:
    assert scan(data, rows=rows, block=block, longest=longest) == scan(data, longest=longest)


def test_the_text_of_a_row_is_the_call_without_its_leader() -> None:
    found = scan("7 06:55:52 close(3) = 0\n+++ exited with 0 +++\n8 close(4) = 0\n", rows=2)
    assert [row.text for row in found.rows] == [b"close(3) = 0", b"", b"close(4) = 0"]


def test_offsets_are_those_of_the_decompressed_text() -> None:
    text = '\r\n\x1b[1mclose\x1b[0m(3) = 0\r\n\0\0close(4) = 0\n\n7 write(1, "a\\n", 2a\n) = 2\nclose(5) = 0'
    found = scan(text, block=7)
    assert [text.encode()[row.offset :].strip(b"\0")[:9] for row in found.rows] == [
        b"\x1b[1mclose",
        b"close(4) ",
        b"7 write(1",
        b"close(5) ",
    ]
    assert [row.line for row in found.rows] == [2, 3, 5, 7]
