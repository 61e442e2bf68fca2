"""The Case: what a user holds. One incident, all its captures, tables made on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from .errors import FdtraceError
from .findings import Captures, Findings
from .model import Place
from .readers.bundle import Capture
from .readings import Progress, Readings, asked

if TYPE_CHECKING:
    import pandas as pd

    from .history.columns import Columns
    from .history.recorder import Recorder
    from .history.timeline import By
    from .report.redacted import Redacted
    from .report.report import Report
    from .store import Store
    from .story import Story
    from .symbols.resolve import Symbols
    from .timeline import Timeline


class Case:
    """One incident: its captures, what they say, what is wrong.

    Tables are pandas DataFrames with the columns of :mod:`fdtrace.schema`,
    made when first asked for. Shown or printed, it is a card with the verdict: the captures
    are read for it, once, and leaks looked for. `skipped` are files of a directory that were not
    taken, `unreadable` the errors about inputs that were named; one that turns out
    to be damaged while it is read is used up to there, and added. `interrupted` says
    whether an interrupt ended the reading, so that all there is is of its first part.
    """

    def __init__(
        self,
        captures: Sequence[Capture],
        skipped: list[tuple[str, str]] | None = None,
        unreadable: list[FdtraceError] | None = None,
        epoch_offset: int | None = None,
        at: str | None = None,
        wrappers: Sequence[str] = (),
        progress: Progress | None = None,
        store: Store | None = None,
        symbols: Symbols | None = None,
    ) -> None:
        self._captures = tuple(captures)
        self._store = store
        self.skipped = skipped or (store.skipped if store else [])
        self.unreadable = unreadable or (store.unreadable if store else [])
        self._read = Readings(
            self._captures, self.unreadable, epoch_offset, at, tuple(wrappers), progress, symbols
        )
        self._findings: dict[Any, Findings] = {}

    @property
    def interrupted(self) -> bool:
        """Whether an interrupt ended the reading."""
        return self._read.interrupted

    # -- captures ------------------------------------------------------------

    @property
    def parts(self) -> list[str]:
        """What was recognised in pasted texts, in words: one line for each part, with its lines."""
        from .readers.signs import MENDED

        return [
            f"{capture.name}: {reason}"
            for capture in self._captures
            for place, reason in enumerate(capture.reasons)
            if (capture.spans and not place) or reason.endswith(MENDED)
        ]

    @property
    def symbols(self) -> list[str]:
        """What became of the modules when symbols were looked up, in words; empty where none were given."""
        return self._read.symbols

    def gather(self) -> None:
        """Reads each recording once for every check's answer and for all its lives.

        For who wants both, a page or a store. Else they are read one by one when they
        are asked for: answers in memory that does not grow with the captures.
        """
        from .checks import NAMES

        key = (tuple(NAMES), ())
        if self._store is None and key not in self._findings and not self._read.has("recorded"):
            recorded: list[Recorder] = []
            self._findings[key] = self._read.judge(NAMES, {}, recorded)
            self._read.recorded = recorded

    def _table(self, name: str, columns_of: Callable[..., Columns]) -> pd.DataFrame:
        """A table of all recordings; `columns_of` is given each history, its numbers and its moments."""
        from . import schema

        if self._store is not None:
            return self._store.table(name)
        columns: dict[str, list[Any]] = {}
        histories = [one.history for one in self._read.recorded] if name == "fds" else self._read.folded
        for history, numbers, moments in self._read.numbered(histories):
            part = columns_of(history, numbers, moments)
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

        sites = self._read.sites()
        recorded = self._read.recorded if self._store is None else []
        lives_of = {one.history.index: one.lives for one in recorded}
        return self._table("fds", lambda h, n, m: columns.fds(h, lives_of[h.index], sites, n, m))

    @cached_property
    def events(self) -> pd.DataFrame:
        """Every system call, index `seq`; the captures are read again for it. See `iter_events`."""
        from .history.events import events

        return self._table("events", events)

    def iter_events(
        self,
        *,
        pid: int | None = None,
        fd: int | None = None,
        syscall: str | Iterable[str] | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Iterator[pd.DataFrame]:
        """The table `events` in pieces, in capture order, in memory that does not grow with the captures.

        Args:
            pid: only calls of this process.
            fd: only calls that act on this descriptor number, or make it.
            syscall: only calls of this name, or these: a list, or a text with commas between.
            since: only calls that begin at this time or later, in seconds like `t_s`.
            until: only calls that begin at this time or before.

        Raises:
            BadArgument: no call can meet the conditions.
            NeedsCaptured: times are asked for of a capture without a clock.
        """
        from . import schema
        from .history.events import pieces
        from .history.events_wanted import Wanted

        wanted = Wanted.of(pid, fd, syscall, since, until)
        if self._store is not None:
            yield from self._store.events(wanted)
            return
        for history, numbers, moments in self._read.numbered(self._read.folded):
            wanted.check(history.capture.name, history.coverage.clock)
            for columns in pieces(history, numbers, moments, wanted):
                columns["capture"] = [history.capture.name] * len(columns["seq"])
                yield schema.conform("events", columns)

    def executions(self) -> Iterator[tuple[str, int | None, float | None, int, str | None]]:
        """The programs that were executed: capture, pid, seconds, line, and its name if the call tells it."""
        if self._store is not None:
            yield from self._store.executions()
            return
        for (history, _, moments), one in zip(
            self._read.numbered(one.history for one in self._read.recorded),
            self._read.recorded,
            strict=True,
        ):
            for process, at, program in one.executions:
                yield history.capture.name, process.pid, moments.seconds(at.clock), at.line, program

    @cached_property
    def processes(self) -> pd.DataFrame:
        """One row per process."""
        from .history import columns

        return self._table("processes", columns.processes)

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """One row per thread."""
        from .history import columns

        return self._table("tasks", columns.tasks)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """Every frame of every distinct stack (`-k`); empty without stacks."""
        from .history import columns

        return self._table("frames", lambda h, n, _: columns.frames(h, n, self._read.resolved))

    @cached_property
    def open_files(self) -> pd.DataFrame:
        """What lsof and listings of /proc/PID/fd saw: one row per descriptor and snapshot."""
        return self._rows("open_files")

    @cached_property
    def sockets(self) -> pd.DataFrame:
        """What netstat, ss and /proc/net saw: one row per socket, holder and snapshot."""
        return self._rows("sockets")

    @cached_property
    def lws_objects(self) -> pd.DataFrame:
        """The objects of libwebsockets logs, created and destroyed."""
        return self._rows("lws_objects")

    @cached_property
    def lws_events(self) -> pd.DataFrame:
        """The callbacks, errors and fragments of libwebsockets logs."""
        return self._rows("lws_events")

    @cached_property
    def sightings(self) -> pd.DataFrame:
        """What snapshots and logs saw of descriptors: each of their lines that is about one."""
        from .history.callsites import CallSites
        from .history.looks import looks_of
        from .sightings import table

        if self._store is not None:
            return self._store.table("sightings")
        return table(looks_of(self._read.sheets), self._read.recorded, CallSites(self._read.wrappers))

    def _rows(self, name: str) -> pd.DataFrame:
        from . import schema
        from .history import rows

        if self._store is not None:
            return self._store.table(name)
        owners = self._read.owners if name == "open_files" else {}
        return schema.conform(name, rows.columns(name, self._read.sheets, self._read.epoch_offset, owners))

    @cached_property
    def problems(self) -> pd.DataFrame:
        """Every place of the inputs that could not be used, with its reason."""
        from . import schema
        from .history import columns

        if self._store is not None:
            return self._store.table("problems")
        found = [(history.capture, history.problems) for history in self._read.surveyed]
        found += [(capture, sheet.problems) for capture, sheet in self._read.sheets]
        table = columns.problems(problem for _, problems in found for problem in problems)
        table["capture"] = [capture.name for capture, problems in found for _ in problems]
        return schema.conform("problems", table)

    @property
    def coverage(self) -> Captures:
        """What each capture can and cannot show; one object per capture."""
        if self._store is not None:
            return Captures(self._store.coverage)
        if self._findings and not self._read.has("recorded", "folded", "surveyed"):
            return next(iter(self._findings.values())).coverage
        return Captures([*(history.coverage for history in self._read.surveyed), *self._read.sheet_coverage])

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
        from .checks import named

        return self._run(named(only), {})

    def _run(self, names: tuple[str, ...], thresholds: dict[str, Any]) -> Findings:
        key = (names, tuple(sorted(thresholds.items())))
        if key not in self._findings:
            self._findings[key] = self._judge(names, thresholds)
        return self._findings[key]

    def _judge(self, names: tuple[str, ...], thresholds: dict[str, Any]) -> Findings:
        if self._store is None:
            return self._read.judge(names, thresholds)
        return Findings(*self._store.judged(names, thresholds), asked(names))

    @property
    def _judged(self) -> Findings:
        """What all checks found where they were asked for, else what the search for leaks finds."""
        from .checks import NAMES

        found = self._findings.get((tuple(NAMES), ()))
        return self.leaks() if found is None else found

    @property
    def leaked(self) -> frozenset[int]:
        """The numbers (fd_id) of all lives that leak findings of medium or high severity are about."""
        return self._judged.leaked if self._store is None else self._store.leaked

    @cached_property
    def places(self) -> tuple[Place, ...] | None:
        """How much each place of a program opened and closed, by traces and by snapshots.

        None where a saved Case does not tell it.
        """
        from .history import openings
        from .history.populations import populations

        if self._store is not None:
            return self._store.places
        seen = openings.of_snapshots(populations(self._read.sheets)) if self._read.sheets else ()
        return (*self._judged.places, *seen)

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

    def timeline(self, pid: int | None = None, by: By = "process") -> Timeline:
        """Descriptors over time, to look at: a picture in a notebook, or a .svg, .perfetto.json, .folded.

        Lives are arranged by process and number, or `by="site"` by call site.

        Raises:
            BadArgument: there is no such process.
            NeedsCaptured: there is no recording of strace, or nothing tells the order of its calls.
        """
        from .timeline import Timeline

        return Timeline(self, pid, by)

    # -- keeping -------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Writes all tables and answers into a directory, which `load` opens at once (see fdtrace.store).

        By custom its name ends in .fdtrace. With `force` it replaces another store.

        Raises:
            BadArgument: it exists, or is something else, or there is no such directory.
            MissingExtra: pyarrow is not installed.
        """
        from . import store

        store.check_place(os.fspath(path), force)
        self.gather()
        found = self.check()
        pieces: dict[str, Callable[[], Iterable[pd.DataFrame]]] = {
            name: partial(self._pieces, name) for name in store.STORED
        }
        pieces["findings"] = lambda: iter([found.table])
        unreadable = tuple(map(str, self.unreadable))
        leaked = tuple(sorted(found.leaked))
        contents = store.Contents(
            pieces, tuple(found.coverage), tuple(self.skipped), unreadable, leaked, self.places
        )
        store.save(os.fspath(path), contents, force)

    def _pieces(self, name: str) -> Iterator[pd.DataFrame]:
        """A table in pieces, as it is written to a file."""
        if name == "events":
            yield from self.iter_events()
        else:
            yield getattr(self, name)

    # -- showing -------------------------------------------------------------

    def report(
        self, only: Sequence[str] | None = None, *, show_payload: bool = False, date: str | None = None
    ) -> Report:
        """Every check's answer, ready to be written into a ticket, a page or a file.

        Args:
            only: run these checks and no others.
            show_payload: let quoted lines keep what programs read, wrote and were started with.
            date: a date to be written into it; without one the same Case gives the same report.
        """
        from . import store
        from .report.report import Report

        return Report(self, store.write_table, only, show_payload, date)

    def redacted(self, key: str | os.PathLike[str] | None = None) -> Redacted:
        """This Case with pseudonyms for addresses, hosts, users, programs and private names, to be shared.

        Args:
            key: a file that leads from pseudonyms back; an earlier one is taken up, so that the same
                names are used again. `Redacted.keep_key` writes it.
        """
        from . import store
        from .report.redacted import Redacted

        return Redacted(self, store.write_table, None if key is None else os.fspath(key))

    def __str__(self) -> str:
        from .report.card import card

        found = self._judged
        return card(found, self.coverage, found.asked, self.skipped, self.unreadable, self.interrupted)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .report.cards import case

        found = self._judged
        return case(found, self.coverage, found.asked, self.skipped, self.unreadable, self.interrupted)


__all__ = ["Case", "Findings", "Progress", "Story"]
