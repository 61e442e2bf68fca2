"""Reads and the buffers that they fill: how often a socket had more to give than was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..readers.strace import notes
from ..readers.strace.args import Call
from ..readers.strace.window import ABSENT, NO_FD, Row, Window
from .callsites import CallSite, CallSites
from .lives import At
from .run import History, window_stream
from .tasks import Process

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_PLAIN = frozenset((b"read", b"recv", b"recvfrom"))
"""Calls with one buffer, whose size is their third argument."""
_SOCKET_ONLY = frozenset((b"recv", b"recvfrom"))
_STREAMS = frozenset(("tcp", "tcp6", "unix", "pipe", "socket", "vsock"))
"""Kinds whose reads are cut where the buffer ends, not where the message does."""
_TAIL = re.compile(rb", (\d+)(?:, [\w|]+(?:, NULL, NULL)?)?\)\s+= \d+")
_SHOWN = 3


@dataclass(slots=True)
class Reads:
    """The reads of one place with a buffer of one size.

    A run is what came without the program writing, or being told that there is
    nothing more, in between: reads that filled the buffer, and the one after them.
    """

    process: Process | None
    kind: str
    site: CallSite | None
    size: int
    count: int = 0
    full: int = 0
    bytes: int = 0
    messages: int = 0
    fragmented: int = 0
    pieces: int = 0
    largest: int = 0
    sums: list[int] = field(default_factory=list)
    """Bytes of the runs that took several reads."""
    fds: set[int] = field(default_factory=set)
    places: list[At] = field(default_factory=list)
    """The first reads that filled the buffer."""

    @property
    def fitting(self) -> int:
        """A buffer (a power of two) that takes 19 of 20 of the runs at once."""
        sums = sorted(self.sums)
        need = sums[min(len(sums) - 1, len(sums) * 19 // 20)] if sums else self.size
        size = max(2 * self.size, 1)
        while size < need:
            size *= 2
        return size

    def run(self, length: int, pieces: int) -> None:
        """A run of reads is over."""
        self.messages += 1
        self.pieces += pieces
        self.largest = max(self.largest, length)
        if pieces > 1:
            self.fragmented += 1
            self.sums.append(length)


@dataclass(slots=True)
class _Open:
    """A run that is under way on one descriptor."""

    reads: Reads
    length: int = 0
    pieces: int = 0


def reads(history: History, sites: CallSites) -> list[Reads]:
    """The reads from sockets and pipes of a whole capture, which is read once more for it."""
    collector = _Collector(history, sites)
    for window in window_stream(history):
        collector.take(window)
    return collector.finish()


class _Collector:
    def __init__(self, history: History, sites: CallSites) -> None:
        self._history = history
        self._sites = sites
        self._found: dict[tuple[str | None, str, str, int], Reads] = {}
        self._open: dict[tuple[int, int], _Open] = {}
        self._is_stream: list[bool] = []
        self._processes = history.fold.calls.kernel.processes
        self._owner = {tid: index for index, one in enumerate(self._processes) for tid in one.tids}

    def take(self, window: Window) -> None:
        """The reads of a window, in their order."""
        import numpy as np

        names = self._history.scan.syscalls.items
        codes, kinds = window.column("syscall"), window.column("kind")
        fds, notes_of = window.column("fd"), window.column("note")
        done = np.flatnonzero((kinds <= Row.EXIT) & (kinds != Row.ENTRY) & (codes >= 0) & (fds != NO_FD))
        plain = np.array([name in _PLAIN for name in names], dtype=bool)
        sends = np.array([name in _ENDING for name in names], dtype=bool)
        streams = self._streams(notes_of, codes, names)
        rows = done[(plain[codes[done]] & streams[done]) | sends[codes[done]]]
        columns = ("tid", "fd", "syscall", "stack", "ret", "note")
        values = zip(*(window.column(name)[rows].tolist() for name in columns), strict=True)
        is_read = plain[codes[rows]].tolist()
        for row, reading, (tid, fd, code, stack, got, note) in zip(
            rows.tolist(), is_read, values, strict=True
        ):
            holder = (self._owner.get(tid, -1), fd)
            if not reading or got <= 0 or got == ABSENT:
                self._close(holder)
                continue
            self._read(window, row, holder, (fd, code, stack), got, note)

    def _streams(
        self, note_of: npt.NDArray[np.int32], codes: npt.NDArray[np.int32], names: list[bytes]
    ) -> npt.NDArray[np.bool_]:
        """Which rows are of a socket or pipe, by the annotation, else by the call."""
        import numpy as np

        for item in self._history.scan.notes.items[len(self._is_stream) :]:
            self._is_stream.append(notes.read(item).kind in _STREAMS)
        by_note = np.array([*self._is_stream, False], dtype=bool)
        by_call = np.array([name in _SOCKET_ONLY for name in names] + [False], dtype=bool)
        streams: npt.NDArray[np.bool_] = np.where(note_of >= 0, by_note[note_of], by_call[codes])
        return streams

    def _read(
        self,
        window: Window,
        row: int,
        holder: tuple[int, int],
        place: tuple[int, int, int],
        got: int,
        note: int,
    ) -> None:
        size = _size(window.text(row)) or 0
        if size < got:
            return
        under_way = self._open.get(holder)
        if under_way is None:
            under_way = self._open[holder] = _Open(self._reads(holder[0], place, size, note))
        mine = self._reads(holder[0], place, size, note)
        mine.count += 1
        mine.bytes += got
        mine.fds.add(place[0])
        under_way.length += got
        under_way.pieces += 1
        if got < size:
            self._close(holder)
            return
        mine.full += 1
        if len(mine.places) < _SHOWN:
            mine.places.append(self._at(window, row))

    def _reads(self, owner: int, place: tuple[int, int, int], size: int, note: int) -> Reads:
        _, code, stack = place
        process = self._processes[owner] if owner >= 0 else None
        site = self._sites.of(self._history.scan.stacks[stack]) if stack >= 0 else None
        kind = notes.read(self._history.scan.notes[note]).kind if note >= 0 else "socket"
        call = self._history.scan.syscalls[code].decode("ascii", "replace")
        command = process.command if process else None
        key = (command, kind, f"{site.module}!{site.site}" if site else call, size)
        if key not in self._found:
            self._found[key] = Reads(process, kind, site, size)
        return self._found[key]

    def _close(self, holder: tuple[int, int]) -> None:
        """What comes next on this descriptor is something else."""
        under_way = self._open.pop(holder, None)
        if under_way is not None:
            under_way.reads.run(under_way.length, under_way.pieces)

    def _at(self, window: Window, row: int) -> At:
        value = {
            name: int(window.column(name)[row]) for name in ("seq", "line", "offset", "clock", "tid", "stack")
        }
        name = self._history.scan.syscalls[int(window.column("syscall")[row])]
        return At(
            window.file, value["seq"], value["line"], value["offset"], value["clock"], value["tid"], name,
            value["stack"], 0,
        )  # fmt: skip

    def finish(self) -> list[Reads]:
        """All places, the busiest first; runs that the capture cuts are not counted."""
        return sorted(self._found.values(), key=lambda one: -one.count)


_ENDING = frozenset((b"write", b"send", b"sendto", b"sendmsg", b"writev", b"close", b"shutdown"))


def _size(text: bytes) -> int | None:
    """How many bytes a read asked for."""
    found = _TAIL.search(text[-80:])
    if found is not None:
        return int(found[1])
    return Call(text).number(2)
