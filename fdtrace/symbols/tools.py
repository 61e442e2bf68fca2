"""Programs that are asked: addr2line, llvm-symbolizer, c++filt.

They are given a file and numbers, on standard input, and bounds: of time, of
memory, of what they may answer. Their environment is empty, so that none of them
goes looking on the network by itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

SECONDS = 120.0
"""The DWARF of the largest programs takes less than half of that."""
MEMORY_BYTES = 8 << 30
ANSWER_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program wrote; `trouble` says why that is not all, or is empty."""

    text: str
    trouble: str = ""


def where(*names: str) -> str | None:
    """The first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    return None


def answer(command: list[str], asked: str, seconds: float = SECONDS) -> Answer:
    """What a program answers to a text."""
    name = os.path.basename(command[0])
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as answered:
        told.write(asked.encode("ascii", "replace"))
        told.seek(0)
        try:
            process = subprocess.Popen(
                command, stdin=told, stdout=answered, stderr=subprocess.DEVNULL, cwd=os.path.abspath(os.sep),
                env={"LC_ALL": "C", "PATH": os.defpath},
            )  # fmt: skip
        except OSError as error:
            return Answer("", f"{name} cannot be run: {error.strerror}")
        _bound(process.pid)
        trouble = ""
        try:
            code = process.wait(seconds)
            if code:
                trouble = f"{name} failed ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
        except subprocess.TimeoutExpired:
            trouble = f"{name} took longer than {seconds:.0f} s"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        answered.seek(0)
        return Answer(answered.read(ANSWER_BYTES).decode("utf-8", "backslashreplace"), trouble)


def _bound(pid: int) -> None:
    """Limits for a program that reads what others wrote; only Linux can set them from outside."""
    try:
        import resource

        limits = (
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_FSIZE, ANSWER_BYTES),
            (resource.RLIMIT_CORE, 0),
        )
        for which, most in limits:
            resource.prlimit(pid, which, (most, most))
    except (ImportError, AttributeError, OSError, ValueError):
        return
