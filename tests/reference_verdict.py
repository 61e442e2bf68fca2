"""Compares the history that fdtrace rebuilt from a capture with the reference kernel's ledger.

Not demanded, as no capture tells it: numbers that were open before the trace
and that nothing ever touched, with their flags, and numbers of which the
creating call has no exit line. Listed they may be, as long as they are open.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.reference_kernel import SUPERSEDED, Kernel, Life, Table, Task
from tests.strace_text import Capture


@dataclass
class Verdict:
    """What differs, in words: by table, and beyond single tables."""

    tables: dict[int, list[str]] = field(default_factory=dict)
    lives: list[str] = field(default_factory=list)
    sharing: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)

    @property
    def wrong_tables(self) -> list[int]:
        """Tables of which numbers or flags differ."""
        return [number for number, words in self.tables.items() if words]

    @property
    def differences(self) -> list[str]:
        """Everything that differs."""
        said = [word for words in self.tables.values() for word in words]
        return said + self.lives + self.sharing + self.processes

    def __bool__(self) -> bool:
        return not self.differences


def visible(kernel: Kernel, task: Task) -> bool:
    """Whether the task has a line of its own; without -f, children have none and are not followed."""
    return any(seen.tid in task.tids for seen in kernel.seen if seen.what != "attached")


def known(value: Any) -> bool:
    """Whether a cell holds a value."""
    return value is not None and value == value and str(value) != "<NA>"


def lines_of(capture: Capture, call: object) -> set[int]:
    """The lines on which a call begins and ends."""
    _, first, last = capture.places.get(id(call), ("", 0, 0))
    return {first, last}


class Comparison:
    """One capture, its kernel and what fdtrace made of it."""

    def __init__(self, kernel: Kernel, capture: Capture, case: Any) -> None:
        self.kernel, self.capture = kernel, capture
        self.rows = case.fds.reset_index().to_dict("records")
        self.process_rows = case.processes.reset_index().to_dict("records")
        self.task_rows = case.tasks.reset_index().to_dict("records")
        self.verdict = Verdict()
        self.pairs: list[tuple[Life, dict[str, Any]]] = []
        self.finished = {id(seen.call) for seen in kernel.seen if seen.what == "left"}

    def judge(self) -> Verdict:
        """The verdict."""
        self.judge_processes()
        for table, claimed in self.tables().items():
            self.verdict.tables[table.number] = words = []
            if claimed is None:
                words.append(f"table of {[t.tid for t in self.users(table)]}: not there")
                continue
            rows = [row for row in self.rows if row["table"] == claimed]
            self.judge_open(table, rows, words)
            self.judge_past(table, rows)
        self.judge_sharing()
        return self.verdict

    def users(self, table: Table) -> list[Task]:
        """The visible tasks whose last table this is."""
        return [
            task
            for task in self.kernel.tasks
            if task.table is table and task.ending != SUPERSEDED and visible(self.kernel, task)
        ]

    def tables(self) -> dict[Table, Any]:
        """The kernel's tables, with the number fdtrace gave them."""
        found: dict[Table, Any] = {}
        for table in self.kernel.tables:
            users = self.users(table)
            for task in users:
                claimed = self.claimed_table(task)
                if table in found and found[table] != claimed:
                    self.verdict.processes.append(f"{task.tid}: table {claimed}, others use {found[table]}")
                found.setdefault(table, claimed)
        return found

    def claimed_table(self, task: Task) -> Any:
        """The table that fdtrace says the task had last."""
        by_pid = [row for row in self.process_rows if row["pid"] == task.tid]
        by_tid = [row for row in self.task_rows if row["tid"] == task.tid]
        if not by_pid and not by_tid and len(self.kernel.processes) == len(self.process_rows) == 1:
            by_pid = self.process_rows  # alone, a process is not named in its lines
        for row in [*by_tid[-1:], *by_pid[-1:]]:
            if known(row["table"]):
                return row["table"]
        return None

    def judge_processes(self) -> None:
        """No process is missing, none is invented, and who ended did end."""
        real = {process.pid: process for process in self.kernel.processes}
        for row in self.process_rows:
            if known(row["pid"]) and row["pid"] not in real:
                self.verdict.processes.append(f"process {row['pid']} never was")
        for process in self.kernel.processes:
            rows = [row for row in self.process_rows if row["pid"] == process.pid]
            if not rows or not visible(self.kernel, process.tasks[0]):
                continue
            ended = known(rows[-1]["ended_by"]) and rows[-1]["ended_by"] not in ("none", "detached")
            if ended == bool(process.alive):
                self.verdict.processes.append(f"process {process.pid}: ended_by {rows[-1]['ended_by']}")

    def judge_open(self, table: Table, rows: list[dict[str, Any]], words: list[str]) -> None:
        """What is open at the end of the capture, or was when the last user ended."""
        how = "none" if table.tasks else "exit"
        lives = (
            list(table.open.values()) if table.tasks else [life for life in table.past if life.how == "exit"]
        )
        real = {life.fd: life for life in lives}
        claimed = {int(row["fd"]): row for row in rows if row["how"] == how}
        other = {"none", "exit"} - {how}
        words += [
            f"table {table.number} fd {row['fd']}: {row['how']}, not {how}"
            for row in rows
            if row["how"] in other
        ]
        if len(claimed) != sum(row["how"] == how for row in rows):
            words.append(f"table {table.number}: a number twice")
        for fd, life in real.items():
            if fd not in claimed:
                if self.told(life):
                    words.append(f"table {table.number} fd {fd}: missing")
                continue
            self.pairs.append((life, claimed[fd]))
            cloexec = claimed[fd]["cloexec"]
            if (self.told(life) or life.flag_set) and (not known(cloexec) or bool(cloexec) != life.cloexec):
                words.append(f"table {table.number} fd {fd}: cloexec {cloexec}, really {life.cloexec}")
        words += [f"table {table.number} fd {fd}: not open" for fd in claimed if fd not in real]

    def told(self, life: Life) -> bool:
        """Whether the trace tells of a life: not when it, or what it copies, was made unseen."""
        opener = life.root.opener
        return opener is not None and id(opener) in self.finished

    def judge_past(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Each life that a call ended has its opening and its closing call."""
        one_file = len(self.capture.files) == 1
        past = [life for life in table.past if life.how != "exit"]
        wanted = Counter(self.real_life(life, one_file) for life in past if self.told(life))
        allowed = Counter(self.real_life(life, one_file) for life in past if not self.told(life))
        got = Counter(self.claimed_life(row, one_file) for row in rows if row["how"] not in ("none", "exit"))
        for life, count in (wanted - got).items():
            self.verdict.lives.append(f"table {table.number}: life {life} missing x{count}")
        surplus = got - wanted
        without_opener = Counter((fd, how, "", end) for fd, how, _, end in allowed.elements())
        bare = Counter((fd, how, "", end) for fd, how, _, end in surplus.elements())
        for life, count in (bare - without_opener).items():
            self.verdict.lives.append(f"table {table.number}: life {life} never was x{count}")

    def real_life(self, life: Life, one_file: bool) -> tuple[Any, ...]:
        """Number, end, opening call, closing call; of fork copies the opening is not compared."""
        start: Any = "copy" if life.parent else life.opener.name if life.opener else ""
        end: Any = life.closer.name if life.closer else ""
        if one_file:
            start = start if life.parent or not life.opener else id(life.opener)
            end = id(life.closer)
        return life.fd, life.how, start, self.said(end)

    def claimed_life(self, row: dict[str, Any], one_file: bool) -> tuple[Any, ...]:
        """The same of a row of the table `fds`."""
        start: Any = (
            "copy" if row["via"] == "fork_copy" else row["opened_by"] if known(row["opened_by"]) else ""
        )
        end: Any = row["closed_by"] if known(row["closed_by"]) else ""
        if one_file:
            end = self.call_at(row["close_line"])
            start = start if start == "copy" else self.call_at(row["open_line"])
        return int(row["fd"]), row["how"], start, self.said(end)

    def said(self, end: Any) -> Any:
        """A closing call as the comparison uses it."""
        return end

    def call_at(self, line: Any) -> Any:
        """The call that begins or ends on a line."""
        if not known(line):
            return ""
        for key, (_, first, last) in self.capture.places.items():
            if line in (first, last):
                return key
        return f"line {line}"

    def judge_sharing(self) -> None:
        """Two numbers have one `ofd` exactly when they lead to one open file description."""
        ofd_of: dict[int, Any] = {}
        description_of: dict[Any, int] = {}
        for life, row in self.pairs:
            if life.description.initial:
                continue
            number, ofd = life.description.number, row["ofd"]
            where = f"table {life.table.number} fd {life.fd}"
            if not known(ofd):
                self.verdict.sharing.append(f"{where}: no ofd")
            elif ofd_of.setdefault(number, ofd) != ofd:
                self.verdict.sharing.append(f"{where}: ofd {ofd}, its copies have {ofd_of[number]}")
            elif description_of.setdefault(ofd, number) != number:
                self.verdict.sharing.append(f"{where}: ofd {ofd} belongs to another file")


def compare(kernel: Kernel, capture: Capture, case: Any) -> Verdict:
    """What fdtrace got wrong; true when nothing."""
    return Comparison(kernel, capture, case).judge()
