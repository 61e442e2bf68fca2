"""The answer on a terminal: the verdict first, then what proves it, then how sure it is.

Each capture gets one answer, the worst capture first: a sentence with process,
size and urgency; the findings in order of seriousness, each with what, who, why,
proof and next step; the curve; what is not leaking; and what the capture cannot
tell. Where nothing is found one sentence says so, and where nothing could be,
what to record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fdtrace.model import Coverage, Finding
from fdtrace.report import assurance, cells, leftovers
from fdtrace.report.answers import LEAK, Answer, answers, is_serious, leaks_of, source
from fdtrace.report.layout import (
    BOLD,
    DIM,
    NARROWEST,
    RED,
    YELLOW,
    joined,
    labelled,
    listed,
    paint,
    wrapped,
)

_COLOURS = {"high": RED, "medium": YELLOW}
_LABEL = 2
_TITLE = 10
_FIELD = 22
_QUOTES = 3
_PIDS = 4
_NAME = 60
_YEAR_S = 366 * 86_400
_DURATION = re.compile(r" <\d+\.\d+>$")


def answer(
    findings: Iterable[Finding],
    coverage: Iterable[Coverage],
    width: int = 100,
    colour: bool = False,
    asked: str = "leaks",
    limit: int | None = None,
) -> str:
    """What was found in each capture, as text that ends with a line break.

    `asked` is `leaks` when only leaks were looked for, `check` when all checks were run.
    No more than `limit` findings are shown; the verdict is about all of them.
    """
    width = max(width, NARROWEST)
    told = answers(findings, coverage)
    lines: list[str] = []
    if len(told) > 1:
        lines += [*(paint(line, BOLD, colour) for line in wrapped(summary(told), width)), ""]
    for one in told:
        if len(told) > 1:
            lines += [paint(f"── {cells.visible(one.coverage.capture)}", BOLD, colour), ""]
        shown = one.findings[:limit]
        lines += [*_about(one.findings, shown, one.coverage, one.others, width, colour, asked), ""]
        limit = None if limit is None else limit - len(shown)
    if not told:
        lines += ["No capture among the inputs: nothing to judge.", ""]
    return "\n".join(lines[:-1]) + "\n"


def summary(told: Sequence[Answer]) -> str:
    """One sentence about several captures."""
    leaking = [one.coverage.capture for one in told if leaks_of(one.findings)]
    blind = sum(not one.coverage.closes_visible and not leaks_of(one.findings) for one in told)
    many = f"{len(told):,} captures"
    said = f"None of {many} shows a leak"
    if leaking:
        shows = "shows a leak" if len(leaking) == 1 else "show leaks"
        said = f"{len(leaking):,} of {many} {shows}: {listed(leaking, 4)}"
    return f"{said}; {blind:,} cannot tell." if blind else f"{said}."


def _about(
    findings: list[Finding],
    shown: list[Finding],
    coverage: Coverage,
    others: list[Coverage],
    width: int,
    colour: bool,
    asked: str,
) -> Iterator[str]:
    """The answer for one capture, with some or all of its findings; `others` are what it was joined with."""
    serious = [finding for finding in shown if is_serious(finding)]
    minor = [finding for finding in shown if not is_serious(finding)]
    for line in wrapped(verdict(findings, coverage, asked), width):
        yield paint(line, BOLD, colour)
    if not coverage.closes_visible:
        yield from _how_to_know(coverage, width)
    for finding in serious:
        yield ""
        yield from _block(finding, serious, width, colour)
    if minor:
        yield ""
        yield from leftovers.lines(minor, coverage, width)
    if curve := _curve(coverage, width):
        yield ""
        yield curve
    yield ""
    yield from settled(coverage, width)
    if coverage.calls or coverage.kind != "strace":
        yield from assurance.lines(serious, coverage, others, width)
    yield from assurance.next_commands(serious, coverage, others)


def verdict(findings: Sequence[Finding], coverage: Coverage, asked: str = "leaks") -> str:
    """The first sentence: who leaks how much, how fast, until when, or that nobody does or nobody knows."""
    leaks = leaks_of(findings)
    others = [finding for finding in findings if finding.check != LEAK and is_serious(finding)]
    span = "" if coverage.span_s is None else f" in {cells.duration(coverage.span_s)}"
    if leaks:
        return _leaking(leaks, coverage, span)
    if coverage.kind != "strace":
        return _calm_looks(coverage, others, span)
    if not coverage.calls:
        return "Nothing to judge: there is no system call in this capture."
    if not coverage.closes_visible:
        return "Cannot tell whether anything leaks: this capture could not have shown the closes."
    span = f"{span} and" if span else " in"
    processes = cells.counted(max(coverage.processes, 1), "process")
    sentence = f"No leak found{span} {cells.counted(coverage.calls, 'call')} of {processes}"
    if others:
        return f"{sentence}, but {cells.counted(len(others), 'other finding')}."
    if asked == "leaks":
        return f"{sentence}."
    more = any(finding.check != LEAK for finding in findings)
    return f"{sentence}, and nothing else that is {'serious' if more else 'wrong'}."


def _calm_looks(coverage: Coverage, others: list[Finding], span: str) -> str:
    """The verdict on snapshots, or a log, in which nothing grows."""
    if others:
        return f"No growth found, but {cells.counted(len(others), 'other finding')}."
    if not coverage.snapshots:
        return f"Nothing wrong found in {cells.counted(coverage.lines, 'line')} of a libwebsockets log."
    if coverage.snapshots == 1:
        return "Nothing suspicious in this one look at the system; only a second look could show growth."
    return f"No growth found{span}{',' if span else ''} in {cells.counted(coverage.snapshots, 'look')}."


def _leaking(leaks: list[Finding], coverage: Coverage, span: str) -> str:
    who, many = _who(leaks)
    number = sum(leak.open or 0 for leak in leaks)
    unsure = "" if any(leak.severity == "high" for leak in leaks) else "probably "
    what = cells.counted(number, "descriptor") if number else "descriptors"
    sentence = f"{who} {unsure}{'leak' if many else 'leaks'} {what}{_lately(leaks, number, span)}"
    return sentence + ("" if many else _urgency(leaks, coverage)) + "."


def _lately(leaks: list[Finding], number: int, span: str) -> str:
    """In which time, and how many of them, where some were there before."""
    before = sum(leak.before or 0 for leak in leaks)
    if not before or not span:
        return span
    return f", {cells.count(number - before) if number > before else 'none'} of them{span}"


def _who(findings: Sequence[Finding]) -> tuple[str, bool]:
    """The process or processes of some findings, and whether they are several."""
    pids = sorted({pid for finding in findings for pid in _pids(finding)})
    commands = sorted({cells.shorten(one.command, _NAME, "both") for one in findings if one.command})
    name = listed(commands, 3) or ("Processes" if len(pids) > 1 else "The process")
    if len(pids) > 1:
        return f"{name} ({len(pids):,} processes)" if commands else f"{len(pids):,} processes", True
    return (f"{name} (pid {pids[0]})" if pids else name), len(commands) > 1


def _pids(finding: Finding) -> tuple[int, ...]:
    return finding.pids or (() if finding.pid is None else (finding.pid,))


def _urgency(leaks: list[Finding], coverage: Coverage) -> str:
    """When the limit is reached at this rate, if the capture tells both."""
    if not coverage.limit:
        return ""
    if coverage.peak is not None and coverage.peak >= coverage.limit:
        return f" and has reached its limit of {cells.count(coverage.limit)}"
    growth = sum(leak.growth_per_s or 0.0 for leak in leaks)
    now = coverage.curve[-1] if coverage.curve else coverage.peak
    if growth <= 0 or now is None:
        return ""
    left = (coverage.limit - now) / growth
    if not 0 <= left < _YEAR_S:
        return ""
    limit, when = cells.count(coverage.limit), cells.duration(left)
    return f" and, at this rate, reaches its limit of {limit} in about {when}"


def _how_to_know(coverage: Coverage, width: int) -> Iterator[str]:
    seen = sorted(coverage.syscalls.items(), key=lambda item: (-item[1], item[0]))
    if seen:
        names = [f"{name} {cells.count(number)}" for name, number in seen]
        yield from wrapped(f"Calls that it has: {listed(names, 8)}.", width)
    if coverage.remedy:
        yield "To know, record with:"
        yield f"    {cells.visible(coverage.remedy)}"


def _block(finding: Finding, shown: list[Finding], width: int, colour: bool) -> Iterator[str]:
    """One serious finding with its proof."""
    yield from _headline(finding, width, colour)
    if len({_pids(other) for other in shown}) > 1 or len(_pids(finding)) > 1:
        yield from _field("process", process(finding), width)
    yield from _call_site(finding, width)
    if finding.target and not any(
        place in finding.title for place in (finding.target, finding.peer) if place
    ):
        yield from _field("target", finding.target, width)
    for label, reason in zip(["why", *[""] * len(finding.reasons)], finding.reasons, strict=False):
        yield from _field(label, reason, width)
    yield from _evidence(finding, width)
    if finding.certainty != "certain":
        yield from _field("certainty", finding.certainty, width)
    if finding.advice:
        yield from _field("next", finding.advice, width)


def _headline(finding: Finding, width: int, colour: bool) -> Iterator[str]:
    marks = [cells.rate(finding.growth_per_s)] if finding.growth_per_s else []
    if finding.state:
        source = f" ({finding.state_source})" if finding.state_source else ""
        marks.append(cells.visible(f"{finding.state}{source}"))
    aside = "  ".join(marks)
    lines = wrapped(finding.title, width, _TITLE) or [" " * _TITLE + finding.check]
    label = " " * _LABEL + paint(finding.severity.upper(), _COLOURS.get(finding.severity, DIM), colour)
    lines[0] = label + " " * (_TITLE - _LABEL - len(finding.severity)) + lines[0][_TITLE:]
    bare = _TITLE + cells.width(lines[0]) - cells.width(label) - (_TITLE - _LABEL - len(finding.severity))
    if aside and len(lines) == 1 and bare + 2 + len(aside) <= width:
        lines[0] += " " * (width - bare - len(aside)) + aside
    elif aside:
        lines.append(" " * _TITLE + aside)
    yield from lines


def _field(label: str, text: str, width: int) -> list[str]:
    return labelled(label, text, width, indent=_TITLE, column=_FIELD)


def process(finding: Finding) -> str:
    """Program and process numbers of a finding."""
    pids = [str(pid) for pid in _pids(finding)]
    numbers = f"pid {pids[0]}" if len(pids) == 1 else f"pids {listed(pids, _PIDS)}"
    return f"{finding.command or 'unknown program'} ({numbers})" if pids else finding.command or "unknown"


def _call_site(finding: Finding, width: int) -> Iterator[str]:
    if not finding.call_site:
        return
    chain = joined([finding.call_site, *finding.callers], "← ", width - _FIELD)
    yield " " * _TITLE + "opened by".ljust(_FIELD - _TITLE) + chain[0]
    yield from (" " * _FIELD + line for line in chain[1:])
    if place := source(finding):
        yield from _field("at", place, width)


def _evidence(finding: Finding, width: int) -> Iterator[str]:
    more = len(finding.evidence) - _QUOTES
    label = "evidence"
    for place, quote in enumerate(finding.evidence[:_QUOTES]):
        name = quote.file.rpartition("/")[2]
        where = f"{name}:{quote.line}" if quote.line else name
        note = f"  … and {more:,} more" if more > 0 and place == _QUOTES - 1 else ""
        text = cells.visible(f"{where}  {quote.text.strip()}")
        room = max(width - _FIELD - len(note), 20)
        yield " " * _TITLE + label.ljust(_FIELD - _TITLE) + _quoted(text, room) + note
        label = ""


def _quoted(text: str, columns: int) -> str:
    """A line of a capture, shortened in its arguments: what it returned says the most."""
    if cells.width(text) <= columns:
        return text
    text = _DURATION.sub("", text)
    call, equals, result = text.rpartition(") = ")
    result = equals + result
    if not equals or cells.width(result) * 3 > columns * 2:
        return cells.shorten(text, columns)
    return cells.shorten(call, columns - cells.width(result)) + result


def _curve(coverage: Coverage, width: int) -> str:
    if not coverage.curve:
        return ""
    first, last = coverage.curve[0], coverage.curve[-1]
    limit = f"   limit {cells.count(coverage.limit)}" if coverage.limit else ""
    peak = f"   peak {cells.count(coverage.peak)}" if coverage.peak and coverage.peak > last else ""
    start, end = f"open descriptors  {cells.count(first)} ", f" {cells.count(last)}{peak}{limit}"
    blocks = cells.spark(coverage.curve, min(40, width - len(start) - len(end)))
    return f"{start}{blocks}{end}"


def settled(coverage: Coverage, width: int) -> Iterator[str]:
    """What is not leaking, so that nobody looks for the leak there."""
    settled = sorted(coverage.settled.items(), key=lambda item: (-item[1], item[0]))
    if settled and coverage.closes_visible:
        kinds = [cells.counted(number, leftovers.NOUNS.get(kind, kind)) for kind, number in settled]
        yield from wrapped(f"Opened and closed again: {listed(kinds, 8)}.", width)
