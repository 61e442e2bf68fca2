"""Every input, opened and recognised: files, members of archives, parts of a paste."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fdtrace.errors import DamagedInput, FdtraceError
from fdtrace.readers.families import Input, tid_of, tids_made, unpacked_name
from fdtrace.readers.listing import DEEPEST, listed, unwanted
from fdtrace.readers.refusals import Refusals
from fdtrace.readers.signs import LARGEST, may_hold_others, quoted
from fdtrace.readers.sniff import Recognised, recognise, resembles_another, shows_something
from fdtrace.readers.text import Source, open_source

if TYPE_CHECKING:
    from fdtrace.readers.archive import Member
    from fdtrace.readers.paste import Cut, Part

# Members of a large family are told by a short head; a long one is for notes before a paste.
_HEADS = (1 << 13, 1 << 16, 1 << 20)


def inputs(
    paths: Sequence[str],
    kind: str | None,
    refusals: Refusals,
    copied: Callable[[int], None] | None = None,
    deepest: int = DEEPEST,
) -> Iterator[tuple[str, Input]]:
    """All inputs, each with the directory or archive it was found in ("" for a file that was named).

    `copied` is told of the bytes of what has to be copied first, because it can be read only once.
    """
    for name, root in _files(paths, refusals, deepest):
        named = not root
        refusals.root = root
        try:
            source = open_source(name, copied)
            form = source.archive
        except FdtraceError as error:
            refusals.refuse(_shown(name), _with_hint(name, error), named=named)
            continue
        if form:
            if named:
                refusals.archives.append(source.name)
            refusals.root = root or source.name
            for item in _members(source, form, named, refusals):
                yield refusals.root, item
        else:
            for item in _recognised_inputs(source, kind if named else None, named, refusals):
                yield root, item
    refusals.root = ""


def _shown(name: str) -> str:
    return "stdin" if name == "-" else name


def _files(paths: Sequence[str], refusals: Refusals, deepest: int) -> Iterator[tuple[str, str]]:
    """Every file once, with the directory it was found in; one that the user named counts as named."""
    single = {path: path == "-" or not os.path.isdir(path) for path in paths}
    named = {_identity(path) for path in paths if single[path]}
    seen: set[str] = set()
    for path in paths:
        root = "" if single[path] else path
        refusals.root = root
        for name in [path] if single[path] else listed(path, refusals, deepest):
            key = _identity(name)
            if key not in seen and (single[path] or key not in named):
                seen.add(key)
                yield name, root


def _identity(name: str) -> str:
    return name if name == "-" else os.path.realpath(name)


def _with_hint(name: str, error: FdtraceError) -> FdtraceError:
    """For the missing NAME of `-ff -o NAME`: where its files are."""
    if not isinstance(error, DamagedInput) or name == "-" or os.path.lexists(name):
        return error
    folder, base = os.path.split(name)
    try:
        entries = os.listdir(folder or ".")
    except OSError:
        return error
    stems = [unpacked_name(e).rpartition(".")[0] for e in entries if tid_of(unpacked_name(e))]
    count = stems.count(base)
    if not base or not count:
        return error
    return DamagedInput(
        f"no such file, but {count} of strace -ff with this name: name {name}.*, or the directory", path=name
    )


# -- archives ------------------------------------------------------------------


def _members(source: Source, form: str, named: bool, refusals: Refusals) -> Iterator[Input]:
    """The captures in an archive, by the names of its members."""
    from fdtrace.readers.archive import members

    found: list[Input] = []
    try:
        for member in members(source, form, unwanted, refusals.skip):
            found += _of_member(member, refusals)
    except FdtraceError as error:
        refusals.refuse(source.name, error, named=named)
    yield from sorted(found, key=lambda item: item.source.within)


def _of_member(member: Member, refusals: Refusals) -> Iterator[Input]:
    """A member, judged by its head before the rest of it is copied."""
    head = member.head
    if not head.size:
        if tid_of(unpacked_name(os.path.basename(head.within))) is None:
            refusals.skip(head.name, "is empty")
        else:
            yield Input(member.keep(), False, None)
        return
    try:
        if head.archive:
            refusals.skip(head.name, "an archive in an archive: unpack it and name what is in it")
            return
        if not _is_manifest(head):
            _recognised(head, None, False)
    except FdtraceError as error:
        refusals.refuse(head.name, error, named=False)
        return
    yield from _recognised_inputs(member.keep(), None, False, refusals)


# -- what an input is ----------------------------------------------------------


def _recognised_inputs(source: Source, kind: str | None, named: bool, refusals: Refusals) -> Iterator[Input]:
    """The input as one capture, or its parts; nothing when it was refused."""
    if kind is None and _is_manifest(source):
        yield Input(source, named, Recognised("manifest", ("the manifest of a recording",)))
        return
    failure: FdtraceError | None = None
    look: Recognised | None = None
    head, mended = b"", ""
    try:
        source, mended = _unwrapped(source, named)
        look, head = _recognised(source, kind, named)
    except FdtraceError as error:
        failure = error
    found, damage = (None, "") if kind else _cut(source, look, failure, named)
    if found is not None and _is_paste(found, look, source):
        if named:
            yield from (_part(source, part, found, damage, mended) for part in found.parts)
        else:
            names = ", ".join(dict.fromkeys(part.kind for part in found.parts))
            refusals.skip(source.name, f"a text with several captures in it ({names}): read only when named")
    elif failure is not None:
        refusals.refuse(source.name, failure, named=named)
    elif look is not None and not look.whole and not named:
        reason = f"a text with some {look.kind} in it ({look.reasons[0]}): read only when named"
        refusals.skip(source.name, reason)
    else:
        if mended and look is not None:
            look = replace(look, reasons=(*look.reasons, mended))
        yield Input(source, named, look, hashlib.sha256(head).digest(), tids_made(head))


def _is_manifest(source: Source) -> bool:
    """Whether this is the manifest of a recording."""
    if not source.name.endswith(".json"):
        return False
    from fdtrace.readers.manifest import is_manifest

    return is_manifest(source)


def _unwrapped(source: Source, named: bool) -> tuple[Source, str]:
    """A named text of a paste's size with its wrapped lines put together, and in words what was done."""
    if not named or (source.size is not None and source.size > LARGEST):
        return source, ""
    from fdtrace.readers.unwrap import may_be_wrapped, unwrapped

    head = source.head(_HEADS[1])
    if not may_be_wrapped(head) or (len(head) == _HEADS[1] and unwrapped(head[: head.rfind(b"\n")]) is None):
        return source, ""  # what is wrapped is so from its beginning on; most captures are not, and large
    text, damage = _text(source)
    made = unwrapped(text) if text is not None else None
    if made is None:
        return source, ""
    return source.excerpt(made.text, damage), str(made)


def _recognised(source: Source, kind: str | None, named: bool) -> tuple[Recognised | None, bytes]:
    """What the source is, from as short a head as will do; None when it is empty."""
    look: Recognised | None = None
    failure: FdtraceError | None = None
    head = b""
    for size in _HEADS if named else _HEADS[:2]:
        longer = _text_head(source, size)
        if len(longer) == len(head):
            break
        head = longer
        try:
            look, failure = recognise(head, source.name, kind), None
        except FdtraceError as error:
            look, failure = None, error
        if look is not None and look.whole:
            break
        # Directories hold many files: most show in little text that they are nothing of interest.
        if look is None and not (
            named or shows_something(head) or may_hold_others(source.head(_HEADS[1]), "")
        ):
            break
    if failure is not None:
        raise failure
    return look, head


def _text_head(source: Source, size: int) -> bytes:
    """The first bytes; behind the hole where the input begins with NUL bytes alone.

    Such a hole is what emptying a log leaves while strace goes on writing to it.
    """
    head = source.head(size)
    if not head or head.strip(b"\0"):
        return head
    try:
        for block in source.blocks():
            text = block.lstrip(b"\0")
            if text:
                return text[:size]
    except DamagedInput:
        pass
    return head


# -- pastes --------------------------------------------------------------------


def _cut(
    source: Source, look: Recognised | None, failure: FdtraceError | None, named: bool
) -> tuple[Cut | None, str]:
    """The parts of a text that may be a paste, and the damage at its end; None for one that is not."""
    if (look is None and (failure is None or not named)) or isinstance(failure, DamagedInput):
        return None, ""
    if source.size is not None and source.size > LARGEST:
        return None, ""
    text, damage = _text(source)
    if text is None or (failure is not None and resembles_another(text)):
        return None, ""
    if look is not None and look.whole and not may_hold_others(text, look.kind):
        return None, ""
    if look is not None and not look.whole and not named:
        return None, ""
    from fdtrace.readers.paste import cut

    return cut(text), damage


def _text(source: Source) -> tuple[bytes | None, str]:
    """All of a text and the damage at its end; None for one that is too large to be a paste."""
    parts: list[bytes] = []
    length = 0
    try:
        for block in source.blocks():
            parts.append(block)
            length += len(block)
            if length > LARGEST:
                return None, ""
    except DamagedInput as error:
        return b"".join(parts), str(error).removeprefix(f"{source.name}: ")
    return b"".join(parts), ""


def _is_paste(found: Cut, look: Recognised | None, source: Source) -> bool:
    """Whether the parts are what is read, instead of the text as a whole."""
    if not found.parts or look is None:
        return bool(found.parts)
    if len({part.kind for part in found.parts}) > 1:
        return True
    if look.kind.startswith("strace"):
        return False
    return not look.whole or quoted(source.head(4096))


def _part(source: Source, part: Part, found: Cut, damage: str, mended: str = "") -> Input:
    """One part of a paste as an input; the damage of the paste is behind its last part."""
    lines = ", ".join(f"{a}–{b}" if a < b else f"{a}" for a, b in part.spans)
    look = Recognised(
        part.kind,
        (
            f"lines {lines} of {found.lines} have the form of {part.kind} output",
            f"{found.prose} lines are in no part",
            *([mended] if mended else ()),
        ),
    )
    excerpt = source.excerpt(part.text, damage if part is found.parts[-1] else "")
    digest = hashlib.sha256(part.text).digest()
    return Input(excerpt, True, look, digest, spans=part.spans, prose=found.prose)
