"""Directories with directories in them: case folders, sosreports, hostile trees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fdtrace.errors import DamagedInput
from fdtrace.readers import listing
from fdtrace.readers.bundle import Gathered, gather

TRACE = b'7 execve("/bin/sh", ["sh"], 0x7ffd /* 35 vars */) = 0\n7 close(3) = 0\n'
LSOF = b"COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\nsh 1 root 3r REG 254,0 1 2 /etc/passwd\n"
NOTES = b"What I did next was this.\n" * 50


def tree(root: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return str(root)


def found(gathered: Gathered, root: Path) -> list[str]:
    return [os.path.relpath(capture.name, root) for capture in gathered.captures]


def left(gathered: Gathered, root: Path) -> dict[str, str]:
    return {os.path.relpath(name, root): reason for name, reason in gathered.skipped}


def test_a_case_folder_is_searched_host_by_host(tmp_path: Path) -> None:
    # GIVEN
    files = {
        "host1/app.strace": TRACE,
        "host1/snap/1/lsof.txt": LSOF,
        "host2/app.strace": TRACE,
        "lsof.txt": LSOF,
    }
    gathered = gather([tree(tmp_path, files)])
    # WHEN / THEN files come before the directories beside them
    assert found(gathered, tmp_path) == [
        "lsof.txt",
        "host1/app.strace",
        "host1/snap/1/lsof.txt",
        "host2/app.strace",
    ]
    assert (gathered.skipped, gathered.unreadable) == ((), ())


def test_messages_belong_to_the_trace_of_their_directory(tmp_path: Path) -> None:
    message = b"strace: Process 7 attached with 3 threads\n"
    files = {"host1/app.strace": TRACE, "host2/app.strace": TRACE, "host2/stderr": message}
    gathered = gather([tree(tmp_path, files)])
    assert [len(capture.messages) for capture in gathered.captures] == [0, 1]


def test_families_of_two_directories_are_two(tmp_path: Path) -> None:
    calls = b"close(3) = 0\n" * 5
    files = {"host1/t.100": calls, "host1/t.101": calls, "host2/t.100": calls, "host2/t.101": calls}
    assert [c.tids for c in gather([tree(tmp_path, files)]).captures] == [(100, 101), (100, 101)]


def test_files_named_by_a_process_are_no_family_of_strace(tmp_path: Path) -> None:
    # GIVEN snapshots with the process's number at the end of their names
    gathered = gather([tree(tmp_path, {"lsof.4120": LSOF, "lsof.4121": LSOF + LSOF[51:]})])
    # WHEN / THEN
    assert [capture.kind for capture in gathered.captures] == ["lsof", "lsof"]


def test_what_is_not_searched_is_told(tmp_path: Path) -> None:
    # GIVEN a loop of links, a way out, hidden and installed things, and a tree that is too deep
    files = {"app.strace": TRACE, ".git/lsof.txt": LSOF, "node_modules/x/lsof.txt": LSOF}
    tree(tmp_path, files | {f"{'d/' * 10}lsof.txt": LSOF})
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "out").symlink_to("/etc")
    # WHEN
    gathered = gather([str(tmp_path)])
    # THEN
    assert found(gathered, tmp_path) == ["app.strace"]
    assert left(gathered, tmp_path) == {
        ".git": "hidden directory: not searched",
        "node_modules": "part of an installed program: not searched",
        "loop": "link to a directory: not followed",
        "out": "link to a directory: not followed",
        "d/d/d/d/d/d/d/d/d": "directory: too deep, not searched",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_nothing_is_waited_for(tmp_path: Path) -> None:
    tree(tmp_path, {"a/app.strace": TRACE})
    os.mkfifo(tmp_path / "a" / "pipe")
    assert left(gather([str(tmp_path)]), tmp_path) == {"a/pipe": "not a regular file"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can read everything")
def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    tree(tmp_path, {"app.strace": TRACE, "closed/x": TRACE, "secret": TRACE})
    (tmp_path / "closed").chmod(0)
    (tmp_path / "secret").chmod(0)
    told = left(gather([str(tmp_path)]), tmp_path)
    assert "cannot be listed" in told["closed"]
    assert "no permission" in told["secret"]


def test_a_file_that_vanishes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a directory whose file is gone between the listing and the reading
    tree(tmp_path, {"app.strace": TRACE, "gone": TRACE})
    monkeypatch.setattr(
        "fdtrace.readers.inputs.listed",
        lambda folder, refusals, deepest: [
            path
            for path in listing.listed(folder, refusals, deepest)
            if not path.endswith("gone") or not os.remove(path)
        ],
    )
    gathered = gather([str(tmp_path)])
    # WHEN / THEN
    assert found(gathered, tmp_path) == ["app.strace"]
    assert left(gathered, tmp_path) == {"gone": "no such file or directory"}


def test_the_same_reason_many_times_is_one_row(tmp_path: Path) -> None:
    files = {f"notes/{n}.txt": NOTES for n in range(30)} | {"app.strace": TRACE, "x.c": b"", "y.md": b""}
    gathered = gather([tree(tmp_path, files)])
    assert list(left(gathered, tmp_path)) == ["x.c", "y.md", "."]
    assert left(gathered, tmp_path)["."] == "30 files: is not a capture that fdtrace knows"


def test_the_entries_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST", 3)
    gathered = gather([tree(tmp_path, {f"{n}.strace": TRACE + b"%d" % n for n in range(6)})])
    assert len(gathered.captures) == 3
    assert left(gathered, tmp_path)["."] == "has more than 3 entries: the rest is not looked at"


def test_a_sosreport_is_searched_where_it_lists_descriptors(tmp_path: Path) -> None:
    # GIVEN an unpacked report, whatever its directory is called now
    files = {
        "sos_commands/process/lsof_M_-n_-l_-c": LSOF,
        "sos_commands/block/lsblk": LSOF,
        "proc/net/tcp": b"  sl  local_address rem_address   st\n"
        b"   0: 0100007F:8581 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 288621\n",
        "etc/hosts": NOTES,
    }
    gathered = gather([tree(tmp_path, files)])
    # WHEN / THEN
    assert found(gathered, tmp_path) == ["proc/net/tcp", "sos_commands/process/lsof_M_-n_-l_-c"]
    assert set(left(gathered, tmp_path).values()) == {"a part of a sosreport that does not list descriptors"}


def test_an_empty_snapshot_is_no_error_beside_others(tmp_path: Path) -> None:
    # GIVEN a tool that listed nothing
    tree(tmp_path, {"app.strace": TRACE, "ss.txt": b""})
    # WHEN / THEN it is told, and an error only when there is nothing else
    gathered = gather([str(tmp_path / "app.strace"), str(tmp_path / "ss.txt")])
    assert gathered.unreadable == ()
    assert "the tool listed nothing" in left(gathered, tmp_path)["ss.txt"]
    assert isinstance(gather([str(tmp_path / "ss.txt")]).unreadable[0], DamagedInput)


def test_the_time_of_a_file_is_known(tmp_path: Path) -> None:
    tree(tmp_path, {"lsof.txt": LSOF})
    os.utime(tmp_path / "lsof.txt", ns=(5, 1_795_000_000_123_456_789))
    (capture,) = gather([str(tmp_path)]).captures
    assert capture.sources[0].modified_ns == 1_795_000_000_123_456_789
