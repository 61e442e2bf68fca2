"""The small frozen records that pass between the rooms of fdtrace.

Everything here is plain data: no behaviour beyond what a reader of the record
would compute in their head, no import of pandas, no knowledge of any format.
Times are integer nanoseconds (`*_ns`) until a table turns them into seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["info", "low", "medium", "high"]
Certainty = Literal["certain", "inferred", "unknown"]

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Problem:
    """One place of an input that could not be used as it stands.

    `line` counts from 1; 0 means the whole file. `lines` says how many input
    lines the row accounts for (0 for remarks about a line counted elsewhere).
    `text` is at most 200 characters of the line.
    """

    file: str
    line: int
    reader: str
    reason: str
    text: str = ""
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """One quoted line of a capture that supports a finding."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with its proof.

    Columns and their meaning are those of the `findings` table in
    :mod:`fdtrace.schema`. `None` is "not known from this capture".
    """

    key: str
    check: str
    severity: Severity
    title: str
    capture: str
    pid: int | None = None
    pids: tuple[int, ...] = ()
    command: str | None = None
    call_site: str | None = None
    callers: tuple[str, ...] = ()
    source: str | None = None
    source_line: int | None = None
    kind: str | None = None
    target: str | None = None
    peer: str | None = None
    state: str | None = None
    state_source: str | None = None
    opened: int | None = None
    closed: int | None = None
    open: int | None = None
    before: int | None = None
    growth_per_s: float | None = None
    first_t_s: float | None = None
    last_t_s: float | None = None
    examples: tuple[int, ...] = ()
    example_fds: tuple[int, ...] = ()
    example_pid: int | None = None
    evidence: tuple[Evidence, ...] = ()
    certainty: Certainty = "certain"
    reasons: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """How much one place of a program opened, whether it leaks or not.

    In a trace a place is a call site with its callers (`end`: of pipes and pairs,
    which one), without stacks a target pattern; `opened` counts creations, `open`
    those that nobody closed. In snapshots (`looks` of them) it is a
    population: `opened` came and `closed` went between the looks, `open` are there
    in the last one.
    """

    command: str | None
    kind: str
    target: str
    site: str | None = None
    module: str | None = None
    callers: tuple[str, ...] = ()
    end: str = ""
    state: str | None = None
    opened: int = 0
    closed: int = 0
    open: int = 0
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading of captures is.

    `bytes` counts what was taken of the inputs as they are stored, compressed
    or not, `total` is all there is; None while an input that cannot be measured,
    a pipe, is copied. `descriptors` counts the lives that were seen to begin.
    Where captures are read more than once, `bytes` begins anew.
    """

    bytes: int
    total: int | None = None
    descriptors: int = 0


@dataclass(slots=True)
class Coverage:
    """What one capture can and cannot show.

    `lines == parsed + continuation + blank + problems` holds for every
    capture that was read to its end. `missing` lists, in words, what the
    capture cannot show; `remedy` is the command that would have. `snapshots` counts
    the looks at the system in a capture of lsof, netstat, ss or /proc. `joined` says, in
    words, how far a trace and the snapshots beside it agree, `symbols` what was found of
    the modules in its stacks.
    `curve` samples, evenly over the capture, how many descriptors its fullest
    process had open; `peak` and `limit` are the most it had and the most it may
    have. `settled` counts, by kind, the lives that were closed again as they should.
    """

    capture: str
    kind: str
    files: tuple[str, ...] = ()
    lines: int = 0
    parsed: int = 0
    continuation: int = 0
    blank: int = 0
    problems: int = 0
    bytes: int = 0
    calls: int = 0
    clock: str = "none"
    first_ns: int | None = None
    last_ns: int | None = None
    options: tuple[str, ...] = ()
    syscalls: dict[str, int] = field(default_factory=dict)
    born: bool = False
    processes: int = 0
    snapshots: int = 0
    joined: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    closes_visible: bool = True
    missing: tuple[str, ...] = ()
    remedy: str = ""
    reasons: tuple[str, ...] = ()
    partial: bool = False
    curve: tuple[int, ...] = ()
    peak: int | None = None
    limit: int | None = None
    settled: dict[str, int] = field(default_factory=dict)

    @property
    def span_s(self) -> float | None:
        """Seconds between the first and the last time stamp; None without a clock."""
        if self.first_ns is None or self.last_ns is None:
            return None
        return (self.last_ns - self.first_ns) / 1e9
