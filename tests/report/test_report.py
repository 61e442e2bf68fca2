import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import fdtrace
from fdtrace.cli import app
from fdtrace.errors import BadArgument, MissingExtra
from fdtrace.readings import Readings
from fdtrace.report.endings import FORMS, form
from tests.report.scenes import TICKETS, report
from tests.report.secret_captures import SECRETS, write

SAMPLE = Path(__file__).parents[2] / "samples" / "lws-gateway"
SHOWN = ("lws_plat_pipe_create", "report_metrics")


@pytest.fixture(scope="module")
def case() -> fdtrace.Case:
    return fdtrace.load(SAMPLE)


def run(*words: object) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["report", *map(str, words)])
    return told.exit_code, told.stderr


@pytest.mark.parametrize("ending", FORMS)
def test_the_ending_is_the_form_and_the_same_case_the_same_file(
    case: fdtrace.Case, ending: str, tmp_path: Path
) -> None:
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    case.report().write(first)
    fdtrace.load(SAMPLE).report().write(second)
    assert first.read_bytes() == second.read_bytes()
    text = pd.read_parquet(first).to_csv() if ending == ".parquet" else first.read_text()
    assert all(name in text.replace("\\_", "_") for name in SHOWN)


def test_each_form_is_what_it_says(case: fdtrace.Case, tmp_path: Path) -> None:
    made = case.report()
    found = json.loads(made.to_json())
    assert [len(found["findings"]), len(found["coverage"])] == [len(case.check()), len(case.coverage)]
    for ending in (".jsonl", ".csv", ".tsv"):
        made.write(tmp_path / f"out{ending}")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["key"] for row in rows] == [one["key"] for one in found["findings"]]
    for ending, between in ((".csv", ","), (".tsv", "\t")):
        assert list(pd.read_csv(tmp_path / f"out{ending}", sep=between)["key"]) == [
            row["key"] for row in rows
        ]
    assert made.to_html().startswith("<!DOCTYPE html>")
    assert made.to_jira().count("{noformat}") % 2 == 0


def test_formulas_do_not_run_in_a_spreadsheet_unless_raw(tmp_path: Path) -> None:
    from tests.report.test_terminal import FULL, leak

    made = report([leak(title="=cmd()")], [FULL])
    made.write(tmp_path / "safe.csv")
    made.write(tmp_path / "raw.csv", raw=True)
    assert ",'=cmd()," in (tmp_path / "safe.csv").read_text()
    assert ",=cmd()," in (tmp_path / "raw.csv").read_text()


def test_the_last_line_said_is_where_it_went(tmp_path: Path) -> None:
    path = tmp_path / "ticket.md"
    code, said = run(SAMPLE, "-o", path)
    assert code == 0
    assert said.splitlines()[-1] == f"written to {path}"
    assert path.read_text().startswith("**gateway (pid 12692) leaks 40 descriptors")


def test_an_existing_file_is_refused_before_anything_is_read_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "ticket.md"
    path.write_text("mine")
    code, said = run("/nothing/there", "-o", path)
    assert code == 2
    assert "exists; --force replaces it" in said
    assert path.read_text() == "mine"
    assert run(SAMPLE, "-o", path, "--force")[0] == 0
    assert path.read_text() != "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["ticket.md"]


@pytest.mark.parametrize("name", ["ticket", "ticket.doc", "ticket.jsn"])
def test_another_ending_is_refused_with_those_that_are_known(name: str, tmp_path: Path) -> None:
    code, said = run(SAMPLE, "-o", tmp_path / name)
    assert code == 2
    assert ", ".join(FORMS) in said


@pytest.mark.parametrize(("name", "ending"), [("a.MD", ".md"), ("a.htm", ".html"), ("x.y.markdown", ".md")])
def test_endings_have_other_spellings(name: str, ending: str) -> None:
    assert form(name) == ending


def test_a_date_is_written_only_when_asked_for(case: fdtrace.Case, tmp_path: Path) -> None:
    assert "Written on" not in case.report().to_markdown()
    assert "Written on 2026-01-02." in case.report(date="2026-01-02").to_markdown()
    assert run(SAMPLE, "-o", tmp_path / "x.md", "--date-stamp")[0] == 0
    assert "Written on 20" in (tmp_path / "x.md").read_text()


def test_less_room_than_a_report_needs_is_refused(case: fdtrace.Case) -> None:
    with pytest.raises(BadArgument, match="2,000 is the least"):
        case.report().to_markdown(max_chars=100)


def test_only_some_checks(case: fdtrace.Case) -> None:
    assert case.report(only=["double_close"]).findings == []
    with pytest.raises(BadArgument, match="Accepted"):
        case.report(only=["nonsense"])


def test_without_pyarrow_the_command_to_install_it_is_named(
    case: fdtrace.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'fdtrace\[parquet\]'"):
        case.report().write(tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_fail_on_works_as_everywhere(tmp_path: Path) -> None:
    assert run(SAMPLE, "-o", tmp_path / "x.txt", "--fail-on", "high")[0] == 1


def test_redaction_by_the_command_line(tmp_path: Path) -> None:
    names, key = write(tmp_path), tmp_path / "key.json"
    assert run(*names, "-o", tmp_path / "x.md", "--redact-key", key)[0] == 0
    text = (tmp_path / "x.md").read_text()
    assert not [word for word in SECRETS.values() if word in text]
    assert SECRETS["v4 peer"] in json.loads(key.read_text())["names"].values()
    commands = (
        "leaks",
        "check",
        "sockets --columns all",
        "fds -f csv",
        "events -f jsonl",
        "story --pid 4120 --fd 11",
        "doctor",
    )
    for command in map(str.split, commands):
        told = CliRunner().invoke(app, [command[0], *names, *command[1:], "--redact-key", str(key)])
        assert told.exit_code == 0
        assert not [word for word in SECRETS.values() if word.lower() in told.stdout.lower()]
        assert "Redacted: " in told.stderr
    for ending in (".svg", ".perfetto.json", ".folded"):
        path = tmp_path / f"x{ending}"
        told = CliRunner().invoke(app, ["timeline", *names, "-o", str(path), "--redact"])
        assert told.exit_code == 0
        assert not [word for word in SECRETS.values() if word.lower() in path.read_text().lower()]
    assert run(*names, "-o", tmp_path / "y.md", "--redact", "--show-payload")[0] == 2


def test_the_report_prints_as_text_and_is_known_by_its_size() -> None:
    made = report(*TICKETS["two-leaks"])
    assert str(made) == made.to_text()
    assert repr(made) == "Report of 3 findings in 1 capture"


def test_an_answer_without_a_report_needs_no_templates() -> None:
    code = "import sys, fdtrace.cli; print('jinja2' in sys.modules, 'pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


def test_a_page_reads_a_recording_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = Readings._read
    monkeypatch.setattr(Readings, "_read", lambda self, *a, **k: reads.append(1) or read(self, *a, **k))
    for made in (fdtrace.load(SAMPLE).report(), fdtrace.load(SAMPLE).redacted().report()):
        reads.clear()
        made.to_html()
        assert len(reads) == 1


@pytest.mark.parametrize("name", ["lws-gateway", "web-server"])
def test_read_at_once_or_one_by_one_it_is_the_same(name: str) -> None:
    at_once, alone = fdtrace.load(SAMPLE.parent / name), fdtrace.load(SAMPLE.parent / name)
    at_once.gather()
    assert list(at_once.check()) == list(alone.check())
    assert list(at_once.coverage) == list(alone.coverage)
    assert at_once.leaked == alone.leaked
    assert at_once.fds.equals(alone.fds)
    assert at_once.processes.equals(alone.processes)


def test_the_account_of_a_redacted_page_counts_its_tables_and_pictures_too(tmp_path: Path) -> None:
    redacted = fdtrace.load(*write(tmp_path)).redacted()
    page = redacted.report().to_html()
    assert redacted.account[0] in page
