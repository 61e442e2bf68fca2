"""Whose line is it when strace prints no number?

On standard error strace prefixes lines with `[pid N]` only while more than one
tracee lives. A line without prefix belongs to the one that is alive; before
the first prefix its number may not be known at all. That tracee is called 0
until something tells: a prefixed line that resumes its call, the first prefix
that is nobody's child, or the call set_tid_address, which returns the caller.
"""

from __future__ import annotations

from collections.abc import Iterable

SPAWNS, EXITS, NAMES_FIRST, ENDS = 1, 2, 3, 4
"""What lines tell: a call made a child, called exit, named its caller; a thread's last line."""
UNKNOWN = 0
HIGHEST_TID = 1 << 30
"""No kernel gives out such numbers (pid_max is at most 4194304): a larger one is no thread's."""


class Tracees:
    """The tracees that are alive, as far as the text of one file has told."""

    __slots__ = ("_children", "_ended", "_live", "first", "last")

    def __init__(self, first: int = UNKNOWN) -> None:
        self.first = first
        self.last = first
        self._live: dict[int, None] = {first: None}
        self._children: set[int] = set()
        self._ended: set[int] = set()

    def unprefixed(self) -> int:
        """The tracee of a line without a number: the only one alive, else the likeliest."""
        live = self.alive()[0]
        if len(live) == 1:
            self.last = live[0]
        elif live and self.last not in live:
            self.last = live[-1]
        return self.last

    def alive(self) -> tuple[list[int], list[int]]:
        """Whose a line without a number may be, and who else is alive: those that called exit."""
        going = [tid for tid in self._live if tid not in self._ended]
        if not going:
            return list(self._live), []
        return going, [tid for tid in self._live if tid in self._ended]

    def prefixed(self, tid: int, resumes_first: bool) -> bool:
        """Note a line of `tid`; True when this shows that the unnumbered tracee is `tid`."""
        self.last = tid
        if tid in self._live:
            return False
        if (
            self.first == UNKNOWN
            and UNKNOWN in self._live
            and (resumes_first or (self._children and tid not in self._children))
        ):
            self.name_first(tid)
            return True
        self._live[tid] = None
        return False

    def name_first(self, tid: int) -> None:
        """The tracee called 0 until now is `tid`."""
        self._live = {tid if t == UNKNOWN else t: None for t in self._live}
        if UNKNOWN in self._ended:
            self._ended.add(tid)
        self.first = tid
        if self.last == UNKNOWN:
            self.last = tid

    def attached(self, tid: int) -> None:
        """Strace said that it attached to `tid`."""
        self._children.add(tid)
        self._live[tid] = None
        self._ended.discard(tid)

    def born(self, tid: int) -> None:
        """A call returned `tid` as its child."""
        self._children.add(tid)

    def replace_first(self, tid: int) -> None:
        """The capture begins with an attach to `tid`: there is no tracee without a number."""
        self._live.pop(UNKNOWN, None)
        self.first = tid
        self._live[tid] = None
        if self.last == UNKNOWN:
            self.last = tid

    def exiting(self, tid: int) -> None:
        """`tid` called exit; it may still print its exit status."""
        self._ended.add(tid)

    def gone(self, tid: int) -> None:
        """`tid` printed its exit status."""
        self._live.pop(tid, None)
        self._ended.discard(tid)

    def told(self, news: Iterable[Iterable[int]]) -> None:
        """Many calls and last lines at once: what they tell, and of whom. Their lines have numbers."""
        live, ended, children = self._live, self._ended, self._children
        for what, number in news:
            if what == ENDS:
                live.pop(number, None)
                ended.discard(number)
            elif what == EXITS:
                ended.add(number)
            elif what == SPAWNS and 0 < number < HIGHEST_TID:
                children.add(number)
