"""Recordings of a real program by this machine's strace, and what they can tell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import fdtrace
from fdtrace.model import SEVERITIES
from tests.record.conftest import Program, manifest, until

Record = Callable[..., Program]


def serious(case: fdtrace.Case) -> list[tuple[str | None, int | None]]:
    """The leaks that somebody has to see to, as kind and number."""
    found = [f for f in case.leaks() if SEVERITIES.index(f.severity) >= SEVERITIES.index("medium")]
    return [(finding.kind, finding.open) for finding in found]


def test_a_leak_is_recorded_found_and_gone_when_it_is_mended(
    record: Record, leaky: str, tmp_path: Path
) -> None:
    code, said = record("--", leaky, "300", "5000", "1", "1").wait()

    assert code == 7
    assert f"next: fdtrace leaks {tmp_path / 'rec'}" in said
    case = fdtrace.load(tmp_path / "rec")
    assert {kind for kind, _ in serious(case)} == {"eventfd"}
    assert not case.skipped
    assert not case.unreadable
    trace = next(one for one in case.coverage if one.kind == "strace")
    assert trace.born
    assert trace.clock == "epoch"
    assert trace.problems == 0
    assert trace.missing == ("no stacks: call sites are unknown (record with -k)",)
    assert {one.kind for one in case.coverage} >= {"strace", "procfs"}
    assert set(case.problems["reason"]) == set()

    os.rename(tmp_path / "rec", tmp_path / "before")
    record("--", leaky, "300", "5000", "0", "1").wait()
    assert serious(fdtrace.load(tmp_path / "rec")) == []


@pytest.mark.slow
def test_stacks_name_who_opens(record: Record, leaky: str, tmp_path: Path) -> None:
    code, said = record("--stacks", "--light", "--", leaky, "300", "5000", "1", "0").wait()

    assert code == 7, said
    leak = next(f for f in fdtrace.load(tmp_path / "rec").leaks() if f.kind == "eventfd")
    assert leak.call_site == "make_wakeup"


def test_a_light_recording_claims_nothing_about_use(record: Record, leaky: str, tmp_path: Path) -> None:
    record("--light", "--", leaky, "300", "5000", "1", "0").wait()

    case = fdtrace.load(tmp_path / "rec")
    assert {kind for kind, _ in serious(case)} == {"eventfd"}
    assert any("--light" in gap for gap in case.coverage[0].missing)
    leak = next(f for f in case.leaks() if f.kind == "eventfd")
    assert not any("never used" in r or "none of them is used" in r or "idle" in r for r in leak.reasons)
    assert not {"read", "write"} & set(case.coverage[0].syscalls)


def test_the_recorded_program_gets_no_descriptor_more(record: Record, tmp_path: Path) -> None:
    words = ["sh", "-c", 'for f in /proc/$$/fd/*; do echo "${f##*/}"; done']
    plain = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)

    program = record("--", *words)
    shown, _ = program.process.communicate(timeout=60)

    assert shown.split() == plain.stdout.split()


def test_a_running_program_with_threads_and_children_is_recorded_and_goes_on(
    record: Record, leaky: str, tmp_path: Path
) -> None:
    target = subprocess.Popen([leaky, "100000", "3000", "1", "2", "fork"])
    try:
        program = record("--pid", str(target.pid), "--every", "0.5s")
        until(lambda: (tmp_path / "rec" / "trace.strace").exists())
        until(lambda: (tmp_path / "rec" / "trace.strace").stat().st_size > 200_000)
        program.interrupt()
        code, said = program.wait()
        assert code == 0
        assert "the program goes on" in said
        assert target.poll() is None
    finally:
        children = Path(f"/proc/{target.pid}/task/{target.pid}/children").read_text().split()
        target.kill()
        target.wait()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
    facts = manifest(tmp_path / "rec")
    assert facts["state"] == "complete"
    assert facts["end"]["why"] == "interrupt"
    assert facts["target"]["attached"] == [target.pid, *map(int, children)]
    assert sorted(len(one["threads"]) for one in facts["processes"].values()) == [1, 3]
    case = fdtrace.load(tmp_path / "rec")
    assert sorted(case.processes["pid"]) == [target.pid, *map(int, children)]
    assert {kind for kind, _ in serious(case)} == {"eventfd"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("leak", "found"), [("0", set()), pytest.param("1", {"eventfd"}, marks=pytest.mark.slow)]
)
def test_a_ring_keeps_the_newest_and_shows_no_leak_that_is_none(
    record: Record, leaky: str, tmp_path: Path, leak: str, found: set[str]
) -> None:
    code, said = record("--rotate", "400k", "--", leaky, "500", "5000", leak, "2").wait()

    assert code == 7
    assert "older parts were dropped" in said
    parts = sorted((tmp_path / "rec").glob("trace.part*"))
    assert 200_000 < sum(part.stat().st_size for part in parts) <= 400_000
    assert not (tmp_path / "rec" / "trace.part000001.strace").exists()
    case = fdtrace.load(tmp_path / "rec")
    assert {kind for kind, _ in serious(case)} == found
    assert len(case.processes) == 1
    assert any("dropped" in gap for gap in case.coverage[0].missing)


@pytest.mark.slow
def test_a_compressed_recording_is_the_same(record: Record, leaky: str, tmp_path: Path) -> None:
    code, _ = record("--compress", "--", leaky, "300", "5000", "1", "0").wait()

    assert code == 7
    assert (tmp_path / "rec" / "trace.strace.gz").read_bytes()[:2] == b"\x1f\x8b"
    case = fdtrace.load(tmp_path / "rec")
    assert {kind for kind, _ in serious(case)} == {"eventfd"}
    assert case.coverage[0].problems == 0


def test_nothing_private_is_in_it(record: Record, tmp_path: Path) -> None:
    secret = "correct-horse-battery"
    code, _ = record("--", "sh", "-c", "echo $1; cat", "sh", secret).wait()

    assert code == 0
    for file in (tmp_path / "rec").iterdir():
        assert secret.encode() not in file.read_bytes(), file.name
    assert json.dumps(manifest(tmp_path / "rec")).count(os.uname().nodename) == 0
    assert oct((tmp_path / "rec").stat().st_mode & 0o777) == "0o700"
