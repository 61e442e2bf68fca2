"""What proves that a file is the one that ran."""

from __future__ import annotations

import pytest

from fdtrace.readers.strace.stacks import Frame, parse
from fdtrace.symbols.elf import Elf
from fdtrace.symbols.fitting import fit, same_name, stops
from fdtrace.symbols.names import Names
from tests.symbols.elf_maker import CALL, make

NOP = b"\x90" * 8
FUNCTIONS = {"open_log": (0x1000, 0x20), "serve": (0x1020, 0x20)}


def fitted(path, *lines, same_build=False):
    elf = Elf(str(path))
    return fit(elf, Names(elf.functions()), [parse(line) for line in lines], same_build)


def test_every_symbol_is_where_the_capture_has_it(tmp_path):
    found = fitted(
        make(tmp_path / "x", FUNCTIONS),
        "/x(open_log+0x8) [0x1008]",
        "/x(serve+0x10) [0x1030]",
        "/x() [0x1234]",
    )

    assert (found.by, found.agreeing, found.refused, found.proven) == ("names", 2, "", True)


def test_one_symbol_elsewhere_is_another_build(tmp_path):
    found = fitted(make(tmp_path / "x", FUNCTIONS), "/x(open_log+0x8) [0x1008]", "/x(serve+0x10) [0x1040]")

    assert found.refused == "1 of 2 frames name a symbol that is not there in this file"
    assert not found.proven


def test_places_in_the_file_are_not_addresses(tmp_path):
    # GIVEN a program whose code is loaded 0x1000 bytes further than it is in the file, as lld makes them
    functions = {name: (address + 0x1000, size) for name, (address, size) in FUNCTIONS.items()}
    path = make(tmp_path / "x", functions, shift=0x1000, code=NOP * 8)

    # THEN what libunwind prints, places in the file, is moved, and what libdw prints is not
    assert fitted(path, "/x(open_log+0x8) [0x1008]").shift == 0x1000
    assert fitted(path, "/x(open_log+0x7) [0x2007]").shift == 0


def test_a_stripped_library_is_known_by_what_it_exports(tmp_path):
    path = make(tmp_path / "x", {"serve": (0x1020, 0x20)}, exported=True)

    assert fitted(path, "/x(serve+0x10) [0x1030]", "/x(open_log+0x8) [0x1008]").proven
    assert fitted(path, "/x(serve+0x11) [0x1030]").refused


def test_without_symbols_calls_stand_before_the_addresses(tmp_path):
    path = make(tmp_path / "x", {}, code=CALL + NOP + CALL + NOP)

    found = fitted(path, "/x() [0x1008]", "/x() [0x1018]")
    assert (found.by, found.proven, found.refused) == ("code", True, "")
    assert fitted(path, "/x() [0x1010]", "/x() [0x1020]", "/x() [0x100c]").refused
    assert not fitted(path, "/x() [0x1008]").proven


def test_addresses_behind_the_end_of_the_code(tmp_path):
    found = fitted(make(tmp_path / "x", {}, code=CALL * 2), "/x() [0x1008]", "/x() [0x9010]")

    assert found.refused == "1 of 2 addresses are in no function of it"


@pytest.mark.parametrize(
    "before",
    ["e800000000", "ffd0", "ff5310", "ff942400010000", "ff1500000000", "41ffd4", "0f05", "cd80"],
    ids=["call rel32", "call *%rax", "call *16(%rbx)", "call *256(%rsp)", "call *0(%rip)", "call *%r12",
         "syscall", "int 0x80"],
)  # fmt: skip
def test_forms_of_calls(tmp_path, before):
    code = (NOP + bytes.fromhex(before))[-8:] + NOP
    elf = Elf(str(make(tmp_path / "x", {}, code=code)))

    assert stops(elf, [Frame("/x", "", None, 0x1008)], 0) == frozenset()
    assert stops(elf, [Frame("/x", "", None, 0x100C)], 0) == {0x100C}


def test_the_same_build_needs_no_other_proof(tmp_path):
    assert fitted(make(tmp_path / "x", {}, code=NOP * 4), "/x() [0x1010]", same_build=True).proven


@pytest.mark.parametrize(
    ("printed", "symbol"),
    [
        ("open_log", "open_log"),
        ("open@@GLIBC_2.2.5", "open"),
        ("net::Pool<int, 7>::take(std::string const&)", "_ZN3net4PoolIiLi7EE4takeERKSs"),
        ("main::{lambda(int)#1}::operator()(int) const", "_ZZ4mainENKUliE_clEi"),
        (
            "<r::A<T> as r::Opener>::go",
            "_ZN40_$LT$r..A$LT$T$GT$$u20$as$u20$r..Opener$GT$2go17h0123456789abcdefE",
        ),
        ("r::many", "_RNvCsgo_1r4many"),
    ],
)
def test_names_as_strace_prints_them(printed, symbol):
    assert same_name(printed, symbol)


@pytest.mark.parametrize(
    ("printed", "symbol"), [("open_log", "open_logs"), ("a::b(int)", "_ZN3net4takeEi"), ("main", "_start")]
)
def test_other_names(printed, symbol):
    assert not same_name(printed, symbol)
