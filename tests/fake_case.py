"""A Case without an engine: for tests of what stands behind it, the command line and the README's prose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fdtrace import schema
from fdtrace.errors import FdtraceError
from fdtrace.model import Coverage, Finding


class FakeFindings:
    def __init__(self, findings: list[Finding], coverage: list[Coverage]) -> None:
        self.findings = findings
        self.coverage = coverage

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def table(self) -> pd.DataFrame:
        names = schema.TABLES["findings"].names
        return schema.conform("findings", {n: [getattr(f, n) for f in self.findings] for n in names})


class FakeStory:
    table = pd.DataFrame({"line": [1], "what": ["opened"]})

    def __str__(self) -> str:
        return "opened, never closed"


@dataclass
class FakeCase:
    findings: list[Finding] = field(default_factory=list)
    unreadable: list[FdtraceError] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    coverage: list[Coverage] = field(
        default_factory=lambda: [
            Coverage("app", "strace", ("app.strace",), lines=2, parsed=2, calls=2, processes=1, born=True)
        ]
    )

    def leaks(self, **thresholds: Any) -> FakeFindings:
        self.asked["leaks"] = thresholds
        return FakeFindings(self.findings, self.coverage)

    def check(self, only: list[str] | None = None) -> FakeFindings:
        self.asked["check"] = only
        return FakeFindings(self.findings, self.coverage)

    def story(self, pid: int, fd: int, at: float | None) -> FakeStory:
        self.asked["story"] = (pid, fd, at)
        return FakeStory()

    @property
    def fds(self) -> pd.DataFrame:
        return schema.conform(
            "fds", {"fd": [3, 4], "target": ["/etc/passwd", "=cmd()"], "kind": ["file"] * 2}
        )

    def iter_events(self, **wanted: object) -> Iterator[pd.DataFrame]:
        self.asked["events"] = wanted
        for start in range(1, 6001, 2000):
            lines = range(start, start + 2000)
            numbers = range(start - 1, start + 1999)
            yield schema.conform("events", {"seq": numbers, "line": lines, "syscall": ["read"] * 2000})

    @property
    def processes(self) -> pd.DataFrame:
        return schema.empty("processes")

    @property
    def problems(self) -> pd.DataFrame:
        row = {
            "capture": "app",
            "file": "app.strace",
            "line": 9,
            "reader": "strace",
            "reason": "odd",
            "text": None,
        }
        return schema.conform("problems", {name: [value] for name, value in row.items()})
