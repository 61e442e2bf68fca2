"""Several processes: tables that are copied, shared, left and replaced."""

from __future__ import annotations

import pytest

from tests.live.compare import complaints, complaints_at_exit
from tests.live.recorder import EXIT_GROUP

FORMS = [("file", ["-f"]), ("file", ["-f", "-y", "-tt"]), ("family", ["-ttt", "-T"])]
forms = pytest.mark.parametrize(
    ("form", "flags"), FORMS, ids=["shared log", "shared log -y -tt", "-ff -ttt -T"]
)


@forms
@pytest.mark.parametrize(
    "scenario",
    [
        "fork_copies",
        "vfork_closes",
        "spawns",
        "clone_files",
        "exec_with_sharer",
        "exec_chain",
        "daemon_leaves",
        "killed",
        "clone_pidfd",
        "clone3_pidfd",
    ],
)
def test_tables_of_processes(recorder, program, scenario, form, flags):
    # GIVEN a program of several processes
    command = [program("processes"), scenario]

    # WHEN it is recorded
    recording = recorder.run(command, flags, form)

    # THEN each living process has the kernel's table, and no other process lives
    assert not complaints(recording)


@forms
def test_a_pid_that_comes_back(recorder, program, form, flags):
    # GIVEN a process that ended, and another that got its number
    command = [program("processes"), "pid_comes_back"]

    # WHEN both are in one capture
    recording = recorder.run(command, flags, form)

    # THEN the second has its own table
    assert not complaints(recording)


@pytest.mark.parametrize("flags", [["-f"], ["-f", "--decode-pids=pidns"], ["-f", "-y", "-Y"]], ids=" ".join)
def test_a_pid_namespace(recorder, program, flags):
    # GIVEN processes whose fork returns numbers of another pid namespace
    command = [program("processes"), "pid_namespace"]

    # WHEN they are recorded from outside
    recording = recorder.run(command, flags)

    # THEN every child has the copy of its own parent
    assert not complaints(recording)


SCRIPT = """
ls /etc | sort | head -1
(exec 3</etc/passwd; read x <&3; exit 3)
x=$(wc -l </etc/group)
exec 7>&1
"""


@pytest.mark.skipif(EXIT_GROUP is None, reason="the number of exit_group is not known for this machine")
@pytest.mark.parametrize("form", ["file", "family", "stderr"])
def test_tables_at_exit(recorder, form):
    # GIVEN a shell script with pipelines, subshells and redirections

    # WHEN it runs to its end
    flags = ["-f", "-ttt"] if form != "stderr" else ["-f"]
    recording = recorder.run(["sh", "-c", SCRIPT], flags, form, until_exit=True)

    # THEN every process leaves to its exit what it held there
    assert len(recording.at_exit) >= 5
    assert not complaints_at_exit(recording)
