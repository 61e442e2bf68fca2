"""Snapshots written by hand: what lsof, /proc, netstat and ss saw at each look."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fdtrace.readers import snapshots
from fdtrace.readers.bundle import Capture
from fdtrace.readers.sheet import OpenFile, Sheet, Socket
from fdtrace.readers.text import open_source

RECORDED = Path(__file__).parent / "captures" / "snapshots"
FILES = {"lsof": "lsof.txt", "procfs": "procfd.txt", "netstat": "netstat.txt", "ss": "ss.txt"}

SECOND = 1_000_000_000


@dataclass
class Tool:
    """One tool's file, filled look by look; every row is a line of its text."""

    folder: Path
    kind: str = "lsof"
    name: str = ""
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = self.name or FILES[self.kind]
        self.sheet = Sheet(str(self.folder / self.name), self.kind)

    def look(self, at_s: float | None = None) -> Tool:
        """Another look, at this second."""
        at_ns = None if at_s is None else int(at_s * SECOND)
        self.lines.append(f"# {at_s}")
        self.sheet.begin(len(self.lines), at_ns, "none" if at_ns is None else "utc")
        return self

    def file(
        self, fd: int | None, kind: str, pid: int | None = 7, command: str | None = "srv", **more: Any
    ) -> None:
        """A row of lsof or /proc."""
        self.lines.append(f"{command} {pid} {fd} {kind} {more}")
        row = OpenFile(self.sheet.snapshot, self.name, len(self.lines), kind, command, pid, fd=fd, **more)
        row.slot = "fd"
        self.sheet.open_files.append(row)

    def socket(self, state: str | None, pid: int | None = 7, proto: str = "tcp", **more: Any) -> None:
        """A row of netstat or ss."""
        self.lines.append(f"{proto} {state} {pid} {more}")
        family = "unix" if proto == "unix" else "inet"
        row = Socket(
            self.sheet.snapshot, self.name, len(self.lines), proto, family, state=state, pid=pid, **more
        )
        self.sheet.sockets.append(row)

    def pair(self) -> tuple[Capture, Sheet]:
        """The capture and what was read of it."""
        path = self.folder / self.name
        path.write_text("".join(f"{line}\n" for line in self.lines))
        return Capture(str(path), self.kind, (open_source(str(path)),), (None,)), self.sheet


def growing(
    folder: Path, counts: list[int], kind: str, pid: int = 7, every_s: float = 10, **more: Any
) -> Tool:
    """lsof that sees so many descriptors of a kind at each look; the first ones stay.

    Words in `more` may hold `{n}` for the descriptor's own number.
    """
    tool = Tool(folder)
    for place, count in enumerate(counts):
        tool.look(place * every_s)
        tool.file(0, "char", pid=pid, name="/dev/null")
        for n in range(3, 3 + count):
            own = {key: value.format(n=n) if isinstance(value, str) else value for key, value in more.items()}
            tool.file(n, kind, pid=pid, inode=9000 + n, **own)
    return tool


def recorded(case: str, *kinds: str) -> list[tuple[Capture, Sheet]]:
    """Snapshots that were recorded of a real program, read by the real readers; of all tools or of some."""
    found = []
    for kind in kinds or FILES:
        source = open_source(str(RECORDED / case / FILES[kind]))
        found.append((Capture(source.name, kind, (source,), (None,)), snapshots.read(source, kind)))
    return found
