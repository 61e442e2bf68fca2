"""A fleet: thousands of captures of many hosts, each analysed alone, and what they say together.

    >>> import fdtrace
    >>> fleet = fdtrace.scan("captures/", result="fleet")
    >>> print(fleet)
    >>> fleet.sites, fleet.captures, fleet.findings

The result is a dataset of Parquet files (see :mod:`fdtrace.fleet.dataset`); a
later scan into it does only what is new or has changed. `Fleet("fleet")` opens it.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fdtrace.fleet import questions, tables
from fdtrace.fleet.dataset import Dataset, is_result
from fdtrace.fleet.inputs import Incident, incidents
from fdtrace.fleet.labels import Rules
from fdtrace.fleet.pool import Borrowed, Crew, Processes, check_workers, outcomes
from fdtrace.fleet.work import Options, Outcome, Task, not_analysed
from fdtrace.report.fleet import Done, Site, Summary

if TYPE_CHECKING:
    import pandas as pd

_FINAL = frozenset(
    {"analysed", "partial", "no_capture", "unreadable", "timed_out", "out_of_memory", "killed", "failed"}
)
"""Outcomes that the next scan takes as they are, as long as nothing has changed."""
_ANSWERED = frozenset({"analysed", "partial", "no_capture"})
CROWD = 40
"""More captures than one host has for one occasion: were they to be taken each alone?"""
_KNOWN = ("incident", "fingerprint", "options", "outcome", "error", "verdict", "files")


class Fleet:
    """The result of scans, to ask; printed, it is the answer. Its tables: :mod:`fdtrace.fleet.tables`.

    `done` counts what the scan that returned it has done, `unread` names the
    inputs that a user named and that could not be read, `gone` counts incidents of
    earlier scans that were not among the inputs, `crowded` names incidents of so many
    captures that they may be those of many hosts, with their number.

    Raises:
        BadArgument: there is no result of a scan.
        MissingExtra: pyarrow, or what a URL needs, is not installed.
    """

    def __init__(self, result: str | os.PathLike[str]) -> None:
        self.path = os.fspath(result)
        self.done = Done()
        self.unread: list[tuple[str, str]] = []
        self.gone = 0
        self.crowded: list[tuple[str, int]] = []
        self._dataset = Dataset(self.path)

    @cached_property
    def _captures(self) -> list[dict[str, Any]]:
        return self._dataset.captures(questions.OF_CAPTURES)

    @cached_property
    def captures(self) -> pd.DataFrame:
        """One row per incident: what it is, what it could show, what went wrong."""
        return tables.frame(tables.CAPTURES, [_tuples(row) for row in self._dataset.captures()])

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row per finding of each incident."""
        rows = self._dataset.findings(row["analysis"] for row in self._captures)
        return tables.frame(tables.FINDINGS, [_tuples(row) for row in rows])

    @cached_property
    def sites(self) -> pd.DataFrame:
        """One row per fault: on how many hosts, since when, how bad; the one that matters most first."""
        return self.table_of(self.ranked)

    @staticmethod
    def table_of(sites: Iterable[Site]) -> pd.DataFrame:
        """Records as the table `sites`."""
        return tables.frame(tables.SITES, [_fields(site) for site in sites])

    @cached_property
    def ranked(self) -> list[Site]:
        """The rows of `sites` as records."""
        analyses = [row["analysis"] for row in self._captures]
        return questions.sites(self._captures, self._dataset.findings(analyses, questions.OF_FINDINGS))

    @cached_property
    def summary(self) -> Summary:
        """What was judged: incidents, hosts, days."""
        return questions.summary(self._captures)

    def __str__(self) -> str:
        from fdtrace.report.fleet import answer

        return answer(self.summary, self.ranked)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"


def scan(
    captures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    result: str | os.PathLike[str],
    executor: Executor | None = None,
    only: Sequence[str] | None = None,
    each_file: bool = False,
    host_from: str | None = None,
    day_from: str | None = None,
    version_from: str | None = None,
    time_limit_s: float | None = None,
    workers: int | None = None,
    memory_bytes: int | None = None,
    in_flight: int | None = None,
    retry_failed: bool = False,
    prune: bool = False,
    progress: Callable[[Done], None] | None = None,
) -> Fleet:
    """Analyses many captures, each incident alone, into a dataset; what is there already is not done again.

    A fault of one incident is a row with its error. What is done is kept whatever
    ends the scan, KeyboardInterrupt as well.

    Args:
        captures: directories, files, globs, URLs; see :mod:`fdtrace.fleet.inputs` for what is one incident.
        result: the directory, or URL, of the dataset.
        executor: who does the work; without one, processes of this machine. It is not shut down.
        only: run these checks and no others.
        each_file: take each file of a directory alone.
        host_from: a regular expression that finds the host in the name of an incident.
        day_from: likewise the day, written YYYY-MM-DD or YYYYMMDD.
        version_from: likewise the version of the program that was recorded.
        time_limit_s: so long an incident is read; what was read until then is judged.
        workers: processes of this machine; as many as it has processors if not given.
        memory_bytes: the most memory of each; else 80 % of the machine's, divided.
        in_flight: incidents on their way to an executor; twice its workers if not given.
        retry_failed: try again what could not be analysed though nothing has changed.
        prune: remove the rows of incidents whose files are gone.
        progress: called with what is done, after each incident.

    Raises:
        BadArgument: a check, regular expression or result that cannot be.
        MissingExtra: pyarrow, or what a URL needs, is not installed.
        FdtraceError: the workers do not start, or the executor gave up.
    """
    options = Options(_checks(only), Rules(host_from, day_from, version_from), time_limit_s)
    names = [captures] if isinstance(captures, (str, os.PathLike)) else captures
    target = os.fspath(result)
    dataset = Dataset(target, create=True)
    with dataset.place.alone():
        listing = _Listing(dataset, options, retry_failed)
        tasks = listing.tasks(incidents((os.fspath(name) for name in names), each_file))
        crew: Crew = Processes(workers, memory_bytes) if executor is None else Borrowed(executor, in_flight)
        try:
            for task, outcome in _run(tasks, crew):
                listing.take(task, outcome)
                if progress is not None:
                    progress(listing.done)
        finally:
            crew.stop()
        if prune:
            listing.prune()
    fleet = Fleet(target)
    fleet.done, fleet.unread, fleet.crowded = listing.done, listing.unread, listing.crowded
    fleet.gone = len(listing.missing)
    return fleet


def _run(tasks: Iterator[Task], crew: Crew) -> Iterator[tuple[Task, Outcome]]:
    """All outcomes; no worker is started where there is nothing to do."""
    first = next(tasks, None)
    if first is None:
        return
    check_workers(crew)

    def every() -> Iterator[Task]:
        yield first
        yield from tasks

    yield from outcomes(every(), crew)


class _Listing:
    """What is to be done of what there is, and what became of it."""

    def __init__(self, dataset: Dataset, options: Options, retry_failed: bool) -> None:
        self._dataset = dataset
        self._options = options
        self._retry = retry_failed
        self._known = {row["incident"]: row for row in dataset.begin(_KNOWN)}
        self._seen: set[str] = set()
        self.done = Done()
        self.unread: list[tuple[str, str]] = []
        self.crowded: list[tuple[str, int]] = []

    def tasks(self, found: Iterable[Incident]) -> Iterator[Task]:
        """Those that are new or have changed. What cannot be read at all needs no worker."""
        for incident in found:
            if incident.name in self._seen:
                continue
            self._seen.add(incident.name)
            task = Task(incident, self._options, self._hashes(incident))
            known = self._known.get(incident.name)
            if incident.error:
                self.take(task, not_analysed(task, "unreachable", incident.error))
            elif known is not None and self._is_done(known, task):
                self._count(known, unchanged=True)
                self._note(incident, known["outcome"], known.get("error"))
            else:
                yield task

    def _is_done(self, known: dict[str, Any], task: Task) -> bool:
        final = _ANSWERED if self._retry else _FINAL
        return bool(known["fingerprint"] == task.fingerprint and known["outcome"] in final)

    def _hashes(self, incident: Incident) -> dict[str, str]:
        """The hashes of an answer that was given for the same options; else the files prove nothing."""
        known = self._known.get(incident.name)
        if known is None or known["outcome"] not in _ANSWERED or incident.remote:
            return {}
        if known["options"] != self._options.id:
            return {}
        return {file["name"]: file["sha256"] for file in known["files"] or () if file["sha256"]}

    def take(self, task: Task, outcome: Outcome) -> None:
        """Keeps an outcome."""
        id_, row, findings = task.incident.id, outcome.capture, outcome.findings
        if outcome.unchanged:
            row = self._dataset.row(id_) | {name: row[name] for name in ("files", "fingerprint", "modified")}
            findings = self._dataset.found(id_)
        self._dataset.put(id_, row, findings)
        if (row.get("captures") or 0) > CROWD:
            self.crowded.append((row["incident"], row["captures"]))
        self._count(row, outcome.unchanged)
        self._note(task.incident, row["outcome"], row.get("error"))

    def _count(self, row: dict[str, Any], unchanged: bool) -> None:
        done, failed = self.done, row["outcome"] not in _ANSWERED
        self.done = dataclasses.replace(
            done,
            analysed=done.analysed + (not unchanged and not failed),
            unchanged=done.unchanged + unchanged,
            failed=done.failed + (failed and not unchanged),
            leaking=done.leaking + (row.get("verdict") == "leaks"),
        )

    def _note(self, incident: Incident, outcome: str, error: str | None) -> None:
        if not incident.found and outcome in ("unreadable", "unreachable"):
            self.unread.append((incident.name, error or outcome))

    @property
    def missing(self) -> list[str]:
        """Incidents of earlier scans that were not among the inputs of this one."""
        return [name for name in self._known if name not in self._seen]

    def prune(self) -> None:
        """Forgets those whose files are gone."""
        for name in self.missing:
            incident = Incident(name)
            if not _exists(name):
                self._dataset.forget(incident.id)
                del self._known[name]


def _exists(name: str) -> bool:
    from fdtrace.readers import remote

    if not remote.is_url(name):
        as_bytes = re.sub(r"\\x([89a-f][0-9a-f])", lambda byte: chr(0xDC00 + int(byte[1], 16)), name)
        return os.path.lexists(name) or os.path.lexists(as_bytes)
    system, path = remote.file_system(name)
    return bool(system.exists(path))


def _checks(only: Sequence[str] | None) -> tuple[str, ...]:
    from fdtrace.checks import NAMES, named

    return tuple(name for name in NAMES if name in named(only))


def _fields(site: Site) -> dict[str, Any]:
    return {field.name: getattr(site, field.name) for field in dataclasses.fields(site)}


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    """A row with tuples in the place of lists, as all tables have them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


__all__ = ["Done", "Fleet", "is_result", "scan"]
