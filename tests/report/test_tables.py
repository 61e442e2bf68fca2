import csv
import io
import json
import re
from typing import Any

import pandas as pd
import pytest

from fdtrace import schema
from fdtrace.errors import BadArgument
from fdtrace.model import Coverage, Evidence, Finding
from fdtrace.report import cells, findings_json, tables
from fdtrace.report.media import FORMATS, Format

HOSTILE = [
    "</script><b>x",
    "a|b`c`",
    "\x1b[2J\x1b]0;owned\x07",
    "=cmd|' /C calc'!A0",
    "1e5",
    "invoice\u202egnp.exe",
    "two\r\nlines\tand a tab",
    "x" * 10_000,
    None,
]


def fds(**columns: Any) -> pd.DataFrame:
    return schema.conform("fds", columns)


@pytest.fixture
def hostile() -> pd.DataFrame:
    return fds(
        fd=range(3, 3 + len(HOSTILE)),
        target=HOSTILE,
        kind=["file"] * len(HOSTILE),
        cloexec=[True, False, None] * 3,
        open_t_s=[0.1, None, 1e-9] * 3,
    )


def text_of(frame: pd.DataFrame, name: str = "fds", format: Format = "table", **options: Any) -> str:
    stream = io.StringIO()
    tables.write(frame, name, stream, format, **options)
    return stream.getvalue()


def notices_of(frame: pd.DataFrame, **options: Any) -> list[str]:
    told: list[str] = []
    tables.write(frame, "fds", io.StringIO(), notice=told.append, **options)
    return told


@pytest.mark.parametrize("name", sorted(schema.TABLES))
@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_table_in_every_format(name: str, format: Format) -> None:
    text = text_of(schema.empty(name), name, format)
    if format == "json":
        assert json.loads(text) == []
    elif format == "jsonl":
        assert text == ""
    else:
        assert set(tables.BRIEF.get(name, ())) <= set(re.split(r"[\s|,]+", text.replace("\\", "")))


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_hostile_reaches_the_output(hostile: pd.DataFrame, format: Format) -> None:
    text = text_of(hostile, format=format)
    for line in text.split("\n"):
        assert cells.visible(line.replace("\t", "") if format == "tsv" else line) == (
            line.replace("\t", "") if format == "tsv" else line
        )


@pytest.mark.parametrize(("format", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_csv_has_one_line_a_row_all_columns_and_no_formula(
    hostile: pd.DataFrame, format: Format, delimiter: str
) -> None:
    text = text_of(hostile, format=format)
    rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    assert len(text.splitlines()) == len(rows) + 1 == len(HOSTILE) + 1
    assert list(rows[0]) == list(schema.TABLES["fds"].names)
    assert [row["target"][:8] for row in rows[:5]] == ["</script", "a|b`c`", "\\x1b[2J\\", "'=cmd|' ", "1e5"]
    assert rows[8]["target"] == ""
    assert [row["cloexec"] for row in rows[:3]] == ["true", "false", ""]
    assert [row["open_t_s"] for row in rows[:3]] == ["0.1", "", "1e-09"]


def test_csv_keeps_formulas_when_the_exact_text_is_asked_for(hostile: pd.DataFrame) -> None:
    rows = list(csv.DictReader(io.StringIO(text_of(hostile, format="csv", raw=True))))
    assert rows[3]["target"] == HOSTILE[3]


def test_json_is_exact_and_absence_is_null(hostile: pd.DataFrame) -> None:
    rows = json.loads(text_of(hostile, format="json"))
    assert [row["target"] for row in rows] == HOSTILE
    assert [row["cloexec"] for row in rows[:3]] == [True, False, None]
    assert [row["open_t_s"] for row in rows[:3]] == [0.1, None, 1e-9]
    assert rows[0]["fd_id"] == 0
    assert rows[0]["inode"] is None
    lines = text_of(hostile, format="jsonl").splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_markdown_cells_stay_cells(hostile: pd.DataFrame) -> None:
    lines = text_of(hostile, format="markdown", columns=["fd", "target"]).splitlines()
    assert len(lines) == len(HOSTILE) + 2
    assert lines[3].split(" | ")[1].startswith(r"a\|b\`c\`")
    assert "<" not in "".join(lines)


def test_a_table_does_not_guess_numbers() -> None:
    assert "1e5" in text_of(fds(fd=[3], target=["1e5"]), columns=["fd", "target"])


@pytest.mark.parametrize("width", [20, 40, 80, 120, 300])
def test_a_table_fits_the_terminal(hostile: pd.DataFrame, width: int) -> None:
    text = text_of(hostile, width=width)
    assert max(map(len, text.splitlines())) <= width


def test_columns_that_do_not_fit_are_announced(hostile: pd.DataFrame) -> None:
    told = notices_of(hostile, width=20)
    assert told == [
        f"fds: 3 of {len(schema.TABLES['fds'].names)} columns; --columns all or other names for the rest"
    ]


def test_text_keeps_its_two_ends_when_it_is_cut() -> None:
    text = text_of(fds(fd=[3], target=["/usr/lib/x86_64-linux-gnu/libc.so.6"]), columns=["target"], width=15)
    assert text.splitlines()[2] == "/usr/li…bc.so.6"


def test_columns_are_chosen_by_name_and_in_that_order() -> None:
    frame = fds(fd=[3], target=["/a"], pid=[7])
    assert text_of(frame, format="csv", columns=["target", "pid", "fd_id"]) == "target,pid,fd_id\n/a,7,0\n"
    assert text_of(frame, format="table", columns=["all"]).count("cloexec") == 1


def test_a_column_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(BadArgument, match="Did you mean 'target'"):
        text_of(fds(fd=[3]), columns=["targt"])


def test_people_see_no_columns_without_any_value() -> None:
    header = text_of(fds(fd=[3], kind=["file"])).splitlines()[0].split()
    assert header == ["fd", "kind"]


def test_several_captures_are_told_apart() -> None:
    assert "capture" not in text_of(fds(fd=[3, 4], capture=["a", "a"]))
    assert text_of(fds(fd=[3, 4], capture=["a", "b"])).split()[0] == "capture"


def test_a_limit_is_kept_and_announced() -> None:
    frame = fds(fd=range(10))
    assert len(text_of(frame, format="csv", limit=3).splitlines()) == 4
    assert "fds: the first 3 of 10 rows" in notices_of(frame, limit=3)
    assert not any("rows" in told for told in notices_of(frame, limit=10))


def test_people_get_no_more_rows_than_they_can_look_at() -> None:
    frame = fds(fd=range(5_001))
    assert len(text_of(frame).splitlines()) == 5_002
    assert "fds: the first 5,000 of 5,001 rows; csv and jsonl have them all" in notices_of(frame)
    assert len(text_of(frame, format="csv").splitlines()) == 5_002


def test_rows_are_the_same_across_pieces(monkeypatch: pytest.MonkeyPatch, hostile: pd.DataFrame) -> None:
    whole = {format: text_of(hostile, format=format) for format in FORMATS}
    monkeypatch.setattr(tables, "_PIECE", 2)
    assert {format: text_of(hostile, format=format) for format in FORMATS} == whole


def finding(**fields: Any) -> Finding:
    return Finding(
        **{
            "key": "leak:x",
            "check": "leak",
            "severity": "high",
            "title": "24 eventfds",
            "capture": "app",
            "pids": (1, 2),
            "callers": ("main",),
            "evidence": (Evidence("app.strace", 7, "eventfd2() = 4"),),
            **fields,
        }
    )


def test_nested_values_of_findings() -> None:
    fields = ("key", "severity", "pids", "callers", "evidence")
    frame = schema.conform("findings", {name: [getattr(finding(), name)] for name in fields})
    row = json.loads(text_of(frame, "findings", "jsonl"))
    assert row["evidence"] == [{"file": "app.strace", "line": 7, "text": "eventfd2() = 4"}]
    assert row["pids"] == [1, 2]
    text = text_of(frame, "findings", columns=["key", "pids", "evidence"])
    assert text.splitlines()[2].split() == ["leak:x", "1;", "2", "app.strace", "7", "eventfd2()", "=", "4"]
    cell = next(csv.DictReader(io.StringIO(text_of(frame, "findings", "csv"))))["pids"]
    assert json.loads(cell) == [1, 2]


def test_findings_as_json_have_the_columns_of_the_table() -> None:
    stream = io.StringIO()
    coverage = Coverage("app", "strace", first_ns=0, last_ns=1_500_000_000)
    findings_json.write([finding(), finding(title="\x1b[31m", peer=None)], [coverage], stream)
    answer = json.loads(stream.getvalue())
    assert list(answer) == ["findings", "coverage"]
    assert list(answer["findings"][0]) == list(schema.TABLES["findings"].names)
    assert answer["findings"][0]["pid"] is None
    assert answer["findings"][0]["evidence"][0]["line"] == 7
    assert answer["findings"][1]["title"] == "\x1b[31m"
    assert "\x1b" not in stream.getvalue()
    assert answer["coverage"][0]["span_s"] == 1.5
    assert answer["coverage"][0]["kind"] == "strace"


def test_no_findings_as_json() -> None:
    stream = io.StringIO()
    findings_json.write([], [], stream)
    assert json.loads(stream.getvalue()) == {"findings": [], "coverage": []}
