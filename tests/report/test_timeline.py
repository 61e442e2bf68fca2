import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import fdtrace
from fdtrace.cli import app
from fdtrace.errors import BadArgument, NeedsCaptured
from fdtrace.history.timeline import Course, Span, by_process, by_site, changes, levels, placed, runs
from fdtrace.report import timeline
from fdtrace.report.timeline_drawing import Scale
from tests.captures import case, family
from tests.report.courses import COURSE, HOSTILE, crowd, span
from tests.report.goldens_of import compare

SVG = "{http://www.w3.org/2000/svg}"
MOST = 300_000

LEAKS = "".join(
    [
        '100 1700000000.000000 execve("/srv/app", ["app"], 0x7ffd /* 20 vars */) = 0\n',
        *(
            f"100 170000000{i}.5{step}0000 {call}\n"
            for i in range(9)
            for step, call in enumerate(
                (
                    f'openat(AT_FDCWD, "/srv/ok", O_RDONLY) = {3 + i}',
                    f"close({3 + i}) = 0",
                    f'openat(AT_FDCWD, "/srv/leak/{i}", O_RDONLY) = {3 + i}',
                )
            )
        ),
        "100 1700000009.000000 +++ exited with 0 +++\n",
    ]
)


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def words(root: ElementTree.Element) -> str:
    return "\n".join(
        "".join(one.itertext()) for one in root.iter() if one.tag in (f"{SVG}text", f"{SVG}desc")
    )


def with_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [one for one in root.iter() if name in one.get("class", "").split()]


# -- the picture -------------------------------------------------------------


@pytest.mark.parametrize("by", ["process", "site"])
def test_the_picture_is_the_golden_one(by: Any) -> None:
    drawn = timeline.svg(COURSE, by=by)
    compare(f"timeline-{by}.svg", drawn)


def test_the_same_course_gives_the_same_bytes() -> None:
    assert timeline.svg(crowd(500)) == timeline.svg(crowd(500))


def test_it_needs_nothing_from_elsewhere() -> None:
    drawn = timeline.svg(COURSE, interactive=True).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|//|url\(|@import|<script|<image|<use|href|\son\w+=", drawn)


def test_it_says_what_it_shows() -> None:
    said = words(parsed(timeline.svg(COURSE)))
    assert "30 lives of descriptors in 2 processes over 10 s: 6 in a leak finding, 2 more still open" in said
    assert "41 gateway" in said
    assert "seconds since the first time stamp" in said
    assert "limit 12" in said
    assert "1 life whose opening was not seen" in said
    assert "No close() was recorded: what looks open may have been closed." in said


def test_leaks_have_their_own_colour_and_a_word() -> None:
    root = parsed(timeline.svg(COURSE))
    bars = [one for one in with_class(root, "leak") if one.find(f"{SVG}title") is not None]
    assert len(bars) == 6
    assert all("in a leak finding" in "".join(one.itertext()) for one in bars)


def test_colours_stand_in_attributes_where_styles_are_blocked() -> None:
    root = parsed(timeline.svg(COURSE))
    drawn = [one for one in root.iter() if one.tag in (f"{SVG}rect", f"{SVG}path")]
    assert drawn
    assert all(one.get("fill") for one in drawn)


def test_dark_and_light() -> None:
    assert "@media (prefers-color-scheme:dark)" in timeline.svg(COURSE)


def test_forks_and_execs_are_marked() -> None:
    root = parsed(timeline.svg(COURSE))
    said = ["".join(one.itertext()) for name in ("fork", "exec") for one in with_class(root, name)]
    assert "fork of 42 helper, at 4.00 s" in said
    assert "exec of helper, at 4.20 s" in said


@pytest.mark.parametrize("by", ["process", "site"])
def test_hostile_names_stay_text(by: Any) -> None:
    owners = [replaced._replace(command=HOSTILE, capture=HOSTILE) for replaced in COURSE.owners]
    spans = [one._replace(name=HOSTILE, place=HOSTILE, kind=HOSTILE) for one in COURSE.spans]
    marks = [mark._replace(text=HOSTILE) for mark in COURSE.marks]
    course = replace(COURSE, owners=owners, spans=spans, marks=marks, remarks=(HOSTILE,))
    drawn = timeline.svg(course, by=by, interactive=True)
    root = parsed(drawn)
    assert {one.tag for one in root.iter()} <= {
        SVG + name for name in ("svg", "title", "desc", "style", "rect", "path", "text", "g")
    }
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", drawn)
    assert "&lt;/script&gt;" in drawn
    assert len(drawn) < MOST


def test_nothing_was_opened() -> None:
    root = parsed(timeline.svg(Course([], [], [], 1.0)))
    assert "0 lives of descriptors in 0 processes" in words(root)


# -- too much for a picture --------------------------------------------------


@pytest.mark.parametrize(
    ("course", "by"),
    [
        (crowd(20_000), "process"),
        (crowd(20_000), "site"),
        (crowd(6_000, processes=90), "process"),
        (crowd(3_000, processes=200, name="&<>\u4e2d" * 60), "site"),
        (replace(crowd(700, name="&" * 400), until=1e9), "process"),
    ],
    ids=["one process", "sites", "many processes", "long names", "many bars"],
)
def test_it_stays_small_and_is_quick(course: Course, by: Any) -> None:
    drawn = timeline.svg(course, by=by, interactive=True)
    assert len(drawn.encode()) < MOST
    parsed(drawn)


def test_bars_account_for_every_life() -> None:
    spans = [span(i, 3 + i % 5, i * 0.01, i * 0.01 + 0.008) for i in range(900)]
    root = parsed(timeline.svg(replace(COURSE, spans=spans), interactive=True))
    counts = [int(one.get("data-lives", "0")) for one in root.iter()]
    assert sum(counts) == 900
    assert f"Each bar stands for up to {max(counts):,} lives" in words(root)


def test_what_is_not_drawn_is_counted() -> None:
    said = words(parsed(timeline.svg(crowd(3_000, processes=90))))
    shown = by_process(crowd(3_000, processes=90), timeline.ROWS, timeline.AREAS, timeline.BLOCKS)
    drawn = sum(len(row.spans) for block in shown for row in block.rows)
    assert re.search(
        rf"Not drawn: 74 more processes with {3_000 - drawn:,} lives, \d+ of them in a leak", said
    )


def test_processes_that_leak_are_drawn_first() -> None:
    course = crowd(900, processes=90)
    spans = [one._replace(fate="leak" if one.owner == 77 else "closed") for one in course.spans]
    shown = by_process(replace(course, spans=spans), 72, 28, 3)
    assert 77 in {block.owner for block in shown}


def test_the_curve_is_of_the_process_that_leaks_most_or_holds_most_for_longest() -> None:
    assert COURSE.fullest() == 0
    spans = [span(1, 3, 0.0, 9.0, owner=1), *(span(2 + i, 3 + i, 1.0, 1.1) for i in range(9))]
    assert replace(COURSE, spans=spans).fullest() == 1


def test_a_table_that_a_thread_unshared_is_not_counted_with_the_other() -> None:
    spans = [span(i, i, 0.0, 10.0, fate="open", how="none", table=i // 5) for i in range(8)]
    said = words(parsed(timeline.svg(replace(COURSE, spans=spans))))
    assert "by kind: at most 5, in one of its 2 tables" in said


def test_a_row_of_many_numbers_says_so() -> None:
    said = words(parsed(timeline.svg(crowd(9_000))))
    assert re.search(r"Each row stands for up to \d+ numbers: its height is how many of them are open", said)
    assert re.search(r"^3–\d+$", said, re.MULTILINE)


def test_sites_with_leaks_come_first() -> None:
    assert by_site(COURSE, 30)[0].label == "report_metrics"


def test_short_lives_are_joined_only_with_their_like() -> None:
    spans = [span(i, 3, i * 1.0, i + 0.5, fate="open" if i == 3 else "closed") for i in range(6)]
    bars = runs(spans, 2.0)
    assert [(bar.first.fate, bar.lives) for bar in bars] == [("closed", 3), ("open", 1), ("closed", 2)]


# -- counting ----------------------------------------------------------------

TIMES = st.integers(0, 40)
SPANS = st.lists(st.tuples(TIMES, TIMES, st.sampled_from(["file", "tcp"]), st.booleans()), max_size=25)


def _spans(drawn: list[tuple[int, int, str, bool]]) -> list[Span]:
    return [
        span(i, i, min(a, b), 40.0 if kept else max(a, b), kind=kind, fate="open" if kept else "closed")
        for i, (a, b, kind, kept) in enumerate(drawn)
    ]


@settings(max_examples=60, deadline=None)
@given(SPANS)
def test_counts_never_fall_below_nothing_and_end_with_what_is_open(drawn: Any) -> None:
    spans = _spans(drawn)
    total, last = 0, 0.0
    for at, _, step in changes(spans, lambda one: one.kind, 40.0):
        assert at >= last
        total, last = total + step, at
        assert total >= 0
    assert total == sum(one.fate == "open" for one in spans)


@settings(max_examples=60, deadline=None)
@given(SPANS, st.integers(1, 12))
def test_a_level_is_the_most_that_was_open_at_one_moment(drawn: Any, parts: int) -> None:
    spans = _spans(drawn)
    found = levels(spans, lambda one: one.kind, 0.0, 40.0, parts)
    assert len(found) == parts
    moments = [i / 2 for i in range(80)]
    for level in found:
        inside = [at for at in moments if level.since <= at < level.until]
        open_at = [
            sum(one.since <= at < one.until or (one.fate == "open" and one.since <= at) for one in spans)
            for at in inside
        ]
        assert sum(level.open.values()) >= max(open_at, default=0)


def test_an_unseen_life_begins_when_its_number_was_free() -> None:
    spans = placed([span(1, 5, 1.0, 3.0), span(2, 5, 0.0, 7.0, seen=False), span(3, 6, 0.0, 7.0, seen=False)])
    assert [(one.fd_id, one.since) for one in spans] == [(3, 0.0), (1, 1.0), (2, 3.0)]


@pytest.mark.parametrize(
    ("until", "tick", "name"),
    [(2e-5, "5", "microseconds"), (0.3, "50", "milliseconds"), (90.0, "20", "seconds"),
     (3600.0, "10", "minutes"), (86_400.0, "5", "hours"), (9e5, "2", "days")],
)  # fmt: skip
def test_axes_count_in_a_unit_that_fits(until: float, tick: str, name: str) -> None:
    ticks, said = Scale(0.0, until, "s").ticks()
    assert ticks[1][1] == tick
    assert said == f"{name} since the first time stamp"
    assert 4 <= len(ticks) <= 11


# -- out of captures ---------------------------------------------------------


def test_lives_of_a_leak_finding_are_its_colour(tmp_path: Path) -> None:
    made = case(tmp_path, LEAKS)
    course = made.timeline().course
    assert [one.name for one in course.spans if one.fate == "leak"] == [f"/srv/leak/{i}" for i in range(9)]
    assert {one.fate for one in course.spans if one.name == "/srv/ok"} == {"closed"}
    assert course.until == pytest.approx(9.0)


def test_a_saved_case_gives_the_same_picture(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    made = case(tmp_path, LEAKS)
    made.save(tmp_path / "app.fdtrace")
    again = fdtrace.load(tmp_path / "app.fdtrace")
    assert again.timeline().to_svg() == made.timeline().to_svg()


def test_without_a_clock_lines_are_the_axis(tmp_path: Path) -> None:
    made = case(tmp_path, re.sub(r"\d+\.\d+ ", "", LEAKS))
    drawn = made.timeline()
    assert drawn.course.unit == "line"
    files = [one for one in drawn.course.spans if one.name.startswith("/srv/leak")]
    assert [(one.since, one.until) for one in files[:2]] == [(4.0, 29.0), (7.0, 29.0)]
    said = words(parsed(drawn.to_svg()))
    assert "line of the capture (no clock was recorded)" in said


def test_files_without_a_common_order_are_not_drawn(tmp_path: Path) -> None:
    made = family(tmp_path, t100='openat(AT_FDCWD, "/a", 0) = 3\n', t101='openat(AT_FDCWD, "/b", 0) = 3\n')
    with pytest.raises(NeedsCaptured, match="-ttt"):
        made.timeline()


def test_one_process(tmp_path: Path) -> None:
    text = LEAKS.replace(
        "+++ exited", "fork() = 101\n101 1700000009.000000 close(3) = 0\n100 1700000009.000000 +++ exited"
    )
    made = case(tmp_path, text)
    assert {one.owner for one in made.timeline(pid=101).course.spans} == {1}
    forks = [mark for mark in made.timeline().course.marks if mark.what == "fork"]
    assert [(mark.owner, mark.other) for mark in forks] == [(0, 1)]
    with pytest.raises(BadArgument, match=r"no process 7 .* 100, 101"):
        made.timeline(pid=7)


def test_a_notebook_shows_the_picture(tmp_path: Path) -> None:
    drawn = case(tmp_path, LEAKS).timeline()
    assert drawn._repr_svg_().startswith("<svg")
    assert "<figure" in drawn._repr_html_()
    assert "9 in a leak finding" in repr(drawn)


def test_the_picture_is_light_or_dark_as_the_notebook_is(tmp_path: Path) -> None:
    drawn = case(tmp_path, LEAKS).timeline()._repr_html_()
    style = drawn.partition("<style>")[2].partition("</style>")[0]
    for theme, paper in (
        (":is([data-jp-theme-light=true],.vscode-light)", "#ffffff"),
        (":is([data-jp-theme-light=false],.vscode-dark,.vscode-high-contrast)", "#0d1117"),
    ):
        assert f"{theme} .fdtrace-timeline .paper{{fill:{paper}}}" in style
    assert "<script" not in drawn


# -- the command -------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "app.strace").write_text(LEAKS)

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["timeline", str(tmp_path / "app.strace"), *arguments])

    return invoke


@pytest.mark.parametrize("name", ["x.svg", "x.perfetto.json", "x.folded"])
def test_the_command_writes_by_the_ending(name: str, run: Callable[..., Any], tmp_path: Path) -> None:
    target = tmp_path / name
    result = run("-o", str(target), "--by", "site")
    assert result.exit_code == 0, result.output
    assert target.read_text(encoding="utf-8")
    assert f"written to {target}" in result.stderr
    again = run("-o", str(target))
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert run("-o", str(target), "--force").exit_code == 0


def test_an_ending_that_is_no_timeline(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("-o", str(tmp_path / "x.png"))
    assert result.exit_code == 2
    assert ".svg, .perfetto.json, .folded" in result.stderr


def test_redacted_pictures_have_no_private_path(run: Callable[..., Any], tmp_path: Path) -> None:
    target = tmp_path / "x.svg"
    assert run("-o", str(target), "--redact").exit_code == 0
    assert "/srv/leak" not in target.read_text(encoding="utf-8")
