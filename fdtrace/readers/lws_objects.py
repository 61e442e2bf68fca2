"""The objects of libwebsockets logs: which context each belongs to, when it was created and destroyed.

A tag (`[wsicli|a|WS/h1/default/host]`) names its object by group and ordinal;
the rest may change while it lives, and ordinals begin at 0 in every context.
So a `++` belongs to the context whose next ordinal of that group it is and
whose count agrees, the latest of several, and a `--` to the one whose object
has the age that the line states. A context begins with its version line and
ends with the last of its objects (or where the log says that it is destroyed);
when it goes on after that, it had not ended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .sheet import LwsObject, Sheet

CONTEXT = "context"
"""The group of the rows that stand for contexts themselves."""

_LIFETIME = re.compile(r"^(\d+)(?:([.:])(\d+))?(y|d|hr|min|s|ms|μs|µs|us)$")
_UNIT_S = {
    "y": 31_536_000.0,
    "d": 86_400.0,
    "hr": 3600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "μs": 1e-6,
    "µs": 1e-6,
    "us": 1e-6,
}
_BELOW = {"min": 1.0, "hr": 60.0, "d": 3600.0, "y": 86_400.0}
_REMEMBERED = 16
"""How many ended contexts may turn out not to have ended."""


def lifetime(text: str | None) -> float | None:
    """Seconds of a lifetime as printed: `237μs`, `5.184ms`, `1.050min`, `1:03min`; None for other text."""
    found = _LIFETIME.match(text or "")
    if found is None:
        return None
    whole, between, part, unit = found.groups()
    if between == ":":
        return int(whole) * _UNIT_S[unit] + int(part) * _BELOW.get(unit, 0.0)
    return round(float(f"{whole}.{part or 0}") * _UNIT_S[unit], 9)


@dataclass(slots=True)
class Context:
    """A context while the log goes on. `row` is None for the one that was there before the log."""

    row: LwsObject | None
    alive: dict[str, dict[int, LwsObject]] = field(default_factory=dict)
    next: dict[str, int] = field(default_factory=dict)
    used: bool = False
    """Whether any object of it was seen."""
    ended_by_line: bool = False

    @property
    def number(self) -> int | None:
        """The number of this context in the log, counted from 1."""
        return self.row.context if self.row else None

    @property
    def empty(self) -> bool:
        """Whether nothing in it is alive."""
        return not any(self.alive.values())


class Objects:
    """All objects of one log, as its lines tell of them."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._before = Context(None)
        self._living: list[Context] = []
        self._ended: list[Context] = []
        self._count = 0
        self._connections: dict[str, dict[int, LwsObject]] = {"client": {}, "server": {}}
        self.lines = 0
        """Lines that create or destroy."""
        self._told_ends = False
        self.miscounted = 0
        """The first line whose count does not agree with what was seen; 0 when all agree."""

    # -- contexts --------------------------------------------------------------

    def context(self, line: int, clock_ns: int | None, description: str | None) -> Context:
        """A context begins."""
        self._count += 1
        row = LwsObject(
            self._sheet.file, line, self._count, CONTEXT, self._count - 1, description, created_ns=clock_ns
        )
        self._sheet.lws_objects.append(row)
        context = Context(row)
        self._living.append(context)
        return context

    def context_destroyed(self, line: int, clock_ns: int | None) -> None:
        """A line says that the destruction of a context is complete."""
        self._told_ends = True
        if self._ended and not self._ended[-1].ended_by_line and self._ended[-1].row:
            self._ended[-1].ended_by_line = True
            return
        if self._living:
            context = next((c for c in reversed(self._living) if c.used and c.empty), self._living[-1])
            context.ended_by_line = True
            self._end(context, line, clock_ns)

    def _end(self, context: Context, line: int, clock_ns: int | None) -> None:
        if context.row is not None:
            _destroy(context.row, line, clock_ns, None)
        if context in self._living:
            self._living.remove(context)
            self._ended.append(context)
            del self._ended[:-_REMEMBERED]

    def _revive(self, context: Context) -> Context:
        """A context goes on after all its objects were gone: it had not ended."""
        row = context.row
        if row is not None:
            row.open, row.destroyed_ns, row.destroyed_line, row.lifetime_s = True, None, None, None
        self._ended.remove(context)
        self._living.append(context)
        context.ended_by_line = False
        return context

    def end(self) -> None:
        """The log is over. Where it has no lines about ends, whether a context is alive is not known."""
        if not self.lines and not self._told_ends:
            for context in self._living:
                if context.row is not None:
                    context.row.open = None

    # -- objects ---------------------------------------------------------------

    def created(
        self, line: int, clock_ns: int | None, group: str, ordinal: int, description: str, count: int | None
    ) -> None:
        """An object was created; `count` is how many of its group there are now."""
        self.lines += 1
        context = self._home(line, clock_ns, group, ordinal, count)
        alive = context.alive.setdefault(group, {})
        row = LwsObject(
            self._sheet.file,
            line,
            context.number,
            group,
            ordinal,
            description or None,
            created_ns=clock_ns,
        )
        self._sheet.lws_objects.append(row)
        alive[ordinal] = row
        if (side := _side(group)) is not None:
            self._connections[side][id(row)] = row
        context.next[group] = ordinal + 1
        context.used = True
        self._compare(context, line, len(alive), count)

    def _home(self, line: int, clock_ns: int | None, group: str, ordinal: int, count: int | None) -> Context:
        """The context in which an object with this ordinal is created."""
        fitting = [c for c in reversed(self._living) if c.next.get(group, 0) == ordinal]
        counted = [c for c in fitting if len(c.alive.get(group, ())) + 1 == count]
        if counted or fitting:
            return (counted or fitting)[0]
        for context in reversed(self._ended):
            if ordinal and context.next.get(group, 0) == ordinal:
                return self._revive(context)
        if ordinal == 0:
            return self.context(line, clock_ns, None)
        skipped = [c for c in reversed(self._living) if c.next.get(group, 0) < ordinal]
        return skipped[0] if skipped else self._before

    def destroyed(
        self,
        line: int,
        clock_ns: int | None,
        group: str,
        ordinal: int,
        description: str,
        count: int | None,
        lived: str | None,
    ) -> None:
        """An object was destroyed; `count` is how many of its group are left, `lived` its age as printed."""
        self.lines += 1
        lifetime_s = lifetime(lived)
        context = self._owner(group, ordinal, description, count, clock_ns, lifetime_s)
        if context is None:
            self._came_before(line, clock_ns, group, ordinal, description, lifetime_s)
            return
        row = context.alive[group].pop(ordinal)
        if (side := _side(group)) is not None:
            self._connections[side].pop(id(row), None)
        _destroy(row, line, clock_ns, lifetime_s)
        self._compare(context, line, len(context.alive[group]), count)
        if context.empty and context.row is not None:
            self._end(context, line, clock_ns)

    def _owner(
        self,
        group: str,
        ordinal: int,
        description: str,
        count: int | None,
        clock_ns: int | None,
        lifetime_s: float | None,
    ) -> Context | None:
        """The context whose object this tag names: the one whose age fits best, then whose count does."""
        holders = [c for c in (*self._living, self._before) if ordinal in c.alive.get(group, ())]
        if len(holders) <= 1:
            return holders[0] if holders else None

        def distance(context: Context) -> tuple[float, bool, bool]:
            row = context.alive[group][ordinal]
            known = clock_ns is not None and row.created_ns is not None and lifetime_s is not None
            age = (clock_ns - row.created_ns) / 1e9 if known else 0.0  # type: ignore[operator]
            return (
                round(abs(age - (lifetime_s or 0.0)), 3) if known else 0.0,
                len(context.alive[group]) - 1 != count,
                not description.startswith(row.description or ""),
            )

        return min(holders, key=distance)

    def _came_before(
        self,
        line: int,
        clock_ns: int | None,
        group: str,
        ordinal: int,
        description: str,
        lifetime_s: float | None,
    ) -> None:
        """An object ends whose beginning is not in the log: its age says when that was."""
        known = clock_ns is not None and lifetime_s is not None
        self._sheet.lws_objects.append(
            LwsObject(
                self._sheet.file,
                line,
                None,
                group,
                ordinal,
                description or None,
                created_ns=clock_ns - round(lifetime_s * 1e9) if known else None,  # type: ignore[operator]
                destroyed_ns=clock_ns,
                destroyed_line=line,
                lifetime_s=lifetime_s,
                open=False,
            )
        )

    def _compare(self, context: Context, line: int, alive: int, count: int | None) -> None:
        if count is not None and count != alive and context.row is not None and not self.miscounted:
            self.miscounted = line

    # -- who is meant ------------------------------------------------------------

    def named(self, group: str, ordinal: int, description: str) -> tuple[int | None, LwsObject | None]:
        """The context and living object that a tag means: one described like it, of those the latest."""
        found = [
            (c, c.alive[group][ordinal])
            for c in (*self._living, self._before)
            if ordinal in c.alive.get(group, ())
        ]
        if not found:
            return (self._living[0].number if len(self._living) == 1 else None), None
        alike = [pair for pair in found if description.startswith(pair[1].description or "")]
        context, row = (alike or found)[-1]
        return context.number, row

    def only(self, side: str) -> LwsObject | None:
        """The only living connection of this side (client, server, either); None when there are more."""
        sides = (side,) if side in self._connections else tuple(self._connections)
        alive = [self._connections[one] for one in sides if self._connections[one]]
        if len(alive) != 1 or len(alive[0]) != 1:
            return None
        return next(iter(alive[0].values()))


def _side(group: str) -> str | None:
    """Whose connections a group holds."""
    return "client" if group.startswith("wsicli") else "server" if group.startswith("wsisrv") else None


def _destroy(row: LwsObject, line: int, clock_ns: int | None, lifetime_s: float | None) -> None:
    row.open = False
    row.destroyed_line, row.destroyed_ns = line, clock_ns
    if lifetime_s is None and clock_ns is not None and row.created_ns is not None:
        lifetime_s = max(0.0, (clock_ns - row.created_ns) / 1e9)
    row.lifetime_s = lifetime_s
