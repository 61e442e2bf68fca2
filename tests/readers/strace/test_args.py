"""The argument language: where one argument ends, and what numbers, flags, strings and lists mean."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.readers.strace import args as a
from fdtrace.readers.strace.args import Call


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"close(3) = 0", [b"3"]),
        (b"getpid() = 5", []),
        (
            b'openat(AT_FDCWD</tmp>, "x", O_RDONLY|O_CLOEXEC) = 3</tmp/x>',
            [b"AT_FDCWD</tmp>", b'"x"', b"O_RDONLY|O_CLOEXEC"],
        ),
        (b'write(3, "a, b) = 5", 9) = 9', [b"3", b'"a, b) = 5"', b"9"]),
        (b'write(3, "\\"), \\\\", 5) = 5', [b"3", b'"\\"), \\\\"', b"5"]),
        (b'write(3, "ab"..., 9) = 9', [b"3", b'"ab"...', b"9"]),
        (b"fsync(3<TCP:[1.2.3.4:5->6.7.8.9:10]>) = 0", [b"3<TCP:[1.2.3.4:5->6.7.8.9:10]>"]),
        (b'fsync(3<UNIX:[1,"/a,b)]>"]>, 4) = 0', [b'3<UNIX:[1,"/a,b)]>"]>', b"4"]),
        (b"fsync(3<{eventfd-count=0, eventfd-id=7}>, 4) = 0", [b"3<{eventfd-count=0, eventfd-id=7}>", b"4"]),
        (b"fsync(3</a, (b)>(deleted), 4) = 0", [b"3</a, (b)>(deleted)", b"4"]),
        (
            b"poll([{fd=3, events=POLLIN}, {fd=4}], 2, -1) = 1",
            [b"[{fd=3, events=POLLIN}, {fd=4}]", b"2", b"-1"],
        ),
        (b"clone3({flags=X} => {parent_tid=[5]}, 88) = 5", [b"{flags=X} => {parent_tid=[5]}", b"88"]),
        (b'execve("x", ["x", "y"], 0x7 /* 3, vars */) = 0', [b'"x"', b'["x", "y"]', b"0x7 /* 3, vars */"]),
        (b"f(1<<3, makedev(0x1, 0x3)) = 0", [b"1<<3", b"makedev(0x1, 0x3)"]),
        (b"wait4(, [{WIFEXITED(s)}], 0, NULL) = 7", [b"", b"[{WIFEXITED(s)}]", b"0", b"NULL"]),
        (b"read(3, ", [b"3"]),
        (b'read(3, "unended', [b"3", b'"unended']),
    ],
)
def test_arguments(text: bytes, expected: list[bytes]) -> None:
    assert Call(text).args == expected


def test_what_follows_the_arguments() -> None:
    assert Call(b"close(3)    = 0 <0.1>").rest == b"    = 0 <0.1>"
    assert Call(b"read(3, ").rest == b""
    assert Call(b"close(3) = 0").arg(4) == b""
    assert Call(b"f(1, 2) = 0").arg(-1) == b"2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"3", (3, None)),
        (b"3</p>", (3, b"/p")),
        (b"3</p>(deleted)", (3, b"/p (deleted)")),
        (b"3</p> [etc_t]", (3, b"/p")),
        (b"fd=3</p>", (3, b"/p")),
        (b"0x3", (3, None)),
        (b"-1", (-1, None)),
        (b"0xffffffff", (-1, None)),
        (b"0xffffff9c", (-100, None)),
        (b"0xffffffffffffff9c", (-100, None)),
        (b"-100 /* AT_FDCWD */</srv/app>", (-100, b"/srv/app")),
        (b"4294967295", (-1, None)),
        (b"3</dev/null<char 1:3>>", (3, b"/dev/null<char 1:3>")),
        (b"AT_FDCWD</tmp>", None),
        (b"NULL", None),
        (b"", None),
    ],
)
def test_descriptors(text: bytes, expected: tuple[int, bytes | None] | None) -> None:
    assert a.descriptor(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"5", 5),
        (b"0x10", 16),
        (b"0644", 0o644),
        (b"0", 0),
        (b"-1", -1),
        (b"minfd=10", 10),
        (b"089", 89),
        (b"F_DUPFD", None),
        (b"0x1 /* X */", 1),
    ],
)
def test_numbers(text: bytes, expected: int | None) -> None:
    assert a.number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"O_RDONLY|O_CLOEXEC", True),
        (b"flags=O_RDONLY|O_CLOEXEC", True),
        (b"0x80000 /* O_RDONLY|O_CLOEXEC */", True),
        (b"0x80000", True),
        (b"524288", True),
        (b"O_WRONLY|0x80000", True),
        (b"0x1 /* a=b */|0x80000", True),
        (b"O_RDONLY|O_CLOEXECUTE", False),
        (b"0x40000", False),
        (b"0644", False),
        (b"", False),
    ],
)
def test_flags(text: bytes, expected: bool) -> None:
    assert a.has_flag(text, b"O_CLOEXEC", 0x80000) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'"x"', (b"x", False)),
        (b'"ab"...', (b"ab", True)),
        (b'""', (b"", False)),
        (b'@"abstract"', (b"abstract", False)),
        (b'pathname="x"', (b"x", False)),
        (rb'"\x2f\x65"', (b"/e", False)),
        (rb'"\303\251\0\12x\18"', (b"\xc3\xa9\0\nx\x018", False)),
        (rb'"\n\t\v\f\r\"\\"', (b'\n\t\v\f\r"\\', False)),
        (rb'"\33[1m"', (b"\x1b[1m", False)),
        (b"NULL", None),
        (b"0x7ffd", None),
    ],
)
def test_strings(text: bytes, expected: tuple[bytes, bool] | None) -> None:
    assert a.string(text) == expected


@pytest.mark.parametrize(
    ("text", "expected", "cut"),
    [
        (b"[3, 4]", [3, 4], False),
        (b"[3</a>, 4<pipe:[5]>]", [3, 4], False),
        (b"[3]}, {x=[9]}", [3], False),
        (b"[3, 4, ...]", [3, 4], True),
        (b"[]", [], False),
        (b"pipefd=[3, 4]", [3, 4], False),
        (b"[0x3, 0x4]", [3, 4], False),
        (b"[3 /* x */, 4]", [3, 4], False),
        (b"NULL", [], False),
        (b"0x7ffd", [], True),
        (b"", [], False),
    ],
)
def test_lists_of_descriptors(text: bytes, expected: list[int], cut: bool) -> None:
    found, left_out = a.descriptors_in(text)
    assert ([fd for fd, _ in found], left_out) == (expected, cut)


def test_members_of_a_structure() -> None:
    text = b"{flags=CLONE_PIDFD, pidfd=0x7ffd, parent_tid=0x7ffe} => {pidfd=[5], parent_tid=[77]}"
    assert [value[:3] for value in a.members(text, b"pidfd")] == [b"0x7", b"[5]"]
    assert a.member_number(b"{fd=3, target_fd=4}", b"fd") == 3
    assert a.member_number(b"{fd=3}", b"pid") is None


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    call = Call(b"f(" + data)
    for argument in call.args:
        a.descriptor(argument)
        a.number(argument)
        a.has_flag(argument, b"X", 1)
        a.string(argument)
        a.descriptors_in(argument)


def quoted(data: bytes) -> bytes:
    """As strace quotes: octal, the short form unless a digit follows."""
    plain = {
        b: b"\\" + c
        for b, c in zip(b'\n\t\v\f\r"\\', (b"n", b"t", b"v", b"f", b"r", b'"', b"\\"), strict=True)
    }
    text = b""
    for i, byte in enumerate(data):
        digit = data[i + 1 : i + 2].isdigit()
        printable = 32 <= byte < 127
        text += plain.get(byte) or (
            bytes([byte]) if printable else b"\\%03o" % byte if digit else b"\\%o" % byte
        )
    return text


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=60))
def test_quoting_is_undone(data: bytes) -> None:
    assert a.unescape(quoted(data)) == data
    assert a.unescape(b"".join(b"\\x%02x" % byte for byte in data)) == data
