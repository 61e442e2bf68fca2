"""Machine code is what the Python source says, is made once, and is not run when it may be another's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

import llvmlite.binding as llvm

from fdtrace.machine_code import building, compiled, is_kept, keeping, kernels, part, running
from fdtrace.machine_code.kernels import Kernel

PROJECT = Path(__file__).parents[1]
FACTOR = 3


@part
def weighed(value: int) -> int:
    return value * FACTOR


def tally(numbers: Any, grid: Any, text: Any, start: int) -> int:
    """Writes into the grid, so that both what is returned and what is changed can be compared."""
    total = start
    for i in range(grid.shape[0]):
        for k in range(grid.shape[1]):
            grid[i, k] += weighed(numbers[k])
            total += grid[i, k]
    for byte in text:
        total = total * 31 + np.int64(byte)
    return total


def cleared(numbers: Any) -> None:
    numbers[:] = 0


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    yield tmp_path / "fdtrace"
    monkeypatch.undo()
    keeping._surroundings.cache_clear()


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def built(*_: object) -> bytes:
        raise AssertionError("compiled once more")

    monkeypatch.setattr(building, "built", built)
    monkeypatch.setattr(Kernel, "_by_numba", built)


def arguments(seed: int = 1) -> tuple[Any, ...]:
    some = np.random.default_rng(seed)
    return (
        some.integers(-1 << 40, 1 << 40, 7),
        some.integers(-1 << 20, 1 << 20, (5, 7)).astype(np.int32),
        np.frombuffer(b"text \xff\x00", np.uint8),
        seed - 3,
    )


def outcome(function: Any, seed: int = 1) -> tuple[int, list[list[int]]]:
    given = arguments(seed)
    return int(function(*given)), given[1].tolist()


def plain(seed: int = 1) -> tuple[int, list[list[int]]]:
    with np.errstate(all="ignore"):
        given = arguments(seed)
        numbers, grid, text, total = given[0].tolist(), given[1].tolist(), given[2].tolist(), given[3]
    for row in grid:
        for k, number in enumerate(numbers):
            row[k] = wrapped(row[k] + number * FACTOR, 32)
            total += row[k]
    for byte in text:
        total = wrapped(total * 31 + byte, 64)
    return total, grid


def wrapped(value: int, bits: int) -> int:
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def kept(cache: Path) -> Path:
    (file,) = cache.iterdir()
    return file


class TestResults:
    def test_they_are_those_of_the_source(self) -> None:
        made = compiled(tally)
        assert [outcome(made, seed) for seed in range(20)] == [plain(seed) for seed in range(20)]

    def test_what_returns_nothing_changes_its_array(self) -> None:
        numbers = np.ones(5, np.int64)
        compiled(cleared)(numbers)
        assert numbers.tolist() == [0] * 5

    def test_kept_code_gives_the_same_without_a_compiler(self, request: pytest.FixtureRequest) -> None:
        outcome(compiled(tally))
        request.getfixturevalue("no_compiler")
        assert outcome(compiled(tally), 5) == plain(5)

    def test_numbers_of_numpy_are_numbers(self) -> None:
        numbers, grid, text, start = arguments()
        assert compiled(tally)(numbers, grid, text, np.int64(start)) == plain()[0]


class TestArguments:
    def test_other_types_get_code_of_their_own(self, cache: Path) -> None:
        made = compiled(cleared)
        for kind in (np.int64, np.int32, np.uint16):
            numbers = np.ones(5, kind)
            made(numbers)
            assert not numbers.any()
        assert len(list(cache.iterdir())) == 3

    def test_what_is_no_array_is_refused(self) -> None:
        made = compiled(cleared)
        made(np.ones(5, np.int64))
        with pytest.raises(Exception, match="float64"):
            made(1.5)

    def test_a_refusal_touches_nothing(self) -> None:
        made, whole = compiled(cleared), np.ones(10, np.int64)
        with pytest.raises(TypeError, match="contiguous"):
            made(whole[::2])
        assert whole.all()


class TestMeaning:
    def test_a_constant_of_a_part_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = Kernel(tally).name
        monkeypatch.setattr(sys.modules[__name__], "FACTOR", 4)
        monkeypatch.setattr(sys.modules[__name__], "weighed", part(weighed.function))  # type: ignore[attr-defined]
        assert Kernel(tally).name != before

    def test_words_about_it_do_not(self) -> None:
        def one(numbers: Any) -> None:
            """Clear."""
            numbers[:] = 0

        def other(numbers: Any) -> None:
            """Set all to nothing."""
            numbers[:] = 0

        assert Kernel(one).digest == Kernel(other).digest

    @pytest.mark.parametrize("what", ["get_host_cpu_name", "get_host_cpu_features"])
    def test_code_of_another_processor_is_not_found(
        self, monkeypatch: pytest.MonkeyPatch, what: str, cache: Path
    ) -> None:
        made = compiled(cleared)
        made(np.ones(5, np.int64))
        assert is_kept(made)
        monkeypatch.setattr(llvm, what, lambda: Other("another"))
        keeping._surroundings.cache_clear()
        assert not is_kept(compiled(cleared))


class Other(str):
    def flatten(self) -> str:
        return str(self)


class TestKeeping:
    def test_what_is_damaged_is_made_anew(self, cache: Path) -> None:
        outcome(compiled(tally))
        kept(cache).write_bytes(kept(cache).read_bytes()[:-1])
        assert keeping.load(kept(cache).stem) is None
        assert outcome(compiled(tally), 2) == plain(2)
        assert keeping.load(kept(cache).stem)

    @pytest.mark.parametrize("cut", [0, 10, 40, -1])
    def test_a_file_that_was_cut(self, cache: Path, cut: int) -> None:
        keeping.save("some-code", b"code")
        assert keeping.load("some-code") == b"code"
        kept(cache).write_bytes(kept(cache).read_bytes()[:cut])
        assert keeping.load("some-code") is None

    @pytest.mark.parametrize("at", [0, 30, -1])
    def test_a_file_with_another_byte(self, cache: Path, at: int) -> None:
        keeping.save("some-code", b"code")
        code = bytearray(kept(cache).read_bytes())
        code[at] ^= 1
        kept(cache).write_bytes(code)
        assert keeping.load("some-code") is None

    def test_code_of_another_function(self, cache: Path) -> None:
        keeping.save("some-code", b"code")
        kept(cache).rename(cache / "other-code.code")
        assert keeping.load("other-code") is None

    def test_nothing_else_stays_behind(self, cache: Path) -> None:
        keeping.save("some-code", b"code")
        keeping.save("some-code", b"other")
        assert keeping.load("some-code") == b"other"
        assert [file.name for file in cache.iterdir()] == ["some-code.code"]

    def test_what_was_not_used_for_long_goes_when_another_is_kept(self) -> None:
        for name in ("forgotten", "used"):
            keeping.save(name, b"code")
        stopped = keeping.folder() / f"{keeping._UNFINISHED}abc"
        stopped.write_bytes(b"half")
        before = time.time() - (keeping.UNUSED_DAYS + 1) * 24 * 3600
        for path in keeping.folder().iterdir():
            os.utime(path, (before, before))
        assert keeping.load("used") == b"code"
        keeping.save("another", b"code")
        assert sorted(path.stem for path in keeping.folder().iterdir()) == ["another", "used"]
        assert keeping.load("used") == b"code"

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
    @pytest.mark.parametrize("mode", [0o666, 0o664])
    def test_what_others_may_write(self, cache: Path, mode: int) -> None:
        keeping.save("some-code", b"code")
        kept(cache).chmod(mode)
        assert keeping.load("some-code") is None

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no such owners")
    def test_what_belongs_to_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        keeping.save("some-code", b"code")
        owner = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
        assert (keeping.load("some-code") is None) == (owner != 0), "root's code is everybody's"
        monkeypatch.setattr(os, "fstat", lambda _: os.stat_result((0o100644, 0, 0, 1, owner + 2, *[0] * 5)))
        assert keeping.load("some-code") is None

    def test_without_a_place_code_is_for_this_process(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        occupied = tmp_path / "file"
        occupied.write_text("no folder")
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(occupied))
        made = compiled(tally)
        assert outcome(made) == plain()
        assert not is_kept(made)
        assert occupied.read_text() == "no folder"

    def test_without_a_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def homeless() -> Path:
            raise RuntimeError("no home")

        monkeypatch.setattr(keeping, "folder", homeless)
        assert outcome(compiled(tally)) == plain()


class TestNumbasOwnWay:
    """Where code that stands alone is impossible, numba runs it."""

    def test_what_makes_arrays(self, cache: Path) -> None:
        def doubled(numbers: Any) -> int:
            copy = np.empty(2 * len(numbers), np.int64)
            copy[:] = 1
            return copy.sum()  # type: ignore[no-any-return]

        assert compiled(doubled)(np.ones(5, np.int64)) == 10
        assert not cache.exists()

    def test_arrays_that_stand_in_memory_in_another_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running.Layout, "SHAPE", running.Layout.STRIDES)
        running._engine.cache_clear()
        assert outcome(compiled(tally)) == plain()
        monkeypatch.undo()
        running._engine.cache_clear()


SCRIPT = """
import sys
import numpy as np
from fdtrace.machine_code import compiled, part

@part
def doubled(value):
    return value + value

@compiled
def total(numbers, start):
    for i in range(len(numbers)):
        start += doubled(numbers[i])
    return start

print(total(np.arange(10), 5), 'numba' in sys.modules)
"""


def begin() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_processes_compile_at_once_and_a_third_needs_no_numba(cache: Path) -> None:
    both = [begin(), begin()]
    first = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in first] == ["95 True\n"] * 2
    assert all("preparing the scanner" in said for _, said in first)
    assert kept(cache).name.startswith("total-")
    assert begin().communicate(timeout=120) == ("95 False\n", "")


def test_compiling_is_said_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_announced", kernels.threading.Event())
    compiled(cleared)(np.ones(5, np.int64))
    compiled(cleared)(np.ones(5, np.int32))
    assert [text for text in caplog.messages if "once after installation" in text] == caplog.messages
    assert len(caplog.messages) == 1
