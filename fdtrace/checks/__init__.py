"""What is wrong: one file a question, all of them in one explicit list.

A check is an observer of one capture: it hears of lives as they begin and end
and is asked for its findings when the capture is over. Its thresholds are
keyword arguments; the reason for each default is in its docstring.

`fdtrace leaks` needs one of them: a check's file is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, cast

from ..errors import BadArgument

if TYPE_CHECKING:
    from .base import Check

_OF_TRACES: tuple[tuple[str, str], ...] = (
    ("leak", "Leak"),
    ("exhaustion", "Exhaustion"),
    ("double_close", "DoubleClose"),
    ("use_after_close", "UseAfterClose"),
    ("close_errors", "CloseErrors"),
    ("inherited", "Inherited"),
    ("missed_open", "MissedOpen"),
    ("missed_close", "MissedClose"),
    ("lws_descriptors", "LwsDescriptors"),
    ("receive_buffer", "ReceiveBuffer"),
)
"""The checks of a trace by their names, which are their files', each with its class."""

NAMES: tuple[str, ...] = (
    *(name for name, _ in _OF_TRACES),
    *("close_wait", "half_closed", "dead_socket", "shared_listener", "deleted_file"),
    *("lws_objects", "lws_releases", "lws_retries"),
)
"""All checks by name, also those that snapshots and logs alone can answer."""


def named(names: Iterable[str] | None) -> tuple[str, ...]:
    """The checks of these names, all of them for None.

    Raises:
        BadArgument: a check of that name does not exist.
    """
    asked = tuple(names or NAMES)
    for name in asked:
        if name not in NAMES:
            raise BadArgument.choice("check", name, NAMES)
    return asked


def of_traces(names: Collection[str] = NAMES) -> list[type[Check]]:
    """The checks of a trace among those that are named."""
    return [_loaded(name, kind) for name, kind in _OF_TRACES if name in names]


def _loaded(name: str, kind: str) -> type[Check]:
    return cast("type[Check]", getattr(importlib.import_module(f".{name}", __name__), kind))


__all__ = ["NAMES", "named", "of_traces"]
