"""What an on-call engineer would call a leak, and what not: small captures of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.captures import START, case

Lines = list[str]
OTHER = ['openat(AT_FDCWD, "/etc/conf", O_RDONLY) = 90', 'read(90, "x", 1) = 1', "close(90) = 0"]
"""A unit of other work, so that what leaks does so over a program's activity."""


def trace(*parts: Lines) -> str:
    lines = [line for part in parts for line in part]
    return START + "".join(f"100 {1000 + n * 0.01:.6f} {line}\n" for n, line in enumerate(lines))


def opened(number: int, close: bool = False, name: str = "/data/item") -> Lines:
    lines = [f'openat(AT_FDCWD, "{name}{number}.json", O_RDONLY) = {number}', f'read({number}, "x", 9) = 1']
    return [*lines, f"close({number}) = 0", *OTHER * 2] if close else [*lines, *OTHER * 2]


def never_closed() -> str:
    return trace(*(opened(n) for n in range(3, 30)))


def forgotten_on_one_path() -> str:
    return trace(*(part for n in range(3, 15) for part in (*[opened(n, close=True)] * 6, opened(n))))


def begins_late() -> str:
    return trace(
        *[opened(3, close=True)] * 60, *(opened(n) for n in range(3, 15)), *[opened(20, close=True)] * 2
    )


def peer_has_gone() -> str:
    def unit(n: int) -> Lines:
        to = '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}, 16'
        return [
            f"socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = {n}",
            f"connect({n}, {to}) = 0",
            f'read({n}, "", 64) = 0',
            *OTHER * 2,
        ]

    return trace(*(unit(n) for n in range(3, 20)))


def refused() -> str:
    def unit(n: int) -> Lines:
        to = '{sa_family=AF_INET, sin_port=htons(81), sin_addr=inet_addr("10.0.0.1")}, 16'
        return [
            f"socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = {n}",
            f"connect({n}, {to}) = -1 ECONNREFUSED (Connection refused)",
            *OTHER * 3,
        ]

    return trace(*(unit(n) for n in range(3, 20)))


def hung_up_and_not_read() -> str:
    def client(n: int) -> Lines:
        add = f"{{events=EPOLLIN|EPOLLRDHUP|EPOLLET, data={{u32={n}, u64={n}}}}}"
        gone = f"[{{events=EPOLLIN|EPOLLRDHUP, data={{u32={n}, u64={n}}}}}]"
        return [
            f"accept4(3, NULL, NULL, SOCK_CLOEXEC) = {n}",
            f"epoll_ctl(4, EPOLL_CTL_ADD, {n}, {add}) = 0",
            f'read({n}, "GET", 64) = 3',
            f"epoll_wait(4, {gone}, 16, -1) = 1",
            *OTHER,
        ]

    server = ["socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3", "listen(3, 5) = 0", "epoll_create1(0) = 4"]
    return trace(server, *(client(n) for n in range(5, 30)), ["epoll_wait(4,  <detached ...>"])


def one_file_again_and_again() -> str:
    return (
        START
        + "".join(f"100 {line}\n" for line in OTHER)
        + "".join(
            f'100 openat(AT_FDCWD, "/data/prices.db", O_RDONLY) = {n}\n100 read({n}, "x", 9) = 1\n'
            for n in range(3, 60)
        )
    )


@pytest.mark.parametrize(
    ("capture", "kind", "count", "severity"),
    [
        (hung_up_and_not_read, "tcp", 25, "high"),
        (one_file_again_and_again, "file", 57, "high"),
        (never_closed, "file", 27, "high"),
        (forgotten_on_one_path, "file", 12, "medium"),
        (begins_late, "file", 12, "medium"),
        (peer_has_gone, "tcp", 17, "high"),
        (refused, "tcp", 17, "high"),
    ],
)
def test_a_leak_is_found(
    tmp_path: Path, capture: Callable[[], str], kind: str, count: int, severity: str
) -> None:
    serious = [f for f in case(tmp_path, capture()).leaks() if f.severity in ("medium", "high")]

    assert [(f.kind, f.severity) for f in serious] == [(kind, severity)]
    assert abs((serious[0].open or 0) - count) <= 1
    assert serious[0].evidence
    assert serious[0].reasons


def everything_closed() -> str:
    return trace(*[opened(3, close=True)] * 40)


def opened_at_start_and_held() -> str:
    files = [f'openat(AT_FDCWD, "/conf/{n}", O_RDONLY) = {n}' for n in range(3, 60)]
    return trace(files, *[opened(70, close=True)] * 80)


def cache_with_turnover() -> str:
    units: list[Lines] = []
    for n in range(400):
        fd = 3 + n % 40
        unit = [f"close({fd}) = 0"] if n >= 40 else []
        units.append(
            [*unit, f'openat(AT_FDCWD, "/tile/{n}", O_RDONLY) = {fd}', f'read({fd}, "x", 9) = 1', *OTHER]
        )
    return trace(*units)


def start_of_many_calls_and_then_slow_work() -> str:
    models = [f'openat(AT_FDCWD, "/models/{n}.bin", O_RDONLY) = {n}' for n in range(3, 43)]
    begin = [part for line in models for part in (line, *OTHER * 3)]
    lines = [f"100 {1700000000 + n * 0.005:.6f} {line}\n" for n, line in enumerate(begin)]
    work = [f'100 {1700000010 + n * 0.2:.6f} write(1, "done", 4) = 4\n' for n in range(60)]
    return START.replace("100 ", "100 1700000000.000000 ", 1) + "".join(lines + work)


def the_last_few_are_kept() -> str:
    def unit(n: int) -> Lines:
        fd = 3 + n % 8
        before = [f"close({fd}) = 0"] if n >= 8 else []
        return [*before, f'openat(AT_FDCWD, "/log/{n}", O_WRONLY) = {fd}', f'write({fd}, "x", 1) = 1', *OTHER]

    return trace(*(unit(n) for n in range(60)))


def clients_that_are_served() -> str:
    accepted = [f"accept4(3, NULL, NULL, SOCK_CLOEXEC) = {n}" for n in range(4, 24)]
    served = [f'read({n}, "GET", 64) = 3' for _ in range(30) for n in range(4, 24)]
    return trace(["socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3", "listen(3, 5) = 0"], accepted, served)


def children_that_report_to_their_parent() -> str:
    lines, clock = [START.rstrip("\n")], 1000.0
    for n in range(24):
        reader, child = 3 + n, 200 + n
        watched = ", ".join(f"{{{{fd={fd}, events=POLLIN}}}}" for fd in range(3, reader + 1))
        for text in (
            f"100 {{}} pipe2([{reader}, 60], 0) = 0",
            f"100 {{}} clone(child_stack=NULL, flags=SIGCHLD) = {child}",
            f"{child} {{}} close({reader}) = 0",
            "100 {} close(60) = 0",
            f"100 {{}} poll([{watched}], {n + 1}, 50) = 0 (Timeout)",
        ):
            clock += 0.05
            lines.append(text.format(f"{clock:.6f}"))
    return "\n".join(lines) + "\n"


def children_that_leave_descriptors_to_their_exit() -> str:
    lines = [START]
    for pid in range(101, 141):
        lines.append(f"100 fork() = {pid}\n")
        lines += [f'{pid} openat(AT_FDCWD, "/part{n}", O_RDONLY) = {n}\n' for n in range(3, 9)]
        lines += [
            f"{pid} exit_group(0) = ?\n",
            f"{pid} +++ exited with 0 +++\n",
            "100 close(50) = -1 EBADF (x)\n",
        ]
    return "".join(lines)


@pytest.mark.parametrize(
    "capture",
    [
        everything_closed,
        opened_at_start_and_held,
        start_of_many_calls_and_then_slow_work,
        the_last_few_are_kept,
        cache_with_turnover,
        clients_that_are_served,
        children_that_report_to_their_parent,
        children_that_leave_descriptors_to_their_exit,
    ],
)
def test_a_healthy_program_gives_nothing_above_low(tmp_path: Path, capture: Callable[[], str]) -> None:
    found = case(tmp_path, capture()).check()

    assert [f.title for f in found if f.severity in ("medium", "high")] == []


def test_a_finding_has_the_same_key_in_another_run(tmp_path: Path) -> None:
    first = case(tmp_path, never_closed(), "a.strace").leaks()
    second = case(
        tmp_path, never_closed().replace("100 ", "200 ").replace("item", "item7"), "b.strace"
    ).leaks()

    assert first[0].key == second[0].key
    assert (first[0].pid, second[0].pid) == (100, 200)


def test_running_into_the_limit_is_high(tmp_path: Path) -> None:
    text = trace(*(opened(n) for n in range(3, 20)), ['openat(AT_FDCWD, "/x", O_RDONLY) = -1 EMFILE (x)'])

    found = case(tmp_path, text).check(only=["exhaustion"])

    assert [(f.check, f.severity) for f in found] == [("exhaustion", "high")]
