import dataclasses
import re

import pytest
from markdown_it import MarkdownIt

from fdtrace.report import markdown
from fdtrace.report.document import Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong
from tests.report.goldens_of import compare
from tests.report.scenes import LONG, NASTY, TICKETS, hostile, many, report


def rendered(text: str) -> str:
    """As GitHub and GitLab do it: CommonMark with tables, links that are none become links, HTML stays."""
    return MarkdownIt("commonmark", {"linkify": False}).enable("table").enable("strikethrough").render(text)


@pytest.mark.parametrize("name", sorted(TICKETS))
def test_the_ticket_reads_as_approved(name: str) -> None:
    compare(f"ticket-{name}.md", report(*TICKETS[name]).to_markdown())


def test_the_verdict_stands_in_the_first_three_lines() -> None:
    first, second, third = report(*TICKETS["two-leaks"]).to_markdown().split("\n")[:3]
    assert first.startswith("**gateway (pid 41) leaks 40 descriptors in 8.9 s")
    assert "opened by `lws_plat_pipe_create (libwebsockets.so.19)`" in second
    assert "in CLOSE\\_WAIT" in second
    assert "Sure of this" in third


def test_tables_have_the_rows_that_were_written() -> None:
    html = rendered(report(*TICKETS["two-leaks"]).to_markdown())
    findings, captures = html.split("<table>")[1:]
    assert findings.count("<tr>") == 3
    assert findings.split("</table>")[0].count("</th>") == 6
    assert captures.count("<tr>") == 2
    assert html.count("<details>") == html.count("</details>") == 3
    assert html.count("<pre>") == 2


def test_the_state_is_said_with_its_source() -> None:
    told = dataclasses.replace(TICKETS["two-leaks"][0][1], state_source="lsof, ss")
    assert "CLOSE\\_WAIT (lsof, ss)" in report([told], TICKETS["two-leaks"][1]).to_markdown()


@pytest.mark.parametrize(
    "text", [NASTY, LONG, "|", "`", "``` |", "\\", "\\|", "a\\", "`|`\\", "<!--", "-->", "&#124;"]
)
def test_hostile_text_neither_runs_nor_breaks_a_table(text: str) -> None:
    html = rendered(report(*hostile(text)).to_markdown())
    findings, captures = html.split("<table>")[1:]
    table = findings.split("</table>")[0]
    assert (table.count("<tr>"), table.count("<td")) == (3, 12)
    assert captures.split("</table>")[0].count("<td") == 10
    assert html.count("<details>") == html.count("</details>") == html.count("<summary>") == 3
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= {
        "blockquote", "br", "code", "details", "em", "h3", "li", "p", "pre", "strong", "summary", "table",
        "tbody", "td", "th", "thead", "tr", "ul",
    }  # fmt: skip
    assert html.count("<h3>") == 2


def test_nobody_is_called_and_nothing_is_linked() -> None:
    text = markdown.render([Lines((("@root fixes #12 at https://evil.example and www.evil.example",),))])
    assert text == "@<!-- -->root fixes #<!-- -->12 at https&#58;//evil.example and www&#46;evil.example\n"


@pytest.mark.parametrize("start", ["# a", "- a", "+ a", "* a", "1. a", "12) a", "> a", "===", "---", "~~~"])
def test_a_line_of_words_is_nothing_but_words(start: str) -> None:
    html = rendered(markdown.render([Lines(((start,),)), Lines((("x",),))]))
    assert re.fullmatch(r"<p>[^<]*</p>\n<p>x</p>\n", html)


def test_a_fence_is_longer_than_any_run_of_backticks_in_it() -> None:
    text = markdown.render([Quote(("a ```` b", "```"))])
    assert text.startswith("`````text\n")
    assert rendered(text).count("<pre>") == 1


def test_blocks_as_they_are_written() -> None:
    blocks = [
        Heading(2, ("Title",)),
        Bullets((("one ", Code("a|b")), (Strong("two"),))),
        Grid(("a", "b"), ((("1",), (Code("x|y"),)),), frozenset({0})),
        Fold("More", (Lines((("inside",),)),)),
    ]
    assert markdown.render(blocks) == (
        "## Title\n\n* one `a|b`\n* **two**\n\n| a | b |\n| ---: | --- |\n| 1 | `x\\|y` |\n\n"
        "<details><summary>More</summary>\n\ninside\n\n</details>\n"
    )


@pytest.mark.parametrize("room", [2_000, 5_000, 30_000, 100_000])
def test_what_does_not_fit_is_left_out_and_counted(room: int) -> None:
    text = report(many(150), TICKETS["two-leaks"][1]).to_markdown(max_chars=room)
    assert len(text) <= room
    assert text.endswith("</details>\n")
    said = re.search(rf"Left out to fit {room:,} characters: (.*)\.", text)
    assert said
    left = re.findall(r"([\d,]+) findings?( told in the table only)?", said[1])
    numbers = {bool(brief): int(number) for number, brief in left}
    detailed, rows = text.count("\n### "), text.count("\n| HIGH |")
    assert numbers.get(False, 0) == 150 - rows
    assert numbers.get(True, 0) == rows - detailed
    quotes = re.search(r"([\d,]+) quoted lines", said[1])
    assert 24 * detailed - text.count("gw.strace:958") == (int(quotes[1].replace(",", "")) if quotes else 0)
    assert text.startswith("**gateway (pid 41) leaks 3,600 descriptors")


def test_what_fits_is_all_there() -> None:
    text = report(many(3, quotes=2), TICKETS["two-leaks"][1]).to_markdown()
    assert "Left out" not in text
    assert text.count("gw.strace:958") == 6


def test_a_ticket_of_the_worst_texts_still_fits() -> None:
    findings, coverage = hostile(LONG)
    assert len(report(findings * 10, coverage * 8).to_markdown()) <= 30_000
