"""Which inputs make one capture: files, directories, archives, stdin, `-ff` families, parts of a paste.

A family of `strace -ff` is one capture, however its files were named; every
other file is a capture of its own, and so is every part of a paste. A file that
holds only strace's own messages (its stderr) goes with the trace beside it.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fdtrace.errors import BadArgument, DamagedInput, FdtraceError, UnknownFormat
from fdtrace.readers import KINDS
from fdtrace.readers.families import FamilyKey, Input, families, unpacked_name
from fdtrace.readers.inputs import inputs
from fdtrace.readers.listing import DEEPEST
from fdtrace.readers.parts import joined
from fdtrace.readers.refusals import Refusals
from fdtrace.readers.text import Source

if TYPE_CHECKING:
    from fdtrace.readers.manifest import Recording

_SAYS_LITTLE = re.compile(r"\.(?:stderr|err|log|txt|out|messages|msg|strace|trace)$")
_OF_A_SNAPSHOT = re.compile(
    r"(?:^|[^a-z])(?:lsof|netstat|ss|sockets?|fds?|procfd|procnet|open.?files?)(?![a-z])"
)


@dataclass(frozen=True)
class Capture:
    """One recording: the files it was written to, in the order of their thread numbers.

    `tids` has the thread number from each file's name (None where the name has
    none); `messages` are files with strace's own messages about this recording.
    Of a part of a paste, `spans` are its lines, from and to, and `prose` counts
    the lines of the paste that are in no part; line numbers are those of the paste.
    """

    name: str
    kind: str
    sources: tuple[Source, ...]
    tids: tuple[int | None, ...]
    reasons: tuple[str, ...] = ()
    messages: tuple[Source, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    prose: int = 0
    recording: Recording | None = None
    """What the manifest beside it says, where `fdtrace record` has made it."""


@dataclass(frozen=True)
class Gathered:
    """The captures among the inputs, and what was not taken.

    `skipped` are files with the reason why they were passed over; `unreadable`
    are the errors about inputs that the user named.
    """

    captures: tuple[Capture, ...]
    skipped: tuple[tuple[str, str], ...]
    unreadable: tuple[FdtraceError, ...]


def gather(
    paths: Sequence[str],
    kind: str | None = None,
    copied: Callable[[int], None] | None = None,
    deepest: int = DEEPEST,
) -> Gathered:
    """The captures in these files, directories and archives; `-` is stdin.

    Never raises for an input that cannot be used: the error is in `unreadable`
    and the other inputs are gathered all the same. `kind` settles the guess for
    named files (`"strace"`); :class:`BadArgument` for any other word. `copied` is
    told of the bytes of a pipe as they are copied. Of a named directory, directories
    are searched that are up to `deepest` levels below it.
    """
    if kind is not None and kind not in KINDS:
        raise BadArgument.choice("the kind of a capture", kind, KINDS)
    names = [os.fspath(path) for path in paths]
    refusals = Refusals()
    found = list(inputs(names, kind, refusals, copied, deepest))
    kept = _without_copies([item for _, item in found], refusals)
    messages = [item for item in kept if item.kind == "strace-messages"]
    manifests = [item for item in kept if item.kind == "manifest"]
    kept = [item for item in kept if item.kind not in ("strace-messages", "manifest")]
    captures = _captures(joined(kept, refusals), kind, refusals)
    captures = _with_messages(captures, messages, refusals)
    captures = _with_recordings(captures, manifests, refusals)
    _note_fruitless(names, {root for root, item in found if item.look is not None}, refusals)
    return Gathered(tuple(captures), tuple(refusals.skipped), tuple(refusals.unreadable))


def _without_copies(items: list[Input], refusals: Refusals) -> list[Input]:
    """Without the compressed twin of a file that is there as well (gzip -k)."""
    first: dict[FamilyKey, Input] = {}
    kept = []
    for item in items:
        twin = first.setdefault((item.folder, item.bare), item)
        if twin is not item and item.look is not None and twin.digest == item.digest:
            refusals.skip(item.name, f"begins with the same text as {twin.name}")
        else:
            kept.append(item)
    return kept


def _captures(items: list[Input], kind: str | None, refusals: Refusals) -> list[Capture]:
    """Families, single files and parts, in the order of the inputs."""
    found = families(items)
    family_of = {member.name: key for key, members in found.items() for member in members}
    captures: list[Capture] = []
    empty: list[Input] = []
    for item in items:
        key = None if item.spans else family_of.get(item.name)
        if key is not None:
            if key in found:
                captures.append(_family_capture(found.pop(key)))
        elif item.look is None:
            empty.append(item)
        else:
            captures.append(_single_capture(item, item.look.reasons, _has_siblings(item, items)))
    for item in empty:
        _refuse_empty(item, kind, bool(captures), refusals)
    return _uniquely_named(captures)


def _single_capture(item: Input, reasons: tuple[str, ...], siblings: bool) -> Capture:
    """One capture out of one file, or out of one part of a paste."""
    name = f"{item.name} ({item.kind})" if siblings else item.name
    return Capture(name, item.kind, (item.source,), (None,), reasons, spans=item.spans, prose=item.prose)


def _has_siblings(item: Input, items: list[Input]) -> bool:
    """Whether a part of a paste has others beside it."""
    return bool(item.spans) and any(
        other is not item and other.spans and (other.folder, other.name) == (item.folder, item.name)
        for other in items
    )


def _refuse_empty(item: Input, kind: str | None, others: bool, refusals: Refusals) -> None:
    """An empty file is an error when it was named, unless it is the answer of a tool that found nothing."""
    answer = kind not in (None, "strace") or _OF_A_SNAPSHOT.search(item.bare.lower())
    if others and answer:
        refusals.skip(item.name, "is empty: the tool listed nothing, or its output was not written")
    else:
        refusals.refuse(item.name, DamagedInput("is empty", path=item.name), named=item.named)


def _family_capture(members: list[Input]) -> Capture:
    """One capture out of all files of a family."""
    first = members[0]
    sources = tuple(item.source for item in members)
    tids = tuple(item.tid for item in members)
    reasons = next(item.look.reasons for item in members if item.look is not None)
    if len(members) == 1:
        return Capture(first.name, "strace", sources, tids, reasons)
    name = os.path.join(os.path.dirname(first.name), f"{first.stem}.*")
    return Capture(name, "strace", sources, tids, (f"{len(members)} files of strace -ff", *reasons))


def _uniquely_named(captures: list[Capture]) -> list[Capture]:
    """Captures whose names do not collide (a file may really be called `stdin`)."""
    used: set[str] = set()
    unique = []
    for capture in captures:
        name, count = capture.name, 1
        while name in used:
            count += 1
            name = f"{capture.name} ({count})"
        used.add(name)
        unique.append(replace(capture, name=name))
    return unique


def _with_messages(captures: list[Capture], messages: list[Input], refusals: Refusals) -> list[Capture]:
    """The captures with the files of strace's own messages that belong to them."""
    added: dict[str, list[Source]] = defaultdict(list)
    for item in messages:
        owner = _owner(item, captures)
        if owner is not None:
            added[owner.name].append(item.source)
        elif captures:
            refusals.skip(item.name, "messages of strace that may be about any of several captures")
        else:
            message = "holds messages of strace but no system call; name the capture that they are about"
            refusals.refuse(item.name, UnknownFormat(message, path=item.name), named=item.named)
    return [replace(capture, messages=tuple(added.get(capture.name, ()))) for capture in captures]


def _owner(item: Input, captures: list[Capture]) -> Capture | None:
    """The one capture that these messages can be about: beside it, or of the same name."""
    traces = [c for c in captures if c.kind == "strace"]
    beside = [c for c in traces if c.sources[0].path and c.sources[0].folder == item.folder]
    among = beside or traces
    if len(among) == 1:
        return among[0]
    stem = _stem(item.bare)
    alike = [c for c in among if _stem(unpacked_name(os.path.basename(c.name))) == stem]
    return alike[0] if len(alike) == 1 else None


def _with_recordings(captures: list[Capture], manifests: list[Input], refusals: Refusals) -> list[Capture]:
    """The captures of a directory with what the manifest in it says about them."""
    if not manifests:
        return captures
    from fdtrace.readers.manifest import read as read_manifest

    by_folder = {item.folder: item for item in manifests}
    folders = {capture.sources[0].folder for capture in captures}
    for item in manifests:
        if item.folder not in folders:
            refusals.skip(item.name, "the manifest of a recording, without the recording")
    read = {folder: read_manifest(item.source) for folder, item in by_folder.items() if folder in folders}
    return [replace(capture, recording=read.get(capture.sources[0].folder)) for capture in captures]


def _stem(name: str) -> str:
    """A file name without the endings that only say what is in it."""
    name = name.removesuffix(".*")
    while (shorter := _SAYS_LITTLE.sub("", name)) != name:
        name = shorter
    return name


def _note_fruitless(names: Sequence[str], fruitful: set[str], refusals: Refusals) -> None:
    """An error for each named directory or archive out of which nothing was taken."""
    already = " ".join(str(error) for error in refusals.unreadable)
    for name in dict.fromkeys((*names, *refusals.archives)):
        archive = name in refusals.archives
        if name in fruitful or not (archive or (name != "-" and os.path.isdir(name))):
            continue
        if name in already:
            continue
        count = refusals.count(name)
        what = f"none of its {count} {'members' if archive else 'entries'} is a capture"
        if not count:
            what = f"is an empty {'archive' if archive else 'directory'}"
        refusals.unreadable.append(UnknownFormat(what, path=name))
