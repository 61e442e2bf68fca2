"""Every frame of real programs, stripped, with separate debug files: what gdb says is what we say.

But for one thing: within an address's rows gdb takes only lines that are marked as
the beginning of a statement, so that in optimised C++ it may name a line of the call
before. `-gno-statement-frontiers` leaves those marks out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fdtrace.readers.strace.stacks import frames
from fdtrace.symbols.resolve import Symbols
from tests.symbols.test_resolve import stacks

HERE = Path(__file__).parent
NEEDED = ("gcc", "g++", "objcopy", "strip", "strace", "gdb", "c++filt")
MISSING = [tool for tool in NEEDED if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(
        not any(map(shutil.which, ("llvm-symbolizer", "addr2line"))), reason="nothing reads lines"
    ),
]
RETURNS = "__restore_rt"


def run(*command, cwd):
    return subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)


def build(folder, source, options):
    """Compiles a program with its library, and splits both: `run` has them stripped, `debug` the rest."""
    (folder / "run").mkdir()
    (folder / "debug").mkdir()
    compiler, names = ("gcc", ["app", "libx.so"]) if source.endswith(".c") else ("g++", ["app"])
    if "libx.so" in names:
        library = "-fPIC", "-shared", HERE / "programs" / "library.c", "-o", "libx.so"
        assert run("gcc", "-g", "-O2", *library, cwd=folder).returncode == 0
    linked = ["-L.", "-lx", "-Wl,-rpath,$ORIGIN"] if "libx.so" in names else []
    made = run(compiler, "-g", *options, HERE / "programs" / source, "-o", "app", *linked, cwd=folder)
    if made.returncode:
        pytest.skip(f"this compiler cannot: {made.stderr.splitlines()[0]}")
    for name in names:
        run("objcopy", "--only-keep-debug", name, f"debug/{name}.debug", cwd=folder)
        run("strip", "-s", name, "-o", f"run/{name}", cwd=folder)
        run("objcopy", f"--add-gnu-debuglink=debug/{name}.debug", f"run/{name}", cwd=folder)
    return names


def recorded(folder):
    """The stacks of a run of the stripped program."""
    command = "strace", "-f", "-k", "-e", "trace=openat,close", "-o", folder / "trace", folder / "run" / "app"
    made = run(*command, cwd=folder / "run")
    text = (folder / "trace").read_bytes() if (folder / "trace").exists() else b""
    if b"\n > " not in text:
        pytest.skip(f"strace -k shows nothing here: {made.stderr[:100]}")
    return stacks(text)


def asked_of_gdb(folder, name, addresses):
    env = {
        **os.environ, "ADDRESSES": " ".join(map(str, addresses)), "ANSWERS": str(folder / "answers"),
        "DEBUGINFOD_URLS": "",
    }  # fmt: skip
    script = ["gdb", "-nx", "-batch", "-x", str(HERE / "gdb_says.py"), str(folder / name)]
    subprocess.run(script, env=env, capture_output=True, check=False)
    return {int(address): answer for address, answer in json.loads((folder / "answers").read_text()).items()}


def placed(resolved, blocks):
    """Each frame by module and the address at which it is looked up, with what was made of it."""
    found = {}
    for block in blocks:
        interrupted = False
        for frame in frames(block):
            image, whole = resolved.images.get(frame.module), resolved._of(frame, interrupted)
            interrupted = whole[-1].symbol == RETURNS
            if image is not None and image.usable:
                address = frame.address + image.shift
                exact = address in image.stops or whole[-1].symbol == RETURNS
                found.setdefault(frame.module, {})[address if exact else address - 1] = whole
    return found


def plain(name):
    """A function's name alone, without what compilers add."""
    name = re.sub(r"\.(?:constprop|isra|part|cold).*| \[clone.*", "", name or "")
    return re.sub(r"\(.*", "", name)


def bare(name):
    """Without scope and template arguments, which the tools leave out where the linker has no name."""
    return re.split(r"[<(]", plain(name))[0].rpartition("::")[2]


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("frames.c", ["-O2"]),
        ("frames.c", ["-O2", "-no-pie"]),
        ("frames.cc", ["-O1", "-std=c++17", "-gno-statement-frontiers"]),
        pytest.param("frames.c", ["-O0"], marks=pytest.mark.slow),
        pytest.param("frames.c", ["-O3", "-flto"], marks=pytest.mark.slow),
        pytest.param("frames.c", ["-O2", "-gdwarf-4", "-gz"], marks=pytest.mark.slow),
        pytest.param("frames.c", ["-O2", "-fuse-ld=lld"], marks=pytest.mark.slow),
        pytest.param("frames.c", ["-O2", "-no-pie", "-Wl,-Ttext-segment=0x10000000"], marks=pytest.mark.slow),
        pytest.param("frames.cc", ["-O0", "-std=c++17"], marks=pytest.mark.slow),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_functions_lines_and_inlined_functions(tmp_path, source, options):
    if source.endswith(".cc") and shutil.which("llvm-symbolizer") is None:
        pytest.skip("addr2line does not name inlined functions for which the linker has no name")

    # GIVEN a stripped program that was recorded, and its debug files elsewhere
    names = build(tmp_path, source, options)
    blocks = recorded(tmp_path)

    # WHEN its frames are looked up
    resolved = Symbols((str(tmp_path / "run"), str(tmp_path / "debug"))).resolve(blocks)

    # THEN gdb, asked about the program before it was split, says the same of each of them
    found = placed(resolved, blocks)
    wrong, compared = [], 0
    for name in names:
        ours = found[str(tmp_path / "run" / name)]
        gdb = asked_of_gdb(tmp_path, name, ours)
        for address, whole in ours.items():
            says = gdb[address]
            compared += 1
            same = plain(whole[-1].symbol) == plain(says["symbol"]) and whole[0].source_line == says["line"]
            if len(whole) > 1:
                same &= len(says["chain"]) == len(whole)
                same &= [bare(one.symbol) for one in whole] == [bare(other) for other in says["chain"]]
            if not same:
                wrong.append((name, hex(address), [(one.symbol, one.source_line) for one in whole], says))
    assert not wrong
    assert compared >= 9
    assert all(one.status == "found" for one in resolved.account.modules if one.file)
