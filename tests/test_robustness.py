"""Whatever the input, fdtrace says what it could not use: no other exception, no line lost."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fdtrace.errors import FdtraceError
from tests.strategies import damaged_captures

pytestmark = pytest.mark.skipif(
    not hasattr(importlib.import_module("fdtrace"), "load"), reason="fdtrace.load is not there"
)
STEADY = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
WORDS = st.sampled_from(
    [
        b'openat(AT_FDCWD, "/a", O_RDONLY) = 3', b"close(3)", b" = 0", b"= -1 EBADF (Bad file descriptor)",
        b" <unfinished ...>", b"<... close resumed>)", b"12 ", b"[pid 13] ", b"12:00:01.000001 ",
        b"1700000000.5 ", b"     0.000001 ", b"(+ 0.1) ", b"+++ exited with 0 +++",
        b"--- SIGCHLD {si_pid=3} ---", b"fork() = 14",
        b"clone3({flags=CLONE_FILES} => {parent_tid=[14]}, 88) = 14", b"= ?", b"\n", b"\n", b"\r\n",
        b"dup2(3, 99999999999999999999)", b"close_range(3, 4294967295, 0)", b"pipe2([3, 4], 0)", b"= 0x3",
        b"= 18446744073709551615", b"\x00", b"\xff", b'"', b"<TCP:[1->2]>",
        b" > /lib/libc.so.6(open+0x1) [0x2]", b" <0.000001>", b"execve(",
        b"+++ superseded by execve in pid 14 +++", b"strace: Process 14 attached\n",
        b"recvmsg(3, {msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[4, 5]}]}, 0) = 1", b"close(-1) = 0",
        b"= 1000000000 ", b"fcntl(3, F_DUPFD, 999999999) = 999999999", b"????( <unfinished ...>",
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("robust") / "trace"


def read(path: Path, data: bytes) -> Any:
    """Everything that can be asked of a capture of these bytes; None when it was refused."""
    import fdtrace

    path.write_bytes(data)
    try:
        case = fdtrace.load(str(path))
    except FdtraceError as error:
        return None if str(error) else pytest.fail("an error without a message")
    for table in (case.fds, case.events, case.processes, case.tasks, case.frames, case.problems):
        assert table.columns.size
    assert case.check().table.columns.size
    return case


def assert_every_line_counted(case: Any, data: bytes) -> None:
    """Each input line was parsed, continues another, is blank, or is a problem."""
    total = data.count(b"\n") + (not data.endswith(b"\n"))
    assert sum(coverage.lines for coverage in case.coverage) == total
    for coverage in case.coverage:
        counted = coverage.parsed + coverage.continuation + coverage.blank + coverage.problems
        assert counted == coverage.lines


@settings(STEADY, max_examples=40)
@given(data=st.binary(max_size=400))
@example(data=b"")
@example(data=b"\n")
@example(data=b"\x1f\x8b\x08\x00")
@example(data=b"BZh9")
@example(data=b"\xfd7zXZ\x00")
@example(data=b"\x28\xb5\x2f\xfd\x00")
def test_arbitrary_bytes(path: Path, data: bytes) -> None:
    case = read(path, data)
    if case is not None:
        assert_every_line_counted(case, data)


@settings(STEADY, max_examples=60)
@given(words=st.lists(WORDS, max_size=40))
def test_fragments_of_strace_in_any_order(path: Path, words: list[bytes]) -> None:
    data = b'execve("/bin/x", ["x"], 0x7ffd /* 3 vars */) = 0\nclose(9) = 0\n' + b"".join(words)
    case = read(path, data)
    if case is not None:
        assert_every_line_counted(case, data)


@settings(STEADY, max_examples=40)
@given(data=damaged_captures())
def test_damaged_captures(path: Path, data: bytes) -> None:
    case = read(path, data)
    if case is not None:
        assert_every_line_counted(case, data)
