"""Records, enlarges and measures: one line for each thing that is measured, as ratios to a bare Python loop.

python -m tests.benchmarks                 # captures of 400 MB, and of four times as much: ten minutes
python -m tests.benchmarks --size 50 --only build --runs 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import captures, rows
from .measure import FLOOR, GUNZIP, PROJECT, SCAN, UNZSTD, Cost, cost, fdtrace, keep_in, machine, python

_SMALL = 2_000_000
_BY_LINES = 20_000_000
"""Bytes of a capture that the line scanner reads, which takes twenty times as long as the other."""
_ROWS = 100_000
_FIRST = 10_000
"""Threads of the capture for which all is compiled: more than tables have room for at first."""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--size", type=int, default=400, metavar="MB", help="of the captures (400)")
    parser.add_argument(
        "--only", choices=[*captures.KINDS, "small"], help="one kind of capture, or the small things"
    )
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of which the median counts (3)")
    parser.add_argument("--folder", type=Path, help="where captures are, or are made and kept")
    wanted = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="fdtrace-benchmarks.") as temporary:
        folder = wanted.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        keep_in(Path(temporary))
        _first(Path(temporary))
        for kind in captures.KINDS:
            if wanted.only in (None, kind):
                _large(kind, folder, wanted.size * 1_000_000, wanted.runs)
        if wanted.only in (None, "small"):
            _small(folder, wanted.runs)


def _first(folder: Path) -> None:
    """What only the first run after the installation takes: it compiles what reads, rebuilds and grows."""
    capture = folder / "first.strace"
    capture.write_bytes(b"".join(rows.calls_of_many(_FIRST)))
    try:
        found = [
            cost(fdtrace(command, str(capture)), 1, FDTRACE_SCANNER="fast")
            for command in ("leaks", "check", "doctor")
        ]
    except RuntimeError as error:
        print(f"first compilation: failed: {error}")
    else:
        _seconds("first run, which compiles", found[0])


def _large(kind: str, folder: Path, size: int, runs: int) -> None:
    """Everything about one kind of capture, and the same at four times its size."""
    try:
        base = folder / f"{kind}.base"
        base = base if base.exists() else captures.record(kind, folder)
        capture = captures.enlarge(base, size, folder / f"{kind}.strace")
    except RuntimeError as error:
        print(f"\n{kind}: not measured: {error}")
        return
    print(f"\n{kind}: {captures.KINDS[kind][0].__doc__}")
    print(f"  {capture.stat().st_size / 1e6:,.0f} MB, strace {' '.join(captures.KINDS[kind][1])}", flush=True)
    _tried(fdtrace("check", str(capture)), 1)  # whatever code this kind needs besides is there then
    floor = cost(python(FLOOR, str(capture)), runs)
    _line("bare Python loop", floor, floor)
    _line("wc -l", cost(["wc", "-l", str(capture)], runs), floor)
    _by_lines(base, min(size, _BY_LINES), folder, runs)
    _line("scanner: fast", _tried(python(SCAN, str(capture), "fast"), runs), floor)
    leaks = _tried(fdtrace("leaks", str(capture)), runs)
    _line("fdtrace leaks", leaks, floor)
    for command in ("check", "doctor"):
        _line(f"fdtrace {command}", _tried(fdtrace(command, str(capture)), 1), floor)
    _compressed(capture, leaks)
    captures.enlarge(base, 4 * size, capture)
    _growth("bare Python loop, four times", cost(python(FLOOR, str(capture)), 1), floor)
    _growth("fdtrace leaks, four times", _tried(fdtrace("leaks", str(capture)), 1), leaks)
    capture.unlink()


def _by_lines(base: Path, size: int, folder: Path, runs: int) -> None:
    """The line scanner, beside a bare loop over the same text: less of it, because it takes its time."""
    part = captures.enlarge(base, size, folder / "part.strace")
    floor = cost(python(FLOOR, str(part)), runs)
    name = f"scanner: lines, of {size / 1e6:,.0f} MB"
    _line(name, _tried(python(SCAN, str(part), "lines"), 1), floor, "the loop over that")
    part.unlink()


def _compressed(capture: Path, plain: Cost | None) -> None:
    """The same capture compressed, beside what its decompressor takes alone."""
    for suffix, code in ((".gz", GUNZIP), (".zst", UNZSTD)):
        try:
            packed = captures.compressed(capture, suffix)
            alone = cost(python(code, str(packed)), 1)
        except RuntimeError as error:
            print(f"  {suffix}: not measured: {str(error).splitlines()[-1]}")
            continue
        _line(f"decompressing {suffix}", alone, alone, f"{suffix} alone")
        _line(f"scanner: {suffix}", _tried(python(SCAN, str(packed), "fast"), 1), alone, f"{suffix} alone")
        if plain is not None:
            _line(f"fdtrace leaks: {suffix}", _tried(fdtrace("leaks", str(packed)), 1), plain, "leaks, plain")
        packed.unlink()


def _small(folder: Path, runs: int) -> None:
    """Start-up, small captures, snapshots of many rows."""
    print("\nsmall things", flush=True)
    often = max(runs, 5)
    start = cost(python("pass"), often)
    _seconds("python -c pass", start)
    _small_line("fdtrace --help", fdtrace("--help"), often, start, "python -c pass")
    for kind in captures.KINDS:
        base = folder / f"{kind}.base"
        try:
            base = base if base.exists() else captures.record(kind, folder)
            capture = captures.enlarge(base, _SMALL, folder / "2mb.strace")
        except RuntimeError as error:
            print(f"  {kind}, 2 MB: not measured: {error}")
        else:
            floor = cost(python(FLOOR, str(capture)), often)
            _small_line(f"fdtrace leaks, {kind}, 2 MB", fdtrace("leaks", str(capture)), often, floor)
    for sample in sorted(path for path in (PROJECT / "samples").iterdir() if path.is_dir()):
        _small_line(
            f"fdtrace leaks {sample.name}", fdtrace("leaks", str(sample)), often, start, "python -c pass"
        )
    writers: dict[str, tuple[Callable[[Path, int], Path], str]] = {
        "lsof": (rows.lsof, "open-files"),
        "ss": (rows.ss, "sockets"),
    }
    for name, (write, table) in writers.items():
        snapshot = write(folder / f"{name}.txt", _ROWS)
        command = fdtrace(table, str(snapshot), "--format", "csv")
        found = _tried(command, runs)
        if found is None:
            print(f"  {name}, {_ROWS:,} rows to csv: failed")
        else:
            _seconds(f"{name}, {_ROWS:,} rows to csv", found)


def _small_line(name: str, command: list[str], runs: int, floor: Cost, of: str = "the loop") -> None:
    found = _tried(command, runs)
    if found is not None:
        _line(name, found, floor, of)


def _tried(command: list[str], runs: int) -> Cost | None:
    try:
        return cost(command, runs)
    except RuntimeError as error:
        print(f"  failed: {str(error).splitlines()[-1]}")
        return None


def _line(name: str, found: Cost | None, floor: Cost, of: str = "the loop") -> None:
    if found is not None:
        ratio = f"{found.wall_s / floor.wall_s:7.2f} × {of}"
        print(
            f"  {name:38} {found.wall_s:8.2f} s {found.cpu_s:8.2f} s CPU {found.peak_mb:7,.0f} MB {ratio}",
            flush=True,
        )


def _growth(name: str, found: Cost | None, before: Cost | None) -> None:
    if found is not None and before is not None:
        time, memory = found.wall_s / before.wall_s, found.peak_mb / before.peak_mb
        growth = f"{time:7.2f} × the time, {memory:.2f} × the memory"
        print(
            f"  {name:38} {found.wall_s:8.2f} s {found.cpu_s:8.2f} s CPU {found.peak_mb:7,.0f} MB {growth}",
            flush=True,
        )


def _seconds(name: str, found: Cost) -> None:
    print(f"  {name:38} {found.wall_s:8.2f} s {found.cpu_s:8.2f} s CPU {found.peak_mb:7,.0f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
