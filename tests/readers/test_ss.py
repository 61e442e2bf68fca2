"""The reader of ss: recordings of a known program, and small samples of other forms."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.readers import ss
from fdtrace.readers.sheet import Sheet, Socket

from .socket_recordings import NOBODY, PATHS, SIX, SS, TCP, UDP, by_ports, sheet_of, states, written

NAME = 'my "n'
"""What ss makes of the program's name, my "n), x: it ends before the parenthesis."""


def lines(tmp_path: Path, *text: str) -> Sheet:
    sheet = written("\n".join(text) + "\n", tmp_path, "ss")
    assert not sheet.problems
    return sheet


@pytest.mark.parametrize("name", ["peaonmi", "tanpeoimO", "H", "tos", "loop"])
def test_each_recording_shows_the_sockets_of_the_program(name: str) -> None:
    sheet = sheet_of(SS / f"{name}.txt", "ss")
    assert not sheet.problems
    for shot in sheet.snapshots:
        rows = [row for row in sheet.sockets if row.snapshot == shot.number]
        assert states(rows, "tcp") == TCP
        six = {ports for ports, same in by_ports(rows, "tcp").items() if same[0].family == "inet6"}
        assert six == SIX


@pytest.mark.parametrize("name", ["peaonmi", "H"])
def test_every_holder_has_a_row(name: str) -> None:
    rows = sheet_of(SS / f"{name}.txt", "ss").sockets
    for ports, same in by_ports(rows, "tcp").items():
        if ports in NOBODY:
            assert [(row.pid, row.fd, row.program, row.inode) for row in same] == [(None, None, None, None)]
        else:
            assert len({row.pid for row in same}) == len(same) == 2
            assert len({row.fd for row in same}) == len({row.inode for row in same}) == 1
            assert {row.program for row in same} == {NAME}
            assert {row.uid for row in same} == {0}


@pytest.mark.parametrize("name", ["peaonmi", "H"])
def test_other_families(name: str) -> None:
    rows = sheet_of(SS / f"{name}.txt", "ss").sockets
    assert states(rows, "udp") == UDP
    unix = {row.inode: row for row in rows if row.proto == "unix"}
    assert {path: sum(row.path == path for row in unix.values()) for path in PATHS} == PATHS
    for row in unix.values():
        if row.state == "ESTABLISHED":
            assert row.peer_inode is not None
            assert unix[row.peer_inode].peer_inode == row.inode
        else:
            assert row.peer_inode is None
    assert {(row.local, row.family, row.state) for row in rows if row.proto == "raw"} == {
        ("*:1", "inet", "CLOSE"),
        ("*:58", "inet6", "CLOSE"),
    }


def test_netlink_and_packet_sockets() -> None:
    rows = sheet_of(SS / "peaonmi.txt", "ss").sockets
    assert "0:4242" in {row.local for row in rows if row.proto == "netlink"}
    packet = [row for row in rows if row.proto == "packet"]
    assert {(row.local, row.peer, row.fd) for row in packet} == {("[2054]:*", None, 37)}
    assert all(row.inode for row in packet)


def test_timers() -> None:
    rows = by_ports(sheet_of(SS / "peaonmi.txt", "ss").sockets, "tcp")
    assert rows[40004, 8001][0].timer == "keepalive"
    assert rows[8001, 40002][0].timer == "timewait"
    assert 50 < (rows[8001, 40002][0].timer_s or 0) <= 60
    assert rows[40001, 8001][0].timer is None


def test_a_filter_for_a_state_is_taken_from_the_command_line() -> None:
    sheet = sheet_of(SS / "states.txt", "ss")
    assert not sheet.problems
    rows = [row for row in sheet.sockets if row.proto == "tcp"]
    held = {ports: state for ports, state in TCP.items() if state in ("ESTABLISHED", "CLOSE_WAIT")}
    assert states(rows, "tcp") == held
    assert sum(row.proto == "unix" for row in sheet.sockets) == 8


def test_without_the_command_line_the_state_is_not_known(tmp_path: Path) -> None:
    sheet = lines(
        tmp_path,
        "Recv-Q Send-Q      Local Address:Port        Peer Address:Port Process",
        "1      0               127.0.0.1:40001          127.0.0.1:8001",
    )
    assert [(row.state, row.proto, row.recv_q) for row in sheet.sockets] == [(None, None, 1)]
    assert any("without the column State" in variant for variant in sheet.variants)


def test_threads_of_a_holder_are_one() -> None:
    rows = by_ports(sheet_of(SS / "T.txt", "ss").sockets, "tcp")
    assert {len(same) for same in rows.values()} == {2}


def test_times_between_make_snapshots() -> None:
    sheet = sheet_of(SS / "loop.txt", "ss")
    assert [shot.clock for shot in sheet.snapshots] == ["utc", "utc"]


def test_counts_name_no_sockets() -> None:
    sheet = sheet_of(SS / "summary.txt", "ss")
    assert (sheet.sockets, sheet.problems) == ([], [])


def test_headings_that_come_again(tmp_path: Path) -> None:
    heading = "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess"
    tcp = "tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*"
    udp = "udp   UNCONN 0      0            0.0.0.0:53        0.0.0.0:*"
    assert len(lines(tmp_path, heading, tcp, heading, tcp, heading, tcp).snapshots) == 3
    assert len(lines(tmp_path, heading, tcp, heading, udp).snapshots) == 1
    assert len(lines(tmp_path, "$ ss -tln", heading, tcp, "$ ss -tan", heading, tcp).snapshots) == 1


def only(tmp_path: Path, *text: str) -> Socket:
    rows = lines(tmp_path, *text).sockets
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize(
    ("users", "holders"),
    [
        ('users:(("sshd",1231,3))', [("sshd", 1231, 3)]),
        ('users:(("nginx",13312,5),("nginx",13333,5))', [("nginx", 13312, 5), ("nginx", 13333, 5)]),
        ('users:(("a",pid=1,fd=2),("a",pid=1,fd=7))', [("a", 1, 2), ("a", 1, 7)]),
        ('users:(("a, (b",pid=1,fd=2))', [("a, (b", 1, 2)]),
        ('users:(("a\\042b\\033",pid=1,fd=2))', [('a"b\\033', 1, 2)]),
        ('users:(("ino:5 users:((",pid=1,fd=2))', [("ino:5 users:((", 1, 2)]),
        (
            'users:(("httpd",pid=9,proc_ctx=system_u:system_r:httpd_t:s0-s0:c0,c3,fd=4,sock_ctx=x))',
            [("httpd", 9, 4)],
        ),
        ('users:(("w",pid=9,tid=9,fd=4),("w",pid=9,tid=10,fd=4))', [("w", 9, 4)]),
    ],
)
def test_forms_of_holders(tmp_path: Path, users: str, holders: list[tuple[str, int, int]]) -> None:
    row = f"tcp    LISTEN     0      128      :::22                 :::*                   {users} uid:33 ino:77 sk:1 <->"
    rows = lines(tmp_path, row).sockets
    assert [(row.program, row.pid, row.fd) for row in rows] == holders
    assert {(row.uid, row.inode, row.family) for row in rows} == {(33, 77, "inet6")}


def test_details_before_2014_stood_before_the_holders(tmp_path: Path) -> None:
    row = only(
        tmp_path,
        'ESTAB 0 0 10.0.0.1:22 10.0.0.2:5000 timer:(on,199ms,2) users:(("sshd",1231,3)) ino:77 sk:f0',
    )
    assert (row.timer, row.timer_s, row.retrans, row.pid, row.inode, row.proto) == (
        "on",
        0.199,
        2,
        1231,
        77,
        "tcp",
    )


@pytest.mark.parametrize(
    ("printed", "seconds"),
    [("1min43sec", 103.0), ("119min", 7140.0), ("6.400sec", 6.4), ("054ms", 0.054), ("9sec", 9.0)],
)
def test_times_of_timers(tmp_path: Path, printed: str, seconds: float) -> None:
    row = only(tmp_path, f"tcp ESTAB 0 0 10.0.0.1:22 10.0.0.2:5000 timer:(keepalive,{printed},0)")
    assert row.timer_s == seconds


@pytest.mark.parametrize(
    "text",
    [
        ('tcp   ESTAB 0      0          10.0.0.1:22', '   10.0.0.2:5000  users:(("sshd",pid=7,fd=3)) ino:9 sk:1'),
        ("tcp   ESTAB 0      0", '10.0.0.1:22   10.0.0.2:5000  users:(("sshd",pid=7,fd=3)) ino:9 sk:1'),
        ("tcp   ESTAB 0      0    10.0.0.1:22   10.0.0.2:5000", '\tusers:(("sshd",pid=7,fd=3)) ino:9 sk:1'),
        ("tcp   ESTAB 0      0    10.0.0.1:22   10.0.0.2:5000", 'users:(("sshd",pid=7,fd=3))', "   uid:0 ino:9 sk:1"),
        ('tcp   ESTAB 0      0    10.0.0.1:22   10.0.0.2:5000 users:(("sshd",pid=7,f', "d=3)) ino:9 sk:1 <->"),
        ('tcp   ESTAB 0      0    10.0.0.1:22   10.0.0.2:5000users:(("sshd",pid=7,fd=3)) ino:9',),
        ('tcpESTAB 0 0 10.0.0.1:22 10.0.0.2:5000 users:(("sshd",pid=7,fd=3)) ino:9 sk:1',),
    ],
)  # fmt: skip
def test_wrapped_and_glued_rows(tmp_path: Path, text: tuple[str, ...]) -> None:
    sheet = lines(tmp_path, *text)
    assert [(row.local, row.peer, row.program, row.fd, row.inode) for row in sheet.sockets] == [
        ("10.0.0.1:22", "10.0.0.2:5000", "sshd", 3, 9)
    ]
    assert sheet.continuation == len(text) - 1


@pytest.mark.parametrize(
    "more",
    [
        "\t skmem:(r0,rb131072,t0,tb46080,f0,w0,o0,bl0,d0) ts sack cubic wscale:7,7 rto:204 rtt:0.5/0.2 mss:1448",
        "cubic wscale:7,7 rto:204 rtt:0.5/0.2 cwnd:10",
        "\t cubic cwnd:10",
        " ts sack bbr wscale:10,10",
        "\tinet-sockopt: ( is_icsk mc_loop mc_all)",
    ],
)
def test_lines_about_the_connection_go_on(tmp_path: Path, more: str) -> None:
    sheet = lines(tmp_path, "ESTAB 0 0 10.0.0.1:22 10.0.0.2:5000", more)
    assert (len(sheet.sockets), sheet.continuation) == (1, 1)


def test_the_other_rows_tell_the_protocol(tmp_path: Path) -> None:
    heading = "State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess"
    connected = "ESTAB 0 0 10.0.0.1:22 10.0.0.2:5000"
    assert lines(tmp_path, heading, connected).sockets[0].proto is None
    listening = lines(tmp_path, heading, connected, "LISTEN 0 5 0.0.0.0:22 0.0.0.0:*")
    assert [row.proto for row in listening.sockets] == ["tcp", "tcp"]
    assert lines(tmp_path, "# ss -unap", heading, connected).sockets[0].proto == "udp"


def test_a_star_is_of_the_family_that_the_version_means(tmp_path: Path) -> None:
    star = "tcp LISTEN 0 128 *:80 *:*"
    assert lines(tmp_path, star).sockets[0].family is None
    assert lines(tmp_path, star, "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*").sockets[0].family == "inet6"
    assert lines(tmp_path, star, "tcp LISTEN 0 128 :::22 :::*").sockets[0].family == "inet"


def test_unix_sockets_with_odd_paths(tmp_path: Path) -> None:
    rows = lines(
        tmp_path,
        'u_str  ESTAB      0      0      /run/a b: 5 c 23456                 * 23455  users:(("x",pid=1,fd=2)) <-> ino:99 dev:0/1 peers:',
        "u_str  ESTAB      0      0      * 23455                 /run/dbus/a b 23456",
        "u_dgr  UNCONN     0      0      @\\001x 4711                 * 0",
    ).sockets
    assert [(row.path, row.inode, row.peer, row.peer_inode) for row in rows] == [
        ("/run/a b: 5 c", 23456, None, 23455),
        (None, 23455, "/run/dbus/a b", 23456),
        ("@\\001x", 4711, None, None),
    ]


def test_rare_families(tmp_path: Path) -> None:
    rows = lines(
        tmp_path,
        "nl     UNCONN 0      0            rtnl:NetworkManager/960     *       sk=0 cb=0 groups=0x00000000",
        "v_str  LISTEN 0      128                     *:1024           *:*",
        "v_str  ESTAB  0      0                       2:1024  4294967295:70000",
        "p_dgr  UNCONN 0      0                     arp:eth0           *",
        "icmp6  UNCONN 0      0              *%eth0:ipv6-icmp          *:*",
        "sctp   LISTEN 0      5            10.0.0.1:38412        0.0.0.0:*",
        "`- ESTAB 0      0            10.0.0.1%lo:38412     10.0.0.2:38412",
    ).sockets
    assert [(row.proto, row.local, row.peer, row.state) for row in rows] == [
        ("netlink", "rtnl:NetworkManager/960", None, "CLOSE"),
        ("vsock", "*:1024", None, "LISTEN"),
        ("vsock", "2:1024", "4294967295:70000", "ESTABLISHED"),
        ("packet", "arp:eth0", None, "CLOSE"),
        ("icmp6", "*:ipv6-icmp", None, "CLOSE"),
        ("sctp", "10.0.0.1:38412", None, "LISTEN"),
        (None, "10.0.0.1:38412", "10.0.0.2:38412", "ESTABLISHED"),
    ]


def test_stamps_of_a_terminal_logger(tmp_path: Path) -> None:
    sheet = lines(
        tmp_path,
        "[2022/9/23 15:43:47] Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port",
        "[2022/9/23 15:43:47] nl    UNCONN 0      0            rtnl:kernel           *",
        "[2022/9/23 15:43:48] tcp   LISTEN 0      128          0.0.0.0:22      0.0.0.0:*",
        "[2022/9/23 15:44:47] Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port",
        "[2022/9/23 15:44:47] tcp   LISTEN 0      128          0.0.0.0:22      0.0.0.0:*",
    )
    assert [(shot.clock, shot.at_ns) for shot in sheet.snapshots] == [
        ("local", 1663947827_000000000),
        ("local", 1663947887_000000000),
    ]
    assert [row.snapshot for row in sheet.sockets] == [1, 1, 2]


def test_prose_and_broken_rows_are_problems(tmp_path: Path) -> None:
    sheet = written(
        "the server said:\ntcp LISTEN 0 5 nothing that is an address\ntcp ESTAB 0 0 10.0.0.1:22\nmore prose\n",
        tmp_path,
        "ss",
    )
    assert not sheet.sockets
    assert sorted((problem.line, problem.reason) for problem in sheet.problems) == [
        (1, "not a row of ss"),
        (2, "a row without two addresses"),
        (3, "a row without two addresses"),
        (4, "not a row of ss"),
    ]


def test_the_quick_way_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(SS.iterdir())
    quick = [sheet_of(path, "ss") for path in paths]
    monkeypatch.setattr(ss, "QUICK", re.compile("(?!)"))
    assert [sheet_of(path, "ss") for path in paths] == quick


def test_marks() -> None:
    ours = [line for name in ("H", "T", "loop") for line in (SS / f"{name}.txt").read_bytes().splitlines()]
    spoken = [line for line in ours if ss.MARKS.match(line)]
    assert len(spoken) >= len(ours) - 10
    for neighbour in (
        b"tcp        0      0 127.0.0.1:80            0.0.0.0:*               LISTEN      1209/sshd",
        b"udp        0      0 0.0.0.0:68              0.0.0.0:*                           889/dhclient",
        b"unix  2      [ ACC ]     STREAM     LISTENING     535      1/systemd            /run/lvm/lvmetad.socket",
        b"sshd    1209 root    3u  IPv4  12345      0t0  TCP *:22 (LISTEN)",
        b"   0: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2582715 1",
        b"lrwx------ 1 root root 64 Nov 23 07:03 3 -> socket:[367155]",
        b"[2026/11/23 07:03:13:8738] N: lws_create_context: LWS: 4.3.3",
    ):
        assert not ss.MARKS.match(neighbour)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *'\x00 \t\n:/.-[](),*0"',
                "tcp ",
                "u_str ",
                "nl ",
                "ESTAB ",
                "0 0 ",
                "\n",
                "1:2 ",
                'users:(("',
                "pid=1",
                "fd=2))",
                "\xff",
            ]
        ),
        max_size=60,
    )
)
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    written("".join(parts).encode("latin-1"), tmp_path_factory.mktemp("any"), "ss")
