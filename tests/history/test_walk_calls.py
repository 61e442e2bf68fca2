"""Calls that the walk reads the text of: whatever it says, the fold would have made the same of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")

from fdtrace.history.lent_answers import meaning
from fdtrace.history.lent_forms import read_pair
from fdtrace.history.walk_columns import CLEARS, COPIES, COPIES_ON, LOOK, NOTHING, SETS
from tests.history.test_walk import STEADY, eager, same

__all__ = ["eager"]

BEGIN = '100 1000000000.000001 execve("/bin/a", ["a"], 0x1 /* 1 var */) = 0'

ROUNDS = [
    ("pipe2([3<pipe:[{i}]>, 4<pipe:[{i}]>], O_CLOEXEC) = 0", "dup2(4<pipe:[{i}]>, 9) = 9<pipe:[{i}]>"),
    ("pipe([3, 4])                            = 0", "dup(3) = 5", "close(5) = 0"),
    ("pipe2([3, 4], O_NONBLOCK) = 0", "fcntl(3, F_DUPFD_CLOEXEC, 10) = 10", "close(10) = 0"),
    (
        "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, "
        "[3<UNIX-STREAM:[{i}->{j}]>, 4<UNIX-STREAM:[{j}->{i}]>]) = 0",
        'read(3<UNIX-STREAM:[{i}->{j}]>, "", 1) = 0',
        "dup2(3<UNIX-STREAM:[{i}->{j}]>, 5) = 5<UNIX-STREAM:[{i}->{j}]>",
        "shutdown(3<UNIX-STREAM:[{i}->{j}]>, SHUT_WR) = 0",
        "close(5<UNIX-STREAM:[{i}->{j}]>) = 0",
    ),
    ("socketpair(AF_UNIX, SOCK_DGRAM, 0, [4, 3]) = 0", "dup3(3, 7, O_CLOEXEC) = 7", "dup3(4, 7, 0) = 7"),
    ("socketpair(AF_UNIX, SOCK_DGRAM, 0, [12, 11]) = 0", "dup2(12, 11) = 11", "close(12) = -1 EIO (I/O)"),
    ("socketpair(AF_INET, SOCK_STREAM, 0, [3<socket:[{i}]>, 4<socket:[{j}]>]) = 0",),
    ("pipe([3<pipe:[{i}]>, 4<pipe:[{i}]>]) = 0", "dup2(3, 0) = 0", "dup2(4, 1<{i}>) = 1", "dup2(3, 3) = 3"),
    (
        'openat(AT_FDCWD, "/d", O_RDONLY|O_DIRECTORY) = 3</d>',
        "fcntl(3</d>, F_DUPFD, 4) = 4</d>",
        "fcntl(4</d>, F_SETFD, FD_CLOEXEC) = 0",
        "fcntl(3</d>, F_SETFD, 0) = 0",
        "fcntl(3</d>, F_GETFD) = 0x1 (flags FD_CLOEXEC)",
        "fcntl(3</d>, F_GETFL) = 0x8000 (flags O_RDONLY|O_LARGEFILE)",
        "fcntl(3</d>, F_DUPFD, 4) = -1 EMFILE (Too many open files)",
        "dup(77) = -1 EBADF (Bad file descriptor)",
    ),
    (
        "socket(AF_INET, SOCK_STREAM, 0) = 3<TCP:[{i}]>",
        "ioctl(3<TCP:[{i}]>, FIONBIO, [1]) = 0",
        "ioctl(3<TCP:[{i}]>, FIOCLEX) = 0",
        "ioctl(3<TCP:[{i}]>, _IOC(_IOC_READ, 0x54, 0x2a, 0x8), 0x7ffc) = 0",
        "getsockopt(3<TCP:[{i}]>, SOL_SOCKET, SO_TYPE, [1], [4]) = 0",
        "connect(3<TCP:[{i}]>, {{sa_family=AF_INET, sin_port=htons(80), "
        'sin_addr=inet_addr("1.2.3.4")}}, 16) = -1 EINPROGRESS (Operation now in progress)',
        "getsockopt(3<TCP:[{i}]>, SOL_SOCKET, SO_ERROR, [0], [4]) = 0",
        "sendmsg(3<TCP:[{i}]>, {{msg_iov=[], msg_controllen=0}}, 0) = 1",
        "dup(3<TCP:[{i}]>) = 4<TCP:[{i}]>",
        "getsockopt(3<TCP:[{i}]>, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0",
    ),
    (
        "pipe([3, 4]) = 0",
        "prlimit64(0, RLIMIT_STACK, NULL, {{rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}}) = 0",
        "prlimit64(0, RLIMIT_NOFILE, NULL, {{rlim_cur={j}, rlim_max=4096}}) = 0",
        "gettid() = 100",
        "set_tid_address(0x7f) = 100",
        "getrlimit(RLIMIT_NOFILE, {{rlim_cur=1024, rlim_max=4096}}) = 0",
    ),
    (
        "socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0",
        'openat(AT_FDCWD, "/x", O_RDONLY) = 5</x>',
        "sendmsg(3, {{msg_iov=[], msg_control=[{{cmsg_len=20, cmsg_level=SOL_SOCKET, "
        "cmsg_type=SCM_RIGHTS, cmsg_data=[5]}}], msg_controllen=24}}, 0) = 1",
        "recvmsg(4, {{msg_iov=[], msg_control=[{{cmsg_len=20, cmsg_level=SOL_SOCKET, "
        "cmsg_type=SCM_RIGHTS, cmsg_data=[6]}}], msg_controllen=24}}, 0) = 1",
        "recvmsg(4, {{msg_iov=[], msg_controllen=0}}, 0) = 0",
        "close(5) = 0",
        "close(6) = 0",
    ),
    ("pipe2([3, 4], O_CLOEXEC|[5, 6]) = 0",),
    ("pipe([3, 3]) = 0", "pipe([03, 0x4]) = 0", "pipe([5000, 70000]) = 0", "pipe2(0x7ffc, 0) = 0"),
    ("socketpair(AF_UNIX, SOCK_STREAM, 0, [3<pipe:[{i}]>, 4<a[1]>]) = 0",),
    ('openat(AT_FDCWD, "/a", O_RDONLY) = 3</a>, F_SETFD, 1>', "ioctl(3</a>, F_SETFD, 1>, FIOCLEX) = 0"),
    (
        "socket(AF_INET, SOCK_STREAM, 0) = 3<TCP:[{i}]>",
        "bind(3<TCP:[{i}]>, {{sa_family=AF_INET, sin_port=htons({i}), "
        'sin_addr=inet_addr("127.0.0.1")}}, 16) = 0',
        "listen(3<TCP:[127.0.0.1:{i}]>, 5) = 0",
        "accept4(3<TCP:[127.0.0.1:{i}]>, {{sa_family=AF_INET, sin_port=htons({j}), "
        'sin_addr=inet_addr("10.0.0.7")}}, [16], 0) = 4<TCP:[127.0.0.1:{i}->10.0.0.7:{j}]>',
        "getsockname(4<TCP:[127.0.0.1:{i}->10.0.0.7:{j}]>, {{sa_family=AF_INET, sin_port=htons({i}), "
        'sin_addr=inet_addr("127.0.0.1")}}, [16]) = 0',
        "getpeername(4<TCP:[127.0.0.1:{i}->10.0.0.7:{j}]>, {{sa_family=AF_INET, sin_port=htons({j}), "
        'sin_addr=inet_addr("10.0.0.7")}}, [16]) = 0',
        "accept4(3<TCP:[127.0.0.1:{i}]>, NULL, NULL, 0) = -1 EMFILE (Too many open files)",
    ),
    (
        "socket(AF_INET6, SOCK_STREAM, 0) = 3",
        "connect(3, {{sa_family=AF_INET6, sin6_port=htons({j}), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}}, 28) = -1 ECONNREFUSED (refused)',
        "connect(3, {{sa_family=AF_INET6, sin6_port=htons({i}), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}}, 28) = 0',
        "getsockname(3, {{sa_family=AF_INET6, sin6_port=htons({j}), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}}, [28]) = 0',
        "shutdown(3, SHUT_RD) = 0",
        "shutdown(3, SHUT_RDWR) = 0",
        'read(3, "", 1) = 0',
    ),
    (
        "socket(AF_UNIX, SOCK_DGRAM, 0) = 3<UNIX-DGRAM:[{i}]>",
        'connect(3<UNIX-DGRAM:[{i}]>, {{sa_family=AF_UNIX, sun_path="/run/htons({j})"}}, 110) = 0',
        'connect(3<UNIX-DGRAM:[{i}]>, {{sa_family=AF_UNIX, sun_path=@"x{j}"}}, 20) = -1 ENOENT (none)',
        "getsockname(3<UNIX-DGRAM:[{i}]>, {{sa_family=AF_UNIX}}, [2]) = 0",
    ),
    (
        'openat(AT_FDCWD, "/tmp/a{i}", O_RDONLY) = 3',
        'openat(AT_FDCWD, "b{i}/c.{j}", O_RDONLY|O_CLOEXEC) = 4',
        'openat(3, "d{i}", O_RDONLY|O_DIRECTORY) = 7',
        'openat(AT_FDCWD, "/proc/self/fd/3", O_RDONLY) = 9',
        "fstat({i}, {{}}) = -1 EBADF (Bad file descriptor)",
        "close({i}) = -1 EBADF (Bad file descriptor)",
    ),
    (
        'openat(AT_FDCWD</w>, "/tmp/a{i}", O_RDWR|O_TMPFILE, 0600) = 3</tmp/#{i} (deleted)>',
        'openat(3</tmp/x>, "d{i}", O_RDONLY) = 4</tmp/x/d{i}>',
        'open("/dev/fd/{i}", O_RDONLY) = 7<pipe:[{j}]>',
        'open("/tmp/q\\"{i}", O_RDONLY) = 9</tmp/q"{i}>',
    ),
]

MARKS = ['"', "<", ">", "(", ")", ", ", "[", "]", " = 0", "0", "7", "x", "\\"]


def rows(rounds: int, cut: int = 0) -> Iterator[str]:
    """Calls of two threads that share a table; of one out of `cut` the end is on a line of its own."""
    yield BEGIN
    yield "100 1000000000.000002 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD}, 88) = 101"
    clock = 3
    for n in range(rounds):
        ends = ("close(3) = 0", "close(4) = 0", "close(9) = 0", "close(7) = 0") if n % 5 else ()
        for k, call in enumerate((*ROUNDS[n % len(ROUNDS)], *ends)):
            text, clock = call.format(i=1000 + 7 * n, j=1001 + 9 * n), clock + 1
            tid = 100 + (n + k) % 2
            stamp = f"{tid} 1000000000.{clock:06d} "
            name, _, inside = text.partition("(")
            head, comma, tail = inside.partition(", ")
            if cut and (n + k) % cut == 0 and comma:
                yield f"{stamp}{name}({head},  <unfinished ...>"
                yield f"{201 - tid} 1000000000.{clock:06d} getpid() = 100"
                yield f"{stamp}<... {name} resumed>{tail}"
            else:
                yield stamp + text


@pytest.mark.slow
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_calls_that_are_read(eager: pytest.MonkeyPatch, tmp_path: Path, cut: int) -> None:
    capture = tmp_path / "calls.strace"
    capture.write_text("\n".join(rows(150, cut)) + "\n")
    same(capture, eager)
    same(capture, eager, 700)


@pytest.mark.slow
@STEADY
@given(data=st.data(), cut=st.integers(0, 3))
def test_calls_that_are_damaged(
    eager: pytest.MonkeyPatch, tmp_path: Path, data: st.DataObject, cut: int
) -> None:
    lines = list(rows(2 * len(ROUNDS), cut))
    for _ in range(data.draw(st.integers(1, 30))):
        row = data.draw(st.integers(2, len(lines) - 1))
        line = lines[row]
        place = data.draw(st.integers(0, len(line) - 1))
        said = data.draw(st.sampled_from(MARKS))
        lines[row] = line[:place] + said + line[place + data.draw(st.integers(0, 2)) :]
    capture = tmp_path / "damaged.strace"
    capture.write_text("\n".join(lines) + "\n")
    same(capture, eager)


@pytest.mark.slow
def test_a_command_in_a_text_that_stands_elsewhere_is_looked_at_once(
    eager: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An entry that another line has run into has no text in one piece."""
    lines = (
        BEGIN,
        "100 1000000000.000002 socket(AF_INET, SOCK_STREAM, 0) = 3<TCP:[1063]>",
        "100 1000000000.000003 getsockopt(3<TCP:[1063]>,  <unfinished ...>",
        "100 100>0000000.000068 getpid() = 100",
        "100 1000000000.000004 <... getsockopt resumed>SOL_SOCKET, SO_TYPE, [1], [4]) = 0",
        "100 1000000000.000005 close(3<TCP:[1063]>) = 0",
    )
    capture = tmp_path / "joined.strace"
    capture.write_text("".join(f"{line}\n" for line in lines))
    same(capture, eager)


@pytest.mark.parametrize(
    ("words", "means"),
    [
        (b"fcntl(F_GETFL)", NOTHING),
        (b"fcntl(F_SETFL,", NOTHING),
        (b"fcntl(F_SETFD, FD_CLOEXEC)", SETS),
        (b"fcntl(F_SETFD, 0x1 /* FD_CLOEXEC */)", SETS),
        (b"fcntl(F_SETFD, 0)", CLEARS),
        (b'fcntl(F_SETFD, ")', LOOK),
        (b"fcntl(F_DUPFD,", COPIES),
        (b"fcntl(F_DUPFD_CLOEXEC,", COPIES_ON),
        (b"fcntl(0x2,", LOOK),
        (b"ioctl(TCGETS,", NOTHING),
        (b"ioctl(FIOCLEX)", SETS),
        (b"ioctl(FIONCLEX)", CLEARS),
        (b"ioctl(TIOCGPTPEER,", LOOK),
        (b"ioctl(KVM_CREATE_DEVICE,", LOOK),
        (b"getsockopt(SOL_SOCKET, SO_TYPE,", NOTHING),
        (b"getsockopt(SOL_SOCKET, SO_ERROR,", LOOK),
        (b"getsockopt(SOL_SOCKET, SO_PEERPIDFD,", LOOK),
        (b"getsockopt(0x1, 0x4d,", LOOK),
        (b"dup2()", COPIES),
        (b"dup3(, O_CLOEXEC)", COPIES_ON),
        (b"dup3(, 0)", COPIES),
        (b"dup3(, [)", LOOK),
    ],
)
def test_what_commands_mean(words: bytes, means: int) -> None:
    assert meaning(words) == means


def test_a_pair_tells_all() -> None:
    words = b"socketpair(AF_UNIX, SOCK_STREAM, 0, [<UNIX-STREAM:[->]>, <UNIX-STREAM:[->]>])"
    text = b"socketpair(AF_UNIX, SOCK_STREAM, 0, [3<UNIX-STREAM:[7->8]>, 4<UNIX-STREAM:[8->7]>]) = 0"
    pair = read_pair(b"socketpair", words, text, [3, 7, 8, 4, 8, 7])
    assert pair is not None
    (first, second), unix = pair.ends, "UNIX-STREAM"
    assert (first.kind, first.target, first.inode, first.peer) == ("unix", f"{unix}:[7->8]", 7, "fd 4")
    assert (second.kind, second.target, second.inode, second.peer) == ("unix", f"{unix}:[8->7]", 8, "fd 3")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (b"pipe2([, ], O_CLOEXEC|[5, 6])", b"pipe2([4, 3], O_CLOEXEC|[5, 6]) = 0"),
        (b"socketpair([, ], SOCK_STREAM, 0, [3, 4])", b"socketpair([3, 4], SOCK_STREAM, 0, [3, 4]) = 0"),
    ],
)
def test_a_list_that_is_another_is_no_pair(words: bytes, text: bytes) -> None:
    assert read_pair(words.partition(b"(")[0], words, text, [3, -1, -1, 4, -1, -1]) is None
