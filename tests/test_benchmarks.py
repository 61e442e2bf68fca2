"""Captures that are enlarged to measure by are captures: later, by other threads, and else the same."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.benchmarks import captures


def test_copies_are_later_and_by_others() -> None:
    text = b"".join(b"%d 1700000%03d.000001 close(7) = 0\n" % (100 + n % 2, n) for n in range(5))
    first, second = islice(captures.copies(text), 2)
    assert first == text[text.index(b"\n") + 1 :]
    assert second.splitlines()[0] == b"103 1700000005.000001 close(7) = 0"
    assert len(second) == len(first)


def test_what_has_no_clock_of_its_own_is_refused_in_words(tmp_path: Path) -> None:
    base = tmp_path / "bare.base"
    base.write_bytes(b"100 close(7) = 0\n" * 5)
    with pytest.raises(RuntimeError, match="do not begin with a thread and seconds"):
        captures.enlarge(base, 1000, tmp_path / "large.strace")
