"""The report as one page: it needs no network, and is read without scripts and styles as well."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from fdtrace.model import Evidence
from fdtrace.report import cells, grids, sentences, svg_curve, ticket
from fdtrace.report.answers import Answer, is_serious
from fdtrace.report.terminal import summary

if TYPE_CHECKING:
    import jinja2

_QUOTES = 12
_LETTERS = 400
_CARDS = 200
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for the page: an SVG element that is well-formed and safe, and what it needs.

    `script` and `style` are put into those of the page, whose hashes its policy allows.
    """

    name: str
    title: str
    svg: str
    note: str = ""
    script: str = ""
    style: str = ""


def render(
    told: Sequence[Answer],
    asked: str,
    particulars: ticket.Particulars,
    tables: Sequence[grids.Grid],
    pictures: Sequence[Picture] = (),
) -> str:
    """The whole page. `pictures` take the place behind the findings, named `timeline`."""
    environment = _environment()
    script = "\n".join([_asset("report.js"), *(picture.script for picture in pictures if picture.script)])
    style = "\n".join([_asset("report.css"), *(picture.style for picture in pictures if picture.style)])
    return environment.get_template("report.html").render(
        title=_title(told, asked),
        summary=summary(told) if len(told) > 1 else "",
        sections=[_section(answer, asked, number) for number, answer in enumerate(told, 1)],
        grids=tables,
        pictures=pictures,
        particulars=particulars,
        sentences=sentences,
        script=environment.filters["trusted"](script),
        style=environment.filters["trusted"](style),
        policy=_policy(script, [style, *(s for one in pictures for s in _STYLE.findall(one.svg))]),
    )


def _title(told: Sequence[Answer], asked: str) -> str:
    if not told:
        return "Nothing to judge"
    return summary(told) if len(told) > 1 else sentences.verdict(told[0], asked)


def _section(answer: Answer, asked: str, number: int) -> dict[str, object]:
    """What the page says about one capture."""
    serious = [finding for finding in answer.findings if is_serious(finding)]
    sure = sentences.how_sure(answer)
    return {
        "number": number,
        "name": sentences.short(answer.coverage.capture, 120),
        "verdict": sentences.verdict(answer, asked),
        "what": sentences.what(answer),
        "since": sentences.since(answer),
        "sure": sure[:1],
        "gaps": sure[1:],
        "remedy": "" if answer.coverage.closes_visible else answer.coverage.remedy,
        "curve": svg_curve.picture(answer.coverage, number),
        "said": [text for text in (sentences.curve(answer.coverage), sentences.settled(answer)) if text],
        "minor": sentences.minor(answer),
        "cards": serious[:_CARDS],
        "more": len(serious) - len(serious[:_CARDS]),
    }


def _policy(script: str, styles: Sequence[str]) -> str:
    """The content security policy: nothing is loaded from anywhere, and only these texts work."""
    allowed = " ".join(f"'{_hash(style)}'" for style in dict.fromkeys(styles))
    return f"default-src 'none'; script-src '{_hash(script)}'; style-src {allowed}"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


@cache
def _environment() -> jinja2.Environment:
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fdtrace.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: cells.visible(value) if type(value) is str else value,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["trusted"] = markupsafe.Markup
    environment.filters["short"] = lambda text: sentences.short(text, _LETTERS)
    environment.filters["quoted"] = _quoted
    environment.filters["count"] = cells.count
    return environment


def _quoted(quotes: Sequence[Evidence]) -> list[str]:
    return [ticket.quote_line(quote, _LETTERS) for quote in quotes[:_QUOTES]]


@cache
def _asset(name: str) -> str:
    """A text that stands beside the template."""
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0].strip()
