"""Tables for a page in which they are sorted, filtered and searched: columns of numbers, words by number."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fdtrace.report import cells

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 100
"""Rows that stand in the page itself, for readers without scripts."""

_LONGEST = 160
_LEAST = 1_000


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
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    data: dict[str, Any]
    note: str


def grids(table: Callable[[str], pd.DataFrame]) -> list[Grid]:
    """The tables that have rows."""
    found = [(wanted, table(wanted.table)) for wanted in WANTED]
    return [_grid(wanted, frame) for wanted, frame in found if len(frame)]


def _grid(wanted: Wanted, frame: pd.DataFrame) -> Grid:
    columns = [(name, header) for name, header in wanted.columns if frame[name].notna().any()]
    order = _order(frame) if wanted.open_first else list(range(len(frame)))
    first = int(frame["how"].isin(["none", "exit"]).sum()) if wanted.open_first else 0
    rows = len(order)
    while True:
        chosen = _thinned(order, first, rows)
        data = _data(frame.iloc[chosen], columns, wanted.filters)
        size = len(json.dumps(data, separators=(",", ":")))
        if size <= wanted.room or rows <= _LEAST:
            break
        rows = max(_LEAST, int(rows * min(0.97, wanted.room / size)))
    shown = tuple(_texts(data, place) for place in range(min(SHOWN, len(chosen))))
    return Grid(
        wanted.table,
        wanted.title,
        tuple(header for _, header in columns),
        tuple(column["number"] for column in data["columns"]),
        shown,
        data,
        _note(len(order), len(chosen), first),
    )


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


def _data(frame: pd.DataFrame, columns: Sequence[tuple[str, str]], filters: Sequence[str]) -> dict[str, Any]:
    """The rows column by column; a text is its number in `words`."""
    numbers: dict[str, int] = {}
    told = []
    for name, header in columns:
        values, number = _values(frame[name])
        if not number:
            values = [None if v is None else numbers.setdefault(v, len(numbers)) for v in values]
        told.append({"name": header, "number": number, "filter": name in filters, "values": values})
    return {"words": list(numbers), "columns": told, "rows": len(frame)}


def _values(series: pd.Series[Any]) -> tuple[list[Any], bool]:
    """The values of a column ready for JSON, and whether they are numbers."""
    from pandas.api import types

    said: Callable[[Any], Any]
    if types.is_bool_dtype(series.dtype):
        said = _yes
    elif types.is_integer_dtype(series.dtype):
        said = int
    elif types.is_float_dtype(series.dtype):
        said = _rounded
    elif types.is_datetime64_any_dtype(series.dtype):
        said = _moment
    else:
        texts = {v: cells.shorten(cells.visible(str(v)), _LONGEST, "both") for v in series.dropna().unique()}
        said = texts.__getitem__
    gone = series.isna().tolist()
    values = [None if absent else said(v) for v, absent in zip(series.tolist(), gone, strict=True)]
    return values, said in (int, _rounded)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _rounded(value: float) -> float:
    return round(value, 6)


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
