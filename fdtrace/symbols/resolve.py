"""From the frames of captures to functions, files and lines, with an account of what was found."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..errors import BadArgument
from ..readers.strace.stacks import Frame, frames
from .account import Account
from .debuginfod import Servers
from .demangle import demangled
from .fitting import same_name
from .lines import TOOLS, Tool, look_up
from .modules import Image, Modules
from .names import Names
from .spots import Chain, Spot

MOST_FRAMES = 500_000
"""Different frames that are looked up; programs have some thousands."""
MOST_MODULES = 2_000
"""Modules that are looked for; a desktop's largest programs load some hundreds."""
_RETURNS = frozenset(("__restore_rt", "__restore", "__kernel_rt_sigreturn", "__vdso_rt_sigreturn"))
"""Where a handler of signals returns to: the frame above was interrupted, it did not call."""


@dataclass(frozen=True, slots=True)
class Symbols:
    """Where symbols are looked for, and how.

    `places` are directories with programs or debug files, laid out as on the
    machine that was traced or not, or such files. `debuginfod` are servers that
    may be asked for debug files by build id; none is unless it is named. `tool`
    tells source lines: addr2line, llvm-symbolizer, or Python.
    """

    places: tuple[str, ...] = ()
    debuginfod: tuple[str, ...] = ()
    tool: Tool = "auto"

    @classmethod
    def of(cls, places: tuple[str, ...], servers: tuple[str, ...], tool: str) -> Symbols:
        """The same from what a user gave.

        Raises:
            BadArgument: a place does not exist, a server's address means nothing, or there is no such tool.
        """
        if tool not in TOOLS:
            raise BadArgument.choice("symbolizer", tool, TOOLS)
        for place in places:
            if not os.path.exists(place):
                raise BadArgument(f"symbols: {place} does not exist.")
        Servers(servers)
        return cls(places, servers, tool)

    def resolve(self, blocks: Iterable[bytes]) -> Resolved:
        """Look up every frame of these stacks."""
        modules = Modules(self.places, self.debuginfod)
        by_module: dict[str, dict[Frame, None]] = {}
        count = 0
        left_out: set[int] = set()
        for block in blocks:
            for frame in frames(block):
                if frame.address is None or not frame.module.startswith("/"):
                    continue
                if frame.module not in by_module and len(by_module) >= MOST_MODULES:
                    left_out.add(hash(frame.module))
                    continue
                known = by_module.setdefault(frame.module, {})
                if frame not in known and count < MOST_FRAMES:
                    known[frame] = None
                    count += 1
        images = {module: modules.find(module, tuple(own)) for module, own in by_module.items() if own}
        account = Account(modules.remarks)
        if left_out:
            account.remarks.append(
                f"{len(left_out):,} more modules were not looked for: {MOST_MODULES:,} at most"
            )
        if count >= MOST_FRAMES:
            account.remarks.append(f"only the first {MOST_FRAMES:,} different frames were looked up")
        chains = {}
        for module, image in images.items():
            chains[module] = _chains(image, by_module[module], self.tool, account)
        plain = demangled(_mangled(images, by_module, chains))
        resolved = Resolved(images, chains, plain, account)
        resolved.count(by_module)
        return resolved


@dataclass(slots=True)
class Resolved:
    """What is known of the frames of captures."""

    images: dict[str, Image]
    chains: dict[str, dict[int, Chain]]
    plain: dict[str, str]
    account: Account
    _known: dict[tuple[Frame, bool], tuple[Frame, ...]] = field(default_factory=dict)

    def frames(self, block: bytes) -> list[Frame]:
        """The frames of a stack, innermost first, with what symbols tell; inlined functions are frames."""
        found: list[Frame] = []
        interrupted = False
        for frame in frames(block):
            whole = self._of(frame, interrupted)
            interrupted = whole[-1].symbol in _RETURNS
            found += whole
        return found

    def _of(self, frame: Frame, interrupted: bool) -> tuple[Frame, ...]:
        key = frame, interrupted
        if key not in self._known:
            image = self.images.get(frame.module)
            usable = image is not None and image.usable and frame.address is not None
            self._known[key] = self._told(image, frame, interrupted) if image and usable else (frame,)
        return self._known[key]

    def _told(self, image: Image, frame: Frame, interrupted: bool) -> tuple[Frame, ...]:
        """A frame of a module whose file was found."""
        address = (frame.address or 0) + image.shift
        exact = interrupted or address in image.stops or _begins_return(image.names, address)
        outer = _named(image, frame, address, exact)
        outer = replace(outer, symbol=self.plain.get(outer.symbol, outer.symbol))
        chain = self.chains[frame.module].get(address if exact else address - 1)
        if not chain:
            return (outer,)
        last = chain[-1]
        if outer.guessed or not outer.symbol:
            name = self._plain(last) or ("" if outer.guessed else outer.symbol)
            if name:
                outer = replace(outer, symbol=name, offset=None, guessed=False)
        inlined = tuple(
            replace(
                outer,
                symbol=self._plain(spot),
                offset=None,
                source=spot.file,
                source_line=spot.line,
                inlined=True,
            )
            for spot in chain[:-1]
            if spot.function
        )
        return (*inlined, replace(outer, source=last.file, source_line=last.line) if last.line else outer)

    def _plain(self, spot: Spot) -> str:
        return self.plain.get(spot.function or "", spot.function or "")

    def count(self, by_module: dict[str, dict[Frame, None]]) -> None:
        """Enter every module into the account, with what became of its frames."""
        for module, own in by_module.items():
            if module not in self.images:
                continue
            told = [(frame, self._of(frame, False)) for frame in own]
            self.account.add(
                self.images[module],
                frames=len(own),
                renamed=sum(whole[-1].symbol != frame.symbol for frame, whole in told),
                with_lines=sum(whole[0].source_line is not None for _, whole in told),
                guessed=sum(bool(whole[-1].guessed) for _, whole in told),
            )


def _named(image: Image, frame: Frame, address: int, exact: bool) -> Frame:
    """The frame with the name of the function that has the address, strace's own where that is right."""
    at = image.names.around(address if exact else address - 1)
    if at is None:
        return replace(
            frame, guessed=True if frame.symbol and len(image.names) else None, build_id=image.build_id
        )
    same = any(same_name(frame.symbol, one.name) for one in image.names.beginning(at.address))
    name = frame.symbol.partition("@")[0] if same else at.name
    return replace(frame, symbol=name, offset=address - at.address, guessed=False, build_id=image.build_id)


def _begins_return(names: Names, address: int) -> bool:
    """Whether this is where a signal's handler returns to: nobody has called it."""
    return any(symbol.name in _RETURNS for symbol in names.beginning(address))


def _chains(image: Image, own: Iterable[Frame], tool: Tool, account: Account) -> dict[int, Chain]:
    """Source lines of all frames of a module."""
    if not image.usable or image.lines is None:
        return {}
    addresses: dict[int, None] = {}
    for frame in own:
        address = (frame.address or 0) + image.shift
        addresses[address - 1] = None
        addresses[address] = None  # should it have been interrupted
    found = look_up(image.lines, [at for at in addresses if at >= 0], tool, image.shared)
    if found.trouble:
        account.remarks.append(f"{image.module}: {found.trouble}")
    return found.chains


def _mangled(
    images: dict[str, Image], by_module: dict[str, dict[Frame, None]], chains: dict[str, dict[int, Chain]]
) -> Iterable[str]:
    """Every name that may have to be demangled."""
    for module, image in images.items():
        if not image.usable:
            continue
        for frame in by_module[module]:
            address = (frame.address or 0) + image.shift
            for at in (address, address - 1):
                if (symbol := image.names.around(at)) is not None:
                    yield symbol.name
        for chain in chains[module].values():
            yield from (spot.function for spot in chain if spot.function)
