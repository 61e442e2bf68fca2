"""What was found in a Case: a sequence of findings that shows itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from .model import SEVERITIES, Coverage, Finding

if TYPE_CHECKING:
    import pandas as pd


class Findings(Sequence[Finding]):
    """What was found, most serious first. `table` is the DataFrame; printed, it is the answer."""

    def __init__(
        self,
        found: Iterable[Finding],
        coverage: list[Coverage],
        asked: str = "leaks",
        leaked: Iterable[int] = (),
    ) -> None:
        order = {name: place for place, name in enumerate(reversed(SEVERITIES))}
        self._found = sorted(found, key=lambda f: (order[f.severity], -(f.open or 0), f.key))
        self.coverage = coverage
        self.asked = asked
        self.leaked = frozenset(leaked)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self._found[index]

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
        import html

        return f"<pre>{html.escape(str(self))}</pre>"
