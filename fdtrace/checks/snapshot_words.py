"""How what snapshots show is put into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..history.growth import Population
from ..history.populations import Populations
from .leak_words import time
from .nouns import noun

if TYPE_CHECKING:
    from .snapshot_report import Judged

_PHRASES = ("to ", "accepted", "listening", "unconnected", "unnamed")
_SHOWN = 4


def title(made: Populations, judged: Judged) -> str:
    """What and how many, in which state; how many more from look to look."""
    part = judged.part
    number = part.counts[-1]
    what = f"{number:,} {things(part, number)}"
    if judged.why in ("same", "many", "dead already", "stays") or len(part.looks) < 2:
        return what + _lasting(part)
    return f"{what}, {steps(part)}, {released(part)}"


def _lasting(part: Population) -> str:
    number = part.counts[-1]
    if len(part.looks) < 2 or not part.stayed:
        return ""
    if part.kept < part.stayed:
        return f", {part.stayed:,} of them in the snapshot before too"
    if part.kept < number:
        return f", {part.kept:,} of them in every snapshot"
    return f", {'all of them ' if number > 1 else ''}in every snapshot"


def things(part: Population, number: int = 2) -> str:
    """The population: `TCP sockets to 127.0.0.1:9002 in CLOSE_WAIT (lsof, netstat)`."""
    what = noun(part.kind)
    if number == 1:
        what = f"{what.removesuffix('ies')}y" if what.endswith("ies") else what.removesuffix("s")
    if part.state == "CLOSE":
        what = f"{what} that {'is' if number == 1 else 'are'} not connected (any more)"
    elif part.place not in (part.kind, "unconnected", "unnamed"):
        what += f" {part.place}" if part.place.startswith(_PHRASES) else f" ({part.place})"
    elif part.place != part.kind:
        what = f"{part.place} {what}"
    if part.state and part.state not in ("CLOSE", "LISTEN", "CONNECTED"):
        tools = f" ({', '.join(part.told_by)})" if part.told_by else ""
        what += f" in {part.state}{tools}"
    return what


def steps(part: Population) -> str:
    """By how much it grew: `+6 between every two snapshots`, `+11, +6, +7 from snapshot to snapshot`."""
    growth = [b - a for a, b in zip(part.counts, part.counts[1:], strict=False)]
    if len(growth) == 1:
        return f"{growth[0]:+,} between two snapshots"
    if len(set(growth)) == 1:
        return f"{growth[0]:+,} between every two snapshots"
    if len(growth) <= _SHOWN:
        return ", ".join(f"{one:+,}" for one in growth) + " from snapshot to snapshot"
    return f"{sum(growth):+,} over {len(part.looks):,} snapshots"


def released(part: Population) -> str:
    """How many went away again."""
    lost = sum(part.losses)
    return f"{lost:,} released" if lost else "none released"


def reasons(made: Populations, judged: Judged) -> tuple[str, ...]:
    """Why it was judged so, the strongest first."""
    part = judged.part
    found = [*_meaning(judged), *_history(part)]
    if len(part.pids) > 1:
        found.append(f"in {len(part.pids):,} processes: {who(made, part.pids[:_SHOWN], len(part.pids))}")
    return tuple(found)


def _history(part: Population) -> list[str]:
    """What the moments show."""
    if len(part.looks) < 2:
        return ["seen once: whether it grows, one snapshot cannot tell"]
    span = f" over {seconds(part.span_s)}" if part.span_s else ""
    found = [f"{', '.join(f'{one:,}' for one in _few(part.counts))} in {len(part.looks):,} snapshots{span}"]
    if part.counts[0]:
        stay = "all" if part.kept == part.counts[0] else f"{part.kept:,}"
        found.append(f"of the {part.counts[0]:,} in the first snapshot {stay} are still open in the last")
    else:
        second = next((count for count in part.counts if count), 0)
        grown = len(part.looks) - sum(1 for count in part.counts if not count) > 1
        lost = sum(part.losses)
        if grown and not lost:
            found.append(f"the {second:,} that came first are all still open in the last snapshot")
    return found


def _few(counts: Sequence[int]) -> Sequence[int]:
    """At most a dozen numbers, first and last among them."""
    if len(counts) <= 12:
        return counts
    step = len(counts) / 11
    return [*(counts[int(number * step)] for number in range(11)), counts[-1]]


def _meaning(judged: Judged) -> list[str]:
    """What the numbers are taken for."""
    part, why = judged.part, judged.why
    if part.state == "CLOSE_WAIT":
        return ["CLOSE_WAIT: the peer has ended the connection, this process has not closed its socket"]
    if part.state == "CLOSE":
        return [
            "in no table of the kernel's: never connected, connect() failed, or the connection is over; "
            "the descriptor is open all the same"
        ]
    if why == "steady":
        grows = "grows in every interval"
        if judged.note == "once":
            return [f"{grows}; each file is open once: a leak, or a cache that has no limit"]
        if judged.note == "peers":
            return [f"{grows}; who is on the other side, these snapshots do not tell (ss -xp would)"]
        return [grows]
    if part.state == "FIN_WAIT2":
        return [
            "FIN_WAIT2: this side has shut down writing, the peer has not ended its own; "
            "while the descriptor is open, no timeout of the kernel's ends it"
        ]
    if part.kind == "socket":
        return ["this listing does not tell their state: clients, or sockets that nobody closes"]
    return [_REMARKS[why].format(note=judged.note)] if why in _REMARKS else []


_REMARKS = {
    "clients": "live connections: clients that come and stay look the same as connections that nobody closes",
    "pool": "more live connections to one place than a pool needs, and none is given up",
    "slowing": "it grows more slowly each time, as a cache or a pool does that fills",
    "plateau": "it grew once and then stayed, as after a start, or because there was nothing to do",
    "stopped": "it grew steadily, then stopped: a limit, or nothing to do any more",
    "late": "nothing at first, then a step: whether it goes on, these snapshots do not show",
    "two": "two snapshots show growth, not whether it goes on",
    "beside a leak": "it grew and stopped together with sockets that the same process leaks",
    "per connection": "no more than one for each live connection that came in the same time",
    "terminals": "one for each terminal that is open",
    "piped": "their other ends are held by {note}",
    "same": "one file is open so often in one process that nobody can need it",
    "many": "so many of one kind in one process are remarkable, and may be meant",
}


def who(made: Populations, pids: Sequence[int | None], total: int) -> str:
    """Some processes by name and number: `sleep (pid 41), sleep (pid 42) and 3 more`."""
    named = [f"{made.commands[pid]} ({pid})" if pid in made.commands else f"pid {pid}" for pid in pids]
    more = total - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")


def seconds(span: float | None) -> str:
    """A length of time for people."""
    if span is None:
        return ""
    if span >= 7200:
        return f"{span / 3600:.1f} h"
    return f"{span / 60:.1f} min" if span >= 120 else time(int(span * 1e9))


def bytes_of(number: int) -> str:
    """A size for people."""
    size = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def advice(made: Populations, judged: Judged) -> str:
    """What to do, or what to record to know."""
    part = judged.part
    pid = f"-p {part.pid}" if part.pid is not None and len(part.pids) == 1 else "-p PID"
    trace = f"strace -f -ttt -T -yy -k -e trace=%desc,%network,%process {pid} -o FILE"
    if judged.severity == "low" and part.kind == "socket":
        return f"take snapshots with their states: ss -tanpe, or lsof -nP {pid}"
    if part.state == "FIN_WAIT2":
        return "close the socket after shutdown(), or give the peer a time limit; look at the peer too"
    if judged.check == "dead_socket":
        return f"close the socket when connect() fails or the connection is over; who holds it: {trace}"
    if judged.check == "close_wait":
        return f"watch whether they stay (ss -tanpe); to see which code holds them: {trace}"
    if len(part.looks) < 3:
        return f"take snapshots again, some time later, and to see who opens them: {trace}"
    if part.state == "CLOSE_WAIT":
        return f"close the socket when read() returns 0; to see which code opens them: {trace}"
    return f"to see which code opens them, and whether it closes any: {trace}"
