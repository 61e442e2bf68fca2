"""One descriptor's life told from its creation to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import sightings
from .errors import BadArgument

if TYPE_CHECKING:
    import pandas as pd

    from .case import Case


@dataclass(frozen=True)
class Story:
    """A life in time order; printed, it is the tale.

    `life` is its row of `fds`; `calls` are its calls (rows of `events`); `table`
    has all that is told of it, those calls and what snapshots and logs saw, in
    order of time (table `story`); `copies` are the other lives of the same open
    file: what dup, fork and passing made of it. The file is closed when the last
    of them is.
    """

    life: pd.Series
    calls: pd.DataFrame
    table: pd.DataFrame
    copies: pd.DataFrame

    def __str__(self) -> str:
        from .report.story import tale

        return tale(self.life, self.table, self.copies)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .report.fragment import render
        from .report.story import blocks

        return render(blocks(self.life, self.table, self.copies))


def tell(case: Case, pid: int | None, fd: int, at: float | None) -> Story:
    """The story of number `fd` in process `pid`, at a moment or the last one."""
    if _only_seen(case, pid):
        from . import schema

        life, table = sightings.alone(case, pid, fd)
        return Story(life, schema.empty("events"), table, schema.empty("fds"))
    life = _choose(case, pid, fd, at)
    copies = case.fds[(case.fds["ofd"] == life["ofd"]) & (case.fds.index != life.name)]
    calls = _calls(case, life)
    return Story(life, calls, _everything(case, life, calls), copies)


def _everything(case: Case, life: pd.Series, calls: pd.DataFrame) -> pd.DataFrame:
    """Calls and sightings of one life as one table, in order of time."""
    from . import schema
    from .report.story import call

    rows: list[tuple[Any, ...]] = [
        (row.capture, _seconds(row.t_s), "strace", row.file, row.line, call(row))
        for row in calls.itertuples()
    ]
    seen = list(sightings.of(case, int(str(life.name))))
    placed = [*rows, *(row for row in seen if row[1] is not None)]
    if all(row[1] is not None for row in rows):
        placed.sort(key=lambda row: row[1])
    rows = [*placed, *(row for row in seen if row[1] is None)]
    names = [column.name for column in schema.TABLES["story"].columns]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return schema.conform("story", columns)


def _seconds(value: Any) -> float | None:
    return None if value != value else value


def _calls(case: Case, life: pd.Series) -> pd.DataFrame:
    """The calls on a life: those of its table that name its number, from the one that made it to its end."""
    import pandas as pd

    events = case.events
    fd, since, until = life["fd"], life["open_seq"], life["close_seq"]
    own = (events["capture"] == life["capture"]) & (events["table"] == life["table"])
    own &= (events["fd"] == fd).fillna(False) | (events["new_fd"] == fd).fillna(False)
    if not pd.isna(since):
        own |= events.index == since  # a copy is made in its parent's table, a passed one on another's call
        own &= events.index >= since
    if not pd.isna(until):
        own |= events.index == until
        own &= events.index <= until
    calls: pd.DataFrame = events[own.fillna(False)]
    return calls


def _choose(case: Case, pid: int | None, fd: int, at: float | None) -> pd.Series:
    """The life that is meant; an open one before a closed one, a later one before an earlier."""
    lives = _of(case, pid, fd)
    if at is None:
        still = lives[lives["how"].isin(["none", "exit"])]
        return (still if not still.empty else lives).iloc[-1]
    begun = lives["open_t_s"].fillna(float("-inf")) <= at
    not_over = lives["close_t_s"].fillna(float("inf")) >= at
    chosen = lives[begun & not_over]
    if chosen.empty:
        raise BadArgument(f"descriptor {fd} of {_named(pid)} was not open at {at:g} s.{_times(lives)}")
    return chosen.iloc[-1]


def _of(case: Case, pid: int | None, fd: int) -> pd.DataFrame:
    """All lives of a number in a process."""
    fds = case.fds
    known = sorted({int(one) for one in fds["pid"].dropna()})
    if pid is None and len(known) > 1:
        raise BadArgument(f"several processes are in this capture, say which: {_some(known)}.")
    process = fds if pid is None else fds[(fds["pid"] == pid).fillna(False)]
    lives: pd.DataFrame = process[process["fd"] == fd]
    if lives.empty:
        numbers = sorted({int(one) for one in process["fd"]})
        had = f" It has had: {_some(numbers)}." if numbers else f" The capture has: {_some(known) or 'none'}."
        raise BadArgument(f"{_named(pid)} has no descriptor {fd} in this capture.{had}")
    return lives


def _only_seen(case: Case, pid: int | None) -> bool:
    """Whether snapshots alone can tell of a process: no trace has it, and one of them does."""
    if case.fds.empty or pid is None:
        return case.fds.empty and not case.sightings.empty
    traced = (case.fds["pid"] == pid).any() or (case.processes["pid"] == pid).any()
    return not traced and bool((case.sightings["pid"] == pid).any())


def _named(pid: int | None) -> str:
    return "the process" if pid is None else f"process {pid}"


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:20])) + (
        f" and {len(numbers) - 20:,} more" if len(numbers) > 20 else ""
    )


def _times(lives: pd.DataFrame) -> str:
    """When a number was in use, to choose a moment from."""
    spans = []
    for since, until in zip(lives["open_t_s"].tolist(), lives["close_t_s"].tolist(), strict=True):
        start = "the beginning" if since != since else f"{since:.6f}"
        spans.append(f"{start} to {'the end' if until != until else f'{until:.6f}'}")
    more = f" and {len(spans) - 5:,} more" if len(spans) > 5 else ""
    return f" It was from {', '.join(spans[:5])}{more}."
