"""How many tables fdtrace rebuilds exactly: see `python -m tests.reference_kernel --help`."""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.reference_kernel import Kernel
from tests.reference_schedule import DECISION, Schedule
from tests.reference_verdict import Verdict, compare
from tests.reference_worlds import possible_tables
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


def made(seed: int, *, racy: bool, decisions: int) -> tuple[Kernel, Capture]:
    """A random kernel and its capture."""
    kernel = random_kernel(seed, racy=racy, decisions=decisions)
    return kernel, print_capture(kernel, random_form(seed))


def judged(kernel: Kernel, capture: Capture, directory: Path) -> Verdict:
    """The verdict; an exception counts as a difference of all tables."""
    try:
        return compare(kernel, capture, load(capture, directory))
    except Exception as error:
        return Verdict({table.number: [f"{type(error).__name__}: {error}"] for table in kernel.tables})


def determined(kernel: Kernel) -> set[int]:
    """The tables of which the lines admit one content only."""
    possible = possible_tables(kernel, Kernel(limit=kernel.limit)) or {}
    return {task.table.number for task in kernel.tasks if len(possible.get(task.tids[0], ())) == 1}


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
        "--worlds", action="store_true", help="count also the tables that the lines determine"
    )
    parser.add_argument(
        "--show", type=int, metavar="SEED", help="print one capture and what is wrong with it"
    )
    options = parser.parse_args()
    count: Counter[str] = Counter()
    beside: list[int] = []
    with tempfile.TemporaryDirectory() as name:
        seeds = range(options.measure) if options.show is None else [options.show]
        for seed in seeds:
            kernel, capture = made(seed, racy=not options.calm, decisions=options.decisions)
            verdict = judged(kernel, capture, Path(name))
            wrong, sure = set(verdict.wrong_tables), determined(kernel) if options.worlds else set()
            sure &= set(verdict.tables)
            count += Counter(tables=len(verdict.tables), wrong=len(wrong), sure=len(sure))
            count += Counter(sure_wrong=len(sure & wrong), whole=int(bool(verdict)))
            if not verdict:
                beside.append(seed)
            if options.show is not None:
                for file, text in capture.files.items():
                    print(f"== {file}\n{text}")
                print(*verdict.differences, sep="\n")
                print("determined:", *sorted(sure))
    print(share("tables", count["tables"] - count["wrong"], count["tables"]))
    if options.worlds:
        print(share("tables that the lines determine", count["sure"] - count["sure_wrong"], count["sure"]))
    print(share("captures with all lives, copies and processes", count["whole"], len(seeds)))
    print("seeds with differences:", *beside[:40])


def share(what: str, exact: int, total: int) -> str:
    """One line of the result."""
    return f"{exact}/{total} {what} exact ({100 * exact / max(total, 1):.1f} %)"


if __name__ == "__main__":
    main()
