"""Where program and debug files are: by path, by name, by build id, by `.gnu_debuglink`.

Paths come from captures and from the files themselves. They only ever lead
to places inside the directories that were given: `..` is refused, and so is a
symbolic link that leads out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from .elf import Elf, NotUsable

MOST_ENTRIES = 200_000
"""Files that are looked through for a name; a whole machine has several times as many."""
MOST_OPENED = 20_000
"""Files that are opened in search of a build id."""
_DEBUG = "usr/lib/debug"
_BUILD_IDS = "build-ids"
_LINE = re.compile(r"^([0-9a-f]{8,128})\s+(/\S.*)$")


class Folders:
    """The directories (or single files) in which symbols are looked for."""

    def __init__(self, places: Sequence[str]) -> None:
        self.files = [os.path.realpath(place) for place in places if not os.path.isdir(place)]
        self.roots = [os.path.realpath(place) for place in places if os.path.isdir(place)]
        self.remarks: list[str] = []

    # -- looking up ----------------------------------------------------------

    def programs(self, module: str) -> Iterator[str]:
        """Files that may be this module: at its path, beside the others by its name, anywhere by its name."""
        yield from _once(self._programs(module))

    def _programs(self, module: str) -> Iterator[str]:
        name = module.rpartition("/")[2]
        for root in self.roots:
            for path in (module, name):
                if found := inside(root, path):
                    yield found
        yield from (file for file in self.files if os.path.basename(file) == name)
        yield from self._anywhere(name, module)

    def debug_files(self, module: str) -> Iterator[str]:
        """Debug files of a module by its path and name alone."""
        yield from _once(self._debug_files(module))

    def _debug_files(self, module: str) -> Iterator[str]:
        folder, _, name = module.rpartition("/")
        for root in self.roots:
            for path in (
                f"{_DEBUG}{module}.debug", f"{_DEBUG}{module}", f"{module}.debug",
                f"{folder}/.debug/{name}.debug", f"{folder}/.debug/{name}", f"{name}.debug", f"{name}.dbg",
            ):  # fmt: skip
                if found := inside(root, path):
                    yield found
        yield from (file for file in self.files if os.path.basename(file).startswith(f"{name}."))
        yield from self._anywhere(f"{name}.debug", module)
        yield from self._anywhere(f"{name}.dbg", module)

    def linked(self, program: str, module: str, name: str) -> Iterator[str]:
        """Files that a program's `.gnu_debuglink` may mean, in the order in which gdb looks."""
        yield from _once(self._linked(program, module, name))

    def _linked(self, program: str, module: str, name: str) -> Iterator[str]:
        for root in self.roots:
            folders = [module.rpartition("/")[0]]
            if program.startswith(os.path.join(root, "")):
                folders.append(os.path.dirname(program)[len(root) :])
            for folder in folders:
                for path in (
                    f"{folder}/{name}",
                    f"{folder}/.debug/{name}",
                    f"{_DEBUG}/{folder}/{name}",
                    name,
                ):
                    if found := inside(root, path):
                        yield found
        yield from (file for file in self.files if os.path.basename(file) == name)
        yield from self._anywhere(name, module)

    def of_build(self, build_id: str) -> Iterator[str]:
        """Files of a build: at the places that are named after it, then any that carries it."""
        yield from _once(self._of_build(build_id))

    def _of_build(self, build_id: str) -> Iterator[str]:
        short = f"{build_id[:2]}/{build_id[2:]}"
        for root in self.roots:
            for folder in (".build-id", f"{_DEBUG}/.build-id", "."):
                for ending in (".debug", ""):
                    if found := inside(root, f"{folder}/{short}{ending}"):
                        yield found
            for path in (f"{build_id}/debuginfo", f"{build_id}/executable", f"{build_id}.debug"):
                if found := inside(root, path):  # the cache of debuginfod, and what Breakpad users keep
                    yield found
        yield from self._by_build.get(build_id, ())

    def supplement(self, debug_file: str, name: str) -> Iterator[str]:
        """The file that dwz made for several debug files; its name is relative to the linking one."""
        for root in self.roots:
            if not name.startswith("/") and debug_file.startswith(os.path.join(root, "")):
                path = os.path.normpath(os.path.join(os.path.dirname(debug_file), name))
                if path.startswith(os.path.join(root, "")) and (found := inside(root, path[len(root) :])):
                    yield found
            elif found := inside(root, name):
                yield found

    @cached_property
    def recorded(self) -> dict[str, str]:
        """Build ids by module, from a file `build-ids` in one of the directories: an id and a path a line."""
        found: dict[str, str] = {}
        for root in self.roots:
            path = inside(root, _BUILD_IDS)
            if path is None:
                continue
            with open(path, encoding="utf-8", errors="backslashreplace") as stream:
                for line in stream.read(16 << 20).splitlines():
                    if match := _LINE.match(line):
                        found.setdefault(match[2], match[1])
        return found

    # -- walking -------------------------------------------------------------

    def _anywhere(self, name: str, module: str) -> list[str]:
        """All files of a name, those first whose directories are most like the module's."""
        return sorted(self._by_name.get(name, ()), key=lambda path: (-_alike(path, module), path))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        seen = 0
        for root in self.roots:
            for path in _walk(root):
                seen += 1
                if seen > MOST_ENTRIES:
                    self.remarks.append(
                        f"only the first {MOST_ENTRIES:,} files of the directories were looked through: name "
                        "the directory of the program itself"
                    )
                    return found
                found.setdefault(os.path.basename(path), []).append(path)
        return found

    @cached_property
    def _by_build(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        everything = [*self.files, *(path for paths in self._by_name.values() for path in paths)]
        if len(everything) > MOST_OPENED:
            self.remarks.append(f"only the first {MOST_OPENED:,} files were opened in search of build ids")
        for path in everything[:MOST_OPENED]:
            try:
                elf = Elf(path)
            except NotUsable:
                continue
            try:
                if elf.build_id:
                    found.setdefault(elf.build_id, []).append(path)
            except NotUsable:
                pass
            finally:
                elf.close()
        return found


def inside(root: str, path: str) -> str | None:
    """The file at this path under a directory; None where there is none, or where it is elsewhere."""
    parts = path.split("/")
    if ".." in parts or "\0" in path:
        return None
    try:
        found = os.path.realpath(os.path.join(root, *(part for part in parts if part)))
        if not found.startswith(os.path.join(root, "")):
            return None
        return found if os.path.isfile(found) else None
    except (OSError, ValueError):
        return None


def _walk(root: str) -> Iterator[str]:
    """Every file below a directory, on its own file system, in the order of names; links are not followed."""
    try:
        device = os.stat(root).st_dev
    except OSError:
        return
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if _same_device(os.path.join(folder, name), device))
        for name in sorted(files):
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                yield path


def _same_device(path: str, device: int) -> bool:
    try:
        return os.lstat(path).st_dev == device
    except OSError:
        return False


def _alike(path: str, module: str) -> int:
    """How many of the last parts of two paths are the same, but for the file name itself."""
    count = 0
    for one, other in zip(path.split("/")[-2::-1], module.split("/")[-2::-1], strict=False):
        if one != other:
            break
        count += 1
    return count


def _once(paths: Iterable[str]) -> Iterator[str]:
    seen = set()
    for path in paths:
        if path not in seen:
            seen.add(path)
            yield path
