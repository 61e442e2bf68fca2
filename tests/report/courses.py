"""Small courses written out by hand, for the renderers of timelines."""

from __future__ import annotations

from typing import Any

from fdtrace.history.timeline import Course, Mark, Owner, Span

HOSTILE = "</script>]]>&\"'`|;=cmd() \x1b[31m\x07\u202egnp.exe\r\n--><![CDATA[" + "x" * 10_000


def span(fd_id: int, fd: int, since: float, until: float, **fields: Any) -> Span:
    return Span(
        **{
            "fd_id": fd_id,
            "owner": 0,
            "fd": fd,
            "since": since,
            "until": until,
            "fate": "closed",
            "kind": "file",
            "name": f"/srv/data/{fd_id}.json",
            "place": "load_ticket",
            "via": "open",
            "how": "close",
            "line": fd_id + 10,
            "seen": True,
            "tid": 41,
            **fields,
        }
    )


def leaked(fd_id: int, fd: int, since: float, **fields: Any) -> Span:
    fields = {"fate": "leak", "kind": "tcp", "name": "127.0.0.1:9002", "place": "report_metrics", **fields}
    return span(fd_id, fd, since, 10.0, how="none", via="socket", **fields)


GATEWAY = Owner("app.strace", 41, "gateway", 0.0, 10.0, "none", 12, 9)
HELPER = Owner("app.strace", 42, "helper", 4.0, 8.0, "exit", None, 3, 0)

COURSE = Course(
    spans=[
        span(0, 0, 0.0, 10.0, fate="open", how="none", via="inherited", place="there before", seen=False),
        span(1, 3, 0.5, 1.5),
        leaked(2, 4, 1.0),
        *(leaked(3 + i, 5 + i, 2.0 + i) for i in range(5)),
        *(span(20 + i, 3, 6.0 + i * 0.004, 6.003 + i * 0.004) for i in range(20)),
        span(
            50, 4, 4.0, 8.0, owner=1, fate="open", kind="tcp", via="fork_copy", how="exit", source=2, tid=42
        ),
        span(51, 5, 4.0, 4.2, owner=1, kind="tcp", via="fork_copy", how="cloexec_exec", source=3, tid=42),
    ],
    owners=[GATEWAY, HELPER],
    marks=[
        Mark(0, 0.0, "exec", "gateway"),
        Mark(0, 4.0, "fork", "42 helper", 1),
        Mark(1, 4.2, "exec", "helper"),
    ],
    until=10.0,
    remarks=("no close() was recorded: what looks open may have been closed",),
)
"""A program that leaks six connections, reopens number 3 all the time, and forks a helper."""


def crowd(lives: int, processes: int = 1, name: str = "/srv/data") -> Course:
    """As many lives as a picture has no room for; every tenth leaks."""
    owners = [Owner("app.strace", 100 + i, name, 0.0, 100.0, limit=1024) for i in range(processes)]
    spans = []
    for i in range(lives):
        since = 100.0 * i / lives
        fields: dict[str, Any] = {"owner": i % processes, "name": name, "place": f"{name}{i % 70}"}
        if i % 10 == 0:
            spans.append(leaked(i, 3 + i // 10, since, **fields)._replace(until=100.0, kind=f"k{i % 13}"))
        else:
            spans.append(span(i, 3 + i // 10, since, since + 0.5 / lives, **fields))
    marks = [Mark(i, i / processes, "fork", name) for i in range(processes)]
    return Course(spans, owners, marks, 100.0)
