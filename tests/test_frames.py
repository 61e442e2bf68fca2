"""Tables are DataFrames that go anywhere: questions, groups, plots, Parquet, JSON, DuckDB."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import fdtrace
from fdtrace import schema
from tests.report.scenes import NASTY

SAMPLES = Path(__file__).parent.parent / "samples"
EACH = [(sample.name, table) for sample in sorted(SAMPLES.iterdir()) for table in schema.TABLES]


@cache
def case(sample: str) -> fdtrace.Case:
    return fdtrace.load(SAMPLES / sample)


@cache
def table(sample: str, name: str) -> pd.DataFrame:
    if name == "findings":
        return case(sample).check().table
    if name == "story":
        some = case(sample).fds.query("uses > 0").iloc[-1]
        return case(sample).story(int(some["pid"]), int(some["fd"])).table
    frame: pd.DataFrame = getattr(case(sample), name)
    return frame


def plain(value: Any) -> Any:
    """A value as Python has it: arrays and tuples as lists, whatever is absent as None."""
    if hasattr(value, "tolist") and not isinstance(value, pd.Timestamp):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return None if value is None or pd.isna(value) else value


def rows(frame: pd.DataFrame) -> list[list[Any]]:
    whole = frame.reset_index() if frame.index.name else frame
    return [[plain(value) for value in row] for row in whole.astype(object).itertuples(index=False)]


@pytest.mark.slow
def test_the_samples_have_rows_in_every_table_but_problems() -> None:
    filled = {name for sample, name in EACH if len(table(sample, name))}
    assert filled == set(schema.TABLES) - {"problems"}


@pytest.mark.parametrize(("sample", "name"), EACH)
def test_parquet_and_back_is_the_same(sample: str, name: str, tmp_path: Path) -> None:
    frame = table(sample, name)
    frame.to_parquet(tmp_path / "t.parquet")
    again = pd.read_parquet(tmp_path / "t.parquet")
    assert schema.check(again, name) == []
    assert again.dtypes.map(str).to_dict() == frame.dtypes.map(str).to_dict()
    assert rows(again) == rows(frame)


@pytest.mark.parametrize(("sample", "name"), EACH)
def test_json_has_every_value(sample: str, name: str) -> None:
    frame = table(sample, name)
    records = json.loads(frame.to_json(orient="records", date_format="iso"))
    assert len(records) == len(frame)
    for column in frame.columns:
        if schema_type(name, column) in ("float64", "datetime64[ns, UTC]"):
            present = [record[column] is not None for record in records]
            assert present == frame[column].notna().tolist()
        else:
            assert [record[column] for record in records] == [plain(value) for value in frame[column]]


def schema_type(name: str, column: str) -> str:
    return next(one.dtype for one in schema.TABLES[name].columns if one.name == column)


@pytest.mark.parametrize(("sample", "name"), EACH)
def test_duckdb_reads_it_where_it_is(sample: str, name: str) -> None:
    frame = table(sample, name)
    counts = ", ".join(f'count("{column}")' for column in frame.columns)
    (known,) = duckdb.sql(f"select {counts} from frame").fetchall()
    assert list(known) == [len(frame[column].dropna()) for column in frame.columns]
    assert duckdb.sql("select * from frame").to_arrow_table().num_rows == len(frame)


@pytest.mark.parametrize("name", schema.TABLES)
def test_every_column_can_be_asked_and_grouped_by(name: str) -> None:
    frame = table("lws-gateway", name)
    for column in frame.columns:
        if schema_type(name, column) == "object":
            continue
        known = frame[column].dropna()
        sizes = frame.groupby(column, observed=True).size()
        assert sizes.sum() == len(known)
        assert len(frame.query(f"{column}.notna()")) == len(known)
        if len(known):
            value = known.iloc[0]
            assert len(frame.query(f"{column} == @value")) == sizes[value]


def test_severities_are_in_their_order() -> None:
    found = table("stock-service", "findings")
    assert list(found.query("severity >= 'medium'")["severity"]) == ["high"]
    assert found["severity"].max() == "high"


def test_numbers_that_may_be_absent_stay_whole_numbers() -> None:
    fds = table("stock-service", "fds")
    assert fds["close_line"].isna().any()
    assert str(fds.query("close_line > 0")["close_line"].dtype) == "Int64"
    assert str(fds.groupby("kind", observed=True)["read_bytes"].sum().dtype) == "Int64"
    lived = (fds["close_t_s"] - fds["open_t_s"]).groupby(fds["how"], observed=True).max()
    assert lived["close"] > 0
    assert pd.isna(lived["none"])


def test_evidence_is_records_that_any_format_takes() -> None:
    frame = table("lws-gateway", "findings")
    evidence = frame["evidence"].iloc[0]
    assert evidence[0]["line"] == 958
    assert set(evidence[0]) == {"file", "line", "text"}
    texts = duckdb.sql("select e.text from (select unnest(evidence) as e from frame)").fetchall()
    assert len(texts) == sum(map(len, frame["evidence"]))


def test_bytes_that_are_no_text_do_not_keep_a_table_from_a_file(tmp_path: Path) -> None:
    found = fdtrace.Finding("k", "leak", "high", NASTY, "a\udcff.strace", callers=("f\udc80",), pids=(1,))
    frame = fdtrace.Findings([found], []).table
    assert frame["callers"].iloc[0] == ("f\\x80",)
    frame.to_parquet(tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet")["capture"].iloc[0] == "a\\xff.strace"


@pytest.mark.parametrize(
    ("name", "kind", "how"),
    [
        ("fds", "scatter", {"x": "open_t_s", "y": "fd", "color": "how"}),
        ("fds", "hist", {"x": "kind", "color": "how"}),
        ("events", "scatter", {"x": "t_s", "y": "duration_s", "color": "syscall"}),
        ("sockets", "hist", {"x": "at", "color": "state"}),
        ("open_files", "hist", {"x": "snapshot", "color": "kind"}),
    ],
)
def test_tables_can_be_plotted(name: str, kind: str, how: dict[str, str]) -> None:
    pytest.importorskip("plotly")
    frame = table("lws-gateway", name)
    drawn = frame.plot(kind=kind, backend="plotly", **how)
    wanted = set(frame.dropna(subset=[how["x"]])[how["color"]].dropna().astype(str))
    assert wanted <= {trace.name for trace in drawn.data}
    assert json.loads(drawn.to_json())["data"]
