"""Writes the pages that the code itself tells, and the output that pages show, anew.

python -m docs.generate
"""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from typer.models import ArgumentInfo, CommandInfo, OptionInfo

from fdtrace.cli.app import declared
from fdtrace.fleet.tables import CAPTURES, FINDINGS, SITES
from fdtrace.report.explain import sections
from fdtrace.schema import TABLES, Column, Table

HERE = Path(__file__).parent
_MADE = "<!-- written by python -m docs.generate -->\n\n"

# -- tables.md -------------------------------------------------------------------


def tables() -> str:
    """Every table and column, out of the schema."""
    parts = [
        f"# The tables\n\n{_MADE}"
        "What a capture does not tell is NA: never 0, never an empty text. Times are seconds since the\n"
        "first time stamp of their capture. `table`, `ofd`, `stack`, `seq` and `fd_id` are unique within\n"
        "one Case, also over several captures.\n"
    ]
    of_fleet = [replace(table, name=f"fleet {table.name}") for table in (CAPTURES, FINDINGS, SITES)]
    return "\n".join([*parts, *(_table(table) for table in (*TABLES.values(), *of_fleet))])


def _table(table: Table) -> str:
    index = [table.index] if table.index else []
    rows = [_row(column, column is table.index) for column in (*index, *table.columns)]
    head = "| column | type | meaning | NA if |\n|---|---|---|---|\n"
    return f"## {table.name}\n\nA row is {table.row}.\n\n{head}{''.join(rows)}"


def _row(column: Column, index: bool) -> str:
    meaning = column.meaning + (f" ({column.unit})" if column.unit else "")
    if column.words:
        meaning += f"; one of {', '.join(f'`{word}`' for word in column.words)}"
    name = f"**{column.name}** (index)" if index else column.name
    return f"| {name} | {column.dtype} | {meaning} | {column.absent} |\n"


# -- checks.md -------------------------------------------------------------------


def checks() -> str:
    """Every check with its rule, its thresholds and its limits: what `fdtrace explain` says."""
    text = (
        f"# The checks\n\n{_MADE}`fdtrace leaks` runs the first, `fdtrace check` all, `--only` some.\n"
        "`fdtrace explain CHECK` says the same on a terminal.\n"
        "The thresholds of `leak` in a trace can be given: `case.leaks(many=20)`.\n"
    )
    return text + "".join(f"\n## {', '.join(names)}\n{rule}" for rule, names in sections().items())


# -- cli.md ----------------------------------------------------------------------

_COMMON = 5
"""An option of so many commands is described once for all of them."""


def cli() -> str:
    """Every command with its options, out of what --help shows."""
    commands = {_name(command): command for command in declared()}
    described = {name: dict(_options(command)) for name, command in commands.items()}
    often: dict[tuple[str, str], list[str]] = {}
    for name, options in described.items():
        for option in options.items():
            often.setdefault(option, []).append(name)
    shared = {option for option, users in often.items() if len(users) >= _COMMON}
    parts = [
        f"# The command line\n\n{_MADE}`fdtrace COMMAND --help` says the same. Exit codes are in the\n"
        "[README](../README.md); results go to standard output, everything else to standard error.\n",
        "\n## Options of many commands\n\n| option | meaning |\n|---|---|\n",
        *(f"| {option} | {meaning} |\n" for option, meaning in often if (option, meaning) in shared),
    ]
    for name, command in commands.items():
        parts.append(_command(name, command, described[name], shared))
    return "".join(parts)


def _name(command: CommandInfo) -> str:
    return command.name or str(getattr(command.callback, "__name__", ""))


def _command(name: str, command: Any, options: dict[str, str], shared: set[tuple[str, str]]) -> str:
    takes = "".join(f" {argument}" for argument in _arguments(command))
    says = command.help or inspect.getdoc(command.callback) or ""
    example = command.epilog.removeprefix("Example:").strip()
    text = f"\n## fdtrace {name}\n\n{' '.join(says.split())}\n\n"
    text += f"    fdtrace {name}{takes}{' [OPTIONS]' if options else ''}\n\nFor example `{example}`\n"
    own = {option: meaning for option, meaning in options.items() if (option, meaning) not in shared}
    if own:
        rows = "".join(f"| {option} | {meaning} |\n" for option, meaning in own.items())
        text += f"\n| option | meaning |\n|---|---|\n{rows}"
    also = [re.sub(r"[ `,].*", "", option[1:]) for option in options if option not in own]
    if also:
        text += f"\nAlso {', '.join(f'`{option}`' for option in also)}.\n"
    return text


def _arguments(command: Any) -> Iterator[str]:
    """What a command takes besides options, as its usage shows it."""
    hints = typing.get_type_hints(command.callback, include_extras=True)
    for name, parameter in inspect.signature(command.callback).parameters.items():
        kind, info = typing.get_args(hints[name])[:2]
        if isinstance(info, ArgumentInfo):
            shown = f"{info.metavar}{'…' if typing.get_origin(kind) is list else ''}"
            yield shown if parameter.default is inspect.Parameter.empty else f"[{shown}]"


def _options(command: Any) -> Iterator[tuple[str, str]]:
    """Each option as it is typed, and what it means."""
    hints = typing.get_type_hints(command.callback, include_extras=True)
    for name, parameter in inspect.signature(command.callback).parameters.items():
        kind, info = typing.get_args(hints[name])[:2]
        if not isinstance(info, OptionInfo):
            continue
        # Inside of Annotated, what stands first is a name and not a default.
        names = [text for text in (info.default, *(info.param_decls or ())) if str(text).startswith("-")]
        names = names or [f"--{name.replace('_', '-')}"]
        choices = [word for one in (kind, *typing.get_args(kind)) for word in _words(one)]
        value = "" if kind is bool else f" {info.metavar or ('WORD' if choices else 'N')}"
        meaning = info.help or ""
        if choices:
            meaning += f" One of {', '.join(f'`{word}`' for word in choices)}."
        if parameter.default is inspect.Parameter.empty:
            meaning += " Needed."
        elif parameter.default not in (None, False):
            meaning += f" Else `{parameter.default}`."
        yield ", ".join([f"`{names[0]}{value}`", *(f"`{short}`" for short in names[1:])]), meaning


def _words(kind: Any) -> tuple[str, ...]:
    """The words that an option takes, when they are few."""
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


# -- output that pages show ------------------------------------------------------

_SHOWS = re.compile(r"(<!-- output: fdtrace ([^\n]+) -->\n```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)


def with_output(text: str) -> str:
    """A page with today's output of the commands whose output it shows."""
    return _SHOWS.sub(lambda block: block[1] + output(shlex.split(block[2])), text)


def output(arguments: list[str]) -> str:
    """What a command prints to a file, run in the clone."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "fdtrace", *arguments],
        cwd=HERE.parent,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    return done.stdout


PAGES: dict[str, Callable[[], str]] = {"tables.md": tables, "checks.md": checks, "cli.md": cli}
"""The pages that are all made from the code."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
    root = HERE.parent
    for shown in (root / "README.md", *sorted(HERE.glob("*.md")), *sorted(root.glob("samples/*/README.md"))):
        before = shown.read_text(encoding="utf-8")
        after = with_output(before)
        if after != before:
            shown.write_text(after, encoding="utf-8")
