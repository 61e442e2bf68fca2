"""What a capture cannot show is found out and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import START, case

FULL = (
    '100 1700000000.000001 execve("/srv/app", ["app"], 0x7ffd /* 20 vars */) = 0 <0.000100>\n'
    " > /usr/lib/libc.so.6(execve+0x7) [0xd5f17]\n"
    '100 1700000000.100000 openat(AT_FDCWD</srv>, "/a", O_RDONLY) = 3</a> <0.000010>\n'
    " > /usr/lib/libc.so.6(open64+0x51) [0xf8011]\n"
    " > /srv/app(load+0x13) [0x115c]\n"
    "100 1700000001.000000 close(3</a>) = 0 <0.000010>\n"
)


def test_a_full_capture_lacks_nothing(tmp_path: Path) -> None:
    (coverage,) = case(tmp_path, FULL).coverage

    assert coverage.missing == ()
    assert (coverage.born, coverage.clock, coverage.span_s) == (True, "epoch", 0.999999)
    assert set(coverage.options) == {"-f", "-ttt", "-T", "-y", "-k"}
    assert coverage.syscalls == {"close": 1, "execve": 1, "openat": 1}


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        (START + '100 openat(AT_FDCWD, "/a", O_RDONLY) = 3\n' * 3, "no close()"),
        ("100 close(3) = 0\n", "attached"),
        (START, "no clock"),
        (START, "no stacks"),
        (START, "no annotations"),
        (START.replace("100 ", "") + "clone(child_stack=NULL, flags=SIGCHLD) = 101\n", "not followed"),
        (START + "100 io_uring_setup(8, {flags=0}) = 3\n", "io_uring"),
        (START + "100 getpid() = 100\n" * 300, "no failed call"),
    ],
)
def test_each_gap_is_named(tmp_path: Path, text: str, gap: str) -> None:
    (coverage,) = case(tmp_path, text).coverage

    assert any(gap in missing for missing in coverage.missing), coverage.missing
    assert "strace -f" in coverage.remedy


def test_a_capture_without_closes_never_makes_a_leak(tmp_path: Path) -> None:
    opens = "".join(
        f'100 openat(AT_FDCWD, "/data/{n}", O_RDONLY) = {n}\n100 stat("/x") = 0\n' for n in range(3, 60)
    )

    found = case(tmp_path, START + opens)

    assert not found.coverage[0].closes_visible
    assert {finding.severity for finding in found.leaks()} <= {"info", "low"}
    assert "Cannot tell" in str(found.leaks())


@pytest.mark.parametrize(
    "text", ["", "\n\n", "100 close(", "no capture at all\n" + START, START + "garbage\n\x00\x00\n" + START]
)
def test_every_line_is_accounted_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "app.strace").write_text(text)
    import fdtrace

    try:
        (coverage,) = fdtrace.load(tmp_path / "app.strace", kind="strace").coverage
    except fdtrace.FdtraceError:
        return

    total = coverage.parsed + coverage.continuation + coverage.blank + coverage.problems
    assert total == coverage.lines == len(text.splitlines())
