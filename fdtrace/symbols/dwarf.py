"""Source lines without addr2line: DWARF in Python, with the package pyelftools.

Many times slower, so it has a time limit. Only the units of compilation that
hold wanted addresses are read.
"""

from __future__ import annotations

import importlib
import posixpath
import time
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from .elf import Elf, Section
from .spots import Found, Spot

SECONDS = 30.0
MOST_BYTES = 96 << 20
"""DWARF, unpacked, that fits the time; the package keeps all of it in memory."""
_MOST_LINES_BYTES = 2 << 20
"""Of one unit: the largest that people write, all of SQLite in one file, has a fifth."""
_PACKED = 0x800
_BLOCK = 1 << 20
_DEEPEST = 64
_MISSING = (
    "no source lines: neither llvm-symbolizer nor addr2line is installed; "
    "pip install 'fdtrace[symbols]' reads them as well"
)
_HOLDERS = frozenset(
    f"DW_TAG_{tag}" for tag in "namespace structure_type class_type union_type module lexical_block".split()
)
_FUNCTIONS = frozenset(("DW_TAG_subprogram", "DW_TAG_inlined_subroutine"))

Range = tuple[int, int]


class _TooLong(Exception):
    """The time is over."""


def installed() -> bool:
    """Whether pyelftools is there."""
    try:
        importlib.import_module("elftools.elf.elffile")
    except ImportError:
        return False
    return True


def look_up(path: str, addresses: Sequence[int], seconds: float = SECONDS) -> Found:
    """The chains of addresses of a file that has DWARF."""
    found = Found()
    if not installed():
        found.trouble = _MISSING
        return found
    try:
        if (size := _size(path)) > MOST_BYTES:
            found.trouble = f"no source lines: {size:,} bytes of DWARF or more are too many without addr2line"
            return found
        elffile: Any = importlib.import_module("elftools.elf.elffile")
        with open(path, "rb") as stream:
            dwarf = elffile.ELFFile(stream).get_dwarf_info(follow_links=False)
            _Reader(dwarf, addresses, found, time.monotonic() + seconds).read()
    except _TooLong:
        found.trouble = (
            f"source lines of {len(found.chains):,} addresses in {seconds:.0f} s, then given up: "
            "llvm-symbolizer and addr2line are faster"
        )
    except Exception as error:  # a damaged file leads the package astray in many ways
        found.trouble = f"damaged DWARF ({type(error).__name__})"
    return found


def _size(path: str) -> int:
    """How much DWARF there is when it is unpacked; no more than just too much is unpacked to find out."""
    elf = Elf(path)
    total = 0
    try:
        for name, section in elf.sections.items():
            if not name.startswith((".debug", ".zdebug")) or total > MOST_BYTES:
                continue
            packed = section.flags & _PACKED or name.startswith(".zdebug")
            total += _unpacked(elf, section, name) if packed else section.size
    finally:
        elf.close()
    return total


def _unpacked(elf: Elf, section: Section, name: str) -> int:
    head = 12 if name.startswith(".zdebug") else 24 if elf.wide else 12
    packer, size = zlib.decompressobj(), 0
    for at in range(section.offset + head, section.offset + section.size, _BLOCK):
        block = elf.bytes_at(at, min(_BLOCK, section.offset + section.size - at))
        while block:
            size += len(packer.decompress(block, _BLOCK))
            block = packer.unconsumed_tail
            if size > MOST_BYTES:
                return size
    return size


class _Reader:
    """Reads the units that hold wanted addresses."""

    def __init__(self, dwarf: Any, addresses: Sequence[int], found: Found, until: float) -> None:
        self.dwarf = dwarf
        self.found = found
        self.until = until
        self.wanted = sorted(set(addresses))

    def read(self) -> None:
        for unit in self.dwarf.iter_CUs():
            self.check()
            top = unit.get_top_DIE()
            own = self.within(self.ranges(top, 0))
            if own:
                self.unit(unit, top, own)

    def check(self) -> None:
        if time.monotonic() > self.until:
            raise _TooLong

    def within(self, ranges: list[Range]) -> list[int]:
        """Wanted addresses in these ranges."""
        found: list[int] = []
        for low, high in ranges:
            begin, end = bisect_right(self.wanted, low - 1), bisect_right(self.wanted, high - 1)
            found += self.wanted[begin:end]
        return found

    def unit(self, unit: Any, top: Any, own: list[int]) -> None:
        """The chains of one unit's addresses."""
        program = self.dwarf.line_program_for_CU(unit)
        if (
            program is not None
            and program.program_end_offset - program.program_start_offset > _MOST_LINES_BYTES
        ):
            return
        files = _Files(program, _word(top, "DW_AT_comp_dir"))
        base = _number(top, "DW_AT_low_pc") or 0
        lines = _Lines(files.rows(self.check))
        holding: dict[int, list[Any]] = {address: [] for address in own}
        self.functions(top, base, holding)
        for address, dies in holding.items():
            file, line = lines.at(address)
            chain: list[Spot] = []
            for die in reversed(dies[-_DEEPEST:]):
                chain.append(Spot(_name(die), files.path(file), line or None))
                if die.tag == "DW_TAG_inlined_subroutine":
                    file, line = _number(die, "DW_AT_call_file"), _number(die, "DW_AT_call_line")
            if chain or line:
                self.found.chains[address] = tuple(chain) or (Spot(None, files.path(file), line or None),)

    def functions(self, top: Any, base: int, holding: dict[int, list[Any]]) -> None:
        """Enters, for each address, the functions that hold it, the outermost first."""
        waiting = [top]
        while waiting:
            self.check()
            for die in waiting.pop().iter_children():
                if die.tag in _FUNCTIONS:
                    own = [address for address in self.within(self.ranges(die, base)) if address in holding]
                    for address in own:
                        holding[address].append(die)
                    if own and die.has_children:
                        waiting.append(die)
                elif die.tag in _HOLDERS and die.has_children:
                    waiting.append(die)

    def ranges(self, die: Any, base: int) -> list[Range]:
        """Where the code of a unit or function is."""
        attributes = die.attributes
        low = _number(die, "DW_AT_low_pc")
        if "DW_AT_high_pc" in attributes and low is not None:
            high = attributes["DW_AT_high_pc"]
            value = int(high.value)
            return [(low, value if high.form == "DW_FORM_addr" else low + value)]
        if "DW_AT_ranges" not in attributes:
            return []
        lists = self.dwarf.range_lists()
        if lists is None:
            return []
        version = die.cu["version"]
        begin = int(attributes["DW_AT_ranges"].value)
        if version >= 5:
            entries = lists.get_range_list_at_offset(begin, cu=die.cu)
        else:
            entries = lists.get_range_list_at_offset(begin)
        found = []
        base = _number(die, "DW_AT_low_pc") or base
        for entry in entries:
            if hasattr(entry, "base_address"):
                base = int(entry.base_address)
            else:
                shift = 0 if getattr(entry, "is_absolute", False) else base
                found.append((int(entry.begin_offset) + shift, int(entry.end_offset) + shift))
        return found


class _Lines:
    """The line table of a unit."""

    def __init__(self, rows: Iterator[tuple[int, int, int]]) -> None:
        self._rows = sorted(rows, key=lambda row: row[0])
        self._begins = [row[0] for row in self._rows]

    def at(self, address: int) -> tuple[int | None, int | None]:
        place = bisect_right(self._begins, address) - 1
        return self._rows[place][1:] if place >= 0 else (None, None)


class _Files:
    """The line program of a unit: its rows, and the paths that they mean."""

    def __init__(self, program: Any, folder: str) -> None:
        self._program = program
        self._folder = folder

    def rows(self, check: Any) -> Iterator[tuple[int, int, int]]:
        """Address, number of the file, line; a sequence's end has line 0."""
        if self._program is None:
            return
        for place, entry in enumerate(self._program.get_entries()):
            if not place % 10_000:
                check()
            if entry.state is not None:
                state = entry.state
                yield state.address, state.file, 0 if state.end_sequence else state.line

    def path(self, number: int | None) -> str | None:
        if self._program is None or number is None:
            return None
        header = self._program.header
        first = 0 if header["version"] >= 5 else 1
        files, folders = header["file_entry"], header["include_directory"]
        if not 0 <= number - first < len(files):
            return None
        entry = files[number - first]
        place = entry["dir_index"] - first
        folder = folders[place] if 0 <= place < len(folders) else b""
        return posixpath.normpath(posixpath.join(self._folder, _plain(folder), _plain(entry["name"])))


def _plain(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _word(die: Any, name: str) -> str:
    value = die.attributes[name].value if name in die.attributes else b""
    return _plain(value) if isinstance(value, bytes) else ""


def _number(die: Any, name: str) -> int | None:
    value = die.attributes[name].value if name in die.attributes else None
    return value if isinstance(value, int) else None


def _name(die: Any) -> str | None:
    """A function's name as the linker knows it, else its own."""
    plain = ""
    for _ in range(4):
        if linked := _word(die, "DW_AT_linkage_name") or _word(die, "DW_AT_MIPS_linkage_name"):
            return linked
        plain = plain or _word(die, "DW_AT_name")
        leads = [name for name in ("DW_AT_abstract_origin", "DW_AT_specification") if name in die.attributes]
        if not leads:
            break
        die = die.get_DIE_from_attribute(leads[0])
    return plain or None
