"""What do snapshots alone say about leaks?

A snapshot cannot show who forgot a close(); several can show what piles up and
that nothing of it goes away, and some populations are wrong in themselves.
Growth alone is no proof: clients come, caches and pools fill. Hence the rule:
what is dead (CLOSE_WAIT, sockets in no table of the kernel's) is a leak when it
grows; what may be in use is one only when it grows steadily, through at least
three snapshots, and for no reason that the snapshots show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..history.growth import Population, alive, connections, grown, together
from ..history.populations import Populations
from ..model import Finding
from . import snapshot_words as words
from .snapshot_report import RANK, Explained, Judged, covered, finding, merged

DEAD = frozenset({"CLOSE_WAIT", "CLOSE"})
"""States in which a socket of TCP is of no use to its holder any more."""
_EXCUSES = frozenset({"terminals", "piped", "per connection"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds of the rule.

    Args:
        dead: dead sockets gained, from which on it is high (some always wait for their close).
        few: other descriptors gained that are not worth a remark below this.
        gained: other descriptors gained, from which on it is more than a remark.
        clients: connections from one place, gained steadily, that no pool needs.
        released: share of what was gained that may be gone again (numbers are used again between looks).
        slowing: the last interval's rate below this share of the first one's is a cache that fills.
        many: descriptors of one kind that are remarkable in a single snapshot.
        same: openings of one file that are remarkable in a single snapshot.
    """

    dead: int = 5
    few: int = 4
    gained: int = 10
    clients: int = 100
    released: float = 0.1
    slowing: float = 0.5
    many: int = 200
    same: int = 50


def findings(
    made: Populations, explained: Explained = frozenset(), limits: Limits | None = None
) -> list[Finding]:
    """One finding for each population that piles up, or that is suspicious by itself; no `explained` ones."""
    judged, _ = judge(made, explained, limits or Limits())
    return [finding(made, one) for one in judged]


def judge(made: Populations, explained: Explained, limits: Limits) -> tuple[list[Judged], list[Population]]:
    """The populations that something must be said about, and the others."""
    parts = grown(made, skip=lambda held: covered(held, explained)) if explained else grown(made)
    bench = _Bench(made, parts, limits)
    single = [one for part in parts if (one := bench.judged(part)) is not None]
    families = bench.families(parts, {id(one.part): one for one in single})
    whole = {id(part) for one in families for part in one.part.parts}
    found = bench.companions([*(one for one in single if id(one.part) not in whole), *families])
    told = whole | {id(one.part) for one in single}
    return merged(found, made), [part for part in parts if id(part) not in told]


class _Bench:
    """The rule, with what it needs to know of the whole."""

    def __init__(self, made: Populations, parts: Sequence[Population], limits: Limits) -> None:
        self.made = made
        self.limits = limits
        self.live = connections(parts)
        self.holders = _holders(made)

    def judged(self, part: Population) -> Judged | None:
        """What is thought of one population."""
        if len(part.looks) < 2:
            return self.alone(part)
        if part.state not in DEAD:
            return self.piling(part) or self.alone(part)
        told = [one for one in (self.dead(part), self.alone(part)) if one is not None]
        return max(told, key=lambda one: RANK[one.severity], default=None)

    # -- several moments ---------------------------------------------------------

    def dead(self, part: Population) -> Judged | None:
        """Sockets that are of no use any more, and become more."""
        gained = part.counts[-1] - part.counts[0]
        if gained < 2 or not (self._few_lost(part) or part.stayed * 2 >= part.counts[-1]):
            return None
        if gained < self.limits.dead:
            return Judged(part, "low", "dead")
        if len(part.looks) < 3 or not _lasting(part):
            return Judged(part, "medium", "dead")
        return Judged(part, "high", "dead")

    def piling(self, part: Population) -> Judged | None:
        """What may be in use, and becomes more."""
        gained = part.counts[-1] - part.counts[0]
        if gained < self.limits.few or not self._few_lost(part):
            return None
        if self._shadowed(part):
            return None
        if alive(part):
            return self._clients(part, gained)
        shape = self.shape(part)
        if excuse := self._excuse(part):
            return Judged(part, "low", *excuse)
        if gained < self.limits.gained or shape in ("slowing", "plateau"):
            return Judged(part, "low", shape)
        once = part.kind == "file" and not _repeated(part)
        if shape == "steady":
            note = "once" if once else "peers" if _of_unknown_peers(part) else ""
            return Judged(part, "medium" if note else "high", shape, note)
        if shape == "two" and (once or part.counts[0] < self.limits.few):
            return Judged(part, "low", shape)
        return Judged(part, "medium", shape)

    def shape(self, part: Population) -> str:
        """How it grows: steady, slowing, stopped after steady growth, plateau after one step, late, two."""
        rates = part.rates
        if len(rates) == 1:
            return "two"
        growing = [number for number, rate in enumerate(rates) if rate > 0]
        if growing == [len(rates) - 1]:
            return "late"
        if len(growing) == 1:
            return "plateau"
        last = rates[growing[-1]]
        fading = all(b <= a for a, b in pairwise(rates) if b > 0)
        if fading and last < self.limits.slowing * rates[growing[0]]:
            return "slowing"
        return "steady" if growing[-1] == len(rates) - 1 else "stopped"

    def _few_lost(self, part: Population) -> bool:
        return sum(part.losses) <= self.limits.released * sum(part.gains)

    def _clients(self, part: Population, gained: int) -> Judged | None:
        """Live connections: their number says little."""
        steady = self.shape(part) == "steady"
        if part.place.startswith("to ") and steady and gained >= self.limits.clients and len(part.looks) > 2:
            return Judged(part, "medium", "pool")
        likely = steady or self.shape(part) == "stopped" or gained * 2 >= self.limits.clients
        return Judged(part, "low", "clients") if likely and gained >= self.limits.gained else None

    def _shadowed(self, part: Population) -> bool:
        """Sockets that only /proc shows, in a process whose sockets netstat tells without a number."""
        if part.kind != "socket" or part.state is not None or not isinstance(part.pid, int):
            return False
        unplaced = [self.made.moments[number].unplaced.get(part.pid, 0) for number in part.looks]
        beyond = [count - other for count, other in zip(part.counts, unplaced, strict=True)]
        return any(unplaced) and beyond[-1] - beyond[0] < self.limits.few

    def _excuse(self, part: Population) -> tuple[str, str] | None:
        """A reason for growth that the snapshots show themselves."""
        if part.place in ("/dev/ptmx", "/dev/pts/ptmx"):
            return "terminals", ""
        if part.kind in ("pipe", "unix") and (other := self._other_ends(part)):
            return "piped", other
        live = self._live(part)
        if live and live[-1] > live[0]:
            steps = zip(part.counts, part.counts[1:], live, live[1:], strict=False)
            if all(b - a <= 1.2 * (after - before) + 1 for a, b, before, after in steps):
                return "per connection", ""
        return None

    def _live(self, part: Population) -> list[int]:
        """The live connections of its processes at each moment."""
        own = [self.live[pid] for pid in part.pids if len(self.live.get(pid, ())) == len(part.looks)]
        return [sum(numbers) for numbers in zip(*own, strict=True)]

    def _other_ends(self, part: Population) -> str:
        """Who holds the other ends of these pipes or unix sockets, when nearly all are held by others."""
        others: Counter[int | None] = Counter()
        held: set[int] = set()
        for one in part.now:
            end = (one.inode if one.kind == "pipe" else one.peer_inode) or 0
            pids = self.holders.get(end, set()) - set(part.pids)
            if pids:
                held.add(end)
            others.update(pids)
        if len(held) < 0.8 * len(part.now):  # many datagram sockets may have one receiver: no excuse
            return ""
        return words.who(self.made, [pid for pid, _ in others.most_common(3)], len(others))

    # -- one moment ----------------------------------------------------------------

    def alone(self, part: Population) -> Judged | None:
        """Populations that are suspicious by themselves."""
        number = part.counts[-1]
        if part.state in DEAD:
            if len(part.looks) > 1 and part.stayed < self.limits.gained:
                return None  # few, and no more than before: other checks tell them
            if number < self.limits.few:
                return None
            many = number >= 2 * self.limits.gained or len(part.looks) > 1
            return Judged(part, "medium" if many else "low", "dead already")
        if alive(part) or part.state == "LISTEN" or (len(part.looks) > 1 and part.losses[-1] > 0):
            return None
        if part.kind in ("file", "char", "block", "dir"):
            again = _most_opened(part)
            if again < self.limits.same:
                return None
            return Judged(part, "medium" if again >= 2 * self.limits.same else "low", "same")
        if number < self.limits.many:
            return None
        return Judged(part, "medium" if number >= 5 * self.limits.many else "low", "many")

    # -- several processes -----------------------------------------------------------

    def families(self, parts: Iterable[Population], single: dict[int, Judged]) -> list[Judged]:
        """Processes of one program that hold little each, and much together."""
        groups: dict[tuple[str, str, str, str | None], list[Population]] = {}
        for part in parts:
            command = self.made.commands.get(part.pid)
            throughout = len(part.looks) == len(self.made.moments)
            excused = id(part) in single and single[id(part)].why in _EXCUSES
            if command and (throughout or part.state in DEAD) and not alive(part) and not excused:
                groups.setdefault((command, part.kind, part.place, part.state), []).append(part)
        found = []
        for group in groups.values():
            several = sum(part.counts[-1] > part.counts[0] for part in group) > 1
            if len(group) < 2 or not (several or group[0].state in DEAD):
                continue
            judged = self.judged(together(group))
            worst = max((RANK[single[id(part)].severity] for part in group if id(part) in single), default=-1)
            untold = any(id(part) not in single for part in group)
            if judged is not None and RANK[judged.severity] + untold > worst:
                found.append(judged)
        return found

    def companions(self, found: list[Judged]) -> list[Judged]:
        """What grew and stopped together with a leak of the same process is more than a remark."""
        leaks = [one.part for one in found if one.severity == "high"]
        raised = []
        for one in found:
            with_leak = one.why == "plateau" and any(
                leak.pid == one.part.pid and _steps(leak) == _steps(one.part) for leak in leaks
            )
            enough = one.part.counts[-1] - one.part.counts[0] >= self.limits.gained
            raised.append(Judged(one.part, "medium", "beside a leak") if with_leak and enough else one)
        return raised


def _holders(made: Populations) -> dict[int, set[int | None]]:
    """By inode: the processes that hold a pipe or a unix socket in the newest moment."""
    found: dict[int, set[int | None]] = {}
    for held in made.moments[-1].holdings if made.moments else ():
        if held.kind in ("pipe", "unix") and held.inode:
            found.setdefault(held.inode, set()).add(held.pid)
    return found


def _lasting(part: Population) -> bool:
    """Whether what came between two looks was still there at the next."""
    return any(
        (b.keys() - a.keys()) & c.keys()
        for a, b, c in zip(part.members, part.members[1:], part.members[2:], strict=False)
    )


def _steps(part: Population) -> set[int]:
    """The moments at which it had grown."""
    return {part.looks[number + 1] for number, gain in enumerate(part.gains) if gain}


def _of_unknown_peers(part: Population) -> bool:
    """Whether these are unix sockets that may be a client's: only `ss -xp` tells who is on the other side."""
    told = sum(held.peer_inode is not None for held in part.now)
    return part.kind == "unix" and part.state == "CONNECTED" and told * 2 < len(part.now)


def _repeated(part: Population) -> bool:
    """Whether the same files are opened again and again, or have lost their names: no cache does that."""
    names = {held.name for held in part.now}
    gone = sum(held.deleted for held in part.now)
    return len(names) * 2 <= len(part.now) or gone * 2 >= len(part.now)


def _most_opened(part: Population) -> int:
    counts = Counter(held.name for held in part.now)
    return max(counts.values(), default=0)
