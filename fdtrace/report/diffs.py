"""What became of findings, in words: the verdict first, then each finding, then how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fdtrace.comparison.judging import Change, Comparison, Measure, Status
from fdtrace.comparison.sides import Side
from fdtrace.model import Finding
from fdtrace.report import cells
from fdtrace.report.document import Block, Bullets, Code, Grid, Lines, Strong, Words
from fdtrace.report.layout import BOLD, DIM, NARROWEST, RED, YELLOW, joined, labelled, listed, paint, wrapped
from fdtrace.report.markdown import render

LABELS: dict[Status, str] = {
    "new": "NEW",
    "worse": "WORSE",
    "same": "STILL",
    "better": "BETTER",
    "unknown": "UNKNOWN",
    "fixed": "FIXED",
}
_COLOURS: dict[Status, str] = {"new": RED, "worse": RED, "same": RED, "better": YELLOW, "unknown": YELLOW}
_TITLE = 11
_FIELD = 22
_NAME = 60
_SHOWN = 12


def headline(made: Comparison) -> str:
    """The verdict in a sentence."""
    fixed, unknown = made.of("fixed"), made.of("unknown")
    old, new = [one for one in made.changes if one.status != "new"], made.of("new")
    match made.verdict:
        case "nothing found":
            less = "serious " if made.least == "medium" else ""
            return f"Nothing {less}is found in BEFORE, nor in AFTER: there was nothing to fix."
        case "fixed":
            if len(fixed) == 1:
                return f"Fixed: {_cured(fixed[0])}."
            return (
                f"Fixed: all {len(fixed):,} findings of BEFORE are gone, and AFTER did enough to show them."
            )
        case "worse":
            what = cells.counted(len(new), "finding")
            if not old:
                return f"Worse: AFTER has {what}, BEFORE had none."
            rest = f"what BEFORE had is {'gone' if not unknown else 'not found again'}"
            return f"Worse: AFTER has {what} that BEFORE has not; {rest}."
        case "not fixed":
            return _not_fixed(made, old, new)
        case _:
            return _cannot_tell(made, unknown, fixed)


def _not_fixed(made: Comparison, old: Sequence[Change], new: Sequence[Change]) -> str:
    there = made.of("worse", "same", "better")
    if len(old) == 1:
        said = f"Not fixed: {_still(there[0])}"
    else:
        whole = cells.counted(len(old), "finding")
        said = f"Not fixed: {len(there):,} of {whole} of BEFORE {_are(there)} still there"
        counts = [(made.of("worse"), "worse"), (made.of("better"), "better"), (made.of("fixed"), "fixed")]
        parts = [f"{len(of):,} {word}" for of, word in counts if of]
        said += f" ({listed(parts)})" if parts else ""
    return said + (f"; {len(new):,} {_are(new)} new." if new else ".")


def _are(changes: Sequence[Change]) -> str:
    return "is" if len(changes) == 1 else "are"


def _cannot_tell(made: Comparison, unknown: Sequence[Change], fixed: Sequence[Change]) -> str:
    if not unknown:
        return "Cannot tell: AFTER could not have shown the closes (no close() was recorded)."
    if len(unknown) == 1 and not fixed:
        return f"Cannot tell whether it is fixed: {because(unknown[0])}."
    whole = cells.counted(len(unknown) + len(fixed), "finding")
    return (
        f"Cannot tell of {len(unknown):,} of {whole} of BEFORE whether it is fixed: AFTER does not show it."
    )


def _cured(change: Change) -> str:
    """What a single finding that is gone was."""
    one, measure = change.before, change.measure
    assert one is not None
    if measure is None or change.why == "gone":
        return f"{one.title}: not found any more"
    if change.why == "grows no more":
        return f"{_place(one)}: {_what(one)} pile up no more"
    now, before = _stayed(measure, False), _stayed(measure, True)
    return f"{now} that {_place(one)} opened {_stay(measure)}, {before} did before"


def _stayed(measure: Measure, before: bool) -> str:
    number, work = (measure.before, measure.before_work) if before else (measure.after, measure.after_work)
    if measure.own:
        return f"{number:,} of {work:,.0f}"
    return f"{number:,} in {_amount(work, measure.unit)}"


def _stay(measure: Measure) -> str:
    return "stays open" if measure.after == 1 else "stay open"


def _still(change: Change) -> str:
    """What a single finding has become that is still there."""
    one, measure = change.finding, change.measure
    told = one.title
    if measure is None:
        return f"{told} ({_TOLD[change.status]})"
    return f"{told} ({_TOLD[change.status]}: {share(change)})"


_TOLD: dict[Status, str] = {"worse": "worse", "same": "as before", "better": "better", "new": "new"}


def _place(one: Finding) -> str:
    return cells.shorten(one.call_site or one.target or one.kind or one.check, _NAME, "both")


def _what(one: Finding) -> str:
    return f"{one.kind}s" if one.kind else "descriptors"


def _amount(work: float, unit: str) -> str:
    """So much of a unit: `24 connections accepted`, `8.9 s`."""
    if unit == "second":
        return cells.duration(work)
    number = round(work)
    head, blank, rest = unit.partition(" ")
    if unit.endswith("()"):
        return f"{number:,} {unit} {'call' if number == 1 else 'calls'}"
    if unit == "process or thread started":
        return f"{number:,} {'process or thread' if number == 1 else 'processes or threads'} started"
    if unit == "system call":
        return cells.counted(number, unit)
    return f"{cells.counted(number, head)}{blank}{rest}"


def because(change: Change) -> str:
    """Why a finding has the status that it has."""
    one, measure = change.before or change.finding, change.measure
    assert one is not None
    where = _place(one)
    if measure is not None and (said := _counted(change, one, where, measure)):
        return said
    return {
        "blind": "AFTER has no close() calls, so what stays open there cannot be known",
        "report": "one side is a report, which has findings only: how often a place ran is not in it; "
        "compare captures or saved cases",
        "looks only": "AFTER has snapshots only, which do not show who opens what",
        "no looks": "BEFORE was seen in snapshots, and AFTER has none",
        "no times": "the snapshots do not say when they were taken, so growth cannot be compared",
        "fewer looks": "AFTER shows less than BEFORE: fewer snapshots",
        "gone": "AFTER does not have it any more",
        "severity": "it is more serious now",
        "uncounted": "it is found in both",
        "never opened": f"BEFORE never opened anything at {_place(change.finding)}",
    }.get(change.why, "")


def share(change: Change) -> str:
    """The numbers of both sides, in a few words."""
    measure = change.measure
    if measure is None:
        return _TOLD.get(change.status, "")
    return f"{_stayed(measure, True)} before, {_stayed(measure, False)} now"


def _counted(change: Change, one: Finding, where: str, measure: Measure) -> str:
    expected = f"{measure.expected:,.0f}" if measure.expected >= 9.95 else f"{measure.expected:.1f}"
    did = _amount(measure.after_work, measure.unit)
    match change.why:
        case "closed" if measure.own:
            return f"at BEFORE's rate about {expected} would have stayed open"
        case "closed" | "grows no more":
            return f"in {did} of AFTER about {expected} would have stayed open at BEFORE's rate"
        case "rarely opened":
            return (
                f"{where} opened only {measure.after_work:,.0f} in AFTER, of which "
                f"{measure.after or 'none'} stayed open; at BEFORE's rate {measure.needed:,} are needed "
                "to tell"
            )
        case "not opened":
            return (
                f"{where} opened nothing in AFTER, though the code around it ran ({did}): switched off, "
                "removed or renamed; if it was removed on purpose, this is fixed"
            )
        case "never opened" if change.status == "unknown":
            return (
                f"{where} opened nothing in AFTER: not reached, not traced, removed or renamed; at BEFORE's "
                f"rate {measure.needed:,} are needed to tell"
            )
        case "still open":
            return (
                f"{measure.after:,} of {measure.after_work:,.0f} are open at the end of AFTER too: "
                "nothing proves that they are forgotten, but they are too many to call it fixed"
            )
        case "one look" | "one look before":
            side = "AFTER" if change.why == "one look" else "BEFORE"
            return (
                f"{side} is a single look, which shows how many there are ({measure.before:,} before, "
                f"{measure.after:,} now), not whether they grow; a process that was just started has few"
            )
        case "idle":
            return (
                f"none of about {expected} piled up, but nothing came or went between the looks of AFTER: "
                "whether the process did any work is not known"
            )
        case "too short":
            return (
                f"{did} of AFTER are too short: at BEFORE's rate about {expected} would have been gained, "
                f"{cells.duration(float(measure.needed or 0))} are needed to tell"
            )
        case "grows":
            return f"{measure.after:,} more in {did} of AFTER: too many to call it fixed"
        case "gone":
            return f"not found in {did} of AFTER; BEFORE had {_amount(measure.before_work, measure.unit)}"
        case "did less":
            whole = _amount(measure.before_work, measure.unit)
            return f"AFTER did less than half of the work: {did}, not {whole}"
        case "closed before":
            return "BEFORE closed what this place opened"
        case "short before":
            return "not new: BEFORE left them open as well, but was too short to call it a leak"
        case "rate" if change.status == "same" and measure.before * measure.after_work != (
            measure.after * measure.before_work
        ):
            return "the difference may be chance"
    return ""


# -- for a terminal ------------------------------------------------------------------


def answer(made: Comparison, width: int = 100, colour: bool = False) -> str:
    """The comparison as text that ends with a line break."""
    width = max(width, NARROWEST)
    lines = [paint(line, BOLD, colour) for line in wrapped(headline(made), width)]
    for change in made.changes[:_SHOWN]:
        lines += ["", *_block(change, width, colour)]
    if len(made.changes) > _SHOWN:
        lines += ["", f"… and {len(made.changes) - _SHOWN:,} more (--format json has all)"]
    lines += ["", *labelled("BEFORE", side(made.before), width, 0, 8)]
    lines += labelled("AFTER", side(made.after), width, 0, 8)
    for text in cautions(made):
        lines += wrapped(f"– {text}", width, 2, 4)
    return "\n".join(lines) + "\n"


def _block(change: Change, width: int, colour: bool) -> Iterator[str]:
    one = change.before or change.finding
    label = LABELS[change.status]
    head = wrapped((one if change.status in ("fixed", "unknown") else change.finding).title, width, _TITLE)
    painted = paint(label, _COLOURS.get(change.status, DIM), colour)
    yield f"  {painted}{' ' * (_TITLE - 2 - len(label))}{head[0].strip() if head else one.check}"
    yield from head[1:]
    for name, text in fields(change):
        if name == "place":
            frames = joined([one.call_site or "", *one.callers], "← ", width - _FIELD)
            yield " " * _TITLE + "opened by".ljust(_FIELD - _TITLE) + frames[0]
            yield from (" " * _FIELD + line for line in frames[1:])
        else:
            yield from labelled(name, text, width, _TITLE, _FIELD)


def fields(change: Change) -> Iterator[tuple[str, str]]:
    """What there is to say of a change, each with its label."""
    one, other, measure = change.before, change.after, change.measure
    if (one or change.finding).call_site:
        yield "place", ""
    if change.heirs:
        alike = "kind and caller" if (one or change.finding).call_site else "kind, alike"
        yield "now", f"another place does it: {listed(list(change.heirs), 3)} (the same {alike})"
    elif change.moved and one is not None and other is not None:
        yield "now", f"under another name: {other.command or '?'}, {_place(other)}"
    if one is not None:
        yield "before", _told(one, measure, True)
    if change.why not in ("gone", "blind") and (other is not None or measure is not None):
        yield "after", _told(other, measure, False)
    if text := because(change):
        yield "why", text


def _told(finding: Finding | None, measure: Measure | None, before: bool) -> str:
    """The numbers of one side."""
    parts = []
    if measure is not None and measure.unit not in ("system call", "look"):
        parts.append(f"{_stayed(measure, before)} {'stayed' if before else 'stay'} open")
    elif finding is not None and finding.open is not None:
        share = finding.opened is not None and finding.open <= finding.opened
        parts.append(f"{finding.open:,}{f' of {finding.opened:,}' if share else ''} open")
    elif measure is not None and measure.unit == "look":
        parts.append(f"{measure.before if before else measure.after:,} open")
    if finding is not None:
        parts.append(finding.severity)
        if finding.growth_per_s:
            parts.append(cells.rate(finding.growth_per_s))
        if finding.state:
            parts.append(finding.state)
    return ", ".join(parts) or "not found"


def side(one: Side) -> str:
    """What was compared: its name, how long it is, how much was done in it."""
    parts = [] if one.span_s is None else [cells.duration(one.span_s)]
    if calls := sum(trace.calls for trace in one.traces):
        parts.append(cells.counted(calls, "call"))
    for unit in ("connection accepted", "connect()", "process or thread started"):
        if number := one.calls(unit):
            parts.append(_amount(number, unit))
    if one.looks:
        parts.append(cells.counted(one.looks, "look"))
    if one.places is None:
        parts.append("a report, findings only")
    return f"{one.name.rpartition('/')[2] or one.name}: {', '.join(parts) or 'nothing to count'}"


def cautions(made: Comparison) -> Iterator[str]:
    """What to keep in mind about the comparison as a whole."""
    before, after = made.before, made.after
    if before.stacks and after.traces and not after.stacks:
        yield "AFTER has no stacks (-k): places are compared by what they open"
    if after.stacks and before.traces and not before.stacks:
        yield "BEFORE has no stacks (-k): places are compared by what they open"
    for name, one in (("BEFORE", before), ("AFTER", after)):
        if any(trace.partial for trace in one.traces):
            yield f"{name} is cut off and used up to there"
    if made.of("fixed") and not any(one.measure is not None for one in made.of("fixed")):
        yield "nothing tells how much work was done"
    elif made.of("fixed"):
        yield "fixed means: if AFTER did the same kind of work as BEFORE, errors and refusals included"
    if any(made.minor):
        was, now = made.minor
        yield f"what weighs less is not compared: {was:,} before, {now:,} after (--severity low does it)"


# -- Markdown ------------------------------------------------------------------------


def markdown(made: Comparison) -> str:
    """The comparison for a ticket or the comment of a merge request."""
    blocks: list[Block] = [Lines(((Strong(headline(made)),),))]
    if rows := tuple(_row(change) for change in made.changes):
        blocks.append(Grid(("", "what", "call site", "before", "after", "why"), rows))
    blocks.append(Lines(((f"BEFORE: {side(made.before)}",), (f"AFTER: {side(made.after)}",))))
    if notes := tuple((text,) for text in cautions(made)):
        blocks.append(Bullets(notes))
    return render(blocks)


def _row(change: Change) -> tuple[Words, ...]:
    one = change.before or change.finding
    told = dict(fields(change))
    site: Words = (Code(cells.shorten(one.call_site, _NAME, "both")),) if one.call_site else ("–",)
    return (
        (LABELS[change.status],),
        (cells.shorten(one.title, 120, "both"),),
        site,
        (told.get("before", "–"),),
        (told.get("after", "–"),),
        ("; ".join(filter(None, (told.get("now"), told.get("why")))) or "–",),
    )
