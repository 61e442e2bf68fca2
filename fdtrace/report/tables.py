"""A table as text: for people (`table`, `markdown`) or for programs (`csv`, `tsv`, `json`, `jsonl`).

For programs every row and column is written, in pieces, exactly. For people
what fits is shown, and what was left out is announced with its number.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from fdtrace import schema
from fdtrace.errors import BadArgument
from fdtrace.report import cells
from fdtrace.report.media import TextFormat

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 5_000
"""Rows of a table that a person may be asked to look at."""

_PIECE = 20_000
_NARROWEST = 6
_GAP = 2

BRIEF: dict[str, tuple[str, ...]] = {
    "events": ("seq", "line", "tid", "t_s", "syscall", "fd", "fd_text", "ret", "errno", "args"),
    "fds": (
        "pid", "fd", "kind", "target", "via", "how", "open_line", "close_line",
        "open_t_s", "close_t_s", "uses", "call_site",
    ),
    "processes": (
        "pid", "ppid", "command", "started_t_s", "ended_t_s", "ended_by", "exit_code",
        "nofile_limit", "peak_fds",
    ),
    "findings": (
        "severity", "check", "title", "pid", "call_site", "opened", "closed", "open",
        "growth_per_s", "state",
    ),
    "sites": (
        "severity", "what", "command", "call_site", "hosts", "of_hosts", "since_day", "since_version",
        "growth_median_per_s", "growth_max_per_s", "open_max", "worst",
    ),
}  # fmt: skip
"""The columns that are shown to people who asked for none in particular."""


@dataclass(frozen=True)
class _Medium:
    """How one kind of output writes a text, a number, a yes, a list, and what is absent."""

    text: Callable[[str], str]
    decimal: Callable[[float], str]
    nested: Callable[[object], str]
    yes: str
    no: str
    absent: str


def _nested_json(value: object) -> str:
    return cells.json_text(plain(value))


def _json_decimal(number: float) -> str:
    return repr(number) if math.isfinite(number) else "null"


def plain(value: object) -> object:
    """A record or a tuple of records as dicts and lists, ready for JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _nested_words(value: object) -> str:
    value = plain(value)
    if isinstance(value, dict):
        return " ".join(str(part) for part in value.values())
    return "; ".join(_nested_words(item) for item in value) if isinstance(value, list) else str(value)


def _medium(format: TextFormat, raw: bool) -> _Medium:
    if format in ("json", "jsonl"):
        return _Medium(cells.json_text, _json_decimal, _nested_json, "true", "false", "null")
    if format in ("csv", "tsv"):

        def guarded(text: str) -> str:
            return cells.spreadsheet(text, raw)

        return _Medium(guarded, repr, lambda value: guarded(_nested_json(value)), "true", "false", "")
    text = cells.markdown if format == "markdown" else cells.visible
    return _Medium(text, cells.decimal, lambda value: text(_nested_words(value)), "yes", "no", "")


def write(
    frame: pd.DataFrame,
    name: str,
    stream: TextIO,
    format: TextFormat = "table",
    *,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    width: int | None = None,
    raw: bool = False,
    notice: Callable[[str], None] = lambda text: None,
) -> None:
    """Writes the table `name` to a stream.

    `columns` are names in the order wanted, the index among them, or `all`;
    `limit` is the most rows; `width` the columns of the terminal to fit a
    `table` into; `raw` leaves formulas in csv and tsv as they are. Every row or
    column that is left out without being asked for is told to `notice`.

    Raises:
        BadArgument: for a column that the table does not have.
    """
    people = format in ("table", "markdown")
    frame = frame.reset_index() if frame.index.name else frame
    total, every = len(frame), len(frame.columns)
    if people and total > MOST_ROWS and (limit is None or limit > MOST_ROWS):
        notice(f"{name}: the first {MOST_ROWS:,} of {total:,} rows; csv and jsonl have them all")
        limit = MOST_ROWS
    elif limit is not None and limit < total:
        notice(f"{name}: the first {limit:,} of {total:,} rows")
    frame = frame if limit is None else frame.iloc[:limit]
    frame = _chosen(frame, name, columns, brief=people)
    if not people:
        _write_data([frame], stream, format, raw)
    else:
        medium = _medium(format, raw)
        shown = _write_grid(frame, medium, stream, "pipe" if format == "markdown" else "plain", width)
        if columns is None and shown < every:
            notice(f"{name}: {shown} of {every} columns; --columns all or other names for the rest")
        elif shown < len(frame.columns):
            notice(f"{name}: {shown} of {len(frame.columns)} columns fit into {width}")
        if not total:
            notice(f"{name}: no rows")


def write_pieces(
    pieces: Iterable[pd.DataFrame],
    name: str,
    stream: TextIO,
    format: TextFormat = "table",
    *,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    width: int | None = None,
    raw: bool = False,
    notice: Callable[[str], None] = lambda text: None,
) -> None:
    """As `write`, for a table that comes in pieces: no more of it is taken than is to be written."""
    if format not in ("table", "markdown"):
        _write_data(selected(pieces, name, columns, limit, notice), stream, format, raw)
        return
    import pandas as pd

    most = MOST_ROWS if limit is None else min(limit, MOST_ROWS)
    wanted = selected(pieces, name, ["all"], most, notice)
    frame = pd.concat([piece.astype({c: object for c in _categories(piece)}) for piece in wanted])
    write(frame, name, stream, format, columns=columns, width=width, raw=raw, notice=notice)


def _categories(frame: pd.DataFrame) -> list[str]:
    """The columns of repeated words; pieces of one table know different words."""
    return [str(column) for column, dtype in frame.dtypes.items() if str(dtype) == "category"]


def selected(
    pieces: Iterable[pd.DataFrame],
    name: str,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    notice: Callable[[str], None] = lambda text: None,
) -> Iterator[pd.DataFrame]:
    """The first rows and these columns of a table that comes in pieces; the first piece has no rows."""
    room = limit
    for piece in itertools.chain([schema.empty(name)], pieces):
        chosen = _chosen(piece.reset_index() if piece.index.name else piece, name, columns, brief=False)
        if room is not None and len(chosen) > room:
            notice(f"{name}: the first {limit:,} rows, there are more")
            yield chosen.iloc[:room]
            return
        yield chosen
        room = None if room is None else room - len(chosen)


def _chosen(frame: pd.DataFrame, name: str, columns: Sequence[str] | None, brief: bool) -> pd.DataFrame:
    if columns is not None and list(columns) != ["all"]:
        known = [str(column) for column in frame.columns]
        for column in columns:
            if column not in known:
                raise BadArgument.choice("--columns", column, known)
        return frame[list(columns)]
    if columns is not None or not brief or name not in BRIEF:
        return frame
    wanted = [column for column in BRIEF[name] if column in frame.columns]
    if "capture" in frame.columns and frame["capture"].nunique() > 1:
        wanted.insert(0, "capture")
    return frame[[column for column in wanted if frame.empty or frame[column].notna().any()]]


def _pieces(frame: pd.DataFrame, medium: _Medium) -> Iterator[list[list[str]]]:
    """The cells of the table, column by column, some thousand rows at a time."""
    for start in range(0, len(frame), _PIECE):
        piece = frame.iloc[start : start + _PIECE]
        yield [_cells(piece.iloc[:, place], medium) for place in range(piece.shape[1])]


def _cells(series: pd.Series[Any], medium: _Medium) -> list[str]:
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        words = [medium.text(str(word)) for word in series.cat.categories]
        words.append(medium.absent)  # code -1 is absence
        return [words[code] for code in series.cat.codes.tolist()]
    say = _saying(series, medium)
    absent = medium.absent
    return [
        absent if missing else say(value)
        for value, missing in zip(series.tolist(), series.isna().tolist(), strict=True)
    ]


def _saying(series: pd.Series[Any], medium: _Medium) -> Callable[[Any], str]:
    """How the present values of a column are said, by its type."""
    from pandas.api import types

    if types.is_bool_dtype(series.dtype):
        return lambda value: medium.yes if value else medium.no
    if types.is_integer_dtype(series.dtype):
        return str
    if types.is_float_dtype(series.dtype):
        return medium.decimal
    if types.is_datetime64_any_dtype(series.dtype):
        return lambda value: medium.text(value.isoformat().replace("+00:00", "Z"))
    if types.is_object_dtype(series.dtype):
        return lambda value: medium.text(value) if isinstance(value, str) else medium.nested(value)
    return medium.text


def _json_rows(frame: pd.DataFrame, medium: _Medium) -> Iterator[str]:
    keys = [cells.json_text(str(column)).replace("%", "%%") for column in frame.columns]
    row = "{" + ", ".join(f"{key}: %s" for key in keys) + "}"
    for columns in _pieces(frame, medium):
        yield from (row % values for values in zip(*columns, strict=True))


def _write_data(frames: Iterable[pd.DataFrame], stream: TextIO, format: TextFormat, raw: bool) -> None:
    """Frames of the same columns, one after the other, for programs."""
    medium = _medium(format, raw)
    if format in ("csv", "tsv"):
        _write_csv(frames, medium, stream, "," if format == "csv" else "\t")
        return
    lines = (line for frame in frames for line in _json_rows(frame, medium))
    if format == "jsonl":
        stream.writelines(line + "\n" for line in lines)
        return
    before = "[\n"
    for line in lines:
        stream.write(before + line)
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def _write_csv(frames: Iterable[pd.DataFrame], medium: _Medium, stream: TextIO, delimiter: str) -> None:
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    for place, frame in enumerate(frames):
        if place == 0:
            writer.writerow([str(column) for column in frame.columns])
        for columns in _pieces(frame, medium):
            writer.writerows(zip(*columns, strict=True))


def _write_grid(frame: pd.DataFrame, medium: _Medium, stream: TextIO, style: str, width: int | None) -> int:
    """Writes rows and columns aligned; returns how many columns there was room for."""
    from pandas.api import types
    from tabulate import tabulate

    headers = [medium.text(str(column)) for column in frame.columns]
    columns: list[list[str]] = [[] for _ in headers]
    for piece in _pieces(frame, medium):
        for column, more in zip(columns, piece, strict=True):
            column += more
    numbers = [
        types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype) for dtype in frame.dtypes.tolist()
    ]
    if style == "plain" and width is not None:
        columns = _fitted(headers, columns, numbers, width)
    shown = len(columns)
    headers = headers[:shown]
    rows = list(zip(*columns, strict=True))
    align = ["right" if number else "left" for number in numbers[:shown]]
    if style == "plain":
        # tabulate makes columns wider than their headers need, so the header is a row like the others.
        rules = ["-" * max(map(len, [head, *column])) for head, column in zip(headers, columns, strict=True)]
        text = tabulate([headers, rules, *rows], (), style, disable_numparse=True, colalign=align)
    else:
        text = tabulate(rows, headers, style, disable_numparse=True, colalign=align if rows else None)
    stream.writelines(line.rstrip() + "\n" for line in text.splitlines())
    return shown


def _fitted(headers: list[str], columns: list[list[str]], numbers: list[bool], width: int) -> list[list[str]]:
    """The columns cut to fit a terminal: the widest texts give way first, then the last columns go."""
    least = [cells.width(header) for header in headers]
    natural = [
        max(head, *map(cells.width, column)) if column else head
        for head, column in zip(least, columns, strict=True)
    ]
    floor = [
        full if number else min(full, max(head, _NARROWEST))
        for full, head, number in zip(natural, least, numbers, strict=True)
    ]
    shown = len(columns)
    while shown > 1 and sum(floor[:shown]) + _GAP * (shown - 1) > width:
        shown -= 1
    level = _level(natural[:shown], floor[:shown], width - _GAP * (shown - 1))
    room = [min(full, max(low, level)) for full, low in zip(natural, floor, strict=True)][:shown]
    return [
        [cells.shorten(cell, columns_, "both") for cell in column]
        for column, columns_ in zip(columns, room, strict=False)
    ]


def _level(natural: list[int], floor: list[int], room: int) -> int:
    """The greatest width that the wide columns may keep, if all together are to fit into `room`."""
    low, high = 1, max(natural)
    while low < high:
        middle = (low + high + 1) // 2
        needed = sum(min(full, max(least, middle)) for full, least in zip(natural, floor, strict=True))
        low, high = (middle, high) if needed <= room else (low, middle - 1)
    return low
