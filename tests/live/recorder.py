"""Programs run under this machine's strace, and the descriptor tables that the kernel itself had.

The tables are read from /proc once every traced task sleeps and strace has written all it has to say,
never from the trace.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

CLOEXEC = 0o2000000
EXIT_GROUP = {"x86_64": "231", "aarch64": "94"}.get(platform.machine())
CALM_S = 0.08
PATIENCE_S = 20.0
EXIT_DELAY_US = 60_000


class Descriptor(NamedTuple):
    """One open number: what /proc/PID/fd links to, and its close-on-exec flag."""

    target: str
    cloexec: bool


Table = dict[int, Descriptor]
Owner = tuple[int, int | None]
"""A process (pid, None), or a thread with a table of its own (pid, tid)."""


@dataclass
class Recording:
    """A capture and the tables of the same moment."""

    files: list[Path]
    kernel: dict[Owner, Table] = field(default_factory=dict)
    at_exit: dict[int, Table] = field(default_factory=dict)
    inherited: frozenset[str] = frozenset()
    """Targets that the programs got from outside the capture."""
    before: dict[int, Table] = field(default_factory=dict)
    """Tables of the processes that strace was attached to, before it was."""
    annotated: bool = False
    """Whether descriptors are shown with what they stand for (-y, -yy)."""

    def from_outside(self, fd: int, entry: Descriptor) -> bool:
        """Whether a descriptor was there before the capture, which need not have shown it."""
        return entry.target in self.inherited or any(entry == old.get(fd) for old in self.before.values())


def annotated(flags: Sequence[str]) -> bool:
    return "-y" in flags or "-yy" in flags


def read(path: str) -> str:
    try:
        return Path(path).read_text(errors="surrogateescape")
    except OSError:
        return ""


def status(task: str, word: str) -> str:
    """One line of a task's status, "" when the task has gone."""
    found = re.search(rf"^{word}:\s+(\S+)", read(f"{task}/status"), re.MULTILINE)
    return found.group(1) if found else ""


def processes() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def tasks(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    return []


def table_of(task: str) -> Table:
    """A task's descriptor table as /proc shows it."""
    table = {}
    with contextlib.suppress(OSError):
        for number in sorted(map(int, os.listdir(f"{task}/fd"))):
            with contextlib.suppress(OSError):
                flags = re.search(r"flags:\s*(\d+)", read(f"{task}/fdinfo/{number}"))
                cloexec = bool(flags and int(flags.group(1), 8) & CLOEXEC)
                table[number] = Descriptor(os.readlink(f"{task}/fd/{number}"), cloexec)
    return table


def tables_of(pid: int) -> dict[Owner, Table]:
    """The table of a process, and those of its threads that have left it."""
    living = [tid for tid in tasks(pid) if status(f"/proc/{pid}/task/{tid}", "State") not in ("Z", "X")]
    tables = {tid: table_of(f"/proc/{pid}/task/{tid}") for tid in living}
    if not tables:
        return {}
    common = tables.get(pid, next(iter(tables.values())))
    private = {(pid, tid): table for tid, table in tables.items() if table != common}
    return {(pid, None): common, **private}


class EndedEarly(Exception):
    """The recorded program ended, with this exit code, before it came to rest."""


class Tracer:
    """A running strace and what it traces: none of the processes that were there before."""

    def __init__(self, strace: subprocess.Popen[bytes], trace: Path, others: set[int]) -> None:
        self.strace = strace
        self.trace = trace
        self.others = others

    def traced(self) -> list[int]:
        pids = processes() - self.others
        mine = str(self.strace.pid)
        return sorted(
            p for p in pids if any(status(f"/proc/{p}/task/{t}", "TracerPid") == mine for t in tasks(p))
        )

    def written(self) -> int:
        return sum(file.stat().st_size for file in self.files())

    def files(self) -> list[Path]:
        return sorted(self.trace.parent.glob(self.trace.name + "*"))

    def settle(self) -> list[int]:
        """Wait until every traced task sleeps and the capture no longer grows; the traced processes."""
        patience, calm, before = time.monotonic() + PATIENCE_S, 0.0, None
        while time.monotonic() < patience:
            pids = self.traced()
            states = {status(f"/proc/{pid}/task/{tid}", "State") for pid in pids for tid in tasks(pid)}
            now = (self.written(), pids)
            if now != before or not states <= {"S", "D", "Z", "X", ""}:
                before, calm = now, time.monotonic()
            elif pids and time.monotonic() - calm >= CALM_S:
                return pids
            if self.strace.poll() is not None:
                raise EndedEarly(self.strace.returncode)
            time.sleep(0.02)
        raise AssertionError("the recorded program did not come to rest")

    def exits(self) -> Iterator[tuple[int, Table]]:
        """Every process at the entry of its exit_group, held there by strace."""
        seen: set[int] = set()
        while self.strace.poll() is None:
            for pid in self.traced():
                for tid in tasks(pid):
                    call = f"/proc/{pid}/task/{tid}"
                    if pid not in seen and read(f"{call}/syscall").split(" ")[0] == EXIT_GROUP:
                        seen.add(pid)
                        yield pid, table_of(call)
            time.sleep(0.002)

    def end(self, also: Sequence[int] = ()) -> None:
        """End strace as Ctrl-C does, then whatever it left running."""
        left = {*self.traced(), *also}
        self.strace.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.strace.wait(1)  # it waits for ever for a leader that left before its threads
        if self.strace.poll() is None:
            self.strace.kill()
            self.strace.wait(10)
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


class Recorder:
    """Records programs into one directory each."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.count = 0

    def _place(self) -> Path:
        self.count += 1
        place = self.directory / f"recording-{self.count}"
        place.mkdir()
        return place

    def _strace(self, flags: Sequence[str], form: str, trace: Path) -> list[str]:
        where = {"file": ["-o", str(trace)], "family": ["-ff", "-o", str(trace)], "stderr": []}[form]
        return ["strace", "-I2", *flags, *where]

    def run(
        self,
        command: Sequence[str],
        flags: Sequence[str],
        form: str = "file",
        inherit: Sequence[int] = (),
        until_exit: bool = False,
    ) -> Recording:
        """Start a program under strace and read its tables when it has come to rest, or at each exit."""
        place = self._place()
        trace = place / "trace"
        stdio = [open(place / name, "wb") for name in ("stdin", "stdout", "stderr")]  # noqa: SIM115
        errors = open(trace, "ab") if form == "stderr" else stdio[2]  # noqa: SIM115
        outside = [str(place / name) for name in ("stdin", "stdout", "stderr")] + [str(trace)]
        outside += [str(place / f"inherited{number}") for number in inherit]
        opens = " ".join(f"{number}<>inherited{number}" for number in inherit)
        handed = ["sh", "-c", f'exec {opens}; exec "$@"', "sh"] if inherit else []
        delay = ["-e", f"inject=exit_group:delay_enter={EXIT_DELAY_US}"] if until_exit else []
        others = processes()
        strace = subprocess.Popen(
            [*handed, *self._strace([*flags, *delay], form, trace), *command],
            stdin=stdio[0],
            stdout=stdio[1],
            stderr=errors,
            cwd=place,
            start_new_session=True,
        )
        tracer = Tracer(strace, trace, others)
        recording = Recording([], inherited=frozenset(outside), annotated=annotated(flags))
        try:
            if until_exit:
                recording.at_exit = dict(tracer.exits())
            else:
                for pid in tracer.settle():
                    recording.kernel |= tables_of(pid)
        finally:
            tracer.end()
            for file in (*stdio, errors):
                file.close()
        recording.files = tracer.files()
        return recording

    def attach(
        self,
        command: Sequence[str],
        flags: Sequence[str],
        form: str = "file",
        whom: Callable[[int], list[int]] = lambda pid: [pid],
    ) -> Recording:
        """Attach strace to a running program, wake the program with SIGUSR1, and read when it rests again."""
        place = self._place()
        trace = place / "trace"
        program = subprocess.Popen(command, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            self._wait(lambda: (place / "ready").exists())
            ids = whom(program.pid)
            before = {program.pid: table_of(f"/proc/{program.pid}")}
            recording = Recording([], before=before, annotated=annotated(flags))
            arguments = [word for one in ids for word in ("-p", str(one))]
            messages = open(place / "messages", "wb")  # noqa: SIM115
            strace = subprocess.Popen([*self._strace(flags, form, trace), *arguments], stderr=messages)
            tracer = Tracer(strace, trace, processes() - {program.pid, *ids})
            try:
                attached = f"/proc/{program.pid}/task"
                self._wait(
                    lambda: all(status(f"{attached}/{one}", "TracerPid") == str(strace.pid) for one in ids)
                )
                time.sleep(0.1)
                program.send_signal(signal.SIGUSR1)
                self._wait(lambda: (place / "done").exists())
                for pid in tracer.settle():
                    recording.kernel |= tables_of(pid)
            finally:
                tracer.end(also=[program.pid])
                messages.close()
            recording.files = [*tracer.files(), place / "messages"]
            return recording
        finally:
            program.kill()
            program.wait()

    @staticmethod
    def _wait(ready: Callable[[], bool]) -> None:
        patience = time.monotonic() + PATIENCE_S
        while not ready():
            assert time.monotonic() < patience, "the recorded program did not get ready"
            time.sleep(0.01)
