"""Workers that die, that are somebody else's, that do not start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from fdtrace.errors import FdtraceError
from fdtrace.fleet import pool
from fdtrace.fleet.inputs import Incident
from fdtrace.fleet.work import Options, Outcome, Task, analyse, not_analysed
from tests.fleet import small

OPTIONS = Options(("leak",))


def task(name: str) -> Task:
    return Task(Incident(f"/c/{name}"), OPTIONS)


class Fake:
    """A crew that does what the names of incidents say, and writes down what it was asked for."""

    room = 3

    def __init__(self) -> None:
        self.renewed = 0
        self.alone_with: list[str] = []
        self.most = 0
        self._open: set[Future[Any]] = set()

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        name = arguments[0].incident.name
        self._open = {one for one in self._open if not one.done()} | {future}
        self.most = max(self.most, len(self._open))
        threading.Timer(0.01, self._finish, (future, arguments[0], name)).start()
        return future

    def _finish(self, future: Future[Any], given: Task, name: str) -> None:
        if "kills" in name:
            for one in self._open:
                if not one.done():
                    one.set_exception(BrokenExecutor("a process in the pool was terminated"))
        elif future.done():
            return
        elif "lost" in name:
            future.set_exception(RuntimeError("worker lost thrice"))
        elif "large" in name:
            future.set_result(not_analysed(given, "out_of_memory", "too large"))
        else:
            future.set_result(not_analysed(given, "analysed", ""))

    def renew(self) -> None:
        self.renewed += 1

    def alone(self, given: Task) -> Outcome:
        self.alone_with.append(given.incident.name)
        how = "killed" if "kills" in given.incident.name else "analysed"
        return not_analysed(given, how, "")

    def stop(self) -> None:
        pass


def run(crew: Fake, *names: str) -> dict[str, str]:
    done = [
        (one.incident.name, outcome.capture["outcome"])
        for one, outcome in pool.outcomes(map(task, names), crew)
    ]
    assert len(done) == len(names), "each incident once"
    return {name.removeprefix("/c/"): how for name, how in done}


def test_the_guilty_one_is_found_and_nothing_is_lost() -> None:
    crew = Fake()
    found = run(crew, "a", "b", "kills", "c", "d", "e", "f")
    assert found == {"kills": "killed"} | dict.fromkeys("abcdef", "analysed")
    assert crew.renewed == 1
    assert "/c/kills" in crew.alone_with


def test_what_needs_too_much_memory_gets_a_fresh_worker() -> None:
    crew = Fake()
    assert run(crew, "a", "large", "b") == dict.fromkeys(("a", "large", "b"), "analysed")
    assert (crew.alone_with, crew.renewed) == (["/c/large"], 0)


def test_what_the_executor_gives_up_is_a_row() -> None:
    assert run(Fake(), "a", "lost", "b") == {"a": "analysed", "lost": "killed", "b": "analysed"}


def test_few_are_on_their_way_and_names_are_taken_when_there_is_room() -> None:
    crew, taken = Fake(), 0

    def names() -> Iterator[Task]:
        nonlocal taken
        for number in range(20):
            taken += 1
            yield task(str(number))

    first = next(iter(pool.outcomes(names(), crew)))
    assert first[1].capture["outcome"] == "analysed"
    assert taken <= crew.room
    crew = Fake()
    assert run(crew, *map(str, range(20))) == dict.fromkeys(map(str, range(20)), "analysed")
    assert crew.most <= crew.room


def test_an_executor_that_cancels_ends_the_scan() -> None:
    with ThreadPoolExecutor(1) as executor:
        gate = threading.Event()
        executor.submit(gate.wait)

        def two() -> Iterator[Task]:
            yield task("a")
            yield task("b")
            crew.stop()
            gate.set()
            yield task("c")

        crew = pool.Borrowed(executor, room=3)
        with pytest.raises(FdtraceError, match="has cancelled"):
            list(pool.outcomes(two(), crew))


def test_a_borrowed_executor_is_left_open_and_a_broken_one_is_said() -> None:
    with ThreadPoolExecutor(1) as executor:
        crew = pool.Borrowed(executor)
        assert crew.room == 2
        crew.stop()
        assert executor.submit(lambda: 1).result() == 1
        with pytest.raises(FdtraceError, match="executor is broken"):
            crew.renew()


def test_other_fdtrace_on_the_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as executor:
        monkeypatch.setattr(pool, "_ready", lambda: "0.0.1")
        with pytest.raises(FdtraceError, match=r"workers have fdtrace 0\.0\.1"):
            pool.check_workers(pool.Borrowed(executor))


# -- real processes ---------------------------------------------------------------


@pytest.mark.slow
def test_workers_that_are_killed_are_replaced(tmp_path: Path) -> None:
    # GIVEN captures that take a while, and somebody who kills a worker now and then
    for number in range(24):
        small.put(tmp_path / "in" / f"web-{number}", small.trace(number in (3, 17), pid=200, rounds=1500))
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.4) and len(killed) < 3:
            pids = workers_of(os.getpid())
            if len(pids) == 2:  # one alone is a second try, which nobody disturbs
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", workers=2)
    finally:
        over.set()
        killer.join()
    assert killed
    assert sorted(fleet.captures.query("verdict == 'leaks'")["host"]) == ["web-17", "web-3"]
    assert (len(fleet.captures), set(fleet.captures["outcome"])) == (24, {"analysed"})
    assert fleet.captures["incident"].is_unique
    assert len(fleet.findings.query("severity == 'high'")) == 2


def workers_of(pid: int) -> list[int]:
    """Worker processes: the children of the server that forks them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"forkserver" in (Path("/proc") / str(parent) / "cmdline").read_bytes():
                above = int((Path("/proc") / str(parent) / "stat").read_text().rpartition(")")[2].split()[1])
                found += [int(folder.name)] if above == pid else []
        except (OSError, ValueError, IndexError):
            continue
    return found


@pytest.mark.slow
def test_a_worker_has_a_limit_to_its_memory_and_does_not_outlive_the_scan(tmp_path: Path) -> None:
    text = "".join(
        f'100 {1_795_132_800 + number / 1000:.6f} openat(9, "/srv/{number}", 0) = {number}</srv/{number}>\n'
        for number in range(3, 240_000)
    )
    small.put(tmp_path / "in" / "huge", text)
    small.put(tmp_path / "in" / "web", small.trace(True))
    fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", workers=1, memory_bytes=192 << 20)
    rows = fleet.captures.set_index("host")
    assert rows.loc["huge", "outcome"] == "out_of_memory"
    assert rows.loc["web", "verdict"] == "leaks"
    time.sleep(0.5)
    assert not workers_of(os.getpid())


@pytest.mark.slow
def test_a_worker_with_little_memory_reads_what_compiled_loops_have_no_room_for(tmp_path: Path) -> None:
    lines = [f'100 17951328{n % 100:02}.{n:06} openat(9, "/srv", 0) = 3</srv>\n' for n in range(60_000)]
    small.put(
        tmp_path / "in" / "web", "".join(f"{line}100 {line[4:21]} close(3</srv>) = 0\n" for line in lines)
    )
    fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", workers=1, memory_bytes=144 << 20)
    assert list(fleet.captures["outcome"]) == ["analysed"]


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_what_to_do(tmp_path: Path) -> None:
    small.hosts(tmp_path / "in", 1)
    script = tmp_path / "script.py"
    script.write_text(
        f"import fdtrace\nfdtrace.scan({str(tmp_path / 'in')!r}, result={str(tmp_path / 'out')!r})\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment(), timeout=120
    )
    assert done.returncode == 1
    assert "`if __name__ == '__main__':`" in done.stderr.splitlines()[-1]


def environment() -> dict[str, str]:
    root = str(Path(__file__).parent.parent.parent)
    return {**os.environ, "PYTHONPATH": root}


def test_a_worker_tells_its_memory(tmp_path: Path) -> None:
    small.put(tmp_path / "web", small.trace(True))
    outcome = analyse(Task(Incident(str(tmp_path / "web"), place=str(tmp_path / "web")), OPTIONS))
    assert outcome.capture["outcome"] == "analysed", json.dumps(outcome.capture)
    if Path("/proc/self/status").exists():
        assert outcome.capture["memory_bytes"] > 10 << 20
    assert outcome.capture["duration_s"] >= 0
