"""Logs of libwebsockets: recordings of five versions, and every shape that is known, by hand.

The recordings are of a small client that prints its callbacks, built against
each version's release, and of a server of 4.3.6 that it connects to; rx_buffer_size
was 64. `leaking` and `cured` have the trace beside them. The logs call 4.3.6 and
4.3.7 both 4.3.5, and 4.2.2 4.2.1, as those releases do.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.readers import lws, lws_callbacks
from fdtrace.readers.lws_objects import CONTEXT, lifetime
from fdtrace.readers.sheet import PROLONGS, LwsEvent, LwsObject, Sheet
from fdtrace.readers.snapshots import read
from fdtrace.readers.text import open_source

CAPTURES = Path(__file__).parent.parent / "captures"
RECORDED = sorted(CAPTURES.glob("libwebsockets-*/*.log"))
AT = "[2026/11/23 07:05:37:7305] "


def checked(sheet: Sheet) -> Sheet:
    """A sheet whose account holds."""
    assert sheet.lines == sheet.parsed + sheet.continuation + sheet.blank + sum(
        p.lines for p in sheet.problems
    )
    return sheet


def recorded(name: str) -> Sheet:
    return checked(read(open_source(str(CAPTURES / name)), "lws"))


def log(*lines: str) -> Sheet:
    """What a reader makes of these lines."""
    sheet = Sheet("app.log", "lws")
    reader = lws.Reader(sheet)
    for number, text in enumerate(lines, 1):
        told = reader.line(number, text)
        sheet.lines = number
        if told is None:
            sheet.parsed += 1
        elif told == PROLONGS:
            sheet.continuation += 1
        else:
            sheet.problem(number, told, text)
    reader.end()
    return checked(sheet)


def only(sheet: Sheet) -> LwsEvent:
    (event,) = sheet.lws_events
    return event


def rows(sheet: Sheet, group: str) -> list[LwsObject]:
    return [row for row in sheet.lws_objects if row.group == group]


# -- recordings -------------------------------------------------------------------


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recordings_are_read_without_a_problem(path: Path) -> None:
    assert recorded(str(path)).problems == []
    marked = [
        line for line in path.read_bytes().splitlines() if lws.MARKS.match(line.removeprefix(b"\x1b[0m"))
    ]
    assert len(marked) >= 0.8 * recorded(str(path)).parsed


def test_a_connection_that_works() -> None:
    sheet = recorded("libwebsockets-4.3.6/ok.log")
    assert Counter(row.group for row in sheet.lws_objects) == {CONTEXT: 1, "wsi": 1, "vh": 2, "wsicli": 1}
    assert not any(row.open for row in sheet.lws_objects)
    (client,) = rows(sheet, "wsicli")
    assert (client.context, client.ordinal, client.description) == (1, 0, "WS/h1/default/127.0.0.1")
    assert (client.line, client.destroyed_line, client.last_callback) == (5, 22, "WSI_DESTROY")
    assert client.lifetime_s == pytest.approx(908e-6)
    assert [event.callback for event in sheet.lws_events[:3]] == [
        "WSI_CREATE",
        "CLIENT_ESTABLISHED",
        "CLIENT_RECEIVE",
    ]
    assert {event.ordinal for event in sheet.lws_events} == {0}
    pieces = [e for e in sheet.lws_events if e.length is not None]
    assert [(e.length, e.remaining, e.first, e.last) for e in pieces[:4]] == [
        (64, 136, True, False),
        (64, 72, False, False),
        (64, 8, False, False),
        (8, 0, False, True),
    ]
    assert len(pieces) == 12
    assert sheet.lws_events[0].clock_ns == 1795438630_403600000


def test_the_same_connection_in_colours() -> None:
    plain, coloured = recorded("libwebsockets-4.3.6/ok.log"), recorded("libwebsockets-4.3.6/colour.log")
    assert [e.callback for e in coloured.lws_events] == [e.callback for e in plain.lws_events]
    assert len(coloured.lws_objects) == len(plain.lws_objects)


@pytest.mark.parametrize(
    ("name", "stage", "errno", "error"),
    [
        ("4.3.6/refused", "connect", "ECONNREFUSED", "conn fail: 111"),
        ("4.3.6/dns", "dns", None, "DNS NXDOMAIN"),
        ("4.3.6/tls", "tls", None, "tls: error:0A00010B:SSL routines::wrong version number"),
        ("4.3.6/timeout", "timeout", None, "Timed out waiting server reply"),
        ("4.2.2/refused", "connect", None, "Unable to connect"),
    ],
)
def test_failures_have_their_stage(name: str, stage: str, errno: str | None, error: str) -> None:
    sheet = recorded(f"libwebsockets-{name}.log")
    (told,) = [event for event in sheet.lws_events if event.callback == "CLIENT_CONNECTION_ERROR"]
    assert (told.stage, told.errno, told.reason) == (stage, errno, 1)
    assert rows(sheet, "wsicli")[0].error == error


def test_the_line_that_names_the_descriptor() -> None:
    for name in ("4.3.6", "4.2.2"):
        sheet = recorded(f"libwebsockets-{name}/refused.log")
        line = next(event for event in sheet.lws_events if event.fd is not None)
        assert (line.fd, line.errno, line.stage, line.callback) == (6, "ECONNREFUSED", "connect", None)
        assert rows(sheet, "wsicli")[0].fd == 6


def test_version_4_0_has_no_lines_about_objects() -> None:
    sheet = recorded("libwebsockets-4.0.20/debug.log")
    assert [(row.group, row.description, row.open) for row in sheet.lws_objects] == [
        (CONTEXT, "4.0.20", False)
    ]
    assert any(text.startswith("no lines about objects") for text in sheet.variants)
    assert {event.fd for event in sheet.lws_events} == {None, 4, 5}
    assert recorded("libwebsockets-4.0.20/dns.log").lws_events[0].stage == "dns"


def test_without_lines_about_ends_nobody_is_alive_or_dead() -> None:
    sheet = recorded("libwebsockets-5.0.0/ok.log")
    assert [(row.group, row.open) for row in sheet.lws_objects] == [(CONTEXT, None)]
    assert {event.group for event in sheet.lws_events} == {None}


def test_version_5_at_level_info_has_them() -> None:
    sheet = recorded("libwebsockets-5.0.0/info.log")
    assert not any(row.open for row in sheet.lws_objects)
    assert len(rows(sheet, "vh")) >= 2
    assert rows(sheet, "wsicli")[0].fd == 7


def test_contexts_that_are_kept_and_contexts_that_end() -> None:
    sheet = recorded("libwebsockets-4.3.7/kept.log")
    kept = [row.ordinal for row in rows(sheet, CONTEXT) if row.open]
    assert kept == [0, 3, 6, 9]
    assert Counter(row.context for row in rows(sheet, "wsicli")) == dict.fromkeys(range(1, 13), 1)
    assert all(row.open for row in rows(sheet, "vh") if row.context in (1, 4, 7, 10))
    assert "lines about objects are missing" not in " ".join(sheet.variants)


# -- stamps and levels ---------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "[2026/11/23 07:05:37:7305] N: LWS: 4.2.1-x, loglevel 1031",
        "[2026/11/23 07:05:37:7305] NOTICE: Libwebsockets version: 2.4.0 v2.4.0",
        "[1795417537:7305] N: LWS: 4.2.1-x, loglevel 7",
        "^C[2026/11/23 07:05:37:7305] N: LWS: 4.2.1-x, loglevel 7",
        "==123== [2026/11/23 07:05:37:7305] N: LWS: 4.2.1-x, loglevel 7",
        "\x1b[35;1m[2026/11/23 07:05:37:7305] N: LWS: 4.2.1-x, loglevel 7",
        "\x1b[0m\x1b[35;1m[2026/11/23 07:05:37:7305] N: LWS: 4.2.1-x, loglevel 7\x1b[0m",
        "[2026/11/23 07:05:37:7305] N: 151440: lws_create_context: LWS: 4.3.99-v4.3.0, MbedTLS",
        "Nov 23 07:05:37 host app[12]: [2026/11/23 07:05:37:7305] N: LWS: 4.2.1-x, loglevel 7",
        "2026-11-23T07:05:37.7305Z lws: lws_create_context: LWS: 4.3.3-x, NET CLI",
    ],
)
def test_every_stamp_is_the_same_moment(line: str) -> None:
    (context,) = log(line).lws_objects
    assert context.created_ns == 1795417537_730500000
    assert context.group == CONTEXT


@pytest.mark.parametrize(
    "line",
    [
        "219868: lws_create_context: LWS: 4.3.99-v4.3.0-424, MbedTLS-3.6.2 NET",
        "N: lws_create_context: LWS: 4.3.99-x, NET",
        "Nov 23 07:05:37 host app[12]: lws_create_context: LWS: 4.3.99, NET",
    ],
)
def test_lines_without_a_stamp_have_no_time(line: str) -> None:
    (context,) = log(line).lws_objects
    assert context.created_ns is None
    assert (context.description or "").startswith("4.3.99")


def test_free_heap_before_every_line() -> None:
    sheet = log(
        "219868: lws_create_context: LWS: 4.3.99, x", "219576:  mem: fd map: 20 bytes", "I (7) wifi: up"
    )
    assert (sheet.parsed, sheet.continuation) == (2, 1)


def test_hexdumps_are_not_heap_figures() -> None:
    sheet = log(AT + "N: 0010: 4E A2 7B 00    N.{.", AT + "N: ")
    assert (sheet.parsed, sheet.lws_events) == (2, [])


def test_words_and_letters_are_levels() -> None:
    sheet = log(
        *(AT + f"{level}: x" for level in "ERR WARN NOTICE INFO DEBUG USER USR EXTENSION N C ?".split())
    )
    assert sheet.parsed == 11
    assert "levels: ? C D E I N U W X" in sheet.variants


def test_a_message_without_its_line_end_glues_the_next_one_to_it() -> None:
    sheet = log(AT + "U: Starting" + AT + "N: __lws_lc_tag:  ++ [wsi|0|pipe] (1)")
    assert [row.group for row in sheet.lws_objects] == [CONTEXT, "wsi"]


def test_a_quoted_log_line_is_no_line_of_the_log() -> None:
    sheet = log(AT + 'U: got "' + AT + 'N:  ++ [wsi|0|pipe] (1)"')
    assert (sheet.parsed, rows(sheet, "wsi")) == (1, [])


def test_a_date_that_does_not_exist() -> None:
    sheet = log("[2026/13/45 07:05:37:7305] E: CLIENT_CONNECTION_ERROR: conn fail: 111")
    assert [problem.reason for problem in sheet.problems] == ["a date that does not exist"]
    assert only(sheet).clock_ns is None


# -- other writers, damage ---------------------------------------------------------------


def test_other_writers_are_neither_rows_nor_problems() -> None:
    sheet = log(AT + "U: begin", '{"a": 1}', "Hello World", "0000: 30 82", "idle")
    assert (sheet.parsed, sheet.continuation, sheet.problems) == (1, 4, [])
    assert "4 lines of other writers, not read" in sheet.variants


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[2026/11/23 07:05:37", "a libwebsockets stamp that is cut off or damaged"),
        ("3 07:05:37:7305] N: lost its beginning", "a libwebsockets line without its beginning"),
        ("__lws_lc_tag ++ [wsi", "a libwebsockets line about an object, damaged"),
    ],
)
def test_damaged_lines_are_problems(line: str, reason: str) -> None:
    assert [problem.reason for problem in log(line).problems] == [reason]


def test_a_cut_line_about_an_object_still_counts() -> None:
    sheet = log(AT + "N: __lws_lc_tag:  ++ [wsicli|a|WS/h1/defa")
    assert [row.ordinal for row in rows(sheet, "wsicli")] == [10]
    assert [(problem.lines, problem.reason) for problem in sheet.problems] == [
        (0, "the end of a line about an object is missing")
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME",
        b"tcp        0      0 127.0.0.1:80      0.0.0.0:*     LISTEN",
        b'write(2, "[2026/11/23 07:05:37:7305] N: x\\n", 33) = 33',
        b"ESTAB 0 0 127.0.0.1:1 127.0.0.1:2",
        b"[2026/11/23 07:05:37] N: a stamp without its fraction",
        b"lrwx------ 1 root root 64 Nov 23 13:12 0 -> /dev/null",
    ],
)
def test_neighbours_are_not_taken(line: bytes) -> None:
    assert lws.MARKS.match(line) is None


@given(st.lists(st.text(max_size=80), max_size=8))
def test_no_text_makes_it_fail(lines: list[str]) -> None:
    log(*(line for line in lines if line.strip()))


_PARTS = st.sampled_from(
    [AT, "N: ", "E: ", " ++ [wsi|", "-- [", "|0|", "pipe]", " (1)", " 1.5ms", "LWS_CALLBACK_", "CLIENT_RECEIVE",
     ": 64 (rpp 1, first 1, last 0", "[", "]", "fd 99999999999", "LWS: 4.3", "errno 111", "lws_context_destroy3",
     "\x1b[0m", "(dropped 3 logs)", "ffffffffffffffff", "12345678: "]
)  # fmt: skip


@given(st.lists(st.lists(_PARTS, max_size=9).map("".join), max_size=12))
def test_no_mixture_of_its_own_words_makes_it_fail(lines: list[str]) -> None:
    log(*(line for line in lines if line.strip()))


# -- objects -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("237μs", 237e-6),
        ("237µs", 237e-6),
        ("40us", 40e-6),
        ("5.184ms", 5.184e-3),
        ("1.926s", 1.926),
        ("1.500min", 90.0),
        ("1:03min", 63.0),
        ("1:05hr", 3900.0),
        ("2:07d", 198_000.0),
        ("1.000y", 31_536_000.0),
        ("soon", None),
        (None, None),
    ],
)
def test_lifetimes(text: str | None, seconds: float | None) -> None:
    assert lifetime(text) == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("prefix", ["__lws_lc_{}: ", "", "[mycontext]: __lws_lc_{}: "])
def test_tags_are_known_by_group_and_hexadecimal_ordinal(prefix: str) -> None:
    tag, untag = AT + "N: " + prefix.format("tag"), AT + "N: " + prefix.format("untag")
    sheet = log(
        AT + "N: LWS: 4.2.0-x, loglevel 7",
        *(f"{tag} ++ [98522|wsisrv|{n:x}|adopted] ({n + 1})" for n in range(11)),
        f"{untag} -- [98522|wsisrv|a|adopted|default|10.0.0.9] (10) 11.4ms",
    )
    last = rows(sheet, "wsisrv")[-1]
    assert (last.ordinal, last.open, last.description, last.destroyed_line) == (10, False, "adopted", 13)
    assert sum(bool(row.open) for row in rows(sheet, "wsisrv")) == 10


def test_nested_and_unbalanced_brackets() -> None:
    sheet = log(
        AT + "N: LWS: 4.2.0-x, loglevel 7",
        AT + "N:  ++ [1|wsicli|0|GET/h1/example.com/([1|wsiSScli|0|ca] (1)",
        AT + "N:  -- [1|wsicli|0|GET/h1/example.com/([1|wsiSScli|0|ca] (0) 291.015ms",
    )
    (row,) = rows(sheet, "wsicli")
    assert (row.description, row.open, row.lifetime_s) == (
        "GET/h1/example.com/([1|wsiSScli|0|ca",
        False,
        0.291015,
    )


def test_what_was_there_before_the_log_begins() -> None:
    sheet = log(AT + "N: __lws_lc_untag:  -- [wsicli|7|WS/h1/default/host] (3) 2.500s")
    (row,) = sheet.lws_objects
    assert (row.context, row.line, row.destroyed_line, row.open) == (None, 1, 1, False)
    assert row.created_ns == 1795417535_230500000


def tagged(second: int, text: str) -> str:
    return f"[2026/11/23 07:05:{second:02}:0000] N: {text}"


def test_two_contexts_at_a_time_are_told_apart_by_age() -> None:
    sheet = log(
        tagged(0, "LWS: 4.2.0, loglevel 7"),
        tagged(0, " ++ [wsi|0|pipe] (1)"),
        tagged(5, "LWS: 4.2.0, loglevel 7"),
        tagged(5, " ++ [wsi|0|pipe] (1)"),
        tagged(9, " -- [wsi|0|pipe] (0) 9.000s"),
    )
    first, second = rows(sheet, "wsi")
    assert (first.context, first.open, second.context, second.open) == (1, False, 2, True)
    assert [row.open for row in rows(sheet, CONTEXT)] == [False, True]


def test_a_context_that_goes_on_had_not_ended() -> None:
    sheet = log(
        tagged(0, "LWS: 4.2.0, loglevel 7"),
        tagged(0, " ++ [wsicli|0|x] (1)"),
        tagged(1, " -- [wsicli|0|x] (0) 1.000s"),
        tagged(2, " ++ [wsicli|1|x] (1)"),
    )
    (context,) = rows(sheet, CONTEXT)
    assert (context.open, context.destroyed_line) == (True, None)
    assert {row.context for row in rows(sheet, "wsicli")} == {1}


def test_a_log_without_the_line_of_a_context_gets_one_where_ordinals_begin_again() -> None:
    sheet = log(*[tagged(n, " ++ [wsi|0|pipe] (1)") for n in (1, 2)])
    assert [row.context for row in rows(sheet, "wsi")] == [1, 2]


def test_missing_lines_are_noticed_by_the_counts() -> None:
    sheet = log(tagged(0, "LWS: 4.2.0"), tagged(0, " ++ [vh|0|a] (1)"), tagged(0, " ++ [vh|2|c] (3)"))
    assert any("count on line 3" in text for text in sheet.variants)


def test_hidden_messages_are_counted() -> None:
    sheet = log(
        AT + "E: CLIENT_CONNECTION_ERROR: conn fail: 111 (swallowed 12 dupes)", AT + "W: x (dropped 3 logs)"
    )
    assert "15 repeated messages were left out by the library" in sheet.variants
    assert only(sheet).errno == "ECONNREFUSED"


# -- callbacks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "name", "number"),
    [
        ("LWS_CALLBACK_CLIENT_CONNECTION_ERROR: (null)", "CLIENT_CONNECTION_ERROR", 1),
        ("CLIENT_CONNECTION_ERROR: conn fail: 111", "CLIENT_CONNECTION_ERROR", 1),
        ("cb: CLIENT_ESTABLISHED", "CLIENT_ESTABLISHED", 3),
        ("callback_mqtt: MQTT_CLIENT_ESTABLISHED", "MQTT_CLIENT_ESTABLISHED", 202),
        ("CLIENT_CLOSED", "CLIENT_CLOSED", 75),
        ("LWS_CALLBACK_CLOSED", "CLOSED", 4),
        ("CLOSED", "CLOSED", 4),
        ("LWS_CALLBACK_HTTP", "HTTP", 12),
        ("RECEIVE_CLIENT_HTTP_READ: read 1024", "RECEIVE_CLIENT_HTTP_READ", 48),
        ("callback reason 3", "CLIENT_ESTABLISHED", 3),
        ("callback_minimal: reason=71", "EVENT_WAIT_CANCELLED", 71),
        ("callback 75", "CLIENT_CLOSED", 75),
        ("cb reason: 8", "CLIENT_RECEIVE", 8),
    ],
)
def test_callbacks_by_name_and_number(message: str, name: str, number: int) -> None:
    told = lws_callbacks.callback(message)
    assert told is not None
    assert (told.name, told.number) == (name, number)


@pytest.mark.parametrize(
    "message",
    [
        "HTTP/1.1 101 Switching Protocols",
        "the door is CLOSED",
        "close reason 1006",
        "callback 1.5 s late",
        "callback reason 999",
        "WRITEABLE: Subscribing",
        "MY_CLIENT_CLOSED_X",
        "TIMER 3",
    ],
)
def test_words_that_are_no_callbacks(message: str) -> None:
    assert lws_callbacks.callback(message) is None


def test_every_name_is_known_with_and_without_its_prefix() -> None:
    for number, name in lws_callbacks.NAMES.items():
        told = lws_callbacks.callback(f"LWS_CALLBACK_{name}")
        assert told is not None
        assert (told.name, told.number) == (name, number)
    assert lws_callbacks.NUMBERS["CONNECTING"] == 105


def test_numbers_of_version_1_mean_something_unknown() -> None:
    sheet = log(AT + "NOTICE: Libwebsockets version: 1.7.9 x", AT + "USER: callback reason 3")
    assert (only(sheet).callback, only(sheet).reason) == (None, 3)


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("conn fail: 111", "connect"),
        ("Unable to connect", "connect"),
        ("closed before established", "connect"),
        ("dns lookup failed", "dns"),
        ("getaddrinfo failed", "dns"),
        ("unable to open socket", "descriptor"),
        ("conn fail: skt creation: errno 24", "descriptor"),
        ("Timed out waiting SSL", "timeout"),
        ("Timed out waiting server reply", "timeout"),
        ("HS: ws upgrade response not 101", "handshake"),
        ("Peer hung up", "handshake"),
        ("proxy conn dead", "proxy"),
        ("socks recv fail", "proxy"),
        ("lws_ssl_client_connect1 failed", "tls"),
        ("bio_create failed", "tls"),
        ("connect SYSCALL 104", "tls"),
        ("something of the program's own", None),
    ],
)
def test_stages_of_failures(text: str, stage: str | None) -> None:
    assert lws_callbacks.stage(text) == stage


def test_an_error_of_binding_names_descriptor_and_error() -> None:
    event = only(log(AT + "E: [null wsi]: lws_socket_bind: ERROR on binding fd 14 to port 7681 (-1 98)"))
    assert (event.fd, event.errno, event.group) == (14, "EADDRINUSE", None)


@pytest.mark.parametrize(
    ("message", "fragment"),
    [
        ("CLIENT_RECEIVE:   64 (rpp   136, first 1, last 0, bin 1)", (64, 136, True, False)),
        ("LWS_CALLBACK_CLIENT_RECEIVE: 4 (rpp 0)", (4, 0, None, None)),
        ("RECEIVE_CLIENT_HTTP_READ: read 1024", (1024, None, None, None)),
        ("LWS_CALLBACK_RAW_RX (186)", (186, None, None, None)),
        ("LWS_CALLBACK_RECEIVE: len=12 remaining=5 first=1 final=0", (12, 5, True, False)),
        ("myss_rx: len 1520, flags: 1", (1520, None, True, False)),
        ("myss_rx: len 0, flags: 2", (0, None, False, True)),
        ("LWS_CALLBACK_CLIENT_RECEIVE: hello", (None, None, None, None)),
    ],
)
def test_fragments(message: str, fragment: tuple[int | None, int | None, bool | None, bool | None]) -> None:
    event = only(log(AT + "U: " + message))
    assert (event.length, event.remaining, event.first, event.last) == fragment


def test_callbacks_of_several_connections_are_nobody_s_unless_they_name_one() -> None:
    sheet = log(
        tagged(0, "LWS: 4.3.0"),
        tagged(0, " ++ [wsicli|0|WS/h1/default/a] (1)"),
        tagged(0, " ++ [wsicli|1|WS/h1/default/b] (2)"),
        tagged(1, "CLIENT_ESTABLISHED"),
        tagged(1, "[wsicli|1|WS/h1/default/b]: cb: CLIENT_ESTABLISHED"),
        tagged(2, " -- [wsicli|0|WS/h1/default/a] (1) 2.000s"),
        tagged(3, "CLIENT_CLOSED"),
    )
    assert [(event.context, event.ordinal) for event in sheet.lws_events] == [(None, None), (1, 1), (1, 1)]
    assert [row.last_callback for row in rows(sheet, "wsicli")] == [None, "CLIENT_CLOSED"]


@pytest.mark.parametrize(
    "text",
    [
        AT + "U: callback" + " " * 300_000 + "x",
        AT + "U: " + "LWS_CALLBACK_RECEIVE: " + "len" + " " * 300_000,
        AT + "U: x" + " (dropped 1 logs)" * 20_000,
        "[" * 300_000,
        "lws_" * 80_000,
        AT + "N: " + "++ [wsi|0|" * 30_000,
        AT + "N: " + " ++ [wsi|0|a] (1) " * 20_000,
        "1" * 300_000 + ": ",
        AT * 10_000,
        "x: " * 100_000,
    ],
    ids=range(10),
)
def test_long_lines_cost_no_more_than_their_length(text: str) -> None:
    begun = time.process_time()
    for _ in range(5):
        log(text)
    assert time.process_time() - begun < 2.0
