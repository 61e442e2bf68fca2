"""One name for one secret, and the key that leads back from the one to the other."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from fdtrace.errors import BadArgument
from fdtrace.report.destination import place_file

_FORM = "fdtrace redaction key"


class Pseudonyms:
    """Numbered names, in the order of first appearance: `ipv4-1`, `user-2`, `name-17`.

    The same original of the same sort always has the same name, also in later
    runs where the `names` of a former one are given.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._originals: dict[str, str] = dict(names or {})
        self._names: dict[tuple[str, str], str] = {}
        self._last: dict[str, int] = {}
        self._used: dict[str, None] = {}
        for name, original in self._originals.items():
            sort, _, number = name.rpartition("-")
            self._names[sort, original] = name
            self._last[sort] = max(self._last.get(sort, 0), int(number))

    def of(self, sort: str, original: str) -> str:
        """The name that stands for an original from now on."""
        name = self._names.get((sort, original))
        if name is None:
            self._last[sort] = self._last.get(sort, 0) + 1
            name = f"{sort}-{self._last[sort]}"
            self._names[sort, original] = name
            self._originals[name] = original
        self._used[name] = None
        return name

    def has(self, sort: str, original: str) -> bool:
        """Whether this original has a name."""
        return (sort, original) in self._names

    @property
    def used(self) -> tuple[str, ...]:
        """The names that were given out in this run."""
        return tuple(self._used)

    def write(self, path: str) -> None:
        """Writes the key, readable for its owner only."""
        text = json.dumps({_FORM: 1, "names": self._originals}, ensure_ascii=True, indent=1)
        place_file(path, text + "\n", 0o600)


def read_key(path: str) -> dict[str, str]:
    """The names of a key that an earlier run wrote; none where there is no such file yet.

    Raises:
        BadArgument: the file is something else.
    """
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            key = json.load(stream)
        names = {str(name): str(original) for name, original in key["names"].items()}
        if key[_FORM] != 1 or not all(name.rpartition("-")[2].isdecimal() for name in names):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadArgument(f"--redact-key {path} is there and is no key: it is not overwritten") from None
    return names
