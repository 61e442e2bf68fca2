"""What the compiled walk takes over from the fold changes nothing: not a number, not an order."""

from __future__ import annotations

import gc
import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strace_text import Capture
from tests.strategies import captures, damaged_captures

pytest.importorskip("numba")

from fdtrace.checks.leak import Leak
from fdtrace.history import fold, lender, loans, run
from fdtrace.history.callsites import CallSites
from fdtrace.history.kernel import Observer
from fdtrace.history.lives import At, Life
from fdtrace.history.shares import Share
from fdtrace.history.tasks import Task
from fdtrace.history.walking import WalkingFold
from fdtrace.readers.bundle import gather
from fdtrace.readers.strace import scan
from fdtrace.readers.strace.window import Scan

pytestmark = pytest.mark.slow  # the first compilation alone takes half a minute

SAMPLES = sorted((Path(__file__).parents[2] / "samples").rglob("*.strace*"))
STEADY = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FACTS = [
    name
    for name in Life.__slots__
    if name not in ("table", "process", "parent", "slot", "state_source", "passes_cloexec")
]


SHARE = ("opened", "closed", "in_rows", "after_end", "sweeps", "last_close", "row")


class Diary(Observer):
    """Writes down all that an observer hears."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def opened(self, life: Life) -> None:
        self.lines.append(("opened", life.process.pid, life.fd, life.ident, life.kind, life.opened))

    def closed(self, life: Life) -> None:
        self.lines.append(("closed", life.process.pid, *facts(life)))

    def failed(self, task: Task, at: At, fd: int, errno: bytes, last: At | None) -> None:
        self.lines.append(("failed", task.tid, at, fd, errno, last))

    def executed(self, task: Task, at: At, inherited: list[Life]) -> None:
        self.lines.append(("executed", task.tid, at, [life.ident for life in inherited]))


def facts(life: Life) -> list[Any]:
    return [getattr(life, name) for name in FACTS]


def steps(share: Share) -> list[dict[int, int]]:
    return [share.idle.counts(), share.lengths_ns.counts()]


def account(path: Path, walk: bool, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All that is known of a capture in the end, and all that was told on the way."""
    monkeypatch.setenv(run.WALK, "on" if walk else "off")
    (capture,) = gather([str(path)], "strace").captures
    known = Scan()
    diary, leak = Diary(), Leak(known, CallSites())
    history = run.read(capture, [diary, leak], scan=known, lean=True, scanner="fast")
    calls = history.fold.calls
    kernel = calls.kernel
    shares = [
        (key, cell, pattern, [getattr(share, name) for name in SHARE], *steps(share))
        for key, cells in leak.groups.places.items()
        for cell, group in cells.items()
        for pattern in [list(group.patterns.items())]
        for share in group.shares.values()
    ]
    gc.collect()  # of tables that nobody has any more, none is known
    tables = [
        (
            *(table.ident, table.filled, table.changed, sorted(table.touched), sorted(table.cloexec)),
            *(sorted(table.last_closed.items()), [facts(life) for life in table.fds.values()]),
        )
        for table in kernel.tables
    ]
    processes = [
        (
            *(p.pid, p.peak, p.curve.width, list(p.curve._values.items()), p.limit, p.inner, p.left, p.ended),
            *(p.tids, p.exit_code, p.ended_by),
        )
        for p in kernel.processes
    ]
    tasks = [
        (task.tid, task.silent, task.exiting, task.started, task.process.pid, task.table.ident)
        for task in calls.tasks.values()
    ]
    spawns = calls.followed, list(calls.spawns.silent), len(calls.spawns.waiting)
    counts = history.fold.position, kernel.originals, history.fold.syscall_counts, calls.hidden
    threads = list(leak.use._made.items()), leak.use._touched, leak.groups.settled
    return [diary.lines, shares, tables, processes, tasks, spawns, counts, threads, history.coverage]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Tables are lent whenever they can be, and news told often."""
    monkeypatch.setattr(lender, "_WORTH", 0)
    monkeypatch.setattr(lender, "_EACH", 1 << 40)
    monkeypatch.setattr(loans, "_PAYS", -(1 << 40))
    monkeypatch.setattr(fold, "_ROWS_UNTOLD", 29)
    return monkeypatch


def same(path: Path, monkeypatch: pytest.MonkeyPatch, block: int = 1 << 20) -> None:
    usual = scan.FastScanner.__init__.__defaults__
    assert usual is not None
    small = tuple(block if value == scan.BLOCK_BYTES else value for value in usual)
    monkeypatch.setattr(scan.FastScanner.__init__, "__defaults__", small)
    alone = account(path, False, monkeypatch)
    for one, other in zip(account(path, True, monkeypatch), alone, strict=True):
        assert one == other


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = path.read_bytes()
    text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    capture = tmp_path / "sample.strace"
    capture.write_bytes(text[:1_000_000])
    same(capture, monkeypatch)


@STEADY
@given(made=captures(max_size=60), block=st.sampled_from([60, 300, 1 << 16]))
def test_generated_captures(
    eager: pytest.MonkeyPatch, tmp_path: Path, made: tuple[object, object, Capture], block: int
) -> None:
    path = tmp_path / "made.strace"
    for text in filter(None, made[2].files.values()):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        same(path, eager, block)


@STEADY
@given(text=damaged_captures())
def test_damaged_captures(eager: pytest.MonkeyPatch, tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "damaged.strace"
    path.write_bytes(b'4100 execve("/bin/a", ["a"], 0x1 /* 1 var */) = 0\n' + text)
    same(path, eager, 300)


FLAGS = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD"


def threads(count: int, numbers: int) -> str:
    """A server with a thread for each connection; their numbers are given out again and again."""
    lines = [
        '100 execve("/bin/srv", ["srv"], 0x1 /* 1 var */) = 0',
        "100 socket(AF_INET, SOCK_STREAM, 0) = 3",
    ]
    for turn in range(count):
        tid = 200 + turn % numbers
        early = f"{tid} set_robust_list(0x7f, 24) = 0" if turn % 3 else f"{tid} close(5) = 0"
        lines += [
            '100 openat(AT_FDCWD, "/a", O_RDONLY) = 4',
            '100 openat(AT_FDCWD, "/b", O_RDONLY) = 5',
            f"100 clone3({{flags={FLAGS}, exit_signal=0}} <unfinished ...>",
            *([early] if turn % 2 else []),
            f"100 <... clone3 resumed>, 88) = {tid}",
            *([] if turn % 2 else [early]),
            *([f"{tid} close(5) = 0"] if turn % 3 else []),
            f"{tid} write(4, 0x7f, 12 <unfinished ...>",
            "100 read(3, 0x7f, 12) = 12",
            f"{tid} <... write resumed>) = 12",
            f"{tid} close(4) = 0",
            f"{tid} exit(0 <unfinished ...>" if turn % 5 else f"{tid} exit(0) = ?",
            "100 read(3, 0x7f, 12) = 12",
            *([f"{tid} <... exit resumed>) = ?"] if turn % 5 else []),
            f"{tid} +++ exited with 0 +++",
        ]
    return "".join(line + "\n" for line in lines)


def test_threads_come_and_go_while_their_table_stays_lent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lent = tmp_path / "threads.strace", []
    path.write_text(threads(60, 60))
    lend = lender.lend
    monkeypatch.setattr(lender, "lend", lambda *what: (lent.append(what), lend(*what)))

    same(path, monkeypatch)

    assert len(lent) <= 3


def test_numbers_of_threads_are_given_out_again(eager: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "threads.strace"
    path.write_text(threads(60, 7))

    same(path, eager)


def test_programs_come_and_go(eager: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = ['100 execve("/bin/make", ["make"], 0x1 /* 1 var */) = 0']
    for pid in range(101, 160):
        lines += [
            '100 openat(AT_FDCWD, "/a", O_RDONLY|O_CLOEXEC) = 3',
            "100 vfork( <unfinished ...>",
            f"{pid} close(0) = 0",
            f'{pid} execve("/x/cc", ["cc"], 0x1 /* 1 var */) = -1 ENOENT (No such file or directory)',
            f'{pid} execve("/y/cc", ["cc"], 0x1 /* 1 var */ <unfinished ...>',
            "100 <... vfork resumed>) = " + str(pid),
            f"{pid} <... execve resumed>) = " + ("0" if pid % 4 else "-1 ENOENT (No such file or directory)"),
            "100 close(3) = 0",
            f'{pid} openat(AT_FDCWD, "/b", O_RDONLY) = 0',
            f"{pid} exit_group(0) = ?",
            f"{pid} +++ exited with 0 +++",
        ]
    path = tmp_path / "programs.strace"
    path.write_text("".join(line + "\n" for line in lines))

    same(path, eager)


def pipeline(turn: int) -> list[str]:
    """A shell makes a pipe and two children that dup it, execute a program each, and end or are killed."""
    one, two = 200 + 2 * turn, 201 + 2 * turn
    killed = "+++ killed by SIGKILL +++" if turn % 3 else "+++ exited with 1 +++"
    return [
        "100 pipe2([3<pipe:[1]>, 4<pipe:[1]>], O_CLOEXEC) = 0",
        "100 fcntl(5, F_GETFD) = -1 EBADF (Bad file descriptor)",
        *(
            [f"100 fork() = {one}"]
            if turn % 2
            else ["100 fork( <unfinished ...>", f"{one} close(3) = 0", f"100 <... fork resumed>) = {one}"]
        ),
        f"{one} dup2(4, 1 <unfinished ...>",
        "100 close(4) = 0",
        f"{one} <... dup2 resumed>) = 1",
        f"100 clone(child_stack=NULL, flags=SIGCHLD) = {two}",
        f"{two} dup2(3, 0) = 0",
        *([f"{two} fcntl(0, F_SETFD, FD_CLOEXEC) = 0"] if turn % 4 == 1 else []),
        '100 openat(AT_FDCWD, "/log", O_WRONLY) = 4',
        f"{one} read(0, 0x7f, 1) = 0",
        f'{one} execve("/bin/one", ["one"], 0x1 /* 1 var */) = 0',
        "100 close(3 <unfinished ...>",
        f'{two} execve("/bin/two", ["two"], 0x1 /* 1 var */) = 0',
        "100 <... close resumed>) = 0",
        f'{two} openat(AT_FDCWD, "/kept", O_RDONLY) = 3',
        f"{two} close_range(3, 4294967295, CLOSE_RANGE_CLOEXEC) = 0" if turn % 5 else f"{two} close(1) = 0",
        f"{two} fcntl(7, F_GETFD) = -1 EBADF (Bad file descriptor)",
        f"{two} close(3 <unfinished ...>",
        f"{one} exit_group(0 <unfinished ...>",
        "100 close(4) = 0",
        f"{one} <... exit_group resumed>) = ?",
        f"{one} +++ exited with 0 +++",
        f"{two} {killed}",
    ]


@pytest.mark.parametrize("cut", [0, 7])
def test_pipelines(eager: pytest.MonkeyPatch, tmp_path: Path, cut: int) -> None:
    lines = ['100 execve("/bin/sh", ["sh"], 0x1 /* 1 var */) = 0', '100 openat(AT_FDCWD, "/s", 0) = 10']
    for turn in range(40):
        lines += [line for n, line in enumerate(pipeline(turn)) if not cut or (n + turn) % cut]
    path = tmp_path / "pipelines.strace"
    path.write_text("".join(line + "\n" for line in lines))

    same(path, eager)


def test_a_table_stays_lent_while_its_process_forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['100 execve("/bin/make", ["make"], 0x1 /* 1 var */) = 0']
    for pid in range(200, 260):
        lines += [
            *(f'100 openat(AT_FDCWD, "/{n}", O_RDONLY|O_CLOEXEC) = 3\n100 close(3) = 0' for n in range(9)),
            "100 vfork( <unfinished ...>",
            f'{pid} execve("/bin/cc", ["cc"], 0x1 /* 1 var */ <unfinished ...>',
            f"100 <... vfork resumed>) = {pid}",
            f"{pid} <... execve resumed>) = 0",
            *(f'{pid} openat(AT_FDCWD, "/{n}", O_RDONLY) = 3\n{pid} close(3) = 0' for n in range(9)),
            f"{pid} exit_group(0) = ?",
            f"{pid} +++ exited with 0 +++",
        ]
    path, lent = tmp_path / "forks.strace", []
    path.write_text("".join(line + "\n" for line in lines))
    lend = lender.lend
    monkeypatch.setattr(lender, "lend", lambda *what: (lent.append(what[1].process.pid), lend(*what)))

    same(path, monkeypatch)

    assert lent.count(100) <= 2
    assert len(lent) <= 62


@pytest.mark.parametrize("closed", [False, True])
def test_a_child_sees_what_became_of_its_parents_descriptors(
    eager: pytest.MonkeyPatch, tmp_path: Path, closed: bool
) -> None:
    lines = ["100 socket(AF_INET, SOCK_STREAM, 0) = 3", '100 write(9, "x", 1) = 1']
    for pid in range(200, 230):
        lines += [
            f"100 accept4(3, {{sa_family=AF_INET, sin_port=htons({pid}), sin_addr=1}}, [16], 0) = 5",
            f'100 write({pid}, "x", 1) = 1',
            f"100 fork() = {pid}",
            f"{pid} close(3) = 0",
            "100 fcntl(9, F_SETFD, FD_CLOEXEC) = 0",
            f"100 fcntl({pid}, F_SETFD, 0) = 0",
            '100 read(5, "", 10) = 0',
            *(["100 close(5) = 0"] if closed else []),
            *([f"{pid} fcntl(5, F_GETFL) = 2"] if pid % 2 else []),
            f'{pid} write(5, "x", 1) = 1',
            f"{pid} shutdown(5, SHUT_WR) = 0",
            f'{pid} execve("/bin/cgi", ["cgi"], 0x1 /* 1 var */) = 0',
            f'{pid} write({pid}, "x", 1) = 1',
            f"{pid} fcntl({pid}, F_GETFD) = 0",
            f"{pid} exit_group(0) = ?",
            f"{pid} +++ exited with 0 +++",
            *([] if closed else ["100 close(5) = 0"]),
        ]
    path = tmp_path / "children.strace"
    path.write_text("".join(line + "\n" for line in lines))

    same(path, eager)
    eager.setattr(fold, "_ROWS_UNTOLD", 1 << 15)
    same(path, eager)


@pytest.mark.parametrize("how", ["close(5) = 0", "dup2(3, 5) = 5", "close(5 <unfinished ...>"])
def test_nothing_is_kept_of_what_a_child_closes_of_its_parents(
    eager: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    lines = ['100 openat(AT_FDCWD, "/a", O_RDONLY) = 3']
    for pid in range(200, 300):
        lines += [
            '100 openat(AT_FDCWD, "/b", O_RDONLY) = 5',
            f"100 fork() = {pid}",
            f"{pid} {how}",
            *([f"{pid} <... close resumed>) = 0"] if "unfinished" in how else []),
            f'{pid} read(3, "", 10) = 0',
            f"{pid} exit_group(0 <unfinished ...>",
            f"{pid} <... exit_group resumed>) = ?",
            f"{pid} +++ exited with 0 +++",
            "100 close(5) = 0",
        ]
    path, tellers = tmp_path / "children.strace", []
    path.write_text("".join(line + "\n" for line in lines))
    told = lender.Lender.told
    eager.setattr(lender.Lender, "told", lambda self: (tellers.append(self), told(self))[1])

    same(path, eager)

    assert sum(life is not None for life in tellers[-1].lives) <= 2


def test_the_last_calls_of_processes_cost_the_fold_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ['100 execve("/bin/make", ["make"], 0x1 /* 1 var */) = 0']
    for pid in range(200, 230):
        lines += [
            f"100 fork() = {pid}",
            *(f'{pid} openat(AT_FDCWD, "/{n}", O_RDONLY) = 3\n{pid} close(3) = 0' for n in range(9)),
            *([f"{pid} exit_group(0) = ?"] if pid % 2 else []),
            *(
                []
                if pid % 2
                else [f"{pid} exit_group(0 <unfinished ...>", f"{pid} <... exit_group resumed>) = ?"]
            ),
            *([f"{pid} +++ exited with 0 +++"] if pid % 3 else []),  # of the others it is not printed
        ]
    path, taken = tmp_path / "ends.strace", []
    path.write_text("".join(line + "\n" for line in lines))
    take = WalkingFold._take_one
    monkeypatch.setattr(
        WalkingFold, "_take_one", lambda *what: (taken.append(what[1].text(what[2])), take(*what))[1]
    )

    same(path, monkeypatch)

    assert not [text for text in taken if text.startswith(b"exit_group")]
