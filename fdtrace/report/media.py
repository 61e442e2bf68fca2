"""The forms in which a result is written, by name: quick to load, for the help names them."""

from __future__ import annotations

from typing import Literal, get_args

TextFormat = Literal["table", "json", "jsonl", "csv", "tsv", "markdown"]
Format = Literal[TextFormat, "parquet"]
FORMATS: tuple[TextFormat, ...] = get_args(TextFormat)
