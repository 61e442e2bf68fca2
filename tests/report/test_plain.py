import pytest

from fdtrace.report import cells
from tests.report.goldens_of import compare
from tests.report.scenes import LONG, TICKETS, hostile, many, report


@pytest.mark.parametrize("name", sorted(TICKETS))
def test_the_mail_reads_as_approved(name: str) -> None:
    compare(f"ticket-{name}.txt", report(*TICKETS[name]).to_text())


@pytest.mark.parametrize("name", sorted(TICKETS))
def test_no_line_is_too_long_to_be_quoted_but_for_quotes(name: str) -> None:
    for line in report(*TICKETS[name]).to_text().split("\n"):
        assert cells.width(line) <= 76 or line.startswith("    ")


def test_nothing_unseen_is_in_it() -> None:
    text = report(*hostile(LONG)).to_text()
    assert all(cells.visible(line) == line for line in text.split("\n"))


def test_it_is_no_longer_than_asked() -> None:
    assert len(report(many(300), TICKETS["two-leaks"][1]).to_text(max_chars=8_000)) <= 8_000
