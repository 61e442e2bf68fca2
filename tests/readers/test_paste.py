"""Tickets, mails and notes with several captures in them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.readers import SNAPSHOT_KINDS
from fdtrace.readers.bundle import Capture, Gathered, gather
from fdtrace.readers.paste import Cut, cut
from fdtrace.readers.sheet import Sheet
from fdtrace.readers.signs import LARGEST
from fdtrace.readers.snapshots import read

LSOF = """\
COMMAND   PID USER   FD   TYPE DEVICE SIZE/OFF   NODE NAME
gateway 12692 root  cwd    DIR  254,0     4096 167294 /opt/gateway
gateway 12692 root    3u  IPv4 367155      0t0    TCP 127.0.0.1:9001->127.0.0.1:40000 (CLOSE_WAIT)
gateway 12692 root    4u  IPv4 367156      0t0    TCP 127.0.0.1:9001->127.0.0.1:40001 (CLOSE_WAIT)
"""
NETSTAT = """\
Active Internet connections (w/o servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        1      0 127.0.0.1:9001          127.0.0.1:40000         CLOSE_WAIT  12692/gateway
tcp        1      0 127.0.0.1:9001          127.0.0.1:40001         CLOSE_WAIT  12692/gateway
"""
SS = """\
State      Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
CLOSE-WAIT 1      0          127.0.0.1:9001     127.0.0.1:40000 users:(("gateway",pid=12692,fd=3))
\t ino:367155 sk:7c7d cgroup:/ <->
CLOSE-WAIT 1      0          127.0.0.1:9001     127.0.0.1:40001 users:(("gateway",pid=12692,fd=4))
\t ino:367156 sk:7c7e cgroup:/ <->
"""
FDS = """\
total 0
lr-x------ 1 root root 64 Nov 23 07:03 0 -> /dev/null
lrwx------ 1 root root 64 Nov 23 07:03 3 -> socket:[367155]
lrwx------ 1 root root 64 Nov 23 07:03 4 -> socket:[367156]
"""
STRACE = """\
strace: Process 12692 attached
07:03:13.100000 accept4(5, {sa_family=AF_INET, sin_port=htons(40000)}, [128 => 16], SOCK_CLOEXEC) = 3
07:03:13.200000 accept4(5, {sa_family=AF_INET, sin_port=htons(40001)}, [128 => 16], SOCK_CLOEXEC) = 4
07:03:13.300000 read(3, "", 4096)       = 0
07:03:13.400000 epoll_wait(6,  <detached ...>
"""
LWS = """\
[2026/11/23 07:03:13:1000] N: LWS: 4.3.3, loglevel 1031
[2026/11/23 07:03:13:1001] N: __lws_lc_tag:  ++ [wsisrv|0|adopted] (1)
[2026/11/23 07:03:13:1002] N: __lws_lc_tag:  ++ [wsisrv|1|adopted] (2)
"""
OUTPUTS = {"lsof": LSOF, "netstat": NETSTAT, "ss": SS, "procfs": FDS, "strace": STRACE, "lws": LWS}
COMMANDS = {
    "lsof": "lsof -nP -p 12692",
    "netstat": "netstat -tnp",
    "ss": "ss -tnpe",
    "procfs": "ls -l /proc/12692/fd",
    "strace": "strace -tt -p 12692",
    "lws": "tail gateway.log",
}
HELLO = "Hi all,\n\nthe gateway ran out of descriptors again (third time).\nThis is what I have:\n\n"
BYE = "\nWhat else do you need?\n\nYours\nKim\n"

TICKET = HELLO + "".join(f"$ {COMMANDS[kind]}\n{text}\n" for kind, text in OUTPUTS.items()) + BYE

DRESSES = {
    "plain": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "quoted": lambda text: "".join(f"> {line}" for line in text.splitlines(keepends=True)),
    "quoted twice": lambda text: "".join(f"> > {line}" for line in text.splitlines(keepends=True)),
    "quoted tightly": lambda text: "".join(f">{line}" for line in text.splitlines(keepends=True)),
    "quoted with bars": lambda text: "".join(f"| {line}" for line in text.splitlines(keepends=True)),
    "indented": lambda text: "".join(f"    {line}" for line in text.splitlines(keepends=True)),
    "indented by tabs": lambda text: "".join(f"\t{line}" for line in text.splitlines(keepends=True)),
    "fenced": lambda text: text.replace("$ ", "```\n$ ").replace("\n\n```", "\n```\n\n```"),
}


def kinds(found: Cut) -> list[str]:
    return [part.kind for part in found.parts]


def of_kind(gathered: Gathered, kind: str) -> Capture:
    (capture,) = [capture for capture in gathered.captures if capture.kind == kind]
    return capture


def sheet_of(gathered: Gathered, kind: str) -> Sheet:
    return read(of_kind(gathered, kind).sources[0], kind)


def pasted(folder: Path, text: str) -> Gathered:
    (folder / "ticket.txt").write_text(text, newline="")
    return gather([str(folder / "ticket.txt")])


def line_of(text: str, needle: str) -> int:
    return text[: text.index(needle)].count("\n") + 1


@pytest.mark.parametrize("dress", DRESSES)
def test_a_ticket_is_cut_into_its_parts(tmp_path: Path, dress: str) -> None:
    # GIVEN a ticket with one output of each kind, as somebody's mail program shows it
    text = DRESSES[dress](TICKET)
    # WHEN
    gathered = pasted(tmp_path, text)
    # THEN every kind is a capture, which says where it stands
    assert gathered.unreadable == ()
    assert [capture.kind for capture in gathered.captures] == list(OUTPUTS)
    assert [Path(capture.name).name for capture in gathered.captures] == [
        f"ticket.txt ({kind})" for kind in OUTPUTS
    ]
    for capture in gathered.captures:
        ((first, last),) = capture.spans
        lines = text.split("\n")
        begin = (
            OUTPUTS[capture.kind].splitlines()[0]
            if capture.kind in ("lws", "strace")
            else COMMANDS[capture.kind]
        )
        assert begin in lines[first - 1]
        assert lines[last - 1].strip("\r").endswith(OUTPUTS[capture.kind].splitlines()[-1].strip())
        assert f"lines {first}–{last} of " in capture.reasons[0]


@pytest.mark.parametrize("dress", DRESSES)
def test_the_parts_of_a_ticket_are_read_like_files(tmp_path: Path, dress: str) -> None:
    # GIVEN
    text = DRESSES[dress](TICKET)
    gathered = pasted(tmp_path, text)
    # WHEN the parts are read
    sheets = {kind: sheet_of(gathered, kind) for kind in SNAPSHOT_KINDS}
    # THEN they have their rows, under the line numbers of the ticket, and no problem
    assert [problem for sheet in sheets.values() for problem in sheet.problems] == []
    assert len(sheets["lsof"].open_files) == 3
    assert len(sheets["procfs"].open_files) == 3
    assert len(sheets["netstat"].sockets) == 2
    assert [socket.inode for socket in sheets["ss"].sockets] == [367155, 367156]
    assert [one.ordinal for one in sheets["lws"].lws_objects if one.group == "wsisrv"] == [0, 1]
    assert sheets["lsof"].open_files[0].line == line_of(text, "/opt/gateway")
    assert sheets["netstat"].sockets[0].line == line_of(text, "CLOSE_WAIT  12692")


def test_every_line_is_in_one_part_or_prose() -> None:
    found = cut(TICKET.encode())
    lines = TICKET.split("\n")
    owners = [
        sum(first <= n <= last for part in found.parts for first, last in part.spans)
        for n in range(1, len(lines) + 1)
    ]
    assert max(owners) == 1
    prose = [line for line, owned in zip(lines, owners, strict=True) if line.strip() and not owned]
    assert found.prose == len(prose)
    assert found.lines == TICKET.count("\n")
    for part in found.parts:
        assert part.text.count(b"\n") == TICKET.count("\n")


def test_lines_of_evidence_are_those_of_the_paste(tmp_path: Path) -> None:
    # GIVEN the part of strace in a quoted ticket
    (tmp_path / "ticket.txt").write_text(DRESSES["quoted"](TICKET))
    source = of_kind(gather([str(tmp_path / "ticket.txt")]), "strace").sources[0]
    # WHEN a line is quoted by its offset in that part
    text = b"".join(source.blocks())
    offset = text.index(b"07:03:13.300000")
    # THEN it is the one with that number in the ticket
    assert source.lines_at([offset])[offset] == b'07:03:13.300000 read(3, "", 4096)       = 0'
    assert text[:offset].count(b"\n") + 1 == line_of(TICKET, "07:03:13.300000")
    assert source.name == str(tmp_path / "ticket.txt")


def test_standard_input_is_cut_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TICKET.encode())))
    assert [capture.name for capture in gather(["-"]).captures] == [f"stdin ({kind})" for kind in OUTPUTS]


def test_in_a_directory_a_mixed_text_is_left(tmp_path: Path) -> None:
    # GIVEN a mixed text without a word of prose
    (tmp_path / "all.txt").write_text(LSOF + "\n" + NETSTAT)
    # WHEN / THEN
    (row,) = gather([str(tmp_path)]).skipped
    assert row[1] == "a text with several captures in it (lsof, netstat): read only when named"


def test_a_kind_that_was_said_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text(LSOF + "\n" + NETSTAT)
    (capture,) = gather([str(tmp_path / "all.txt")], kind="lsof").captures
    assert (capture.kind, capture.spans) == ("lsof", ())


@pytest.mark.parametrize("kind", [*SNAPSHOT_KINDS, "strace"])
def test_a_capture_as_a_whole_is_not_cut(tmp_path: Path, kind: str) -> None:
    # GIVEN a file of one kind, with a line in it that nobody understands
    capture = of_kind(pasted(tmp_path, OUTPUTS[kind] + "what is this?\n"), kind)
    # WHEN / THEN all of its lines are its own
    assert (Path(capture.name).name, capture.spans) == ("ticket.txt", ())


@pytest.mark.parametrize("kind", [*SNAPSHOT_KINDS])
def test_a_small_output_in_long_notes_is_found(tmp_path: Path, kind: str) -> None:
    # GIVEN pages of notes with one output, under the line that made it
    notes = "What I did next was this, and then that.\n" * 400
    capture = of_kind(pasted(tmp_path, f"{notes}\n$ {COMMANDS[kind]}\n{OUTPUTS[kind]}\n{notes}"), kind)
    # WHEN / THEN
    assert (Path(capture.name).name, capture.prose) == ("ticket.txt", 800 + (kind == "lws"))


def test_a_row_in_a_sentence_is_not_a_capture() -> None:
    row = LSOF.splitlines()[2]
    assert kinds(cut(f"Look at this one:\n{row}\nIs it not strange?\n".encode())) == []


def test_two_outputs_of_a_kind_are_one_part_with_two_snapshots(tmp_path: Path) -> None:
    # GIVEN two rounds of two tools, each after the time
    later = LSOF + LSOF.splitlines()[3].replace("4u ", "5u ").replace("367156", "367157") + "\n"
    text = (
        f"before:\n\n2026-11-23T07:03:13Z\n$ lsof\n{LSOF}\n$ netstat\n{NETSTAT}\n"
        f"and then:\n\n2026-11-23T07:13:13Z\n$ lsof\n{later}\n$ netstat\n{NETSTAT}\nthat is all\n"
    )
    # WHEN
    gathered = pasted(tmp_path, text)
    # THEN both tools have both times
    for kind in ("lsof", "netstat"):
        sheet = sheet_of(gathered, kind)
        assert sheet.problems == []
        assert [(shot.line, shot.clock) for shot in sheet.snapshots] == [
            (line_of(text, "2026-11-23T07:03"), "utc"),
            (line_of(text, "2026-11-23T07:13"), "utc"),
        ]
    assert [row.snapshot for row in sheet_of(gathered, "lsof").open_files] == [1, 1, 1, 2, 2, 2, 2]


def test_the_output_of_date_is_the_time_of_what_follows(tmp_path: Path) -> None:
    text = f"Hello,\n\n$ date\nMon Nov 23 07:03:13 UTC 2026\n$ lsof -p 12692\n{LSOF}\nand\n\n$ ss -tnpe\n{SS}"
    gathered = pasted(tmp_path, text)
    for kind in ("lsof", "ss"):
        (shot,) = sheet_of(gathered, kind).snapshots
        assert (shot.line, shot.at_ns, shot.clock) == (4, 1_795_417_393 * 10**9, "utc")


def test_an_output_with_a_time_of_its_own_has_no_other(tmp_path: Path) -> None:
    text = f"so:\n\n2026-11-23T06:00:00Z\n\nthen\n\n$ date; lsof\n2026-11-23T07:03:13Z\n{LSOF}\n$ ss\n{SS}"
    for kind in ("lsof", "ss"):
        assert [shot.line for shot in sheet_of(pasted(tmp_path, text), kind).snapshots] == [8]


def test_the_date_of_a_mail_is_not_the_time_of_a_snapshot(tmp_path: Path) -> None:
    text = f"From: Kim\nDate: Mon, 23 Nov 2026 09:00:00 +0000\nSubject: leak\n\n$ lsof\n{LSOF}\n$ ss\n{SS}"
    (shot,) = sheet_of(pasted(tmp_path, text), "lsof").snapshots
    assert shot.line > 4


def test_what_a_traced_program_prints_stays_in_the_trace(tmp_path: Path) -> None:
    # GIVEN a trace with its program's output: a listing, and a log of libwebsockets
    rows = "".join(f"lrwx------ 1 root root 64 Nov 23 07:03 {n} -> socket:[{n}]\n" for n in range(4))
    calls = "".join(f"close({n}) = 0\n" for n in range(50))
    # WHEN / THEN
    (capture,) = pasted(tmp_path, calls + rows + calls + LWS.partition("\n")[2] + calls).captures
    assert (capture.kind, capture.spans) == ("strace", ())


def test_a_real_capture_behind_a_trace_is_cut_off(tmp_path: Path) -> None:
    # GIVEN a trace from a terminal, and what was typed afterwards
    calls = "".join(f"close({n}) = 0\n" for n in range(50))
    gathered = pasted(tmp_path, f"$ strace -p 7\n{calls}^C\n$ ls -l /proc/7/fd\n{FDS}")
    # WHEN / THEN the listing knows its process by the command
    assert [capture.kind for capture in gathered.captures] == ["strace", "procfs"]
    assert {row.pid for row in sheet_of(gathered, "procfs").open_files} == {7}


def test_recordings_under_commands_of_their_own_are_kept_apart(tmp_path: Path) -> None:
    calls = "".join(f"close({n}) = 0\n" for n in range(5))
    text = f"$ strace -p 1\n{calls}\n$ strace -p 2\n{calls}\n$ lsof\n{LSOF}"
    assert [capture.kind for capture in pasted(tmp_path, text).captures] == ["strace", "strace", "lsof"]


def test_stack_frames_are_no_quoting_marks() -> None:
    # GIVEN a quoted trace with stacks
    trace = "close(3) = 0\n > /lib/libc.so.6(__close+0x17) [0xf9f67]\n > /srv/app(main+0x20) [0x1139]\n" * 3
    found = cut(DRESSES["quoted"](f"$ strace -k true\n{trace}\n$ lsof\n{LSOF}").encode())
    # WHEN / THEN they come out as strace printed them
    assert trace.encode() in found.parts[0].text


@pytest.mark.parametrize("size", [LARGEST - 100, LARGEST + 100])
def test_only_a_text_of_a_pastes_size_is_cut(tmp_path: Path, size: int) -> None:
    # GIVEN a trace, and a listing at its end, below and above the limit
    call = f'write(3, "{"x" * 980}", 980) = 980\n'
    calls = call * ((size - len(FDS)) // len(call))
    calls += " " * (size - len(calls) - len(FDS) - 1)
    gathered = pasted(tmp_path, calls + "\n" + FDS)
    # WHEN / THEN
    assert len(gathered.captures) == (2 if size < LARGEST else 1)


def test_very_many_recordings_share_a_part() -> None:
    found = cut(b"".join(b"$ strace -p %d\nclose(3) = 0\nclose(4) = 0\n\n" % n for n in range(500)))
    assert len(found.parts) == 50
    assert sum(part.lines for part in found.parts) == 1000


LINES = [
    *TICKET.splitlines(),
    "```",
    "{code}",
    "> ",
    "$ date",
    "\x1b[31m",
    "\udcff",
    "2026-11-23T07:03:13Z",
    "",
]


@given(lines=st.lists(st.sampled_from(LINES) | st.text(max_size=30), max_size=60))
def test_any_mixture_is_accounted_for(lines: list[str]) -> None:
    # GIVEN lines in any order
    text = "\n".join(lines).encode("utf-8", "surrogateescape")
    # WHEN
    found = cut(text)
    # THEN each part has the lines of the text, no line is in two parts, and the rest is counted
    seen: set[int] = set()
    for part in found.parts:
        assert part.text.count(b"\n") == text.count(b"\n")
        own = {n for first, last in part.spans for n in range(first, last + 1)}
        assert len(own) == part.lines
        assert not own & seen
        seen |= own
    assert 0 <= found.prose <= found.lines - len(seen) + sum(not line.strip() for line in text.split(b"\n"))
