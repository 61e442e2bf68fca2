"""The tables of /proc/net."""

import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.readers import addresses
from fdtrace.readers.procnet import host
from fdtrace.readers.sheet import Sheet
from fdtrace.readers.snapshots import read
from fdtrace.readers.text import open_source
from tests.readers.test_procfs import LINUX, checked, sheet_of

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
DGRAM = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"


def recorded(name: str) -> Sheet:
    return checked(read(open_source(str(LINUX / f"{name}.txt")), "procfs"))


def row(
    slot: int = 0, local: str = "0100007F:0016", state: str = "01", rest: str = "1 0 20 4 30 10 -1"
) -> str:
    return f"{slot:4}: {local} 0200000A:01BB {state} 00000003:00000002 02:000000C8 00000001  1000        0 77 {rest}\n"


def test_one_row_in_full(tmp_path: Path) -> None:
    sheet = sheet_of(HEADER + row(), tmp_path)
    (found,) = sheet.sockets
    assert sheet.problems == []
    assert (found.proto, found.family, found.state) == ("tcp", "inet", "ESTABLISHED")
    assert (found.local, found.local_addr, found.local_port) == ("127.0.0.1:22", "127.0.0.1", 22)
    assert (found.peer, found.peer_addr, found.peer_port) == ("10.0.0.2:443", "10.0.0.2", 443)
    assert (found.send_q, found.recv_q, found.uid, found.inode, found.retrans) == (3, 2, 1000, 77, 1)
    assert (found.timer, found.timer_s, found.pid, found.line) == ("keepalive", 2.0, None, 2)


def test_nobodys_socket_has_neither_owner_nor_inode(tmp_path: Path) -> None:
    text = "   0: 0100007F:8C6C 0100007F:1E7A 06 00000000:00000000 03:00000D89 00000000     0        0 0 3 00000000d5537063\n"
    (found,) = sheet_of(HEADER + text, tmp_path).sockets
    assert (found.state, found.inode, found.uid, found.timer) == ("TIME_WAIT", None, None, "timewait")


def test_the_backlog_of_a_listener_is_not_told_its_waiting_connections_are(tmp_path: Path) -> None:
    text = "   0: 00000000:0016 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0\n"
    (found,) = sheet_of(HEADER + text, tmp_path).sockets
    assert (found.state, found.recv_q, found.send_q, found.timer, found.timer_s) == (
        "LISTEN",
        1,
        None,
        None,
        None,
    )
    assert (found.local, found.peer, found.peer_addr, found.peer_port) == ("*:22", None, None, None)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000", "*"),
        ("00000000000000000000000001000000", "::1"),
        ("00000000000000000000000000000000", "*"),
        ("0000000000000000FFFF00000A0110AC", "172.16.1.10"),
        ("B80D01200000000000000000EF000000", "2001:db8::ef"),
    ],
)
def test_words_of_addresses_are_reversed(words: str, text: str) -> None:
    assert host(words) == text


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_every_address_is_what_the_kernel_was_given(address: object) -> None:
    packed = address.packed  # type: ignore[attr-defined]
    words = "".join(f"{word:08X}" for word in struct.unpack(f"<{len(packed) // 4}I", packed))
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    assert host(words) == addresses.host(socket.inet_ntop(family, packed))


@pytest.mark.parametrize(
    ("header", "local", "name", "proto"),
    [
        (HEADER, "0100007F:0016", "x.txt", "tcp"),
        ("", "0100007F:0016", "x.txt", "tcp"),
        (DGRAM, "0100007F:0016", "x.txt", "udp"),  # only the kernel's header of udp is indented so
        (DGRAM[1:], "0100007F:0001", "x.txt", None),  # udp or raw
        (DGRAM[1:], "0100007F:0201", "x.txt", "udp"),
        (DGRAM[1:], "0100007F:0001", "proc/net/raw", "raw"),
        (DGRAM[1:], "0100007F:0035", "sos/proc/9/net/udp6", "udp"),
        ("==> /proc/net/udplite <==\n" + DGRAM[1:], "0100007F:0035", "x.txt", "udplite"),
        ("$ cat /proc/net/udp\n" + DGRAM[1:], "0100007F:0035", "x.txt", "udp"),
    ],
)
def test_which_protocol_a_table_is_of(
    header: str, local: str, name: str, proto: str | None, tmp_path: Path
) -> None:
    rest = "1 0 20 4 30 10 -1" if proto == "tcp" else "2 0 0"
    sheet = sheet_of(header + row(local=local, rest=rest), tmp_path, name)
    assert sheet.problems == []
    assert [found.proto for found in sheet.sockets] == [proto]


def test_a_table_that_begins_again_is_another_snapshot(tmp_path: Path) -> None:
    sheet = sheet_of(HEADER + row(0) + row(1) + HEADER + row(0), tmp_path)
    assert [found.snapshot for found in sheet.sockets] == [1, 1, 2]
    glued = sheet_of(HEADER + row(0) + row(1) + row(0), tmp_path)
    assert [found.snapshot for found in glued.sockets] == [1, 1, 2]
    both = sheet_of(HEADER + row(0) + row(1) + DGRAM + row(0, rest="2 0 0"), tmp_path)
    assert [found.snapshot for found in both.sockets] == [1, 1, 1]


@pytest.mark.parametrize(
    "line", ["   0: 0100007F:0016 0200", "   0: 0100007F:0016 02000", "   3: 0100007F:00"]
)
def test_a_cut_row_is_a_problem(line: str, tmp_path: Path) -> None:
    sheet = sheet_of(HEADER + row() + line, tmp_path)
    assert [problem.line for problem in sheet.problems] == [3]


def test_a_big_endian_loopback_is_remarked_once(tmp_path: Path) -> None:
    sheet = sheet_of(HEADER + row(0, "7F000001:0016") + row(1, "7F000001:0017"), tmp_path)
    assert [(problem.line, problem.lines) for problem in sheet.problems] == [(2, 0)]


def test_unix_sockets(tmp_path: Path) -> None:
    text = (
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000001: 00000002 00000000 00010000 0001 01 41 /run/a b\n"
        "0000000000000002: 00000003 00000000 00000000 0001 03    42\n"
        "0000000000000003: 00000002 00000000 00000000 0002 01 43 @abstract\n"
    )
    sheet = sheet_of(text, tmp_path)
    assert sheet.problems == []
    assert [(s.proto, s.state, s.inode, s.path) for s in sheet.sockets] == [
        ("unix", addresses.state("LISTENING"), 41, "/run/a b"),
        ("unix", addresses.state("CONNECTED"), 42, None),
        ("unix", addresses.state("UNCONN"), 43, "@abstract"),
    ]


def test_netlink_and_packet(tmp_path: Path) -> None:
    text = (
        "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
        "000000004ed8773f 0   0          00000000 0        0        0     2        0        4\n"
        "000000004ed8773e 15  4120       00000001 64       0        0     2        0        99\n"
        "\n"
        "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"
        "00000000e1b1c3a0 3      3    0003   2     1 128    1000   555\n"
    )
    sheet = sheet_of(text, tmp_path)
    assert sheet.problems == []
    assert [(s.proto, s.local, s.recv_q, s.uid, s.inode) for s in sheet.sockets] == [
        ("netlink", "rtnl:kernel", 0, None, 4),
        ("netlink", "uevent:4120", 64, None, 99),
        ("packet", None, 128, 1000, 555),
    ]


def test_recorded_tables() -> None:
    for name in ("tcp", "tcp6", "udp", "unix", "netlink", "head"):
        sheet = recorded(f"net-{name}")
        assert sheet.problems == [], name
        assert len(sheet.snapshots) == 1, name
        proto = {"tcp6": "tcp", "head": None}.get(name, name)
        if proto:
            assert {found.proto for found in sheet.sockets} == {proto}
    assert {found.proto for found in recorded("net-head").sockets} == {"tcp", "udp", "raw", "unix"}
