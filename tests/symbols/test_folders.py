"""Where files are found, and what is never followed."""

from __future__ import annotations

import os

import pytest

from fdtrace.symbols.folders import Folders, inside
from tests.symbols.elf_maker import make

BUILD = "00112233445566778899"


def paths(root, found):
    return [os.path.relpath(path, root) for path in found]


def file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_a_program_at_its_path_before_others_of_its_name(tmp_path):
    for place in ("usr/bin/app", "app", "old/usr/bin/app", "backup/app"):
        file(tmp_path / place)

    found = paths(tmp_path, Folders([str(tmp_path)]).programs("/usr/bin/app"))
    assert found == ["usr/bin/app", "app", "old/usr/bin/app", "backup/app"]


def test_a_single_file_is_a_place(tmp_path):
    app = file(tmp_path / "app")

    assert list(Folders([str(app)]).programs("/srv/bin/app")) == [str(app)]


def test_a_build_id_at_the_places_of_debug_packages(tmp_path):
    places = [
        f".build-id/{BUILD[:2]}/{BUILD[2:]}.debug",
        f"usr/lib/debug/.build-id/{BUILD[:2]}/{BUILD[2:]}.debug",
        f"{BUILD}/debuginfo",
    ]
    for place in places:
        file(tmp_path / place)

    assert paths(tmp_path, Folders([str(tmp_path)]).of_build(BUILD)) == places


def test_any_file_that_carries_a_build_id(tmp_path):
    make(tmp_path / "deep" / "unnamed", {}, build_id=BUILD)
    file(tmp_path / "other")

    assert paths(tmp_path, Folders([str(tmp_path)]).of_build(BUILD)) == ["deep/unnamed"]


def test_a_link_to_a_debug_file_as_gdb_follows_it(tmp_path):
    for place in ("srv/bin/app.debug", "srv/bin/.debug/app.debug", "usr/lib/debug/srv/bin/app.debug"):
        file(tmp_path / place)
    program = str(file(tmp_path / "srv/bin/app"))

    found = paths(tmp_path, Folders([str(tmp_path)]).linked(program, "/srv/bin/app", "app.debug"))
    assert found == ["srv/bin/app.debug", "srv/bin/.debug/app.debug", "usr/lib/debug/srv/bin/app.debug"]


@pytest.mark.parametrize("path", ["/../secret", "/usr/../../secret", "..", "/usr/\0/app"])
def test_no_path_of_a_capture_leads_out(tmp_path, path):
    file(tmp_path / "secret")
    root = tmp_path / "root"
    file(root / "usr/bin/app")

    assert inside(str(root), path) is None
    assert all(found.startswith(f"{root}/") for found in Folders([str(root)]).programs(path))


def test_no_symbolic_link_leads_out(tmp_path):
    secret = file(tmp_path / "secret")
    root = tmp_path / "root"
    file(root / "usr/lib/lib.so.1.2")
    (root / "usr/lib/lib.so.1").symlink_to("lib.so.1.2")
    (root / "usr/lib/out.so").symlink_to(secret)
    (root / "outside").symlink_to(tmp_path)
    folders = Folders([str(root)])

    assert paths(root, folders.programs("/usr/lib/lib.so.1")) == ["usr/lib/lib.so.1.2"]
    assert list(folders.programs("/usr/lib/out.so")) == []
    assert list(folders.programs("/outside/secret")) == []


def test_the_file_of_dwz_is_not_followed_out_of_the_directory(tmp_path):
    file(tmp_path / "secret")
    root = tmp_path / "root"
    debug = str(file(root / "bin/app.debug"))
    file(root / ".dwz/common")
    folders = Folders([str(root)])

    assert paths(root, folders.supplement(debug, "../.dwz/common")) == [".dwz/common"]
    assert paths(root, folders.supplement(debug, "/.dwz/common")) == [".dwz/common"]
    assert list(folders.supplement(debug, "../../secret")) == []
    assert list(folders.supplement(debug, "/../secret")) == []


def test_build_ids_that_were_written_down_with_the_capture(tmp_path):
    (tmp_path / "build-ids").write_text(f"# made by hand\n{BUILD} /usr/bin/app\nnonsense\n{BUILD}\n")

    assert Folders([str(tmp_path)]).recorded == {"/usr/bin/app": BUILD}


def test_how_many_files_are_looked_through_is_limited_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr("fdtrace.symbols.folders.MOST_ENTRIES", 3)
    for number in range(9):
        file(tmp_path / f"deep/{number}")
    folders = Folders([str(tmp_path)])

    assert list(folders.programs("/usr/bin/8")) == []
    assert folders.remarks == [
        "only the first 3 files of the directories were looked through: "
        "name the directory of the program itself"
    ]
