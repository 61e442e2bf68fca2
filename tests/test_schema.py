import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from fdtrace import arrays, schema
from fdtrace.model import SEVERITIES, Finding


@pytest.mark.parametrize("name", sorted(schema.TABLES))
def test_an_empty_table_is_right(name: str) -> None:
    frame = schema.empty(name)
    assert len(frame) == 0
    assert schema.check(frame, name) == []


@pytest.mark.parametrize("name", sorted(schema.TABLES))
def test_every_table_begins_with_its_capture_and_says_what_its_columns_mean(name: str) -> None:
    table = schema.TABLES[name]
    assert table.columns[0].name == "capture"
    assert all(column.meaning for column in table.columns)
    assert len(set(table.names)) == len(table.names)


def test_one_name_has_one_type_in_every_table() -> None:
    types: dict[str, set[str]] = {}
    for table in schema.TABLES.values():
        for column in table.columns:
            types.setdefault(column.name, set()).add(column.dtype)
    types.pop("call_site")  # repeated over thousands of lives, but nearly unique among findings
    types.pop("open")  # how many descriptors, and whether an object of libwebsockets is alive
    types.pop("reason")  # why a line is a problem, and the number of a callback
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


def test_columns_that_are_not_given_are_absent() -> None:
    frame = schema.conform("fds", {"fd": [3, 4], "target": ["/a", None], "cloexec": [True, None]})
    assert frame.index.tolist() == [0, 1]
    assert frame["fd"].tolist() == [3, 4]
    assert frame["target"].isna().tolist() == [False, True]
    assert frame["cloexec"].isna().tolist() == [False, True]
    assert frame["open_time"].isna().all()
    assert str(frame["open_time"].dtype) == "datetime64[ns, UTC]"
    assert frame["peer"].isna().all()


def test_a_time_is_nanoseconds_since_1970() -> None:
    frame = schema.conform("events", {"time": [1_795_417_384_062_520_001, None]})
    assert frame["time"][0] == pd.Timestamp("2026-11-23T07:03:04.062520001Z")
    assert frame["time"].isna().tolist() == [False, True]


def test_numpy_masked_arrays_and_categories_are_taken_as_they_are() -> None:
    words = pd.Categorical.from_codes([1, 0], categories=["read", "close"])
    frame = schema.conform(
        "events",
        {
            "fd": np.ma.masked_array([3, 4], mask=[False, True]),
            "line": np.array([1, 2]),
            "syscall": words,
        },
    )
    assert frame["fd"].tolist() == [3, pd.NA]
    assert frame["line"].tolist() == [1, 2]
    assert frame["syscall"].tolist() == ["close", "read"]


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**80])
def test_a_number_that_cannot_be_is_absent(number: int) -> None:
    frame = schema.conform("fds", {"fd": [number, 7]})
    assert frame["fd"].isna().tolist() == [True, False]
    assert schema.conform("fds", {"inode": [2**64, 7]})["inode"].isna().tolist() == [True, False]


def test_wide_numpy_numbers_do_not_wrap_around() -> None:
    frame = schema.conform("fds", {"fd": np.array([2**32 + 3, 7])})
    assert frame["fd"].isna().tolist() == [True, False]


def test_undecodable_bytes_are_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(values: list[str | None], dtype: str) -> object:  # as where pyarrow stores the text
        return [value and value.encode() for value in values]

    monkeypatch.setattr(arrays.pd, "array", strict)
    smuggled = b"/tmp/\xff".decode("utf-8", "surrogateescape")
    assert arrays.array([smuggled, None], "str") == [b"/tmp/\\xff", None]


def test_severity_is_ordered() -> None:
    frame = schema.conform("findings", {"key": ["a", "b"], "severity": ["high", "low"]})
    assert frame["severity"].cat.ordered
    assert frame["severity"].cat.categories.tolist() == list(SEVERITIES)
    assert frame.index[frame["severity"] >= "medium"].tolist() == ["a"]


def test_tuples_of_one_length_stay_tuples() -> None:
    frame = schema.conform("processes", {"tids": [(1, 2), (3, 4)]})
    assert frame["tids"].tolist() == [(1, 2), (3, 4)]


def test_findings_have_every_field_of_a_finding() -> None:
    fields = set(Finding.__dataclass_fields__)
    assert fields == set(schema.TABLES["findings"].names)


def test_a_strange_column_and_unequal_lengths_are_our_mistakes() -> None:
    with pytest.raises(ValueError, match="fds has no column colour, size"):
        schema.conform("fds", {"size": [1], "colour": [2]})
    with pytest.raises(ValueError, match="differ in length: fd 2, pid 1"):
        schema.conform("fds", {"fd": [1, 2], "pid": [1]})


def test_check_names_all_that_is_wrong_at_once() -> None:
    frame = schema.empty("tasks").drop(columns="table").assign(extra=1)
    frame["tid"] = frame["tid"].astype("int64")
    assert schema.check(frame, "tasks") == [
        "table: missing",
        "extra: not a column of tasks",
        "tid: is int64, should be Int32",
    ]


def test_check_looks_at_words_at_absence_and_at_the_index() -> None:
    columns = {"key": ["a", "a"], "check": ["leak", None], "certainty": ["sure", "certain"]}
    frame = schema.conform("findings", columns)
    faults = schema.check(frame, "findings")
    assert "key: not unique" in faults
    assert "check: 1 absent, where it is always known" in faults
    assert "certainty: has sure; all it may be is certain, inferred, unknown" in faults


def test_importing_the_schema_does_not_import_pandas() -> None:
    code = "import sys, fdtrace.schema; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
