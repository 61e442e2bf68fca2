"""What a Case, its findings and its captures look like in a cell of a notebook.

A card is a piece of HTML that needs nothing else and stays small: what it has
no room for is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from fdtrace.model import Coverage, Finding
from fdtrace.report import cells, doctor, fragment, sentences, svg_curve, ticket
from fdtrace.report.answers import Answer, answers, is_serious
from fdtrace.report.card import INTERRUPTED, verdict
from fdtrace.report.document import Block, Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong, Words
from fdtrace.report.fragment import Drawing, Part
from fdtrace.report.terminal import summary

_ANSWERS, _CAPTURES, _FINDINGS = 20, 20, 40
_EXTENT = ticket.Extent(quotes=8, callers=24)


def case(
    found: Sequence[Finding],
    coverage: Sequence[Coverage],
    asked: str,
    skipped: Sequence[tuple[str, str]] = (),
    unreadable: Sequence[Exception] = (),
    interrupted: bool = False,
) -> str:
    """A Case at a glance: its captures, how they were recorded, what leaks, what was not used."""
    told = answers(found, coverage)
    lead: list[Words] = [(Strong(f"Case of {cells.counted(len(coverage), 'capture')}"),)]
    lead += [(verdict(told, asked),)] if told else []
    parts: list[Part] = [Lines(tuple(lead))]
    if coverage:
        parts.append(_captures(coverage[:_CAPTURES]))
    parts += _more(len(coverage) - _CAPTURES, "capture", "coverage")
    serious = [finding for finding in found if is_serious(finding)]
    parts += _overview(serious[:_FINDINGS])
    parts += _more(len(serious) - _FINDINGS, "finding", "leaks()")
    parts += _gaps(coverage[:_CAPTURES])
    parts += _unused(skipped, unreadable, interrupted)
    return fragment.render(parts)


def findings(found: Sequence[Finding], coverage: Sequence[Coverage], asked: str) -> str:
    """The answer: for each trace its verdict, the findings, below each its proof, and what is no leak."""
    told = answers(found, coverage)
    parts: list[Part] = []
    if len(told) != 1:
        said = summary(told) if told else "No capture among the inputs: nothing to judge."
        parts.append(Lines(((Strong(said),),)))
    for answer in told[:_ANSWERS]:
        if len(told) > 1:
            parts.append(Heading(3, (sentences.short(answer.coverage.capture, 120),)))
        parts += _answer(answer, asked)
    parts += _more(len(told) - _ANSWERS, "capture", "table")
    return fragment.render(parts)


def chosen(found: Sequence[Finding]) -> list[Block]:
    """Some findings with their proof, and no verdict: that would be about all of them."""
    blocks: list[Block] = list(_overview(found[:_FINDINGS]))
    for finding in found[:_FINDINGS]:
        blocks += [Heading(3, (sentences.short(finding.title, 160),)), *ticket.proof(finding, _EXTENT)]
    return [*blocks, *_more(len(found) - _FINDINGS, "finding", "")] or [Lines((("No finding.",),))]


def captures(coverage: Sequence[Coverage]) -> str:
    """What each capture can and cannot tell."""
    parts: list[Part] = []
    for one in coverage[:_CAPTURES]:
        parts.append(Heading(3, (sentences.short(one.capture, 120),)))
        rows: list[tuple[Words, ...]] = [
            ((label,), (sentences.short(text),)) for label, text in doctor.rows(one) if text
        ]
        rows += [(("cannot tell",), (sentences.short(gap),)) for gap in one.missing]
        if one.missing and one.remedy:
            rows.append((("record with",), (Code(one.remedy),)))
        parts.append(Grid(("what", "as it is"), tuple(rows)))
    parts += _more(len(coverage) - _CAPTURES, "capture", "")
    return fragment.render(parts or [Lines((("No capture.",),))])


def _captures(coverage: Sequence[Coverage]) -> Grid:
    """A row for each capture; columns in which nothing is said are left out."""
    headers = ("capture", "kind", "lines", "calls", "looks", "span", "recorded with, or form")
    rows = [
        (
            (Code(sentences.short(one.capture, 120)),),
            (one.kind,),
            (sentences.lines_read(one),),
            (cells.count(one.calls) if one.kind == "strace" else "",),
            (cells.count(one.snapshots) if one.snapshots else "",),
            ("" if one.span_s is None else cells.duration(one.span_s),),
            (sentences.recorded(one),),
        )
        for one in coverage
    ]
    told = [place for place in range(len(headers)) if any(row[place] != ("",) for row in rows)]
    shown = tuple(tuple(row[place] for place in told) for row in rows)
    numbers = frozenset(told.index(place) for place in (2, 3, 4, 5) if place in told)
    return Grid(tuple(headers[place] for place in told), shown, numbers)


def _overview(found: Sequence[Finding]) -> Iterator[Block]:
    if not found:
        return
    plain = ticket.overview(found, _EXTENT)
    rows = tuple(
        ((Strong(one.severity.upper()),), *row[1:]) for one, row in zip(found, plain.rows, strict=True)
    )
    yield Grid(plain.headers, rows, plain.numbers)


def _answer(answer: Answer, asked: str) -> Iterator[Part]:
    """One trace with what was looked at beside it, or the snapshots alone."""
    serious = [finding for finding in answer.findings if is_serious(finding)]
    sure = sentences.how_sure(answer)
    rests = " ".join(filter(None, [sentences.since(answer), *sure[:1]]))
    yield Lines(((Strong(sentences.verdict(answer, asked)),), *([(rests,)] if rests else [])))
    if len(sure) > 1:
        yield Bullets(tuple((gap,) for gap in sure[1:]))
    if not answer.coverage.closes_visible and answer.coverage.remedy:
        yield Lines((("To know, record with:",),))
        yield Quote((answer.coverage.remedy,))
    yield from _overview(serious[:_FINDINGS])
    for finding in serious[:_FINDINGS]:
        proof: tuple[Block, ...] = tuple(ticket.proof(finding, _EXTENT))
        yield Fold(sentences.short(finding.title, 160), proof)
    yield from _more(len(serious) - _FINDINGS, "finding", "table")
    if curve := svg_curve.picture(answer.coverage, _name(answer.coverage)):
        yield Drawing(curve)
    after = [sentences.curve(answer.coverage), sentences.settled(answer)]
    if lines := tuple((text,) for text in after if text):
        yield Lines(lines)
    if minor := sentences.minor(answer):
        yield Fold("What else stays open or was seen", (Bullets(tuple((line,) for line in minor)),))


def _name(coverage: Coverage) -> int:
    """A number for the curve of a capture that another one in the same notebook does not have."""
    told = repr((coverage.capture, coverage.curve)).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2s(told, digest_size=4).digest())


def _gaps(coverage: Sequence[Coverage]) -> Iterator[Part]:
    """What captures cannot tell, folded away: the answer above was given in spite of it."""
    lacking = [one for one in coverage if one.missing]
    if not lacking:
        return
    blocks: list[Block] = []
    for one in lacking:
        if len(coverage) > 1:
            blocks.append(Lines(((Code(sentences.short(one.capture, 120)),),)))
        blocks.append(Bullets(tuple((sentences.short(gap),) for gap in one.missing)))
        blocks += [Quote((one.remedy,))] if one.remedy else []
    yield Fold("What these captures cannot tell", tuple(blocks))


def _unused(
    skipped: Sequence[tuple[str, str]], unreadable: Sequence[Exception], interrupted: bool
) -> Iterator[Part]:
    lines: list[Words] = []
    if interrupted:
        lines.append((INTERRUPTED,))
    if skipped:
        lines.append((f"{cells.counted(len(skipped), 'file')} not taken: see ", Code(".skipped")))
    if unreadable:
        lines.append((f"{cells.counted(len(unreadable), 'input')} not readable: see ", Code(".unreadable")))
    if lines:
        yield Lines(tuple(lines))


def _more(number: int, noun: str, where: str) -> Iterator[Block]:
    """What a card had no room for."""
    if number > 0:
        see: Words = (": see ", Code(f".{where}")) if where else ()
        yield Lines(((f"and {cells.counted(number, f'more {noun}')}", *see),))
