"""The command `fdtrace`, also as `python -m fdtrace`."""

from __future__ import annotations

import gc
import io
import sys

_INTERRUPTED = 130
_YOUNG = 200_000
"""Rows live as long as the answer: looking for garbage among them often costs as much as reading them."""


def main() -> None:
    """Runs the command line; an interrupt ends it quietly at any point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character gets its escape, not a traceback.
            stream.reconfigure(errors="backslashreplace")
    gc.set_threshold(_YOUNG, 20, 100)
    try:
        from fdtrace.cli import app

        app(prog_name="fdtrace")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
