"""What one line of strace becomes: calls, halves of calls, signals and exits."""

from __future__ import annotations

import pytest

from fdtrace.readers.strace.window import Mark, Row
from tests.readers.strace.scanned import scan

# -- annotations -------------------------------------------------------------

ANNOTATIONS = [
    "/etc/passwd",
    "/usr/lib/x (deleted)",
    r"/tmp/a\74b\76c",
    r"/tmp/a\"b\\c\n",
    r"/tmp/\303\251t\303\251",
    r"\x2f\x65\x74\x63",
    r"/memfd:mem \74x\76",
    "/srv/app/#2222372",
    "pipe:[178736]",
    "socket:[178803]",
    "anon_inode:[eventpoll]",
    "anon_inode:inotify",
    "net:[4026531837]",
    "/dev/null<char 1:3>",
    "/dev/sda<block 8:0>",
    "/dev/ptmx<char 5:2 @/dev/pts/1>",
    "pid:20572",
    "pid:20572<comm>",
    "pidfd:[9]",
    "signalfd:[INT TERM]",
    "{eventfd-count=0x7, eventfd-id=4, eventfd-semaphore=1}",
    "TCP:[412024]",
    "TCP:[127.0.0.1:35685]",
    "TCP:[127.0.0.1:43674->127.0.0.1:35685]",
    "TCPv6:[[::1]:80->[::1]:5000]",
    "TCPv6:[::1:80->::1:5000]",
    "UNIX:[178765->178769]",
    'UNIX-STREAM:[178769->178765,"/tmp/s,ock]>"]',
    'UNIX-STREAM:[1,"/tmp/a\\"]>b"]',
    'UNIX:[1,@"abs]>, (x) = 3"]',
    "NETLINK:[ROUTE:19193]",
    "L2TP/IP:[12]",
    "UDPLITEv6:[12]",
    "/old/raw>name",
    "/old/<raw>",
    "/",
]


@pytest.mark.parametrize("note", ANNOTATIONS)
@pytest.mark.parametrize("gone", ["", "(deleted)"])
@pytest.mark.parametrize("rest", ["", ", 0x7ffd, 5", ' [system_u:object_r:etc_t], "x"'])
def test_annotations(note: str, gone: str, rest: str) -> None:
    read = note + (" (deleted)" if gone else "")
    for time, duration in (("", None), (" <0.000010>", 10_000)):
        row = scan(f"7 06:55:52 fsync(3<{note}>{gone}{rest}) = 4<{note}>{gone}{time}").row
        assert (row.fd, row.note, row.ret, row.ret_note, row.duration) == (3, read, 4, read, duration)


@pytest.mark.parametrize("note", ANNOTATIONS)
def test_annotations_of_cut_calls(note: str) -> None:
    halves = f'7 read(3<{note}>,  <unfinished ...>\n7 <... read resumed>"x", 1) = 1\n'
    found = scan(f"{halves}7 read(4<{note}> <detached ...>")
    assert [(row.kind, row.fd, row.note) for row in found.rows] == [
        (Row.ENTRY, 3, note),
        (Row.EXIT, 3, note),
        (Row.ENTRY, 4, note),
    ]


@pytest.mark.parametrize("note", ANNOTATIONS)
@pytest.mark.parametrize("first", ["AT_FDCWD", "-100 /* AT_FDCWD */", "-100"])
def test_annotated_working_directory(note: str, first: str) -> None:
    row = scan(f'openat({first}<{note}>, "x", O_RDONLY) = 3<{note}>').row
    assert (row.ret, row.ret_note) == (3, note)
    assert row.fd == (None if first == "AT_FDCWD" else -100)
    assert row.note == (None if first == "AT_FDCWD" else note)


@pytest.mark.parametrize(
    "line",
    [
        "madvise(0x1<<3, 5, MADV_X) = 0",
        "prctl(PR_SET_MM, 1<<FOO|1<<BAR, 0) = 0",
        "capset({version=1}, {effective=1<<CAP_KILL|1<<CAP_CHOWN, permitted=0}) = 0",
        "fcntl(3, F_SETOWN, 7 /* 23721 in strace's PID NS */) = 0",
        'ioctl(3, TCGETS, {c_cc="\\x03\\x1c>) = 5", ...}) = 0',
        "poll([{fd=3</a>, events=POLLIN}, {fd=4<pipe:[1]>}], 2, -1) = 0",
        'recvmsg(3, {msg_control=[{cmsg_data=[22]}], msg_iov=[{iov_base=") = 9", iov_len=5}]}, 0) = 0',
        "clone3({flags=CLONE_VM|CLONE_FILES} => {parent_tid=[123]}, 88) = 0",
        "getsockopt(3, SOL_SOCKET, SO_X, [16 => 28], [4]) = 0",
        'execve("/bin/x", ["x", "/* not a comment"], 0x7ffd /* 3 vars */) = 0',
        'write(3, "x) = 5 <unfinished ...>\\n", 24) = 0',
        'write(3, "\\\\", 1) = 0',
        'write(3, "\\"", 1) = 0',
        'write(3, "\\1\\2"..., 832) = 0',
        "bpf(BPF_MAP_CREATE, {map_flags=0, inner_map_fd=0</dev/null>}, 72) = 0",
        "restart_syscall(<... resuming interrupted clock_nanosleep ...>) = 0",
        "restart_syscall(<... resuming interrupted call ...>) = 0",
        "pause() = 0",
        "sigreturn({mask=[]}) = 0",
    ],
)
@pytest.mark.parametrize("leader", ["", "12 ", "[pid 12] 06:55:52.000001 "])
def test_the_end_of_the_arguments_is_found_by_reading_forward(leader: str, line: str) -> None:
    found = scan(leader + line)
    assert (found.row.ret, found.row.kind, found.row.text.decode()) == (0, Row.CALL, line)


# -- results -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "ret", "errno", "flags"),
    [
        ("3", 3, None, 0),
        ("-7", -7, None, 0),
        ("0x7f87f5da3000", 0x7F87F5DA3000, None, 0),
        ("0xffffffffffffffff", -1, None, 0),
        ("0644", 0o644, None, 0),
        ("0", 0, None, 0),
        ("18446744073709551615", None, None, 0),
        ("0x8002 (flags O_RDWR|O_LARGEFILE)", 0x8002, None, 0),
        ("0x1 (flags FD_CLOEXEC)", 1, None, 0),
        ("0 (Timeout)", 0, None, 0),
        ("1 ([{fd=6, revents=POLLIN}])", 1, None, 0),
        ("1 (in [3], left {tv_sec=0, tv_usec=9})", 1, None, 0),
        ("-1 ENOENT (No such file or directory)", -1, "ENOENT", 0),
        ("-1 EINVAL (Argumento inválido)", -1, "EINVAL", 0),
        ("-1 EINVAL (无效的参数)", -1, "EINVAL", 0),
        ("-1 EAGAIN (资源 (暂时) 不可用)", -1, "EAGAIN", 0),
        ("-1 (errno 1234)", -1, "errno 1234", 0),
        ("-1 (errno 18446744073709551595)", -1, "errno 18446744073709551595", 0),
        ("-1 E??? (errno 599)", -1, "E???", 0),
        ("-1 ERRNO_515 (Unknown error 515)", -1, "ERRNO_515", 0),
        ("?", None, None, Mark.NO_RESULT),
        ("? <unavailable>", None, None, Mark.NO_RESULT),
        ("? ERESTARTSYS (To be restarted if SA_RESTART is set)", None, "ERESTARTSYS", Mark.RESTARTED),
        ("? ERESTARTSYS (To be restarted)", None, "ERESTARTSYS", Mark.RESTARTED),
        ("? ERESTARTNOINTR (To be restarted)", None, "ERESTARTNOINTR", Mark.RESTARTED),
        ("? ERESTARTNOHAND (To be restarted if no handler)", None, "ERESTARTNOHAND", Mark.RESTARTED),
        ("? ERESTART_RESTARTBLOCK (Interrupted by signal)", None, "ERESTART_RESTARTBLOCK", Mark.RESTARTED),
        ("-1 EIO (Input/output error) (INJECTED)", -1, "EIO", Mark.INJECTED | Mark.NOT_EXECUTED),
        ("42 (INJECTED)", 42, None, Mark.INJECTED | Mark.NOT_EXECUTED),
        ("3 (INJECTED: args)", 3, None, Mark.INJECTED),
        ("3 (INJECTED: args, retval)", 3, None, Mark.INJECTED | Mark.NOT_EXECUTED),
        ("3 (DELAYED)", 3, None, 0),
        ("3 (INJECTED: args) (DELAYED)", 3, None, Mark.INJECTED),
        ("18119<m32>", 18119, None, 0),
        ("1 /* 23721 in strace's PID NS */", 1, None, 0),
        ("3 // the log", 3, None, 0),
    ],
)
@pytest.mark.parametrize("time", [None, "0", "0.000", "0.000171", "12.000000171"])
def test_results(result: str, ret: int | None, errno: str | None, flags: int, time: str | None) -> None:
    duration = {None: None, "0": 0, "0.000": 0, "0.000171": 171_000, "12.000000171": 12_000_000_171}[time]
    tail = f" <{time}>" if time is not None else ""
    for blanks in (" ", " " * 20):
        row = scan(f'7 06:55:52 read(3</a>, "", 5){blanks}= {result}{tail}\n').row
        assert (row.ret, row.errno, row.flags, row.duration) == (ret, errno, flags, duration)
        assert (row.fd, row.note, row.kind) == (3, "/a", Row.CALL)


def test_options_are_remembered() -> None:
    found = scan("close(3) = -1 EIO (Input/output error) (INJECTED)\n")
    assert found.tally.features == {"-e inject": 1}


@pytest.mark.parametrize(
    ("line", "fd", "ret"),
    [
        ("close(0x3) = 0", 3, 0),
        ("close(0xffffffff) = -1 EBADF (Bad file descriptor)", -1, -1),
        ("openat(0xffffff9c, 0x7fa0, 0x80000) = 0x3", -100, 3),
        ("openat(0xffffffffffffff9c, 0x7fa0, 0x80000) = 0x3", -100, 3),
        ('openat(-100, "x", 0x80000) = 3', -100, 3),
        ('openat(-100 /* AT_FDCWD */, "x", 0x80000 /* O_RDONLY|O_CLOEXEC */) = 3', -100, 3),
        ("munmap(0x7f0000000000, 5) = 0", None, 0),
        ("munmap(0xffffffff00000000, 5) = 0", None, 0),
        ('openat(dirfd=AT_FDCWD</tmp>, pathname="x", flags=O_RDONLY) = 3</tmp/x>', None, 3),
        ("close(fd=3</tmp/x>) = 0", 3, 0),
        ("close(-1) = -1 EBADF (Bad file descriptor)", -1, -1),
        ("exit_group(0) = ?", 0, None),
        ("open(0x7ffd12345678, O_RDONLY) = 3", None, 3),
    ],
)
def test_the_first_number(line: str, fd: int | None, ret: int | None) -> None:
    row = scan(line).row
    assert (row.fd, row.ret) == (fd, ret)


@pytest.mark.parametrize(
    "name", ["syscall_0x7cf", "syscall_500", "syscall", "????", "_llseek", "fcntl64", "clone2"]
)
@pytest.mark.parametrize(
    "rest", ["(0x1, 0x2) = -1 ENOSYS (Function not implemented)", "( <unfinished ...>", "( <detached ...>"]
)
def test_names(name: str, rest: str) -> None:
    assert scan(f"12 {name}{rest}").row.syscall == name


# -- calls in two halves -----------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "rest", "whole"),
    [
        ("read(3, ", '"x", 5) = 5', 'read(3, "x", 5) = 5'),
        ("read(3, ", ' "x", 5) = 5', 'read(3, "x", 5) = 5'),
        ("read(3", ', "x", 5) = 5', 'read(3, "x", 5) = 5'),
        ("close(3", ")                 = 0", "close(3)                 = 0"),
        ("close(3", " ) = 0", "close(3) = 0"),
        ("close(3</a b>(deleted)", ") = 0 <0.000001>", "close(3</a b>(deleted)) = 0 <0.000001>"),
        ("nanosleep({1, 0}, ", " 0x7ff0) = 0", "nanosleep({1, 0}, 0x7ff0) = 0"),
        ("pipe2(", "[3, 4], O_CLOEXEC) = 0", "pipe2([3, 4], O_CLOEXEC) = 0"),
        ("getpid(", ") = 5", "getpid() = 5"),
        ("read(3, ", " <unfinished ...>) = ?", "read(3,  <unfinished ...>) = ?"),
        ("read(3", " <unfinished ...>) = ?", "read(3 <unfinished ...>) = ?"),
        ("wait4(-1", ", [{WIFEXITED(s)}], 0, NULL) = 7", "wait4(-1, [{WIFEXITED(s)}], 0, NULL) = 7"),
        (
            "restart_syscall(<... resuming interrupted nanosleep ...>",
            ") = 0",
            "restart_syscall(<... resuming interrupted nanosleep ...>) = 0",
        ),
        ("????(", ") = ?", "????() = ?"),
    ],
)
def test_both_halves(entry: str, rest: str, whole: str) -> None:
    name = entry.partition("(")[0]
    between = "8 06:00:01 getppid() = 1\n"
    found = scan(f"7 06:00:00 {entry} <unfinished ...>\n{between}7 06:00:02 <... {name} resumed>{rest}\n")
    first, other, last = found.rows
    assert (first.kind, first.tid, first.text.decode(), first.seq, first.ret) == (
        Row.ENTRY,
        7,
        entry,
        0,
        None,
    )
    assert other.seq == 1
    assert (last.kind, last.tid, last.text.decode(), last.seq) == (Row.EXIT, 7, whole, 0)
    assert (last.line, last.entry_line, last.entry_offset, last.entry_clock) == (3, 1, 0, first.clock)
    assert (last.fd, last.note) == (first.fd, first.note)
    assert last.clock is not None
    assert first.clock is not None
    assert last.clock - first.clock == 2_000_000_000
    assert found.tally.calls == 2


def test_the_second_half_of_a_call_that_began_before_the_capture() -> None:
    found = scan('7 <... read resumed>5, "x", 5) = 5\n7 <... close resumed>) = 0\n')
    assert [(row.kind, row.flags, row.fd, row.syscall, row.seq) for row in found.rows] == [
        (Row.EXIT, Mark.ORPHAN, None, "read", 0),
        (Row.EXIT, Mark.ORPHAN, None, "close", 1),
    ]


def test_the_second_half_of_another_call() -> None:
    found = scan('7 read(3,  <unfinished ...>\n7 <... close resumed>) = 0\n7 <... read resumed>"", 1) = 0\n')
    assert [(row.kind, row.syscall, row.fd, row.flags) for row in found.rows] == [
        (Row.ENTRY, "read", 3, 0),
        (Row.EXIT, "close", None, Mark.ORPHAN),
        (Row.EXIT, "read", 3, 0),
    ]


def test_cut_again_before_its_end() -> None:
    found = scan(
        "7 futex(0x1, FUTEX_WAIT,  <unfinished ...>\n"
        "7 <... futex resumed> <unfinished ...>\n"
        "7 <... futex resumed>2, NULL) = 0\n"
    )
    assert [(row.kind, row.line, row.entry_line) for row in found.rows] == [
        (Row.ENTRY, 1, 1),
        (Row.EXIT, 3, 1),
    ]
    assert found.account == (3, 0, 0, 0)


@pytest.mark.parametrize(
    ("line", "text", "flags"),
    [
        (
            "accept4(3<TCP:[127.0.0.1:34177]>,  <detached ...>",
            "accept4(3<TCP:[127.0.0.1:34177]>, ",
            Mark.DETACHED,
        ),
        ("nanosleep({1, 0},  <detached ...>", "nanosleep({1, 0}, ", Mark.DETACHED),
        (
            'execve("/bin/true", ["true"], 0x7ffd /* 39 vars */ <detached ...>',
            'execve("/bin/true", ["true"], 0x7ffd /* 39 vars */',
            Mark.DETACHED,
        ),
        ("???( <detached ...>", "???(", Mark.DETACHED),
        ("read(3,  <unfinished ...>", "read(3, ", 0),
    ],
)
def test_calls_without_an_end(line: str, text: str, flags: int) -> None:
    row = scan(f"7 {line}").row
    assert (row.kind, row.text.decode(), row.flags) == (Row.ENTRY, text, flags)


def test_finished_as_unfinished() -> None:
    row = scan("read(3,  <unfinished ...>) = ?").row
    assert (row.kind, row.fd, row.flags) == (Row.CALL, 3, Mark.NO_RESULT)


def test_exec_from_a_thread() -> None:
    found = scan(
        '14 execve("/bin/x", ["x"], 0x7ffd /* 4 vars */ <unfinished ...>\n'
        "11 +++ superseded by execve in pid 14 +++\n"
        "11 <... execve resumed>)  = 0\n"
    )
    assert [(row.kind, row.tid, row.ret) for row in found.rows] == [
        (Row.ENTRY, 14, None),
        (Row.SUPERSEDED, 11, 14),
        (Row.EXIT, 11, 0),
    ]
    assert (found.rows[2].entry_line, found.rows[2].flags) == (1, 0)


def test_exec_from_a_thread_in_its_own_file() -> None:
    found = scan('06:55:52 execve("/bin/x", ["x"], 0x7ffd /* 4 vars */ <pid changed to 11 ...>\n', tid=14)
    assert [(row.kind, row.tid, row.ret) for row in found.rows] == [
        (Row.ENTRY, 14, None),
        (Row.MOVED, 14, 11),
    ]
    assert found.rows[0].text.endswith(b"/* 4 vars */")


def test_the_file_of_a_thread_has_its_number() -> None:
    assert {
        row.tid for row in scan("close(3) = 0\nexit_group(0) = ?\n+++ exited with 0 +++\n", tid=14).rows
    } == {14}


# -- signals, exits, personality ----------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind", "ret"),
    [
        ("+++ exited with 0 +++", Row.EXITED, 0),
        ("+++ exited with 255 +++", Row.EXITED, 255),
        ("+++ killed by SIGKILL +++", Row.KILLED, None),
        ("+++ killed by SIGSEGV (core dumped) +++", Row.KILLED, None),
        ("+++ killed by SIGRT_2 +++", Row.KILLED, None),
        ("+++ superseded by execve in pid 21299 +++", Row.SUPERSEDED, 21299),
        (
            "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7, si_uid=0, si_status=0} ---",
            Row.SIGNAL,
            None,
        ),
        ("--- SIGCHLD (Child exited) @ 0 (0) ---", Row.SIGNAL, None),
        ("--- SIGALRM {si_signo=SIGALRM, ...} ---", Row.SIGNAL, None),
        ("--- SIGRT_3 {si_signo=SIGRT_3} ---", Row.SIGNAL, None),
        ("--- stopped by SIGTTOU ---", Row.SIGNAL, None),
    ],
)
@pytest.mark.parametrize("leader", ["", "7 ", "[pid 7] ", "7 06:55:52.000001 ", "     0.000553 ", "7<sh> "])
def test_other_lines(leader: str, line: str, kind: Row, ret: int | None) -> None:
    found = scan(leader + line)
    assert (found.row.kind, found.row.ret, found.row.syscall, found.row.seq) == (kind, ret, None, -1)
    assert found.row.tid == (7 if "7" in leader else 0)


@pytest.mark.parametrize("mode", ["32 bit", "64 bit", "x32"])
@pytest.mark.parametrize(
    "leader",
    [
        "",
        "7 ",
        "[pid 7] 06:55:52 ",
        "06:55:52.470047 (+     0.000000) [  59] [00007effb6eddad7] ",
        "strace: ",
    ],
)
def test_personality(leader: str, mode: str) -> None:
    found = scan(f"{leader}[ Process PID=24594 runs in {mode} mode. ]\n")
    assert found.rows == []
    assert found.account == (1, 0, 0, 0)


@pytest.mark.parametrize(
    "line", ["--- a/src/main.c", "+++ b/src/main.c", "+++ exited (status 0) +++", "--- 5 files"]
)
def test_lines_that_only_look_like_it(line: str) -> None:
    found = scan(f"close(3) = 0\n{line}\n")
    assert found.account == (1, 0, 0, 1)
