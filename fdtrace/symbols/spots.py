"""What is found out about an address."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Spot:
    """One function at an address; `function` is its name for the linker, where that is told."""

    function: str | None
    file: str | None
    line: int | None


Chain = tuple[Spot, ...]
"""Innermost first: inlined functions, then the one that has the code."""


@dataclass(slots=True)
class Found:
    """Chains by address, and what kept others from being found."""

    chains: dict[int, Chain] = field(default_factory=dict)
    trouble: str = ""
