"""What kind of capture the first bytes are."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.errors import NotThisFormat, UnknownFormat
from fdtrace.readers.sniff import form_of, recognise

CALLS = b"""\
execve("/usr/bin/true", ["true"], 0x7ffd4420dbe0 /* 35 vars */) = 0
brk(NULL)                               = 0x5626e20ea000
openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3
close(3)                                = 0
exit_group(0)                           = ?
+++ exited with 0 +++
"""

PROSE = b"This note says how the trace below was made, and what (in my opinion) is to be seen in it.\n"

LEADERS = {
    "none": b"",
    "pid column": b"21303 ",
    "short pid, padded": b"123   ",
    "pid in brackets": b"[pid   123] ",
    "pid with command": b"18112<sh> ",
    "pid in brackets with command": b"[pid 18118<a b>] ",
    "-t": b"06:55:52 ",
    "-tt": b"06:55:52.365091 ",
    "-ttt": b"1795416952.375056 ",
    "-ttt, whole seconds": b"1795416952 ",
    "-r": b"     0.000553 ",
    "-r -t": b"06:55:52 (+     0.000522) ",
    "-f -ttt": b"21303 1795416952.375056 ",
    "-i": b"[00007f3fe9a23ad7] ",
    "-n": b"[ 257] ",
    "everything": b"9  [unconfined_t] 06:55:52.47 (+     0.000000) [  59] [00007effb6eddad7] ",
    "quoted in a mail": b"> ",
    "indented": b"    ",
    "coloured": b"\x1b[32m",
}

LINES = {
    "resumed": b'<... read resumed>"x", 5)          = 5',
    "unfinished": b"wait4(-1,  <unfinished ...>",
    "detached": b"accept4(3<TCP:[127.0.0.1:34177]>,  <detached ...>",
    "signal": b"--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7} ---",
    "old signal": b"--- SIGCHLD (Child exited) @ 0 (0) ---",
    "killed": b"+++ killed by SIGSEGV (core dumped) +++",
    "superseded": b"+++ superseded by execve in pid 21299 +++",
    "32 bit": b"[ Process PID=24594 runs in 32 bit mode. ]",
    "error in another language": 'open("x", 0) = -1 ENOENT (Нет такого файла)'.encode(),
    "unknown call": b"syscall_0x7cf(0x1, 0x2) = -1 ENOSYS (Function not implemented)",
    "restart": b"restart_syscall(<... resuming interrupted nanosleep ...>) = 0",
}


@pytest.mark.parametrize("leader", LEADERS)
def test_every_leader_is_strace(leader: str) -> None:
    # GIVEN a capture whose lines all begin in one of strace's ways
    head = b"".join(LEADERS[leader] + line for line in CALLS.splitlines(keepends=True))
    # WHEN / THEN
    found = recognise(head)
    assert (found.kind, found.whole, found.born) == ("strace", True, True)


@pytest.mark.parametrize("line", LINES)
def test_a_single_line_of_any_sort_is_strace(line: str) -> None:
    assert recognise(LINES[line] + b"\n").kind == "strace"


@pytest.mark.parametrize(
    ("leader", "pids"),
    [
        ("none", set()),
        ("pid column", {21303}),
        ("pid in brackets", {123}),
        ("-ttt, whole seconds", set()),
        ("-r", set()),
        ("-n", set()),
    ],
)
def test_thread_numbers_are_told_from_times(leader: str, pids: set[int]) -> None:
    # GIVEN lines that begin with numbers of one sort
    head = b"".join(LEADERS[leader] + line for line in CALLS.splitlines(keepends=True))
    # WHEN / THEN
    assert recognise(head).pids == pids


@pytest.mark.parametrize(
    "head",
    [
        CALLS.replace(b"\n", b"\r\n"),
        b"\0" * 5000 + CALLS,
        PROSE * 100 + CALLS,
        b"$ strace true\n" + CALLS + b"$ exit\n",
        CALLS.replace(b"\n", b"\nusr bin lib\n"),
        CALLS + b'write(1, "' + b"x" * 100_000,
        b'write(1, "' + b"x" * 100_000,
        b"sendmsg(7<UNIX:[1->2]>, {msg_name=NULL, msg_iov=[",
        b"close(3)  = 0\n" + b" > /usr/lib/ld.so(_dl_x+0x7) [0x20a07]\n" * 2000,
        CALLS + b"% time     seconds  usecs/call     calls    errors syscall\n",
    ],
    ids=[
        "CRLF",
        "hole of NUL bytes",
        "long introduction",
        "shell prompts",
        "output of the program",
        "cut in a long line",
        "nothing but a long line",
        "nothing but a cut line",
        "stack frames",
        "summary at the end",
    ],
)
def test_what_surrounds_a_trace_does_not_hide_it(head: bytes) -> None:
    assert recognise(head).kind == "strace"


def test_a_trace_in_a_long_text_is_not_the_whole() -> None:
    assert not recognise(PROSE * 100 + CALLS).whole


def test_one_stray_line_does_not_make_a_trace() -> None:
    # GIVEN a long text that quotes a single call
    head = PROSE * 200 + b"close(3)  = 0\n" + PROSE * 200
    # WHEN / THEN
    with pytest.raises(UnknownFormat, match="only 1 looks like a line"):
        recognise(head)


@pytest.mark.parametrize(
    "head",
    [
        b"strace: Process 15287 attached with 7 threads\nstrace: Process 15287 detached\n",
        b"/usr/bin/strace: Process 12 attached\nhello from the program\n",
        b"Process 797 attached with 2 threads - interrupt to quit\nProcess 797 detached\n",
        b"strace: WARNING: some warning\n",
    ],
)
def test_messages_of_strace_alone_are_a_kind_of_their_own(head: bytes) -> None:
    assert recognise(head).kind == "strace-messages"


FOREIGN = {
    "ltrace": b'fopen("/etc/passwd", "r")      = 0x55e0\nfclose(0x55e0)  = 0\n+++ exited (status 0) +++\n',
    "ltrace -S": b"SYS_brk(0)  = 0x5555\nSYS_close(3)  = 0\nmain->puts(0x1, 0x2) = 3\n",
    "strace -c": b"% time     seconds  usecs/call     calls    errors syscall\n"
    b"------ ----------- ----------- --------- --------- ----------------\n"
    b"  0.00    0.000000           0         1           read\n"
    b"  0.00    0.000000           0         2         1 close\n"
    b"------ ----------- ----------- --------- --------- ----------------\n"
    b"100.00    0.000000           0         3         1 total\n",
    "perf trace": b"         ? (         ): true/29721  ... [continued]: execve())   = 0\n"
    b"     0.061 ( 0.016 ms): true/29721 brk()    = 0x55b39f793000\n",
    "gVisor": b"I0808 17:55:27.651601  24647 strace.go:599] [   2:   2] cat X brk(0x0) = 93 (0x55) (1.3us)\n",
    "truss": b'open("/etc/libmap.conf",O_RDONLY,00) = 3 (0x3)\nopen("/x",0,0) ERR#2 \'No such file\'\n',
    "audit": b"type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 success=no exit=-13\n",
    "netstat on Windows": b"\nActive Connections\n\n  Proto  Local Address    Foreign Address    State\n"
    b"  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING\n",
    "JSON": b'{"log": "close(3) = 0\\n", "stream": "stderr"}\n',
    "HTML": b"<!DOCTYPE html>\n<html><body><pre>close(3) = 0</pre></body></html>\n",
    "ELF": b"\x7fELF\x02\x01\x01" + b"\0" * 60,
    "zip": b"PK\x03\x04" + b"\x14\0" * 40,
    "tar": b"trace.log".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 200,
    "pcap": b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + b"\0" * 40,
    "twice": b"\x1f\x8b\x08\0\0\0\0\0",
    "binary": bytes(range(256)) * 10,
    "another logger": b'Nov 23 10:00:00 host app[77]: openat(AT_FDCWD, "/x", O_RDONLY) = 3\n',
    "blank": b"\n\n \0\0\n",
    "not a capture": b"\n".join([b"Dear all,", b"the server ran out of descriptors (again).", b"Yours"]),
}


@pytest.mark.parametrize("sort", FOREIGN)
def test_what_is_not_strace_is_named(sort: str) -> None:
    # GIVEN something that is no capture
    words = {"ltrace -S": "ltrace", "twice": "compressed twice", "blank": "blank lines"}
    words |= {"another logger": "prefix of another logger"}
    # WHEN / THEN the error says what it is, and where
    with pytest.raises(UnknownFormat, match=words.get(sort, sort)) as error:
        recognise(FOREIGN[sort], "dir/x")
    assert str(error.value).startswith("dir/x: ")


OTHER_KINDS = {
    "lsof": b"COMMAND   PID USER   FD      TYPE DEVICE SIZE/OFF    NODE NAME\n"
    b"python3 26777 root  cwd       DIR  254,0     4096       2 /\n"
    b"python3 26777 root   21u     IPv4 309963      0t0     TCP 127.0.0.1:55083 (LISTEN)\n",
    "lsof ": b"p26777\ncpython3\nf3\nar\ntREG\nn/etc/passwd\nf4\naw\ntFIFO\nnpipe\n",
    "netstat": b"Active Internet connections (servers and established)\n"
    b"Proto Recv-Q Send-Q Local Address   Foreign Address  State   PID/Program name\n"
    b"tcp        0      0 127.0.0.1:55083 0.0.0.0:*        LISTEN  26777/python3\n",
    "ss": b"State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
    b'LISTEN 0 128 127.0.0.1:80 0.0.0.0:* users:(("nginx",pid=1,fd=6))\n',
    "procfs": b"total 0\nlrwx------ 1 root root 64 Nov 23 07:00 21 -> socket:[309963]\n",
    "procfs ": b"pos:\t0\nflags:\t02100001\nmnt_id:\t27\n",
    "procfs  ": b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
    b"   0: 0100007F:8581 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 288621\n",
    "lsof  ": b'{"lsof_version":"4.99.7","processes":[{"pid":1,"command":"sh","files":[{"fd":"3"}]}]}\n',
    "lsof   ": b'{"pid":1,"command":"sh","fd":"3","type":"REG","name":"/etc/passwd"}\n' * 3,
    "lws": b"[2026/11/23 07:05:37:7305] N: LWS: 4.1.6-, loglevel 1031\n"
    b"[2026/11/23 07:05:37:7306] N:  ++ [wsi|0|pipe] (1)\n",
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_captures_of_other_tools_are_recognised_with_a_reason(kind: str) -> None:
    found = recognise(OTHER_KINDS[kind])
    assert (found.kind, found.whole) == (kind.strip(), True)
    assert f"have the form of {found.kind} output" in found.reasons[0]


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_the_lines_of_one_tool_have_the_form_of_no_other(kind: str) -> None:
    # GIVEN the lines of a capture, headers and rows
    forms = {form_of(line) for line in OTHER_KINDS[kind].splitlines()}
    # WHEN / THEN each is of this kind, or of none
    assert forms - {""} == {kind.strip()}


def test_a_kind_that_was_said_settles_a_doubtful_text() -> None:
    # GIVEN a long text that quotes a single call
    head = PROSE * 200 + b"close(3)  = 0\n" + PROSE * 200
    # WHEN / THEN
    found = recognise(head, kind="strace")
    assert (found.kind, found.reasons) == ("strace", ("said to be strace", "1 line has its form"))


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_every_kind_can_be_said(kind: str) -> None:
    # GIVEN a capture among far more lines of prose
    head = PROSE * 200 + OTHER_KINDS[kind]
    # WHEN / THEN
    assert recognise(head, kind=kind.strip()).kind == kind.strip()


@pytest.mark.parametrize("said", sorted({kind.strip() for kind in OTHER_KINDS}))
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_kind_that_was_said_is_contradicted_by_another(said: str, kind: str) -> None:
    if said == kind.strip():
        return
    with pytest.raises(NotThisFormat, match=f"was said to be {said}, but .* {kind.strip()} output"):
        recognise(OTHER_KINDS[kind], kind=said)


@pytest.mark.parametrize("said", [*sorted({kind.strip() for kind in OTHER_KINDS}), "strace"])
def test_a_kind_that_was_said_is_contradicted_by_prose(said: str) -> None:
    with pytest.raises(NotThisFormat, match=f"was said to be {said}, but is not a capture"):
        recognise(PROSE * 50, kind=said)


@pytest.mark.parametrize("head", [OTHER_KINDS["lsof"], FOREIGN["ltrace"], FOREIGN["ELF"]])
def test_a_kind_that_was_said_does_not_settle_the_plainly_wrong(head: bytes) -> None:
    with pytest.raises(NotThisFormat, match="was said to be strace, but"):
        recognise(head, "x", kind="strace")


@given(st.binary(max_size=2000))
def test_any_bytes_are_recognised_or_refused(head: bytes) -> None:
    # GIVEN anything, WHEN it is looked at, THEN there is an answer or the one error
    with contextlib.suppress(UnknownFormat):
        assert recognise(head).reasons


@pytest.mark.parametrize(
    "piece", [b"(", b" ", b"a(", b") = ", b"[0] ", b"1 ", b"> ", b"lrwxrwxrwx 1", b"x 1 2r "]
)
def test_a_long_line_costs_no_time(piece: bytes) -> None:
    # GIVEN a line of a megabyte that might lead a pattern into trying everything
    head = piece * ((1 << 20) // len(piece))
    # WHEN
    began = time.perf_counter()
    with contextlib.suppress(UnknownFormat):
        recognise(head)
    # THEN
    assert time.perf_counter() - began < 2


@pytest.mark.live
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    "options", ["", "-f -tt", "-ttt -T -yy", "-r -i -n", "-k", "-f -x -v -s 0", "-X raw", "-e trace=close"]
)
def test_captures_of_this_machine_are_strace(options: str, tmp_path: Path) -> None:
    # GIVEN a recording of a small program
    out = tmp_path / "trace"
    run = subprocess.run(
        ["strace", *options.split(), "-o", out, "sh", "-c", "ls / | cat"], capture_output=True
    )
    if run.returncode:
        pytest.skip(f"strace cannot record here: {run.stderr.decode(errors='replace')[:200]}")
    # WHEN / THEN
    found = recognise(out.read_bytes()[:65536])
    assert (found.kind, found.whole) == ("strace", True)
    assert bool(found.pids) == ("-f" in options)
