"""The Case: what a user holds. One incident, all its captures, tables made on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .errors import BadArgument, DamagedInput, FdtraceError
from .model import Coverage, Finding, Problem
from .readers.bundle import Capture, gather

if TYPE_CHECKING:
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
        tz: the time zone of that clock, as in "Europe/Berlin"; UTC if not given.
        wrappers: regular expressions for symbols that are never a call site.
        progress: called with the number of bytes as they are read.

    Raises:
        BadArgument: no path, or a date, zone or kind that means nothing.
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
        return None
    import datetime
    import zoneinfo

    try:
        zone = zoneinfo.ZoneInfo(tz) if tz else datetime.UTC
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise BadArgument(f"tz cannot be {tz!r}: name a zone such as Europe/Berlin.") from error
    try:
        day = datetime.datetime.fromisoformat(date).replace(tzinfo=zone)
    except ValueError as error:
        raise BadArgument(f"date cannot be {date!r}: write it as YYYY-MM-DD.") from error
    return int(day.timestamp()) * 1_000_000_000


class Case:
    """One incident: its captures, what they say, what is wrong.

    Tables are pandas DataFrames with the columns of :mod:`fdtrace.schema`,
    made when first asked for. `skipped` are files of a directory that were not
    taken, `unreadable` the errors about inputs that were named.
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
        for capture in self._captures:
            recorder = Recorder()
            history = read(capture, [recorder], list_copies=True, progress=self._progress)
            recorded.append((history, [*recorder.ended, *history.open_lives()]))
        return recorded

    def _histories(self) -> Iterator[tuple[History, list[Life], Numbers, Moments]]:
        from .history.columns import Moments, Numbers

        numbers = Numbers()
        for history, lives in self._recorded:
            yield history, lives, numbers, Moments(history, self._epoch_offset)
            numbers.after(history, len(lives))

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
        from .history import columns

        return self._table("events", lambda h, _, n, m: columns.events(h, n, m))

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
        return [history.coverage for history, _ in self._recorded]


class Findings(Sequence[Finding]):
    """Placeholder until the checks land."""


__all__ = ["Case", "Findings", "Problem", "load"]
