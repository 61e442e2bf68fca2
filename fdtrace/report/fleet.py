"""The answer about a fleet: first how many hosts leak and by which call site, then each with its proof."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fdtrace.model import Evidence, Severity
from fdtrace.report import cells
from fdtrace.report.answers import LEAK
from fdtrace.report.layout import BOLD, DIM, NARROWEST, RED, YELLOW, joined, labelled, listed, paint, wrapped
from fdtrace.report.leftovers import NOUNS
from fdtrace.report.progress import Meter
from fdtrace.report.pseudonyms import read_key
from fdtrace.report.redact import UNSEEN, Redactor

_COLOURS = {"high": RED, "medium": YELLOW}
_TITLE, _FIELD = 10, 22
MOST_SITES = 20
"""Call sites that are told in full; the formats for programs have them all."""

_OUTCOMES = {
    "unreadable": "could not be read",
    "unreachable": "could not be fetched",
    "timed_out": "took too long",
    "out_of_memory": "needed too much memory",
    "killed": "at which the worker was killed",
    "failed": "met a fault of fdtrace",
}


@dataclass(frozen=True, slots=True)
class Site:
    """One fault in all captures of a fleet; what a field means stands in `SITES` of fdtrace.fleet.tables."""

    key: str
    check: str
    severity: Severity
    what: str
    command: str | None
    call_site: str | None
    callers: tuple[str, ...]
    kind: str | None
    target: str | None
    hosts: int
    of_hosts: int
    captures: int
    of_captures: int
    since_day: str | None
    until_day: str | None
    before: int
    since_version: str | None
    versions: tuple[str, ...]
    growth_median_per_s: float | None
    growth_max_per_s: float | None
    open: int | None
    open_max: int | None
    worst: str
    worst_host: str | None
    worst_day: str | None
    evidence: tuple[Evidence, ...]
    advice: str

    @property
    def serious(self) -> bool:
        """Whether somebody has to do something."""
        return self.severity in ("medium", "high")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a fleet has: incidents, how many of them could show a leak, how many do, on how many hosts."""

    captures: int
    judged: int
    blind: int
    leaking: int
    hosts: int
    leaking_hosts: int
    first_day: str | None
    last_day: str | None
    outcomes: dict[str, int]
    host_sources: dict[str, int]
    errors: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Done:
    """How far a scan is: incidents that are done, and what became of them."""

    analysed: int = 0
    unchanged: int = 0
    leaking: int = 0
    failed: int = 0

    @property
    def all(self) -> int:
        """All that are done."""
        return self.analysed + self.unchanged + self.failed


def what(check: str, kind: str | None, target: str | None, title: str) -> str:
    """A fault in words without the numbers of one capture."""
    if check != LEAK or kind is None:
        return title
    nouns = cells.counted(2, NOUNS.get(kind, kind)).removeprefix("2 ")
    if target and target != kind:
        nouns += f" {target}" if target.startswith("to ") else f" ({target})"
    return f"{nouns} never closed"


# -- the answer --------------------------------------------------------------


def answer(
    summary: Summary, sites: Sequence[Site], width: int = 100, colour: bool = False, limit: int | None = None
) -> str:
    """The answer as text that ends with a line break; no more than `limit` call sites are told."""
    width = max(width, NARROWEST)
    serious = [site for site in sites if site.serious]
    shown = serious[: MOST_SITES if limit is None else limit]
    lines = [paint(line, BOLD, colour) for line in wrapped(verdict(summary, serious), width)]
    for site in shown:
        lines += ["", *_block(site, width, colour)]
    if len(shown) < len(serious):
        left = cells.counted(len(serious) - len(shown), "more call site")
        lines += ["", f"… and {left}: --limit {len(serious)} shows them, --format csv has them all"]
    lines.append("")
    lines += _rest(summary, sites, width)
    return "\n".join(lines).rstrip("\n") + "\n"


def verdict(summary: Summary, serious: Sequence[Site]) -> str:
    """The first sentence."""
    if not summary.captures:
        return "No capture was analysed: nothing to judge."
    when = _between(summary.first_day, summary.last_day)
    basis = f"{cells.counted(summary.judged, 'capture')}{when}"
    leaks = [site for site in serious if site.check == LEAK]
    if not summary.judged:
        many = cells.counted(summary.captures, "capture")
        return f"Cannot tell whether anything leaks: none of {many} could have shown it."
    if not leaks:
        other = f", but {cells.counted(len(serious), 'other finding')}" if serious else ""
        return f"No leak found on {cells.counted(summary.hosts, 'host')}{other} ({basis})."
    sites = cells.counted(len(leaks), "call site")
    leak = "leaks" if len(leaks) == 1 else "leak"
    hosts = f"{summary.leaking_hosts:,} of {cells.counted(summary.hosts, 'host')}"
    widest = max(leaks, key=lambda site: site.hosts)
    since = f"; the most common one since {_since(widest)}" if widest.before else ""
    return f"{sites} {leak} on {hosts} ({basis}){since}."


def _between(first: str | None, last: str | None) -> str:
    if first is None:
        return ""
    return f" of {first}" if first == last else f" from {first} to {last}"


def _since(site: Site) -> str:
    version = f", version {site.since_version}" if site.since_version else ""
    return f"{site.since_day}{version}"


def _block(site: Site, width: int, colour: bool) -> Iterator[str]:
    """One call site with its proof."""
    hosts = f"{site.hosts:,} of {cells.counted(site.of_hosts, 'host')}"
    title = f"{site.command}: {site.what}" if site.command else site.what
    lines = wrapped(title, width, _TITLE)
    label = "  " + paint(site.severity.upper(), _COLOURS.get(site.severity, DIM), colour)
    first = label + " " * (_TITLE - 2 - len(site.severity)) + lines[0][_TITLE:]
    if len(lines) == 1 and cells.width(lines[0]) + 2 + len(hosts) <= width:
        yield first + " " * (width - cells.width(lines[0]) - len(hosts)) + hosts
    else:
        yield first
        yield from lines[1:]
        yield " " * _TITLE + hosts
    if site.call_site:
        chain = joined([site.call_site, *site.callers], "← ", width - _FIELD)[:3]
        yield " " * _TITLE + "opened by".ljust(_FIELD - _TITLE) + chain[0]
        yield from (" " * _FIELD + line for line in chain[1:])
    yield from _field("seen", _seen(site), width)
    if growth := _growth(site):
        yield from _field("growth", growth, width)
    yield from _field("worst", _worst(site), width)
    if site.evidence:
        quote = site.evidence[0]
        yield from _field(
            "evidence", f"{quote.file.rpartition('/')[2]}:{quote.line}  {quote.text.strip()}", width
        )
    if site.advice:
        yield from _field("next", site.advice, width)


def _field(label: str, text: str, width: int) -> list[str]:
    return labelled(label, text, width, indent=_TITLE, column=_FIELD)


def _seen(site: Site) -> str:
    captures = f"in {site.captures:,} of {cells.counted(site.of_captures, 'capture')}"
    if site.since_day is None:
        return captures
    versions = f"; versions {listed(list(site.versions), 4)}" if len(site.versions) > 1 else ""
    if not site.before:
        return f"{captures}, from the first day on ({_since(site)}){versions}"
    none = f"none of {cells.counted(site.before, 'capture')} before shows it"
    return f"{captures}, since {_since(site)}; {none}{versions}"


def _growth(site: Site) -> str:
    if site.growth_max_per_s is None or site.growth_median_per_s is None:
        return ""
    if site.captures == 1:
        return cells.rate(site.growth_max_per_s)
    return f"{cells.rate(site.growth_median_per_s)} (median), {cells.rate(site.growth_max_per_s)} at most"


def _worst(site: Site) -> str:
    where = ", ".join(filter(None, (site.worst_host, site.worst_day)))
    open_ = f"{where}: {cells.count(site.open_max)} open" if site.open_max else where
    return f"{open_} — {site.worst}" if open_ else site.worst


def _rest(summary: Summary, sites: Sequence[Site], width: int) -> Iterator[str]:
    """What else there is, what could not be judged, and how sure all this is."""
    minor = sum(not site.serious for site in sites)
    if minor:
        yield from wrapped(
            f"Besides: {cells.counted(minor, 'finding')} of low severity or none; --format csv has them all.",
            width,
        )
    if summary.blind:
        many = cells.counted(summary.blind, "capture")
        yield from wrapped(
            f"Cannot tell: {many} could not have shown the closes (fdtrace doctor says why).", width
        )
    if number := summary.outcomes.get("partial", 0):
        many = cells.counted(number, "capture")
        yield from wrapped(f"Judged in part: {many}, read only as far as the time limit allows.", width)
    for outcome, words in _OUTCOMES.items():
        if number := summary.outcomes.get(outcome, 0):
            yield from wrapped(f"Not judged: {cells.counted(number, 'capture')} {words}.", width)
    for incident, error in summary.errors:
        yield from wrapped(f"{incident}: {error.removeprefix(f'{incident}: ')}", width, 4)
    if number := summary.outcomes.get("no_capture", 0):
        places = "directories or files" if number > 1 else "directory or file"
        yield from wrapped(f"Passed over: {number:,} {places} without a capture that fdtrace knows.", width)
    told = sorted(summary.host_sources.items(), key=lambda item: -item[1])
    if told:
        yield from wrapped(
            f"Hosts are told by: {', '.join(f'{name} ({number:,})' for name, number in told)}.", width
        )


# -- progress ----------------------------------------------------------------


class FleetMeter(Meter):
    """Shows on a terminal how far a scan is."""

    @property
    def seconds(self) -> float:
        """How long it has taken until now."""
        return time.monotonic() - self._began

    def done(self, done: Done) -> None:
        """Take note of how far it is."""
        now = time.monotonic()
        if self._shows and now - self._began >= 1.0 and now - self._said >= 0.2:
            self._said = now
            self._show(said(done, now - self._began))


def said(done: Done, seconds: float) -> str:
    """How far a scan is, in words."""
    parts = [cells.counted(done.all, "capture")]
    if done.unchanged:
        parts.append(f"{done.unchanged:,} unchanged")
    parts.append(f"{done.leaking:,} with leaks")
    if done.failed:
        parts.append(f"{done.failed:,} not judged")
    if seconds > 0 and (worked := done.analysed + done.failed):
        parts.append(f"{worked / seconds:.1f}/s")
    return "scanning: " + ", ".join(parts)


def account(done: Done, gone: int, seconds: float) -> Iterator[str]:
    """What a scan did, in words, when it is over."""
    parts = [f"{cells.counted(done.analysed, 'capture')} analysed in {cells.duration(seconds)}"]
    if done.analysed and seconds > 0:
        parts[0] += f" ({done.analysed / seconds:.1f}/s)"
    if done.unchanged:
        parts.append(f"{done.unchanged:,} unchanged")
    if done.failed:
        parts.append(f"{done.failed:,} without an answer")
    yield ", ".join(parts)
    if gone:
        yield (
            f"{cells.counted(gone, 'capture')} of earlier scans not among these inputs: kept"
            " (--prune removes those whose files are gone)"
        )


# -- redaction ---------------------------------------------------------------


class Hidden:
    """The answer with pseudonyms, to be shared. The dataset itself keeps all names.

    `key` is a file that leads back from pseudonyms; an earlier one is taken up.
    """

    def __init__(self, key: str | None = None) -> None:
        self._key = key
        self._redactor = Redactor(read_key(key) if key else None)

    def summary(self, summary: Summary) -> Summary:
        """The summary, its errors without names."""
        text = self._redactor.text
        return replace(
            summary, errors=tuple((self._place(name), text(error)) for name, error in summary.errors)
        )

    def sites(self, sites: Sequence[Site]) -> list[Site]:
        """The call sites; what is learnt of one of them is hidden in all."""
        redactor = self._redactor
        for site in sites:
            if site.worst_host:
                redactor.host(site.worst_host)
            for command in (site.command or "").split(", "):
                redactor.program(command)
            for frame in (site.call_site, *site.callers):
                if frame:
                    redactor.symbol(frame)
            if site.target and site.target.startswith("/"):
                redactor.learn_path(site.target)
        return [self._site(site) for site in sites]

    def _site(self, site: Site) -> Site:
        redactor = self._redactor
        return replace(
            site,
            key=redactor.text(site.key),
            what=redactor.text(site.what),
            command=site.command and ", ".join(map(redactor.program, site.command.split(", "))),
            call_site=site.call_site and redactor.symbol(site.call_site),
            callers=tuple(map(redactor.symbol, site.callers)),
            target=site.target and redactor.named(site.target),
            since_version=site.since_version and redactor.text(site.since_version),
            versions=redactor.words(site.versions),
            worst=self._place(site.worst),
            worst_host=site.worst_host and redactor.host(site.worst_host),
            # What a call reads and writes is never shared; who wants to see it asks the capture.
            evidence=tuple(
                Evidence(redactor.text(quote.file.rpartition("/")[2]), quote.line, "")
                for quote in site.evidence
            ),
            advice=redactor.text(site.advice),
        )

    def _place(self, name: str) -> str:
        return self._redactor.path(name) if name.startswith("/") else self._redactor.text(name)

    def finish(self) -> tuple[str, str]:
        """Writes the key, if one is wanted; says what was replaced, and what cannot be."""
        if self._key:
            self._redactor.names.write(self._key)
        return self._redactor.account(), UNSEEN
