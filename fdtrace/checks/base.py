"""What all checks share: the frame of a check, and quoting a capture as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar, TypedDict

from ..history.callsites import CallSite, CallSites
from ..history.kernel import Observer
from ..history.lives import At
from ..history.run import History
from ..model import Evidence, Finding
from ..readers.strace.layout import LEADER
from ..readers.strace.window import Scan


class Check(Observer):
    """One question put to a capture.

    `scan` interns the capture's stacks, `sites` names their call sites. A
    subclass observes what it needs and answers in `findings`.
    """

    name: ClassVar[str]

    def __init__(self, scan: Scan, sites: CallSites) -> None:
        self.scan = scan
        self.sites = sites

    def site(self, stack: int) -> CallSite | None:
        """The call site of a stack code; None without a stack."""
        return self.sites.of(self.scan.stacks[stack]) if stack >= 0 else None

    def findings(self, history: History) -> list[Finding]:
        """What is wrong, in no particular order."""
        raise NotImplementedError


class CalledBy(TypedDict):
    """What a finding says of who called."""

    call_site: str | None
    callers: tuple[str, ...]
    source: str | None
    source_line: int | None


def called_by(site: CallSite | None) -> CalledBy:
    """A call site as the fields of a finding."""
    if site is None:
        return {"call_site": None, "callers": (), "source": None, "source_line": None}
    return {
        "call_site": site.site,
        "callers": site.callers,
        "source": site.source,
        "source_line": site.source_line,
    }


def quotes(history: History, places: Iterable[At | None]) -> tuple[Evidence, ...]:
    """The lines of a capture at these places, in this order, each once; `quoted` adds their words."""
    wanted: dict[tuple[int, int], At] = {}
    for at in places:
        if at is not None:
            wanted.setdefault((at.file, at.offset), at)
    found = {(history.file_name(at.file), at.line): at for at in wanted.values()}
    history.cited.update(found)
    return tuple(Evidence(name, line, "") for name, line in found)


def quoted(history: History, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with the words of all lines that they quote: what is compressed is read once for them."""
    texts: dict[tuple[str, int], str] = {}
    for file in {at.file for at in history.cited.values()}:
        places = {key: at.offset for key, at in history.cited.items() if at.file == file}
        found = history.capture.sources[file].lines_at(places.values())
        texts.update({key: _shown(found.get(offset, b"")) for key, offset in places.items()})
    history.cited.clear()
    return [replace(one, evidence=tuple(_worded(line, texts) for line in one.evidence)) for one in findings]


def _worded(one: Evidence, texts: Mapping[tuple[str, int], str]) -> Evidence:
    return replace(one, text=texts.get((one.file, one.line), one.text))


def _shown(line: bytes) -> str:
    """A quoted line without its leader: thread and time stand in the tables."""
    leader = LEADER.match(line)
    start = leader.end() if leader is not None and leader.end() < len(line) else 0
    return line[start:].decode("utf-8", "backslashreplace").strip()[:300]


def seconds(history: History, at: At | None) -> float | None:
    """A moment as seconds since the capture's first time stamp."""
    first = history.coverage.first_ns
    if at is None or first is None or at.clock < 0:
        return None
    return (at.clock - first) / 1e9
