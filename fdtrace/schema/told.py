"""The tables that tell of captures: findings, one descriptor's story, lines that could not be read."""

from __future__ import annotations

from fdtrace.model import SEVERITIES

from .columns import CALL_SITE, CAPTURE, CERTAINTY, FILE, NO_CLOCK, NO_LINES, NO_STACKS, Column, Table, moment

STORY = Table(
    "story",
    "one thing that happened to a descriptor, or was seen of it",
    None,
    (
        CAPTURE,
        moment("t_s", "when", "no clock, or one that cannot be compared"),
        Column("source", "category", "who tells it: strace, lsof, netstat, ss, procfs or lws"),
        FILE,
        Column("line", "Int64", "line that tells it"),
        Column("what", "str", "the call, or what was seen"),
    ),
)

PROBLEMS = Table(
    "problems",
    "one place of an input that could not be used as it stands",
    None,
    (
        CAPTURE,
        FILE,
        Column("line", "Int64", "line, counted from 1; 0 is the whole file"),
        Column("reader", "category", "what was reading"),
        Column("reason", "category", "what is wrong with it"),
        Column("text", "str", "at most 200 characters of the line"),
    ),
)

FINDINGS = Table(
    "findings",
    "one thing that is wrong, with its proof",
    Column("key", "str", "check and call site or target; the same in every capture of the same fault"),
    (
        CAPTURE,
        Column("check", "category", "the check that found it"),
        Column("severity", "category", "how serious it is, in this order", words=SEVERITIES),
        Column("title", "str", "what it is, in words"),
        Column("pid", "Int32", "process", "several processes share it, or none is known"),
        Column("pids", "object", "all processes that have a part in it, a tuple of numbers"),
        Column("command", "category", "name of the program", "never seen"),
        Column("call_site", "str", CALL_SITE, NO_STACKS),
        Column("callers", "object", "frames above the call site up to main, a tuple of texts"),
        Column("source", "category", "source file of the call", NO_LINES),
        Column("source_line", "Int32", "line of the call, of most of them where they differ", NO_LINES),
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
        Column("growth_per_s", "float64", "descriptors a second by which it grows", NO_CLOCK, "1/s"),
        moment("first_t_s", "when the first was created"),
        moment("last_t_s", "when the last was created"),
        Column("examples", "object", "fd_ids to look at, a tuple of numbers"),
        Column("example_fds", "object", "their descriptor numbers, in the same order"),
        Column("example_pid", "Int32", "process of the first example", "not known, or nothing to point to"),
        Column("evidence", "object", "quoted lines, a tuple of records: file, line, text"),
        Column("certainty", "category", "certain, or why not", words=CERTAINTY),
        Column("reasons", "object", "why it was judged so, a tuple of texts"),
        Column("advice", "str", "what to do next"),
    ),
)
