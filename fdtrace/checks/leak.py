"""Which descriptors were opened and never closed, by whom, and is it getting worse?

The rule. Lives are gathered into groups: command × kind × call site, without a
stack × target pattern. Of the lives that nobody closed, a group *suspects* those
that are

- abandoned: the peer has ended or refused the connection; or it has not been
  used for the last part of its life, and nobody waits for it: no thread polls or
  reads it at the end, and no thread (or child) lives for it alone;
- overdue: unused for much longer than the closed ones of the same process and
  place were when they were closed. Survivors of a sweep (a collector of garbage)
  count only if they are not all of the moment before it.

Not suspected: places whose open ones are used again and again (a cache that
fills, a pool), and connections to a backend that belong to clients that are
still served. Suspects that keep coming, over much of the process's activity and
until late in it, are a leak:

high    the peers are gone, or connects failed, or the limit was reached, or at
        least one in four of what the place opens stays, and there are `many`;
medium  fewer than that, or a place that otherwise closes: one path forgets;
low     a single burst (start-up), growth that ended early (a pool or cache at
        its size), what a process leaves to its exit without having grown;
info    too few to tell, and whatever a capture without closes cannot prove.

Steady growth is judged in capture order, so a capture without a clock can be
high as well. Copies of a fork count only where a process closed its own and
another holds on to the copy. A call site whose callers have different fates is
told once for each guilty caller; destinations (peers) that are too few each to
tell are judged together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..history.callsites import CallSite, CallSites
from ..history.groups import Groups
from ..history.lives import At, Life
from ..history.run import History
from ..history.shares import Group, Share
from ..history.tasks import Task
from ..model import SEVERITIES, Finding, Severity
from ..readers.strace.window import Scan
from . import partition, signs
from .base import Check
from .leak_report import Told, finding
from .leak_seen import Seen, seen, seen_open
from .use import Use

if TYPE_CHECKING:
    from ..history.news import News

_TELLS_USE = frozenset(
    "read readv pread64 recv recvfrom recvmsg recvmmsg write writev pwrite64 send sendto sendmsg sendmmsg "
    "poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2 epoll_ctl".split()
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of a group: the lives that a finding is about, how bad it is, and why."""

    group: Group
    lives: list[Life]
    severity: Severity
    why: str

    @property
    def serious(self) -> bool:
        """Whether somebody has to do something."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index("medium")


class Leak(Check):
    """Descriptors that are opened and never closed, and grow.

    Args:
        few: suspects below this are no leak but a remark (3: two strays
            happen in any start-up).
        many: suspects from here on can be high (8: below, a leak is at most
            medium, however clear).
        idle: share of its life that a suspect has not been used at its end
            (0.5: a pool or a served client is used until the end).
        overdue: how many times longer unused than the closed ones of its place
            a suspect is (2 times what 95 % of them did not exceed).
        often: share of what a place opens that stays, from which on a leak can
            be high (0.25: every fourth request costs one).
        revisited: share of the open ones that are used over a fifth of the time
            in which they were opened, from which on a place is a cache (0.2).
        revisited_beside: the same share for a place that closes others (a third:
            what it closes may come from elsewhere by the same name).
        sweep: share of the time between two sweeps after which what began has
            merely survived the second (0.75).
        episodes: of ten equal parts of the process's activity, how many have
            to see new suspects (2: one is a burst).
        until: how far into the activity suspects have to keep coming (0.4: a
            pool is at its size before).
        group_by: site, caller, stack or target.
    """

    name = "leak"

    def __init__(
        self,
        scan: Scan,
        sites: CallSites,
        *,
        few: int = 3,
        many: int = 8,
        idle: float = 0.5,
        overdue: float = 2.0,
        often: float = 0.25,
        revisited: float = 0.2,
        revisited_beside: float = 1 / 3,
        sweep: float = 0.75,
        episodes: int = 2,
        until: float = 0.4,
        group_by: str = "site",
    ) -> None:
        super().__init__(scan, sites)
        self.few, self.many = few, many
        self.idle, self.overdue, self.often = idle, overdue, often
        self.revisited, self.revisited_beside, self.sweep = revisited, revisited_beside, sweep
        self.episodes, self.until = episodes, until
        self.by = group_by
        self.groups = Groups(self.site, group_by)
        self.use = Use()
        self.exhausted: dict[int, int] = {}
        self.reported: list[Life] = []
        """Every life that a serious finding is about, once they were asked for."""
        self.end = 0
        self.last_ns: int | None = None

    # -- observing -----------------------------------------------------------

    def hear(self, news: News) -> None:
        """Lives began and ended: hand them to their groups."""
        self.groups.hear(news)
        self.use.hear(news)

    def failed(self, task: Task, at: At, fd: int, errno: bytes, last: At | None) -> None:
        """Remember who ran out of descriptors, and where."""
        if errno == b"EMFILE":
            self.exhausted.setdefault(id(task.process), at.pos)

    # -- judging -------------------------------------------------------------

    def findings(self, history: History) -> list[Finding]:
        """One finding per group that has lives left open, the serious and the harmless."""
        self.last_ns = history.coverage.last_ns
        still_open = list(history.open_lives())
        self.end = history.fold.position
        self.groups.finish(still_open, signs.held_elsewhere(history))
        history.coverage.settled = dict(self.groups.settled)
        self.use.finish(still_open, history)
        groups = self.groups.merged()
        if self.by == "site":
            groups = partition.with_sisters(groups)
        verdicts = [verdict for group in groups for verdict in self._verdicts(group, history)]
        if self.by == "site":
            verdicts = self._with_peers(verdicts, groups, history)
        guilty = [verdict.group for verdict in verdicts if verdict.serious]
        told = [self._told(verdict, guilty, history) for verdict in verdicts]
        self.reported = [life for one in told if one.serious for life in (*one.lives, *one.seen.adopted)]
        if history.joined is not None:
            history.joined.told = {id(life) for life in self.reported}
        return [finding(one) for one in told]

    def _told(self, verdict: Verdict, guilty: list[Group], history: History) -> Told:
        opened, closed = self._fate(verdict.group, verdict.lives)
        silent = verdict.serious and self._hung_up_on(verdict.group, verdict.lives)
        lives = sorted(verdict.lives, key=signs.begin)
        return Told(
            verdict.group,
            lives,
            verdict.severity,
            verdict.why,
            opened,
            closed,
            silent,
            history,
            self.exhausted,
            seen(verdict.group, lives, guilty, history, self.sites) if verdict.serious else Seen(),
            self._site_of(verdict.group, lives),
        )

    def _site_of(self, group: Group, lives: list[Life]) -> CallSite | None:
        """The group's call site with the line from which most of these lives come."""
        if group.site is None:
            return None
        lines: Counter[tuple[str | None, int | None]] = Counter()
        stacks = Counter(life.opened.stack for life in lives if life.opened is not None)
        for stack, count in stacks.items():
            site = self.site(stack)
            if site is not None and site.site == group.site.site:
                lines[site.source, site.source_line] += count
        for source, line in (place for place, _ in lines.most_common(1)):
            return replace(group.site, source=source, source_line=line)
        return group.site

    def _verdicts(self, group: Group, history: History) -> list[Verdict]:
        """What to say of a group: of the whole, or of its guilty callers one by one."""
        whole = self._judge(group, history)
        if whole is None or not whole.serious or self.by != "site":
            return [] if whole is None else [whole]
        for guilty, others in partition.by_fate(group, whole.lives, self.few):
            told = [verdict for part in guilty if (verdict := self._judge(part, history)) is not None]
            rest = self._judge(others, history)
            if len(told) == len(guilty) and all(verdict.serious for verdict in told):
                return told if rest is None else [*told, rest]
        return [whole]

    def _with_peers(self, verdicts: list[Verdict], groups: list[Group], history: History) -> list[Verdict]:
        """Connections to many places, too few to each to tell: judged together."""
        clear = {id(verdict.group) for verdict in verdicts if verdict.serious}
        for peers in partition.by_peer(group for group in groups if id(group) not in clear):
            together = self._judge(peers, history)
            if together is not None and together.serious:
                parts = {id(cell) for cell in peers.cells}
                apart = [v for v in verdicts if not parts & {id(v.group), *map(id, v.group.cells)}]
                verdicts = [*apart, together]
        return verdicts

    def _judge(self, group: Group, history: History) -> Verdict | None:
        verdict = self._weigh(group, history, closely=False)
        if verdict is not None and verdict.serious and self.use.could_tell(verdict.lives):
            return self._weigh(group, history, closely=True)
        return verdict

    def _weigh(self, group: Group, history: History, closely: bool) -> Verdict | None:
        left = [*group.left, *group.held]
        if not left:
            return None
        blind = not history.coverage.closes_visible
        suspects: list[Life] = []
        for share in group.shares.values():
            suspects += self._suspects(share, self.overdue, closely)
        if closely:
            suspects = self.use.without_clients(suspects)
        if blind:
            suspects = seen_open(suspects, history)
        serious = self._growing(suspects, group)
        held = [life for life in group.held if self._abandoned(life, closely)]
        severity, why = self._severity(group, serious, held, history)
        lives = self._counted(group, serious, held, left, severity, closely)
        if blind and severity != "info":
            lives = seen_open(lives, history)
        return Verdict(group, lives, severity, why)

    def _counted(
        self,
        group: Group,
        serious: list[Life],
        held: list[Life],
        left: list[Life],
        severity: Severity,
        closely: bool,
    ) -> list[Life]:
        """The lives that a finding is about."""
        if severity in ("low", "info"):
            return left
        if len(serious) < self.few:
            return held
        ended = [life for life in serious if signs.gone(life)]
        if len(ended) * 3 >= len(serious) * 2:
            late = [life for life in serious if signs.begin(life) > max(map(signs.begin, ended))]
            return ended if group.closed else ended + late  # what came after the last look may be dead, too
        if not self._closes(group):
            return [*serious, *self._alike(serious, left, closely)]
        guilty = {id(life.process) for life in serious}
        shares = [share for key, share in group.shares.items() if key in guilty]
        counted = [life for share in shares for life in self._suspects(share, 1.0, closely)]
        known = {id(life) for life in counted}
        return counted + [life for life in serious if id(life) not in known]

    def _alike(self, serious: list[Life], left: list[Life], closely: bool) -> list[Life]:
        alike = signs.alike(serious, left)
        if len(alike) * 10 <= len(serious):
            return alike  # the last of a kind that nobody has ever closed
        return [life for life in alike if not (closely and self.use.awaited(life))]

    @staticmethod
    def _fate(group: Group, lives: list[Life]) -> tuple[int, int]:
        """Opened and closed in the processes that these lives are of."""
        guilty = {id(life.process) for life in lives}
        shares = [share for key, share in group.shares.items() if key in guilty] or [*group.shares.values()]
        return sum(share.opened for share in shares), sum(share.closed for share in shares)

    # -- suspecting ----------------------------------------------------------

    def _suspects(self, share: Share, overdue: float, closely: bool) -> list[Life]:
        """Lives of a process that are abandoned, and idle for longer than any that is closed in the end."""
        abandoned = [life for life in share.left if self._abandoned(life, closely)]
        if share.closed < 5 or share.closed * 10 < share.opened:
            return self._unless_cache(share, abandoned)
        ended = [life for life in abandoned if signs.gone(life)]
        limit = overdue * share.idle.within(0.95)
        late = [life for life in abandoned if not signs.gone(life) and signs.idle(life, self.end) >= limit]
        if not late:
            return ended
        if self._is_cache(share, self.revisited_beside):
            return ended
        usual = sorted(signs.idle(life, self.end) for life in late)[len(late) // 2]
        if share.idle.beyond(usual // 2) * 2 >= len(late):
            return ended
        if self._kept_for_a_while(share, late):
            return ended
        if share.swept and len(late) * 5 < share.opened:
            between = sum(signs.before_sweep(life, share) < self.sweep for life in late)
            if between < self.few or between * 2 < len(late):
                return ended  # survivors wait for an older generation's turn
        return ended + late

    def _kept_for_a_while(self, share: Share, late: list[Life]) -> bool:
        """Whether none is older than what this place commonly closes becomes: the last N are kept."""
        opened = [at for at in signs.clocks(late) if self.last_ns is not None]
        if not opened or any(life.closed is not None for life in late):
            return False
        return share.lengths_ns.within(0.9) >= (self.last_ns or 0) - min(opened)

    def _unless_cache(self, share: Share, abandoned: list[Life]) -> list[Life]:
        """Abandoned lives of a place that closes nothing: none, where the others are used again and again."""
        if self._is_cache(share, self.revisited):
            return [life for life in abandoned if signs.gone(life)]
        return abandoned

    @staticmethod
    def _is_cache(share: Share, part: float) -> bool:
        """Whether so many of the open ones are used over much of the time in which they were opened."""
        known = [life for life in share.left if life.via != "accept" and not signs.gone(life)]
        return bool(known) and signs.revisited(known, 0.2) >= part * len(known)

    def _abandoned(self, life: Life, closely: bool) -> bool:
        """Whether a life was of no use any more when it, or the capture, ended."""
        if signs.gone(life):
            return True
        age = signs.age(life, self.end)
        if life.opened is None or age <= 0 or signs.idle(life, self.end) < self.idle * age:
            return False
        return not self.use.has_owner(life) and not (closely and self.use.awaited(life))

    # -- growing -------------------------------------------------------------

    def _growing(self, suspects: list[Life], group: Group) -> list[Life]:
        """Suspects of processes in which they keep coming; of processes that live, also their sum."""
        growing: list[Life] = []
        alive: list[Life] = []
        by_process: dict[int, list[Life]] = {}
        for life in suspects:
            by_process.setdefault(id(life.process), []).append(life)
        for key, share in group.shares.items():
            own = by_process.get(key)
            if not own:
                continue
            lived = share.process.ended is None
            if len(own) >= (self.few if lived else self.many) and self._spread(own, self._end_of(share)):
                growing += own
            elif lived:
                alive += own
        if len(growing) < self.few and self._sums_up(alive + growing, group):
            return alive + growing
        if growing and alive and self._closes(group):
            return growing + alive
        return growing

    def _end_of(self, share: Share) -> int:
        """When a process could not open more, or it was too late to see what became of it."""
        end = share.process.ended.pos if share.process.ended is not None else self.end
        end = min(end, self.exhausted.get(id(share.process), end))
        if share.closed < 5 or share.closed * 10 < share.opened:
            return end
        return max(end - int(self.overdue * share.idle.within(0.95)), end // 3)

    @staticmethod
    def _closes(group: Group) -> bool:
        return group.closed * 2 >= group.opened

    def _sums_up(self, alive: list[Life], group: Group) -> bool:
        """A few in each of many living processes, of a place that otherwise closes or whose peers went."""
        if len({id(life.process) for life in alive}) < 2:
            return False
        if not self._closes(group) and sum(map(signs.gone, alive)) * 2 < len(alive):
            return False
        return len(alive) >= self.few and self._spread(alive, self.end)

    def _spread(self, lives: list[Life], end: int) -> bool:
        """Whether suspects kept coming, from the first one on, over much of what followed."""
        places = sorted(signs.begin(life) for life in lives)
        first = places[0]
        width = max(1, end - first)
        if places[-1] - first < self.until * width:
            return False
        if places[-1] - first < 0.9 * width and self._early(lives):
            return False
        parts = {min(9, (place - first) * 10 // width) for place in places}
        return len(parts) >= self.episodes and not signs.burst(lives)

    def _early(self, lives: list[Life]) -> bool:
        """Whether by the clock they came early in what followed: a start takes many calls, and then work."""
        opened = signs.clocks(lives)
        if self.last_ns is None or not opened or any(life.process.ended is not None for life in lives):
            return False
        return max(opened) - min(opened) < self.until * (self.last_ns - min(opened))

    # -- weighing ------------------------------------------------------------

    def _severity(
        self, group: Group, serious: list[Life], held: list[Life], history: History
    ) -> tuple[Severity, str]:
        if not history.coverage.closes_visible and len(serious) < self.few:
            return "info", "blind"
        if len(serious) < self.few:
            if len(held) >= self.few and self._spread(held, self.end):
                ended = sum(map(signs.gone, held)) * 2 > len(held)
                return ("high" if len(held) >= self.many and ended else "medium"), "held"
            return ("low" if len(group.left) >= self.few else "info"), "settled"
        ended = sum(map(signs.gone, serious)) * 2 > len(serious) or self._hung_up_on(group, serious)
        if not ended and self._out_of_sight(serious, history):
            return "low", "unseen"
        opened, closed = self._fate(group, serious)
        full = any(id(life.process) in self.exhausted for life in serious)
        often = opened - closed >= self.often * opened
        if len(serious) >= self.many and (ended or often or full):
            return "high", "gone" if ended else "full" if full else "never"
        return "medium", "gone" if ended else "never" if often else "path"

    @staticmethod
    def _out_of_sight(lives: list[Life], history: History) -> bool:
        """Whether these are clients, and neither reads nor writes nor polls were recorded."""
        untold = signs.uses_left_out(history) or not _TELLS_USE & set(history.coverage.syscalls)
        return untold and all(life.via == "accept" for life in lives)

    @staticmethod
    def _hung_up_on(group: Group, lives: list[Life]) -> bool:
        """Connections of a place whose peers always end them first: most likely they have ended these too."""
        guilty = {id(life.process) for life in lives}
        shares = [share for key, share in group.shares.items() if key in guilty]
        return bool(shares) and all(share.hung_up_on for share in shares)
