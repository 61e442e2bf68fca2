"""Hypothesis strategies for captures; shared by the tests."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.reference_kernel import Kernel
from tests.reference_schedule import DECISION, Schedule
from tests.strace_text import Capture, Form, print_capture


def programs(max_size: int = 80) -> st.SearchStrategy[list[int]]:
    """Lists of decisions for `Schedule.run`; any list is a program, shorter ones are simpler."""
    return st.lists(st.integers(0, DECISION - 1), min_size=0, max_size=max_size)


@st.composite
def kernels(draw: st.DrawFn, racy: bool = False, max_size: int = 80) -> Kernel:
    """A kernel on which a random program of several tasks has run.

    With `racy=False` the printed lines leave no doubt about the order of what
    overlaps; with `racy=True` they may. Some kernels start with more numbers
    open than 0, 1 and 2, and some with a low limit, so that EMFILE occurs.
    """
    extra = draw(st.sampled_from([(), (), (10,), (3, 251)]))
    limit = draw(st.sampled_from([1024, 1024, 9]))
    kernel = Kernel(extra if limit > 251 else (), limit)
    return Schedule(kernel, racy=racy).run(draw(programs(max_size)))


@st.composite
def forms(draw: st.DrawFn) -> Form:
    """Ways to call strace whose output tells everything.

    Files of -ff have a clock and durations: without them the order of lines in
    different files is not known.
    """
    split = draw(st.booleans()) and draw(st.booleans())
    leader = draw(st.sampled_from(["pid", "brackets", "comm"]))
    clock = draw(st.sampled_from(["tt", "ttt"] if split else ["none", "ttt", "tt", "t", "r", "rtt"]))
    return Form(
        leader=leader,
        clock=clock,
        spelling=draw(st.sampled_from(["current", "old", "new"])),
        annotate=draw(st.sampled_from(["none", "y", "yy"])),
        durations=split or draw(st.booleans()),
        stacks=draw(st.booleans()),
        split=split,
        messages=leader == "brackets" and draw(st.booleans()),
        quiet=not split and leader != "brackets" and draw(st.booleans()),
    )


@st.composite
def captures(draw: st.DrawFn, racy: bool = False, max_size: int = 80) -> tuple[Kernel, Form, Capture]:
    """A kernel after a random program, and its capture in a random form."""
    kernel, form = draw(kernels(racy, max_size)), draw(forms())
    return kernel, form, print_capture(kernel, form)


def _cut(data: bytes, where: int, size: int) -> bytes:
    return data[: where % (len(data) + 1)]


def _headless(data: bytes, where: int, size: int) -> bytes:
    return data[where % (len(data) + 1) :]


def _flip(data: bytes, where: int, size: int) -> bytes:
    where %= len(data) or 1
    return data[:where] + bytes([data[where] ^ (size % 255 + 1)]) + data[where + 1 :] if data else data


def _hole(data: bytes, where: int, size: int) -> bytes:
    where %= len(data) + 1
    return data[:where] + data[where + size :]


def _nul(data: bytes, where: int, size: int) -> bytes:
    where %= len(data) + 1
    return data[:where] + bytes(size) + data[where:]


def _double(data: bytes, where: int, size: int) -> bytes:
    lines = data.splitlines(keepends=True)
    where %= len(lines) or 1
    return b"".join([*lines[:where], *lines[where : where + 1] * 2, *lines[where + 1 :]])


def _drop(data: bytes, where: int, size: int) -> bytes:
    lines = data.splitlines(keepends=True)
    where %= len(lines) or 1
    return b"".join(lines[:where] + lines[where + 1 + size % 4 :])


def _swap(data: bytes, where: int, size: int) -> bytes:
    lines = data.splitlines(keepends=True)
    where %= len(lines) or 1
    return b"".join(lines[:where] + lines[where : where + 2][::-1] + lines[where + 2 :])


def _splice(data: bytes, where: int, size: int) -> bytes:
    said = [
        b"hi\n",
        b"/usr/bin/strace: Process 9 attached\n",
        b") = 3\n",
        b'"',
        b" <unfinished ...>\n",
        b"\xff\xfe",
    ]
    where %= len(data) + 1
    return data[:where] + said[size % len(said)] + data[where:]


def _crlf(data: bytes, where: int, size: int) -> bytes:
    return data.replace(b"\n", b"\r\n")


MUTATIONS = (_drop, _cut, _headless, _splice, _flip, _hole, _nul, _double, _swap, _crlf)


@st.composite
def damaged_captures(draw: st.DrawFn) -> bytes:
    """The bytes of a one-file capture after some accidents.

    Cut at either end, bytes flipped, lost or replaced by NUL, lines dropped,
    doubled or swapped, other programs' output spliced in, line ends of Windows.
    """
    seen = draw(kernels(racy=True, max_size=40))
    form = draw(forms().filter(lambda form: not form.split))
    data = print_capture(seen, form).text.encode()
    places = st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 20_000), st.integers(1, 40))
    for mutate, where, size in draw(st.lists(places, max_size=5)):
        data = mutate(data, where, size)
    return data
