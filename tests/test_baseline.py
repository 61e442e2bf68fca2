"""Accepted findings: known ones pass, new and worse ones fail, what is gone is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fdtrace
from fdtrace import baseline as baselines
from fdtrace.cli import app
from tests.service_trace import half, never, trace

MARK = '{"format": "fdtrace baseline", "version": 1'


def put(place: Path, *given: Any, **options: Any) -> Path:
    place.write_text(trace(*given, **options))
    return place


def check(*words: object) -> Any:
    return CliRunner().invoke(app, ["check", *map(str, words)], env={"COLUMNS": "100"})


@pytest.fixture
def accepted(tmp_path: Path) -> Path:
    """A baseline of a service that leaves half of its logs open."""
    place = tmp_path / "fdtrace-baseline.json"
    done = check(put(tmp_path / "then.strace", 60, half), "--write-baseline", place)
    assert done.exit_code == 0, done.stderr
    assert "1 accepted" in done.stderr
    return place


@pytest.mark.parametrize(
    ("given", "options", "code", "said"),
    [
        ((60, half), {}, 0, "0 new, 0 worse, 1 accepted"),
        ((200, half), {"pause": 1.0}, 0, "0 new, 0 worse, 1 accepted"),
        ((60, half), {"address": 0x7700, "site": "open_log.isra.0"}, 0, "0 new, 0 worse, 1 accepted"),
        ((60, lambda job: job % 4 == 0), {}, 0, "better than accepted"),
        ((60,), {}, 1, "0 new, 1 worse, 0 accepted"),
        ((60, half), {"conf_stays": True}, 1, "1 new, 0 worse, 1 accepted"),
        ((60, never), {}, 0, "1 entry not found this time"),
        ((60, half), {"site": "open_journal"}, 1, "1 new, 0 worse, 0 accepted; 1 entry not found"),
    ],
)
def test_what_is_known_passes_and_what_is_new_or_worse_fails(
    accepted: Path, tmp_path: Path, given: Any, options: Any, code: int, said: str
) -> None:
    done = check(put(tmp_path / "now.strace", *given, **options), "--baseline", accepted)
    assert (done.exit_code, said in " ".join(done.stdout.split())) == (code, True), done.stdout


def test_a_severity_that_rose_is_worse(tmp_path: Path) -> None:
    place = tmp_path / "b.json"
    then = put(tmp_path / "then.strace", 30, pause=0.001, answers=0)
    assert {one.severity for one in fdtrace.load(then).leaks()} == {"low", "info"}
    check(then, "--write-baseline", place)
    assert check(put(tmp_path / "now.strace", 30), "--baseline", place).exit_code == 1


def test_only_what_is_serious_enough_fails(accepted: Path, tmp_path: Path) -> None:
    now = put(tmp_path / "now.strace", 6, lambda job: job < 5, site="open_other")
    severity = {one.call_site: one.severity for one in fdtrace.load(now).leaks()}["open_other"]
    assert severity in ("low", "medium")
    assert check(now, "--baseline", accepted, "--fail-on", "high").exit_code == 0
    assert check(now, "--baseline", accepted, "--fail-on", "low").exit_code == 1


def test_the_file_is_sorted_one_entry_a_line_and_says_what_it_is(tmp_path: Path) -> None:
    place = tmp_path / "b.json"
    check(put(tmp_path / "a.strace", 60, conf_stays=True), "--write-baseline", place)
    text = place.read_text()
    told = json.loads(text)
    keys = [entry["key"] for entry in told["findings"]]
    assert (told["format"], told["version"], keys) == ("fdtrace baseline", 1, sorted(keys))
    assert len([line for line in text.splitlines() if line.startswith('    {"key": ')]) == len(keys) == 2
    assert told["work"]["connection accepted"] == 60
    first = place.read_bytes()
    check(tmp_path / "a.strace", "--write-baseline", place, "--force")
    assert place.read_bytes() == first


def test_reasons_stay_when_it_is_written_anew(accepted: Path, tmp_path: Path) -> None:
    accepted.write_text(accepted.read_text().replace('"reason": ""', '"reason": "until 2.4"'))
    now = put(tmp_path / "now.strace", 60, half)
    assert "until 2.4" in check(now, "--baseline", accepted).stdout
    assert check(now, "--write-baseline", accepted).exit_code == 2  # it exists
    assert check(now, "--write-baseline", accepted, "--force").exit_code == 0
    assert '"reason": "until 2.4"' in accepted.read_text()


def test_an_entry_needs_no_more_than_its_key(accepted: Path, tmp_path: Path) -> None:
    key = json.loads(accepted.read_text())["findings"][0]["key"]
    accepted.write_text(json.dumps({"format": "fdtrace baseline", "version": 1, "findings": [{"key": key}]}))
    assert check(put(tmp_path / "now.strace", 60), "--baseline", accepted).exit_code == 0


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, 2, "there is no such baseline"),
        ("{", 3, "is no JSON"),
        ('{"format":\n "fdtrace baseline",}', 3, "b.json:2"),
        ("[]", 2, "is no baseline"),
        ('{"format": "fdtrace baseline", "version": 2}', 2, "version 2"),
        ('{"format": "fdtrace baseline", "version": 1}', 3, 'no list of "findings"'),
        ('{"format": "fdtrace baseline", "version": 1, "findings": [{}]}', 3, 'without a "key"'),
        (f'{MARK}, "findings": [{{"key": "leak:a", "severity": "hihg"}}]}}', 2, "'high'"),
        (f'{MARK}, "findings": [{{"key": "leak:a", "open": "4"}}]}}', 2, "whole number"),
        ("\xff", 3, "is no"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str | None, code: int, said: str) -> None:
    place = tmp_path / "b.json"
    if text is not None:
        place.write_bytes(text.encode("latin-1"))
    done = check(put(tmp_path / "a.strace", 3), "--baseline", place)
    assert done.exit_code == code
    assert said in done.stderr


def test_pseudonyms_are_no_names_to_know_things_by(accepted: Path, tmp_path: Path) -> None:
    assert check(put(tmp_path / "a.strace", 3), "--baseline", accepted, "--redact").exit_code == 2


def test_for_programs_only_what_is_not_accepted_is_written(accepted: Path, tmp_path: Path) -> None:
    now = put(tmp_path / "now.strace", 60, half, conf_stays=True)
    done = check(now, "--baseline", accepted, "--format", "json")
    assert [one["call_site"] for one in json.loads(done.stdout)["findings"]] == ["open_conf"]
    assert "1 new" in done.stderr


def test_entries_of_other_checks_are_not_stale(accepted: Path, tmp_path: Path) -> None:
    now = put(tmp_path / "a.strace", 60, half)
    done = check(now, "--baseline", accepted, "--only", "double_close,exhaustion")
    assert "not found" not in done.stdout


def test_patterns_accept_by_key_site_target_and_caller(tmp_path: Path) -> None:
    found = list(fdtrace.load(put(tmp_path / "a.strace", 60)).leaks())
    leak = next(one for one in found if one.severity == "high")
    for pattern in (leak.key, "leak:*:file:*", "open_log", "/var/log/*", "hand?e"):
        rest, unused = baselines.accepted(found, [pattern])
        assert leak not in rest
        assert unused == []
    assert baselines.accepted(found, ["open", "nothing"]) == (found, ["open", "nothing"])
