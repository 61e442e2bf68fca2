"""What became of findings: fixed, not fixed, or not to be told; on traces, snapshots, stores and reports."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fdtrace
from fdtrace.cli import app
from tests.service_trace import half, never, trace

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, *given: Any, **options: Any) -> Path:
        place = tmp_path / name
        place.write_text(trace(*given, **options))
        return place

    return put


@pytest.fixture
def before(write: Write) -> Path:
    return write("before.strace", 30)


def verdict(before: object, after: object, **options: Any) -> tuple[str, list[tuple[str, str]]]:
    made = fdtrace.diff(before, after, **options)  # type: ignore[arg-type]
    return made.verdict, [(change.status, change.why) for change in made]


# -- traces ------------------------------------------------------------------------


def test_what_is_closed_now_is_fixed(before: Path, write: Write) -> None:
    made = fdtrace.diff(before, write("after.strace", 50, never))
    assert made.verdict == "fixed"
    row = made.table.loc["leak:service:file:service!open_log"]
    assert (row["status"], row["unit"]) == ("fixed", "descriptor opened")
    assert row[["before", "before_work", "after", "after_work", "expected"]].tolist() == [30, 30, 0, 50, 50]
    assert str(made).startswith("Fixed: 0 of 50 that open_log opened stay open, 30 of 30 did before.")


def test_a_fix_of_half_of_it_is_better_and_not_fixed(before: Path, write: Write) -> None:
    assert verdict(before, write("after.strace", 60, half)) == ("not fixed", [("better", "rate")])


def test_the_same_share_is_the_same_however_long_it_was_watched(before: Path, write: Write) -> None:
    assert verdict(before, write("after.strace", 120, pause=1.0)) == ("not fixed", [("same", "rate")])


def test_a_larger_share_is_worse(before: Path, write: Write) -> None:
    made = fdtrace.diff(write("half.strace", 60, half), before)
    assert (made.verdict, made[0].status) == ("not fixed", "worse")


def test_a_new_leak_is_new_and_the_old_one_fixed(before: Path, write: Write) -> None:
    made = fdtrace.diff(before, write("after.strace", 50, never, conf_stays=True))
    assert made.verdict == "worse"
    assert [(c.status, c.finding.call_site, c.why) for c in made] == [
        ("new", "open_conf", "closed before"),
        ("fixed", "open_log", "closed"),
    ]


def test_too_few_rounds_cannot_tell_and_say_how_many_could(before: Path, write: Write) -> None:
    made = fdtrace.diff(before, write("after.strace", 2, never))
    assert (made.verdict, made[0].why) == ("cannot tell", "rarely opened")
    assert made[0].measure is not None
    assert made[0].measure.needed == 3


def test_a_rare_leak_needs_more_rounds(write: Write) -> None:
    rare = write("rare.strace", 100, lambda job: job % 10 == 0)
    few, enough = write("few.strace", 20, never), write("enough.strace", 40, never)
    made = fdtrace.diff(rare, few)
    assert (made.verdict, made[0].measure and made[0].measure.needed) == ("cannot tell", 30)
    assert fdtrace.diff(rare, enough).verdict == "fixed"


def test_a_place_that_did_not_run_is_not_fixed(before: Path, write: Write) -> None:
    after = write("after.strace", 50, opens=never)
    assert verdict(before, after) == ("cannot tell", [("unknown", "not opened")])
    shown = " ".join(str(fdtrace.diff(before, after)).split())
    assert "the code around it ran (50 descriptors opened below handle)" in shown


def test_a_program_that_did_nothing_is_not_fixed(before: Path, write: Write) -> None:
    assert verdict(before, write("after.strace", 0)) == ("cannot tell", [("unknown", "never opened")])


def test_what_is_kept_and_opened_once_is_fixed_by_what_else_was_done(before: Path, write: Write) -> None:
    after = write("after.strace", 50, opens=lambda job: job == 0)
    made = fdtrace.diff(before, after)
    assert (made.verdict, made[0].why) == ("fixed", "closed")
    assert made[0].measure is not None
    assert (made[0].measure.unit, made[0].measure.after) == ("descriptor opened below handle", 1)


def test_without_closes_nothing_is_told(before: Path, write: Write) -> None:
    assert verdict(before, write("after.strace", 50, closes=False)) == (
        "cannot tell",
        [("unknown", "blind")],
    )


def test_a_renamed_function_that_leaks_is_not_fixed(before: Path, write: Write) -> None:
    made = fdtrace.diff(before, write("after.strace", 50, site="open_journal", path="/var/journal/{job}"))
    assert [(c.status, c.moved) for c in made] == [("same", True)]
    assert "under another name: service, open_journal" in str(made)


def test_a_renamed_function_that_closes_is_fixed_and_named(before: Path, write: Write) -> None:
    made = fdtrace.diff(before, write("after.strace", 50, never, site="open_journal"))
    assert (made.verdict, made[0].heirs) == ("fixed", ("open_journal",))


def test_addresses_and_names_of_builds_do_not_matter(before: Path, write: Write) -> None:
    after = write("after.strace", 50, never, address=0x9900, site="open_log.isra.0", program="/opt/service")
    assert fdtrace.diff(before, after).verdict == "fixed"


@pytest.mark.parametrize(("old", "new"), [(True, False), (False, True), (False, False)])
def test_without_stacks_places_are_what_they_open(write: Write, old: bool, new: bool) -> None:
    before = write("before.strace", 30, stacks=old)
    assert fdtrace.diff(before, write("after.strace", 50, never, stacks=new)).verdict == "fixed"
    made = fdtrace.diff(before, write("still.strace", 50, stacks=new))
    assert [(c.status, c.moved) for c in made] == [("same", False)]


def test_nothing_before_and_after_is_nothing_to_fix(write: Write) -> None:
    made = fdtrace.diff(write("a.strace", 30, never), write("b.strace", 40, never))
    assert (made.verdict, len(made), len(made.table)) == ("nothing found", 0, 0)


def test_a_leak_that_before_was_too_short_to_show_is_not_new(write: Write) -> None:
    made = fdtrace.diff(write("short.strace", 2), write("long.strace", 50))
    assert [(c.status, c.why) for c in made] == [("same", "short before")]


def test_remarks_are_compared_when_asked_for(write: Write) -> None:
    before, after = write("a.strace", 30, pause=0.001, answers=0), write("b.strace", 40, never)
    assert fdtrace.diff(before, after).verdict == "nothing found"
    assert fdtrace.diff(before, after, severity="low").verdict == "fixed"


def test_only_the_named_checks_are_compared(before: Path, write: Write) -> None:
    assert fdtrace.diff(before, write("b.strace", 9), only=["double_close"]).verdict == "nothing found"
    with pytest.raises(fdtrace.BadArgument, match="double_close"):
        fdtrace.diff(before, before, only=["double_cloze"])


# -- snapshots ---------------------------------------------------------------------


def looks(counts: list[int], busy: bool = True, start: int = 0, state: str = "") -> str:
    """Looks of lsof, a minute apart; with `busy` other descriptors come and go."""
    text = ""
    for minute, count in enumerate(counts):
        text += (
            f"# 2026-03-01T12:{start + minute:02}:00Z\nCOMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\n"
        )
        text += "app 77 root 1w CHR 1,3 0t0 5 /dev/null\n"
        for number in range(count):
            text += f"app 77 root {number + 10}r REG 8,1 12 {900 + number} /data/part-{number}.db\n"
        if busy:
            ends = f"10.0.0.1:80->10.0.0.9:{5000 + minute}"
            text += f"app 77 root 5u IPv4 {7000 + minute} 0t0 TCP {ends} (ESTABLISHED)\n"
    return text


def snapshots(tmp_path: Path, name: str, *given: Any, **options: Any) -> Path:
    place = tmp_path / f"{name}-lsof.txt"
    place.write_text(looks(*given, **options))
    return place


def test_a_population_that_grows_no_more_is_fixed_if_the_process_was_busy(tmp_path: Path) -> None:
    before = snapshots(tmp_path, "before", [3, 23, 43, 63])
    assert fdtrace.diff(before, snapshots(tmp_path, "a", [4, 4, 4, 4])).verdict == "fixed"
    made = fdtrace.diff(before, snapshots(tmp_path, "b", [4, 4, 4, 4], busy=False))
    assert (made.verdict, made[0].why) == ("cannot tell", "idle")
    made = fdtrace.diff(before, snapshots(tmp_path, "c", [4, 9, 14, 19]))
    assert (made.verdict, made[0].status) == ("not fixed", "better")
    made = fdtrace.diff(before, snapshots(tmp_path, "d", [4, 64, 124, 184]))
    assert (made.verdict, made[0].status) == ("not fixed", "worse")


def test_one_look_shows_no_growth(tmp_path: Path) -> None:
    made = fdtrace.diff(snapshots(tmp_path, "before", [3, 23, 43, 63]), snapshots(tmp_path, "after", [4]))
    assert (made.verdict, made[0].why) == ("cannot tell", "one look")
    assert "not whether they grow" in str(made)


def test_new_growth_is_new(tmp_path: Path) -> None:
    made = fdtrace.diff(snapshots(tmp_path, "a", [4, 4, 4]), snapshots(tmp_path, "b", [3, 23, 43, 63]))
    assert (made.verdict, [change.status for change in made]) == ("worse", ["new"])


def test_a_trace_and_snapshots_without_growth_agree_in_kind(before: Path, tmp_path: Path) -> None:
    made = fdtrace.diff(before, snapshots(tmp_path, "after", [4, 4, 4]))
    assert made.verdict in ("fixed", "cannot tell")
    assert str(made)


# -- what was kept -----------------------------------------------------------------


def test_saved_cases_compare_like_captures(before: Path, write: Write, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    after = write("after.strace", 50, never)
    for path in (before, after):
        fdtrace.load(path).save(tmp_path / f"{path.stem}.fdtrace")
    kept = fdtrace.diff(tmp_path / "before.fdtrace", tmp_path / "after.fdtrace")
    assert kept.table.equals(fdtrace.diff(before, after).table)
    assert fdtrace.load(tmp_path / "after.fdtrace").places == fdtrace.load(after).places


def report(path: Path) -> Path:
    place = path.with_suffix(".json")
    fdtrace.load(path).report().write(place, force=True)
    return place


def test_a_report_serves_as_before(before: Path, write: Write) -> None:
    assert fdtrace.diff(report(before), write("a.strace", 50, never)).verdict == "fixed"
    assert fdtrace.diff(report(before), write("b.strace", 50)).verdict == "not fixed"


def test_a_report_as_after_tells_what_is_there_and_not_what_is_gone(before: Path, write: Write) -> None:
    assert fdtrace.diff(before, report(write("b.strace", 50))).verdict == "not fixed"
    assert verdict(before, report(write("a.strace", 50, never))) == ("cannot tell", [("unknown", "report")])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"findings": [', fdtrace.DamagedInput),
        ('{"findings": 5}', fdtrace.DamagedInput),
        ('{"findings": [{"key": "leak:a:file:b"}], "coverage": []}', fdtrace.BadArgument),
        ('{"findings": [{"key": "k", "check": "leak", "severity": "dire"}]}', fdtrace.DamagedInput),
        ('{"findings": [["k"]]}', fdtrace.DamagedInput),
    ],
)
def test_a_json_that_is_no_whole_report_is_refused(
    text: str, error: type[Exception], before: Path, tmp_path: Path
) -> None:
    place = tmp_path / "report.json"
    place.write_text(text)
    with pytest.raises(error, match=r"report\.json"):
        fdtrace.diff(place, before)


def test_cases_are_taken_as_they_are(before: Path, write: Write) -> None:
    made = fdtrace.diff(fdtrace.load(before), fdtrace.load(write("a.strace", 50, never)))
    assert made.verdict == "fixed"
    assert "<pre>Fixed" in made._repr_html_()
    assert repr(made) == str(made)


# -- the command -------------------------------------------------------------------


def run(*words: object) -> Any:
    return CliRunner().invoke(app, ["diff", *map(str, words)], env={"COLUMNS": "100"})


@pytest.mark.parametrize(
    ("after", "code"),
    [((50, never), 0), ((50, half), 1), ((2, never), 4), ((50,), 1)],
)
def test_the_exit_code_is_the_verdict(before: Path, write: Write, after: tuple[Any, ...], code: int) -> None:
    assert run(before, write("after.strace", *after)).exit_code == code


def test_an_unreadable_side_is_an_unreadable_input(before: Path, tmp_path: Path) -> None:
    assert run(before, tmp_path / "none").exit_code == 3
    assert run(before, "-").exit_code == 2


def test_json_has_the_verdict_and_both_findings(before: Path, write: Write, tmp_path: Path) -> None:
    place = tmp_path / "out.json"
    assert run(before, write("a.strace", 60, half), "-f", "json", "-o", place).exit_code == 1
    told = json.loads(place.read_text())
    (change,) = told["changes"]
    assert (told["verdict"], change["status"]) == ("not fixed", "better")
    assert (change["finding_before"]["open"], change["finding_after"]["open"]) == (30, 30)
    assert told["after"][0]["calls"] > 0
    assert run(before, before, "-f", "json", "-o", place).exit_code == 2  # it exists


def test_markdown_is_a_table(before: Path, write: Write) -> None:
    shown = run(before, write("a.strace", 50, never), "--format", "markdown").stdout
    assert shown.startswith("**Fixed: 0 of 50")
    assert "| FIXED | 30 of 30 files" in shown


def test_redacted_sides_use_one_name_for_one_thing(before: Path, write: Write) -> None:
    secret = "/home/ada/acme/{job}.txt"
    old, new = write("old.strace", 30, path=secret), write("new.strace", 60, half, path=secret)
    done = run(old, new, "--redact", "--format", "json")
    assert done.exit_code == 1
    assert "acme" not in done.stdout
    (change,) = json.loads(done.stdout)["changes"]
    assert change["finding_before"]["target"] == change["finding_after"]["target"]
    assert run(report(old), new, "--redact").exit_code == 2


def test_hostile_names_reach_no_terminal(write: Write) -> None:
    odd = write("a.strace", 30, path="/tmp/\x1b[31m\u202e{job}|`x`.txt")
    made = fdtrace.diff(odd, write("b.strace", 50, never, path="/tmp/\x1b[31m\u202e{job}|`x`.txt"))
    for text in (str(made), made.to_markdown(), json.dumps(made.to_json())):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_nothing_of_a_comparison_is_lost_in_its_record(before: Path, write: Write) -> None:
    (change,) = fdtrace.diff(before, write("a.strace", 60, half))
    assert {field.name for field in dataclasses.fields(change)} == {
        "status", "before", "after", "why", "measure", "moved", "heirs",
    }  # fmt: skip
