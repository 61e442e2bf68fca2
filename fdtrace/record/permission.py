"""Why a process cannot be traced, and the command or setting that helps.

The rules are those of ptrace(2), of Documentation/admin-guide/LSM/Yama.rst, and
of containers, which take CAP_SYS_PTRACE away from their root. Everything here
judges texts of /proc: nothing is read or asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .processes import word

_CAP_SYS_PTRACE = 1 << 19

_CONTAINER = (
    "docker run --cap-add SYS_PTRACE; in Kubernetes kubectl debug POD --image=IMAGE --target=CONTAINER"
    " --profile=sysadmin; or record from the host"
)


@dataclass(frozen=True, slots=True)
class Self:
    """Who records: the effective user, the capabilities, whether a seccomp filter is on, Yama's setting."""

    euid: int
    capable: bool
    filtered: bool = False
    scope: int = 0
    """kernel.yama.ptrace_scope; 0 where there is no Yama."""

    @classmethod
    def of(cls, euid: int, status: str, scope: str) -> Self:
        """From /proc/self/status and /proc/sys/kernel/yama/ptrace_scope ("" where that is missing)."""
        capabilities = word(status, "CapEff") or "0"
        return cls(
            euid,
            bool(int(capabilities, 16) & _CAP_SYS_PTRACE),
            word(status, "Seccomp") == "2",
            int(scope) if scope.strip().isdecimal() else 0,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A process that is to be traced, from /proc/PID/status; `owner` is who /proc/PID belongs to."""

    pid: int
    status: str
    owner: int | None = None
    below: bool = False
    """Whether it is a descendant of who records."""
    tracer_name: str = ""


def against_attaching(target: Target, me: Self) -> str:
    """Why strace -p cannot work on this process, with what helps; "" when nothing is in the way."""
    pid, status = target.pid, target.status
    if not status:
        return f"there is no process {pid} (in this pid namespace): pgrep -a NAME finds a program's number"
    leader = word(status, "Tgid")
    if leader and int(leader) != pid:
        return f"{pid} is a thread of process {leader}: record that one with --pid {leader}, threads included"
    state = word(status, "State")
    if state in ("Z", "X"):
        return (
            f"process {pid} has ended, it is a zombie: its descriptors are closed, and its parent,"
            f" process {word(status, 'PPid')}, has not asked for its end yet"
        )
    if word(status, "Kthread") == "1" or not word(status, "VmSize"):
        return f"{pid} is a thread of the kernel: it cannot be traced, and has no descriptors of its own"
    tracer = word(status, "TracerPid")
    if tracer not in ("", "0"):
        by = f"{target.tracer_name} (process {tracer})" if target.tracer_name else f"process {tracer}"
        return f"process {pid} is already traced by {by}, and only one can: end it first (kill {tracer})"
    return _against_permission(target, me)


def _against_permission(target: Target, me: Self) -> str:
    pid = target.pid
    if me.scope >= 3:
        return f"{_SCOPE_3} A recording needs a restart of the machine with kernel.yama.ptrace_scope below 3."
    if me.capable:
        return ""
    users = re.search(r"^Uid:\s+(\d+)\s+(\d+)\s+(\d+)", target.status, re.MULTILINE)
    owners = set(map(int, users.groups())) if users else set()
    if me.euid == 0:
        return "" if owners == {0} and not me.scope else _uncapable_root(f"process {pid}")
    if me.scope == 2:
        return f"{_SCOPE_2} {_as_root(pid)}"
    if owners - {me.euid}:
        return f"process {pid} belongs to user {max(owners - {me.euid})}, not to you. {_as_root(pid)}"
    if target.owner is not None and target.owner != me.euid:
        return (
            f"process {pid} protects itself (it was started with other rights, or is not dumpable)."
            f" {_as_root(pid)}"
        )
    if me.scope == 1 and not target.below:
        return (
            f"{_SCOPE_1} {_as_root(pid)} Or allow it until the next start:"
            " sudo sysctl kernel.yama.ptrace_scope=0. Or let fdtrace start the program:"
            " fdtrace record -- COMMAND."
        )
    return ""


_SCOPE_1 = "kernel.yama.ptrace_scope is 1: only who started a process may trace it."
_SCOPE_2 = "kernel.yama.ptrace_scope is 2: only who has CAP_SYS_PTRACE may trace."
_SCOPE_3 = "kernel.yama.ptrace_scope is 3: nobody may trace, and it cannot be lowered while the machine runs."


def _as_root(pid: int | None) -> str:
    what = "-- COMMAND" if pid is None else f"--pid {pid}"
    return f'Record as root: sudo "$(command -v fdtrace)" record {what}.'


def _uncapable_root(what: str) -> str:
    return f"root has no CAP_SYS_PTRACE here, as in a container, and may not trace {what}: {_CONTAINER}."


def against_starting(me: Self) -> str:
    """Why strace cannot work on a program that it starts, as far as the settings tell it."""
    if me.scope >= 3:
        return f"{_SCOPE_3} Snapshots alone are possible: see docs/recording.md, Snapshots."
    if me.scope == 2 and not me.capable:
        return f"{_SCOPE_2} {_uncapable_root('anything') if me.euid == 0 else _as_root(None)}"
    return ""


def explained(complaint: str, me: Self, pid: int | None = None) -> str:
    """What strace said when it could not begin, with what helps where that is known."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    said = lines[0] if lines else "strace ended without a word"
    if re.search(r"Operation not permitted|Permission denied|EPERM", complaint):
        if me.filtered:
            return f"{said}. A seccomp filter is on, as in a container, and may forbid ptrace: {_CONTAINER}."
        if not me.capable:
            return f"{said}. {_uncapable_root('it') if me.euid == 0 else _as_root(pid)}"
        return f"{said}. A security module (SELinux, AppArmor) may forbid it: see the kernel's log."
    if re.search(r"Function not implemented|ENOSYS", complaint):
        return f"{said}. This kernel or sandbox (gVisor, an old WSL) has no ptrace: take snapshots instead."
    if re.search(r"stack|unwind", complaint) and "-k" in complaint:
        return f"{said}. Leave --stacks out."
    return said
