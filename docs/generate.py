"""Writes tables.md, checks.md and the output that README.md shows anew from what the code says and does.

python docs/generate.py
"""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from fdtrace.checks import CHECKS
from fdtrace.schema import TABLES, Column, Table

HERE = Path(__file__).parent
_MADE = "<!-- written by docs/generate.py -->\n\n"


def tables() -> str:
    """Every table and column, out of the schema."""
    parts = [
        f"# The tables\n\n{_MADE}"
        "What a capture does not tell is NA: never 0, never an empty text. Times are seconds since the\n"
        "first time stamp of their capture. `table`, `ofd`, `stack`, `seq` and `fd_id` are unique within\n"
        "one Case, also over several captures.\n"
    ]
    return "\n".join([*parts, *(_table(table) for table in TABLES.values())])


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


def checks() -> str:
    """Every check with its rule and its thresholds, out of the docstrings."""
    parts = [f"# The checks\n\n{_MADE}`fdtrace leaks` runs the first, `fdtrace check` all, `--only` some.\n"]
    for check in CHECKS:
        module = inspect.getdoc(sys.modules[check.__module__]) or ""
        parts.append(
            f"## {check.name}\n\n{_listed(module)}\n\n{_with_thresholds(inspect.getdoc(check) or '')}"
        )
    return "\n".join(parts)


def _listed(text: str) -> str:
    """A docstring with its columns of `word   meaning` as a list."""
    text = re.sub(r"^(\w+) {2,}(?=\S)", r"* **\1**: ", text.rstrip(), flags=re.MULTILINE)
    return re.sub(r"^ {4,}(?=\S)", "  ", text, flags=re.MULTILINE)


def _with_thresholds(text: str) -> str:
    """A docstring with its arguments as a list."""
    summary, _, arguments = text.partition("\nArgs:\n")
    if not arguments:
        return summary.rstrip() + "\n"
    items: list[str] = []
    for line in arguments.splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            name, _, meaning = line.strip().partition(": ")
            items.append(f"* `{name}`: {meaning}")
        elif items:
            items[-1] += f" {line.strip()}"
    return summary.rstrip() + "\n\nThresholds:\n\n" + "\n".join(items) + "\n"


def readme(text: str) -> str:
    """README.md with today's output of the commands whose output it shows."""
    return re.sub(r"(<!-- output: fdtrace (.+) -->\n```text\n).*?(?=^```$)", _shown, text, flags=re.M | re.S)


def _shown(block: re.Match[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "fdtrace", *shlex.split(block[2])],
        cwd=HERE.parent,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return block[1] + done.stdout


PAGES = {"tables.md": tables, "checks.md": checks}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
    shown = HERE.parent / "README.md"
    shown.write_text(readme(shown.read_text(encoding="utf-8")), encoding="utf-8")
