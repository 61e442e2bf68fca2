"""Captures that are cut, hold other bytes than text, or have lines beyond all measure."""

from __future__ import annotations

import time

import pytest

from fdtrace.readers.strace.lines import LineScanner
from fdtrace.readers.strace.records import PROBLEM_ROWS
from fdtrace.readers.strace.window import Mark, Row, Scan
from tests.readers.strace.scanned import scan


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("525   close(1025055", ("close", None, None)),
        ("525   close(", ("close", None, None)),
        ("525   close(3)", ("close", 3, None)),
        ("525   close(3) =", ("close", 3, None)),
        ("525   read(3</etc/pass", ("read", 3, None)),
        ('525   read(3</etc/passwd>, "ab', ("read", 3, "/etc/passwd")),
        ('525   write(3, "a\\', ("write", 3, None)),
    ],
)
def test_a_cut_last_line(last: str, expected: tuple[object, ...]) -> None:
    found = scan(f"525   close(9) = 0\n{last}")
    row = found.rows[-1]
    assert (row.syscall, row.fd, row.note) == expected
    assert (row.kind, row.flags, row.line) == (Row.ENTRY, Mark.CUT, 2)
    assert found.account == (2, 0, 0, 0)


@pytest.mark.parametrize(
    "last", ["5", "525", "525   ", "525   clo", "525   +++ exi", "525   <... clos", "525   --- SI"]
)
def test_a_last_line_cut_too_early(last: str) -> None:
    found = scan(f"525   close(9) = 0\n{last}")
    assert len(found.rows) == 1
    assert found.tally.problems == 1


def test_a_lost_end_in_the_middle() -> None:
    found = scan('7 06:55:52 read(3, "a\n7 06:55:53 close(3) = 0\n')
    assert [(row.kind, row.syscall, row.flags) for row in found.rows] == [
        (Row.ENTRY, "read", Mark.CUT),
        (Row.CALL, "close", 0),
    ]


def test_invalid_utf8() -> None:
    found = scan(b'7 open("\xff\xfe", O_RDONLY) = 3</\xe9>\n\xff\xfe\n7 close(3) = -1 EBADF (\xc3\n')
    assert [(row.ret, row.ret_note) for row in found.rows] == [(3, "/\\xe9"), (-1, None)]
    assert found.problems[0].text == "\\xff\\xfe"


@pytest.mark.parametrize("body", ["x", "\\1", '\\"', "<", ")", "(", "/", "3<", ") = 3", "a=", "[{", "' "])
def test_a_line_of_several_megabytes(body: str) -> None:
    began = time.process_time()
    found = scan(f'7 write(3, "{body * (3_000_000 // len(body))}", 3000000) = 5\n7 close(3) = 0\n')
    assert [(row.fd, row.ret) for row in found.rows] == [(3, 5), (3, 0)]
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "body",
    [
        "x",
        "(",
        ")",
        '"',
        "<",
        "3<",
        "3<a",
        ") =",
        ") = 3 ",
        "f(",
        "/*",
        "=",
        "[pid 7] ",
        "1 06:00:00 ",
        "\\",
        "/* ",
        "3<{",
        "3<T:[",
        '3<T:["',
        "/",
        " ",
        "Process 7 attached",
        ") = 1 (",
        "3<a>b",
        "--- SIGCHLD ",
        "> ",
    ],
)
@pytest.mark.parametrize("lead", ["", "7 write(3, ", "7 close(3) = 0 "])
def test_a_long_line_that_is_no_record(lead: str, body: str) -> None:
    began = time.process_time()
    scan(f"7 06:00:00 close(4) = 0\n{lead}{body * (100_000 // len(body))}\n{body * 1000}\n7 close(3) = 0\n")
    assert time.process_time() - began < 10


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
def test_a_line_beyond_all_limits(block: int) -> None:
    found = scan(f'7 write(3, "{"x" * 500}", 500) = 500\n7 close(3) = 0\n', longest=100, block=block)
    assert found.rows[-1].syscall == "close"
    assert found.rows[-1].offset == 526
    assert found.rows[-1].line == 2
    assert found.problems[0].reason == "a line of 525 bytes: only the first 100 were read"
    assert found.problems[0].line == 1


def test_problem_rows_are_limited_but_all_lines_counted() -> None:
    lines = PROBLEM_ROWS + 500
    text = b"close(3) = 0\n" + b"no\n" * lines
    scanner = LineScanner(Scan(), 0, "trace")
    list(scanner.windows([text]))
    assert scanner.tally.problems == lines
    assert len(scanner.problems) == PROBLEM_ROWS + 1
    assert scanner.problems[-1].reason == "500 more lines like these"


def test_nothing() -> None:
    assert scan("").rows == []
    assert scan("\n").account == (0, 0, 1, 0)
