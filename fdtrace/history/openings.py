"""How much each place of a program opened and closed: what a finding is measured against.

A leak that is not found again is only cured if its place was busy, so places
are counted whether they leak or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..model import Place
from .groups import Groups

if TYPE_CHECKING:
    from .populations import Populations


def of_trace(groups: Groups) -> Iterator[Place]:
    """The places of a trace, chains of callers and the ends of pipes apart."""
    for cells in groups.places.values():
        for (chain, end), cell in cells.items():
            opened, closed = cell.opened, cell.closed
            yield Place(
                cell.command,
                cell.kind,
                cell.target(),
                cell.site.site if cell.site is not None else None,
                cell.site.module if cell.site is not None else None,
                chain,
                end,
                None,
                opened,
                closed,
                opened - closed,
            )


def of_snapshots(made: Populations) -> Iterator[Place]:
    """The populations of snapshots; one that was seen once has neither gained nor lost."""
    from .growth import grown

    for part in grown(made):
        yield Place(
            made.commands.get(part.pid),
            part.kind,
            part.place,
            state=part.state,
            opened=sum(part.gains),
            closed=sum(part.losses),
            open=part.counts[-1],
            looks=len(part.looks),
        )
