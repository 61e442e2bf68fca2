"""What libwebsockets logs say is wrong: alone, and beside the trace of the same program."""

from __future__ import annotations

from pathlib import Path

import fdtrace
from fdtrace.checks import lws_connections, lws_logs, lws_objects, receive_buffer
from fdtrace.checks.base import quoted
from fdtrace.checks.lws_descriptors import LwsDescriptors
from fdtrace.history import lws
from fdtrace.history.callsites import CallSites
from fdtrace.history.joined import Joined
from fdtrace.history.lws_written import places, written
from fdtrace.history.run import History, read
from fdtrace.model import Finding
from fdtrace.readers.bundle import Capture
from fdtrace.readers.sheet import Sheet
from fdtrace.readers.snapshots import read as read_sheet
from fdtrace.readers.strace.window import Scan
from fdtrace.readers.text import open_source

CAPTURES = Path(__file__).parent.parent / "captures"


def log_of(path: Path) -> tuple[Capture, Sheet]:
    source = open_source(str(path))
    return Capture(path.name, "lws", (source,), (None,)), read_sheet(source, "lws")


def recorded(name: str) -> tuple[Capture, Sheet]:
    return log_of(CAPTURES / f"libwebsockets-{name}.log")


def written_log(folder: Path, *lines: str) -> tuple[Capture, Sheet]:
    """A log of these messages: (seconds, message), as version 4.3 writes it."""
    path = folder / "app.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return log_of(path)


def at(seconds: float, message: str, level: str = "N") -> str:
    whole = int(seconds)
    clock = f"{7 + whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"[2026/11/23 {clock}:{int(seconds % 1 * 10_000):04}] {level}: {message}"


def born(seconds: float, group: str, ordinal: int, count: int, description: str = "x") -> str:
    return at(seconds, f"__lws_lc_tag:  ++ [{group}|{ordinal:x}|{description}] ({count})")


def gone(seconds: float, group: str, ordinal: int, count: int, lived: float, description: str = "x") -> str:
    return at(seconds, f"__lws_lc_untag:  -- [{group}|{ordinal:x}|{description}] ({count}) {lived:.3f}s")


def version(seconds: float) -> str:
    return at(seconds, "lws_create_context: LWS: 4.3.3-x, NET CLI SRV H1 H2 WS")


def traced(trace: Path, log: tuple[Capture, Sheet]) -> tuple[History, list[Finding]]:
    """What the check of descriptors finds in a trace with this log."""
    (capture,) = fdtrace.load(trace)._captures
    scan = Scan()
    check = LwsDescriptors(scan, CallSites())
    history = read(capture, [check], scan=scan)
    history.joined = Joined([], logs=[log])
    return history, quoted(history, check.findings(history))


# -- objects ----------------------------------------------------------------------------


def test_contexts_that_outlive_later_ones_are_told() -> None:
    (found,) = lws_objects.findings(*recorded("4.3.7/kept"))
    assert found.title == "4 of 12 libwebsockets contexts were never destroyed; 8 were"
    assert (found.severity, found.opened, found.closed, found.open) == ("medium", 12, 8, 4)
    assert [quote.line for quote in found.evidence] == [1, 73, 145]
    assert "LWS: 4.3.5" in found.evidence[0].text


def test_contexts_that_are_all_destroyed_are_no_finding() -> None:
    for name in ("4.3.6/leaking", "4.3.7/cured", "5.0.0/info", "4.3.6/retries", "5.0.0/ok", "4.0.20/debug"):
        assert lws_objects.findings(*recorded(name)) == []


def test_a_server_that_keeps_what_it_needs_is_no_finding(tmp_path: Path) -> None:
    lines = [
        version(0),
        born(0, "wsi", 0, 1, "pipe"),
        born(0, "vh", 0, 1),
        born(0, "wsi", 1, 2, "listen|x||80"),
    ]
    for n in range(100):
        lines += [born(n + 1, "wsisrv", n, 1, "adopted"), gone(n + 1.5, "wsisrv", n, 0, 0.5, "adopted")]
    lines += [born(102 + n, "wsisrv", 100 + n, n + 1, "adopted") for n in range(5)]
    assert lws_objects.findings(*written_log(tmp_path, *lines)) == []


def test_three_contexts_made_at_the_start_are_no_finding(tmp_path: Path) -> None:
    lines = [line for n in range(3) for line in (version(n), born(n, "vh", 0, 1))]
    lines += [at(10 + n, "something else") for n in range(100)]
    assert lws_objects.findings(*written_log(tmp_path, *lines)) == []


def test_contexts_that_only_become_more_are_told(tmp_path: Path) -> None:
    lines = [line for n in range(20) for line in (version(n), born(n, "vh", 0, 1))]
    (found,) = lws_objects.findings(*written_log(tmp_path, *lines))
    assert (found.severity, found.open, found.closed) == ("high", 20, 0)
    assert found.growth_per_s == 1.0


def test_connections_that_outlive_later_ones_are_told_but_not_while_they_are_used(tmp_path: Path) -> None:
    lines = [version(0), born(0, "vh", 0, 1)]
    for n in range(60):
        lines.append(born(n + 1, "wsicli", n, n // 2 + 1, "WS/h1/default/example.com"))
        if n % 2:
            lines.append(gone(n + 1.5, "wsicli", n, n // 2 + 1, 0.5, "WS/h1/default/example.com"))
    (found,) = lws_objects.findings(*written_log(tmp_path, *lines))
    assert (found.kind, found.target, found.severity) == ("wsicli", "WS/h1/default/example.com", "low")
    assert (found.opened, found.closed, found.open) == (60, 30, 28)
    used = [
        at(62 + n, f"[wsicli|{n:x}|WS/h1/default/example.com]: CLIENT_RECEIVE: 4 (rpp 0)")
        for n in range(0, 60, 2)
    ]
    assert lws_objects.findings(*written_log(tmp_path, *lines, *used)) == []


def test_missing_lines_are_said_to_be_missing(tmp_path: Path) -> None:
    lines = [line for n in range(20) for line in (version(n), born(n, "vh", 0, 2))]
    (found,) = lws_objects.findings(*written_log(tmp_path, *lines))
    assert any("missing from the log" in reason for reason in found.reasons)


# -- connections --------------------------------------------------------------------------


def test_stories_of_connections() -> None:
    (one,) = lws.connections(recorded("4.3.6/ok")[1])
    assert (one.address, one.line, one.released, one.certain) == ("127.0.0.1", 5, True, True)
    assert one.established is not None
    assert one.closed is not None
    assert one.failure is None
    (one,) = lws.connections(recorded("4.3.6/refused")[1])
    assert (one.stage, one.errno, one.fd, one.established) == ("connect", "ECONNREFUSED", 6, None)


def test_stories_without_lines_about_objects() -> None:
    for name in ("4.0.20/ok", "5.0.0/ok"):
        (one,) = lws.connections(recorded(name)[1])
        assert [bool(one.established), bool(one.closed), one.released] == [True, True, True]
    tried = lws.connections(recorded("5.0.0/retries")[1])
    assert len(tried) == 40
    assert {(one.address, one.stage, one.errno, one.fd, one.released) for one in tried} == {
        ("127.0.0.1", "connect", "ECONNREFUSED", 7, True)
    }


def test_retry_storms_are_told() -> None:
    for name, number in (("4.3.6/retries", 30), ("5.0.0/retries", 40)):
        (found,) = lws_connections.findings(*recorded(name))
        assert (found.check, found.severity, found.target) == ("lws_retries", "medium", "127.0.0.1")
        assert found.title.startswith(f"{number} failed connections to 127.0.0.1 in a row without back-off")
        assert found.reasons == (f"{number} at connecting (ECONNREFUSED)",)


def attempts(times: list[float], succeed: int = 0) -> list[str]:
    """Connections that begin at these times and fail; every `succeed`-th works."""
    lines = [version(0), born(0, "vh", 0, 1)]
    for n, time in enumerate(times):
        works = succeed and n % succeed == succeed - 1
        callback = "CLIENT_ESTABLISHED" if works else "CLIENT_CONNECTION_ERROR: conn fail: 111"
        lines += [born(time, "wsicli", n, 1, "WS/h1/default/h"), at(time + 0.01, callback, "U")]
        lines.append(gone(time + 0.02, "wsicli", n, 0, 0.02, "WS/h1/default/h"))
    return lines


def test_what_is_no_storm(tmp_path: Path) -> None:
    backing_off = [0.1 * 1.3**n for n in range(25)]
    for lines in (
        attempts(backing_off),
        attempts([5.0 * n for n in range(20)]),
        attempts([0.5 * n for n in range(9)]),
        attempts([0.5 * n for n in range(40)], succeed=4),
    ):
        assert lws_connections.findings(*written_log(tmp_path, *lines)) == []
    (found,) = lws_connections.findings(*written_log(tmp_path, *attempts([0.5 * n for n in range(21)])))
    assert found.title == "21 failed connections to h in a row without back-off, 2.0 a second"


def test_connections_that_fail_and_are_never_released(tmp_path: Path) -> None:
    lines = attempts([10.0 * n for n in range(4)])
    for n in range(4, 8):
        lines.append(born(10.0 * n, "wsicli", n, n - 3, "WS/h1/default/h"))
        lines.append(
            at(10.0 * n + 1, f"[wsicli|{n:x}|WS/h1/default/h]: CLIENT_CONNECTION_ERROR: HS: OOM", "E")
        )
    lines.append(at(100, "CLIENT_WRITEABLE", "U"))
    (found,) = lws_connections.findings(*written_log(tmp_path, *lines))
    assert (found.check, found.severity, found.open, found.closed) == ("lws_releases", "medium", 4, 4)
    assert found.title == (
        "4 client connections of libwebsockets never destroyed after CLIENT_CONNECTION_ERROR"
    )
    assert found.reasons == ("4 at the upgrade to websocket",)


def test_the_gateway_s_refused_jobs_are_no_storm() -> None:
    assert lws_connections.findings(*recorded("4.3.6/refused")) == []


# -- beside a trace ------------------------------------------------------------------------


def test_contexts_that_leave_their_eventfd_behind() -> None:
    history, (found,) = traced(
        CAPTURES / "libwebsockets-4.3.6" / "leaking.strace.gz", recorded("4.3.6/leaking")
    )
    assert found.title == "4 eventfds stay open after the 4 libwebsockets contexts that opened them"
    assert (found.call_site, found.severity, found.certainty) == ("lws_plat_pipe_create", "medium", "certain")
    assert found.example_fds == (4, 5, 6, 7)
    assert "log: 4 contexts created, 4 destroyed" in found.reasons
    assert any("eventfd2" in quote.text for quote in found.evidence)
    assert history.coverage.born


def test_contexts_of_the_cured_version_leave_nothing() -> None:
    _, found = traced(CAPTURES / "libwebsockets-4.3.7" / "cured.strace.gz", recorded("4.3.7/cured"))
    assert found == []


def test_the_log_in_the_trace_s_own_writes_is_the_log() -> None:
    (capture,) = fdtrace.load(CAPTURES / "libwebsockets-4.3.6" / "leaking.strace.gz")._captures
    history = read(capture)
    own, log = written(history), recorded("4.3.6/leaking")[1]
    assert own is not None
    assert [row.destroyed_ns for row in own.lws_objects] == [row.destroyed_ns for row in log.lws_objects]
    assert [event.text for event in own.lws_events] == [event.text for event in log.lws_events]
    lines = places(log, own)
    assert len(lines) == log.lines - 1  # "idle" is not libwebsockets'
    assert [lines[line] for line in sorted(lines)] == sorted(lines.values())


def test_a_trace_without_a_log_has_none(tmp_path: Path) -> None:
    path = tmp_path / "app.strace"
    path.write_text(
        '100 execve("/srv/app", ["app"], 0x7ffd /* 20 vars */) = 0\n100 write(2, "x\\n", 2) = 2\n'
    )
    (capture,) = fdtrace.load(path)._captures
    assert written(read(capture)) is None


def test_a_descriptor_that_outlives_its_connection(tmp_path: Path) -> None:
    log = written_log(
        tmp_path,
        version(1),
        born(1, "wsicli", 0, 1, "WS/h1/default/h"),
        at(2, "[wsicli|0|WS/h1/default/h]: lws_client_connect_check: getsockopt fd 6 says e 111"),
        gone(3, "wsicli", 0, 0, 2.0, "WS/h1/default/h"),
    )
    path = tmp_path / "app.strace"
    path.write_text(
        '100 07:00:00.000000 execve("/srv/app", ["app"], 0x7ffd /* 20 vars */) = 0\n'
        "100 07:00:01.500000 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 6\n"
        "100 07:00:09.000000 getpid() = 100\n"
    )
    _, (found,) = traced(path, log)
    assert found.title == "1 descriptor of destroyed libwebsockets client connections is still open"
    assert found.example_fds == (6,)


# -- receive buffers -----------------------------------------------------------------------


def test_fragments_say_which_buffer_would_fit() -> None:
    (found,) = receive_buffer.findings_of_log(*recorded("4.3.6/leaking"))
    assert found.title == "12 of 12 messages arrive in fragments (CLIENT_RECEIVE)"
    assert found.reasons == (
        "pieces of at most 64 bytes, 4.0 a message",
        "largest message 200 bytes, 95 % have at most 200",
    )
    assert found.advice == "rx_buffer_size of 200 in lws_protocols would take nearly every message at once"
    assert found.severity == "low"


def test_few_or_whole_messages_are_no_finding() -> None:
    for name in ("4.3.6/ok", "4.3.6/server-closes", "5.0.0/ok", "5.0.0/info"):
        assert receive_buffer.findings_of_log(*recorded(name)) == []


def test_fragments_of_several_connections_are_put_together_by_what_is_left(tmp_path: Path) -> None:
    pieces = [
        "64 (rpp 136, first 1, last 0, bin 1)",
        "64 (rpp 36, first 1, last 0, bin 1)",
        "64 (rpp 72, first 0, last 0, bin 1)",
        "36 (rpp 0, first 0, last 1, bin 1)",
        "64 (rpp 8, first 0, last 0, bin 1)",
        "8 (rpp 0, first 0, last 1, bin 1)",
    ]
    _, sheet = written_log(
        tmp_path, *(at(n, f"LWS_CALLBACK_RECEIVE: {piece}", "U") for n, piece in enumerate(pieces))
    )
    ((callback, found),) = lws.received(sheet)
    assert callback == "RECEIVE"
    assert sorted((message.bytes, message.frame, message.whole) for message in found) == [
        (100, 100, True),
        (200, 200, True),
    ]


def reads(folder: Path, sizes: list[int], buffer: int) -> list[Finding]:
    """What is found in a trace whose program asks and reads answers of these sizes."""
    lines = [
        '100 execve("/srv/app", ["app"], 0x7ffd /* 20 vars */) = 0',
        "100 socket(AF_INET, SOCK_STREAM, 0) = 3",
    ]
    for size in sizes:
        lines.append('100 sendto(3, "get", 3, 0, NULL, 0) = 3')
        while size > 0:
            lines.append(f'100 recvfrom(3, "x"..., {buffer}, 0, NULL, NULL) = {min(size, buffer)}')
            size -= buffer
    path = folder / "app.strace"
    path.write_text("\n".join(lines) + "\n")
    (capture,) = fdtrace.load(path)._captures
    scan = Scan()
    check = receive_buffer.ReceiveBuffer(scan, CallSites())
    return check.findings(read(capture, [check], scan=scan))


def test_reads_that_fill_their_buffer(tmp_path: Path) -> None:
    (found,) = reads(tmp_path, [900] * 60, 128)
    assert found.title == "88% of 480 reads from sockets fill their buffer of 128 bytes"
    assert found.advice == "a buffer of 1,024 bytes would need one read where there are several now"
    assert found.reasons[1] == "60 of 60 runs of reads took several, 8.0 on average, at most 900 bytes"


def test_reads_with_room_or_of_known_sizes_are_no_finding(tmp_path: Path) -> None:
    assert reads(tmp_path, [900] * 60, 4096) == []
    assert reads(tmp_path, [128] * 200, 128) == []
    assert reads(tmp_path, [900] * 5, 128) == []
    assert reads(tmp_path, [100] * 500 + [900] * 10, 128) == []


def test_everything_that_a_log_tells_together() -> None:
    logs = [recorded("4.3.7/kept"), recorded("4.3.6/retries")]
    assert [one.check for one in lws_logs.findings(logs)] == ["lws_objects", "receive_buffer", "lws_retries"]
    assert [one.check for one in lws_logs.findings(logs, ["lws_retries"])] == ["lws_retries"]
