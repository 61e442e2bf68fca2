"""From what was captured to pandas arrays of a given type, quickly and without ever failing on content.

Numbers that do not fit become NA, bytes that are no text become visible
escapes: a hostile or damaged capture costs a cell, not the table.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pandas as pd

_SURROGATE = re.compile("[\ud800-\udfff]")


def array(values: Any, dtype: str, ordered: tuple[str, ...] = ()) -> Any:
    """`values` (a list with None, a numpy array, masked or not, a Series) as an array of type `dtype`.

    `ordered` are the words of a category whose order means something.
    """
    match dtype:
        case "Int32" | "Int64":
            return _whole(values, dtype)
        case "int64":
            return np.asarray(values, dtype=np.int64)
        case "float64":
            return pd.Series(values, dtype="float64").to_numpy()
        case "boolean":
            return pd.array(values, dtype="boolean")
        case "category":
            return _words(values, ordered)
        case "str":
            return _text(values)
        case "datetime64[ns, UTC]":
            return _calendar(values)
        case _:
            return pd.Series([_plain(value) for value in values], dtype=object).array


def repeat(one: Any, rows: int) -> Any:
    """An array of one element, `rows` times."""
    return pd.Series(one).take(np.zeros(rows, dtype=np.intp)).array


def _whole(values: Any, dtype: Any) -> Any:
    if isinstance(values, np.ma.MaskedArray):
        array = _whole(values.filled(0), dtype)
        array[np.ma.getmaskarray(values)] = pd.NA
        return array
    try:
        return pd.array(values, dtype=dtype)
    except (OverflowError, TypeError, ValueError):
        top = 2**31 if dtype == "Int32" else 2**63
        numbers = [None if value is None or value is pd.NA else int(value) for value in values]
        fitting = [n if n is not None and -top <= n < top else None for n in numbers]
        return pd.array(fitting, dtype=dtype)


def _words(values: Any, ordered: tuple[str, ...]) -> Any:
    if not isinstance(getattr(values, "dtype", None), pd.CategoricalDtype) or ordered:
        try:
            values = pd.Categorical(values, categories=ordered or None, ordered=bool(ordered))
        except UnicodeEncodeError:
            values = pd.Categorical([spelled(one) if isinstance(one, str) else one for one in values])
    if len(values.categories):
        return values
    return pd.Categorical.from_codes(values.codes, categories=pd.Index([], dtype="str"))


def _text(values: Any) -> Any:
    try:
        return pd.array(values, dtype="str")
    except UnicodeEncodeError:
        return pd.array([None if value is None else spelled(str(value)) for value in values], dtype="str")


def spelled(text: str) -> str:
    r"""Bytes that Python smuggles through text as lone surrogates, written as `\xNN`."""
    return _SURROGATE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)


def _plain(value: Any) -> Any:
    """Tuples of records as tuples of dicts, which Parquet, JSON and databases take."""
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return spelled(value) if isinstance(value, str) else value


def _calendar(values: Any) -> Any:
    if str(getattr(values, "dtype", "")).startswith("datetime64"):
        return pd.DatetimeIndex(pd.to_datetime(values, utc=True)).as_unit("ns")
    absent = np.iinfo(np.int64).min
    nanoseconds = _whole(values, "Int64").to_numpy(dtype=np.int64, na_value=absent)
    return pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"), tz="UTC")
