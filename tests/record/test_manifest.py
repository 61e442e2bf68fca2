"""The manifest of a recording is an input: what it adds, and what it cannot do."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fdtrace
from fdtrace.readers.manifest import FORMAT, read
from fdtrace.readers.text import open_source
from fdtrace.record.manifest import ManifestFile, host

ATTACHED = """\
4120  1795449081.000001 eventfd2(0, 0) = 5<anon_inode:[eventfd]> <0.000010>
4121  1795449081.000101 write(5<anon_inode:[eventfd]>, "\\1\\0\\0\\0"..., 8) = 8 <0.000010>
4121  1795449081.000201 close(5<anon_inode:[eventfd]>) = 0 <0.000010>
4120  1795449081.000301 eventfd2(0, 0) = 5<anon_inode:[eventfd]> <0.000010>
4121  1795449081.000401 close(5<anon_inode:[eventfd]>) = 0 <0.000010>
"""


def recording(folder: Path, trace: str = ATTACHED, **facts: Any) -> Path:
    (folder / "trace.strace").write_text(trace)
    (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "state": "complete", **facts}))
    return folder


def fives(case: fdtrace.Case) -> pd.DataFrame:
    return case.fds[case.fds["fd"] == 5]


def reasons(case: fdtrace.Case) -> list[str]:
    return [reason for reason in case.problems["reason"] if "manifest" in reason]


def test_threads_belong_to_the_process_that_the_manifest_says(tmp_path: Path) -> None:
    case = fdtrace.load(recording(tmp_path, processes={"4120": {"threads": [4120, 4121]}}))

    assert list(case.processes["pid"]) == [4120]
    assert list(fives(case)["how"]) == ["close", "close"]
    assert not case.skipped
    assert not reasons(case)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    told = {
        "cut": "the disk is full",
        "dropped_parts": 3,
        "state": "recording",
        "options": {"detail": "light"},
    }
    case = fdtrace.load(recording(tmp_path, **told))

    missing = " | ".join(case.coverage[0].missing)
    for words in ("cut, the disk is full", "3 older parts", "ended from outside", "--light"):
        assert words in missing


def test_another_manifest_is_no_manifest_of_a_recording(tmp_path: Path) -> None:
    (tmp_path / "trace.strace").write_text(ATTACHED)
    (tmp_path / "manifest.json").write_text('{"name": "My app", "icons": []}')

    case = fdtrace.load(tmp_path)

    assert not reasons(case)
    assert [name.rpartition("/")[2] for name, _ in case.skipped] == ["manifest.json"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"processes": []}, "processes is no object"),
        ({"processes": {"4120": {"threads": ["4121"]}}}, "1 entries that cannot be meant"),
        ({"processes": {"4120": {"threads": [True]}}}, "1 entries"),
        ({"processes": {"-1": {"threads": [4121]}}}, "1 entries"),
        ({"processes": {"4120": {"threads": [10**18]}}}, "1 entries"),
        ({"processes": {"1": {"threads": [5]}, "2": {"threads": [5]}}}, "1 entries"),
        ({"dropped_parts": -1}, "dropped_parts is no count"),
        ({"cut": {"why": 1}}, "cut is no text"),
        ({"options": "light"}, "options is no object"),
        ({"format": "fdtrace recording 9"}, "another version"),
    ],
)
def test_what_cannot_be_meant_is_a_problem_and_not_used(
    tmp_path: Path, facts: dict[str, Any], words: str
) -> None:
    case = fdtrace.load(recording(tmp_path, **facts))

    assert [reason for reason in reasons(case) if words in reason]
    assert len(fives(case)) == 2


@pytest.mark.parametrize(
    "text",
    [
        f'{{"format": "{FORMAT}", ',
        f'{{"format": "{FORMAT}", "x": ' + "[" * 100_000,
        f'{{"format": "{FORMAT}", "dropped_parts": ' + "9" * 10_000 + "}",
        f'["{FORMAT}"]',
        f"{FORMAT}\0\0",
    ],
)
def test_a_broken_manifest_is_a_problem_and_the_trace_is_read(tmp_path: Path, text: str) -> None:
    recording(tmp_path)
    (tmp_path / "manifest.json").write_text(text)

    case = fdtrace.load(tmp_path)

    assert len(reasons(case)) == 1
    assert len(fives(case)) == 2


def test_words_of_a_manifest_are_one_short_line(tmp_path: Path) -> None:
    case = fdtrace.load(recording(tmp_path, cut="full\n\x1b[31mHIGH  everything leaks\n" + "x" * 10_000))

    gap = next(gap for gap in case.coverage[0].missing if "full" in gap)
    assert "\n" not in gap
    assert len(gap) < 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["processes", "options", "cut", "dropped_parts", "state", "format"])


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40, deadline=None)
@given(st.dictionaries(KEYS, JSON))
def test_no_content_makes_it_fail(tmp_path_factory: pytest.TempPathFactory, facts: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "manifest.json"
    path.write_text(json.dumps({"format": FORMAT, **facts}))

    found = read(open_source(str(path)))

    assert all(0 < tid <= 1 << 22 and pid > 0 for tid, pid in found.threads.items())
    assert "\n" not in found.cut


def test_a_manifest_is_whole_at_every_moment_and_padded_until_the_last(tmp_path: Path) -> None:
    file = ManifestFile(str(tmp_path))
    path = tmp_path / "manifest.json"

    file.write({"format": FORMAT, "state": "recording", "cut": "x" * 500})
    reserved = path.stat().st_size
    file.write({"format": FORMAT, "state": "recording"})
    assert json.loads(path.read_text())["state"] == "recording"
    assert path.stat().st_size == reserved == 1 << 16

    file.write({"format": FORMAT, "state": "complete"}, last=True)
    file.close()
    assert json.loads(path.read_text())["state"] == "complete"
    assert path.stat().st_size < 200


def test_the_machine_is_not_named() -> None:
    import socket

    text = json.dumps(host())

    assert socket.gethostname() not in text
    machine = Path("/etc/machine-id")
    if machine.exists() and machine.read_text().strip():
        assert machine.read_text().strip() not in text
        assert len(str(host()["id"])) == 32
