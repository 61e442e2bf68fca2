"""Lives counted many at a time are counted as one after the other would be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.checks import use
from fdtrace.history import groups, patterns
from fdtrace.history.groups import Groups
from fdtrace.history.lengths import Lengths, step_of, steps_of
from fdtrace.history.lives import At, Life, Table
from fdtrace.history.news import News
from fdtrace.history.shares import OVER
from fdtrace.history.tasks import Process, Task
from fdtrace.readers.strace.window import ABSENT

NAMES = (b"openat", b"socket", b"pipe2")
TARGETS = ("/srv/a1.json", "/srv/a1.json", "/srv/a2.json", "/var/log/app")


@dataclass
class World:
    """A few processes that open, use and close; what happened is kept as tellings."""

    pos: int = 0
    processes: list[Process] = field(default_factory=list)
    open: list[Life] = field(default_factory=list)
    begun: list[Life] = field(default_factory=list)
    ended: list[Life] = field(default_factory=list)
    tellings: list[tuple[list[Life], list[Life]]] = field(default_factory=list)
    lives: int = 0

    def at(self, process: Process, name: bytes, ticks: bool = True) -> At:
        assert process.pid is not None
        self.pos += 1
        clock = self.pos * 7_000 if ticks else ABSENT
        return At(0, self.pos, self.pos, 0, clock, process.pid + self.pos % 2, name, -1, self.pos)

    def process(self, number: int) -> Process:
        while len(self.processes) <= number:
            process = Process(100 * len(self.processes) + 100, None)
            process.command = f"worker{len(self.processes) % 2}"
            Task(process.pid or 0, process, Table(len(self.processes), process), None)
            self.processes.append(process)
        return self.processes[number]

    def begin(self, process: Process, name: bytes, target: str | None) -> None:
        table = process.table
        assert table is not None
        at = self.at(process, name, target != TARGETS[3])
        for _ in range(1 + (name == b"pipe2")):
            life = Life(
                table, 3 + self.lives % 7, self.lives, "pipe" if name == b"pipe2" else "file", "open", at
            )
            life.ident, life.target = self.lives, target
            life.state = "CLOSE_WAIT" if self.lives % 3 == 0 else None
            self.lives += 1
            self.open.append(life)
            self.begun.append(life)

    def end(self, life: Life, how: str) -> None:
        self.open.remove(life)
        life.how = how
        life.closed = self.at(life.process, b"close")
        life.process.left = life.process.left or how == "exit"
        self.ended.append(life)

    def exit(self, process: Process, leaves: bool) -> None:
        for life in [one for one in self.open if one.process is process]:
            self.end(life, "exit" if leaves else "close")
        process.ended = self.at(process, b"exit")
        assert process.table is not None
        process.table.users.clear()

    def tell(self) -> None:
        self.tellings.append((self.begun, self.ended))
        self.begun, self.ended = [], []


class Plainly:
    """The same counts, life by life, from all that was ever opened."""

    def __init__(self) -> None:
        self.opened: dict[tuple[Process, bytes], list[int]] = {}
        self.shares: dict[Any, dict[str, Any]] = {}
        self.patterns: dict[Any, dict[str, int]] = {}
        self.settled: dict[str, int] = {}
        self.made: dict[tuple[int, bytes], int] = {}
        self.touched: dict[int, int] = {}
        self.seconds: set[int] = set()

    def hear(self, begun: list[Life], ended: list[Life]) -> None:
        for life, before in zip(begun, [None, *begun], strict=False):
            at = life.opened
            assert at is not None
            self.opened.setdefault((life.process, at.syscall), []).append(at.pos)
            self.made[at.tid, at.syscall] = self.made.get((at.tid, at.syscall), 0) + 1
            if before is not None and before.opened == at:
                self.seconds.add(life.ident)
        for life in ended:
            self.count(life)

    def count(self, life: Life) -> None:
        opened, closed, process = life.opened, life.closed, life.process
        assert opened is not None
        assert closed is not None
        for at in (life.last_use or opened, *([closed] if life.how == "close" else [])):
            self.touched[at.tid] = max(at.pos, self.touched.get(at.tid, -1))
        end = ""
        if opened.syscall == b"pipe2":
            end = "write end" if life.ident in self.seconds else "read end"
        pattern = patterns.of(life)
        cell = (process.command, life.kind, pattern), end
        names = self.patterns.setdefault(cell, {})
        names[pattern] = names.get(pattern, 0) + 1
        past = process.ended is not None and not process.left
        share = self.shares.setdefault((cell, OVER if past else id(process)), self.nothing())
        share["opened"] += 1
        if life.how == "exit":
            share["left"].append(life)
            return
        share["closed"] += 1
        self.settled[life.kind] = self.settled.get(life.kind, 0) + 1
        if opened.clock != ABSENT:
            count(share["lengths_ns"], closed.clock - opened.clock)
        if past:
            return
        last, same = share["last_close"], self.opened[process, opened.syscall]
        if opened.pos < last and not any(last < pos <= closed.pos for pos in same):
            share["row"] += 1
            share["in_rows"] += 1
            if share["row"] == 3:
                share["sweeps"].append(closed.pos)
        else:
            share["row"] = 1
        share["last_close"] = closed.pos
        share["after_end"] += life.state == "CLOSE_WAIT"
        count(share["idle"], closed.pos - (life.last_use or opened).pos)

    @staticmethod
    def nothing() -> dict[str, Any]:
        numbers = dict.fromkeys(("opened", "closed", "in_rows", "after_end", "row"), 0)
        return {**numbers, "last_close": -1, "sweeps": [], "left": [], "lengths_ns": {}, "idle": {}}


def count(steps: dict[int, int], length: int) -> None:
    steps[step_of(length)] = steps.get(step_of(length), 0) + 1


def shares_of(found: Groups) -> dict[Any, dict[str, Any]]:
    return {
        ((place, end), key): {
            name: value.counts() if isinstance(value := getattr(share, name), Lengths) else value
            for name in Plainly.nothing()
        }
        for place, cells in found.places.items()
        for (_, end), cell in cells.items()
        for key, share in cell.shares.items()
    }


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("open", "rush", "close", "close", "close", "close", "use", "tell", "tell", "over")),
        st.integers(0, 2),
        st.integers(0, 11),
    ),
    min_size=30,
    max_size=90,
)


def world(steps: list[tuple[str, int, int]]) -> World:
    made = World()
    for what, who, which in steps:
        process = made.process(who)
        if what == "tell":
            made.tell()
        elif process.ended is not None:
            continue
        elif what in ("open", "rush"):
            for _ in range(5 if what == "rush" else 1):
                made.begin(process, NAMES[which % 3], TARGETS[which // 3])
        elif what == "over":
            if which < 3:
                made.exit(process, leaves=which == 0)
        elif own := [life for life in made.open if life.process is process]:
            life = own[which % len(own)]
            if what == "close":
                made.end(life, "close")
            else:
                life.last_use = made.at(process, b"read")
    made.tell()
    return made


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_many_at_a_time_as_one_by_one(steps: list[tuple[str, int, int]]) -> None:
    made = world(steps)
    # A telling hears of processes as they are by then: here, as they are in the end.
    found, threads, plainly = Groups(lambda _: None), use.Use(), Plainly()
    for begun, ended in made.tellings:
        news = News(begun, ended)
        found.hear(news)
        threads.hear(news)
        plainly.hear(begun, ended)
    assert shares_of(found) == plainly.shares
    cells = {(place, end): cell for place, own in found.places.items() for (_, end), cell in own.items()}
    assert {place: list(cell.patterns.items()) for place, cell in cells.items()} == {
        place: list(names.items()) for place, names in plainly.patterns.items()
    }
    first = {place: [end for of, end in plainly.patterns if of == place] for place, _ in plainly.patterns}
    assert [(place, [end for _, end in own]) for place, own in found.places.items()] == list(first.items())
    assert found.settled == plainly.settled
    assert list(threads._made.items()) == list(plainly.made.items())
    assert threads._touched == plainly.touched


def test_few_shares_are_kept_of_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "SHARES", 4)
    made, found = World(), Groups(lambda _: None)
    found._room = 4
    for number in range(40):
        process = made.process(number)
        made.begin(process, b"pipe2", None)
        made.end(made.open[0], "close")
        made.tell()
        found.hear(News(*made.tellings[-1]))  # it lives, and has a share of its own
        made.exit(process, leaves=number == 0)
        made.tell()
        found.hear(News(*made.tellings[-1]))
    read, write = (found.places["worker0", "pipe", "pipe"][(), end] for end in ("read end", "write end"))
    guilty = id(made.processes[0])
    assert [share.opened for share in (read.shares[guilty], write.shares[guilty])] == [1, 1]
    assert len(write.shares[guilty].left) == 1
    assert read.opened == write.opened == 20
    assert read.closed == 20
    assert write.closed == 19
    assert len(read.shares) + len(write.shares) <= 14
    assert sum(write.shares[OVER].lengths_ns.counts().values()) == write.shares[OVER].closed


def test_of_many_threads_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "_THREADS", 4)
    made, threads = World(), use.Use()
    for number in range(30):
        made.begin(made.process(number), b"openat", TARGETS[0])
        made.end(made.open[0], "close")
        made.tell()
        threads.hear(News(*made.tellings[-1]))
    assert len(threads._made) <= 4
    assert len(threads._touched) <= 8
    assert max(threads._touched.values()) == made.pos
    assert min(threads._touched.values()) > made.pos // 2


@given(lengths=st.lists(st.integers(-(1 << 40), (1 << 62) - 1), min_size=1))
def test_steps(lengths: list[int]) -> None:
    assert steps_of(np.array(lengths)).tolist() == [step_of(length) for length in lengths]


def test_lengths_are_told_to_a_fifth_of_their_size() -> None:
    lengths = Lengths()
    for length in range(1, 1001):
        lengths.add(step_of(length), 1)
    assert lengths.total == 1000
    for share in (0.1, 0.5, 0.95, 1.0):
        assert 1000 * share <= lengths.within(share) <= 1250 * share
    assert 1000 - 500 * 1.25 <= lengths.beyond(500) <= 625
    assert Lengths().within(0.5) == 0
