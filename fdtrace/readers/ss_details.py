"""What ss prints behind the addresses: holders (-p), timers (-o), owner and inode (-e), and more lines."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_HOLDER = re.compile(
    r'\(?"(.*?)",(?:pid=)?(\d{1,9}),(?:tid=\d{1,9},)?(?:proc_ctx=.*?,)?(?:fd=)?(\d{1,9})(?:,sock_ctx=.*?)?\)'
)
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")
_DETAIL = re.compile(
    r"\s*(?:timer:\((?P<timer>[\w-]{1,20}),(?P<left>[\w.]{0,30}),(?P<retrans>\d{1,9})\)\s*)?"
    r"(?:uid:(?P<uid>\d{1,10})\s*)?(?:ino:(?P<inode>\d{1,18}))?"
)
_TIME = re.compile(r"(?:(\d{1,9})min)?(?:(\d{1,9})(?:\.(\d{1,3}))?sec)?(?:(\d{1,9})ms)?$")

_ALGORITHMS = "|".join(
    """cubic bbr2? reno vegas westwood htcp dctcp hybla illinois veno yeah lp bic cdg nv highspeed scalable
    prague""".split()
)
_WORDS = (
    rf"ts|sack|ecn|ecnseen|fastopen|{_ALGORITHMS}|send|app_limited|(?:pacing|max_pacing|delivery)_rate"
    r"|inet-sockopt|bpf filter|tcp-ulp-\w+"
)
_NAMES = (
    r"users|timer|uid|ino|sk|cgroup|fwmark|v6only|dev|peers|skmem|bbr|mem|wscale|rto|rtt|ato|mss|pmtu|rcvmss|advmss"
    r"|cwnd|ssthresh|bytes_\w+|segs_\w+|data_segs_\w+|last(?:snd|rcv|ack)|busy|rwnd_limited|sndbuf_limited|unacked"
    r"|retrans|lost|sacked|fackets|dsack_dups|reordering|reord_seen|rcv_\w+|snd_wnd|minrtt|notsent|backoff|rehash"
    r"|delivered(?:_ce)?|qack|tos|tclass|class_id|priority|ver|cpy_thresh|token|flags|subflows|add_addr_\w+|maddr_\w+"
    r"|locals|peers|frag|keepalive|locked|ulp|mark"
)
PROLONGED = re.compile(
    rf"\s+(?:(?:{_NAMES})[:=(]|(?:{_WORDS})(?=[\s:(]|$)|sk[:=]|[<-]-[>-](?=\s|$))"
    r"|(?:users:\(\(|timer:\(|skmem:\(r|(?:uid|ino|wscale|rto|cwnd):\d|sk:[\da-f]|cgroup:|v6only:)"
    r"|[<-]-[>-](?=\s|$)"
    rf"|(?:(?:ts|sack|ecn|ecnseen|fastopen|{_ALGORITHMS}) )+(?:wscale|rto|cwnd|mss|rtt|bytes)"
)
"""A line of this form goes on about the socket of the row before it (-i, -m, wrapped details)."""

TIMERS_OF_TCP = frozenset({"on", "keepalive", "timewait", "persist", "delack"})

OF_TCP = re.compile(
    rf"(?:^|[\s)])(?:timer:\((?:{'|'.join(sorted(TIMERS_OF_TCP))})|wscale:|rto:|mss:|cwnd:|ato:)"
)
"""Only sockets of TCP have such details."""


class Details(NamedTuple):
    """What was printed about one socket: (program, pid, fd) of each holder, and the rest where it was."""

    holders: list[tuple[str, int, int]]
    timer: str | None = None
    timer_s: float | None = None
    retrans: int | None = None
    uid: int | None = None
    inode: int | None = None


_NOTHING = Details([])


def details(text: str) -> Details:
    """The details of one row; the text behind its addresses, wrapped lines joined."""
    if not text:
        return _NOTHING
    start = text.find("users:((")
    if start < 0:
        return _rest(text, [])
    holders, end = _holders(text, start + 7)
    found = _rest(text[end:].lstrip(" ,)"), holders)
    if start and not text[:start].isspace():
        # Before 2014 the timer stood before the holders.
        before = _rest(text[:start], holders)
        if before.timer is not None:
            found = found._replace(timer=before.timer, timer_s=before.timer_s, retrans=before.retrans)
    return found


def is_cut(text: str) -> bool:
    """Whether a list of holders begins in this text and does not end in it."""
    start = text.find("users:((")
    return start >= 0 and not text.startswith(")", _holders(text, start + 7)[1])


def _holders(text: str, at: int) -> tuple[list[tuple[str, int, int]], int]:
    """Each holder once (-T names it for every thread), and where the list ends."""
    holders: dict[tuple[int, int], str] = {}
    while found := _HOLDER.match(text, at):
        name, pid, fd = found.groups()
        if "\\" in name:
            name = _OCTAL.sub(_letter, name)
        holders.setdefault((int(pid), int(fd)), name)
        at = found.end()
        if not text.startswith(",", at):
            break
        at += 1
    return [(name, pid, fd) for (pid, fd), name in holders.items()], at


def _letter(found: re.Match[str]) -> str:
    """A character that ss wrote as an octal number; a control character stays as written."""
    letter = chr(int(found[1], 8))
    return letter if letter.isascii() and letter.isprintable() else found[0]


def _rest(text: str, holders: list[tuple[str, int, int]]) -> Details:
    found = _DETAIL.match(text)
    if found is None:  # every part of it may be missing: it always matches
        return Details(holders)
    timer, left, retrans, uid, inode = found.groups()
    return Details(
        holders,
        timer,
        seconds(left) if left else None,
        int(retrans) if retrans else None,
        int(uid) if uid else None,
        int(inode) if inode else None,
    )


@lru_cache(maxsize=1 << 12)
def seconds(text: str) -> float | None:
    """`1min43sec`, `6.400sec`, `199ms` in seconds."""
    found = _TIME.match(text)
    if not found or not text:
        return None
    minutes, seconds, part, thousandths = found.groups()
    whole = int(minutes or 0) * 60 + int(seconds or 0)
    return whole + int((part or "").ljust(3, "0")) / 1000 + int(thousandths or 0) / 1000
