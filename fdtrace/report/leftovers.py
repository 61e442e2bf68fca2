"""What stays open without being a leak: short, so that nobody has to look for the leak in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from fdtrace.model import Coverage, Finding
from fdtrace.report import cells
from fdtrace.report.layout import listed, wrapped

NOUNS = {
    "bpf": "BPF object",
    "block": "block device",
    "char": "character device",
    "dir": "directory",
    "epoll": "epoll instance",
    "fanotify": "fanotify group",
    "inotify": "inotify instance",
    "io_uring": "io_uring instance",
    "netlink": "netlink socket",
    "packet": "packet socket",
    "perf": "perf event",
    "pipe": "pipe end",
    "raw": "raw socket",
    "tcp": "TCP socket",
    "tcp6": "IPv6 TCP socket",
    "udp": "UDP socket",
    "udp6": "IPv6 UDP socket",
    "unix": "unix socket",
    "unknown": "other",
}
"""Kinds of descriptors as one says them."""

_SHOWN = 6
_INDENT = 2
# The heading of the list says this once, for all of its lines.
_LEFT_OPEN = re.compile(r",? left open (at the end of the capture|until the process ended)$")
_LATER = {"at the end of the capture": "", "until the process ended": ", until the process ended"}


def lines(findings: list[Finding], coverage: Coverage, width: int) -> Iterator[str]:
    """The findings that are no leak by what a capture shows, or that it cannot judge."""
    leaks = [finding for finding in findings if finding.check == "leak"]
    others = [finding for finding in findings if finding.check != "leak"]
    if leaks and not coverage.closes_visible:
        yield from _unjudged(leaks, width)
    elif leaks:
        yield from _left(leaks, coverage, width)
    if others:
        yield "Also seen, of less weight:"
        yield from _list(others, width)


def _left(findings: list[Finding], coverage: Coverage, width: int) -> Iterator[str]:
    known = [finding for finding in findings if finding.severity == "low"]
    # The many kinds of which a program keeps one or two take one sentence.
    few = listed(_kinds([finding for finding in findings if finding.severity == "info"]), 8)
    if known:
        if coverage.kind == "strace":
            yield "Left open, but no leak by what this capture shows:"
        else:
            yield "Worth a look, but no leak by what these snapshots show:"
        yield from _list(known, width)
        if few:
            yield from wrapped(f"too few to judge: {few}", width, _INDENT, _INDENT + 2)
    elif few:
        yield from wrapped(f"Left open, too few to judge: {few}.", width)


def _list(findings: list[Finding], width: int) -> Iterator[str]:
    for finding in findings[:_SHOWN]:
        said = _LEFT_OPEN.sub(lambda found: _LATER[found[1]], finding.title)
        where = f" ← {finding.call_site}" if finding.call_site else ""
        yield from wrapped(f"{said}{where}", width, _INDENT, _INDENT + 2)
    if len(findings) > _SHOWN:
        yield f"{' ' * _INDENT}and {len(findings) - _SHOWN:,} more; --format csv has them all"


def _unjudged(findings: list[Finding], width: int) -> Iterator[str]:
    seen = listed(_kinds(finding for finding in findings if finding.opened), 8)
    yield from wrapped(f"Opened in it, closed or not: {seen}.", width)


def _kinds(findings: Iterable[Finding]) -> list[str]:
    """How many descriptors of each kind, the most first; listening sockets are a kind."""
    often: Counter[str] = Counter()
    for finding in findings:
        noun = NOUNS.get(finding.kind or "unknown", finding.kind or "other")
        often[f"listening {noun}" if " listening " in finding.title else noun] += finding.open or 1
    return [cells.counted(number, noun) for noun, number in often.most_common()]
