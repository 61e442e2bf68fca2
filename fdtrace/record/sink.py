"""Where a recording goes: the files of its directory, within their limits, ending in whole lines.

The trace comes as a stream of bytes and is stored in pieces of whole lines. A
piece is written or it is not: where the disk is full, or a limit is reached, the
file ends behind the last one. In a ring the trace is stored in parts, of which
the oldest are dropped: what is left is one stretch of time without a hole.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

PARTS = 8
"""Of so many parts a ring consists: one of them is dropped at a time."""

SHARE = 8
"""A look may take an eighth of the room that is left: the trace tells more."""

_SMALLEST_PART = 1 << 12
_RECORD = re.compile(rb"\n(?=\d)")
"""Where a part can begin: at a line with a process number, never at the stack of the call before."""

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "files may not become larger here (ulimit -f)",
    errno.EIO: "the disk gives errors",
    errno.EROFS: "the disk has become read-only",
}


@dataclass
class Sink:
    """The files of one recording. Safe from the thread that takes the trace and the one that takes snapshots.

    `ring` is how many bytes of the trace are kept, the newest; None keeps all.
    `largest` is how many bytes all files may have together. `cut` says in words why
    nothing is written any more, "" while it is.
    """

    folder: str
    ring: int | None = None
    largest: int | None = None
    compressed: bool = False
    cut: str = ""
    dropped: int = 0
    """Parts of the ring that were dropped."""
    written: int = 0
    """Bytes in all files now."""
    lost: int = 0
    """Bytes of the trace that came after it was cut."""
    on_part: Callable[[], None] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _parts: list[tuple[str, int]] = field(default_factory=list)
    _number: int = 0
    _file: BinaryIO | None = None
    _size: int = 0
    _names: dict[str, None] = field(default_factory=dict)

    # -- the trace -----------------------------------------------------------

    def trace(self, piece: bytes) -> None:
        """Store some whole lines of the trace."""
        with self._lock:
            if self.ring is None:
                self._trace(piece)
                return
            part = max(self.ring // PARTS, _SMALLEST_PART)
            while piece:
                if self._size >= part and piece[:1].isdigit():
                    self._next_part(self.ring - part)
                found = _RECORD.search(piece, max(part - self._size, 1) - 1)
                end = found.end() if found else len(piece)
                self._trace(piece[:end])
                piece = piece[end:]

    def _next_part(self, room: int) -> None:
        """End the part; drop the oldest ones that, with a new one, would be more than the ring holds."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._parts[-1] = (self._parts[-1][0], self._size)
        self._size = 0
        while self._parts and sum(size for _, size in self._parts) > room:
            self._drop()
        if self.on_part is not None:
            self.on_part()

    def _drop(self) -> None:
        name, size = self._parts.pop(0)
        self._forget(name)
        self.dropped += 1
        self.written -= size

    def _trace(self, piece: bytes) -> None:
        if self.cut:
            self.lost += len(piece)
            return
        if self._file is None:
            self._number += 1
            self._size = 0
            name = "trace.strace" if self.ring is None else f"trace.part{self._number:06}.strace"
            name += ".gz" if self.compressed else ""
            try:
                self._file = self._begin(name)
            except OSError as error:
                self._end(error, len(piece))
                return
            self._parts.append((name, 0))
        if self.compressed:
            stored = zlib.compress(piece, 1, 31)
            kept = self._put(self._file, self._size, stored)
            self.lost += 0 if kept else len(piece)
        else:
            kept = self._put(self._file, self._size, piece, lines=True)
            self.lost += len(piece) - kept
        self._size += kept
        if not self._size:
            self._forget(self._parts.pop()[0])

    # -- other files ---------------------------------------------------------

    def append(self, name: str, text: bytes) -> bool:
        """Put more at the end of another file, all or nothing.

        Nothing once the recording is cut, or where it would take too much of the room that the trace needs.
        """
        with self._lock:
            if self.cut or len(text) * SHARE > self._room():
                return False
            path = os.path.join(self.folder, name)
            try:
                with self._begin(name) if name not in self._names else open(path, "r+b", buffering=0) as file:
                    place = file.seek(0, os.SEEK_END)
                    kept = self._put(file, place, text)
                if not place + kept:
                    self._forget(name)
            except OSError as error:
                self._end(error, 0)
                kept = 0
            return kept > 0

    def _room(self) -> int:
        """Bytes that can still be written, by the disk and by the limit."""
        disk = os.statvfs(self.folder)
        room = disk.f_bavail * disk.f_frsize
        return room if self.largest is None else min(room, self.largest - self.written)

    def _forget(self, name: str) -> None:
        """A file that nothing could be written to: an empty one would tell a reader nothing."""
        os.unlink(os.path.join(self.folder, name))
        del self._names[name]

    def _begin(self, name: str) -> BinaryIO:
        """A new file, only the recorder's to read."""
        number = os.open(
            os.path.join(self.folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        self._names[name] = None
        return open(number, "wb", buffering=0)

    def _put(self, file: BinaryIO, place: int, text: bytes, lines: bool = False) -> int:
        """Write a text at the end of a file: all or nothing, or as many whole `lines` as have room."""
        done, end = 0, len(text)
        if self.largest is not None and self.written + end > self.largest:
            self.cut = f"its limit of {self.largest:,} bytes was reached (--max-size)"
            end = text.rfind(b"\n", 0, self.largest - self.written) + 1 if lines else 0
        try:
            view = memoryview(text)
            while done < end:
                done += file.write(view[done:end])
        except OSError as error:
            self._end(error, 0)
            done = text.rfind(b"\n", 0, done) + 1 if lines else 0
            file.truncate(place + done)
        self.written += done
        return done

    def _end(self, error: OSError, lost: int) -> None:
        self.cut = _FULL.get(error.errno or 0, f"it could not be written ({error.strerror})")
        self.lost += lost

    def close(self) -> None:
        """Nothing follows."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    @property
    def names(self) -> list[str]:
        """The files that there are, in the order in which they were begun."""
        return list(self._names)
