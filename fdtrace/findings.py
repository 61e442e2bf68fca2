"""What was found in a Case, and what its captures can tell: sequences that show themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from .model import SEVERITIES, Coverage, Finding, Place

if TYPE_CHECKING:
    import pandas as pd


class Captures(list[Coverage]):
    """What each capture of a Case can and cannot tell; printed, it is what `fdtrace doctor` says."""

    def __str__(self) -> str:
        from .report.doctor import examine

        return examine(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .report.cards import captures

        return captures(self)


class Chosen(list[Finding]):
    """Some of the findings; printed, each with its proof."""

    def __str__(self) -> str:
        from .report.cards import chosen
        from .report.plain import render

        return render(chosen(self))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .report.cards import chosen
        from .report.fragment import render

        return render(chosen(self))


class Findings(Sequence[Finding]):
    """What was found, most serious first. `table` is the DataFrame; printed, it is the answer.

    A slice shows itself as well, without a verdict, as it is not about all that was found:
    `found[:1]` is the first one with its proof.
    """

    def __init__(
        self,
        found: Iterable[Finding],
        coverage: Iterable[Coverage],
        asked: str = "leaks",
        leaked: Iterable[int] = (),
        places: Iterable[Place] = (),
    ) -> None:
        order = {name: place for place, name in enumerate(reversed(SEVERITIES))}
        self._found = sorted(found, key=lambda f: (order[f.severity], -(f.open or 0), f.key))
        self.coverage = Captures(coverage)
        self.asked = asked
        self.leaked = frozenset(leaked)
        self.places = tuple(places)
        """What each place of the traces opened, leaking or not; empty when leaks were not looked for."""

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Chosen: ...
    def __getitem__(self, index: int | slice) -> Finding | Chosen:
        return Chosen(self._found[index]) if isinstance(index, slice) else self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The findings as a DataFrame, index `key`."""
        from . import schema

        names = schema.TABLES["findings"].names
        return schema.conform("findings", {name: [getattr(f, name) for f in self._found] for name in names})

    def __str__(self) -> str:
        from .report.terminal import answer

        return answer(self._found, self.coverage, asked=self.asked)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .report.cards import findings

        return findings(self._found, self.coverage, self.asked)
