"""Which connections of libwebsockets end badly: never released, or tried again and again?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ..history.lws import Connection, connections
from ..model import Finding, Severity
from ..readers.bundle import Capture
from ..readers.sheet import Sheet
from . import lws_words as words
from .lws_objects import evidence

RELEASES = "lws_releases"
RETRIES = "lws_retries"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds of the rules.

    Args:
        stuck: connections that are not released after their end, from which on it
            is more than a remark (3).
        grace_s: how long a connection may take from its end to its release (5: a
            peer is given time to close its side).
        attempts: failures in a row that make a storm (10).
        pause_s: pause between attempts, of which half are shorter in a storm (1).
        slower: how much longer the pauses of the second half must be than those of
            the first to be a back-off (1.5).
    """

    stuck: int = 3
    grace_s: float = 5.0
    attempts: int = 10
    pause_s: float = 1.0
    slower: float = 1.5


def findings(capture: Capture, sheet: Sheet, limits: Limits | None = None) -> list[Finding]:
    """What is wrong with the connections of a log."""
    limits = limits or Limits()
    clients, servers = connections(sheet), connections(sheet, ("wsisrv",))
    found = [*_stuck(capture, sheet, clients, limits), *_stuck(capture, sheet, servers, limits)]
    return [*found, *_retries(capture, clients, limits)]


# -- never released -----------------------------------------------------------------


def _stuck(
    capture: Capture, sheet: Sheet, all_of_them: Sequence[Connection], limits: Limits
) -> Iterator[Finding]:
    """Connections that the program was told are over, and that were never destroyed."""
    if not any(one.released for one in all_of_them):
        return
    last_ns = max((event.clock_ns or 0 for event in sheet.lws_events), default=0)
    for error in (True, False):
        stuck = [one for one in all_of_them if _is_stuck(one, error, last_ns, sheet.lines, limits)]
        if not stuck:
            continue
        severity: Severity = "medium" if len(stuck) >= limits.stuck else "low"
        lines = [line for one in stuck[:_SHOWN] for line in (one.line, _end(one, error))]
        yield Finding(
            key=f"{RELEASES}:{stuck[0].group or '?'}:{'error' if error else 'closed'}",
            check=RELEASES,
            severity=severity,
            title=words.stuck(stuck[0].group, len(stuck), error),
            capture=capture.name,
            kind=stuck[0].group,
            target=stuck[0].address,
            opened=len(all_of_them),
            closed=sum(bool(one.released) for one in all_of_them),
            open=len(stuck),
            evidence=evidence(capture, lines),
            certainty="inferred",
            reasons=(words.stages(stuck),) if error else (),
            advice=words.STUCK_ADVICE,
        )


def _is_stuck(one: Connection, error: bool, last_ns: int, last_line: int, limits: Limits) -> bool:
    """Whether a connection is over for the program, has been for a while, and still there."""
    failed = one.event(("CLIENT_CONNECTION_ERROR",)) is not None
    over = one.event(("CLIENT_CONNECTION_ERROR",)) if error else one.closed
    if over is None or (not error and failed) or one.released or one.event(("WSI_DESTROY",)):
        return False
    if one.row is not None and one.row.open is None:
        return False
    if over.clock_ns is not None:
        return last_ns - over.clock_ns >= limits.grace_s * 1e9
    return last_line - over.line > 100


def _end(one: Connection, error: bool) -> int:
    told = one.event(("CLIENT_CONNECTION_ERROR",)) if error else one.closed
    return told.line if told is not None else one.line


# -- again and again ------------------------------------------------------------------


def _retries(capture: Capture, clients: Sequence[Connection], limits: Limits) -> Iterator[Finding]:
    """Runs of failures to one address, without a success between them and without back-off."""
    by_address: dict[str | None, list[Connection]] = {}
    for one in clients:
        by_address.setdefault(one.address, []).append(one)
    for address, tried in by_address.items():
        run = max(_runs(tried), key=len, default=[])
        times = [one.began_ns for one in run if one.began_ns is not None]
        if len(run) < limits.attempts or len(times) < len(run) or not _storm(times, limits):
            continue
        span_s = (times[-1] - times[0]) / 1e9
        yield Finding(
            key=f"{RETRIES}:{address or '?'}",
            check=RETRIES,
            severity="medium",
            title=words.retries(address, len(run), span_s),
            capture=capture.name,
            kind=run[0].group,
            target=address,
            opened=len(tried),
            evidence=evidence(capture, [one.failure.line for one in run[:_SHOWN] if one.failure]),
            reasons=(words.stages(run),),
            certainty="certain" if all(one.certain for one in run) else "inferred",
            advice=words.RETRY_ADVICE,
        )


def _runs(tried: Sequence[Connection]) -> list[list[Connection]]:
    """Attempts that failed one after the other. Of one that did neither nothing is known."""
    runs: list[list[Connection]] = [[]]
    for one in tried:
        if one.failure is not None and one.established is None:
            runs[-1].append(one)
        else:
            runs.append([])
    return runs


def _storm(times: Sequence[int], limits: Limits) -> bool:
    """Whether attempts follow each other quickly, and do not become slower."""
    gaps = [(b - a) / 1e9 for a, b in pairwise(times)]
    half = len(gaps) // 2
    if median(gaps) > limits.pause_s:
        return False
    return median(gaps[half:]) < limits.slower * max(median(gaps[:half]), 1e-4)
