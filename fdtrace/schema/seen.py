"""The tables of what was looked at: snapshots, and the logs of libwebsockets."""

from __future__ import annotations

from .columns import CAPTURE, FILE, NO_CLOCK, TIME, Column, Table, moment

_KIND = Column("kind", "category", "kind of descriptor, as in fds")

_SNAPSHOT = Column("snapshot", "Int32", "which look at the system it is from, counted from 1 in its file")

_AT = Column("at", TIME, "when the tool looked", "the capture does not say when")

OPEN_FILES = Table(
    "open_files",
    "one row of lsof, or of a listing of /proc/PID/fd",
    None,
    (
        CAPTURE,
        _SNAPSHOT,
        _AT,
        FILE,
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

SOCKETS = Table(
    "sockets",
    "one row of netstat, ss or /proc/net; a socket with several holders has one for each",
    None,
    (
        CAPTURE,
        _SNAPSHOT,
        _AT,
        FILE,
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

LWS_OBJECTS = Table(
    "lws_objects",
    "one object of libwebsockets, from its ++ to its -- in the log",
    None,
    (
        CAPTURE,
        FILE,
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
        Column("created_time", TIME, "when it was created", "before the log, or no date is known"),
        Column("destroyed_time", TIME, "when it was destroyed", "it was not, or no date is known"),
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

LWS_EVENTS = Table(
    "lws_events",
    "one callback, error or fragment in a libwebsockets log",
    None,
    (
        CAPTURE,
        FILE,
        Column("line", "Int64", "line, counted from 1"),
        moment("t_s", "when", "the log has no clock"),
        Column("time", TIME, "when, by the calendar", "no date is known"),
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

SIGHTINGS = Table(
    "sightings",
    "one line of a snapshot or a log that is about a descriptor",
    None,
    (
        CAPTURE,
        Column("fd_id", "Int64", "its life in fds", "of no life that a trace shows"),
        Column("pid", "Int32", "process", "not printed"),
        Column("fd", "Int32", "descriptor number"),
        moment("t_s", "when, on the clock of the life's trace, else since the first snapshot", NO_CLOCK),
        Column("source", "category", "who tells it: lsof, netstat, ss, procfs or lws"),
        FILE,
        Column("line", "Int64", "line that tells it"),
        Column("what", "str", "what was seen, in words"),
    ),
)
