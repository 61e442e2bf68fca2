"""What a notebook shows, in a real browser: harmless, no wider than its page, readable light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import Page, browser
from tests.report.scenes import LONG, NASTY, TICKETS, hostile
from tests.report.test_cards import shown

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser() is None, reason="no chromium is installed: apt-get install chromium"),
]
# A notebook, as far as its own rules reach into what is shown in it.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>
body { margin: 12px; background: #fff; color: #111; }
.output td, .output th { text-align: right; } .output tbody tr:nth-child(odd) { background: #eee; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; }
  .output tbody tr:nth-child(odd) { background: #333; } }
</style>"""


@pytest.fixture(scope="module", params=[1280, 400])
def tab(request: pytest.FixtureRequest) -> Iterator[Page]:
    with Page(request.param) as page:
        yield page


def opened(tab: Page, path: Path, cards: dict[str, str], dark: bool = False) -> Page:
    path.write_text(PAGE + "".join(f'<section class="output">{card}</section>' for card in cards.values()))
    tab.requests.clear()
    tab.complaints.clear()
    tab.open(path, dark=dark)
    return tab


@pytest.mark.parametrize("text", [NASTY, LONG], ids=["nasty", "long"])
def test_nothing_happens_and_nothing_sticks_out(tab: Page, text: str, tmp_path: Path) -> None:
    page = opened(tab, tmp_path / "cards.html", shown(*hostile(text)))
    assert page.requests == [(tmp_path / "cards.html").as_uri()]
    assert page.complaints == []
    page.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth") is True


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_have_the_colour_of_the_page(tab: Page, dark: bool, tmp_path: Path) -> None:
    page = opened(tab, tmp_path / "cards.html", shown(*TICKETS["two-leaks"][:2]), dark)
    ink = page.ask("getComputedStyle(document.body).color")
    assert ink == ("rgb(221, 221, 221)" if dark else "rgb(17, 17, 17)")
    of = "[...new Set([...document.querySelectorAll('%s')].map(one => getComputedStyle(one).%s))]"
    assert page.ask(of % ("p, li, th, td, code, pre, summary, svg text", "color")) == [ink]
    assert page.ask(of % ("tr, td, th", "backgroundColor")) == ["rgba(0, 0, 0, 0)"]
    assert page.ask(of % ("td:not(.number)", "textAlign")) == ["left"]
    assert page.ask(of % (".severity", "color")) == ["rgb(255, 255, 255)"]


def test_a_proof_is_opened_by_mouse_and_keyboard(tab: Page, tmp_path: Path) -> None:
    page = opened(tab, tmp_path / "cards.html", {"found": shown(*TICKETS["two-leaks"][:2])["findings"]})
    page.click("summary")
    assert page.ask("document.querySelector('details').open") is True
    page.press(" ")
    assert page.ask("document.querySelector('details').open") is False
