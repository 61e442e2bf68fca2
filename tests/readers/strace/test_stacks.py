"""Stack frames of -k and -kk."""

from __future__ import annotations

import pytest

from fdtrace.readers.strace.stacks import Frame, parse
from fdtrace.readers.strace.window import Mark, Row
from tests.readers.strace.scanned import scan

LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (f"{LIBC}(__open64+0x51) [0xf8011]", Frame(LIBC, "__open64", 0x51, 0xF8011)),
        ("/srv/app/k(leaky+0x13) [0x115c]", Frame("/srv/app/k", "leaky", 0x13, 0x115C)),
        ("/srv/app/ks() [0x115c]", Frame("/srv/app/ks", "", None, 0x115C)),
        (
            "/srv/app/k(leaky+0x12) [0x115b] /srv/app/k.c:3",
            Frame("/srv/app/k", "leaky", 0x12, 0x115B, "/srv/app/k.c", 3),
        ),
        (
            "/srv/app/k(main+0x1) [0x2] /srv/my app/k (1).c:30",
            Frame("/srv/app/k", "main", 1, 2, "/srv/my app/k (1).c", 30),
        ),
        ("/srv/k(main+0x1) [0x2] k.c:12", Frame("/srv/k", "main", 1, 2, "k.c", 12)),
        ("[vdso](clock_gettime+0x1a) [0xa1a]", Frame("[vdso]", "clock_gettime", 0x1A, 0xA1A)),
        (
            "unexpected_backtracing_error [0x7f0000000000]",
            Frame("unexpected_backtracing_error", "", None, 0x7F0000000000),
        ),
        ("too many stack frames", Frame("too many stack frames", "", None, None)),
        ("BUG IN print_call_cb", Frame("BUG IN print_call_cb", "", None, None)),
        (
            "/srv/a(std::map<int, std::vector<int> >::operator[](int&&)+0x2f) [0x4a]",
            Frame("/srv/a", "std::map<int, std::vector<int> >::operator[](int&&)", 0x2F, 0x4A),
        ),
        (
            "/srv/a(Pool::take(std::function<void (int)> const&)::"
            "{lambda()#1}::operator()() const+0x8) [0x9]",
            Frame(
                "/srv/a",
                "Pool::take(std::function<void (int)> const&)::{lambda()#1}::operator()() const",
                8,
                9,
            ),
        ),
        (
            "/srv/r(<std::fs::File as core::ops::Drop>::drop+0x11) [0x5f]",
            Frame("/srv/r", "<std::fs::File as core::ops::Drop>::drop", 0x11, 0x5F),
        ),
        (
            "/srv/r(_ZN4core3fmt17h0123456789abcdefE+0x0) [0x1]",
            Frame("/srv/r", "_ZN4core3fmt17h0123456789abcdefE", 0, 1),
        ),
        ("/srv/go(main.(*Server).serve+0x1c) [0x1d]", Frame("/srv/go", "main.(*Server).serve", 0x1C, 0x1D)),
        (
            "/srv/o(operator new(unsigned long)+0x18) [0x3]",
            Frame("/srv/o", "operator new(unsigned long)", 0x18, 3),
        ),
        ("/srv/a b/(x) y(f+0x1) [0x2]", Frame("/srv/a b/", "x) y(f", 1, 2)),
        ("/memfd:jit (deleted)(f+0x1) [0x2]", Frame("/memfd:jit (deleted)", "f", 1, 2)),
        ("/x(f+0x20001) [0x2]", Frame("/x", "f", 0x20001, 2, guessed=True)),
    ],
)
def test_one_frame(line: str, frame: Frame) -> None:
    assert parse(line) == frame


FRAMES = f" > {LIBC}(__open64+0x51) [0xf8011]\n > /srv/app/k(main+0x13) [0x115c]\n"
SYMBOLS = ["__open64", "main"]


def symbols(text: str, row: int = -1) -> list[str]:
    return [frame.symbol for frame in scan(text).rows[row].frames]


def test_frames_belong_to_the_line_before_them() -> None:
    found = scan(f"close(3) = 0\n{FRAMES}close(4) = 0\nclose(5) = 0\n{FRAMES}")
    assert [[frame.symbol for frame in row.frames] for row in found.rows] == [SYMBOLS, [], SYMBOLS]
    assert found.account == (3, 4, 0, 0)
    assert "-k" in found.tally.features


@pytest.mark.parametrize(
    "line",
    [
        "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---",
        "7 06:55:52 close(3) = -1 EBADF (Bad file descriptor) <0.000001>",
        '7 <... read resumed>"", 5) = 0',
        "exit_group(0) = ?",
        'write(1, "hi\\n", 3hi\n) = 3',
        'read(3, "x", 1) = 1\n | 00000  78                                                x                |',
        "set_tid_address(0x7f00) = 77",
    ],
)
def test_frames_follow_every_kind_of_line(line: str) -> None:
    found = scan(f"{line}\n{FRAMES}")
    row = next(row for row in reversed(found.rows) if row.kind is not Row.KNOWN_AS)
    assert [frame.symbol for frame in row.frames] == SYMBOLS
    assert found.tally.problems == 0


def test_a_cut_call_prints_its_frames_after_its_resumption() -> None:
    found = scan(
        f'7 read(3,  <unfinished ...>\n8 close(4) = 0\n{FRAMES}7 <... read resumed>"", 5) = 0\n{FRAMES}'
    )
    assert [len(row.frames) for row in found.rows] == [0, 2, 2]


def test_frames_of_a_record_behind_output() -> None:
    found = scan(f"7 06:55:52 close(3) = 0\nhello7 06:55:53 close(4) = 0\n{FRAMES}")
    assert [len(row.frames) for row in found.rows] == [0, 2]


def test_the_frames_of_a_call_whose_result_is_lost_are_its_own() -> None:
    found = scan(f"7 06:55:52 close(3) = 0\n7 06:55:53 read(5, \n{FRAMES}")
    assert [(row.fd, len(row.frames)) for row in found.rows] == [(3, 0), (5, 2)]
    assert found.rows[1].flags == Mark.CUT


def test_frames_at_the_beginning_belong_to_nothing() -> None:
    found = scan(FRAMES + "close(3) = 0\n")
    assert found.account == (1, 0, 0, 2)
    assert {problem.reason for problem in found.problems} == {"stack frame without a call"}


def test_equal_stacks_are_kept_once() -> None:
    found = scan(f"close(3) = 0\n{FRAMES}close(4) = 0\n{FRAMES}")
    assert found.rows[0].stack == found.rows[1].stack


def test_frames_with_other_line_ends() -> None:
    assert symbols(f"close(3) = 0\n{FRAMES}".replace("\n", "\r\n")) == SYMBOLS


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_frames_are_in_the_window_of_their_call(rows: int) -> None:
    text = f"close(3) = 0\n{FRAMES}" * 5
    assert [len(row.frames) for row in scan(text, rows=rows).rows] == [2] * 5
