"""What is not taken among the inputs, and why."""

from __future__ import annotations

import re
from collections import Counter

from fdtrace.errors import FdtraceError, MissingExtra

_MANY = 20
"""So many files of one directory or archive with the same reason are one row together."""

_NUMBER = re.compile(r"\d[\d,.]*")


class Refusals:
    """Where refused inputs go: errors for named ones, reasons for those found in a directory or archive."""

    def __init__(self) -> None:
        self.unreadable: list[FdtraceError] = []
        self.root = ""
        """The directory or archive that the inputs come from now; "" for named files."""
        self.archives: list[str] = []
        """The archives that were named."""
        self._skipped: list[tuple[str, str, str]] = []

    def refuse(self, name: str, error: FdtraceError, *, named: bool) -> None:
        """File an error about one input."""
        # A missing package is the user's to install, also for a file of a directory.
        if named or isinstance(error, MissingExtra):
            self.unreadable.append(error)
        else:
            self.skip(name, str(error).removeprefix(f"{name}: "))

    def skip(self, name: str, reason: str) -> None:
        """Note a file that is passed over, and why."""
        self._skipped.append((self.root, name, reason))

    def count(self, root: str) -> int:
        """How many files of a directory or archive were passed over."""
        return sum(1 for where, _, _ in self._skipped if where == root)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Names and reasons; what many files of one directory or archive have in common is said once."""
        alike = Counter((root, _gist(reason)) for root, _, reason in self._skipped if root)
        rows: list[tuple[str, str]] = []
        told: set[tuple[str, str]] = set()
        for root, name, reason in self._skipped:
            key = (root, _gist(reason))
            if alike[key] <= _MANY:
                rows.append((name, reason))
            elif key not in told:
                told.add(key)
                rows.append((root, f"{alike[key]:,} files: {key[1]}"))
        return rows


def _gist(reason: str) -> str:
    """A reason without what is about one file only."""
    return _NUMBER.sub("N", reason.partition(":")[0] if _NUMBER.search(reason) else reason)
