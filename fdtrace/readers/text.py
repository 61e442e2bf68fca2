"""Inputs as blocks of bytes: files, pipes and stdin, members of archives, parts of a paste.

The only module of fdtrace that opens files. Compression is found by the first
bytes, never by the name, and everything is streamed: memory does not grow with
the input. Captures that a Windows tool re-encoded (UTF-16, UTF-32, UTF-8 with a
byte order mark) come out as plain UTF-8. All offsets count bytes of the text
that :meth:`Source.blocks` yields.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import IO, Any, cast

from fdtrace.errors import DamagedInput
from fdtrace.readers.decode import archive_form, as_utf8, decompressed, decompressor_for, encoding_of

_CHUNK = 1 << 18
_IN_MEMORY = 1 << 23


class Spool:
    """A copy of something that can be read only once: stdin, a FIFO, members of a compressed archive.

    In memory while it is small, else in an anonymous temporary file.
    """

    def __init__(self) -> None:
        import tempfile

        self.size = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives as long as its Sources
        self._lock = threading.Lock()

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; safe from several threads and passes at once."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def append(self, data: bytes, name: str) -> None:
        """Put more at the end; `name` is the input that is copied, for the error of a full disk."""
        with self._lock:
            try:
                self._file.seek(self.size)
                self._file.write(data)
            except OSError as error:
                import tempfile

                raise DamagedInput(
                    f"could not be copied to a temporary file in {tempfile.gettempdir()}"
                    f" ({error.strerror or error}); TMPDIR can name another place",
                    path=name,
                ) from error
            self.size += len(data)

    def cut(self, size: int) -> None:
        """Forget what was put behind the first `size` bytes."""
        with self._lock:
            self._file.truncate(size)
            self.size = size


class _SpoolReader(io.RawIOBase):
    """One pass over a spool, with a position of its own."""

    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self._spool = spool
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._spool.size if size is None or size < 0 else size
        data = self._spool.read_at(self._at, wanted)
        self._at += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._spool.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at


@dataclass(frozen=True)
class Source:
    """One input that can be read as often as needed.

    `name` is what the user typed ("stdin" for `-`, "ARCHIVE:MEMBER" for what is in
    an archive), `path` is None for stdin, `size` counts the bytes as stored,
    compressed or not. A file that is still being written is read up to the size
    it had when it was opened here, so that all passes over it see the same text.

    `modified_ns` is when its content was last changed, in nanoseconds since
    1970; None where nobody knows (stdin, FIFOs, /proc). `within` is the path of
    a member inside the archive that `path` names, else "". `damage` is what is
    known to be wrong behind the last byte; every pass ends by raising it. `partial`
    says that an interrupt ended the copying of a pipe: there was more to come. `taken`
    is told how many stored bytes a pass has taken, maybe from another thread.
    """

    name: str
    path: str | None
    size: int | None
    modified_ns: int | None = field(default=None, kw_only=True, compare=False)
    within: str = field(default="", kw_only=True)
    damage: str = field(default="", kw_only=True, repr=False)
    partial: bool = field(default=False, kw_only=True, repr=False)
    start: int = field(default=0, kw_only=True, repr=False)
    taken: Callable[[int], None] | None = field(default=None, kw_only=True, repr=False, compare=False)
    _spool: Spool | None = field(default=None, repr=False, compare=False)

    @property
    def folder(self) -> str | None:
        """The directory it is in, which may be one inside an archive; None for stdin."""
        if self.path is None:
            return None
        path = os.path.abspath(self.path)
        return os.path.dirname(os.path.join(path, self.within) if self.within else path)

    @property
    def archive(self) -> str:
        """Whether its content is a "tar" (compressed or not) or a "zip" archive; "" for neither."""
        try:
            return archive_form(next(self.content(512), b""))
        except DamagedInput:
            return ""

    def blocks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """The text in order, in pieces of about `size` bytes.

        Raises :class:`DamagedInput` *after* the last piece that could be
        decoded when the input cannot be read or its compressed stream is cut
        or broken, and :class:`MissingExtra` for zstd without the extra.
        """
        return as_utf8(self.content(size))

    def content(self, size: int = 1 << 20) -> Iterator[bytes]:
        """The bytes in order, decompressed and otherwise as they are. Raises as `blocks` does."""
        raw = self._raw()
        return decompressed(raw if self.taken is None else _told(raw, self.taken), size, self.name)

    def stored(self) -> IO[bytes] | None:
        """The stored bytes as a file to seek in; None where they are compressed.

        It begins at the beginning of the file or spool, also for a member (`start`).
        """
        if decompressor_for(next(self._raw(), b""), self.name) is not None:
            return None
        try:
            return io.BufferedReader(self._open())
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def stored_at(self, offset: int, size: int) -> bytes:
        """Up to `size` of the stored bytes from a place on; b"" behind the last of them."""
        try:
            with self._open() as file:
                file.seek(self.start + offset)
                return file.read(size) or b""
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def excerpt(self, text: bytes, damage: str = "") -> Source:
        """A text made out of this one, as an input of the same name and time."""
        spool = Spool()
        spool.append(text, self.name)
        return replace(self, size=spool.size, damage=damage, start=0, _spool=spool)

    def ending_in(self, damage: str) -> Source:
        """The same input, of which it is known that it is damaged behind its last byte."""
        return replace(self, damage=damage)

    def member(
        self, within: str, shown: str, size: int, modified_ns: int | None, place: int, spool: Spool | None
    ) -> Source:
        """A member of this archive: `size` bytes at `place` of the archive itself, or of a copy."""
        return Source(
            name=f"{self.name}:{shown}",
            path=self.path or self.name,
            size=size,
            modified_ns=modified_ns,
            within=within,
            start=place,
            _spool=spool or self._spool,
        )

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
                if self.start:
                    file.seek(self.start)
                while left is None or left > 0:
                    data = file.read(_CHUNK if left is None else min(_CHUNK, left))
                    if not data:
                        break
                    if left is not None:
                        left -= len(data)
                    yield data
        except OSError as error:
            raise _unreadable(self.name, error) from error
        if self.damage:
            raise DamagedInput(self.damage, path=self.name)

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
                    file.seek(self.start + offset + shift)
                    data = file.read(room)
                    if not data:
                        break
                    found[offset] = _first_line(data, limit)
        except OSError as error:
            raise _unreadable(self.name, error) from error
        return found


def _told(raw: Iterator[bytes], taken: Callable[[int], None]) -> Iterator[bytes]:
    for data in raw:
        taken(len(data))
        yield data


def open_source(name: str, copied: Callable[[int], None] | None = None) -> Source:
    """The input of this name; `-` is stdin, and what has `://` in it is fetched.

    What can be read only once (stdin, FIFOs, files of /proc) is copied first:
    in memory while it is small, else to an anonymous temporary file. Raises
    :class:`DamagedInput` for what is missing, a directory, a device, or not
    readable by this user.
    """
    if name == "-":
        return _from_stdin(copied)
    if "://" in name:
        from fdtrace.readers import remote

        if remote.is_url(name):
            return _from_url(remote.public(name), partial(remote.fetch, name), copied)
    try:
        info = os.stat(name)
        _refuse_by_type(name, info.st_mode)
        with open(name, "rb", buffering=0) as file:
            if stat.S_ISREG(info.st_mode) and info.st_size > 0:
                return Source(name=name, path=name, size=info.st_size, modified_ns=info.st_mtime_ns)
            if stat.S_ISCHR(info.st_mode) and not file.isatty() and name != os.devnull:
                raise DamagedInput("is a device, not a capture", path=name)
            spool, stopped = _spooled(name, cast(IO[bytes], file), copied)
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    return Source(name=name, path=name, size=spool.size, partial=stopped, _spool=spool)


def digest(name: str) -> str:
    """The SHA-256 of a file as it is stored. Raises :class:`DamagedInput` where it cannot be read."""
    try:
        with open(name, "rb", buffering=0) as file:
            return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error


def _refuse_by_type(name: str, mode: int) -> None:
    """Raise for what is no stream of bytes with an end."""
    what = {stat.S_IFDIR: "directory", stat.S_IFBLK: "block device", stat.S_IFSOCK: "socket"}
    found = what.get(stat.S_IFMT(mode))
    if found:
        raise DamagedInput(f"is a {found}, not a capture", path=name)


def _from_stdin(copied: Callable[[int], None] | None) -> Source:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise DamagedInput("there is no standard input to read", path="stdin")
    try:
        spool, stopped = _spooled("stdin", stream, copied)
    except (OSError, ValueError) as error:
        raise _unreadable("stdin", error) from error
    return Source(name="stdin", path=None, size=spool.size, partial=stopped, _spool=spool)


def _from_url(
    name: str, fetch: Callable[[Callable[[bytes], None]], None], copied: Callable[[int], None] | None
) -> Source:
    """A copy of what is at a URL; what came before the connection broke is used up to there."""
    spool = Spool()

    def write(data: bytes) -> None:
        spool.append(data, name)
        if copied is not None:
            copied(len(data))

    damage = ""
    try:
        fetch(write)
    except DamagedInput as error:
        if not spool.size:
            raise
        damage = str(error).removeprefix(f"{name}: ")
    return Source(name=name, path=name, size=spool.size, damage=damage, _spool=spool)


def _spooled(name: str, stream: IO[bytes], copied: Callable[[int], None] | None) -> tuple[Spool, bool]:
    """A copy of a stream that can be read twice, and whether an interrupt ended it before the stream did."""
    copy = Spool()
    try:
        while data := stream.read(_CHUNK):
            copy.append(data, name)
            if copied is not None:
                copied(len(data))
    except KeyboardInterrupt:
        if not copy.size:
            raise
        return copy, True
    return copy, False


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
