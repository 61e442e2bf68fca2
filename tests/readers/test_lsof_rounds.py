"""Several runs of lsof in one text: repeat mode, headings, runs that were appended to each other."""

from __future__ import annotations

import pytest

from .lsof_text import HEADER, recorded, sheet

ONE = "app      3652 rose    3u     sock    0,7      0t0     7534 protocol: TCP\n"
TWO = "app      3652 rose    4u     sock    0,7      0t0     7535 protocol: TCP\n"
OTHER = "web      3001 rose    4u     sock    0,7      0t0     7536 protocol: TCP\n"
SECOND = 1_000_000_000


def counts(text: str) -> list[int]:
    """How many rows each snapshot has."""
    found = sheet(text)
    assert not found.problems
    return [sum(row.snapshot == shot.number for row in found.open_files) for shot in found.snapshots]


def times(text: str) -> list[tuple[float | None, str]]:
    """The time of each snapshot, in seconds, with its clock."""
    shots = sheet(text).snapshots
    return [(None if shot.clock == "none" else (shot.at_ns or 0) / SECOND, shot.clock) for shot in shots]


def test_repeat_mode() -> None:
    found = recorded("lsof-4.95.0/repeat.txt")
    assert not found.problems
    assert [row.snapshot for row in found.open_files] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert "repeat mode (-r)" in found.variants


def test_rounds_in_which_nothing_was_open_are_snapshots_without_rows() -> None:
    found = recorded("lsof-4.95.0/repeat-empty.txt")
    assert (len(found.snapshots), found.open_files) == (2, [])
    assert counts(HEADER + ONE + "=======\n=======\n=======\n" + HEADER + ONE) == [1, 0, 0, 1]


def test_the_time_in_a_marker_is_that_of_the_rows_before_it() -> None:
    found = recorded("lsof-4.95.0/repeat-clock.txt")
    assert not found.problems
    assert [shot.clock for shot in found.snapshots] == ["day", "day"]
    assert found.snapshots[1].basis == "line 10: ====13:31:45===="
    assert [row.snapshot for row in found.open_files] == [1, 1, 1, 2, 2, 2]


def test_markers_of_field_output() -> None:
    found = recorded("lsof-4.95.0/fields-repeat.txt")
    assert not found.problems
    assert [row.snapshot for row in found.open_files] == [1, 1, 1, 2, 2, 2]
    assert [shot.clock for shot in found.snapshots] == ["local", "local"]
    assert found.snapshots[1].basis == "line 74: m2026-11-23T13:31:49"


@pytest.mark.parametrize("own", ["====07:00:57====", "07:00:57c2"])
def test_a_file_that_was_cut_after_a_marker_still_has_it_behind_its_rows(own: str) -> None:
    text = HEADER + ONE + own + "\n" + HEADER + ONE + own.replace("57", "58") + "\n"
    assert times(text) == [(25257.0, "day"), (25258.0, "day")]
    assert counts(text) == [1, 1]


def test_headings_are_before_their_rows() -> None:
    text = "# 1970-01-01T00:00:05Z\n" + HEADER + ONE + "# 1970-01-01T00:00:06Z\n" + HEADER + ONE + TWO
    assert times(text) == [(5.0, "utc"), (6.0, "utc")]
    assert counts(text) == [1, 2]


def test_a_time_between_two_runs_is_that_of_the_second() -> None:
    text = HEADER + ONE + "1970-01-01T00:00:06Z\n" + HEADER + ONE + TWO
    assert times(text) == [(None, "none"), (6.0, "utc")]
    assert counts(text) == [1, 2]


def test_a_descriptor_that_comes_again_below_a_repeated_header_begins_a_snapshot() -> None:
    assert counts(HEADER + ONE + TWO + HEADER + ONE + TWO) == [2, 2]
    found = sheet(HEADER + ONE + TWO + HEADER + OTHER + ONE + TWO)
    assert [row.snapshot for row in found.open_files] == [1, 1, 2, 2, 2]
    assert [shot.line for shot in found.snapshots] == [1, 4]


def test_a_run_for_another_process_is_of_the_same_snapshot() -> None:
    assert counts(HEADER + ONE + TWO + HEADER + OTHER) == [3]


def test_a_repeated_run_without_headers_begins_where_a_descriptor_comes_again() -> None:
    assert counts(ONE + TWO + ONE + TWO) == [2, 2]


def test_threads_are_no_second_run() -> None:
    header = "COMMAND   PID   TID USER   FD      TYPE DEVICE SIZE/OFF     NODE NAME\n"
    main = "app      3652       rose    3u     sock    0,7      0t0     7534 protocol: TCP\n"
    thread = "app      3652  3653 rose    3u     sock    0,7      0t0     7534 protocol: TCP\n"
    assert counts(header + main + thread) == [2]
    assert counts(main + thread + thread.replace("3653", "3654")) == [3]
    assert len(recorded("lsof-4.95.0/fields-tasks.txt").snapshots) == 1
    assert len(recorded("lsof-4.99.7/tasks.json").snapshots) == 1


def test_appended_runs_of_fields_and_json() -> None:
    fields = "p3001\nf3\ntREG\np3652\nf3\ntREG\nf4\ntREG\n"
    assert counts(fields * 2) == [3, 3]
    lines = '{"pid":3001,"fd":"3","name":"/a"}\n{"pid":3652,"fd":"3","name":"/a"}\n'
    assert counts(lines + "\n" + lines) == [2, 2]
    document = '{"lsof_version":"4.99.7","processes":[{"pid":1,"files":[{"fd":"3","name":"/a"}]}]}\n'
    assert counts(document * 3) == [1, 1, 1]
    assert times("# 1970-01-01T00:00:05Z\n" + document) == [(5.0, "utc")]
