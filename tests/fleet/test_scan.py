"""A fleet from its files to its answer, and what a later scan does of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from fdtrace.errors import BadArgument
from fdtrace.fleet import work
from fdtrace.fleet.tables import CAPTURES, FINDINGS, SITES
from tests.fleet import small


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def outcomes(fleet: fdtrace.Fleet) -> dict[str, str]:
    frame = fleet.captures
    return {
        Path(name).name: str(outcome)
        for name, outcome in zip(frame["incident"], frame["outcome"], strict=True)
    }


def test_the_hosts_that_leak_and_no_others_are_found(tmp_path: Path, threads: Executor) -> None:
    # GIVEN six hosts, of which the second and the fifth leak
    small.hosts(tmp_path / "in")
    # WHEN
    fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
    # THEN
    assert (fleet.done.analysed, fleet.done.leaking, fleet.done.failed) == (6, 2, 0)
    leaks = fleet.captures.query("verdict == 'leaks'")
    assert sorted(leaks["host"]) == ["web-1", "web-4"]
    assert list(leaks["leaked"]) == [40, 40]
    (site,) = (site for site in fleet.ranked if site.serious)
    assert (site.call_site, site.hosts, site.of_hosts, site.captures) == ("open_it", 2, 6, 2)
    assert (site.since_day, site.until_day, site.before) == ("2026-11-21", "2026-11-24", 1)
    assert str(fleet).startswith("1 call site leaks on 2 of 6 hosts")


def test_tables_have_the_columns_that_are_described(tmp_path: Path, threads: Executor) -> None:
    small.hosts(tmp_path / "in", 2, (1,))
    fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
    for frame, table in ((fleet.captures, CAPTURES), (fleet.findings, FINDINGS), (fleet.sites, SITES)):
        assert list(frame.columns) == [column.name for column in table.columns]
        for column in table.columns:
            assert str(frame[column.name].dtype) == column.dtype, column.name
            if column.words:
                assert set(frame[column.name].dropna()) <= set(column.words)
            if not column.absent:
                assert frame[column.name].notna().all(), column.name
    again = fdtrace.load(tmp_path / "in" / "web-1").check()
    (finding,) = (one for one in again if one.severity == "high")
    row = fleet.findings.query("severity == 'high'").iloc[0]
    assert row["evidence"] == again.table.loc[finding.key, "evidence"]
    assert (row["key"], row["open"], row["growth_per_s"]) == (finding.key, finding.open, finding.growth_per_s)


def test_a_second_scan_does_only_what_is_new_or_changed(tmp_path: Path, threads: Executor) -> None:
    def scanned() -> fdtrace.Fleet:
        return fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)

    small.hosts(tmp_path / "in")
    scanned()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    # WHEN nothing has changed
    assert (scanned().done.analysed, scanned().done.unchanged) == (0, 6)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")} == before
    # WHEN one is cured, one begins to leak, and there is a new one
    small.put(tmp_path / "in" / "web-1", small.trace(False, day=1))
    small.put(tmp_path / "in" / "web-2", small.trace(True, day=9))
    small.put(tmp_path / "in" / "web-9", small.trace(False))
    second = scanned()
    # THEN
    assert (second.done.analysed, second.done.unchanged) == (3, 4)
    assert sorted(second.captures.query("verdict == 'leaks'")["host"]) == ["web-2", "web-4"]
    assert second.captures["incident"].is_unique
    assert sorted(second.findings.query("severity == 'high'")["host"]) == ["web-2", "web-4"]
    assert second.captures.set_index("host").loc["web-2", "day"] == "2026-11-29"
    assert len(list((tmp_path / "out").rglob("*.parquet"))) == 7 + 2


def test_a_file_with_another_time_and_the_same_content_is_not_analysed_again(
    tmp_path: Path, threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.hosts(tmp_path / "in", 2, (1,))
    first = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
    os.utime(tmp_path / "in" / "web-1" / "app.strace", ns=(1, 1_700_000_000_000_000_000))
    monkeypatch.setattr(work, "load", lambda *names, **how: pytest.fail("was read again"))
    for _ in range(2):
        again = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
        assert (again.done.analysed, again.done.unchanged) == (0, 2)
    assert again.ranked == first.ranked
    assert str(again.captures.set_index("host").loc["web-1", "modified"])[:10] == "2023-11-14"


def test_other_options_are_another_answer(tmp_path: Path, threads: Executor) -> None:
    small.hosts(tmp_path / "in", 2, (1,))
    for how, analysed in (
        ({}, 2),
        ({"only": ["leak"]}, 2),
        ({"only": ["leak"]}, 0),
        ({"host_from": "web"}, 2),
    ):
        again = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads, **how)  # type: ignore[arg-type]
        assert again.done.analysed == analysed
    assert set(again.captures["host"]) == {"web"}
    assert set(again.captures["host_source"]) == {"host_from"}
    assert again.captures["incident"].is_unique


def test_what_is_gone_is_kept_until_it_is_asked_to_go(tmp_path: Path, threads: Executor) -> None:
    small.hosts(tmp_path / "in", 3, (1,))
    fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
    shutil.rmtree(tmp_path / "in" / "web-1")
    # WHEN another part is scanned: all of the rest is kept
    kept = fdtrace.scan(tmp_path / "in" / "web-0", result=tmp_path / "out", executor=threads)
    assert (kept.gone, len(kept.captures)) == (2, 3)
    # WHEN asked to: only what is not there any more goes
    pruned = fdtrace.scan(tmp_path / "in" / "web-0", result=tmp_path / "out", executor=threads, prune=True)
    assert (pruned.gone, sorted(pruned.captures["host"])) == (1, ["web-0", "web-2"])
    assert not len(pruned.findings)


def test_faults_are_rows_and_never_the_end(
    tmp_path: Path, threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a fleet with all that may be wrong with a capture
    small.hosts(tmp_path / "in", 2, (1,))
    small.put(tmp_path / "in" / "notes", "Dear colleague,\n", "notes.txt")
    small.put(tmp_path / "in" / "empty", "", "app.strace")
    whole = small.put(tmp_path / "in" / "cut", small.trace(True), "app.strace.gz") / "app.strace.gz"
    whole.write_bytes(whole.read_bytes()[:-200])
    small.put(tmp_path / "in" / "bug", small.trace(True), "bug.strace")
    small.put(tmp_path / "in" / "huge", small.trace(True), "huge.strace")
    monkeypatch.setattr(work, "load", failing(fdtrace.load))
    # WHEN
    fleet = fdtrace.scan(
        [tmp_path / "in", tmp_path / "none", f"{tmp_path}/in/*.nothing"],
        result=tmp_path / "out",
        executor=threads,
    )
    # THEN each has its row
    assert outcomes(fleet) == {
        "web-0": "analysed",
        "web-1": "analysed",
        "cut": "analysed",
        "notes": "no_capture",
        "empty": "no_capture",
        "bug": "failed",
        "huge": "out_of_memory",
        "none": "unreachable",
        "*.nothing": "unreachable",
    }
    errors = {
        Path(name).name: error
        for name, error in zip(*map(fleet.captures.get, ("incident", "error")), strict=True)
    }
    assert "cut" in errors["cut"] or "damaged" in errors["cut"]
    assert errors["bug"].startswith("a fault of fdtrace, please report it: ZeroDivisionError")
    assert sorted(name.rpartition("/")[2] for name, _ in fleet.unread) == ["*.nothing", "none"]
    # THEN a second scan tries only what may be there now, and with retry_failed what failed as well
    for how, tried in (({}, 2), ({"retry_failed": True}, 4)):
        again = fdtrace.scan(
            [tmp_path / "in", tmp_path / "none", f"{tmp_path}/in/*.nothing"],
            result=tmp_path / "out",
            executor=threads,
            **how,  # type: ignore[arg-type]
        )
        assert again.done.failed == tried
        assert outcomes(again) == outcomes(fleet)


def failing(load: Any) -> Any:
    def fails(*names: str, **how: Any) -> Any:
        if names[0].endswith("bug"):
            raise ZeroDivisionError("a fault")
        if names[0].endswith("huge"):
            raise MemoryError
        return load(*names, **how)

    return fails


def test_after_the_time_limit_the_first_part_is_judged(
    tmp_path: Path, threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = small.trace(True, rounds=40)
    small.put(tmp_path / "in" / "long", text + "".join(text.splitlines(True)[2:]) * 200)
    clock = iter(range(0, 10_000, 2))
    monkeypatch.setattr(work.time, "monotonic", lambda: float(next(clock)))
    fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads, time_limit_s=1.0)
    (row,) = fleet.captures.itertuples()
    assert (row.outcome, row.error) == ("partial", "read for 1 s, which is the time limit, and no further")
    assert row.lines < 40 * 6 * 200
    assert "Judged in part: 1 capture" in str(fleet)


def test_an_interrupt_keeps_what_is_done(tmp_path: Path, threads: Executor) -> None:
    small.hosts(tmp_path / "in")

    def interrupt(done: Any) -> None:
        if done.all == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fdtrace.scan(
            tmp_path / "in", result=tmp_path / "out", executor=threads, progress=interrupt, in_flight=1
        )
    assert len(fdtrace.Fleet(tmp_path / "out").captures) == 2
    rest = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
    assert (rest.done.unchanged, rest.done.analysed) == (2, 4)


def test_the_result_among_the_inputs_is_no_input(tmp_path: Path, threads: Executor) -> None:
    small.hosts(tmp_path / "in", 2)
    for _ in range(2):
        fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "in" / "out", executor=threads)
    assert sorted(fleet.captures["host"]) == ["web-0", "web-1"]


def test_a_wrong_check_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="leak"):
        fdtrace.scan(tmp_path, result=tmp_path / "out", only=["leek"])
    assert not (tmp_path / "out").exists()


def test_a_recording_is_one_incident_of_its_machine(tmp_path: Path, threads: Executor) -> None:
    place = small.put(tmp_path / "in" / "rec-1", small.trace(True))
    (place / "manifest.json").write_text(
        '{"format": "fdtrace recording 1", "state": "complete", "started": "2026-11-20T00:01:40Z",'
        ' "host": {"id": "00112233445566778899aabbccddeeff"}, "files": {"app.strace": {"kind": "strace"}}}'
    )
    fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
    (row,) = fleet.captures.itertuples()
    assert (row.host, row.host_source, row.day, row.day_source) == (
        "machine-001122334455",
        "manifest",
        "2026-11-20",
        "manifest",
    )
    assert row.verdict == "leaks"


def test_many_captures_in_one_directory_are_told(tmp_path: Path, threads: Executor) -> None:
    for number in range(41):
        small.put(tmp_path / "in", small.trace(False, pid=200 + number, rounds=1), f"web{number}.strace")
    fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads)
    assert fleet.crowded == [(str(tmp_path / "in"), 41)]
    assert len(fleet.captures) == 1
    each = fdtrace.scan(tmp_path / "in", result=tmp_path / "each", executor=threads, each_file=True)
    assert (each.crowded, each.summary.hosts) == ([], 41)


def test_a_name_that_is_no_text_is_a_name_all_the_same(tmp_path: Path, threads: Executor) -> None:
    small.put(tmp_path / "in" / os.fsdecode(b"web\xff\n\x1b"), small.trace(True))
    for analysed in (1, 0):
        fleet = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads, prune=True)
        assert (fleet.done.analysed, fleet.gone, len(fleet.captures)) == (analysed, 0, 1)
    kept = fdtrace.scan(tmp_path / "none", result=tmp_path / "out", executor=threads, prune=True)
    assert len(kept.captures) == 2
    assert "\x1b" not in str(fleet)


def test_an_archive_and_a_saved_case_are_incidents(tmp_path: Path, threads: Executor) -> None:
    small.hosts(tmp_path / "loose", 2, (0, 1))
    (tmp_path / "in").mkdir()
    fdtrace.load(tmp_path / "loose" / "web-0").save(tmp_path / "in" / "web-0.fdtrace")
    shutil.make_archive(str(tmp_path / "in" / "web-1"), "gztar", tmp_path / "loose" / "web-1")
    whole = fdtrace.scan(tmp_path / "in", result=tmp_path / "out", executor=threads, each_file=True)
    assert outcomes(whole) == {"web-0.fdtrace": "analysed", "web-1.tar.gz": "analysed"}
    assert list(whole.captures["verdict"]) == ["leaks", "leaks"]
    (site,) = (site for site in whole.ranked if site.serious)
    assert (site.hosts, site.captures) == (2, 2)
