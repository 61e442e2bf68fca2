"""A fleet of any size out of real small recordings: other hosts, days, processes and paths; some leak.

    python tests/fleet/generate.py FOLDER [CAPTURES]

writes `FOLDER/host-NNNN/YYYY-MM-DD/…`, one incident in each.
"""

from __future__ import annotations

import datetime
import gzip
import lzma
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_TESTS = Path(__file__).resolve().parent.parent
_POLLER = _TESTS / "captures" / "strace-6.1-poller"
_SNAPSHOTS = _TESTS / "captures" / "snapshots"
_SERVER = _TESTS.parent / "samples" / "web-server"
_FIRST = datetime.date(2026, 11, 1)
_DAYS = 20
_EPOCH = re.compile(rb"^(\d+ )(\d{10})(?=\.\d{6} )", re.MULTILINE)
_LEADER = re.compile(rb"^(\d+) \d{10}\.", re.MULTILINE)
_DATE = re.compile(rb"\b2026-11-\d\d(?=T)")

OLD, NEW = "1.0", "1.1"
"""Versions of the poller: the new one leaks on the hosts that are to leak."""


@dataclass(frozen=True)
class Made:
    """What was generated: the incidents, the hosts that leak, the first day of a leak."""

    incidents: list[Path]
    leaking: set[str]
    since: str


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _bases() -> dict[str, dict[str, bytes]]:
    """The recordings, by what they show."""
    return {
        "leaking": {"poller.strace": _read(_POLLER / "leaking.strace.xz")},
        "clean": {"poller.strace": _read(_POLLER / "clean.strace.xz")},
        "blind": {"poller.strace": _read(_POLLER / "blind.strace.xz")},
        "server": {
            "nginx.strace": _read(_SERVER / "nginx.strace.xz"),
            "lsof.txt": _read(_SERVER / "lsof.txt"),
            "ss.txt": _read(_SERVER / "ss.txt"),
        },
        "looks": {
            name: _read(_SNAPSHOTS / "steady" / name)
            for name in ("lsof.txt", "netstat.txt", "ss.txt", "procfd.txt")
        },
    }


def varied(text: bytes, host: int, day: datetime.date, chance: random.Random) -> bytes:
    """A recording as another machine would have made it, on another day."""
    started = _EPOCH.search(text)
    if started is not None:
        then = datetime.datetime.fromtimestamp(int(started[2]), datetime.UTC).date()
        shift = (day - then).days * 86_400 + chance.randrange(-3600, 3600)
        text = _EPOCH.sub(lambda found: found[1] + str(int(found[2]) + shift).encode(), text)
        for pid in set(_LEADER.findall(text)):
            text = re.sub(rb"(?<![\w.])" + pid + rb"(?![\w.])", str(int(pid) + 7 * host).encode(), text)
    text = _DATE.sub(str(day).encode(), text)
    return text.replace(b"/srv/", f"/srv/site{host}/".encode())


def fleet(folder: Path, captures: int = 500, leaking: int = 10, seed: int = 1) -> Made:
    """A fleet with two incidents a host; those that leak do so on their later day, in the new version."""
    chance = random.Random(seed)
    bases = _bases()
    hosts = captures // 2
    guilty = set(chance.sample(range(hosts), leaking))
    incidents, days = [], []
    for number in range(captures):
        host, second = divmod(number, 2)
        day = _FIRST + datetime.timedelta(days=(host % (_DAYS // 2)) + second * _DAYS // 2)
        kind = ("clean", "clean", "server", "looks", "blind")[host % 5]
        version = OLD
        if host in guilty:
            kind, version = ("leaking", NEW) if second else ("clean", OLD)
            days += [day] if second else []
        place = folder / f"host-{host:04}" / str(day)
        place.mkdir(parents=True)
        for name, text in bases[kind].items():
            # A second look may have been taken elsewhere: numbers of a trace and its snapshots stay the same.
            plain = text if kind == "server" else varied(text, host, day, chance)
            if name.endswith(".strace"):
                stem = name.removesuffix(".strace")
                (place / f"{stem}-{version}.strace.gz").write_bytes(gzip.compress(plain, 1, mtime=0))
            else:
                (place / name).write_bytes(plain)
        incidents.append(place)
    return Made(incidents, {f"host-{host:04}" for host in guilty}, str(min(days)) if days else "")


if __name__ == "__main__":
    made = fleet(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500)
    print(
        f"{len(made.incidents)} incidents; {len(made.leaking)} hosts leak: {' '.join(sorted(made.leaking))}"
    )
