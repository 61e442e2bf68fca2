"""Every socket gets the state that the kernel gave it, from each source alone and from all of them."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import fdtrace

PROGRAM = Path(__file__).parent / "programs" / "socket_states.py"
TOOLS = {
    "lsof": ["lsof", "-nP", "-p", "{pid}"],
    "netstat": ["netstat", "-tanpe"],
    "ss": ["ss", "-tanpe"],
    "procnet": ["cat", "/proc/net/tcp", "/proc/net/tcp6"],
    "fds": ["ls", "-l", "/proc/{pid}/fd"],
}


@dataclass(frozen=True)
class Recorded:
    """A directory with a trace and one file of each tool; what the kernel said of each socket."""

    folder: Path
    pid: int
    kernel: dict[int, str]
    plain: bool
    """Recorded without -y: the trace tells no inodes."""

    def load(self, *names: str) -> fdtrace.Case:
        return fdtrace.load(*(self.folder / name for name in names))


@pytest.fixture(
    scope="module",
    params=["-yy", pytest.param("-y", marks=pytest.mark.slow), pytest.param("", marks=pytest.mark.slow)],
    ids=["yy", "y", "plain"],
)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    for tool in ("lsof", "netstat", "ss"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("states")
    options = ["-f", "-ttt", *([request.param] if request.param else [])]
    tracer = subprocess.Popen(
        ["strace", *options, "-o", str(folder / "app.strace"), sys.executable, str(PROGRAM), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = tracer.pid
    try:
        assert tracer.stdout is not None
        kernel: dict[int, str] = {}
        for line in tracer.stdout:
            if line == "ready\n":
                break
            fd, state, _ = line.split()
            kernel[int(fd)] = state
        pid = int(Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split()[0])
        for name, command in TOOLS.items():
            stamp = datetime.datetime.now(datetime.UTC).isoformat()
            shown = subprocess.run(
                [word.format(pid=pid) for word in command], capture_output=True, text=True
            ).stdout
            heading = f"/proc/{pid}/fd:\n" if name == "fds" else ""
            (folder / f"{name}.txt").write_text(f"# {stamp}\n{heading}{shown}")
    finally:
        os.kill(pid, signal.SIGTERM)
        tracer.wait(30)
    return Recorded(folder, pid, kernel, plain=not request.param)


def states(found: fdtrace.Case, pid: int, kernel: dict[int, str]) -> dict[int, str | None]:
    """By descriptor number: the state of its last life."""
    fds = found.fds[(found.fds["pid"] == pid)].drop_duplicates("fd", keep="last").set_index("fd")
    told = {fd: fds["state"].get(fd) for fd in kernel}
    return {fd: None if state is None or pd.isna(state) else str(state) for fd, state in told.items()}


@pytest.mark.parametrize(
    "sources",
    [("lsof.txt",), ("netstat.txt",), ("ss.txt",), ("procnet.txt",), ("fds.txt", "procnet.txt")],
    ids=" ".join,
)
def test_one_source_beside_the_trace(recorded: Recorded, sources: tuple[str, ...]) -> None:
    told = states(recorded.load("app.strace", *sources), recorded.pid, recorded.kernel)
    wrong = {fd: (told[fd], state) for fd, state in recorded.kernel.items() if told[fd] != state}
    # Of several connects to one place that are all under way, addresses alone cannot tell which got through.
    pending = {fd for fd, state in recorded.kernel.items() if state == "SYN_SENT"}
    if wrong and recorded.plain and sources[-1] in ("netstat.txt", "procnet.txt"):
        assert len(wrong) <= len(pending) + 1
        assert all(known in (None, "SYN_SENT") for known, _ in wrong.values())
    else:
        assert not wrong


def test_all_sources_beside_the_trace(recorded: Recorded) -> None:
    found = recorded.load("app.strace", *(f"{name}.txt" for name in TOOLS))
    assert states(found, recorded.pid, recorded.kernel) == recorded.kernel
    assert found.problems.empty


def test_the_trace_alone_is_right_where_it_knows(recorded: Recorded) -> None:
    told = states(recorded.load("app.strace"), recorded.pid, recorded.kernel)
    # A connect that is under way may come through without another call: that is the last known state.
    known = {fd: state for fd, state in told.items() if state not in (None, "SYN_SENT")}
    assert known == {fd: recorded.kernel[fd] for fd in known}
    assert len(known) * 2 > len(told)


def test_lsof_alone(recorded: Recorded) -> None:
    rows = recorded.load("lsof.txt").open_files
    rows = rows[rows["slot"] == "fd"].set_index("fd")
    told = {fd: rows["state"].get(fd) for fd in recorded.kernel}
    listed = {fd: state for fd, state in recorded.kernel.items() if state != "CLOSE"}
    assert {fd: told[fd] for fd in listed} == listed
    assert all(pd.isna(told[fd]) for fd in recorded.kernel if fd not in listed)


def test_ss_alone(recorded: Recorded) -> None:
    rows = recorded.load("ss.txt").sockets
    rows = rows[rows["pid"] == recorded.pid].set_index("fd")
    listed = {fd: state for fd, state in recorded.kernel.items() if state != "CLOSE"}
    assert {fd: rows["state"].get(fd) for fd in listed} == listed
