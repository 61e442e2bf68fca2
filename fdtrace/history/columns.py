"""A capture's history as the columns of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from .. import schema
from ..model import Problem
from ..readers.strace import stacks
from ..readers.strace.window import ABSENT
from .callsites import CallSites
from .lives import At, Life
from .run import History

if TYPE_CHECKING:
    from ..symbols.resolve import Resolved

Columns = dict[str, list[Any]]

_TOGETHER = 1_000
"""Rows that are made before they are taken apart into columns."""
_NOT_BY_CALL = frozenset({"none", "exit", "implied_reuse"})


class Numbers:
    """Makes the numbers of one capture unique within a Case: offsets added to its codes."""

    def __init__(self) -> None:
        self.table = self.ofd = self.stack = self.seq = 0

    def after(self, history: History) -> None:
        """Move past everything that a capture used."""
        kernel = history.fold.calls.kernel
        self.table += kernel.table_count
        self.ofd += kernel.ofd()
        self.stack += len(history.scan.stacks)
        self.seq += sum(scanner.tally.calls for scanner in history.scanners)


class Moments:
    """Clock readings as seconds since the capture's first stamp and as calendar time.

    `epoch_offset` is where a clock without a date begins, in nanoseconds since
    1970; None while nobody has told.
    """

    def __init__(self, history: History, epoch_offset: int | None) -> None:
        clocks = {scanner.tally.clock for scanner in history.scanners}
        self._first = history.coverage.first_ns or 0
        self._offset = 0 if "epoch" in clocks else epoch_offset if "day" in clocks else None

    def seconds(self, clock: int) -> float | None:
        """None without a clock."""
        return None if clock == ABSENT else (clock - self._first) / 1e9

    def of(self, at: At | None) -> float | None:
        """The moment of something that may not have happened."""
        return None if at is None else self.seconds(at.clock)

    def calendar(self, clock: int) -> int | None:
        """Nanoseconds since 1970, None while the date is not known."""
        return None if clock == ABSENT or self._offset is None else clock + self._offset


def seq_bases(history: History) -> list[int]:
    """Where the numbering of each file's calls begins in the capture's."""
    bases, total = [], 0
    for scanner in history.scanners:
        bases.append(total)
        total += scanner.tally.calls
    return bases


def gathered(table: str, rows: Iterable[dict[str, Any]]) -> Columns:
    """Rows as the columns of a table; what no row has is left to the schema."""
    columns: Columns = {name: [] for name in schema.TABLES[table].names if name != "capture"}
    coming = iter(rows)
    while some := list(islice(coming, _TOGETHER)):
        for name, values in columns.items():
            values += [row.get(name) for row in some]
    return columns


def fds(history: History, lives: list[Life], sites: CallSites, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `fds`: one row per life, in the order in which they began."""
    bases = seq_bases(history)
    generations: dict[tuple[int, int], int] = {}

    def row(life: Life) -> dict[str, Any]:
        key = (life.table.ident, life.fd)
        generations[key] = generations.get(key, -1) + 1
        return {
            "fd_id": history.fd_id(life),
            "table": numbers.table + life.table.ident,
            "pid": life.process.pid,
            "fd": life.fd,
            "gen": generations[key],
            "ofd": numbers.ofd + life.ofd,
            "parent": None if life.parent is None else history.fd_id(life.parent),
            "kind": life.kind,
            "target": life.target,
            "local": life.local,
            "peer": life.peer,
            "inode": life.inode,
            "via": life.via,
            "how": life.how,
            "last_use_t_s": moments.of(life.last_use),
            "cloexec": life.cloexec,
            "uses": life.uses,
            "errors": life.errors,
            "read_bytes": life.read_bytes,
            "written_bytes": life.written_bytes,
            "state": life.state,
            "state_source": life.state_source or (f"strace: {life.state_name}" if life.state else None),
            "certainty": "certain" if life.certain else "inferred",
            **_opening(history, life, sites, numbers, moments, bases),
            **_closing(history, life, numbers, moments, bases),
        }

    ordered = sorted(lives, key=lambda life: (life.opened.pos if life.opened else -1, history.fd_id(life)))
    return gathered("fds", map(row, ordered))


def _opening(
    history: History, life: Life, sites: CallSites, numbers: Numbers, moments: Moments, bases: list[int]
) -> dict[str, Any]:
    at = life.opened
    if at is None:
        return {}
    site = sites.of(history.scan.stacks[at.stack]) if at.stack >= 0 else None
    return {
        "file": history.file_name(at.file),
        "open_line": at.line,
        "opened_by": at.syscall.decode("ascii", "replace"),
        "open_seq": None if at.seq < 0 else numbers.seq + bases[at.file] + at.seq,
        "open_tid": at.tid or None,
        "open_t_s": moments.seconds(at.clock),
        "open_time": moments.calendar(at.clock),
        "call_site": None if site is None else site.site,
        "stack": None if at.stack < 0 else numbers.stack + at.stack,
    }


def _closing(
    history: History, life: Life, numbers: Numbers, moments: Moments, bases: list[int]
) -> dict[str, Any]:
    at = life.closed
    if at is None:
        return {}
    row: dict[str, Any] = {"close_line": at.line, "close_t_s": moments.seconds(at.clock)}
    if life.opened is None:
        row["file"] = history.file_name(at.file)
    if life.how not in _NOT_BY_CALL:
        row["closed_by"] = at.syscall.decode("ascii", "replace")
        row["close_seq"] = None if at.seq < 0 else numbers.seq + bases[at.file] + at.seq
    return row


def processes(history: History, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `processes`, in the order in which they appeared."""
    return gathered(
        "processes",
        (
            {
                "pid": process.pid,
                "ppid": process.ppid,
                "table": None if process.table is None else numbers.table + process.table.ident,
                "tids": tuple(tid for tid in process.tids if tid),
                "command": process.command,
                "argv": process.argv,
                "started_t_s": moments.of(process.started) if process.ppid or process.born else None,
                "ended_t_s": moments.of(process.ended),
                "ended_by": process.ended_by,
                "exit_code": process.exit_code,
                "nofile_limit": process.limit,
                "peak_fds": process.peak,
            }
            for process in history.fold.calls.kernel.processes
        ),
    )


def tasks(history: History, numbers: Numbers, moments: Moments) -> Columns:
    """The columns of `tasks`, in the order in which they appeared."""
    calls = history.fold.calls
    everyone = [*calls.gone, *calls.tasks.values()]
    everyone.sort(key=lambda task: -1 if task.started is None else task.started.pos)
    return gathered(
        "tasks",
        (
            {
                "tid": task.tid or None,
                "pid": task.process.pid,
                "table": numbers.table + task.table.ident,
                "started_t_s": moments.of(task.started),
                "ended_t_s": moments.of(task.ended),
                "ended_by": task.ended_by,
            }
            for task in everyone
        ),
    )


def frames(history: History, numbers: Numbers, resolved: Resolved | None = None) -> Columns:
    """The columns of `frames`: every frame of every distinct stack, with what symbols tell of it."""
    frames_of = stacks.frames if resolved is None else resolved.frames
    return gathered(
        "frames",
        (
            {
                "stack": numbers.stack + code,
                "depth": depth,
                "module": frame.module,
                "symbol": frame.symbol or None,
                "offset": frame.offset,
                "address": frame.address,
                "build_id": frame.build_id,
                "source": frame.source,
                "source_line": frame.source_line,
                "inlined": None if resolved is None else frame.inlined,
                "guessed": frame.guessed,
            }
            for code, block in enumerate(history.scan.stacks.items)
            for depth, frame in enumerate(frames_of(block))
        ),
    )


def problems(items: Iterable[Problem]) -> Columns:
    """The columns of `problems`."""
    return gathered(
        "problems",
        ({n: getattr(item, n) for n in ("file", "line", "reader", "reason", "text")} for item in items),
    )
