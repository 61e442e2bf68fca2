"""Everything that fdtrace raises on purpose.

    FdtraceError
    ├── CaptureError          something about one input; has .path and .line
    │   ├── UnknownFormat     no reader recognises the input
    │   ├── NotThisFormat     a kind was forced and the input is not of it
    │   └── DamagedInput      unreadable, cut or empty; what could be read was kept
    ├── NeedsCaptured         the question needs what the capture does not hold
    ├── CannotRecord          nothing can be recorded here: a tool or a permission is missing
    ├── MissingExtra          an optional dependency is not installed
    └── BadArgument           an argument has a value that is not accepted

Bad *content* inside a recognised capture is never an exception: it becomes a
row of the `problems` table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FdtraceError(Exception):
    """Base of all errors that are the user's to read, not ours to debug."""


class CaptureError(FdtraceError):
    """Something is wrong with one input; `path` and `line` say where (line 0: all of it)."""

    def __init__(self, message: str, *, path: str = "", line: int = 0) -> None:
        self.path = path
        self.line = line
        where = f"{path}:{line}" if path and line else path
        super().__init__(f"{where}: {message}" if where else message)


class UnknownFormat(CaptureError):
    """No reader recognises the input; the message says what it looks like instead."""


class NotThisFormat(CaptureError):
    """A kind was forced with `--as`, and the first lines say otherwise."""


class DamagedInput(CaptureError):
    """The input is missing, unreadable, empty, or ends inside a compressed stream."""


class NeedsCaptured(FdtraceError):
    """The capture lacks what the question needs; the message names the option to record with."""


class CannotRecord(FdtraceError):
    """Nothing can be recorded here; the message names the command or the setting that helps."""


class MissingExtra(FdtraceError):
    """An optional dependency is missing; the message is the pip command to type."""

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs an extra package: pip install 'fdtrace[{extra}]'")


class BadArgument(FdtraceError):
    """An argument is not one of the accepted values; the nearest one is named first."""

    @classmethod
    def choice(cls, name: str, value: object, accepted: Iterable[str]) -> BadArgument:
        """The error for a value outside a fixed set of words."""
        words = list(accepted)
        near = difflib.get_close_matches(str(value), words, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return cls(f"{name} cannot be {value!r}.{hint} Accepted: {', '.join(words)}.")
