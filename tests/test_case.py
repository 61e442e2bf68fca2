"""What a user of the Python interface holds: lazily made, typed, and of one piece over several captures."""

import gzip
import inspect
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import fdtrace
from fdtrace import schema

LEAKY = (
    '7 1700000000.000000 execve("/bin/app", ["app"], 0x7ffd /* 9 vars */) = 0\n'
    "7 1700000000.100000 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 8\n"
    + "".join(
        f'7 170000000{1 + i // 10}.{i % 10}00000 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = {3 + i}\n'
        for i in range(40)
    )
    + '8 1700000006.000000 openat(AT_FDCWD, "/tmp/x", O_RDONLY) = 3\n'
    + "8 1700000006.100000 close(3) = 0\n"
    + "8 1700000006.200000 +++ exited with 0 +++\n"
)
TABLES = ("fds", "events", "processes", "tasks", "frames", "problems")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "app.strace"
    path.write_text(LEAKY, encoding="ascii")
    return path


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_as_the_schema_says(capture: Path, name: str) -> None:
    assert schema.check(getattr(fdtrace.load(capture), name), name) == []


def test_tables_are_made_once_and_not_before_they_are_asked_for(capture: Path) -> None:
    case = fdtrace.load(capture)
    assert not {"_recorded", *TABLES} & set(vars(case))
    assert case.fds is case.fds


def test_what_was_not_captured_is_an_empty_table(capture: Path) -> None:
    frames = fdtrace.load(capture).frames
    assert frames.empty
    assert list(frames.columns) == list(schema.TABLES["frames"].names)


def test_captures_of_one_call_are_kept_apart(capture: Path) -> None:
    other = capture.with_name("other.strace")
    other.write_text(LEAKY + '7 1700000009.000000 openat(AT_FDCWD, "/etc/motd", O_RDONLY) = 90\n')
    case = fdtrace.load(capture, other)
    assert case.fds["capture"].nunique() == 2
    for column in ("table", "ofd"):
        shared = case.fds.groupby(column)["capture"].nunique()
        assert (shared == 1).all(), column
    assert case.fds.index.is_unique
    assert case.events.index.is_unique
    assert len(case.coverage) == 2
    assert {finding.capture for finding in case.leaks()} == {one.capture for one in case.coverage}
    assert list(case.events.groupby("capture", observed=True).size()) == [44, 45]


def test_findings_are_a_sequence_with_a_table(capture: Path) -> None:
    found = fdtrace.load(capture).leaks()
    assert isinstance(found[0], fdtrace.Finding)
    assert list(found.table.index) == [finding.key for finding in found]
    assert schema.check(found.table, "findings") == []
    assert found[0].example_fds[0] in fdtrace.load(capture).fds.loc[list(found[0].examples), "fd"].tolist()


def test_findings_display_themselves(capture: Path) -> None:
    found = fdtrace.load(capture).leaks()
    assert str(found).startswith("app (pid 7) leaks 40 descriptors in ")
    assert "<strong>app (pid 7) leaks 40 descriptors in " in found._repr_html_()


def test_a_case_shows_a_card(capture: Path) -> None:
    card = str(fdtrace.load(capture))
    assert card.splitlines()[0] == "Case of 1 capture"
    assert "app.strace: strace, 45 lines, 44 calls, 2 processes, 6.2 s" in card


def test_a_case_tells_of_what_it_left_out(capture: Path) -> None:
    (capture.parent / "notes.txt").write_text("nothing\n")
    card = str(fdtrace.load(capture.parent, capture.parent / "gone"))
    assert "1 file not taken: see .skipped" in card
    assert "1 input not readable: see .unreadable" in card


def test_thresholds_are_keywords_and_a_wrong_one_is_named(capture: Path) -> None:
    case = fdtrace.load(capture)
    assert case.leaks(many=1_000)[0].severity == "medium"
    with pytest.raises(fdtrace.BadArgument, match="manny"):
        case.leaks(manny=3)


def test_checks_by_name(capture: Path) -> None:
    case = fdtrace.load(capture)
    assert {finding.check for finding in case.check(only=["leak"])} == {"leak"}
    with pytest.raises(fdtrace.BadArgument, match="Did you mean 'leak'"):
        case.check(only=["leek"])


@pytest.mark.parametrize(
    ("tz", "hour"), [(None, 6), ("UTC", 6), ("+02:00", 4), ("-0530", 11), ("Europe/Berlin", 5)]
)
def test_a_clock_without_a_date_takes_one(tmp_path: Path, tz: str | None, hour: int) -> None:
    path = tmp_path / "tt.strace"
    path.write_text('06:00:00.250000 openat(AT_FDCWD, "/", O_RDONLY) = 3\n06:00:01.000000 close(3) = 0\n')
    if tz is None:
        assert fdtrace.load(path).events["time"].isna().all()
    time = fdtrace.load(path, date="2024-02-29", tz=tz).events["time"].iloc[0]
    assert time == pd.Timestamp(f"2024-02-29T{hour:02}:{'30' if tz == '-0530' else '00'}:00.25Z")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"date": "29.2.2024"}, "write it as YYYY-MM-DD"),
        ({"date": "2024-02-30"}, "write it as YYYY-MM-DD"),
        ({"date": "2024-02-29", "tz": "Mars"}, "tz cannot be 'Mars'"),
        ({"date": "2024-02-29", "tz": "+99:00"}, r"tz cannot be '\+99:00'"),
        ({"tz": "UTC"}, "means nothing without a date"),
        ({"kind": "strase"}, "Did you mean 'strace'"),
    ],
)
def test_arguments_that_mean_nothing(capture: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(fdtrace.BadArgument, match=message):
        fdtrace.load(capture, **options)


def test_load_raises_only_if_nothing_was_readable(capture: Path) -> None:
    gone = capture.with_name("gone.strace")
    with pytest.raises(fdtrace.DamagedInput, match="no such file"):
        fdtrace.load(gone)
    case = fdtrace.load(gone, capture)
    assert [str(error) for error in case.unreadable] == [f"{gone}: no such file or directory"]
    with pytest.raises(fdtrace.BadArgument):
        fdtrace.load()


def test_what_is_damaged_further_on_is_used_up_to_there(capture: Path) -> None:
    cut = capture.with_name("cut.gz")
    noise = "".join(f"7 1700000009.{i:06} write(1, {i * 7919!r}, 9) = 9\n" for i in range(20_000))
    cut.write_bytes(gzip.compress((LEAKY + noise).encode())[:20_000])
    case = fdtrace.load(cut)
    assert case.unreadable == []
    assert "the input is cut off and used up to there" in str(case.leaks())
    assert len(case.fds) > 40
    (error,) = case.unreadable
    assert isinstance(error, fdtrace.DamagedInput)
    assert "ends too early" in str(error)


def test_leaks_need_neither_pandas_nor_numba(capture: Path) -> None:
    code = (
        "import sys, fdtrace\n"
        f"print(fdtrace.load({str(capture)!r}).leaks())\n"
        "sys.exit(str({'numba', 'pandas', 'rich', 'tabulate'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("app (pid 7) leaks")
    assert done.stderr.strip() == ""


def test_importing_fdtrace_imports_nothing_else() -> None:
    code = (
        "import sys, fdtrace\n"
        "print(sorted(name for name in sys.modules if name.startswith('fdtrace.') or name == 'numpy'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_documented_and_typed() -> None:
    assert fdtrace.__all__ == sorted(fdtrace.__all__)
    for name in fdtrace.__all__:
        thing = getattr(fdtrace, name)
        if name == "__version__":
            continue
        assert inspect.getdoc(thing), name
        for method, value in vars(thing).items() if inspect.isclass(thing) else ():
            if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{method}"
    assert (Path(fdtrace.__file__).parent / "py.typed").exists()
