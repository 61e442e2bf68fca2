"""fdinfo, limits and status."""

import json
from pathlib import Path

import pytest

from fdtrace.readers.snapshots import read
from fdtrace.readers.text import open_source
from tests.readers.test_procfs import EXPECTED, LINES, LINUX, PID, checked, sheet_of

CLOEXEC = {int(fd): flag for fd, flag in EXPECTED["cloexec"].items()}
KINDS = {20: "eventfd", 21: "epoll", 22: "timerfd", 23: "signalfd", 24: "inotify", 26: "pidfd"}


@pytest.mark.parametrize(("name", "pid"), [("head", PID), ("grep", PID), ("loop", None)])
def test_fdinfo_tells_mode_position_and_cloexec(name: str, pid: int | None) -> None:
    sheet = checked(read(open_source(str(LINUX / f"fdinfo-{name}.txt")), "procfs"))
    assert sheet.problems == []
    rows = {row.fd: row for row in sheet.open_files}
    assert {row.pid for row in sheet.open_files} == {pid}
    assert {fd: row.cloexec for fd, row in rows.items()} == CLOEXEC
    assert [rows[fd].mode for fd in (3, 4, 5, 9)] == ["r", "w", "u", "-"]
    assert (rows[5].offset_bytes, rows[5].lock) == (7, "W")
    assert {fd: row.kind for fd, row in rows.items() if row.kind != "unknown"} == KINDS


def test_an_inode_that_nameless_files_share_is_nobodys() -> None:
    sheet = checked(read(open_source(str(LINUX / "fdinfo-head.txt")), "procfs"))
    rows = {row.fd: row for row in sheet.open_files}
    assert [rows[fd].inode for fd in KINDS] == [None] * len(KINDS)
    targets = json.loads((LINUX / "expected.json").read_text())["targets"]
    assert rows[10].inode == int(targets["10"][8:-1])
    assert rows[18].inode == int(targets["18"][6:-1])


@pytest.mark.parametrize("kind_first", [True, False])
def test_listing_and_fdinfo_of_one_process_make_one_row(kind_first: bool, tmp_path: Path) -> None:
    listing = "/proc/7/fd:\ntotal 0\n" + LINES
    info = "==> /proc/7/fdinfo/3 <==\npos:\t5\nflags:\t02000002\nmnt_id:\t9\nino:\t7\n\n"
    sheet = sheet_of(listing + info if kind_first else info + listing, tmp_path)
    assert sheet.problems == []
    row = next(row for row in sheet.open_files if row.fd == 3)
    assert (row.kind, row.inode, row.mode, row.cloexec, row.offset_bytes) == ("socket", 7, "u", True, 5)
    assert len(sheet.open_files) == 2


def test_the_path_of_the_file_tells_whose_it_is(tmp_path: Path) -> None:
    (row,) = sheet_of(
        "pos:\t0\nflags:\t0100001\nmnt_id:\t27\n", tmp_path, "sos/proc/4120/fdinfo/17"
    ).open_files
    assert (row.pid, row.fd, row.mode, row.cloexec) == (4120, 17, "w", False)


def test_a_fdinfo_of_nobody_knows_what_stands_in_it(tmp_path: Path) -> None:
    text = "pos:\t0\nflags:\t02\nmnt_id:\t9\nino:\t63\nfanotify flags:10 event-flags:0\nfanotify ino:4f sdev:8 mask:3b\n"
    (row,) = sheet_of(text, tmp_path).open_files
    assert (row.pid, row.fd, row.kind, row.inode, row.slot) == (None, None, "fanotify", None, "fd")


@pytest.mark.parametrize(
    ("lock", "letter"),
    [
        ("1: POSIX  ADVISORY  WRITE 26777 fe:00:2296122 0 EOF", "W"),
        ("1: POSIX  ADVISORY  READ 26777 fe:00:2296122 0 99", "r"),
        ("2: OFDLCK ADVISORY  READ -1 fe:00:2296122 0 EOF", "R"),
        ("3: LEASE  ACTIVE    READ 26777 fe:00:2296122 0 EOF", None),
    ],
)
def test_locks_have_the_letters_of_lsof(lock: str, letter: str | None, tmp_path: Path) -> None:
    (row,) = sheet_of(f"pos:\t0\nflags:\t02\nlock:\t{lock}\n", tmp_path).open_files
    assert row.lock == letter


def test_limits_and_status() -> None:
    limits = checked(read(open_source(str(LINUX / "limits.txt")), "procfs"))
    assert limits.problems == []
    (facts,) = limits.processes
    assert facts.nofile_limit is not None
    assert facts.nofile_hard is not None
    assert facts.nofile_limit <= facts.nofile_hard
    status = checked(read(open_source(str(LINUX / "status.txt")), "procfs"))
    assert status.problems == []
    (facts,) = status.processes
    assert (facts.pid, facts.command, facts.user, facts.threads, facts.fd_size) == (
        PID,
        "python3",
        "0",
        1,
        256,
    )
    assert facts.ppid is not None


def test_limits_and_status_of_one_process_are_one_row(tmp_path: Path) -> None:
    limits = "Limit                     Soft Limit           Hard Limit           Units     \n"
    limits += "Max open files            1024                 unlimited            files     \n"
    text = f"==> /proc/8/limits <==\n{limits}\n==> /proc/8/status <==\nName:\tweb\nTgid:\t8\nThreads:\t4\n"
    sheet = sheet_of(text, tmp_path)
    assert sheet.problems == []
    (facts,) = sheet.processes
    assert (facts.pid, facts.nofile_limit, facts.nofile_hard, facts.command, facts.threads) == (
        8,
        1024,
        None,
        "web",
        4,
    )
