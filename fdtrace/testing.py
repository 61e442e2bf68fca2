"""Leaks as failing tests: run a program under strace, and demand that it closes what it opens.

    from fdtrace.testing import assert_no_leaks, traced

    def test_an_import_closes_its_files():
        with traced([sys.executable, "-m", "shop.load", "orders.csv"]) as case:
            assert_no_leaks(case)

Nothing here needs pytest: what fails is an AssertionError, what cannot be run a
CannotRecord, or with `missing="skip"` a unittest.SkipTest, which pytest knows too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from . import baseline as baselines
from .case import Case
from .comparison.sides import Side
from .errors import CannotRecord
from .findings import Findings
from .loading import load
from .model import SEVERITIES, Finding, Severity
from .record.permission import explained
from .record.plan import me
from .record.strace_options import Wish, options, words_of
from .record.tools import find_strace
from .report import cells

_PATIENCE_S = 10.0
_PAUSE_S = 0.02


def assert_no_leaks(
    case: Case | str | os.PathLike[str],
    *,
    severity: Severity = "medium",
    allow: Sequence[str] = (),
    baseline: str | os.PathLike[str] | None = None,
    only: Sequence[str] | None = ("leak",),
) -> None:
    """Raise an AssertionError, with the answer as its message, if something leaks.

    Args:
        case: a Case, or what `load` takes.
        severity: what is less serious passes. Descriptors that are opened in one go, all
            within a second, are "low": they look like a start-up. Let the program do its
            work more often, or fail on "low" too.
        allow: what is accepted: keys, call sites, callers or targets, with `*` and `?`. One
            that fits nothing is warned of.
        baseline: a file of accepted findings (see `fdtrace check --write-baseline`); what
            is worse than there fails.
        only: the checks to run; None for every one.

    A capture that could not have shown a leak does not pass either: without calls
    or closes in it nothing is proved.
    """
    __tracebackhide__ = True
    judged = case if isinstance(case, Case) else load(case)
    found = judged.check(only)
    _demand_sight(found)
    left, unused = baselines.accepted(found, allow)
    for pattern in unused:
        warnings.warn(f"allow={pattern!r} fits no finding: it may be fixed", stacklevel=2)
    if baseline is not None:
        side = Side("", left, found.coverage, None)
        left = baselines.judge(side, baselines.read(baseline).only(only), severity).open
    serious = [one for one in left if SEVERITIES.index(one.severity) >= SEVERITIES.index(severity)]
    if serious:
        raise AssertionError(_message(serious, found, severity))


def _demand_sight(found: Findings) -> None:
    """A trace without calls, or without closes, is no proof."""
    __tracebackhide__ = True
    if not found.coverage:
        raise AssertionError("cannot tell whether anything leaks: there is no capture")
    for one in found.coverage:
        if one.kind == "strace" and not (one.calls and one.closes_visible):
            what = "the closes are" if one.calls else "there is"
            said = f"{what} {'not in it' if one.calls else 'no system call in it'}"
            raise AssertionError(
                f"cannot tell whether {one.capture} leaks: {said}. Record with: {one.remedy}"
            )


def _message(serious: Sequence[Finding], found: Findings, severity: Severity) -> str:
    """The answer about these findings, and what accepts them."""
    what = cells.counted(len(serious), "finding")
    answer = str(Findings(serious, found.coverage, found.asked)).rstrip("\n")
    keys = ", ".join(repr(one.key) for one in serious[:5])
    more = ", …" if len(serious) > 5 else ""
    return f"{what} of severity {severity} or more\n\n{answer}\n\nTo accept it: allow=[{keys}{more}]"


@contextlib.contextmanager
def traced(
    command: Sequence[str | os.PathLike[str]],
    *,
    during: Callable[[int], object] | None = None,
    port: int | None = None,
    stacks: bool = True,
    timeout: float = 60.0,
    returncode: int | None = 0,
    missing: Literal["raise", "skip"] = "raise",
    cwd: str | os.PathLike[str] | None = None,
    env: dict[str, str] | None = None,
    input: bytes | None = None,
    keep: str | os.PathLike[str] | None = None,
) -> Iterator[Case]:
    """Run a program under strace to its end; the Case is what it did.

    Args:
        command: the program and its arguments. Its output goes where the test's own goes.
        during: for a server: called with its process number while it runs; when it
            returns, the program is sent SIGTERM, and any way to end is accepted.
        port: `during` is called once something listens at this port of TCP.
        stacks: record who opens what (slower; a strace that cannot is run without).
        timeout: seconds until the program is killed and TimeoutError raised.
        returncode: how the program has to end, else AssertionError; None for any way.
        missing: what to do without strace, or without the permission to trace: "raise"
            a CannotRecord, or "skip" the test.
        cwd: the program's working directory.
        env: its environment.
        input: what it reads on standard input.
        keep: a directory for the capture, which stays there; else it is gone after the block.

    Raises:
        CannotRecord: strace is missing or may not trace; the message says what helps.
        FileNotFoundError: there is no such program.
        AssertionError: the program ended in another way than it had to.
    """
    __tracebackhide__ = True
    with contextlib.ExitStack() as stack:
        folder = os.fspath(keep) if keep is not None else stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "app.strace")
        try:
            line = [os.fspath(word) for word in command]
            use = None if during is None else _Use(during, port, timeout)
            code = _run(line, path, stacks, use, timeout, cwd, env, input)
        except CannotRecord as error:
            if missing == "skip":
                raise unittest.SkipTest(str(error)) from None
            raise
        if during is None and returncode is not None and code != returncode:
            raise AssertionError(f"{command[0]} ended with {code}, not with {returncode}")
        yield load(path)


def _run(
    command: list[str],
    path: str,
    stacks: bool,
    use: _Use | None,
    timeout: float,
    cwd: str | os.PathLike[str] | None,
    env: dict[str, str] | None,
    input: bytes | None,
) -> int:
    """Runs the program under strace, and returns its exit code (negative: the signal that ended it)."""
    strace = find_strace()
    if shutil.which(command[0], path=(env or os.environ).get("PATH")) is None and cwd is None:
        raise FileNotFoundError(f"there is no program {command[0]!r} to be traced")
    wish = Wish(stacks=stacks and bool(strace.stacks))
    line = [strace.path, *words_of(options(strace, wish)), "-o", os.path.abspath(path), "--", *command]
    with tempfile.TemporaryFile() as complaints:
        taken = subprocess.DEVNULL if input is None else subprocess.PIPE
        process = subprocess.Popen(line, cwd=cwd, env=env, stdin=taken, stderr=complaints)
        try:
            if use is not None:
                use.of(process, path)
            process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{command[0]} did not end within {timeout:g} s") from None
        finally:
            _end(process)
        complaints.seek(0)
        said = complaints.read().decode("utf-8", "replace")
    if process.returncode and not (os.path.exists(path) and os.path.getsize(path)):
        raise CannotRecord(explained(said, me()))
    return process.returncode


@dataclass(frozen=True)
class _Use:
    """How a server is used: by `during`, once it listens at `port`, within so many seconds."""

    during: Callable[[int], object]
    port: int | None
    timeout: float

    def of(self, process: subprocess.Popen[bytes], path: str) -> None:
        """Lets `during` use the program, and asks it to end."""
        end = time.monotonic() + self.timeout
        while not ((pids := _children(process.pid)) and self._ready(path)):
            if process.poll() is not None:
                return
            if time.monotonic() > end:
                where = "did not start" if self.port is None else f"does not listen at port {self.port}"
                raise TimeoutError(f"the program {where} within {self.timeout:g} s")
            time.sleep(_PAUSE_S)
        self.during(pids[0])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[0], signal.SIGTERM)

    def _ready(self, path: str) -> bool:
        if self.port is not None:
            return _listens(self.port)
        return os.path.exists(path) and os.path.getsize(path) > 0


def _listens(port: int) -> bool:
    """Whether a socket of TCP listens at a port, without a connection that the program would see."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{name}", encoding="ascii") as stream:
            for row in stream:
                words = row.split()
                if words[3:4] == ["0A"] and words[1].endswith(f":{port:04X}"):
                    return True
    return False


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        return []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends what still runs: the program first, whose tracer ends with it."""
    if process.poll() is not None:
        return
    for pid in _children(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


__all__ = ["assert_no_leaks", "traced"]
