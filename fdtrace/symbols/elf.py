"""Program files as far as symbols need them: segments, build id, links to debug files, function names.

Only what is asked for is read, by its place, with every size checked against
the file and against a cap: such files come from elsewhere and may be cut,
damaged or made to mislead. Whatever is wrong becomes a `NotUsable` with the reason.
"""

from __future__ import annotations

import binascii
import os
import stat
import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

MOST_SECTIONS = 8192
MOST_TABLE_BYTES = 256 << 20
"""No symbol table or table of names is larger in a program that is run."""
_MOST_NOTES = 1 << 20
MOST_NAME = 4096
_BLOCK = 1 << 20

_FLAGS = os.O_RDONLY
for _flag in (
    "O_NONBLOCK",
    "O_CLOEXEC",
    "O_BINARY",
    "O_NOCTTY",
):  # a pipe in the place of a file does not hold us up
    _FLAGS |= getattr(os, _flag, 0)

_LARGEST_PAGE = 1 << 24
_LOAD = 1
_EXECUTABLE = 1
_NOBITS = 8
_INSTRUCTIONS = 4
_WHOLE = (1 << 64) - 1
_SYMTAB, _DYNSYM = 2, 11
NOTYPE, _FUNC, _IFUNC = 0, 2, 10
_BUILD_ID = 3
X86_64, I386, AARCH64 = 62, 3, 183


class NotUsable(Exception):
    """A file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the file that is mapped so that it can be run."""

    offset: int
    address: int
    size: int
    in_memory: int
    flags: int
    align: int


@dataclass(frozen=True, slots=True)
class Section:
    """One section: where in the file it is, and what it holds."""

    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


@dataclass(frozen=True, slots=True)
class Link:
    """The name of a file with what is missing here, and what proves that it is the right one."""

    name: str
    proof: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Functions:
    """Functions in the order of their addresses; `names` holds what `name` points to, as in the file.

    `end` is where the section ends that a function is in.
    """

    address: npt.NDArray[np.uint64]
    size: npt.NDArray[np.uint64]
    end: npt.NDArray[np.uint64]
    name: npt.NDArray[np.int64]
    info: npt.NDArray[np.uint8]
    names: bytes


NO_FUNCTIONS = Functions(*(np.empty(0, "u8"),) * 3, np.empty(0, "i8"), np.empty(0, "u1"), b"")


class Elf:
    """An ELF file, opened for reading its tables.

    Raises:
        NotUsable: it is no regular file, cannot be read, or is not of this format.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = _opened(path)
        try:
            self.size = os.fstat(self._file).st_size
            self._header()
        except NotUsable:
            self.close()
            raise

    def close(self) -> None:
        """Give the file back; what was read before stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _header(self) -> None:
        ident = self.bytes_at(0, 16)
        if ident[:4] != b"\x7fELF" or ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise NotUsable("not an ELF file")
        self.wide = ident[4] == 2
        self._order = "<" if ident[5] == 1 else ">"
        form, size = ("HHIQQQIHHHHHH", 48) if self.wide else ("HHIIIIIHHHHHH", 36)
        fields = struct.unpack(self._order + form, self.bytes_at(16, size))
        self.type, self.machine = fields[0], fields[1]
        self._segments_at, self._sections_at = fields[4], fields[5]
        self._segment_size, self._segment_count = fields[8], fields[9]
        self._section_size, self._section_count, self._names_in = fields[10:13]

    # -- bytes ---------------------------------------------------------------

    def bytes_at(self, offset: int, size: int) -> bytes:
        """So many bytes of the file from there on."""
        if size < 0 or offset < 0 or offset + size > self.size or self._file < 0:
            raise NotUsable("cut off or damaged: it points behind its own end")
        try:
            os.lseek(self._file, offset, os.SEEK_SET)
            found = os.read(self._file, size)
        except OSError as error:
            raise NotUsable(f"cannot be read: {error.strerror}") from error
        if len(found) < size:
            raise NotUsable("shorter than it was a moment ago")
        return found

    def _table(self, section: Section) -> bytes:
        if section.kind == _NOBITS:
            return b""
        if section.size > MOST_TABLE_BYTES:
            raise NotUsable(f"a table of {section.size:,} bytes is too large")
        parts = [
            self.bytes_at(section.offset + at, min(_BLOCK, section.size - at))
            for at in range(0, section.size, _BLOCK)
        ]
        return b"".join(parts)

    # -- layout --------------------------------------------------------------

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The executable segments, as they would be loaded."""
        return tuple(segment for segment in self._loaded if segment.flags & _EXECUTABLE)

    @property
    def has_code(self) -> bool:
        """Whether instructions are in it: a debug file has none."""
        return any(segment.size for segment in self.segments)

    @cached_property
    def packed(self) -> tuple[int, ...]:
        """How far the addresses of each executable segment are from its place in the program's file.

        A debug file does not tell the place, but linkers leave no room: a segment begins at
        the first place behind the one before that has its address's place within a page.
        """
        found, end = [], 0
        for segment in self._loaded:
            align = segment.align if 0 < segment.align <= _LARGEST_PAGE else 1
            place = end + (segment.address - end) % align
            if segment.flags & _EXECUTABLE:
                found.append(segment.address - place)
            end = place + segment.in_memory
        return tuple(found)

    @cached_property
    def _loaded(self) -> list[Segment]:
        size = 56 if self.wide else 32
        if self._segment_count and self._segment_size != size:
            raise NotUsable("damaged: its program header is of no known size")
        table = self.bytes_at(self._segments_at, size * self._segment_count) if self._segment_count else b""
        found = []
        form = self._order + ("IIQQQQQQ" if self.wide else "IIIIIIII")
        for fields in struct.iter_unpack(form, table):
            if self.wide:
                kind, flags, offset, address, _, length, memory, align = fields
            else:
                kind, offset, address, _, length, memory, flags, align = fields
            if kind == _LOAD:
                found.append(Segment(offset, address, length, memory, flags, align))
        return found

    @cached_property
    def sections(self) -> dict[str, Section]:
        """Sections by name; of several of one name, the first."""
        rows = self._section_rows
        if not rows:
            return {}
        if not self._names_in < len(rows):
            raise NotUsable("damaged: the names of its sections are missing")
        names = self._table(rows[self._names_in][1])
        found: dict[str, Section] = {}
        for name_at, section in rows:
            found.setdefault(text(names, name_at), section)
        return found

    @cached_property
    def _section_rows(self) -> list[tuple[int, Section]]:
        size = 64 if self.wide else 40
        if not self._sections_at or not self._section_count:
            return []
        if self._section_size != size or self._section_count > MOST_SECTIONS:
            raise NotUsable("damaged: its section table is of no known form")
        table = self.bytes_at(self._sections_at, size * self._section_count)
        form = self._order + ("IIQQQQIIQQ" if self.wide else "IIIIIIIIII")
        return [(f[0], Section(*f[1:7])) for f in struct.iter_unpack(form, table)]

    # -- identity and links --------------------------------------------------

    @cached_property
    def build_id(self) -> str | None:
        """The number that the linker gave this build, in hexadecimal; None where it gave none."""
        section = self.sections.get(".note.gnu.build-id")
        if section is None or section.kind == _NOBITS or section.size > _MOST_NOTES:
            return None
        note = self.bytes_at(section.offset, section.size)
        while len(note) >= 12:
            names, size, kind = struct.unpack_from(self._order + "III", note)
            begin = 12 + (names + 3 & ~3)
            if kind == _BUILD_ID and note[12 : 12 + names] == b"GNU\0" and 0 < size <= 64:
                return note[begin : begin + size].hex() or None
            note = note[begin + (size + 3 & ~3) :]
        return None

    @cached_property
    def debug_link(self) -> Link | None:
        """`.gnu_debuglink`: the name of the debug file, and the CRC of its contents."""
        text = self._small(".gnu_debuglink")
        name, end, _ = text.partition(b"\0")
        if not end or len(text) < 8 or b"/" in name:
            return None
        crc = struct.unpack(self._order + "I", text[-4:])[0]
        return Link(os.fsdecode(name), crc.to_bytes(4, "big"))

    @cached_property
    def supplement(self) -> Link | None:
        """`.gnu_debugaltlink`: the file into which dwz moved what several debug files have in common."""
        name, end, build_id = self._small(".gnu_debugaltlink").partition(b"\0")
        return Link(os.fsdecode(name), build_id) if end else None

    def _small(self, name: str) -> bytes:
        section = self.sections.get(name)
        if section is None or section.kind == _NOBITS or section.size > MOST_NAME:
            return b""
        return self.bytes_at(section.offset, section.size)

    @property
    def has_lines(self) -> bool:
        """Whether it tells source lines (DWARF)."""
        return any(self._filled(f".{prefix}debug_line") for prefix in ("", "z"))

    @property
    def has_all_names(self) -> bool:
        """Whether it has the names of all its functions, not just of those that it exports."""
        return self._filled(".symtab")

    def _filled(self, name: str) -> bool:
        section = self.sections.get(name)
        return section is not None and section.kind != _NOBITS and section.size > 0

    def checksum(self) -> bytes:
        """The CRC of the whole file, as `.gnu_debuglink` has it."""
        crc = 0
        for at in range(0, self.size, _BLOCK):
            crc = binascii.crc32(self.bytes_at(at, min(_BLOCK, self.size - at)), crc)
        return crc.to_bytes(4, "big")

    # -- contents ------------------------------------------------------------

    def code(self, address: int, size: int) -> bytes:
        """Instructions as they are loaded at an address; empty where the file has none."""
        for segment in self.segments:
            at = address - segment.address
            if at >= 0 and at + size <= segment.size:
                try:
                    return self.bytes_at(segment.offset + at, size)
                except NotUsable:
                    return b""
        return b""

    def functions(self) -> Functions:
        """All functions of `.symtab`, or where that is stripped those that the file exports."""
        rows = self._section_rows
        kind = _SYMTAB if self.has_all_names else _DYNSYM
        for _, section in rows:
            if section.kind == kind and section.link < len(rows):
                return self._functions(self._table(section), self._table(rows[section.link][1]))
        return NO_FUNCTIONS

    def _functions(self, table: bytes, names: bytes) -> Functions:
        order = self._order
        whole = ("name", f"{order}u4"), ("info", "u1"), ("other", "u1"), ("place", f"{order}u2")
        extent = ("address", f"{order}u{8 if self.wide else 4}"), ("size", f"{order}u{8 if self.wide else 4}")
        form = np.dtype([*whole, *extent] if self.wide else [whole[0], *extent, *whole[1:]])
        rows = np.frombuffer(table, form, len(table) // form.itemsize)
        kinds = rows["info"] & 15
        wanted = (kinds == _FUNC) | (kinds == _IFUNC) | (kinds == NOTYPE)
        ends = self._code_ends
        wanted &= ends[rows["place"]] != 0
        rows = rows[wanted & (rows["address"] != 0) & (rows["name"] < len(names))]
        rows = rows[np.argsort(rows["address"], kind="stable")]
        addresses, sizes = rows["address"].astype("u8"), rows["size"].astype("u8")
        columns = addresses, sizes, ends[rows["place"]], rows["name"].astype("i8"), rows["info"]
        return Functions(*columns, names)

    @property
    def _code_ends(self) -> npt.NDArray[np.uint64]:
        """Where sections with instructions end, by their number; 0 for all others."""
        ends = np.zeros(1 << 16, "u8")
        for number, (_, section) in enumerate(self._section_rows):
            if section.flags & _INSTRUCTIONS:
                ends[number] = (section.address + section.size) & _WHOLE
        return ends


def _opened(path: str) -> int:
    try:
        file = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise NotUsable(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotUsable("not a file")
    return file


def text(names: bytes, at: int) -> str:
    """The name that begins there."""
    end = names.find(b"\0", at, at + MOST_NAME)
    return names[at:end].decode("utf-8", "backslashreplace") if 0 <= at < len(names) and end >= 0 else ""
