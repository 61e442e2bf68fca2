"""Names of C++ and Rust as their programmers wrote them.

c++filt is asked first: strace demangles with the same library, so that names
come out alike. Then the package pycxxfilt. Without either, names stay as the
linker knows them. The hash at the end of a name of Rust changes with each build
and is left out, as strace does.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable

from . import tools

_MANGLED = re.compile(r"_?_(?:Z[\w.$]+|R[A-Z\d][\w.$]*)$")
_SAFE = re.compile(r"[\w.$]+$", re.ASCII)
_HASH = re.compile(r"::h[0-9a-f]{16}$")
_LONGEST = 4096


def demangled(names: Iterable[str]) -> dict[str, str]:
    """What mangled names among these stand for."""
    wanted = sorted({name for name in names if _MANGLED.match(name) and _SAFE.match(name)})
    wanted = [name for name in wanted if len(name) <= _LONGEST]
    if not wanted:
        return {}
    found = _by_tool(wanted) or _by_package(wanted)
    return {name: _HASH.sub("", plain) for name, plain in found.items() if plain and plain != name}


def _by_tool(names: list[str]) -> dict[str, str]:
    tool = tools.where("c++filt", "llvm-cxxfilt")
    if tool is None:
        return {}
    options = ["--no-verbose"] if tool.endswith("c++filt") and "llvm" not in tool else []
    text = tools.answer([tool, *options], "\n".join(names) + "\n").text
    lines = text.split("\n")[:-1]
    return dict(zip(names, lines, strict=True)) if len(lines) == len(names) else {}


def _by_package(names: list[str]) -> dict[str, str]:
    try:
        demangle = importlib.import_module("pycxxfilt").demangle
    except (ImportError, AttributeError):
        return {}
    found = {}
    for name in names:
        try:
            found[name] = str(demangle(name))
        except Exception:  # whatever it thinks of a name that is none
            continue
    return found
