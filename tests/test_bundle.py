"""Which inputs make one capture."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fdtrace.errors import BadArgument, DamagedInput, MissingExtra, NotThisFormat, UnknownFormat
from fdtrace.readers.bundle import Capture, Gathered, gather

BORN = b'execve("/bin/sh", ["sh"], 0x7ffd /* 35 vars */) = 0\nopen("/etc/passwd", O_RDONLY) = 3\n'
CHILD = b"close(3)                                = 0\n+++ exited with 0 +++\n"
WITH_PIDS = b"".join(b"4120  " + line for line in (BORN + CHILD).splitlines(keepends=True))
MESSAGES = b"strace: Process 4120 attached with 3 threads\n"
LSOF = b"COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\nsh 1 root 3r REG 254,0 1 2 /etc/passwd\n"


def fill(folder: Path, **files: bytes) -> Path:
    """Write files; `__` in a keyword stands for the dot of a name."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def names(gathered: Gathered) -> list[str]:
    return [os.path.basename(capture.name) for capture in gathered.captures]


def only(gathered: Gathered) -> Capture:
    assert gathered.unreadable == ()
    assert len(gathered.captures) == 1
    return gathered.captures[0]


def reason(gathered: Gathered, name: str) -> str:
    return dict((os.path.basename(path), why) for path, why in gathered.skipped)[name]


def test_a_named_file_is_a_capture_under_the_name_that_was_typed(tmp_path: Path) -> None:
    # GIVEN
    path = str(fill(tmp_path, app__strace=WITH_PIDS) / "app.strace")
    # WHEN
    capture = only(gather([path]))
    # THEN
    assert (capture.name, capture.kind, capture.tids) == (path, "strace", (None,))
    assert capture.reasons


def test_several_captures_are_kept_apart(tmp_path: Path) -> None:
    # GIVEN two recordings
    fill(tmp_path, a__log=WITH_PIDS, b__log=BORN)
    # WHEN / THEN they stay two, in the order they were named
    assert names(gather([str(tmp_path / "b.log"), str(tmp_path / "a.log")])) == ["b.log", "a.log"]


def test_a_directory_gives_its_captures_and_says_what_it_left(tmp_path: Path) -> None:
    # GIVEN a directory as it lies around after an incident
    fill(
        tmp_path,
        app__strace=WITH_PIDS,
        lsof__txt=LSOF,
        README__md=BORN,
        app__c=b"int main() {}\n",
        notes__txt=b"What I did next was this.\n" * 50,
        __hidden=WITH_PIDS,
        nothing__log=b"",
        core=b"\x7fELF" + b"\0" * 99,
    )
    fill(tmp_path / ".git", app__strace=WITH_PIDS)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    # WHEN
    gathered = gather([str(tmp_path)])
    # THEN only the captures are taken, and each of the others has its reason
    assert names(gathered) == ["app.strace", "lsof.txt"]
    assert [capture.kind for capture in gathered.captures] == ["strace", "lsof"]
    assert gathered.unreadable == ()
    assert "is not a capture" in reason(gathered, "notes.txt")
    assert "by its name" in reason(gathered, "README.md")
    assert "by its name" in reason(gathered, "app.c")
    assert reason(gathered, ".hidden") == "hidden file"
    assert reason(gathered, "nothing.log") == "is empty"
    assert "ELF" in reason(gathered, "core")
    assert "not searched" in reason(gathered, ".git")
    assert reason(gathered, "gone") == "broken link"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_in_a_directory_is_not_waited_for(tmp_path: Path) -> None:
    # GIVEN a FIFO that nobody writes to, beside a capture
    fill(tmp_path, app__strace=WITH_PIDS)
    os.mkfifo(tmp_path / "pipe")
    # WHEN / THEN
    assert reason(gather([str(tmp_path)]), "pipe") == "not a regular file"


def test_a_text_with_a_little_strace_in_it_is_taken_only_when_named(tmp_path: Path) -> None:
    # GIVEN notes that quote a trace
    fill(tmp_path, notes__txt=b"What I did next was this.\n" * 500 + BORN + CHILD)
    # WHEN / THEN
    assert "read only when named" in reason(gather([str(tmp_path)]), "notes.txt")
    assert names(gather([str(tmp_path / "notes.txt")])) == ["notes.txt"]


def test_a_trace_far_inside_a_named_text_is_found(tmp_path: Path) -> None:
    # GIVEN 200 kB of notes before the trace
    fill(tmp_path, notes__txt=b"What I did next was this.\n" * 8000 + WITH_PIDS * 10)
    # WHEN / THEN
    assert names(gather([str(tmp_path / "notes.txt")])) == ["notes.txt"]


def test_a_trace_behind_a_hole_of_nul_bytes_is_found(tmp_path: Path) -> None:
    # GIVEN a log that was emptied while strace wrote on at its old position
    with (tmp_path / "rotated.log").open("wb") as file:
        file.seek(20_000_000)
        file.write(WITH_PIDS)
    # WHEN / THEN
    assert names(gather([str(tmp_path)])) == ["rotated.log"]


@pytest.mark.parametrize("how", ["directory", "one by one", "directory and file"])
def test_a_family_is_one_capture_however_it_is_named(tmp_path: Path, how: str) -> None:
    # GIVEN the files of strace -ff, one of them empty and one compressed
    fill(tmp_path, t__log__4120=BORN, t__log__4121=b"", t__log__30007=CHILD)
    fill(tmp_path, t__log__9__gz=gzip.compress(CHILD))
    each = [str(path) for path in tmp_path.iterdir()]
    paths = {"directory": [str(tmp_path)], "one by one": each, "directory and file": [str(tmp_path), each[0]]}
    # WHEN
    capture = only(gather(paths[how]))
    # THEN its members are in the order of their numbers
    assert capture.tids == (9, 4120, 4121, 30007)
    assert [source.name.rpartition("t.log.")[2] for source in capture.sources] == [
        "9.gz",
        "4120",
        "4121",
        "30007",
    ]
    assert capture.name == str(tmp_path / "t.log.*")


def test_two_families_of_one_directory_are_two_captures(tmp_path: Path) -> None:
    fill(tmp_path, a__100=BORN, a__101=CHILD, b__200=BORN, b__201=CHILD)
    assert names(gather([str(tmp_path)])) == ["a.*", "b.*"]


def test_families_of_the_same_name_in_two_directories_are_two_captures(tmp_path: Path) -> None:
    # GIVEN
    left = fill(tmp_path / "left", t__100=BORN, t__101=CHILD)
    right = fill(tmp_path / "right", t__100=BORN, t__101=CHILD)
    # WHEN
    gathered = gather([str(left), str(right)])
    # THEN
    assert [capture.tids for capture in gathered.captures] == [(100, 101), (100, 101)]


def test_a_single_member_still_tells_its_thread(tmp_path: Path) -> None:
    fill(tmp_path, t__4120=CHILD)
    capture = only(gather([str(tmp_path / "t.4120")]))
    assert (capture.name, capture.tids) == (str(tmp_path / "t.4120"), (4120,))


def test_members_with_their_own_number_in_every_line_are_a_family(tmp_path: Path) -> None:
    # GIVEN the files of strace -ff --always-show-pid
    fill(tmp_path, t__4120=WITH_PIDS, t__4121=WITH_PIDS.replace(b"4120", b"4121"))
    # WHEN / THEN
    assert only(gather([str(tmp_path)])).tids == (4120, 4121)


@pytest.mark.parametrize("suffixes", [("1", "2"), ("2024", "2025")])
def test_rotated_logs_with_thread_numbers_inside_are_separate(
    tmp_path: Path, suffixes: tuple[str, str]
) -> None:
    # GIVEN parts of a log whose lines carry the thread numbers
    for suffix in suffixes:
        (tmp_path / f"log.{suffix}").write_bytes(WITH_PIDS + suffix.encode())
    # WHEN
    gathered = gather([str(tmp_path)])
    # THEN
    assert [capture.tids for capture in gathered.captures] == [(None,), (None,)]


@pytest.mark.parametrize("name", ["trace.20240131", "run.007", "trace.0"])
def test_a_number_that_no_thread_can_have_is_not_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BORN)
    assert only(gather([str(tmp_path / name)])).tids == (None,)


def test_numbered_runs_are_separate(tmp_path: Path) -> None:
    # GIVEN two recordings that someone numbered, each from the start of a program
    fill(tmp_path, run__1=BORN + CHILD, run__2=BORN + CHILD)
    # WHEN / THEN
    assert [capture.tids for capture in gather([str(tmp_path)]).captures] == [(None,), (None,)]


def test_small_thread_numbers_are_a_family_when_one_made_the_other(tmp_path: Path) -> None:
    # GIVEN a family from inside a container, whose child begins with execve (vfork)
    fill(tmp_path, t__7=BORN + b"vfork() = 8\n", t__8=BORN)
    # WHEN / THEN
    assert only(gather([str(tmp_path)])).tids == (7, 8)


def test_a_numbered_log_whose_brackets_come_later_has_no_thread_number(tmp_path: Path) -> None:
    # GIVEN strace's stderr, saved as log.1, with more than one tracee only after a while
    fill(tmp_path, log__1=BORN * 200 + b"[pid  4121] close(3) = 0\n")
    # WHEN / THEN
    assert only(gather([str(tmp_path)])).tids == (None,)


def test_the_missing_base_name_of_a_family_is_explained(tmp_path: Path) -> None:
    # GIVEN the files of strace -ff -o t.log
    fill(tmp_path, t__log__4120=BORN, t__log__4121=CHILD)
    # WHEN the name that was given to strace is given here
    gathered = gather([str(tmp_path / "t.log")])
    # THEN
    assert "but 2 of strace -ff" in str(gathered.unreadable[0])


def test_messages_go_with_the_only_capture(tmp_path: Path) -> None:
    # GIVEN a trace and strace's own stderr beside it
    fill(tmp_path, trace__log=WITH_PIDS, strace__stderr=MESSAGES)
    # WHEN / THEN
    capture = only(gather([str(tmp_path)]))
    assert [os.path.basename(source.name) for source in capture.messages] == ["strace.stderr"]


def test_messages_go_with_the_capture_of_their_directory(tmp_path: Path) -> None:
    # GIVEN two directories, one of them with messages
    left = fill(tmp_path / "left", trace__log=WITH_PIDS, err__txt=MESSAGES)
    right = fill(tmp_path / "right", trace__log=WITH_PIDS)
    # WHEN
    gathered = gather([str(left), str(right)])
    # THEN
    assert [len(capture.messages) for capture in gathered.captures] == [1, 0]


def test_messages_go_with_the_capture_of_their_name(tmp_path: Path) -> None:
    # GIVEN two traces and the stderr of one
    fill(tmp_path, a__strace=WITH_PIDS, b__strace__gz=gzip.compress(WITH_PIDS + CHILD), b__stderr=MESSAGES)
    # WHEN / THEN
    assert [len(capture.messages) for capture in gather([str(tmp_path)]).captures] == [0, 1]


def test_messages_that_could_be_about_any_capture_are_left(tmp_path: Path) -> None:
    # GIVEN two traces and messages with a name of neither
    fill(tmp_path, a__strace=WITH_PIDS, b__strace=BORN, strace__stderr=MESSAGES)
    # WHEN
    gathered = gather([str(tmp_path)])
    # THEN
    assert [len(capture.messages) for capture in gathered.captures] == [0, 0]
    assert "several captures" in reason(gathered, "strace.stderr")


def test_messages_alone_are_not_a_capture(tmp_path: Path) -> None:
    fill(tmp_path, strace__stderr=MESSAGES)
    (error,) = gather([str(tmp_path / "strace.stderr")]).unreadable
    assert "no system call" in str(error)


def test_the_compressed_twin_of_a_file_is_left(tmp_path: Path) -> None:
    # GIVEN the result of gzip -k
    fill(tmp_path, app__strace=WITH_PIDS, app__strace__gz=gzip.compress(WITH_PIDS))
    # WHEN
    gathered = gather([str(tmp_path)])
    # THEN
    assert names(gathered) == ["app.strace"]
    assert "same text" in reason(gathered, "app.strace.gz")


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    # GIVEN a capture and a link to it
    fill(tmp_path, app__strace=WITH_PIDS)
    (tmp_path / "link").symlink_to("app.strace")
    path = str(tmp_path / "app.strace")
    # WHEN / THEN
    assert names(gather([path, path, str(tmp_path / "link"), str(tmp_path)])) == ["app.strace"]


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", DamagedInput, "is empty"),
        (b"Dear all,\n", UnknownFormat, "is not a capture that fdtrace knows"),
        (gzip.compress(WITH_PIDS, mtime=0)[:8], DamagedInput, "ends too early"),
    ],
)
def test_a_named_file_that_cannot_be_used_is_an_error(
    tmp_path: Path, data: bytes, error: type[Exception], words: str
) -> None:
    # GIVEN a useless file and a good one
    fill(tmp_path, bad=data, good=WITH_PIDS)
    # WHEN both are named
    gathered = gather([str(tmp_path / "bad"), str(tmp_path / "good")])
    # THEN the good one is there all the same
    assert names(gathered) == ["good"]
    (found,) = gathered.unreadable
    assert isinstance(found, error)
    with pytest.raises(error, match=words):
        raise found


def test_a_missing_file_does_not_stop_the_others(tmp_path: Path) -> None:
    fill(tmp_path, good=WITH_PIDS)
    gathered = gather([str(tmp_path / "gone"), str(tmp_path / "good")])
    assert names(gathered) == ["good"]
    assert "no such file" in str(gathered.unreadable[0])


def test_a_directory_without_a_capture_is_an_error(tmp_path: Path) -> None:
    # GIVEN an empty directory and one without a capture
    empty = fill(tmp_path / "empty")
    other = fill(tmp_path / "other", notes__txt=b"Dear all,\n")
    # WHEN
    gathered = gather([str(empty), str(other)])
    # THEN
    assert [str(error).rpartition(": ")[2] for error in gathered.unreadable] == [
        "is an empty directory",
        "none of its 1 entries is a capture",
    ]


def test_zstd_in_a_directory_asks_for_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a zstd file in a directory, and no decoder
    def no_module(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", no_module)
    fill(tmp_path, t__zst=b"\x28\xb5\x2f\xfd" + b"\0" * 20)
    # WHEN / THEN it is not passed over in silence
    (error,) = gather([str(tmp_path)]).unreadable
    assert isinstance(error, MissingExtra)


def test_stdin_is_an_input_like_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # GIVEN a trace on stdin, and a file that is called like it
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(WITH_PIDS)))
    monkeypatch.chdir(fill(tmp_path, stdin=BORN))
    # WHEN / THEN both are captures, with names of their own
    assert [capture.name for capture in gather(["-", "stdin"]).captures] == ["stdin", "stdin (2)"]


def test_a_kind_that_was_said_holds_for_named_files(tmp_path: Path) -> None:
    # GIVEN a text in which hardly a trace is seen, and lsof output
    prose = b"no trace in sight\n" * 50
    fill(tmp_path, odd=prose + BORN.splitlines()[0] + b"\n" + prose, lsof__txt=LSOF)
    # WHEN
    gathered = gather([str(tmp_path / "odd"), str(tmp_path / "lsof.txt")], kind="strace")
    # THEN the doubtful one is taken, the plainly wrong one is not
    assert names(gathered) == ["odd"]
    assert isinstance(gathered.unreadable[0], NotThisFormat)


def test_an_unknown_kind_names_the_accepted_ones() -> None:
    with pytest.raises(BadArgument, match="Did you mean 'strace'"):
        gather([], kind="strase")


@pytest.mark.live
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_recorded_family_is_one_capture(tmp_path: Path) -> None:
    # GIVEN a recording with -ff of a shell and its children
    out = tmp_path / "trace"
    command = ["strace", "-ff", "-o", str(out), "sh", "-c", "ls / | cat; (true); true"]
    run = subprocess.run(command, capture_output=True)
    if run.returncode:
        pytest.skip(f"strace cannot record here: {run.stderr.decode(errors='replace')[:200]}")
    files = list(tmp_path.iterdir())
    # WHEN / THEN
    capture = only(gather([str(tmp_path)]))
    assert len(files) > 2
    assert len(capture.sources) == len(files)
    assert None not in capture.tids
