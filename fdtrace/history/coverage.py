"""What a capture can and cannot show, found out from what it shows.

Options leave their traces in the text; what is missing from the set of system
calls tells the filter. Each gap is said in words, with the command that would
have shown more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..readers.strace.window import ABSENT
from .recommended import RECOMMENDED

if TYPE_CHECKING:
    from ..readers.manifest import Recording
    from .run import History

_CREATORS = frozenset(
    [
        "open",
        "openat",
        "openat2",
        "creat",
        "socket",
        "accept",
        "accept4",
        "pipe",
        "pipe2",
        "socketpair",
        "epoll_create1",
        "eventfd2",
        "dup",
        "memfd_create",
    ]
)
_SPAWNERS = frozenset({"fork", "vfork", "clone", "clone3"})
_CLOSERS = frozenset(("close", "close_range"))


def describe(history: History) -> None:
    """Fill the coverage of a capture that was read."""
    coverage = history.coverage
    coverage.capture = history.capture.name
    coverage.reasons = history.capture.reasons
    coverage.files = tuple(source.name for source in history.capture.sources)
    features: dict[str, int] = {}
    firsts, lasts = [], []
    for scanner in history.scanners:
        tally = scanner.tally
        for name in ("lines", "parsed", "continuation", "blank", "problems", "bytes", "calls"):
            setattr(coverage, name, getattr(coverage, name) + getattr(tally, name))
        if tally.clock != "none":
            coverage.clock = tally.clock
        for feature, count in tally.features.items():
            features[feature] = features.get(feature, 0) + count
        if tally.first != ABSENT:
            firsts.append(tally.first)
            lasts.append(tally.last)
    if firsts:
        coverage.first_ns, coverage.last_ns = min(firsts), max(lasts)
    _calls(history, features)
    _processes(history)
    _gaps(history, features)


def _calls(history: History, features: dict[str, int]) -> None:
    coverage, fold = history.coverage, history.fold
    names = [name.decode("ascii", "replace") for name in history.scan.syscalls.items]
    counts = {name: count for name, count in zip(names, fold.syscall_counts, strict=False) if count}
    coverage.syscalls = dict(sorted(counts.items()))
    options = []
    if "pid column" in features or "[pid]" in features or len(coverage.files) > 1:
        options.append("-ff" if len(coverage.files) > 1 else "-f")
    options += [
        name for name in ("-t", "-tt", "-ttt", "-r", "-n", "-i", "--secontext", "-k") if name in features
    ]
    notes = history.scan.notes.items
    if notes:
        options.append("-yy" if any(_detailed(note) for note in notes) else "-y")
    if any(scanner.saw_durations for scanner in history.scanners):
        options.append("-T")
    options += [name for name in ("-e inject", "-e read/write") if name in features]
    coverage.options = tuple(options)


def _detailed(note: bytes) -> bool:
    return note[:1].isupper() or b"<char " in note or b"<block " in note


def _processes(history: History) -> None:
    coverage, kernel = history.coverage, history.fold.calls.kernel
    coverage.processes = len(kernel.processes) + kernel.forgotten
    roots = [p for p in kernel.processes if p.ppid is None]
    coverage.born = bool(roots or kernel.forgotten) and all(p.born for p in roots) and kernel.forgotten_born
    fullest = max(kernel.processes, key=lambda p: p.peak, default=None)
    if fullest is not None:
        coverage.peak = fullest.peak or None
        coverage.limit = fullest.limit
        coverage.curve = fullest.curve.samples(history.fold.position)


def _gaps(history: History, features: dict[str, int]) -> None:
    coverage, calls = history.coverage, history.fold.calls
    seen = set(coverage.syscalls)
    options = set(coverage.options)
    opens = sum(coverage.syscalls.get(name, 0) for name in _CREATORS)
    unnamed = history.scan.syscalls.left_out  # a close may be among the calls whose name was one too many
    coverage.closes_visible = (bool(seen & _CLOSERS) or opens < 3) and not unnamed
    gaps = {
        "no close() was recorded, so what stays open cannot be known (-e trace without close?)": (
            not coverage.closes_visible and not unnamed
        ),
        f"{_unborn(seen)}: descriptors from before are known only once they are used": not coverage.born,
        "no clock: growth per second and idle times are unknown (record with -ttt)": (
            coverage.clock == "none"
        ),
        "no stacks: call sites are unknown (record with -k)": "-k" not in features,
        "no annotations: what inherited and received descriptors are is unknown (record with -yy)": (
            not options & {"-y", "-yy"}
        ),
        "children were not followed: threads share the table and are missing (record with -f)": (
            not options & {"-f", "-ff"} and bool(seen & _SPAWNERS)
        ),
        "io_uring is used: what is opened and closed inside the ring is invisible": (
            bool(seen & {"io_uring_enter", "io_uring_setup"})
        ),
        "forks and exits were not recorded (-e trace without %process)": (
            coverage.processes > 1
            and not seen & _SPAWNERS
            and not coverage.born
            and history.capture.recording is None
        ),
        "no failed call was recorded (-z?): failures that release a descriptor are missing": (
            coverage.calls > 200 and len(history.scan.errnos) <= 1 and history.capture.recording is None
        ),
        f"{calls.kernel.copies_dropped:,} copies made by fork are counted, not listed": (
            calls.kernel.copies_dropped > 0
        ),
        f"{calls.kernel.unlisted:,} numbers below one that was given out are open, but not listed": (
            calls.kernel.unlisted > 0
        ),
        f"{calls.kernel.given_up:,} of too many threads alive at once were not followed to their end": (
            calls.kernel.given_up > 0
        ),
        f"{calls.belied:,} pid namespaces that threads speak of are none: forks return strace's numbers": (
            calls.belied > 0
        ),
        f"{calls.kernel.left_unjudged:,} descriptors of processes that ended are counted, not judged": (
            calls.kernel.left_unjudged > 0
        ),
    }
    hidden = [f"{what} ({count:,} times)" for what, count in calls.hidden.items()]
    hidden += history.scan.left_out()
    told = _of_recording(history.capture.recording)
    coverage.missing = (*told, *(gap for gap, there in gaps.items() if there), *hidden)
    coverage.remedy = RECOMMENDED if history.capture.recording is None else _again("-k" in features)


def _again(stacks: bool) -> str:
    """The recording once more, with all that it can have."""
    return f"fdtrace record --output again {'' if stacks else '--stacks '}--pid PID"


def _of_recording(recording: Recording | None) -> list[str]:
    """What the recorder knows to be missing."""
    if recording is None:
        return []
    gaps = {
        f"the recording was cut, {recording.cut}: what came after is unknown": bool(recording.cut),
        f"{recording.dropped:,} older parts were dropped (--rotate): what was before is unknown": (
            recording.dropped > 0
        ),
        "reads and writes were not recorded (--light): whether what stays open is used is unknown": (
            recording.detail == "light"
        ),
        "the recording was ended from outside: its last moments may be missing": not recording.finished,
    }
    return [gap for gap, there in gaps.items() if there]


def _unborn(seen: set[str]) -> str:
    """Why the beginning of a program is not in its trace."""
    if "execve" in seen:
        return "attached to what was running"
    return "attached to what was running, or execve was not recorded"
