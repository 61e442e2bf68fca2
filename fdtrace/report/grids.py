"""Tables for a page in which they are sorted, filtered and searched: columns of numbers, words by number."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fdtrace.report import cells

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

SHOWN = 100
"""Rows that stand in the page itself, for readers without scripts."""

_LONGEST = 160
_LEAST = 1_000
_SHORT = 24
"""Columns whose texts are no longer than this are not broken into lines."""
_PROBE = 5_000
"""So many rows tell how many there is room for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which table, with which columns and headers; the words of `filters` are chosen from a list."""

    table: str
    title: str
    columns: tuple[tuple[str, str], ...]
    filters: tuple[str, ...]
    room: int
    open_first: bool = False


WANTED = (
    Wanted(
        "fds",
        "Descriptors",
        (
            ("pid", "pid"), ("fd", "fd"), ("kind", "kind"), ("target", "target"), ("state", "state"),
            ("call_site", "call site"), ("local", "local"), ("peer", "peer"), ("via", "came by"),
            ("how", "ended by"),
            ("open_line", "opened, line"), ("close_line", "closed, line"), ("open_t_s", "opened, s"),
            ("close_t_s", "closed, s"), ("uses", "uses"),
        ),
        ("kind", "how", "state", "call_site"),
        3_200_000,
        open_first=True,
    ),
    Wanted(
        "sockets",
        "Sockets",
        (
            ("at", "seen at"), ("proto", "protocol"), ("state", "state"), ("local", "local"),
            ("peer", "peer"), ("path", "path"), ("recv_q", "to read, bytes"), ("send_q", "to send, bytes"),
            ("pid", "pid"), ("fd", "fd"), ("program", "program"), ("inode", "inode"), ("file", "file"),
            ("line", "line"),
        ),
        ("proto", "state", "program", "at"),
        600_000,
    ),
    Wanted(
        "open_files",
        "Open files, as lsof and /proc list them",
        (
            ("at", "seen at"), ("command", "program"), ("pid", "pid"), ("user", "user"), ("fd", "fd"),
            ("slot", "slot"), ("kind", "kind"), ("name", "name"), ("state", "state"), ("deleted", "deleted"),
            ("inode", "inode"), ("file", "file"), ("line", "line"),
        ),
        ("kind", "slot", "state", "command", "at"),
        600_000,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as the page has it: the first rows as texts, all of them that fit as `data`."""

    name: str
    title: str
    headers: tuple[str, ...]
    looks: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: dict[str, Any]
    note: str


def grids(table: Callable[[str], pd.DataFrame]) -> list[Grid]:
    """The tables that have rows."""
    found = [(wanted, table(wanted.table)) for wanted in WANTED]
    return [_grid(wanted, frame) for wanted, frame in found if len(frame)]


def _grid(wanted: Wanted, frame: pd.DataFrame) -> Grid:
    columns = [
        _column(frame[name], header, name in wanted.filters)
        for name, header in wanted.columns
        if frame[name].notna().any()
    ]
    order = _order(frame) if wanted.open_first else list(range(len(frame)))
    first = int(frame["how"].isin(["none", "exit"]).sum()) if wanted.open_first else 0
    rows, data = _fitting(columns, order, first, wanted.room)
    shown = tuple(_texts(data, place) for place in range(min(SHOWN, rows)))
    return Grid(
        wanted.table,
        wanted.title,
        tuple(column["name"] for column in data["columns"]),
        tuple(column["look"] for column in data["columns"]),
        shown,
        data,
        _note(len(order), rows, first),
    )


def _fitting(
    columns: Sequence[_Column], order: list[int], first: int, room: int
) -> tuple[int, dict[str, Any]]:
    """As many of the rows as there is room for, and how many those are."""
    rows = len(order)
    if rows > _PROBE:  # all of them would be written only to be thrown away
        rows = min(
            rows, max(_LEAST, int(_PROBE * room / _size(_data(columns, _thinned(order, first, _PROBE)))))
        )
    while True:
        data = _data(columns, _thinned(order, first, rows))
        size = _size(data)
        if size <= room or rows <= _LEAST:
            return rows, data
        rows = max(_LEAST, int(rows * min(0.97, room / size)))


def _size(data: dict[str, Any]) -> int:
    return len(json.dumps(data, separators=(",", ":")))


def _order(frame: pd.DataFrame) -> list[int]:
    """The places of the rows: descriptors that nobody closed first, then the others, each in order."""
    still = frame["how"].isin(["none", "exit"]).tolist()
    return [*(i for i, yes in enumerate(still) if yes), *(i for i, yes in enumerate(still) if not yes)]


def _thinned(order: list[int], first: int, rows: int) -> list[int]:
    """So many of the places: the first ones, and of the others evenly."""
    if rows >= len(order):
        return order
    if rows <= first:
        return [order[place * first // rows] for place in range(rows)]
    rest, room = order[first:], rows - first
    return order[:first] + [rest[place * len(rest) // room] for place in range(room)]


def _note(total: int, shown: int, first: int) -> str:
    """What was left out, with its numbers."""
    if shown == total:
        return f"{cells.counted(total, 'row')}."
    if shown <= first:
        kept = f"one in {first / shown:.1f} of the {first:,} that nobody closed, and none of the others"
    else:
        others = f"{shown - first:,} of the other {total - first:,}, evenly chosen"
        kept = f"all {first:,} that nobody closed, and {others}" if first else others.replace("other ", "")
    return (
        f"Thinned to keep this page small: {shown:,} of {total:,} rows, {kept}. "
        "fdtrace writes the whole table with --format csv."
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """A column ready for JSON: numbers as they are, or codes of texts, -1 for none."""

    header: str
    filter: bool
    values: npt.NDArray[Any]
    texts: tuple[str, ...] | None


def _column(series: pd.Series[Any], header: str, chosen_from: bool) -> _Column:
    import numpy as np
    from pandas.api import types

    if types.is_numeric_dtype(series.dtype) and not types.is_bool_dtype(series.dtype):
        whole = series.round(6) if types.is_float_dtype(series.dtype) else series
        gone = series.isna()
        values = whole.astype(object).where(~gone, None).to_numpy() if gone.any() else whole.to_numpy()
        return _Column(header, chosen_from, values, None)
    codes, distinct = series.factorize()
    said: Callable[[Any], str] = str
    if types.is_bool_dtype(series.dtype):
        said = _yes
    elif types.is_datetime64_any_dtype(series.dtype):
        said = _moment
    texts = tuple(cells.shorten(cells.visible(said(value)), _LONGEST, "both") for value in distinct)
    return _Column(header, chosen_from, np.asarray(codes), texts)


def _data(columns: Sequence[_Column], chosen: Sequence[int]) -> dict[str, Any]:
    """The chosen rows column by column; a text is its number in `words`."""
    import numpy as np

    places = np.asarray(chosen, dtype=np.int64)
    words: dict[str, int] = {}
    told = []
    for column in columns:
        values, look = column.values[places].tolist(), "number"
        if column.texts is not None:
            texts = column.texts
            numbers = {
                c: None if c < 0 else words.setdefault(texts[c], len(words)) for c in dict.fromkeys(values)
            }
            values = [numbers[code] for code in values]
            look = "short" if all(len(texts[code]) <= _SHORT for code in numbers if code >= 0) else ""
        told.append(
            {
                "name": column.header,
                "number": column.texts is None,
                "look": look,
                "filter": column.filter,
                "values": values,
            }
        )
    return {"words": list(words), "columns": told, "rows": len(places)}


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}"


def _texts(data: dict[str, Any], row: int) -> tuple[str, ...]:
    """One row as it is shown."""
    texts = []
    for column in data["columns"]:
        value = column["values"][row]
        if value is None:
            texts.append("")
        elif column["number"]:
            texts.append(cells.decimal(value) if isinstance(value, float) else str(value))
        else:
            texts.append(data["words"][value])
    return tuple(texts)
