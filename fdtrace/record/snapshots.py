"""Snapshots of processes: what lsof, ss, netstat and /proc say of them, each under a line with the time.

The files are texts in the tools' own form, as a person would have made them;
of /proc, in the form of `ls -l` and of `head` with several files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .processes import PROC, read

TOOLS = ("lsof", "ss", "netstat", "proc")
"""What can look, in the order in which it does."""

FILES = {tool: f"{tool}.txt" for tool in TOOLS}
"""The file that each of them fills, look after look."""

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "lsof": ("-nP", "-w", "+c0", "-p"),
    "ss": ("-tuxapne",),
    "netstat": ("-tunapeW",),
}
_PATIENCE_S = 10.0
_LARGEST = 16 << 20
"""Bytes of one tool's output that are kept of one look."""
_LARGEST_INFO = 4096
"""Bytes of one fdinfo: of an epoll it has a line for each descriptor that is watched."""
_TABLES = ("tcp", "tcp6", "udp", "udp6", "unix")


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when it began, why it was taken, at which processes, how long it took, what went wrong."""

    at: str
    why: str
    pids: tuple[int, ...]
    took_s: float
    remarks: tuple[str, ...] = ()


def stamp(moment_s: float) -> str:
    """A moment as the snapshots and the manifest write it: UTC, with microseconds."""
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Snapshots:
    """Takes looks; `write` appends a look to one of the files, and says whether it did."""

    tools: Sequence[str]
    write: Callable[[str, bytes], bool]
    clock: Callable[[], float] = time.time
    paths: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for tool in self.tools:
            if tool in _ARGUMENTS and (path := shutil.which(tool)):
                self.paths[tool] = path

    @property
    def missing(self) -> list[str]:
        """Tools that were asked for and are not installed."""
        return [tool for tool in self.tools if tool in _ARGUMENTS and tool not in self.paths]

    def take(self, pids: Sequence[int], why: str) -> Look | None:
        """One look at these processes; None where none of them lives."""
        begun, started = self.clock(), time.monotonic()
        alive = [pid for pid in pids if os.path.exists(f"{PROC}/{pid}")]
        if not alive:
            return None
        remarks: list[str] = []
        for tool in self.tools:
            if tool == "proc":
                self._keep(tool, b"".join(of_proc(alive)), remarks)
            elif tool in self.paths:
                self._keep(tool, self._ask(tool, alive, remarks), remarks)
        return Look(stamp(begun), why, tuple(alive), round(time.monotonic() - started, 3), tuple(remarks))

    def _keep(self, tool: str, text: bytes, remarks: list[str]) -> None:
        if not text:
            return
        if len(text) > _LARGEST:
            text = text[: text.rfind(b"\n", 0, _LARGEST) + 1]
            remarks.append(f"{tool}: cut after {_LARGEST >> 20} MB")
        if not self.write(FILES[tool], text if text.endswith(b"\n") else text + b"\n"):
            remarks.append(f"{tool}: a look was left out, for want of room")

    def _ask(self, tool: str, pids: Sequence[int], remarks: list[str]) -> bytes:
        """What the tool prints, under a line with the time; what it complains of is a remark."""
        if tool != "lsof" and not any(map(_of_this_network, pids)):
            remarks.append(f"{tool}: left out, the processes are in another network namespace")
            return b""
        words = [self.paths[tool], *_ARGUMENTS[tool]]
        if tool == "lsof":
            words.append(",".join(map(str, pids)))
        head = f"# {stamp(self.clock())}\n".encode()
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE_S,
                start_new_session=True,  # an interrupt at the terminal is not for it
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            remarks.append(f"{tool}: gave no answer in {_PATIENCE_S:.0f} s")
            text = late.stdout or b""
            return head + text[: text.rfind(b"\n") + 1]
        except OSError as error:
            remarks.append(f"{tool}: {error.strerror}")
            return b""
        if not done.stdout and done.stderr:
            remarks.append(f"{tool}: {done.stderr.decode(errors='replace').splitlines()[0][:200]}")
        return head + done.stdout if done.stdout else b""


def _of_this_network(pid: int) -> bool:
    """Whether a process uses the network namespace of who records; one that cannot be asked may."""
    try:
        return os.readlink(f"{PROC}/{pid}/ns/net") == os.readlink(f"{PROC}/self/ns/net")
    except OSError:
        return True


# -- /proc ---------------------------------------------------------------------


def of_proc(pids: Iterable[int]) -> Iterator[bytes]:
    """What /proc says: descriptors, fdinfo, limits and status of each process, tables of each network."""
    yield f"# {stamp(time.time())}\n".encode()
    networks: dict[str, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            networks.setdefault(os.readlink(f"{PROC}/{pid}/ns/net"), pid)
        yield from of_process(pid)
    for pid in networks.values():
        for table in _TABLES:
            yield _file(f"{PROC}/{pid}/net/{table}", _LARGEST)


def of_process(pid: int) -> Iterator[bytes]:
    """One process; nothing of one that is gone, a line that says so of one that is not ours to see."""
    folder = f"{PROC}/{pid}/fd"
    try:
        numbers = sorted(int(name) for name in os.listdir(folder) if name.isdecimal())
    except PermissionError:
        yield f"ls: cannot open directory '{folder}': Permission denied\n".encode()
        return
    except OSError:
        return
    yield f"{folder}:\ntotal 0\n".encode()
    yield b"".join(_row(folder, number) for number in numbers)
    yield b"\n"
    for name in ("limits", "status"):
        yield _file(f"{PROC}/{pid}/{name}", _LARGEST_INFO * 4)
    for number in numbers:
        yield _file(f"{PROC}/{pid}/fdinfo/{number}", _LARGEST_INFO)


def _row(folder: str, number: int) -> bytes:
    """A descriptor as `ls -ln` shows it; nothing of one that was closed meanwhile."""
    path = f"{folder}/{number}"
    try:
        info = os.lstat(path)
        target = os.readlink(os.fsencode(path))
    except OSError:
        return b""
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(info.st_mtime))
    head = f"{stat.filemode(info.st_mode)} 1 {info.st_uid} {info.st_gid} 64 {when} {number} -> "
    # A name can hold the end of a line: written as it is, it could be taken for a row of its own.
    return head.encode() + target.replace(b"\n", b"\\n").replace(b"\r", b"\\r") + b"\n"


def _file(path: str, largest: int) -> bytes:
    """A file of /proc under its name, as `head` shows it; whole lines of one that is too long."""
    try:
        with open(path, "rb") as file:
            text = file.read(largest)
    except OSError:
        return b""
    if len(text) == largest:
        text = text[: text.rfind(b"\n") + 1]
    return f"==> {path} <==\n".encode() + text + b"\n" if text else b""


def limits(pid: int) -> tuple[int | None, int | None]:
    """How many descriptors a process may have, now and at most; None for "unlimited", or none left."""
    for line in read(f"{PROC}/{pid}/limits").splitlines():
        if line.startswith("Max open files"):
            words = line.split()
            soft, hard = (int(w) if w.isdecimal() else None for w in words[3:5])
            return soft, hard
    return None, None
