"""The fast scanner gives the rows of the line scanner, whatever the text and however it is cut."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.readers.strace import window
from tests.strace_text import Capture
from tests.strategies import captures, damaged_captures

pytest.importorskip("numba")

from tests.readers.strace.scanned import scan

pytestmark = pytest.mark.slow  # the first compilation alone takes half a minute

SAMPLES = sorted((Path(__file__).parents[3] / "samples").rglob("*.strace*"))
STEADY = settings(deadline=None, derandomize=True, max_examples=60)
BLOCKS = st.sampled_from([1, 60, 300, 2000, 1 << 16])


def text_of(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def same(
    text: bytes, block: int = 1 << 16, threads: int = 2, piece: int = 1 << 20, longest: int = 64 << 20
) -> None:
    fast = scan(text, block=piece, longest=longest, fast=block, threads=threads)
    assert fast == scan(text, longest=longest)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    text = text_of(path)[:300_000]
    same(text)
    same(text, block=4000, threads=1, piece=700)


@STEADY
@given(made=captures(max_size=25), block=BLOCKS, threads=st.integers(1, 3))
def test_generated_captures(made: tuple[object, object, Capture], block: int, threads: int) -> None:
    for text in made[2].files.values():
        same(text, block, threads)


@pytest.mark.parametrize("block", [60, 300, 1 << 16])
@pytest.mark.parametrize(
    ("limit", "most", "room"),
    [("NOTES", 3, 1 << 20), ("NOTES", 99, 40), ("STACKS", 2, 99), ("NAMES", 3, 99), ("ERRORS", 2, 99)],
)
def test_strings_beyond_their_limit(
    monkeypatch: pytest.MonkeyPatch, block: int, limit: str, most: int, room: int
) -> None:
    monkeypatch.setattr(window, limit, window.Limit("strings", most, room))
    lines = []
    for n in range(12):
        name = ("read", "close", "fstat", "lseek", "readv")[n % 5]
        lines += [
            f"7 {name}({n}</a{n % 7}>(deleted) <unfinished ...>\n8 openat(AT_FDCWD, 0) = 4</b{n % 6}>\n",
            f" > /lib/x(f{n % 4}+0x1) [0x{n % 4}]\n > /lib/y(main+0x2) [0x9]\n",
            f"7 <... {name} resumed>) = -1 E{n % 5}X (text)\n7 not a line\n8 dup({n}</c{n}>\n",
        ]
    same("".join(lines).encode(), block)


@STEADY
@given(data=damaged_captures(), block=BLOCKS, piece=st.integers(1, 4000))
def test_damaged_captures(data: bytes, block: int, piece: int) -> None:
    same(data, block, piece=piece)


FRAGMENTS = [
    b"close(3) = 0", b"close(3</a>(deleted)) = -1 EIO (Input/output error) <0.000012>", b"\n", b"\r\n", b"\x1b[1m", b"\0",
    b" > /lib/x(f+0x1) [0x2]\n", b"7 read(3, ", b'"', b")", b" <unfinished ...>\n", b"7 <... read resumed>", b" = 1\n",
    b"strace: Process 9 attached\n", b"x" * 50, b"[pid 9] ", b"06:00:00 ", b"1795416952.375056 ", b"     0.000553 ",
    b"(+     0.000522) ", b"[ 257] ", b"[00007f3fe9a23ad7] ", b"[a:b:c] ", b"7 +++ exited with 0 +++\n",
    b"7 +++ killed by SIGKILL +++\n", b"7 --- SIGCHLD {si_pid=9} ---\n", b"7 exit_group(0) = ?\n", b"7 clone(0) = 9\n",
    b"set_tid_address(0x7f) = 9\n", b"7 openat(AT_FDCWD</>, \"a\\\"b\", O_RDONLY) = 4<TCP:[1.2.3.4:5->6.7.8.9:1]>\n",
    b"7 wait4(-1 <unfinished ...>\n", b"7 <... wait4 resumed>, NULL) = ? ERESTARTSYS (To be restarted)\n", b"0x7f", b"<a",
    b"7 read(3</dev/null<char 1:3>>, ", b"5</p>", b", ", b"/* 3 vars */", b" (INJECTED)", b"[1, 2]", b"07", b" ",
]  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    data=st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(b"".join),
    block=st.integers(1, 400),
    longest=st.sampled_from([20, 80, 1 << 20]),
)
def test_fragments(data: bytes, block: int, longest: int) -> None:
    same(data, block, longest=longest)


LEADERS = [
    "", "7     ", "123456 ", "7<sh> ", "[pid     7] ", "[pid 7<a b>] ", "06:55:52 ", "7 06:55:52.365091 ",
    "1795416952.375056 ", "7 1795416952 ", "1795416952.375056123 ", "     0.000553 ", "7      0.000553 ",
    "06:55:52 (+     0.000522) ", "7 06:55:52.47 (+     0.000000) [  59] [00007effb6eddad7] ", "[ 257] ", "[????] ",
    "[????????????????] ", "7 [unconfined_u:r:t:s0] 06:55:52 ", "[d91767f4] ", "99999999999 ",
]  # fmt: skip
BODIES = [
    "close(3) = 0", "close(3</a>)                    = 0 <0.000012>", "close(fd=3) = 0", "close(0x3) = 0",
    "close(0xffffffff) = -1 EBADF (Bad file descriptor)", "close(0xffffffffffffff9c) = 0", "close(-1) = -1 EBADF (x)",
    'openat(AT_FDCWD</srv>, "a) = 5", O_RDONLY) = 3</srv/a) = 5> <0.1>', "umask(022) = 022", "lseek(3, 5, 0) = 0777",
    "accept4(3<TCP:[1:2]>, NULL, NULL, 0) = 4<TCPv6:[[::1]:80->[::1]:5]>", "f(3<UNIX-STREAM:[9->8,\"/p]>x\"]>) = 0",
    "f(3<{eventfd-count=0x7, eventfd-id=4}>) = 8", "f(3</dev/sda<block 8:0>>, 1<<3) = 0x7f", "f(3</a<b>) = 0",
    "f(3</x>(deleted), 4</x (deleted)>) = 3</x>(deleted)", "exit_group(0) = ?", "read(3, 0x1, 2) = ? ERESTARTSYS (x)",
    "poll([{fd=3}], 1, 0) = 0 (Timeout)", "fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR)", "open(\"a\", 0) = -1 (errno 99)",
    "close(3) = -1 EIO (Input/output error) (INJECTED)", "read(3,  <unfinished ...>", "read(3,  <detached ...>",
    "wait4(-1 <unfinished ...>", "getpid( <unfinished ...>", "<... read resumed>\"x\", 1) = 1", "<... read resumed> ) = 1",
    "<... wait4 resumed>, [], 0, NULL) = 9", "<... getpid resumed>) = 7", "<... read resumed> <unfinished ...>) = ?",
    "--- SIGCHLD {si_signo=SIGCHLD} ---", "--- stopped by SIGSTOP ---", "+++ exited with 1 +++", "+++ killed by SIGKILL +++",
    "+++ superseded by execve in pid 9 +++", "restart_syscall(<... resuming interrupted read ...>) = 0",
    "execve(\"/a\", [\"a\"], 0x7ffd /* 3 vars */) = 0", "f(-100 /* AT_FDCWD */</srv>) = 0", "????( <unfinished ...>",
    "clone(child_stack=NULL, flags=SIGCHLD) = 9", "fork() = 9", "f(99999999999999999999) = 99999999999999999999",
    "f(3) = 0x", "f(3) = 123456789012345678901", "f(3) = 08", "f(\"\\", "f(3) = 5 extra <1.5>", "[ Process PID=1 runs in 32 bit mode. ]",
    "f(3) = 0 <0.1234567890123>", "f(3) = 0 <1234567890.5>", "f(3) = 0 <123456789.012345678>", "f(3) = 0 <a <0.0000012>",
    "f(3) = 0 <0.000012 <0.000012>", "f(3) = 0 <0.00001x>", "f(3) = 0 <.000012>", "f(3) = 0  <0.000012>", "f(3) = 0 <12>",
    "f(12345678) = 87654321", "f(123456789) = 1234567890123456", "f(12345678901234567) = 123456789012345678",
    "clone3({flags=0}, 88 <unfinished ...>", "<... clone3 resumed> => {parent_tid=[9]}, 88) = 9", "<... f resumed> =>) = 9",
]  # fmt: skip


@pytest.mark.parametrize("leader", LEADERS)
def test_every_leader_with_every_body(leader: str) -> None:
    lines = [f"{leader}{body}\n" for body in BODIES]
    same("".join(lines).encode())
    same("".join([*lines, *reversed(lines)]).encode(), block=200)
    same("".join(f"{line} > /lib/x(f+0x1) [0x2]\n" for line in lines).encode(), block=500, threads=1)


def test_midnight_and_sums_of_relative_times_do_not_depend_on_blocks() -> None:
    times = ["23:59:58", "23:59:59.5", "00:00:01.25", "23:59:59.9", "00:00:02", "12:30:00", "01:00:00"]
    same("".join(f"7 {time} close(3) = 0\n" for time in times).encode(), block=1)
    same("".join(f"     {i}.5 close(3) = 0\n" for i in range(40)).encode(), block=60)


def test_calls_that_wait_over_many_blocks() -> None:
    begun = "".join(f"{tid} read({tid}</f{tid}>,  <unfinished ...>\n" for tid in range(1, 400))
    ended = "".join(f'{tid} <... read resumed>"x", 1) = 1\n' for tid in range(1, 400))
    same((begun + ended).encode(), block=300)


def test_strings_keep_the_order_in_which_they_appear() -> None:
    odd = "7 close(5</odd{0}>) = 0 (INJECTED)\n > /lib/o{0}(f+0x1) [0x2]\n"
    plain = "7 close(4</plain{0}>) = 0\n > /lib/p{0}(f+0x1) [0x2]\n"
    same("".join((odd if i % 3 else plain).format(i % 50) for i in range(500)).encode(), block=2000)


def test_strings_of_every_length_are_told_apart() -> None:
    lines = []
    for length in range(1, 140):
        name = "/" + "x" * length
        for at in {1, length // 2, length}:
            changed = f"{name[:at]}y{name[at + 1 :]}"
            lines.append(
                f"7 close(3<{name}>) = -1 E{changed[1:].upper()} (text)\n > {changed}(f+0x1) [0x2]\n"
            )
            lines.append(f"7 read(4<{changed}>, {'a' * length}) = 5<{name}>\n > {name}(f+0x1) [0x2]\n")
    text = "".join(lines * 2).encode()
    same(text)
    same(text, block=700)


def test_words_and_runs_end_where_they_end_however_they_lie() -> None:
    for length in range(70):
        filler, number = "é" * (length // 2) + "z" * (length % 2), "123456789" * 2
        same(
            f'7 write(1, "{filler}\\"{filler}", {number[: length % 19]}) = {number[: length % 19 or 1]}\n'
            f"{number[: length % 10]} 17954169{number[: length % 4]}.{number[: length % 14]} f(3<{filler}>) = 0\n"
            f"7 f(3<TCP:[{filler}->{filler}]>, <unfinished ...>\r\n7 <... f resumed>{filler}) = 0 <0.{filler}>\n".encode()
        )


def test_a_line_longer_than_a_block() -> None:
    line = f'7 write(1, "{"x" * 50_000}", 5) = 5\n'
    same(f"7 close(3) = 0\n{line}7 close(4) = 0\n{line}".encode(), block=1000)


def test_what_the_automaton_does_not_take_is_counted() -> None:
    text = "7 close(3) = 0\n" * 50 + "7 close(3) = 0 (INJECTED)\n" * 50
    assert scan(text, fast=1 << 16).odd_lines == 50


@pytest.mark.parametrize("block", [60, 300])
def test_text_that_is_nowhere_certainly_a_record_is_cut_at_any_line(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("fdtrace.readers.strace.scan.ODD_LIMIT", 500)
    odd = ["not a line\n", " > /lib/x(f+0x1) [0x2]\n", "7 dup(3) = 4 (INJECTED)\n", f'7 f("{"y" * 900}\n']
    texts = ["".join(odd[n % step] for n in range(70)) + "7 close(3) = 0\n" * 9 for step in (1, 2, 3, 4)]
    for text in texts:
        same(text.encode(), block, piece=200)
        same(text.encode(), block, longest=600)
    same("".join(texts).encode(), block)
