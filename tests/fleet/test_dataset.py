"""The files of a result: whole or not there, each incident once, read by what people use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fdtrace.errors import BadArgument, DamagedInput, UnknownFormat
from fdtrace.fleet.dataset import MARK, Dataset, is_result

ID = "0123456789abcdef0123"
ODD = ["a b", "ü", "x/y", "..", ".hidden", "50%", "a=b", 'q"*?', "__x__", "end ", "\udc80byte"]


def capture(
    host: str | None = "web", day: str | None = "2026-11-20", analysis: str = "a" * 20, **more: Any
) -> Any:
    return {"host": host, "day": day, "incident": "/c/web", "analysis": analysis, "analysed_at": 1, **more}


def finding(analysis: str = "a" * 20, **more: Any) -> Any:
    return {
        "host": "web",
        "day": "2026-11-20",
        "incident": "/c/web",
        "analysis": analysis,
        "key": "leak:x",
        **more,
    }


def begun(folder: Path) -> Dataset:
    dataset = Dataset(str(folder), create=True)
    dataset.begin(["incident"])
    return dataset


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))


def test_a_row_is_below_its_day_and_host(tmp_path: Path) -> None:
    dataset = begun(tmp_path / "fleet")
    dataset.put(ID, capture(), [finding()])
    assert files(tmp_path / "fleet") == [
        f"captures/day=2026-11-20/host=web/{ID}.parquet",
        f"findings/day=2026-11-20/host=web/{ID}-{'a' * 20}.parquet",
    ]
    (row,) = Dataset(str(tmp_path / "fleet")).captures()
    assert (row["host"], row["day"], row["incident"], row["error"]) == ("web", "2026-11-20", "/c/web", None)


def test_an_answer_takes_the_place_of_an_older_one_wherever_that_was(tmp_path: Path) -> None:
    dataset = begun(tmp_path / "fleet")
    dataset.put(ID, capture(), [finding()])
    later = capture("db", None, "b" * 20, analysed_at=2)
    dataset.put(ID, later, [finding("b" * 20, host="db", day=None)] * 2)
    unknown = "day=unknown/host=db"
    assert files(tmp_path / "fleet") == [
        f"captures/{unknown}/{ID}.parquet",
        f"findings/{unknown}/{ID}-{'b' * 20}.parquet",
    ]
    dataset.put(ID, later | {"analysis": "c" * 20}, [])
    assert files(tmp_path / "fleet") == [f"captures/{unknown}/{ID}.parquet"]
    dataset.forget(ID)
    assert files(tmp_path / "fleet") == []


def test_what_a_killed_run_left_over_counts_nowhere_and_is_swept_away(tmp_path: Path) -> None:
    # GIVEN an answer, its successor in another partition, and what else a kill may leave
    fleet = tmp_path / "fleet"
    begun(fleet).put(ID, capture(), [finding()])
    other = begun(tmp_path / "other")
    other.put(ID, capture("db", analysis="b" * 20, analysed_at=2), [finding("b" * 20)] * 3)
    for name in files(tmp_path / "other"):
        (fleet / name).parent.mkdir(parents=True, exist_ok=True)
        (fleet / name).write_bytes((tmp_path / "other" / name).read_bytes())
    (fleet / ".drafts").mkdir(exist_ok=True)
    (fleet / ".drafts" / "half").write_bytes(b"PAR1")
    (fleet / "captures" / "day=2026-11-20" / "host=web" / f"{'f' * 20}.parquet").write_bytes(b"PAR1 cut")
    # WHEN it is read
    dataset = Dataset(str(fleet))
    (row,) = dataset.captures()
    # THEN the newest counts, once
    assert row["host"] == "db"
    assert len(dataset.findings([row["analysis"]])) == 3
    # WHEN the next run begins
    with dataset.place.alone():
        dataset.begin(["incident"])
    # THEN the rest is gone, but for what is not ours to judge
    assert files(fleet) == [
        f"captures/day=2026-11-20/host=db/{ID}.parquet",
        f"captures/day=2026-11-20/host=web/{'f' * 20}.parquet",
        f"findings/day=2026-11-20/host=db/{ID}-{'b' * 20}.parquet",
    ]
    assert not (fleet / ".drafts").exists()


@pytest.mark.parametrize("host", ODD)
def test_any_host_is_a_directory_and_comes_back(tmp_path: Path, host: str) -> None:
    dataset = begun(tmp_path / "fleet")
    dataset.put(ID, capture(host), [])
    (folder,) = (tmp_path / "fleet" / "captures" / "day=2026-11-20").iterdir()
    assert folder.name.startswith("host=")
    (row,) = Dataset(str(tmp_path / "fleet")).captures()
    assert row["host"] == host.replace("\udc80", "\\x80")


def test_duckdb_polars_and_pandas_read_it(tmp_path: Path) -> None:
    import duckdb
    import pandas as pd
    import polars as pl

    fleet = tmp_path / "fleet"
    dataset = begun(fleet)
    names = [name for name in ODD if name != "\udc80byte"]
    for number, host in enumerate([*names, None]):
        id_ = f"{number:020x}"
        day = None if number == 1 else f"2026-11-{number + 1:02}"
        dataset.put(id_, capture(host, day, id_, lines=number, kinds=["strace"]), [finding(id_, open=number)])
    pattern = str(fleet / "captures" / "*" / "*" / "*.parquet")
    by_duck = duckdb.sql(
        f"select host, day, lines, kinds from read_parquet('{pattern}', hive_partitioning=true)"
    )
    by_polars = pl.read_parquet(pattern, hive_partitioning=True)
    by_pandas = pd.read_parquet(fleet / "captures")
    for hosts, lines in (
        (by_duck.fetchnumpy()["host"].tolist(), sum(row[2] for row in by_duck.fetchall())),
        (by_polars["host"].to_list(), by_polars["lines"].sum()),
        (by_pandas["host"].astype(object).tolist(), by_pandas["lines"].sum()),
    ):
        assert set(hosts) == {*names, "unknown"}
        assert len(hosts) == len(names) + 1
        assert lines == sum(range(len(names) + 1))
    joined = duckdb.sql(
        f"select count(*) from read_parquet('{fleet}/findings/*/*/*.parquet') f"
        f" join read_parquet('{pattern}') c using (analysis) where f.open = c.lines"
    )
    assert joined.fetchall() == [(len(names) + 1,)]


def test_numbers_that_do_not_fit_are_absent(tmp_path: Path) -> None:
    dataset = begun(tmp_path / "fleet")
    dataset.put(ID, capture(), [finding(pid=1 << 40, open=3), finding(pid=7, open=1 << 80)])
    rows = dataset.found(ID)
    assert [(row["pid"], row["open"]) for row in rows] == [(None, 3), (7, None)]


def test_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(BadArgument, match="is left alone"):
        Dataset(str(tmp_path / "notes"), create=True)
    with pytest.raises(BadArgument, match="no result of fdtrace scan"):
        Dataset(str(tmp_path / "none"))
    assert not is_result(str(tmp_path / "notes"))


def test_a_newer_or_broken_mark_is_refused(tmp_path: Path) -> None:
    begun(tmp_path / "fleet")
    assert is_result(str(tmp_path / "fleet"))
    mark = tmp_path / "fleet" / MARK
    mark.write_text(mark.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(UnknownFormat, match="version 2"):
        Dataset(str(tmp_path / "fleet"))
    mark.write_text("{")
    with pytest.raises(DamagedInput, match="damaged"):
        Dataset(str(tmp_path / "fleet"))


def test_two_scans_do_not_write_at_once(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    one, two = begun(tmp_path / "fleet"), Dataset(str(tmp_path / "fleet"))
    with (
        one.place.alone(),
        pytest.raises(BadArgument, match="another scan is writing there"),
        two.place.alone(),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    from fdtrace.errors import FdtraceError

    tmp_path.chmod(0o500)
    with pytest.raises((FdtraceError, OSError)):
        begun(tmp_path / "fleet")
