"""The bytes inside an archive, piece by piece and within limits."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from fdtrace.errors import DamagedInput
from fdtrace.readers.text import Source

# A header that asks for more than this (names in pax form) is there to exhaust memory.
_LARGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much of an archive is looked at, so that a hostile one does no harm.

    `members` counts every entry. `unpacked` is how many bytes decompression may
    give, read or skipped; and once it has given more than `free` bytes, no more
    than `ratio` times the archive's own size (captures of strace seldom shrink
    to less than a hundredth).
    """

    members: int = 50_000
    unpacked: int = 1 << 35
    free: int = 1 << 26
    ratio: int = 250


class TooMuch(Exception):
    """A limit was reached; the text is the reason."""


class Allowance:
    """Counts what decompression gives."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self._given = 0
        most = max(limits.free, limits.ratio * (source.size or 0))
        self._most = min(most, limits.unpacked)
        self._reason = (
            f"unpacks to more than {limits.unpacked:,} bytes"
            if most > limits.unpacked
            else f"unpacks to more than {limits.ratio} times its size"
        )

    def spend(self, count: int) -> None:
        """Raise for more than is allowed."""
        self._given += count
        if self._given > self._most:
            raise TooMuch(f"{self._reason}: the rest of it is left out")


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


class Portion:
    """The bytes of one member of a tar; tarfile's own reader would lose what stands before damage."""

    def __init__(self, stream: Guarded | Forward, entry: tarfile.TarInfo) -> None:
        self._stream = stream
        self._left = entry.size
        stream.seek(entry.offset_data)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        data = self._stream.read(min(size, self._left))
        if not data and self._left:
            raise EOFError("it ends too early")
        self._left -= len(data)
        return data


class Counted:
    """A file whose bytes are counted."""

    def __init__(self, file: IO[bytes], allowance: Allowance) -> None:
        self._file = file
        self._allowance = allowance

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        data = self._file.read(size)
        self._allowance.spend(len(data))
        return data


class Guarded:
    """A plain tar file for tarfile: no single read is large, and the last one is remembered."""

    def __init__(self, file: IO[bytes], base: int) -> None:
        self._file = file
        self._base = base
        self.last = b""
        file.seek(base)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        if size > _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        self.last = self._file.read(size)
        return self.last

    def seek(self, place: int) -> None:
        """Go to a place of the archive."""
        self._file.seek(self._base + place)

    def tell(self) -> int:
        """The place in the archive."""
        return self._file.tell() - self._base

    def close(self) -> None:
        """Close the archive's file."""
        self._file.close()


class Forward:
    """A decompressed stream as the file that tarfile wants; it can only be sought forward."""

    def __init__(self, blocks: Iterator[bytes], allowance: Allowance) -> None:
        self._blocks = blocks
        self._allowance = allowance
        self._held = b""
        self._damage: DamagedInput | None = None
        self._at = 0
        self.last = b""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        if size > _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        parts: list[bytes] = []
        left = size
        while left > 0 and self._fill(raising=not parts):
            part, self._held = self._held[:left], self._held[left:]
            parts.append(part)
            left -= len(part)
        self.last = b"".join(parts)
        self._at += len(self.last)
        return self.last

    def _fill(self, raising: bool = True) -> bool:
        """Whether there are bytes to hand out; damage is raised when there are none before it."""
        if not self._held and self._damage is None:
            try:
                self._held = next(self._blocks, b"")
            except DamagedInput as damage:
                self._damage = damage
            self._allowance.spend(len(self._held))
        if not self._held and self._damage is not None and raising:
            raise self._damage
        return bool(self._held)

    def seek(self, place: int) -> None:
        """Go on to a place further behind."""
        while self._at < place and self._fill():
            step = min(place - self._at, len(self._held))
            self._held = self._held[step:]
            self._at += step

    def tell(self) -> int:
        """The place in the archive."""
        return self._at

    def close(self) -> None:
        """There is nothing to close."""
