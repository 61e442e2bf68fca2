"""What is analysed alone: the incidents among directories, files, globs, URLs and lists of names.

A directory that holds files is one incident, without the directories below
it, which are looked at in turn: the captures of one host lie together. A
recording of `fdtrace record`, a sosreport and a saved Case are one incident
with all that is below. A file that is named, or found by a glob, is one of its
own; so is every file with `each_file`. The files NAME.<tid> of `strace -ff`
stay together everywhere.
"""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from fdtrace import store
from fdtrace.errors import DamagedInput, FdtraceError
from fdtrace.fleet.dataset import MARK as RESULT
from fdtrace.fleet.dataset import sound
from fdtrace.readers import manifest, remote
from fdtrace.readers.families import tid_of, unpacked_name
from fdtrace.readers.listing import DEEPEST, unwanted

_WHOLE = frozenset({manifest.NAME, "sos_commands", store.MANIFEST})
"""A file or directory by which a directory is known to be one incident with all below it."""

_QUESTIONS = 8
"""Files about which a server is asked at once."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as its directory lists it; `stamp` changes when its content does."""

    name: str
    size: int | None
    stamp: str


@dataclass(frozen=True, slots=True)
class Incident:
    """What is analysed alone. `name` is its identity: an absolute path, or a URL without passwords.

    `place` is the directory to load, where it is one, and `whole` says whether with all
    below it. `found` is what no user named: there, a file that is no capture is no fault.
    `deeper` is a file in a directory below the one that was named, or matched by a glob.
    """

    name: str
    files: tuple[File, ...] = ()
    place: str = ""
    whole: bool = False
    found: bool = False
    remote: bool = False
    deeper: bool = False
    error: str = ""

    @property
    def id(self) -> str:
        """A short name for the files of its rows."""
        return hashlib.sha256(self.name.encode("utf-8", "surrogateescape")).hexdigest()[:20]

    @property
    def bytes(self) -> int | None:
        """Size of all files; None where one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def newest_ns(self) -> int | None:
        """When the newest file was changed; None where the server does not tell in numbers."""
        stamps = [int(file.stamp) for file in self.files if file.stamp.isdecimal()]
        return max(stamps, default=None)


class Tree(Protocol):
    """Directories, wherever they are."""

    remote: bool

    def entries(self, folder: str) -> tuple[list[str], list[File]]:
        """The directories and the files directly in one, in the order of their names."""

    def name(self, path: str) -> str:
        """The identity of a file or directory."""


class Local:
    """Directories of this machine. Links to directories are not followed, and no device is opened."""

    remote = False

    def entries(self, folder: str) -> tuple[list[str], list[File]]:
        """As `os.scandir` lists them."""
        folders, files = [], []
        with os.scandir(folder) as listed:
            for entry in sorted(listed, key=lambda entry: entry.name):
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file():
                        files.append(_stated(entry.path, entry.stat()))
                except OSError:
                    continue  # it went away, or is a link to nothing
        return folders, files

    def name(self, path: str) -> str:
        """The absolute path: the same from wherever it is scanned."""
        return sound(os.path.abspath(path))


def _stated(path: str, info: os.stat_result) -> File:
    return File(path, info.st_size, str(info.st_mtime_ns))


class Remote:
    """Directories at a URL, as fsspec lists them; http needs a server that has index pages."""

    remote = True

    def __init__(self, system: Any) -> None:
        self._system = system

    def entries(self, folder: str) -> tuple[list[str], list[File]]:
        """As the server lists them; links that sort an index page differently are no files."""
        folders: list[str] = []
        files: list[tuple[str, dict[str, Any]]] = []
        try:
            listed = self._system.ls(folder, detail=True)
        except Exception as error:  # each file system has its own
            raise remote.unreachable(folder, error) from error
        for info in sorted(listed, key=lambda info: str(info["name"])):
            path = str(info["name"])
            if path.rstrip("/") == folder.rstrip("/") or _base(path).startswith("?"):
                continue
            if info["type"] == "directory":
                folders.append(path.rstrip("/"))
            elif info["type"] == "file":
                files.append((path, info))
        with ThreadPoolExecutor(_QUESTIONS) as several:
            return folders, list(several.map(lambda one: self.file(*one), files))

    def file(self, path: str, info: dict[str, Any] | None = None) -> File:
        """A file with its size and stamp; where the list does not tell them the server is asked."""
        if info is None or (info.get("size") is None and not remote.stamp_of(info)):
            try:
                info = self._system.info(path)
            except Exception:  # what is wrong with it is found out when it is fetched
                info = {}
        size = info.get("size")
        return File(self._system.unstrip_protocol(path), size, remote.stamp_of(info))

    def name(self, path: str) -> str:
        """The URL, without what is secret in it."""
        return remote.public(str(self._system.unstrip_protocol(path)))


def incidents(names: Iterable[str], each_file: bool = False) -> Iterator[Incident]:
    """All incidents below these names, one after the other; `-` is a list of names on standard input.

    What cannot be listed is an incident with an error.
    """
    for name in names:
        if name == "-":
            yield from incidents((line.rstrip("\n") for line in sys.stdin if line.strip()), each_file)
        elif remote.is_url(name) and not name.startswith("file://"):
            yield from _at_url(name, each_file)
        else:
            yield from _local(name.removeprefix("file://"), each_file)


def _local(name: str, each_file: bool) -> Iterator[Incident]:
    if not os.path.lexists(name) and glob.has_magic(name):
        yield from _matched(sorted(glob.iglob(name, recursive=True)), name, each_file)
    else:
        yield from _matched([name], name, each_file)


def _matched(paths: list[str], pattern: str, each_file: bool) -> Iterator[Incident]:
    tree = Local()
    if not paths:
        yield Incident(tree.name(pattern), error="nothing matches")
    files = []
    for path in map(os.path.abspath, paths):  # a worker may be in another directory
        if os.path.isdir(path):
            yield from _below(tree, path, each_file, 0)
            continue
        try:
            files.append(_stated(path, os.stat(path)))
        except OSError as error:
            yield Incident(tree.name(path), error=f"cannot be read ({error.strerror})")
    yield from _single(tree, files, found=False, above=_fixed(pattern))


def _at_url(url: str, each_file: bool) -> Iterator[Incident]:
    try:
        system, path = remote.file_system(url)
        tree = Remote(system)
        if glob.has_magic(path.partition("?")[0]) and "*" in path:
            paths = sorted(map(str, system.glob(path)))
            if not paths:
                yield Incident(remote.public(url), remote=True, error="nothing matches")
        else:
            paths = [path]
        files = []
        for one in paths:
            if _is_folder(system, one):
                yield from _below(tree, one, each_file, 0)
            else:
                files.append(tree.file(one))
        yield from _single(tree, files, found=False, above=_fixed(path))
    except FdtraceError as error:
        if not isinstance(error, DamagedInput):
            raise
        yield Incident(remote.public(url), remote=True, error=_reason(error, url))
    except Exception as error:  # each file system has its own
        yield Incident(remote.public(url), remote=True, error=_reason(remote.unreachable(url, error), url))


def _is_folder(system: Any, path: str) -> bool:
    """Whether to look below; on http, where all is a page, what ends in a slash."""
    if "http" in (system.protocol if isinstance(system.protocol, tuple) else (system.protocol,)):
        return path.endswith("/")
    return bool(system.isdir(path))


def _reason(error: Exception, url: str) -> str:
    return str(error).removeprefix(f"{remote.public(url)}: ")


def _below(tree: Tree, folder: str, each_file: bool, depth: int) -> Iterator[Incident]:
    """The incidents in a directory and below it."""
    try:
        folders, files = tree.entries(folder)
    except (OSError, FdtraceError) as error:
        reason = getattr(error, "strerror", None) or _reason(error, folder)
        yield Incident(
            tree.name(folder), remote=tree.remote, error=f"the directory cannot be listed ({reason})"
        )
        return
    names = {_base(path) for path in (*folders, *(file.name for file in files))}
    if RESULT in names:
        return
    if store.MANIFEST in names or (not each_file and not _WHOLE.isdisjoint(names)):
        everything = tuple(_all(tree, folder, "", "sos_commands" in names))
        yield Incident(tree.name(folder), everything, folder, True, True, tree.remote)
        return
    wanted = [file for file in files if not unwanted(_base(file.name))]
    if each_file:
        yield from _single(tree, wanted, found=True, above=folder if depth == 0 else None)
    elif wanted:
        yield Incident(tree.name(folder), tuple(wanted), folder, False, True, tree.remote)
    if depth < DEEPEST:
        for path in folders:
            if not unwanted(f"{_base(path)}/x"):
                yield from _below(tree, path, each_file, depth + 1)


def _all(tree: Tree, folder: str, within: str, of_sosreport: bool) -> Iterator[File]:
    """Every file in a directory and below it that may be a capture."""
    try:
        folders, files = tree.entries(folder)
    except (OSError, FdtraceError):
        return
    for file in files:
        if not unwanted(f"{within}{_base(file.name)}", of_sosreport=of_sosreport):
            yield file
    if within.count("/") < DEEPEST:
        for path in folders:
            yield from _all(tree, path, f"{within}{_base(path)}/", of_sosreport)


def _fixed(pattern: str) -> str:
    """The directory of a name, or of a glob that part of it in which nothing varies."""
    folder = pattern.rpartition("/")[0]
    while glob.has_magic(folder):
        folder = folder.rpartition("/")[0]
    return folder


def _single(tree: Tree, files: Iterable[File], found: bool, above: str | None) -> Iterator[Incident]:
    """Each file by itself, those of one `strace -ff` together; `above` is the directory that was named."""
    groups: dict[str, list[File]] = {}
    for file in files:
        bare = unpacked_name(_base(file.name))
        family = None if tid_of(bare) is None else file.name[: file.name.rindex(_base(file.name))]
        stem = file.name if family is None else f"{family}{bare.rpartition('.')[0]}"
        groups.setdefault(stem, []).append(file)
    for stem, members in groups.items():
        name = members[0].name if len(members) == 1 else stem
        name = remote.public(name) if tree.remote else tree.name(name)
        folder = members[0].name.rpartition("/")[0]
        deeper = above is None or tree.name(folder) != tree.name(above.rstrip("/"))
        yield Incident(name, tuple(members), found=found, remote=tree.remote, deeper=deeper)


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
