"""Captures made to hurt: each kind of them grows without end in one way. `write` puts one into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.captures import START


def annotations(count: int) -> Iterator[str]:
    """Every descriptor has an annotation of its own."""
    for n in range(count):
        yield f'100 openat(AT_FDCWD</>, "/{n}", O_RDONLY) = 3</{n}>\n100 close(3</{n}>) = 0\n'


def stacks(count: int) -> Iterator[str]:
    """Every call has a stack of its own."""
    for n in range(count):
        yield f'100 read(3, "", 1) = 0\n > /lib/a.so(f{n}+0x1) [0x{n:x}]\n'


def names(count: int) -> Iterator[str]:
    """Every call has a name of its own."""
    for n in range(count):
        yield f"100 call_{n}(3) = 0\n"


def processes(count: int) -> Iterator[str]:
    """Every process opens something and lives on."""
    for n in range(count):
        yield f'100 fork() = {200 + n}\n{200 + n} openat(AT_FDCWD, "/x", O_RDONLY) = 3\n'


def silent_processes(count: int) -> Iterator[str]:
    """No process ever prints a line."""
    for n in range(count):
        yield f"100 fork() = {200 + n}\n"


def threads(count: int) -> Iterator[str]:
    """All threads share one table."""
    flags = "CLONE_VM|CLONE_FILES|CLONE_THREAD|CLONE_SIGHAND"
    for n in range(count):
        yield f'100 clone(child_stack=0x1, flags={flags}) = {200 + n}\n{200 + n} read(3, "", 1) = 0\n'


def strangers(count: int) -> Iterator[str]:
    """Nobody was seen to make these threads, and each uses a number that nobody was seen to make."""
    for n in range(count):
        yield f'{200 + n} read(3, "x", 1) = 1\n'


def endless_forks(count: int) -> Iterator[str]:
    """No fork returns, and each child forks."""
    for n in range(count):
        yield f'{199 + n if n else 100} fork( <unfinished ...>\n{200 + n} openat(AT_FDCWD, "/x", 0) = 3\n'


def copies(count: int) -> Iterator[str]:
    """A process with many descriptors forks again and again."""
    for n in range(3000):
        yield f'100 openat(AT_FDCWD, "/x{n}", O_RDONLY) = {3 + n}\n'
    for n in range(count):
        yield f"100 fork() = {200000 + n}\n{200000 + n} close(3) = 0\n{200000 + n} +++ exited with 0 +++\n"


def numbers(count: int) -> Iterator[str]:
    """Descriptors have numbers near the highest one, far from each other."""
    for n in range(count):
        yield f'100 openat(AT_FDCWD, "/x", O_RDONLY) = {2147483000 - 7 * n}\n'


def unfinished(count: int) -> Iterator[str]:
    """No call returns."""
    for n in range(count):
        yield f"{200 + n} read(3,  <unfinished ...>\n"


def resumed(count: int) -> Iterator[str]:
    """No call begins."""
    for n in range(count):
        yield f'{200 + n} <... read resumed>"x", 1) = 1\n'


def cut(count: int) -> Iterator[str]:
    """No line is whole."""
    for n in range(count):
        yield f'100 write(1, "cut {n}\n'


KINDS: tuple[Callable[[int], Iterator[str]], ...] = (
    annotations,
    stacks,
    names,
    processes,
    silent_processes,
    threads,
    strangers,
    endless_forks,
    copies,
    numbers,
    unfinished,
    resumed,
    cut,
)


def write(kind: Callable[[int], Iterator[str]], count: int, path: Path) -> Path:
    """A capture of this kind, of a program that is traced from birth."""
    with path.open("w") as stream:
        stream.write(START)
        stream.writelines(kind(count))
        stream.write("100 close(2) = 0\n")
    return path
