"""What a notebook shows of a Case and of what it gives: small pieces of HTML, safe and complete."""

import re
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from fdtrace.errors import DamagedInput
from fdtrace.findings import Captures, Chosen, Findings
from fdtrace.model import Coverage, Finding
from fdtrace.readings import Readings
from fdtrace.report import cards, cells, fragment
from fdtrace.report.card import card
from fdtrace.report.document import Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong
from tests.report.scenes import LONG, NASTY, TICKETS, hostile, many
from tests.report.test_html import Outline
from tests.report.test_terminal import FULL, capture, leak

SAMPLES = Path(__file__).parent.parent.parent / "samples"
ALLOWED = set(
    "div style p strong code h3 ul li pre details summary table thead tbody tr th td".split()
) | set("svg title line polygon polyline text".split())


def words(text: str) -> str:
    """What a reader sees."""
    return " ".join(" ".join(Outline(text).words).split())


def shown(found: list[Finding], coverage: list[Coverage]) -> dict[str, str]:
    """Every display of these findings and captures."""
    skipped = [(one.capture, one.capture) for one in coverage]
    unreadable = [DamagedInput(one.capture) for one in coverage]
    return {
        "case": cards.case(found, coverage, "leaks", skipped, unreadable, True),
        "findings": Findings(found, coverage, "check")._repr_html_(),
        "chosen": Findings(found, coverage)[:2]._repr_html_(),
        "captures": Captures(coverage)._repr_html_(),
    }


# -- all of them -----------------------------------------------------------------


@pytest.mark.parametrize("text", [NASTY, LONG], ids=["nasty", "long"])
@pytest.mark.parametrize("name", ["case", "findings", "chosen", "captures"])
def test_hostile_text_stays_text_and_cards_stay_small(name: str, text: str) -> None:
    made = shown(*hostile(text))[name]
    outline = Outline(made)
    assert outline.open == []
    assert set(outline.tags) <= ALLOWED
    assert outline.handlers == outline.links == []
    assert cells.visible(text[:25]) in "".join(outline.words)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\u200b]", made)
    assert len(made) < 60_000


@pytest.mark.parametrize("name", ["case", "findings", "chosen", "captures"])
def test_nothing_is_asked_of_a_network_and_no_script_is_there(name: str) -> None:
    made = shown(*TICKETS["two-leaks"][:2])[name].replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"//|url\(|@import|<script|<link|<img|\bsrc=|\bhref=", made) == []


@pytest.mark.parametrize("name", ["case", "findings", "chosen", "captures"])
def test_colours_are_those_of_the_page_around(name: str) -> None:
    """Only badges have a ground of their own, with their own letters on it; all else is read on any."""
    style = "".join(re.findall(r"(?s)<style>(.*?)</style>", shown(*TICKETS["two-leaks"][:2])[name]))
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", style)
    solid = [selector.strip() for selector, rule in rules if re.search(r"#[0-9a-f]{3,6}", rule)]
    assert solid == ["div.fdtrace .severity", "div.fdtrace .high", "div.fdtrace .medium"]
    assert all(one.strip().startswith("div.fdtrace") for selector, _ in rules for one in selector.split(","))


@pytest.mark.parametrize("scene", ["nothing-found", "cannot-tell", "no-capture", "three-captures", "healthy"])
def test_what_there_is_not_is_no_empty_box(scene: str) -> None:
    for name, made in shown(*TICKETS[scene][:2]).items():
        assert words(made), name
        assert "None" not in words(made).replace("None of", "")
        assert not re.search(r"<(p|ul|tbody|td|summary|h3)>\s*</\1>.{0,10}</", made.replace("<td></td>", ""))


# -- each ------------------------------------------------------------------------


def test_a_case_says_what_leaks_from_what_and_what_was_not_used() -> None:
    case = fdtrace.load(SAMPLES / "lws-gateway")
    said = words(case._repr_html_())
    assert said.startswith("Case of 6 captures gateway (pid 12692) leaks 40 descriptors in 8.9 s")
    for capture_ in case.coverage:
        assert capture_.capture in said
    assert "strace 16,205 1,325 8.9 s -f -ttt -k -yy -T" in said
    assert re.search(r"HIGH 24 of 24 eventfds are never closed lws_plat_pipe_create ← .* 24 / 24", said)
    assert "2 files not taken: see .skipped" in said
    assert "What these captures cannot tell" in said


def test_the_text_of_a_case_says_the_same() -> None:
    case = fdtrace.load(SAMPLES / "lws-gateway")
    title, verdict, *captures = repr(case).splitlines()
    assert (title, len(captures)) == ("Case of 6 captures", 7)
    assert verdict in words(case._repr_html_())


def test_showing_a_case_reads_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    case = fdtrace.load(SAMPLES / "lws-gateway" / "lsof.txt", SAMPLES / "lws-gateway" / "gateway.strace.gz")
    passes: list[Any] = []
    read = Readings._read

    def counted(self: fdtrace.Case, *arguments: Any, **more: Any) -> Any:
        passes.append(arguments[0])
        return read(self, *arguments, **more)

    monkeypatch.setattr(Readings, "_read", counted)
    for _ in range(2):
        repr(case)
        case._repr_html_()
        case.leaks()._repr_html_()
        case.coverage._repr_html_()
    assert len(passes) == 1


def test_a_case_shows_what_all_checks_found_once_they_ran() -> None:
    case = fdtrace.load(SAMPLES / "web-server")
    assert "No leak found in 12 s and 1,031 calls of 3 processes." in words(case._repr_html_())
    case.check()
    assert "of 3 processes, and nothing else that is wrong." in words(case._repr_html_())


def test_an_interrupted_case_says_so() -> None:
    for made in (
        words(cards.case([], [FULL], "leaks", interrupted=True)),
        card([], [FULL], interrupted=True),
    ):
        assert "Interrupted: all of this is of the first part of the captures." in made
    assert "Interrupted" not in words(cards.case([], [FULL], "leaks")) + card([], [FULL])


def test_too_many_captures_and_findings_are_counted() -> None:
    coverage = [capture(capture=f"app-{n}.strace") for n in range(50)]
    made = words(cards.case(many(100), coverage, "leaks"))
    assert "and 30 more captures: see .coverage" in made
    assert "and 60 more findings: see .leaks()" in made
    assert "and 30 more captures: see .table" in words(Findings(many(100), coverage)._repr_html_())


def test_a_card_of_very_much_stays_small() -> None:
    coverage = [capture(capture=f"app-{n}.strace", missing=("x" * 500,) * 3) for n in range(2_000)]
    assert all(len(made) < 300_000 for made in shown(many(5_000), coverage).values())


def test_findings_show_verdict_table_and_proof() -> None:
    case = fdtrace.load(SAMPLES / "lws-gateway")
    made = case.leaks()._repr_html_()
    said = words(made)
    assert said.startswith("gateway (pid 12692) leaks 40 descriptors in 8.9 s")
    assert made.count("<details>") == 4  # two findings, in each its evidence
    assert "log: 24 contexts created, 24 destroyed" in said
    assert "gateway.strace.gz:958 eventfd2(0, EFD_CLOEXEC|EFD_NONBLOCK) = 4" in said
    assert "CLOSE_WAIT (lsof, netstat, ss)" in said
    assert '<svg class="curve"' in made
    assert "Opened and closed again: 32 TCP sockets" in said


def test_a_slice_has_its_proof_and_no_verdict() -> None:
    found = fdtrace.load(SAMPLES / "lws-gateway").leaks()
    chosen = found[1:]
    assert isinstance(chosen, Chosen)
    assert list(chosen) == [found[1]]
    for said in (words(chosen._repr_html_()), " ".join(str(chosen).split())):
        assert "16 of 24 TCP sockets to 127.0.0.1:9002 are never closed" in said
        assert "gateway.strace.gz:2202" in said
        assert "leak found" not in said
        assert "eventfd" not in said
    assert words(found[9:]._repr_html_()) == "No finding."


def test_captures_say_what_doctor_says() -> None:
    coverage = fdtrace.load(SAMPLES / "stock-service").coverage
    said = words(coverage._repr_html_())
    assert "recorded with -f -ttt -k -yy -T" in said
    assert "cannot tell who opened what cannot be seen in a snapshot" in said
    assert "attached to what was already running" in said
    assert str(coverage).startswith(coverage[0].capture)
    assert "16 read" not in said
    assert "63,304: 2,190 read, 61,114 continuing others" in said


def test_a_story_is_a_table_in_order_of_time() -> None:
    story = fdtrace.load(SAMPLES / "lws-gateway").story(fd=3)
    made = story._repr_html_()
    assert made.count("<tr>") == 1 + len(story.table)
    said = words(made)
    assert said.startswith("Descriptor 3 of process 12692: tcp TCP:[367564] It was made by socket()")
    assert re.search(r"0.496913 2,223 strace read\(3<TCP.*\) = 0 2.084911 19 /proc socket", said)
    assert "Never closed: still open when its process ends." in said


def test_a_long_story_leaves_its_middle_out_and_counts_it(tmp_path: Path) -> None:
    calls = "".join(f'7 {n}.5 write(3, "{NASTY[:20].replace(chr(34), "")}", 5) = 5\n' for n in range(2, 300))
    (tmp_path / "a.strace").write_text(f'7 1.5 open("/x", O_RDONLY) = 3\n{calls}7 400.5 close(3) = 0\n')
    made = fdtrace.load(tmp_path / "a.strace").story(fd=3)._repr_html_()
    assert "… 260 more lines …" in words(made)
    assert made.count("<tr>") == 1 + 40 + 1
    assert "img" not in Outline(made).tags


def test_one_capture_more_or_less_names_the_curves_apart() -> None:
    names = [
        re.findall(r'id="(curve-\d+)"', Findings([], [capture(curve=curve)])._repr_html_())
        for curve in ((1, 2), (1, 3), (1, 2))
    ]
    assert len({name for (name,) in names}) == 2


def test_finding_and_case_are_the_same_however_they_are_shown_again() -> None:
    found, coverage, _ = TICKETS["two-leaks"]
    assert shown(found, coverage) == shown(found, coverage)


# -- markup ----------------------------------------------------------------------


def test_every_block_has_its_markup() -> None:
    made = fragment.render(
        [
            Heading(3, ("a <b>",)),
            Lines((("one ", Code("x<y")), (Strong("HIGH"), " ", Strong("bold")))),
            Bullets((("item",),)),
            Grid(("a", "n"), ((("t",), ("1",)),), frozenset({1})),
            Quote(("  4 <0>", "5")),
            Fold("more & more", (Lines((("inside",),)),)),
            fragment.Drawing("<svg></svg>"),
        ]
    )
    body = made.partition("</style>\n")[2].removesuffix("\n</div>").splitlines()
    assert body == [
        "<h3>a &lt;b&gt;</h3>",
        "<p>one <code>x&lt;y</code></p>",
        '<p><strong class="severity high">HIGH</strong> <strong>bold</strong></p>',
        "<ul><li>item</li></ul>",
        '<div class="wide"><table><thead><tr>'
        '<th scope="col">a</th><th scope="col" class="number">n</th></tr></thead>',
        '<tbody><tr><td>t</td><td class="number">1</td></tr></tbody></table></div>',
        "<pre>  4 &lt;0&gt;",
        "5</pre>",
        '<details><summary>more &amp; more</summary><div class="within">',
        "<p>inside</p>",
        "</div></details>",
        "<svg></svg>",
    ]


def test_wide_tables_scroll_instead_of_being_squeezed() -> None:
    rows = ((("x",),) * 6,)
    assert '<div class="wide many">' in fragment.render([Grid(("h",) * 6, rows)])


def test_severities_that_a_capture_writes_are_no_badges() -> None:
    made = cards.chosen([leak(title="HIGH", call_site="HIGH")])
    assert fragment.render(made).count('class="severity') == 1
