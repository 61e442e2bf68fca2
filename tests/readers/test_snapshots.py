"""The driver: lines, times, prompts, damage; with a reader that takes lines that begin with `row`."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.errors import BadArgument, DamagedInput
from fdtrace.readers import snapshots
from fdtrace.readers.prompts import command
from fdtrace.readers.sheet import PROLONGS, OpenFile, Sheet
from fdtrace.readers.text import Source, open_source


class Rows:
    """`row …` is a row, `  …` goes on, anything else is not understood."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet

    def line(self, number: int, text: str) -> str | None:
        if text.startswith("row"):
            self.sheet.open_files.append(OpenFile(self.sheet.snapshot, self.sheet.file, number, name=text))
            return None
        return PROLONGS if text.startswith("  ") else "no row"

    def new_snapshot(self) -> None: ...

    def end(self) -> None: ...


class Blocks(Source):
    """A source of given blocks, which may end in damage."""

    def __init__(self, *blocks: bytes, damage: str = "", modified_ns: int | None = None) -> None:
        super().__init__("x", None, sum(map(len, blocks)), modified_ns=modified_ns)
        object.__setattr__(self, "_blocks", blocks)
        object.__setattr__(self, "_damage", damage)

    def blocks(self, size: int = 1 << 20) -> Iterator[bytes]:
        yield from self._blocks
        if self._damage:
            raise DamagedInput(self._damage)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "reader_of", lambda kind: SimpleNamespace(Reader=Rows))


def read(
    *blocks: bytes | str, at: str | None = None, damage: str = "", modified_ns: int | None = None
) -> Sheet:
    data = [block.encode() if isinstance(block, str) else block for block in blocks]
    sheet = snapshots.read(Blocks(*data, damage=damage, modified_ns=modified_ns), "lsof", at=at)
    problems = sum(problem.lines for problem in sheet.problems)
    assert sheet.lines == sheet.parsed + sheet.continuation + sheet.blank + problems
    return sheet


def names(sheet: Sheet) -> list[tuple[int, str | None]]:
    return [(row.snapshot, row.name) for row in sheet.open_files]


def test_account_of_lines() -> None:
    sheet = read("row 1\n  more\n\n \t\nnonsense\nrow 2")
    assert (sheet.lines, sheet.parsed, sheet.continuation, sheet.blank) == (6, 2, 1, 2)
    assert [(p.line, p.reason, p.text) for p in sheet.problems] == [(5, "no row", "nonsense")]


def test_time_lines_begin_snapshots() -> None:
    sheet = read("# 2026-11-23T07:00:00Z\nrow 1\nMon Nov 23 07:01:00 UTC 2026\nrow 2\n07:02:00\nrow 3\n")
    assert names(sheet) == [(1, "row 1"), (2, "row 2"), (3, "row 3")]
    assert [shot.clock for shot in sheet.snapshots] == ["utc", "utc", "day"]
    assert [shot.line for shot in sheet.snapshots] == [1, 3, 5]
    assert sheet.snapshots[1].basis == "line 3: Mon Nov 23 07:01:00 UTC 2026"
    assert sheet.problems == []


def test_rows_before_the_first_time_are_a_snapshot_of_their_own() -> None:
    sheet = read("row 0\n2026-11-23T07:00:00Z\nrow 1\n")
    assert names(sheet) == [(1, "row 0"), (2, "row 1")]
    assert sheet.snapshots[0].at_ns is None


def test_two_lines_of_one_moment_are_one_snapshot_and_the_surer_counts() -> None:
    sheet = read("Mon Nov 23 08:00:00 2026\n$ date -u\n2026-11-23T07:00:01Z\nrow 1\n")
    assert len(sheet.snapshots) == 1
    assert (sheet.snapshots[0].clock, sheet.snapshots[0].basis) == ("utc", "line 3: 2026-11-23T07:00:01Z")


def test_a_look_that_saw_nothing_is_a_look() -> None:
    sheet = read("2026-11-23T07:00:00Z\nrow 1\n2026-11-23T07:01:00Z\n2026-11-23T07:02:00Z\n")
    assert len(sheet.snapshots) == 3


def test_a_clock_without_a_date_goes_on_behind_midnight() -> None:
    sheet = read("23:59:59\nrow 1\n00:00:01\nrow 2\n")
    first, second = (shot.at_ns or 0 for shot in sheet.snapshots)
    assert second - first == 2_000_000_000


def test_prompts_comments_and_headings_are_no_problems() -> None:
    text = "$ lsof -p 1\nrow 1\nroot@gw:~# ss -tanp\n[ops@gw ~]$ exit\n# a note\n=== after the test ===\n$\n"
    sheet = read(text)
    assert sheet.problems == []
    assert sheet.variants == ["6 prompts, comments and headings around the output"]
    assert len(sheet.snapshots) == 1


def test_a_command_that_is_given_again_begins_a_snapshot() -> None:
    sheet = read("$ lsof -p 1\nrow 1\n$ sleep 9\n$ lsof -p 1\nrow 2\n")
    assert names(sheet) == [(1, "row 1"), (2, "row 2")]
    timed = read(
        "$ date\n2026-11-23T07:00:00Z\n$ lsof -p 1\nrow 1\n$ date\n2026-11-23T07:05:00Z\n$ lsof -p 1\nrow 2\n"
    )
    assert names(timed) == [(1, "row 1"), (2, "row 2")]
    assert len(timed.snapshots) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("$ lsof -p 1", "lsof -p 1"),
        ("root@host:~# ss -tanp", "ss -tanp"),
        ("user@host:/srv/a b$ ls", "ls"),
        ("[root@host ~]# lsof", "lsof"),
        ("bash-5.1$ cat x", "cat x"),
        ("sh-4.2# cat x", "cat x"),
        ("mac:~ user$ lsof", "lsof"),
        ("C:\\Users\\a> netstat -an", "netstat -an"),
        ("PS C:\\> netstat -an", "netstat -an"),
        ("(venv) user@host:~$ x", "x"),
        ("/ # netstat", "netstat"),
        ("+ lsof -p 1", "lsof -p 1"),
        ("# before the restart", "before the restart"),
        ("=== before ===", ""),
        ("---------", ""),
        ("*** before ***", ""),
        ("before the restart", None),
        ("--name value of an option", ""),
        ("a@b c", None),
        ("gateway 4120 web 3u IPv4 1 0t0 TCP a:80->b:81", None),
        ("tcp 0 0 a:80 b:81 ESTABLISHED", None),
    ],
)
def test_prompts(line: str, words: str | None) -> None:
    assert command(line) == words


def test_the_modification_time_is_a_hint_for_the_last_snapshot_alone() -> None:
    sheet = read("row 1\n$ lsof\n2026-11-23T07:00:00Z\nrow 2\n", modified_ns=7)
    assert (sheet.snapshots[0].at_ns, sheet.snapshots[0].clock) == (None, "none")
    assert sheet.snapshots[1].clock == "utc"
    single = read("row 1\n", modified_ns=7)
    assert [(shot.at_ns, shot.clock, shot.basis) for shot in single.snapshots] == [
        (7, "none", "modification time of the file")
    ]


def test_the_modification_time_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("row 1\n")
    os.utime(file, ns=(5, 1_795_437_631_000_000_000))
    (shot,) = snapshots.read(open_source(str(file)), "lsof").snapshots
    assert shot.at_ns == 1_795_437_631_000_000_000


def test_what_the_user_says_counts_where_the_text_says_nothing() -> None:
    sheet = read("row 1\n2026-11-23T07:00:00Z\nrow 2\n", at="2026-11-23T06:00:00Z", modified_ns=7)
    first, second = sheet.snapshots
    assert (second.at_ns or 0) - (first.at_ns or 0) == 3600 * 1_000_000_000
    assert (first.clock, first.basis) == ("utc", "as told")
    with pytest.raises(BadArgument):
        read("row 1\n", at="noon")


def test_terminal_codes_and_carriage_returns_are_left_out() -> None:
    sheet = read("\x1b[01;36mrow\x1b[0m 1\x1b[K\r\n\x1b]0;title\x07row 2\r\r\n")
    assert names(sheet) == [(1, "row 1"), (1, "row 2")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "utf-32"])
def test_other_encodings(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(("row é and more text\n" * 3).encode(encoding))
    assert len(snapshots.read(open_source(str(file)), "lsof").open_files) == 3


def test_undecodable_bytes_stay_visible() -> None:
    assert names(read(b"row \xff\xc3\n")) == [(1, "row \\xff\\xc3")]


def test_a_hole_is_left_out_with_one_remark() -> None:
    sheet = read(b"row 1\n" + b"\0" * 1000, b"\0" * 5000, b"\0" * 100 + b"row 2\nrow 3\n")
    assert names(sheet) == [(1, "row 1"), (1, "row 2"), (1, "row 3")]
    assert [(problem.line, problem.lines) for problem in sheet.problems] == [(2, 0)]


def test_a_line_without_end_is_cut_with_a_remark() -> None:
    block = b"x" * (1 << 20)
    sheet = read(b"row 1\nrow ", *[block] * 64, b"\nrow 3\n")
    assert [row.line for row in sheet.open_files] == [1, 2, 3]
    assert len(sheet.open_files[1].name or "") == snapshots.LONGEST
    (problem,) = sheet.problems
    assert (problem.line, problem.lines) == (2, 0)
    assert problem.reason == f"longer than 1,048,576 bytes: {63 * (1 << 20) + 4:,} more are left out"


def test_damage_keeps_what_was_read() -> None:
    sheet = read("row 1\nrow 2", damage="the compressed data ends too early")
    assert len(sheet.open_files) == 2
    assert [(problem.line, problem.lines) for problem in sheet.problems] == [(0, 0)]


def test_a_file_full_of_problems_does_not_fill_the_memory() -> None:
    sheet = read("nonsense\n" * (snapshots.MANY + 500))
    assert len(sheet.problems) == snapshots.MANY + 1
    assert sheet.problems[-1].lines == 500
    assert sheet.problems[-1].line == snapshots.MANY + 1


PIECES = st.binary(max_size=60) | st.sampled_from(
    [b"row a\n", b"\n", b"  \n", b"07:00:00\n", b"\xc3", b"\r\n"]
)


@given(st.lists(PIECES, max_size=12).filter(lambda blocks: b"\0" * 16 not in b"".join(blocks)))
def test_blocks_may_be_cut_anywhere(blocks: list[bytes]) -> None:
    whole, cut = read(b"".join(blocks)), read(*blocks)
    assert names(cut) == names(whole)
    assert (cut.lines, cut.blank) == (whole.lines, whole.blank)
