"""The reader of netstat: recordings of a known program, and small samples of other forms."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.readers import netstat
from fdtrace.readers.sheet import Sheet

from .socket_recordings import (
    BUSYBOX,
    NETSTAT,
    NOBODY,
    PATHS,
    SIX,
    TCP,
    UDP,
    by_ports,
    sheet_of,
    states,
    written,
)

EVERYTHING = [NETSTAT / "anpeeoW.txt", NETSTAT / "anpo.txt", BUSYBOX / "ane.txt"]


def lines(tmp_path: Path, *text: str) -> Sheet:
    sheet = written("\n".join(text) + "\n", tmp_path, "netstat")
    assert not sheet.problems
    return sheet


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda path: path.stem)
def test_each_recording_shows_the_sockets_of_the_program(path: Path) -> None:
    sheet = sheet_of(path, "netstat")
    rows = sheet.sockets
    assert not sheet.problems
    assert states(rows, "tcp") == TCP
    assert states(rows, "udp") == UDP
    assert {ports for ports, same in by_ports(rows, "tcp").items() if same[0].family == "inet6"} == SIX
    assert by_ports(rows, "tcp")[8003, 40008][0].local == "127.0.0.1:8003"
    assert sum(row.proto == "unix" for row in rows) == sum(PATHS.values())
    assert len(sheet.snapshots) == 1


def test_owner_inode_and_timer_stand_behind_the_state() -> None:
    rows = by_ports(sheet_of(NETSTAT / "anpeeoW.txt", "netstat").sockets, "tcp")
    held = {ports for ports, same in rows.items() if same[0].pid is not None}
    assert held == TCP.keys() - NOBODY
    assert {ports for ports, same in rows.items() if same[0].inode is None} == NOBODY
    assert all(same[0].uid == 0 for same in rows.values())
    kept = rows[40004, 8001][0]
    assert (kept.timer, kept.retrans, kept.program) == ("keepalive", 0, "python3")
    assert kept.timer_s is not None
    assert 7000 < kept.timer_s <= 7200
    assert rows[40001, 8001][0].timer is None
    assert rows[8001, 40002][0].timer == "timewait"


def test_a_cut_address_is_no_address() -> None:
    cut = by_ports(sheet_of(NETSTAT / "anpo.txt", "netstat").sockets, "tcp")[8004, None][0]
    whole = by_ports(sheet_of(NETSTAT / "anpeeoW.txt", "netstat").sockets, "tcp")[8004, None][0]
    assert cut.local == "[2001:db8:85a3:8d3:…]:8004"
    assert whole.local == "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:8004"


def test_an_address_that_fills_its_column_is_whole_where_others_are_longer(tmp_path: Path) -> None:
    short = "tcp6       0      0 2001:db8::1:2:3:4:50022 :::*                    LISTEN"
    long = "tcp6       0      0 2001:db8:85a3:8d3:1319:8a2e:370:7348:80 :::*                    LISTEN"
    assert lines(tmp_path, short).sockets[0].local == "[2001:db8::1:2:3:4…]:50022"
    assert lines(tmp_path, short, long).sockets[0].local == "[2001:db8::1:2:3:4]:50022"


def test_paths_of_unix_sockets() -> None:
    def paths(path: Path) -> dict[str | None, int]:
        found: dict[str | None, int] = {}
        for row in sheet_of(path, "netstat").sockets:
            if row.proto == "unix":
                found[row.path] = found.get(row.path, 0) + 1
        return found

    assert paths(BUSYBOX / "ane.txt") == PATHS
    # net-tools cuts a path at its first blank
    assert paths(NETSTAT / "anpo.txt") == {"run/my": 2, "run/plain.sock": 2, "@abst": 1, None: 6}


def test_each_repetition_is_a_snapshot() -> None:
    sheet = sheet_of(NETSTAT / "continuous.txt", "netstat")
    assert len(sheet.snapshots) == 3
    for shot in sheet.snapshots:
        rows = [row for row in sheet.sockets if row.snapshot == shot.number]
        assert states(rows, "tcp") == TCP
        assert shot.line == min(row.line for row in rows) - 2


def test_commands_after_one_another_are_one_look(tmp_path: Path) -> None:
    heading = "Proto Recv-Q Send-Q Local Address           Foreign Address         State"
    tcp = "tcp        0      0 127.0.0.1:80            0.0.0.0:*               LISTEN"
    udp = "udp        0      0 127.0.0.1:53            0.0.0.0:*"
    assert len(lines(tmp_path, heading, tcp, heading, udp).snapshots) == 1
    assert len(lines(tmp_path, heading, tcp, heading, tcp).snapshots) == 2
    assert len(lines(tmp_path, heading, heading, tcp).snapshots) == 2
    assert len(lines(tmp_path, "$ netstat -tln", heading, tcp, "$ netstat -tn", heading, tcp).snapshots) == 1


def test_names_in_place_of_numbers_stay() -> None:
    rows = sheet_of(NETSTAT / "names.txt", "netstat").sockets
    named = [row for row in rows if row.local == "localhost:8001"]
    assert named
    assert named[0].local_port == 8001


def test_what_root_would_have_seen_is_said() -> None:
    sheet = sheet_of(NETSTAT / "unprivileged.txt", "netstat")
    assert not sheet.problems
    assert all(row.pid is None for row in sheet.sockets)
    assert any("without root" in variant for variant in sheet.variants)


@pytest.mark.parametrize(
    ("row", "state", "uid", "inode", "pid", "program", "timer"),
    [
        ("LISTEN      1209/sshd: /usr/sbin ", "LISTEN", None, None, 1209, "sshd: /usr/sbin", None),
        ("ESTABLISHED 18045/nginx: worker ", "ESTABLISHED", None, None, 18045, "nginx: worker", None),
        ("ESTABLISHED 22382/venv/bin/pyth", "ESTABLISHED", None, None, 22382, "venv/bin/pyth", None),
        (
            "CLOSE_WAIT  systemd-network 9154 3544/portmap off (0.00/0/0)",
            "CLOSE_WAIT",
            None,
            9154,
            3544,
            "portmap",
            None,
        ),
        (
            "CLOSE_WAIT  996        0          -                    on (0.21/3/0)",
            "CLOSE_WAIT",
            996,
            None,
            None,
            None,
            "on",
        ),
        ("TIME_WAIT   -                   ", "TIME_WAIT", None, None, None, None, None),
        (
            "SYN_SENT    812/app.bin          system_u:system_r:app_t:s0",
            "SYN_SENT",
            None,
            None,
            812,
            "app.bin",
            None,
        ),
        (
            "LISTEN      0          9154       12/p (v) 2           off (0.00/0/0)",
            "LISTEN",
            0,
            9154,
            12,
            "p (v) 2",
            None,
        ),
        ("VERBUNDEN   1040/firefox         aus (0.00/0/0)", "ESTABLISHED", None, None, 1040, "firefox", None),
        ("LYSSNAR     1040/firefox", "LYSSNAR", None, None, 1040, "firefox", None),
        ("", None, None, None, None, None, None),
    ],
)
def test_what_stands_behind_the_addresses(
    tmp_path: Path,
    row: str,
    state: str | None,
    uid: int | None,
    inode: int | None,
    pid: int | None,
    program: str | None,
    timer: str | None,
) -> None:
    found = lines(
        tmp_path, f"tcp        0      0 10.0.0.1:40000          10.0.0.2:443            {row}"
    ).sockets[0]
    assert (found.state, found.uid, found.inode, found.pid, found.program, found.timer) == (
        state, uid, inode, pid, program, timer,
    )  # fmt: skip


def test_a_blank_state_of_udp(tmp_path: Path) -> None:
    rows = lines(
        tmp_path,
        "udp        0      0 0.0.0.0:68              0.0.0.0:*                           889/dhclient: eth",
        "udp        0      0 0.0.0.0:69              0.0.0.0:*                           0          309963     889/dhclient",
        "udp6       0      0 fe80::1:546             :::*                                -",
    ).sockets
    assert [(row.state, row.inode, row.pid, row.program) for row in rows] == [
        ("CLOSE", None, 889, "dhclient: eth"),
        ("CLOSE", 309963, 889, "dhclient"),
        ("CLOSE", None, None, None),
    ]


TRANSLATED = {
    "de": (
        "(Es konnten nicht alle Prozesse identifiziert werden; Informationen über",
        "nicht-eigene Prozesse werden nicht angezeigt; Root kann sie anzeigen.)",
        "Aktive Internetverbindungen (Server und stehende Verbindungen)",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name",
        "tcp        0      0 10.1.1.4:44704          10.9.9.9:80             VERBUNDEN   3734/python",
        "Aktive Sockets in der UNIX-Domäne (Server und stehende Verbindungen)",
        "Proto RefZäh Flaggen     Typ        Zustand       I-Node   PID/Program name     Pfad",
        "unix  3      [ ]         STREAM     VERBUNDEN     7711     -                    /run/x.sock",
    ),
    "fr": (
        "Connexions Internet actives (serveurs et établies)",
        "Proto Recv-Q Send-Q Adresse locale          Adresse distante        Etat       ",
        "tcp        0      0 10.1.1.4:44704          10.9.9.9:80             ESTABLISHED",
        "Sockets du domaine UNIX actives(serveurs et établies)",
        "Proto RefCpt Indicatrs   Type       Etat          I-Node   Chemin",
        "unix  3      [ ]         STREAM     CONNECTE      7711     /run/x.sock",
    ),
    "es": (
        "Conexiones activas de Internet (servidores y establecidos)",
        "Proto  Recib Enviad Dirección local         Dirección remota       Estado       PID/Program name    Temporizador",
        "tcp        0      0 10.1.1.4:44704          10.9.9.9:80             ESTABLECIDO 3734/python          apagado (0.00/0/0)",
        "Activar zócalos de dominio UNIX (servidores w/o)",
        "Proto RefCnt Flags       Type       State         I-Node   PID/Program name    Ruta",
        "unix  3      [ ]         FLUJO      CONECTADO     7711     -                   /run/x.sock",
    ),
    "zh": (
        "（并非所有进程都能被检测到，所有非本用户的进程信息将不会显示，如果想看到所有信息，则必须切换到 root 用户）",
        "激活Internet连接 (服务器和已建立连接的)",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       Timer",
        "tcp        0      0 10.1.1.4:44704          10.9.9.9:80             ESTABLISHED 关闭 (0.00/0/0)",
        "活跃的UNIX域套接字 (服务器和已建立连接的)",
        "Proto RefCnt Flags       Type       State         I-Node   路径",
        "unix  3      [ ]         流        已连接     7711     /run/x.sock",
    ),
    "ja": (
        "稼働中のインターネット接続 (サーバと確立)",
        "Proto 受信-Q 送信-Q 内部アドレス            外部アドレス            状態       ",
        "tcp        0      0 10.1.1.4:44704          10.9.9.9:80             ESTABLISHED",
        "稼働中のUNIXドメインソケット (サーバと確立)",
        "Proto RefCnt フラグ      タイプ     状態         Iノード パス",
        "unix  3      [ ]         STREAM     CONNECTED     7711     /run/x.sock",
    ),
}


@pytest.mark.parametrize("language", TRANSLATED)
def test_other_languages(tmp_path: Path, language: str) -> None:
    sheet = lines(tmp_path, *TRANSLATED[language])
    tcp, unix = sheet.sockets
    assert (tcp.local, tcp.peer, tcp.state, tcp.timer) == (
        "10.1.1.4:44704",
        "10.9.9.9:80",
        "ESTABLISHED",
        None,
    )
    assert (unix.state, unix.inode, unix.path) == ("ESTABLISHED", 7711, "/run/x.sock")
    assert len(sheet.snapshots) == 1


def test_macos(tmp_path: Path) -> None:
    sheet = lines(
        tmp_path,
        "Active Internet connections (including servers)",
        "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)      rxbytes      txbytes  rhiwat  shiwat    process:pid    state  options",
        "tcp4       0      0  10.0.0.5.52345         10.1.1.7.443           CLOSE_WAIT        4711          815  131072  131072  My App Helper:812    00102 00000008",
        "tcp46      0      0  *.8080                 *.*                    LISTEN",
        "tcp6       0      0  fe80::1%lo0.123        *.*                    LISTEN",
        "tcp6       0      0  2001:db8:85a3:8d.443   2001:db8:85a3:8d.49152 FIN_WAIT_2",
        "udp4       0      0  *.5353                 *.*",
        "Active LOCAL (UNIX) domain sockets",
        "Address          Type   Recv-Q Send-Q            Inode             Conn             Refs          Nextref Addr",
        "5a240da08f6284a9 stream      0      0                0 5a240da069f57959                0                0 /tmp/a b.sock",
        "Active kernel event sockets",
        "             pcb Proto Recv-Q Send-Q vendor  class subcla",
        "5a240da08f628400 kevt       0      0      1      1      6",
    )
    first, dual, scoped, cut, udp, unix = sheet.sockets
    assert (first.local, first.peer, first.state) == ("10.0.0.5:52345", "10.1.1.7:443", "CLOSE_WAIT")
    assert (first.program, first.pid) == ("My App Helper", 812)
    assert (dual.local, dual.peer, dual.family, dual.state) == ("*:8080", None, "inet6", "LISTEN")
    assert scoped.local == "[fe80::1]:123"
    assert (cut.local, cut.local_port) == ("[2001:db8:85a3:8d…]:443", 443)
    assert (cut.peer, cut.peer_port) == ("[2001:db8:85a3:8d…]:49152…", None)
    assert (udp.state, udp.family) == (None, "inet")
    assert (unix.path, unix.inode) == ("/tmp/a b.sock", None)


def test_windows_is_refused_with_a_reason(tmp_path: Path) -> None:
    sheet = written(
        "Active Connections\n\n  TCP    0.0.0.0:135    0.0.0.0:0    LISTENING    4\n", tmp_path, "netstat"
    )
    assert {problem.reason for problem in sheet.problems} == {
        "netstat of Windows, whose sockets are no descriptors"
    }
    assert not sheet.sockets


def test_blocks_without_sockets_are_passed_over(tmp_path: Path) -> None:
    sheet = lines(
        tmp_path,
        "Active Bluetooth connections (w/o servers)",
        "Proto  Destination       Source            State         PSM DCID   SCID      IMTU    OMTU Security",
        "l2cap  *                 *                 LISTEN          1 0x0000 0x0000     672     672 SDP",
        "Kernel IP routing table",
        "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface",
        "0.0.0.0         10.0.0.1        0.0.0.0         UG        0 0          0 eth0",
        "IPv6/IPv4 Group Memberships",
        "Interface       RefCnt Group",
        "--------------- ------ ---------------------",
        "lo              1      224.0.0.1",
        "tcp        0      0 127.0.0.1:80            0.0.0.0:*               LISTEN",
    )
    assert len(sheet.sockets) == 1
    assert len([variant for variant in sheet.variants if "passed over" in variant]) == 3


def test_prose_and_cut_rows_are_problems(tmp_path: Path) -> None:
    sheet = written(
        "what the server said:\ntcp        0      0 127.0.0.1:80\ntcp  0  0 1.1.1.1:80 1.1.1.2:80 LISTEN who knows what\n",
        tmp_path,
        "netstat",
    )
    assert [problem.reason for problem in sheet.problems] == [
        "not a row of netstat",
        "a row without two addresses of the form host:port",
        "what follows the addresses is neither state nor program",
    ]


def test_two_rows_on_one_line(tmp_path: Path) -> None:
    one = "tcp        0      0 127.0.0.1:631           0.0.0.0:*               LISTEN      1721/cupsd           "
    two = "tcp6       0      0 ::1:631                 :::*                    LISTEN      1721/cupsd"
    assert [row.local for row in lines(tmp_path, one + two).sockets] == ["127.0.0.1:631", "[::1]:631"]


def test_the_quick_way_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [*NETSTAT.iterdir(), *BUSYBOX.iterdir()]
    quick = [sheet_of(path, "netstat") for path in paths]
    monkeypatch.setattr(netstat, "_QUICK", re.compile("(?!)"))
    assert [sheet_of(path, "netstat") for path in paths] == quick


def test_marks() -> None:
    ours = [line for path in (*EVERYTHING, NETSTAT / "names.txt") for line in path.read_bytes().splitlines()]
    assert all(netstat.MARKS.match(line) for line in ours if line.strip())
    for neighbour in (
        b'tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=1,fd=3))',
        b"ESTAB 0 0 127.0.0.1:80 127.0.0.1:4000",
        b"Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess",
        b"sshd    1209 root    3u  IPv4  12345      0t0  TCP *:22 (LISTEN)",
        b"   0: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2582715 1",
        b"  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING",
        b"[2026/11/23 07:03:13:8738] N: lws_create_context: LWS: 4.3.3",
    ):
        assert not netstat.MARKS.match(neighbour)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"\x00 \t\n:/.-[](),*0", "tcp", "unix", "udp6", "\n", "1:2", " 0 0 ", "LISTEN", "[ ]", "\xff"]
        ),
        max_size=60,
    )
)
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    written("".join(parts).encode("latin-1"), tmp_path_factory.mktemp("any"), "netstat")
