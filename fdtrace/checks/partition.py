"""Groups taken together, and taken apart, where that tells more than each alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from ..history import patterns
from ..history.lives import Life
from ..history.shares import Group, lives_of, united

SISTERS = 4
"""This many different names in one directory, or peers of one kind, are taken to be of one making."""
_DEPTH = 6


def with_sisters(groups: list[Group]) -> list[Group]:
    """The groups; without stacks, names that differ in a directory that has many are one."""
    for levels in (1, 2):
        groups = _folders(groups, levels)
    return groups


def _folders(groups: list[Group], levels: int) -> list[Group]:
    """Groups that differ only in the last names of their paths as one, where there are many of them."""
    folders: dict[tuple[str | None, str, str], list[Group]] = {}
    whole: list[Group] = []
    for group in groups:
        folder = patterns.directory_of(group.pattern, levels) if group.site is None else None
        if folder is None:
            whole.append(group)
        else:
            folders.setdefault((group.command, group.kind, folder), []).append(group)
    for (_, _, folder), members in folders.items():
        if len(members) < SISTERS or next(lives_of(members), None) is None:
            whole += members
        else:
            whole.append(united(members, folder))
    return whole


def by_peer(groups: Iterable[Group]) -> list[Group]:
    """Connections that differ only in where they go, of one program and kind, as one."""
    peers: dict[tuple[str | None, str], list[Group]] = {}
    for group in groups:
        if group.site is None and group.pattern.startswith("to "):
            peers.setdefault((group.command, group.kind), []).append(group)
    return [
        united(members, f"to {len(members)} peers")
        for members in peers.values()
        if len(members) >= SISTERS and next(lives_of(members), None) is not None
    ]


def by_fate(group: Group, lives: list[Life], few: int) -> Iterator[tuple[list[Group], Group]]:
    """Ways to split a group into guilty parts and the innocent rest.

    First by the end of a pipe, then by the nearest caller at which fates
    differ: a guilty one leaves at least `few` of `lives`, an innocent one
    closes what it got.
    """
    if len(group.cells) < 2:
        return
    wanted = {id(life) for life in lives}
    yield from _split(group, wanted, few, lambda cell: cell.end)
    for depth in range(1, _DEPTH):
        yield from _split(group, wanted, few, partial(_callers, depth))


def _callers(depth: int, cell: Group) -> str:
    return "\0".join(cell.site.callers[:depth]) if cell.site is not None else ""


def _split(
    group: Group, wanted: set[int], few: int, name: Callable[[Group], str]
) -> Iterator[tuple[list[Group], Group]]:
    parts: dict[str, list[Group]] = {}
    for cell in group.cells:
        parts.setdefault(name(cell), []).append(cell)
    if len(parts) < 2:
        return
    guilty: list[list[Group]] = []
    others: list[Group] = []
    innocent: list[str] = []
    for part in parts.values():
        leaked = len([life for life in lives_of(part) if id(life) in wanted])
        closed = sum(cell.closed for cell in part)
        if leaked >= few:
            guilty.append(part)
        else:
            others += part
            if not leaked and closed >= few:
                innocent.append(_name(part[0]))
    if guilty and innocent:
        yield [replace(united(part), innocent=tuple(innocent)) for part in guilty], united(others)


def _name(cell: Group) -> str:
    if cell.end:
        return cell.end
    return cell.site.callers[0] if cell.site is not None and cell.site.callers else ""
