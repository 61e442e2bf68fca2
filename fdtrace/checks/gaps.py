"""What the checks of opens and closes that a trace has missed share."""

from __future__ import annotations

from collections.abc import Iterable

from ..history.adoption import Gap
from ..history.joined import Joined
from ..history.looks import quoted
from ..history.run import History
from ..model import Evidence, Finding
from .nouns import counted

_SHOWN = 3


def groups(gaps: Iterable[Gap]) -> list[list[Gap]]:
    """Gaps of one process and kind, together."""
    found: dict[tuple[int | None, str], list[Gap]] = {}
    for gap in gaps:
        found.setdefault((gap.life.process.pid, gap.life.kind), []).append(gap)
    return list(found.values())


def finding(check: str, gaps: list[Gap], history: History, joined: Joined) -> Finding:
    """What some gaps of one process and kind say."""
    life = gaps[0].life
    opens = check == "missed_open"
    before = sum(gap.before for gap in gaps)
    what, are = counted(len(gaps), life.kind), "is" if len(gaps) == 1 else "are"
    if opens:
        title = f"{what} {are} in a snapshot, and the trace does not show the opening"
        why = _since(before, len(gaps), history)
        advice = "" if before else "trace from the start (strace COMMAND), with all of %desc,%network and -f"
    else:
        title = f"{what} {are} open by the trace, and not in a later snapshot of the process"
        why = "their close is missing from the trace: a filter, a thread that was not followed, or io_uring"
        advice = "record with -f and without a filter that leaves closes out"
    return Finding(
        key=f"{check}:{life.process.command or '?'}:{life.kind}",
        check=check,
        severity="info" if before == len(gaps) or not history.coverage.born else "low",
        title=title,
        capture=history.capture.name,
        pid=life.process.pid,
        pids=() if life.process.pid is None else (life.process.pid,),
        command=life.process.command,
        kind=life.kind,
        open=len(gaps),
        examples=tuple(history.fd_id(gap.life) for gap in gaps[:5]),
        example_fds=tuple(gap.life.fd for gap in gaps[:5]),
        example_pid=life.process.pid,
        evidence=_evidence(gaps),
        certainty="inferred",
        reasons=(why, *_clock(joined)),
        advice=advice,
    )


def _since(before: int, number: int, history: History) -> str:
    if before == number:
        return "they stood in a snapshot from before the trace"
    if before:
        return f"{before:,} of them stood in a snapshot from before the trace, the others came in between"
    if not history.coverage.born:
        return "strace attached in mid-life: they may be from before"
    return "the trace is from birth, so calls are missing from it"


def _clock(joined: Joined) -> tuple[str, ...]:
    told = [joined.clock] if joined.clock else []
    if joined.skew_ns:
        told.append(f"the snapshots' clock is {joined.skew_ns / 1e9:+.1f} s from that of the trace")
    return tuple(told)


def _evidence(gaps: list[Gap]) -> tuple[Evidence, ...]:
    shown: list[Evidence] = []
    for gap in gaps[:_SHOWN]:
        line = gap.row.line if gap.row is not None else gap.look.snapshot.line
        shown += quoted(gap.look.capture, [line]).values()
    return tuple(shown)
