"""The options that commands share, and how a result is wanted by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fdtrace.errors import BadArgument
from fdtrace.model import Severity
from fdtrace.report.destination import Destination, tell
from fdtrace.report.media import Format

from .complete import checks_listed, kinds

if TYPE_CHECKING:
    import pandas as pd

    from fdtrace.case import Findings

Captures = Annotated[
    list[str],
    typer.Argument(
        metavar="CAPTURE", help="Files, directories, or - for standard input.", show_default=False
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How the result is written.")]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the result into this file.")
]
Force = Annotated[bool, typer.Option("--force", help="Let --output replace an existing file.")]
Limit = Annotated[int | None, typer.Option("--limit", min=0, metavar="N", help="At most so many rows.")]
Columns = Annotated[
    str | None, typer.Option("--columns", metavar="A,B,…", help="These columns, in this order; all for all.")
]
Raw = Annotated[bool, typer.Option("--raw", help="In csv and tsv, leave what a spreadsheet would run.")]
Redact = Annotated[
    bool, typer.Option("--redact", help="Replace addresses, hosts, users and private names by pseudonyms.")
]
RedactKey = Annotated[
    str | None,
    typer.Option(
        "--redact-key", metavar="FILE", help="Redact, and keep in FILE what leads back; the next run uses it."
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="KIND",
        help="Take the captures for this kind (see formats).",
        autocompletion=kinds,
    ),
]
Date = Annotated[
    str | None,
    typer.Option(
        "--date", metavar="YYYY-MM-DD", help="The day on which a capture with bare clock times begins."
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--tz", metavar="ZONE", help="The time zone of bare clock times: UTC, +02:00, Europe/Paris."
    ),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="When snapshots were taken that do not tell it themselves."),
]
SymbolDirs = Annotated[
    list[str] | None,
    typer.Option(
        "--symbols",
        metavar="DIR",
        help="Look here for programs and debug files, to name functions and lines of -k; may be repeated.",
    ),
]
Debuginfod = Annotated[
    list[str] | None,
    typer.Option(
        "--debuginfod", metavar="URL", help="Ask this server for debug files; env: those of $DEBUGINFOD_URLS."
    ),
]
FailOn = Annotated[
    Severity | None, typer.Option("--fail-on", help="Exit with 1 if something at least so serious is found.")
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only", metavar="CHECK,…", help="Run these checks and no others.", autocompletion=checks_listed
    ),
]
GroupBy = Annotated[
    Literal["site", "caller", "stack", "target"] | None,
    typer.Option("--group-by", help="What makes descriptors one finding."),
]


def chosen(only: str | None) -> list[str] | None:
    """The names of checks that `--only` was given."""
    return None if only is None else [name.strip() for name in only.split(",")]


@dataclass(frozen=True)
class Redaction:
    """Whether what is private is shown."""

    redact: Redact = False
    redact_key: RedactKey = None

    def __bool__(self) -> bool:
        return self.redact or self.redact_key is not None


@dataclass(frozen=True)
class Sources:
    """What captures are taken for, and what is looked up for them."""

    kind: Kind = None
    date: Date = None
    tz: Zone = None
    symbols: SymbolDirs = None
    debuginfod: Debuginfod = None


@dataclass(frozen=True)
class Result:
    """How a result is wanted, and where."""

    format: FormatOption = "table"
    output: Output = None
    force: Force = False
    limit: Limit = None
    columns: Columns = None
    raw: Raw = False

    def wanted(self) -> Wanted:
        """The options checked."""
        return Wanted.of(self.format, self.output, self.force, self.limit, self.columns, self.raw)


@dataclass(frozen=True)
class Wanted:
    """How the result is wanted: the options that every command with a result has."""

    format: Format
    destination: Destination
    limit: int | None
    columns: list[str] | None
    raw: bool = False

    @classmethod
    def of(
        cls,
        format: Format,
        output: str | None,
        force: bool,
        limit: int | None = None,
        columns: str | None = None,
        raw: bool = False,
    ) -> Wanted:
        """The options as they were given."""
        if format == "parquet" and output is None:
            raise BadArgument("--format parquet needs --output FILE: it is no text")
        names = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
        return cls(format, Destination(output, force), limit, names, raw)

    def write_table(self, frame: pd.DataFrame, name: str) -> None:
        """Writes one table."""
        if self.format == "parquet":
            self.write_pieces([frame], name)
            return
        from fdtrace.report import tables

        with self.destination.open() as stream:
            tables.write(
                frame,
                name,
                stream,
                self.format,
                columns=self.columns,
                limit=self.limit,
                width=self.destination.width,
                raw=self.raw,
                notice=tell,
            )

    def write_pieces(self, pieces: Iterable[pd.DataFrame], name: str) -> None:
        """Writes one table that comes in pieces."""
        from fdtrace.report import tables

        if self.format == "parquet":
            from fdtrace import store

            with self.destination.draft() as path:
                chosen = tables.selected(pieces, name, self.columns, self.limit, tell)
                store.write_table(path, name, chosen)
            return
        with self.destination.open() as stream:
            tables.write_pieces(
                pieces,
                name,
                stream,
                self.format,
                columns=self.columns,
                limit=self.limit,
                width=self.destination.width,
                raw=self.raw,
                notice=tell,
            )

    def write_findings(self, found: Findings, asked: str, above: str = "") -> None:
        """Writes findings; `asked` is the command that they answer.

        `above` is said first, and in the place of an answer that nothing was found.
        """
        shown = list(found)[: self.limit]
        if len(shown) < len(found):
            tell(f"findings: the first {len(shown):,} of {len(found):,}")
        if self.format == "json":
            from fdtrace.report import findings_json

            with self.destination.open() as stream:
                findings_json.write(shown, found.coverage, stream, self.columns)
        elif self.format == "table" and self.columns is None:
            from fdtrace.report import terminal

            place = self.destination
            text = terminal.answer(found, found.coverage, place.prose, place.colour, asked, self.limit)
            if above:
                text = f"{above}\n{text}" if len(found) else above
            with place.open() as stream:
                stream.write(text)
        else:
            self.write_table(found.table, "findings")
