"""The Case: what a user holds. One incident, all its captures, tables made on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from .errors import BadArgument, DamagedInput, FdtraceError
from .model import SEVERITIES, Coverage, Finding
from .readers.bundle import Capture, gather
from .story import Story

if TYPE_CHECKING:
    import datetime

    import pandas as pd

    from .history.columns import Columns, Moments, Numbers
    from .history.lives import Life
    from .history.run import History

Progress = Callable[[int], None]


def load(
    *paths: str | os.PathLike[str],
    kind: str | None = None,
    date: str | None = None,
    tz: str | None = None,
    wrappers: Iterable[str] = (),
    progress: Progress | None = None,
) -> Case:
    """Take captures together as one Case.

    Args:
        paths: files, directories, or "-" for standard input. Compressed files are read as they are.
        kind: what the named files are ("strace"), instead of finding it out.
        date: the date (YYYY-MM-DD) of a capture whose clock has none (`-t`, `-tt`).
        tz: the time zone of that clock, as in "Europe/Berlin" or "+02:00"; UTC if not given.
        wrappers: regular expressions for symbols that are never a call site.
        progress: called with the number of bytes as they are read.

    Raises:
        BadArgument: no path, or a date, zone or kind that means nothing.
        MissingExtra: the only input needs an optional package to be unpacked.
        CaptureError: nothing among the paths could be read. When something
            could, what could not is in `Case.unreadable`.
    """
    if not paths:
        raise BadArgument("load needs at least one file or directory.")
    gathered = gather([os.fspath(path) for path in paths], kind)
    if not gathered.captures and gathered.unreadable:
        raise gathered.unreadable[0]
    if not gathered.captures:
        raise DamagedInput("no capture among the inputs", path=", ".join(map(str, paths)))
    return Case(
        gathered.captures,
        skipped=list(gathered.skipped),
        unreadable=list(gathered.unreadable),
        epoch_offset=_epoch_offset(date, tz),
        wrappers=tuple(wrappers),
        progress=progress,
    )


def _epoch_offset(date: str | None, tz: str | None) -> int | None:
    """Nanoseconds from 1970 to the beginning of a local day; None without a date."""
    if date is None:
        if tz is not None:
            raise BadArgument("tz means nothing without a date: give both.")
        return None
    import datetime

    try:
        day = datetime.datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=_zone(tz))
    except (TypeError, ValueError) as error:
        raise BadArgument(f"date cannot be {date!r}: write it as YYYY-MM-DD.") from error
    return int(day.timestamp()) * 1_000_000_000


def _zone(tz: str | None) -> datetime.tzinfo:
    """A time zone by its name or by its distance from UTC."""
    import datetime
    import re
    import zoneinfo

    if tz is None or tz.upper() in ("UTC", "Z"):
        return datetime.UTC
    if distance := re.fullmatch(r"([+-])(\d\d):?(\d\d)", tz):
        sign = -1 if distance[1] == "-" else 1
        hours, minutes = int(distance[2]), int(distance[3])
        if hours < 24 and minutes < 60:
            return datetime.timezone(sign * datetime.timedelta(hours=hours, minutes=minutes))
    try:
        return zoneinfo.ZoneInfo(tz)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        raise BadArgument(f"tz cannot be {tz!r}: UTC, +02:00 and Europe/Berlin are zones.") from None


class Case:
    """One incident: its captures, what they say, what is wrong.

    Tables are pandas DataFrames with the columns of :mod:`fdtrace.schema`,
    made when first asked for. `skipped` are files of a directory that were not
    taken, `unreadable` the errors about inputs that were named; one that turns out
    to be damaged while it is read is used up to there, and added.
    """

    def __init__(
        self,
        captures: Sequence[Capture],
        skipped: list[tuple[str, str]] | None = None,
        unreadable: list[FdtraceError] | None = None,
        epoch_offset: int | None = None,
        wrappers: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> None:
        self._captures = tuple(captures)
        self.skipped = skipped or []
        self.unreadable = unreadable or []
        self._epoch_offset = epoch_offset
        self._wrappers = tuple(wrappers)
        self._progress = progress
        self._findings: dict[Any, Findings] = {}

    # -- history -------------------------------------------------------------

    @cached_property
    def _recorded(self) -> list[tuple[History, list[Life]]]:
        """Every capture with all its lives, copies of forks included."""
        from .history.columns import Recorder
        from .history.run import read

        recorded = []
        for index, capture in enumerate(self._captures):
            recorder = Recorder()
            history = read(capture, [recorder], list_copies=True, progress=self._progress, index=index)
            self._note_damage(history)
            recorded.append((history, [*recorder.ended, *history.open_lives()]))
        return recorded

    def _note_damage(self, history: History) -> None:
        """Counts a capture that could only be read up to some place among the unreadable, once."""
        for problem in history.problems:
            if problem.line == 0 and problem.reader == "text":
                history.coverage.partial = True
                error = DamagedInput(problem.reason)
                if str(error) not in map(str, self.unreadable):
                    self.unreadable.append(error)

    def _histories(self) -> Iterator[tuple[History, list[Life], Numbers, Moments]]:
        from .history.columns import Moments, Numbers

        numbers = Numbers()
        for history, lives in self._recorded:
            yield history, lives, numbers, Moments(history, self._epoch_offset)
            numbers.after(history)

    def _table(self, name: str, columns_of: Callable[..., Columns]) -> pd.DataFrame:
        from . import schema

        columns: dict[str, list[Any]] = {}
        for history, lives, numbers, moments in self._histories():
            part = columns_of(history, lives, numbers, moments)
            rows = len(next(iter(part.values())))
            part["capture"] = [history.capture.name] * rows
            for column, values in part.items():
                columns.setdefault(column, []).extend(values)
        return schema.conform(name, columns)

    # -- tables --------------------------------------------------------------

    @cached_property
    def fds(self) -> pd.DataFrame:
        """The open/close history: one row per life of a descriptor number, index `fd_id`."""
        from .history import columns
        from .history.callsites import CallSites

        sites = CallSites(self._wrappers)
        return self._table("fds", lambda h, lives, n, m: columns.fds(h, lives, sites, n, m))

    @cached_property
    def events(self) -> pd.DataFrame:
        """Every system call, index `seq`; the captures are read again for it."""
        from .history.events import events

        return self._table("events", lambda h, _, n, m: events(h, n, m))

    @cached_property
    def processes(self) -> pd.DataFrame:
        """One row per process."""
        from .history import columns

        return self._table("processes", lambda h, _, n, m: columns.processes(h, n, m))

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """One row per thread."""
        from .history import columns

        return self._table("tasks", lambda h, _, n, m: columns.tasks(h, n, m))

    @cached_property
    def frames(self) -> pd.DataFrame:
        """Every frame of every distinct stack (`-k`); empty without stacks."""
        from .history import columns

        return self._table("frames", lambda h, _, n, m: columns.frames(h, n))

    @cached_property
    def problems(self) -> pd.DataFrame:
        """Every place of the inputs that could not be used, with its reason."""
        from .history import columns

        return self._table("problems", lambda h, _, n, m: columns.problems(h.problems))

    @property
    def coverage(self) -> list[Coverage]:
        """What each capture can and cannot show; one object per capture."""
        if "_recorded" not in self.__dict__ and self._findings:
            return next(iter(self._findings.values())).coverage
        return [history.coverage for history, _ in self._recorded]

    # -- what is wrong -------------------------------------------------------

    def leaks(self, **thresholds: Any) -> Findings:
        """The descriptors that were opened and never closed, in order of seriousness.

        Thresholds are those of :class:`fdtrace.checks.leak.Leak`, `group_by` among them.
        """
        return self._run(("leak",), thresholds)

    def check(self, only: Sequence[str] | None = None) -> Findings:
        """Every check, or the named ones, in order of seriousness.

        Raises:
            BadArgument: a check of that name does not exist.
        """
        from .checks import CHECKS

        names = tuple(check.name for check in CHECKS)
        for name in only or ():
            if name not in names:
                raise BadArgument.choice("check", name, names)
        return self._run(tuple(only or names), {})

    def _run(self, names: tuple[str, ...], thresholds: dict[str, Any]) -> Findings:
        key = (names, tuple(sorted(thresholds.items())))
        if key not in self._findings:
            self._findings[key] = self._fresh(names, thresholds)
        return self._findings[key]

    def _fresh(self, names: tuple[str, ...], thresholds: dict[str, Any]) -> Findings:
        from .checks import CHECKS
        from .history.callsites import CallSites
        from .history.run import read
        from .readers.strace.window import Scan

        found: list[Finding] = []
        coverage: list[Coverage] = []
        sites = CallSites(self._wrappers)
        for index, capture in enumerate(self._captures):
            scan = Scan()
            try:
                checks = [c(scan, sites, **thresholds) for c in CHECKS if c.name in names]
            except TypeError as error:
                raise BadArgument(f"leaks: {error}") from error
            history = read(capture, checks, progress=self._progress, scan=scan, index=index)
            self._note_damage(history)
            for check in checks:
                found += check.findings(history)
            coverage.append(history.coverage)
        return Findings(found, coverage, "leaks" if names == ("leak",) else "check")

    def story(self, pid: int | None = None, fd: int = 0, at: float | None = None) -> Story:
        """One descriptor's life from its creation to its end, every call on it, in time order.

        `pid` may be left out where there is one process. `at` (seconds from the
        capture's start) chooses among the lives of a number; without it the last
        one is told, an open one before a closed.

        Raises:
            BadArgument: the process has no such descriptor at that time.
        """
        from .story import tell

        return tell(self, pid, fd, at)

    # -- showing -------------------------------------------------------------

    def __str__(self) -> str:
        from .report.card import card

        return card(self.coverage, self.skipped, self.unreadable)

    __repr__ = __str__


class Findings(Sequence[Finding]):
    """What was found, most serious first. `table` is the DataFrame; printed, it is the answer."""

    def __init__(self, found: Iterable[Finding], coverage: list[Coverage], asked: str = "leaks") -> None:
        order = {name: place for place, name in enumerate(reversed(SEVERITIES))}
        self._found = sorted(found, key=lambda f: (order[f.severity], -(f.open or 0), f.key))
        self.coverage = coverage
        self.asked = asked

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The findings as a DataFrame, index `key`."""
        from . import schema

        names = schema.TABLES["findings"].names
        return schema.conform("findings", {name: [getattr(f, name) for f in self._found] for name in names})

    def __str__(self) -> str:
        from .report.terminal import answer

        return answer(self._found, self.coverage, asked=self.asked)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"


__all__ = ["Case", "Findings", "Story", "load"]
