"""A timeline in Trace Event Format, which ui.perfetto.dev and chrome://tracing open.

Lives are asynchronous slices of their process (`b`, `e`), system calls complete
events of their thread (`X`; `i` where the capture has no length of theirs), open
descriptors counters (`C`), forks flows (`s`, `f`) to the child's first slice. Times
are microseconds since the first time stamp. Format: Google's document "Trace
Event Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fdtrace.history.timeline import Course, Mark, Owner, Span, changes
from fdtrace.report import cells

_NO_PID = 1
"""Stands for a process whose number the capture does not tell; viewers take 0 for an idle processor."""
_CAPTURE = 10_000_000
"""Numbers of processes of further captures begin here, as they may be those of the first."""
_LONGEST = 200
_SPAWNS = frozenset(("fork", "vfork", "clone", "clone3"))


class Call(NamedTuple):
    """One system call. `length` in seconds is None when the capture has neither its end nor its duration."""

    owner: int
    tid: int | None
    at: float
    length: float | None
    name: str
    fd: int | None
    ret: int | None
    errno: str | None
    outcome: str
    line: int


def pieces(course: Course, calls: Iterable[Call]) -> Iterator[str]:
    """The trace as text, one event a line; nothing is held but what is open at a time."""
    pids = _pids(course.owners)
    yield '{"displayTimeUnit": "ms", "traceEvents": [\n'
    before = ""
    for event in _events(course, calls, pids):
        yield before + cells.json_text(event)
        before = ",\n"
    yield "\n]}\n"


def _events(course: Course, calls: Iterable[Call], pids: list[int]) -> Iterator[dict[str, Any]]:
    used = {span.owner for span in course.spans} | {mark.owner for mark in course.marks}
    used |= {mark.other for mark in course.marks if mark.other is not None}
    copies: dict[int, int] = {}
    for span in course.spans:
        if span.via == "fork_copy":
            copies[span.owner] = copies.get(span.owner, 0) + 1
    for place in sorted(used):
        yield from _process(course.owners[place], pids[place], copies.get(place, 0))
    yield from _execs(course, pids)
    for span in course.spans:
        yield from _life(span, pids[span.owner])
    yield from _counters(course, pids)
    forks = _Forks(course, pids)
    threads: set[tuple[int, int]] = set()
    for call in calls:
        pid = pids[call.owner]
        thread = pid, call.tid if call.tid is not None else pid
        if thread not in threads:
            threads.add(thread)
            yield _meta("thread_name", *thread, f"thread {thread[1]}")
        yield _call(call, *thread, course)
        yield from forks.by(call, thread[1])
    yield from forks.rest()


def _pids(owners: Iterable[Owner]) -> list[int]:
    captures: dict[str, int] = {}
    return [
        (_NO_PID if owner.pid is None else owner.pid)
        + _CAPTURE * captures.setdefault(owner.capture, len(captures))
        for owner in owners
    ]


def _micros(seconds: float) -> float:
    return round(seconds * 1e6, 3)


def _meta(what: str, pid: int, tid: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": _short(name)}}


def _short(name: str) -> str:
    return cells.shorten(cells.visible(name), _LONGEST, keep="both")


def _process(owner: Owner, pid: int, copies: int) -> Iterator[dict[str, Any]]:
    """A process: its name, and a slice of its first thread as long as it lived."""
    name = owner.command or "unknown program"
    yield _meta("process_name", pid, pid, name if owner.pid is not None else f"{name} (number not recorded)")
    args: dict[str, Any] = {"capture": _short(owner.capture), "ended by": owner.ended_by}
    if copies:
        args["copied at its fork"] = copies
    if owner.limit is not None:
        args["limit of descriptors"] = owner.limit
    yield {
        "ph": "X", "cat": "process", "name": _short(f"process {name}"), "pid": pid, "tid": pid,
        "ts": _micros(owner.since), "dur": _length(owner.since, owner.until), "args": args,
    }  # fmt: skip


def _length(since: float, until: float) -> float:
    return round(_micros(until) - _micros(since), 3)


def _execs(course: Course, pids: list[int]) -> Iterator[dict[str, Any]]:
    for mark in course.marks:
        if mark.what == "exec":
            place = {"pid": pids[mark.owner], "tid": pids[mark.owner], "ts": _micros(mark.at)}
            yield {"ph": "i", "cat": "exec", "name": _short(f"exec {mark.text}"), "s": "p", **place}


class _Forks:
    """Arrows from forks to the processes that they made.

    An arrow begins at the last slice of its thread that the file has told before,
    so it comes right after the call that forked; it ends at the child's own slice.
    """

    def __init__(self, course: Course, pids: list[int]) -> None:
        self._pids = pids
        self._waiting: dict[tuple[int, float], list[tuple[int, Mark]]] = {}
        for flow, mark in enumerate(course.marks, 1):
            if mark.what == "fork" and mark.other is not None:
                self._waiting.setdefault((mark.owner, _micros(mark.at)), []).append((flow, mark))

    def by(self, call: Call, tid: int) -> Iterator[dict[str, Any]]:
        """The arrow of a call that forked."""
        key = (call.owner, _micros(call.at))
        if call.name in _SPAWNS and key in self._waiting:
            yield from self._arrow(*self._waiting[key].pop(0), tid)
            if not self._waiting[key]:
                del self._waiting[key]

    def rest(self) -> Iterator[dict[str, Any]]:
        """Arrows of forks whose call is not told: from the first thread of the parent."""
        for waiting in self._waiting.values():
            for flow, mark in waiting:
                yield from self._arrow(flow, mark, self._pids[mark.owner])

    def _arrow(self, flow: int, mark: Mark, tid: int) -> Iterator[dict[str, Any]]:
        assert mark.other is not None
        child = self._pids[mark.other]
        arrow = {"cat": "fork", "name": "fork", "id": flow, "ts": _micros(mark.at)}
        yield {"ph": "s", **arrow, "pid": self._pids[mark.owner], "tid": tid}
        yield {"ph": "f", "bp": "e", **arrow, "pid": child, "tid": child}


def _life(span: Span, pid: int) -> Iterator[dict[str, Any]]:
    name = f"fd {span.fd} {span.kind}" + (", leak" if span.fate == "leak" else "")
    known = {"cat": span.kind, "id": f"0x{span.fd_id:x}", "name": name, "pid": pid, "tid": pid}
    args: dict[str, Any] = {"target": _short(span.name), "opened by": _short(span.place), "came by": span.via}
    if span.line is not None:
        args["line"] = span.line
    if span.tid is not None and span.tid != pid:
        args["thread"] = span.tid
    if span.source is not None:
        args["copy of"] = f"0x{span.source:x}"
    if not span.seen:
        args["opening"] = "not seen"
    yield {"ph": "b", **known, "ts": _micros(span.since), "args": args}
    yield {"ph": "e", **known, "ts": _micros(span.until), "args": {"how": span.how}}


def _counters(course: Course, pids: list[int]) -> Iterator[dict[str, Any]]:
    """The number of open descriptors of each process, whenever it changes."""
    of_owner: dict[int, list[Span]] = {}
    for span in course.spans:
        of_owner.setdefault(span.owner, []).append(span)
    for owner in sorted(of_owner):
        spans = of_owner[owner]
        now = dict.fromkeys(sorted({span.kind for span in spans}), 0)
        last: float | None = None
        for at, kind, step in changes(spans, lambda span: span.kind, course.until):
            if last is not None and _micros(at) != _micros(last):
                yield _counter(pids[owner], last, now)
            now[kind] += step
            last = at
        if last is not None:
            yield _counter(pids[owner], last, now)


def _counter(pid: int, at: float, now: dict[str, int]) -> dict[str, Any]:
    return {"ph": "C", "name": "open", "pid": pid, "tid": pid, "ts": _micros(at), "args": dict(now)}


def _call(call: Call, pid: int, tid: int, course: Course) -> dict[str, Any]:
    args = {"fd": call.fd, "returned": call.ret, "error": call.errno}
    args |= {"outcome": call.outcome, "line": call.line}
    event: dict[str, Any] = {
        "ph": "X", "cat": "syscall", "name": call.name, "pid": pid, "tid": tid, "ts": _micros(call.at),
    }  # fmt: skip
    if call.outcome == "unfinished":
        event["dur"] = _length(call.at, max(call.at, course.owners[call.owner].until))
    elif call.length is not None:
        event["dur"] = _length(call.at, call.at + max(0.0, call.length))
    else:
        event |= {"ph": "i", "s": "t"}
    event["args"] = {name: value for name, value in args.items() if value is not None}
    return event
