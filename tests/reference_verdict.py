"""Compares the history that fdtrace rebuilt from a capture with the reference kernel's ledger.

Not demanded, as no capture tells it: numbers that were open before the trace
and that nothing ever touched, with their flags, and numbers of which the
creating call has no exit line. Listed they may be, as long as they are open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.reference_kernel import Kernel, Life, Table, Task
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


def known(value: Any) -> bool:
    """Whether a cell holds a value."""
    return value is not None and value == value and str(value) != "<NA>"


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
        """The visible tasks whose last table this is; those that still run, if any."""
        users = [
            task
            for task in self.kernel.tasks
            if task.table is table and task in task.process.tasks and self.visible(task)
        ]
        if table.tasks:  # nothing is asked of a table that only tasks without a line still hold
            return [task for task in users if not task.ending]
        return users

    def visible(self, task: Task) -> bool:
        """Whether the task has a line of its own; without -f, children have none and are not followed."""
        return bool(self.capture.tids & set(task.tids))

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
        if not by_pid and not by_tid:  # while it was alone, a process was not named in its lines
            by_pid = [row for row in self.process_rows if not known(row["pid"])]
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
            if not rows or not self.visible(process.tasks[0]):
                continue
            ended = known(rows[-1]["ended_by"]) and rows[-1]["ended_by"] not in ("none", "detached")
            if ended == bool(process.alive):
                self.verdict.processes.append(f"process {process.pid}: ended_by {rows[-1]['ended_by']}")

    def judge_open(self, table: Table, rows: list[dict[str, Any]], words: list[str]) -> None:
        """What is open at the end of the capture, or was when the last user ended."""
        lives = (
            list(table.open.values()) if table.tasks else [life for life in table.past if life.how == "exit"]
        )
        real = {life.fd: life for life in lives}
        how, other = ("none", "exit") if table.tasks else ("exit", "none")
        claimed = {int(row["fd"]): row for row in rows if row["how"] == how}
        for row in rows:
            if row["how"] == other:
                words.append(f"table {table.number} fd {row['fd']}: {other} is wrong")
        if len(claimed) != sum(row["how"] == how for row in rows):
            words.append(f"table {table.number}: a number twice")
        for fd, life in real.items():
            if fd not in claimed:
                if self.told(life):
                    words.append(f"table {table.number} fd {fd}: missing")
                continue
            self.pairs.append((life, claimed[fd]))
            cloexec = claimed[fd]["cloexec"]
            wrong = bool(cloexec) != life.cloexec if known(cloexec) else self.told(life)
            if wrong and (self.told(life) or life.flag_set):
                words.append(f"table {table.number} fd {fd}: cloexec {cloexec}, really {life.cloexec}")
        words += [f"table {table.number} fd {fd}: not open" for fd in claimed if fd not in real]

    def told(self, life: Life) -> bool:
        """Whether the trace tells of a life: not when it, or what it copies, was made unseen."""
        opener = life.root.opener
        return opener is not None and id(opener) in self.finished

    def judge_past(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Each life that a call ended has its number, its opening and its closing call.

        Where a copy was opened is not compared: at the fork, or where the original was.
        """
        rest = [life for life in table.past if life.how != "exit"]
        for row in rows:
            if row["how"] in ("none", "exit"):
                continue
            found = [life for life in rest if self.same_life(life, row)]
            if found:
                rest.remove(min(found, key=lambda life: not self.told(life)))
            else:
                words = f"{row['via']} by {row['opened_by']}, {row['how']} by {row['closed_by']}"
                words = f"{words}, lines {row['open_line']} to {row['close_line']}"
                self.verdict.lives.append(f"table {table.number} fd {row['fd']}: never was: {words}")
        for life in filter(self.told, rest):
            start, end = (call.name if call else None for call in (life.opener, life.closer))
            words = f"opened by {start}, {life.how} by {end}"
            self.verdict.lives.append(f"table {table.number} fd {life.fd}: missing: {words}")

    def same_life(self, life: Life, row: dict[str, Any]) -> bool:
        """Whether a row of `fds` is this life."""
        if (life.fd, life.how) != (int(row["fd"]), row["how"]) or life.closer is None:
            return False
        opener = life.opener if life.parent is None else None
        if len(self.capture.files) > 1:
            same_start = opener is None or opener.name == row["opened_by"]
            return bool(same_start and row["closed_by"] == life.closer.name)
        same_start = opener is None or self.call_at(row["open_line"]) == id(opener)
        return bool(same_start and self.call_at(row["close_line"]) == id(life.closer))

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
