"""The page in a real browser: nothing leaves it, nothing complains, and everything works by hand."""

from pathlib import Path

import pytest

from tests.report.browser import Page, browser
from tests.report.scenes import LONG, TICKETS, hostile, lives, only, report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser() is None, reason="no chromium is installed: apt-get install chromium"),
]
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" width="10" height="10"><style>'
    ".paper{fill:#fff}@media (prefers-color-scheme:dark){.paper{fill:#000}}</style>"
    '<rect class="paper" width="10" height="10"><title>a life</title></rect></svg>'
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report(*TICKETS["two-leaks"], table=only(lives(1_000)), picture=SVG).to_html())
    return path


@pytest.fixture(scope="module")
def tab():  # type: ignore[no-untyped-def]
    with Page() as page:
        yield page


@pytest.fixture
def page(tab: Page, written: Path) -> Page:
    tab.requests.clear()
    tab.complaints.clear()
    tab.open(written)
    return tab


def cells_of(page: Page, column: str) -> list[str]:
    return page.ask(
        "(() => { const heads = [...document.querySelectorAll('#grid-fds th')]; "
        f"const place = heads.findIndex(h => h.textContent === '{column}'); "
        "const rows = [...document.querySelectorAll('#grid-fds tbody tr')]; "
        "return rows.map(row => row.cells[place].textContent) })()"
    )


def head(column: str) -> str:
    return f"[...document.querySelectorAll('#grid-fds th')].find(h => h.textContent === '{column}')"


def test_nothing_leaves_the_page_and_nothing_complains(page: Page, written: Path) -> None:
    assert page.requests == [written.as_uri()]
    assert page.complaints == []
    assert page.ask("document.querySelectorAll('.tools, form.controls').length") == 2
    assert page.ask("[...document.querySelectorAll('.tools, form.controls')].some(e => e.hidden)") is False


def test_a_click_sorts_and_another_turns_it_round(page: Page) -> None:
    page.ask(f"{head('fd')}.querySelector('button').id = 'sort-fd'")
    page.click("#sort-fd")
    numbers = [int(text) for text in cells_of(page, "fd")]
    assert numbers == sorted(numbers)
    assert page.ask(f"{head('fd')}.getAttribute('aria-sort')") == "ascending"
    page.click("#sort-fd")
    assert int(cells_of(page, "fd")[0]) == 1002
    assert page.ask(f"{head('fd')}.getAttribute('aria-sort')") == "descending"


def test_the_keyboard_sorts_too_and_absent_values_come_last(page: Page) -> None:
    page.ask(f"{head('closed, line')}.querySelector('button').focus()")
    page.press("Enter")
    assert cells_of(page, "closed, line")[0] == "4"
    page.press(" ")
    assert cells_of(page, "closed, line")[0] == "2000"
    assert page.ask("document.activeElement.textContent") == "closed, line"


def test_search_and_filters_narrow_the_rows_and_say_so(page: Page) -> None:
    page.ask("document.querySelector('#grid-fds input').focus()")
    for letter in "file-99":
        page.press(letter)
    assert page.ask("document.querySelector('#grid-fds .status').textContent") == (
        "Rows 1 to 11 of 11 that match, of 1,000"
    )
    assert set(cells_of(page, "target")) == {
        "/srv/data/file-99",
        *(f"/srv/data/file-99{n}" for n in range(10)),
    }
    page.ask(
        "(() => { const s = document.querySelector('#grid-fds select'); s.value = [...s.options].find("
        "o => o.textContent.startsWith('tcp')).value; s.dispatchEvent(new Event('change')) })()"
    )
    assert set(cells_of(page, "kind")) == {"tcp"}


def test_pages_are_turned(page: Page) -> None:
    assert page.ask("document.querySelector('#grid-fds .status').textContent") == "Rows 1 to 100 of 1,000"
    page.ask("document.querySelectorAll('#grid-fds .pages button')[1].id = 'next'")
    page.click("#next")
    assert page.ask("document.querySelector('#grid-fds .status').textContent") == "Rows 101 to 200 of 1,000"


def test_details_open_by_mouse_and_by_keyboard(page: Page) -> None:
    evidence = "[...document.querySelectorAll('details')].find(d => d.textContent.startsWith('Evidence'))"
    page.ask(f"{evidence}.querySelector('summary').id = 'evidence'")
    page.click("#evidence")
    assert page.ask(f"{evidence}.open") is True
    page.ask(f"{evidence}.querySelector('summary').focus()")
    page.press("Enter")
    assert page.ask(f"{evidence}.open") is False
    page.click("#unfold")
    assert page.ask("[...document.querySelectorAll('details')].every(d => d.open)") is True


def test_the_first_tab_skips_to_the_findings_and_every_field_has_a_name(page: Page) -> None:
    page.press("Tab")
    assert page.ask("document.activeElement.className") == "skip"
    assert page.ask(
        "[...document.querySelectorAll('input, select')].every(e => e.labels.length === 1) && "
        "[...document.querySelectorAll('button')].every(e => e.textContent.trim())"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_dark_and_light_follow_the_system_and_the_button(tab: Page, written: Path, dark: bool) -> None:
    tab.open(written, dark=dark)
    shades = (
        "[getComputedStyle(document.body).backgroundColor, "
        "getComputedStyle(document.querySelector('figure.picture rect')).fill]"
    )
    light_, dark_ = ["rgb(255, 255, 255)"] * 2, ["rgb(20, 23, 26)", "rgb(0, 0, 0)"]
    assert tab.ask(shades) == (dark_ if dark else light_)
    tab.click("#theme")
    assert tab.ask(shades) == (light_ if dark else dark_)
    assert tab.complaints == []


def test_the_picture_grows_in_its_frame(page: Page) -> None:
    width = "document.querySelector('figure.picture svg').getBoundingClientRect().width"
    before = page.ask(width)
    page.ask("document.querySelector('.zoom button').id = 'zoom'")
    page.click("#zoom")
    assert page.ask(width) == pytest.approx(2 * before, rel=0.01)


@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_is_wider_than_its_window(tab: Page, written: Path, width: int) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    tab.open(written)
    assert tab.ask("document.documentElement.scrollWidth") <= width
    tab.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)


def test_without_scripts_the_answer_and_the_first_rows_are_there(tab: Page, written: Path) -> None:
    tab.complaints.clear()
    tab.open(written, scripts=False)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)  # to ask; the page's own did not run
    assert tab.ask("document.querySelector('.controls').hidden && document.querySelector('.tools').hidden")
    assert len(cells_of(tab, "fd")) == 100
    assert "leaks 40 descriptors" in tab.ask("document.querySelector('h1').textContent")
    assert "all of them can be sorted" in tab.ask("document.querySelector('noscript').textContent")
    assert tab.complaints == []


@pytest.mark.parametrize(
    "text",
    [LONG, '"><svg onload=alert(1)>', "javascript:alert(1)", "{{7*7}}", "</title><script>alert(1)</script>"],
)
def test_hostile_text_runs_nothing(tab: Page, tmp_path: Path, text: str) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(report(*hostile(text), table=only(lives(50, text))).to_html())
    tab.requests.clear()
    tab.complaints.clear()
    tab.open(path)
    assert tab.requests == [path.as_uri()]
    assert tab.complaints == []
    assert tab.ask("document.querySelectorAll('script').length") == 2
    assert tab.ask("document.querySelectorAll('[onerror], [onload], img').length") == 0
    assert tab.ask("document.documentElement.scrollWidth") <= 1280


@pytest.mark.slow
def test_100_000_lives_open_soon_and_are_small(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    path.write_text(report(*TICKETS["two-leaks"], table=only(lives(100_000))).to_html())
    assert path.stat().st_size < 5_000_000
    assert tab.open(path) < 10  # about one second where the machine is free
    assert tab.complaints == []
