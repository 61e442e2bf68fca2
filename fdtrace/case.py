"""The Case: what a user holds. One incident, all its captures, tables made on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from .errors import BadArgument, DamagedInput, FdtraceError
from .findings import Captures, Findings
from .model import Coverage, Finding, Place, Reading
from .readers.bundle import Capture
from .story import Story

if TYPE_CHECKING:
    import pandas as pd

    from .history.callsites import CallSites
    from .history.columns import Columns, Moments, Numbers
    from .history.join import Join
    from .history.kernel import Observer
    from .history.passes import Pass
    from .history.recorder import Recorder
    from .history.run import History
    from .history.timeline import By
    from .readers.sheet import Sheet
    from .report.redacted import Redacted
    from .report.report import Report
    from .store import Store
    from .symbols.resolve import Resolved, Symbols
    from .timeline import Timeline

Progress = Callable[[Reading], None]


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
        self.interrupted = False
        self._epoch_offset = epoch_offset
        self._at = at
        self._wrappers = tuple(wrappers)
        self._progress = progress
        self._symbols = symbols
        self._findings: dict[Any, Findings] = {}

    # -- captures ------------------------------------------------------------

    def _join(self) -> Join:
        from .history.join import Join

        return Join(self._sheets, self._epoch_offset)

    @property
    def parts(self) -> list[str]:
        """What was recognised in pasted texts, in words: one line for each part, with its lines."""
        from .readers.unwrap import MENDED

        return [
            f"{capture.name}: {reason}"
            for capture in self._captures
            for place, reason in enumerate(capture.reasons)
            if (capture.spans and not place) or reason.endswith(MENDED)
        ]

    @property
    def _traces(self) -> list[tuple[int, Capture]]:
        """The recordings of strace, each with its number among all captures."""
        return [(i, c) for i, c in enumerate(self._captures) if c.kind == "strace"]

    @cached_property
    def _sheets(self) -> list[tuple[Capture, Sheet]]:
        """Every capture that is not of strace, read."""
        sheets = [capture for capture in self._captures if capture.kind != "strace"]
        if not sheets:
            return []
        from .readers.snapshots import read

        watch = self._watch(sheets)
        watched = [watch.watched(capture) if watch else capture for capture in sheets]
        return [(capture, read(capture.sources[0], capture.kind, watch, self._at)) for capture in watched]

    # -- history -------------------------------------------------------------

    def _watch(self, captures: Sequence[Capture]) -> Pass | None:
        """What tells of one pass over captures; None where nobody wants to know."""
        if self._progress is None:
            return None
        from .history.passes import Pass

        return Pass(captures, self._progress)

    def _read(
        self, index: int, capture: Capture, observers: list[Observer], watch: Pass | None, **how: Any
    ) -> History:
        """One recording, from its text to its tables."""
        from .history.run import read

        if watch is not None:
            capture, observers = watch.watched(capture), [*observers, watch]
        history = read(capture, observers, progress=watch, index=index, **how)
        self.interrupted = self.interrupted or history.coverage.partial
        if len(history.scan.stacks):
            history.coverage.symbols = tuple(self.symbols)
        self._note_damage(history)
        return history

    @cached_property
    def _folded(self) -> list[History]:
        """Every recording without its lives: they are forgotten when they end."""
        if "_recorded" in self.__dict__:
            return [one.history for one in self._recorded]
        folded = []
        watch = self._watch([capture for _, capture in self._traces])
        for index, capture in self._traces:
            join = self._join()
            history = self._read(index, capture, [join], watch, tenures=True)
            join.finish(history).name_processes(history)
            folded.append(history)
        return folded

    @cached_property
    def _surveyed(self) -> list[History]:
        """Every recording, read for what it can show alone: nothing is kept that grows with it."""
        if {"_recorded", "_folded"} & self.__dict__.keys():
            return self._folded
        surveyed = []
        watch = self._watch([capture for _, capture in self._traces])
        for index, capture in self._traces:
            join = self._join()
            history = self._read(index, capture, [join], watch, lean=not self._sheets)
            join.finish(history)
            surveyed.append(history)
        return surveyed

    @cached_property
    def _recorded(self) -> list[Recorder]:
        """Every capture with all its lives, copies of forks included."""
        from .history.recorder import Recorder

        recorded = []
        watch = self._watch([capture for _, capture in self._traces])
        for index, capture in self._traces:
            recorder, join = Recorder(), self._join()
            history = self._read(index, capture, [recorder, join], watch, list_copies=True)
            join.finish(history)
            recorded.append(recorder.finish(history))
        return recorded

    def gather(self) -> None:
        """Reads each recording once for every check's answer and for all its lives.

        For who wants both, a page or a store. Else they are read one by one when they
        are asked for: answers in memory that does not grow with the captures.
        """
        from .checks import NAMES

        key = (tuple(NAMES), ())
        if self._store is None and key not in self._findings and "_recorded" not in self.__dict__:
            recorded: list[Recorder] = []
            self._findings[key] = self._fresh(NAMES, {}, recorded)
            self._recorded = recorded

    @cached_property
    def _resolved(self) -> Resolved | None:
        """What symbols tell of all frames; None where none were given."""
        from .history.distinct_stacks import distinct_stacks

        if self._symbols is None:
            return None
        watch = self._watch([capture for _, capture in self._traces])
        captures = [watch.watched(capture) if watch else capture for _, capture in self._traces]
        return self._symbols.resolve(stack for one in captures for stack in distinct_stacks(one, watch))

    def _sites(self) -> CallSites:
        """What names call sites."""
        from .history.callsites import CallSites

        return CallSites(self._wrappers, self._resolved)

    @property
    def symbols(self) -> list[str]:
        """What became of the modules when symbols were looked up, in words; empty where none were given."""
        return [] if self._resolved is None else list(self._resolved.account.sentences())

    def _note_damage(self, history: History) -> None:
        """Counts a capture that could only be read up to some place among the unreadable, once."""
        for problem in history.problems:
            if problem.line == 0 and problem.reader == "text":
                history.coverage.partial = True
                error = DamagedInput(problem.reason)
                if str(error) not in map(str, self.unreadable):
                    self.unreadable.append(error)

    def _numbered(self, histories: Iterable[History]) -> Iterator[tuple[History, Numbers, Moments]]:
        """Histories, each with what makes its numbers unique and its clock readings times."""
        from .history.columns import Moments, Numbers

        numbers = Numbers()
        for history in histories:
            yield history, numbers, Moments(history, self._epoch_offset)
            numbers.after(history)

    def _table(self, name: str, columns_of: Callable[..., Columns]) -> pd.DataFrame:
        """A table of all recordings; `columns_of` is given each history, its numbers and its moments."""
        from . import schema

        if self._store is not None:
            return self._store.table(name)
        columns: dict[str, list[Any]] = {}
        histories = [one.history for one in self._recorded] if name == "fds" else self._folded
        for history, numbers, moments in self._numbered(histories):
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

        sites = self._sites()
        recorded = self._recorded if self._store is None else []
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
        for history, numbers, moments in self._numbered(self._folded):
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
            self._numbered(one.history for one in self._recorded), self._recorded, strict=True
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

        return self._table("frames", lambda h, n, _: columns.frames(h, n, self._resolved))

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
        return table(looks_of(self._sheets), self._recorded, CallSites(self._wrappers))

    def _rows(self, name: str) -> pd.DataFrame:
        from . import schema
        from .history import rows

        if self._store is not None:
            return self._store.table(name)
        owners = self._owners if name == "open_files" else {}
        return schema.conform(name, rows.columns(name, self._sheets, self._epoch_offset, owners))

    @cached_property
    def _owners(self) -> dict[tuple[str, int], int]:
        """Whose descriptors a listing has that does not say it: the traces are read for it."""
        nameless = any(row.pid is None for _, sheet in self._sheets for row in sheet.open_files)
        joins = [history.joined for history in self._surveyed] if nameless else []
        return {key: pid for joined in reversed(joins) if joined for key, pid in joined.owners.items()}

    @cached_property
    def problems(self) -> pd.DataFrame:
        """Every place of the inputs that could not be used, with its reason."""
        from . import schema
        from .history import columns

        if self._store is not None:
            return self._store.table("problems")
        found = [(history.capture, history.problems) for history in self._surveyed]
        found += [(capture, sheet.problems) for capture, sheet in self._sheets]
        table = columns.problems(problem for _, problems in found for problem in problems)
        table["capture"] = [capture.name for capture, problems in found for _ in problems]
        return schema.conform("problems", table)

    @property
    def coverage(self) -> Captures:
        """What each capture can and cannot show; one object per capture."""
        if self._store is not None:
            return Captures(self._store.coverage)
        if self._findings and not {"_recorded", "_folded", "_surveyed"} & self.__dict__.keys():
            return next(iter(self._findings.values())).coverage
        return Captures([*(history.coverage for history in self._surveyed), *self._sheet_coverage])

    @cached_property
    def _sheet_coverage(self) -> list[Coverage]:
        from .history.sheet_coverage import describe

        return [describe(capture, sheet) for capture, sheet in self._sheets]

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
            self._findings[key] = self._fresh(names, thresholds)
        return self._findings[key]

    def _fresh(
        self,
        names: tuple[str, ...],
        thresholds: dict[str, Any],
        recorded: list[Recorder] | None = None,
    ) -> Findings:
        """What these checks find; all lives are put into `recorded`, if it is given."""
        from .checks import beside, of_traces
        from .checks.leak import Leak
        from .history import openings
        from .history.groups import original
        from .history.recorder import Recorder
        from .readers.strace.window import Scan

        asked = "leaks" if names == ("leak",) else "check"
        if self._store is not None:
            return Findings(*self._store.judged(names, thresholds), asked)
        found: list[Finding] = []
        coverage: list[Coverage] = []
        leaked: list[int] = []
        places: list[Place] = []
        sites, known = self._sites(), beside.Known()
        watch = self._watch([capture for _, capture in self._traces])
        for index, capture in self._traces:
            scan = Scan()
            try:
                checks = [check(scan, sites, **thresholds) for check in of_traces(names)]
            except TypeError as error:
                raise BadArgument(f"leaks: {error}") from error
            join, recorder = self._join(), Recorder()
            observers = [*checks, join] if recorded is None else [*checks, recorder, join]
            how = {"list_copies": True} if recorded is not None else {"lean": not self._sheets}
            history = self._read(index, capture, observers, watch, scan=scan, keep=True, **how)
            known.add(join.finish(history), checks)
            for check in checks:
                found += check.findings(history)
                if isinstance(check, Leak):
                    leaked += [history.fd_id(original(life)) for life in check.reported]
                    places += openings.of_trace(check.groups)
            history.kept = None
            coverage.append(history.coverage)
            if recorded is not None:
                recorded.append(recorder.finish(history))
        found += known.findings(self._sheets, names)
        coverage += self._sheet_coverage
        return Findings(found, coverage, asked, leaked, places)

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
        seen = openings.of_snapshots(populations(self._sheets)) if self._sheets else ()
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
