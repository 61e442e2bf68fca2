"""Inputs as blocks of bytes: files, pipes and stdin.

The only module of fdtrace that opens files. Compression is found by the first
bytes, never by the name, and everything is streamed: memory does not grow with
the input. Captures that a Windows tool re-encoded (UTF-16, UTF-32, UTF-8 with a
byte order mark) come out as plain UTF-8. All offsets count bytes of the text
that :meth:`Source.blocks` yields.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, cast

from fdtrace.errors import DamagedInput
from fdtrace.readers.decode import as_utf8, decompressed, decompressor_for, encoding_of

_CHUNK = 1 << 18
_IN_MEMORY = 1 << 23


class _Spool:
    """A copy of something that can be read only once: stdin, a FIFO, a /proc file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.size = size
        self._file = file
        self._lock = threading.Lock()

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; safe from several threads and passes at once."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)


class _SpoolReader(io.RawIOBase):
    """One pass over a spool, with a position of its own."""

    def __init__(self, spool: _Spool) -> None:
        super().__init__()
        self._spool = spool
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._spool.size if size is None or size < 0 else size
        data = self._spool.read_at(self._at, wanted)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset
        return self._at


@dataclass(frozen=True)
class Source:
    """One input that can be read as often as needed.

    `name` is what the user typed ("stdin" for `-`), `path` is None for stdin,
    `size` counts the bytes as stored, compressed or not. A file that is still
    being written is read up to the size it had when it was opened here, so
    that all passes over it see the same text.
    """

    name: str
    path: str | None
    size: int | None
    _spool: _Spool | None = field(default=None, repr=False, compare=False)

    def blocks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """The text in order, in pieces of about `size` bytes.

        Raises :class:`DamagedInput` *after* the last piece that could be
        decoded when the input cannot be read or its compressed stream is cut
        or broken, and :class:`MissingExtra` for zstd without the extra.
        """
        return as_utf8(decompressed(self._raw(), size, self.name))

    def head(self, size: int = 65536) -> bytes:
        """The first bytes of the text; later passes start at the beginning again.

        Damage counts only when nothing at all could be decoded.
        """
        parts: list[bytes] = []
        length = 0
        blocks = self.blocks(size)
        try:
            while length < size and (block := next(blocks, b"")):
                parts.append(block)
                length += len(block)
        except DamagedInput:
            if not parts:
                raise
        return b"".join(parts)[:size]

    def lines_at(self, offsets: Iterable[int], limit: int = 400) -> dict[int, bytes]:
        """The lines that begin at these offsets, without line ends, cut after `limit` bytes.

        A plain file is sought in; anything else costs one pass up to the last
        offset. Offsets behind the end, or behind damage, are left out.
        """
        wanted = sorted(set(offsets))
        if not wanted:
            return {}
        try:
            shift = self._plain_shift()
            if shift is None:
                return _lines_streamed(self.blocks(), wanted, limit)
            return self._lines_sought(wanted, limit, shift)
        except DamagedInput:
            return {}

    def _raw(self) -> Iterator[bytes]:
        """The stored bytes, up to the size the input had at first."""
        left = self.size
        try:
            with self._open() as file:
                while left is None or left > 0:
                    data = file.read(_CHUNK if left is None else min(_CHUNK, left))
                    if not data:
                        return
                    if left is not None:
                        left -= len(data)
                    yield data
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def _open(self) -> io.RawIOBase:
        if self._spool is not None:
            return _SpoolReader(self._spool)
        assert self.path is not None
        return cast(io.RawIOBase, open(self.path, "rb", buffering=0))

    def _plain_shift(self) -> int | None:
        """What to add to an offset of the text to seek there; None where that cannot be."""
        first = next(self._raw(), b"")
        if decompressor_for(first, self.name) is not None:
            return None
        encoding, mark = encoding_of(first)
        if encoding is None:
            return 0
        return mark if encoding == "utf-8" else None

    def _lines_sought(self, wanted: list[int], limit: int, shift: int) -> dict[int, bytes]:
        """Lines of an uncompressed input, each by one seek."""
        found: dict[int, bytes] = {}
        try:
            with self._open() as file:
                for offset in wanted:
                    room = limit + 2
                    if self.size is not None:
                        room = min(room, self.size - shift - offset)
                    if room <= 0:
                        break
                    file.seek(offset + shift)
                    data = file.read(room)
                    if not data:
                        break
                    found[offset] = _first_line(data, limit)
        except OSError as error:
            raise _unreadable(self.name, error) from error
        return found


def open_source(name: str) -> Source:
    """The input of this name; `-` is stdin.

    What can be read only once (stdin, FIFOs, files of /proc) is copied first:
    in memory while it is small, else to an anonymous temporary file. Raises
    :class:`DamagedInput` for what is missing, a directory, a device, or not
    readable by this user.
    """
    if name == "-":
        return _from_stdin()
    try:
        info = os.stat(name)
        _refuse_by_type(name, info.st_mode)
        with open(name, "rb", buffering=0) as file:
            if stat.S_ISREG(info.st_mode) and info.st_size > 0:
                return Source(name=name, path=name, size=info.st_size)
            if stat.S_ISCHR(info.st_mode) and not file.isatty() and name != os.devnull:
                raise DamagedInput("is a device, not a capture", path=name)
            spool = _spooled(name, cast(IO[bytes], file))
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    return Source(name=name, path=name, size=spool.size, _spool=spool)


def _refuse_by_type(name: str, mode: int) -> None:
    """Raise for what is no stream of bytes with an end."""
    what = {stat.S_IFDIR: "directory", stat.S_IFBLK: "block device", stat.S_IFSOCK: "socket"}
    found = what.get(stat.S_IFMT(mode))
    if found:
        raise DamagedInput(f"is a {found}, not a capture", path=name)


def _from_stdin() -> Source:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise DamagedInput("there is no standard input to read", path="stdin")
    try:
        spool = _spooled("stdin", stream)
    except (OSError, ValueError) as error:
        raise _unreadable("stdin", error) from error
    return Source(name="stdin", path=None, size=spool.size, _spool=spool)


def _spooled(name: str, stream: IO[bytes]) -> _Spool:
    """A copy of a stream that can be read twice."""
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives as long as its Source
    while data := stream.read(_CHUNK):
        try:
            copy.write(data)
        except OSError as error:
            raise DamagedInput(
                f"could not be copied to a temporary file in {tempfile.gettempdir()}"
                f" ({error.strerror or error}); TMPDIR can name another place",
                path=name,
            ) from error
    return _Spool(cast(IO[bytes], copy), copy.tell())


def _unreadable(name: str, error: Exception) -> DamagedInput:
    """The operating system's refusal, in words and with a remedy where there is one."""
    if isinstance(error, FileNotFoundError):
        return DamagedInput("no such file or directory", path=name)
    if isinstance(error, PermissionError):
        return DamagedInput(
            "no permission to read it; what strace wrote as root only root can read"
            " (sudo chown makes it yours)",
            path=name,
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return DamagedInput(f"cannot be read ({reason})", path=name)


def _first_line(data: bytes, limit: int) -> bytes:
    end = data.find(b"\n")
    line = data if end < 0 else data[:end]
    return line.removesuffix(b"\r")[:limit]


def _lines_streamed(blocks: Iterator[bytes], wanted: list[int], limit: int) -> dict[int, bytes]:
    """Lines at sorted offsets, found in one pass that ends with the last of them."""
    found: dict[int, bytes] = {}
    held, start, at = b"", 0, 0
    ended = False
    while at < len(wanted) and not ended:
        try:
            block = next(blocks, b"")
        except DamagedInput:
            block = b""
        ended = not block
        held += block
        while at < len(wanted) and wanted[at] - start < len(held):
            begin = wanted[at] - start
            data = held[begin : begin + limit + 2]
            if len(data) < limit + 2 and b"\n" not in data and not ended:
                break
            found[wanted[at]] = _first_line(data, limit)
            at += 1
        keep = min(wanted[at] - start, len(held)) if at < len(wanted) else len(held)
        held, start = held[keep:], start + keep
    return found
