"""Field output and JSON of lsof: any order, any selection, damage; and text that is anything at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.readers import kinds

from .lsof_text import HEADER, RECORDED, recorded, row, rows, sheet


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_fields_in_any_order(end: str) -> None:
    sets = (
        ("p12", "R1", "cmy app", "u0", "Lroot"),
        (
            "f7",
            "n10.0.0.1:5->10.0.0.2:6",
            "TST=SYN_SENT",
            "TQR=0",
            "PTCP",
            "o0t9",
            "d77",
            "tIPv4",
            "l ",
            "au",
        ),
        ("f8", "k0", "n/a b", "i3", "s5", "G0x8001;0x0", "tREG", "lW", "aw"),
        ("fmem", "tREG", "n/lib"),
    )
    text = "".join(end.join(one) + end + ("\n" if end == "\0" else "") for one in sets)
    first, second, third = rows(text)
    assert (first.command, first.ppid, first.user, first.fd, first.kind) == ("my app", 1, "root", 7, "tcp")
    assert (first.inode, first.local, first.peer) == (77, "10.0.0.1:5", "10.0.0.2:6")
    assert (first.state, first.offset_bytes, first.lock) == ("SYN_SENT", 9, None)
    assert (second.lock, second.mode, second.size_bytes, second.deleted) == ("W", "w", 5, True)
    assert second.cloexec is False
    assert (third.slot, third.fd) == ("mem", None)


def test_files_without_their_letter_begin_where_a_field_comes_again() -> None:
    found = recorded("lsof-4.99.7/fields-without-f.txt")
    assert not found.problems
    plain = recorded("lsof-4.95.0/plain.txt").open_files
    assert [one.type for one in found.open_files] == [one.type for one in plain]
    in_node = [place for place, one in enumerate(plain) if one.type in ("REG", "unix", "sock", "FIFO")]
    assert [found.open_files[place].inode for place in in_node] == [plain[place].inode for place in in_node]
    assert {one.slot for one in found.open_files} == {None}


def test_far_numbers_are_whole_in_new_versions_only() -> None:
    assert 12345 in {one.fd for one in recorded("lsof-4.99.7/fields.txt").open_files}
    old = recorded("lsof-4.95.0/fields.txt")
    assert [one.slot for one in old.open_files if one.fd is None][-1] == "fd"
    assert any("last three digits" in one for one in old.variants)


def test_prose_among_fields_is_no_field() -> None:
    found = sheet("p12\ncapp\nf3\ntREG\nn/a\nnow we see\n$ echo\nf4\ntREG\nn/b\n")
    assert [problem.line for problem in found.problems] == [6]
    assert [one.name for one in found.open_files] == ["/a", "/b"]


def test_a_table_behind_fields() -> None:
    text = "p12\nf3\ntREG\nn/a\n" + HEADER + "nginx    3652 rose    3u      REG    8,1       12     1 /b\n"
    assert [one.name for one in rows(text)] == ["/a", "/b"]


def test_a_document_that_jq_spread_over_lines() -> None:
    whole = (RECORDED / "lsof-4.99.7/document.json").read_text()
    spread = rows(json.dumps(json.loads(whole), indent=2) + "\n")
    plain = recorded("lsof-4.99.7/document.json").open_files
    assert [(one.fd, one.kind, one.name) for one in spread] == [(one.fd, one.kind, one.name) for one in plain]


def test_a_document_that_was_cut_gives_the_processes_that_are_whole() -> None:
    files = '"files":[{"fd":"3","type":"REG","name":"/a"}]'
    found = sheet(
        f'{{"lsof_version":"4.99.7","processes":[{{"pid":1,{files}}},{{"pid":2,{files}}},{{"pid":3,"fi'
    )
    assert [one.pid for one in found.open_files] == [1, 2]
    assert [problem.reason for problem in found.problems] == [
        "the JSON document is cut off: the rest of it is missing"
    ]


def test_names_that_are_no_utf8_stay_visible_in_json() -> None:
    found = rows(b'{"pid":1,"fd":"3","type":"REG","name":"/a\xff\\\\x41"}\n')
    assert [one.name for one in found] == ["/a\\xff\\x41"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"pid":1}',
        '{"a":' * 5000,
        '{"pid":[],"fd":{},"name":3}',
        '{"pid":true,"fd":"3"}',
        '{"processes":[1,{"files":[2]}]}',
        '{"processes":3,"pid":-1,"fd":"3"}',
    ],
)
def test_json_of_anything_else(text: str) -> None:
    assert sheet(text + "\n").open_files == []


def test_the_document_may_be_one_long_line() -> None:
    file = '{"fd":"3","type":"REG","name":"/srv/%s"}' % ("x" * 4000)
    files = ",".join([file] * 400)
    found = sheet(f'{{"lsof_version":"4.99.7","processes":[{{"pid":1,"files":[{files}]}}]}}\n')
    assert not found.problems
    assert len(found.open_files) == 400


LINES = st.sampled_from(
    [
        line
        for name in ("plain.txt", "fields.txt", "wide.txt", "unprivileged.txt", "repeat-clock.txt")
        for line in (RECORDED / "lsof-4.95.0" / name).read_bytes().splitlines()[:40]
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Lines of lsof with bytes put in, taken out or replaced, behind a blank one (no compressor begins so)."""
    lines = draw(st.lists(LINES | st.binary(max_size=60), max_size=25))
    text = b"\n".join(lines)
    place = draw(st.integers(0, len(text)))
    return b"\n" + text[:place] + draw(st.binary(max_size=12)) + text[place + draw(st.integers(0, 9)) :]


@settings(max_examples=150, deadline=None)
@given(damaged())
def test_nothing_raises_and_every_line_is_accounted_for(text: bytes) -> None:
    for one in sheet(text).open_files:
        assert one.pid is None or 0 <= one.pid < 1 << 31
        assert one.fd is None or 0 <= one.fd < 1 << 31
        for number in (one.inode, one.size_bytes, one.offset_bytes):
            assert number is None or 0 <= number < 1 << 63


@pytest.mark.parametrize(
    "odd", [">" * 200_000, "0 " * 100_000, "(" * 200_000, "COMMAND PID " * 20_000, "p1\0" * 50_000]
)
def test_long_hostile_lines_are_read_in_linear_time(odd: str) -> None:
    sheet(HEADER + odd + "\n" + odd + " 3u REG\n")


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("socket:[17]", "socket"),
        ("pipe:[17]", "pipe"),
        ("anon_inode:[eventpoll]", "epoll"),
        ("anon_inode:inotify", "inotify"),
        ("anon_inode:[eventfd]", "eventfd"),
        ("anon_inode:bpf-map", "bpf"),
        ("anon_inode:[perf_event]", "perf"),
        ("pidfd:[17]", "pidfd"),
        ("/memfd:x (deleted)", "memfd"),
        ("/dev/null", "file"),
        ("net:[4026531833]", "file"),
        ("", "unknown"),
    ],
)
def test_kinds_of_links(target: str, kind: str) -> None:
    assert kinds.kind_of_target(target) == kind


def test_the_widest_row_has_its_own_columns() -> None:
    text = (
        "COMMAND   PID ZONE    USER   FD      TYPE DEVICE SIZE/OFF     NODE NAME\n"
        "app      3652 global  rose    3u      REG    8,1       12       77 /a  b \n"
    )
    found = row(text)
    assert (found.user, found.inode, found.name) == ("rose", 77, "/a  b ")
