"""The tables of a fleet: what each capture and each finding of it says, and what they come to together.

`captures` and `findings` are stored, a file for each incident, below
`day=…/host=…`, as partitions of Hive; one that is not known is called
`unknown`, because not every reader takes an absent one. `sites` is what is
asked of them. `analysis` says which findings belong to which row of captures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fdtrace import schema
from fdtrace.model import SEVERITIES
from fdtrace.schema import Column, Table

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = (
    "analysed", "partial", "no_capture", "unreadable", "unreachable",
    "timed_out", "out_of_memory", "killed", "failed",
)  # fmt: skip
"""How the analysis of an incident can end; findings come from the first two."""

_TIME: schema.Dtype = "datetime64[ns, UTC]"
_DAY = Column("day", "str", "day of the capture, YYYY-MM-DD in UTC; see day_source", "nothing tells it")
_HOST = Column("host", "str", "host it is from; see host_source", "nothing tells it")
_INCIDENT = Column("incident", "str", "what was analysed alone: a directory, a file, or a URL")
_ANALYSIS = Column("analysis", "str", "what one analysis of one content has in both tables")
_NOT_READ = "nothing of it was analysed"

CAPTURES = Table(
    "captures",
    "one incident: the captures that were analysed together",
    None,
    (
        _DAY,
        _HOST,
        _INCIDENT,
        _ANALYSIS,
        Column("outcome", "category", "how its analysis ended", words=OUTCOMES),
        Column("error", "str", "what went wrong, in words", "nothing did"),
        Column("verdict", "category", "what it shows", _NOT_READ, words=("leaks", "clean", "cannot_tell")),
        Column("findings", "Int64", "findings in it", _NOT_READ),
        *(Column(word, "Int64", f"those of severity {word}", _NOT_READ) for word in reversed(SEVERITIES)),
        Column("leaked", "Int64", "descriptors that leak, by findings of high or medium severity", _NOT_READ),
        Column("captures", "Int64", "captures in it", _NOT_READ),
        Column("kinds", "object", "their kinds, a tuple of words", _NOT_READ),
        Column("lines", "Int64", "lines of all captures", _NOT_READ),
        Column("parsed", "Int64", "lines that were understood", _NOT_READ),
        Column("problems", "Int64", "lines that were not", _NOT_READ),
        Column("calls", "Int64", "system calls", _NOT_READ),
        Column("processes", "Int64", "processes", _NOT_READ),
        Column("snapshots", "Int64", "looks at the system", _NOT_READ),
        Column("first_time", _TIME, "first time stamp, by the calendar", "no date is known"),
        Column("span_s", "float64", "length of the longest capture", "it has no clock", "s"),
        Column("missing", "object", "what it cannot show, a tuple of texts", _NOT_READ),
        Column("version", "str", "version of the program that was recorded", "nothing tells it"),
        Column("host_source", "category", "who told the host", "nothing did"),
        Column("day_source", "category", "who told the day", "nothing did"),
        Column("version_source", "category", "who told the version", "nothing did"),
        Column("files", "object", "its files, a tuple of records: name, size, stamp, sha256"),
        Column("bytes", "Int64", "size of the files as they are stored", "not told by the server", "bytes"),
        Column("modified", _TIME, "when the newest of them was changed", "not told by the server"),
        Column("fingerprint", "str", "files, fdtrace and options by which a later run knows it again"),
        Column("options", "str", "the same of fdtrace and options alone"),
        Column("checks", "object", "the checks that were run, a tuple of names"),
        Column("fdtrace", "category", "version of fdtrace that analysed it"),
        Column("analysed_at", _TIME, "when it was analysed"),
        Column("duration_s", "float64", "how long that took", "the worker did not come back", "s"),
        Column(
            "memory_bytes", "Int64", "most memory of the worker meanwhile", "not told by the system", "bytes"
        ),
    ),
)

FINDINGS = Table(
    "findings",
    "one finding in one incident",
    None,
    (
        _DAY,
        _HOST,
        _INCIDENT,
        _ANALYSIS,
        Column("version", "str", "version of the program that was recorded", "nothing tells it"),
        *(column for column in [schema.TABLES["findings"].index] if column),
        *schema.TABLES["findings"].columns,
    ),
)

_NO_GROWTH = "none of its captures tells it"

SITES = Table(
    "sites",
    "one fault, by its key, in all captures of the fleet",
    None,
    (
        Column("key", "str", "check and call site or target; the same in every capture of the same fault"),
        Column("check", "category", "the check that found it"),
        Column("severity", "category", "the highest that it had anywhere", words=SEVERITIES),
        Column("what", "str", "what it is, in words"),
        Column("command", "str", "name of the program", "never seen"),
        Column("call_site", "str", "innermost frame that is not of the C library or a wrapper", "no stacks"),
        Column("callers", "object", "frames above it in the worst example, a tuple of texts"),
        Column("kind", "category", "kind of descriptor", "not about one kind"),
        Column("target", "str", "what they point to in the worst example", "not named"),
        Column("hosts", "Int64", "hosts on which it was found"),
        Column("of_hosts", "Int64", "hosts of which a capture could have shown it"),
        Column("captures", "Int64", "incidents in which it was found"),
        Column("of_captures", "Int64", "incidents that could have shown it"),
        Column("since_day", "str", "first day on which it was found", "no day is known"),
        Column("until_day", "str", "last day on which it was found", "no day is known"),
        Column("before", "Int64", "incidents of earlier days that could have shown it, and do not"),
        Column("since_version", "str", "version in the first incident that shows it", "nothing tells it"),
        Column("versions", "object", "all versions that show it, a tuple of texts"),
        Column("growth_median_per_s", "float64", "growth, median of the incidents", _NO_GROWTH, "1/s"),
        Column("growth_max_per_s", "float64", "growth, the fastest", _NO_GROWTH, "1/s"),
        Column("open", "Int64", "open descriptors, all incidents together", "not counted"),
        Column("open_max", "Int64", "the most in one incident", "not counted"),
        Column("worst", "str", "incident in which it grows fastest, or most are open"),
        Column("worst_host", "str", "host of that incident", "nothing tells it"),
        Column("worst_day", "str", "day of that incident", "nothing tells it"),
        Column("evidence", "object", "quoted lines of it, a tuple of records: file, line, text"),
        Column("advice", "str", "what to do next"),
    ),
)

PARTITIONS = ("day", "host")
"""The columns that are directories, in this order, and not in the files."""


def frame(table: Table, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a DataFrame with the types of the table; what a row does not have is absent."""
    import pandas as pd

    from fdtrace import arrays

    rows = list(rows)
    return pd.DataFrame(
        {
            column.name: arrays.array(
                [row.get(column.name) for row in rows],
                column.dtype,
                column.words if column.words == SEVERITIES else (),
            )
            for column in table.columns
        },
        copy=False,
    )
