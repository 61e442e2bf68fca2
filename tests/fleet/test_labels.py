"""From which host, day and version an incident is, and who says so."""

from __future__ import annotations

import pytest

from fdtrace.errors import BadArgument
from fdtrace.fleet.labels import Rules, Subject, labels
from fdtrace.model import Coverage

NOV_20 = 1_795_132_800_000_000_000 + 3_600_000_000_000


def told(
    name: str, subject: str, rules: Rules | None = None, **about: object
) -> tuple[str | None, str | None]:
    row = labels(Subject(subject, **about), rules or Rules())  # type: ignore[arg-type]
    return row[name], row[f"{name}_source"]


@pytest.mark.parametrize(
    ("name", "about", "host"),
    [
        ("/captures/web-17", {}, "web-17"),
        ("/captures/web-17/2026-11-20", {}, "web-17"),
        ("/captures/2026-11-20/web-17/12:40", {}, "web-17"),
        ("/captures/web-17/app.strace", {"is_file": True, "deeper": True}, "web-17"),
        ("/data/day=2026-11-20/host=web-17/app", {}, "web-17"),
        ("http://store.example/captures/web-17", {}, "web-17"),
    ],
)
def test_the_directory_names_the_host(name: str, about: dict[str, bool], host: str) -> None:
    assert told("host", name, **about) == (host, "directory name")


def test_a_file_in_what_was_named_names_its_host_itself() -> None:
    assert told("host", "/captures/web-17.strace.gz", is_file=True) == ("web-17", "file name")


def test_what_the_user_says_goes_before_the_manifest_and_that_before_names() -> None:
    manifest = {"host": {"id": "0123456789abcdef0123"}, "started": "2026-11-18T10:00:00Z"}
    name = "/captures/web-17/2026-11-20"
    assert told("host", name, Rules(host=r"(web)-")) == ("web", "host_from")
    assert told("host", name, Rules(host="no match"), manifest=manifest) == (
        "machine-0123456789ab",
        "manifest",
    )
    assert told("day", name, Rules(day=r"\d{4}-\d\d-\d\d"), manifest=manifest) == ("2026-11-20", "day_from")
    assert told("day", name, manifest=manifest) == ("2026-11-18", "manifest")


def test_the_clock_of_a_trace_goes_before_that_of_snapshots_and_before_names() -> None:
    coverage = [
        Coverage("ss.txt", "ss", clock="utc", first_ns=NOV_20 - 86_400_000_000_000),
        Coverage("app.strace", "strace", clock="epoch", first_ns=NOV_20),
    ]
    assert told("day", "/c/2026-11-01", coverage=coverage) == ("2026-11-20", "capture")
    assert told("day", "/c/2026-11-01", coverage=coverage[:1]) == ("2026-11-19", "capture")


def test_a_clock_without_a_date_tells_no_day() -> None:
    clocks = [
        Coverage("app.strace", "strace", clock=clock, first_ns=45_000) for clock in ("day", "epoch", "none")
    ]
    assert told("day", "/c/20261101/x", coverage=clocks) == ("2026-11-01", "name")
    assert told("day", "/c/x", coverage=clocks, newest_ns=NOV_20) == ("2026-11-20", "time of change")
    assert told("day", "/c/x", coverage=clocks) == (None, None)


def test_a_rule_also_looks_into_the_names_of_files() -> None:
    rules = Rules(version=r"app-([\d.]+)\.strace")
    assert told("version", "/c/web", rules, files=("/c/web/lsof.txt", "/c/web/app-2.3.1.strace")) == (
        "2.3.1",
        "version_from",
    )
    assert told("version", "/c/web", rules) == (None, None)


def test_a_label_is_short() -> None:
    assert len(told("host", f"/c/{'w' * 300}")[0] or "") == 60


def test_a_broken_rule_is_refused() -> None:
    with pytest.raises(BadArgument, match="host_from is no regular expression"):
        Rules(host="(")
