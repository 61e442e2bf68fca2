"""Which deleted files are still open, and how much disk space do they hold?

A file without a name is freed when its last descriptor is closed: a log that
was rotated away under its writer keeps growing where nobody sees it.
"""

from __future__ import annotations

from ..history import patterns
from ..history.populations import Holding, Populations
from ..model import Finding, Severity
from .snapshot_report import Explained, covered, quotes
from .snapshot_words import bytes_of

_MEMORY = ("/memfd:", "/dev/", "/SYSV", "/[aio]", "/i915", "/dmabuf", "/anon_hugepage", "/secretmem", "/drm")

_DIRECTORIES = 3


def findings(
    made: Populations, told: Explained = frozenset(), *, large: int = 100 << 20, many: int = 10
) -> list[Finding]:
    """One finding for each program and directory: low from `large` bytes or `many` files on, else info.

    Files of ten times that size are medium. Memory (memfd, /dev/shm, shared
    memory) is left out: it takes no disk space.

    Args:
        made: what the snapshots say.
        told: what is in a finding already, and left out here.
        large: bytes that are more than a remark (100 MiB).
        many: files that are more than a remark (10).
    """
    files: dict[str, dict[object, Holding]] = {}
    for held in made.moments[-1].holdings if made.moments else ():
        name = held.name or ""
        if held.kind != "file" or not held.deleted or name.startswith(_MEMORY) or covered(held, told):
            continue
        command = made.commands.get(held.pid) or f"pid {held.pid}"
        identity = (held.device, held.inode) if held.device and held.inode else (held.pid, name)
        files.setdefault(command, {}).setdefault(identity, held)
    groups: dict[tuple[str, str], list[Holding]] = {}
    for command, own in files.items():
        for place, several in _places(list(own.values())).items():
            groups[command, place] = several
    found = [_finding(made, *key, several, large, many) for key, several in groups.items()]
    return sorted(found, key=lambda one: -(one.open or 0))


def _places(files: list[Holding]) -> dict[str, list[Holding]]:
    """Files by directory; by a wider one where there are many directories."""
    found: dict[str, list[Holding]] = {}
    for levels in (1, 2, 3):
        found = {}
        for held in files:
            pattern = patterns.path((held.name or "").removesuffix(" (deleted)"))
            found.setdefault(patterns.directory_of(pattern, levels) or pattern, []).append(held)
        if len(found) <= _DIRECTORIES:
            break
    return found


def _finding(
    made: Populations, command: str, place: str, files: list[Holding], large: int, many: int
) -> Finding:
    sizes = [held.size_bytes for held in files if held.size_bytes is not None]
    total = sum(sizes)
    severity: Severity = "low" if total >= large or len(files) >= many else "info"
    if total >= 10 * large:
        severity = "medium"
    pids = tuple(sorted({held.pid for held in files if held.pid is not None}))
    files.sort(key=lambda held: -(held.size_bytes or 0))
    shown = place if len(files) > 1 else (files[0].name or place).removesuffix(" (deleted)")
    what = f"{len(files):,} deleted file{'s are' if len(files) > 1 else ' is'} still open ({shown})"
    space = f", {bytes_of(total)} of disk space" if sizes else ""
    unknown = len(files) - len(sizes)
    reasons = ["the space is given back only when the last descriptor is closed"]
    if unknown:
        reasons.append(f"the size of {unknown:,} is not told by this listing (lsof tells it)")
    first = files[0]
    return Finding(
        key=f"deleted_file:{command}:{place}",
        check="deleted_file",
        severity=severity,
        title=what + space,
        capture=made.captures[first.place[0]].name,
        pid=pids[0] if len(pids) == 1 else None,
        pids=pids,
        command=made.commands.get(first.pid),
        kind="file",
        target=place,
        open=len(files),
        example_fds=tuple(held.fd for held in files[:5] if held.fd is not None),
        example_pid=first.pid,
        evidence=quotes(made, files[:3]),
        certainty="certain",
        reasons=tuple(reasons),
        advice=_advice(first),
    )


def _advice(held: Holding) -> str:
    if ".log" in (held.name or ""):
        return "let the program open its log again after rotation (its signal for it, or copytruncate)"
    fd = held.fd if held.fd is not None else "FD"
    return f"close it when it is done with; to free space at once: : > /proc/{held.pid or 'PID'}/fd/{fd}"
