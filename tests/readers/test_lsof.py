"""The table of lsof: own recordings in many variants, and samples of other systems and versions."""

from __future__ import annotations

from typing import Any

import pytest

from fdtrace.readers import lsof
from fdtrace.readers.sheet import OpenFile
from tests.readers.lsof_text import HEADER, recorded, row, rows, sheet


def told(one: OpenFile, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(one, name) for name in names)


def by_fd(name: str) -> dict[int | None, OpenFile]:
    found = recorded(name)
    assert not found.problems
    return {one.fd: one for one in found.open_files if one.slot == "fd"}


PLAIN: dict[int, tuple[Any, ...]] = {
    3: ("file", "u", "W", 1566487, None, None, None, None),
    7: ("dir", "u", None, 1566474, None, None, None, None),
    8: ("pipe", "u", None, 1566500, None, None, None, None),
    12: ("char", "u", None, 91, None, None, None, None),
    13: ("pipe", "r", None, 2598133, None, None, None, None),
    15: ("memfd", "u", None, 8143, None, None, None, None),
    16: ("epoll", "u", None, None, None, None, None, None),
    19: ("eventfd", "u", None, None, None, None, None, None),
    20: ("timerfd", "u", None, None, None, None, None, None),
    21: ("inotify", "r", None, None, None, None, None, None),
    22: ("pidfd", "u", None, None, None, None, None, None),
    24: ("tcp", "u", None, 2598135, "tcp", "127.0.0.1:46225", None, "LISTEN"),
    25: ("tcp", "u", None, 2598142, "tcp", None, None, None),
    26: ("tcp", "u", None, 2598137, "tcp", "127.0.0.1:46225", "127.0.0.1:51174", "CLOSE_WAIT"),
    27: ("tcp", "u", None, 2598138, "tcp", "127.0.0.1:51186", "127.0.0.1:46225", "FIN_WAIT2"),
    32: ("tcp6", "u", None, 2598144, "tcp", "[::1]:44947", None, "LISTEN"),
    35: ("tcp6", "u", None, 2598148, "tcp", "*:41661", None, "LISTEN"),
    37: ("tcp6", "u", None, 2598150, "tcp", "127.0.0.1:41661", "127.0.0.1:33800", "ESTABLISHED"),
    38: ("tcp6", "u", None, 2598151, "tcp", None, None, None),
    39: ("udp", "u", None, 2598152, "udp", "*:51027", None, None),
    40: ("udp", "u", None, 2598153, "udp", "127.0.0.1:42510", "127.0.0.1:9", None),
    42: ("unix", "u", None, 2598155, "unix", "/srv/gauge/data/sock", None, "LISTEN"),
    43: ("unix", "u", None, 2598156, "unix", None, None, "ESTABLISHED"),
    44: ("unix", "u", None, 2598157, "unix", "@every", None, "CLOSE"),
    51: ("netlink", "u", None, 2598164, "netlink", None, None, None),
    52: ("packet", "u", None, 2598165, "packet", None, None, None),
    53: ("packet", "u", None, 2598166, "packet", None, None, None),
    54: ("raw", "u", None, 2598167, "raw", None, None, "CLOSE"),
    55: ("raw6", "u", None, 2598168, "raw", None, None, "CLOSE"),
}
"""kind, mode, lock, inode, proto, local, peer, state of the recording's descriptors."""


def test_the_plain_table() -> None:
    found = by_fd("lsof-4.95.0/plain.txt")
    for fd, wanted in PLAIN.items():
        assert (
            told(found[fd], "kind", "mode", "lock", "inode", "proto", "local", "peer", "state") == wanted
        ), fd
    assert {told(one, "command", "pid", "user") for one in found.values()} == {
        ("my (n) x"[:6], 32663, "root")
    }
    assert told(found[4], "name", "deleted") == ("/srv/gauge/data/gone (x) (deleted)", True)
    assert told(found[5], "name", "deleted") == ("/srv/gauge/data/new\\nline\\té", False)
    assert told(found[3], "size_bytes", "offset_bytes") == (10, None)
    assert told(found[24], "size_bytes", "offset_bytes") == (None, 0)
    assert None in found  # *345
    assert [one.slot for one in recorded("lsof-4.95.0/plain.txt").open_files[:3]] == ["cwd", "rtd", "txt"]


SAME = ("kind", "fd", "slot", "mode", "lock", "inode", "proto", "local", "peer", "state")


@pytest.mark.parametrize(
    ("name", "but"),
    [
        ("lsof-4.95.0/flags-hex.txt", ()),
        ("lsof-4.95.0/offsets.txt", ()),
        ("lsof-4.95.0/sizes.txt", ()),
        ("lsof-4.95.0/fields.txt", ()),
        ("lsof-4.95.0/fields-nul.txt", ()),
        ("lsof-4.92.1/plain.txt", ("state",)),
        ("lsof-4.99.7/human.txt", ("state",)),
        ("lsof-4.99.7/fields.txt", ("fd", "state")),
        ("lsof-4.99.7/document.json", ("fd", "state", "local", "peer")),
        ("lsof-4.99.7/lines.json", ("fd", "state", "local", "peer")),
    ],
)
def test_every_form_tells_the_same(name: str, but: tuple[str, ...]) -> None:
    names = [one for one in SAME if one not in but]
    found = recorded(name)
    assert not found.problems
    plain = [told(one, *names) for one in recorded("lsof-4.95.0/plain.txt").open_files]
    assert [told(one, *names) for one in found.open_files] == plain


def test_states_in_fields_and_json_of_the_newest_version() -> None:
    for name in ("fields.txt", "document.json", "lines.json"):
        found = by_fd(f"lsof-4.99.7/{name}")
        assert found[12345].kind == "char"
        assert (found[26].state, found[40].state) == ("CLOSE_WAIT", "ESTABLISHED")
        assert (found[3].cloexec, found[0].cloexec, found[4].deleted) == (True, False, True)
        assert {one.command for one in found.values()} == {"my (n) x"}


def test_sosreports_options_give_service_names_and_user_numbers() -> None:
    found = by_fd("lsof-4.95.0/sosreport.txt")
    assert found[24].user == "0"
    assert found[40].peer in ("127.0.0.1:9", "127.0.0.1:discard")


def test_only_internet_only_unix() -> None:
    assert {one.kind for one in recorded("lsof-4.95.0/internet.txt").open_files} == {
        "tcp",
        "tcp6",
        "udp",
        "udp6",
    }
    assert {one.kind for one in recorded("lsof-4.95.0/unix.txt").open_files} == {"unix"}


def test_states_with_queues_without_states_and_of_udp() -> None:
    assert by_fd("lsof-4.95.0/queues.txt")[26].state == "CLOSE_WAIT"
    assert {one.state for one in recorded("lsof-4.95.0/no-states.txt").open_files} == {None}
    udp = by_fd("lsof-4.99.7/udp-states.txt")
    assert (udp[39].state, udp[40].state) == (None, "ESTABLISHED")
    assert told(udp[40], "local", "peer") == ("127.0.0.1:42510", "127.0.0.1:9")


def test_host_names_stay_as_printed() -> None:
    assert by_fd("lsof-4.95.0/names.txt")[26].peer == "localhost:51174"


def test_endpoints_leave_addresses_and_states_alone() -> None:
    found = by_fd("lsof-4.95.0/endpoints.txt")
    assert told(found[29], "local", "peer", "state") == ("127.0.0.1:51202", "127.0.0.1:46225", "ESTABLISHED")
    assert told(found[49], "local", "state") == ("/srv/gauge/data/sock", "ESTABLISHED")
    assert told(found[13], "kind", "name") == ("pipe", "pipe 32663,my (n) x,14w")


def test_threads_parents_links_and_flags() -> None:
    found = recorded("lsof-4.95.0/wide.txt")
    assert not found.problems
    assert len(found.snapshots) == 1
    tids = {one.tid for one in found.open_files}
    assert len(tids) == 2
    assert None in tids
    assert {one.ppid for one in found.open_files} == {1}
    main = {one.fd: one for one in found.open_files if one.tid is None}
    assert (main[0].cloexec, main[3].cloexec) == (False, True)
    assert (main[3].deleted, main[4].deleted) == (False, True)
    assert by_fd("lsof-4.95.0/flags-hex.txt")[3].cloexec is True
    tasks = recorded("lsof-4.95.0/tasks.txt")
    assert len(tasks.snapshots) == 1
    assert {one.tid for one in tasks.open_files} == tids


def test_sockets_that_lsof_was_told_not_to_identify() -> None:
    found = by_fd("lsof-4.95.0/no-protocols.txt")[24]
    assert told(found, "kind", "proto", "inode", "state") == ("socket", None, 2598135, None)


def test_descriptors_that_could_not_be_read_are_said_to_be_unknown() -> None:
    found = recorded("lsof-4.95.0/unprivileged.txt")
    assert [one.slot for one in found.open_files] == ["cwd", "rtd", "txt", "NOFD"]
    assert told(found.open_files[3], "pid", "fd", "type", "deleted") == (32663, None, None, None)
    assert "processes whose descriptors lsof could not read (NOFD): 1" in found.variants


MACOS = """\
COMMAND   PID   USER   FD     TYPE             DEVICE SIZE/OFF     NODE NAME
Notes\\x20 410 amelie  cwd      DIR                1,4      640        2 /
Notes\\x20 410 amelie  txt      REG                1,4  2289328 11525678 /usr/lib/dyld
Notes\\x20 410 amelie    0u     CHR               16,2  0t31337      911 /dev/ttys002
Notes\\x20 410 amelie    3u    IPv4 0x9a1c0e3f7b2d0011      0t0      TCP *:* (CLOSED)
Notes\\x20 410 amelie    4u    IPv6 0x9a1c0e3f7b2d0012      0t0      TCP [::1]:50111->[::1]:631 (FIN_WAIT_1)
Notes\\x20 410 amelie    5u    unix 0x9a1c0e3f7b2d0013      0t0          ->0x9a1c0e3f7b2d0014
Notes\\x20 410 amelie    6u    unix 0x9a1c0e3f7b2d0015      0t0          /var/run/cupsd
Notes\\x20 410 amelie    7     PIPE 0x9a1c0e3f7b2d0016    16384          ->0x9a1c0e3f7b2d0017
Notes\\x20 410 amelie    8u  KQUEUE                                      count=0, state=0xa
Notes\\x20 410 amelie    9u   systm 0x9a1c0e3f7b2d0018      0t0          [ctl com.apple.netsrc id 6 unit 3]
Notes\\x20 410 amelie   10r  PSXSHM                1,4     4096          /tmp/com.example.shm
"""


def test_macos() -> None:
    found = rows(MACOS)
    assert [one.kind for one in found] == ("dir file char tcp tcp6 unix unix pipe kqueue socket shm".split())
    assert [told(one, "inode", "state") for one in found[3:5]] == [(None, "CLOSE"), (None, "FIN_WAIT1")]
    assert told(found[4], "local", "peer") == ("[::1]:50111", "[::1]:631")
    assert [one.local for one in found[3:7]] == ["*:*", "[::1]:50111", None, "/var/run/cupsd"]
    assert told(found[7], "fd", "mode", "size_bytes") == (7, None, 16384)
    assert found[2].offset_bytes == 31337
    assert {one.command for one in found} == {"Notes "}
    assert {one.deleted for one in found} == {None}


FREEBSD = """\
COMMAND  PID USER   FD   TYPE             DEVICE SIZE/OFF   NODE NAME
nginx    812  www  cwd   VDIR 122,2297428481      512      4 /
nginx    812  www  txt   VREG 122,2297428481   982272  60871 /usr/local/sbin/nginx
nginx    812  www    0u  VCHR               0,22      0t0     22 /dev/null
nginx    812  www    5u  IPv4 0xfffff8000a2b7000      0t0    TCP *:http (LISTEN)
nginx    812  www    6u  IPv4 0xfffff8000a2b7400      0t0    TCP 192.0.2.7:http->198.51.100.9:40022 (SYN_RCVD)
nginx    812  www    7u  KQUEUE 0xfffff8000c001a00           count=0, state=0
"""


def test_freebsd() -> None:
    found = rows(FREEBSD)
    assert [one.kind for one in found] == ["dir", "file", "char", "tcp", "tcp", "kqueue"]
    assert told(found[4], "peer", "state", "inode") == ("198.51.100.9:40022", "SYN_RECV", None)


OLD = HEADER + (
    "app      3652 rose  DEL       REG    8,1           1576273 /lib/libc-2.13.so\n"
    "app      3652 rose  mem-W     REG    8,1    32768  1576274 /var/lib/app/meta.db\n"
    "app      3652 rose    0u     sock    0,7      0t0     7534 can't identify protocol\n"
    "app      3652 rose    3u     0000    0,9        0     3551 anon_inode\n"
    "app      3652 rose    4u     unix 0xf7ee        0t0     7539 socket\n"
    "app      3652 rose    5u  unknown                          /proc/3652/fd/5 (readlink: Permission denied)\n"
    "app      3652 rose    6uR     REG    8,1       12  1576275 /srv/app/data (host:/export)\n"
)


def test_rows_of_old_versions() -> None:
    found = rows(OLD)
    assert [one.kind for one in found] == ["file", "file", "socket", "unknown", "unix", "unknown", "file"]
    assert told(found[0], "slot", "inode", "size_bytes", "deleted") == ("DEL", 1576273, None, True)
    assert told(found[1], "slot", "lock") == ("mem", "W")
    assert told(found[2], "inode", "proto") == (7534, None)
    assert told(found[4], "inode", "local") == (7539, None)
    assert told(found[6], "mode", "lock") == ("u", "R")


@pytest.mark.parametrize(
    "name", ["[eventpoll]", "[eventpoll:5,7,9]", "[eventpoll:5,7...]", "anon_inode:[eventpoll]"]
)
def test_epoll_of_all_versions(name: str) -> None:
    assert (
        row(HEADER + f"app      3652 rose    3u  a_inode    0,9        0     3551 {name}\n").kind == "epoll"
    )


@pytest.mark.parametrize("name", ["[eventfd]", "[eventfd:12]", "[eventfd:12] 77,peer,4u"])
def test_eventfd_of_all_versions(name: str) -> None:
    assert (
        row(HEADER + f"app      3652 rose    3u  a_inode    0,9        0     3551 {name}\n").kind == "eventfd"
    )


SQUEEZED = """\
COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME
sshd 2261 root cwd DIR 8,1 4096 2 /
sshd 2261 root 3u IPv4 8366 0t0 TCP *:ssh (LISTEN)
sshd 2261 root 4u IPv6 8369 TCP *:ssh (LISTEN)
sshd 2261 root 5r FIFO 0,8 0t0 4711 pipe
sshd 2261 root 6u raw 0t0 4712 00000000:0001->00000000:0000 st=07
sshd 2261 root 7u pack 4713 0t0 ALL type=SOCK_RAW
sshd 2261 root 8u sock 0,9 0t0 4714 protocol: UNIX-STREAM
sshd 2261 root DEL REG 8,1 4715 /lib/libz.so (deleted)
sshd 2261 root NOFD /proc/2261/fd (opendir: Permission denied)
"""


@pytest.mark.parametrize("cut", [0, 1])
@pytest.mark.parametrize("before", ["", "# ", "> ", "    ", "[2026/9/23 15:43:47] "])
def test_tables_whose_columns_are_lost_are_read_by_content(before: str, cut: int) -> None:
    text = "".join(before + line + "\n" for line in SQUEEZED.splitlines()[cut:])
    found = rows(text)
    assert [told(one, "slot", "fd", "kind", "inode") for one in found] == [
        ("cwd", None, "dir", 2),
        ("fd", 3, "tcp", 8366),
        ("fd", 4, "tcp6", 8369),
        ("fd", 5, "pipe", 4711),
        ("fd", 6, "raw", 4712),
        ("fd", 7, "packet", 4713),
        ("fd", 8, "unix", 4714),
        ("DEL", None, "file", 4715),
        ("NOFD", None, "unknown", None),
    ]
    assert found[1].local == "*:ssh"
    assert found[1].state == "LISTEN"
    assert found[7].name == "/lib/libz.so (deleted)"


def test_cut_columns_with_threads_and_links_are_told_by_the_header() -> None:
    found = rows(
        "COMMAND PID TID PPID USER FD TYPE FILE-FLAG DEVICE SIZE/OFF NLINK NODE NAME\n"
        "app 10 11 1 root 3u REG RW,CX 8,1 512 0 99 /srv/a b\n"
    )
    assert told(found[0], "pid", "tid", "ppid", "cloexec", "size_bytes", "deleted", "inode", "name") == (
        (10, 11, 1, True, 512, True, 99, "/srv/a b")
    )


def test_a_commented_header_and_a_command_with_blanks() -> None:
    text = "#" + HEADER + "web app 3652 rose    3u      REG    8,1       12  1576275 /srv/a\n"
    assert told(row(text), "command", "fd", "name") == ("web app", 3, "/srv/a")


def test_ports_with_the_portmappers_programs() -> None:
    found = row(
        HEADER + "rpc      3652 rose    3u     IPv4   7535      0t0      TCP *:111[portmapper] (LISTEN)\n"
    )
    assert told(found, "local", "state") == ("*:111", "LISTEN")


def test_messages_between_rows_are_counted_not_problems() -> None:
    lines = (
        "lsof: WARNING: can't stat() fuse.gvfsd-fuse file system /run/user/1000/gvfs\n"
        "      Output information may be incomplete.\n",
        "lsof: no pwd entry for UID 65534\n",
    )
    found = sheet(
        lines[0] + HEADER + "app      3652 rose  cwd       DIR    8,1     4096        2 /\n" + lines[1]
        + "app      3652 rose    0u     sock    0,7      0t0     7534 can't identify protocol\n"
    )  # fmt: skip
    assert not found.problems
    assert len(found.open_files) == 2
    assert any(one.startswith("messages of lsof itself: 2") for one in found.variants)


def test_what_was_left_out_and_lsof_t_are_problems() -> None:
    found = sheet(
        HEADER + "app      3652 rose  cwd       DIR    8,1     4096        2 /\n...\n4711\nwhatever\n"
    )
    assert [problem.reason for problem in found.problems] == [
        "rows were left out here",
        "a bare number: lsof -t prints processes only, without their descriptors",
        "not a row of lsof",
    ]


def test_numbers_that_fit_no_column_are_left_out() -> None:
    found = row(HEADER + "app      3652 rose    3u      REG    8,1       12 99999999999999999999 /srv/a\n")
    assert told(found, "inode", "fd", "name") == (None, 3, "/srv/a")
    assert sheet("app 99999999999 rose 3u REG 8,1 1 2 /srv/a\n").open_files == []


NEIGHBOURS = """\
tcp        0      0 127.0.0.1:631           0.0.0.0:*               LISTEN      812/cupsd
unix  3      [ ]         STREAM     CONNECTED     24433    1/init               /run/systemd/journal/stdout
tcp   LISTEN 0      128    0.0.0.0:22   0.0.0.0:*    users:(("sshd",pid=812,fd=3)) ino:18312 sk:1
u_str ESTAB  0      0      * 24433      * 24432      users:(("app",pid=3,fd=4))
lrwx------ 1 root root 64 Nov 23 13:00 3 -> socket:[2598135]
lr-x------. 1 root root 64 2026-11-23 13:00 0 -> /dev/null
total 0
/proc/4711/fd:
   0: 0100007F:8581 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2598135 1
3<TCP:[127.0.0.1:5->127.0.0.1:6]>
1234 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3
[2026/11/23 07:23:02:9775] U: WSI_DESTROY
pos:	0
flags:	0100002
0000  b081 e803 570c 0000 4f59 a764 fdc1 9a64
root      4711  0.0  0.1  12345  2345 ?        Ss   13:00   0:00 /usr/sbin/sshd -D
the process 12 was txt only
"""


@pytest.mark.parametrize("line", NEIGHBOURS.splitlines())
def test_neighbours_are_not_lsof(line: str) -> None:
    assert not lsof.MARKS.match(line.encode())
    assert sheet(line + "\n").open_files == []


@pytest.mark.parametrize(
    "text",
    [
        *(MACOS + FREEBSD + OLD + SQUEEZED).splitlines(),
        "p4711",
        "fcwd",
        "tIPv4",
        "TST=LISTEN",
        "n127.0.0.1:5->127.0.0.1:6",
        "p12\0g12\0cx\0",
        '{"lsof_version":"4.99.7","processes":[]}',
        '{"pid":1,"command":"init","fd":"3","name":"/x"}',
    ],
)
def test_marks_of_lsof(text: str) -> None:
    assert lsof.MARKS.match(text.encode())
