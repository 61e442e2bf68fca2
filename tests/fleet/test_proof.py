"""The whole of it: hundreds of captures, ten hosts that leak, workers and scans that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from tests.fleet import generate, small
from tests.fleet.cluster import ROOT, cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, generate.Made]:
    folder = tmp_path_factory.mktemp("fleet")
    return folder, generate.fleet(folder, captures=500, leaking=10)


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "fdtrace", "scan", *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def scanned(*words: object, code: int = 0) -> tuple[list[dict[str, Any]], str]:
    """The call sites that are found, and what is said besides."""
    done = subprocess.run(
        command(*words, "-f", "json"), env=environment(), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout or "[]"), done.stderr


def check(result: Path, found: list[dict[str, Any]], made: generate.Made) -> None:
    """Exactly the hosts that leak, since the right day; each incident once."""
    (site,) = (site for site in found if site["severity"] in ("high", "medium"))
    assert (site["hosts"], site["captures"], site["since_day"]) == (10, 10, made.since)
    assert (site["call_site"], site["since_version"]) == ("wake_channel", generate.NEW)
    fleet = fdtrace.Fleet(result)
    assert set(fleet.captures.query("verdict == 'leaks'")["host"]) == made.leaking
    assert sorted(fleet.captures["incident"]) == sorted(map(str, made.incidents))
    assert set(fleet.captures["outcome"]) == {"analysed"}
    keys = fleet.findings[["incident", "key"]]
    assert not keys.duplicated().any()
    assert len(list(result.glob("captures/*/*/*.parquet"))) == len(made.incidents)


def test_processes_find_the_ten_and_do_nothing_twice(
    made: tuple[Path, generate.Made], tmp_path: Path
) -> None:
    folder, fleet = made
    words = (folder, "-o", tmp_path / "out", "--version-from", r"poller-([\d.]+)\.strace")
    found, said = scanned(*words)
    check(tmp_path / "out", found, fleet)
    print(said)
    memory = fdtrace.Fleet(tmp_path / "out").captures["memory_bytes"].max()
    assert memory < 300_000_000
    # WHEN again
    began = time.monotonic()
    again, said = scanned(*words)
    assert said.startswith("0 captures analysed in ")
    assert "500 unchanged" in said
    assert again == found
    assert time.monotonic() - began < 60
    # WHEN one has changed
    place = fleet.incidents[7]
    for file in place.iterdir():
        file.unlink()
    small.put(place, small.trace(True))
    try:
        _, said = scanned(*words)
        assert said.startswith("1 capture analysed in ")
        assert len(fdtrace.Fleet(tmp_path / "out").captures.query("verdict == 'leaks'")) == 11
    finally:
        (place / "app.strace").unlink()
        generate.fleet(tmp_path / "again", captures=500, leaking=10)
        for file in (tmp_path / "again" / place.relative_to(folder)).iterdir():
            (place / file.name).write_bytes(file.read_bytes())


def test_a_scan_that_is_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    fleet = generate.fleet(folder, captures=160, leaking=10)
    words = (folder, "-o", tmp_path / "out", "--version-from", r"poller-([\d.]+)\.strace")
    for killing in (signal.SIGKILL, signal.SIGINT):
        before = rows(tmp_path / "out")
        running = subprocess.Popen(
            command(*words), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_for(lambda before=before: rows(tmp_path / "out") >= before + 30)
        running.send_signal(killing)
        _, said = running.communicate(timeout=60)
        assert running.returncode == (130 if killing == signal.SIGINT else -signal.SIGKILL)
    assert b"the same command goes on from there" in said
    assert 60 <= rows(tmp_path / "out") < 160
    found, said_last = scanned(*words)
    check(tmp_path / "out", found, fleet)
    assert not said_last.startswith("160 captures")


def rows(result: Path) -> int:
    return len(list(result.glob("captures/*/*/*.parquet")))


def wait_for(true: Any, patience_s: float = 240) -> None:
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_dask_finds_the_ten_though_a_worker_is_killed(
    made: tuple[Path, generate.Made], tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    folder, fleet = made
    words = (folder, "-o", tmp_path / "out", "--version-from", r"poller-([\d.]+)\.strace")
    with cluster(tmp_path) as (address, workers):
        running = subprocess.Popen(
            command(*words, "--scheduler", address, "-f", "json"),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_for(lambda: rows(tmp_path / "out") >= 60)
        workers[0].kill()
        out, said = running.communicate(timeout=900)
        assert running.returncode == 0, said
        assert rows(tmp_path / "out") == 500
        assert workers[1].poll() is None
    print(said.decode())
    check(tmp_path / "out", json.loads(out), fleet)
