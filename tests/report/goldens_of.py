"""Texts that a person once read and approved."""

from __future__ import annotations

import os
from pathlib import Path

GOLDENS = Path(__file__).parent / "goldens"


def compare(name: str, text: str) -> None:
    """The text is what a person once read and approved; FDTRACE_UPDATE=1 writes it anew to be read again."""
    path = GOLDENS / name
    if os.environ.get("FDTRACE_UPDATE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
