"""Which descriptors were opened and never closed, by whom, and is it getting worse?

The rule. Lives are gathered into groups: command × kind × call site, without a
stack × target pattern. Of the lives that nobody closed, a group *suspects* those
that are abandoned (not used in the last part of their life, or their peer has
gone, or they never worked) and overdue (much older than the lives of the same
place that were closed). Suspects that keep coming, over much of the process's
activity and until late in it, are a leak:

high    nothing of the group is ever closed, or the peer is gone, or connects
        failed, or the limit was reached, and there are at least `many`;
medium  fewer than that, or a place that otherwise closes: one path forgets;
low     a single burst (start-up), growth that ended early (a pool or cache at
        its size), what a process leaves to its exit without having grown;
info    too few to tell, and whatever a capture without closes cannot prove.

Steady growth is judged in capture order, so a capture without a clock can be
high as well. Copies of a fork count only where a process closed its own and
another holds on to the copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..history.callsites import CallSites
from ..history.groups import Group, Groups, Share
from ..history.lives import STDIO, At, Life
from ..history.run import History
from ..history.tasks import Task
from ..model import Finding, Severity
from ..readers.strace.window import ABSENT, Scan
from . import leak_words as words
from .base import Check, quotes, seconds


class Leak(Check):
    """Descriptors that are opened and never closed, and grow.

    Args:
        few: suspects below this are no leak but a remark (3: two strays
            happen in any start-up).
        many: suspects from here on can be high (8: below, a leak is at most
            medium, however clear).
        idle: share of its life that a suspect has not been used at its end
            (0.5: a pool or a served client is used until the end).
        overdue: how many times older than the closed ones of its place a
            suspect is (3 times the life that 95 % did not exceed).
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
        overdue: float = 3.0,
        episodes: int = 2,
        until: float = 0.4,
        group_by: str = "site",
    ) -> None:
        super().__init__(scan, sites)
        self.few, self.many = few, many
        self.idle, self.overdue = idle, overdue
        self.episodes, self.until = episodes, until
        self.by = group_by
        self.groups = Groups(self.site, group_by)
        self.exhausted: set[int] = set()

    # -- observing -----------------------------------------------------------

    def closed(self, life: Life) -> None:
        """Hand it to its group."""
        self.groups.closed(life)

    def failed(self, task: Task, at: At, fd: int, errno: bytes, last: At | None) -> None:
        """Remember who ran out of descriptors."""
        if errno == b"EMFILE":
            self.exhausted.add(id(task.process))

    # -- judging -------------------------------------------------------------

    def findings(self, history: History) -> list[Finding]:
        """One finding per group that has lives left open, the serious and the harmless."""
        self.groups.finish(history.open_lives(), _held_elsewhere(history))
        history.coverage.settled = dict(self.groups.settled)
        found = []
        for group in self.groups.merged():
            for part in self._by_fate(group):
                finding = self._judge(part, history)
                if finding is not None:
                    found.append(finding)
        return found

    def _by_fate(self, group: Group) -> Iterator[Group]:
        """A call site reached through callers of which only some forget: the guilty ones alone."""
        yield group

    def _judge(self, group: Group, history: History) -> Finding | None:
        left = [*group.left, *group.held]
        if not left:
            return None
        end = history.fold.position
        suspects = [life for share in group.shares.values() for life in self._suspects(share, end, self.overdue)]
        shares = [s for s in group.shares.values() if s.left]
        serious = self._growing(suspects, shares, group, end)
        held = [life for life in group.held if self._abandoned(life, end)]
        severity, why = self._severity(group, serious, held, end, history)
        counted = self._counted(group, serious, held, left, severity, end)
        return self._finding(group, counted, severity, why, history)

    def _counted(
        self,
        group: Group,
        serious: list[Life],
        held: list[Life],
        left: list[Life],
        severity: Severity,
        end: int,
    ) -> list[Life]:
        """The lives that a finding is about."""
        if severity in ("low", "info"):
            return left
        if len(serious) < self.few:
            return held
        guilty = {id(life.process) for life in serious}
        shares = [share for share in group.shares.values() if id(share.process) in guilty]
        if self._closes(group):
            counted = [life for share in shares for life in self._suspects(share, end, 1.0)]
            known = {id(life) for life in counted}
            return counted + [life for life in serious if id(life) not in known]
        return [*serious, *_alike(serious, left)]

    @staticmethod
    def _fate(group: Group, lives: list[Life]) -> tuple[int, int]:
        """Opened and closed in the processes that these lives are of."""
        guilty = {id(life.process) for life in lives}
        shares = [share for key, share in group.shares.items() if key in guilty] or list(group.shares.values())
        return sum(share.opened for share in shares), sum(share.closed for share in shares)

    def _suspects(self, share: Share, end: int, overdue: float) -> list[Life]:
        """Lives of a process that are abandoned, and idle for longer than any that is closed in the end."""
        abandoned = [life for life in share.left if self._abandoned(life, end)]
        if share.closed < 5 or share.closed * 10 < share.opened:
            return abandoned
        limit = overdue * share.idled(0.95)
        late = [life for life in abandoned if _gone(life) or self._idle(life, end) >= limit]
        patient = [life for life in late if not _gone(life)]
        if patient:
            usual = sorted(self._idle(life, end) for life in patient)[len(patient) // 2]
            if share.closed_after_idling(usual // 2) * 2 >= len(patient):
                return [life for life in late if _gone(life)]
        if share.collected and len(late) * 5 < share.opened:
            return [life for life in late if _gone(life)]  # survivors wait for an older generation's turn
        return late

    def _idle(self, life: Life, end: int) -> int:
        """For how long a life had not been used when it, or the capture, ended."""
        return self._age(life, end) - _active(life)

    @staticmethod
    def _age(life: Life, end: int) -> int:
        assert life.opened is not None
        return (life.closed.pos if life.closed is not None else end) - life.opened.pos

    def _abandoned(self, life: Life, end: int) -> bool:
        """Whether a life was of no use any more when it, or the capture, ended."""
        if _gone(life):
            return True
        if life.opened is None:
            return False
        age = self._age(life, end)
        return age > 0 and self._idle(life, end) >= self.idle * age

    def _growing(self, suspects: list[Life], shares: list[Share], group: Group, end: int) -> list[Life]:
        """Suspects of processes in which they keep coming; of processes that live, also their sum."""
        growing: list[Life] = []
        alive: list[Life] = []
        for share in shares:
            own = [life for life in suspects if life.process is share.process]
            if not own:
                continue
            lived = share.process.ended is None
            if len(own) >= (self.few if lived else self.many) and self._spread(own, self._end_of(share, end)):
                growing += own
            elif lived:
                alive += own
        if len(growing) < self.few and self._sums_up(alive + growing, group, end):
            return alive + growing
        if growing and alive and self._closes(group):
            return growing + alive
        return growing

    @staticmethod
    def _end_of(share: Share, end: int) -> int:
        return share.process.ended.pos if share.process.ended is not None else end

    @staticmethod
    def _closes(group: Group) -> bool:
        opened = sum(share.opened for share in group.shares.values())
        return sum(share.closed for share in group.shares.values()) * 2 >= opened

    def _sums_up(self, alive: list[Life], group: Group, end: int) -> bool:
        """A few in each of many living processes, of a place that otherwise closes or whose peers are gone."""
        if len({id(life.process) for life in alive}) < 2:
            return False
        if not self._closes(group) and sum(map(_gone, alive)) * 2 < len(alive):
            return False
        return len(alive) >= self.few and self._spread(alive, end)

    def _spread(self, lives: list[Life], end: int) -> bool:
        """Whether suspects kept coming, from the first one on, over much of what followed."""
        places = sorted(life.opened.pos for life in lives if life.opened is not None)
        if not places:
            return False
        first = places[0]
        width = max(1, end - first)
        if places[-1] - first < self.until * width:
            return False
        parts = {min(9, (place - first) * 10 // width) for place in places}
        return len(parts) >= self.episodes and not _burst(lives)

    def _severity(
        self, group: Group, serious: list[Life], held: list[Life], end: int, history: History
    ) -> tuple[Severity, str]:
        if not history.coverage.closes_visible:
            return "info", "blind"
        if len(serious) < self.few:
            if self._held_grows(held, end):
                return ("high" if len(held) >= self.many and sum(map(_gone, held)) * 2 > len(held) else "medium"), "held"
            return ("low" if len(group.left) >= self.few else "info"), "settled"
        gone = sum(map(_gone, serious)) * 2 > len(serious) or self._hung_up_on(group, serious)
        opened, closed = self._fate(group, serious)
        never = closed * 20 <= opened
        full = any(id(life.process) in self.exhausted for life in serious)
        if len(serious) >= self.many and (gone or never or full):
            return "high", "gone" if gone else "full" if full else "never"
        return "medium", "gone" if gone else "never" if never else "path"

    @staticmethod
    def _hung_up_on(group: Group, lives: list[Life]) -> bool:
        """Connections of a place whose peers always end them first: most likely they have ended these too."""
        guilty = {id(life.process) for life in lives}
        shares = [share for key, share in group.shares.items() if key in guilty]
        return bool(shares) and all(share.hung_up_on for share in shares)

    def _held_grows(self, held: list[Life], end: int) -> bool:
        return len(held) >= self.few and self._spread(held, end)

    # -- telling -------------------------------------------------------------

    def _finding(
        self, group: Group, lives: list[Life], severity: Severity, why: str, history: History
    ) -> Finding:
        lives = sorted(lives, key=lambda life: life.opened.pos if life.opened is not None else -1)
        opened, closed = self._fate(group, lives)
        processes = sorted({life.process.pid for life in lives if life.process.pid is not None})
        first, last = lives[0].opened, lives[-1].opened
        states = Counter(life.state for life in lives if life.state)
        state = states.most_common(1)[0][0] if states and states.most_common(1)[0][1] * 2 >= len(lives) else None
        if state == "ESTABLISHED" and severity in ("medium", "high") and self._hung_up_on(group, lives):
            state = None
        site = group.site
        target = group.target()
        told = words.Told(group, lives, opened, closed, severity, why, state, target, history, self.exhausted)
        place = f"{site.module}!{site.site}" if site is not None else target
        finding = Finding(
            key=f"leak:{group.command or '?'}:{group.kind}:{place}",
            check=self.name,
            severity=severity,
            title=words.title(told),
            capture=history.capture.name,
            pid=processes[0] if len(processes) == 1 else None,
            pids=tuple(processes),
            command=group.command,
            call_site=f"{site.site}" if site is not None else None,
            callers=site.callers if site is not None else (),
            kind=group.kind,
            target=target,
            peer=_same(life.peer for life in lives),
            state=state,
            opened=opened,
            closed=closed,
            open=len(lives),
            growth_per_s=_growth(lives),
            first_t_s=seconds(history, first),
            last_t_s=seconds(history, last),
            examples=tuple(history.fd_id(life) for life in lives[:5]),
            certainty="certain" if all(life.certain for life in lives) else "inferred",
            reasons=words.reasons(told),
            advice=words.advice(told),
        )
        if severity in ("medium", "high"):
            return replace(finding, evidence=quotes(history, _evidence(lives)))
        return replace(finding, evidence=quotes(history, [first]))


def _alike(suspects: list[Life], left: list[Life]) -> list[Life]:
    """Lives too young to be suspects that have been used as briefly as those, where nothing is ever closed."""
    known = {id(life) for life in suspects}
    processes = {id(life.process) for life in suspects}
    longest = max(map(_active, suspects))
    youngest = max(life.opened.pos for life in suspects if life.opened is not None)
    return [
        life
        for life in left
        if id(life) not in known
        and id(life.process) in processes
        and life.opened is not None
        and life.opened.pos > youngest
        and _active(life) <= longest
    ]


def _active(life: Life) -> int:
    """For how long a life was used, in capture order."""
    if life.opened is None or life.last_use is None:
        return 0
    return life.last_use.pos - life.opened.pos


def _gone(life: Life) -> bool:
    """Whether the trace itself shows that a socket is of no use any more."""
    return life.state == "CLOSE_WAIT" or life.failed is not None


def _held_elsewhere(history: History) -> Iterator[Life]:
    """Copies in tables that live, of lives that their own process closed."""
    for table in history.fold.calls.kernel.tables:
        if not table.users:
            continue
        for fd, life in table.fds.items():
            origin = life
            while origin.parent is not None:
                origin = origin.parent
            if fd >= STDIO and (life.copied or life.table is not table) and origin.how not in ("none", "exit"):
                if origin.opened is not None:
                    yield life


def _burst(lives: list[Life]) -> bool:
    """Opened in one go: nearly all of them within a few calls of the one before."""
    places = [life.opened.pos for life in lives if life.opened is not None]
    places.sort()
    gaps = [b - a for a, b in zip(places, places[1:], strict=False)]
    return bool(gaps) and sum(gap <= 12 for gap in gaps) >= 0.9 * len(gaps) and _quick(lives)


def _quick(lives: list[Life]) -> bool:
    """Whether less than a second, or a clock's silence, lies between the first and the last."""
    clocks = [life.opened.clock for life in lives if life.opened is not None and life.opened.clock != ABSENT]
    return not clocks or max(clocks) - min(clocks) < 1_000_000_000


def _growth(lives: list[Life]) -> float | None:
    """Suspects a second, from the first to the last."""
    clocks = sorted(life.opened.clock for life in lives if life.opened is not None and life.opened.clock != ABSENT)
    if len(clocks) < 2 or clocks[-1] <= clocks[0]:
        return None
    return round((len(clocks) - 1) * 1e9 / (clocks[-1] - clocks[0]), 6)


def _same(values: Iterator[str | None]) -> str | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _evidence(lives: list[Life]) -> list[At | None]:
    """The line that opened an example, and the one that shows its end; the sign of abandonment first."""
    places: list[At | None] = []
    for life in lives[:3]:
        places.append(life.opened)
        if _gone(life):
            places.append(life.failed or life.state_at)
    return places
