"""Which inputs make one capture: files, directories, stdin, `-ff` families.

A family of `strace -ff` is one capture, however its files were named; every
other file is a capture of its own. A file that holds only strace's own messages
(its stderr) goes with the trace beside it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fdtrace.errors import BadArgument, DamagedInput, FdtraceError, MissingExtra, UnknownFormat
from fdtrace.readers.families import FamilyKey, Input, families, tid_of, tids_made, unpacked_name
from fdtrace.readers.sniff import Recognised, recognise
from fdtrace.readers.text import Source, open_source

KINDS: tuple[str, ...] = ("strace",)

# Members of a large family are told by a short head; a long one is for notes before a paste.
_HEADS = (1 << 13, 1 << 16, 1 << 20)
_NEVER = re.compile(r".*\.(?:md|rst|c|cc|cpp|h|py|rs|go|js|sh)$", re.IGNORECASE)
_SAYS_LITTLE = re.compile(r"\.(?:stderr|err|log|txt|out|messages|msg|strace|trace)$")


@dataclass(frozen=True)
class Capture:
    """One recording: the files it was written to, in the order of their thread numbers.

    `tids` has the thread number from each file's name (None where the name has
    none); `messages` are files with strace's own messages about this recording.
    """

    name: str
    kind: str
    sources: tuple[Source, ...]
    tids: tuple[int | None, ...]
    reasons: tuple[str, ...] = ()
    messages: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Gathered:
    """The captures among the inputs, and what was not taken.

    `skipped` are files with the reason why they were passed over; `unreadable`
    are the errors about inputs that the user named.
    """

    captures: tuple[Capture, ...]
    skipped: tuple[tuple[str, str], ...]
    unreadable: tuple[FdtraceError, ...]


class _Refusals:
    """Where refused inputs go: errors for named ones, reasons for those found in a directory."""

    def __init__(self) -> None:
        self.skipped: list[tuple[str, str]] = []
        self.unreadable: list[FdtraceError] = []

    def refuse(self, name: str, error: FdtraceError, *, named: bool) -> None:
        """File an error about one input."""
        # A missing package is the user's to install, also for a file of a directory.
        if named or isinstance(error, MissingExtra):
            self.unreadable.append(error)
        else:
            self.skip(name, str(error).removeprefix(f"{name}: "))

    def skip(self, name: str, reason: str) -> None:
        """Note a file that is passed over, and why."""
        self.skipped.append((name, reason))


def gather(paths: Sequence[str], kind: str | None = None) -> Gathered:
    """The captures in these files and directories; `-` is stdin.

    Never raises for an input that cannot be used: the error is in `unreadable`
    and the other inputs are gathered all the same. `kind` settles the guess for named files
    (`"strace"`); :class:`BadArgument` for any other word.
    """
    if kind is not None and kind not in KINDS:
        raise BadArgument.choice("the kind of a capture", kind, KINDS)
    names = [os.fspath(path) for path in paths]
    refusals = _Refusals()
    opened = (_opened(name, kind, named, refusals) for name, named in _files(names, refusals))
    inputs = _without_copies([item for item in opened if item is not None], refusals)
    messages = [item for item in inputs if item.kind == "strace-messages"]
    captures = _captures([item for item in inputs if item.kind != "strace-messages"], refusals)
    captures = _with_messages(captures, messages, refusals)
    _note_fruitless_directories(names, inputs, refusals)
    return Gathered(tuple(captures), tuple(refusals.skipped), tuple(refusals.unreadable))


def _files(paths: Sequence[str], refusals: _Refusals) -> Iterator[tuple[str, bool]]:
    """Every file once, with whether the user named it (which counts more than its directory)."""
    single = {path: path == "-" or not os.path.isdir(path) for path in paths}
    named = {_identity(path) for path in paths if single[path]}
    seen: set[str] = set()
    for path in paths:
        for name in [path] if single[path] else _listed(path, refusals):
            key = _identity(name)
            if key not in seen and (single[path] or key not in named):
                seen.add(key)
                yield name, single[path]


def _identity(name: str) -> str:
    return name if name == "-" else os.path.realpath(name)


def _listed(folder: str, refusals: _Refusals) -> list[str]:
    """The files of a directory that may be captures, by name order."""
    try:
        entries = sorted(os.listdir(folder))
    except OSError as error:
        message = f"the directory cannot be listed ({error.strerror})"
        refusals.unreadable.append(DamagedInput(message, path=folder))
        return []
    files = []
    for entry in entries:
        name = os.path.join(folder, entry)
        reason = _passed_over(name, entry)
        if reason:
            refusals.skip(name, reason)
        else:
            files.append(name)
    return files


def _passed_over(name: str, entry: str) -> str:
    """Why a directory's entry is not even opened; "" when it is."""
    if entry.startswith("."):
        return "hidden file"
    if os.path.isdir(name):
        return "directory: not searched"
    if not os.path.exists(name):
        return "broken link"
    if not os.path.isfile(name):
        return "not a regular file"
    if _NEVER.match(entry):
        return f"{os.path.splitext(entry)[1]} file: not a capture by its name"
    return ""


def _opened(name: str, kind: str | None, named: bool, refusals: _Refusals) -> Input | None:
    """One input, opened and recognised; None when it was refused."""
    shown = "stdin" if name == "-" else name
    try:
        source = open_source(name)
        look, head = _recognised(source, kind if named else None, named)
        if look is not None and not look.supported:
            message = f"is {look.kind} output ({look.reasons[0]}); this version reads strace captures only"
            raise UnknownFormat(message, path=shown)
    except FdtraceError as error:
        refusals.refuse(shown, _with_hint(name, error), named=named)
        return None
    if look is not None and not look.whole and not named:
        refusals.skip(shown, f"a text with some strace in it ({look.reasons[0]}): read only when named")
        return None
    return Input(source, named, look, hashlib.sha256(head).digest(), tids_made(head))


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


def _without_copies(inputs: list[Input], refusals: _Refusals) -> list[Input]:
    """Without the compressed twin of a file that is there as well (gzip -k)."""
    first: dict[FamilyKey, Input] = {}
    kept = []
    for item in inputs:
        twin = first.setdefault((item.folder, item.bare), item)
        if twin is not item and item.look is not None and twin.digest == item.digest:
            refusals.skip(item.name, f"begins with the same text as {twin.name}")
        else:
            kept.append(item)
    return kept


def _captures(traces: list[Input], refusals: _Refusals) -> list[Capture]:
    """Families and single files, in the order of the inputs."""
    found = families(traces)
    family_of = {member.name: key for key, members in found.items() for member in members}
    captures: list[Capture] = []
    for item in traces:
        key = family_of.get(item.name)
        if key is not None:
            if key in found:
                captures.append(_family_capture(found.pop(key)))
        elif item.look is None:
            refusals.refuse(item.name, DamagedInput("is empty", path=item.name), named=item.named)
        else:
            captures.append(Capture(item.name, "strace", (item.source,), (None,), item.look.reasons))
    return _uniquely_named(captures)


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


def _with_messages(captures: list[Capture], messages: list[Input], refusals: _Refusals) -> list[Capture]:
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
    beside = [c for c in captures if c.sources[0].path and _folder(c) == item.folder]
    among = beside or captures
    if len(among) == 1:
        return among[0]
    stem = _stem(item.bare)
    alike = [c for c in among if _stem(unpacked_name(os.path.basename(c.name))) == stem]
    return alike[0] if len(alike) == 1 else None


def _folder(capture: Capture) -> str:
    return os.path.dirname(os.path.abspath(capture.sources[0].path or ""))


def _stem(name: str) -> str:
    """A file name without the endings that only say what is in it."""
    name = name.removesuffix(".*")
    while (shorter := _SAYS_LITTLE.sub("", name)) != name:
        name = shorter
    return name


def _note_fruitless_directories(paths: Sequence[str], inputs: list[Input], refusals: _Refusals) -> None:
    """An error for each named directory out of which nothing was taken."""
    fruitful = {item.folder for item in inputs if item.look is not None}
    already = " ".join(str(error) for error in refusals.unreadable)
    for path in paths:
        if path == "-" or not os.path.isdir(path) or os.path.abspath(path) in fruitful:
            continue
        if path in already:
            continue
        left = [name for name, _ in refusals.skipped if os.path.dirname(name) == path.rstrip("/")]
        what = f"none of its {len(left)} entries is a strace capture" if left else "is an empty directory"
        refusals.unreadable.append(UnknownFormat(what, path=path))
