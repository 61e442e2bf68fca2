"""Every table of fdtrace: its columns, their types and units, and what an absent value means.

The same column name has the same type in every table. Whole numbers are
nullable (`Int32` for numbers that the kernel hands out, `Int64` for counts,
lines and sizes), repeated words are categories, moments are float64 seconds
since the first time stamp of their capture. What a capture does not tell is NA:
never 0, never an empty text. `capture` says which of the loaded captures a row
is from; `table`, `ofd`, `stack`, `seq` and `fd_id` are unique within one Case.

pandas is imported when a table is made, not when this module is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fdtrace.model import SEVERITIES

if TYPE_CHECKING:
    import pandas as pd

Dtype = Literal[
    "Int32", "Int64", "int64", "float64", "boolean", "category", "str", "object", "datetime64[ns, UTC]"
]

_TIME: Dtype = "datetime64[ns, UTC]"
_CERTAINTY = ("certain", "inferred", "unknown")
_NO_CLOCK = "the capture has no clock"
_NO_STACKS = "recorded without -k"
_NO_LINES = "no symbols were given, or they do not tell it"
_CALL_SITE = "innermost frame that is not of the C library or a wrapper"


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


_CAPTURE = Column("capture", "category", "the capture this row is from")
_FILE = Column("file", "category", "the file the row was read from")


def _moment(name: str, meaning: str, absent: str = _NO_CLOCK) -> Column:
    return Column(name, "float64", f"{meaning}, since the first time stamp", absent, "s")


_EVENTS = Table(
    "events",
    "one system call, whole or cut off; signals and exits are not calls",
    Column("seq", "int64", "place of the call's first line among all calls, in capture order"),
    (
        _CAPTURE,
        _FILE,
        Column("line", "Int64", "line on which the call begins"),
        Column("end_line", "Int64", "line on which it returns, maybe a `resumed` one", "never returned"),
        Column("tid", "Int32", "thread that called", "the capture names no threads"),
        Column("pid", "Int32", "process of that thread", "the process is not known"),
        Column("table", "Int32", "descriptor table the thread used then", "the task was never placed"),
        _moment("t_s", "when it was called"),
        _moment("end_t_s", "when it returned", f"{_NO_CLOCK}, or it never returned"),
        Column("duration_s", "float64", "time spent in the call, by strace", "recorded without -T", "s"),
        Column("time", _TIME, "when it was called, by the calendar", "no date is known"),
        Column("syscall", "category", "name of the call"),
        Column("fd", "Int32", "descriptor it acts on", "it acts on none, or the number was not printed"),
        Column("new_fd", "Int32", "descriptor it made, the first one where it made several", "it made none"),
        Column("fd_text", "category", "what strace wrote behind the number of fd", "recorded without -y"),
        Column("ret", "Int64", "return value", "none was printed, or it does not fit 64 signed bits"),
        Column("errno", "category", "name of the error", "the call did not fail"),
        Column(
            "outcome",
            "category",
            "how the call ended",
            words=("ok", "error", "unfinished", "restarted", "no_return", "injected"),
        ),
        Column("io_bytes", "Int64", "bytes moved, of reading and writing calls", "it moves none", "bytes"),
        Column("args", "str", "the arguments as printed", "nothing was printed"),
        Column("stack", "Int32", "stack of the call, see frames", _NO_STACKS),
    ),
)

_FDS = Table(
    "fds",
    "one life of one descriptor number, from its creation to its release",
    Column("fd_id", "int64", "number of this life"),
    (
        _CAPTURE,
        Column("table", "Int32", "descriptor table that holds the number"),
        Column("pid", "Int32", "process of that table (its thread group)", "the capture names no processes"),
        Column("fd", "Int32", "the number"),
        Column("gen", "Int32", "how many lives the number had before in this table"),
        Column("ofd", "Int32", "open file description, the same for every copy by dup, fork or SCM_RIGHTS"),
        Column("parent", "Int64", "fd_id of the life this one is a copy of", "not a copy"),
        Column("file", "category", "file of open_line and close_line", "implied, seen on no line"),
        Column("open_line", "Int64", "line that created it", "it was there before, or is implied"),
        Column("close_line", "Int64", "line that released it", "not released, or on no line of its own"),
        Column("kind", "category", "file, dir, pipe, tcp, udp, unix, eventfd, epoll … or unknown"),
        Column("target", "str", "path, address pair or name, the last one known", "never named"),
        Column("local", "str", "own address", "not a socket, or never named"),
        Column("peer", "str", "the other end's address", "not a socket, or never connected"),
        Column("inode", "Int64", "inode number", "recorded without -y, or not printed"),
        Column("via", "category", "how it came: open, socket, accept, pipe, dup, fork_copy, inherited …"),
        Column("opened_by", "category", "system call that created it", "it was there before, or is implied"),
        Column(
            "how",
            "category",
            "how it ended; none: open when the capture ends, exit: open when its process ended",
            words=(
                "close",
                "close_error",
                "close_range",
                "dup_over",
                "cloexec_exec",
                "exit",
                "implied_reuse",
                "snapshot_gone",
                "none",
            ),
        ),
        Column("closed_by", "category", "system call that released it", "no call did"),
        Column("open_seq", "Int64", "event that created it", "it was there before, or is implied"),
        Column("close_seq", "Int64", "event that released it", "no call did"),
        Column("open_tid", "Int32", "thread that created it", "not seen"),
        _moment("open_t_s", "when it was created", f"{_NO_CLOCK}, or it was there before"),
        _moment("close_t_s", "when it was released", f"{_NO_CLOCK}, or it was not"),
        Column("open_time", _TIME, "when it was created, by the calendar", "no date is known"),
        _moment("last_use_t_s", "when a call last used it", f"{_NO_CLOCK}, or it was never used"),
        Column("cloexec", "boolean", "closed by exec, at its end", "not known"),
        Column("uses", "Int64", "calls that used it", "uses were not counted"),
        Column("errors", "Int64", "those of them that failed", "uses were not counted"),
        Column("read_bytes", "Int64", "bytes read or received", "uses were not counted", "bytes"),
        Column("written_bytes", "Int64", "bytes written or sent", "uses were not counted", "bytes"),
        Column("call_site", "category", _CALL_SITE, _NO_STACKS),
        Column("stack", "Int32", "stack of the call that created it, see frames", _NO_STACKS),
        Column("state", "category", "state of the socket, as last known", "not known"),
        Column("state_source", "category", "what the state was read from", "not known"),
        Column("certainty", "category", "certain, or why not", words=_CERTAINTY),
    ),
)

_PROCESSES = Table(
    "processes",
    "one process; a pid that comes back is another row",
    None,
    (
        _CAPTURE,
        Column("pid", "Int32", "process, the id of its thread group", "the capture names no processes"),
        Column("ppid", "Int32", "process that made it", "it was there before the capture"),
        Column("table", "Int32", "descriptor table, at its end or the capture's"),
        Column("tids", "object", "its threads, a tuple of numbers"),
        Column("command", "category", "name of the program", "never seen"),
        Column("argv", "str", "arguments of the last exec, as printed", "no exec was seen"),
        _moment("started_t_s", "when it was made", f"{_NO_CLOCK}, or it was there before"),
        _moment("ended_t_s", "when it ended", f"{_NO_CLOCK}, or it did not end"),
        Column("ended_by", "category", "how it ended", words=("exit", "signal", "detached", "none")),
        Column("exit_code", "Int32", "its exit status", "it did not exit by itself"),
        Column("nofile_limit", "Int64", "its limit of open descriptors", "neither asked for nor set"),
        Column("peak_fds", "Int64", "most descriptors that were open at once, as far as known"),
    ),
)

_TASKS = Table(
    "tasks",
    "one thread; a tid that comes back is another row",
    None,
    (
        _CAPTURE,
        Column("tid", "Int32", "thread", "the capture names no threads"),
        Column("pid", "Int32", "its process", "the capture names no processes"),
        Column("table", "Int32", "descriptor table, at its end or the capture's"),
        _moment("started_t_s", "when it was made", f"{_NO_CLOCK}, or it was there before"),
        _moment("ended_t_s", "when it ended", f"{_NO_CLOCK}, or it did not end"),
        Column(
            "ended_by",
            "category",
            "how it ended",
            words=("exit", "signal", "exec_superseded", "detached", "none"),
        ),
    ),
)

_FRAMES = Table(
    "frames",
    "one frame of one distinct stack",
    None,
    (
        _CAPTURE,
        Column("stack", "Int32", "the stack"),
        Column("depth", "Int32", "0 is the innermost frame"),
        Column("module", "category", "program or library, as printed", "not printed"),
        Column("symbol", "category", "nearest symbol", "the module is stripped"),
        Column("offset", "Int64", "distance from the symbol", "no symbol", "bytes"),
        Column("address", "Int64", "address within the module", "not printed"),
        Column("build_id", "category", "build id of the module", "not known"),
        Column("source", "category", "source file", "not known"),
        Column("source_line", "Int32", "line in the source file", "not known"),
        Column("inlined", "boolean", "the compiler inlined it into the next frame", "no symbols were given"),
        Column(
            "guessed",
            "boolean",
            "the symbol is the nearest exported one, which need not be the function's own",
            "nothing tells: it is near, and no file of the module was found",
        ),
    ),
)

_PROBLEMS = Table(
    "problems",
    "one place of an input that could not be used as it stands",
    None,
    (
        _CAPTURE,
        _FILE,
        Column("line", "Int64", "line, counted from 1; 0 is the whole file"),
        Column("reader", "category", "what was reading"),
        Column("reason", "category", "what is wrong with it"),
        Column("text", "str", "at most 200 characters of the line"),
    ),
)

_FINDINGS = Table(
    "findings",
    "one thing that is wrong, with its proof",
    Column("key", "str", "check and call site or target; the same in every capture of the same fault"),
    (
        _CAPTURE,
        Column("check", "category", "the check that found it"),
        Column("severity", "category", "how serious it is, in this order", words=SEVERITIES),
        Column("title", "str", "what it is, in words"),
        Column("pid", "Int32", "process", "several processes share it, or none is known"),
        Column("pids", "object", "all processes that have a part in it, a tuple of numbers"),
        Column("command", "category", "name of the program", "never seen"),
        Column("call_site", "str", _CALL_SITE, _NO_STACKS),
        Column("callers", "object", "frames above the call site up to main, a tuple of texts"),
        Column("source", "category", "source file of the call", _NO_LINES),
        Column("source_line", "Int32", "line of the call, of most of them where they differ", _NO_LINES),
        Column("kind", "category", "kind of descriptor, as in fds", "not about one kind"),
        Column("target", "str", "what they point to, with what varies generalised", "not named"),
        Column("peer", "str", "the other end's address", "no sockets, or different ones"),
        Column("state", "category", "state of the sockets", "not known"),
        Column("state_source", "category", "the tools whose snapshots told it", "the trace alone did"),
        Column("opened", "Int64", "descriptors created", "not counted"),
        Column("closed", "Int64", "those that were closed again", "not counted"),
        Column("open", "Int64", "those that were not", "not counted"),
        Column(
            "before",
            "Int64",
            "of `open`, those that were there before the trace, or at the first of several snapshots",
            "none, or not known",
        ),
        Column("growth_per_s", "float64", "descriptors a second by which it grows", _NO_CLOCK, "1/s"),
        _moment("first_t_s", "when the first was created"),
        _moment("last_t_s", "when the last was created"),
        Column("examples", "object", "fd_ids to look at, a tuple of numbers"),
        Column("example_fds", "object", "their descriptor numbers, in the same order"),
        Column("example_pid", "Int32", "process of the first example", "not known, or nothing to point to"),
        Column("evidence", "object", "quoted lines, a tuple of records: file, line, text"),
        Column("certainty", "category", "certain, or why not", words=_CERTAINTY),
        Column("reasons", "object", "why it was judged so, a tuple of texts"),
        Column("advice", "str", "what to do next"),
    ),
)

_KIND = Column("kind", "category", "kind of descriptor, as in fds")
_SNAPSHOT = Column("snapshot", "Int32", "which look at the system it is from, counted from 1 in its file")
_AT = Column("at", _TIME, "when the tool looked", "the capture does not say when")

_OPEN_FILES = Table(
    "open_files",
    "one row of lsof, or of a listing of /proc/PID/fd",
    None,
    (
        _CAPTURE,
        _SNAPSHOT,
        _AT,
        _FILE,
        Column("line", "Int64", "line of the row, counted from 1"),
        Column("command", "category", "name of the program", "not printed"),
        Column("pid", "Int32", "process", "not printed, and no trace beside it tells whose they are"),
        Column("ppid", "Int32", "its parent", "not printed"),
        Column("tid", "Int32", "thread, where the tool lists them (lsof -K)", "not printed"),
        Column("user", "category", "owner of the process, by name or number", "not printed"),
        Column("fd", "Int32", "descriptor number", "not a descriptor: see slot"),
        Column(
            "slot", "category", "fd for a descriptor, else what refers to the file: cwd, rtd, txt, mem, DEL …"
        ),
        Column(
            "mode",
            "category",
            "opened to read, to write, or both (u)",
            "not printed",
            words=("r", "w", "u", "-"),
        ),
        Column("lock", "category", "lock held on it, as lsof writes it", "no lock, or not printed"),
        Column("type", "category", "type of file, as printed", "not printed"),
        _KIND,
        Column("device", "category", "device, as printed", "not printed"),
        Column("inode", "Int64", "inode of the file, pipe or socket", "not printed"),
        Column("size_bytes", "Int64", "size of the file", "not printed", "bytes"),
        Column("offset_bytes", "Int64", "position in the file", "not printed", "bytes"),
        Column("proto", "category", "protocol of a socket", "not a socket, or not known"),
        Column("local", "str", "own address of a socket, host:port", "not a socket, or none"),
        Column("peer", "str", "the other end's address", "not a socket, or none"),
        Column("state", "category", "state of the socket, by its Linux name", "not printed"),
        Column("name", "str", "what the descriptor points to, as printed", "not printed"),
        Column("deleted", "boolean", "the file has no name any more", "not known"),
        Column("cloexec", "boolean", "closed by exec", "not printed"),
    ),
)

_SOCKETS = Table(
    "sockets",
    "one row of netstat, ss or /proc/net; a socket with several holders has one for each",
    None,
    (
        _CAPTURE,
        _SNAPSHOT,
        _AT,
        _FILE,
        Column("line", "Int64", "line of the row, counted from 1"),
        Column("proto", "category", "protocol: tcp, udp, unix, raw, netlink …", "not printed"),
        Column(
            "family",
            "category",
            "address family: inet, inet6, unix, netlink, packet …",
            "not told by the row",
        ),
        Column(
            "recv_q", "Int64", "bytes waiting to be read; for a listener its backlog in use", "not printed"
        ),
        Column(
            "send_q", "Int64", "bytes not acknowledged; for a listener the size of its backlog", "not printed"
        ),
        Column("local", "str", "own address, host:port", "none, or a path"),
        Column("peer", "str", "the other end's address", "none"),
        Column("local_addr", "str", "own host address", "not an address of the internet"),
        Column("local_port", "Int32", "own port", "a wildcard, or printed as a name"),
        Column("peer_addr", "str", "the other end's host address", "none"),
        Column("peer_port", "Int32", "the other end's port", "a wildcard, or printed as a name"),
        Column("state", "category", "state, by its Linux name", "the protocol has none, or not printed"),
        Column("uid", "Int64", "owner", "not printed"),
        Column("inode", "Int64", "inode of the socket", "not printed; nobody's (0)"),
        Column("peer_inode", "Int64", "inode of the other end (unix)", "not printed"),
        Column("pid", "Int32", "a process that holds it", "nobody's, or not printed"),
        Column("fd", "Int32", "its number there", "not printed"),
        Column("program", "category", "name of that program, as far as printed", "not printed"),
        Column(
            "timer", "category", "timer that runs: keepalive, on, timewait, persist …", "none, or not printed"
        ),
        Column("timer_s", "float64", "seconds until it expires", "none, or not printed", "s"),
        Column("retrans", "Int64", "retransmissions", "not printed"),
        Column("path", "str", "path or abstract name (unix)", "not a unix socket, or without a name"),
    ),
)

_LWS_OBJECTS = Table(
    "lws_objects",
    "one object of libwebsockets, from its ++ to its -- in the log",
    None,
    (
        _CAPTURE,
        _FILE,
        Column("line", "Int64", "line that says it was created (destroyed, if only that is in the log)"),
        Column(
            "context",
            "Int32",
            "which context it belongs to, counted from 1",
            "its creation is not in the log",
        ),
        Column("group", "category", "sort of object: wsi, wsicli, wsisrv, vh, mux …, or context"),
        Column("ordinal", "Int64", "number within its sort (hexadecimal in the log)", "not printed"),
        Column("description", "str", "rest of its tag, as first printed", "none"),
        Column("created_time", _TIME, "when it was created", "before the log, or no date is known"),
        Column("destroyed_time", _TIME, "when it was destroyed", "it was not, or no date is known"),
        Column("destroyed_line", "Int64", "line that says so", "none does"),
        Column(
            "lifetime_s",
            "float64",
            "how long it lived, by the log's own account or its stamps",
            "still alive",
            "s",
        ),
        Column("fd", "Int32", "its descriptor", "the log names none"),
        Column("last_callback", "category", "last callback that named it", "none did"),
        Column("error", "str", "connection error, as printed", "none"),
        Column("open", "boolean", "alive at the end of the log", "the log does not tell of ends"),
    ),
)

_LWS_EVENTS = Table(
    "lws_events",
    "one callback, error or fragment in a libwebsockets log",
    None,
    (
        _CAPTURE,
        _FILE,
        Column("line", "Int64", "line, counted from 1"),
        _moment("t_s", "when", "the log has no clock"),
        Column("time", _TIME, "when, by the calendar", "no date is known"),
        Column(
            "context", "Int32", "context of the object that it is about", "it is about none that is known"
        ),
        Column("group", "category", "sort of object that it is about", "it names none and several are alive"),
        Column("ordinal", "Int64", "its number", "it names none and several are alive"),
        Column("callback", "category", "name of the callback, without LWS_CALLBACK_", "not a callback"),
        Column("reason", "Int32", "number of the callback", "not a callback"),
        Column("fd", "Int32", "descriptor", "it names none"),
        Column("errno", "category", "error", "none"),
        Column("stage", "category", "stage of the connection at which it failed", "not a failure"),
        Column("length", "Int64", "bytes in this fragment", "not a fragment", "bytes"),
        Column("remaining", "Int64", "bytes of the frame that are still to come", "not a fragment", "bytes"),
        Column("first", "boolean", "first fragment of its message", "not a fragment"),
        Column("last", "boolean", "last fragment of its message", "not a fragment"),
        Column("text", "str", "the message", "none"),
    ),
)

_STORY = Table(
    "story",
    "one thing that happened to a descriptor, or was seen of it",
    None,
    (
        _CAPTURE,
        _moment("t_s", "when", "no clock, or one that cannot be compared"),
        Column("source", "category", "who tells it: strace, lsof, netstat, ss, procfs or lws"),
        _FILE,
        Column("line", "Int64", "line that tells it"),
        Column("what", "str", "the call, or what was seen"),
    ),
)

_SIGHTINGS = Table(
    "sightings",
    "one line of a snapshot or a log that is about a descriptor",
    None,
    (
        _CAPTURE,
        Column("fd_id", "Int64", "its life in fds", "of no life that a trace shows"),
        Column("pid", "Int32", "process", "not printed"),
        Column("fd", "Int32", "descriptor number"),
        _moment("t_s", "when, on the clock of the life's trace, else since the first snapshot", _NO_CLOCK),
        Column("source", "category", "who tells it: lsof, netstat, ss, procfs or lws"),
        _FILE,
        Column("line", "Int64", "line that tells it"),
        Column("what", "str", "what was seen, in words"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _EVENTS,
        _FDS,
        _PROCESSES,
        _TASKS,
        _FRAMES,
        _OPEN_FILES,
        _SOCKETS,
        _LWS_OBJECTS,
        _LWS_EVENTS,
        _SIGHTINGS,
        _STORY,
        _PROBLEMS,
        _FINDINGS,
    )
}


def empty(name: str) -> pd.DataFrame:
    """The table `name` without rows: what a property of Case is when nothing was captured for it."""
    return conform(name, {})


def conform(name: str, columns: Mapping[str, Sequence[Any] | Any]) -> pd.DataFrame:
    r"""Makes the table `name` from columns: lists with None, numpy (also masked) arrays or Series.

    Columns that are not given are absent throughout. `time` columns take whole
    nanoseconds since 1970, text of undecodable bytes becomes `\xNN`, numbers
    that do not fit their column become NA: what was captured cannot make this fail.

    Raises:
        ValueError: for a column that the table does not have, and for columns of different length.
    """
    import pandas as pd

    table = TABLES[name]
    if unknown := sorted(set(columns) - set(table.names)):
        raise ValueError(f"{name} has no column {', '.join(unknown)}")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        each = ", ".join(f"{column} {len(values)}" for column, values in columns.items())
        raise ValueError(f"columns of {name} differ in length: {each}")
    rows = lengths.pop() if lengths else 0
    data = {c.name: _array(c, columns.get(c.name), rows) for c in table.columns}
    index = None
    if table.index is not None:
        given = columns.get(table.index.name, range(rows))
        index = pd.Index(_array(table.index, given, rows), name=table.index.name)
    return pd.DataFrame(data, index=index, copy=False)


def check(frame: pd.DataFrame, name: str) -> list[str]:
    """Everything in which `frame` is not the table `name`, one sentence each; empty when it is right."""
    table = TABLES[name]
    wanted = [column.name for column in table.columns]
    found = [str(column) for column in frame.columns]
    faults = [f"{column}: missing" for column in wanted if column not in found]
    faults += [f"{column}: not a column of {name}" for column in found if column not in wanted]
    if not faults and found != wanted:
        faults.append(f"columns are in another order: {', '.join(found)}")
    if table.index is not None:
        faults += _index_faults(table.index, frame.index)
    for column in table.columns:
        if column.name in found:
            faults += [f"{column.name}: {fault}" for fault in _column_faults(column, frame[column.name])]
    return faults


def _index_faults(column: Column, index: pd.Index[Any]) -> list[str]:
    faults = []
    if index.name != column.name:
        faults.append(f"{column.name}: is not the index, which is {index.name}")
    elif str(index.dtype) != column.dtype:
        faults.append(f"{column.name}: is {index.dtype}, should be {column.dtype}")
    if not index.is_unique:
        faults.append(f"{column.name}: not unique")
    return faults


def _column_faults(column: Column, series: pd.Series[Any]) -> Iterable[str]:
    if str(series.dtype) != column.dtype:
        yield f"is {series.dtype}, should be {column.dtype}"
    if not column.absent and (missing := int(series.isna().sum())):
        yield f"{missing} absent, where it is always known"
    if column.words:
        strange = sorted({str(word) for word in series.dropna().unique()} - set(column.words))
        if strange:
            yield f"has {', '.join(strange)}; all it may be is {', '.join(column.words)}"


def _array(column: Column, values: Any, rows: int) -> Any:
    """The values of a column as its type wants them; None is a column that is absent throughout."""
    from fdtrace import arrays

    ordered = column.words if column.words == SEVERITIES else ()
    if values is None:
        return arrays.repeat(arrays.array([None], column.dtype, ordered), rows)
    return arrays.array(values, column.dtype, ordered)
