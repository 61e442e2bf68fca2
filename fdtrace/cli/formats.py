"""What is understood."""

from __future__ import annotations

from fdtrace.report import formats as understood
from fdtrace.report.destination import Destination

from .app import app


@app.command(epilog="Example:  fdtrace formats")
def formats() -> None:
    """List what fdtrace reads, and how to record it."""
    with Destination().open() as stream:
        stream.write(understood.UNDERSTOOD)
