"""The reference kernel obeys what is known of Linux; fdtrace recovers what it did from its captures."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings

from tests.reference_calls import MAKERS, Close, CloseRange, Dup, DupOver, Make, Pair, SetFlag, Wait
from tests.reference_kernel import Call, Kernel, Task
from tests.reference_measure import load
from tests.reference_process_calls import Exec, Exit, Pass, PidfdGetfd, PidfdOpen, Receive, Spawn, Unshare
from tests.reference_verdict import compare
from tests.reference_worlds import contents, possible_tables
from tests.strace_text import Capture, Form, print_capture
from tests.strategies import captures, kernels

STEADY = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def go(call: Call) -> Call:
    """Runs a call from its entry to its exit, or as far as it gets."""
    call.kernel.enter(call)
    while call.pending and not call.task.ending and call.kernel.advance(call):
        pass
    if call.done and not call.task.ending:
        call.kernel.leave(call)
    return call


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def task(kernel: Kernel) -> Task:
    return kernel.tasks[0]


def make(task: Task, kernel: Kernel, cloexec: bool = False, outcome: str = "") -> int | str:
    return go(Make(kernel, task, MAKERS[1], cloexec, outcome)).result


def spawn(kernel: Kernel, task: Task, style: str = "clone", **how: bool) -> Task:
    call = Spawn(kernel, task, style, **how)
    go(call)
    child = call.child
    assert child is not None
    child.attached = True
    return child


def numbers(task: Task) -> list[int]:
    return sorted(task.table.open)


class TestNumbers:
    def test_a_creator_gets_the_lowest_free_number(self, kernel: Kernel, task: Task) -> None:
        assert [make(task, kernel) for _ in range(3)] == [3, 4, 5]
        go(Close(kernel, task, 4))
        assert make(task, kernel) == 4

    def test_f_dupfd_takes_the_lowest_free_number_from_its_minimum_on(
        self, kernel: Kernel, task: Task
    ) -> None:
        assert go(Dup(kernel, task, 0, 10)).result == 10
        assert go(Dup(kernel, task, 0, 10, cloexec=True)).result == 11
        assert task.table.open[11].cloexec
        assert go(Dup(kernel, task, 0, 2000)).result == "EINVAL"

    def test_at_the_limit_creators_fail_with_emfile_and_take_nothing(self) -> None:
        kernel = Kernel(limit=4)
        (task,) = kernel.tasks
        assert go(Pair(kernel, task, "pipe2", cloexec=False)).result == "EMFILE"
        assert make(task, kernel) == 3
        assert make(task, kernel) == "EMFILE"
        assert numbers(task) == [0, 1, 2, 3]

    def test_a_blocked_accept_holds_its_number_back(self, kernel: Kernel, task: Task) -> None:
        listener = go(Make(kernel, task, MAKERS[2], False)).result
        assert isinstance(listener, int)
        thread = spawn(kernel, task, "clone3", thread=True)
        accept = Wait(kernel, thread, listener, cloexec=True)
        kernel.enter(accept)
        kernel.advance(accept)
        assert make(task, kernel) == 5
        assert 4 not in task.table.open
        assert go(DupOver(kernel, task, 0, 4)).result == "EBUSY"
        assert go(Close(kernel, task, 4)).result == "EBADF"
        kernel.advance(accept)
        assert accept.result == 4

    def test_an_interrupted_accept_gives_its_number_back(self, kernel: Kernel, task: Task) -> None:
        go(Make(kernel, task, MAKERS[2], False))
        assert go(Wait(kernel, task, 3, cloexec=False, outcome="ERESTARTSYS")).result == "ERESTARTSYS"
        assert make(task, kernel) == 4


class TestDup:
    def test_dup2_onto_itself_keeps_the_flag(self, kernel: Kernel, task: Task) -> None:
        make(task, kernel, cloexec=True)
        life = task.table.open[3]
        assert go(DupOver(kernel, task, 3, 3)).result == 3
        assert task.table.open[3] is life
        assert life.cloexec
        assert go(DupOver(kernel, task, 3, 3, "O_CLOEXEC")).result == "EINVAL"

    def test_dup2_closes_what_was_there_and_clears_the_flag(self, kernel: Kernel, task: Task) -> None:
        make(task, kernel, cloexec=True)
        call = go(DupOver(kernel, task, 0, 3))
        (old,) = task.table.past
        assert (old.how, old.closer) == ("dup_over", call)
        assert not task.table.open[3].cloexec
        assert task.table.open[3].description is task.table.open[0].description

    def test_dup2_of_a_closed_number_closes_nothing(self, kernel: Kernel, task: Task) -> None:
        assert go(DupOver(kernel, task, 9, 0)).result == "EBADF"
        assert numbers(task) == [0, 1, 2]


class TestClose:
    @pytest.mark.parametrize("error", ["EIO", "EINTR"])
    def test_an_error_still_releases(self, kernel: Kernel, task: Task, error: str) -> None:
        make(task, kernel, outcome=error)
        assert go(Close(kernel, task, 3)).result == error
        assert go(Close(kernel, task, 3)).result == "EBADF"

    def test_an_injected_error_does_not(self, kernel: Kernel, task: Task) -> None:
        assert go(Close(kernel, task, 0, injected=True)).result == "EIO"
        assert 0 in task.table.open

    def test_close_range_closes_its_range_and_never_says_ebadf(self, kernel: Kernel, task: Task) -> None:
        assert go(CloseRange(kernel, task, 1, 4294967295)).result == 0
        assert numbers(task) == [0]
        assert go(CloseRange(kernel, task, 5, 4)).result == "EINVAL"

    def test_close_range_cloexec_closes_nothing(self, kernel: Kernel, task: Task) -> None:
        go(CloseRange(kernel, task, 1, 2, "CLOSE_RANGE_CLOEXEC"))
        assert [task.table.open[fd].cloexec for fd in (0, 1, 2)] == [False, True, True]

    def test_close_range_unshare_leaves_the_others_alone(self, kernel: Kernel, task: Task) -> None:
        thread = spawn(kernel, task, "clone3", thread=True)
        go(CloseRange(kernel, thread, 0, 1, "CLOSE_RANGE_UNSHARE"))
        assert numbers(thread) == [2]
        assert numbers(task) == [0, 1, 2]

    @pytest.mark.parametrize("by_ioctl", [False, True])
    def test_flags(self, kernel: Kernel, task: Task, by_ioctl: bool) -> None:
        go(SetFlag(kernel, task, 1, True, by_ioctl))
        assert task.table.open[1].cloexec
        go(SetFlag(kernel, task, 1, False, by_ioctl))
        assert not task.table.open[1].cloexec


class TestProcesses:
    @pytest.mark.parametrize("style", ["fork", "vfork", "clone", "clone3", "spawn"])
    def test_a_child_has_a_copy(self, kernel: Kernel, task: Task, style: str) -> None:
        make(task, kernel, cloexec=True)
        child = spawn(kernel, task, style)
        assert child.table.open[3].cloexec
        go(Close(kernel, child, 3))
        assert 3 in task.table.open

    @pytest.mark.parametrize("how", [{"files": True}, {"thread": True}])
    def test_clone_files_shares(self, kernel: Kernel, task: Task, how: dict[str, bool]) -> None:
        child = spawn(kernel, task, "clone3", **how)
        make(child, kernel)
        assert numbers(task) == [0, 1, 2, 3]

    def test_a_pidfd_from_clone_is_not_in_the_child(self, kernel: Kernel, task: Task) -> None:
        child = spawn(kernel, task, "clone", pidfd=True)
        assert numbers(task) == [0, 1, 2, 3]
        assert task.table.open[3].cloexec
        assert numbers(child) == [0, 1, 2]

    def test_a_vfork_parent_waits_for_exec_or_exit(self, kernel: Kernel, task: Task) -> None:
        child = spawn(kernel, task, "vfork")
        vfork = task.call
        assert vfork is not None
        assert not kernel.advance(vfork)
        go(Exec(kernel, child))
        assert kernel.advance(vfork)

    def test_exec_closes_close_on_exec_numbers_of_the_caller_only(self, kernel: Kernel, task: Task) -> None:
        make(task, kernel, cloexec=True)
        make(task, kernel)
        child = spawn(kernel, task, "clone", files=True)
        go(Exec(kernel, child))
        assert numbers(child) == [0, 1, 2, 4]
        assert numbers(task) == [0, 1, 2, 3, 4]

    def test_exec_of_a_thread_takes_over_the_pid(self, kernel: Kernel, task: Task) -> None:
        make(task, kernel)
        thread = spawn(kernel, task, "clone3", thread=True)
        table, pid = thread.table, task.tid
        go(Exec(kernel, thread))
        assert task.gone
        assert (thread.tid, thread.table) == (pid, table)
        assert [seen.what for seen in kernel.seen][-3:] == ["entered", "superseded", "left"]

    def test_a_failed_exec_changes_nothing(self, kernel: Kernel, task: Task) -> None:
        make(task, kernel, cloexec=True)
        thread = spawn(kernel, task, "clone3", thread=True)
        assert go(Exec(kernel, thread, outcome="ENOENT")).result == "ENOENT"
        assert numbers(task) == [0, 1, 2, 3]
        assert not task.ending

    def test_a_table_lives_as_long_as_one_task_uses_it(self, kernel: Kernel, task: Task) -> None:
        child = spawn(kernel, task, "clone", files=True)
        go(Exit(kernel, task, "exit_group"))
        assert numbers(child) == [0, 1, 2]
        go(Exit(kernel, child, "exit"))
        assert {life.how for life in child.table.past} == {"exit"}

    def test_kill_ends_all_threads(self, kernel: Kernel, task: Task) -> None:
        child = spawn(kernel, task)
        thread = spawn(kernel, child, "clone3", thread=True)
        go(Exit(kernel, task, "kill", victim=child))
        assert thread.ending == child.ending == "+++ killed by SIGKILL +++"

    def test_a_thread_can_leave_with_a_copy(self, kernel: Kernel, task: Task) -> None:
        thread = spawn(kernel, task, "clone3", thread=True)
        go(Unshare(kernel, thread))
        make(thread, kernel)
        assert numbers(thread) == [0, 1, 2, 3]
        assert numbers(task) == [0, 1, 2]
        before = thread.table
        go(Unshare(kernel, thread))
        assert thread.table is before


class TestPassing:
    def test_passed_descriptors_survive_the_sender(self, kernel: Kernel, task: Task) -> None:
        go(Pair(kernel, task, "socketpair", cloexec=False))
        make(task, kernel)
        description = task.table.open[5].description
        go(Pass(kernel, task, 3, [5, 0]))
        go(Close(kernel, task, 5))
        assert go(Receive(kernel, task, 4, cloexec=True)).taken == [5, 6]
        assert task.table.open[5].description is description
        assert task.table.open[5].cloexec

    def test_what_does_not_fit_is_dropped(self, kernel: Kernel, task: Task) -> None:
        go(Pair(kernel, task, "socketpair", cloexec=False))
        go(Pass(kernel, task, 3, [0, 1]))
        call = go(Receive(kernel, task, 4, room=1))
        assert call.taken == [5]
        assert "MSG_CTRUNC" in str(call.tail())
        assert go(Receive(kernel, task, 4)).result == "EAGAIN"

    def test_peeking_installs_each_time(self, kernel: Kernel, task: Task) -> None:
        go(Pair(kernel, task, "socketpair", cloexec=False))
        go(Pass(kernel, task, 3, [0]))
        assert go(Receive(kernel, task, 4, peek=True)).taken == [5]
        assert go(Receive(kernel, task, 4)).taken == [6]

    def test_pidfd_getfd_reads_a_number_of_the_other_table(self, kernel: Kernel, task: Task) -> None:
        child = spawn(kernel, task)
        make(child, kernel)
        go(PidfdOpen(kernel, task, child))
        assert task.table.open[3].cloexec
        assert go(PidfdGetfd(kernel, task, 3, 3)).result == 4
        assert task.table.open[4].description is child.table.open[3].description
        assert go(PidfdGetfd(kernel, task, 3, 9)).result == "EBADF"


class TestText:
    def overlapping(self) -> Kernel:
        """A close that another task's open interrupts."""
        kernel = Kernel()
        (task,) = kernel.tasks
        go(Make(kernel, task, MAKERS[3], False))
        thread = spawn(kernel, task, "clone3", thread=True)
        kernel.note("attached", thread)
        accept = Pair(kernel, thread, "pipe2", cloexec=True)
        close = Close(kernel, task, 3)
        kernel.enter(close)
        kernel.advance(close)
        kernel.enter(accept)
        kernel.advance(accept)
        kernel.leave(close)
        kernel.leave(accept)
        return kernel

    @pytest.mark.parametrize(
        ("spelling", "resumed"),
        [
            ("old", "<... close resumed> )"),
            ("current", "<... close resumed>)"),
            ("new", "<... close resumed>)"),
        ],
    )
    def test_interrupted_calls_are_resumed(self, spelling: str, resumed: str) -> None:
        lines = print_capture(self.overlapping(), Form(spelling=spelling)).text.splitlines()
        assert lines[2:4] == ["4100  close(3 <unfinished ...>", "4101  pipe2( <unfinished ...>"]
        assert lines[4] == f"4100  {resumed}".ljust(40) + "= 0"
        assert lines[5].startswith("4101  <... pipe2 resumed>")
        assert lines[5].endswith("[3, 4], O_CLOEXEC) = 0")

    def test_the_comma_moved_to_the_resumed_line(self) -> None:
        kernel = Kernel()
        (task,) = kernel.tasks
        go(Make(kernel, task, MAKERS[2], False))
        accept = Wait(kernel, task, 3, cloexec=False)
        kernel.enter(accept)
        kernel.note("signal", spawn(kernel, task, "fork"), text="--- SIGUSR1 {} ---")
        heads = {s: print_capture(kernel, Form(spelling=s)).text.splitlines()[1] for s in ("current", "new")}
        assert heads == {
            "current": "4100  accept(3,  <unfinished ...>",
            "new": "4100  accept(3 <unfinished ...>",
        }

    def test_annotations_are_read_at_entry_for_arguments_and_at_exit_for_results(self) -> None:
        text = print_capture(self.overlapping(), Form(annotate="yy")).text
        assert "close(3</dev/null<char 1:3>>" in text
        assert re.search(r"pipe2 resumed>\[3<pipe:\[\d+\]>, 4<pipe:\[\d+\]>\], O_CLOEXEC\) = 0", text)

    def test_brackets_come_and_messages_split_lines(self) -> None:
        lines = print_capture(self.overlapping(), Form(leader="brackets", messages=True)).text.splitlines()
        assert lines[0].startswith("openat(")
        assert lines[2] == "strace: Process 4101 attached"
        assert lines[3].startswith("[pid  4100] close(3")

    def test_split_files_hold_whole_calls(self) -> None:
        files = print_capture(self.overlapping(), Form(split=True, clock="ttt", durations=True)).files
        assert sorted(files) == ["capture.4100", "capture.4101"]
        assert re.fullmatch(
            r"1700000000\.\d{6} pipe2\(\[3, 4\], O_CLOEXEC\) = 0 <0\.000046>\n", files["capture.4101"]
        )

    def test_clocks(self) -> None:
        kernel = self.overlapping()
        starts = {
            clock: print_capture(kernel, Form(clock=clock)).text.splitlines()[1]
            for clock in ("t", "tt", "ttt", "r", "rtt")
        }
        assert starts["t"].startswith("4100  22:13:20 clone3(")
        assert starts["tt"].startswith("4100  22:13:20.000069 clone3(")
        assert starts["ttt"].startswith("4100  1700000000.000069 clone3(")
        assert starts["r"].startswith("4100       0.000046 clone3(")
        assert starts["rtt"].startswith("4100  22:13:20.000069 (+     0.000046) clone3(")


@STEADY
@given(kernels(racy=True))
def test_the_ledger_is_consistent(kernel: Kernel) -> None:
    """No number lives twice at a time, and numbers are held back only for calls in flight."""
    for table in kernel.tables:
        held = [task.call for task in table.tasks if isinstance(task.call, Wait)]
        assert len(table.reserved) <= len(held)
        assert not table.reserved & set(table.open)
        assert all(life.fd == fd and life.how == "none" for fd, life in table.open.items())
        assert all(life.how != "none" for life in table.past)
        assert table.tasks or not table.open


@STEADY
@given(captures())
def test_every_call_has_its_lines(made: tuple[Kernel, Form, Capture]) -> None:
    """The places of a capture point at lines that name the call."""
    _, _, capture = made
    lines = {name: text.splitlines() for name, text in capture.files.items()}
    for key, (file, first, last) in capture.places.items():
        name = capture.calls[key].name
        assert f"{name}(" in lines[file][first - 1]
        assert last == first or any(
            word in lines[file][last - 1] for word in ("resumed>", "unfinished ...>", ")", "changed to")
        )


@settings(STEADY, max_examples=25)
@given(kernels(max_size=40))
def test_calm_programs_leave_open_only_what_was_never_finished(kernel: Kernel) -> None:
    """In every other history that fits the lines, a creator without an exit line made something too."""
    start = Kernel(kernel.initial, kernel.limit)
    possible = possible_tables(kernel, start)
    if possible is not None:
        for tid, really in contents(kernel).items():
            assert really in possible[tid]
            assert all(set(really) <= set(other) for other in possible[tid])


needs_load = pytest.mark.skipif(
    not hasattr(importlib.import_module("fdtrace"), "load"), reason="fdtrace.load is not there"
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captures")


@needs_load
@settings(STEADY, max_examples=80)
@given(made=captures())
def test_fdtrace_recovers_the_history(directory: Path, made: tuple[Kernel, Form, Capture]) -> None:
    """Numbers, close-on-exec flags, lives and shared descriptions are those of the kernel."""
    kernel, form, capture = made
    note(f"{form}")
    for name, text in capture.files.items():
        note(f"== {name}\n{text}")
    assert compare(kernel, capture, load(capture, directory)).differences == []
