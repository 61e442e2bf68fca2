"""Source lines: what the tools answer, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fdtrace.errors import MissingExtra
from fdtrace.symbols import dwarf, lines, tools
from fdtrace.symbols.spots import Spot

DEBUG = str(Path(__file__).parent.parent / "captures" / "strace-6.1-split" / "spool.debug")
ADDRESSES = [0x11F3, 0x126E, 0x10B1, 0x9999]


def told(tool):
    found = lines.look_up(DEBUG, ADDRESSES, tool)
    assert not found.trouble
    return {
        address: [(one.function, one.file, one.line) for one in chain]
        for address, chain in found.chains.items()
    }


@pytest.mark.parametrize("tool", ["llvm-symbolizer", "addr2line", "python"])
def test_inlined_functions_one_by_one_as_gdb_has_them(tool):
    if tool == "python":
        pytest.importorskip("elftools", reason="pyelftools is not installed")
    elif tools.where(tool) is None:
        pytest.skip(f"{tool} is not installed")

    found = told(tool)

    assert found[0x11F3] == [
        ("_ZNK5spool3LogIPKcE7open_itEv", "/build/spool/spool.cc", 9),
        ("open_log", "/build/spool/spool.cc", 15),
        ("_ZN5spool6rotateEi", "/build/spool/spool.cc", 22),
    ]
    assert found[0x126E] == [("_ZN5spool5serveEi", "/build/spool/spool.cc", 34)]
    assert found[0x10B1] == [("main", "/build/spool/spool.cc", 41)]
    assert 0x9999 not in found


def test_addr2line_repeats_the_address_before_each_chain():
    text = (
        "0x0000000000000010\ninner\n/a/b/../x.c:3 (discriminator 2)\nouter\n/a/x.c:9\n"
        "0x0000000000000020\n??\n??:0\n0x0000000000000030\nf\n??:?\n0x0000000000000077\nstray\nx.c:1\n"
    )

    assert dict(lines._of_addr2line(text, [0x10, 0x20, 0x30])) == {
        0x10: (Spot("inner", "/a/x.c", 3), Spot("outer", "/a/x.c", 9)),
    }


def test_the_nearest_symbol_is_no_source_line():
    assert not dict(lines._of_addr2line("0x10\n_end\n??:?\n", [0x10]))
    assert not dict(lines._of_llvm("_end\n??:0:0\n\n", [0x10]))


def test_addr2line_lends_a_nameless_function_the_name_of_its_code():
    text = "0x10\nmain\nx.cc:29\nfor_each\nstl_algo.h:3787\nmain\nx.cc:29\n"

    (chain,) = dict(lines._of_addr2line(text, [0x10])).values()
    assert [one.function for one in chain] == [None, "for_each", "main"]


def test_llvm_symbolizer_answers_in_order():
    text = "inner\n/x.c:3:12\nouter\n/x.c:9:0\n\n??\n??:0:0\n\nf\nC:\\x.c:7:1\n\n"

    assert dict(lines._of_llvm(text, [0x10, 0x20, 0x30])) == {
        0x10: (Spot("inner", "/x.c", 3), Spot("outer", "/x.c", 9)),
        0x30: (Spot("f", "C:\\x.c", 7),),
    }


@pytest.mark.parametrize("text", ["", "\n", "0x10", "0x10\nf", "0x10\nf\n\n0x20\n", "a\0b\n:::\n\n\n" * 9])
def test_answers_that_are_cut_or_nonsense(text):
    for parse in (lines._of_addr2line, lines._of_llvm):
        for address, chain in parse(text, [0x10, 0x20]):
            assert address in (0x10, 0x20)
            assert chain


def test_without_tools_python_reads_them(monkeypatch):
    pytest.importorskip("elftools", reason="pyelftools is not installed")
    monkeypatch.setattr(tools, "where", lambda *names: None)

    assert told("auto")[0x126E] == [("_ZN5spool5serveEi", "/build/spool/spool.cc", 34)]


def test_without_anything_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tools, "where", lambda *names: None)
    monkeypatch.setattr(dwarf, "installed", lambda: False)

    assert "pip install 'fdtrace[symbols]'" in lines.look_up(DEBUG, ADDRESSES).trouble
    with pytest.raises(MissingExtra, match=r"fdtrace\[symbols\]"):
        lines.look_up(DEBUG, ADDRESSES, "python")
    assert lines.look_up(DEBUG, ADDRESSES, "addr2line").trouble == "addr2line is not installed"


def test_python_gives_up_when_it_takes_too_long():
    pytest.importorskip("elftools", reason="pyelftools is not installed")

    found = dwarf.look_up(DEBUG, ADDRESSES, seconds=-1)
    assert "given up" in found.trouble
    assert not found.chains


def test_python_does_not_unpack_without_end(tmp_path, monkeypatch):
    pytest.importorskip("elftools", reason="pyelftools is not installed")
    monkeypatch.setattr(dwarf, "MOST_BYTES", 1000)

    assert "too many without addr2line" in dwarf.look_up(DEBUG, ADDRESSES).trouble


def test_a_file_that_drops_its_lines_is_asked_of_addr2line_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(tools, "where", lambda name: asked.append(name))

    assert lines.look_up(DEBUG, ADDRESSES, "auto", shared=True).trouble == "addr2line is not installed"
    assert asked == ["addr2line"]


def test_a_program_that_hangs_is_ended():
    sleep = tools.where("sleep")
    if sleep is None:
        pytest.skip("there is no sleep")

    assert tools.answer([sleep, "30"], "", seconds=0.1).trouble == "sleep took longer than 0 s"


def test_programs_are_asked_with_an_empty_environment(monkeypatch):
    monkeypatch.setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9/")
    env = tools.where("env")
    if env is None:
        pytest.skip("there is no env")

    assert sorted(line.partition("=")[0] for line in tools.answer([env], "").text.split()) == [
        "LC_ALL",
        "PATH",
    ]
