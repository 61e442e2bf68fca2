"""The report: one answer, in every form in which it is attached, mailed, opened or loaded."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TextIO

import fdtrace
from fdtrace import schema
from fdtrace.checks import named
from fdtrace.errors import BadArgument, NeedsCaptured
from fdtrace.model import Coverage, Finding
from fdtrace.report import cells, discreet, findings_json, grids, html, jira, markdown, plain, tables, ticket
from fdtrace.report.answers import Answer, answers
from fdtrace.report.destination import Destination
from fdtrace.report.endings import form
from fdtrace.report.redacted import Redacted

if TYPE_CHECKING:
    import pandas as pd

    from fdtrace.findings import Findings
    from fdtrace.timeline import Timeline

Keep = Callable[[str, str, "Iterable[pd.DataFrame]"], object]
"""Writes a table, given its path, its name and its pieces, as Parquet."""

MAX_CHARS = 30_000
"""What fits into a ticket: Jira refuses more than 32,767 characters, GitHub more than 65,536."""

WITHOUT_PAYLOAD = (
    "What programs read and wrote, their arguments and environments are left out of the quoted lines; "
    "--show-payload has them."
)


class Answering(Protocol):
    """What a report is made of: a Case, or a redacted one. Its tables are its attributes."""

    def check(self, only: Sequence[str] | None = None) -> Findings:
        """What the checks find."""

    def gather(self) -> None:
        """Prepares for both answers and tables."""

    def timeline(self) -> Timeline:
        """Descriptors over time."""

    @property
    def skipped(self) -> Sequence[tuple[str, str]]:
        """What was not taken."""

    @property
    def unreadable(self) -> Sequence[Exception]:
        """What could not be read."""


class Report:
    """The answer of a Case, ready to be written down; it is found when it is first written.

    The same Case gives the same report, byte by byte. See `Case.report` for the
    arguments; `keep` writes a table into a Parquet file.
    """

    def __init__(
        self,
        case: Answering,
        keep: Keep,
        only: Sequence[str] | None = None,
        show_payload: bool = False,
        date: str | None = None,
    ) -> None:
        if show_payload and isinstance(case, Redacted):
            raise BadArgument("show_payload and redaction exclude each other: what was read is not redacted")
        self._case = case
        self._keep = keep
        self._only = None if only is None else named(only)
        self._show_payload = show_payload
        self._date = date

    @cached_property
    def _found(self) -> Findings:
        return self._case.check(only=self._only)

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What was found, the most serious first, as it may be shown."""
        if self._show_payload:
            return list(self._found)
        return discreet.findings(self._found, self._found.coverage)

    @property
    def coverage(self) -> Sequence[Coverage]:
        """What each capture could show."""
        return self._found.coverage

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about the report itself, above all about what was left out of it."""
        dated = (f"Written on {self._date}.",) if self._date else ()
        secret = self._case.account if isinstance(self._case, Redacted) else ()
        return (*dated, *secret, *(() if self._show_payload else (WITHOUT_PAYLOAD,)))

    @property
    def answers(self) -> list[Answer]:
        """One answer a capture, the worst first."""
        return answers(self.findings, self.coverage)

    @property
    def particulars(self) -> ticket.Particulars:
        """What the report says about itself, once everything else of it is there."""
        coverage = tuple(self.coverage)  # found first: reading may make inputs unreadable
        return ticket.Particulars(
            f"Written by fdtrace {fdtrace.__version__}.",
            coverage,
            self.notes,
            tuple(f"{name.rpartition('/')[2] or name} ({reason})" for name, reason in self._case.skipped),
            tuple(str(error) for error in self._case.unreadable),
        )

    def to_markdown(self, max_chars: int = MAX_CHARS) -> str:
        """Markdown for GitHub and GitLab, in at most so many characters; what was cut is counted in it."""
        return self._ticket(markdown.render, max_chars)

    def to_jira(self, max_chars: int = MAX_CHARS) -> str:
        """The wiki markup of Jira, in at most so many characters."""
        return self._ticket(jira.render, max_chars)

    def to_text(self, max_chars: int = MAX_CHARS) -> str:
        """Plain text for an e-mail, in at most so many characters."""
        return self._ticket(plain.render, max_chars)

    def _ticket(self, render: Callable[..., str], max_chars: int) -> str:
        if max_chars < ticket.LEAST_CHARS:
            raise BadArgument(f"max_chars cannot be {max_chars:,}: {ticket.LEAST_CHARS:,} is the least")
        return ticket.fitted(self.answers, self._found.asked, self.particulars, render, max_chars)

    def to_html(self) -> str:
        """One page that needs nothing else: no network, no other file, no scripts or styles to be read."""
        if self._only is None:
            self._case.gather()
        told, tables, drawn = self.answers, grids.grids(self._table), _pictures(self._case)
        return html.render(told, self._found.asked, self.particulars, tables, drawn)

    def _table(self, name: str) -> pd.DataFrame:
        table: pd.DataFrame = getattr(self._case, name)
        return table

    def to_json(self) -> str:
        """Findings and coverage as one JSON object."""
        stream = io.StringIO()
        findings_json.write(self.findings, self.coverage, stream)
        return stream.getvalue()

    def to_sarif(self) -> str:
        """Findings as SARIF 2.1.0, with source lines where frames tell them."""
        from fdtrace.report import sarif

        return sarif.text(self.findings, self.coverage, self._table)

    def frame(self) -> pd.DataFrame:
        """The findings as a table."""
        names = schema.TABLES["findings"].names
        return schema.conform("findings", {n: [getattr(one, n) for one in self.findings] for n in names})

    def write(
        self,
        path: str | os.PathLike[str],
        *,
        force: bool = False,
        max_chars: int = MAX_CHARS,
        raw: bool = False,
    ) -> None:
        """Writes the report into a file, in the form that the ending of its name tells (see `endings`).

        An existing file is replaced with `force` only. `raw` leaves in csv and
        tsv what a spreadsheet would run.

        Raises:
            BadArgument: the ending is unknown, the file exists, or its directory does not.
            MissingExtra: for .parquet, where pyarrow is not installed.
        """
        name = os.fspath(path)
        ending, place = form(name), Destination(name, force)
        if ending == ".parquet":
            with place.draft() as draft:
                self._keep(draft, "findings", [self.frame()])
            return
        with place.open() as stream:
            self._write_text(stream, ending, max_chars, raw)

    def _write_text(self, stream: TextIO, ending: str, max_chars: int, raw: bool) -> None:
        if ending == ".jsonl":
            tables.write(self.frame(), "findings", stream, "jsonl")
        elif ending in (".csv", ".tsv"):
            tables.write(self.frame(), "findings", stream, "csv" if ending == ".csv" else "tsv", raw=raw)
        elif ending in (".html", ".json", ".sarif"):
            made = {".html": self.to_html, ".json": self.to_json, ".sarif": self.to_sarif}[ending]
            stream.write(made())
        else:
            render = {".md": self.to_markdown, ".jira": self.to_jira, ".txt": self.to_text}[ending]
            stream.write(render(max_chars))

    def write_html(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes the page into a file, whatever the ending of its name."""
        with Destination(os.fspath(path), force).open() as stream:
            stream.write(self.to_html())

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        found, captures = len(self.findings), len(self.coverage)
        return f"Report of {cells.counted(found, 'finding')} in {cells.counted(captures, 'capture')}"


def _pictures(case: Answering) -> list[html.Picture]:
    """The timeline, where there is a recording of strace to draw it from."""
    try:
        drawn = case.timeline().to_svg(interactive=True)
    except NeedsCaptured:
        return []
    return [html.Picture("timeline-of-lives", "Timeline", drawn)]
