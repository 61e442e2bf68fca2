"""Members of tar and zip archives, each an input of its own.

Nothing is ever written under a member's name: a member of a plain tar is read
where it stands, any other is copied to an anonymous temporary file. Links,
devices and names that lead out of the archive are left out with a reason, and
so is what is behind the limits (:class:`.portions.Limits`). An archive in an
archive is not opened.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, cast

from fdtrace.errors import DamagedInput
from fdtrace.readers.portions import Allowance, Counted, Forward, Guarded, Limits, Portion, Readable, TooMuch
from fdtrace.readers.text import Source, Spool

HEAD = 1 << 16
"""Bytes of a member by which it is judged before the rest of it is copied."""

_CHUNK = 1 << 18
# As much as fits about half a million members: the list of a zip is held in memory.
_LARGEST_LIST = 1 << 25
_SHOWN_NAME = 300
_ZIP_TAIL = 65_557
_ENCRYPTED = 0x1
_LINK = 0o120000
_TYPE = 0o170000

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    RuntimeError,
    ValueError,
)

Refuse = Callable[[str, str], None]


LIMITS = Limits()


class Member:
    """A file in an archive. `head` is its beginning as an input; `keep` gives all of it."""

    def __init__(self, head: Source, whole: Callable[[], Source]) -> None:
        self.head = head
        self.kept = False
        self._whole = whole

    def keep(self) -> Source:
        """All of it as an input, valid for good."""
        self.kept = True
        return self._whole()


def members(
    source: Source, form: str, unwanted: Callable[[str], str], refuse: Refuse, limits: Limits = LIMITS
) -> Iterator[Member]:
    """The files in an archive, as they stand in it; the last one is only valid until the next is asked for.

    `unwanted` gives the reason for which a path in the archive is passed over,
    "" for none; `refuse` is told names and reasons of what is left out. Raises
    :class:`DamagedInput` behind the last member that could be read when the
    archive is cut, broken, or larger than the limits allow.
    """
    inside = _Inside(source, unwanted, refuse, limits)
    try:
        yield from inside.of_zip() if form == "zip" else inside.of_tar()
    except TooMuch as reason:
        raise DamagedInput(str(reason), path=source.name) from reason
    except DamagedInput:
        raise
    except _BROKEN as error:
        raise DamagedInput(
            f"the archive is broken ({error}); what could be read of it was kept", path=source.name
        ) from error


class _Inside:
    """One pass over an archive."""

    def __init__(
        self, source: Source, unwanted: Callable[[str], str], refuse: Refuse, limits: Limits
    ) -> None:
        self._source = source
        self._unwanted = unwanted
        self._refuse = refuse
        self._limits = limits
        self._allowance = Allowance(source, limits)
        self._spool = Spool()
        self._count = 0

    def _wanted(self, name: str, special: str) -> tuple[str, str]:
        """The path and the shown name of an entry, both "" when it is passed over."""
        self._count += 1
        if self._count > self._limits.members:
            raise TooMuch(f"has more than {self._limits.members:,} members: the rest of it is left out")
        shown = _shown(name)
        path = posixpath.normpath(name)
        leads_out = name.startswith(("/", "\\")) or path == ".." or path.startswith("../")
        reason = special or ("name that leads out of the archive" if leads_out else self._unwanted(path))
        if reason:
            self._refuse(f"{self._source.name}:{shown}", reason)
            return "", ""
        return path, shown

    # -- tar -----------------------------------------------------------------

    def of_tar(self) -> Iterator[Member]:
        """The files of a tar archive."""
        plain = self._source.stored()
        base = self._source.start if plain is not None else 0
        stream = (
            Guarded(plain, base)
            if plain is not None
            else Forward(self._source.content(1 << 16), self._allowance)
        )
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:", errorlevel=0) as archive:
            while (entry := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # else a list of all grows
                if entry.isdir():
                    continue
                path, shown = self._wanted(entry.name, _special(entry))
                if not path:
                    continue
                seconds = entry.mtime if 0 <= entry.mtime < 1 << 33 else None
                modified_ns = None if seconds is None else int(seconds * 1_000_000_000)
                if plain is not None and not entry.issparse():
                    place = base + entry.offset_data
                    whole = self._source.member(path, shown, entry.size, modified_ns, place, None)
                    yield Member(whole, partial(_same, whole))
                else:
                    file = archive.extractfile(entry) if entry.issparse() else Portion(stream, entry)
                    assert file is not None
                    yield from self._copied(path, shown, file, modified_ns)
        # tarfile takes a broken header behind the first member for the end.
        if stream.last.strip(b"\0"):
            raise DamagedInput(
                "the archive is broken or cut; what could be read of it was kept", path=self._source.name
            )

    # -- zip -----------------------------------------------------------------

    def of_zip(self) -> Iterator[Member]:
        """The files of a zip archive."""
        file = self._source.stored()
        if file is None:
            raise DamagedInput("is a compressed zip archive: decompress it first", path=self._source.name)
        if self._source.start:
            raise DamagedInput("is a zip archive inside of another archive", path=self._source.name)
        if _list_size(file) > _LARGEST_LIST:
            raise TooMuch("lists too many members")
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                path, shown = self._wanted(entry.filename, _zip_special(entry))
                if path:
                    yield from self._zip_member(archive, entry, path, shown)

    def _zip_member(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, shown: str
    ) -> Iterator[Member]:
        try:
            stream = archive.open(entry)
        except _BROKEN as error:
            self._refuse(f"{self._source.name}:{shown}", f"cannot be unpacked ({error})")
            return
        with stream:
            yield from self._copied(path, shown, Counted(stream, self._allowance), _zip_time(entry))

    # -- both ----------------------------------------------------------------

    def _copied(self, path: str, shown: str, file: Readable, modified_ns: int | None) -> Iterator[Member]:
        """A member whose beginning is in the spool; the rest follows if it is kept."""
        start = self._spool.size
        copy = _Copy(self._spool, file, self._source.name)
        copy.more(HEAD)

        def member() -> Source:
            size = self._spool.size - start
            source = self._source.member(path, shown, size, modified_ns, start, self._spool)
            return source.ending_in(copy.damage) if copy.damage else source

        def whole() -> Source:
            copy.more(None)
            return member()

        found = Member(member(), whole)
        yield found
        if not found.kept:
            self._spool.cut(start)
        if copy.limit is not None:
            raise copy.limit


def _same(source: Source) -> Source:
    return source


class _Copy:
    """Bytes of a member on their way to the spool; damage and limits are kept for later."""

    def __init__(self, spool: Spool, file: Readable, name: str) -> None:
        self._spool = spool
        self._file = file
        self._name = name
        self.damage = ""
        self.limit: TooMuch | None = None

    def more(self, count: int | None) -> None:
        """Copy up to this many bytes more, all of them for None."""
        left = count
        try:
            while not self.damage and (left is None or left > 0):
                data = self._file.read(_CHUNK if left is None else min(left, _CHUNK))
                if not data:
                    return
                self._spool.append(data, self._name)
                left = None if left is None else left - len(data)
        except TooMuch as reason:
            self.damage, self.limit = str(reason), reason
        except (DamagedInput, *_BROKEN) as error:
            cause = str(error).removeprefix(f"{self._name}: ").partition(";")[0]
            self.damage = f"is damaged in its archive ({cause}); what could be read was kept"


def _special(entry: tarfile.TarInfo) -> str:
    """Why an entry of a tar is no file to read; "" when it is one."""
    if entry.issym() or entry.islnk():
        return "link in an archive: not followed"
    return "" if entry.isreg() else "device or pipe in an archive"


def _zip_special(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if mode & _TYPE == _LINK:
        return "link in an archive: not followed"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted: unpack it with its password and name the file"
    return ""


def _zip_time(entry: zipfile.ZipInfo) -> int | None:
    """When a member was changed, from the field in UTC that unix tools add; the other one has no zone."""
    extra = entry.extra
    while len(extra) >= 4:
        tag, size = struct.unpack_from("<HH", extra)
        if tag == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return int(struct.unpack_from("<i", extra, 5)[0]) * 1_000_000_000
        extra = extra[4 + size :]
    return None


def _list_size(file: IO[bytes]) -> int:
    """How many bytes the list of members takes, as the end of a zip says."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - _ZIP_TAIL))
    tail = file.read(_ZIP_TAIL)
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 16 > len(tail):
        return 0
    return int(struct.unpack_from("<I", tail, at + 12)[0])


def _shown(name: str) -> str:
    """A member's name for the eye: what does not print is escaped, the middle of a long one left out."""
    if len(name) > _SHOWN_NAME:
        name = f"{name[: _SHOWN_NAME // 2]}…{name[-_SHOWN_NAME // 2 :]}"
    return "".join(c if c.isprintable() else _escaped(c) for c in name)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
