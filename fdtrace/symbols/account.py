"""What became of each module when symbols were looked for, in numbers and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from .modules import Image

Status = Literal["found", "unverified", "refused", "missing"]
MOST_NAMED = 20
"""Modules whose trouble is told one by one."""


@dataclass(frozen=True, slots=True)
class ModuleAccount:
    """One module of a capture.

    `unverified`: a file was found that nothing speaks against, and nothing for it.
    `refused`: files were found that cannot be what was running. Counted are different
    frames: all, those that got another name, those with a line, those whose name is
    still a guess of the unwinder's. `bare`: nothing in the file or beside it tells lines.
    """

    module: str
    status: Status
    file: str | None
    debug_file: str | None
    build_id: str | None
    frames: int
    renamed: int
    with_lines: int
    guessed: int
    bare: bool
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Account:
    """All modules, and what limited the search."""

    remarks: list[str]
    modules: list[ModuleAccount] = field(default_factory=list)

    def add(self, image: Image, *, frames: int, renamed: int, with_lines: int, guessed: int) -> None:
        """Enter a module."""
        if image.usable:
            status: Status = "found" if image.proven else "unverified"
        else:
            status = "refused" if image.reasons else "missing"
        files = image.file, image.debug_file, image.build_id
        counts = frames, renamed, with_lines, guessed
        self.modules.append(ModuleAccount(image.module, status, *files, *counts, image.bare, image.reasons))

    def sentences(self) -> Iterator[str]:
        """The account in words: the sum first, then each module that something is to be said of."""
        if not self.modules:
            yield "symbols: the captures have no stacks with modules (record with -k)"
            return
        used = [one for one in self.modules if one.status in ("found", "unverified")]
        frames, lines = sum(m.frames for m in self.modules), sum(m.with_lines for m in self.modules)
        yield (
            f"symbols: {len(used):,} of {_modules(len(self.modules))} found; of {frames:,} different frames "
            f"{lines:,} have a source line, {sum(m.renamed for m in self.modules):,} got another name"
        )
        if bare := [one.module for one in self.modules if one.bare and one.frames > one.with_lines]:
            names = ", ".join(module.rpartition("/")[2] for module in bare[:MOST_NAMED])
            more = f" and {len(bare) - MOST_NAMED:,} more" if len(bare) > MOST_NAMED else ""
            yield f"no debug file of {names}{more}: no source lines, only names that are not stripped"
        troubled = [one for one in self.modules if one.status != "found" or one.reasons]
        for one in troubled[:MOST_NAMED]:
            yield f"{one.module}: {_trouble(one)}"
        if len(troubled) > MOST_NAMED:
            yield f"and {len(troubled) - MOST_NAMED:,} more modules"
        yield from self.remarks


def _modules(count: int) -> str:
    return "1 module" if count == 1 else f"{count:,} modules"


def _trouble(one: ModuleAccount) -> str:
    why = "; ".join(one.reasons)
    if one.status == "missing":
        return "not among the symbols"
    if one.status == "refused":
        return f"refused: {why}"
    if one.status == "unverified":
        return f"unverified: nothing in the capture tells whether {one.file} is what ran" + (
            f"; {why}" if why else ""
        )
    return why
