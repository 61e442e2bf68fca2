"""Findings and coverage made up for reports, the hostile among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from fdtrace import schema
from fdtrace.errors import NeedsCaptured
from fdtrace.findings import Findings
from fdtrace.model import Coverage, Evidence, Finding
from fdtrace.report.report import Report
from fdtrace.timeline import Timeline
from tests.report.test_terminal import FILES, FULL, SCENES, SOCKETS, capture, leak

NASTY = (
    "</script><img src=x onerror=alert(1)>|`a`*b*_c_~d~[e](javascript:alert(1))"
    "{noformat}{code}h1. x {{y}} !z! \x1b[31m\x1b]0;owned\x07=cmd()\u202egnp.exe\u200b @root #12 "
    "https://evil.example/x www.evil.example\r\n# head\n- item\n1. one\n||th||\n|td|\n```\n</details>"
)
LONG = NASTY + "x" * 10_000
PAYLOAD = Evidence("gw.strace", 7, '41 sendto(3<TCP:[1]>, "GET /secret HTTP/1.1\\r\\n", 22, 0, NULL, 0) = 22')


def hostile(text: str) -> tuple[list[Finding], list[Coverage]]:
    """Findings and coverage in which every text is this one."""
    one = leak(
        key=text,
        title=text,
        command=text,
        call_site=text,
        callers=(text,) * 3,
        target=text,
        peer=text,
        state=text,
        state_source=text,
        evidence=(Evidence(text, 1, text), Evidence(text, 0, text)),
        reasons=(text, text),
        advice=text,
        certainty="inferred",
    )
    less = leak(severity="low", title=text, call_site=text, kind=text)
    bad = capture(
        capture=text, files=(text,), missing=(text,), settled={text: 1}, options=(text,), curve=(1, 9)
    )
    others = [capture(capture=f"{text}2", kind="lsof", options=(text,), snapshots=2)]
    return [one, one, less], [bad, *others]


def many(findings: int, quotes: int = 24) -> list[Finding]:
    """So many findings, each with its evidence."""
    quoted = Evidence("gw.strace", 958, '41 openat(AT_FDCWD, "/data/x", O_RDONLY) = 4</data/x> <0.000010>')
    return [
        leak(
            key=f"leak:{n}",
            title=f"{n} of {n} files (/data/{n}) are never closed",
            evidence=(quoted,) * quotes,
        )
        for n in range(1, findings + 1)
    ]


TICKETS: dict[str, tuple[list[Finding], list[Coverage], str]] = {
    **{
        name: SCENES[name][:3]
        for name in (
            "nothing-found", "cannot-tell", "no-capture", "attached-and-cut", "several-processes", "healthy",
            "three-captures",
        )
    },
    "two-leaks": ([FILES, SOCKETS, leak(evidence=(*leak().evidence[:3], PAYLOAD))], [FULL], "check"),
    "hostile": (*hostile(NASTY), "check"),
}  # fmt: skip


def empty(name: str) -> pd.DataFrame:
    return schema.empty(name)


@dataclass
class Scene:
    """As much of a Case as a report asks of one."""

    found: Findings
    table: Callable[[str], pd.DataFrame]
    skipped: Sequence[tuple[str, str]] = ()
    unreadable: Sequence[Exception] = ()
    picture: str = ""

    def check(self, only: Sequence[str] | None = None) -> Findings:
        return self.found

    def gather(self) -> None:
        pass

    def timeline(self) -> Timeline:
        if not self.picture:
            raise NeedsCaptured("no recording")
        return cast(Timeline, SimpleNamespace(to_svg=lambda interactive: self.picture))

    def __getattr__(self, name: str) -> pd.DataFrame:
        return self.table(name)


def report(
    findings: list[Finding],
    coverage: list[Coverage],
    asked: str = "check",
    table: Callable[[str], pd.DataFrame] = empty,
    **more: Any,
) -> Report:
    scene = Scene(Findings(findings, coverage, asked), table, **more)
    return Report(scene, lambda *_: None)


def only(fds: pd.DataFrame) -> Callable[[str], pd.DataFrame]:
    """The tables of a Case that has this one."""
    return lambda name: fds if name == "fds" else empty(name)


def lives(rows: int, text: str = "/srv/data/file-") -> pd.DataFrame:
    """A table `fds` of so many lives, one in fifty of them never closed."""
    numbers = range(rows)
    return schema.conform(
        "fds",
        {
            "fd_id": list(numbers),
            "capture": ["app"] * rows,
            "pid": [4120 + n % 3 for n in numbers],
            "fd": [3 + n % 1000 for n in numbers],
            "kind": ["file" if n % 3 else "tcp" for n in numbers],
            "target": [f"{text}{n}" for n in numbers],
            "via": ["open"] * rows,
            "how": ["none" if n % 50 == 0 else "close" for n in numbers],
            "open_line": [2 * n + 1 for n in numbers],
            "close_line": [None if n % 50 == 0 else 2 * n + 2 for n in numbers],
            "open_t_s": [n / 1000 for n in numbers],
            "close_t_s": [None if n % 50 == 0 else n / 1000 + 0.5 for n in numbers],
            "uses": [n % 7 for n in numbers],
            "call_site": [f"handler_{n % 40}" for n in numbers],
        },
    )
