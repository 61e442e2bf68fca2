"""What /proc shows of this very process, read back: the kernel is the judge."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fdtrace.readers.procfs_links import unescaped
from fdtrace.readers.sheet import OpenFile, Sheet
from fdtrace.readers.snapshots import read
from fdtrace.readers.text import open_source

LISTINGS = {
    "ls -l": ["ls", "-l"],
    "ls -la": ["ls", "-la"],
    "ls -lin": ["ls", "-lin"],
    "ls full time": ["ls", "-l", "--full-time"],
    "ls quoted": ["ls", "-l", "--quoting-style=shell-escape"],
    "ls C": ["ls", "-lQ"],
    "ls colour": ["ls", "-l", "--color=always"],
}


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, str]]:
    """Descriptors of every kind that needs no privilege, with their kinds."""
    place = tmp_path_factory.mktemp("held")
    libc = ctypes.CDLL(None, use_errno=True)
    kinds: dict[int, str] = {}
    with ExitStack() as stack:

        def hold(fd: int, kind: str) -> int:
            assert fd >= 0
            kinds[fd] = kind
            stack.callback(os.close, fd)
            return fd

        for name in ("plain", "with blank", "é", "line\nend"):
            hold(os.open(place / name, os.O_RDWR | os.O_CREAT), "file")
        appended = hold(os.open(place / "plain", os.O_WRONLY | os.O_APPEND), "file")
        os.write(appended, b"12345")
        hold(os.open(place / "gone", os.O_RDONLY | os.O_CREAT), "file")
        (place / "gone").unlink()
        hold(os.open(place, os.O_PATH), "file")
        for family, kind in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
            try:
                listener = socket.create_server(("", 0), family=family)
            except OSError:  # a machine without IPv6
                continue
            hold(listener.detach(), kind)
        hold(os.eventfd(3), "eventfd")
        hold(os.memfd_create("held"), "memfd")
        hold(os.pidfd_open(os.getpid()), "pidfd")
        for fd in os.pipe():
            hold(fd, "pipe")
        poll = select.epoll()
        hold(os.dup(poll.fileno()), "epoll")
        stack.callback(poll.close)
        poll.register(min(kinds, key=lambda fd: kinds[fd] != "eventfd"))
        hold(libc.timerfd_create(1, 0), "timerfd")
        hold(libc.signalfd(-1, (ctypes.c_uint64 * 16)(0x200), 0), "signalfd")
        watch = hold(libc.inotify_init(), "inotify")
        assert libc.inotify_add_watch(watch, bytes(place), 2) > 0
        os.set_inheritable(appended, True)
        yield kinds


def run(*command: str) -> bytes:
    """What a command prints. It fails when a descriptor that is none of these goes while it looks."""
    return subprocess.run(command, capture_output=True).stdout


def as_read(output: bytes, tmp_path: Path) -> Sheet:
    file = tmp_path / "capture.txt"
    file.write_bytes(output)
    sheet = read(open_source(str(file)), "procfs")
    # other threads of this process may close a descriptor while the listing is made
    assert [one for one in sheet.problems if "could not be looked at" not in one.reason] == []
    return sheet


def own(sheet: Sheet, kinds: dict[int, str]) -> dict[int, OpenFile]:
    return {row.fd: row for row in sheet.open_files if row.slot == "fd" and row.fd in kinds}


def whole_name(row: OpenFile) -> str:
    return f"{row.name} (deleted)" if row.deleted or row.kind == "memfd" else str(row.name)


def check(rows: dict[int, OpenFile], kinds: dict[int, str]) -> None:
    assert {fd: whole_name(row) for fd, row in rows.items()} == {
        fd: os.readlink(f"/proc/self/fd/{fd}") for fd in kinds
    }
    # A link tells no protocol.
    sockets = {"tcp": "socket", "tcp6": "socket"}
    assert {fd: row.kind for fd, row in rows.items()} == {fd: sockets.get(k, k) for fd, k in kinds.items()}
    inodes = {fd: os.fstat(fd).st_ino for fd, kind in kinds.items() if kind in ("pipe", "tcp", "tcp6")}
    assert {fd: rows[fd].inode for fd in inodes} == inodes
    access = {os.O_RDONLY: "r", os.O_WRONLY: "w", os.O_RDWR: "u"}
    for fd, row in rows.items():
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        expected = "-" if flags & os.O_PATH else access[flags & os.O_ACCMODE]
        assert row.mode == expected, (fd, row)


@pytest.mark.parametrize("form", LISTINGS)
def test_listings_of_ls(form: str, descriptors: dict[int, str], tmp_path: Path) -> None:
    command = [*LISTINGS[form], f"/proc/{os.getpid()}/fd"]
    output = run(*command)
    check(own(as_read(output, tmp_path), descriptors), descriptors)


def test_find(descriptors: dict[int, str], tmp_path: Path) -> None:
    output = subprocess.run(
        ["find", f"/proc/{os.getpid()}/fd", "-ls"], capture_output=True, check=True
    ).stdout
    rows = own(as_read(output, tmp_path), descriptors)
    check(rows, descriptors)
    assert {row.pid for row in rows.values()} == {os.getpid()}
    assert unescaped(r"a\ b\303\251\n") == "a bé\n"


def test_busybox(descriptors: dict[int, str], tmp_path: Path) -> None:
    if shutil.which("busybox") is None:
        pytest.skip("busybox is not installed")
    named = {fd: kind for fd, kind in descriptors.items() if "\n" not in os.readlink(f"/proc/self/fd/{fd}")}
    plain = {fd: kind for fd, kind in named.items() if os.readlink(f"/proc/self/fd/{fd}").isascii()}
    output = subprocess.run(
        ["busybox", "ls", "-l", f"/proc/{os.getpid()}/fd"], capture_output=True, check=True
    )
    check(own(as_read(output.stdout, tmp_path), plain), plain)


def test_fdinfo_gives_cloexec_and_position(descriptors: dict[int, str], tmp_path: Path) -> None:
    paths = [f"/proc/{os.getpid()}/fdinfo/{fd}" for fd in descriptors]
    output = run("head", "-n", "40", *paths)
    rows = own(as_read(output, tmp_path), descriptors)
    cloexec = {fd: bool(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC) for fd in descriptors}
    assert {fd: row.cloexec for fd, row in rows.items()} == cloexec
    assert set(cloexec.values()) == {True, False}
    for fd, kind in descriptors.items():
        if kind == "file" and rows[fd].mode != "-":
            assert rows[fd].offset_bytes == os.lseek(fd, 0, os.SEEK_CUR)
            assert rows[fd].inode == os.fstat(fd).st_ino
        if kind in ("eventfd", "epoll", "timerfd", "signalfd", "inotify", "pidfd"):
            assert (rows[fd].kind, rows[fd].inode) == (kind, None)


def address(name: tuple[object, ...]) -> str:
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


@pytest.mark.parametrize(
    ("family", "host", "table"), [("AF_INET", "127.0.0.1", "tcp"), ("AF_INET6", "::1", "tcp6")]
)
def test_tables_of_tcp(family: str, host: str, table: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(socket.create_server((host, 0), family=getattr(socket, family)))
        except OSError as error:
            pytest.skip(f"no {family} here: {error}")
        client = stack.enter_context(socket.create_connection(server.getsockname()[:2]))
        accepted = stack.enter_context(server.accept()[0])
        closed_by_peer = stack.enter_context(socket.create_connection(server.getsockname()[:2]))
        server.accept()[0].close()
        assert closed_by_peer.recv(1) == b""
        held = {os.fstat(one.fileno()).st_ino: one for one in (server, client, accepted, closed_by_peer)}
        output = Path(f"/proc/net/{table}").read_bytes()
        rows = {row.inode: row for row in as_read(output, tmp_path).sockets if row.inode in held}
        assert rows.keys() == held.keys()
        for inode, one in held.items():
            assert rows[inode].local == address(one.getsockname())
            assert rows[inode].peer == (None if one is server else address(one.getpeername()))
            assert rows[inode].uid == os.getuid()
        states = [
            rows[os.fstat(one.fileno()).st_ino].state for one in (server, client, accepted, closed_by_peer)
        ]
        assert states == ["LISTEN", "ESTABLISHED", "ESTABLISHED", "CLOSE_WAIT"]


def test_tables_of_unix_and_udp(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        path = str(tmp_path / "a b")
        named.bind(path)
        named.listen()
        datagram.bind(("127.0.0.1", 0))
        unix = as_read(Path("/proc/net/unix").read_bytes(), tmp_path).sockets
        (row,) = [row for row in unix if row.inode == os.fstat(named.fileno()).st_ino]
        assert (row.path, row.state, row.proto) == (path, "LISTEN", "unix")
        udp = as_read(Path("/proc/net/udp").read_bytes(), tmp_path).sockets
        (row,) = [row for row in udp if row.inode == os.fstat(datagram.fileno()).st_ino]
        assert (row.local, row.proto, row.state) == (address(datagram.getsockname()), "udp", "CLOSE")


def test_limits_and_status(tmp_path: Path) -> None:
    import resource

    text = Path("/proc/self/limits").read_bytes() + Path("/proc/self/status").read_bytes()
    limits, status = as_read(text, tmp_path).processes
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert (limits.nofile_limit, limits.nofile_hard) == (soft, hard)
    assert (status.pid, status.ppid, status.user) == (os.getpid(), os.getppid(), str(os.geteuid()))
