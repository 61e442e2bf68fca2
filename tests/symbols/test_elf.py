"""What is read of program files, and what of damaged ones."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.symbols.elf import Elf, NotUsable
from fdtrace.symbols.names import Names
from tests.symbols.elf_maker import CALL, make

SPLIT = Path(__file__).parent.parent / "captures" / "strace-6.1-split"


def test_a_stripped_program_tells_its_build_and_its_debug_file():
    elf = Elf(str(SPLIT / "bin" / "spool"))

    assert elf.build_id == Elf(str(SPLIT / "spool.debug")).build_id
    assert elf.debug_link is not None
    assert elf.debug_link.name == "spool.debug"
    assert elf.debug_link.proof == Elf(str(SPLIT / "spool.debug")).checksum()
    assert not elf.has_all_names
    assert not elf.has_lines


def test_a_debug_file_has_names_and_lines_but_no_code():
    debug = Elf(str(SPLIT / "spool.debug"))

    names = Names(debug.functions())
    assert not debug.has_code
    assert debug.has_lines
    assert names.around(0x11F3).name == "_ZN5spool6rotateEi"
    assert names.around(0x10B1).name == "main"
    assert [symbol.address for symbol in names.called("main")] == [0x10A0]


def test_where_the_code_of_a_debug_file_was_in_its_program():
    program, debug = Elf(str(SPLIT / "bin" / "spool")), Elf(str(SPLIT / "spool.debug"))

    (segment,) = program.segments
    assert debug.packed == (segment.address - segment.offset,)


def test_a_function_ends_where_its_length_says(tmp_path):
    elf = Elf(str(make(tmp_path / "x", {"one": (0x1000, 8), "two": (0x1010, 8)})))

    names = Names(elf.functions())
    assert names.around(0x1007).name == "one"
    assert names.around(0x1008) is None
    assert names.around(0x1010).name == "two"


def test_a_function_of_unknown_length_ends_at_the_next_or_with_the_code(tmp_path):
    elf = Elf(str(make(tmp_path / "x", {"one": (0x1000, 0), "two": (0x1010, 0)}, code=bytes(64))))

    names = Names(elf.functions())
    assert names.around(0x100F).name == "one"
    assert names.around(0x103F).name == "two"
    assert names.around(0x1040) is None


def test_of_several_names_the_one_that_programmers_write(tmp_path):
    names = {"__GI___open": (0x1000, 8), "__open64": (0x1000, 8), "open64": (0x1000, 8)}

    found = Names(Elf(str(make(tmp_path / "x", names))).functions())
    assert found.around(0x1001).name == "open64"


def test_versions_are_not_part_of_a_name(tmp_path):
    found = Names(Elf(str(make(tmp_path / "x", {"open@@GLIBC_2.2.5": (0x1000, 8)}))).functions())

    assert found.around(0x1001).name == "open"
    assert len(found.called("open")) == 1


def test_code_is_read_at_the_address_where_it_is_loaded(tmp_path):
    elf = Elf(str(make(tmp_path / "x", {}, code=CALL * 2, shift=0x1000)))

    assert elf.code(0x2008, 8) == CALL
    assert elf.code(0x1008, 8) == b""
    assert elf.code(0x200C, 8) == b""


@pytest.mark.parametrize("text", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x02\x01" + bytes(30)])
def test_other_files_are_refused_with_the_reason(tmp_path, text):
    (tmp_path / "x").write_bytes(text)

    with pytest.raises(NotUsable, match=r"not an ELF file|points behind its own end"):
        _read_all(tmp_path / "x")


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(NotUsable, match="not a file"):
        Elf(str(tmp_path))
    with pytest.raises(NotUsable, match="cannot be opened"):
        Elf(str(tmp_path / "nothing"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(NotUsable, match="not a file"):
            Elf(str(tmp_path / "pipe"))


def test_a_table_that_claims_to_be_larger_than_the_file(tmp_path):
    path = make(tmp_path / "x", {"one": (0x1000, 8)})
    raw = bytearray(path.read_bytes())
    at = struct.unpack_from("<Q", raw, 40)[0] + 2 * 64 + 32
    struct.pack_into("<Q", raw, at, 1 << 40)
    path.write_bytes(raw)

    with pytest.raises(NotUsable, match="too large"):
        Elf(str(path)).functions()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_refused_or_read_but_never_an_error(tmp_path_factory, data):
    raw = bytearray((SPLIT / data.draw(st.sampled_from(["bin/spool", "spool.debug"]))).read_bytes())
    tables = range(len(raw) - 38 * 64, len(raw))
    for _ in range(data.draw(st.integers(1, 12))):
        part = data.draw(st.sampled_from([range(64), range(64, 1024), tables, range(len(raw))]))
        raw[data.draw(st.integers(part.start, part.stop - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "x"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw)

    try:
        _read_all(path)
    except NotUsable:
        return


def _read_all(path: Path) -> None:
    elf = Elf(str(path))
    try:
        assert elf.build_id is None or elf.build_id.isalnum()
        assert isinstance(elf.packed, tuple)
        assert elf.debug_link is None or "/" not in elf.debug_link.name
        assert elf.supplement is None or elf.supplement.name is not None
        names = Names(elf.functions())
        for address in (0, 0x10B1, 0x11F3, (1 << 64) - 1, 1 << 64):
            around = names.around(address)
            assert around is None or around.address <= address
            assert len(elf.code(address, 8)) in (0, 8)
        assert len(elf.checksum()) == 4
    finally:
        elf.close()
