"""Who waits for a descriptor at the end, and who does not any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import case

_THREAD = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM"
_BEGIN = [
    '100 @ execve("/bin/server", ["server"], 0x1 /* 1 var */) = 0',
    "100 @ socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3",
    "100 @ listen(3, 5) = 0",
]


def served(number: int, *last: str) -> list[str]:
    """A client, served by a thread of its own that waits for it, and what the thread did then."""
    tid = 200 + number
    return [
        f'100 @ accept(3, {{sa_family=AF_INET, sin_port=htons({number}), sin_addr=inet_addr("10.0.0.2")}},'
        f" [16]) = {number}",
        f"100 @ clone(child_stack=0x7f00, flags={_THREAD}) = {tid}",
        f"{tid} @ poll([{{fd={number}, events=POLLIN}}], 1, 2000) = 1 ([{{fd={number}, revents=POLLIN}}])",
        f'{tid} @ recvfrom({number}, "x", 64, 0, NULL, NULL) = 1',
        f'{tid} @ sendto({number}, "x", 1, 0, NULL, 0) = 1',
        *(f"{tid} @ {what}" for what in last),
        *['100 @ openat(AT_FDCWD, "/etc/conf", O_RDONLY) = 90', "100 @ close(90) = 0"] * 3,
    ]


def severity(path: Path, lines: list[str]) -> str | None:
    """How serious the sockets are, if at all."""
    text = "".join(line.replace("@", f"{1000 + n * 0.01:.6f}") + "\n" for n, line in enumerate(lines))
    found = case(path, text).leaks()
    return next((one.severity for one in found if one.kind in ("tcp", "socket")), None)


OVER = ["exit(0) = ?", "+++ exited with 0 +++"]
"""A thread is gone by itself."""
ENDS = {
    "alive": [],
    "told to end": ["100 @ exit_group(0) = ?", "100 @ +++ exited with 0 +++"],
}


@pytest.mark.parametrize("end", ENDS)
def test_a_thread_that_is_gone_waits_for_nothing(tmp_path: Path, end: str) -> None:
    lines = [line for n in range(4, 40) for line in served(n, *OVER)]
    assert severity(tmp_path, [*_BEGIN, *lines, *ENDS[end]]) == "high"


@pytest.mark.parametrize(
    "last", ["poll([{fd=N, events=POLLIN}], 1, -1 <unfinished ...>", "read(N,  <unfinished ...>"]
)
def test_a_thread_that_is_there_waits(tmp_path: Path, last: str) -> None:
    lines = [line for n in range(4, 40) for line in served(n, last.replace("N", str(n)))]
    assert severity(tmp_path, [*_BEGIN, *lines]) not in ("medium", "high")
