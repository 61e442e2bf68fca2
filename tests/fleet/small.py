"""Small fleets for tests: a few calls each, some of which leak."""

from __future__ import annotations

import gzip
from pathlib import Path

_BEGIN = 1_795_132_800
_EXEC = 'execve("/srv/app", ["app"], 0x7ffd /* 20 vars */) = 0'
_STACK = " > /srv/app({0}+0x10) [0x1010]\n > /srv/app(main+0x20) [0x1020]\n"


def trace(leaks: bool, day: int = 0, pid: int = 100, site: str = "open_it", rounds: int = 40) -> str:
    """A program that opens a file every tenth of a second, and closes it or forgets it."""
    clock = float(_BEGIN + day * 86_400 + 100)
    lines = [f"{pid} {clock:.6f} {_EXEC}\n", _STACK.format("main")]
    for number in range(rounds):
        clock += 0.1
        fd = 3 + number if leaks else 3
        lines += [
            f'{pid} {clock:.6f} openat(AT_FDCWD, "/srv/data/{number}", 0) = {fd}</srv/data/{number}>\n',
            _STACK.format(site),
            f'{pid} {clock + 0.001:.6f} read({fd}</srv/data/{number}>, "x", 10) = 1\n',
            _STACK.format("use_it"),
        ]
        if not leaks:
            lines += [
                f"{pid} {clock + 0.002:.6f} close({fd}</srv/data/{number}>) = 0\n",
                _STACK.format("done"),
            ]
        log = fd + leaks
        lines += [
            f'{pid} {clock + 0.003:.6f} openat(AT_FDCWD, "/srv/log", O_WRONLY) = {log}</srv/log>\n',
            _STACK.format("log_it"),
            f"{pid} {clock + 0.004:.6f} close({log}</srv/log>) = 0\n",
            _STACK.format("log_it"),
        ]
    return "".join(lines)


def put(folder: Path, text: str, name: str = "app.strace") -> Path:
    """A capture in a directory of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data, 1, mtime=0) if name.endswith(".gz") else data)
    return folder


def hosts(folder: Path, count: int = 6, leaking: tuple[int, ...] = (1, 4)) -> Path:
    """One incident a host, each on a day of its own; some hosts leak."""
    for number in range(count):
        put(folder / f"web-{number}", trace(number in leaking, day=number, pid=100 + number))
    return folder
