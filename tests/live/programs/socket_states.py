"""Sockets in every state that a process can hold; prints number, state and kind of each, then waits.

The states are the kernel's own words: TCP_INFO of each socket. Run with a
directory for the unix socket.
"""

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import time

NAMES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    10: "LISTEN",
}
keep: list[socket.socket] = []


def listener(backlog: int = 9) -> socket.socket:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(backlog)
    keep.append(one)
    return one


def pair(at: socket.socket) -> tuple[socket.socket, socket.socket]:
    client = socket.create_connection(at.getsockname())
    server, _ = at.accept()
    keep.extend((client, server))
    return client, server


def wait(one: socket.socket, state: str) -> None:
    for _ in range(500):
        if state_of(one) == state:
            return
        time.sleep(0.01)
    sys.exit(f"no {state}")


def state_of(one: socket.socket) -> str:
    return NAMES[struct.unpack("B", one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0]]


def main() -> None:
    server = listener()
    keep.append(socket.socket())  # made, and nothing else
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    keep.append(bound)

    refused = socket.socket()
    if refused.connect_ex(("127.0.0.1", 1)) == 0:
        sys.exit("somebody listens on port 1")
    keep.append(refused)

    full = listener(0)
    for _ in range(4):  # beyond the backlog, SYNs are not answered
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(full.getsockname())
        keep.append(one)

    pair(server)  # ESTABLISHED on both sides
    gone, left = pair(server)
    gone.shutdown(socket.SHUT_WR)
    left.recv(9)
    wait(left, "CLOSE_WAIT")
    wait(gone, "FIN_WAIT2")
    both, other = pair(server)
    both.shutdown(socket.SHUT_WR)
    other.recv(9)
    other.shutdown(socket.SHUT_WR)
    both.recv(9)
    reset, client = pair(server)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    keep.remove(client)
    select.select([reset], [], [], 5)
    with contextlib.suppress(ConnectionResetError):
        reset.recv(9)
    six = socket.socket(socket.AF_INET6)
    six.bind(("::1", 0))
    six.listen(3)
    client6 = socket.create_connection(six.getsockname()[:2])
    keep.extend((six, client6, six.accept()[0]))

    time.sleep(0.3)
    for one in keep:
        print(one.fileno(), state_of(one), "tcp6" if one.family == socket.AF_INET6 else "tcp", flush=True)
    path = os.path.join(sys.argv[1], "named.socket")
    named = socket.socket(socket.AF_UNIX)
    named.bind(path)
    named.listen(2)
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(path)
    keep.extend((named, caller, named.accept()[0]))
    print("ready", flush=True)
    signal.pause()


main()
