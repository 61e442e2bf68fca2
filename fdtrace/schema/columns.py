"""What a column and a table are, and what the tables have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal[
    "Int32", "Int64", "int64", "float64", "boolean", "category", "str", "object", "datetime64[ns, UTC]"
]

TIME: Dtype = "datetime64[ns, UTC]"
CERTAINTY = ("certain", "inferred", "unknown")
NO_CLOCK = "the capture has no clock"
NO_STACKS = "recorded without -k"
NO_LINES = "no symbols were given, or they do not tell it"
CALL_SITE = "innermost frame that is not of the C library or a wrapper"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `absent` says when it is NA (empty: never); `words` are all its values, if they are few."""

    name: str
    dtype: Dtype
    meaning: str
    absent: str = ""
    unit: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what a row is, which column is the index (None: rows are just numbered), the columns."""

    name: str
    row: str
    index: Column | None
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All names as they are written out: the index first, then the columns."""
        first = (self.index.name,) if self.index else ()
        return first + tuple(column.name for column in self.columns)


CAPTURE = Column("capture", "category", "the capture this row is from")
FILE = Column("file", "category", "the file the row was read from")


def moment(name: str, meaning: str, absent: str = NO_CLOCK) -> Column:
    """A column of seconds since the first time stamp of the capture."""
    return Column(name, "float64", f"{meaning}, since the first time stamp", absent, "s")
