"""What is one incident: directories, files, families, globs, lists of names."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from fdtrace.fleet.inputs import Incident, incidents


def tree(folder: Path, *names: str) -> str:
    """Files of these names below a directory."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return str(folder)


def found(folder: Path, *names: str, each_file: bool = False) -> dict[str, list[str]]:
    """The incidents below a directory with their files, all as they are called in it."""
    inside = [name if name.startswith("/") else str(folder / name) for name in names] or [str(folder)]
    return {
        os.path.relpath(one.name, folder): [os.path.relpath(file.name, folder) for file in one.files]
        for one in incidents(inside, each_file)
    }


def only(names: list[str], **how: bool) -> Incident:
    (one,) = incidents(names, **how)
    return one


def test_a_directory_with_files_is_one_incident_and_those_below_are_others(tmp_path: Path) -> None:
    tree(tmp_path, "a/app.strace", "a/lsof.txt", "a/later/ss.txt", "b/app.strace")
    assert found(tmp_path) == {
        "a": ["a/app.strace", "a/lsof.txt"],
        "a/later": ["a/later/ss.txt"],
        "b": ["b/app.strace"],
    }


def test_what_cannot_be_a_capture_makes_no_incident(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "a/README.md",
        "a/.hidden",
        ".git/app.strace",
        "b/app.strace",
        "b/run.sh",
        "c/node_modules/x",
    )
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "gone").symlink_to("nowhere")
    (tmp_path / "e").symlink_to("b")
    assert found(tmp_path) == {"b": ["b/app.strace"]}


def test_each_file_alone_but_the_threads_of_one_recording_together(tmp_path: Path) -> None:
    tree(tmp_path, "a/x.strace", "a/y.strace.gz", "a/t.100", "a/t.101.gz", "a/t.102")
    assert found(tmp_path, each_file=True) == {
        "a/x.strace": ["a/x.strace"],
        "a/y.strace.gz": ["a/y.strace.gz"],
        "a/t": ["a/t.100", "a/t.101.gz", "a/t.102"],
    }


@pytest.mark.parametrize("mark", ["manifest.json", "sos_commands/process/lsof", "fdtrace.json"])
def test_a_recording_a_sosreport_and_a_saved_case_are_one_with_all_below(tmp_path: Path, mark: str) -> None:
    tree(tmp_path, f"host/{mark}", "host/proc/net/tcp")
    (one,) = incidents([str(tmp_path)])
    assert (one.name, one.whole) == (str(tmp_path / "host"), True)
    assert {os.path.basename(file.name) for file in one.files} == {os.path.basename(mark), "tcp"}


def test_files_are_named_or_match_a_glob(tmp_path: Path) -> None:
    tree(tmp_path, "a/app.strace", "b/app.strace", "b/lsof.txt", "c.strace")
    assert list(found(tmp_path, "*/app.strace")) == ["a/app.strace", "b/app.strace"]
    assert list(found(tmp_path, "c.strace", "b")) == ["c.strace", "b"]
    assert list(found(tmp_path, "**/lsof.txt")) == ["b/lsof.txt"]


def test_a_file_below_what_a_glob_leaves_open_lies_deeper(tmp_path: Path) -> None:
    tree(tmp_path, "a/app.strace")
    assert only([f"{tmp_path}/*/app.strace"]).deeper
    assert not only([f"{tmp_path}/a/*.strace"]).deeper
    assert not only([f"{tmp_path}/a/app.strace"]).deeper
    assert only([str(tmp_path)], each_file=True).deeper


def test_what_is_not_there_is_an_incident_with_an_error(tmp_path: Path) -> None:
    assert only([f"{tmp_path}/none"]).error == "cannot be read (No such file or directory)"
    assert only([f"{tmp_path}/*.strace"]).error == "nothing matches"
    assert not only([f"{tmp_path}/none"]).found


def test_a_list_of_names_comes_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "a/app.strace", "b c/lsof.txt")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{tmp_path}/a\n\n{tmp_path}/b c/lsof.txt\n"))
    assert [os.path.relpath(one.name, tmp_path) for one in incidents(["-"])] == ["a", "b c/lsof.txt"]


def test_the_name_is_the_same_from_wherever_it_is_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "a/app.strace")
    absolute = only([str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    assert only(["."]) == absolute == only(["a/../a"])
    assert os.path.isabs(absolute.place)
    assert os.path.isabs(only(["a/*.strace"]).files[0].name)


def test_directories_are_listed_when_they_are_needed(tmp_path: Path) -> None:
    tree(tmp_path, "a/app.strace", "b/app.strace")
    listed = incidents([str(tmp_path)])
    assert next(listed).name.endswith("/a")
    (tmp_path / "b" / "more.strace").write_text("x")
    assert len(next(listed).files) == 2


def test_size_and_time_of_change_are_those_of_all_files(tmp_path: Path) -> None:
    tree(tmp_path, "a/app.strace", "a/lsof.txt")
    os.utime(tmp_path / "a" / "lsof.txt", ns=(0, 2_000_000_000_000_000_000))
    one = only([str(tmp_path)])
    assert (one.bytes, one.newest_ns) == (2, 2_000_000_000_000_000_000)
