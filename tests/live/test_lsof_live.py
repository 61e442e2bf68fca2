"""What lsof says of a program that holds a file of every kind, against the kernel's own links."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fdtrace.readers import kinds, snapshots
from fdtrace.readers.sheet import OpenFile
from fdtrace.readers.text import open_source

pytestmark = pytest.mark.skipif(shutil.which("lsof") is None, reason="lsof is not installed")

PROGRAM = Path(__file__).parent / "programs" / "every_kind.py"
SOCKETS = frozenset("tcp tcp6 udp udp6 unix netlink packet raw raw6 socket".split())
FILES = frozenset({"file", "dir", "char", "block", "pipe"})
"""What a path can be: a link does not tell them apart."""


@pytest.fixture(scope="module")
def pid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A process that holds them all."""
    folder = tmp_path_factory.mktemp("held")
    holder = subprocess.Popen([sys.executable, PROGRAM, folder, "60"], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().startswith("ready")
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()


def listed(folder: Path, pid: int, *options: str) -> list[OpenFile]:
    """The rows of lsof with these options."""
    told = subprocess.run(["lsof", "-nP", *options, "-a", "-p", str(pid)], capture_output=True, check=False)
    path = folder / "lsof.txt"
    path.write_bytes(told.stdout)
    found = snapshots.read(open_source(str(path)), "lsof")
    assert not found.problems
    assert len(found.snapshots) == 1
    return [row for row in found.open_files if row.slot == "fd"]


@pytest.mark.parametrize(
    "options", [(), ("-F",), ("-F0",), ("-o",), ("-K",), ("+E",), ("+fg", "-R", "-g", "+L")], ids=" ".join
)
def test_every_row_is_what_the_kernel_links_to(tmp_path: Path, pid: int, options: tuple[str, ...]) -> None:
    rows = [row for row in listed(tmp_path, pid, *options) if row.tid is None and row.pid == pid]
    links = {int(name): os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    far = {fd for fd in links if fd >= 10_000}
    assert {row.fd for row in rows} >= links.keys() - far
    for row in rows:
        if row.fd is None:
            assert far
            continue
        link = links[row.fd]
        wanted = kinds.kind_of_target(link)
        if wanted == "socket":
            assert row.kind in SOCKETS, (row, link)
        elif wanted == "file":
            assert row.kind in FILES, (row, link)
        else:
            assert row.kind == wanted, (row, link)
        if numbered := re.fullmatch(r"(?:socket|pipe):\[(\d+)\]", link):
            assert row.inode == int(numbered[1])
        elif link.startswith("/"):
            assert row.inode == os.stat(f"/proc/{pid}/fd/{row.fd}").st_ino
            if row.kind != "pipe":
                assert row.deleted == link.endswith(" (deleted)")


def test_tcp_states_and_addresses_are_those_of_the_kernels_table(tmp_path: Path, pid: int) -> None:
    names = {"01": "ESTABLISHED", "05": "FIN_WAIT2", "08": "CLOSE_WAIT", "0A": "LISTEN"}
    known: dict[int, tuple[str, int]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            known[int(cells[9])] = (names.get(cells[3], cells[3]), int(cells[1].rpartition(":")[2], 16))
    rows = [row for row in listed(tmp_path, pid) if row.kind in ("tcp", "tcp6")]
    assert {row.state for row in rows} >= {"ESTABLISHED", "FIN_WAIT2", "CLOSE_WAIT", "LISTEN", None}
    for row in rows:
        assert row.inode is not None
        if row.state is None:
            assert row.inode not in known
            assert row.local is None
        else:
            assert row.local is not None
            assert (row.state, int(row.local.rpartition(":")[2])) == known[row.inode]
