"""What is noted of waiting while a capture is read is what reading it again would find."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fdtrace.history import run, waits
from fdtrace.history.run import History
from fdtrace.readers.bundle import gather
from tests.strategies import damaged_captures

SAMPLES = sorted((Path(__file__).parents[2] / "samples").rglob("*.strace*"))
STEADY = settings(
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
EXEC = '100 1700000000.000001 execve("/bin/a", ["a"], 0x1 /* 1 var */) = 0'
LEADER = "{tid} 17000000{second:02}.{micro:06} "


class Server:
    """A program of some processes and threads that wait in all ways there are, as strace would print it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lines = [EXEC]
        self._threads = {100: 100}
        self._next = 101
        self._under_way: dict[int, str] = {}

    def text(self, steps: int) -> str:
        """So many things that it does, one after the other."""
        choice = self._random.choice
        for _ in range(steps):
            tid = choice([*self._threads])
            rest = self._under_way.pop(tid, None)
            if rest is not None:
                self._say(tid, rest)
            elif self._random.random() < 0.1:
                self._ends(tid) if len(self._threads) > 1 and choice((True, False)) else self._begins(tid)
            else:
                self._calls(tid)
        return "\n".join([*self._lines, ""])

    def _say(self, tid: int, what: str) -> None:
        at = len(self._lines)
        self._lines.append(LEADER.format(tid=tid, second=at // 1000, micro=at % 1000 * 7) + what)

    def _begins(self, tid: int) -> None:
        flags = self._random.choice(("CLONE_VM|CLONE_FILES|CLONE_THREAD|CLONE_SIGHAND", "SIGCHLD"))
        child, self._next = self._next, self._next + 1
        self._say(tid, f"clone(child_stack=0x7f00, flags={flags}) = {child}")
        self._threads[child] = self._threads[tid] if "THREAD" in flags else child
        self._calls(child)

    def _ends(self, tid: int) -> None:
        process = self._threads[tid]
        alone = list(self._threads.values()).count(process) == 1
        if tid == process or alone:
            members = [other for other, of in self._threads.items() if of == process]
            if process == 100:
                return
            self._say(tid, "exit_group(0) = ?")
        else:
            members = [tid]
            self._say(tid, "exit(0) = ?")
        for member in members:
            self._say(member, "+++ exited with 0 +++")
            del self._threads[member]
            self._under_way.pop(member, None)

    def _calls(self, tid: int) -> None:
        call = self._random.choice((self._control, self._control, self._wait, self._poll, self._read))()
        name, _, result = call.rpartition(") = ")
        if self._random.random() < 0.3:
            cut = self._random.choice([at for at, c in enumerate(name) if c in "(, "]) + 1
            while name[cut : cut + 1] == " ":
                cut += 1
            self._say(tid, f"{name[:cut]} <unfinished ...>")
            word = name.partition("(")[0]
            self._under_way[tid] = f"<... {word} resumed>{name[cut:]}) = {result}"
        else:
            self._say(tid, call)

    def _fd(self) -> str:
        number = self._random.randrange(5, 14)
        note = self._random.choice(
            ("", "<TCP:[10.0.0.1:80->10.0.0.2:99]>", f"<UNIX-STREAM:[{number}]>", "</a=data=6>")
        )
        return f"{number}{note}"

    def _data(self) -> str:
        number = self._random.choice((5, 6, 7, 8, 9, 94534534345345, (1 << 64) - 2, 12))
        return self._random.choice((f"{{u32={number % 1000}, u64={number}}}", f"{number}", f"0x{number:x}"))

    def _epoll(self) -> str:
        return f"{self._random.choice('34')}{self._random.choice(('', '<anon_inode:[eventpoll]>'))}"

    def _control(self) -> str:
        choice = self._random.choice
        what = choice(
            ("EPOLL_CTL_ADD", "EPOLL_CTL_MOD", "EPOLL_CTL_DEL", "0x1 /* EPOLL_CTL_ADD */", "2", "1")
        )
        events = choice(("EPOLLIN", "EPOLLIN|EPOLLRDHUP|EPOLLET", "0x1 /* EPOLLIN */"))
        with_data = f"{{events={events}, data={self._data()}}}"
        told = choice((with_data, with_data, with_data, "NULL", "0x7ffd1234abcd"))
        result = choice(("0", "0", "0", "-1 ENOENT (No such file or directory)"))
        return f"epoll_ctl({self._epoll()}, {what}, {self._fd()}, {told}) = {result}"

    def _wait(self) -> str:
        choice = self._random.choice
        kinds = (
            "EPOLLIN",
            "EPOLLHUP",
            "EPOLLIN|EPOLLRDHUP",
            "EPOLLERR|EPOLLHUP|EPOLLRDHUP",
            "NOHUP",
            "EPOLLHUPS",
        )
        events = [f"{{events={choice(kinds)}, data={self._data()}}}" for _ in range(choice((0, 1, 3)))]
        return f"epoll_wait({self._epoll()}, [{', '.join(events)}], 64, -1) = {len(events)}"

    def _poll(self) -> str:
        fds = [self._fd() for _ in range(self._random.choice((1, 2, 12)))]
        if self._random.random() < 0.3:
            return f"select(20, [{' '.join(fds)}], NULL, NULL, NULL) = 1 (in [{fds[0]}])"
        many = ", ".join(f"{{fd={fd}, events=POLLIN}}" for fd in fds)
        return f"poll([{many}{self._random.choice(('', ', ...'))}], {len(fds) + 3}, -1) = 1"

    def _read(self) -> str:
        return self._random.choice(
            (f'read({self._fd()}, "x", 1) = 1', f"read({self._fd()}, 0x1, 1) = ?", "futex(0x1, 0) = 0")
        )


def said(found: dict[int, waits.Waits], history: History) -> dict[Any, Any]:
    """What is said of processes that wait for anything, by what they are."""
    places = {id(process): place for place, process in enumerate(history.fold.calls.kernel.processes)}
    told = {}
    for key, one in found.items():
        registered = {k: v for k, v in one.registered.items() if v.added}
        told[places[key]] = (one.numbers, one.hidden, one.epolls, registered, one.hung_up & set(registered))
    return {key: what for key, what in told.items() if any(what)}


def reading(path: Path, scanner: Any, lean: bool = True) -> History:
    (capture,) = gather([str(path)], "strace").captures
    return run.read(capture, lean=lean, scanner=scanner, keep=True)


def the_same(path: Path) -> None:
    history = reading(path, "fast")
    assert history.waits is not None
    noted = said(waits.of_processes(history), history)
    history.waits = None
    assert noted == said(waits.of_processes(history), history)
    slow = reading(path, "lines")
    assert slow.waits is None
    assert noted == said(waits.of_processes(slow), slow)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Little room for threads; blocks of a few lines."""
    pytest.importorskip("numba")
    from fdtrace.history import waits_noted
    from fdtrace.readers.strace import scan

    defaults = scan.FastScanner.__init__.__defaults__
    assert defaults is not None
    small = tuple(600 if value == scan.BLOCK_BYTES else value for value in defaults)
    monkeypatch.setattr(scan.FastScanner.__init__, "__defaults__", small)
    monkeypatch.setattr(waits_noted, "_SEATS", 2)
    return monkeypatch


@pytest.fixture
def small(few: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Little room in the log, too: what stands there is brought into the table after each window."""
    from fdtrace.history import waits_noted

    take = waits_noted.WaitsNoted.take

    def take_and_apply(self: waits_noted.WaitsNoted, window: Any) -> None:
        take(self, window)
        self._apply()

    few.setattr(waits_noted.WaitsNoted, "take", take_and_apply)
    return few


@pytest.mark.slow
@STEADY
@given(seed=st.integers(0, 1 << 30), steps=st.integers(5, 200))
def test_any_way_of_waiting(small: pytest.MonkeyPatch, tmp_path: Path, seed: int, steps: int) -> None:
    path = tmp_path / "made.strace"
    path.write_text(Server(seed).text(steps))
    the_same(path)


@pytest.mark.slow
@STEADY
@given(text=damaged_captures(), seed=st.integers(0, 1 << 30))
def test_damaged_captures(few: pytest.MonkeyPatch, tmp_path: Path, text: bytes, seed: int) -> None:
    path = tmp_path / "damaged.strace"
    path.write_bytes(EXEC.encode() + b"\n" + text + Server(seed).text(30).encode()[len(EXEC) + 1 :])
    the_same(path)


@pytest.mark.slow
def test_threads_that_turn_out_to_be_of_one_process(small: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = [
        '200 openat(AT_FDCWD, "/a", O_RDONLY) = 9</a>',
        "200 epoll_ctl(3, EPOLL_CTL_ADD, 7, {events=EPOLLIN, data=7}) = 0",
        "200 epoll_ctl(3, EPOLL_CTL_ADD, 8, {events=EPOLLIN, data=8}) = 0",
        *(f"201 getpid() = {n}" for n in range(200)),
        '201 read(9</a>, "", 9) = 0',
        *(f"201 getuid() = {n}" for n in range(200)),
        "201 epoll_wait(3, [{events=EPOLLHUP, data=7}], 9, -1) = 1",
        "201 epoll_wait(3,  <unfinished ...>",
        "",
    ]
    path = tmp_path / "attached.strace"
    path.write_text("\n".join(lines))
    history = reading(path, "fast")
    (waiting,) = waits.of_processes(history).values()
    assert {fd for _, fd in waiting.registered} == {7, 8}
    assert waiting.hung_up == {(3, 7)}
    the_same(path)


@pytest.mark.slow
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    pytest.importorskip("numba")
    the_same(path)


@pytest.mark.slow
def test_what_is_registered_is_forgotten_with_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    from fdtrace.history import ends, waits_noted

    monkeypatch.setattr(waits_noted, "_TABLE", 1 << 5)
    monkeypatch.setattr(ends, "ENDED_KEPT", 3)
    add = "epoll_ctl(3, EPOLL_CTL_ADD, {}, {{events=EPOLLIN, data={}}}) = 0"
    lines = [EXEC[4:], *(add.format(n, n) for n in range(5, 30))]
    text = [f"100 {line}" for line in lines]
    for child in range(200, 600):
        text += [
            f"100 clone(child_stack=NULL, flags=SIGCHLD) = {child}",
            *(f"{child} {add.format(n, n)}" for n in range(5, 15)),
            f"{child} exit_group(0) = ?",
            f"{child} +++ exited with 0 +++",
        ]
    text += [f"100 epoll_wait(3, [{{events=EPOLLHUP, data={n}}}], 9, -1) = 1" for n in (6, 7)]
    path = tmp_path / "many.strace"
    path.write_text("\n".join([*text, "100 epoll_wait(3,  <unfinished ...>", ""]))
    monkeypatch.setattr(waits_noted, "_LOG", (1 << 12) + waits_noted._UNCLEAR + 50)
    history = reading(path, "fast")
    assert history.waits is not None
    (waiting,) = [
        found
        for key, found in waits.of_processes(history).items()
        if key == id(history.fold.calls.kernel.processes[0])
    ]
    assert {fd for _, fd in waiting.registered} == set(range(5, 30))
    assert waiting.hung_up == {(3, 6), (3, 7)}
    assert waiting.epolls == {3}
    assert len(history.waits._table) < 1 << 14
