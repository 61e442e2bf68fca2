"""What a shell is offered after a tab; the scripts are Typer's own, the words are fdtrace's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fdtrace.checks import NAMES
from fdtrace.cli.complete import check_names, checks_listed, kinds
from fdtrace.readers import KINDS


def test_names_of_checks_and_kinds_are_offered() -> None:
    assert check_names("") == list(NAMES)
    assert check_names("use_") == ["use_after_close"]
    assert kinds("l") == [kind for kind in KINDS if kind.startswith("l")]


def test_in_a_list_the_last_word_is_completed_and_none_offered_twice() -> None:
    assert checks_listed("leak,dou") == ["leak,double_close"]
    assert "leak,leak" not in checks_listed("leak,")
    assert checks_listed("x") == []


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with the command of this Python in it."""
    program = tmp_path / "fdtrace"
    program.write_text(f"#!{sys.executable}\nfrom fdtrace.__main__ import main\nmain()\n")
    program.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


BASH = """
eval "$(_FDTRACE_COMPLETE=source_bash fdtrace)"
try() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=(); _fdtrace_completion fdtrace; echo "${COMPREPLY[*]}" | tr '\\n' ' '; echo; }
try fdtrace explai
try fdtrace check --only leak,dou
try fdtrace check --fail-on h
try fdtrace leaks --as ls
try fdtrace check --basel
"""  # noqa: E501
FISH = """
_FDTRACE_COMPLETE=source_fish fdtrace | source
for line in "fdtrace explai" "fdtrace check --only leak,dou" "fdtrace check --fail-on h" "fdtrace leaks --as ls" "fdtrace check --basel"
    complete -C $line | string split -f1 \\t
end
"""  # noqa: E501
ZSH = """
for line in "fdtrace explai" "fdtrace check --only leak,dou" "fdtrace check --fail-on h" "fdtrace leaks --as ls" "fdtrace check --basel"; do
    _TYPER_COMPLETE_ARGS="$line" _FDTRACE_COMPLETE=complete_zsh fdtrace | grep -o '"[^"]*"' | head -1 | tr -d '"'
done
"""  # noqa: E501
OFFERED = ["explain", "leak,double_close", "high", "lsof", "--baseline"]


@pytest.mark.live
@pytest.mark.parametrize(
    ("shell", "script"), [("bash", BASH), pytest.param("fish", FISH, marks=pytest.mark.slow), ("zsh", ZSH)]
)
def test_each_shell_completes(shell: str, script: str, path: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [shell, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert [line.strip() for line in done.stdout.splitlines()] == OFFERED, done.stderr
