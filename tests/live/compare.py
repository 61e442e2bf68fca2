"""The kernel is the judge: its tables against those rebuilt from the capture."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

import fdtrace
from tests.live.recorder import Owner, Recording, Table

SOCKETS = ("tcp", "tcp6", "udp", "udp6", "unix", "netlink", "packet", "raw")


class Rebuilt(NamedTuple):
    """What fdtrace says of one open number; None where it does not know."""

    target: str | None
    cloexec: bool | None
    inode: int | None


def known(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value


def rebuilt_tables(case: fdtrace.Case, how: str = "none") -> dict[Owner, dict[int, Rebuilt]]:
    """The tables of the processes that live at the end, or (how "exit") of those that ended in it."""
    fds, processes, tasks = case.fds, case.processes, case.tasks
    columns = ["fd", "target", "cloexec", "inode"]

    def rows(table: Any) -> dict[int, Rebuilt]:
        chosen = fds[(fds["table"] == table) & (fds["how"] == how)]
        return {
            int(fd): Rebuilt(known(target), known(cloexec), known(inode))
            for fd, target, cloexec, inode in chosen[columns].itertuples(index=False)
        }

    ended = processes["ended_by"].isin(["exit", "signal"])
    judged = processes[ended if how == "exit" else ~ended]
    tables: dict[Owner, dict[int, Rebuilt]] = {(int(p.pid), None): rows(p.table) for p in judged.itertuples()}
    common = {int(p.pid): p.table for p in judged.itertuples()}
    for task in tasks[~tasks["ended_by"].isin(["exit", "signal", "exec_superseded"])].itertuples():
        if how == "none" and task.pid in common and task.table != common[task.pid]:
            tables[int(task.pid), int(task.tid)] = rows(task.table)
    return tables


def same_target(link: str, rebuilt: Rebuilt, annotated: bool) -> bool:
    """A link of /proc/PID/fd names what the rebuilt life names, as far as the capture showed it."""
    target = rebuilt.target
    if rebuilt.inode is not None and link.startswith(("socket:", "pipe:")):
        return link.endswith(f":[{rebuilt.inode}]")
    if target is None or not target.startswith(("/", "pipe:", "socket:", "anon_inode:")):
        return True
    if not annotated and (not link.startswith("/") or link.endswith(" (deleted)")):
        return True  # the path that was opened led elsewhere
    return target.removesuffix(" (deleted)") == link.removesuffix(" (deleted)")


def differences(recording: Recording, kernel: Table, rebuilt: dict[int, Rebuilt]) -> list[str]:
    """What is wrong with one table; what was there before the capture may stay unseen."""
    wrong = []
    for fd in sorted({*kernel, *rebuilt}):
        truth, claim = kernel.get(fd), rebuilt.get(fd)
        neutral = truth is not None and recording.from_outside(fd, truth)
        if truth is None:
            wrong.append(f"{fd} is not open, rebuilt as {claim}")
        elif claim is None:
            if not neutral:
                wrong.append(f"{fd} is open as {truth}, not rebuilt")
        elif not neutral and truth.cloexec != claim.cloexec:
            wrong.append(f"{fd} is {truth}, cloexec rebuilt as {claim.cloexec}")
        elif not same_target(truth.target, claim, recording.annotated):
            wrong.append(f"{fd} is {truth}, target rebuilt as {claim.target}")
    return wrong


def complaints(recording: Recording) -> list[str]:
    """Everything in which fdtrace and the kernel differ at the end of a capture."""
    rebuilt = rebuilt_tables(fdtrace.load(*map(str, recording.files)))
    wrong = []
    for owner in sorted({*recording.kernel, *rebuilt}, key=str):
        if owner not in recording.kernel:
            wrong.append(f"{owner} does not live, rebuilt with {sorted(rebuilt[owner])}")
            continue
        found = differences(recording, recording.kernel[owner], rebuilt.get(owner, {}))
        wrong += [f"{owner}: {one}" for one in found]
    return wrong


def complaints_at_exit(recording: Recording) -> list[str]:
    """The same for every process at its own exit."""
    rebuilt = rebuilt_tables(fdtrace.load(*map(str, recording.files)), how="exit")
    wrong = []
    for pid, table in recording.at_exit.items():
        found = differences(recording, table, rebuilt.get((pid, None), {}))
        wrong += [f"{pid}: {one}" for one in found]
    return wrong
