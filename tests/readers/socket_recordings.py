"""The sockets of the recordings of netstat and ss: one program, its states known from what it did."""

from pathlib import Path

from fdtrace.readers.sheet import Sheet, Socket
from fdtrace.readers.snapshots import read
from fdtrace.readers.text import open_source

CAPTURES = Path(__file__).parent.parent / "captures"
NETSTAT = CAPTURES / "netstat-net-tools-2.10"
BUSYBOX = CAPTURES / "netstat-busybox-1.35"
SS = CAPTURES / "ss-iproute2-6.1.0"

NOBODY = {(8001, 40002), (8001, 40004), (40005, 8001), (8001, 40006)}
"""Closed by the program, or not accepted yet: no descriptor refers to them."""
TCP = {
    (8001, None): "LISTEN",
    (40001, 8001): "ESTABLISHED",
    (8001, 40001): "ESTABLISHED",
    (40002, 8001): "CLOSE_WAIT",
    (8001, 40002): "FIN_WAIT2",
    (40003, 8001): "ESTABLISHED",
    (8001, 40003): "ESTABLISHED",
    (40004, 8001): "CLOSE_WAIT",
    (8001, 40004): "FIN_WAIT2",
    (40005, 8001): "FIN_WAIT2",
    (8001, 40005): "CLOSE_WAIT",
    (40006, 8001): "FIN_WAIT2",
    (8001, 40006): "CLOSE_WAIT",
    (8002, None): "LISTEN",
    (40007, 8002): "ESTABLISHED",
    (8002, 40007): "ESTABLISHED",
    (8003, None): "LISTEN",
    (40008, 8003): "ESTABLISHED",
    (8003, 40008): "ESTABLISHED",
    (8004, None): "LISTEN",
}
"""State by own and other port; 8003 listens for both families, 8002 and 8004 on IPv6."""
SIX = {(8002, None), (40007, 8002), (8002, 40007), (8003, None), (8003, 40008), (8004, None)}
UDP = {(5001, None): "CLOSE", (5002, 9): "ESTABLISHED", (5003, None): "CLOSE"}
PATHS = {"run/my sock": 2, "run/plain.sock": 2, "@abst name": 1, None: 6}
"""Unix sockets by path: listener and accepted, the clients and pairs without."""


def sheet_of(path: Path, kind: str) -> Sheet:
    sheet = read(open_source(str(path)), kind)
    problems = sum(problem.lines for problem in sheet.problems)
    assert sheet.lines == sheet.parsed + sheet.continuation + sheet.blank + problems
    return sheet


def written(text: str | bytes, tmp_path: Path, kind: str) -> Sheet:
    file = tmp_path / f"{kind}.txt"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return sheet_of(file, kind)


def by_ports(rows: list[Socket], proto: str) -> dict[tuple[int | None, int | None], list[Socket]]:
    found: dict[tuple[int | None, int | None], list[Socket]] = {}
    for row in rows:
        if row.proto == proto:
            found.setdefault((row.local_port, row.peer_port), []).append(row)
    return found


def states(rows: list[Socket], proto: str) -> dict[tuple[int | None, int | None], str | None]:
    return {ports: same[0].state for ports, same in by_ports(rows, proto).items()}
