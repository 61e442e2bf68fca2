"""Commands that show one table of the Case."""

from __future__ import annotations

from .app import app, leave, reading
from .grouped import grouped
from .options import At, Captures, Redaction, Result, Sources

_TABLES = {"open-files": "open_files", "lws": "lws_objects"}


def _table_command(name: str, says: str, example: str) -> None:
    """Adds the command that shows one table of the Case."""

    @app.command(name, help=says, epilog=f"Example:  fdtrace {name} {example}")
    @grouped
    def show(
        captures: Captures,
        *,
        result: Result,
        redaction: Redaction,
        sources: Sources,
        at: At = None,
    ) -> None:
        wanted = result.wanted()
        table = _TABLES.get(name, name)
        with reading(captures, sources, redaction, at=at) as case:
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
