"""Traces of an invented service, as strace -f -ttt -T -yy -k prints them: for each job it opens a log.

What changes from build to build, and what a fix changes, are arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"


def trace(
    jobs: int,
    stays: Callable[[int], bool] = lambda job: True,
    *,
    opens: Callable[[int], bool] = lambda job: True,
    site: str = "open_log",
    caller: str = "handle",
    program: str = "/srv/app/service",
    path: str = "/var/log/job-{job}.txt",
    stacks: bool = True,
    closes: bool = True,
    address: int = 0x1200,
    conf_stays: bool = False,
    pause: float = 0.2,
    answers: int = 5,
    source: str = "",
) -> str:
    """The text of a trace; `stays(job)` says whether the log of a job is never closed."""
    lines: list[str] = []
    clock = count()
    free = [True] * (jobs * 2 + 64)
    free[:3] = [False] * 3
    handler = (program, f"{caller}+0x40", address + 0x80)
    frames = {
        "log": ((LIBC, "__open64+0x51", 0xF8011), (program, f"{site}+0x1e", address), handler),
        "conf": ((LIBC, "__open64+0x51", 0xF8011), (program, "open_conf+0x10", address + 0x40), handler),
        "other": ((LIBC, "__accept+0x11", 0xF9011), (program, "serve+0x33", address + 0x200)),
    }

    def call(text: str, where: str = "other") -> None:
        lines.append(f"4120 {1790000000 + next(clock) * pause / 12:.6f} {text} <0.000021>")
        if stacks:
            for module, symbol, place in (*frames[where], (program, "main+0x99", address + 0x300)):
                line = f" {source}:{place % 97 + 1}" if source and module == program else ""
                lines.append(f" > {module}({symbol}) [0x{place:x}]{line}")

    def take() -> int:
        number = free.index(True)
        free[number] = False
        return number

    def drop(number: int, what: str) -> None:
        if closes:
            call(f"close({number}<{what}>) = 0")
        free[number] = True

    name = program.rpartition("/")[2]
    call(f'execve("{program}", ["{name}"], 0x7ffc /* 9 vars */) = 0')
    listener = take()
    call(f"socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = {listener}<TCP:[10]>")
    call(f"listen({listener}<TCP:[127.0.0.1:8000]>, 64) = 0")
    for job in range(jobs):
        peer = f"TCP:[127.0.0.1:8000->127.0.0.1:{40000 + job}]"
        client = take()
        call(f"accept(3<TCP:[127.0.0.1:8000]>, NULL, NULL) = {client}<{peer}>")
        call(f'read({client}<{peer}>, "GET", 64) = 3')
        conf = take()
        call(f'openat(AT_FDCWD</>, "/etc/service.conf", O_RDONLY) = {conf}</etc/service.conf>', "conf")
        call(f'read({conf}</etc/service.conf>, "a=1", 64) = 3')
        if not conf_stays:
            drop(conf, "/etc/service.conf")
        if opens(job):
            where = path.format(job=job)
            log = take()
            call(f'openat(AT_FDCWD</>, "{where}", O_WRONLY|O_CREAT, 0644) = {log}<{where}>', "log")
            call(f'write({log}<{where}>, "x", 1) = 1')
            if not stays(job):
                drop(log, where)
        for _ in range(answers):
            call(f'write({client}<{peer}>, "ok", 2) = 2')
        drop(client, peer)
    lines.append(f"4120 {1790000000 + next(clock) * pause / 12:.6f} +++ exited with 0 +++")
    return "\n".join(lines) + "\n"


def never(job: int) -> bool:
    """No job."""
    return False


def half(job: int) -> bool:
    """Every other job."""
    return job % 2 == 0
