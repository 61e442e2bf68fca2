"""Commands that show one table of the Case."""

from __future__ import annotations

from .app import app, leave, reading
from .options import (
    At,
    Captures,
    Columns,
    Date,
    Force,
    FormatOption,
    Kind,
    Limit,
    Output,
    Raw,
    Redact,
    RedactKey,
    Wanted,
    Zone,
)

_TABLES = {"open-files": "open_files", "lws": "lws_objects"}


def _table_command(name: str, says: str, example: str) -> None:
    """Adds the command that shows one table of the Case."""

    @app.command(name, help=says, epilog=f"Example:  fdtrace {name} {example}")
    def show(
        captures: Captures,
        format: FormatOption = "table",
        output: Output = None,
        force: Force = False,
        limit: Limit = None,
        columns: Columns = None,
        raw: Raw = False,
        redact: Redact = False,
        redact_key: RedactKey = None,
        kind: Kind = None,
        date: Date = None,
        tz: Zone = None,
        at: At = None,
    ) -> None:
        wanted = Wanted.of(format, output, force, limit, columns, raw)
        table = _TABLES.get(name, name)
        with reading(captures, kind, date, tz, at, redact=redact_key or redact) as case:
            frame = getattr(case, table)
        wanted.write_table(frame, table)
        leave(case)


_table_command(
    "fds",
    "List the life of every descriptor. Who opened it, what it was, how it ended.",
    "app.strace --format csv --output fds.csv",
)


_table_command(
    "processes",
    "List the processes. Parent, program, end, limit and peak of open descriptors.",
    "app.strace --format markdown",
)
_table_command(
    "open-files",
    "List what lsof and listings of /proc saw. One row a descriptor and snapshot.",
    "lsof.txt --columns at,pid,fd,type,name",
)
_table_command(
    "sockets",
    "List what netstat, ss and /proc/net saw. One row a socket, holder and snapshot.",
    "netstat.txt ss.txt --format csv",
)
_table_command(
    "lws",
    "List the objects of libwebsockets logs. Created, destroyed, alive at the end.",
    "lws.log --format markdown",
)
