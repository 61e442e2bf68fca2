"""The same program in every form that strace can write."""

from __future__ import annotations

import sys

import pytest

from tests.live.compare import complaints

OPTIONS = [
    ["-f", "-t"],
    ["-f", "-r"],
    ["-f", "-tt", "-r"],
    ["-f", "--absolute-timestamps=format:unix,precision:ns"],
    ["-f", "-i", "-n"],
    ["-f", "-k", "-T"],
    ["-f", "-v", "-s", "0"],
    ["-f", "-x", "-y"],
    ["-f", "-X", "verbose", "-yy"],
    ["-f", "-X", "raw"],
    ["-f", "-Y"],
    ["-f", "-qqq"],
    ["-f", "-a", "1"],
    ["-f", "-z"],
    ["-f", "-e", "read=3", "-e", "write=1"],
    ["-f", "-e", "raw=close,dup2,openat"],
    ["-f", "-e", "trace=%desc,%network,%process,close_range,unshare"],
    ["-f", "--seccomp-bpf", "-e", "trace=%desc,%network,%process,close_range,unshare"],
]

PYTHON = """
import os, socket, subprocess, threading, time
keep = [open("/etc/passwd"), socket.socketpair(), os.pipe()]
server = socket.create_server(("127.0.0.1", 0))
def serve():
    while True:
        keep.append(server.accept()[0])
threading.Thread(target=serve, daemon=True).start()
for i in range(4):
    client = socket.create_connection(server.getsockname())
    client.close() if i % 2 else keep.append(client)
subprocess.run(["true"], stdout=subprocess.PIPE)
keep.append(subprocess.Popen(["sleep", "1000"], stdin=subprocess.PIPE, pass_fds=[keep[0].fileno()]))
time.sleep(1000)
"""

SHELL = """
exec 3</etc/passwd 5>&1
(exec 6</etc/group; sleep 1000) &
sleep 1000 | { exec 7</dev/null; sleep 1000; } &
exec 3<&-
x=$(ls /etc | head -1)
wait
"""


@pytest.mark.parametrize("flags", OPTIONS, ids=" ".join)
def test_every_option(recorder, program, flags):
    # GIVEN a program that forks, copies and closes
    command = [program("processes"), "fork_copies"]

    # WHEN it is recorded with this option
    recording = recorder.run(command, flags)

    # THEN the tables are the kernel's
    assert not complaints(recording)


@pytest.mark.parametrize("scenario", ["fork_copies", "vfork_closes", "daemon_leaves"])
@pytest.mark.parametrize("flags", [["-f"], ["-f", "-tt", "-y"]], ids=" ".join)
def test_mixed_with_what_the_program_writes(recorder, program, scenario, flags):
    # GIVEN a trace on standard error, where pids come and go and messages cut lines
    command = [program("processes"), scenario]

    # WHEN it is recorded
    recording = recorder.run(command, flags, form="stderr")

    # THEN the tables are the kernel's
    assert not complaints(recording)


@pytest.mark.parametrize(
    ("form", "flags"),
    [("file", ["-f"]), ("file", ["-f", "-yy", "-T"]), ("family", ["-ttt", "-T", "-y"])],
    ids=["shared log", "-yy", "-ff"],
)
@pytest.mark.parametrize(
    "command", [[sys.executable, "-S", "-E", "-c", PYTHON], ["sh", "-c", SHELL]], ids=["python", "sh"]
)
def test_real_software(recorder, command, form, flags):
    # GIVEN an interpreter with threads, sockets and children, or a shell with jobs and pipelines
    # WHEN it is recorded
    recording = recorder.run(command, flags, form)

    # THEN the tables are the kernel's
    assert not complaints(recording)
