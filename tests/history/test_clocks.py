"""Clocks of a trace and of snapshots, brought together."""

import pytest

from fdtrace.history import clocks
from fdtrace.history.looks import Look
from fdtrace.readers.bundle import Capture
from fdtrace.readers.sheet import Clock, Snapshot

SECOND = clocks.SECOND
HOUR = 3600 * SECOND
NOON = 1_700_049_600 * SECOND  # 2023-11-15 12:00:00 UTC
MIDNIGHT = NOON - 12 * HOUR


def looks(*times: int | None, clock: Clock = "utc") -> list[Look]:
    capture = Capture("lsof.txt", "lsof", (), ())
    shots = [Snapshot(number, "lsof.txt", 1, at, clock) for number, at in enumerate(times, 1)]
    return [Look(capture, "lsof", shot) for shot in shots]


def placed(found: list[Look]) -> list[int | None]:
    return [look.clock_ns for look in found]


def test_a_trace_in_seconds_since_1970_and_stamps_in_utc_need_nothing() -> None:
    own = looks(NOON, NOON + 5 * SECOND)
    assert clocks.align(own, "epoch", NOON - SECOND, NOON + 9 * SECOND) == ""
    assert placed(own) == [NOON, NOON + 5 * SECOND]


def test_a_time_of_day_is_put_on_the_day_of_the_snapshots() -> None:
    own = looks(NOON)
    said = clocks.align(own, "day", 12 * HOUR - SECOND, 12 * HOUR + SECOND)
    assert placed(own) == [12 * HOUR]
    assert said == "the trace's time of day is taken to be UTC"


@pytest.mark.parametrize("zone", [-5, 1, 2, 5.5, 5.75, 9])
def test_a_trace_in_local_time_tells_its_zone_by_the_snapshots_that_fall_into_it(zone: float) -> None:
    local = 12 * HOUR + int(zone * HOUR)
    own = looks(NOON, NOON + 60 * SECOND)
    said = clocks.align(own, "day", local - SECOND, local + 61 * SECOND)
    assert placed(own) == [local, local + 60 * SECOND]
    assert "taken to be" in said


def test_a_snapshot_shortly_before_the_attach_is_still_of_the_same_zone() -> None:
    own = looks(NOON)
    clocks.align(own, "day", 12 * HOUR + 20 * SECOND, 12 * HOUR + 90 * SECOND)
    assert placed(own) == [12 * HOUR]


def test_a_trace_over_midnight_counts_on() -> None:
    own = looks(MIDNIGHT + 5 * SECOND)
    clocks.align(own, "day", 24 * HOUR - 10 * SECOND, 24 * HOUR + 60 * SECOND)
    assert placed(own) == [24 * HOUR + 5 * SECOND]


def test_a_date_that_the_user_tells_is_believed() -> None:
    own = looks(NOON)
    assert clocks.align(own, "day", 0, HOUR, epoch_offset=MIDNIGHT - 2 * HOUR) == ""
    assert placed(own) == [14 * HOUR]


def test_snapshots_in_local_time_follow_a_trace_in_seconds_since_1970() -> None:
    own = looks(NOON + HOUR, clock="local")
    clocks.align(own, "epoch", NOON - SECOND, NOON + SECOND)
    assert placed(own) == [NOON]


def test_times_of_day_on_both_sides_agree() -> None:
    own = looks(12 * HOUR, clock="day")
    assert clocks.align(own, "day", 12 * HOUR, 13 * HOUR) == ""
    assert placed(own) == [12 * HOUR]


@pytest.mark.parametrize("clock", ["none", "relative"])
def test_a_trace_without_a_clock_is_joined_without_time_and_says_so(clock: str) -> None:
    own = looks(NOON)
    assert "without time" in clocks.align(own, clock, 0, 0)
    assert placed(own) == [None]


def test_a_snapshot_without_a_time_stays_without() -> None:
    own = looks(None, clock="none")
    clocks.align(own, "epoch", NOON, NOON)
    assert placed(own) == [None]


def test_a_skew_is_the_shift_that_most_lives_ask_for() -> None:
    asked = [
        (2 * SECOND, 9 * SECOND),
        (3 * SECOND, 7 * SECOND),
        (-SECOND, 4 * SECOND),
        (3 * SECOND, 5 * SECOND),
    ]
    assert clocks.skew(asked) == (3 * SECOND, 4)


def test_clocks_that_agree_are_left_alone() -> None:
    assert clocks.skew([(-SECOND, SECOND)] * 9 + [(SECOND, 2 * SECOND)]) == (0, 9)
    assert clocks.skew([]) == (0, 0)


def test_the_moment_of_a_look_is_when_most_of_what_it_saw_was_open() -> None:
    lives = [(NOON - 9 * SECOND, NOON + 9 * SECOND), (NOON + SECOND, NOON + 4 * SECOND)]
    assert clocks.moment(lives, NOON, SECOND, 5 * SECOND) == NOON + SECOND
    assert clocks.moment(lives[:1], NOON, SECOND, 5 * SECOND) == NOON
    assert clocks.moment([], NOON, SECOND, 5 * SECOND) == NOON
