import re

import pytest
from typer.testing import CliRunner

from fdtrace.checks import NAMES
from fdtrace.cli import app
from fdtrace.report import explain
from fdtrace.report.guidance import GUIDANCE


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["explain", *words], env={"COLUMNS": "90"})
    return done.exit_code, done.stdout, done.stderr


def test_without_a_name_all_are_listed_with_their_question() -> None:
    code, shown, _ = run()
    assert code == 0
    assert re.findall(r"^  (\w+)  ", shown, re.MULTILINE) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_check_is_explained_with_its_limits(name: str) -> None:
    code, shown, _ = run(name)
    assert code == 0
    assert shown.startswith(f"{name}\n")
    for part in ("When it is wrong:", "To confirm:", "To try it:"):
        assert part in shown
    flat = " ".join(shown.replace("– ", "").split())
    for sentence in (*GUIDANCE[name].wrong, *GUIDANCE[name].confirm):
        assert sentence in flat
    assert max(map(len, shown.splitlines())) <= 90


def test_thresholds_come_with_their_values() -> None:
    _, shown, _ = run("leak")
    assert "`many`: suspects from here on can be high (8:" in shown


def test_an_unknown_name_gets_the_nearest() -> None:
    code, _, said = run("leek")
    assert code == 2
    assert "Did you mean 'leak'?" in said


def test_there_is_guidance_for_every_check_and_no_other() -> None:
    assert set(GUIDANCE) == set(NAMES)


def test_rules_that_checks_share_are_told_once() -> None:
    told = list(explain.sections().values())
    assert ["close_wait", "half_closed", "dead_socket"] in told
    assert sorted(name for names in told for name in names) == sorted(NAMES)
