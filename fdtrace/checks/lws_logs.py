"""Everything that libwebsockets logs tell by themselves: one function for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Finding
from ..readers.bundle import Capture
from ..readers.sheet import Sheet
from . import lws_connections, lws_objects, receive_buffer

NAMES: tuple[str, ...] = (
    lws_objects.NAME,
    lws_connections.RELEASES,
    lws_connections.RETRIES,
    receive_buffer.NAME,
)
"""The checks that a log alone can answer."""


def findings(logs: Iterable[tuple[Capture, Sheet]], only: Iterable[str] = NAMES) -> list[Finding]:
    """What is wrong by these logs, one after the other; captures of other kinds are passed over."""
    wanted = frozenset(only)
    found: list[Finding] = []
    for capture, sheet in logs:
        if sheet.kind == "lws":
            found += lws_objects.findings(capture, sheet)
            found += lws_connections.findings(capture, sheet)
            found += receive_buffer.findings_of_log(capture, sheet)
    return [one for one in found if one.check in wanted]
