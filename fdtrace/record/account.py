"""The account of a recording: what its manifest says of it, and what is said to who made it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import fdtrace

from .manifest import first_facts
from .plan import Plan
from .sink import Sink
from .snapshots import Look, stamp
from .strace_options import Option, Strace, words_of
from .tools import version_of

MESSAGES = "strace.messages.txt"
"""The file of what strace said while it was attached."""

_KINDS = {
    "lsof.txt": "lsof",
    "ss.txt": "ss",
    "netstat.txt": "netstat",
    "proc.txt": "procfs",
    MESSAGES: "strace-messages",
}
_REMARKS = 20


def first(
    plan: Plan,
    strace: Strace,
    options: Sequence[Option],
    targets: Sequence[int],
) -> dict[str, Any]:
    """What is known before anything is recorded.

    Of a command, its name and how many arguments it has: arguments can be passwords.
    """
    target: dict[str, Any] = {"attached": list(targets)}
    if plan.command:
        target = {"program": plan.command[0], "arguments": len(plan.command) - 1}
    return {
        **first_facts(),
        "started": stamp(time.time()),
        "versions": {"fdtrace": fdtrace.__version__, "strace": strace.told},
        "options": {
            "detail": plan.detail,
            "stacks": plan.stacks,
            "payload": plan.payload,
            "every_s": plan.every_s,
            "duration_s": plan.duration_s,
            "max_size": plan.largest,
            "rotate": plan.ring,
            "compress": plan.compressed,
            "tools": list(plan.tools),
        },
        "strace": words_of(options),
        "target": target,
    }


def versions(paths: Mapping[str, str]) -> dict[str, str]:
    """Those of the tools that take snapshots. To ask them takes a while: the program should run already."""
    return {tool: version_of(tool, path) for tool, path in paths.items()}


def so_far(sink: Sink, looks: Sequence[Look], known: Mapping[str, Any]) -> dict[str, Any]:
    """What has come of it: the processes, the looks, the files, what is missing."""
    remarks = dict.fromkeys(remark for look in looks for remark in look.remarks)
    return {
        "processes": known,
        "looks": {
            "count": len(looks),
            "first": looks[0].at if looks else None,
            "last": looks[-1].at if looks else None,
            "seconds": round(sum(look.took_s for look in looks), 3),
            "remarks": list(remarks)[:_REMARKS],
        },
        "dropped_parts": sink.dropped,
        "cut": sink.cut,
        "files": {name: {"kind": _KINDS.get(name, "strace")} for name in sink.names},
    }


def sentences(folder: str, seconds: float, sink: Sink, looks: int, tell_cut: bool) -> list[str]:
    """What is to be said at the end, whatever it was."""
    size = f"{sink.written / 1e6:.1f} MB" if sink.written >= 100_000 else f"{sink.written / 1e3:.0f} kB"
    words = [f"recorded {seconds:.1f} s in {folder}: {size}, {looks} look{'s' * (looks != 1)}"]
    if sink.dropped:
        words.append(f"{sink.dropped:,} older parts were dropped (--rotate)")
    if sink.cut and tell_cut:
        words.append(f"cut: {sink.cut}; all before that is there")
    if (owner := os.environ.get("SUDO_USER")) and os.geteuid() == 0:
        words.append(f"the files are root's: sudo chown -R {owner} {folder}")
    return words
