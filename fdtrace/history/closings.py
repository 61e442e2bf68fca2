"""How closes of one process and place follow each other: in sweeps, and after how long.

Closes are in a row when nothing was opened the same way (by the same system
call) between them, and what is closed was there at the close before. Many are
looked at together, in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..readers.strace.window import ABSENT
from . import news as n
from .distinct import distinct
from .lengths import STEPS, Lengths, steps_of
from .news import News
from .shares import Share, over
from .tasks import Process
from .walk_columns import CLOSE_WAIT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

ROW = 3
"""This many closes without an open between them are one sweep."""
_SWEEPS = 4096
_POSITIONS = 42
"""Positions have fewer bits than this."""


class Openings:
    """When processes opened something last by each system call, before the news that are told now."""

    def __init__(self) -> None:
        self._last: dict[tuple[Process, bytes], int] = {}

    def __len__(self) -> int:
        return len(self._last)

    def between(self, news: News, keys: Ints, after: Ints, until: Ints) -> Bools:
        """Whether something of a key (see `key`) was opened behind one place and not behind the other."""
        import numpy as np

        begun, names = news.begun, news.names
        wanted, _, key = distinct(keys)
        made = self.keys(news, begun[n.WHO], begun[n.CODE])
        rank = np.searchsorted(wanted, made)
        rank[rank == len(wanted)] = 0
        own = wanted[rank] == made
        opened = np.sort(rank[own] << _POSITIONS | begun[n.POS, own])
        known = [(news.processes[k // len(names)], names[k % len(names)]) for k in wanted.tolist()]
        before = np.array([self._last.get(one, -1) for one in known])
        at = np.searchsorted(opened, key << _POSITIONS | until, side="right") - 1
        found = opened[at] if len(opened) else np.zeros(len(at), np.int64)
        mine = (at >= 0) & (found >> _POSITIONS == key)
        latest = np.where(mine, found & (1 << _POSITIONS) - 1, before[key])
        return (after < latest) & (latest <= until)

    @staticmethod
    def keys(news: News, who: Ints, code: Ints) -> Ints:
        """A number for each process and system call."""
        return who * len(news.names) + code

    def remember(self, news: News) -> None:
        """The news have been told; of processes that are over nothing is asked any more."""
        import numpy as np

        begun, names = news.begun, news.names
        keys, _, which = distinct(self.keys(news, begun[n.WHO], begun[n.CODE]))
        newest = np.full(len(keys), -1, np.int64)
        np.maximum.at(newest, which, begun[n.POS])
        for key, pos in zip(keys.tolist(), newest.tolist(), strict=True):
            process = news.processes[key // len(names)]
            if not over(process):
                self._last[process, names[key % len(names)]] = pos

    def forget_past(self) -> None:
        """Forget the processes that are over."""
        self._last = {key: pos for key, pos in self._last.items() if not over(key[0])}


def count_lengths(shares: Sequence[Share], which: Ints, closes: Ints) -> None:
    """Count how long what was closed had been open; `which` has for each close the place of its share."""
    known = (closes[n.BEGAN_NS] != ABSENT) & (closes[n.END_NS] != ABSENT)
    lengths = closes[n.END_NS, known] - closes[n.BEGAN_NS, known]
    _add([share.lengths_ns for share in shares], which[known], lengths)


def follow(shares: Sequence[Share], which: Ints, closes: Ints, openings: Openings, news: News) -> None:
    """Count how the closes of each share follow the ones before, and how long was unused what they close."""
    import numpy as np

    order = np.argsort(which, kind="stable")
    which, closes = which[order], closes[:, order]
    began, end, last = closes[n.BEGAN], closes[n.END], closes[n.LAST]
    _add([share.idle for share in shares], which, end - np.where(last >= 0, last, began))
    places = np.arange(len(which))
    new = np.ones(len(which), np.bool_)
    new[1:] = which[1:] != which[:-1]
    first = np.flatnonzero(new)
    told = [shares[share] for share in which[first].tolist()]
    before = np.empty_like(end)
    before[1:] = end[:-1]
    before[first] = [share.last_close for share in told]
    in_row = (began >= 0) & (began < before)
    maybe = np.flatnonzero(in_row)
    if len(maybe):
        keys = openings.keys(news, closes[n.WHO, maybe], closes[n.MADE_BY, maybe])
        in_row[maybe] = ~openings.between(news, keys, before[maybe], end[maybe])
    begins = np.maximum.accumulate(np.where(new, places, 0))
    fresh = np.maximum.accumulate(np.where(in_row, -1, places))
    carried = np.repeat([share.row for share in told], np.diff(first, append=len(which)))
    row = np.where(fresh >= begins, places - fresh, carried + places - begins) + 1
    for place in np.flatnonzero(in_row & (row == ROW)).tolist():
        sweeps = shares[which[place]].sweeps
        if len(sweeps) < _SWEEPS:
            sweeps.append(int(end[place]))
    ends = [*(first[1:] - 1).tolist(), len(which) - 1]
    for share, in_rows, waits, newest, length in zip(
        told,
        np.add.reduceat(in_row.astype(np.int64), first).tolist(),
        np.add.reduceat((closes[n.STATE] == CLOSE_WAIT).astype(np.int64), first).tolist(),
        end[ends].tolist(),
        row[ends].tolist(),
        strict=True,
    ):
        share.in_rows += in_rows
        share.after_end += waits
        share.last_close, share.row = newest, length


def _add(counters: Sequence[Lengths], which: Ints, lengths: Ints) -> None:
    import numpy as np

    found, times = np.unique(which * STEPS + steps_of(lengths), return_counts=True)
    for key, count in zip(found.tolist(), times.tolist(), strict=True):
        counters[key // STEPS].add(key % STEPS, count)
