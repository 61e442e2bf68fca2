import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fdtrace.model import Coverage, Evidence, Finding, Problem
from fdtrace.report import cells, doctor, layout
from fdtrace.report.terminal import answer, verdict

GOLDENS = Path(__file__).parent / "goldens"
EVENTFD = Evidence("gw.strace", 958, "41 eventfd2(0, EFD_CLOEXEC) = 4<anon_inode:[eventfd]> <0.000010>")
HOSTILE = "</script>|`\x1b[31m\x1b]0;owned\x07=cmd()\u202egnp.exe\r\n" + "x" * 10_000


def leak(**fields: Any) -> Finding:
    return Finding(
        **{
            "key": "leak:eventfd",
            "check": "leak",
            "severity": "high",
            "title": "24 of 24 eventfds are never closed",
            "capture": "gw.strace",
            "pid": 41,
            "pids": (41,),
            "command": "gateway",
            "call_site": "lws_plat_pipe_create (libwebsockets.so.19)",
            "callers": ("__lws_create_event_pipes", "lws_create_context", "recognise", "main"),
            "kind": "eventfd",
            "opened": 24,
            "closed": 0,
            "open": 24,
            "growth_per_s": 2.69,
            "examples": (12, 19),
            "example_fds": (4, 5),
            "example_pid": 41,
            "evidence": (EVENTFD,) * 24,
            "reasons": ("written once, never used again",),
            "advice": "close it where the context is destroyed",
            **fields,
        }
    )


def capture(**fields: Any) -> Coverage:
    return Coverage(
        **{
            "capture": "gw.strace",
            "kind": "strace",
            "files": ("gw.strace",),
            "lines": 16_205,
            "parsed": 1_329,
            "continuation": 14_876,
            "bytes": 1_249_790,
            "calls": 1_327,
            "processes": 1,
            "clock": "seconds since 1970",
            "first_ns": 0,
            "last_ns": 8_930_000_000,
            "options": ("-f", "-ttt", "-T", "-yy", "-k"),
            "syscalls": {"write": 343, "fcntl": 120, "read": 109},
            "born": True,
            **fields,
        }
    )


SOCKETS = leak(
    key="leak:tcp",
    title="16 of 24 TCP sockets to 127.0.0.1:9002 are never closed",
    call_site="report_metrics (gateway)",
    callers=("main",),
    kind="tcp",
    target="127.0.0.1:9002",
    state="CLOSE_WAIT",
    open=16,
    growth_per_s=1.79,
    evidence=(Evidence("gw.strace", 1544, '41 read(3<TCP:[127.0.0.1:60782->127.0.0.1:9002]>, "", 64) = 0'),),
    reasons=("the peer closes first: read() returns 0 and no close() follows",),
    advice="close the socket on the path that returns after read() <= 0",
)
FILES = leak(
    severity="low", key="leak:log", title="3 files stay open", call_site=None, callers=(), evidence=()
)
STRAYS = [
    leak(
        severity="low",
        title="24 of 211 TCP sockets accepted at :80 left open at the end of the capture",
        kind="tcp",
        open=24,
        call_site="serve",
    ),
    leak(
        severity="low",
        title="13 of 26 files (/lib/*) left open until the process ended",
        kind="file",
        open=13,
        call_site=None,
    ),
    leak(severity="info", title="1 of 1 TCP sockets listening at :80 left open …", kind="tcp", open=1),
    leak(severity="info", title="2 of 2 epoll instances left open …", kind="epoll", open=2),
    leak(severity="info", title="1 of 1 epoll instances left open …", kind="epoll", open=1),
    leak(severity="low", check="double_close", title="2 close() of a number that was closed before"),
]
FULL = capture(
    curve=tuple(range(3, 44)), peak=43, limit=20_000, settled={"file": 96, "tcp": 24, "netlink": 24}
)
BLIND = capture(
    capture="blind.strace",
    files=("blind.strace",),
    lines=1_204,
    parsed=1_204,
    continuation=0,
    bytes=90_000,
    closes_visible=False,
    born=False,
    clock="none",
    first_ns=None,
    last_ns=None,
    options=(),
    syscalls={"openat": 1_000, "socket": 204},
    calls=1_204,
    missing=("close() was not traced: recorded with -e trace=openat,socket?",),
    remedy="strace -f -ttt -T -yy -k -e trace=%desc -o app.strace -p PID",
)
SCENES: dict[str, tuple[list[Finding], list[Coverage], str, int]] = {
    "two-leaks": ([FILES, SOCKETS, leak()], [FULL], "leaks", 100),
    "two-leaks-narrow": ([FILES, SOCKETS, leak()], [FULL], "leaks", 60),
    "nothing-found": ([], [FULL], "leaks", 100),
    "nothing-found-by-any-check": ([], [FULL], "check", 100),
    "cannot-tell": ([], [BLIND], "leaks", 100),
    "empty-capture": ([], [capture(calls=0, syscalls={}, lines=0)], "leaks", 100),
    "no-capture": ([], [], "leaks", 100),
    "attached-and-cut": (
        [leak(severity="medium", certainty="inferred", growth_per_s=None)],
        [
            capture(
                born=False,
                partial=True,
                problems=3,
                missing=("what was open before is not known",),
                limit=64,
                peak=64,
            )
        ],
        "leaks",
        100,
    ),
    "other-checks": (
        [
            leak(
                check="double_close",
                title="2 descriptors are closed twice",
                severity="medium",
                growth_per_s=None,
                advice="",
            )
        ],
        [FULL],
        "check",
        100,
    ),
    "several-processes": (
        [
            leak(pid=None, pids=(41, 42, 43, 44, 45, 46)),
            replace(SOCKETS, pid=42, pids=(42,), command="worker"),
        ],
        [FULL],
        "leaks",
        100,
    ),
    "healthy": (STRAYS, [FULL], "check", 100),
    "too-few": ([STRAYS[2]], [FULL], "leaks", 100),
    "cannot-tell-of-these": ([STRAYS[0], STRAYS[3]], [BLIND], "leaks", 100),
    "three-captures": (
        [leak(capture="bad.strace")],
        [
            capture(capture="calm.strace", files=("calm.strace",)),
            BLIND,
            capture(capture="bad.strace", files=("bad.strace",)),
        ],
        "leaks",
        100,
    ),
    "two-captures": ([leak()], [FULL, capture(capture="calm.strace", files=("calm.strace",))], "leaks", 100),
    "hostile": (
        [
            leak(
                title=HOSTILE,
                command=HOSTILE,
                call_site=HOSTILE,
                callers=(HOSTILE,) * 2,
                target=HOSTILE,
                state=HOSTILE[:30],
                evidence=(Evidence(HOSTILE, 1, HOSTILE),),
                reasons=(HOSTILE,),
                advice=HOSTILE,
            ),
            leak(severity="info", title=HOSTILE, call_site=HOSTILE),
        ],
        [
            capture(
                capture=HOSTILE, files=(HOSTILE,), missing=(HOSTILE,), remedy="\x1b[2J", settled={HOSTILE: 1}
            )
        ],
        "leaks",
        100,
    ),
}


def compare(name: str, text: str) -> None:
    """The text is what a person once read and approved; FDTRACE_UPDATE=1 writes it anew to be read again."""
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("FDTRACE_UPDATE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(SCENES))
def test_the_answer_reads_as_approved(name: str) -> None:
    findings, coverage, asked, width = SCENES[name]
    compare(name, answer(findings, coverage, width, asked=asked))


@pytest.mark.parametrize("name", sorted(SCENES))
def test_lines_fit_but_for_what_is_there_to_be_copied(name: str) -> None:
    findings, coverage, asked, width = SCENES[name]
    for line in answer(findings, coverage, width, asked=asked).splitlines():
        assert len(line) <= width or "fdtrace " in line or "strace -f" in line


@pytest.mark.parametrize("name", sorted(SCENES))
def test_nothing_of_a_capture_reaches_the_terminal_unescaped(name: str) -> None:
    findings, coverage, asked, width = SCENES[name]
    for line in answer(findings, coverage, width, asked=asked).split("\n"):
        assert cells.visible(line) == line


def test_colour_changes_nothing_but_colour() -> None:
    findings, coverage, asked, width = SCENES["two-leaks"]
    plain = answer(findings, coverage, width, colour=False, asked=asked)
    coloured = answer(findings, coverage, width, colour=True, asked=asked)
    assert coloured != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_the_most_serious_comes_first() -> None:
    text = answer([FILES, replace(SOCKETS, severity="medium"), leak()], [FULL])
    assert text.index("eventfds") < text.index("TCP sockets") < text.index("3 files")


@pytest.mark.parametrize(
    ("fields", "ending"),
    [
        ({}, "in 8.9 s."),
        ({"limit": 20_000, "curve": (3, 43)}, "reaches its limit of 20,000 in about 2.1 hours."),
        ({"limit": 64, "peak": 64}, "has reached its limit of 64."),
        ({"limit": 10**12, "curve": (3, 43)}, "in 8.9 s."),
    ],
)
def test_urgency_is_told_when_it_is_known(fields: dict[str, Any], ending: str) -> None:
    assert verdict([leak()], capture(**fields)).endswith(ending)


def test_a_single_descriptor_is_not_plural() -> None:
    assert verdict([leak(open=1)], capture()) == "gateway (pid 41) leaks 1 descriptor in 8.9 s."


def test_what_low_findings_leave_open_is_no_verdict() -> None:
    assert verdict([FILES], capture()).startswith("No leak found")


@pytest.mark.parametrize(
    ("fields", "typed"),
    [
        ({"files": ("a b.strace",)}, "'a b.strace'"),
        ({"files": ("stdin",), "capture": "stdin"}, "-"),
        ({"files": ("x y/app.1", "x y/app.2"), "capture": "x y/app.*"}, "'x y/app.'*"),
    ],
)
def test_the_commands_to_copy_name_the_capture_for_a_shell(fields: dict[str, Any], typed: str) -> None:
    text = answer([leak(capture=fields.get("capture", "gw.strace"))], [capture(**fields)])
    assert f"More: fdtrace doctor {typed}\n      fdtrace story {typed} --pid 41 --fd 4\n" in text


@pytest.mark.parametrize("limit", [0, 1])
def test_a_limit_hides_findings_but_not_the_verdict(limit: int) -> None:
    text = answer([FILES, SOCKETS, leak()], [FULL], limit=limit)
    assert text.startswith("gateway (pid 41) leaks 40 descriptors")
    assert text.count("HIGH") == limit


def test_without_an_example_there_is_no_story_to_copy() -> None:
    assert "fdtrace story" not in answer([leak(example_fds=())], [FULL])


def test_of_a_long_quoted_line_the_result_stays() -> None:
    quote = Evidence("a", 1, f'openat(AT_FDCWD, "{"x" * 200}", O_RDONLY) = 17</etc/passwd> <0.000010>')
    assert "…) = 17</etc/passwd>\n" in answer([leak(evidence=(quote,))], [FULL])


def test_doctor_reads_as_approved() -> None:
    problems = [
        ("gw.strace", Problem("gw.strace", 17, "strace", "not a line of strace", "hello \x1b[31m")),
        ("gw.strace", Problem("gw.strace", 19, "strace", "not a line of strace", "again")),
        ("other", Problem("other", 1, "strace", "is another capture's", "")),
    ]
    skipped = [("README.md", "no capture"), ("lsof.txt", "lsof output is not read yet")]
    unreadable = [ValueError("gone.strace: no such file")]
    text = doctor.examine(
        [replace(FULL, problems=2, parsed=1_327, reasons=("60 of 60 lines are of strace",)), BLIND],
        problems,
        skipped,
        unreadable,
    )
    compare("doctor", text)
    assert all(cells.visible(line) == line for line in text.split("\n"))


def test_lines_that_were_lost_are_told() -> None:
    assert "1 NOT ACCOUNTED FOR" in doctor.examine([capture(lines=16_206)], width=200)
    assert "NOT ACCOUNTED" not in doctor.examine([capture()])


def test_doctor_without_captures() -> None:
    assert doctor.examine([]) == "No capture.\n"


def test_layout_of_words() -> None:
    assert layout.listed([]) == ""
    assert layout.listed(["a"]) == "a"
    assert layout.listed(["a", "b", "c"]) == "a, b and c"
    assert layout.listed(["a", "b", "c"], most=1) == "a and 2 more"
    assert layout.joined(["aaaa", "bbbb", "cccc"], "← ", 12) == ["aaaa ← bbbb", "← cccc"]
