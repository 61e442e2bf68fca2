"""One incident, analysed alone in a worker: what is wrong with it becomes a row, never an exception."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fdtrace import __version__
from fdtrace.errors import DamagedInput, FdtraceError, UnknownFormat
from fdtrace.findings import Findings
from fdtrace.fleet import labels
from fdtrace.fleet.inputs import Incident
from fdtrace.loading import NOTHING, load
from fdtrace.model import SEVERITIES, Coverage, Finding, Reading
from fdtrace.readers import remote
from fdtrace.readers.manifest import NAME as MANIFEST
from fdtrace.readers.text import digest
from fdtrace.report.answers import leaks_of

MOST_FINDINGS = 1_000
"""Findings of one incident that are kept, the most serious ones; the row of the incident counts all."""

LARGEST_COPY = 16 << 30
"""Bytes of a remote incident that are copied to this machine, a copy for each worker at a time."""


_LARGEST_MANIFEST = 1 << 20
_LONGEST_ERROR = 500
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """How every incident of a fleet is analysed."""

    checks: tuple[str, ...]
    rules: labels.Rules = labels.NO_RULES
    time_limit_s: float | None = None

    @property
    def key(self) -> str:
        """What an answer depends on besides its files."""
        return _key(self)

    @property
    def id(self) -> str:
        """The same in short."""
        return _hash(self.key)[:20]


@cache
def _key(options: Options) -> str:
    return json.dumps([__version__, dataclasses.astuple(options)])


@dataclass(frozen=True, slots=True)
class Task:
    """An incident to analyse. `known` are the hashes of its files when that was last done, by name."""

    incident: Incident
    options: Options
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """What a directory's listing tells about the content, with all else that an answer depends on."""
        files = [[remote.public(file.name), file.size, file.stamp] for file in self.incident.files]
        return _hash([self.options.key, self.incident.error, files])


@dataclass(frozen=True, slots=True)
class Outcome:
    """The row of captures and the rows of findings; `unchanged` where the content proved to be the old one.

    The row then has nothing but what identifies the files.
    """

    capture: dict[str, Any]
    findings: list[dict[str, Any]] = field(default_factory=list)
    unchanged: bool = False


def analyse(task: Task) -> Outcome:
    """Reads and judges one incident. Never raises for anything that an incident can be."""
    began = time.monotonic()
    _forget_peak()
    try:
        with _time_limit(task.options.time_limit_s) as progress:
            outcome = _analysed(task, progress)
    except FdtraceError as error:
        nothing = isinstance(error, UnknownFormat) or NOTHING in str(error)
        how = "no_capture" if nothing and task.incident.found else "unreadable"
        outcome = not_analysed(task, how, str(error))
    except _Unreachable as error:
        outcome = not_analysed(task, "unreachable", str(error))
    except (TimeoutError, KeyboardInterrupt):
        limit = task.options.time_limit_s
        outcome = not_analysed(task, "timed_out", f"not done in twice the time limit of {limit:g} s")
    except MemoryError:
        outcome = not_analysed(task, "out_of_memory", "needs more memory than a worker may have")
    except Exception as error:  # a fault of fdtrace: the fleet goes on, and the row says where it is
        outcome = not_analysed(task, "failed", _internal(error))
    outcome.capture["duration_s"] = round(time.monotonic() - began, 3)
    outcome.capture["memory_bytes"] = _peak()
    return outcome


def not_analysed(task: Task, how: str, error: str) -> Outcome:
    """The row of an incident that has no answer."""
    incident = task.incident
    manifest = _manifest(incident.place) if not incident.remote else {}
    row = (
        _identity(task, {}) | _labels(task, manifest, ()) | {"outcome": how, "error": error[:_LONGEST_ERROR]}
    )
    return Outcome(row)


class _Unreachable(Exception):
    """Files could not be fetched."""


def _analysed(task: Task, progress: Callable[[Reading], None]) -> Outcome:
    incident = task.incident
    if incident.error:
        raise _Unreachable(incident.error)
    if incident.remote:
        with tempfile.TemporaryDirectory(prefix="fdtrace-") as folder:
            copies = _copied(task, folder, progress)
            outcome = _judged(task, folder if incident.place else "", copies, {}, progress)
            return _renamed(outcome, f"{folder}/", f"{_folder_of(incident)}/")
    hashes = {file.name: digest(file.name) for file in incident.files}
    if task.known and task.known == hashes:
        return Outcome(_identity(task, hashes), unchanged=True)
    return _judged(task, incident.place, [file.name for file in incident.files], hashes, progress)


def _judged(
    task: Task, place: str, files: list[str], hashes: dict[str, str], progress: Callable[[Reading], None]
) -> Outcome:
    """The answer about files of this machine: those of a directory, or just these."""
    if not place:
        case = load(*files, progress=progress)
    elif task.incident.whole:
        case = load(place, progress=progress)
    else:
        case = load(place, progress=progress, deepest=0)
    found = case.check(task.options.checks)
    row = _identity(task, hashes)
    row |= _labels(task, _manifest(place), found.coverage)
    row |= _counts(found) | _coverage(found.coverage)
    row["outcome"] = "partial" if case.interrupted else "analysed"
    if case.interrupted:
        row["error"] = f"read for {task.options.time_limit_s:g} s, which is the time limit, and no further"
    elif case.unreadable:
        row["error"] = str(case.unreadable[0])[:_LONGEST_ERROR]
    own = {name: row[name] for name in ("day", "host", "incident", "analysis", "version")}
    return Outcome(row, [own | _finding(finding) for finding in found[:MOST_FINDINGS]])


# -- rows --------------------------------------------------------------------


def _identity(task: Task, hashes: Mapping[str, str]) -> dict[str, Any]:
    """What the incident is, whatever is in it."""
    incident = task.incident
    files = [
        {
            "name": remote.public(file.name),
            "size": file.size,
            "stamp": file.stamp,
            "sha256": hashes.get(file.name),
        }
        for file in incident.files
    ]
    content = [[file["name"], file["size"], file["sha256"] or file["stamp"]] for file in files]
    return {
        "incident": incident.name,
        "analysis": _hash([incident.name, task.options.key, content])[:20],
        "fingerprint": task.fingerprint,
        "options": task.options.id,
        "files": files,
        "bytes": incident.bytes,
        "modified": incident.newest_ns,
        "checks": list(task.options.checks),
        "fdtrace": __version__,
        "analysed_at": time.time_ns(),
    }


def _labels(task: Task, manifest: dict[str, Any], coverage: Sequence[Coverage]) -> dict[str, str | None]:
    incident = task.incident
    about = labels.Subject(
        incident.name,
        tuple(remote.public(file.name) for file in incident.files),
        is_file=not incident.place,
        deeper=incident.deeper,
        newest_ns=incident.newest_ns,
        manifest=manifest,
        coverage=coverage,
    )
    return labels.labels(about, task.options.rules)


def _counts(found: Findings) -> dict[str, Any]:
    leaks = leaks_of(found)
    traces = [one for one in found.coverage if one.kind == "strace"]
    blind = bool(traces) and not any(one.closes_visible and one.calls for one in traces)
    verdict = "leaks" if leaks else "cannot_tell" if blind and len(traces) == len(found.coverage) else "clean"
    leaked = sum(finding.open or 0 for finding in leaks)
    row: dict[str, Any] = {"verdict": verdict, "findings": len(found), "leaked": leaked}
    return row | {word: sum(finding.severity == word for finding in found) for word in SEVERITIES}


def _coverage(coverage: list[Coverage]) -> dict[str, Any]:
    return {
        "captures": len(coverage),
        "kinds": sorted({one.kind for one in coverage}),
        **{
            name: sum(getattr(one, name) for one in coverage)
            for name in ("lines", "parsed", "problems", "calls", "processes", "snapshots")
        },
        "first_time": labels.first_ns(coverage),
        "span_s": max((one.span_s for one in coverage if one.span_s is not None), default=None),
        "missing": list(dict.fromkeys(text for one in coverage for text in one.missing)),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        name: [dataclasses.asdict(one) if dataclasses.is_dataclass(one) else one for one in value]  # type: ignore[arg-type]
        if isinstance(value, tuple)
        else value
        for name, value in ((f.name, getattr(finding, f.name)) for f in dataclasses.fields(finding))
    }


def _manifest(place: str) -> dict[str, Any]:
    """What `fdtrace record` wrote down about its recording; nothing where it did not."""
    try:
        path = os.path.join(place, MANIFEST)
        if not place or os.path.getsize(path) > _LARGEST_MANIFEST:
            return {}
        with open(path, encoding="utf-8") as stream:
            manifest = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _internal(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{place.filename.rpartition('fdtrace/')[2]}:{place.lineno}"
    return f"a fault of fdtrace, please report it: {type(error).__name__}: {error} ({where})"


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


# -- remote ------------------------------------------------------------------


def _copied(task: Task, folder: str, progress: Callable[[Reading], None]) -> list[str]:
    """The files of a remote incident, copied into a directory."""
    root = f"{task.incident.place.rstrip('/')}/"
    copies, copied = [], 0
    for file in task.incident.files:
        path = os.path.join(folder, _local_name(file.name, root))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as stream:

            def write(data: bytes, stream: Any = stream) -> None:
                nonlocal copied
                copied += len(data)
                if copied > LARGEST_COPY:
                    raise _Unreachable(f"is larger than {LARGEST_COPY >> 30} GiB: copy it yourself")
                progress(Reading(copied, task.incident.bytes))
                stream.write(data)

            try:
                remote.fetch(file.name, write)
            except KeyboardInterrupt:
                raise TimeoutError from None
            except DamagedInput as error:
                raise _Unreachable(str(error)) from error
            except OSError as error:
                left = shutil.disk_usage(folder).free
                raise _Unreachable(f"could not be copied ({error.strerror}; {left:,} bytes free)") from error
        copies.append(path)
    return copies


def _local_name(url: str, root: str) -> str:
    """The name of a copy: as below `root`, or just its last part; never one that leads elsewhere."""
    within = url.partition(root)[2] if root != "/" and root in url else url.rpartition("/")[2]
    parts = [part for part in within.partition("?")[0].split("/") if part not in ("", ".", "..")]
    return os.path.join(*[part[-200:] for part in parts]) if parts else "capture"


def _folder_of(incident: Incident) -> str:
    return incident.name if incident.place else incident.name.rpartition("/")[0]


def _renamed(outcome: Outcome, copy: str, original: str) -> Outcome:
    """The rows with the names that the files have where they came from."""

    def named(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(copy, original)
        if isinstance(value, list):
            return [named(item) for item in value]
        return {key: named(item) for key, item in value.items()} if isinstance(value, dict) else value

    return Outcome(named(outcome.capture), named(outcome.findings))


# -- limits ------------------------------------------------------------------


@contextlib.contextmanager
def _time_limit(seconds: float | None) -> Iterator[Callable[[Reading], None]]:
    """What to call while reading: beyond the limit it ends that, and what was read is judged.

    In the main thread of a process a signal ends also what does not call it, at twice the limit.
    """
    if seconds is None:
        yield lambda reading: None
        return
    end = time.monotonic() + seconds

    def progress(reading: Reading) -> None:
        if time.monotonic() > end:
            raise KeyboardInterrupt

    def give_up(number: int, frame: Any) -> None:
        raise TimeoutError

    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield progress
        return
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds + _GRACE_S)
    try:
        yield progress
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _forget_peak() -> None:
    """Lets Linux count the most memory anew (proc(5), clear_refs)."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as stream:
        stream.write("5")


def _peak() -> int | None:
    """The most memory of this process since `_forget_peak`, in bytes; None where no /proc tells it."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as stream:
            for line in stream:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
