"""Stored bytes to text bytes: decompression and re-encoding, as streams.

The kind of compression and the encoding are found in the first bytes, never in
a name. Nothing here opens a file or holds more than a few blocks.
"""

from __future__ import annotations

import bz2
import codecs
import importlib
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol, cast

from fdtrace.errors import DamagedInput, MissingExtra
from fdtrace.readers.ahead import ahead

_GZIP = b"\x1f\x8b"
_BZ2 = b"BZh"
_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_TAR_BLOCK = 512

FREE = 1 << 30
"""So many bytes may come out of a compressed input whatever its size."""
RATIO = 2000
"""Beyond them, so many times its size: gzip cannot do more, nor does any trace with times in it."""


class _Decompressor(Protocol):
    """What the decompressors of bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gunzip:
    """zlib's gzip decoder with the interface of the other decompressors."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))
        # A full result may leave output inside zlib although all input is taken.
        self.needs_input = not self._inner.unconsumed_tail and len(out) != max_length
        return out


def decompressor_for(first: bytes, name: str) -> Callable[[], _Decompressor] | None:
    """The decoder that these first stored bytes ask for; None for plain text.

    Raises :class:`MissingExtra` for zstd where Python has no decoder for it.
    """
    if first.startswith(_GZIP):
        return _Gunzip
    if first.startswith(_BZ2) and first[3:4].isdigit():
        return bz2.BZ2Decompressor
    if first.startswith(_XZ):
        return lzma.LZMADecompressor
    skippable = first[1:4] == _ZSTD_SKIPPABLE and 0x50 <= first[0] <= 0x5F
    if first.startswith(_ZSTD) or skippable:
        return _zstd(name)
    return None


def _zstd(name: str) -> Callable[[], _Decompressor]:
    """The zstd decoder of Python 3.14 or of the extra package."""
    for module in ("compression.zstd", "backports.zstd"):
        try:
            found: Any = importlib.import_module(module)
        except ImportError:
            continue
        return cast("Callable[[], _Decompressor]", found.ZstdDecompressor)
    raise MissingExtra(f"reading {name} (zst)", "zstd")


def decompressed(raw: Iterator[bytes], size: int, name: str) -> Iterator[bytes]:
    """The content of a stored stream, in pieces of at most `size` bytes.

    All members of a concatenated stream are read. Raises :class:`DamagedInput`
    after the last piece when the stream is cut or broken.
    """
    first = next(raw, b"")
    make = decompressor_for(first, name)
    if make is None:
        yield from _resized(first, raw, size)
        return
    taken = _Taken(first, raw)
    yield from ahead(_within_limits(_members(make, first, taken, size, name), taken, name))


class _Taken(Iterator[bytes]):
    """A stored stream whose bytes are counted."""

    def __init__(self, first: bytes, raw: Iterator[bytes]) -> None:
        self.bytes = len(first)
        self._raw = raw

    def __next__(self) -> bytes:
        data = next(self._raw)
        self.bytes += len(data)
        return data


def _within_limits(blocks: Iterator[bytes], taken: _Taken, name: str) -> Generator[bytes]:
    """The content, unless it is far more than captures shrink to."""
    given = 0
    for block in blocks:
        given += len(block)
        if given > FREE and given > RATIO * taken.bytes:
            raise DamagedInput(
                f"unpacks to more than {RATIO:,} times its size; the rest is left out", path=name
            )
        yield block


def _members(
    make: Callable[[], _Decompressor], data: bytes, raw: Iterator[bytes], size: int, name: str
) -> Generator[bytes]:
    """All members of a compressed stream, one after the other."""
    while data:
        decoder = make()
        yield from _member(decoder, data, raw, size, name)
        data = _next_member(decoder.unused_data, raw, name)


def _member(
    decoder: _Decompressor, data: bytes, raw: Iterator[bytes], size: int, name: str
) -> Iterator[bytes]:
    """One member of a compressed stream, to its end."""
    while not decoder.eof:
        if decoder.needs_input and not data:
            data = next(raw, b"")
            if not data:
                raise DamagedInput(
                    "the compressed data ends too early; what could be decoded was kept", path=name
                )
        try:
            out = decoder.decompress(data, size)
        except Exception as error:  # each decoder has its own
            raise DamagedInput(
                f"the compressed data is broken ({error}); what could be decoded was kept",
                path=name,
            ) from error
        data = b""
        if out:
            yield out


def _next_member(rest: bytes, raw: Iterator[bytes], name: str) -> bytes:
    """What follows a finished member: another one, or nothing but padding."""
    rest = rest.lstrip(b"\0")
    while len(rest) < 8:
        more = next(raw, b"")
        if not more:
            break
        rest = rest + more if rest else more.lstrip(b"\0")
    if rest and decompressor_for(rest, name) is None:
        raise DamagedInput(
            "after the compressed data stand bytes that do not belong to it; they are ignored",
            path=name,
        )
    return rest


def _resized(first: bytes, rest: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Plain chunks gathered or cut to `size` bytes."""
    parts, length = [first], len(first)
    damage: DamagedInput | None = None
    try:
        for chunk in rest:
            if length >= size:
                yield from _cut(b"".join(parts), size)
                parts, length = [], 0
            parts.append(chunk)
            length += len(chunk)
    except DamagedInput as error:
        damage = error
    yield from _cut(b"".join(parts), size)
    if damage is not None:
        raise damage


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def archive_form(first: bytes) -> str:
    """Whether decompressed bytes begin a "tar" or a "zip" archive; "" for neither."""
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if _is_tar_header(first[:_TAR_BLOCK]) else ""


def _is_tar_header(block: bytes) -> bool:
    """Whether the sum of a header's bytes is the one that stands in it."""
    if len(block) < _TAR_BLOCK or not block[0]:
        return False
    try:
        said = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return said == sum(block[:148]) + 8 * 32 + sum(block[156:])


def encoding_of(first: bytes) -> tuple[str | None, int]:
    """The Unicode encoding that is not plain UTF-8, and how many bytes its mark takes."""
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return encoding, len(mark)
    sample = first[:512]
    even, odd = sample[0::2], sample[1::2]
    if len(odd) >= 16:
        # Mark-less UTF-16 of mostly ASCII text: every other byte is NUL, the ones between never.
        if odd.count(0) >= 0.9 * len(odd) and not even.count(0):
            return "utf-16-le", 0
        if even.count(0) >= 0.9 * len(even) and not odd.count(0):
            return "utf-16-be", 0
    return None, 0


def as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Text of another Unicode encoding as UTF-8 without a mark; all else as it is."""
    first = next(blocks, b"")
    encoding, mark = encoding_of(first)
    if encoding is None or encoding == "utf-8":
        if first[mark:]:
            yield first[mark:]
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    yield decoder.decode(first[mark:]).encode("utf-8", "replace")
    for block in blocks:
        text = decoder.decode(block).encode("utf-8", "replace")
        if text:
            yield text
    last = decoder.decode(b"", final=True).encode("utf-8", "replace")
    if last:
        yield last
