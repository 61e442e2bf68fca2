"""One capture from its text to its tables."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import DamagedInput
from ..model import Coverage, Problem
from ..readers.bundle import Capture
from ..readers.strace.choice import Choice, remarks, scanner_of
from ..readers.strace.lines import LineScanner
from ..readers.strace.window import Row, Scan, Window
from ..readers.text import Source
from .coverage import describe
from .fold import Fold
from .kernel import Observer
from .lives import At, Life
from .merge import merged

if TYPE_CHECKING:
    from .joined import Joined
    from .waits_noted import WaitsNoted

WALK = "FDTRACE_WALK"
"""The variable of the environment that leaves every row to the fold: `off`."""
_NEW_OBJECTS = 200_000
KEPT_TEXT = 8 << 20
"""Bytes of text of which the windows are kept for a second look; what is larger is read again."""
LIVES_PER_CAPTURE = 1_000_000_000
"""Numbers of lives are unique within a Case: each capture has its own thousand millions."""


@dataclass(slots=True)
class History:
    """What became of one capture: its tables at the end, and the account of its lines."""

    capture: Capture
    scan: Scan
    fold: Fold
    scanners: list[LineScanner] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    coverage: Coverage = field(default_factory=lambda: Coverage("", "strace"))
    index: int = 0
    """Which capture of its Case this is."""
    kept: dict[int, list[Window]] | None = None
    """The windows of a small capture by file, while somebody may want them once more."""
    waits: WaitsNoted | None = None
    """What threads wait for, of a capture whose windows are not kept; None where it was not noted."""
    joined: Joined | None = None
    """What snapshots beside it say, once they were joined."""
    cited: dict[tuple[str, int], At] = field(default_factory=dict)
    """The lines that findings quote, by file and number."""

    def open_lives(self) -> Iterator[Life]:
        """Lives that are open at the end, by table and number; copies only if they are their table's own."""
        for table in self.fold.calls.kernel.tables:
            for fd in sorted(table.fds):
                life = table.fds[fd]
                if life.table is table:
                    yield life

    def fd_id(self, life: Life) -> int:
        """The number of a life in the table `fds` of this capture: copies of forks come after all others."""
        number = self.fold.calls.kernel.originals + life.ident if life.copied else life.ident
        return self.index * LIVES_PER_CAPTURE + number

    def file_name(self, file: int) -> str:
        """The name of the file with this code."""
        return self.capture.sources[file].name


def read(
    capture: Capture,
    observers: Iterable[Observer] = (),
    list_copies: bool = False,
    progress: Callable[[int], None] | None = None,
    scan: Scan | None = None,
    index: int = 0,
    tenures: bool = False,
    lean: bool = False,
    scanner: Choice = None,
    keep: bool = False,
) -> History:
    """Read a capture and rebuild its tables; observers hear of lives as they begin and end.

    `lean` forgets processes that are over, for who makes no table of them;
    `tenures` keeps who used which table since when, as `events` wants to know.
    A damaged file keeps what could be read of it and gets a problem row; after an
    interrupt, what was read until then is analysed, and marked as partial.
    `scanner` forces one of the two scanners of strace text, which give the same rows.
    With `keep`, a small capture is not read again for what looks at its calls twice.
    """
    scan = scan if scan is not None else Scan()
    readers = _readers(capture, scan, scanner)
    walks = len(readers) == 1 and type(readers[0]) is not LineScanner and os.environ.get(WALK) != "off"
    fold = _fold(walks and lean)(scan, observers, list_copies)
    fold.calls.keep_tenures = list_copies or tenures
    fold.calls.kernel.lean = lean
    history = History(capture, scan, fold, readers, index=index)
    history.coverage.partial = any(source.partial for source in capture.sources)
    if capture.recording is not None:
        fold.calls.told = capture.recording.threads
        history.problems += capture.recording.problems
    alone = _messages(capture, fold)
    if alone is not None and len(readers) == 1:
        readers[0].tracees.replace_first(alone)
    streams = [
        reader.windows(_until_interrupted(_blocks(source, history.problems, progress), history.coverage))
        for reader, source in zip(readers, capture.sources, strict=True)
    ]
    if keep and all(type(scanner) is LineScanner for scanner in readers):
        history.kept = {}  # what another scanner reads is large, and its windows are not to be kept
        streams = [_keeping(windows, history) for windows in streams]
    fold.calls.kernel.loose_order = len(streams) > 1
    if walks and keep:
        from .waits_noted import WaitsNoted

        history.waits = WaitsNoted(scan, fold.calls)
    try:
        with _rare_collections():
            for window in merged(streams, scan, fold.calls, readers) if len(streams) > 1 else streams[0]:
                fold.feed(window)
                if history.waits is not None:
                    history.waits.take(window)
    except KeyboardInterrupt:
        history.coverage.partial = True
    fold.finish()
    for reader in readers:
        history.problems += reader.problems
    for reason in (*scan.left_out(), *fold.calls.left_out()):
        history.problems.append(Problem(capture.name, 0, "strace", reason, lines=0))
    describe(history)
    for reader in readers:
        history.coverage.reasons += remarks(reader)
    return history


def _readers(capture: Capture, scan: Scan, choice: Choice) -> list[LineScanner]:
    """The scanners of a capture's files."""
    tid_of = dict(enumerate(capture.tids))
    return [scanner_of(capture, scan, code, tid_of.get(code), choice) for code in range(len(capture.sources))]


def _fold(walks: bool) -> type[Fold]:
    """What takes the rows."""
    if not walks:
        return Fold
    from .walking import WalkingFold

    return WalkingFold


def _keeping(windows: Iterator[Window], history: History) -> Iterator[Window]:
    """The windows, remembered as long as they are few."""
    for window in windows:
        if history.kept is not None:
            history.kept.setdefault(window.file, []).append(window)
            if sum(len(one.buffer) for windows in history.kept.values() for one in windows) > KEPT_TEXT:
                history.kept = None
        yield window


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for garbage in cycles less often: the many small things of a history are in none."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _NEW_OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _blocks(
    source: Source, problems: list[Problem], progress: Callable[[int], None] | None
) -> Iterator[bytes]:
    try:
        for block in source.blocks():
            if progress is not None:
                progress(len(block))
            yield block
    except DamagedInput as damage:
        problems.append(Problem(source.name, 0, "text", str(damage), lines=0))


def _until_interrupted(blocks: Iterator[bytes], coverage: Coverage) -> Iterator[bytes]:
    """The blocks; an interrupt while one is fetched is the end, so that no record is taken by halves."""
    try:
        yield from blocks
    except KeyboardInterrupt:
        coverage.partial = True


def _messages(capture: Capture, fold: Fold) -> int | None:
    """Learn from strace's own messages, kept in a file beside the trace, who belongs together.

    Returns the only task that strace attached to, if it was only one: a trace
    without a pid column is its own.
    """
    attached: list[int] = []
    for source in capture.messages:
        scanner = LineScanner(Scan(), 0, source.name)
        for window in scanner.windows(source.blocks()):
            for kind, tid, threads in window.rows(("kind", "tid", "ret")):
                if kind == Row.ATTACHED:
                    attached.append(tid)
                    fold.calls.attached(tid, threads)
    return attached[0] if len(attached) == 1 else None


def window_stream(history: History) -> Iterator[Window]:
    """The windows of a capture once more, for what needs every call again (`events`)."""
    if history.kept is not None:
        for _, windows in sorted(history.kept.items()):
            yield from windows
        return
    for code, source in enumerate(history.capture.sources):
        reader = scanner_of(history.capture, history.scan, code, history.capture.tids[code])
        yield from reader.windows(_blocks(source, [], None))
