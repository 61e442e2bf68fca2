"""Holds a descriptor of every kind that this machine gives, sockets in many states among them.

Usage: every_kind.py DIRECTORY SECONDS; says "ready" when all are open.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

FAR = 12345
"""A number that lsof prints with its last three digits only."""


def files(folder: str) -> list[Any]:
    """Files with and without names, locks, directories, FIFOs, pipes."""
    locked = open(f"{folder}/d x", "w+")  # noqa: SIM115
    fcntl.lockf(locked, fcntl.LOCK_EX)
    locked.write("0123456789")
    locked.flush()
    gone = open(f"{folder}/gone (x)", "w")  # noqa: SIM115
    os.unlink(f"{folder}/gone (x)")
    odd = open(f"{folder}/new\nline\té", "w")  # noqa: SIM115
    os.mkfifo(f"{folder}/fifo")
    numbers = [os.open(folder, os.O_RDONLY), os.open(folder, os.O_PATH), os.open(f"{folder}/fifo", os.O_RDWR)]
    kept = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(kept, True)
    with suppress(OSError):
        numbers += [os.open("/proc/self/ns/net", os.O_RDONLY), os.open("/dev/ptmx", os.O_RDWR)]
    return [locked, gone, odd, kept, *numbers, *os.pipe(), os.memfd_create("scratch")]


def anonymous() -> list[Any]:
    """Files that have no place in a file system."""
    libc = ctypes.CDLL(None)
    watching = select.epoll()
    ends = os.pipe()
    watching.register(ends[0])
    watching.register(ends[1], select.EPOLLOUT)
    mask = (ctypes.c_ulong * 16)(1)
    numbers = [
        libc.eventfd(0, 0),
        libc.timerfd_create(0, 0),
        libc.signalfd(-1, mask, 8),
        libc.inotify_init(),
        os.pidfd_open(os.getpid()),
    ]
    return [select.epoll(), watching, *ends, *numbers]


def streams() -> list[Any]:
    """TCP sockets in every state that lasts."""
    found: list[Any] = []
    server = socket.create_server(("127.0.0.1", 0))
    pairs = [(socket.create_connection(server.getsockname()), server.accept()[0]) for _ in range(3)]
    pairs[0][0].close()  # its peer is in CLOSE_WAIT
    pairs[1][0].shutdown(socket.SHUT_WR)  # FIN_WAIT2, CLOSE_WAIT
    found += [server, pairs[0][1], *pairs[1], *pairs[2], socket.socket()]
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    found.append(bound)
    with suppress(OSError):
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
        found += [six, socket.create_connection(six.getsockname()[:2]), six.accept()[0]]
        dual = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        mapped = socket.create_connection(("127.0.0.1", dual.getsockname()[1]))
        found += [dual, mapped, dual.accept()[0], socket.socket(socket.AF_INET6)]
    return found


def others(folder: str) -> list[Any]:
    """UDP, unix, netlink, packet and raw sockets."""
    found: list[Any] = []
    bound, connected, fresh = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(3))
    bound.bind(("", 0))
    connected.connect(("127.0.0.1", 9))
    named, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    named.bind(f"{folder}/sock et")
    named.listen()
    client.connect(f"{folder}/sock et")
    abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    abstract.bind(f"\0every kind {os.getpid()}")
    pairs = [*socket.socketpair(), *socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)]
    found += [bound, connected, fresh, named, client, named.accept()[0], abstract, *pairs]
    with suppress(OSError):
        six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        six.bind(("::1", 0))
        found.append(six)
    for family, kind, protocol in (
        (socket.AF_NETLINK, socket.SOCK_RAW, 0),
        (socket.AF_PACKET, socket.SOCK_RAW, 3),
        (socket.AF_PACKET, socket.SOCK_DGRAM, 0x300),
        (socket.AF_INET, socket.SOCK_RAW, 1),
        (socket.AF_INET6, socket.SOCK_RAW, 58),
    ):
        with suppress(OSError):
            made = socket.socket(family, kind, protocol)
            if family == socket.AF_NETLINK:
                made.bind((0, 0))
            found.append(made)
    return found


def main() -> None:
    folder, seconds = sys.argv[1], float(sys.argv[2])
    os.chdir(folder)
    kept = files(folder) + anonymous() + streams() + others(folder)
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
        os.dup2(0, FAR)
    ctypes.CDLL(None).prctl(15, b"my (n) x", 0, 0, 0)
    threading.Thread(target=time.sleep, args=(seconds,), daemon=True).start()
    print("ready", len(kept), flush=True)
    time.sleep(seconds)


if __name__ == "__main__":
    main()
