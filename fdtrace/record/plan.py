"""What is to be recorded, and the checks that come before anything is begun."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import BadArgument, CannotRecord
from . import processes, tools
from .permission import Self, Target, against_attaching, against_starting
from .snapshots import TOOLS
from .strace_options import (
    Detail,
    Option,
    Strace,
    Wish,
    complaint_of,
    known_calls,
    options,
    trace_list,
    words_of,
)

FAILED = 125
"""The exit code when the recording itself failed: what env, timeout and docker run take for that."""

NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""Exit codes of a shell for a command that cannot be run, or is not there."""


class NoCommand(CannotRecord):
    """The command cannot be run; `code` is what a shell would return for it."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True)
class Plan:
    """One recording as it was asked for. Either `command` is started, or `pids` are attached to."""

    folder: str
    command: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    detail: Detail = "full"
    stacks: bool = False
    payload: int = 4
    every_s: float | None = None
    """Seconds between two looks; None: few at first and fewer as it goes on."""
    duration_s: float | None = None
    largest: int | None = None
    ring: int | None = None
    compressed: bool = False
    tools: Sequence[str] = TOOLS

    @property
    def wish(self) -> Wish:
        """What is asked of strace."""
        return Wish(self.detail, self.stacks, self.payload, bool(self.command))

    def check(self) -> None:
        """The plan makes sense.

        Raises:
            BadArgument: it does not.
        """
        if bool(self.command) == bool(self.pids):
            raise BadArgument("record needs either a command behind -- or --pid PID")
        if self.ring is not None and self.largest is not None and self.ring >= self.largest:
            raise BadArgument("--rotate has to be smaller than --max-size: the snapshots need room as well")
        for tool in self.tools:
            if tool not in TOOLS:
                raise BadArgument.choice("a tool for snapshots", tool, TOOLS)


def chosen_options(strace: Strace, plan: Plan) -> list[Option]:
    """The options for this plan and this strace.

    Raises:
        CannotRecord: stacks are asked for, and it cannot unwind them.
    """
    if plan.stacks and not strace.stacks and strace.version >= (4, 23):
        raise CannotRecord(
            f"{strace.path} ({strace.told}) was built without stack traces (strace -V lists"
            " stack-trace=libunwind or libdw where it can): record without --stacks, or with another strace"
        )
    calls = None
    if not strace.modern:
        calls = known_calls(trace_list(strace, plan.wish.detail), complaint_of(strace))
    return options(strace, plan.wish, calls)


def line(strace: Strace, plan: Plan, chosen: Sequence[Option]) -> str:
    """The line that records the same with strace alone, to be pasted into a shell."""
    words = ["strace", *words_of(chosen), "-o", "app.strace"]
    words += [word for pid in plan.pids for word in ("-p", str(pid))]
    return shlex.join([*words, *plan.command])


def me() -> Self:
    """Who records."""
    scope = processes.read(f"{processes.PROC}/sys/kernel/yama/ptrace_scope")
    return Self.of(os.geteuid(), processes.read(f"{processes.PROC}/self/status"), scope)


def check_targets(plan: Plan) -> tuple[int, ...]:
    """The processes to attach to: those that were named, and all below them.

    Raises:
        CannotRecord: one that was named cannot be traced.
    """
    for pid in plan.pids:
        status = processes.read(f"{processes.PROC}/{pid}/status")
        tracer = int(processes.word(status, "TracerPid") or 0)
        try:
            owner = os.stat(f"{processes.PROC}/{pid}").st_uid
        except OSError:
            owner = None
        below = pid in processes.descendants([os.getpid()])
        target = Target(pid, status, owner, below, processes.name(tracer) if tracer else "")
        if pid == os.getpid():
            raise CannotRecord(f"{pid} is this fdtrace itself")
        if reason := against_attaching(target, me()):
            raise CannotRecord(reason)
    mine = {os.getpid()}
    return tuple(
        pid for pid in processes.descendants(plan.pids) if pid not in mine and not processes.is_over(pid)
    )


def check_command(plan: Plan) -> None:
    """The command can be run, as far as can be told before.

    Raises:
        NoCommand: there is no such program, or it is not executable.
        CannotRecord: programs cannot be traced here.
    """
    program = plan.command[0]
    if shutil.which(program) is None:
        if os.path.exists(program) and "/" in program:
            what = "is a directory" if os.path.isdir(program) else "is not executable (chmod +x)"
            raise NoCommand(f"{program} {what}", NOT_EXECUTABLE)
        raise NoCommand(f"{program}: no such command", NOT_FOUND)
    if reason := against_starting(me()):
        raise CannotRecord(reason)


def missing_tools(names: Sequence[str]) -> str:
    """What is lost without these tools, and how they are installed."""
    how = "; ".join(tools.install(name) for name in names)
    return f"without {', '.join(names)}: /proc is looked at all the same ({how})"
