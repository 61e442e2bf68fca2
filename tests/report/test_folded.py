from pathlib import Path

import pytest

from fdtrace.report.folded import Made, lines
from tests.captures import START, case
from tests.report.courses import HOSTILE

STACK = (
    " > /usr/lib/libc.so.6(__open64+0x51) [0xf8011]\n"
    " > /srv/app/k(load ticket; all+0x12) [0x115b]\n"
    " > /srv/app/k() [0x1200]\n"
    " > /srv/app/k(main+0x40) [0x1300]\n"
)


def test_a_stack_a_line_with_its_count() -> None:
    made = [
        Made("app", ("main", "serve", "open_log"), "openat", "file", "/var/log/*.log", 3),
        Made("app", ("main", "wake"), "eventfd2", "eventfd", "eventfd", 2),
        Made("app", ("main", "serve", "open_log"), "openat", "file", "/var/log/*.log", 4),
    ]
    assert list(lines(made)) == [
        "app;main;serve;open_log;file_/var/log/*.log 7\n",
        "app;main;wake;eventfd 2\n",
    ]


def test_without_a_stack_the_call_stands_for_it() -> None:
    assert list(lines([Made(None, (), "accept4", "tcp", "accepted at 0.0.0.0:80", 9)])) == [
        "unknown_program;accept4;tcp_accepted_at_0.0.0.0:80 9\n"
    ]


def test_hostile_names_cannot_add_frames_or_counts() -> None:
    (line,) = lines([Made(HOSTILE, (HOSTILE, "a 7\nb;c"), "openat", "file", HOSTILE, 1)])
    assert line.isprintable() is False  # the line end alone
    assert line[:-1].isprintable()
    stack, count = line[:-1].split(" ")
    assert count == "1"
    assert len(stack.split(";")) == 4
    assert stack.split(";")[2] == "a_7\\nb:c"


def test_of_a_capture(tmp_path: Path) -> None:
    text = START + "".join(
        f'100 openat(AT_FDCWD, "/srv/t/{fd}.json", O_RDONLY) = {fd}\n{STACK}' for fd in range(3, 8)
    )
    text += f"100 close(3) = 0\n{STACK}100 dup(4) = 3\n{STACK}"
    drawn = case(tmp_path, text).timeline()
    assert drawn.to_folded() == ("app;main;k+0x1200;load_ticket:_all;__open64;file_/srv/t/*.json 5\n")
    assert drawn.notices("x.folded") == ()


def test_the_notice_when_nothing_was_recorded_with_k(tmp_path: Path) -> None:
    text = START + '100 openat(AT_FDCWD, "/srv/t/1", O_RDONLY) = 3\n'
    drawn = case(tmp_path, text).timeline()
    assert drawn.to_folded() == "app;openat;file_/srv/t/* 1\n"
    assert "no stacks were recorded (-k)" in drawn.notices("x.folded")[0]


@pytest.mark.parametrize("end", ["close", "nothing"])
def test_what_was_closed_is_not_there(end: str, tmp_path: Path) -> None:
    text = (
        START + '100 openat(AT_FDCWD, "/srv/t/1", O_RDONLY) = 3\n' + "100 close(3) = 0\n" * (end == "close")
    )
    drawn = case(tmp_path, text).timeline()
    assert (drawn.to_folded() == "") == (end == "close")
