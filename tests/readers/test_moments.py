"""Lines that tell a time, and lines that only contain one."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.errors import BadArgument
from fdtrace.readers.moments import Moment, moment, told

SECOND = 1_000_000_000
NOON = int(datetime.datetime(2026, 11, 23, 12, 40, 31, tzinfo=datetime.UTC).timestamp()) * SECOND
HOUR = 3600 * SECOND
OF_DAY = ((12 * 60 + 40) * 60 + 31) * SECOND

UTC = """# 2026-11-23T12:40:31Z
Mon Nov 23 12:40:31 UTC 2026
Mon Nov 23 12:40:31 PM UTC 2026
Mon 23 Nov 12:40:31 GMT 2026
2026-11-23 12:40:31 UTC
1795437631
# t=1795437631
20261123T124031Z
Date: Mon Nov 23 12:40:31 UTC 2026
### snapshot 3: Mon Nov 23 12:40:31 UTC 2026 ###
2026年 11月 23日 星期一 12:40:31 UTC""".splitlines()

ZONE = {
    "Mon, 23 Nov 2026 12:40:31 +0000": 0,
    "Mon, 23 Nov 2026 13:40:31 +0100": 0,
    "2026-11-23T13:40:31+01:00": 0,
    "2026-11-23T12:40:31+00:00": 0,
    "2026-11-23 07:10:31-05:30": 0,
    "lundi 23 novembre 2026, 13:40:31 (UTC+0100)": 0,
    "seg 23 nov 2026 09:40:31 -03": 0,
    "Mon Nov 23 18:10:31 +0530 2026": 0,
    "Script started on 2026-11-23 12:40:31+00:00 [TERM=\"xterm\" COLUMNS=\"80\"]": 0,
}  # fmt: skip

LOCAL = """Mon Nov 23 12:40:31 2026
Mon Nov 23 12:40:31 CET 2026
Mon 23 Nov 2026 12:40:31 PM CET
2026-11-23 12:40:31
2026/11/23 12:40:31
=== 2026-11-23 12:40:31 ===
--- 2026-11-23T12:40:31
[2026-11-23 12:40:31]
>>> 2026-11-23 12:40:31 <<<
=== lsof at 2026-11-23 12:40:31 (before) ===
23.11.2026 12:40:31
23/11/2026 12:40:31
11/23/2026 12:40:31
20261123-124031
2026-11-23_12:40:31
Every 2.0s: ls -l /proc/1/fd            gw-3: Mon Nov 23 12:40:31 2026
Every 2,0s: ls -l /proc/1/fd            gw-3: Mo 23. Nov 12:40:31 2026
Every 2.0s: ss -tan                     Mon Nov 23 12:40:31 2026
Mo 23. Nov 12:40:31 CET 2026
lun. 23 nov. 2026 12:40:31 CET
Пн 23 ноя 2026 12:40:31 MSK
Пн ноя 23 12:40:31 MSK 2026
lun nov 23 12:40:31 CET 2026
lun 23 nov 2026, 12:40:31, CET
pon, 23 lis 2026, 12:40:31 CET
ma 23 nov 2026 12:40:31 CET
mån 23 nov 2026 12:40:31 CET
Po lis 23 12:40:31 CET 2026
2026年 11月 23日 月曜日 12:40:31 JST
2026年11月23日 星期一 12:40:31 CST
2026. 11. 23. (월) 12:40:31 KST""".splitlines()

DAY = """12:40:31
 12:40:31 up 5 days,  3:02,  2 users,  load average: 0.10, 0.11, 0.09
top - 12:40:31 up 1:02,  1 user,  load average: 0.00
====12:40:31====
== 12:40:31 ==
--- snapshot 2 at 12:40:31
at 12:40:31""".splitlines()

NONE = """2026-11-23 12:40:31 ERROR something failed
2026-11-23 12:40:31,123 INFO opened /srv/a
COMMAND PID USER
tcp 0 0 1.2.3.4:80 5.6.7.8:90 ESTABLISHED 12/x
lr-x------ 1 root root 64 2026-11-23 12:40:31 0 -> /dev/null
12:40
1234567890123456
9999999999
0123456789
real 0m0.003s
pid 4120 opened 12:40:31 file x
Nov 23 12:40:31 host app[1]: foo
192.168.12.40:31
25:61:00
Mon Nov 31 12:40:31 UTC 2026
05/04/2026 12:40:31
[2026/11/23 07:23:02:9775] U: WSI_DESTROY
[2026/11/23 07:23:02:9775] N: lws_create_context
12345 12:40:31 close(3) = 0
Mon Nov 23
2026-11-23
Every 2.0s: ls -l /proc/1/fd""".splitlines()


@pytest.mark.parametrize("text", UTC)
def test_utc(text: str) -> None:
    assert moment(text) == Moment(NOON, "utc")


@pytest.mark.parametrize("text", ZONE)
def test_a_distance_from_utc_is_taken_off(text: str) -> None:
    assert moment(text) == Moment(NOON, "zone")


@pytest.mark.parametrize("text", LOCAL)
def test_without_a_zone_or_with_one_of_several_meanings_it_is_local(text: str) -> None:
    assert moment(text) == Moment(NOON, "local")


@pytest.mark.parametrize("text", DAY)
def test_time_of_day(text: str) -> None:
    assert moment(text) == Moment(OF_DAY, "day")


@pytest.mark.parametrize("text", NONE)
def test_what_is_there_for_something_else_is_no_time(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1795437631.25", 250_000_000),
        ("1795437631.000000001", 1),
        ("1795437631250", 250_000_000),
        ("1795437631250000000", 250_000_000),
        ("# 2026-11-23T12:40:31.721833Z", 721_833_000),
        ("2026-11-23T12:40:31,5Z", 500_000_000),
    ],
)
def test_fractions(text: str, ns: int) -> None:
    assert moment(text) == Moment(NOON + ns, "utc")


def test_noon_and_midnight_of_half_days() -> None:
    assert moment("Mon Nov 23 12:00:00 AM UTC 2026") == Moment(NOON - OF_DAY, "utc")
    assert moment("Mon Nov 23 01:40:31 PM UTC 2026") == Moment(NOON + HOUR, "utc")


def test_tuesday_is_not_march() -> None:
    day = 24 * HOUR
    assert moment("mar. 24 nov. 2026 12:40:31 CET") == Moment(NOON + day, "local")
    assert moment("martedì 24 novembre 2026, 12:40:31, CET") == Moment(NOON + day, "local")
    march = moment("mar. 3 mars 2026 12:40:31 CET")
    assert march is not None
    assert march == moment("2026-03-03 12:40:31")


@given(
    st.datetimes(datetime.datetime(2001, 9, 10), datetime.datetime(2099, 1, 1)).map(
        lambda d: d.replace(microsecond=0)
    )
)
def test_every_date_in_the_forms_of_date(when: datetime.datetime) -> None:
    at_ns = int(when.replace(tzinfo=datetime.UTC).timestamp()) * SECOND
    for form in (
        "%a %b %d %H:%M:%S UTC %Y",
        "%a %b %e %I:%M:%S %p UTC %Y",
        "%Y-%m-%dT%H:%M:%SZ",
        "== %F %T UTC ==",
    ):
        assert moment(when.strftime(form)) == Moment(at_ns, "utc"), form
    assert moment(str(at_ns // SECOND)) == Moment(at_ns, "utc")


@given(st.text(max_size=80) | st.from_regex(r"[#= ]{0,3}[\d:./ T-]{0,30}[A-Za-z ]{0,12}", fullmatch=True))
def test_no_text_raises(text: str) -> None:
    moment(text)


def test_what_a_user_types() -> None:
    assert told("2026-11-23T12:40:31Z") == Moment(NOON, "utc")
    assert told("12:40:31") == Moment(OF_DAY, "day")
    with pytest.raises(BadArgument, match="at cannot be 'yesterday'"):
        told("yesterday")
