"""How a leak is put into words: title, reasons and advice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..history.groups import Group
from ..history.lives import Life
from ..history.run import History
from ..model import Severity

_NOUNS = {
    "tcp": "TCP sockets", "tcp6": "TCP (IPv6) sockets", "udp": "UDP sockets", "udp6": "UDP (IPv6) sockets",
    "unix": "unix sockets", "netlink": "netlink sockets", "packet": "packet sockets", "socket": "sockets",
    "raw": "raw sockets", "file": "files", "dir": "directories", "pipe": "pipe ends", "eventfd": "eventfds",
    "epoll": "epoll instances", "timerfd": "timerfds", "signalfd": "signalfds", "inotify": "inotify instances",
    "fanotify": "fanotify groups", "memfd": "memfds", "pidfd": "pidfds", "io_uring": "io_uring instances",
    "bpf": "BPF objects", "perf": "perf events",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say about one group."""

    group: Group
    lives: list[Life]
    opened: int
    closed: int
    severity: Severity
    why: str
    state: str | None
    target: str
    history: History
    exhausted: set[int]


def noun(kind: str) -> str:
    """A kind of descriptor, in the plural."""
    return _NOUNS.get(kind, f"{kind} descriptors")


def title(told: Told) -> str:
    """What, in one line: how many of how many, of which kind, to where."""
    number, kind = len(told.lives), told.group.kind
    what = noun(kind)
    if told.target and told.target != kind and kind not in ("eventfd", "epoll"):
        what += f" {told.target}" if told.target.startswith(("to ", "accepted", "listening", "copied")) else f" ({told.target})"
    if told.why == "blind":
        return f"{number:,} {what} opened; closes were not recorded"
    if told.why == "held":
        return f"{number:,} {what} are held by other processes after their owner closed them"
    share = f"{number:,} of {told.opened:,}"
    if told.severity in ("low", "info"):
        ended = all(life.how == "exit" for life in told.lives)
        return f"{share} {what} left open {'until the process ended' if ended else 'at the end of the capture'}"
    return f"{share} {what} are never closed"


def reasons(told: Told) -> tuple[str, ...]:
    """Why it was judged so, the strongest first."""
    found = []
    lives, number = told.lives, len(told.lives)
    if told.why == "blind":
        return ("the capture could not have shown a close, so this proves nothing",)
    eof = sum(life.state == "CLOSE_WAIT" for life in lives)
    failed = Counter(life.state_name for life in lives if life.failed is not None)
    if eof:
        found.append(f"the peer ended {_all(eof, number)} of them ({_last_word(lives)}) and no close() follows")
    for name, count in failed.most_common(1):
        found.append(f"{_all(count, number)} of them failed ({name}) and are kept all the same")
    if told.why == "gone" and not eof and not failed:
        found.append(
            "the peers of this place end the connection first, and these are not read any more: "
            "probably CLOSE_WAIT (netstat or ss would tell)"
        )
    found += _usage(told)
    if told.closed and told.severity in ("medium", "high"):
        found.append(f"{told.closed:,} others of this place are closed{_typically(told.group)}: one path forgets")
    if told.why == "settled" and told.severity == "low":
        found.append(_harmless(told))
    if told.why == "held":
        found.append("a child process inherited a copy at fork and keeps it open")
    if any(id(life.process) in told.exhausted for life in lives):
        found.append("the process has run into its limit (EMFILE)")
    return tuple(found)


def _all(count: int, number: int) -> str:
    return "all" if count == number else f"{count:,}"


def _last_word(lives: list[Life]) -> str:
    names = Counter(life.state_name for life in lives if life.state == "CLOSE_WAIT")
    return names.most_common(1)[0][0]


def _usage(told: Told) -> list[str]:
    if told.severity not in ("medium", "high"):
        return []
    never = sum(life.uses == 0 for life in told.lives)
    if never == len(told.lives):
        return ["none of them is used after its creation"]
    spans = sorted(
        life.last_use.clock - life.opened.clock
        for life in told.lives
        if life.last_use is not None and life.opened is not None and life.opened.clock >= 0
    )
    if not spans:
        return ["each is used at first and then never again"]
    return [f"each is last used {_time(spans[len(spans) // 2])} after it was opened, and then never again"]


def _typically(group: Group) -> str:
    lengths = [0] * 64
    for share in group.shares.values():
        lengths = [a + b for a, b in zip(lengths, share.typical_ns, strict=True)]
    total, seen = sum(lengths), 0
    if not total:
        return ""
    for power, count in enumerate(lengths):
        seen += count
        if seen * 2 >= total:
            return f" after about {_time((1 << power) * 3 // 4)}"
    return ""


def _time(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if ns >= size:
            value = ns / size
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{ns} ns"


def _harmless(told: Told) -> str:
    if all(life.how == "exit" for life in told.lives):
        return "the process ended without having piled them up"
    if any(life.last_use is not None and life.uses > 3 for life in told.lives):
        return "they are in use, or their number does not grow"
    return "opened in one go or at the beginning: their number does not grow"


def advice(told: Told) -> str:
    """What to do next."""
    if told.severity not in ("medium", "high"):
        return ""
    site = told.group.site
    where = f"what {site.site} opened" if site is not None else "it"
    if told.state == "CLOSE_WAIT":
        return f"close the socket on the path that returns after the read of 0 (end of stream): close {where} there"
    if told.lives[0].failed is not None:
        return "close the socket when connect() fails, before the next try"
    if told.why == "held":
        return "close inherited descriptors in the child, or open them with close-on-exec and pass only what it needs"
    if told.closed:
        return f"look for the path (an error, an early return) on which {where} is not closed"
    hint = "" if site is not None else "; record with -k to see who opens them"
    return f"close {where} where its owner is destroyed{hint}"
