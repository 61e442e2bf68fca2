"""Names as they survive a new build: without versions, hashes and addresses.

Between two builds lines and offsets move, functions are cloned and inlined
anew (`.isra.0`, `.part.1`), Rust numbers its symbols afresh, and libraries and
interpreters carry their version in their file's name.
"""

from __future__ import annotations

import re

from ..model import Finding, Place

_CLONED = re.compile(
    r"(?:\.(?:isra|constprop|part|cold|llvm|lto_priv|localalias)\b(?:\.?\d+)*|@plt|@@?\w+)+$"
)
_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$")
_UNNAMED = re.compile(r"^(?P<module>.+)\+0x[0-9a-f]+$")
_LIBRARY = re.compile(r"(?:-\d[\d.]*)?\.so[\d.]*$")
_VERSION = re.compile(r"(?<=[A-Za-z])[-.]?\d+(?:\.\d+)*$")
SEPARATOR = " < "


def symbol(name: str | None) -> str:
    """A frame without what compilers append; one without a name is its module alone."""
    name = _CLONED.sub("", _RUST_HASH.sub("", name or ""))
    unnamed = _UNNAMED.match(name)
    return f"{module(unnamed['module'])}+?" if unnamed else name


def module(name: str | None) -> str:
    """The file of a program or library without its version: `libssl.so.3` and `libssl.so.1.1` are one."""
    name = (name or "").rpartition("/")[2]
    return _LIBRARY.sub(".so", name) if ".so" in name else _VERSION.sub("", name)


def kind(name: str | None) -> str:
    """A kind of descriptor; sockets of both versions of IP are one."""
    return (name or "").removesuffix("6")


def command(name: str | None) -> str:
    """A program's name without the version that interpreters have in it."""
    return _VERSION.sub("", name or "")


def place_of(finding: Finding) -> str:
    """What the key of a finding says behind check, program and kind: `module!site < end < caller`."""
    parts = [finding.check, finding.command or "?"]
    if finding.kind and finding.key.startswith(":".join([*parts, finding.kind, ""])):
        parts.append(finding.kind)
    start = ":".join([*parts, ""])
    return finding.key[len(start) :] if finding.key.startswith(start) else finding.key


def module_of(finding: Finding) -> str:
    """The module of a finding's call site; "" where its key has none."""
    head, mark, _ = place_of(finding).partition("!")
    return module(head) if mark and finding.call_site else ""


def details_of(finding: Finding) -> tuple[str, ...]:
    """Which end of a pipe, and through which caller, where a finding is about only these."""
    if not finding.call_site:
        return ()
    return tuple(symbol(part) for part in place_of(finding).split(SEPARATOR)[1:])


def named(frame: str | None) -> bool:
    """Whether a frame can be told from others by its name."""
    return bool(frame) and not _UNNAMED.match(frame or "")


def chain(one: Finding | Place) -> tuple[str, ...]:
    """The frames above the call site that tell something, innermost first: `main` is above everything."""
    return tuple(symbol(frame) for frame in one.callers if named(frame) and frame != "main")


def loosely(target: str | None) -> str:
    """A target without what differs between two set-ups: ports of sockets, directories of files."""
    target = target or ""
    if target.startswith(("to ", "accepted at ", "listening at ")):
        return target.rpartition(":")[0] if not target.endswith(" peers") else target
    return target.rpartition("/")[2]
