"""How many tables fdtrace rebuilds exactly: see `python -m tests.reference_kernel --help`."""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.reference_kernel import Kernel
from tests.reference_schedule import DECISION, Schedule
from tests.reference_verdict import Verdict, compare
from tests.strace_text import Capture, Form, print_capture


def load(capture: Capture, directory: Path) -> Any:
    """The case that fdtrace makes of a capture, written to an empty directory."""
    import fdtrace

    for old in directory.iterdir():
        old.unlink()
    for name, text in capture.files.items():
        (directory / name).write_text(text, encoding="utf-8", newline="")
    return fdtrace.load(*sorted(str(path) for path in directory.iterdir()))


def random_kernel(seed: int, *, racy: bool, decisions: int) -> Kernel:
    """A kernel after a random program."""
    choose = random.Random(seed)
    kernel = Kernel(limit=choose.choice([1024, 1024, 9]))
    return Schedule(kernel, racy=racy).run([choose.randrange(DECISION) for _ in range(decisions)])


def random_form(seed: int) -> Form:
    """A way to call strace; most are like `strace -f -o FILE`."""
    choose = random.Random(seed)
    split = choose.random() < 0.2
    return Form(
        clock="ttt" if split else choose.choice(["none", "tt"]),
        durations=split,
        split=split,
        annotate=choose.choice(["none", "y", "yy"]),
    )


def verdicts(number: int, *, racy: bool, decisions: int) -> Iterator[tuple[int, Verdict, str]]:
    """Seed, verdict and text of many captures; an exception counts as a difference."""
    with tempfile.TemporaryDirectory() as name:
        for seed in range(number):
            kernel = random_kernel(seed, racy=racy, decisions=decisions)
            capture = print_capture(kernel, random_form(seed))
            text = "\n".join(f"== {file}\n{body}" for file, body in capture.files.items())
            try:
                verdict = compare(kernel, capture, load(capture, Path(name)))
            except Exception as error:
                verdict = Verdict(processes=[f"{type(error).__name__}: {error}"])
            yield seed, verdict, text


def main() -> None:
    """Print the share of exact tables of racy and calm programs."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reference_kernel",
        description="Measures how many descriptor tables of random racing programs are rebuilt exactly.",
    )
    parser.add_argument(
        "--measure", type=int, default=200, metavar="N", help="captures to make (default 200)"
    )
    parser.add_argument("--decisions", type=int, default=120, help="length of each program (default 120)")
    parser.add_argument("--calm", action="store_true", help="only overlaps that leave nothing open")
    parser.add_argument(
        "--show", type=int, metavar="SEED", help="print one capture and what is wrong with it"
    )
    options = parser.parse_args()
    tables = exact = whole = 0
    beside: list[int] = []
    for seed, verdict, text in verdicts(options.measure, racy=not options.calm, decisions=options.decisions):
        tables += len(verdict.tables)
        exact += len(verdict.tables) - len(verdict.wrong_tables)
        whole += bool(verdict)
        if not verdict:
            beside.append(seed)
        if seed == options.show:
            print(text, *verdict.differences, sep="\n")
    print(f"tables    {exact}/{tables} exact ({100 * exact / max(tables, 1):.1f} %)")
    print(f"captures  {whole}/{options.measure} exact with all lives, copies and processes")
    print("seeds with differences:", *beside[:40])


if __name__ == "__main__":
    main()
