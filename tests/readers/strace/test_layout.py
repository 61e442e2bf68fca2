"""What stands before a call: pid, context, time, number, address, in every combination and precision."""

from __future__ import annotations

import pytest

from fdtrace.readers.strace.layout import DAY_NS, SECOND, Clock, nanoseconds, time_of_day
from fdtrace.readers.strace.window import Row
from tests.readers.strace.scanned import scan

CALL = "close(3) = 0"
MORNING = (6 * 3600 + 55 * 60 + 52) * SECOND


@pytest.mark.parametrize(
    ("leader", "tid"),
    [
        ("", 0),
        ("21303 ", 21303),
        ("123   ", 123),
        ("4194304 ", 4194304),
        ("[pid 21295] ", 21295),
        ("[pid   123] ", 123),
        ("[pid 4194304] ", 4194304),
        ("18112<sh> ", 18112),
        ("[pid 18118<sh>] ", 18118),
        ("1156<my worker 2> ", 1156),
        (r"1156<a\76b> ", 1156),
        ("[pid 1156<nginx: worker>] ", 1156),
    ],
)
def test_pid(leader: str, tid: int) -> None:
    row = scan(leader + CALL).row
    assert (row.tid, row.syscall, row.fd, row.ret, row.clock) == (tid, "close", 3, 0, None)


TIMES = [
    ("06:55:52 ", MORNING),
    ("06:55:52.365 ", MORNING + 365_000_000),
    ("06:55:52.365091 ", MORNING + 365_091_000),
    ("06:55:52.365091007 ", MORNING + 365_091_007),
    ("1795416952 ", 1795416952 * SECOND),
    ("1795416952.375 ", 1795416952_375_000_000),
    ("1795416952.375056 ", 1795416952_375_056_000),
    ("1795416952.375056009 ", 1795416952_375_056_009),
    ("946684800.000001 ", 946684800_000_001_000),
]


@pytest.mark.parametrize(("stamp", "clock"), TIMES)
@pytest.mark.parametrize("pid", ["", "21303 ", "123   ", "[pid 21303] ", "21303<sh> ", "[pid 21303<sh>] "])
@pytest.mark.parametrize(
    "body", [CALL, "+++ exited with 0 +++", "--- SIGCHLD {si_pid=3} ---", "read(3,  <unfinished ...>"]
)
def test_absolute_time(pid: str, stamp: str, clock: int, body: str) -> None:
    row = scan(pid + stamp + body).row
    assert row.clock == row.entry_clock == clock
    assert row.tid == int("".join(filter(str.isdigit, pid)) or 0)


@pytest.mark.parametrize(
    ("first", "second", "between"),
    [
        ("     0.000000 ", "     0.000553 ", 553_000),
        ("     0.000 ", "     1.553 ", 1_553_000_000),
        ("     0.000000000 ", "     0.000000553 ", 553),
        ("     0 ", "     2 ", 2 * SECOND),
        ("     0.000000 ", "123456.000001 ", 123456 * SECOND + 1000),
    ],
)
@pytest.mark.parametrize("pid", ["", "21303 ", "123   ", "[pid 21303] "])
def test_relative_time_alone_counts_from_the_line_before(
    pid: str, first: str, second: str, between: int
) -> None:
    found = scan(f"{pid}{first}{CALL}\n{pid}{second}{CALL}\n{pid}{second}{CALL}\n")
    assert [row.clock for row in found.rows] == [0, between, 2 * between]
    assert found.tally.clock == "relative"
    assert "-r" in found.tally.features


def test_relative_time_is_finer_than_whole_seconds() -> None:
    found = scan(
        "7 06:55:52 (+     0.000000) close(3) = 0\n"
        "7 06:55:52 (+     0.000522) close(4) = 0\n"
        "7 06:55:53 (+     0.700000) close(5) = 0\n"
    )
    assert [row.clock for row in found.rows] == [MORNING, MORNING + 522_000, MORNING + 700_522_000]
    assert found.tally.clock == "day"


def test_a_time_of_day_with_a_fraction_needs_no_sum() -> None:
    found = scan(
        "7 06:55:52.000100 (+     0.000000) close(3) = 0\n7 06:55:52.000900 (+     0.000799) close(4) = 0\n"
    )
    assert [row.clock for row in found.rows] == [MORNING + 100_000, MORNING + 900_000]


def test_relative_time_with_an_epoch() -> None:
    row = scan("7 1795416952.375056 (+     0.000012) close(3) = 0").row
    assert row.clock == 1795416952_375_056_000


@pytest.mark.parametrize(
    "leader",
    [
        "06:55:52.470047 (+     0.000000) [  59] [00007effb6eddad7] ",
        "21303 06:55:52.470047 [ 257] [d91767f4] ",
        "21303 [unconfined_t] 06:55:52.470047 ",
        "[pid 21303] [unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023] 06:55:52.470047 [   3] ",
        "21303 [user_t!!expected_t] 06:55:52.470047 ",
        "06:55:52.470047 [????] [????????????????] ",
        "06:55:52.470047 [?] [????????] ",
        "21303<sh> 06:55:52.470047 [00007effb6eddad7] ",
    ],
)
@pytest.mark.parametrize("body", [CALL, "close(3 <unfinished ...>", "--- SIGCHLD {si_pid=1} ---"])
def test_everything_before_a_call(leader: str, body: str) -> None:
    row = scan(leader + body).row
    assert row.clock == MORNING + 470_047_000
    assert row.fd == (3 if "close" in body else None)


@pytest.mark.parametrize(
    ("leader", "features"),
    [
        ("7 06:55:52 [ 257] ", {"pid column", "-t", "-n"}),
        ("7 06:55:52.000001 [d9176704] ", {"pid column", "-tt", "-i"}),
        ("[pid 7] 1795416952.375056 [12345678] ", {"[pid]", "-ttt", "-i"}),
        ("7 [user_t] 06:55:52 ", {"pid column", "-t", "--secontext"}),
        ("06:55:52 (+     0.000000) ", {"-t", "-r"}),
    ],
)
def test_options_that_show(leader: str, features: set[str]) -> None:
    assert set(scan(leader + CALL).tally.features) == features


def test_a_bare_number_of_nine_digits_is_a_time() -> None:
    assert scan("1795416952 close(3) = 0").row.clock == 1795416952 * SECOND
    assert scan("17954169 close(3) = 0").row.tid == 17954169


def test_midnight() -> None:
    stamps = [
        "23:59:59.900000",
        "00:00:00.100000",
        "23:59:59.950000",
        "00:00:00.200000",
        "12:00:00",
        "00:00:01",
    ]
    found = scan("".join(f"7 {stamp} close(3) = 0\n" for stamp in stamps))
    assert [row.clock for row in found.rows] == [
        DAY_NS - 100_000_000,
        DAY_NS + 100_000_000,
        DAY_NS - 50_000_000,
        DAY_NS + 200_000_000,
        DAY_NS + DAY_NS // 2,
        DAY_NS + SECOND,
    ]
    assert found.tally.last == DAY_NS + DAY_NS // 2


def test_several_midnights() -> None:
    found = scan("".join(f"{hour:02}:00:00 close(3) = 0\n" for hour in [20, 4, 20, 4]))
    assert [row.clock // (3600 * SECOND) for row in found.rows if row.clock] == [20, 28, 44, 52]


def test_a_small_step_back_is_a_changed_clock() -> None:
    found = scan("12:00:05 close(3) = 0\n12:00:01 close(3) = 0\n")
    assert [row.clock for row in found.rows] == [(12 * 3600 + 5) * SECOND, (12 * 3600 + 1) * SECOND]
    assert found.tally.last == (12 * 3600 + 5) * SECOND


def test_an_epoch_may_step_back() -> None:
    found = scan("1795416952.5 close(3) = 0\n1795416951.5 close(3) = 0\n")
    assert found.rows[1].clock == 1795416951_500_000_000
    assert found.tally.first == found.tally.last == 1795416952_500_000_000


def test_a_line_that_is_only_a_leader() -> None:
    found = scan("7 close(3) = 0\n[pid  1156] 19:31:54")
    assert len(found.rows) == 1
    assert found.problems[0].reason == "cut off after its leader"


def test_numbers_keep_their_nanoseconds() -> None:
    assert nanoseconds(b"1795416952.000000001") == 1795416952_000_000_001
    assert nanoseconds(b"0.5") == SECOND // 2
    assert nanoseconds(b"7") == 7 * SECOND
    assert nanoseconds(b"1.0000019") == SECOND + 1900
    assert time_of_day(b"23:59:59.25") == DAY_NS - 3 * SECOND // 4


def test_a_clock_without_stamps_has_no_name() -> None:
    assert Clock().name == "none"
    assert scan(CALL).tally.clock == "none"


def test_the_mode_changes_within_a_file() -> None:
    found = scan(
        "close(3) = 0\n"
        "fork() = 21298\n"
        "strace: Process 21298 attached\n"
        "[pid 21297] close(4 <unfinished ...>\n"
        "[pid 21298] exit_group(0) = ?\n"
        "[pid 21298] +++ exited with 0 +++\n"
        "<... close resumed>) = 0\n"
        "close(5) = 0\n"
    )
    assert [row.tid for row in found.rows] == [0, 0, 21298, 21297, 21297, 21298, 21298, 21297, 21297]
    assert found.rows[3].kind is Row.KNOWN_AS
    assert found.rows[7].kind is Row.EXIT
    assert found.rows[7].entry_line == 4
