"""A Case that was saved says the same as the captures, and a damaged one says what is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import fdtrace
from fdtrace import schema, store

pytest.importorskip("pyarrow")

SAMPLE = Path(__file__).parent.parent / "samples" / "lws-gateway"
Pair = tuple[fdtrace.Case, fdtrace.Case]
"""A Case of captures, and the same one as it was saved."""
HOSTILE = (
    '7 1.000000 openat(AT_FDCWD, "a\\"b,c)", O_RDONLY|O_CLOEXEC) = 3</tmp/a"b,c)\xff>\n'
    "7 1.100000 socketpair(AF_UNIX, SOCK_STREAM, 0, [4, 5]) = 0\n"
    "8 1.200000 read(3</tmp/a>,  <unfinished ...>\n"
    "7 1.300000 close(4) = 0\n"
    '8 1.400000 <... read resumed>"x", 9) = 1\n'
    "no line of strace\n"
    "7 1.500000 dup2(3, 9) = 9\n"
)


def capture(folder: Path, text: str = HOSTILE) -> str:
    path = folder / "app.strace"
    path.write_bytes(text.encode("latin-1"))
    return str(path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "sample.fdtrace"
    fdtrace.load(SAMPLE).save(path)
    return path


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    return subprocess.run(
        [sys.executable, "-m", "fdtrace", *words],
        capture_output=True, cwd=cwd, env=environment, timeout=120, check=False,
    )  # fmt: skip


def answer(case: fdtrace.Case, name: str) -> pd.DataFrame:
    return case.check().table if name == "findings" else getattr(case, name)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("odd")
    case = fdtrace.load(capture(folder))
    case.save(folder / "odd.fdtrace")
    return case, fdtrace.load(folder / "odd.fdtrace")


@pytest.fixture(scope="module")
def sample(saved: Path) -> Pair:
    case = fdtrace.load(SAMPLE)
    _ = case.fds  # what a join adds to snapshots is in both
    return case, fdtrace.load(saved)


@pytest.mark.parametrize("name", store.STORED)
@pytest.mark.parametrize("which", ["odd", "sample"])
def test_every_table_comes_back_with_its_types(which: str, name: str, request: pytest.FixtureRequest) -> None:
    fresh, kept = request.getfixturevalue(which)
    table = answer(kept, name)
    assert schema.check(table, name) == []
    pd.testing.assert_frame_equal(table, answer(fresh, name))


@pytest.mark.parametrize("which", ["odd", "sample"])
def test_the_answers_are_the_same_to_the_byte(which: str, request: pytest.FixtureRequest) -> None:
    fresh, kept = request.getfixturevalue(which)
    assert str(kept.leaks()) == str(fresh.leaks())
    assert str(kept.check()) == str(fresh.check())
    assert str(kept.check(only=["double_close"])) == str(fresh.check(only=["double_close"]))
    assert kept.skipped == fresh.skipped
    for one, other in zip(fresh.check().coverage, kept.coverage, strict=True):
        assert one == other


@pytest.mark.slow
def test_the_command_line_too(saved: Path) -> None:
    for command in ("leaks", "doctor"):
        first, second = run(command, str(SAMPLE)), run(command, str(saved))
        assert first.returncode == second.returncode == 0
        assert first.stdout
        assert (first.stdout, first.stderr) == (second.stdout, second.stderr)


def test_only_what_is_asked_for_is_read(saved: Path, tmp_path: Path) -> None:
    # GIVEN a store of which one table is not even Parquet
    copy = tmp_path / "copy.fdtrace"
    shutil.copytree(saved, copy)
    events = copy / "events.parquet"
    events.write_bytes(b"x" * events.stat().st_size)
    # WHEN / THEN all others can be asked, and that one says what is wrong
    case = fdtrace.load(copy)
    assert len(case.leaks()) == len(fdtrace.load(saved).leaks())
    assert len(case.fds)
    with pytest.raises(fdtrace.DamagedInput, match="table events cannot be read"):
        _ = case.events


def test_leaks_of_a_store_needs_no_pandas(saved: Path) -> None:
    code = f"import sys, fdtrace; str(fdtrace.load({str(saved)!r}).leaks()); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_questions_that_a_store_cannot_answer(saved: Path) -> None:
    case = fdtrace.load(saved)
    assert [f.check for f in case.check(only=["double_close"])] == []
    with pytest.raises(fdtrace.NeedsCaptured, match="group_by='caller'"):
        case.leaks(group_by="caller")
    with pytest.raises(fdtrace.BadArgument, match="opened alone"):
        fdtrace.load(saved, SAMPLE)


def test_a_store_can_be_saved_again(saved: Path, tmp_path: Path) -> None:
    fdtrace.load(saved).save(tmp_path / "twice.fdtrace")
    assert str(fdtrace.load(tmp_path / "twice.fdtrace").leaks()) == str(fdtrace.load(saved).leaks())


class TestPlace:
    def test_what_is_no_store_is_never_replaced(self, tmp_path: Path) -> None:
        case = fdtrace.load(capture(tmp_path))
        for place in (tmp_path, Path(capture(tmp_path))):
            with pytest.raises(fdtrace.BadArgument, match="no store of fdtrace"):
                case.save(place, force=True)
        assert (tmp_path / "app.strace").exists()

    def test_a_store_only_by_force(self, tmp_path: Path) -> None:
        case = fdtrace.load(capture(tmp_path))
        case.save(tmp_path / "x.fdtrace")
        with pytest.raises(fdtrace.BadArgument, match="--force"):
            case.save(tmp_path / "x.fdtrace")
        case.save(tmp_path / "x.fdtrace", force=True)
        assert sorted(os.listdir(tmp_path)) == ["app.strace", "x.fdtrace"]

    def test_failure_leaves_what_was_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # GIVEN a store, and a table that cannot be written
        case = fdtrace.load(capture(tmp_path))
        case.save(tmp_path / "x.fdtrace")
        before = (tmp_path / "x.fdtrace" / "fdtrace.json").read_bytes()
        monkeypatch.setattr(store, "write_table", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
        # WHEN it is saved anew
        with pytest.raises(OSError, match="no space"):
            case.save(tmp_path / "x.fdtrace", force=True)
        # THEN the old one is whole and nothing else is left
        assert (tmp_path / "x.fdtrace" / "fdtrace.json").read_bytes() == before
        assert sorted(os.listdir(tmp_path)) == ["app.strace", "x.fdtrace"]

    def test_the_extra_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        case = fdtrace.load(capture(tmp_path))
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(fdtrace.MissingExtra, match=r"fdtrace\[parquet\]"):
            case.save(tmp_path / "x.fdtrace")


class TestDamage:
    @pytest.fixture
    def copy(self, saved: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(saved, tmp_path / "copy.fdtrace"))

    def change(self, copy: Path, **values: object) -> None:
        manifest = json.loads((copy / store.MANIFEST).read_text())
        (copy / store.MANIFEST).write_text(json.dumps({**manifest, **values}))

    def test_a_newer_version(self, copy: Path) -> None:
        self.change(copy, version=store.VERSION + 1, written_by="fdtrace 9.0")
        with pytest.raises(
            fdtrace.UnknownFormat, match=r"saved by fdtrace 9\.0 as version 3 .* reads version 2"
        ):
            fdtrace.load(copy)

    def test_something_elses_manifest(self, copy: Path) -> None:
        self.change(copy, format="another")
        with pytest.raises(fdtrace.UnknownFormat, match="not that of a store"):
            fdtrace.load(copy)

    def test_a_cut_manifest(self, copy: Path) -> None:
        text = (copy / store.MANIFEST).read_text()
        (copy / store.MANIFEST).write_text(text[: len(text) // 2])
        with pytest.raises(fdtrace.DamagedInput, match=r"fdtrace\.json: is cut or damaged"):
            fdtrace.load(copy)

    def test_no_manifest(self, copy: Path) -> None:
        (copy / store.MANIFEST).unlink()
        with pytest.raises(fdtrace.DamagedInput, match=r"has no fdtrace\.json"):
            fdtrace.load(copy)

    def test_a_missing_table(self, copy: Path) -> None:
        (copy / "fds.parquet").unlink()
        with pytest.raises(fdtrace.DamagedInput, match="table fds is missing"):
            fdtrace.load(copy)

    def test_a_cut_table(self, copy: Path) -> None:
        os.truncate(copy / "fds.parquet", 100)
        with pytest.raises(fdtrace.DamagedInput, match="table fds has 100 bytes, not"):
            fdtrace.load(copy)

    def test_other_columns(self, copy: Path) -> None:
        frame = pd.DataFrame({"pid": [1]})
        frame.to_parquet(copy / "processes.parquet")
        manifest = json.loads((copy / store.MANIFEST).read_text())
        size = (copy / "processes.parquet").stat().st_size
        self.change(copy, tables={**manifest["tables"], "processes": {"rows": 1, "bytes": size}})
        with pytest.raises(fdtrace.UnknownFormat, match="table processes has other columns"):
            _ = fdtrace.load(copy).processes


class TestOtherReaders:
    """The examples of docs/saved-cases.md, as they stand there."""

    def example(self, language: str, saved: Path) -> str:
        text = (Path(__file__).parent.parent / "docs" / "saved-cases.md").read_text()
        (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
        return found.replace("app.fdtrace", str(saved))

    def test_duckdb(self, saved: Path) -> None:
        duckdb = pytest.importorskip("duckdb")
        rows = dict(duckdb.sql(self.example("sql", saved)).fetchall())
        expected = fdtrace.load(saved).fds.query("how == 'none'")["kind"].astype(str).value_counts()
        assert rows == expected.to_dict()

    def test_polars(self, saved: Path) -> None:
        polars = pytest.importorskip("polars")
        *before, question = self.example("python", saved).split("\n\n")
        assert before == ["import polars"]
        slowest = eval(question, {"polars": polars})
        assert slowest.height == fdtrace.load(saved).events["syscall"].nunique()


class TestTableFiles:
    def test_one_table_with_columns_and_limit(self, tmp_path: Path) -> None:
        done = run(
            "events", capture(tmp_path), "-f", "parquet", "-o", "e.parquet",
            "--columns", "seq,fd,args", "--limit", "2",
            cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        frame = pd.read_parquet(tmp_path / "e.parquet")
        assert list(frame.columns) == ["seq", "fd", "args"]
        assert frame["seq"].tolist() == [0, 1]

    @pytest.mark.parametrize("command", ["leaks", "fds", "events"])
    def test_parquet_needs_a_file(self, tmp_path: Path, command: str) -> None:
        done = run(command, capture(tmp_path), "-f", "parquet")
        assert done.returncode == 2
        assert b"--output" in done.stderr

    def test_lists_of_records(self, tmp_path: Path) -> None:
        done = run("check", str(SAMPLE), "-f", "parquet", "-o", str(tmp_path / "f.parquet"))
        assert done.returncode == 0, done.stderr
        frame = pd.read_parquet(tmp_path / "f.parquet")
        assert set(frame["evidence"].iloc[0][0]) == {"file", "line", "text"}


def test_every_tuple_column_has_a_form() -> None:
    columns = [c for table in schema.TABLES.values() for c in table.columns if c.dtype == "object"]
    texts = {"callers", "reasons"}
    assert {c.name for c in columns} == {"tids", "pids", "examples", "example_fds", "evidence"} | texts


SAMPLES = Path(__file__).parent.parent / "samples"
FORMS = ("to_markdown", "to_jira", "to_text", "to_json", "to_html")


def tellings(case: fdtrace.Case) -> dict[str, str]:
    """Everything that commands say of a Case, by what was asked."""
    told = {name: str(getattr(case, name)()) for name in ("leaks", "check")}
    told["doctor"] = str(case.coverage)
    report = case.report()
    told |= {form: getattr(report, form)() for form in FORMS}
    drawn = case.timeline()
    told |= {form: getattr(drawn, form)() for form in ("to_svg", "to_perfetto", "to_folded")}
    seen = case.sightings
    first = seen[seen["fd_id"].notna()].drop_duplicates("source")["fd_id"]
    lives = case.fds.loc[[*first, *case.fds.index[::40]]]
    for pid, fd, at in zip(lives["pid"], lives["fd"], lives["open_t_s"], strict=True):
        told[f"story {pid} {fd} {at}"] = str(
            case.story(int(pid), int(fd), None if pd.isna(at) else at + 1e-9)
        )
    strangers = seen[seen["fd_id"].isna() & ~seen["pid"].isin(case.fds["pid"].unique())]
    for pid, fd in strangers[["pid", "fd"]].dropna().head(2).itertuples(index=False):
        told[f"story {pid} {fd}"] = str(case.story(int(pid), int(fd)))
    return told


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["lws-gateway", pytest.param("stock-service", marks=pytest.mark.slow), "web-server"]
)
def test_a_store_says_what_its_captures_say(name: str, tmp_path: Path) -> None:
    captures = fdtrace.load(SAMPLES / name)
    captures.save(tmp_path / "x.fdtrace")
    told, kept = tellings(captures), tellings(fdtrace.load(tmp_path / "x.fdtrace"))
    assert [asked for asked in told if told[asked] != kept[asked]] == []
    assert any("[ss]" in text or "[lsof]" in text for asked, text in told.items() if "story" in asked)


def test_snapshots_alone_tell_their_stories_from_a_store(tmp_path: Path) -> None:
    case = fdtrace.load(SAMPLE / "lsof.txt", SAMPLE / "ss.txt", SAMPLE / "procfd.txt")
    case.save(tmp_path / "x.fdtrace")
    text = str(case.story(pid=12692, fd=4))
    assert text.count("[lsof]") == text.count("[/proc]") == 4
    assert str(fdtrace.load(tmp_path / "x.fdtrace").story(pid=12692, fd=4)) == text
