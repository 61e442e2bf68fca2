"""Reading captures: what was written, line by line, and nothing about what it means.

`text` turns a path or stdin into blocks of bytes and is the only module that
opens files (`decode` unpacks them, `archive` finds the members of archives);
`sniff` says what kind of capture the first bytes are (`foreign` holds the marks
of everything else); `inputs` opens and recognises all that was named (`listing`
looks through directories, `paste` cuts a text into its captures) and `bundle`
sorts it into captures (`families` knows the files of `strace -ff`). Each
format has a module of its own. Nothing here raises on content: what cannot be
used becomes a problem row.
"""

from __future__ import annotations

import importlib
from types import ModuleType

_MODULES = {"lsof": "lsof", "netstat": "netstat", "ss": "ss", "procfs": "procfs", "lws": "lws"}

SNAPSHOT_KINDS: tuple[str, ...] = tuple(_MODULES)
"""Kinds of capture that are read line by line into rows; each is the name of its module here."""

KINDS: tuple[str, ...] = ("strace", *SNAPSHOT_KINDS)
"""Every kind of capture."""


def reader_of(kind: str) -> ModuleType:
    """The module that reads a kind other than strace: its class `Reader`, its `MARKS` of a line."""
    return importlib.import_module(f"{__name__}.{_MODULES[kind]}")
