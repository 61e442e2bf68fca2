"""Random programs for the reference kernel, and the order in which their steps are taken.

A program is a list of whole numbers. Each is one decision: which task goes on,
with which call, with which arguments. Every list means something, so Hypothesis
can shorten it freely.

A *racy* schedule takes the steps of different tasks in any order. A *calm* one
also lets calls overlap, but never so that the lines leave the outcome open:
no two calls in flight touch the same number of one table (other than a close
whose number a creator gets, which tells the order by itself), and copies of a
table are taken at the entry line while nothing else is half done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.reference_calls import (
    MAKERS,
    Close,
    CloseRange,
    Dup,
    DupOver,
    Make,
    Pair,
    SetFlag,
    Use,
    Wait,
)
from tests.reference_kernel import SUPERSEDED, UNKNOWN, Call, Kernel, Refused, Task
from tests.reference_process_calls import (
    Exec,
    Exit,
    Pass,
    PidfdGetfd,
    PidfdOpen,
    Receive,
    Spawn,
    Unshare,
    doomed_safely,
)

T = TypeVar("T")
MAX_TASKS = 7


class Draw:
    """Choices taken from one whole number; zero chooses the first of everything."""

    def __init__(self, number: int) -> None:
        self.left = number

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1."""
        self.left, choice = divmod(self.left, bound)
        return choice

    def of(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[self.below(len(choices))]

    def chance(self, one_in: int) -> bool:
        """Rarely true; never for a number that is used up."""
        return self.below(one_in) == one_in - 1

    def number(self, task: Task) -> int:
        """Mostly an open number, the latest first; sometimes one that is not open."""
        known = sorted(task.table.open, reverse=True) or [3]
        if self.chance(9):
            return self.of([*[n for n in range(max(known) + 2) if n not in task.table.open], 77])
        return self.of(known)


Maybe = Callable[[Kernel, Task, Draw], Call | None]


def _make(kernel: Kernel, task: Task, draw: Draw) -> Call:
    outcome = draw.of(["", "", "", "", "", "", "EIO", "ENOENT", "EINTR", "", "injected"])
    maker = draw.of(MAKERS)
    if outcome in ("EIO", "EINTR") and maker.kind != "file":
        outcome = ""
    return Make(kernel, task, maker, draw.chance(2), outcome)


def _socket(kernel: Kernel, task: Task, draw: Draw) -> Call:
    return Make(kernel, task, MAKERS[2], draw.chance(2))


def _wait(kernel: Kernel, task: Task, draw: Draw) -> Call | None:
    listeners = [fd for fd, life in task.table.open.items() if life.description.kind == "tcp"]
    listener = None if draw.chance(3) or not listeners else draw.of(listeners)
    return Wait(kernel, task, listener, draw.chance(2), draw.of(["", "", "", "ERESTARTSYS", "EINTR"]))


def _dup_over(kernel: Kernel, task: Task, draw: Draw) -> Call:
    old, flags = draw.number(task), draw.of([None, None, "0", "O_CLOEXEC"])
    new = draw.of([draw.number(task), draw.below(14), old, *task.table.reserved])
    return DupOver(kernel, task, old, new, flags)


def _close_range(kernel: Kernel, task: Task, draw: Draw) -> Call:
    first = 3 + draw.below(8)
    last = draw.of([first, first + 1, first + 3, 4294967295, first - 1])
    flags = draw.of(
        ["0", "CLOSE_RANGE_CLOEXEC", "CLOSE_RANGE_UNSHARE", "CLOSE_RANGE_UNSHARE|CLOSE_RANGE_CLOEXEC"]
    )
    return CloseRange(kernel, task, first, last, flags)


def _spawn(kernel: Kernel, task: Task, draw: Draw) -> Call | None:
    if sum(not other.gone for other in kernel.tasks) >= MAX_TASKS:
        return None
    style = draw.of(["clone", "fork", "vfork", "clone3", "spawn"])
    return Spawn(kernel, task, style, files=draw.chance(4), pidfd=draw.chance(3))


def _thread(kernel: Kernel, task: Task, draw: Draw) -> Call | None:
    if sum(not other.gone for other in kernel.tasks) >= MAX_TASKS:
        return None
    return Spawn(kernel, task, draw.of(["clone3", "clone"]), thread=True)


def _exec(kernel: Kernel, task: Task, draw: Draw) -> Call:
    return Exec(kernel, task, draw.of(["tool", "prog2"]), draw.of(["", "", "", "ENOENT"]))


def _exit(kernel: Kernel, task: Task, draw: Draw) -> Call | None:
    others = [other for other in kernel.tasks if not other.ending and other.attached]
    if len(others) < 2:
        return None
    victim = draw.of(others)
    if draw.chance(3) and victim.process is not task.process:
        return Exit(kernel, task, "kill", victim=victim)
    return Exit(kernel, task, draw.of(["exit_group", "exit"]), draw.below(3))


def _unshare(kernel: Kernel, task: Task, draw: Draw) -> Call:
    return Unshare(kernel, task)


def _ends(task: Task) -> list[int]:
    return [fd for fd, life in task.table.open.items() if life.description.mate is not None]


def _pass(kernel: Kernel, task: Task, draw: Draw) -> Call | None:
    ends = _ends(task)
    if not ends:
        return None
    sent = [fd for fd in (draw.of(sorted(task.table.open)) for _ in range(1 + draw.below(2)))]
    return Pass(kernel, task, draw.of(ends), sent)


def _receive(kernel: Kernel, task: Task, draw: Draw) -> Call | None:
    ends = sorted(_ends(task), key=lambda fd: not task.table.open[fd].description.waiting)
    if not ends:
        return None
    return Receive(
        kernel, task, ends[0], cloexec=draw.chance(2), room=draw.of([9, 9, 1]), peek=draw.chance(6)
    )


def _pidfd_open(kernel: Kernel, task: Task, draw: Draw) -> Call:
    return PidfdOpen(kernel, task, draw.of([t for t in kernel.tasks if t.attached and not t.ending]))


def _pidfd_getfd(kernel: Kernel, task: Task, draw: Draw) -> Call | None:
    pidfds = [fd for fd, life in task.table.open.items() if life.description.process is not None]
    if not pidfds:
        return None
    pidfd = draw.of(pidfds)
    process = task.table.open[pidfd].description.process
    theirs = draw.number(process.alive[0]) if process and process.alive else 3
    return PidfdGetfd(kernel, task, pidfd, theirs)


ACTIONS: tuple[tuple[int, Maybe], ...] = (
    (9, _make),
    (8, lambda kernel, task, draw: Close(kernel, task, draw.number(task), draw.chance(19))),
    (4, _thread),
    (4, _spawn),
    (3, lambda kernel, task, draw: Dup(kernel, task, draw.number(task))),
    (2, lambda kernel, task, draw: Dup(kernel, task, draw.number(task), draw.below(14), draw.chance(2))),
    (4, _dup_over),
    (
        4,
        lambda kernel, task, draw: Pair(
            kernel, task, draw.of(["pipe2", "socketpair", "pipe"]), draw.chance(2)
        ),
    ),
    (
        2,
        lambda kernel, task, draw: SetFlag(
            kernel, task, draw.number(task), not draw.chance(3), draw.chance(2)
        ),
    ),
    (2, _close_range),
    (3, _socket),
    (3, _wait),
    (
        2,
        lambda kernel, task, draw: Use(
            kernel, task, draw.number(task), draw.below(11), draw.of(["", "", "EIO"])
        ),
    ),
    (3, _exec),
    (2, _exit),
    (2, _unshare),
    (4, _pass),
    (4, _receive),
    (1, _pidfd_open),
    (2, _pidfd_getfd),
)
MENU: tuple[Maybe, ...] = tuple(action for weight, action in ACTIONS for _ in range(weight))
DECISION = 128 * 2 * 128 * 2**24
"""Decisions are numbers below this one."""


class Schedule:
    """Runs a program on a kernel, step by step."""

    def __init__(self, kernel: Kernel, *, racy: bool, born: bool = True) -> None:
        self.kernel, self.racy, self.closing = kernel, racy, False
        if born:
            self.start(kernel.tasks[0])

    def start(self, task: Task) -> None:
        """What every program does first: execve, and the loader opens and closes a file.

        The number it gets tells that those below were open from the start.
        """
        self.whole(Exec(self.kernel, task, "prog"))
        opened = Make(self.kernel, task, MAKERS[1], cloexec=True)
        self.whole(opened)
        assert isinstance(opened.result, int)
        self.whole(Close(self.kernel, task, opened.result))

    def whole(self, call: Call) -> None:
        """A call from its entry to its exit."""
        self.kernel.enter(call)
        while not call.done:
            self.kernel.advance(call)
        self.kernel.leave(call)

    def run(self, program: Sequence[int]) -> Kernel:
        """All decisions, then the rest of what is in flight, as far as it does not block."""
        for decision in program:
            self.decide(decision)
        for self.closing in (False, True):
            while any([self.proceed(task) for task in self.kernel.tasks]):
                pass
        return self.kernel

    def decide(self, decision: int) -> None:
        """One task goes on: with the call it is in, with its end, or with a new call."""
        draw = Draw(decision)
        what, patient, who = draw.below(128), draw.chance(2), draw.below(128)
        tasks = [task for task in self.kernel.tasks if not task.gone]
        if not tasks:
            return
        task = tasks[who % len(tasks)]
        if not task.attached or task.ending or task.call:
            self.proceed(task, tidy=patient)
            return
        again, task.again = task.again, None
        call = again or MENU[what % len(MENU)](self.kernel, task, draw)
        if call is None or not self.may_enter(call):
            return
        self.enter(call)
        while not patient and task.call is call and self.proceed(task):
            pass

    def enter(self, call: Call) -> None:
        """The entry line; what must not wait is done at once."""
        for other in self.in_flight():
            if isinstance(other, Spawn) and other.child is call.task:
                other.window, other.child_seen = False, True
        self.kernel.enter(call)
        if not self.racy and call.copies:
            self.kernel.advance(call)
        while not self.racy and call.at_once and call.task.call is call:
            self.proceed(call.task)

    def in_flight(self) -> list[Call]:
        """Calls whose exit line is still to come."""
        return [task.call for task in self.kernel.tasks if task.call is not None and not task.ending]

    def proceed(self, task: Task, tidy: bool = False) -> bool:
        """The next step of a task that is in the middle of something; False when it cannot go on."""
        if task.gone:
            return False
        if not task.attached:
            task.attached = True
            self.kernel.note("attached", task)
            return True
        if task.ending:
            return self.finish(task, tidy)
        call = task.call
        if call is None:
            return False
        if call.done:
            self.kernel.leave(call)
            if str(call.result).startswith("ERESTART"):
                self.kernel.note("signal", task, text="--- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---")
            return True
        return self.may_advance(call) and self.kernel.advance(call)

    def finish(self, task: Task, tidy: bool) -> bool:
        """What strace prints of a task that is no more."""
        kernel, process = self.kernel, task.process
        if task.call is not None:
            call, task.call = task.call, None
            if call.result == UNKNOWN:
                kernel.note("left", task, call)
                task.end_shown = True
            elif not tidy:
                kernel.note("torn", task, call)
            return True
        if task is process.leader and any(not other.gone for other in process.tasks if other is not task):
            return False
        if task.ending == SUPERSEDED and process.alive:
            return False
        kernel.note(
            "ended", task, text=task.ending if task.ending != SUPERSEDED else "+++ killed by SIGKILL +++"
        )
        task.end_shown = task.gone = True
        return True

    # -- what keeps a schedule calm ---------------------------------------------

    def rivals(self, call: Call) -> list[Call]:
        """Calls in flight of other tasks on the same table, or on a copy of it that is being made."""
        table = call.task.table
        return [
            other
            for other in self.in_flight()
            if other is not call and (other.task.table is table or (other.window and other.source is table))
        ]

    def may_enter(self, call: Call) -> bool:
        """Whether the lines will tell the outcome, whatever the order of the effects."""
        if self.racy:
            return True
        if call.channel and any(other.channel == call.channel for other in self.in_flight()):
            return False
        if isinstance(call, PidfdGetfd) and call.target is not None:
            table = call.target.table
            if any(
                d.task.table is table and (d.changes or d.allocates or d.copies) for d in self.in_flight()
            ):
                return False
        if isinstance(call, Spawn) and any(call.orphans(other) for other in self.in_flight()):
            return False
        if isinstance(call, Exec) and not doomed_safely(call.task.process.tasks, call.task):
            return False
        unseen = (task for task in self.kernel.tasks if task.ending and not task.end_shown)
        if call.copies and any(task.table is call.table for task in unseen):
            return False  # whether the table is shared decides whether there is a copy
        return not any(conflict(call, other) for other in self.rivals(call))

    def may_advance(self, call: Call) -> bool:
        """Whether the effect may come now."""
        if self.racy:
            return True
        if isinstance(call, Exit):
            ending = (call.victim or call.task).process.alive
            doomed = [sharer for task in ending for sharer in task.table.tasks]
            return call.name == "exit" or self.closing or doomed_safely(doomed, call.task)
        if not call.allocates:
            return True
        if any(other.window for other in self.rivals(call)):
            return False
        try:
            number = call.table.lowest_free()
        except Refused:
            return True
        spoken_for = {n for d in self.rivals(call) if not d.done for n in d.uses | d.changes}
        return number not in spoken_for


def conflict(call: Call, other: Call) -> bool:
    """Whether the order of two overlapping calls on one table would be open.

    `call` is about to be entered, `other` is in flight.
    """
    taken = set(other.taken)
    blind = any(fd not in call.table.open for fd in call.uses | call.changes)
    return bool(
        call.changes & (other.uses | other.changes | taken)
        or call.uses & (other.changes | taken)
        or call.mentions & taken
        or (call.copies and other.copies and not isinstance(call, Spawn) and not isinstance(other, Spawn))
        or (call.copies and other.ends)
        or (call.ends and other.copies)
        or (call.copies and (other.changes or taken))
        or (other.window and (call.changes or call.allocates))
        or (blind and other.allocates)
        or (other.blind and call.allocates)
    )
