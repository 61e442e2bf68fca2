import re
from html.parser import HTMLParser

import pytest

from fdtrace.report import cells, jira
from fdtrace.report.document import Bullets, Code, Fold, Grid, Heading, Lines, Quote, Strong
from tests.report.goldens_of import compare
from tests.report.scenes import LONG, NASTY, TICKETS, hostile, many, report


def outside_quotes(text: str) -> list[str]:
    """The lines that Jira reads as markup."""
    parts = re.split(r"\{noformat\}\n", text + "\n")
    assert len(parts) % 2 == 1, "every quote that begins must end"
    return "".join(parts[::2]).split("\n")


@pytest.mark.parametrize("name", sorted(TICKETS))
def test_the_ticket_reads_as_approved(name: str) -> None:
    compare(f"ticket-{name}.jira", report(*TICKETS[name]).to_jira())


@pytest.mark.parametrize(
    "text", [NASTY, LONG, "|", "||", "{noformat}", "{code}", "\\", "{{x}}", "h1. x", "* x"]
)
def test_hostile_text_neither_leaves_a_quote_nor_breaks_a_table(text: str) -> None:
    lines = outside_quotes(report(*hostile(text)).to_jira())
    rows = [line for line in lines if line.startswith("|")]
    assert [line.count("|") for line in rows] == [14, 7, 7, 12, 6, 6]
    assert [line for line in lines if re.match(r"h\d\. ", line)] == [
        line for line in lines if re.match(r"h[34]\. (\d\. |Evidence: 2 lines|What was analysed)", line)
    ]
    words = re.sub(r"\{\{|\}\}", "", "\n".join(lines))
    assert not re.search(r"[{}\[\]!]", words)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b-c", "a_b-c"),
        ("_x_ *y* -z- +1 ~a~", "&#95;x&#95; &#42;y&#42; &#45;z&#45; &#43;1 &#126;a&#126;"),
        ("{code}|[x]\\", "&#123;code&#125;&#124;&#91;x&#93;&#92;"),
        ("really??", "really&#63;?"),
        (":) (x) (/)", "&#58;) &#40;x) &#40;/)"),
        ("a&#124;b", "a&amp;#124;b"),
        ("two\nlines", "two&#92;nlines"),
    ],
)
def test_words_stay_words(text: str, shown: str) -> None:
    assert cells.jira(text) == shown


@pytest.mark.parametrize("text", ["h1. big", "# one", "bq. said", "---- "])
def test_a_line_of_words_is_no_heading_list_or_quote(text: str) -> None:
    assert jira.render([Lines(((text,),))]).startswith("&#")


def test_blocks_as_they_are_written() -> None:
    blocks = [
        Heading(2, ("Title",)),
        Lines(((Strong("loud"), " and quiet"),)),
        Bullets((("one ", Code("a|b")),)),
        Grid(("", "b"), ((("",), (Code("x|y"),)),)),
        Fold("More", (Quote(("{noformat} | {NOFORMAT:x}",)),)),
    ]
    assert jira.render(blocks) == (
        "h2. Title\n\n*loud* and quiet\n\n* one {{a&#124;b}}\n\n|| ||b||\n| |{{x&#124;y}}|\n\n"
        "h4. More\n\n{noformat}\n{ noformat} | { NOFORMAT:x}\n{noformat}\n"
    )


def test_jira_takes_it() -> None:
    text = report(many(300), TICKETS["two-leaks"][1]).to_jira()
    assert len(text) <= 30_000 < 32_767
    assert "Left out to fit 30,000 characters" in text


# -- as a renderer of Jira's markup reads it ---------------------------------


class Rendered(HTMLParser):
    """What came out of a renderer: elements, rows with their cells, and all words."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.rows: list[int] = []
        self.words: list[str] = []
        self.feed(rendered(text))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append(0)
        elif tag in ("td", "th"):
            self.rows[-1] += 1

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join("".join(self.words).split())


def rendered(text: str) -> str:
    """The markup as HTML, by pandoc's reader of it."""
    pandoc = pytest.importorskip(
        "pypandoc", reason="pip install pypandoc_binary brings a renderer of Jira's markup"
    )
    made: str = pandoc.convert_text(text, "html", format="jira", extra_args=["--wrap=none"])
    return made


@pytest.mark.parametrize("name", sorted(TICKETS))
def test_a_renderer_sees_the_tables_headings_and_quotes_that_are_meant(name: str) -> None:
    text = report(*TICKETS[name]).to_jira()
    seen = Rendered(text)
    lines = outside_quotes(text)
    assert seen.rows == [len(re.findall(r"\|\|?", line)) - 1 for line in lines if line.startswith("|")]
    assert [seen.tags.count(f"h{n}") for n in (2, 3, 4)] == [
        sum(line.startswith(f"h{n}. ") for line in lines) for n in (2, 3, 4)
    ]
    assert seen.tags.count("pre") * 2 == text.count("{noformat}\n")
    assert not {"a", "img", "script", "hr", "blockquote", "del", "ins", "sub", "sup", "em"} & set(seen.tags)


@pytest.mark.parametrize("text", [NASTY, "*a* _b_ ??c?? -d- +e+ ^f^ ~g~ {{h}} !i.png! [j|http://k.example]"])
def test_a_renderer_shows_hostile_words_as_they_are(text: str) -> None:
    shown = " ".join(cells.visible(text).split())
    seen = Rendered(
        jira.render([Lines((("so ", text, " it"),)), Grid(("a", "b"), (((text,), (Code(text),)),))])
    )
    assert seen.said.count(shown) == 3
    assert seen.rows == [2, 2]
    assert set(seen.tags) == {"p", "table", "thead", "tbody", "tr", "th", "td", "code"}


def test_a_renderer_ends_a_quote_where_it_ends() -> None:
    lines = (NASTY, "{noformat}", "{code}x{code}", "{NOFORMAT:title=x} *b*")
    seen = Rendered(jira.render([Quote(lines), Lines((("behind",),))]))
    assert (seen.tags.count("pre"), seen.tags.count("p"), seen.tags.count("strong")) == (1, 1, 0)
    assert seen.said.endswith("behind")
