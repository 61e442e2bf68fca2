"""What `fdtrace record` costs a program beside bare strace: `python -m tests.benchmarks.recording`.

The program does the same work each time and tells how long it took; starting the
recorder is told apart. Runs alternate, so that other work on the machine meets all of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fdtrace.record.plan import Plan, chosen_options
from fdtrace.record.strace_options import words_of
from fdtrace.record.tools import find_strace

from .measure import machine

_ROOT = Path(__file__).parent.parent.parent
_SOURCE = """
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **words)
{
    struct timespec a, b;
    char text[512];
    int rounds = atoi(words[1]), own = atoi(words[2]);
    volatile double x = 1;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < rounds; i++) {
        int f = open("/etc/passwd", O_RDONLY);
        for (int j = 0; j < 4; j++) read(f, text, 64);
        close(f);
        for (int j = 0; j < 20; j++) getppid();
        for (int j = 0; j < own; j++) x = x * 1.0000001;
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%.6f\\n", (b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9);
    return 0;
}
"""
"""A round is six calls that are recorded, twenty that are not, and some work of its own."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.recording", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=10_000, metavar="N", help="of the program (10,000)")
    parser.add_argument(
        "--own", type=int, default=20_000, metavar="N", help="steps of its own in each (20,000)"
    )
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of which the median counts (5)")
    wanted = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="fdtrace-recording.") as place:
        program = _compiled(Path(place))
        command = [program, str(wanted.rounds), str(wanted.own)]
        kinds = _kinds(Path(place), command)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        for _ in range(wanted.runs):
            for name, run in kinds.items():
                times[name].append(run())
    _show(times)


def _compiled(place: Path) -> str:
    (place / "work.c").write_text(_SOURCE)
    subprocess.run(["gcc", "-w", "-O1", "-o", place / "work", place / "work.c"], check=True)
    return str(place / "work")


def _kinds(place: Path, command: list[str]) -> dict[str, Callable[[], tuple[float, float]]]:
    """Each way to run the program, by its name."""
    strace = find_strace()
    kinds: dict[str, Callable[[], tuple[float, float]]] = {"alone": lambda: _timed(command)}
    ways = [("full", Plan("-", ("-",))), ("light", Plan("-", ("-",), detail="light"))]
    ways += [("stacks", Plan("-", ("-",), stacks=True))] if strace.stacks else []
    for name, plan in ways:
        words = words_of(chosen_options(strace, plan))
        bare = [strace.path, *words, "-o", str(place / "bare.strace"), *command]
        more = {"full": [], "light": ["--light"], "stacks": ["--stacks"]}[name]
        kinds[f"strace, {name}"] = lambda bare=bare: _timed(bare)  # type: ignore[misc]
        kinds[f"record, {name}"] = lambda more=more: _recorded(place / "rec", more, command)  # type: ignore[misc]
    kinds["record, full, -z"] = lambda: _recorded(place / "rec", ["-z"], command)
    return kinds


def _recorded(folder: Path, more: list[str], command: list[str]) -> tuple[float, float]:
    shutil.rmtree(folder, ignore_errors=True)
    return _timed([sys.executable, "-m", "fdtrace", "record", "-o", str(folder), *more, "--", *command])


def _timed(words: list[str]) -> tuple[float, float]:
    """Seconds that the program says it took, and all in all."""
    begun = time.monotonic()
    env = {**os.environ, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env, check=True
    )
    return float(done.stdout), time.monotonic() - begun


def _show(times: dict[str, list[tuple[float, float]]]) -> None:
    """A line for each way. On a busy machine the least of many runs tells more than the median."""
    least = {name: min(own for own, _ in runs) for name, runs in times.items()}
    middle = {name: statistics.median(own for own, _ in runs) for name, runs in times.items()}
    heads = f"{'median':>9} {'least':>9} {'× alone':>8} {'× strace: median':>17} {'least':>6}"
    print(f"{'':18} {heads} {'start, end':>11}")
    for name, runs in times.items():
        around = statistics.median(wall - own for own, wall in runs)
        bare = "strace, " + name.split(", ")[1] if name.startswith("record") else ""
        ratios = f"{middle[name] / middle[bare]:17.2f} {least[name] / least[bare]:6.2f}" if bare else " " * 24
        alone = least[name] / least["alone"]
        print(f"{name:18} {middle[name]:8.3f}s {least[name]:8.3f}s {alone:8.1f} {ratios} {around:10.2f}s")


if __name__ == "__main__":
    main()
