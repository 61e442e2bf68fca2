"""Which fork made which thread, where several may have: forks under way, or of other pid namespaces.

What is certain: a child prints nothing before the fork begins. In each namespace
numbers go up in the order of birth, as they do for strace. A thread that says
its number says which fork of its namespace made it. And as soon as no more forks
have begun than threads have come, each has made one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .spawns import Birth, Spawns, Unborn
from .tasks import Space

Match = tuple[Unborn, Birth | None]
"""A thread and the fork that made it; none for one that was there before."""


def matches(spawns: Spawns, until: int, orphans_wait: bool, last: bool) -> Iterator[Match]:
    """The threads from before `until` whose parents are clear; `last` when nothing more will be known."""
    births = sorted(spawns.births(), key=lambda birth: birth.begun)
    threads = [thread for thread in spawns.unborn.values() if thread.first < until]
    if last:
        yield from _in_order(threads, births)
        return
    left = []
    for thread in threads:
        made = [birth for birth in births if birth.may_have_made(thread, spawns.inner)]
        if not made and not orphans_wait and not any(birth.begun < thread.first for birth in births):
            yield thread, None
        elif made and len({birth.outcome for birth in made}) == 1 and made[0].parent is None:
            birth = min(made, key=_number)
            births.remove(birth)
            yield thread, birth
        else:
            left.append(thread)
    yield from _complete(left, births)


def _number(birth: Birth) -> float:
    return birth.number if birth.number is not None else float("inf")


def _complete(threads: Iterable[Unborn], births: list[Birth]) -> Iterator[Match]:
    """The first so many threads, where no more forks had begun when they came; and so on with the next."""
    seen: list[Unborn] = []
    begun: list[Birth] = []
    place = 0
    for thread in threads:
        seen.append(thread)
        while place < len(births) and births[place].begun < thread.first:
            begun.append(births[place])
            place += 1
        if begun and len(begun) <= len(seen):
            if any(birth.number is None for birth in begun):
                return
            yield from _in_order(seen, begun)
            seen, begun = [], []


def _in_order(threads: list[Unborn], births: list[Birth]) -> Iterator[Match]:
    """Each thread with a fork, in the order of birth: in that of their numbers in each namespace.

    Where forks of several namespaces come into question, it is the one that returned first.
    """
    left = sorted(births, key=_number)
    numbers = {(birth.space, birth.number): birth for birth in births if birth.number is not None}
    for thread in sorted(threads, key=lambda thread: thread.tid):
        heads: dict[Space | None, Birth] = {}
        for birth in left:
            if birth.space not in heads and birth.may_have_made(thread, numbers):
                heads[birth.space] = birth
        if heads:
            birth = min(heads.values(), key=lambda birth: (birth.number != thread.word, birth.over))
            left.remove(birth)
            thread.space = birth.enters
            if birth.parent is None:
                yield thread, birth
        else:
            yield thread, None
