"""The files below a directory that may be captures, and why the others are not even opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from fdtrace.errors import DamagedInput
from fdtrace.readers.refusals import Refusals

DEEPEST = 8
"""Directories within directories that are searched: a case folder has hosts, a sosreport has five levels."""

MOST = 50_000
"""Entries of one named directory, with all below it, that are looked at."""

_NEVER = re.compile(r".*\.(?:md|rst|c|cc|cpp|h|py|rs|go|js|sh)$", re.IGNORECASE)
_PROGRAMS = frozenset({"node_modules", "__pycache__", "site-packages"})
_SOSREPORT = re.compile(r"(?:^|/)sos_commands(?:/|$)|^sosreport-[^/]+/")
_OF_SOSREPORT = re.compile(
    r"(?:^|/)(?:(?:lsof|netstat|ss|strace)(?:[._-][^/]*)?"
    r"|proc/(?:\d+/(?:task/\d+/)?)?net/(?:tcp6?|udp6?|udplite6?|unix|raw6?|packet|netlink)"
    r"|proc/\d+/(?:task/\d+/)?(?:limits|status|fd|fdinfo/\d+))$"
)


def unwanted(path: str, *, of_sosreport: bool = False) -> str:
    """Why a file of this path, below a directory or in an archive, is passed over; "" when it is not."""
    folders, _, name = path.rpartition("/")
    if name.startswith(".") or any(part.startswith(".") for part in folders.split("/") if part != "."):
        return "hidden file"
    if _NEVER.match(name):
        return f"{os.path.splitext(name)[1]} file: not a capture by its name"
    if (of_sosreport or _SOSREPORT.search(path)) and not _OF_SOSREPORT.search(path):
        return "a part of a sosreport that does not list descriptors"
    if _PROGRAMS.intersection(folders.split("/")):
        return "part of an installed program"
    return ""


def listed(folder: str, refusals: Refusals, deepest: int = DEEPEST) -> list[str]:
    """The files below a directory that may be captures, those of each directory by name order.

    Links to directories are not followed; nothing but regular files is opened.
    """
    try:
        os.listdir(folder)
    except OSError as error:
        message = f"the directory cannot be listed ({error.strerror})"
        refusals.refuse(folder, DamagedInput(message, path=folder), named=True)
        return []
    files: list[str] = []
    for count, (name, path, of_sosreport) in enumerate(_entries(folder, "", deepest, False, refusals)):
        if count == MOST:
            refusals.skip(folder, f"has more than {MOST:,} entries: the rest is not looked at")
            break
        reason = unwanted(path, of_sosreport=of_sosreport) or _irregular(name)
        if reason:
            refusals.skip(name, reason)
        else:
            files.append(name)
    return files


def _entries(
    folder: str, within: str, deeper: int, of_sosreport: bool, refusals: Refusals
) -> Iterator[tuple[str, str, bool]]:
    """Every file below a directory: its name, its path in there, and whether it is a sosreport's."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        refusals.skip(folder, f"directory: cannot be listed ({error.strerror})")
        return
    of_sosreport = of_sosreport or any(entry.name == "sos_commands" for entry in entries)
    folders = []
    for entry in entries:
        path = f"{within}{entry.name}"
        if not _is_folder(entry):
            yield os.path.join(folder, entry.name), path, of_sosreport
        elif reason := _closed(entry, deeper):
            refusals.skip(os.path.join(folder, entry.name), reason)
        else:
            folders.append(entry.name)
    for name in folders:
        below = os.path.join(folder, name)
        yield from _entries(below, f"{within}{name}/", deeper - 1, of_sosreport, refusals)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _closed(entry: os.DirEntry[str], deeper: int) -> str:
    """Why a directory is not searched; "" when it is."""
    if entry.is_symlink():
        return "link to a directory: not followed"
    if entry.name.startswith("."):
        return "hidden directory: not searched"
    if entry.name in _PROGRAMS:
        return "part of an installed program: not searched"
    return "directory: too deep, not searched" if deeper <= 0 else ""


def _irregular(name: str) -> str:
    """Why there is nothing to open under this name; "" for a regular file."""
    if not os.path.exists(name):
        return "broken link"
    return "" if os.path.isfile(name) else "not a regular file"
