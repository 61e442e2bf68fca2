"""How a leak is put into words: title, reasons and advice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..history.lengths import Lengths
from ..readers.strace.window import ABSENT
from . import signs
from .nouns import noun

if TYPE_CHECKING:
    from ..history.adoption import Gap
    from ..history.shares import Group
    from .leak_report import Told


_PHRASES = ("to ", "accepted", "listening", "copied")


def place(group: Group) -> str:
    """What names a group in the key of its finding."""
    name = f"{group.site.module}!{group.site.site}" if group.site is not None else group.target()
    parts = [name]
    if group.end:
        parts.append(group.end)
    if group.innocent and group.site is not None and not group.end:
        parts += group.site.callers[:1]
    return " < ".join(parts)


def title(told: Told) -> str:
    """What, in one line: how many of how many, of which kind, to where."""
    number, group, adopted = len(told.lives), told.group, len(told.seen.adopted)
    what = noun(group.kind)
    if group.end:
        what = f"{group.end}s of {'pipes' if group.kind == 'pipe' else 'socket pairs'}"
    target = group.target()
    if target != group.kind and group.kind not in ("eventfd", "epoll"):
        what += f" {target}" if target.startswith(_PHRASES) else f" ({target})"
    if told.why == "blind":
        return f"{number:,} {what} opened; closes were not recorded"
    if told.why == "held":
        return f"{number:,} {what} are held by other processes after their owner closed them"
    share = f"{number:,} of {told.opened:,}"
    if not told.serious:
        ended = all(life.how == "exit" for life in told.lives)
        until = "until the process ended" if ended else "at the end of the capture"
        at_once = ", opened in one go," if told.severity == "low" and signs.burst(told.lives) else ""
        return f"{share} {what}{at_once} left open {until}"
    if adopted:
        return f"{number + adopted:,} {what} are never closed, {number:,} of them opened in the trace"
    return f"{share} {what} are never closed"


def reasons(told: Told) -> tuple[str, ...]:
    """Why it was judged so, the strongest first."""
    if told.why == "blind":
        return ("the capture could not have shown a close, so this proves nothing",)
    if told.why == "unseen":
        return ("neither reads nor writes were recorded: these clients may still be served",)
    if not told.serious:
        return (_harmless(told),) if told.severity == "low" else ()
    found = [
        *_blind(told),
        *_ends(told),
        *_log(told),
        *_states(told),
        *_adopted(told),
        *_usage(told),
        *_paths(told),
    ]
    if told.why == "held":
        found.append("a child process inherited a copy at fork and keeps it open")
    if any(id(life.process) in told.exhausted for life in told.lives):
        found.append("the process has run into its limit (EMFILE)")
    return tuple(found)


def _blind(told: Told) -> list[str]:
    """What a verdict rests on where closes could not be seen."""
    if told.history.coverage.closes_visible:
        return []
    return ["no close() was recorded, but the newest full snapshot of the process shows them open"]


def _ends(told: Told) -> list[str]:
    """What the trace shows of the other side."""
    lives, number = told.lives, len(told.lives)
    eof = Counter(life.state_name for life in lives if life.state == "CLOSE_WAIT" or signs.hung_up(life))
    failed = Counter(life.state_name for life in lives if life.failed is not None)
    found = []
    if eof:
        told_by = eof.most_common(1)[0][0]
        found.append(f"the peer ended {_all(eof.total(), number)} of them ({told_by}) and no close() follows")
    for name, count in failed.most_common(1):
        found.append(f"{_all(count, number)} of them failed ({name}) and are kept all the same")
    if told.why == "gone" and not found:
        found.append(
            "the peers of this place end the connection first, and these are not read any more: "
            "probably CLOSE_WAIT (netstat or ss would tell)"
        )
    return found


def _log(told: Told) -> list[str]:
    """What a libwebsockets log says of the contexts that opened them."""
    if told.seen.contexts is None:
        return []
    created, destroyed = told.seen.contexts
    one = noun(told.group.kind)[:-1]
    return [
        f"log: {created:,} contexts created, {destroyed:,} destroyed: the context is gone, its {one} is not"
    ]


def _states(told: Told) -> list[str]:
    """What snapshots say of the sockets."""
    states = Counter(life.state for life in (*told.lives, *told.seen.adopted) if life.state_source)
    if not states:
        return []
    number = len(told.lives) + len(told.seen.adopted)
    counts = ", ".join(f"{_all(count, number)} in {state}" for state, count in states.most_common(3))
    *first, last = told.seen.sources()
    return [f"{', '.join(first)}{' and ' if first else ''}{last}: {counts}"]


def _adopted(told: Told) -> list[str]:
    """How many were open before the trace could see them being opened."""
    before, between = told.seen.before, told.seen.between
    if not before and not between:
        return []
    parts = [f"{told.opened:,} were seen being opened, {told.closed or 'none'} of these closed"]
    if before:
        parts.append(f"{len(before):,} were open before the trace began ({_seen_in(before)})")
    if between:
        since = "between that and the trace" if before else "unseen"
        parts.append(f"{len(between):,} were opened {since} (first in {_seen_in(between)})")
    return ["; ".join(parts)]


def _seen_in(gaps: list[Gap]) -> str:
    look = gaps[0].look
    file = look.snapshot.file.rpartition("/")[2]
    if look.snapshot.at_ns is None:
        return file
    seconds = look.snapshot.at_ns // 1_000_000_000 % 86_400
    return f"{file}, {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _all(count: int, number: int) -> str:
    return "all" if count == number else f"{count:,}"


def _usage(told: Told) -> list[str]:
    """How long they were used, and how long they have been idle since."""
    if signs.uses_left_out(told.history):
        used = "whether they are used was not recorded"
    elif all(life.uses == 0 for life in told.lives):
        used = "none of them is used after its creation"
    else:
        spans = [
            life.last_use.clock - life.opened.clock if life.last_use is not None else 0
            for life in told.lives
            if life.opened is not None and life.opened.clock != ABSENT
        ]
        after = f" {time(_median(spans))} after it was opened" if spans else " soon after it was opened"
        used = f"each is last used{after}, and then never again"
    last = told.history.coverage.last_ns
    idle = [
        (life.closed.clock if life.closed is not None else last) - at.clock
        for life in told.lives
        if (at := signs.last_touch(life)) is not None and at.clock != ABSENT and last is not None
    ]
    if signs.uses_left_out(told.history) or not idle or _median(idle) <= 0:
        return [used]
    return [f"{used}; idle for {time(_median(idle))} at the end"]


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


def _paths(told: Told) -> list[str]:
    """Who closes, where somebody does."""
    group, found = told.group, []
    if group.innocent and group.end:
        found.append(f"the {group.innocent[0]} of the same calls is closed")
    elif group.innocent and group.site is not None:
        guilty = group.site.callers[0] if group.site.callers else "this caller"
        others = _listed(group.innocent)
        found.append(f"what {group.site.site} opens for {guilty} stays open; for {others} it is closed")
    if told.closed:
        found.append(f"{told.closed:,} others of this place are closed{_typically(group)}: one path forgets")
    return found


def _listed(names: tuple[str, ...], most: int = 3) -> str:
    shown = [name for name in names[:most] if name]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def _typically(group: Group) -> str:
    lengths = Lengths()
    for share in group.shares.values():
        lengths.absorb(share.lengths_ns)
    usual = lengths.within(0.5)  # 0: the clock counts whole seconds
    return f" after about {time(usual)}" if usual else ""


def time(ns: int) -> str:
    """A length of time for people."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if ns >= size:
            value = ns / size
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{ns} ns"


def _harmless(told: Told) -> str:
    if signs.burst(told.lives):
        return "opened in one go, as at a start: a longer capture would show whether more follow"
    if all(life.how == "exit" for life in told.lives):
        return "the process ended without having piled them up"
    if any(life.last_use is not None and life.uses > 3 for life in told.lives):
        return "they are in use, or their number does not grow"
    return "opened in one go or at the beginning, or still waited for: nothing is forgotten here"


def advice(told: Told) -> str:
    """What to do next."""
    if not told.serious:
        return ""
    if told.seen.contexts is not None:
        from .lws_words import behind_advice

        return behind_advice(told.group.kind)
    site = told.group.site
    where = f"what {site.site} opened" if site is not None else "it"
    if told.state == "CLOSE_WAIT":
        return f"on the path that returns after the read of 0 (end of stream), close {where}"
    if told.lives[0].failed is not None:
        return "close the socket when connect() fails, before the next try"
    if told.why == "held":
        return "open it with close-on-exec, or close in the child what it inherits and does not need"
    if told.group.innocent and site is not None and site.callers and not told.group.end:
        return f"close in {site.callers[0]} what {site.site} opened for it"
    if told.closed and not told.group.end:
        return f"look for the path (an error, an early return) on which {where} is not closed"
    hint = "" if site is not None else "; record with -k to see who opens them"
    return f"close {where} where its owner is destroyed{hint}"
