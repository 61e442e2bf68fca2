"""The file behind each module of a capture, and the debug file behind that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from ..readers.strace.stacks import Frame
from . import debuginfod
from .elf import Elf, NotUsable
from .fitting import fit, stops
from .folders import Folders
from .names import Names

_DELETED = " (deleted)"
_REASONS = 3
MOST_CANDIDATES = 32
"""Files of a name that are tried for one module."""


@dataclass(frozen=True, slots=True)
class Image:
    """What is known of one module: its file, its debug file, its functions, and how surely.

    `reasons` tell what was refused. `lines` is the file to ask for source lines; dwz
    may have moved a part of that into a file for several (`shared`). `stops` are
    addresses at which the program was interrupted.
    """

    module: str
    file: str | None = None
    debug_file: str | None = None
    lines: str | None = None
    shared: bool = False
    build_id: str | None = None
    shift: int = 0
    names: Names = field(default_factory=Names)
    stops: frozenset[int] = frozenset()
    proven: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether there is a file that nothing speaks against."""
        return self.file is not None

    @property
    def bare(self) -> bool:
        """Whether there is a file, but neither in it nor beside it are source lines."""
        return self.file is not None and self.lines is None


class Modules:
    """Finds the files of modules in directories, and at servers where that was asked for."""

    def __init__(self, places: Sequence[str], servers: Sequence[str] = ()) -> None:
        self.folders = Folders(places)
        self.servers = debuginfod.Servers(servers)
        self._names: dict[str, Names] = {}

    def names(self, elf: Elf) -> Names:
        """The functions of a file, kept for other modules that it may be."""
        if elf.path not in self._names:
            if len(self._names) >= MOST_CANDIDATES:
                self._names.clear()
            self._names[elf.path] = Names(elf.functions())
        return self._names[elf.path]

    @property
    def remarks(self) -> list[str]:
        """What limited the search."""
        return [*self.folders.remarks, *self.servers.remarks]

    def find(self, module: str, frames: Sequence[Frame]) -> Image:
        """The file of a module that fits these frames best."""
        search = _Search(self, module.removesuffix(_DELETED), frames)
        found = search.image()
        return replace(found, module=module, reasons=tuple(search.reasons[:_REASONS]))


class _Search:
    """The search for one module."""

    def __init__(self, at: Modules, module: str, frames: Sequence[Frame]) -> None:
        self.folders, self.servers, self.names = at.folders, at.servers, at.names
        self.module = module
        self.frames = frames
        self.expected = self.folders.recorded.get(module)
        """The build id, where somebody wrote it down when the capture was made."""
        self.reasons: list[str] = []

    def image(self) -> Image:
        """The first file that proves to be the module, else the first that nothing speaks against."""
        unproven: Image | None = None
        for path in islice(self._candidates(), MOST_CANDIDATES):
            with _Opened(path, self.reasons) as elf:
                if elf is None:
                    continue
                image = self._tried(elf)
                if image is not None and image.proven:
                    return image
                unproven = unproven or image
        return unproven or Image(self.module, build_id=self.expected)

    def _candidates(self) -> Iterator[str]:
        yield from self.folders.programs(self.module)
        if self.expected is not None:
            yield from self.folders.of_build(self.expected)
        yield from self.folders.debug_files(self.module)
        if self.expected is not None:
            yield from self.servers.files(self.expected, "executable", "debuginfo")

    def _tried(self, elf: Elf) -> Image | None:
        """A file as the module; None, and the reason, where it is not."""
        same = self.expected is not None and elf.build_id == self.expected
        if self.expected is not None and elf.build_id is not None and not same:
            self._refuse(elf, f"build-id differs: {elf.build_id}, recorded was {self.expected}")
            return None
        names = self.names(elf)
        fitted = fit(elf, names, self.frames, same)
        if fitted.refused:
            self._refuse(elf, fitted.refused)
            return None
        image = Image(self.module, elf.path, build_id=elf.build_id, shift=fitted.shift, names=names)
        image = replace(image, proven=fitted.proven, stops=stops(elf, self.frames, fitted.shift))
        image = self._with_lines(image, elf)
        if image.lines is not None and elf.has_all_names:
            return image
        for path, crc in islice(self._debug_candidates(elf), MOST_CANDIDATES):
            with _Opened(path, self.reasons) as debug:
                if debug is not None and path != elf.path:
                    whole = self._with_debug(image, elf, debug, crc)
                    if whole is not None:
                        return whole
        return image

    def _with_debug(self, image: Image, elf: Elf, debug: Elf, crc: bytes | None) -> Image | None:
        """The same with its debug file; None where that is of something else, or tells nothing."""
        if (mismatch := _mismatch(elf, debug, crc)) is not None:
            self._refuse(debug, mismatch)
            return None
        if not debug.has_lines and not debug.has_all_names:
            return None
        names = self.names(debug)
        if debug.has_all_names:
            fitted = fit(debug, names, self.frames)
            if fitted.refused and fitted.shift == image.shift:
                self._refuse(debug, fitted.refused)
                return None
            image = replace(
                image, names=names, proven=image.proven or (fitted.proven and fitted.shift == image.shift)
            )
        image = replace(image, debug_file=debug.path)
        return image if image.lines else self._with_lines(image, debug)

    def _with_lines(self, image: Image, elf: Elf) -> Image:
        """The same with source lines, if a file tells them: what dwz took out of it must be there as well."""
        if not elf.has_lines:
            return image
        link = elf.supplement
        if link is None:
            return replace(image, lines=elf.path)
        for path in self.folders.supplement(elf.path, link.name):
            with _Opened(path, self.reasons) as other:
                if other is not None and other.build_id == link.proof.hex():
                    return replace(image, lines=elf.path, shared=True)
        self._refuse(elf, f"no source lines without {link.name} (dwz), which is not in the directories")
        return image

    def _debug_candidates(self, elf: Elf) -> Iterator[tuple[str, bytes | None]]:
        """Files that may be the debug file of a program, with the CRC they should have."""
        if elf.build_id is not None:
            for path in self.folders.of_build(elf.build_id):
                yield path, None
        link = elf.debug_link
        if link is not None:
            for path in self.folders.linked(elf.path, self.module, link.name):
                yield path, link.proof
        if elf.build_id is not None:
            for path in self.folders.debug_files(self.module):
                yield path, None
            for path in self.servers.files(elf.build_id, "debuginfo"):
                yield path, None

    def _refuse(self, elf: Elf, reason: str) -> None:
        if (refusal := f"{elf.path}: {reason}") not in self.reasons:
            self.reasons.append(refusal)


class _Opened:
    """A file while it is looked at; None, and the reason, where it is no program file or is damaged."""

    def __init__(self, path: str, reasons: list[str]) -> None:
        self._path = path
        self._reasons = reasons
        self._elf: Elf | None = None

    def __enter__(self) -> Elf | None:
        try:
            self._elf = Elf(self._path)
        except NotUsable as refusal:
            self._reasons.append(f"{self._path}: {refusal}")
        return self._elf

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if self._elf is not None:
            self._elf.close()
        if isinstance(error, NotUsable):
            self._reasons.append(f"{self._path}: {error}")
            return True
        return False


def _mismatch(elf: Elf, debug: Elf, crc: bytes | None) -> str | None:
    """Why a debug file does not belong to a program; None if it does."""
    if elf.machine != debug.machine or elf.wide != debug.wide:
        return "of another machine"
    if elf.build_id is not None and debug.build_id is not None:
        return None if elf.build_id == debug.build_id else f"build-id differs from that of {elf.path}"
    if crc is None:
        return f"nothing tells that it belongs to {elf.path}"
    return None if debug.checksum() == crc else f"its CRC is not the one that {elf.path} names"
