"""Descriptors over time, to look at: a picture, a trace for a viewer, stacks for a flame graph."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args

from .errors import BadArgument, MissingExtra, NeedsCaptured
from .history import patterns
from .history.timeline import By, Course, Fate, Mark, Owner, Span, among, placed
from .history.timeline_axis import Axis

if TYPE_CHECKING:
    import pandas as pd

    from .case import Case

Form = Literal["svg", "perfetto", "folded"]
ENDINGS: dict[str, Form] = {".svg": "svg", ".perfetto.json": "perfetto", ".folded": "folded"}
"""What a file's name ends in, and what is written into it."""

_LEFT = frozenset({"none", "exit"})
_COPIED = {"fork_copy": "copied by fork", "exec": "copied by exec", "unshare": "copied by unshare"}
_UNSEEN = {"inherited": "there before", "implied": "opening not seen", "snapshot": "seen by a snapshot"}
_LIFE = (
    "capture pid fd parent open_line close_line open_t_s close_t_s open_tid "
    "kind target local peer state via opened_by how call_site stack table"
).split()


class _Row(NamedTuple):
    """A row of the table `fds`, as far as pictures need it; None for NA."""

    fd_id: int
    capture: str
    pid: int | None
    fd: int
    parent: int | None
    open_line: int | None
    close_line: int | None
    open_t_s: float | None
    close_t_s: float | None
    open_tid: int | None
    kind: str
    target: str | None
    local: str | None
    peer: str | None
    state: str | None
    via: str
    opened_by: str | None
    how: str
    call_site: str | None
    stack: int | None
    table: int


def form_of(path: str) -> Form:
    """What is to be written into a file of this name.

    Raises:
        BadArgument: nothing ends so.
    """
    for ending, form in ENDINGS.items():
        if path.lower().endswith(ending):
            return form
    raise BadArgument(f"{path}: the name of a timeline's file ends in {', '.join(ENDINGS)}.")


class Timeline:
    """The descriptors of a Case over time; in a notebook, the picture.

    Its times are seconds since the first time stamp (of the earliest capture,
    where several have clocks that agree); without a clock, lines of the capture.

    Args:
        case: what to show.
        pid: only this process.
        by: whether lives are arranged by process and number, or by call site.

    Raises:
        BadArgument: `by` is neither, or no process has this number.
        NeedsCaptured: there is no recording of strace, or nothing tells the order of its calls.
    """

    def __init__(self, case: Case, pid: int | None = None, by: By = "process") -> None:
        if by not in get_args(By):
            raise BadArgument.choice("by", by, get_args(By))
        case.gather()
        self._case = case
        self.pid = pid
        self.by = by
        self._axis = Axis(case.coverage)
        self._check_pid()

    def _check_pid(self) -> None:
        known = sorted({int(pid) for pid in self._case.processes["pid"].dropna()})
        if self.pid is not None and self.pid not in known:
            some = ", ".join(map(str, known[:20])) + (" …" if len(known) > 20 else "")
            raise BadArgument(f"no process {self.pid} is in these captures. They have: {some or 'none'}.")

    # -- forms ---------------------------------------------------------------

    def to_svg(self, interactive: bool = False) -> str:
        """The picture: lives as bars, forks and execs, and the number of open descriptors by kind.

        With `interactive`, bars and the picture carry `data-` attributes that a page can zoom by.
        """
        from .report.timeline import svg

        return svg(self.course, by=self.by, interactive=interactive)

    def to_perfetto(self) -> str:
        """The timeline as Trace Event Format, for ui.perfetto.dev and chrome://tracing.

        Raises:
            NeedsCaptured: the capture has no clock.
        """
        return "".join(self.pieces("perfetto"))

    def to_folded(self) -> str:
        """The stacks that made descriptors nobody closed, for flamegraph.pl and speedscope."""
        return "".join(self.pieces("folded"))

    def pieces(self, form: Form) -> Iterator[str]:
        """The same as text in pieces, so that it need not be in memory as a whole."""
        if form == "svg":
            yield self.to_svg()
        elif form == "perfetto":
            from .report import perfetto

            if self._axis.unit != "s":
                raise NeedsCaptured(
                    "a trace viewer shows times, and this capture has none: record it with -ttt (and -T)."
                )
            yield from perfetto.pieces(self.course, self._calls())
        else:
            from .report import folded

            yield from folded.lines(self._never_closed())

    def write(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Writes a file; its ending says what: .svg, .perfetto.json or .folded.

        Raises:
            BadArgument: another ending, or the file exists and `force` is not given.
            NeedsCaptured: a trace for a viewer, of a capture without a clock.
        """
        from .report.destination import Destination

        name = os.fspath(path)
        form = form_of(name)
        with Destination(name, force).open() as stream:
            stream.writelines(self.pieces(form))

    def figure(self) -> Any:
        """The process to watch as a figure of plotly: its lives, and how many were open, with the limit.

        The open ones are areas of kinds, or with `by="site"` of call sites.

        Raises:
            MissingExtra: plotly is not installed.
        """
        try:
            subplots = importlib.import_module("plotly.subplots")
        except ImportError:
            raise MissingExtra("a figure", "plot") from None
        from .report.timeline_figure import figure

        return figure(self.course, self.by, subplots)

    def notices(self, path: str) -> tuple[str, ...]:
        """What one has to know about a file of this name that it has no place for."""
        if form_of(path) != "folded":
            return ()
        lives = without = 0
        for one in self._never_closed():
            lives, without = lives + one.lives, without + (one.lives if not one.frames else 0)
        if not lives:
            return ("every descriptor was closed: the file is empty",)
        if not without:
            return ()
        which = f"{without:,} of {lives:,} have no stack"
        if without == lives:
            which = "no stacks were recorded (-k)"
        return (f"{which}: the system call and the pattern of the target stand for it",)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_html_(self) -> str:
        from .report.timeline_drawing import NOTEBOOK_STYLE

        style = f"<style>{NOTEBOOK_STYLE}</style>"
        return f'<figure style="margin:0;overflow-x:auto">{style}{self.to_svg()}</figure>'

    def __str__(self) -> str:
        from .report.timeline import summary

        return summary(self.course)

    __repr__ = __str__

    # -- out of the tables ---------------------------------------------------

    @cached_property
    def course(self) -> Course:
        """What all forms are made of."""
        owners = self._owners
        spans = self._spans()
        marks = [*self._forks(), *self._execs()]
        if self.pid is not None:
            spans = [span for span in spans if owners[span.owner].pid == self.pid]
            marks = [mark for mark in marks if owners[mark.owner].pid == self.pid]
        marks.sort(key=lambda mark: (mark.at, mark.owner, mark.what, mark.text))
        axis = self._axis
        return Course(placed(spans), owners, marks, axis.until, axis.unit, remarks=axis.remarks)

    @cached_property
    def _rows(self) -> list[_Row]:
        frame = self._case.fds
        return [_Row(*row) for row in zip(frame.index.tolist(), *_columns(frame, _LIFE), strict=True)]

    @cached_property
    def _owners(self) -> list[Owner]:
        names = "capture pid ppid command started_t_s ended_t_s ended_by nofile_limit peak_fds".split()
        axis, found, parents = self._axis, [], []
        forks, last_lines = self._forked(), self._last_lines() if axis.unit == "line" else {}
        before: dict[tuple[str, int | None], float] = {}
        for capture, pid, ppid, command, began, ended, ended_by, limit, peak in zip(
            *_columns(self._case.processes, names), strict=True
        ):
            key = (capture, pid)
            since = _begin(forks.get(key, ()), before.get(key, 0.0), axis.at(capture, began, None))
            until = axis.at(capture, ended, last_lines.get(key)) if ended_by != "none" else None
            until = before[key] = axis.until if until is None else max(since, until)
            found.append(Owner(capture, pid, command, since, until, ended_by, limit, peak or 0))
            parents.append(ppid)
        find = among(found)
        return [
            owner._replace(parent=None if ppid is None else find(owner.capture, ppid, owner.since))
            for owner, ppid in zip(found, parents, strict=True)
        ]

    def _forked(self) -> dict[tuple[str, int | None], list[float]]:
        """When each number of a process was handed descriptors by a fork, in order of time."""
        found: dict[tuple[str, int | None], set[float]] = {}
        for row in self._rows:
            if row.via == "fork_copy":
                at = self._axis.at(row.capture, row.open_t_s, row.open_line)
                if at is not None:
                    found.setdefault((row.capture, row.pid), set()).add(at)
        return {key: sorted(moments) for key, moments in found.items()}

    def _last_lines(self) -> dict[tuple[str, int | None], int]:
        """Where processes end when only lines tell: where their descriptors do."""
        ends: dict[tuple[str, int | None], int] = {}
        for row in self._rows:
            if row.how == "exit" and row.close_line is not None:
                ends[row.capture, row.pid] = max(row.close_line, ends.get((row.capture, row.pid), 0))
        return ends

    def _spans(self) -> list[Span]:
        leaked, find, axis = self._case.leaked, among(self._owners), self._axis
        closed = {row.fd_id for row in self._rows if row.how not in _LEFT}
        roots: dict[int, int] = {}
        spans = []
        for row in self._rows:
            root = roots[row.fd_id] = row.fd_id if row.parent is None else roots.get(row.parent, row.parent)
            since = axis.at(row.capture, row.open_t_s, row.open_line)
            until = axis.at(row.capture, row.close_t_s, row.close_line)
            owner = find(row.capture, row.pid, axis.until if since is None else since)
            if owner is None:
                continue
            fate: Fate = "closed"
            if row.how in _LEFT:
                orphan = root != row.fd_id and root in closed
                fate = "leak" if (root in leaked and (orphan or root == row.fd_id)) else "open"
            begin = self._owners[owner].since if since is None else since
            end = (self._owners[owner].until if row.how in _LEFT else begin) if until is None else until
            spans.append(
                Span(
                    row.fd_id, owner, row.fd, begin, max(begin, end), fate, row.kind, row.target or row.kind,
                    _place(row), row.via, row.how, row.open_line, since is not None, row.open_tid, row.parent,
                    row.table,
                )
            )  # fmt: skip
        return spans

    def _forks(self) -> Iterator[Mark]:
        for place, child in enumerate(self._owners):
            if child.parent is not None and child.parent != place:
                name = f"{child.pid} {child.command or ''}".strip()
                yield Mark(child.parent, child.since, "fork", name, place)

    def _execs(self) -> Iterator[Mark]:
        find = among(self._owners)
        for capture, pid, t_s, line, program in self._case.executions():
            at = self._axis.at(capture, t_s, line)
            owner = None if at is None else find(capture, pid, at)
            if at is not None and owner is not None:
                yield Mark(owner, at, "exec", program or "exec")

    def _calls(self) -> Iterator[Any]:
        """Every system call as the trace viewer wants it, without its arguments."""
        from .report.perfetto import Call

        find = among(self._owners)
        names = "capture pid tid t_s duration_s end_t_s syscall fd ret errno outcome line".split()
        for piece in self._case.iter_events(pid=self.pid):
            for capture, pid, tid, t_s, took, end, *rest in zip(*_columns(piece, names), strict=True):
                at = self._axis.at(capture, t_s, None)
                owner = None if at is None else find(capture, pid, at)
                if at is not None and owner is not None:
                    length = took if took is not None else None if end is None else end - t_s
                    yield Call(owner, tid, at, length, *rest)

    def _never_closed(self) -> list[Any]:
        """Descriptors that nobody closed, counted by who made them and what they are."""
        from .report.folded import Made

        commands = {(owner.capture, owner.pid): owner.command for owner in self._owners}
        counts: Counter[tuple[str | None, int | None, str | None, str, str]] = Counter()
        for row in self._rows:
            if row.how not in _LEFT or row.fd < 3 or row.via in _COPIED or row.via in _UNSEEN:
                continue
            if self.pid is None or row.pid == self.pid:
                command = commands.get((row.capture, row.pid))
                counts[command, row.stack, row.opened_by, row.kind, _pattern(row)] += 1
        stacks = self._stacks
        return [
            Made(command, stacks.get(stack, ()) if stack is not None else (), call, kind, pattern, count)
            for (command, stack, call, kind, pattern), count in counts.items()
        ]

    @cached_property
    def _stacks(self) -> dict[int, tuple[str, ...]]:
        """The frames of each stack, the outermost first."""
        from .history.callsites import basename

        stacks: dict[int, list[str]] = {}
        names = "stack module symbol address".split()
        for stack, module, symbol, address in zip(*_columns(self._case.frames, names), strict=True):
            place = basename(module or "?") + ("" if address is None else f"+0x{address:x}")
            stacks.setdefault(stack, []).append(symbol or place)
        return {stack: tuple(reversed(frames)) for stack, frames in stacks.items()}


def _begin(forks: Sequence[float], before: float, seen: float | None) -> float:
    """Where a process begins: at the last fork before it was first seen, but after the one of its number."""
    own = [at for at in forks if at >= before and (seen is None or at <= seen)]
    if not own:
        return seen or 0.0
    return own[0] if seen is None else own[-1]


def _columns(frame: pd.DataFrame, names: Iterable[str]) -> list[list[Any]]:
    """Columns as lists, with None for NA."""
    columns = (frame[name] for name in names)
    return [one.astype(object).where(one.notna(), None).tolist() for one in columns]


def _pattern(row: _Row) -> str:
    return patterns.of(cast(Any, row))


def _place(row: _Row) -> str:
    if row.via in _COPIED:
        return _COPIED[row.via]
    if row.via in _UNSEEN:
        return _UNSEEN[row.via]
    if row.call_site is not None:
        return row.call_site
    pattern = _pattern(row)
    return f"{row.opened_by or row.via} {pattern}" if pattern != row.opened_by else pattern
