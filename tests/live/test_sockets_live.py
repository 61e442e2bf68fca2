"""netstat, ss and /proc/net each give the state that the kernel gave, for sockets in every state."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fdtrace.readers.sheet import Socket
from fdtrace.readers.snapshots import read
from fdtrace.readers.text import open_source

NAMES = """ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN
    CLOSING""".split()
"""The kernel's states from 1 on (TCP_INFO, and the column st of /proc/net/tcp)."""
FAMILIES = [pytest.param("inet", id="IPv4"), pytest.param("inet6", id="IPv6")]
SOURCES = {
    "netstat": ("netstat", ["netstat", "-tanpeo"]),
    "ss": ("ss", ["ss", "-tanpeo"]),
    "ss without names": ("ss", ["ss", "-HtanpeoimO"]),
    "proc": ("procfs", ["cat", "/proc/net/tcp", "/proc/net/tcp6"]),
}


class Sockets:
    """Sockets of this process in each state that one can be kept in."""

    def __init__(self, family: str) -> None:
        self.kind = socket.AF_INET if family == "inet" else socket.AF_INET6
        self.host = "127.0.0.1" if family == "inet" else "::1"
        self.kept: list[socket.socket] = []
        self.listener = self._listening(8)

    def make(self) -> None:
        self._pair()
        _, accepted = self._pair()  # the client's peer closes: CLOSE_WAIT here, FIN_WAIT2 that is nobody's
        self.kept.remove(accepted)
        accepted.close()
        client, _ = self._pair()
        client.shutdown(socket.SHUT_WR)  # FIN_WAIT2 with an owner, CLOSE_WAIT at its peer
        patience = time.monotonic() + 5
        while self.states()[client.fileno()] != "FIN_WAIT2" and time.monotonic() < patience:
            time.sleep(0.01)  # until the peer's kernel has acknowledged
        full = self._listening(0)
        for _ in range(4):  # beyond the backlog a connection stays in SYN_SENT
            one = self._new()
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(full.getsockname())
        self._new()  # never bound
        bound = self._new()
        bound.bind((self.host, 0))
        reset, accepted = self._pair()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.kept.remove(accepted)
        accepted.close()
        with contextlib.suppress(ConnectionResetError):
            reset.recv(1)
        self._pair()[1].set_inheritable(True)

    def states(self) -> dict[int, str]:
        """What the kernel says of each descriptor."""
        return {
            one.fileno(): NAMES[one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] - 1]
            for one in self.kept
        }

    def _new(self) -> socket.socket:
        made = socket.socket(self.kind)
        self.kept.append(made)
        return made

    def _listening(self, backlog: int) -> socket.socket:
        made = self._new()
        made.bind((self.host, 0))
        made.listen(backlog)
        return made

    def _pair(self) -> tuple[socket.socket, socket.socket]:
        client = self._new()
        client.connect(self.listener.getsockname())
        accepted, _ = self.listener.accept()
        self.kept.append(accepted)
        return client, accepted


@pytest.fixture(params=FAMILIES)
def sockets(request: pytest.FixtureRequest) -> Iterator[Sockets]:
    try:
        made = Sockets(request.param)
    except OSError as error:
        pytest.skip(f"no loopback for {request.param}: {error}")
    try:
        made.make()
        yield made
    finally:
        for one in made.kept:
            one.close()


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_gives_the_state_of_the_kernel(sockets: Sockets, source: str, tmp_path: Path) -> None:
    kind, command = SOURCES[source]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    before = sockets.states()
    printed = subprocess.run(command, capture_output=True).stdout
    after = sockets.states()
    file = tmp_path / f"{kind}.txt"
    file.write_bytes(printed)

    sheet = read(open_source(str(file)), kind)

    assert not sheet.problems
    by_inode: dict[int, list[Socket]] = {}
    for row in sheet.sockets:
        by_inode.setdefault(row.inode or 0, []).append(row)
    for one in sockets.kept:
        fd = one.fileno()
        if before[fd] != after[fd]:
            continue
        found = by_inode.get(os.fstat(fd).st_ino, [])
        if before[fd] == "CLOSE":
            assert not found  # such a socket is in no table of the kernel
            continue
        assert [(row.state, row.local_port) for row in found] == [(before[fd], one.getsockname()[1])]
        if source != "proc":
            assert found[0].pid == os.getpid()
        if kind == "ss":
            assert found[0].fd == fd
        if before[fd] in ("ESTABLISHED", "CLOSE_WAIT"):
            assert found[0].peer_port == one.getpeername()[1]
    kinds = {state for fd, state in before.items() if after[fd] == state}
    assert kinds >= {"LISTEN", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT2", "CLOSE", "SYN_SENT"}


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_nobodys_has_a_state_and_no_inode(sockets: Sockets, source: str, tmp_path: Path) -> None:
    kind, command = SOURCES[source]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    client = sockets._new()
    client.connect(sockets.listener.getsockname())  # not accepted
    own, listening = client.getsockname()[1], sockets.listener.getsockname()[1]
    file = tmp_path / f"{kind}.txt"
    file.write_bytes(subprocess.run(command, capture_output=True).stdout)

    rows = read(open_source(str(file)), kind).sockets

    ends = {(row.local_port, row.peer_port): row for row in rows}
    waiting = ends[listening, own]
    assert (waiting.state, waiting.inode, waiting.pid) == ("ESTABLISHED", None, None)
    assert ends[own, listening].inode == os.fstat(client.fileno()).st_ino
