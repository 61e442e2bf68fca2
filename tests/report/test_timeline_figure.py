"""The timeline as a figure of plotly."""

import sys
from pathlib import Path

import pytest
from plotly import subplots

from fdtrace.errors import MissingExtra
from fdtrace.history.timeline import Course
from fdtrace.report.timeline_figure import figure
from tests.captures import case
from tests.report.courses import GATEWAY, HOSTILE, leaked, span
from tests.report.test_timeline import LEAKS


def test_a_figure_wants_plotly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = case(tmp_path, LEAKS).timeline()
    monkeypatch.setitem(sys.modules, "plotly.subplots", None)
    with pytest.raises(MissingExtra, match=r"a figure needs an extra package: pip install 'fdtrace\[plot\]'"):
        drawn.figure()


def test_a_figure_has_lives_by_number_and_a_line_for_what_leaks(tmp_path: Path) -> None:
    figure = case(tmp_path, LEAKS).timeline().figure()
    lives, leaking = (one for one in figure.data if one.name == "in a leak finding")
    assert lives.yaxis == "y"
    assert [fd for fd in lives.y if fd is not None] == [fd for fd in range(3, 12) for _ in "ab"]
    assert leaking.yaxis == "y2"
    assert max(leaking.y) == 9
    areas = [one for one in figure.data if one.stackgroup == "open"]
    assert [(one.name, max(one.y)) for one in areas] == [("file", 9), ("unknown", 3)]
    assert figure.layout.title.text == "Descriptors of 100 app"
    assert not figure.layout.shapes


def test_a_figure_of_a_course_is_thinned_named_and_has_its_limit() -> None:
    spans = [span(i, 3 + i % 3, i / 1_000, (i + 0.4) / 1_000) for i in range(9_000)]
    busy = Course([*spans, leaked(9_001, 9, 1.0, name=HOSTILE, place=HOSTILE)], [GATEWAY], [], 10.0)
    drawn = figure(busy, "process", subplots)
    bars = [one for one in drawn.data if one.xaxis == "x"]
    assert sum(len(one.x) for one in bars) <= 3 * 5_000
    assert "; a bar stands for up to " in drawn.layout.title.text
    assert drawn.layout.shapes[0].y0 == GATEWAY.limit
    assert drawn.layout.annotations[0].text == "limit 12"
    (leak,) = [one for one in bars if one.name == "in a leak finding"]
    assert "<" not in leak.text[0]
    assert "\x1b" not in drawn.to_json()
    assert "\u202e" not in leak.text[0]
    assert len(drawn.to_json()) < 1_500_000
    many = [leaked(i, 3 + i, 1.0, place=f"f{i}", table=0) for i in range(30)]
    areas = [
        one
        for one in figure(Course(many, [GATEWAY], [], 10.0), "site", subplots).data
        if one.stackgroup == "open"
    ]
    assert [one.name for one in areas[-2:]] == ["f14", "23 others"]
    assert [max(one.y) for one in areas[-2:]] == [1, 23]


def test_a_figure_without_a_process_is_empty() -> None:
    assert figure(Course([], [], [], 1.0), "process", subplots).data == ()
