"""Captures of real programs under this machine's strace, and copies of them that make a large one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_PROGRAMS = Path(__file__).parent / "programs"
_PROJECT = _PROGRAMS.parent.parent.parent
_SOURCES = 24
_TOKEN = re.compile(rb"(?<![\w.:])\d{2,10}(?=\.\d{6} |\b)")
_LEADER = re.compile(rb"^(\d+) +(\d{9,11})\.", re.MULTILINE)


def server(folder: Path) -> list[str]:
    """A threaded server under load: most calls are cut in two by others."""
    return [sys.executable, str(_PROGRAMS / "server.py"), "15"]


def build(folder: Path) -> list[str]:
    """A parallel build of small C programs: thousands of short processes."""
    for number in range(_SOURCES):
        text = (
            f'#include <stdio.h>\n#include <stdlib.h>\nint f{number}(void) {{ return puts("{number}"); }}\n'
        )
        (folder / f"part{number}.c").write_text(text)
    objects = " ".join(f"part{number}.o" for number in range(_SOURCES))
    (folder / "Makefile").write_text(f"all: {objects}\n%.o: %.c\n\tgcc -c $< -o $@\n")
    return ["make", "-C", str(folder), "-j4", "--quiet"]


def worker(folder: Path) -> list[str]:
    """A small program with threads, quick to unwind: every call has its stack."""
    program = folder / "worker"
    subprocess.run(["gcc", "-g", "-pthread", _PROGRAMS / "worker.c", "-o", program], check=True, timeout=120)
    return [str(program), "100"]


KINDS: dict[str, tuple[Callable[[Path], list[str]], list[str]]] = {
    "server": (server, ["-f", "-ttt", "-T", "-yy"]),
    "build": (build, ["-f", "-ttt", "-yy"]),
    "stacks": (worker, ["-f", "-ttt", "-T", "-yy", "-k"]),
}
"""What is recorded: the program, and the options of strace."""
_COMPRESSORS = {".gz": ["gzip", "-c"], ".zst": ["zstd", "-q", "-c"]}
_NEEDED = {"build": ("make", "gcc"), "stacks": ("gcc",)}


def record(kind: str, folder: Path) -> Path:
    """One capture of a kind, recorded now.

    Raises:
        RuntimeError: a program is missing, or strace could not trace it.
    """
    program, options = KINDS[kind]
    for needed in ("strace", *_NEEDED.get(kind, ())):
        if shutil.which(needed) is None:
            raise RuntimeError(f"{needed} is not installed")
    work = folder / f"{kind}.work"
    work.mkdir()
    command = program(work)
    capture = folder / f"{kind}.base"
    done = subprocess.run(
        ["strace", *options, "-o", str(capture), *command], capture_output=True, timeout=600, check=False
    )
    if done.returncode or not capture.stat().st_size:
        raise RuntimeError(done.stderr.decode(errors="replace").strip()[-300:] or "strace failed")
    return capture


def enlarge(base: Path, size: int, target: Path) -> Path:
    """Copies of a capture one after the other, with threads and times of their own, to about `size` bytes.

    Made by a process of its own: what this one has in memory counts as the memory of those that it starts.

    Raises:
        RuntimeError: it cannot be enlarged.
    """
    command = [sys.executable, "-m", __spec__.name, str(base.absolute()), str(size), str(target.absolute())]
    done = subprocess.run(command, cwd=_PROJECT, stderr=subprocess.PIPE, text=True, timeout=1800, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or "it could not be enlarged")
    return target


def compressed(capture: Path, suffix: str) -> Path:
    """A compressed copy of a capture beside it.

    Raises:
        RuntimeError: the program that compresses is missing.
    """
    program = _COMPRESSORS[suffix]
    if shutil.which(program[0]) is None:
        raise RuntimeError(f"{program[0]} is not installed")
    packed = capture.with_name(capture.name + suffix)
    with packed.open("wb") as stream:
        subprocess.run([*program, str(capture)], stdout=stream, check=True, timeout=600)
    return packed


def _enlarge(base: Path, size: int, target: Path) -> None:
    written = 0
    with target.open("wb") as stream:
        for copy in copies(base.read_bytes()):
            if written + len(copy) > size:
                rest = copy[: max(size - written, 0)]
                stream.write(rest[: rest.rfind(b"\n") + 1])
                break
            stream.write(copy)
            written += len(copy)


def copies(text: bytes) -> Iterator[bytes]:
    """A capture, then again as if later and by other threads, without end.

    The first call is left out: a capture that begins with the execution of its
    program has no second one that begins without a parent.

    Raises:
        RuntimeError: it has no numbers to tell the copies by.
    """
    second = _LEADER.search(text, 1)
    if second is None:
        raise RuntimeError("its lines do not begin with a thread and seconds since 1970 (strace -f -ttt)")
    text = text[second.start() :]
    leaders = _LEADER.findall(text)
    tids = {tid for tid, _ in leaders}
    seconds = {int(second) for _, second in leaders}
    span = max(seconds) - min(seconds) + 1
    apart = max(map(int, tids)) - min(map(int, tids)) + 1  # no more: a kernel's numbers have seven digits
    moving = tids | {b"%d" % second for second in seconds}
    parts, names = _cut(text, moving)
    number = 0
    while True:
        new = {tid: b"%d" % (int(tid) + number * apart) for tid in tids}
        new |= {b"%d" % second: b"%d" % (second + number * span) for second in seconds}
        parts[1::2] = [new[name] for name in names]
        yield b"".join(parts)
        number += 1


def _cut(text: bytes, moving: set[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The text in pieces: every other one is a number that is different in each copy."""
    parts: list[bytes] = []
    names: list[bytes] = []
    last = 0
    for match in _TOKEN.finditer(text):
        if match.group() in moving:
            parts += [text[last : match.start()], match.group()]
            names.append(match.group())
            last = match.end()
    return [*parts, text[last:]], names


if __name__ == "__main__":
    try:
        _enlarge(Path(sys.argv[1]).absolute(), int(sys.argv[2]), Path(sys.argv[3]))
    except RuntimeError as error:
        sys.exit(str(error))
