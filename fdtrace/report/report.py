"""The report: one answer, in every form in which it is attached, mailed, opened or loaded."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import fdtrace
from fdtrace import schema
from fdtrace.errors import BadArgument, NeedsCaptured
from fdtrace.model import Coverage, Finding
from fdtrace.report import cells, discreet, findings_json, html, jira, markdown, plain, tables, ticket
from fdtrace.report.answers import Answer, answers
from fdtrace.report.destination import Destination
from fdtrace.report.endings import form
from fdtrace.report.redacted import Redacted

if TYPE_CHECKING:
    import pandas as pd

    from fdtrace.case import Case

Keep = Callable[[str, str, "Iterable[pd.DataFrame]"], object]
"""Writes a table, given its path, its name and its pieces, as Parquet."""

MAX_CHARS = 30_000
"""What fits into a ticket: Jira refuses more than 32,767 characters, GitHub more than 65,536."""

WITHOUT_PAYLOAD = (
    "What programs read and wrote, their arguments and environments are left out of the quoted lines; "
    "--show-payload has them."
)


@dataclass(frozen=True)
class Report:
    """Findings and coverage, ready to be written down.

    `table` makes a table of the Case by its name, when a form needs it, and
    `keep` writes one into a Parquet file. `notes` are sentences about the report
    itself, above all about what was left out of it. The same Case gives the same
    report, byte by byte.
    """

    findings: Sequence[Finding]
    coverage: Sequence[Coverage]
    asked: str
    table: Callable[[str], pd.DataFrame]
    keep: Keep
    notes: tuple[str, ...] = ()
    skipped: Sequence[tuple[str, str]] = ()
    unreadable: Sequence[Exception] = ()
    pictures: Callable[[], Sequence[html.Picture]] = tuple

    @classmethod
    def of(
        cls,
        case: Case | Redacted,
        keep: Keep,
        only: Sequence[str] | None = None,
        show_payload: bool = False,
        date: str | None = None,
    ) -> Report:
        """The report on a Case, or on a redacted one; see `Case.report`."""
        found = case.check(only=only)
        secret = case.account if isinstance(case, Redacted) else ()
        if show_payload and secret:
            raise BadArgument("show_payload and redaction exclude each other: what was read is not redacted")
        dated = (f"Written on {date}.",) if date else ()
        return cls(
            list(found) if show_payload else discreet.findings(found, found.coverage),
            found.coverage,
            found.asked,
            lambda name: getattr(case, name),
            keep,
            (*dated, *secret, *(() if show_payload else (WITHOUT_PAYLOAD,))),
            case.skipped,
            case.unreadable,
            lambda: _pictures(case),
        )

    @property
    def answers(self) -> list[Answer]:
        """One answer a capture, the worst first."""
        return answers(self.findings, self.coverage)

    @property
    def particulars(self) -> ticket.Particulars:
        """What the report says about itself."""
        return ticket.Particulars(
            f"Written by fdtrace {fdtrace.__version__}.",
            tuple(self.coverage),
            self.notes,
            tuple(f"{name.rpartition('/')[2] or name} ({reason})" for name, reason in self.skipped),
            tuple(str(error) for error in self.unreadable),
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
        return ticket.fitted(self.answers, self.asked, self.particulars, render, max_chars)

    def to_html(self) -> str:
        """One page that needs nothing else: no network, no other file, no scripts or styles to be read."""
        return html.render(self.answers, self.asked, self.particulars, self.table, self.pictures())

    def to_json(self) -> str:
        """Findings and coverage as one JSON object."""
        stream = io.StringIO()
        findings_json.write(self.findings, self.coverage, stream)
        return stream.getvalue()

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
                self.keep(draft, "findings", [self.frame()])
            return
        with place.open() as stream:
            self._write_text(stream, ending, max_chars, raw)

    def _write_text(self, stream: TextIO, ending: str, max_chars: int, raw: bool) -> None:
        if ending == ".jsonl":
            tables.write(self.frame(), "findings", stream, "jsonl")
        elif ending in (".csv", ".tsv"):
            tables.write(self.frame(), "findings", stream, "csv" if ending == ".csv" else "tsv", raw=raw)
        elif ending in (".html", ".json"):
            stream.write(self.to_html() if ending == ".html" else self.to_json())
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


def _pictures(case: Case | Redacted) -> list[html.Picture]:
    """The timeline, where there is a recording of strace to draw it from."""
    try:
        drawn = case.timeline().to_svg(interactive=True)
    except NeedsCaptured:
        return []
    return [html.Picture("timeline-of-lives", "Timeline", drawn)]
