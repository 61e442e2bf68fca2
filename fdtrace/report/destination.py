"""Where a result goes: to standard output or into a file, and what to know about that place."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from fdtrace.errors import BadArgument
from fdtrace.report import cells

READABLE = 100
_WIDEST = 120


def tell(text: str) -> None:
    """Says something that is not the result, on standard error."""
    lines = [cells.visible(line) for line in text.splitlines()]
    with contextlib.suppress(BrokenPipeError):
        print("\n".join(lines), file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Destination:
    """Standard output, or the file at `path`; an existing file is only replaced with `force`."""

    path: str | None = None
    force: bool = False

    def __post_init__(self) -> None:
        if self.path is None:
            return
        if os.path.isdir(self.path):
            raise BadArgument(f"--output {self.path} is a directory")
        if not os.path.isdir(os.path.dirname(self.path) or "."):
            raise BadArgument(f"--output {self.path}: there is no such directory")
        if os.path.isfile(self.path) and not self.force:
            raise BadArgument(f"--output {self.path} exists; --force replaces it")

    @property
    def terminal(self) -> bool:
        """Whether a person is looking."""
        return self.path is None and sys.stdout.isatty()

    @property
    def colour(self) -> bool:
        """Whether to use colours: on a terminal that has them, unless NO_COLOR says otherwise."""
        return self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int | None:
        """Columns of the terminal, or of COLUMNS; None where lines may have any length."""
        if self.path is None and (self.terminal or os.environ.get("COLUMNS", "").isdecimal()):
            return max(shutil.get_terminal_size((READABLE, 24)).columns, 20)
        return None

    @property
    def prose(self) -> int:
        """Columns for sentences: no more than one reads with ease."""
        return min(self.width or READABLE, _WIDEST)

    @contextlib.contextmanager
    def open(self) -> Iterator[TextIO]:
        """The stream to write to. A file appears whole or not at all, and is named in the last line said."""
        if self.path is None:
            try:
                yield sys.stdout
                sys.stdout.flush()
            except BrokenPipeError:
                _stop_writing()
            return
        if os.path.exists(self.path) and not os.path.isfile(self.path):  # a device or a pipe
            with open(self.path, "w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        with _beside(os.path.realpath(self.path)) as stream:
            yield stream
        tell(f"written to {self.path}")

    @contextlib.contextmanager
    def draft(self) -> Iterator[str]:
        """The path of a new file for what is no text; it takes its place once it is complete."""
        if self.path is None:
            raise BadArgument("this format is no text: --output FILE says where it goes")
        with _draft(os.path.realpath(self.path)) as draft:
            yield draft
        tell(f"written to {self.path}")


def _stop_writing() -> None:
    """Lets what is left run into nothing: the reader of the pipe has seen enough."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


@contextlib.contextmanager
def _beside(path: str) -> Iterator[TextIO]:
    """A stream into a new file in the directory of `path` that takes its place once it is complete."""
    with (
        _draft(path) as draft,
        open(draft, "w", encoding="utf-8", newline="", errors="backslashreplace") as stream,
    ):
        yield stream


def place_file(path: str, text: str, mode: int) -> None:
    """Writes a small file beside its place and puts it there once it is complete, with these permissions."""
    real = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(real)):
        raise BadArgument(f"{path}: there is no such directory")
    with _draft(real, mode) as draft, open(draft, "w", encoding="utf-8") as stream:
        stream.write(text)


@contextlib.contextmanager
def _draft(path: str, mode: int = 0o666) -> Iterator[str]:
    import tempfile

    folder, name = os.path.split(path)
    number, draft = tempfile.mkstemp(prefix=f".{name[:100]}.", suffix=".part", dir=folder)
    os.close(number)
    try:
        yield draft
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(draft, mode & ~mask)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
