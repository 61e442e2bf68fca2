"""Snapshots of many rows, as lsof and ss print them, and a trace of many threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SERVERS = 12
"""lsof cuts descriptor numbers above 9,999: so many servers keep 100,000 rows below that."""


def lsof(target: Path, rows: int) -> Path:
    """A list of `lsof -n -P` of so many rows, in its columns: files and connections of some servers."""
    each = -(-rows // SERVERS)
    with target.open("w") as stream:
        stream.write(_row("COMMAND", "PID", "USER", "FD", "  ", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"))
        for row in range(rows):
            who = "server", 4000 + row // each, "www", row % each + 3
            if row % 2:
                where = f"10.0.0.1:443->10.1.{row >> 8 & 255}.{row & 255}:{30000 + row % 30000} (ESTABLISHED)"
                stream.write(_row(*who, "u ", "IPv4", row + 10**6, "0t0", "TCP", where))
            else:
                stream.write(_row(*who, "r ", "REG", "254,1", 4096, row, f"/srv/data/{row}"))
    return target


def _row(*cells: object) -> str:
    return "{:<7} {:>6} {:>6} {:>4}{} {:>6} {:>18} {:>8} {:>10} {}\n".format(*cells)


def ss(target: Path, rows: int) -> Path:
    """A list of `ss -tanp` of so many rows."""
    with target.open("w") as stream:
        stream.write("State      Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n")
        for row in range(rows):
            state = ("ESTAB     ", "CLOSE-WAIT", "TIME-WAIT ")[row % 3]
            local, peer = f"10.0.0.1:{20000 + row % 40000}", f"10.1.{row >> 8 & 255}.{row & 255}:443"
            stream.write(
                f'{state} 0      0      {local:20} {peer:20} users:(("server",pid=4120,fd={row + 3}))\n'
            )
    return target


def calls_of_many(threads: int) -> Iterator[bytes]:
    """Lines of strace: every thread makes a file of its own known, and waits for another."""
    for tid in range(1000, 1000 + threads):
        yield b'%d 1795440943.607399 openat(AT_FDCWD</srv>, "%d", O_RDONLY) = 3</srv/%d>\n' % (tid, tid, tid)
        yield b"%d 1795440943.607399 close(3</srv/%d>) = 0\n" % (tid, tid)
        yield b"%d 1795440943.607399 read(0,  <unfinished ...>\n" % tid
    for tid in range(1000, 1000 + threads):
        yield b'%d 1795440944.607399 <... read resumed>"", 1) = 0\n' % tid
