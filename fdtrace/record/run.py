"""The recording itself: strace and its stream, looks at the processes, and how it all ends.

The main thread waits for signals and for the next thing to do; another one
takes what strace writes. Signals are blocked and asked for, so that nothing is
ever interrupted in the middle.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from ..errors import CannotRecord
from ..readers.manifest import NAME
from . import account, processes
from .account import MESSAGES
from .drain import Drain
from .manifest import ManifestFile
from .permission import explained
from .plan import FAILED, Plan, me
from .sink import Sink
from .snapshots import Look, Snapshots, limits, stamp
from .strace_options import Option, Strace, words_of
from .tools import output_of

_WATCHED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD})
_LONGEST_WAIT_S = 0.25
_PATIENCE_S = 10.0
_FIRST_PAUSE_S, _PART_OF_ALL = 2.0, 50
"""Looks that nobody timed: at least so far apart, and a fiftieth of what was recorded so far."""
_SHARE = 20
"""A look that took a second is not followed by another for so many: looking costs time as well."""
_FROM_KERNEL = 0x80
_MOST_PROCESSES = 2000


@dataclass(frozen=True)
class Outcome:
    """How a recording ended. `code` is the exit code that fdtrace passes on, `words` what is to be said."""

    code: int
    words: tuple[str, ...]


@dataclass
class Recorder:
    """One recording, from its start to its manifest. `tell` says what is worth saying meanwhile."""

    plan: Plan
    strace: Strace
    options: Sequence[Option]
    targets: tuple[int, ...]
    tell: Callable[[str], None]
    _looks: list[Look] = field(default_factory=list)
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)
    _why: str = ""
    _asked: float | None = None
    _interrupts: int = 0
    _told: bool = False
    """Whether it was said already that the recording is cut."""
    _part_began: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Outcome:
        """Record.

        Raises:
            CannotRecord: strace could not begin; nothing is left behind.
        """
        os.mkdir(self.plan.folder, 0o700)
        self._sink = Sink(self.plan.folder, self.plan.ring, self.plan.largest, self.plan.compressed)
        self._sink.on_part = self._part_began.set
        self._snapshots = Snapshots(self.plan.tools, self._sink.append)
        self._manifest = ManifestFile(self.plan.folder)
        self._facts = account.first(self.plan, self.strace, self.options, self.targets)
        self._manifest.write(self._facts)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        try:
            return self._record(before)
        finally:
            self._manifest.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _record(self, mask: set[int]) -> Outcome:
        if self.targets:  # what is open now was opened before the trace
            self._look("before")
        drain = Drain(self._sink.trace, self.plan.compressed)
        with tempfile.TemporaryFile() as messages:
            self._begun = time.monotonic()
            self._process = process = self._start(drain, messages, mask)
            drain.start()
            try:
                self._watch(drain)
            except BaseException:
                self._stop(signal.SIGKILL)
                raise
            finally:
                process.wait()
                drain.finish()
                self._sink.close()
            messages.seek(0)
            said = messages.read(1 << 20)
        if drain.failure is not None:
            raise drain.failure
        if not drain.bytes:
            self._remove()
            told = said.decode(errors="replace")
            raise CannotRecord(explained(told, me(), self.targets[0] if self.targets else None))
        if said:
            self._sink.append(MESSAGES, said)
        return self._finish(drain)

    # -- the tracer ----------------------------------------------------------

    def _start(self, drain: Drain, messages: IO[bytes], mask: set[int]) -> subprocess.Popen[bytes]:
        words = [self.strace.path, *words_of(self.options), "-o", drain.path]
        words += [word for pid in self.targets for word in ("-p", str(pid))]
        attached = bool(self.targets)
        return subprocess.Popen(
            [*words, *(("--", *self.plan.command) if self.plan.command else ())],
            # The program has our input and output; an attached strace has nothing to do with the terminal.
            stdin=subprocess.DEVNULL if attached else None,
            stderr=messages if attached else None,
            start_new_session=attached,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask),
        )

    def _watch(self, drain: Drain) -> None:
        """Until strace has ended: looks, limits, signals."""
        if self.targets:
            self._wait_until_attached()
        self._facts["versions"] |= account.versions(self._snapshots.paths)
        now = time.monotonic()
        end = now + self.plan.duration_s if self.plan.duration_s else None
        next_look = now + 0.1 if self.plan.command else now + self._pause(now)
        while self._process.poll() is None:
            due = [next_look, now + _LONGEST_WAIT_S, *([end] if end else [])]
            got = signal.sigtimedwait(_WATCHED, max(min(due) - time.monotonic(), 0))
            now = time.monotonic()
            if got is not None and got.si_signo != signal.SIGCHLD:
                self._take_signal(got, drain)
            if end is not None and now >= end:
                end = None
                self._end("duration")
            if self._sink.cut and not self._why:
                self._take_cut()
            self._insist(now)
            if self._part_began.is_set():
                self._part_began.clear()
                for pid in self._traced():
                    self._learn(pid)
            if now >= next_look and self._asked is None and not self._sink.cut:
                took = self._look("interval" if self._looks else "start")
                self._manifest.write(self._now())
                now = time.monotonic()
                next_look = now + max(self._pause(now), took * (1 if self.plan.every_s else _SHARE))

    def _wait_until_attached(self) -> None:
        patience = time.monotonic() + _PATIENCE_S
        while self._process.poll() is None and time.monotonic() < patience:
            mine = self._process.pid
            if all(processes.tracer(pid) == mine or processes.is_over(pid) for pid in self.targets):
                what = "process " + ", ".join(map(str, self.targets))
                self.tell(f"recording {what} into {self.plan.folder}; Ctrl-C ends it, the program goes on")
                return
            time.sleep(0.01)

    def _pause(self, now: float) -> float:
        if self.plan.every_s is not None:
            return self.plan.every_s
        return max(_FIRST_PAUSE_S, (now - self._begun) / _PART_OF_ALL)

    def _traced(self) -> list[int]:
        return processes.traced_by(self._process.pid)

    # -- looks ---------------------------------------------------------------

    def _look(self, why: str) -> float:
        """A look at all that is traced; the seconds that it took."""
        begun = time.monotonic()
        pids = self._traced() if why != "before" else list(self.targets)
        look = self._snapshots.take(pids, why)
        if look is not None:
            self._looks.append(look)
            for pid in look.pids:
                self._learn(pid)
        return time.monotonic() - begun

    def _learn(self, pid: int) -> None:
        """Keep what the manifest says of a process."""
        if len(self._known) >= _MOST_PROCESSES and str(pid) not in self._known:
            return
        about = self._known.setdefault(str(pid), {"command": "", "threads": [], "limit": []})
        about["command"] = processes.name(pid) or about["command"]
        about["threads"] = sorted({*about["threads"], *processes.threads(pid)})
        about["limit"] = list(limits(pid))

    # -- how it ends ---------------------------------------------------------

    def _take_signal(self, got: signal.struct_siginfo, drain: Drain) -> None:
        """The end of an attached recording; for a command, what a shell makes of an interrupt."""
        self._interrupts += 1
        why = "interrupt" if got.si_signo == signal.SIGINT else "signal"
        if self.targets:
            self._end(why)
            return
        self._why = self._why or why
        if self._interrupts == 1:
            self._look("end")
        at_terminal = got.si_code == _FROM_KERNEL and got.si_signo == signal.SIGINT
        root = drain.first
        if self._interrupts == 1 and root is not None and root not in drain.ended:
            if not at_terminal:  # the terminal has told the command itself
                _send([root], signal.Signals(got.si_signo))
        else:
            harder = {1: signal.SIGINT, 2: signal.SIGTERM}.get(self._interrupts, signal.SIGKILL)
            _send(self._traced(), harder)

    def _end(self, why: str) -> None:
        """End the recording: the last look first, while there is something to see."""
        if self._asked is not None:
            return
        self._why = self._why or why
        if not self._sink.cut:
            self._look("end")
        self._asked = time.monotonic()
        self._harder = 0
        self._press()

    def _insist(self, now: float) -> None:
        """Who does not end in time is asked with more force."""
        if self._asked is not None and now - self._asked > _PATIENCE_S:
            self._asked, self._harder = now, self._harder + 1
            self._press()

    def _press(self) -> None:
        if self.targets:
            self._stop((signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[min(self._harder, 2)])
        else:
            _send(self._traced(), signal.SIGKILL if self._harder else signal.SIGTERM)

    def _stop(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _take_cut(self) -> None:
        """The trace can grow no more. A command goes on to its end: it was not started for a full disk."""
        self._why = self._why or "cut"
        if self.targets:
            self._end("cut")
        else:
            self._told = True
            self.tell(f"the recording is cut, {self._sink.cut}; the command goes on, unrecorded")

    # -- the account ---------------------------------------------------------

    def _now(self) -> dict[str, Any]:
        """Everything that is known by now, as the manifest says it."""
        return {**self._facts, **account.so_far(self._sink, self._looks, self._known)}

    def _finish(self, drain: Drain) -> Outcome:
        code = self._process.returncode
        died = code < 0 and self._asked is None and drain.first not in drain.ended
        if died:
            self._why = "strace died"
            self._sink.cut = self._sink.cut or f"strace itself was ended by {_name(-code)}"
            self._look_after(drain)
        self._facts |= {
            "state": "complete",
            "ended": stamp(time.time()),
            "end": {"why": self._why or "exit", "code": None if self.targets or died else code},
        }
        self._manifest.write(self._now(), last=True)
        return Outcome(self._code(code, died), tuple(self._account(drain, died)))

    def _look_after(self, drain: Drain) -> None:
        """See to programs that have lost their tracer.

        One that was attached to goes on as before, and is worth a last look. One that
        strace started with --seccomp-bpf cannot: the filter that is in it hands its calls to a
        tracer, and without one they all fail. From 6.6 on strace takes it along; so do we.
        """
        if self.targets:
            cut, self._sink.cut = self._sink.cut, ""
            look = self._snapshots.take(self.targets, "end")
            self._looks += [look] if look is not None else []
            self._sink.cut = cut
        elif self._filtered and drain.first:
            _send(processes.descendants([drain.first]), signal.SIGKILL)

    @property
    def _filtered(self) -> bool:
        return any("--seccomp-bpf" in option.words for option in self.options)

    def _code(self, code: int, died: bool) -> int:
        """That of the command, as a shell tells it; 0 for what was attached to, or ended as asked."""
        if died:
            return FAILED
        if self.targets:
            return FAILED if self._sink.cut and "--max-size" not in self._sink.cut else 0
        if self._why == "duration":
            return 0
        return 128 - code if code < 0 else code

    def _account(self, drain: Drain, died: bool) -> list[str]:
        """What is to be said at the end."""
        words = account.sentences(
            self.plan.folder, time.monotonic() - self._begun, self._sink, len(self._looks), not self._told
        )
        if died and self._filtered:
            words.append("the command was ended: without strace, its system calls fail")
        elif died and not all(map(processes.is_over, self.targets or [drain.first or 0])):
            words.append("the program goes on, and is not recorded any more")
        return words

    def _remove(self) -> None:
        """Nothing was recorded: leave nothing behind."""
        for name in (*self._sink.names, NAME):
            os.unlink(os.path.join(self.plan.folder, name))
        os.rmdir(self.plan.folder)


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def probe(strace: Strace, options: Sequence[Option]) -> None:
    """Whether strace works here, with these options, on the most harmless program there is: itself.

    Raises:
        CannotRecord: it does not; with what helps.
    """
    words = (strace.path, *words_of(options), "-o", os.devnull, strace.path, "-V")
    said = output_of(*words)
    if "strace -- version" not in said:
        raise CannotRecord(explained(said, me()))
