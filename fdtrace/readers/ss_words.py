"""The words and the forms of rows that ss prints: data for :mod:`.ss`."""

from __future__ import annotations

import re

NETIDS: dict[str, tuple[str, str | None]] = {
    "nl": ("netlink", "netlink"),
    "p_raw": ("packet", "packet"),
    "p_dgr": ("packet", "packet"),
    "u_str": ("unix", "unix"),
    "u_dgr": ("unix", "unix"),
    "u_seq": ("unix", "unix"),
    "tcp": ("tcp", None),
    "udp": ("udp", None),
    "raw": ("raw", None),
    "udplite": ("udplite", None),
    "sctp": ("sctp", None),
    "mptcp": ("mptcp", None),
    "dccp": ("dccp", None),
    "icmp6": ("icmp6", "inet6"),
    "v_str": ("vsock", "vsock"),
    "v_dgr": ("vsock", "vsock"),
    "ti_st": ("tipc", "tipc"),
    "ti_rd": ("tipc", "tipc"),
    "ti_sq": ("tipc", "tipc"),
    "ti_dg": ("tipc", "tipc"),
    "xdp": ("xdp", "xdp"),
}
"""The word in the column Netid: protocol, and address family where it tells that."""

STATES = (
    r"ESTAB(?:LISHED)?|SYN-SENT|SYN-RECV|NEW-SYN-RECV|FIN-WAIT-[12]|TIME-WAIT|UNCONN|CLOSE-WAIT|LAST-ACK|LISTEN|CLOSING"
    r"|CLOSED?|BOUND|UNKNOWN|COOKIE[_-]WAIT|COOKIE[_-]ECHOED|SHUTDOWN[_-]\w{4,20}"
)
"""The column State."""
NETID = "|".join(NETIDS)
ROW = re.compile(
    rf"[\s>]*(?:`- )?(?:({NETID})(?=[A-Z\s])\s*)?(?:({STATES})\s+)?"
    r"(\d{1,10})\s+(\d{1,10})(?:\s+(\S.*))?$"
)
"""Any row: Netid, State, both queues, and the text from the addresses on."""
QUICK = re.compile(
    rf"(?:(tcp|udp)\s+)?({STATES})\s+(\d{{1,10}})\s+(\d{{1,10}})"
    r"\s+([^\s(]{1,99}):([^\s:\](]{1,40})\s+([^\s(]{1,99}):([^\s:\](]{1,40})(?=\s|$)"
    r'(?:\s+users:\(\("([^"\\]{0,40})",pid=(\d{1,9}),fd=(\d{1,9})\)\))?'
    r"(?:\s+timer:\(([\w-]{1,20}),([\w.]{0,30}),(\d{1,9})\))?(?:\s+uid:(\d{1,10}))?(?:\s+ino:(\d{1,18}))?"
    r"(?:\s+sk:[\da-f]+(?:\s.*)?)?\s*$"
)
"""The most frequent form of a row in one piece: a socket of the internet with one holder or none."""
ENDS = re.compile(r"(\S{1,300})\s+(\S{1,300}?)(?=\s|users:\(\(|$)\s*(.*)$")
"""Two addresses without blanks in them, and the details."""
UNIX = re.compile(r"(\S.*?)\s(\d{1,18})\s+(\*)\s+(\d{1,18})(?=\s|users:\(\(|$)\s*(.*)$")
UNIX_NAMED = re.compile(r"(\S.*?)\s(\d{1,18})\s+(\S.*?)\s(\d{1,18})(?=\s|users:\(\(|$)\s*(.*)$")
"""Path and inode of both ends, which may hold blanks; the other path is rarely shown."""
ONE_END = re.compile(r"(\S.*?)\s+\*(?=\s|users:\(\(|$)\s*(.*)$")
"""One address, of a family whose sockets have no peer."""
HEADING = re.compile(r"[\s>#]*(?:Netid\s*)?(?:State\s*)?Recv-Q\s*Send-Q\s*(?:Local )?Address:Port")
SUMMARY = re.compile(
    r"(?:Total: \d|TCP:\s+\d+ \(|Transport\s+Total\s+IP"
    r"|(?:\*|RAW|UDP|TCP|INET|FRAG)\s+\d+\s+[-\d]+\s+[-\d]+\s*$)"
)
MESSAGE = re.compile(
    r"(?:ss: |(?:RTNETLINK|TCPDIAG) answers: |Failed to (?:find|open) cgroup|Cannot (?:open|send) |sudo: )"
)
ONLY_TCP = frozenset(
    "LISTEN SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE_WAIT LAST_ACK CLOSING".split()
)
"""States that no other protocol has."""
OPTIONS = {
    "t": "tcp", "u": "udp", "w": "raw", "x": "unix", "S": "sctp", "d": "dccp", "M": "mptcp", "0": "packet",
    "tcp": "tcp", "udp": "udp", "raw": "raw", "unix": "unix", "sctp": "sctp", "dccp": "dccp",
    "mptcp": "mptcp", "packet": "packet",
}  # fmt: skip
"""Options that ask for one protocol."""
SEVERAL = frozenset({"ALL", "CONNECTED", "SYNCHRONIZED", "BUCKET", "BIG"})
"""Words of a state filter that stand for several states."""

ADDS = re.compile(r"\s*(?:users|timer|uid|ino):")
"""A line that goes on and says more about the socket than how its connection fares."""
LONGEST = 1 << 14
"""Characters of a row with all its lines; what goes on beyond them is not taken up."""
