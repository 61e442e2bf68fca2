"""Every table of fdtrace: its columns, their types and units, and what an absent value means.

The same column name has the same type in every table. Whole numbers are
nullable (`Int32` for numbers that the kernel hands out, `Int64` for counts,
lines and sizes), repeated words are categories, moments are float64 seconds
since the first time stamp of their capture. What a capture does not tell is NA:
never 0, never an empty text. `capture` says which of the loaded captures a row
is from; `table`, `ofd`, `stack`, `seq` and `fd_id` are unique within one Case.

pandas is imported when a table is made, not when this module is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fdtrace.model import SEVERITIES

from . import seen, told, traced
from .columns import Column, Dtype, Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLES", "Column", "Dtype", "Table", "check", "conform", "empty"]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        traced.EVENTS,
        traced.FDS,
        traced.PROCESSES,
        traced.TASKS,
        traced.FRAMES,
        seen.OPEN_FILES,
        seen.SOCKETS,
        seen.LWS_OBJECTS,
        seen.LWS_EVENTS,
        seen.SIGHTINGS,
        told.STORY,
        told.PROBLEMS,
        told.FINDINGS,
    )
}


def empty(name: str) -> pd.DataFrame:
    """The table `name` without rows: what a property of Case is when nothing was captured for it."""
    return conform(name, {})


def conform(name: str, columns: Mapping[str, Sequence[Any] | Any]) -> pd.DataFrame:
    r"""Makes the table `name` from columns: lists with None, numpy (also masked) arrays or Series.

    Columns that are not given are absent throughout. `time` columns take whole
    nanoseconds since 1970, text of undecodable bytes becomes `\xNN`, numbers
    that do not fit their column become NA: what was captured cannot make this fail.

    Raises:
        ValueError: for a column that the table does not have, and for columns of different length.
    """
    import pandas as pd

    table = TABLES[name]
    if unknown := sorted(set(columns) - set(table.names)):
        raise ValueError(f"{name} has no column {', '.join(unknown)}")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        each = ", ".join(f"{column} {len(values)}" for column, values in columns.items())
        raise ValueError(f"columns of {name} differ in length: {each}")
    rows = lengths.pop() if lengths else 0
    data = {c.name: _array(c, columns.get(c.name), rows) for c in table.columns}
    index = None
    if table.index is not None:
        given = columns.get(table.index.name, range(rows))
        index = pd.Index(_array(table.index, given, rows), name=table.index.name)
    return pd.DataFrame(data, index=index, copy=False)


def check(frame: pd.DataFrame, name: str) -> list[str]:
    """Everything in which `frame` is not the table `name`, one sentence each; empty when it is right."""
    table = TABLES[name]
    wanted = [column.name for column in table.columns]
    found = [str(column) for column in frame.columns]
    faults = [f"{column}: missing" for column in wanted if column not in found]
    faults += [f"{column}: not a column of {name}" for column in found if column not in wanted]
    if not faults and found != wanted:
        faults.append(f"columns are in another order: {', '.join(found)}")
    if table.index is not None:
        faults += _index_faults(table.index, frame.index)
    for column in table.columns:
        if column.name in found:
            faults += [f"{column.name}: {fault}" for fault in _column_faults(column, frame[column.name])]
    return faults


def _index_faults(column: Column, index: pd.Index[Any]) -> list[str]:
    faults = []
    if index.name != column.name:
        faults.append(f"{column.name}: is not the index, which is {index.name}")
    elif str(index.dtype) != column.dtype:
        faults.append(f"{column.name}: is {index.dtype}, should be {column.dtype}")
    if not index.is_unique:
        faults.append(f"{column.name}: not unique")
    return faults


def _column_faults(column: Column, series: pd.Series[Any]) -> Iterable[str]:
    if str(series.dtype) != column.dtype:
        yield f"is {series.dtype}, should be {column.dtype}"
    if not column.absent and (missing := int(series.isna().sum())):
        yield f"{missing} absent, where it is always known"
    if column.words:
        strange = sorted({str(word) for word in series.dropna().unique()} - set(column.words))
        if strange:
            yield f"has {', '.join(strange)}; all it may be is {', '.join(column.words)}"


def _array(column: Column, values: Any, rows: int) -> Any:
    """The values of a column as its type wants them; None is a column that is absent throughout."""
    from fdtrace import arrays

    ordered = column.words if column.words == SEVERITIES else ()
    if values is None:
        return arrays.repeat(arrays.array([None], column.dtype, ordered), rows)
    return arrays.array(values, column.dtype, ordered)
