"""What each kind of descriptor is called, one or many of it."""

from __future__ import annotations

_NOUNS = {
    "tcp": "TCP sockets",
    "tcp6": "TCP (IPv6) sockets",
    "udp": "UDP sockets",
    "udp6": "UDP (IPv6) sockets",
    "unix": "unix sockets",
    "netlink": "netlink sockets",
    "packet": "packet sockets",
    "socket": "sockets",
    "raw": "raw sockets",
    "file": "files",
    "dir": "directories",
    "char": "character devices",
    "block": "block devices",
    "pipe": "pipe ends",
    "eventfd": "eventfds",
    "epoll": "epoll instances",
    "timerfd": "timerfds",
    "signalfd": "signalfds",
    "inotify": "inotify instances",
    "fanotify": "fanotify groups",
    "memfd": "memfds",
    "pidfd": "pidfds",
    "io_uring": "io_uring instances",
    "bpf": "BPF objects",
    "perf": "perf events",
}


def noun(kind: str) -> str:
    """A kind of descriptor, in the plural."""
    return _NOUNS.get(kind, f"{kind} descriptors")


def counted(number: int, kind: str) -> str:
    """So many of a kind: "1 TCP socket", "2 directories"."""
    many = noun(kind)
    one = f"{many[:-3]}y" if many.endswith("ies") else many[:-1]
    return f"{number:,} {one if number == 1 else many}"
