"""Lines that were wrapped on their way are put together again, and no others."""

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fdtrace
from fdtrace.readers.unwrap import MENDED, may_be_wrapped, unwrapped
from tests.service_trace import half, trace

PLAIN = trace(30, half, stacks=False)
STACKS = trace(12, half)
LSOF = "COMMAND   PID USER   FD   TYPE DEVICE SIZE/OFF    NODE NAME\n" + "".join(
    f"gateway 12692 root {number:3}r   REG  254,0   125776 {29770 + number} /usr/lib/x86_64-linux-gnu/part-{number}.so\n"
    for number in range(12)
)
NETSTAT = "Proto Recv-Q Send-Q Local Address Foreign Address State PID/Program name\n" + "".join(
    f"tcp        1      0 127.0.0.1:60{number}         127.0.0.1:9002          CLOSE_WAIT  12692/gateway\n"
    for number in range(790, 802)
)


def by_words(text: str, width: int, before: str = "") -> str:
    """As a mail program wraps."""
    return "".join(
        f"{before}{line}\n"
        for whole in text.splitlines()
        for line in (textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False) or [""])
    )


def hard(text: str, width: int) -> str:
    """As a terminal wraps."""
    cut = [[line[i : i + width] for i in range(0, len(line), width)] or [""] for line in text.splitlines()]
    return "".join(f"{part}\n" for parts in cut for part in parts)


def findings(text: str, place: Path) -> list[tuple[str, int | None, int | None]]:
    place.write_text(text)
    case = fdtrace.load(place)
    return sorted((one.key, one.opened, one.open) for one in case.check())


@pytest.mark.parametrize("width", [72, 76, 80, 100])
@pytest.mark.parametrize("dress", ["words", "hard", "quoted", "prose"])
def test_a_wrapped_trace_says_what_the_whole_one_says(width: int, dress: str, tmp_path: Path) -> None:
    wrapped = {
        "words": by_words(PLAIN, width),
        "hard": hard(PLAIN, width),
        "quoted": by_words(PLAIN, width, "> "),
        "prose": f"Hello,\n\nhere it is:\n\n{by_words(PLAIN, width)}\nRegards,\nAda\n-- \nAda of Example\n",
    }[dress]
    assert findings(wrapped, tmp_path / "mail.txt") == findings(PLAIN, tmp_path / "whole.txt")
    case = fdtrace.load(tmp_path / "mail.txt")
    (coverage,) = case.coverage
    assert coverage.lines == coverage.parsed + coverage.continuation + coverage.blank + coverage.problems
    assert coverage.lines == len(wrapped.splitlines())
    assert coverage.problems <= 6
    (said,) = case.parts
    assert said.endswith(MENDED)
    assert f"wrapped at {width} columns" in said or dress in ("words", "quoted", "prose")


def test_wrapped_stacks_keep_their_frames(tmp_path: Path) -> None:
    assert (
        findings(by_words(STACKS, 60), tmp_path / "mail.txt")[0][1:]
        == findings(STACKS, tmp_path / "a.txt")[0][1:]
    )


@pytest.mark.parametrize(("text", "width"), [(LSOF, 72), (NETSTAT, 70)])
def test_wrapped_tables_keep_their_rows(text: str, width: int, tmp_path: Path) -> None:
    for name, form in (("whole.txt", text), ("mail.txt", by_words(text, width))):
        (tmp_path / name).write_text(form)
    whole, mail = (fdtrace.load(tmp_path / name) for name in ("whole.txt", "mail.txt"))
    assert mail.coverage[0].parsed == whole.coverage[0].parsed
    assert mail.coverage[0].problems == 0
    assert mail.open_files["name"].tolist() == whole.open_files["name"].tolist()
    assert mail.sockets["state"].tolist() == whole.sockets["state"].tolist()


def test_line_numbers_stay_those_of_the_paste(tmp_path: Path) -> None:
    text = by_words(PLAIN, 72)
    (tmp_path / "mail.txt").write_text(text)
    leak = max(fdtrace.load(tmp_path / "mail.txt").leaks(), key=lambda one: one.open or 0)
    lines = text.splitlines()
    assert all(quote.text[:10] in lines[quote.line - 1] for quote in leak.evidence)


@pytest.mark.parametrize(
    "text", [PLAIN, STACKS, LSOF, NETSTAT, "words that\nare no capture\n" * 40, "", "\n"]
)
def test_what_is_whole_is_left_as_it_is(text: str) -> None:
    assert unwrapped(text.encode()) is None


def test_the_output_of_the_program_is_not_joined() -> None:
    lines = PLAIN.splitlines()
    printed = "\n".join(f"{line}\njob {number} done, all fine" for number, line in enumerate(lines))
    assert unwrapped(printed.encode()) is None


def test_every_capture_at_hand_is_whole() -> None:
    root = Path(__file__).parent.parent
    for place in sorted((root / "captures").rglob("*")):
        if place.is_file() and place.stat().st_size < 1 << 19:
            text = place.read_bytes()
            assert not may_be_wrapped(text[: 1 << 16]) or unwrapped(text) is None, place


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*PLAIN.splitlines()[:40], "prose", "", "> quoted", "```", "$ ls"]), max_size=60)
)
def test_lines_are_never_lost(lines: list[str]) -> None:
    text = by_words("\n".join(lines), 70).encode()
    if (made := unwrapped(text)) is not None:
        assert made.text.count(b"\n") == text.count(b"\n")
        assert b"".join(made.text.split()).replace(b">", b"") == b"".join(text.split()).replace(b">", b"")
