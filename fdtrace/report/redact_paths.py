"""Paths without the names that people gave: what is of the system stays, the rest gets pseudonyms."""

from __future__ import annotations

import re
from collections.abc import Callable

from fdtrace.report import public_names as public
from fdtrace.report.pseudonyms import Pseudonyms

_HOMES = ("home", "Users")
_BEHIND = re.compile(r" \(deleted\)$| type=[A-Z]+(?: \([A-Z]+\))?$| \((?:CONNECTED|LISTEN|UNCONNECTED)\)$")
"""What tools print behind a path."""


def redacted(path: str, names: Pseudonyms, known: Callable[[str], str | None]) -> str:
    """The path with its private parts replaced; `known` has the pseudonyms of users, hosts and programs."""
    behind = ""
    while found := _BEHIND.search(path):
        behind, path = found[0] + behind, path[: found.start()]
    parts = path.split("/")
    if _of_the_system(path):  # a program that is known to be private is so below /usr as well
        return "/".join(known(part) or part for part in parts) + behind
    shown = [_part(part, place, parts, names, known) if part else part for place, part in enumerate(parts)]
    return "/".join(shown) + behind


def _of_the_system(path: str) -> bool:
    return _below(path, public.TREES) and not _below(path, public.LOCAL) and "/../" not in path


def _below(path: str, trees: tuple[str, ...]) -> bool:
    return any(path == tree or path.startswith(f"{tree}/") for tree in trees)


def _part(
    part: str, place: int, parts: list[str], names: Pseudonyms, known: Callable[[str], str | None]
) -> str:
    if place == 2 and not parts[0] and parts[1] in _HOMES:
        return part if part in public.USERS or not part.strip("*") else names.of("user", part)
    if part.startswith("memfd:"):
        return f"memfd:{_part(part[6:], 0, [], names, known)}"
    if other := known(part):
        return other
    if public.component(part):
        return part
    ending = public.extension(part)
    stem = part[: len(part) - len(ending)] if ending else part
    if public.component(stem):
        return part
    many = "*" if "*" in stem else ""
    return f"{names.of('name', stem)}{many}{ending}"
