"""From frames as strace prints them to functions, files and lines."""

from __future__ import annotations

import lzma
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fdtrace.errors import BadArgument
from fdtrace.history.callsites import CallSites
from fdtrace.readers.strace.stacks import Frame
from fdtrace.symbols.resolve import Symbols
from tests.symbols.elf_maker import CALL, make

SPLIT = Path(__file__).parent.parent / "captures" / "strace-6.1-split"
NOP = b"\x90" * 8
BUILD = "00112233445566778899"


def stacks(text):
    """The different stacks of a trace."""
    blocks, block = {}, []
    for line in [*text.split(b"\n"), b""]:
        if line.startswith(b" > "):
            block.append(line[3:])
        elif block:
            blocks[b"\n".join(block)] = None
            block = []
    return list(blocks)


@pytest.fixture(scope="module")
def spool():
    return stacks(lzma.decompress((SPLIT / "spool.strace.xz").read_bytes()))


def told(resolved, block):
    return [(one.symbol, one.source and Path(one.source).name, one.source_line, one.inlined) for one in resolved.frames(block)]  # fmt: skip  # noqa: E501


def of(resolved, module):
    (one,) = [one for one in resolved.account.modules if one.module.endswith(module)]
    return one


def test_a_stripped_program_with_its_debug_file(spool):
    resolved = Symbols((str(SPLIT),)).resolve(spool)

    (logs,) = [block for block in spool if b"[0x11f4]" in block and b"__open64" in block]
    assert told(resolved, logs)[1:6] == [
        ("spool::Log<char const*>::open_it() const", "spool.cc", 9, True),
        ("open_log", "spool.cc", 15, True),
        ("spool::rotate(int)", "spool.cc", 22, False),
        ("spool::serve(int)", "spool.cc", 34, False),
        ("main", "spool.cc", 41, False),
    ]
    assert of(resolved, "bin/spool").status == "found"
    assert of(resolved, "bin/spool").debug_file == str(SPLIT / "spool.debug")


def test_the_call_site_is_the_function_in_whose_source_the_call_stands(spool):
    (logs,) = [block for block in spool if b"[0x11f4]" in block and b"__open64" in block]

    before, after = CallSites().of(logs), CallSites((), Symbols((str(SPLIT),)).resolve(spool)).of(logs)

    assert (before.site, before.source) == ("spool+0x11f4", None)
    assert after.site == "spool::Log<char const*>::open_it() const"
    assert after.callers == ("open_log", "spool::rotate(int)", "spool::serve(int)", "main")
    assert (after.source, after.source_line) == ("/build/spool/spool.cc", 9)


@pytest.mark.parametrize(
    ("passed_over", "source"),
    [
        ("open", "/usr/include/x86_64-linux-gnu/bits/fcntl2.h"),
        ("__invoke_impl<int, main()::<lambda(int)>&, int>", "/usr/include/c++/12/bits/invoke.h"),
        ("open<&str>", "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/fs.rs"),
    ],
)
def test_inlined_functions_of_standard_libraries_are_no_call_sites(passed_over, source):
    class Told:
        def frames(self, block):
            own = Frame("/srv/app", "serve", None, 0x10, "/build/app.cc", 7)
            return [replace(own, symbol=passed_over, source=source, source_line=53, inlined=True), own]

    site = CallSites((), Told()).of(b"")
    assert (site.site, site.source, site.source_line) == ("serve", "/build/app.cc", 7)


def test_a_line_of_a_header_is_not_that_of_the_call():
    block = b"/srv/app(serve+0x7) [0x1007] /usr/include/x86_64-linux-gnu/bits/fcntl2.h:53"

    site = CallSites().of(block)
    assert (site.site, site.source, site.source_line) == ("serve", None, None)
    assert CallSites().of(block.replace(b"/usr/include", b"/build")).source_line == 53


def test_a_debug_file_alone_names_but_nothing_proves_it(spool, tmp_path):
    shutil.copy(SPLIT / "spool.debug", tmp_path)

    resolved = Symbols((str(tmp_path),)).resolve(spool)
    assert of(resolved, "bin/spool").status == "unverified"
    assert of(resolved, "bin/spool").with_lines
    assert any("unverified: nothing in the capture tells" in text for text in resolved.account.sentences())


def test_a_stripped_program_alone_names_nothing(spool, tmp_path):
    shutil.copy(SPLIT / "bin" / "spool", tmp_path)

    resolved = Symbols((str(tmp_path),)).resolve(spool)
    assert of(resolved, "bin/spool").status == "found"
    assert "no debug file of spool: no source lines, only names that are not stripped" in list(
        resolved.account.sentences()
    )
    assert of(resolved, "bin/spool").with_lines == 0


def test_the_debug_file_of_another_build_is_refused(tmp_path):
    # GIVEN a stripped program, and a debug file of its name with another build id
    make(tmp_path / "app", {}, code=CALL + NOP + CALL + NOP, build_id=BUILD, link=("app.debug", bytes(4)))
    make(tmp_path / "app.debug", {"wrong": (0x1000, 64)}, build_id="ff" * 10, debug=True)

    # WHEN it is looked up
    resolved = Symbols((str(tmp_path),)).resolve([b"/srv/app() [0x1008]\n/srv/app() [0x1018]"])

    # THEN no name is taken from it, and the reason is told
    assert [one.symbol for one in resolved.frames(b"/srv/app() [0x1008]")] == [""]
    (reason,) = of(resolved, "app").reasons
    assert reason.endswith(f"app.debug: build-id differs from that of {tmp_path / 'app'}")


def test_a_debug_file_without_build_id_is_known_by_its_checksum(tmp_path):
    from fdtrace.symbols.elf import Elf

    debug = make(tmp_path / "app.debug", {"right": (0x1000, 64)}, debug=True)
    crc = Elf(str(debug)).checksum()
    block = b"/srv/app() [0x1008]\n/srv/app() [0x1018]"
    for link, symbol in ((crc, "right"), (bytes(4), "")):
        make(tmp_path / "app", {}, code=CALL + NOP + CALL + NOP, link=("app.debug", link))

        resolved = Symbols((str(tmp_path),)).resolve([block])
        assert [one.symbol for one in resolved.frames(block)] == [symbol, symbol]
    assert "its CRC is not the one that" in of(resolved, "app").reasons[0]


def test_another_build_of_the_program_is_refused(tmp_path):
    make(tmp_path / "app", {"open_log": (0x1000, 0x10), "serve": (0x1010, 0x10)})
    block = b"/srv/app(open_log+0x8) [0x1008]\n/srv/app(serve+0x8) [0x1028]"

    resolved = Symbols((str(tmp_path),)).resolve([block])

    assert [one.symbol for one in resolved.frames(block)] == ["open_log", "serve"]
    assert of(resolved, "app").status == "refused"
    assert list(resolved.account.sentences()) == [
        "symbols: 0 of 1 module found; of 2 different frames 0 have a source line, 0 got another name",
        f"/srv/app: refused: {tmp_path}/app: 1 of 2 frames name a symbol that is not there in this file",
    ]


def test_of_two_files_of_a_name_the_one_that_fits(tmp_path):
    make(tmp_path / "a" / "app", {"open_log": (0x1010, 0x10)})
    make(tmp_path / "b" / "app", {"open_log": (0x1000, 0x10)})

    resolved = Symbols((str(tmp_path),)).resolve([b"/srv/app(open_log+0x8) [0x1008]"])
    assert of(resolved, "app").file == str(tmp_path / "b" / "app")


def test_a_build_id_that_was_written_down_decides(tmp_path):
    make(tmp_path / "app", {}, code=NOP * 4, build_id="ff" * 10)
    make(tmp_path / ".build-id" / BUILD[:2] / f"{BUILD[2:]}.debug", {"right": (0x1000, 32)}, build_id=BUILD)
    (tmp_path / "build-ids").write_text(f"{BUILD} /srv/app\n")
    block = b"/srv/app() [0x1008]"

    resolved = Symbols((str(tmp_path),)).resolve([block])

    assert [(one.symbol, one.build_id) for one in resolved.frames(block)] == [("right", BUILD)]
    assert of(resolved, "app").status == "found"
    assert f"build-id differs: {'ff' * 10}, recorded was {BUILD}" in of(resolved, "app").reasons[0]


def test_the_nearest_exported_symbol_is_a_guess(tmp_path):
    # GIVEN a library of which one function is exported
    make(tmp_path / "lib.so", {"exported": (0x1000, 8)}, exported=True)

    # WHEN a frame is far behind the end of that function
    resolved = Symbols((str(tmp_path),)).resolve(
        [b"/lib.so(exported+0x20) [0x1020]\n/lib.so(exported+0x6) [0x1006]"]
    )

    # THEN its name is known to be a guess, and no call site is named by it
    wrong, right = resolved.frames(b"/lib.so(exported+0x20) [0x1020]\n/lib.so(exported+0x6) [0x1006]")
    assert (wrong.symbol, wrong.guessed, right.guessed) == ("exported", True, False)
    assert CallSites((), resolved).of(b"/lib.so(exported+0x20) [0x1020]").site == "lib.so+0x1020"


def test_a_guess_is_replaced_by_the_real_name(tmp_path):
    make(tmp_path / "lib.so", {"exported": (0x1000, 8), "real": (0x1010, 0x20)})
    block = b"/lib.so(exported+0x20) [0x1020]"

    (frame,) = Symbols((str(tmp_path),)).resolve([block]).frames(block)
    assert (frame.symbol, frame.offset, frame.guessed) == ("real", 0x10, False)


def test_a_return_address_behind_the_last_call_of_a_function(tmp_path):
    # GIVEN a function that ends in a call that never returns, as abort()
    make(tmp_path / "app", {"dies": (0x1000, 8), "next": (0x1008, 8)}, code=CALL + NOP)

    # THEN the frame is of that function, not of the one where the call would return to
    block = b"/app(next+0) [0x1008]\n/app(next+0x0) [0x1008]"
    assert [one.symbol for one in Symbols((str(tmp_path),)).resolve([block]).frames(block)][1] == "dies"


def test_an_interrupted_function_is_looked_up_where_it_was(tmp_path):
    # GIVEN a program that a signal interrupted at the first instruction of a function
    functions = {
        "before": (0x1000, 8),
        "interrupted": (0x1008, 8),
        "__restore_rt": (0x1010, 0),
        "h": (0x1018, 8),
    }
    make(tmp_path / "app", functions, code=NOP * 3 + CALL + NOP)
    block = b"/app(h+0x8) [0x1020]\n/app(__restore_rt+0x0) [0x1010]\n/app(interrupted+0x0) [0x1008]"

    found = Symbols((str(tmp_path),)).resolve([block]).frames(block)
    assert [one.symbol for one in found] == ["h", "__restore_rt", "interrupted"]


def test_what_is_no_file_is_not_looked_for():
    block = b"[vdso](clock_gettime+0x1) [0xd3b]\nunexpected_backtracing_error [0x7f00]\n[heap]() [0x10]"

    resolved = Symbols((str(SPLIT),)).resolve([block])
    assert resolved.account.modules == []
    assert list(resolved.account.sentences()) == [
        "symbols: the captures have no stacks with modules (record with -k)"
    ]
    assert [one.module for one in resolved.frames(block)] == [
        "[vdso]",
        "unexpected_backtracing_error",
        "[heap]",
    ]


def test_a_program_that_was_replaced_while_it_ran(tmp_path):
    make(tmp_path / "app", {"serve": (0x1000, 0x20)})
    block = b"/srv/app (deleted)(serve+0x8) [0x1008]"

    assert of(Symbols((str(tmp_path),)).resolve([block]), "(deleted)").status == "found"


def test_how_many_frames_are_looked_up_is_limited_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr("fdtrace.symbols.resolve.MOST_FRAMES", 2)
    make(tmp_path / "app", {"serve": (0x1000, 0x20)})
    block = b"\n".join(b"/srv/app(serve+0x%x) [0x%x]" % (at, 0x1000 + at) for at in range(1, 6))

    resolved = Symbols((str(tmp_path),)).resolve([block])
    assert "only the first 2 different frames were looked up" in list(resolved.account.sentences())
    assert len(resolved.frames(block)) == 5


def test_how_many_modules_are_looked_for_is_limited_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr("fdtrace.symbols.resolve.MOST_MODULES", 3)
    block = b"\n".join(b"/srv/%d/app(serve+0x1) [0x1001]" % number for number in range(9))

    resolved = Symbols((str(tmp_path),)).resolve([block])
    assert "6 more modules were not looked for: 3 at most" in list(resolved.account.sentences())
    assert len(resolved.account.modules) == 3


def test_frames_that_hide_lines_of_tools(tmp_path):
    # GIVEN names and places made to mislead
    make(tmp_path / "app", {"0x10": (0x1000, 8), "??": (0x1008, 8), "a\nb": (0x1010, 8)})
    block = b"/app() [0x1004]\n/app() [0x100c]\n/app() [0x1014]\n/app() [0xffffffffffffffff]\n/app() [0x0]"

    resolved = Symbols((str(tmp_path),)).resolve([block])
    assert len(resolved.frames(block)) == 5


@pytest.mark.parametrize(
    ("places", "servers", "tool", "says"),
    [
        (("/nothing/here",), (), "auto", "does not exist"),
        ((), ("ftp://x",), "auto", "debuginfod cannot be 'ftp://x'"),
        ((), (), "adr2line", "Did you mean 'addr2line'"),
    ],
)
def test_arguments_that_mean_nothing(places, servers, tool, says):
    with pytest.raises(BadArgument, match=says):
        Symbols.of(places, servers, tool)
