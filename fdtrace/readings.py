"""The captures of one incident, each read when somebody first asks for what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .errors import BadArgument, DamagedInput, FdtraceError
from .findings import Findings
from .model import Coverage, Finding, Place, Reading
from .readers.bundle import Capture

if TYPE_CHECKING:
    from .history.callsites import CallSites
    from .history.columns import Moments, Numbers
    from .history.join import Join
    from .history.joined import Alone
    from .history.kernel import Observer
    from .history.passes import Pass
    from .history.recorder import Recorder
    from .history.run import History
    from .readers.sheet import Sheet
    from .symbols.resolve import Resolved, Symbols

Progress = Callable[[Reading], None]


def asked(names: tuple[str, ...]) -> str:
    """Which question these checks answer: leaks, or check."""
    return "leaks" if names == ("leak",) else "check"


class Readings:
    """What was read of some captures; damage found on the way is added to `unreadable`."""

    def __init__(
        self,
        captures: tuple[Capture, ...],
        unreadable: list[FdtraceError],
        epoch_offset: int | None,
        at: str | None,
        wrappers: tuple[str, ...],
        progress: Progress | None,
        symbols: Symbols | None,
    ) -> None:
        self._captures = captures
        self.unreadable = unreadable
        self.epoch_offset = epoch_offset
        self._at = at
        self.wrappers = wrappers
        self._progress = progress
        self._symbols = symbols
        self.interrupted = False
        """Whether an interrupt ended a reading."""

    def has(self, *what: str) -> bool:
        """Whether any of these was made."""
        return not self.__dict__.keys().isdisjoint(what)

    def _join(self) -> Join | Alone:
        """What brings a trace together with the snapshots beside it."""
        if not self.sheets:
            from .history.joined import Alone

            return Alone()
        from .history.join import Join

        return Join(self.sheets, self.epoch_offset)

    @property
    def traces(self) -> list[tuple[int, Capture]]:
        """The recordings of strace, each with its number among all captures."""
        return [(i, c) for i, c in enumerate(self._captures) if c.kind == "strace"]

    @cached_property
    def sheets(self) -> list[tuple[Capture, Sheet]]:
        """Every capture that is not of strace, read."""
        sheets = [capture for capture in self._captures if capture.kind != "strace"]
        if not sheets:
            return []
        from .readers.snapshots import read

        self.interrupted = self.interrupted or any(one.sources[0].partial for one in sheets)
        watch = self._watch(sheets)
        watched = [watch.watched(capture) if watch else capture for capture in sheets]
        return [(capture, read(capture.sources[0], capture.kind, watch, self._at)) for capture in watched]

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
    def folded(self) -> list[History]:
        """Every recording without its lives: they are forgotten when they end."""
        if self.has("recorded"):
            return [one.history for one in self.recorded]
        folded = []
        watch = self._watch([capture for _, capture in self.traces])
        for index, capture in self.traces:
            join = self._join()
            history = self._read(index, capture, [join], watch, tenures=True)
            join.finish(history).name_processes(history)
            folded.append(history)
        return folded

    @cached_property
    def surveyed(self) -> list[History]:
        """Every recording, read for what it can show alone: nothing is kept that grows with it."""
        if self.has("recorded", "folded"):
            return self.folded
        surveyed = []
        watch = self._watch([capture for _, capture in self.traces])
        for index, capture in self.traces:
            join = self._join()
            history = self._read(index, capture, [join], watch, lean=not self.sheets)
            join.finish(history)
            surveyed.append(history)
        return surveyed

    @cached_property
    def recorded(self) -> list[Recorder]:
        """Every capture with all its lives, copies of forks included."""
        recorded = []
        watch = self._watch([capture for _, capture in self.traces])
        for index, capture in self.traces:
            recorder, join = _recorder(), self._join()
            history = self._read(index, capture, [recorder, join], watch, list_copies=True)
            join.finish(history)
            recorded.append(recorder.finish(history))
        return recorded

    @cached_property
    def resolved(self) -> Resolved | None:
        """What symbols tell of all frames; None where none were given."""
        from .history.distinct_stacks import distinct_stacks

        if self._symbols is None:
            return None
        watch = self._watch([capture for _, capture in self.traces])
        captures = [watch.watched(capture) if watch else capture for _, capture in self.traces]
        return self._symbols.resolve(stack for one in captures for stack in distinct_stacks(one, watch))

    def sites(self) -> CallSites:
        """What names call sites."""
        from .history.callsites import CallSites

        return CallSites(self.wrappers, self.resolved)

    @property
    def symbols(self) -> list[str]:
        """What became of the modules when symbols were looked up, in words; empty where none were given."""
        return [] if self.resolved is None else list(self.resolved.account.sentences())

    def _note_damage(self, history: History) -> None:
        """Counts a capture that could only be read up to some place among the unreadable, once."""
        for problem in history.problems:
            if problem.line == 0 and problem.reader == "text":
                history.coverage.partial = True
                error = DamagedInput(problem.reason)
                if str(error) not in map(str, self.unreadable):
                    self.unreadable.append(error)

    def numbered(self, histories: Iterable[History]) -> Iterator[tuple[History, Numbers, Moments]]:
        """Histories, each with what makes its numbers unique and its clock readings times."""
        from .history.columns import Moments, Numbers

        numbers = Numbers()
        for history in histories:
            yield history, numbers, Moments(history, self.epoch_offset)
            numbers.after(history)

    @cached_property
    def owners(self) -> dict[tuple[str, int], int]:
        """Whose descriptors a listing has that does not say it: the traces are read for it."""
        nameless = any(row.pid is None for _, sheet in self.sheets for row in sheet.open_files)
        joins = [history.joined for history in self.surveyed] if nameless else []
        return {key: pid for joined in reversed(joins) if joined for key, pid in joined.owners.items()}

    @cached_property
    def sheet_coverage(self) -> list[Coverage]:
        """What the captures that are not of strace can and cannot show."""
        if not self.sheets:
            return []
        from .history.sheet_coverage import describe

        return [describe(capture, sheet) for capture, sheet in self.sheets]

    def judge(
        self,
        names: tuple[str, ...],
        thresholds: dict[str, Any],
        recorded: list[Recorder] | None = None,
    ) -> Findings:
        """What these checks find; all lives are put into `recorded`, if it is given."""
        from .checks import beside, of_traces
        from .checks.base import quoted
        from .checks.leak import Leak
        from .history import openings
        from .history.shares import original
        from .readers.strace.window import Scan

        found: list[Finding] = []
        coverage: list[Coverage] = []
        leaked: list[int] = []
        places: list[Place] = []
        sites, known = self.sites(), beside.Known()
        watch = self._watch([capture for _, capture in self.traces])
        for index, capture in self.traces:
            scan = Scan()
            try:
                checks = [check(scan, sites, **thresholds) for check in of_traces(names)]
            except TypeError as error:
                raise BadArgument(f"leaks: {error}") from error
            join, recorder = self._join(), _recorder() if recorded is not None else None
            observers: list[Observer] = [*checks, join]
            if recorder is not None:
                observers.insert(-1, recorder)
            how = {"lean": not self.sheets} if recorder is None else {"list_copies": True}
            history = self._read(index, capture, observers, watch, scan=scan, keep=True, **how)
            known.add(join.finish(history), checks)
            found += quoted(history, [finding for check in checks for finding in check.findings(history)])
            for check in checks:
                if isinstance(check, Leak):
                    leaked += [history.fd_id(original(life)) for life in check.reported]
                    places += openings.of_trace(check.groups)
            history.kept = None
            coverage.append(history.coverage)
            if recorded is not None and recorder is not None:
                recorded.append(recorder.finish(history))
        found += known.findings(self.sheets, names)
        coverage += self.sheet_coverage
        return Findings(found, coverage, asked(names), leaked, places)


def _recorder() -> Recorder:
    from .history.recorder import Recorder

    return Recorder()
