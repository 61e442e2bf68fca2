"""The life of one descriptor, told from its creation to its end."""

from pathlib import Path

import pytest

import fdtrace

TRACE = """\
7 1700000001.000000 execve("/bin/app", ["app"], 0x7ffd /* 9 vars */) = 0
7 1700000001.100000 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3</etc/hosts>
7 1700000001.200000 read(3</etc/hosts>, "127", 3) = 3
7 1700000001.250000 read(3</etc/hosts>, 0x7f, 3) = -1 EFAULT (Bad address)
7 1700000001.300000 dup(3</etc/hosts>) = 4</etc/hosts>
7 1700000001.400000 close(3</etc/hosts>) = 0
7 1700000001.500000 openat(AT_FDCWD, "/etc/motd", O_RDONLY) = 3</etc/motd>
7 1700000001.600000 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 8
8 1700000001.700000 read(4</etc/hosts>, "", 9) = 0
7 1700000001.800000 write(1</tmp/\x1b[31mred>, "x", 1) = 1
7 1700000001.900000 close(4</etc/hosts>) = 0
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> fdtrace.Case:
    path = tmp_path_factory.mktemp("story") / "app.strace"
    path.write_text(TRACE)
    return fdtrace.load(path)


def test_an_open_life_with_its_calls(case: fdtrace.Case) -> None:
    told = case.story(pid=7, fd=3)
    assert told.life["target"] == "/etc/motd"
    assert told.table["line"].tolist() == [7]
    assert "Never closed: still open when the capture ends." in str(told)


def test_a_moment_chooses_among_the_lives_of_a_number(case: fdtrace.Case) -> None:
    told = case.story(pid=7, fd=3, at=0.2)
    assert told.life["target"] == "/etc/hosts"
    assert told.table["line"].tolist() == [2, 3, 4, 5, 6]
    text = str(told)
    assert text.startswith(
        "Descriptor 3 of process 7: file /etc/hosts\nIt was made by openat().\n\n     seconds     line\n"
        '    0.100000        2  openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\n'
    )
    assert "Closed on line 6, at 0.400000 s.\nUsed by 3 calls (1 failed), 3 bytes read.\n" in text


def test_who_holds_the_same_open_file(case: fdtrace.Case) -> None:
    told = case.story(pid=7, fd=3, at=0.2)
    assert sorted(zip(told.copies["pid"], told.copies["fd"], told.copies["how"], strict=True)) == [
        (7, 4, "close"),
        (8, 4, "none"),
    ]
    assert str(told).endswith(
        "Other descriptors of the same open file: 2, 1 of them still open at the end.\n"
        "  4 of process 8 (fork copy), open\n"
        "  4 of process 7 (dup), closed\n"
    )


def test_a_copy_tells_how_it_came(case: fdtrace.Case) -> None:
    told = case.story(pid=8, fd=4)
    assert told.table["line"].tolist() == [8, 9]
    assert "It is a copy that its process got from its parent, made by clone()." in str(told)


def test_what_was_there_before_has_a_story_too(case: fdtrace.Case) -> None:
    told = case.story(pid=7, fd=1)
    assert "It was there before its process is first seen." in str(told)
    assert told.table["line"].tolist() == [10]


def test_nothing_of_a_capture_reaches_the_terminal_unescaped(case: fdtrace.Case) -> None:
    assert "\x1b" not in str(case.story(pid=7, fd=1))
    assert "<strong>Descriptor 1 of process 7: " in case.story(pid=7, fd=1)._repr_html_()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"pid": 7, "fd": 99}, "process 7 has no descriptor 99 in this capture. It has had: 0, 1, 2, 3, 4."),
        ({"pid": 9, "fd": 3}, "process 9 has no descriptor 3 in this capture. The capture has: 7, 8."),
        ({"pid": None, "fd": 3}, "several processes are in this capture, say which: 7, 8."),
        (
            {"pid": 7, "fd": 4, "at": 0.1},
            "descriptor 4 of process 7 was not open at 0.1 s. It was from 0.300000 to 0.900000.",
        ),
    ],
)
def test_what_is_not_there(case: fdtrace.Case, asked: dict[str, int], message: str) -> None:
    with pytest.raises(fdtrace.BadArgument) as caught:
        case.story(**asked)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_process_may_be_left_out_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "one.strace"
    path.write_text('openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\nread(3, "", 1) = 0\n')
    text = str(fdtrace.load(path).story(fd=3))
    assert '             1  openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\n' in text


def test_a_long_middle_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "long.strace"
    path.write_text(
        'openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\n' + 'read(3, "x", 1) = 1\n' * 200 + "close(3) = 0\n"
    )
    told = fdtrace.load(path).story(fd=3)
    assert len(told.table) == 202
    assert "… 162 more lines …" in str(told)
    assert len(str(told).splitlines()) < 55


def test_a_log_beside_the_trace_tells_its_part(tmp_path: Path) -> None:
    told = fdtrace.load(Path(__file__).parent.parent / "samples" / "lws-gateway").story(fd=4)
    lines = [line for line in str(told).splitlines() if "[lws]" in line]
    assert [line.split("[lws] ")[1] for line in lines] == [
        "context 1 created: 4.3.5-unknown",
        "context 1 destroyed, after 132.9 ms",
    ]
    assert told.table["source"].tolist()[:2] == ["lws", "strace"]


def test_a_process_that_only_a_snapshot_knows_has_its_story_beside_a_trace(tmp_path: Path) -> None:
    sample = Path(__file__).parent.parent / "samples" / "lws-gateway"
    told = fdtrace.load(sample / "gateway.strace.gz", sample / "ss.txt").story(pid=12634, fd=6)
    assert told.life["via"] == "snapshot"
    assert set(told.table["source"]) == {"ss"}


def test_a_listing_that_does_not_say_whose_it_is_gets_its_process_from_the_trace() -> None:
    sample = Path(__file__).parent.parent / "samples" / "lws-gateway"
    beside = fdtrace.load(sample / "gateway.strace.gz", sample / "procfd.txt")
    assert set(beside.open_files["pid"]) == {12692}
    assert fdtrace.load(sample / "procfd.txt").open_files["pid"].isna().all()
