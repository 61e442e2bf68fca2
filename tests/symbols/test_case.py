"""Symbols in a Case: its tables, its findings, the commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fdtrace
from fdtrace.cli import app
from fdtrace.errors import BadArgument
from fdtrace.symbols import tools

SPLIT = Path(__file__).parent.parent / "captures" / "strace-6.1-split"
TRACE = SPLIT / "spool.strace.xz"
FIRST = "symbols: 1 of 3 modules found; of 39 different frames 7 have a source line, 9 got another name"


@pytest.fixture(scope="module")
def case():
    if tools.where("llvm-symbolizer", "addr2line") is None or tools.where("c++filt") is None:
        pytest.skip("neither llvm-symbolizer nor addr2line is installed, or no c++filt")
    return fdtrace.load(TRACE, symbols=SPLIT)


def test_the_leak_has_its_line(case):
    (leak,) = [one for one in case.leaks() if one.severity == "high"]

    assert leak.key == "leak:spool:file:spool!spool::Log<char const*>::open_it() const"
    assert leak.callers == ("open_log", "spool::rotate(int)", "spool::serve(int)", "main")
    assert (leak.source, leak.source_line) == ("/build/spool/spool.cc", 9)
    assert "/build/spool/spool.cc:9" in str(case.leaks())


def test_evidence_is_what_the_capture_says(case):
    bare = {one.evidence for one in fdtrace.load(TRACE).leaks() if one.severity == "high"}

    assert {one.evidence for one in case.leaks() if one.severity == "high"} == bare


def test_every_table_has_the_same_names(case):
    logs = case.fds[case.fds.target.astype(str).str.contains("spool-")]
    assert set(logs.call_site) == {"spool::Log<char const*>::open_it() const"}

    stack = case.frames[case.frames["stack"] == logs["stack"].iloc[0]]
    assert stack.inlined.tolist()[:4] == [False, True, True, False]
    assert stack.depth.tolist() == list(range(len(stack)))
    assert not stack.guessed[stack.module.str.endswith("spool")].any()
    assert set(stack.build_id.dropna()) == {_build_id()}


def _build_id():
    from fdtrace.symbols.elf import Elf

    return Elf(str(SPLIT / "bin" / "spool")).build_id


def test_what_was_found_is_told(case):
    assert case.symbols[0] == FIRST
    assert case.coverage[0].symbols == tuple(case.symbols)
    assert "symbols       1 of 3 modules found" in str(case.coverage)


def test_without_symbols_nothing_is_told():
    case = fdtrace.load(TRACE)

    assert case.symbols == []
    assert case.coverage[0].symbols == ()
    assert case.frames.inlined.isna().all()


def test_a_saved_case_keeps_them(case, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    case.save(tmp_path / "x.fdtrace")

    kept = fdtrace.load(tmp_path / "x.fdtrace")
    assert kept.coverage[0].symbols == tuple(case.symbols)
    assert [one.source_line for one in kept.check()] == [one.source_line for one in case.check()]
    with pytest.raises(BadArgument, match="give symbols where it is saved"):
        fdtrace.load(tmp_path / "x.fdtrace", symbols=[SPLIT])


def test_redacted_they_have_no_private_paths(case):
    redacted = case.redacted()
    (leak,) = [one for one in case.leaks() if one.severity == "high"]

    shown = redacted.shown(replace(leak, source="/home/jane/secret-plan/x.cc"))
    assert shown.source.endswith(".cc")
    assert "jane" not in shown.source
    assert "plan" not in shown.source
    assert not any("srv" in text for text in redacted.coverage[0].symbols)


def test_the_commands(case):
    asked = ["leaks", str(TRACE), "--symbols", str(SPLIT / "bin"), "--symbols", str(SPLIT)]

    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0
    assert "at          /build/spool/spool.cc:9" in result.stdout
    assert FIRST in result.stderr


def test_a_directory_that_is_not_there():
    result = CliRunner().invoke(app, ["doctor", str(TRACE), "--symbols", "/nothing/here"])

    assert result.exit_code == 2
    assert "/nothing/here does not exist" in result.stderr
