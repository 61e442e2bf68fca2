"""Whether a program file is the one that a capture's addresses are of.

strace prints neither build ids nor addresses of memory. What it prints is

- with libunwind, as most distributions build it, the place in the *file* of the
  instruction after the call (src/unwind-libunwind.c: ip - start + offset of the map);
- with libdw the address as the *program* counts it (src/unwind-libdw.c,
  dwfl_module_relocate_address), one less where it is a return address.

and the nearest symbol with the distance from it. So `symbol+0x2a [0x113c]`
proves something: the file must have that symbol at 0x2a before that place, for
every frame of the module. Where no symbol was printed, the instruction
before each address must be a call, or the system call itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..readers.strace.stacks import Frame
from .elf import AARCH64, I386, MOST_NAME, X86_64, Elf
from .names import Names

_FEW = 2
"""A single address behind a call may be chance: one in fifteen is in any program."""
_INTERRUPTED = 10
"""One in so many addresses may be of an instruction that a signal interrupted."""
_PAGE = 0x1000
"""What is mapped keeps its place within a page."""
_SHIFTS = 8
_INDIRECT = {
    2: frozenset((0x10, 0x11, 0x12, 0x13, 0x16, 0x17, *range(0xD0, 0xD8))),
    3: frozenset((0x14, *range(0x50, 0x54), 0x55, 0x56, 0x57)),
    4: frozenset((0x54,)),
    6: frozenset((0x15, *range(0x90, 0x94), 0x95, 0x96, 0x97)),
    7: frozenset((0x14, 0x94)),
}
"""What follows the byte ff in calls through a register or memory, by their length (Intel's manual, CALL)."""
_WORD = re.compile(r"[A-Za-z_]\w+")
_TELLING = 5
"""Letters of a word that is in no other name by chance."""
_MANGLED = re.compile(r"_?_(?:Z|R[A-Z])")


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a file fits. `shift` makes an address of the program from what strace printed."""

    shift: int
    agreeing: int
    contradicting: int
    by: str
    """What was compared: "names", "code", "build id"; "extent" proves nothing."""

    @property
    def refused(self) -> str:
        """Why the file is not what the capture is of; empty if it may be."""
        total = self.agreeing + self.contradicting
        if self.by == "names" and self.contradicting:
            return f"{self.contradicting:,} of {total:,} frames name a symbol that is not there in this file"
        few = self.contradicting > 1 + total // _INTERRUPTED or self.agreeing < _FEW
        if self.by == "code" and self.contradicting and few:
            return f"{self.contradicting:,} of {total:,} addresses are not behind a call in this file"
        if self.by == "doubt":
            return (
                "a debug file alone does not tell where in the program its code was: give the program as well"
            )
        if self.by == "outside" or (self.by == "extent" and self.contradicting > 1 + total // _INTERRUPTED):
            return f"{self.contradicting:,} of {total:,} addresses are in no function of it"
        return ""

    @property
    def proven(self) -> bool:
        """Whether something speaks for it, and nothing against."""
        if self.refused or self.by == "extent":
            return False
        return self.by == "build id" or self.agreeing >= (_FEW if self.by == "code" else 1)


def fit(elf: Elf, names: Names, frames: Sequence[Frame], same_build: bool = False) -> Fit:
    """How a file fits the different frames of one module. `same_build`: its build id is the capture's."""
    placed = [frame for frame in frames if frame.address is not None]
    named = [frame for frame in placed if frame.symbol and frame.offset is not None]
    shifts = list(_shifts(elf, names, named))
    known = [frame for frame in named if elf.has_all_names or names.called(frame.symbol)]
    if known and len(names):
        best = max((_by_names(names, known, shift) for shift in shifts), key=lambda one: one.agreeing)
        if same_build and best.agreeing:
            return Fit(best.shift, best.agreeing, best.contradicting, "build id")
        return best
    if elf.has_code and elf.machine in (X86_64, I386, AARCH64):
        best = max((_by_code(elf, placed, shift) for shift in shifts), key=lambda one: one.agreeing)
    else:
        possible = [_by_extent(names, placed, shift) for shift in shifts]
        likely = [one for one in possible if not one.refused]
        best = max(likely or possible, key=lambda one: one.agreeing)
        if len(likely) > 1:
            best = Fit(best.shift, best.agreeing, best.contradicting, "doubt")
    return Fit(best.shift, best.agreeing, 0, "build id") if same_build else best


def _shifts(elf: Elf, names: Names, named: Iterable[Frame]) -> Iterable[int]:
    """What may have to be added to printed addresses, the likeliest first."""
    found: dict[int, None] = {}
    for segment in elf.segments:
        if segment.size:
            found[segment.address - segment.offset] = None
    if not elf.has_code:
        found.update(dict.fromkeys(elf.packed))
    found[0] = None
    if not elf.has_code:
        for frame in named:  # a debug file does not tell where in the program its segments were
            for symbol in names.called(frame.symbol):
                shift = symbol.address - ((frame.address or 0) - (frame.offset or 0))
                if shift % _PAGE == 0:
                    found[shift] = None
            if len(found) > _SHIFTS:
                break
    return found


def _by_names(names: Names, named: Iterable[Frame], shift: int) -> Fit:
    agreeing = contradicting = 0
    for frame in named:
        at = (frame.address or 0) + shift - (frame.offset or 0)
        if any(same_name(frame.symbol, symbol.name) for symbol in names.beginning(at)):
            agreeing += 1
        else:
            contradicting += 1
    return Fit(shift, agreeing, contradicting, "names")


def same_name(printed: str, symbol: str) -> bool:
    """Whether strace, which demangles, prints a symbol like this."""
    printed = printed.partition("@")[0] or printed
    if printed == symbol:
        return True
    if not _MANGLED.match(symbol):
        return False
    words = _WORD.findall(printed[:MOST_NAME])
    return any(f"{len(word)}{word}" in symbol or f"{len(word)}_{word}" in symbol for word in words) or any(
        len(word) >= _TELLING and word in symbol for word in words
    )


# -- code ----------------------------------------------------------------------


def _by_extent(names: Names, frames: Iterable[Frame], shift: int) -> Fit:
    """Whether the addresses are in functions at all: no proof, but something that may speak against it."""
    inside = [names.around((frame.address or 0) + shift - 1) is not None for frame in frames]
    return Fit(shift, sum(inside), len(inside) - sum(inside), "extent")


def _by_code(elf: Elf, frames: Iterable[Frame], shift: int) -> Fit:
    agreeing = contradicting = outside = 0
    for frame in frames:
        address = (frame.address or 0) + shift
        before = elf.code(address - 8, 8)
        if not before:
            outside += 1
        elif _stands(elf, address):
            agreeing += 1
        else:
            contradicting += 1
    if outside:
        return Fit(shift, agreeing, contradicting + outside, "outside")
    return Fit(shift, agreeing, contradicting, "code")


def stops(elf: Elf, frames: Iterable[Frame], shift: int) -> frozenset[int]:
    """Addresses at which nothing returns from a call: a signal interrupted the program there."""
    if elf.machine not in (X86_64, I386, AARCH64):
        return frozenset()
    addresses = {(frame.address or 0) + shift for frame in frames}
    return frozenset(at for at in addresses if elf.code(at - 8, 8) and not _stands(elf, at))


def _stands(elf: Elf, address: int) -> bool:
    """Whether a call ends there, or one byte later, as libdw counts."""
    return any(_follows_call(elf.machine, code) for at in (0, 1) if (code := elf.code(address + at - 8, 8)))


def _follows_call(machine: int, before: bytes) -> bool:
    """Whether these eight bytes end in a call or a system call."""
    if machine == AARCH64:
        word = int.from_bytes(before[4:], "little")
        return word & 0xFC000000 == 0x94000000 or word & 0xFFFFFC1F == 0xD63F0000 or word == 0xD4000001
    if before[3] == 0xE8 or before[6:] in (b"\x0f\x05", b"\xcd\x80", b"\x0f\x34"):
        return True
    return any(before[8 - size] == 0xFF and before[9 - size] in forms for size, forms in _INDIRECT.items())
