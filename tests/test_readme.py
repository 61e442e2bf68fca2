"""The README sets a newcomer up with two commands, and its cell works; test_docs has its other commands."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^<!-- (?P<mark>[^>]+) -->\n```\w+\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(found["mark"], found["body"]) for found in _BLOCK.finditer(README)]
SET_UP = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q (\S+) && \.venv/bin/(.+)\n")


def blocks(mark: str) -> list[str]:
    return [body for name, body in BLOCKS if name == mark]


def test_there_are_two_commands_that_do_all_the_set_up() -> None:
    for mark, what, ending in (
        ("leaks", ".", "fdtrace leaks samples/lws-gateway"),
        ("tests", "'.[dev]'", "pytest -q"),
    ):
        (body,) = blocks(mark)
        found = SET_UP.fullmatch(body)
        assert found is not None
        assert found.groups() == (what, ending)


def test_it_shows_the_answer_to_the_first_command() -> None:
    marks = [mark for mark, _ in BLOCKS]
    assert marks.index("leaks") < marks.index("output: fdtrace leaks samples/lws-gateway")


def test_the_cell_works() -> None:
    (cell,) = [body for body in blocks("run") if "import fdtrace" in body]
    cell = re.sub(r"^(case\..*)$", r"print(\1)", cell, flags=re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-c", cell],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gateway (pid 12692) leaks 40 descriptors")
    assert re.search(r"^report_metrics +16$", done.stdout, re.MULTILINE)


def test_the_exit_codes_are_those_of_the_code() -> None:
    codes = re.findall(r"^\| (\d+) \|", README, re.MULTILINE)
    cli = importlib.import_module("fdtrace.cli.app")
    told = (0, cli._FOUND, cli._USAGE, cli._UNREADABLE, cli._CANNOT_TELL, cli._INTERRUPTED)
    assert codes == [str(code) for code in told]
