"""Functions, files and lines of addresses, inlined functions one by one.

llvm-symbolizer or addr2line answers for all addresses of a file at once; both
read DWARF in a fraction of the time that Python needs. llvm-symbolizer is asked
first: addr2line (binutils 2.40) gives an inlined function without a linker's name
that of the function around it, and names wrong files for some headers of DWARF 5.
Without both `dwarf` does.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from ..errors import MissingExtra
from . import dwarf, tools
from .spots import Chain, Found, Spot

Tool = Literal["auto", "addr2line", "llvm-symbolizer", "python", "none"]
TOOLS: tuple[Tool, ...] = ("auto", "addr2line", "llvm-symbolizer", "python", "none")
_ECHO = re.compile(r"0x([0-9a-f]+)$")
_PLACE = re.compile(r"(?P<file>.*?):(?P<line>\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?$")
_DEEPEST = 128


def look_up(path: str, addresses: Sequence[int], tool: Tool = "auto", shared: bool = False) -> Found:
    """The source lines of addresses of a file that has DWARF; if `shared`, dwz moved a part of that away."""
    asked = "".join(f"0x{address:x}\n" for address in addresses)
    if shared and tool != "none":
        tool = "addr2line"  # llvm-symbolizer leaves out the inlined functions of such files, and says nothing
    for name, command, parse in _asked(path, tool):
        place = tools.where(name)
        if place is not None:
            answer = tools.answer([place, *command], asked)
            return Found(dict(parse(answer.text, addresses)), answer.trouble)
    if tool == "python" and not dwarf.installed():
        raise MissingExtra("reading DWARF in Python", "symbols")
    if tool in ("auto", "python"):
        return dwarf.look_up(path, addresses)
    return Found(trouble="" if tool == "none" else f"{tool} is not installed")


_Parse = Callable[[str, Sequence[int]], Iterator[tuple[int, Chain]]]


def _asked(path: str, tool: Tool) -> Iterator[tuple[str, list[str], _Parse]]:
    if tool in ("auto", "llvm-symbolizer"):
        options = ["--functions=linkage", "--no-demangle", "--inlines", "--output-style=LLVM"]
        yield "llvm-symbolizer", [*options, f"--obj={path}"], _of_llvm
    if tool in ("auto", "addr2line"):
        yield "addr2line", ["-a", "-f", "-i", "-e", path], _of_addr2line


def _of_addr2line(text: str, addresses: Sequence[int]) -> Iterator[tuple[int, Chain]]:
    """Each address is repeated, then come a line with the function and one with the place, several times."""
    wanted = set(addresses)
    current: int | None = None
    function: str | None = None
    chain: list[Spot] = []
    for line in text.split("\n"):
        echo = _ECHO.match(line) if function is None else None
        if echo is not None:
            if current is not None and _tells(chain):
                yield current, _own_names(chain)
            current, chain = int(echo[1], 16), []
            if current not in wanted:
                current = None
        elif function is None:
            function = line
        else:
            if len(chain) < _DEEPEST:
                chain.append(_spot(function, line))
            function = None
    if current is not None and _tells(chain):
        yield current, _own_names(chain)


def _own_names(chain: list[Spot]) -> Chain:
    """Without the name of the innermost, where addr2line took the one of the code for want of its own."""
    inner = chain[0]
    if len(chain) > 1 and inner.function == chain[-1].function:
        return Spot(None, inner.file, inner.line), *chain[1:]
    return tuple(chain)


def _of_llvm(text: str, addresses: Sequence[int]) -> Iterator[tuple[int, Chain]]:
    """One paragraph an address, in the order in which they were asked for."""
    for address, part in zip(addresses, text.split("\n\n"), strict=False):
        lines = part.strip("\n").split("\n")[: 2 * _DEEPEST]
        chain = [_spot(*pair) for pair in zip(lines[::2], lines[1::2], strict=False)]
        if _tells(chain):
            yield address, tuple(chain)


def _spot(function: str, place: str) -> Spot:
    match = _PLACE.match(place)
    file = match["file"] if match else ""
    line = int(match["line"]) if match and match["line"] != "?" else 0
    known = file not in ("", "??") and 0 < line < 1 << 31
    return Spot(
        None if function in ("", "??") else function,
        posixpath.normpath(file) if known else None,
        line if known else None,
    )


def _tells(chain: list[Spot]) -> bool:
    """Whether it is from DWARF: without, both tools name the nearest symbol, however far."""
    return any(spot.file for spot in chain)
