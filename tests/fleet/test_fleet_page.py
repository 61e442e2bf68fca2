"""The page about fleets says what the code says, and what it shows works."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import fdtrace
from fdtrace.fleet import work
from fdtrace.fleet.tables import OUTCOMES
from tests.fleet import small

PAGE = (Path(__file__).parent.parent.parent / "docs" / "fleet.md").read_text(encoding="utf-8")


def test_the_outcomes_are_those_of_the_code() -> None:
    table = PAGE.partition("| outcome | |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == OUTCOMES


def test_the_limit_of_copies_is_that_of_the_code() -> None:
    assert f"{work.LARGEST_COPY >> 30} GiB; TMPDIR" in PAGE


def test_the_queries_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    small.hosts(tmp_path / "captures", 4, (1, 2))
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(1) as executor:
        fdtrace.scan("captures", result="fleet", executor=executor)
    sql = PAGE.partition("```sql\n")[2].partition("```")[0]
    assert [(site, hosts, str(since)) for site, hosts, since in duckdb.sql(sql).fetchall()] == [
        ("open_it", 2, "2026-11-21")
    ]
    code = PAGE.partition("```python\nimport polars\n")[2].partition("```")[0]
    assert eval(code.strip(), {"polars": __import__("polars")}).rows() == [("analysed", 4)]
