"""The command line: arguments, the library, a renderer, an exit code. One file a command.

Exit codes: 0 done, 1 findings at or above --fail-on, 2 wrong usage, 3 an input
that was named could not be read (the others were), 130 interrupted. Results go
to standard output, everything else to standard error.
"""

from __future__ import annotations

import importlib

from .app import app

_IN_ORDER_OF_HELP = (
    "leaks",
    "check",
    "report",
    "tables",
    "events",
    "story",
    "timeline",
    "doctor",
    "save",
    "formats",
)
for _name in _IN_ORDER_OF_HELP:
    importlib.import_module(f".{_name}", __name__)

__all__ = ["app"]
