"""Where in /proc a text is from: paths in headings, commands and file names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .prompts import command

_PATH = re.compile(
    r"(?<![\w.])/?proc/(?:(?P<pid>\d{1,10})|self|thread-self|\$\{?\w+\}?|\*)"
    r"(?:/task/(?:(?P<tid>\d{1,10})|\S))?"
    r"(?:/(?P<what>fdinfo|fd|net|limits|status|ns|map_files|task)(?:/(?P<last>[\w*]+))?)?(?P<rest>/?)"
)
_NET = re.compile(r"(?<![\w.])/?proc/(?:self/|\d+/)?net/(\w+)")
_MANGLED = re.compile(
    r"(?:^|[^A-Za-z0-9])proc[._-](\d{1,10})[._-](?:task[._-]\d+[._-])?(fdinfo|fd|limits|status)(?![A-Za-z0-9])"
)
_WITH_PID = re.compile(r"(?:^|[^A-Za-z0-9])pid[._-]?(\d{1,10})(?![A-Za-z0-9])", re.IGNORECASE)
_DECORATION = " \t=#*-~<>[](){}|+:;,.!'\"%"
_NUMBER = re.compile(
    r"^(?P<before>[^\w/]*)(?P<word>(?:pid|process|fd)\b[^\w/]*)?(?P<number>\d{1,10})(?P<after>[^\w/]*)"
    r"(?P<name>[A-Za-z_][\w./:@-]{0,63})?[^\w/]*$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"^[^\w/]*(?P<name>[A-Za-z_][\w./:@-]{0,63})[^\w/]*(?:\(|\bpid\b[^\w/]*)(?P<number>\d{1,10})[^\w/]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in /proc; None is what the text does not tell.

    `what` is the directory or file below the process (fd, fdinfo, limits …),
    `last` what follows: the number of a descriptor, the name of a table.
    """

    pid: int | None = None
    tid: int | None = None
    what: str | None = None
    last: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A heading that is a number: a process before a listing, a descriptor before its fdinfo.

    `sure` says that a word like "pid" stands beside it, `bare` that nothing does.
    """

    number: int
    command: str | None
    sure: bool
    bare: bool


def of_file(name: str) -> Place:
    """The place that a file was copied from, by its name; only what is certain.

    `…/proc/4120/fdinfo/3` of a copied tree, `ls_-l_.proc.4120.fd` of sosreport, `fd-pid4120.txt`.
    """
    if net := _last(_NET, name):
        return Place(what="net", last=net[1])
    if found := _last(_PATH, name):
        return _place(found)
    base = name.rpartition("/")[2]
    if found := _MANGLED.search(base):
        return Place(int(found[1]), what=found[2])
    if found := _WITH_PID.search(base):
        return Place(int(found[1]))
    return Place()


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter([*pattern.finditer(text)][::-1]), None)


def of_heading(text: str) -> Place | None:
    """The place that a heading or a command names.

    `/proc/3159/fd:`, `==> /proc/1/fdinfo/3 <==`, `$ ls -l /proc/7/fd`. A command
    that names several processes tells none.
    """
    if "proc/" not in text or len(text) > 1000:
        return None
    words = command(text)
    nets = _NET.findall(text)
    if nets and (words is not None or not _NET.sub("", text).strip(_DECORATION)):
        return Place(what="net", last=nets[0] if len(nets) == 1 else None)
    found = list(_PATH.finditer(text))
    if not found or (words is None and _PATH.sub("", text).strip(_DECORATION)):
        return None
    if len({one["pid"] for one in found}) > 1:
        return Place(what=found[0]["what"])
    return _place(found[0])


def _place(found: re.Match[str]) -> Place:
    pid, tid = found["pid"], found["tid"]
    return Place(int(pid) if pid else None, int(tid) if tid else None, found["what"], found["last"])


def of_number(text: str) -> Number | None:
    """A heading like `== 4120 ==`, `PID 4120`, `4120`, `=== nginx (4120)`, `-- 3`."""
    if len(text) > 200:
        return None
    if found := _NUMBER.match(text):
        beside = found["before"].strip() or found["after"].strip()
        if found["name"] and not (found["word"] or beside):
            return None
        bare = not (beside or found["word"])
        return Number(int(found["number"]), found["name"], bool(found["word"]), bare)
    if found := _NAMED.match(text):
        return Number(int(found["number"]), found["name"], True, False)
    return None
