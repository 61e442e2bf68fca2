"""Which function an address belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .elf import NO_FUNCTIONS, NOTYPE, Functions, text

_NESTED = 64
"""So many beginnings before an address are looked at for a function that reaches as far."""
_MARKS = ("$", ".L")
"""What assemblers put among the names: kinds of contents, labels within functions."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named function: where it begins, and its length (0: not told)."""

    name: str
    address: int
    size: int
    rank: int
    """The lower, the better a name it is among several for one place."""


class Names:
    """The functions of a program by address and by name."""

    def __init__(self, functions: Functions = NO_FUNCTIONS) -> None:
        self._all = functions

    def __len__(self) -> int:
        return len(self._all.address)

    def beginning(self, address: int) -> list[Symbol]:
        """All that begin exactly there, the best name first."""
        begin, end = self._place(address, "left"), self._place(address, "right")
        return self._several(range(begin, min(end, begin + _NESTED)))

    def called(self, name: str) -> list[Symbol]:
        """All of this name, which may be in several files of a program."""
        wanted = name.encode("utf-8", "surrogateescape")
        places = [at for end in (b"\0", b"@") for at in _found(self._all.names, wanted + end)]
        rows = np.flatnonzero(np.isin(self._all.name, places))[:_NESTED]
        return self._several(rows.tolist())

    def around(self, address: int) -> Symbol | None:
        """The function that an address is in; None between functions.

        One whose length is not told, as assembler leaves them, reaches to the next.
        """
        end = self._place(address, "right")
        around = self._several(range(max(0, end - _NESTED), end))
        reaching = [one for one in around if address < one.address + one.size]
        if reaching:
            return min(reaching, key=lambda one: (-one.address, one.rank, one.name))
        nearest = [one for one in around if one.address == around[-1].address]
        if not nearest or any(one.size for one in nearest):
            return None
        return nearest[0] if address < self._all.end[end - 1] else None

    def _place(self, address: int, side: Literal["left", "right"]) -> int:
        if not 0 <= address < 1 << 64:
            return 0
        return int(np.searchsorted(self._all.address, np.uint64(address), side))

    def _several(self, rows: Iterable[int]) -> list[Symbol]:
        found = [self._symbol(int(row)) for row in rows]
        named = [one for one in found if one.name and not one.name.startswith(_MARKS)]
        return sorted(named, key=lambda one: (one.address, one.rank, one.name))

    def _symbol(self, row: int) -> Symbol:
        functions = self._all
        written = text(functions.names, int(functions.name[row]))
        name = written.partition("@")[0] or written
        info = int(functions.info[row])
        inner = len(name) - len(name.lstrip("_")) + name.startswith("__GI_")
        rank = 8 * (info & 15 == NOTYPE) + 4 * (info >> 4 == 0) + min(inner, 3)
        return Symbol(name, int(functions.address[row]), int(functions.size[row]), rank)


def _found(names: bytes, wanted: bytes) -> list[int]:
    """Where a name is written; the end of a longer name serves as well."""
    places: list[int] = []
    at = names.find(wanted)
    while at >= 0 and len(places) < _NESTED:
        places.append(at)
        at = names.find(wanted, at + 1)
    return places
