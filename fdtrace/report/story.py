"""A life as a tale: what it is, then each call on it with its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fdtrace.report import cells

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 40


def tale(life: pd.Series, calls: pd.DataFrame) -> str:
    """The text of a story; long middles are left out and counted."""
    lines = [_head(life), ""]
    rows = list(calls.itertuples())
    left_out = max(0, len(rows) - _SHOWN)
    for place, row in enumerate(rows):
        if left_out and place == _SHOWN // 2:
            lines.append(f"        … {left_out:,} more calls …")
        if not left_out or place < _SHOWN // 2 or place >= len(rows) - _SHOWN // 2:
            lines.append(_line(row))
    lines += ["", _end(life)]
    return "\n".join(lines) + "\n"


def _known(value: object) -> bool:
    import pandas as pd

    return not pd.isna(value)  # type: ignore[call-overload]


def _head(life: pd.Series) -> str:
    target = cells.visible(str(life["target"])) if _known(life["target"]) else "unnamed"
    site = f", opened by {cells.visible(str(life['call_site']))}" if _known(life["call_site"]) else ""
    return f"descriptor {life['fd']} of process {life['pid']}: {life['kind']} {target} ({life['via']}{site})"


def _line(row: object) -> str:
    at = f"{row.t_s:12.6f}" if _known(row.t_s) else " " * 12  # type: ignore[attr-defined]
    ret = row.ret if _known(row.ret) else "?"  # type: ignore[attr-defined]
    errno = f" {row.errno}" if _known(row.errno) else ""  # type: ignore[attr-defined]
    args = cells.shorten(cells.visible(str(row.args)), 100)  # type: ignore[attr-defined]
    return f"{at}  {row.line:>7}  {row.syscall}({args}) = {ret}{errno}"  # type: ignore[attr-defined]


def _end(life: pd.Series) -> str:
    how = life["how"]
    state = f", state {life['state']} ({life['state_source']})" if _known(life["state"]) else ""
    uses = f"{life['uses']:,} uses, {life['read_bytes']:,} bytes in, {life['written_bytes']:,} out"
    if how == "none":
        return f"Never closed: open when the capture ends{state}; {uses}."
    if how == "exit":
        return f"Never closed: open when its process ended{state}; {uses}."
    return f"Ended by {how} on line {life['close_line']}; {uses}."
