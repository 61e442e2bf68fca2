"""Text that is not one record a line: messages and output in the middle, wrapped and pasted captures."""

from __future__ import annotations

import pytest

from fdtrace.readers.strace.window import Mark, Row
from tests.readers.strace.scanned import scan

LEADERS = [
    "",
    "7 ",
    "[pid 7] ",
    "7 06:55:52.000001 ",
    "[pid 7] 1795416952.375056 ",
    "06:55:52 ",
    "     0.000553 ",
]


# -- output of the program -----------------------------------------------------


@pytest.mark.parametrize(
    ("before", "output", "after", "ret"),
    [
        ('write(1, "hi\\n", 3', "hi\n", ")         = 3", 3),
        ('write(1, "4\\n", 2', "4\n", ")                      = 2", 2),
        ('write(6, "1..16\\n", 6', "1..16\n", ")                  = 6", 6),
        ('write(1, "a\\nb\\n\\nc\\n", 7', "a\nb\n\nc\n", ") = 7", 7),
        ("read(0, ", "create 1\n", '"create 1\\n", 1024)             = 9', 9),
        ("read(0, ", "\n", '"\\n", 1024) = 1', 1),
        (
            "wait4(-1, ",
            "mkdir: cannot create directory «x»\n",
            "[{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 70160",
            70160,
        ),
        ('write(1, "say \\"hi\\n", 8', 'say "hi\n', ")     = 8", 8),
        ('write(1, "it\'s (\\n", 7', "it's (\n", ") = 7", 7),
        ('write(1, "), ]}\\n", 6', "), ]}\n", ") = 6", 6),
        ('write(1, "<a>\\n", 4', "<a>\n", ") = 4", 4),
        ('write(1, "x = 3\\n", 6', "x = 3\n", ") = 6", 6),
        ('write(1, "a\\"\\nb\\"\\n", 6', 'a"\nb"\n', ") = 6", 6),
        ('write(2, "\\"", 1', '"', ")                       = 1", 1),
        ('write(2, "a", 1', "a", ")                       = 1", 1),
        ('write(2, "f(3) = 4", 8', "f(3) = 4", ") = 8", None),
        ('write(1, "\\1", 1', "\x01", ") = 1", 1),
        ('write(1, "\\377\\n", 2', "\udcff\n", ") = 2", 2),
        ('write(1, "\\33[1mx\\n", 6', "\x1b[1mx\n", ") = 6", 6),
    ],
)
@pytest.mark.parametrize("leader", LEADERS)
def test_output_in_the_middle_of_a_call(
    leader: str, before: str, output: str, after: str, ret: int | None
) -> None:
    text = f"{leader}close(9) = 0\n{leader}{before}{output}{after}\n{leader}close(8) = 0\n"
    found = scan(text.encode("utf-8", "surrogateescape"))
    assert [(row.syscall, row.kind) for row in found.rows] == [
        ("close", Row.CALL),
        (before.partition("(")[0], Row.CALL),
        ("close", Row.CALL),
    ]
    if ret is not None:
        assert found.rows[1].ret == ret
    assert found.rows[1].line == 2
    assert (found.tally.parsed, found.tally.problems) == (3, 0)
    assert found.tally.continuation == output.count("\n") - output.count("\n\n")
    assert found.tally.blank == output.count("\n\n")


def test_a_spliced_call_is_marked() -> None:
    found = scan('write(1, "hi\\n", 3hi\n)         = 3\nwrite(1, "\\"", 1")   = 1\nclose(3) = 0\n')
    assert [row.flags for row in found.rows] == [Mark.SPLICED, Mark.SPLICED, 0]
    assert found.rows[0].text == b'write(1, "hi\\n", 3hi)         = 3'


def test_output_of_many_lines() -> None:
    found = scan(
        f'write(1, "x\\n"..., 700{"some text" * 8}\n' + "more (text\n" * 99 + ")    = 700\nclose(3) = 0\n"
    )
    assert [(row.syscall, row.ret) for row in found.rows] == [("write", 700), ("close", 0)]
    assert found.account == (2, 100, 0, 0)


def test_output_that_never_ends() -> None:
    found = scan('7 write(1, "x\\n"..., 700x\n' + "text\n" * 1000 + "7 close(3) = 0\n")
    assert [(row.kind, row.syscall, row.flags) for row in found.rows] == [
        (Row.ENTRY, "write", Mark.CUT),
        (Row.CALL, "close", 0),
    ]
    assert found.tally.problems == 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello[pid 12] close(3) = 0", (12, "close", 3)),
        ("hello[pid 12<sh>] close(3) = 0", (12, "close", 3)),
        ("hello 12 06:55:52 close(3) = 0", (12, "close", 3)),
        ("hello12 06:55:52.000001 close(3) = 0", (12, "close", 3)),
        ("hello 12 1795416952.375056 close(3) = 0", (12, "close", 3)),
        ("hello06:55:52 close(3) = 0", (0, "close", 3)),
        ("hello1795416952.375056 close(3) = 0", (0, "close", 3)),
        ("hello     0.000553 close(3) = 0", (0, "close", 3)),
        ("hello, close(3) = 0", (0, "close", 3)),
        ("at 10:00:00 [pid 12] close(3) = 0", (12, "close", 3)),
        ("hello[pid 12] +++ exited with 0 +++", (12, None, None)),
        ("hello[pid 12] --- SIGCHLD {si_pid=3} ---", (12, None, None)),
        ("hello[pid 12] <... close resumed>) = 0", (12, "close", None)),
        ("hello[pid 12] close(3 <unfinished ...>", (12, "close", 3)),
        ('hello[pid 12] write(3, "a\\n", 2a\n) = 2', (12, "write", 3)),
    ],
)
def test_a_record_behind_output_without_a_newline(text: str, expected: tuple[object, ...]) -> None:
    row = scan(text).row
    assert (row.tid, row.syscall, row.fd) == expected


# -- strace's own messages -----------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "strace: Process 21297 attached",
        "/usr/bin/strace: Process 21297 attached",
        "./strace: Process 21297 attached",
        "Process 21297 attached",
        "Process 21297 attached (waiting for parent)",
        "strace: Process 21297<sh> attached",
    ],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD", ", child_tidptr=0x7f) = 21297"),
        ("clone3({flags=CLONE_VM|CLONE_FILES, tls=0x7f0fd8fac6c0}", " => {parent_tid=[21297]}, 88) = 21297"),
        ("vfork(", ")                                 = 21297<m32>"),
        ("clone(", "child_stack=0, flags=SIGCHLD, child_tidptr=0x7f) = 21297"),
        ("fork(", ") = 21297"),
    ],
)
@pytest.mark.parametrize("leader", LEADERS)
def test_a_message_in_the_middle_of_a_call(leader: str, message: str, before: str, after: str) -> None:
    found = scan(f"{leader}close(9) = 0\n{leader}{before}{message}\n{after}\n")
    _, attached, call = found.rows
    assert (attached.kind, attached.tid, attached.line) == (Row.ATTACHED, 21297, 2)
    assert (call.text.decode(), call.ret, call.flags, call.line) == (before + after, 21297, Mark.SPLICED, 2)
    assert found.account == (2, 1, 0, 0)


@pytest.mark.parametrize("leader", LEADERS)
def test_a_message_and_then_the_cut(leader: str) -> None:
    found = scan(
        f'{leader}open("mymap.txt", O_WRONLYstrace: Process 53179 attached\n <unfinished ...>\n'
        f"{leader}<... open resumed>) = 3\n"
    )
    assert [(row.kind, row.ret) for row in found.rows[-2:]] == [(Row.ENTRY, None), (Row.EXIT, 3)]
    assert found.rows[-1].text == b'open("mymap.txt", O_WRONLY) = 3'
    assert found.rows[-1].entry_line == 1
    assert found.account == (2, 1, 0, 0)


def test_detached_by_an_interrupt() -> None:
    found = scan(
        "[pid 9] read(0, ^Cstrace: Process 46234 detached\n"
        "strace: Process 46235 detached\n"
        "strace: Process 46236 detached\n"
        " <detached ...>\n"
    )
    assert [(row.kind, row.tid) for row in found.rows if row.kind != Row.KNOWN_AS] == [
        (Row.DETACHED, 46234),
        (Row.DETACHED, 46235),
        (Row.DETACHED, 46236),
        (Row.ENTRY, 9),
    ]
    assert found.rows[-1].flags & Mark.DETACHED
    assert found.account == (3, 1, 0, 0)


@pytest.mark.parametrize(
    ("line", "kind", "tid", "threads"),
    [
        ("strace: Process 15287 attached with 7 threads", Row.ATTACHED, 15287, 7),
        ("Process 797 attached with 2 threads", Row.ATTACHED, 797, 2),
        ("Process 797 attached - interrupt to quit", Row.ATTACHED, 797, 0),
        ("strace: Process 797 attached", Row.ATTACHED, 797, 0),
        ("strace: Process 797 detached", Row.DETACHED, 797, 0),
        ("Process 797 detached", Row.DETACHED, 797, 0),
        ("^Cstrace: Process 797 detached", Row.DETACHED, 797, 0),
    ],
)
def test_messages_on_their_own_line(line: str, kind: Row, tid: int, threads: int) -> None:
    found = scan(f"{line}\nclose(3) = 0\n")
    assert (found.rows[0].kind, found.rows[0].tid, found.rows[0].ret) == (kind, tid, threads)
    assert found.account == (2, 0, 0, 0)
    assert found.rows[1].tid == (tid if kind is Row.ATTACHED else 0)


@pytest.mark.parametrize(
    "line",
    [
        "strace: WARNING: Proper structure decoding for this personality is not supported",
        'strace: Requested path "x" resolved into "/tmp/x"',
        "Requested path 'x' resolved into '/tmp/x'",
        "strace: attach: ptrace(PTRACE_SEIZE, 5): Operation not permitted",
        "strace: Can't stat 'cmd': No such file or directory",
        "strace: Exit of unknown pid 77 ignored",
        "Exit of unknown pid 77 seen",
        "umovestr: Input/output error",
        "Process 77 resumed (parent 5 ready)",
        "Process 77 suspended",
        "strace: next_event: queued pid 1147",
    ],
)
def test_messages_that_say_nothing_about_descriptors(line: str) -> None:
    found = scan(f"close(3) = 0\n{line}\n")
    assert len(found.rows) == 1
    assert found.account == (2, 0, 0, 0)


# -- extra lines ----------------------------------------------------------------


def test_dumps() -> None:
    found = scan(
        'read(3, "\\177ELF"..., 832) = 20\n'
        " | 00000  7f 45 4c 46 02 01 01 03  00 00 00 00 00 00 00 00  .ELF............ |\n"
        " | 00010  03 00 3e 00                                       ..>.             |\n"
        "close(3) = 0\n"
    )
    assert found.account == (2, 2, 0, 0)
    assert "-e read/write" in found.tally.features


def test_a_summary_behind_a_trace() -> None:
    found = scan(
        "close(3) = 0\n"
        "% time     seconds  usecs/call     calls    errors syscall\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        " 26.89    0.000256          21        12           mmap\n"
        "  0.00    0.000000           0         1         1 access\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        "100.00    0.000952           5       164        22 total\n"
        "System call usage summary for 32 bit mode:\n"
    )
    assert found.account == (1, 0, 0, 7)
    assert {problem.reason for problem in found.problems} == {"summary table of strace -c"}


def test_the_rest_of_a_cut_call_without_a_leader() -> None:
    """Under -z strace prints it so."""
    found = scan(
        "7 06:00:00 wait4(-1,  <unfinished ...>\n[{WIFEXITED(s)}], 0, NULL) = 9915\n7 06:00:01 close(3) = 0\n"
    )
    assert [(row.kind, row.tid, row.line, row.entry_line) for row in found.rows] == [
        (Row.ENTRY, 7, 1, 1),
        (Row.EXIT, 7, 2, 1),
        (Row.CALL, 7, 3, 3),
    ]
    assert found.account == (2, 1, 0, 0)


# -- pages, mails and notes -----------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("$ strace -f ls", "shell command line"),
        ("root@host:~# strace -o x ls", "shell command line"),
        ("# sudo strace ls", "shell command line"),
        ("# the log is opened here", "not a line of strace"),
        ("...", "not a line of strace"),
        ("PING google.com (216.58.204.46) 56(84) bytes of data.", "not a line of strace"),
        ("7 <... read resumed", "not a line of strace"),
        ("7 <... read resumed> nothing", "resumption that cannot be read"),
    ],
)
def test_lines_that_are_no_trace(line: str, reason: str) -> None:
    found = scan(f"7 06:55:52 close(3) = 0\n{line}\n7 06:55:53 close(4) = 0\n")
    assert len(found.rows) == 2
    assert [(problem.line, problem.reason) for problem in found.problems] == [(2, reason)]


@pytest.mark.parametrize(
    "line",
    [
        "    close(3) = 0",
        "\t7 close(3) = 0",
        "> close(3) = 0",
        "> > 7 06:55:52 close(3) = 0",
        ">> [pid 7] close(3) = 0",
        "close(3) = 0   ",
        "close(3)\u00a0 = 0",
        "7 06:55:52\u00a0close(3) = 0",
        "\x1b[33m7\x1b[0m \x1b[1mclose\x1b[m(\x1b[34m3\x1b[0m) \x1b[1;31m= \x1b[32m0\x1b[0m",
        "\0\0\0\0close(3) = 0",
        "close(3) = 0\r",
        "close(3) = 0\r\r",
        "close(3) = 0 # the log",
    ],
)
def test_dressed_records(line: str) -> None:
    found = scan(f"{line}\n")
    assert (found.row.syscall, found.row.fd, found.row.ret) == ("close", 3, 0)
    assert found.account == (1, 0, 0, 0)


def test_wrapped_lines() -> None:
    found = scan(
        'sendto(3, "x",\n64, 0, {sa_family=AF_INET,\nsin_port=htons(53)}, 16) = 64\n'
        'close(3)\n    = 0\nopenat(AT_FDCWD,\n"/etc/passwd", O_RDONLY)\n= 3\n'
    )
    assert [(row.syscall, row.ret, row.line) for row in found.rows] == [
        ("sendto", 64, 1),
        ("close", 0, 4),
        ("openat", 3, 6),
    ]
    assert found.account == (3, 5, 0, 0)


def test_prose_is_no_call() -> None:
    found = scan('open("x", O_RDONLY) = 3\nsleep(1);\nthen main(argc, argv) runs\nclose(3) = 0\n')
    assert [row.syscall for row in found.rows] == ["open", "close"]
    assert found.tally.problems == 2


def test_blank_lines_and_line_ends() -> None:
    found = scan("\r\nclose(3) = 0\r\n   \r\n\0\0\n\t\nclose(4) = -1 EBADF (Bad file descriptor)\r\n\r\n")
    assert [(row.fd, row.ret, row.errno) for row in found.rows] == [(3, 0, None), (4, -1, "EBADF")]
    assert found.account == (2, 0, 5, 0)
