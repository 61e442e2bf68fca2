import csv
import importlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import fdtrace
from fdtrace import schema
from fdtrace.cli import app
from fdtrace.errors import BadArgument, DamagedInput, MissingExtra, NeedsCaptured
from fdtrace.model import Finding
from tests.fake_case import FakeCase

SAMPLE = str(Path(__file__).parent.parent / "samples" / "lws-gateway")
COMMANDS = ("leaks", "check", "fds", "events", "processes", "story", "doctor", "formats")
LEAK = Finding(
    "leak:x", "leak", "medium", "3 of 3 pipes are never closed", "app", pid=7, command="app", open=3, opened=3
)


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> FakeCase:
    """What `fdtrace.load` returns in place of a real Case; `asked` records how it was called."""
    fake = FakeCase([LEAK])

    def load(*paths: str, **options: Any) -> FakeCase:
        fake.asked["load"] = (paths, options)
        return fake

    monkeypatch.setitem(vars(fdtrace), "load", load)
    return fake


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False, **options)


def fails_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def load(*paths: str, **options: Any) -> None:
        raise error

    monkeypatch.setitem(vars(fdtrace), "load", load)


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fdtrace", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_says_what_it_does_and_gives_an_example(self, command: str) -> None:
        text = run(command, "--help").stdout
        assert f"Example:  fdtrace {command}" in text
        assert text.splitlines()[2].strip()

    def test_all_commands_are_listed(self) -> None:
        text = run("--help").stdout
        assert all(f"\n  {command} " in text for command in COMMANDS)
        assert "..." not in text.split("Commands:")[1]

    def test_version(self) -> None:
        result = run("--version")
        assert result.stdout == f"fdtrace {fdtrace.__version__}\n"
        assert result.exit_code == 0

    def test_help_needs_neither_numpy_nor_pandas(self) -> None:
        code = (
            "import sys, fdtrace.cli\n"
            "heavy = {'numpy', 'pandas', 'rich', 'click', 'fdtrace.case', 'fdtrace.loading'}\n"
            "sys.exit(str(heavy & set(sys.modules) or ''))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stderr.strip() == ""

    def test_formats(self) -> None:
        assert run("formats").stdout.startswith("strace ")


class TestResults:
    def test_leaks_says_the_answer(self, case: FakeCase) -> None:
        result = run("leaks", "app.strace")
        assert result.stdout.startswith("app (pid 7) probably leaks 3 descriptors.\n")
        assert result.stderr == ""
        assert result.exit_code == 0

    def test_leaks_as_json(self, case: FakeCase) -> None:
        answer = json.loads(run("leaks", "app.strace", "--format", "json").stdout)
        assert [finding["key"] for finding in answer["findings"]] == ["leak:x"]
        assert list(answer["findings"][0]) == list(schema.TABLES["findings"].names)
        assert answer["coverage"][0]["capture"] == "app"

    def test_leaks_as_json_with_chosen_columns(self, case: FakeCase) -> None:
        answer = json.loads(run("leaks", "app", "--format", "json", "--columns", "key,open").stdout)
        assert answer["findings"] == [{"key": "leak:x", "open": 3}]
        assert run("leaks", "app", "--format", "json", "--columns", "size").exit_code == 2

    @pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "markdown"])
    def test_leaks_as_a_table(self, case: FakeCase, format: str) -> None:
        result = run("leaks", "app.strace", "--format", format)
        assert "3 of 3 pipes are never closed" in result.stdout

    def test_no_findings_in_any_format(self, case: FakeCase) -> None:
        case.findings = []
        assert run("leaks", "app").stdout.startswith("No leak found")
        assert json.loads(run("leaks", "app", "-f", "json").stdout)["findings"] == []
        assert run("leaks", "app", "-f", "jsonl").stdout == ""

    def test_fds_as_csv(self, case: FakeCase) -> None:
        rows = list(csv.DictReader(io.StringIO(run("fds", "app", "-f", "csv").stdout)))
        assert [row["target"] for row in rows] == ["/etc/passwd", "'=cmd()"]
        raw = list(csv.DictReader(io.StringIO(run("fds", "app", "-f", "csv", "--raw").stdout)))
        assert raw[1]["target"] == "=cmd()"

    def test_the_cap_of_rows_is_announced_on_stderr(self, case: FakeCase) -> None:
        result = run("events", "app")
        assert len(result.stdout.splitlines()) == 5_002
        assert "events: the first 5,000 rows, there are more" in result.stderr

    def test_limit_and_columns(self, case: FakeCase) -> None:
        result = run("events", "app", "-f", "csv", "--limit", "2", "--columns", "seq, line")
        assert result.stdout == "seq,line\n0,1\n1,2\n"

    def test_a_table_fits_into_the_columns_of_the_terminal(self, case: FakeCase) -> None:
        result = run("fds", "app", "--columns", "all", env={"COLUMNS": "40"})
        assert max(map(len, result.stdout.splitlines())) <= 40

    def test_an_empty_table(self, case: FakeCase) -> None:
        result = run("processes", "app", "-f", "json")
        assert json.loads(result.stdout) == []

    def test_files_that_were_not_taken_are_named_if_they_are_few(self, case: FakeCase) -> None:
        case.skipped = [("d/README.md", "no capture")]
        assert run("leaks", "d").stderr == "not taken: d/README.md: no capture\n"
        case.skipped = [(f"d/{number}", "no capture") for number in range(4)]
        assert run("leaks", "d").stderr == "4 files not taken; fdtrace doctor says why\n"

    def test_story(self, case: FakeCase) -> None:
        result = run("story", "app", "--pid", "7", "--fd", "3", "--at", "1.5")
        assert result.stdout == "opened, never closed\n"
        assert case.asked["story"] == (7, 3, 1.5)
        assert json.loads(run("story", "app", "--pid", "7", "--fd", "3", "-f", "jsonl").stdout)["line"] == 1

    def test_doctor(self, case: FakeCase) -> None:
        case.skipped = [("README.md", "no capture")]
        result = run("doctor", "app")
        assert "1 × odd, first app.strace:9" in result.stdout
        assert "README.md: no capture" in result.stdout
        answer = json.loads(run("doctor", "app", "--format", "json").stdout)
        assert answer["coverage"][0]["lines"] == 2
        assert answer["skipped"] == [["README.md", "no capture"]]


class TestOptions:
    def test_what_the_capture_does_not_say_is_handed_on(self, case: FakeCase) -> None:
        run("fds", "a", "b", "--as", "strace", "--date", "2026-11-23", "--tz", "UTC")
        paths, options = case.asked["load"]
        assert paths == ("a", "b")
        assert {n: options[n] for n in ("kind", "date", "tz")} == {
            "kind": "strace",
            "date": "2026-11-23",
            "tz": "UTC",
        }

    def test_thresholds_are_left_alone_unless_given(self, case: FakeCase) -> None:
        run("leaks", "app")
        assert case.asked["leaks"] == {}
        run("leaks", "app", "--group-by", "caller")
        assert case.asked["leaks"] == {"group_by": "caller"}

    def test_only_some_checks(self, case: FakeCase) -> None:
        run("check", "app")
        assert case.asked["check"] is None
        run("check", "app", "--only", "leak, double_close")
        assert case.asked["check"] == ["leak", "double_close"]


class TestExitCodes:
    @pytest.mark.parametrize(("least", "code"), [("high", 0), ("medium", 1), ("low", 1), ("info", 1)])
    def test_findings_fail_only_when_asked_and_serious_enough(
        self, case: FakeCase, least: str, code: int
    ) -> None:
        assert run("leaks", "app").exit_code == 0
        assert run("leaks", "app", "--fail-on", least).exit_code == code
        assert run("check", "app", "--fail-on", least).exit_code == code

    @pytest.mark.parametrize(
        "arguments",
        [
            ("leaks",),
            ("leaks", "app", "--format", "xml"),
            ("leaks", "app", "--fail-on", "fatal"),
            ("fds", "app", "--columns", "colour"),
            ("fds", "app", "--limit", "-1"),
            ("story", "app"),
            ("fdz", "app"),
        ],
    )
    def test_wrong_usage(self, case: FakeCase, arguments: tuple[str, ...]) -> None:
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stderr
        assert result.stdout == ""

    def test_an_unreadable_input_is_told_after_the_rest(self, case: FakeCase) -> None:
        case.unreadable = [DamagedInput("no such file", path="gone\x1b[31m.strace")]
        result = run("leaks", "app", "gone", "--fail-on", "low")
        assert result.exit_code == 3
        assert result.stdout.startswith("app (pid 7)")
        assert result.stderr == "fdtrace: gone\\x1b[31m.strace: no such file\n"

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (DamagedInput("is empty", path="x"), 3),
            (MissingExtra("reading zst", "zstd"), 3),
            (BadArgument.choice("the kind", "straze", ["strace"]), 2),
            (NeedsCaptured("record with -T"), 2),
        ],
    )
    def test_an_error_is_a_sentence(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
    ) -> None:
        fails_with(monkeypatch, error)
        result = run("leaks", "x")
        assert result.exit_code == code
        assert result.stdout == ""
        assert result.stderr == f"fdtrace: {error}\n"

    def test_an_interrupt_is_quiet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def load(*paths: str, **options: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setitem(vars(fdtrace), "load", load)
        result = run("leaks", "x")
        assert result.exit_code == 130
        assert (result.stdout, result.stderr) == ("", "interrupted: nothing was read\n")

    def test_our_own_mistakes_keep_their_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fails_with(monkeypatch, ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            run("leaks", "x")


class TestOutput:
    def test_a_file_is_written_whole_and_named_last(self, case: FakeCase, tmp_path: Path) -> None:
        target = tmp_path / "fds.csv"
        result = run("fds", "app", "-f", "csv", "-o", str(target))
        assert result.stdout == ""
        assert result.stderr.splitlines()[-1] == f"written to {target}"
        assert target.read_text().startswith("fd_id,")
        assert [path.name for path in tmp_path.iterdir()] == ["fds.csv"]
        assert target.stat().st_mode & 0o777 == 0o666 & ~current_umask()

    def test_an_existing_file_is_refused_before_any_work(self, case: FakeCase, tmp_path: Path) -> None:
        target = tmp_path / "fds.csv"
        target.write_text("mine")
        result = run("fds", "app", "-f", "csv", "-o", str(target))
        assert result.exit_code == 2
        assert "--force" in result.stderr
        assert target.read_text() == "mine"
        assert "load" not in case.asked
        assert run("fds", "app", "-f", "csv", "-o", str(target), "--force").exit_code == 0
        assert target.read_text().startswith("fd_id,")

    def test_nothing_is_left_when_writing_fails(self, case: FakeCase, tmp_path: Path) -> None:
        result = run("fds", "app", "--columns", "colour", "-o", str(tmp_path / "x"))
        assert result.exit_code == 2
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_be(self, case: FakeCase, tmp_path: Path) -> None:
        assert run("fds", "app", "-o", str(tmp_path)).exit_code == 2
        assert run("fds", "app", "-o", str(tmp_path / "no" / "x")).exit_code == 2

    def test_a_device_is_written_to_and_stays(self, case: FakeCase) -> None:
        assert run("fds", "app", "-o", "/dev/null", "--force").exit_code == 0
        assert not Path("/dev/null").is_file()

    def test_a_link_stays_a_link(self, case: FakeCase, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("old")
        (tmp_path / "link").symlink_to("real")
        assert run("fds", "app", "-o", str(tmp_path / "link"), "--force").exit_code == 0
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text() != "old"


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


OPENS = (
    'execve("/bin/app", ["app"], 0x7ffd /* 9 vars */) = 0\n'
    'openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\nclose(3) = 0\n'
)


class TestInputs:
    """Real captures, as they are given."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        Path("app.strace").write_text(OPENS)
        return tmp_path

    def test_what_cannot_be_read_is_told_after_the_rest(self, folder: Path) -> None:
        Path("empty.strace").write_text("")
        Path("noise.bin").write_bytes(bytes(range(256)) * 20)
        Path("data.json").write_text('{"a": 1}\n')
        result = run("leaks", "empty.strace", "gone.strace", "app.strace", "noise.bin", "data.json")
        assert result.exit_code == 3
        assert result.stdout.startswith("No leak found in 3 calls of 1 process.\n")
        told = sorted(result.stderr.splitlines())
        assert [line.split(": ")[1] for line in told] == [
            "data.json",
            "empty.strace",
            "gone.strace",
            "noise.bin",
        ]
        assert "JSON" in told[0]
        assert "is empty" in told[1]
        assert "no such file" in told[2]
        assert "binary" in told[3]

    @pytest.mark.parametrize("command", ["fds", "events", "processes", "check", "doctor"])
    def test_every_command_says_so(self, folder: Path, command: str) -> None:
        result = run(command, "app.strace", "gone.strace")
        assert result.exit_code == 3
        assert result.stdout
        assert "gone.strace: no such file" in result.stderr

    @pytest.mark.parametrize("pack", ["gzip", "bz2", "lzma"])
    def test_packed_by_content_not_by_name(self, folder: Path, pack: str) -> None:
        packed = importlib.import_module(pack).compress(OPENS.encode())
        Path("capture.txt").write_bytes(packed)
        assert len(run("events", "capture.txt", "-f", "jsonl").stdout.splitlines()) == 3

    def test_standard_input(self) -> None:
        done = process("leaks", "-", input=OPENS)
        assert done.stdout.startswith("No leak found in 3 calls of 1 process.\n")
        assert "More: fdtrace doctor -\n" in done.stdout

    def test_a_family_by_pattern_by_directory_and_by_one_name_each(self, folder: Path) -> None:
        Path("ff").mkdir()
        for pid in (11, 12):
            Path(f"ff/app.{pid}").write_text(f"170000000{pid - 10}.000000 close(9) = -1 EBADF\n")
        Path("ff/app.13").write_text("")
        for given in (["ff"], ["ff/app.11", "ff/app.12", "ff/app.13"]):
            coverage = json.loads(run("leaks", *given, "-f", "json").stdout)["coverage"]
            assert [(one["capture"], one["lines"]) for one in coverage] == [("ff/app.*", 2)]

    def test_several_captures_are_judged_each_for_itself(self, folder: Path) -> None:
        Path("worse.strace").write_text(
            OPENS
            + "".join(
                f'openat(AT_FDCWD, "/etc/motd", O_RDONLY) = {3 + i}\n' + 'read(0, "", 9) = 0\n' * 20
                for i in range(60)
            )
        )
        text = run("leaks", "app.strace", "worse.strace").stdout
        assert text.startswith("1 of 2 captures shows a leak: worse.strace.\n\n── worse.strace\n")
        assert text.index("── worse.strace") < text.index("── app.strace")
        lines = run("fds", "app.strace", "worse.strace", "-f", "jsonl").stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        assert {row["capture"] for row in rows} == {"app.strace", "worse.strace"}
        assert len({row["fd_id"] for row in rows}) == len(rows)


class TestProcesses:
    """The same as processes of their own, on the sample."""

    def test_the_sample_has_its_two_leaks(self) -> None:
        done = process("leaks", SAMPLE, "--format", "json", "--fail-on", "high")
        assert done.returncode == 1, done.stderr
        high = [f for f in json.loads(done.stdout)["findings"] if f["severity"] == "high"]
        assert [(f["kind"], f["open"]) for f in high] == [("eventfd", 24), ("tcp", 16)]
        assert "lws_plat_pipe_create" in high[0]["call_site"]
        assert "report_metrics" in high[1]["call_site"]

    def test_no_colour_in_a_pipe(self) -> None:
        done = process("leaks", SAMPLE, env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"})
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr

    @pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
    def test_colour_on_a_terminal_unless_no_color(self, no_color: str, coloured: bool) -> None:
        text = on_terminal({"NO_COLOR": no_color, "TERM": "xterm", "COLUMNS": "90"}, "leaks", SAMPLE)
        assert ("\x1b[" in text) is coloured

    def test_a_broken_pipe_is_quiet_and_keeps_the_exit_code(self) -> None:
        code = f"{sys.executable} -m fdtrace events {SAMPLE} -f csv | head -1; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False, timeout=120)
        assert done.stdout.splitlines()[0].startswith("seq,capture,")
        assert done.stdout.splitlines()[1] == "0"
        assert "Error" not in done.stderr
        assert "Traceback" not in done.stderr

    def test_interrupt(self) -> None:
        child = subprocess.Popen(
            [sys.executable, "-m", "fdtrace", "leaks", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(2)  # it waits for its input
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=30)
        assert child.returncode == 130
        assert output == ""
        assert errors == "interrupted: nothing was read\n"

    def test_a_missing_file(self) -> None:
        done = process("leaks", "/nonexistent.strace")
        assert done.returncode == 3
        assert "/nonexistent.strace" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_terminal_without_the_characters(self) -> None:
        done = process("leaks", SAMPLE, env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert done.returncode == 0, done.stderr

    def test_leaks_does_without_pandas(self) -> None:
        code = (
            "import sys\nfrom fdtrace.cli import app\n"
            f"try:\n    app(['leaks', {SAMPLE!r}])\n"
            "except SystemExit as end:\n    assert not end.code, end.code\n"
            "assert not {'pandas', 'numba'} & set(sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_completion_is_offered(self) -> None:
        done = process(env={**os.environ, "_FDTRACE_COMPLETE": "source_bash"})
        assert "fdtrace" in done.stdout
        assert "complete" in done.stdout


def on_terminal(environment: dict[str, str], *arguments: str) -> str:
    """What the command writes when its output is a terminal."""
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "fdtrace", *arguments],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            more = os.read(ours, 65_536)
        except OSError:
            break
        if not more:
            break
        text += more
    os.close(ours)
    assert child.wait(60) == 0
    return text.decode()


def test_public_names_are_sorted_and_load() -> None:
    assert fdtrace.__all__ == sorted(fdtrace.__all__)
    assert set(fdtrace.__all__) <= set(dir(fdtrace))
    for name in fdtrace.__all__:
        assert getattr(fdtrace, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        fdtrace.nothing  # noqa: B018
