"""The pages say what the code says, every command in them works, and they lead somewhere."""

import dataclasses
import gzip
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

import fdtrace
from fdtrace import readers
from fdtrace.checks import NAMES
from fdtrace.cli import app
from fdtrace.history.kernel import Kernel
from fdtrace.readers import listing, lsof, paste, portions, sheet, signs, snapshots
from fdtrace.readers.strace import lines, records
from fdtrace.readers.text import open_source
from fdtrace.report import formats, tables
from fdtrace.schema import TABLES

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "samples").glob("*/README.md")),
]
AGAIN = "run: python -m docs.generate"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next of its rank."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


# -- pages made from the code ----------------------------------------------------


@pytest.mark.parametrize("name", sorted(GENERATOR.PAGES))
def test_what_is_made_from_the_code_is_current(name: str) -> None:
    assert page(f"docs/{name}") == GENERATOR.PAGES[name](), AGAIN


SHOWS = [path for path in PAGES if "<!-- output: " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", SHOWS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_output_shown_is_the_output_of_today(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == GENERATOR.with_output(text), AGAIN


def test_every_column_is_described() -> None:
    text = page("docs/tables.md")
    for table in TABLES.values():
        rows = re.findall(r"^\| \**(\w+)\**(?: \(index\))? \|", section(text, table.name), re.MULTILINE)
        assert tuple(rows) == ("column", *table.names)


def test_every_check_is_described() -> None:
    headings = re.findall(r"^## (.+)$", page("docs/checks.md"), re.MULTILINE)
    assert sorted(name for heading in headings for name in heading.split(", ")) == sorted(NAMES)


def helps() -> dict[str, str]:
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout.split("Commands:")[1]
    names = re.findall(r"^  ([a-z-]+)  ", listed, re.MULTILINE)
    return {name: CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "80"}).stdout for name in names}


HELPS = helps()


def test_every_command_and_option_of_the_help_is_described() -> None:
    text = page("docs/cli.md")
    described = set(re.findall(r"^## fdtrace (\S+)$", text, re.MULTILINE))
    assert described == set(HELPS)
    for name, shown in HELPS.items():
        options = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", shown, re.MULTILINE)) - {"--help"}
        told = set(re.findall(r"`(--[a-z-]+)", section(text, f"fdtrace {name}")))
        assert options <= told | {"-h"}, name


def test_every_option_that_many_commands_have_is_described_once() -> None:
    text = page("docs/cli.md")
    shared = re.findall(r"^\| `(--[a-z-]+)", section(text, "Options of many commands"), re.MULTILINE)
    also = set(re.findall(r"`(--[a-z-]+)`", "".join(re.findall(r"^Also .*", text, re.MULTILINE))))
    assert len(shared) == len(set(shared))
    assert set(shared) == also


def test_the_readme_leads_to_every_page_and_shows_every_command() -> None:
    readme = page("README.md")
    for path in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{path.name}" in readme
    for path in (ROOT / "samples").glob("*/README.md"):
        assert f"({path.relative_to(ROOT)})" in readme
    assert set(HELPS) <= set(re.findall(r"\bfdtrace ([a-z-]+)", readme))


def test_the_formats_are_those_that_have_readers() -> None:
    first = re.findall(r"^(\w+) {2,}", formats.UNDERSTOOD, re.MULTILINE)
    assert tuple(first[: len(readers.KINDS)]) == readers.KINDS


# -- links -----------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        place = path.parent / file if file else path
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


# -- commands --------------------------------------------------------------------

LIKE = {"CAPTURE": "app.strace", "NEW_CAPTURE": "samples/web-server", "PID": "12692", "FD": "4"}
"""What the words that stand for something are replaced by."""
LIKE |= {"LOG": "lws.log", "CHECK": "leak", "[CHECK]": "leak"}
LIKE |= {"BEFORE": "app.strace", "AFTER": "app.strace.gz"}
LIKE |= {"before.strace": "app.strace", "after.strace": "app.strace.gz", "main.fdtrace": "gateway.fdtrace"}
LIKE |= {"COMMAND": "true", "rec": "app.strace"}
LIKE |= {"DIR": "samples", "https://SERVER": "http://127.0.0.1:9"}
LIKE |= {"4120": "12692", "17": "4", "12.5": "0.3"}


def examples() -> Iterator[str]:
    """The commands of lines and of cells; a line of prose may begin with the name as well."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for command in re.findall(r"^(?: {4})?(fdtrace .*)$|`(fdtrace [^`]+)`", text, re.MULTILINE):
            line = "".join(command)
            _, name, *arguments = line.split()
            alone = name in ("formats", "explain")
            if name in HELPS and "[OPTIONS]" not in arguments and (arguments or alone):
                yield line


EXAMPLES = list(dict.fromkeys(examples()))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the samples, and with small captures of the names that examples use."""
    place = tmp_path_factory.mktemp("clone")
    (place / "samples").symlink_to(ROOT / "samples")
    sample = ROOT / "samples" / "lws-gateway"
    for name in ("lsof.txt", "netstat.txt", "ss.txt", "lws.log"):
        (place / name).symlink_to(sample / name)
    beginning = b"".join(gzip.decompress((sample / "gateway.strace.gz").read_bytes()).splitlines(True)[:3000])
    (place / "app.strace").write_bytes(beginning)
    (place / "app.strace.gz").write_bytes(gzip.compress(beginning))
    fdtrace.load(place / "app.strace").save(place / "gateway.fdtrace")
    with ThreadPoolExecutor(1) as executor:
        fdtrace.scan(place / "app.strace", result=place / "fleet", executor=executor)
    return place


@pytest.mark.parametrize("command", EXAMPLES)
def test_every_example_works(command: str, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    arguments = [LIKE.get(word, word) for word in shlex.split(command, comments=True)[1:]]
    if arguments[0] == "record":
        arguments = ["record", "--dry-run", *arguments[1:]]
    elif {"--output", "--write-baseline"} & {*arguments}:
        arguments.append("--force")
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    judges = {"--fail-on", "--baseline"} & {*arguments}
    codes = (0, 1, 4) if arguments[0] == "diff" else (0, 1) if judges else (0,)
    assert done.exit_code in codes, done.stderr
    if "--output" in arguments and arguments[0] != "record":
        assert Path(arguments[arguments.index("--output") + 1]).exists()
    elif "--write-baseline" not in arguments:
        assert done.stdout.strip()


def test_examples_are_found() -> None:
    assert {shlex.split(command)[1] for command in EXAMPLES} == set(HELPS)


# -- recording -------------------------------------------------------------------

RECORDING = page("docs/recording.md")
LOOPS = re.findall(r"^<!-- live: (\w+) (\S+) -->\n```sh\n(.*?)^```$", RECORDING, re.MULTILINE | re.DOTALL)
COMMAND = page("README.md").partition("## Record")[2].partition("```text\n")[2].partition("```")[0]


@pytest.mark.live
@pytest.mark.parametrize(("kind", "file", "script"), LOOPS, ids=[loop[0] for loop in LOOPS])
def test_each_loop_records_looks_that_are_understood(
    kind: str, file: str, script: str, tmp_path: Path
) -> None:
    tool = "ls" if kind == "procfs" else kind
    if shutil.which(tool) is None or not Path("/proc/self/fd").is_dir():
        pytest.skip(f"{tool} or /proc is missing")
    watched = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        short = script.replace("pid=4120", f"pid={watched.pid}").replace("sleep 60", "sleep 0.1")
        assert short != script
        short = short.replace("1 2 3 4 5 6", "1 2")
        subprocess.run(["sh", "-c", short], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    finally:
        watched.communicate(b"\n")
    case = fdtrace.load(tmp_path / file)
    (coverage,) = case.coverage
    assert (coverage.kind, coverage.snapshots, coverage.clock, coverage.problems) == (kind, 2, "utc", 0)
    if kind in ("procfs", "lsof"):
        assert watched.pid in set(case.open_files["pid"])
    if kind == "procfs":
        assert coverage.limit


@pytest.mark.live
def test_the_recommended_recording_lacks_nothing(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    command = COMMAND.partition("#")[0].replace("COMMAND", "cat /etc/hostname")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    if done.returncode:
        pytest.skip(f"strace cannot trace here: {done.stderr.strip()[:100]}")
    (coverage,) = fdtrace.load(tmp_path / "app.strace").coverage
    assert (coverage.missing, coverage.problems, coverage.born) == ((), 0, True)


# -- limits ----------------------------------------------------------------------


def test_the_limits_are_those_of_the_code() -> None:
    text = section(page("docs/limits.md"), "How much is taken")
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|", text, re.MULTILINE))
    allowed = portions.Limits()
    mib, gib = 1 << 20, 1 << 30
    assert rows["directories within a directory"] == f"{listing.DEEPEST:,}"
    assert rows["entries of a directory, with all below it"] == f"{listing.MOST:,}"
    assert rows["members of an archive"] == f"{allowed.members:,}"
    assert rows["bytes that an archive unpacks to"] == (
        f"{allowed.unpacked // gib} GiB, and beyond {allowed.free // mib} MiB"
        f" not more than {allowed.ratio} times its size"
    )
    assert rows["a ticket or mail with captures pasted into it"] == f"{signs.LARGEST // mib} MiB"
    assert rows["recordings of strace in such a text"] == f"{paste.RECORDINGS}"
    assert rows["a line of strace"].startswith(f"{lines.LONGEST_LINE // mib} MiB, ")
    longest = (
        f"{snapshots.LONGEST // mib} MiB, {lsof.LONGEST_LINE // mib} MiB for lsof (`-J` writes one line)"
    )
    assert rows["a line of a snapshot or log"] == longest
    assert rows["problem rows of a file"] == f"{snapshots.MANY:,}" == f"{records.PROBLEM_ROWS:,}"
    assert rows["quoted text of a problem"] == f"{sheet.SHOWN} characters"
    assert rows["rows that a table for reading shows"] == f"{tables.MOST_ROWS:,}"
    assert rows["copies of forks that `fds` lists"] == f"{Kernel().copies_left:,}"
    assert rows["a report as Markdown, Jira or text"].split()[0] == "30,000"
    assert "[default: 30000" in " ".join(HELPS["report"].split())


# -- adding a reader -------------------------------------------------------------


def test_the_reader_of_the_example_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = page("docs/adding-a-reader.md")
    code = text.partition("<!-- example reader -->\n```python\n")[2].partition("```")[0]
    module = ModuleType("fdtrace.readers.fdls")
    exec(code, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(readers._MODULES, "fdls", "fdls")
    sample = re.search(r"((?: {4}.+\n){3})", text)
    assert sample is not None
    listed = "".join(line[4:] + "\n" for line in sample[1].splitlines())
    assert all(module.MARKS.match(line.encode()) for line in listed.splitlines())
    file = tmp_path / "fdls.txt"
    file.write_text(f"# 2026-03-01T12:00:00Z\n{listed}\n# 2026-03-01T12:01:00Z\n{listed}wrong\n")
    read = snapshots.read(open_source(str(file)), "fdls")
    assert read.lines == read.parsed + read.continuation + read.blank + len(read.problems) == 10
    assert [(problem.line, problem.reason) for problem in read.problems] == [(10, "no row of fdls")]
    assert [(row.snapshot, row.pid, row.fd, row.kind) for row in read.open_files[1:3]] == [
        (1, 4120, 4, "socket"),
        (2, 4120, 3, "file"),
    ]
    for name in ("OpenFile", "Socket", "LwsObject", "LwsEvent", "ProcessFacts"):
        assert dataclasses.is_dataclass(getattr(sheet, name))
        assert f"`{name}`" in text
