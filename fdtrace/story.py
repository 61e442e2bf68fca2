"""One descriptor's life told from its creation to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BadArgument

if TYPE_CHECKING:
    import pandas as pd

    from .case import Case


@dataclass(frozen=True)
class Story:
    """A life in time order. `table` has its calls (rows of `events`); printed, it is the tale."""

    life: pd.Series
    table: pd.DataFrame

    def __str__(self) -> str:
        from .report.story import tale

        return tale(self.life, self.table)

    __repr__ = __str__


def tell(case: Case, pid: int, fd: int, at: float | None) -> Story:
    """The story of number `fd` in process `pid`, at a moment or the last one."""
    life = _choose(case, pid, fd, at)
    events = case.events
    calls = events[(events["capture"] == life["capture"]) & (events["table"] == life["table"])]
    since, until = life["open_seq"], life["close_seq"]
    touches = (calls["fd"] == fd) | (calls["new_fd"] == fd)
    if since == since and since is not None and not _absent(since):
        touches &= calls.index >= since
    if not _absent(until):
        touches &= calls.index <= until
    return Story(life, calls[touches.fillna(False)])


def _absent(value: object) -> bool:
    import pandas as pd

    return bool(pd.isna(value))  # type: ignore[call-overload]


def _choose(case: Case, pid: int, fd: int, at: float | None) -> pd.Series:
    lives = case.fds[(case.fds["pid"] == pid) & (case.fds["fd"] == fd)]
    if lives.empty:
        known = sorted(case.fds.loc[case.fds["pid"] == pid, "fd"].unique().tolist())
        shown = ", ".join(map(str, known[:20])) + (" …" if len(known) > 20 else "")
        hint = f" It has had: {shown}." if known else " The capture has no such process."
        raise BadArgument(f"process {pid} has no descriptor {fd} in this capture.{hint}")
    if at is None:
        still = lives[lives["how"].isin(["none", "exit"])]
        return (still if not still.empty else lives).iloc[-1]
    begun = lives["open_t_s"].fillna(float("-inf")) <= at
    not_over = lives["close_t_s"].fillna(float("inf")) >= at
    chosen = lives[begun & not_over]
    if chosen.empty:
        raise BadArgument(f"descriptor {fd} of process {pid} was not open at {at} s.")
    return chosen.iloc[-1]
