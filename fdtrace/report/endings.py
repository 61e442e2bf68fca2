"""The forms of a report, by the ending of the file's name."""

from __future__ import annotations

import os

from fdtrace.errors import BadArgument

FORMS = (".md", ".jira", ".txt", ".html", ".json", ".jsonl", ".sarif", ".csv", ".tsv", ".parquet")
"""The endings, each of which is a form of the report."""

_SAME = {".markdown": ".md", ".htm": ".html"}


def form(path: str) -> str:
    """The form that a file's name asks for by its ending.

    Raises:
        BadArgument: by an ending that is none of `FORMS`.
    """
    ending = os.path.splitext(path)[1].lower()
    ending = _SAME.get(ending, ending)
    if ending not in FORMS:
        raise BadArgument.choice("the ending of --output", ending or path, FORMS)
    return ending
