"""The axis of a timeline: what its positions mean, for captures with clocks and without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..errors import NeedsCaptured
from ..model import Coverage


class Axis:
    """Where moments of several captures are: seconds if all have a clock (`unit` "s"), else lines.

    Clocks that count from 1970 agree, so such captures stand beside each other as
    they happened; others each begin at the beginning. `remarks` say what there is to know.

    Raises:
        NeedsCaptured: there is no recording of strace, or nothing tells the order of its calls.
    """

    def __init__(self, coverage: Iterable[Coverage]) -> None:
        traces = [one for one in coverage if one.kind == "strace"]
        if not traces:
            raise NeedsCaptured("a timeline needs a recording of strace; there is none among these captures.")
        self.unit: Literal["s", "line"] = "s" if all(one.clock != "none" for one in traces) else "line"
        remarks = []
        if self.unit == "line" and any(len(one.files) > 1 for one in traces):
            raise NeedsCaptured(
                "files of -ff without a clock have no common order that could be drawn: record with -ttt."
            )
        firsts = [one.first_ns or 0 for one in traces]
        common = self.unit == "s" and all(one.clock == "epoch" for one in traces)
        self._begins = {
            one.capture: (first - min(firsts)) / 1e9 if common else 0.0
            for one, first in zip(traces, firsts, strict=True)
        }
        if len(traces) > 1 and not common:
            remarks.append(f"{len(traces)} captures without a common clock: each from its own beginning")
        lengths = [(one.span_s or 0.0) if self.unit == "s" else float(one.lines) for one in traces]
        ends = [length + self._begins[one.capture] for one, length in zip(traces, lengths, strict=True)]
        self.until = max(ends) or 1e-9
        if self.unit == "line":
            remarks.append("no clock was recorded (-ttt): the axis is the order of the capture's lines")
        if any(not one.closes_visible for one in traces):
            remarks.append("no close() was recorded: what looks open may have been closed")
        if any(one.partial for one in traces):
            remarks.append("only a part of the captures was read")
        self.remarks = tuple(remarks)

    def at(self, capture: str, seconds: float | None, line: float | None) -> float | None:
        """A moment as a position; None when the capture does not tell it."""
        if self.unit == "line":
            return None if line is None else float(line)
        return None if seconds is None else seconds + self._begins.get(capture, 0.0)
