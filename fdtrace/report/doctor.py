"""What captures can and cannot tell, and what to record to be told more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from fdtrace.model import Coverage, Problem
from fdtrace.report import cells
from fdtrace.report.layout import BOLD, NARROWEST, labelled, listed, paint, wrapped

_COLUMN = 16
_CALLS = 12
_EXAMPLES = 8


def examine(
    coverage: Iterable[Coverage],
    problems: Sequence[tuple[str, Problem]] = (),
    skipped: Sequence[tuple[str, str]] = (),
    unreadable: Sequence[Exception] = (),
    width: int = 100,
    colour: bool = False,
) -> str:
    """The state of every capture as text that ends with a line break.

    `problems` are pairs of a capture's name and a place of it that could not be
    used; `skipped` are files that were not taken, with the reason.
    """
    width = max(width, NARROWEST)
    lines: list[str] = []
    for one in coverage:
        own = [problem for capture, problem in problems if capture == one.capture]
        lines += [*_capture(one, own, width, colour), ""]
    for title, refused in (
        ("Not taken:", [f"{name}: {reason}" for name, reason in skipped]),
        ("Not readable:", [str(error) for error in unreadable]),
    ):
        if refused:
            lines += [title, *(line for text in refused for line in wrapped(text, width, 2, 6)), ""]
    return "\n".join(lines[:-1] or ["No capture."]) + "\n"


def _capture(coverage: Coverage, problems: list[Problem], width: int, colour: bool) -> Iterator[str]:
    yield paint(cells.visible(coverage.capture), BOLD, colour)
    for label, text in rows(coverage):
        if text:
            yield from labelled(label, text, width, column=_COLUMN)
    for label, gaps in (("cannot tell", coverage.missing), ("", _nothing_missing(coverage))):
        for place, gap in enumerate(gaps):
            yield from labelled(label if place == 0 else "", gap, width, column=_COLUMN)
    if coverage.remedy and coverage.missing:
        # On a line of its own and never broken: it is there to be copied.
        yield "  record with"
        yield f"    {cells.visible(coverage.remedy)}"
    yield from _problems(problems, width)


def _nothing_missing(coverage: Coverage) -> tuple[str, ...]:
    return () if coverage.missing else ("Nothing that fdtrace asks of a capture is missing.",)


def rows(coverage: Coverage) -> Iterator[tuple[str, str]]:
    """Label and text of what is known about one capture."""
    files = [cells.counted(len(coverage.files), "file")] if len(coverage.files) > 1 else []
    amount = [cells.size(coverage.bytes)] if coverage.bytes else []
    yield "kind", ", ".join([coverage.kind, *files, *amount])
    yield "recognised by", "; ".join(coverage.reasons)
    yield "lines", _accounts(coverage)
    span = "" if coverage.span_s is None else f", {cells.duration(coverage.span_s)} long"
    yield "clock", coverage.clock + span
    if coverage.kind == "strace":
        yield "recorded with", " ".join(coverage.options)
        born = "traced from birth" if coverage.born else "attached to what was already running"
        yield "processes", f"{cells.count(coverage.processes)}, {born}"
        yield "calls", _calls(coverage)
        yield "joined", "; ".join(coverage.joined)
        yield "symbols", "; ".join(coverage.symbols).removeprefix("symbols: ")
    else:
        yield "form", "; ".join(coverage.options)
        yield "looks", cells.count(coverage.snapshots) if coverage.snapshots else ""
        yield "processes", cells.count(coverage.processes) if coverage.processes else ""
    if coverage.peak is not None:
        limit = f" of at most {cells.count(coverage.limit)}" if coverage.limit else ""
        yield "most open", f"{cells.count(coverage.peak)}{limit}"
    if coverage.partial:
        yield "cut off", "the input ends inside of something; all before that was used"


def _accounts(coverage: Coverage) -> str:
    """Every line of the input in one of four heaps; a sum that does not come out is told."""
    heaps = (
        (coverage.parsed, "read"),
        (coverage.continuation, "continuing others"),
        (coverage.blank, "blank"),
        (coverage.problems, "not usable"),
    )
    text = f"{cells.count(coverage.lines)}: " + ", ".join(
        f"{cells.count(number)} {name}" for number, name in heaps
    )
    lost = coverage.lines - sum(number for number, _ in heaps)
    return f"{text}; {cells.count(lost)} NOT ACCOUNTED FOR" if lost else text


def _calls(coverage: Coverage) -> str:
    ordered = sorted(coverage.syscalls.items(), key=lambda item: (-item[1], item[0]))
    names = [f"{name} {cells.count(number)}" for name, number in ordered]
    total = cells.count(coverage.calls)
    return f"{total}: {listed(names, _CALLS)}" if names else total


def _problems(problems: list[Problem], width: int) -> Iterator[str]:
    """How often each reason occurred, with its first place."""
    often: Counter[str] = Counter()
    first: dict[str, Problem] = {}
    for problem in problems:
        often[problem.reason] += 1
        first.setdefault(problem.reason, problem)
    label = "problems"
    for reason, number in often.most_common(_EXAMPLES):
        place = first[reason]
        where = f"{place.file}:{place.line}" if place.line else place.file
        quote = f"  {cells.shorten(place.text, 80)}" if place.text else ""
        yield from labelled(label, f"{number:,} × {reason}, first {where}{quote}", width, column=_COLUMN)
        label = ""
    if len(often) > _EXAMPLES:
        yield from labelled("", f"and {len(often) - _EXAMPLES:,} more reasons", width, column=_COLUMN)
