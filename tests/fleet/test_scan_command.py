"""The command `fdtrace scan`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fdtrace.cli import app
from fdtrace.fleet import pool
from tests.fleet import small


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is done in a thread: worker processes are tested elsewhere."""
    from concurrent.futures import ThreadPoolExecutor

    def threads(workers: int | None, memory_bytes: int | None) -> pool.Borrowed:
        return pool.Borrowed(ThreadPoolExecutor(workers or 1), 2)

    monkeypatch.setattr("fdtrace.fleet.Processes", threads)


def run(*arguments: object, code: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(app, ["scan", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    small.hosts(tmp_path / "in", 3, (1,))
    run(tmp_path / "in", "-o", tmp_path / "out")
    return tmp_path / "out"


def test_a_scan_answers_and_tells_what_it_did(tmp_path: Path) -> None:
    small.hosts(tmp_path / "in", 3, (1,))
    out, err = run(tmp_path / "in", "-o", tmp_path / "out")
    assert out.startswith("1 call site leaks on 1 of 3 hosts (3 captures from 2026-11-20 to 2026-11-22)")
    assert err.startswith("3 captures analysed in ")
    again, err = run(tmp_path / "in", "-o", tmp_path / "out")
    assert again == out
    assert err.startswith("0 captures analysed in ")
    assert "3 unchanged" in err


def test_a_result_alone_is_shown(fleet: Path, tmp_path: Path) -> None:
    out, err = run(fleet)
    assert out.startswith("1 call site leaks on 1 of 3 hosts")
    assert not err
    _, err = run(tmp_path / "in", code=2)
    assert "-o RESULT says where the answers go" in err
    _, err = run(fleet, fleet, code=2)
    assert "-o RESULT" in err


def test_the_answer_for_programs(fleet: Path) -> None:
    out, _ = run(fleet, "-f", "json")
    (row,) = (row for row in json.loads(out) if row["severity"] == "high")
    assert (row["hosts"], row["of_hosts"], row["worst_host"]) == (1, 3, "web-1")
    assert row["evidence"][0]["line"] > 0
    out, _ = run(fleet, "-f", "csv", "--columns", "call_site,hosts", "--limit", 1)
    assert list(csv.reader(io.StringIO(out))) == [["call_site", "hosts"], ["open_it", "1"]]
    out, _ = run(fleet, "-f", "markdown")
    assert out.startswith("| severity")
    _, err = run(fleet, "--columns", "callsite", code=2)
    assert "call_site" in err


def test_exit_codes(fleet: Path, tmp_path: Path) -> None:
    run(fleet, "--fail-on", "high", code=1)
    run(tmp_path / "in" / "web-0", "-o", tmp_path / "clean", "--fail-on", "medium")
    _, err = run(tmp_path / "in", tmp_path / "none", "-o", fleet, code=3)
    assert f"{tmp_path / 'none'}: cannot be read (No such file or directory)" in err
    _, err = run(tmp_path / "in", "-o", tmp_path / "in", code=2)
    assert "is left alone" in err
    _, err = run(tmp_path / "in", "-o", fleet, "--host-from", "(", code=2)
    assert "host_from is no regular expression" in err


def test_an_interrupt_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.hosts(tmp_path / "in", 3)
    monkeypatch.setattr("fdtrace.report.fleet.FleetMeter.done", interrupt)
    _, err = run(tmp_path / "in", "-o", tmp_path / "out", code=130)
    assert err == "interrupted: what is done is kept, and the same command goes on from there\n"


def interrupt(self: object, done: object) -> None:
    raise KeyboardInterrupt


def test_labels_and_limits_are_handed_on(tmp_path: Path) -> None:
    small.put(tmp_path / "in" / "x" / "node7-v2.3", small.trace(True))
    out, _ = run(
        tmp_path / "in", "-o", tmp_path / "out", "--host-from", r"(node\d+)", "--version-from", r"-v([\d.]+)",
        "--day-from", r"no-(\d+)", "--only", "leak", "--time-limit", 500, "--each-file",
    )  # fmt: skip
    assert "node7, 2026-11-20: 40 open" in out
    assert "version 2.3" in out


def test_names_are_hidden_when_asked_for(fleet: Path, tmp_path: Path) -> None:
    out, err = run(fleet, "--redact-key", tmp_path / "key")
    assert "web-1" not in out
    assert "host-1" in out
    assert "Redacted: " in err
    assert "web-1" in (tmp_path / "key").read_text()
    rows, _ = run(fleet, "--redact-key", tmp_path / "key", "-f", "csv")
    assert "web-1" not in rows
    assert "host-1" in rows


def test_a_scheduler_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("fdtrace.cli.scan._ANSWER_S", 0.3)
    small.hosts(tmp_path / "in", 1)
    _, err = run(tmp_path / "in", "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1", code=3)
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in err
