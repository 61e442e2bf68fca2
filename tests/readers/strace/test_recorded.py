"""The same program recorded with every option that changes the text: the columns stay the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from fdtrace.readers.strace.window import Row
from tests.readers.strace.scanned import Scanned, scan

STRACE = shutil.which("strace")

pytestmark = [pytest.mark.live, pytest.mark.skipif(STRACE is None, reason="strace is not installed")]

PROGRAM = """
import os, signal, socket, sys, threading
os.write(1, b'say "hi)\\n<x> = 3\\n')
a = os.open("/etc/passwd", os.O_RDONLY)
b = os.dup(a)
odd = os.open(sys.argv[1] + '/a<b>"c\\\\d \\u00e9', os.O_CREAT | os.O_RDWR)
os.unlink(sys.argv[1] + '/a<b>"c\\\\d \\u00e9')
os.read(a, 5)
try:
    os.close(99)
except OSError:
    pass
r, w = os.pipe2(os.O_CLOEXEC)
x, y = socket.socketpair()
n = os.open("/dev/null", os.O_WRONLY)
os.dup2(n, b)
signal.signal(signal.SIGUSR1, lambda *_: None)
os.kill(os.getpid(), signal.SIGUSR1)
child = os.fork()
if not child:
    os.write(2, b"from the child")
    os.close(r)
    os._exit(3)
os.waitpid(child, 0)
t = threading.Thread(target=lambda: os.close(n))
t.start()
t.join()
os.close(odd)
os.close(w)
"""
CALLS = (
    "openat,close,dup,dup2,pipe2,socketpair,read,write,unlink,wait4,clone,clone3,vfork,fork,exit_group,execve"
)
FORMS = [
    "", "-t", "-tt", "-ttt", "-r", "-r -t", "-r -tt", "-T", "-tt -T", "-n", "-i", "-n -i -tt -r", "-y", "-yy",
    "-Y -tt", "-X raw", "-X verbose", "-X verbose -y", "-v", "-s 0", "-s 4000", "-x -y", "-xx -y",
    "-xx -yy -ttt -T", "-a 0", "-a 100", "-e raw=close,dup", "-k", "-k -tt -T -yy", "-q", "-qq",
    "-C", "-e read=3 -e write=1",
    "--absolute-timestamps=format:unix,precision:ns", "--absolute-timestamps=format:unix,precision:s",
    "--absolute-timestamps=format:time,precision:ms", "--relative-timestamps=ns", "--syscall-times=s",
    "--syscall-times=ns", "--decode-pids=pidns", "--strings-in-hex=non-ascii-chars",
    "-e status=successful,failed",
]  # fmt: skip


TO_FILE = FORMS[::4]
"""Each form is tried once in every run, these to a file, the others to standard error; both in slow runs."""
WAYS = [
    pytest.param(options, to_file, id=f"{options}-{'file' if to_file else 'stderr'}",
                 marks=() if (options in TO_FILE) == to_file or not options else pytest.mark.slow)
    for options in FORMS
    for to_file in (True, False)
]  # fmt: skip


WHOLE_LINES: defaultdict[str, set[str]] = defaultdict(set)
WHOLE_LINES["-e status=successful,failed"] = {'say "hi)', "<x> = 3"}
"""With `status` a call is printed only after its end, so that output stands on lines of its own."""


def record(folder: Path, options: str, to_file: bool) -> Scanned:
    assert STRACE is not None
    out = folder / "trace"
    command = [STRACE, "-f", *options.split(), "-e", f"trace={CALLS}", *(["-o", str(out)] if to_file else [])]
    command += [sys.executable, "-S", "-c", PROGRAM, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = out.read_bytes() if to_file and out.exists() else done.stdout
    if b"execve(" not in text:
        pytest.skip(f"this strace does not know {options}: {text[:100]!r}")
    return scan(text)


def essence(found: Scanned) -> list[tuple[object, ...]]:
    """Every finished call by thread, without what changes from run to run."""
    order: dict[int, int] = {}
    first = next((row.tid for row in found.of(Row.KNOWN_AS)), 0)
    calls = []
    for row in found.rows:
        tid = first if row.tid == 0 else row.tid
        who = order.setdefault(tid, len(order)) if row.kind not in (Row.KNOWN_AS, Row.ATTACHED) else -1
        if row.kind in (Row.CALL, Row.EXIT) and row.syscall in (
            "openat",
            "close",
            "dup",
            "dup2",
            "pipe2",
            "read",
        ):
            fd = row.fd if row.fd != -100 else None
            calls.append((who, row.syscall, fd, row.ret, row.errno))
    return sorted(calls, key=lambda call: (call[0],))  # type: ignore[arg-type,return-value]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    """Written once before, so that Python finds the same caches in every run."""
    folder = tmp_path_factory.mktemp("plain")
    record(folder, "", to_file=True)
    return essence(record(folder, "", to_file=True))


@pytest.mark.parametrize(("options", "to_file"), WAYS)
def test_options_do_not_change_the_columns(
    tmp_path: Path, plain: list[tuple[object, ...]], options: str, to_file: bool
) -> None:
    if options == "-qq" and not to_file:
        pytest.skip("without exit lines nothing tells whose a line without a number is")
    found = record(tmp_path, options, to_file)
    assert essence(found) == plain
    assert {problem.text for problem in found.problems if "summary" not in problem.reason} <= WHOLE_LINES[
        options
    ]
    if "-k" in options.split():
        assert all(row.frames for row in found.rows if row.syscall == "openat" and row.kind != Row.ENTRY)
