"""Durations and sizes as people type them."""

from __future__ import annotations

import re

from ..errors import BadArgument

_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


def seconds(name: str, text: str | None) -> float | None:
    """Seconds from "90", "1.5s", "10m", "2h", "1d"; None from None.

    Raises:
        BadArgument: it is no duration, or none above 0.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?) ?([a-z]*)", text.strip().lower())
    value = float(found[1]) * _SECONDS.get(found[2], 0) if found else 0.0
    if not value:
        raise BadArgument(f"{name} cannot be {text!r}: write it as 90, 90s, 10m or 2h.")
    return value


def size(name: str, text: str | None) -> int | None:
    """Bytes from "500k", "100M", "1.5GiB"; None from None.

    Raises:
        BadArgument: it is no size, or none above 0.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?) ?(|[kmg]i?)b?", text.strip().lower())
    value = int(float(found[1]) * _BYTES[found[2]]) if found else 0
    if not value:
        raise BadArgument(f"{name} cannot be {text!r}: write it as 500k, 100M or 2G.")
    return value
