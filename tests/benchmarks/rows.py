"""Snapshots of many rows, as lsof and ss print them."""

from __future__ import annotations

from pathlib import Path


def lsof(target: Path, rows: int) -> Path:
    """A list of `lsof -n -P` of so many rows: files and connections of ten servers."""
    with target.open("w") as stream:
        stream.write("COMMAND     PID   USER   FD      TYPE             DEVICE SIZE/OFF       NODE NAME\n")
        for row in range(rows):
            pid, fd = 4000 + row * 10 // rows, row % (rows // 10) + 3
            if row % 2:
                where = f"10.0.0.1:443->10.1.{row >> 8 & 255}.{row & 255}:{30000 + row % 30000} (ESTABLISHED)"
                stream.write(
                    f"server   {pid:6}    www {fd:5}u     IPv4 {row + 10**6:18}      0t0        TCP {where}\n"
                )
            else:
                where = f"254,1     4096 {row:10} /srv/data/{row}"
                stream.write(f"server   {pid:6}    www {fd:5}r      REG              {where}\n")
    return target


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
