"""Threads that are born and end in the walk: the fold would have made the same of all their rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")

from fdtrace.history.births import makes_thread
from fdtrace.history.walking import WalkingFold
from tests.history.test_walk import STEADY, eager, same

__all__ = ["eager"]

slow = pytest.mark.slow  # the first compilation alone takes half a minute

FLAGS = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD"
CLONES = (
    ("clone3({{flags=" + FLAGS + ", stack=0x7f0{i:05x}000}}", " => {{parent_tid=[{tid}]}}, 88) = {tid}"),
    ("clone(child_stack=0x7f0{i:05x}000, flags=" + FLAGS, ", tls=0x{tid:x}) = {tid}"),
    ("clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD", ", child_tidptr=0x7f) = {tid}"),
    ("vfork(", ") = {tid}"),
)
BEGIN = '100 execve("/bin/a", ["a"], 0x1 /* 1 var */) = 0'
SIGHTS = (
    "rseq(0x7f, 0x20) = 0",
    'openat(AT_FDCWD, "/a", O_RDONLY) = 3',
    'read(0, "", 9) = 0',
    "read(-1, 0x7f, 9) = -1 EBADF (Bad file descriptor)",
    "futex(0x7f, FUTEX_WAIT <unfinished ...>",
    "futex(0x7f, FUTEX_WAIT) = ?",
    "--- SIGUSR1 {si_signo=SIGUSR1} ---",
    "close(3 <unfinished ...>",
)


class Script:
    """Lines of a capture, as decisions that are drawn make them; every line is one that strace may print."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.lines = [BEGIN]
        self._idle = [100]
        self._calling: dict[int, str] = {}
        self._unborn: list[int] = []
        self._unseen: list[int] = []
        self._next = 100
        self._numbers = self.pick(4, 1000)

    def pick(self, *these: int) -> int:
        """One of these numbers."""
        return self._draw(st.sampled_from(these))

    def step(self) -> None:
        """Something happens."""
        self._draw(st.sampled_from((self.spawn, self.resume, self.see, self.use, self.leave, self.die)))()

    def say(self, tid: int, line: str) -> None:
        """A line is printed."""
        self.lines.append(f"{tid} {line}")

    def number(self) -> int | None:
        """The next free number of a thread."""
        for _ in range(self._numbers):
            self._next = 101 + (self._next - 100) % self._numbers
            if self._next not in {*self._idle, *self._calling, *self._unborn, *self._unseen}:
                return self._next
        return None

    def spawn(self) -> None:
        """A thread makes another, or a process."""
        tid = self.number()
        if not self._idle or tid is None:
            return
        parent = self._draw(st.sampled_from(self._idle))
        begin, end = CLONES[self.pick(0, 0, 0, 0, 1, 1, 2, 3)]
        if self.pick(0, 1):
            self.say(parent, begin.format(i=tid) + end.format(tid=tid))
            self._unseen.append(tid)
            return
        self.say(parent, begin.format(i=tid) + " <unfinished ...>")
        self._idle.remove(parent)
        fails = self.pick(0, 0, 0, 1)
        name = begin.partition("(")[0]
        result = ") = -1 EAGAIN (Resource temporarily unavailable)" if fails else end.format(tid=tid)
        self._calling[parent] = f"<... {name} resumed>{result}"
        if not fails:
            self._unborn.append(tid)

    def resume(self) -> None:
        """A call returns."""
        if not self._calling:
            return
        tid = self._draw(st.sampled_from(sorted(self._calling)))
        line = self._calling.pop(tid)
        self.say(tid, line)
        child = int(line.split()[-1]) if line.split()[-1].isdigit() else 0
        if child in self._unborn:
            self._unborn.remove(child)
            self._unseen.append(child)
        if line.endswith("?"):
            self.say(tid, "+++ exited with 0 +++")
        else:
            self._idle.append(tid)

    def see(self) -> None:
        """A thread prints its first line, or ends before that."""
        children = [*self._unborn, *self._unseen]
        if not children:
            return
        tid = self._draw(st.sampled_from(children))
        (self._unborn if tid in self._unborn else self._unseen).remove(tid)
        if not self.pick(0, 1, 2, 3):
            self.say(tid, "+++ exited with 0 +++")
            return
        line = self._draw(st.sampled_from(SIGHTS))
        self.say(tid, line)
        if line.endswith("?"):
            self.say(tid, "+++ exited with 0 +++")
        elif "unfinished" in line:
            self._calling[tid] = f"<... {line.partition('(')[0]} resumed>) = 0"
        else:
            self._idle.append(tid)

    def use(self) -> None:
        """A thread works on descriptors."""
        if not self._idle:
            return
        tid = self._draw(st.sampled_from(self._idle))
        if self.pick(0, 1, 2):
            self.say(tid, self._draw(st.sampled_from((*SIGHTS[:4], "close(3) = 0", "gettid() = 5"))))
            return
        self._idle.remove(tid)
        if self.pick(0, 1):
            self.say(tid, "accept4(0, <unfinished ...>")
            results = "<unfinished ...>) = ?", "NULL, NULL, 0) = 4", "NULL, NULL, 0) = -1 EINTR (Call)"
            self._calling[tid] = "<... accept4 resumed>" + self._draw(st.sampled_from(results))
        else:
            self.say(tid, "read(0, <unfinished ...>")
            self._calling[tid] = "<... read resumed> <unfinished ...>) = ?"

    def leave(self) -> None:
        """A thread calls exit."""
        if len(self._idle) < 2:
            return
        tid = self._draw(st.sampled_from(self._idle))
        self._idle.remove(tid)
        name = "exit" if self.pick(0, 1, 2, 3, 4) else "exit_group"
        if self.pick(0, 1):
            self.say(tid, f"{name}(0) = ?")
            self.say(tid, "+++ exited with 0 +++")
        else:
            self.say(tid, f"{name}(0 <unfinished ...>")
            self._calling[tid] = f"<... {name} resumed>) = ?"

    def die(self) -> None:
        """A thread is gone without a word, or killed."""
        if self._idle and not self.pick(0, 1, 2):
            tid = self._draw(st.sampled_from(self._idle))
            self._idle.remove(tid)
            self.say(tid, "+++ killed by SIGKILL +++" if self.pick(0, 1) else "+++ exited with 1 +++")


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """A capture of threads that come and go."""
    script = Script(draw)
    for _ in range(draw(st.integers(10, 80))):
        script.step()
    return "".join(line + "\n" for line in script.lines)


@slow
@STEADY
@given(text=scripts(), block=st.sampled_from([90, 1 << 16]))
def test_any_order_of_births_and_deaths(
    eager: pytest.MonkeyPatch, tmp_path: Path, text: str, block: int
) -> None:
    path = tmp_path / "made.strace"
    path.write_text(text)

    same(path, eager, block)


def server(count: int) -> str:
    """A thread for each of many clients, born in any way and gone in any way."""
    begin, end = CLONES[0]
    lines = [BEGIN, "100 socket(AF_INET, SOCK_STREAM, 0) = 3"]
    for tid in range(101, 101 + count):
        first, early = f"{tid} rseq(0x7f, 0x20) = 0", tid % 2
        leaving = tid % 3
        lines += [
            f"100 {begin.format(i=tid)} <unfinished ...>",
            *([first] if early else []),
            f"100 <... clone3 resumed>{end.format(tid=tid)}",
            *([] if early else [first]),
            f"{tid} read(3, <unfinished ...>",
            "100 read(3, 0x7f, 12) = 12",
            f"{tid} <... read resumed>" + ("0x7f, 12) = 12" if leaving else " <unfinished ...>) = ?"),
            *([f"{tid} exit(0) = ?"] if leaving == 1 else []),
            *([f"{tid} exit(0 <unfinished ...>", f"{tid} <... exit resumed>) = ?"] if leaving == 2 else []),
            f"{tid} +++ exited with 0 +++",
        ]
    return "".join(line + "\n" for line in lines)


@slow
def test_threads_cost_the_fold_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, taken = tmp_path / "server.strace", []
    path.write_text(server(2000))  # more than there are seats at first
    take = WalkingFold._take_one
    monkeypatch.setattr(WalkingFold, "_take_one", lambda *what: (taken.append(what[2]), take(*what))[1])

    same(path, monkeypatch)

    assert len(taken) < 10


@slow
def test_no_more_threads_are_followed_than_the_fold_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = CLONES[0]
    tids = range(101, 500)
    lines = [BEGIN, *(f"100 {begin.format(i=tid)}{end.format(tid=tid)}" for tid in tids)]
    lines += [f'{tid} openat(AT_FDCWD, "/a", O_RDONLY) = {tid}' for tid in tids]
    path = tmp_path / "many.strace"
    path.write_text("".join(line + "\n" for line in lines))
    monkeypatch.setattr("fdtrace.history.family.ALIVE", 150)

    same(path, monkeypatch)


@pytest.mark.parametrize(
    ("words", "makes"),
    [
        (f"clone3({{flags={FLAGS}, stack=0}}", True),
        (f"clone(child_stack=0, flags={FLAGS}, child_tidptr=0) = 0", True),
        (f"clone3({{flags={FLAGS}}} => {{parent_tid=[0]}}, 0) = 0 /* 0 in strace's PID NS */", False),
        (f"clone3({{flags={FLAGS}|CLONE_PIDFD, pidfd=0}}", False),
        ("clone(child_stack=0, flags=CLONE_VM|CLONE_FILES|SIGCHLD)", False),
        ("clone(child_stack=NULL, flags=SIGCHLD)", False),
        ("clone(", False),
        ("clone3({flags=0x3d0f00, stack=0}", True),
        ("clone3({flags=0x3d0b00, stack=0}", False),
    ],
)
def test_which_calls_make_a_thread_with_the_table_of_its_caller(words: str, makes: bool) -> None:
    assert makes_thread(words.encode()) is makes
