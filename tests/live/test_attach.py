"""strace attached to a program that already runs."""

from __future__ import annotations

import pytest

from tests.live.compare import complaints
from tests.live.recorder import tasks


@pytest.mark.parametrize(
    ("form", "flags"),
    [("file", ["-f"]), ("file", ["-f", "-yy", "-ttt"]), ("family", ["-ttt", "-T"])],
    ids=["shared log", "shared log -yy -ttt", "-ff -ttt -T"],
)
def test_a_process(recorder, program, form, flags):
    # GIVEN a running program that holds descriptors
    command = [program("attached")]

    # WHEN strace attaches, and the program opens, closes, copies and forks
    recording = recorder.attach(command, flags, form)

    # THEN what it made is rebuilt, and nothing that it closed
    assert not complaints(recording)


def test_each_thread_by_its_own_id(recorder, program):
    # GIVEN a running program of two threads
    command = [program("attached")]

    # WHEN strace is given the ids of both
    recording = recorder.attach(command, ["-f", "-y"], whom=tasks)

    # THEN they are one process with one table
    assert not complaints(recording)
