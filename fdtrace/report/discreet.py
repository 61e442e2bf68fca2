"""Quoted system calls without what programs read, wrote and were started with.

A capture holds the bytes of requests and answers, the arguments and the
environment of every program. Of these nothing goes into a report unless it is
asked for: a text stays where the call takes names of files (open, connect …)
or where it is an address, and becomes its length everywhere else.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from fdtrace.model import Coverage, Evidence, Finding
from fdtrace.report import cells

_NAMING = frozenset(
    """open openat openat2 creat connect bind accept accept4 getsockname getpeername memfd_create mq_open
    mq_unlink stat lstat stat64 lstat64 newfstatat fstatat64 statx statfs access faccessat faccessat2 readlink
    readlinkat unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat mknod
    mknodat rmdir chdir chroot chmod fchmodat chown lchown fchownat truncate utimensat inotify_add_watch
    fanotify_mark name_to_handle_at getcwd""".split()
)
"""Calls whose texts are names of files; in every other one, known or not, they are somebody's data."""

_CALL = re.compile(r"(?:<\.\.\. )?([a-z_][a-z0-9_]*)(?:\(| resumed>)")
# A name behind a descriptor may have a quote in it that opens nothing.
_NOTE_OR_TEXT = re.compile(r'(?<=\w)<(?P<note>(?:(?!, ")[^<>])*)>|"((?:[^"\\]|\\.)*)(?:"(\.\.\.)?|\\?$)')
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)(?:"(\.\.\.)?|\\?$)')
_ADDRESS = re.compile(r"(?:inet_addr\(|inet_pton\(AF_INET6?, |sun_path=@?|\[\d+(?:->\d+)?,@?)$")
_LIST = re.compile(r'\[((?:"(?:[^"\\]|\\.)*(?:"(?:\.\.\.)?|\\?$)|, |\.\.\.)*)(?:\]|$)')
_BYTE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|[0-7]{1,3}|.)|.", re.DOTALL)
_SAID = re.compile(r"… [\d,]+ bytes?")
_LISTED = ("argument", "variable")


def findings(found: Iterable[Finding], coverage: Iterable[Coverage]) -> list[Finding]:
    """The findings, their quotes of strace without payload, arguments and environment."""
    others = {file for one in coverage if one.kind != "strace" for file in one.files}
    return [
        dataclasses.replace(
            one,
            evidence=tuple(
                quote if quote.file in others else Evidence(quote.file, quote.line, call(quote.text))
                for quote in one.evidence
            ),
        )
        for one in found
    ]


def call(text: str) -> str:
    """A line of strace without its leader, each text that may be data as its length: `"… 16 bytes"`."""
    if text.lstrip().startswith("|"):  # the bytes of -e read and -e write, as hexadecimal numbers
        return "| …"
    found = _CALL.match(text.lstrip())
    name = found[1] if found else ""
    if name in _NAMING:
        return text
    if name in ("execve", "execveat"):
        return _started(text)
    return _without_texts(text)


def arguments(text: str, syscall: str) -> str:
    """The arguments alone of a call whose name is known."""
    head = f"{syscall}("
    return call(head + text)[len(head) :]


def _without_texts(text: str) -> str:
    def shown(found: re.Match[str]) -> str:
        if found["note"] is not None or _ADDRESS.search(text, 0, found.start()):
            return found[0]
        return _length(found[0], found[2], found[3])

    return _NOTE_OR_TEXT.sub(shown, text)


def _length(quoted: str, inside: str, dots: str | None) -> str:
    number = sum(1 for _ in _BYTE.finditer(inside))
    if not number or _SAID.fullmatch(inside):
        return quoted
    more = dots or ("" if quoted.endswith('"') else "...")
    return f'"… {cells.counted(number, "byte")}"{more}'


def _started(text: str) -> str:
    """An exec: the program, and how many arguments and variables it was given."""
    program = _TEXT.search(text)
    if program is None:
        return _without_texts(text)
    kinds = iter(_LISTED)

    def counted(found: re.Match[str]) -> str:
        number = len(_TEXT.findall(found[1]))
        return f"[{cells.counted(number, next(kinds, 'item'))}]"

    end = program.end()
    return text[:end] + _without_texts(_LIST.sub(counted, text[end:]))
