"""Paths that lead through another descriptor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import START, case

PIPE = "100 pipe2([3, 4], O_CLOEXEC) = 0\n"
DIR = '100 openat(AT_FDCWD, "/srv/app", O_RDONLY|O_DIRECTORY) = 3\n'


def made(tmp_path: Path, body: str, fd: int) -> tuple[str, object]:
    fds = case(tmp_path, START + body).fds
    (life,) = fds[(fds["fd"] == fd) & (fds["how"] == "none")].to_dict("records")
    return life["kind"], life["target"]


@pytest.mark.parametrize(
    "path",
    ["/proc/self/fd/3", "/proc/thread-self/fd/3", "/proc/100/fd/3", "/proc/100/task/100/fd/3", "/dev/fd/3"],
)
def test_a_link_to_a_number_is_what_stands_there(tmp_path: Path, path: str) -> None:
    body = '100 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3\n'
    assert made(tmp_path, body + f'100 openat(AT_FDCWD, "{path}", O_RDONLY) = 4\n', 4) == (
        "file",
        "/etc/passwd",
    )


def test_a_pipe_that_is_opened_by_its_number_is_a_pipe_as_far_as_it_is_known(tmp_path: Path) -> None:
    body = "100 pipe2([3<pipe:[77]>, 4<pipe:[77]>], O_CLOEXEC) = 0\n"
    assert made(tmp_path, body + '100 openat(AT_FDCWD, "/proc/self/fd/3", O_RDONLY) = 5\n', 5) == (
        "pipe",
        "pipe:[77]",
    )


def test_a_pipe_is_a_pipe_without_annotations_too(tmp_path: Path) -> None:
    kind, target = made(tmp_path, PIPE + '100 openat(AT_FDCWD, "/proc/self/fd/3", O_RDONLY) = 5\n', 5)
    assert (kind, target != "/proc/self/fd/3") == ("pipe", True)


def test_standard_input_by_its_name(tmp_path: Path) -> None:
    body = '100 dup2(3, 0) = 0\n100 openat(AT_FDCWD, "/dev/stdin", O_RDONLY) = 4\n'
    assert made(tmp_path, '100 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3\n' + body, 4) == (
        "file",
        "/etc/passwd",
    )


@pytest.mark.parametrize("path", ["/proc/self/fd/9", "/proc/4711/fd/3", "/proc/self/fd/3x", "/dev/fd/"])
def test_a_link_that_leads_to_nothing_known_stays_a_path(tmp_path: Path, path: str) -> None:
    assert made(tmp_path, PIPE + f'100 openat(AT_FDCWD, "{path}", O_RDONLY) = 5\n', 5) == ("file", path)


def test_a_relative_path_begins_in_the_directory_of_its_descriptor(tmp_path: Path) -> None:
    body = DIR + '100 openat(3, "conf/a.ini", O_RDONLY) = 4\n'
    assert made(tmp_path, body, 4) == ("file", "/srv/app/conf/a.ini")


def test_a_relative_path_from_an_unknown_place_stays_relative(tmp_path: Path) -> None:
    assert made(tmp_path, '100 openat(AT_FDCWD, "a.ini", O_RDONLY) = 3\n', 3) == ("file", "a.ini")


def test_an_annotation_says_it_itself(tmp_path: Path) -> None:
    body = DIR + '100 openat(3</srv/app>, "a", O_RDONLY) = 4</mnt/disk/a>\n'
    assert made(tmp_path, body, 4) == ("file", "/mnt/disk/a")


@pytest.mark.parametrize("flags", ["O_RDWR|O_TMPFILE", "0x410002"])
def test_a_file_without_a_name_is_in_its_directory(tmp_path: Path, flags: str) -> None:
    assert made(tmp_path, f'100 openat(AT_FDCWD, "/tmp/", {flags}, 0600) = 3\n', 3) == ("file", "/tmp/#*")
