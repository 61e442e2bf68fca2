"""The parts of a ring are one trace, and a part that is missing makes nothing look open."""

import gzip
import tarfile
from pathlib import Path

import pandas as pd

import fdtrace

CALLS = [
    '4120  1795449081.000001 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 5</etc/hosts>',
    "4120  1795449082.000001 close(5</etc/hosts>) = 0",
    '4120  1795449083.000001 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 5</etc/passwd>',
    "4120  1795449084.000001 close(5</etc/passwd>) = 0",
    '4120  1795449085.000001 openat(AT_FDCWD, "/etc/group", O_RDONLY) = 5</etc/group>',
    "4120  1795449086.000001 close(5</etc/group>) = 0",
]


def ring(folder: Path, *numbers: int, packed: bool = False) -> Path:
    for number in numbers:
        text = f"{CALLS[number - 1]}\n".encode()
        name = f"trace.part{number:06}.strace"
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(text))
        else:
            (folder / name).write_bytes(text)
    return folder


def fives(case: fdtrace.Case) -> pd.DataFrame:
    return case.fds[case.fds["fd"] == 5]


def test_parts_are_one_capture(tmp_path: Path) -> None:
    case = fdtrace.load(ring(tmp_path, 1, 2, 3, 4, 5, 6))

    assert [one.capture.rpartition("/")[2] for one in case.coverage] == ["trace.part*.strace"]
    assert list(fives(case)["how"]) == ["close"] * 3
    assert len(case.events) == 6


def test_compressed_parts_are_one_capture(tmp_path: Path) -> None:
    case = fdtrace.load(ring(tmp_path, 1, 2, 3, 4, 5, 6, packed=True))

    assert list(fives(case)["how"]) == ["close"] * 3


def test_parts_in_an_archive_are_one_capture(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    ring(tmp_path / "rec", 1, 2, 3, 4)
    with tarfile.open(tmp_path / "rec.tar", "w") as archive:
        archive.add(tmp_path / "rec", "rec")

    case = fdtrace.load(tmp_path / "rec.tar")

    assert list(fives(case)["how"]) == ["close"] * 2


def test_what_is_before_a_missing_part_is_left_out(tmp_path: Path) -> None:
    case = fdtrace.load(ring(tmp_path, 1, 3, 4, 5, 6))

    assert list(fives(case)["target"]) == ["/etc/passwd", "/etc/group"]
    assert [(name.rpartition("/")[2], reason) for name, reason in case.skipped] == [
        ("trace.part000001.strace", "the next parts are missing: what it shows as open may be closed in them")
    ]


def test_lines_are_quoted_from_the_part_that_has_them(tmp_path: Path) -> None:
    text = "".join(f"{call}\n" for call in CALLS)
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "trace.strace").write_text(text)
    (tmp_path / "ring").mkdir()
    ring(tmp_path / "ring", 1, 2, 3, 4, 5, 6)

    stories = [str(fdtrace.load(tmp_path / name).story(pid=4120, fd=5, at=2.5)) for name in ("whole", "ring")]

    assert "passwd" in stories[0]
    assert stories[1].replace("trace.part*.strace", "trace.strace").replace("/ring/", "/whole/") == stories[0]
