"""All that happened in a recording, for who makes tables and pictures of it."""

from __future__ import annotations

from typing import NamedTuple

from .kernel import Observer
from .lives import At, Life
from .peers import name_peers
from .run import History
from .tasks import Process, Task


class Execution(NamedTuple):
    """A program that a process executed; None where the call does not show its name."""

    process: Process
    at: At
    program: str | None


class Recorder(Observer):
    """An observer that keeps every life and every execution of a program."""

    def __init__(self) -> None:
        self.history: History
        self.lives: list[Life] = []
        self.executions: list[Execution] = []

    def closed(self, life: Life) -> None:
        """Keep it."""
        self.lives.append(life)

    def executed(self, task: Task, at: At, inherited: list[Life]) -> None:
        """Keep it."""
        self.executions.append(Execution(task.process, at, task.process.command))

    def finish(self, history: History) -> Recorder:
        """Adds the lives that did not end, and the names that only snapshots know, once those were joined."""
        joined = history.joined
        assert joined is not None
        joined.name_processes(history)
        name_peers(history, joined)
        self.lives += [gap.life for gap in joined.adopted if gap.life.how == "exit"]
        self.lives += [gap.life for gap in joined.gone]
        self.lives += history.open_lives()
        self.history = history
        return self
