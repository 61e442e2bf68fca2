"""The report as a ticket has it: the verdict in three lines, the findings as a table, then the proof.

What does not fit is left out from the least to the most important, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fdtrace.model import Coverage, Evidence, Finding
from fdtrace.report import cells, sentences
from fdtrace.report.answers import Answer, is_serious, source
from fdtrace.report.document import Block, Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong, Words
from fdtrace.report.layout import listed
from fdtrace.report.terminal import summary

LEAST_CHARS = 2_000
"""No ticket is shorter: the verdict and what was left out have to fit."""

_HEADERS = ("", "what", "call site", "open / opened", "growth", "state")
_CALLERS = 3
_FRAME = 80


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of everything a ticket says; None is all of it."""

    rows: int | None = None
    details: int | None = None
    quotes: int | None = None
    callers: int | None = None
    captures: int | None = None
    letters: int = 300


@dataclass(frozen=True, slots=True)
class Particulars:
    """What there is to say about the report itself: what was analysed and left out, and the version."""

    version: str
    captures: tuple[Coverage, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


_STEPS = (
    Extent(),
    *(Extent(quotes=quotes) for quotes in (8, 5, 3)),
    Extent(quotes=3, callers=12, captures=20, letters=200),
    *(Extent(200, details, quotes=2, callers=8, captures=20, letters=160) for details in (60, 30, 15)),
    *(Extent(rows, rows // 4, quotes=1, callers=4, captures=8, letters=120) for rows in (60, 30, 15)),
    Extent(rows=8, details=1, quotes=1, callers=2, captures=4, letters=100),
    Extent(rows=4, details=0, quotes=0, callers=1, captures=2, letters=60),
    Extent(rows=0, details=0, quotes=0, callers=0, captures=0, letters=40),
)
"""How a ticket gets shorter: fewer quotes first, then fewer callers, then fewer findings."""


def fitted(
    told: Sequence[Answer],
    asked: str,
    particulars: Particulars,
    render: Callable[[Sequence[Block]], str],
    max_chars: int,
) -> str:
    """The ticket in at most so many characters, as complete as they allow."""
    text = ""
    for extent in _STEPS:
        text = render(blocks(told, asked, particulars, extent, max_chars))
        if len(text) <= max_chars:
            return text
    return f"{text[: max_chars - 2]}…\n"


def blocks(
    told: Sequence[Answer], asked: str, particulars: Particulars, extent: Extent, max_chars: int | None = None
) -> list[Block]:
    """The whole ticket; `max_chars` is what it was cut for."""
    found: list[Block] = []
    if not told:
        found.append(Lines(((Strong("No capture among the inputs: nothing to judge."),),)))
    if len(told) > 1:
        found.append(Lines(((Strong(summary(told)),),)))
    several = len(told) > 1
    most = extent.captures if several else None
    for answer in told[:most]:
        if several:
            found.append(Heading(2, (sentences.short(answer.coverage.capture, 120),)))
        found += _answer(answer, asked, extent)
    if left := _left_out(told, extent):
        fit = f" to fit {cells.count(max_chars)} characters" if max_chars else ""
        found.append(Lines(((f"Left out{fit}: {left}.",),)))
    found.append(Fold("What was analysed", tuple(_analysed(particulars, extent))))
    return found


def _answer(answer: Answer, asked: str, extent: Extent) -> Iterator[Block]:
    serious = [finding for finding in answer.findings if is_serious(finding)]
    sure = sentences.how_sure(answer)
    lead: list[Words] = [(Strong(sentences.verdict(answer, asked)),)]
    if (what := sentences.what(answer)) and extent.letters > 40:
        lead.append(what)
    lead.append((" ".join(filter(None, [sentences.since(answer), *sure[:1]])),))
    yield Lines(tuple(line for line in lead if line != ("",)))
    if len(sure) > 1:
        yield Bullets(tuple((gap,) for gap in sure[1:]))
    if not answer.coverage.closes_visible and answer.coverage.remedy:
        yield Lines((("To know, record with:",),))
        yield Quote((answer.coverage.remedy,))
    if shown := serious[: extent.rows]:
        yield overview(shown, extent)
    for number, finding in enumerate(serious[: extent.details], 1):
        yield Heading(3, (f"{number}. {cells.shorten(finding.title, extent.letters, 'both')}",))
        yield from proof(finding, extent)
    after = [sentences.curve(answer.coverage), sentences.settled(answer)]
    if lines := tuple((text,) for text in after if text):
        yield Lines(lines)
    if extent.rows != 0 and (minor := sentences.minor(answer)):
        yield Lines(tuple((line,) for line in minor))


def overview(findings: Sequence[Finding], extent: Extent) -> Grid:
    """Findings as a table, its first column their severity."""
    return Grid(_HEADERS, tuple(_row(finding, extent) for finding in findings), frozenset({3, 4}))


def _row(finding: Finding, extent: Extent) -> tuple[Words, ...]:
    chain: list[str | Code] = []
    for frame in [finding.call_site, *finding.callers][: _CALLERS if finding.call_site else 0]:
        chain += [" ← "] if chain else []
        chain.append(Code(cells.shorten(frame or "", _FRAME, "both")))
    return (
        (finding.severity.upper(),),
        (cells.shorten(finding.title, min(extent.letters, 120), "both"),),
        tuple(chain) or ("–",),
        (sentences.share(finding),),
        (sentences.growth(finding),),
        (sentences.state(finding),),
    )


def proof(finding: Finding, extent: Extent) -> Iterator[Block]:
    """What there is to say about one finding below its title."""
    lines: list[Words] = [(f"Process: {sentences.process(finding)}",)]
    if finding.call_site:
        lines.append(("Opened by: ", *_chain(finding, extent)))
    if place := source(finding):
        lines.append(("Source: ", Code(cells.shorten(place, extent.letters, "both"))))
    if finding.target and finding.target not in finding.title:
        lines.append(("Target: ", Code(cells.shorten(finding.target, extent.letters, "both"))))
    if finding.state:
        lines.append((f"State: {sentences.state(finding)}",))
    if finding.certainty != "certain":
        lines.append((f"Certainty: {finding.certainty}",))
    yield Bullets(tuple(lines))
    if finding.reasons:
        yield Lines(((Strong("Why"),),))
        yield Bullets(tuple((cells.shorten(reason, extent.letters, "both"),) for reason in finding.reasons))
    if finding.advice:
        yield Lines(((Strong("Next:"), " " + cells.shorten(finding.advice, extent.letters, "both")),))
    if quoted := finding.evidence[: extent.quotes]:
        more = len(finding.evidence) - len(quoted)
        title = f"Evidence: {cells.counted(len(quoted), 'line')}{f', {more:,} more left out' if more else ''}"
        yield Fold(title, (Quote(tuple(quote_line(quote, extent.letters) for quote in quoted)),))


def _chain(finding: Finding, extent: Extent) -> Words:
    frames = [finding.call_site or "", *finding.callers]
    shown = frames[: None if extent.callers is None else extent.callers + 1]
    words: list[str | Code] = []
    for frame in shown:
        words += [" ← "] if words else []
        words.append(Code(cells.shorten(frame, _FRAME, "both")))
    if len(shown) < len(frames):
        words.append(f" ← {cells.counted(len(frames) - len(shown), 'more frame')}")
    return tuple(words)


def quote_line(quote: Evidence, letters: int) -> str:
    """A quoted line with the file, by its name alone, and the number under which it is found."""
    name = cells.shorten(quote.file.rpartition("/")[2], 60, "both")
    where = f"{name}:{quote.line}" if quote.line else name
    return cells.shorten(f"{where}  {quote.text.strip()}", letters + 60, "both")


def _left_out(told: Sequence[Answer], extent: Extent) -> str:
    """What the extent has no room for, with its numbers."""
    captures = len(told) - len(told[: extent.captures]) if len(told) > 1 else 0
    shown = told[: extent.captures] if len(told) > 1 else told
    serious = [[finding for finding in answer.findings if is_serious(finding)] for answer in shown]
    total = sum(map(len, serious))
    hidden = total - sum(len(of[: extent.rows]) for of in serious)
    detailed = [finding for of in serious for finding in of[: extent.details]]
    brief = total - hidden - len(detailed)
    quotes = sum(len(finding.evidence) - len(finding.evidence[: extent.quotes]) for finding in detailed)
    heaps = (
        (captures, "capture", ""),
        (hidden, "finding", ""),
        (brief, "finding", " told in the table only"),
        (quotes, "quoted line", ""),
    )
    parts = [f"{cells.counted(number, noun)}{where}" for number, noun, where in heaps if number > 0]
    return listed(parts)


def _analysed(particulars: Particulars, extent: Extent) -> Iterator[Block]:
    captures, most = particulars.captures, extent.captures
    rows = tuple(
        (
            (Code(cells.shorten(one.capture.rpartition("/")[2], 60, "both")),),
            (one.kind,),
            (sentences.lines_read(one),),
            (sentences.length(one),),
            (cells.shorten(sentences.recorded(one), extent.letters),),
        )
        for one in captures[:most]
    )
    if rows:
        yield Grid(("capture", "kind", "lines", "span", "recorded with, or form"), rows)
    if len(rows) < len(captures):
        yield Lines(((f"and {cells.counted(len(captures) - len(rows), 'more capture')}",),))
    for title, texts in (("Not taken", particulars.skipped), ("Not readable", particulars.unreadable)):
        if texts:
            shown = sentences.names([text for text in texts], 5 if extent.letters > 60 else 1)
            yield Lines(((f"{title}: {shown}.",),))
    yield Bullets(tuple((note,) for note in (*particulars.notes, particulars.version)))
