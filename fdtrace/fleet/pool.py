"""Who does the work: processes of this machine by default, or any Executor, with few incidents on their way.

A process that dies (the kernel ends what takes too much memory) breaks its
pool: a new one takes over, and each incident that was on its way is tried once
more, alone. The one that ends its process again is the guilty one.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from typing import Any, Protocol

from fdtrace import __version__
from fdtrace.errors import BadArgument, FdtraceError
from fdtrace.fleet.work import Outcome, Task, analyse, not_analysed

IN_FLIGHT = 2
"""Incidents on their way for each worker: one that is analysed, one that waits."""

_SHARE = 0.8
"""How much of the machine's memory the workers may have together."""
_UNKNOWN_WORKERS = 8
_LOADED = (
    "fdtrace.fleet.work", "fdtrace.history.run", "fdtrace.history.join", "fdtrace.history.sheet_coverage",
    "fdtrace.checks.leak", "fdtrace.checks.leak_report", "fdtrace.readers.snapshots", "fdtrace.readers.paste",
    "fdtrace.readers.strace.lines",
)  # fmt: skip
"""What nearly every incident needs, loaded once for all workers."""
_RARELY = (200_000, 20, 100)
"""As in the command: rows live as long as the answer."""


class Crew(Protocol):
    """Workers. `room` is how many incidents may be on their way to them."""

    room: int

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Has something done."""

    def renew(self) -> None:
        """Replaces workers that broke."""

    def alone(self, task: Task) -> Outcome:
        """One incident by a worker that does nothing else."""

    def stop(self) -> None:
        """Ends all work at once."""


class Processes:
    """Worker processes of this machine, each with a limit to its memory."""

    def __init__(self, workers: int | None = None, memory_bytes: int | None = None) -> None:
        self._workers = workers or _processors()
        self._memory = memory_bytes or _fair_share(self._workers)
        # Never fork: this process may have threads. A server forks where there is one, all modules loaded.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(list(_LOADED))
        self._pools: list[ProcessPoolExecutor] = []
        self._pool = self._new(self._workers)
        self.room = IN_FLIGHT * self._workers

    def _new(self, workers: int) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(workers, self._context, _settle, (self._memory,))
        self._pools.append(pool)
        return pool

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Has something done by the next free process."""
        return self._pool.submit(work, *arguments)

    def renew(self) -> None:
        """A new pool; of the broken one the executor has ended all processes."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pools.remove(self._pool)
        self._pool = self._new(self._workers)

    def alone(self, task: Task) -> Outcome:
        """By a process of its own."""
        pool = self._new(1)
        try:
            return pool.submit(analyse, task).result()
        except BrokenExecutor:
            return not_analysed(
                task, "killed", "its worker was killed, twice: maybe it needs too much memory"
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._pools.remove(pool)

    def stop(self) -> None:
        """Ends all processes, also those in the middle of something."""
        for pool in self._pools:
            processes = list((getattr(pool, "_processes", None) or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                with contextlib.suppress(OSError, ValueError):
                    process.terminate()


class Borrowed:
    """Workers of somebody else's Executor, which is left as it is."""

    def __init__(self, executor: Executor, room: int | None = None) -> None:
        self._executor = executor
        workers = getattr(executor, "_max_workers", None)
        self.room = room or IN_FLIGHT * (workers if isinstance(workers, int) else _UNKNOWN_WORKERS)
        self._futures: set[Future[Any]] = set()

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Has something done by it."""
        future = self._executor.submit(work, *arguments)
        self._futures = {one for one in self._futures if not one.done()} | {future}
        return future

    def renew(self) -> None:
        """It is not ours to renew."""
        raise FdtraceError(
            "the executor is broken: one of its workers died. What is done is kept; with a new executor"
            " the same scan goes on from there"
        )

    def alone(self, task: Task) -> Outcome:
        """Once more, by any of them."""
        try:
            outcome: Outcome = self.submit(analyse, task).result()
        except BrokenExecutor:
            self.renew()
            raise
        except Exception as error:  # what only the executor can tell
            return _given_up(task, error)
        return outcome

    def stop(self) -> None:
        """Takes back what has not begun."""
        for future in self._futures:
            future.cancel()


def check_workers(crew: Crew) -> None:
    """Sees whether a worker starts, and runs this fdtrace.

    Raises:
        FdtraceError: it does not.
    """
    try:
        found = crew.submit(_ready).result()
    except BrokenExecutor:
        raise FdtraceError(
            "the worker processes do not start: a script that calls fdtrace.scan does so below"
            " `if __name__ == '__main__':`, because each worker imports the script"
        ) from None
    except (ImportError, AttributeError) as error:
        raise FdtraceError(f"the workers have no fdtrace {__version__}: {error}") from error
    if found != __version__:
        raise BadArgument(f"the workers have fdtrace {found}, this is {__version__}: install the same")


def _ready() -> str:
    return __version__


def outcomes(tasks: Iterable[Task], crew: Crew) -> Iterator[tuple[Task, Outcome]]:
    """Every incident with its outcome, in the order in which they are done.

    Tasks are taken from their iterator when there is room for them.
    """
    waiting = iter(tasks)
    pending: dict[Future[Any], Task] = {}
    again: list[Task] = []
    while True:
        broken = False
        for task in itertools.islice(waiting, crew.room - len(pending)):
            try:
                pending[crew.submit(analyse, task)] = task
            except BrokenExecutor:
                again.append(task)
                broken = True
                break
            except Exception as error:
                raise FdtraceError(
                    f"the executor takes nothing more ({_named(error)}). What is done is kept"
                ) from error
        if not pending and not again:
            return
        for future in wait(pending, return_when=FIRST_COMPLETED).done if pending else ():
            task = pending.pop(future)
            try:
                outcome = future.result()
            except BrokenExecutor:
                again.append(task)
                broken = True
                continue
            except CancelledError:
                raise FdtraceError(
                    "the executor has cancelled what it was given: is its scheduler gone?"
                    " What is done is kept"
                ) from None
            except Exception as error:  # what only the executor can tell, such as a worker lost thrice
                outcome = _given_up(task, error)
            if outcome.capture.get("outcome") == "out_of_memory":
                again.append(task)  # a worker that did much before has less to give
            else:
                yield task, outcome
        if broken:
            again += pending.values()  # whatever they were, they are lost as well
            pending.clear()
            crew.renew()
        for task in again:
            yield task, crew.alone(task)
        again.clear()


def _given_up(task: Task, error: Exception) -> Outcome:
    return not_analysed(task, "killed", f"the executor gave it up: {_named(error)}")


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


# -- in a worker process -----------------------------------------------------


def _settle(memory_bytes: int) -> None:
    """What a worker does first: Ctrl-C is not for it, memory has a limit, and it ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(*_RARELY)
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # each of its threads takes memory; none is of use here
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        # Counts what was allocated, unlike RLIMIT_AS, which counts mapped files and stacks of threads too.
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        limit = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _end_with_parent() -> None:
    """Without this, the workers of a scan that was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fair_share(workers: int) -> int:
    """How much memory a worker may have: its part of what the machine, or its container, has."""
    amounts = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else []
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as stream:
            amounts.append(int(stream.read()))
    return int(min(amounts, default=4 << 30) * _SHARE / workers)
