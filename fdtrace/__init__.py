"""fdtrace: finds file-descriptor leaks, and the call sites behind them, in strace captures.

    >>> import fdtrace
    >>> case = fdtrace.load("samples/lws-gateway")
    >>> found = case.leaks()

Every name is loaded on first use, so that importing fdtrace costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fdtrace.case import Case
    from fdtrace.diffing import Diff, diff
    from fdtrace.errors import (
        BadArgument,
        CaptureError,
        DamagedInput,
        FdtraceError,
        MissingExtra,
        NeedsCaptured,
        NotThisFormat,
        UnknownFormat,
    )
    from fdtrace.findings import Findings
    from fdtrace.fleet import Fleet, scan
    from fdtrace.loading import load
    from fdtrace.model import Coverage, Evidence, Finding, Problem
    from fdtrace.story import Story

__version__ = "0.1.0"

__all__ = [
    "BadArgument",
    "CaptureError",
    "Case",
    "Coverage",
    "DamagedInput",
    "Diff",
    "Evidence",
    "FdtraceError",
    "Finding",
    "Findings",
    "Fleet",
    "MissingExtra",
    "NeedsCaptured",
    "NotThisFormat",
    "Problem",
    "Story",
    "UnknownFormat",
    "__version__",
    "diff",
    "load",
    "scan",
]

_HOMES = {
    "fdtrace.case": ("Case",),
    "fdtrace.diffing": ("Diff", "diff"),
    "fdtrace.errors": (
        "BadArgument",
        "CaptureError",
        "DamagedInput",
        "FdtraceError",
        "MissingExtra",
        "NeedsCaptured",
        "NotThisFormat",
        "UnknownFormat",
    ),
    "fdtrace.findings": ("Findings",),
    "fdtrace.fleet": ("Fleet", "scan"),
    "fdtrace.loading": ("load",),
    "fdtrace.model": ("Coverage", "Evidence", "Finding", "Problem"),
    "fdtrace.story": ("Story",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'fdtrace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
