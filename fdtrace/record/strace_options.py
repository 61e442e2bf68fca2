"""The options of strace for a recording: which ones this strace has, and what each of them buys.

Which version brought what is known from the release notes of strace, 4.8 to 7.2.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..history.recommended import CLASSES, RARELY_UNCLASSED, UNCLASSED, table_calls

Detail = Literal["full", "light"]

OLDEST = (4, 8)
"""What an older strace prints was never looked at."""

PAYLOAD = 4
"""Bytes of what is read and written that are recorded, and elements of a list.

Two are needed for the numbers that `pipe` makes; descriptors are seldom passed by more than
four at a time. Four bytes of a message say hardly more than which protocol it is.
"""

_SETTLED_BY_CLASS = (4, 17)
"""Since then a class is %desc, not desc, and `?` before a name that is not known is no error."""
_SECCOMP = (5, 3)
_NAMESPACES = (5, 15)
_INVALID = re.compile(r"invalid system call \W(\w+)\W")
_VERSION = re.compile(r"^strace -- version (\d+)\.(\d+)", re.MULTILINE)
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Strace:
    """An installed strace, and what it can do. `stacks` is how it unwinds ("libunwind", "libdw")."""

    path: str
    version: tuple[int, int]
    stacks: str = ""
    told: str = ""
    """Its version as it says it: "6.1"."""

    @property
    def seccomp(self) -> bool:
        """Whether it can let calls that are not recorded run at full speed."""
        return self.version >= _SECCOMP

    @property
    def modern(self) -> bool:
        """Whether it knows `%` before classes and `?` before names."""
        return self.version >= _SETTLED_BY_CLASS


@dataclass(frozen=True, slots=True)
class Option:
    """One option as it is given, and in words what a recording gains by it."""

    words: tuple[str, ...]
    buys: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of strace. `payload` are bytes of each message, `command`: it starts the program."""

    detail: Detail = "full"
    stacks: bool = False
    payload: int = PAYLOAD
    command: bool = True


def strace_from(path: str, told: str) -> Strace | None:
    """What `strace -V` printed; None when no strace says such a thing."""
    found = _VERSION.search(told)
    if found is None:
        return None
    number = re.search(r"version (\S+)", told)
    stacks = re.search(r"stack-trace=(\w+)", told)
    return Strace(
        path,
        (int(found[1]), int(found[2])),
        stacks[1] if stacks else "",
        number[1] if number else f"{found[1]}.{found[2]}",
    )


def options(strace: Strace, wish: Wish, calls: Sequence[str] | None = None) -> list[Option]:
    """The options of this strace for this wish, in the order in which they are given.

    `calls` are the system calls by name where they were found out (see :func:`known_calls`).
    """
    chosen = [
        Option(("-f",), "threads and children: they open and close as well"),
        Option(("-ttt",), "the time of each call, with its date and in UTC: rates, and which snapshot fits"),
    ]
    if wish.detail == "full":
        chosen += [
            Option(("-T",), "how long each call took: when it returned"),
            Option(("-yy",), "what each number stands for: path, addresses, inode; what was inherited too"),
        ]
    if strace.version >= _NAMESPACES:
        chosen.append(
            Option(("--decode-pids=pidns",), "who is who across containers, by strace's own numbers")
        )
    if wish.stacks:
        chosen.append(Option(("-k",), "the stack of each call: who opens what (slow: each is unwound)"))
    chosen.append(
        Option(
            ("-s", str(wish.payload)),
            f"{wish.payload} bytes of what is read, written and passed as argument, and no more",
        )
    )
    names = list(calls) if calls is not None else trace_list(strace, wish.detail)
    what = (
        "every call that makes, uses, passes on or ends a descriptor"
        if wish.detail == "full"
        else "only calls that make, pass on or end a descriptor: no reads, writes or waits"
    )
    chosen.append(Option(("-e", "trace=" + ",".join(names)), what))
    if wish.command and strace.seccomp:
        chosen.append(Option(("--seccomp-bpf",), "calls that are not recorded run at full speed"))
    return chosen


def trace_list(strace: Strace, detail: Detail) -> list[str]:
    """What stands behind `-e trace=`: classes and names; a name that a strace may not know is optional."""
    if detail == "light":
        names = table_calls()
    else:
        names = [*(CLASSES if strace.modern else [name.lstrip("%") for name in CLASSES])]
        names += [*UNCLASSED, *RARELY_UNCLASSED]
    return [name if name.startswith("%") or not strace.modern else f"?{name}" for name in names]


def known_calls(names: Iterable[str], complain: Callable[[list[str]], str]) -> list[str]:
    """The names without those that this strace does not know.

    `complain` is given a list and returns what strace says about it. Only an old strace has to be
    asked: later ones pass over an unknown name behind a `?`.
    """
    left = list(names)
    for _ in range(_TRIES):
        found = _INVALID.search(complain(left))
        if found is None or found[1] not in left:
            break
        left.remove(found[1])
    return left


def complaint_of(strace: Strace) -> Callable[[list[str]], str]:
    """What this strace says about a list of calls, without tracing anything."""

    def ask(names: list[str]) -> str:
        words = [strace.path, "-e", f"trace={','.join(names)}", "/nonexistent/program"]
        return subprocess.run(words, capture_output=True, text=True, errors="replace", check=False).stderr

    return ask


def words_of(chosen: Iterable[Option]) -> list[str]:
    """The options as arguments."""
    return [word for option in chosen for word in option.words]
