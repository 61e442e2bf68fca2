"""The command `fdtrace`, also as `python -m fdtrace`."""

from __future__ import annotations

import io
import sys

_INTERRUPTED = 130


def main() -> None:
    """Runs the command line; an interrupt ends it quietly at any point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character gets its escape, not a traceback.
            stream.reconfigure(errors="backslashreplace")
    try:
        from fdtrace.cli import app

        app(prog_name="fdtrace")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
