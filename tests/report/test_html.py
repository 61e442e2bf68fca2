import html as entities
import json
import re
from html.parser import HTMLParser

import pytest

from fdtrace.report import cells, grids
from tests.report.goldens_of import compare
from tests.report.scenes import LONG, NASTY, TICKETS, hostile, lives, many, only, report

VOID = {"meta", "img", "br", "line", "polygon", "polyline", "rect", "path", "input"}


class Outline(HTMLParser):
    """What a browser sees without scripts and styles: elements, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "srcset", "action", "data", "xlink:href") and value:
                self.links.append(value)
            if name.startswith("on") or name == "style":
                self.handlers.append(name)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)


def page(name: str) -> str:
    return report(*TICKETS[name]).to_html()


@pytest.mark.parametrize("name", ["two-leaks", "cannot-tell", "no-capture", "three-captures", "hostile"])
def test_the_page_reads_as_approved_without_scripts_and_styles(name: str) -> None:
    text = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", page(name), flags=re.DOTALL)
    compare(f"page-{name}.html", re.sub(r"sha256-[\w+/=]+", "sha256-…", text))


@pytest.mark.parametrize("text", [NASTY, LONG])
def test_hostile_text_adds_no_element_and_no_handler(text: str) -> None:
    found = Outline(report(*hostile(text), table=only(lives(5, text))).to_html())
    assert found.open == []
    assert set(found.tags).isdisjoint({"img", "iframe", "object", "embed", "link", "base", "a-b"})
    assert found.tags.count("script") == 2
    assert found.handlers == []
    assert all(link.startswith("#") for link in found.links)
    assert cells.visible(text[:40]) in "".join(found.words)


def test_nothing_is_asked_of_a_network() -> None:
    text = page("two-leaks")
    assert re.findall(r"(?:https?:)?//[a-z][\w.]*", text.replace("http://www.w3.org/2000/svg", "")) == []
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert entities.unescape(policy[1]).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]


def test_a_page_is_read_with_its_headings_labels_and_tables() -> None:
    text = report(*TICKETS["two-leaks"], table=only(lives(300))).to_html()
    found = Outline(text)
    assert found.tags.count("h1") == 1
    assert found.tags.count("article") == 2
    assert '<html lang="en">' in text
    assert text.count('<th scope="col"') == found.tags.count("th") - text.count('<th scope="row"')
    assert text.count("<tr>") == 1 + 100 + 2
    words = " ".join("".join(found.words).split())
    assert "gateway (pid 41) leaks 40 descriptors in 8.9 s" in words
    assert "300 rows." in words


def test_the_data_of_the_page_are_the_rows() -> None:
    made = grids.grids(only(lives(300)))
    assert [grid.name for grid in made] == ["fds"]
    data = made[0].data
    text = report(*TICKETS["two-leaks"], table=only(lives(300))).to_html()
    stored = re.search(r'<script type="application/json" class="data">(.*?)</script>', text)
    assert stored
    assert json.loads(stored[1]) == json.loads(json.dumps(data))
    target = next(column for column in data["columns"] if column["name"] == "target")
    shown = sorted(data["words"][word] for word in target["values"])
    assert shown == sorted(f"/srv/data/file-{n}" for n in range(300))


def test_too_many_rows_are_thinned_and_counted() -> None:
    whole = lives(100_000)
    made = grids.grids(only(whole))[0]
    shown = made.data["rows"]
    assert shown < 100_000
    assert len(json.dumps(made.data, separators=(",", ":"))) <= 3_200_000
    kept = (
        f"{shown:,} of 100,000 rows, all 2,000 that nobody closed, and {shown - 2_000:,} of the other 98,000"
    )
    assert made.note.startswith(f"Thinned to keep this page small: {kept}, evenly chosen.")
    how = next(column for column in made.data["columns"] if column["name"] == "ended by")
    assert sum(made.data["words"][word] == "none" for word in how["values"]) == 2_000


def test_when_even_the_open_ones_are_too_many_that_is_said() -> None:
    frame = lives(60_000).assign(how="none").astype({"how": "category"})
    made = grids.grids(only(frame))[0]
    assert "of the 60,000 that nobody closed, and none of the others" in made.note


def test_many_findings_are_cards_until_it_is_enough() -> None:
    text = report(many(250), TICKETS["two-leaks"][1]).to_html()
    assert text.count("<article") == 200
    assert "50 more findings are left out of this page" in text


def test_the_same_case_is_the_same_page() -> None:
    assert page("two-leaks") == page("two-leaks")
