"""Threads over one table, threads that leave it, and calls in flight."""

from __future__ import annotations

import pytest

from tests.live.compare import complaints

forms = pytest.mark.parametrize(
    ("form", "flags"),
    [("file", ["-f"]), ("file", ["-f", "-yy", "-tt"]), ("family", ["-ttt", "-T"])],
    ids=["shared log", "shared log -yy -tt", "-ff -ttt -T"],
)


@forms
@pytest.mark.parametrize("scenario", ["thread_unshares", "range_unshares"])
def test_a_thread_leaves_the_table(recorder, program, scenario, form, flags):
    # GIVEN a thread that takes a private copy of the table
    command = [program("threads"), scenario]

    # WHEN it and the others go on opening and closing
    recording = recorder.run(command, flags, form)

    # THEN both tables are the kernel's
    assert any(tid for _, tid in recording.kernel)
    assert not complaints(recording)


@forms
@pytest.mark.parametrize("scenario", ["exec_not_leader", "exec_from_private_table"])
def test_exec_from_a_thread_that_is_not_the_leader(recorder, program, scenario, form, flags):
    # GIVEN a thread that replaces the whole process
    command = [program("threads"), scenario]

    # WHEN the thread's id disappears and the leader's line ends the call
    recording = recorder.run(command, flags, form)

    # THEN the process has that thread's table without its close-on-exec numbers
    assert not complaints(recording)


@forms
@pytest.mark.parametrize("scenario", ["leader_leaves", "fork_in_thread"])
def test_threads_outlive_and_fork(recorder, program, scenario, form, flags):
    # GIVEN threads that carry on without the leader, or fork beside it
    command = [program("threads"), scenario]

    # WHEN they are recorded
    recording = recorder.run(command, flags, form)

    # THEN process and children have the kernel's tables
    assert not complaints(recording)


@forms
@pytest.mark.parametrize("scenario", ["reuse_in_flight", "numbers_reserved", "accept_restarts"])
def test_numbers_of_calls_in_flight(recorder, program, scenario, form, flags):
    # GIVEN calls that hold or free a number while they are under way
    command = [program("threads"), scenario]

    # WHEN other threads open meanwhile
    recording = recorder.run(command, flags, form)

    # THEN every number is where the kernel has it
    assert not complaints(recording)
