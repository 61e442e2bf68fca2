"""Sentences about one capture and one finding that every written report says alike."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from fdtrace.model import Coverage, Finding
from fdtrace.report import assurance, cells, leftovers, terminal
from fdtrace.report.answers import Answer, is_serious
from fdtrace.report.document import Code, Words
from fdtrace.report.layout import listed

_WIDE = 100_000
_NAMED = 3
_NAME = 80
_TEXT = 300


def short(text: str, most: int = _TEXT) -> str:
    """A text of a capture in no more letters than a reader takes in."""
    return cells.shorten(text, most, "both")


def verdict(answer: Answer, asked: str) -> str:
    """Who leaks how much, how fast, until when."""
    return terminal.verdict(answer.findings, answer.coverage, asked)


def what(answer: Answer) -> Words:
    """What it is that leaks, and where it is opened."""
    serious = [finding for finding in answer.findings if is_serious(finding)]
    words: list[str | Code] = []
    for finding in serious[:_NAMED]:
        words += ["; "] if words else []
        words.append(short(finding.title, 160))
        if finding.call_site:
            words += [", opened by ", Code(short(finding.call_site, _NAME))]
        if finding.state and finding.state not in finding.title:
            words.append(f", in {finding.state}")
    if len(serious) > _NAMED:
        words.append(f"; and {cells.counted(len(serious) - _NAMED, 'more finding')}")
    return (*words, ".") if words else ()


def since(answer: Answer) -> str:
    """When the first of what leaks was opened, and the last."""
    firsts = [one.first_t_s for one in answer.findings if is_serious(one) and one.first_t_s is not None]
    lasts = [one.last_t_s for one in answer.findings if is_serious(one) and one.last_t_s is not None]
    if not firsts or not lasts:
        return ""
    coverage = answer.coverage
    into = f"{cells.duration(min(firsts))} into the capture"
    if coverage.clock == "epoch" and coverage.first_ns is not None:
        into += f", {_moment(coverage.first_ns / 1e9 + min(firsts))}"
    last = f", the last at {cells.duration(max(lasts))}" if max(lasts) > min(firsts) else ""
    return f"The first was opened {into}{last}."


def _moment(seconds: float) -> str:
    """A moment of a clock that counts from 1970."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return "at a time no calendar has"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def how_sure(answer: Answer) -> list[str]:
    """On what the answer rests, in a sentence; behind it, what the capture cannot tell."""
    serious = [finding for finding in answer.findings if is_serious(finding)]
    if not answer.coverage.calls and answer.coverage.kind == "strace":
        return []
    lines = list(assurance.lines(serious, answer.coverage, answer.others, _WIDE))
    return [line.strip().removeprefix("– ") for line in lines]


def settled(answer: Answer) -> str:
    """What was opened and closed again: no leak is to be looked for there."""
    return " ".join(terminal.settled(answer.coverage, _WIDE))


def minor(answer: Answer) -> list[str]:
    """What stays open without being a leak, and what weighs less, in lines."""
    less = [finding for finding in answer.findings if not is_serious(finding)]
    return [line.strip() for line in leftovers.lines(less, answer.coverage, _WIDE)] if less else []


def growth(finding: Finding) -> str:
    """By how much it grows; "–" where the capture does not tell."""
    return cells.rate(finding.growth_per_s) if finding.growth_per_s else "–"


def share(finding: Finding) -> str:
    """How many of those that were opened are open."""
    if finding.open is None:
        return "–"
    opened = "" if finding.opened is None else f" / {cells.count(finding.opened)}"
    return f"{cells.count(finding.open)}{opened}"


def state(finding: Finding) -> str:
    """The state of the sockets, with who told it."""
    if not finding.state:
        return "–"
    return short(f"{finding.state} ({finding.state_source})" if finding.state_source else finding.state, 80)


def process(finding: Finding) -> str:
    """Program and numbers of the processes."""
    return short(terminal.process(finding), 120)


def curve(coverage: Coverage) -> str:
    """Open descriptors from the beginning to the end, in words."""
    if not coverage.curve:
        return ""
    peak = coverage.peak if coverage.peak is not None else max(coverage.curve)
    limit = f", of at most {cells.count(coverage.limit)}" if coverage.limit else ""
    first, last = cells.count(coverage.curve[0]), cells.count(coverage.curve[-1])
    most = cells.count(peak)
    return f"Open descriptors: {first} at the beginning, {last} at the end, {most} at most{limit}."


def recorded(coverage: Coverage) -> str:
    """How a capture was recorded, or what its reader found out about its form."""
    return short((" " if coverage.kind == "strace" else "; ").join(coverage.options), 160)


def lines_read(coverage: Coverage) -> str:
    """How many lines there are, and whether all of them were understood."""
    if not coverage.problems:
        return cells.count(coverage.lines)
    return f"{cells.count(coverage.lines)}, {cells.count(coverage.problems)} of them not understood"


def length(coverage: Coverage) -> str:
    """How long a capture is."""
    return "–" if coverage.span_s is None else cells.duration(coverage.span_s)


def names(texts: Sequence[str], most: int = 6) -> str:
    """Some texts in a row."""
    return listed([short(text, _NAME) for text in texts], most)
