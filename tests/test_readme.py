"""What the README tells people to type works, and what it shows is what they will see."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^<!-- (?P<mark>[^>]+) -->\n```\w+\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(found["mark"], found["body"]) for found in _BLOCK.finditer(README)]
SET_UP = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q (\S+) && \.venv/bin/(.+)\n")


def blocks(mark: str) -> list[str]:
    return [body for name, body in BLOCKS if name == mark]


def fdtrace(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the installed command's equal in this environment, in the clone, as the reader would."""
    return subprocess.run(
        [sys.executable, "-m", "fdtrace", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
    )


COMMANDS = [line for body in blocks("run") for line in body.splitlines() if line.startswith("fdtrace ")]


def test_there_are_two_commands_that_do_all_the_set_up() -> None:
    for mark, what, ending in (
        ("leaks", ".", "fdtrace leaks samples/lws-gateway"),
        ("tests", "'.[dev]'", "pytest -q"),
    ):
        (body,) = blocks(mark)
        found = SET_UP.fullmatch(body)
        assert found is not None
        assert found.groups() == (what, ending)


def test_the_output_shown_is_the_output_of_today() -> None:
    ((mark, shown),) = [block for block in BLOCKS if block[0].startswith("output: ")]
    done = fdtrace(shlex.split(mark.removeprefix("output: fdtrace ")))
    assert done.returncode == 0, done.stderr
    assert shown == done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works(command: str) -> None:
    done = fdtrace(shlex.split(command)[1:])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_command_of_the_command_line_is_shown() -> None:
    help_text = fdtrace(["--help"]).stdout.split("Commands:")[1]
    known = set(re.findall(r"^  (\w+)  ", help_text, re.MULTILINE)) - {"Example"}
    shown = set(re.findall(r"\bfdtrace (\w+)", README))
    assert known <= shown


@pytest.mark.parametrize("body", [body for body in blocks("run") if "import fdtrace" in body])
def test_the_python_works(body: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", body], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
