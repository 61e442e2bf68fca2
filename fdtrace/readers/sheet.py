"""What the readers of snapshots and logs hand on: rows as small records, and the account of every line.

A *snapshot* is what one run of lsof, netstat, ss or ls saw; a file may hold
several, one after the other. Rows carry the number of theirs. Fields are the
columns of :mod:`fdtrace.schema`; `None` is "not printed". Nothing here imports
pandas: the tables are made from these records when they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..model import Problem

PROLONGS = "+"
"""What a reader returns for a line that belongs to the row before it."""

SHOWN = 200
"""Characters of a line that a problem quotes."""

Clock = Literal["utc", "zone", "local", "day", "none"]
"""How a snapshot's time is known.

utc: stamped in UTC or since 1970; zone: with a distance from UTC or a known
zone, converted; local: a full date without a zone; day: a time of day without
a date; none: not at all, a time is then the modification time of the file and only a hint.
"""


@dataclass(slots=True)
class Snapshot:
    """One moment at which a tool looked. `at_ns` is since 1970 (clock "day": since midnight) or None.

    `basis` says in words what the time was read from ("line 2: # 2026-…", "modification time of the file").
    """

    number: int
    file: str
    line: int
    at_ns: int | None = None
    clock: Clock = "none"
    basis: str = ""


@dataclass(slots=True)
class OpenFile:
    """One row of lsof or of a listing of /proc/PID/fd, see the table `open_files`."""

    snapshot: int
    file: str
    line: int
    kind: str = "unknown"
    command: str | None = None
    pid: int | None = None
    ppid: int | None = None
    tid: int | None = None
    user: str | None = None
    fd: int | None = None
    slot: str | None = None
    mode: str | None = None
    lock: str | None = None
    type: str | None = None
    device: str | None = None
    inode: int | None = None
    size_bytes: int | None = None
    offset_bytes: int | None = None
    proto: str | None = None
    local: str | None = None
    peer: str | None = None
    state: str | None = None
    name: str | None = None
    deleted: bool | None = None
    cloexec: bool | None = None


@dataclass(slots=True)
class Socket:
    """One row of netstat, ss or /proc/net, see the table `sockets`; ss gives one for each holder."""

    snapshot: int
    file: str
    line: int
    proto: str | None = None
    family: str | None = None
    recv_q: int | None = None
    send_q: int | None = None
    local: str | None = None
    peer: str | None = None
    local_addr: str | None = None
    local_port: int | None = None
    peer_addr: str | None = None
    peer_port: int | None = None
    state: str | None = None
    uid: int | None = None
    inode: int | None = None
    peer_inode: int | None = None
    pid: int | None = None
    fd: int | None = None
    program: str | None = None
    timer: str | None = None
    timer_s: float | None = None
    retrans: int | None = None
    path: str | None = None


@dataclass(slots=True)
class LwsObject:
    """One object of libwebsockets between its `++` and its `--`, see the table `lws_objects`."""

    file: str
    line: int
    context: int | None = None
    group: str | None = None
    ordinal: int | None = None
    description: str | None = None
    created_ns: int | None = None
    destroyed_ns: int | None = None
    destroyed_line: int | None = None
    lifetime_s: float | None = None
    fd: int | None = None
    last_callback: str | None = None
    error: str | None = None
    open: bool | None = True


@dataclass(slots=True)
class LwsEvent:
    """One callback, error or fragment of a libwebsockets log, see the table `lws_events`."""

    file: str
    line: int
    clock_ns: int | None = None
    context: int | None = None
    group: str | None = None
    ordinal: int | None = None
    callback: str | None = None
    reason: int | None = None
    fd: int | None = None
    errno: str | None = None
    stage: str | None = None
    length: int | None = None
    remaining: int | None = None
    first: bool | None = None
    last: bool | None = None
    text: str | None = None


@dataclass(slots=True)
class ProcessFacts:
    """What /proc/PID/limits, status and the like say of one process at one moment."""

    snapshot: int
    file: str
    line: int
    pid: int | None = None
    ppid: int | None = None
    command: str | None = None
    user: str | None = None
    threads: int | None = None
    fd_size: int | None = None
    nofile_limit: int | None = None
    nofile_hard: int | None = None


@dataclass(slots=True)
class Sheet:
    """Everything that was read from one file of one kind.

    `lines == parsed + continuation + blank + problem lines` once it is read to the end.
    """

    file: str
    kind: str
    snapshots: list[Snapshot] = field(default_factory=list)
    open_files: list[OpenFile] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)
    lws_objects: list[LwsObject] = field(default_factory=list)
    lws_events: list[LwsEvent] = field(default_factory=list)
    processes: list[ProcessFacts] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    """What the reader found out about the form, in words: "lsof -F", "netstat without header"."""
    lines: int = 0
    parsed: int = 0
    continuation: int = 0
    blank: int = 0

    @property
    def snapshot(self) -> int:
        """The number of the snapshot that is being read; the first one is begun when nothing has begun it."""
        if not self.snapshots:
            self.begin(1)
        return self.snapshots[-1].number

    def begin(self, line: int, at_ns: int | None = None, clock: Clock = "none", basis: str = "") -> None:
        """From this line on it is another snapshot."""
        self.snapshots.append(Snapshot(len(self.snapshots) + 1, self.file, line, at_ns, clock, basis))

    def problem(self, line: int, reason: str, text: str = "", lines: int = 1) -> None:
        """A line that could not be used as it stands (lines=0: a remark about a line counted elsewhere)."""
        self.problems.append(Problem(self.file, line, self.kind, reason, text[:SHOWN], lines))


class Reader(Protocol):
    """One format. The driver (:mod:`.snapshots`) splits and counts lines, sees to times and blank ones."""

    def __init__(self, sheet: Sheet) -> None: ...

    def line(self, number: int, text: str) -> str | None:
        """Take one line without its end.

        None: understood. PROLONGS: it continues the row before. Any other text is
        the reason for which the line is a problem. Never raises, whatever the text.
        """
        ...

    def new_snapshot(self) -> None:
        """A time line was seen: what follows begins afresh (headers may be repeated or not)."""
        ...

    def end(self) -> None:
        """No line follows: complete what waits for more."""
        ...
