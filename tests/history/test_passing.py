"""Descriptors passed between processes, and sockets whose calls tell their state."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import START, case, lives, table

PAIR = '100 socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0\n100 openat(AT_FDCWD, "/a", O_RDONLY) = 5\n'
SEND = (
    '100 sendmsg(3, {msg_name=NULL, msg_iov=[{iov_base="x", iov_len=1}], msg_control=[{cmsg_len=20, '
    "cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[5]}], msg_controllen=24, msg_flags=0}, 0) = 1\n"
)


def receive(number: str, flags: str = "0", spelling: str = "cmsg_data=") -> str:
    data = f"{spelling}[{number}]" if spelling else f"{{{number}}}"
    return (
        '100 recvmsg(4, {msg_name=NULL, msg_iov=[{iov_base="x", iov_len=1}], msg_control=[{cmsg_len=20, '
        f"cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, {data}}}], msg_flags=0}}, {flags}) = 1\n"
    )


@pytest.mark.parametrize("spelling", ["cmsg_data=", ""])
def test_a_received_descriptor_shares_the_senders_file(tmp_path: Path, spelling: str) -> None:
    found = case(tmp_path, START + PAIR + SEND + receive("6", spelling=spelling))

    (sent,), (received,) = lives(found, fd=5), lives(found, fd=6)
    assert (received["via"], received["ofd"]) == ("scm_rights", sent["ofd"])


def test_a_peek_installs_descriptors_each_time(tmp_path: Path) -> None:
    found = case(tmp_path, START + PAIR + SEND + receive("6", "MSG_PEEK|MSG_CMSG_CLOEXEC") + receive("7"))

    assert table(found, 100) == {3: False, 4: False, 5: False, 6: True, 7: False}
    assert len({life["ofd"] for life in lives(found) if life["fd"] in (5, 6, 7)}) == 1


def test_descriptors_that_strace_cut_off_are_said_to_be_hidden(tmp_path: Path) -> None:
    body = (
        PAIR + "100 recvmsg(4, {msg_control=[{cmsg_len=20, cmsg_type=SCM_RIGHTS, cmsg_data=[...]}]}, 0) = 1\n"
    )

    assert any("control message" in gap for gap in case(tmp_path, START + body).coverage[0].missing)


def test_pidfd_getfd_copies_out_of_another_table(tmp_path: Path) -> None:
    body = (
        "100 fork() = 101\n"
        '101 openat(AT_FDCWD, "/secret", O_RDONLY) = 3\n'
        "100 pidfd_open(101, 0) = 3\n"
        "100 pidfd_getfd(3, 3, 0) = 4\n"
    )

    found = case(tmp_path, START + body)

    (copy,), (original,) = lives(found, pid=100, fd=4), lives(found, pid=101, fd=3)
    assert (copy["ofd"], copy["target"], copy["cloexec"]) == (original["ofd"], "/secret", True)


def test_a_fanotify_read_delivers_descriptors(tmp_path: Path) -> None:
    event = r"\30\0\0\0\3\0\30\0\0\0\0\0\0\0\0\0\14\0\0\0\1\0\0\0"
    body = (
        "100 fanotify_init(FAN_CLOEXEC, O_RDONLY|O_CLOEXEC) = 3\n"
        "100 fcntl(0, F_DUPFD, 4) = 4\n"
        + "".join(f"100 dup(0) = {n}\n" for n in range(5, 12))
        + f'100 read(3, "{event}", 4096) = 24\n'
    )

    found = case(tmp_path, START + body)

    assert table(found, 100)[12] is True
    assert lives(found, fd=12)[0]["via"] == "fanotify"


SOCKET = "100 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3\n"
TO = '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}, 16'


@pytest.mark.parametrize(
    ("calls", "state"),
    [
        ([], "CLOSE"),
        ([f"connect(3, {TO}) = 0"], "ESTABLISHED"),
        ([f"connect(3, {TO}) = -1 EINPROGRESS (Operation now in progress)"], "SYN_SENT"),
        (
            [
                f"connect(3, {TO}) = -1 EINPROGRESS (Operation now in progress)",
                "getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0",
            ],
            "ESTABLISHED",
        ),
        (
            [
                f"connect(3, {TO}) = -1 EINPROGRESS (Operation now in progress)",
                "getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0",
            ],
            "CLOSE",
        ),
        ([f"connect(3, {TO}) = -1 ECONNREFUSED (Connection refused)"], "CLOSE"),
        ([f"connect(3, {TO}) = 0", 'read(3, "", 10) = 0'], "CLOSE_WAIT"),
        ([f"connect(3, {TO}) = 0", 'recvfrom(3, "", 10, 0, NULL, NULL) = 0'], "CLOSE_WAIT"),
        ([f"connect(3, {TO}) = 0", "shutdown(3, SHUT_WR) = 0"], "FIN_WAIT2"),
        ([f"connect(3, {TO}) = 0", "shutdown(3, SHUT_WR) = 0", 'read(3, "", 10) = 0'], "CLOSE"),
        ([f"connect(3, {TO}) = 0", 'read(3, "", 10) = 0', "shutdown(3, SHUT_RDWR) = 0"], "CLOSE"),
        ([f"connect(3, {TO}) = 0", "read(3, 0x7f, 10) = -1 ECONNRESET (Connection reset by peer)"], "CLOSE"),
        ([f"connect(3, {TO}) = 0", 'write(3, "x", 1) = -1 EPIPE (Broken pipe)'], "CLOSE"),
        (["bind(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0", "listen(3, 5) = 0"], "LISTEN"),
    ],
)
def test_the_last_decisive_call_gives_the_state(tmp_path: Path, calls: list[str], state: str | None) -> None:
    body = SOCKET + "".join(f"100 {call}\n" for call in calls)

    (life,) = lives(case(tmp_path, START + body), fd=3)

    assert life["state"] == state
    assert (life["state_source"] is None) == (state is None)


def test_addresses_come_from_the_calls_when_nothing_is_annotated(tmp_path: Path) -> None:
    body = (
        "100 socket(AF_INET6, SOCK_STREAM, IPPROTO_IP) = 3\n"
        "100 connect(3, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0\n'
        "100 getsockname(3, {sa_family=AF_INET6, sin6_port=htons(5000), "
        'inet_pton(AF_INET6, "::1", &sin6_addr)}, [28]) = 0\n'
    )

    (life,) = lives(case(tmp_path, START + body), fd=3)

    assert (life["kind"], life["local"], life["peer"]) == ("tcp6", "[::1]:5000", "[2001:db8::1]:443")
