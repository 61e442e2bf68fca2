"""The reader of /proc: recordings of one process in many forms, and small samples of other systems."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.readers import procfs
from fdtrace.readers.sheet import OpenFile, Sheet
from fdtrace.readers.snapshots import read
from fdtrace.readers.text import Source, open_source

CAPTURES = Path(__file__).parent.parent / "captures"
LINUX = CAPTURES / "procfs-linux-6.18-coreutils-9.1"
BUSYBOX = CAPTURES / "procfs-busybox-1.35"
EXPECTED = json.loads((LINUX / "expected.json").read_text())
PID = EXPECTED["pid"]
TARGETS = {int(fd): target for fd, target in EXPECTED["targets"].items()}

KINDS = {
    **dict.fromkeys(range(10), "file"),
    **dict.fromkeys(range(10, 18), "socket"),
    18: "pipe",
    19: "pipe",
    20: "eventfd",
    21: "epoll",
    22: "timerfd",
    23: "signalfd",
    24: "inotify",
    25: "memfd",
    26: "pidfd",
}


def sheet_of(text: str | bytes, tmp_path: Path, name: str = "listing.txt") -> Sheet:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return checked(read(open_source(str(file)), "procfs"))


def recorded(path: Path) -> Sheet:
    return checked(read(open_source(str(path)), "procfs"))


def checked(sheet: Sheet) -> Sheet:
    problems = sum(problem.lines for problem in sheet.problems)
    assert sheet.lines == sheet.parsed + sheet.continuation + sheet.blank + problems
    return sheet


def whole_name(row: OpenFile) -> str:
    """The target as the kernel gave it: it writes of a deleted file and of a memfd that they are."""
    return f"{row.name} (deleted)" if row.deleted or row.kind == "memfd" else str(row.name)


LISTINGS = """ls-l ls-la ls-lZ ls-lis ls-ln ls-lgG ls-lF ls-lQ ls-lb ls-shell-escape ls-shell-escape-always ls-color
    ls-long-iso ls-full-time ls-no-time ls-format-time ls-paths ls-relative find-ls find-printf stat-N tty
    loop-paths""".split()


@pytest.mark.parametrize("name", LISTINGS)
def test_every_form_of_listing_gives_the_same_rows(name: str) -> None:
    sheet = recorded(LINUX / f"{name}.txt")
    assert sheet.problems == []
    assert {row.fd: whole_name(row) for row in sheet.open_files} == TARGETS
    assert {row.slot for row in sheet.open_files} == {"fd"}
    kinds = {row.fd: row.kind for row in sheet.open_files}
    if name == "ls-lF":
        assert kinds.pop(8) == "dir"  # the sign of -F behind it says so
        assert kinds == {fd: kind for fd, kind in KINDS.items() if fd != 8}
    else:
        assert kinds == KINDS


@pytest.mark.parametrize("name", ["ls-l", "ls-la"])
def test_busybox(name: str) -> None:
    sheet = recorded(BUSYBOX / f"{name}.txt")
    assert sheet.problems == []
    targets = json.loads((BUSYBOX / "expected.json").read_text())["targets"]
    targets["7"] = targets["7"].replace("\n", "?")  # as it shows what cannot be printed
    assert {str(row.fd): whole_name(row) for row in sheet.open_files} == targets


def test_one_row_in_full() -> None:
    row = next(row for row in recorded(LINUX / "ls-l.txt").open_files if row.fd == 6)
    assert (row.mode, row.user, row.kind, row.name, row.deleted) == (
        "u",
        "root",
        "file",
        "/srv/demo/del me",
        True,
    )
    assert (row.pid, row.inode, row.cloexec, row.size_bytes) == (None, None, None, None)
    assert row.line == 25


def test_modes_and_inodes() -> None:
    rows = {row.fd: row for row in recorded(LINUX / "ls-l.txt").open_files}
    assert [rows[fd].mode for fd in (3, 4, 5, 9)] == ["r", "w", "u", "-"]
    assert rows[18].inode == rows[19].inode == int(TARGETS[18][6:-1])
    assert rows[20].inode is None


@pytest.mark.parametrize(
    ("name", "user"), [("ls-l", "root"), ("ls-ln", "0"), ("ls-lZ", "root"), ("ls-lgG", None)]
)
def test_the_owner_is_told_where_the_columns_show_it(name: str, user: str | None) -> None:
    assert {row.user for row in recorded(LINUX / f"{name}.txt").open_files} == {user}


@pytest.mark.parametrize("name", ["ls-paths", "find-ls", "loop-paths"])
def test_the_process_is_read_from_the_path_of_each_row(name: str) -> None:
    assert {row.pid for row in recorded(LINUX / f"{name}.txt").open_files} == {PID}


def test_several_directories_and_threads() -> None:
    sheet = recorded(LINUX / "ls-several.txt")
    assert sheet.problems == []
    descriptors = [row for row in sheet.open_files if row.slot == "fd"]
    assert {(row.pid, row.tid) for row in descriptors} == {(PID, None), (PID, PID)}
    assert {row.slot: (row.pid, row.name) for row in sheet.open_files if row.slot != "fd"} == {
        "cwd": (PID, "/srv/demo"),
        "txt": (PID, next(row.name for row in sheet.open_files if row.slot == "txt")),
    }
    assert len(sheet.snapshots) == 1


def test_looks_after_time_lines_are_snapshots() -> None:
    sheet = recorded(LINUX / "three-looks.txt")
    assert sheet.problems == []
    assert [(shot.clock, shot.at_ns is not None) for shot in sheet.snapshots] == [("utc", True)] * 3
    assert [sum(row.snapshot == shot.number for row in sheet.open_files) for shot in sheet.snapshots] == [
        27
    ] * 3
    times = [shot.at_ns or 0 for shot in sheet.snapshots]
    assert times == sorted(times)


LINES = "lr-x------ 1 root root 64 Nov 23 07:00 0 -> /dev/null\nlrwx------ 1 root root 64 Nov 23 07:00 3 -> socket:[7]\n"


@pytest.mark.parametrize(
    ("heading", "pid", "command"),
    [
        ("/proc/4120/fd:\ntotal 0\n", 4120, None),
        ("== /proc/4120/fd\ntotal 0\n", 4120, None),
        ("== /proc/4120/fd ==\n", 4120, None),
        ("# ls -l /proc/4120/fd\ntotal 0\n", 4120, None),
        ("root@gw:~# ls -l /proc/4120/fd/\ntotal 0\n", 4120, None),
        ("[ops@gw ~]$ sudo ls -l /proc/4120/fd\ntotal 0\n", 4120, None),
        ("PID 4120\ntotal 0\n", 4120, None),
        ("pid=4120 (gateway)\ntotal 0\n", 4120, "gateway"),
        ("=== gateway (4120) ===\ntotal 0\n", 4120, "gateway"),
        ("--- 4120 ---\ntotal 0\n", 4120, None),
        ("--- 4120 gateway\ntotal 0\n", 4120, "gateway"),
        ("4120\ntotal 0\n", 4120, None),
        ("/proc/self/fd:\ntotal 0\n", None, None),
        ("$ ls -l /proc/1/fd /proc/2/fd\ntotal 0\n", None, None),
        ("== 2 ==\ntotal 0\n", None, None),  # a round of a loop
        ("total 0\n", None, None),
        ("", None, None),
        ("insgesamt 0\n", None, None),
    ],
)
def test_headings(heading: str, pid: int | None, command: str | None, tmp_path: Path) -> None:
    sheet = sheet_of(heading + LINES, tmp_path)
    assert sheet.problems == []
    assert [(row.fd, row.pid, row.command) for row in sheet.open_files] == [
        (0, pid, command),
        (3, pid, command),
    ]


@pytest.mark.parametrize(
    ("name", "pid"),
    [
        ("proc/4120/fd.txt", 4120),
        ("sos_commands/process/ls_-l_.proc.4120.fd", 4120),
        ("fd-pid4120.txt", 4120),
        ("pid_4120", 4120),
        ("4120-fd.txt", None),  # may be anything
        ("rapid4120.txt", None),
        ("20261123_fd.txt", None),
    ],
)
def test_the_name_of_the_file_tells_the_process_only_where_it_is_certain(
    name: str, pid: int | None, tmp_path: Path
) -> None:
    assert {row.pid for row in sheet_of(LINES, tmp_path, name).open_files} == {pid}


def test_a_number_that_counts_the_rows_below_it_is_no_process(tmp_path: Path) -> None:
    rows = "".join(f"lrwx------ 1 a a 64 Nov 23 07:00 {fd} -> socket:[{fd + 9}]\n" for fd in range(150))
    assert {row.pid for row in sheet_of("151\ntotal 0\n" + rows, tmp_path).open_files} == {None}
    assert {row.pid for row in sheet_of("4151\ntotal 0\n" + rows, tmp_path).open_files} == {4151}


FORMS = [
    # locales and ages of ls, SELinux and ACL signs, toybox
    ("lrwx------. 1 web web 64 Apr 18  2025 12 -> socket:[37445]", "web", 12, "u", "socket:[37445]"),
    ("lrwx------+ 1 web web 64 23. Nov 07:00 12 -> socket:[37445]", "web", 12, "u", "socket:[37445]"),
    ("lr-x------ 1 web web 64 nov. 23 07:00 12 -> /var/log/a -> b", "web", 12, "r", "/var/log/a -> b"),
    ("l-wx------ 1 web web 64 11月 23 07:00 12 -> /srv/ü", "web", 12, "w", "/srv/ü"),
    ("lrwx------ 1 web web 64 май 22 19:50 12 -> 'pipe:[2529153]'", "web", 12, "u", "pipe:[2529153]"),
    ("lrwx------ 1 u0_a1 u0_a1 64 2026-11-23 07:35 12 -> /dev/binder", "u0_a1", 12, "u", "/dev/binder"),
    ("lrwx------ 1 web web u:r:untrusted:s0 64 Nov 23 07:00 12 -> /x", "web", 12, "u", "/x"),
    ("lrwx------ 1 DOM\\a b DOM\\users 64 Nov 23 07:00 12 -> /x", None, 12, "u", "/x"),
    ("    37 lrwx------ 1 web web 64 Nov 23 07:00 12 -> /x", "web", 12, "u", "/x"),
    ("\x1b[0m\x1b[01;36m12\x1b[0m -> \x1b[40;31;01msocket:[9]\x1b[0m", None, 12, None, "socket:[9]"),
    ("12 -> socket:[9]", None, 12, None, "socket:[9]"),
    ("fd 12 -> socket:[9]", None, 12, None, "socket:[9]"),
    ("'12' -> 'socket:[9]'", None, 12, None, "socket:[9]"),
    ("12: /dev/null", None, 12, None, "/dev/null"),
    ("12 => pipe:[3]", None, 12, None, "pipe:[3]"),
    ("/proc/7/fd/12 /a b", None, 12, None, "/a b"),
    ("/proc/7/fd/12 -> /a b", None, 12, None, "/a b"),
    ("l--------- 1 web web 64 Nov 23 07:00 12 -> /etc", "web", 12, "-", "/etc"),
    (r'lrwx------ 1 web web 64 Nov 23 07:00 "12" -> "/a\tb\"c"', "web", 12, "u", '/a\tb"c'),
    (r"lrwx------ 1 web web 64 Nov 23 07:00 12 -> '/a'$'\303\251''b'", "web", 12, "u", "/aéb"),
    (r"lrwx------ 1 web web 64 Nov 23 07:00 12 -> /a\b", "web", 12, "u", r"/a\b"),
    (r" 31 0 lrwx------ 1 web web 64 Nov 23 07:00 /proc/7/fd/12 -> /a\ b\303\251", "web", 12, "u", "/a bé"),
]


@pytest.mark.parametrize(("line", "user", "fd", "mode", "name"), FORMS)
def test_rows_of_other_systems(
    line: str, user: str | None, fd: int, mode: str | None, name: str, tmp_path: Path
) -> None:
    sheet = sheet_of(line + "\n", tmp_path)
    assert sheet.problems == []
    assert [(r.user, r.fd, r.mode, r.name) for r in sheet.open_files] == [(user, fd, mode, name)]


@pytest.mark.parametrize(
    ("target", "kind", "inode", "name", "deleted"),
    [
        ("socket:[1]", "socket", 1, "socket:[1]", None),
        ("pipe:[22]", "pipe", 22, "pipe:[22]", None),
        ("anon_inode:[eventfd]", "eventfd", None, "anon_inode:[eventfd]", None),
        ("anon_inode:inotify", "inotify", None, "anon_inode:inotify", None),
        ("/memfd:x (deleted)", "memfd", None, "/memfd:x", None),
        ("/a (deleted)", "file", None, "/a", True),
        ("/a", "file", None, "/a", False),
        ("pidfd:[5]", "pidfd", 5, "pidfd:[5]", None),
    ],
)
def test_targets(
    target: str, kind: str, inode: int | None, name: str, deleted: bool | None, tmp_path: Path
) -> None:
    (row,) = sheet_of(f"lrwx------ 1 a a 64 Nov 23 07:00 3 -> {target}\n", tmp_path).open_files
    assert (row.kind, row.inode, row.name, row.deleted) == (kind, inode, name, deleted)


def test_a_target_with_a_line_end_in_it_goes_on_in_the_next_line(tmp_path: Path) -> None:
    row = "lr-x------ 1 a a 64 Nov 23 07:00 4 -> /srv/x\n"
    sheet = sheet_of(row + "y (deleted)\n" + LINES, tmp_path)
    assert (sheet.problems, sheet.continuation) == ([], 1)
    assert (sheet.open_files[0].name, sheet.open_files[0].deleted) == ("/srv/x\ny", True)


def test_prose_behind_a_listing_is_no_part_of_its_last_target(tmp_path: Path) -> None:
    row = "lr-x------ 1 a a 64 Nov 23 07:00 4 -> /srv/x\n"
    sheet = sheet_of(row + "and this is what we saw\nuntil noon\n", tmp_path)
    assert [(problem.line, problem.text) for problem in sheet.problems] == [
        (2, "and this is what we saw"),
        (3, "until noon"),
    ]
    assert sheet.open_files[0].name == "/srv/x"


def test_a_process_that_is_listed_again_begins_a_new_snapshot(tmp_path: Path) -> None:
    look = "/proc/1/fd:\ntotal 0\n" + LINES + "\n/proc/2/fd:\ntotal 0\n" + LINES + "\n"
    sheet = sheet_of(look * 2, tmp_path)
    assert [(row.snapshot, row.pid) for row in sheet.open_files] == [
        (1, 1), (1, 1), (1, 2), (1, 2), (2, 1), (2, 1), (2, 2), (2, 2),
    ]  # fmt: skip
    assert sheet.snapshots[1].basis.startswith("line 11: the descriptors of process 1 again")


def test_the_command_at_the_prompt_holds_for_the_looks_behind_it(tmp_path: Path) -> None:
    text = "$ while sleep 9; do date +%T; ls -l /proc/77/fd; done\n07:00:01\ntotal 0\n" + LINES
    sheet = sheet_of(text + "07:00:10\ntotal 0\n" + LINES, tmp_path)
    assert [(row.snapshot, row.pid) for row in sheet.open_files] == [(1, 77), (1, 77), (2, 77), (2, 77)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ls: cannot open directory '/proc/1/fd': Permission denied", "refused"),
        ("ls: cannot access '/proc/999/fd': No such file or directory", "gone"),
        ("/proc/1/fd/0find: ‘/proc/1/fd/0’: Permission denied", "refused"),
        ("l????????? ? ? ? ?            ? 5", "could not be looked at"),
        ("lrwx------ 1 root root 64 Nov 23", "cut off"),
        ("lrwx------ 1 root root 64 Nov 23 07:0", "cut off"),
        ("lrwxrwxrwx 1 root root 7 Apr 22 07:00 bin -> usr/bin", "no descriptor"),
        ("some words of a ticket", "no row"),
    ],
)
def test_what_is_no_row_is_a_problem(line: str, reason: str, tmp_path: Path) -> None:
    sheet = sheet_of(line + "\n" + LINES, tmp_path)
    assert len(sheet.open_files) == 2
    (problem,) = sheet.problems
    assert (problem.line, problem.text) == (1, line)
    assert reason in problem.reason


def test_a_descriptor_whose_link_could_not_be_read_was_there_all_the_same(tmp_path: Path) -> None:
    sheet = sheet_of(
        "/proc/9/fd:\ntotal 0\n" + LINES + "lrwx------ 1 root root 64 Nov 23 07:00 11\n", tmp_path
    )
    last = sheet.open_files[-1]
    assert (last.fd, last.name, last.kind, last.mode) == (11, None, "unknown", "u")


def test_a_last_row_that_is_cut_to_a_known_number_is_not_taken_for_it(tmp_path: Path) -> None:
    sheet = sheet_of("total 0\n" + LINES + "lrwx------ 1 root root 64 Nov 23 07:00 3", tmp_path)
    assert len(sheet.open_files) == 2
    assert [problem.reason for problem in sheet.problems] == ["a row of a listing that is cut off"]


NEIGHBOURS = [
    b"COMMAND   PID USER   FD      TYPE  DEVICE SIZE/OFF   NODE NAME",
    b"gateway  4120  web    3u     IPv4  309963      0t0    TCP 127.0.0.1:80->127.0.0.1:81 (CLOSE_WAIT)",
    b"gateway  4120  web    1w      REG  254,0      120 104 /srv/a -> b",
    b"tcp        0      0 127.0.0.1:80   127.0.0.1:81   CLOSE_WAIT  4120/gateway",
    b"Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name",
    b"ESTAB 0      0      127.0.0.1:80   127.0.0.1:81   users:((\"gateway\",pid=4120,fd=3))",
    b"unix  2      [ ACC ]     STREAM     LISTENING     20541    1/init   /run/systemd/private",
    b"[2026/11/23 07:23:02:9775] U: WSI_DESTROY",
    b"[2026/11/23 07:23:02:9775] N: lws_create_context: pos: 4",
    b'4120 07:00:00.1 openat(AT_FDCWD, "/a", O_RDONLY) = 3',
    b'4120 readlink("/proc/self/fd/3", "socket:[1]", 99) = 10',
    b" > /usr/lib/libc.so.6(__close+0x17) [0xf9f67]",
    b"drwxr-xr-x 2 root root 4096 Nov 23 07:00 src",
    b"lrwxrwxrwx 1 root root 7 Apr 22 07:00 bin -> usr/bin",
    b"p4120", b"f3", b"n/srv/a -> b", b"total 24", b"int (*f)(int) -> void;",
]  # fmt: skip


@pytest.mark.parametrize("line", NEIGHBOURS)
def test_lines_of_neighbours_do_not_speak_for_proc(line: bytes) -> None:
    assert procfs.MARKS.match(line) is None


def test_most_recorded_lines_speak_for_proc() -> None:
    for path in sorted(LINUX.glob("*.txt")):
        if path.name in ("stat-N.txt", "loop-paths.txt", "ls-color.txt", "tty.txt"):
            continue
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
        told = sum(procfs.MARKS.match(line) is not None for line in lines)
        assert told >= 0.5 * len(lines), path.name


PIECES = st.sampled_from(
    [
        "lr-x------ 1 root root 64 Nov 23 07:00 ", "0", " -> ", "socket:[", "1]", "/a", "\n", "\n\n", "total 0\n",
        "/proc/4/fd:\n", "'", '"', "$'", "\\", "\\3", "pos:\t", "flags:\t02", "Name:\t", "\x1b[1m", "\x00" * 20, " ",
        "-- 3\n", "  sl  local_address rem_address   st\n", "   0: 0100007F:0016 00000000:0000 0A ",
        "00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0\n", "tfd: 4", "$ ls -l /proc/4/fd",
        "sk Eth Pid Groups\n", "00000000aa 0 0 0\n", "2026-11-23T07:00:00Z\n", "l---------", "?", "fd/", "é", "(deleted)",
    ]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=30).map(lambda p: "".join(p).encode())))
def test_no_bytes_raise_and_every_line_is_accounted_for(data: bytes) -> None:
    sheet = checked(read(_Memory("x", None, len(data), data), "procfs"))
    for row in sheet.open_files:
        assert 1 <= row.snapshot <= len(sheet.snapshots)
        assert row.mode in (None, "r", "w", "u", "-")


class _Memory(Source):
    """A source that needs no file."""

    def __init__(self, name: str, path: str | None, size: int, data: bytes) -> None:
        super().__init__(name, path, size)
        object.__setattr__(self, "_data", data)

    def blocks(self, size: int = 1 << 20):
        yield from (self._data[at : at + 64] for at in range(0, len(self._data), 64))


@pytest.mark.parametrize(
    "line",
    ["l" * 500_000, "'" * 500_000, "9" * 500_000, "lrwx------ " * 40_000, "3 -> " + "$'\\" * 150_000, "-> " * 150_000,
     "proc/" * 100_000, "0: 0100007F:0016 " * 30_000, "=" * 500_000, "# 1:" * 100_000, "/" * 500_000, "(" * 500_000],
)  # fmt: skip
def test_hostile_lines_take_no_time(line: str, tmp_path: Path) -> None:
    sheet_of(line + "\n" + LINES, tmp_path)
