"""Which calls are wanted, decided on columns before a row is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadArgument, NeedsCaptured
from ..readers.strace.args import Call
from ..readers.strace.window import ABSENT, NO_FD, Row
from . import creations
from .effects import EFFECTS, USES, Op

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from .run import History

_ON_FIRST = frozenset(
    {Op.USE, Op.READ, Op.STATE, Op.DUP, Op.DUP_OVER, Op.CLOSE, Op.CONTROL, Op.RECEIVE, Op.SEND, Op.GET_FD}
)
"""Operations whose first argument is the descriptor that they work on."""
_MAKING = frozenset({Op.CREATE, Op.DUP, Op.DUP_OVER, Op.GET_FD, Op.CONTROL, Op.RECEIVE})
"""Operations that may return new descriptors, by their result or in their arguments."""
_MANY = frozenset({Op.CREATE, Op.RECEIVE, Op.CLOSE_RANGE})
"""Operations whose arguments have to be read to know all numbers that they are about."""
_HIGHEST = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Conditions on calls; None asks for nothing.

    `fd` is a number that a call acts on or makes, `since_s` and `until_s` are
    seconds from the capture's first time stamp to the beginning of the call.
    """

    pid: int | None = None
    fd: int | None = None
    syscalls: frozenset[str] | None = None
    since_s: float | None = None
    until_s: float | None = None

    @classmethod
    def of(
        cls,
        pid: int | None,
        fd: int | None,
        syscall: str | Iterable[str] | None,
        since: float | None,
        until: float | None,
    ) -> Wanted:
        """The conditions as a user gives them: names in a list, or in one text with commas between."""
        names = syscall.split(",") if isinstance(syscall, str) else syscall
        chosen = None if names is None else frozenset(name.strip() for name in names if name.strip())
        if chosen is not None and not chosen:
            raise BadArgument("syscall names no system call.")
        if since is not None and until is not None and since > until:
            raise BadArgument(f"since ({since:g}) is after until ({until:g}).")
        return cls(pid, fd, chosen, since, until)

    @property
    def timed(self) -> bool:
        """Whether a clock is needed."""
        return self.since_s is not None or self.until_s is not None

    def check(self, capture: str, clock: str) -> None:
        """Raises :class:`NeedsCaptured` when times are asked for of a capture that has none."""
        if self.timed and clock == "none":
            raise NeedsCaptured(
                f"{capture} has no clock, so --since and --until mean nothing: record with -ttt"
            )

    def among(self, frame: pd.DataFrame) -> list[bool]:
        """Which rows of a finished piece of `events` are wanted."""
        names = ("pid", "fd", "t_s", "syscall", "ret", "outcome", "args")
        columns = (frame[name].astype(object).tolist() for name in names)
        return [self._meets(*values) for values in zip(*columns, strict=True)]

    def _meets(self, pid: Any, fd: Any, t_s: float, syscall: str, ret: Any, outcome: str, args: Any) -> bool:
        if self.pid is not None and not (isinstance(pid, int) and pid == self.pid):
            return False
        if self.syscalls is not None and syscall not in self.syscalls:
            return False
        if not (self.since_s is None or t_s >= self.since_s) or not (
            self.until_s is None or t_s <= self.until_s
        ):
            return False
        if self.fd is None:
            return True
        name, text = syscall.encode(), f"{syscall}({args}) = {ret}".encode()
        number = fd if isinstance(fd, int) else NO_FD
        return concerns(self.fd, name, number, ret if outcome == "ok" else -1, text)


class Chooser:
    """The conditions put to one capture."""

    def __init__(self, wanted: Wanted, history: History) -> None:
        self.wanted = wanted
        self._history = history
        first = history.coverage.first_ns or 0
        self._since = None if wanted.since_s is None else first + round(wanted.since_s * 1e9)
        self._until = None if wanted.until_s is None else first + round(wanted.until_s * 1e9)
        self._tids = None if wanted.pid is None else _tids(history, wanted.pid)
        self._by_code: list[tuple[bool, bool, bool, bool]] = []

    def likely(self, columns: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
        """Which rows may be wanted; those that are not are left out for sure."""
        import numpy as np

        mask = np.ones(len(columns["syscall"]), dtype=bool)
        if self._tids is not None:
            mask &= np.isin(columns["tid"], self._tids)
        if self._since is not None:
            mask &= columns["entry_clock"] >= self._since
        if self._until is not None:
            mask &= (columns["entry_clock"] <= self._until) & (columns["entry_clock"] != ABSENT)
        named, works, makes, many = self._traits(columns["syscall"])
        if self.wanted.syscalls is not None:
            mask &= named
        if self.wanted.fd is not None:
            fd = self.wanted.fd
            made_it = (columns["ret"] == fd) | (columns["kind"] == Row.ENTRY)
            mask &= (works & (columns["fd"] == fd)) | (makes & made_it) | many
        return mask

    def _traits(self, codes: npt.NDArray[Any]) -> list[npt.NDArray[np.bool_]]:
        """Of each call: is its name wanted, does it work on its first number, may it make some, or many?"""
        import numpy as np

        names = self._history.scan.syscalls.items
        for name in names[len(self._by_code) :]:
            effect = EFFECTS.get(name)
            op = None if effect is None else effect.op
            wanted = self.wanted.syscalls is None or name.decode("ascii", "replace") in self.wanted.syscalls
            self._by_code.append((wanted, works_on_first(name), op in _MAKING, op in _MANY))
        return list(np.array(self._by_code, dtype=bool).reshape(-1, 4)[codes].T)

    def exactly(self, pid: int | None, name: bytes, fd: int, ret: int, text: bytes) -> bool:
        """Whether a call is wanted, of those that are likely."""
        if self.wanted.pid is not None and pid != self.wanted.pid:
            return False
        return self.wanted.fd is None or concerns(self.wanted.fd, name, fd, ret, text)


def _tids(history: History, pid: int) -> list[int]:
    """The threads that ever were of a process."""
    tenures = history.fold.calls.tenures
    return sorted(
        {known for tid, _, _, task, _ in tenures if task.process.pid == pid for known in (tid, task.tid)}
    )


def works_on_first(name: bytes) -> bool:
    """Whether the number that stands first among a call's arguments is the descriptor that it works on."""
    effect = EFFECTS.get(name)
    return name in USES or (effect is not None and effect.op in _ON_FIRST)


def concerns(number: int, name: bytes, fd: int, ret: int, text: bytes) -> bool:
    """Whether a call acts on a descriptor number, or makes it."""
    if fd == number and fd != NO_FD and works_on_first(name):
        return True
    effect = EFFECTS.get(name)
    if effect is not None and effect.op == Op.CLOSE_RANGE:
        call = Call(text)
        first, last = call.number(0), call.number(1)
        return first is not None and first <= number <= (_HIGHEST if last is None else last)
    return number in made(name, ret, text)


def made(name: bytes, ret: int, text: bytes) -> list[int]:
    """The descriptors that a call made which returned `ret`, in the order in which it tells them."""
    effect = EFFECTS.get(name)
    if effect is None or ret < 0:
        return []
    if effect.op == Op.CREATE:
        return [new.fd for new in creations.created(effect, Call(text), ret, None)]
    if effect.op in (Op.DUP, Op.DUP_OVER, Op.GET_FD) or (effect.op == Op.CONTROL and b"F_DUPFD" in text):
        return [ret]
    if effect.op == Op.RECEIVE and b"SCM_RIGHTS" in text:
        return [fd for fd, _ in creations.received(Call(text))[0]]
    return []
