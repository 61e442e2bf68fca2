"""Species of creations: what every descriptor is that is made with the same words.

The walk compares the text of a creation with those that it knows; what a new
one says is read here, as the fold reads it, once for all that are like it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..readers.strace.args import Call, split
from ..readers.strace.window import Scan, Window
from . import paths, sockets, walk_words
from . import walk_columns as w
from .creations import created
from .effects import EFFECTS
from .lent_arrays import Arrays, Ints
from .lent_forms import (
    NO_TABLE,
    NOWHERE,
    Form,
    Pair,
    Said,
    address,
    has_holes,
    read_decision,
    read_form,
    read_pair,
)
from .lives import Life, Table
from .sockets import STREAMS
from .walk_records import LITERAL, NEVER

if TYPE_CHECKING:
    from .calls import Calls

Bytes = npt.NDArray[np.uint8]
SPECIES = 1 << 14
"""Texts of creations that are remembered; with more, all are forgotten at the next telling of news."""
ARENA = SPECIES * 256
CONNECTION = frozenset({"tcp", "tcp6", "socket", "sctp", "sctp6"})
STATES = {
    "FIN_WAIT1": w.FIN_WAIT,
    "FIN_WAIT2": w.FIN_WAIT,
    "CLOSE_WAIT": w.CLOSE_WAIT,
    "CLOSE": w.CLOSED_STATE,
    "SYN_SENT": w.SYN_SENT,
    "LISTEN": w.LISTENING,
}
_TWINS = 1 << 40
_NOBODY = Life(NO_TABLE, -1, -1, "unknown", "open", None)
"""In place of a life where a form is none of a creation."""


class Species(Arrays):
    """The species that are known, and the arrays."""

    def __init__(self, calls: Calls, scan: Scan) -> None:
        super().__init__(calls)
        self.scan = scan
        self.names: list[bytes] = []
        self.ops: Ints = np.zeros((0, 3), np.int64)
        self.forget_species()

    def forget_species(self) -> None:
        """No text is known."""
        self.protos: list[Life] = []
        self.forms: dict[int, Form | Pair] = {}
        """What adds to the lives of a species what their records say of them alone."""
        self.hosts: list[tuple[str, bool]] = []
        """Hosts that have a name, and whether a port belongs to it."""
        self.reasons: list[tuple[str | None, str]] = []
        """States that calls decide, and why (`walk_columns.R_SAID`)."""
        self.kins: dict[tuple[int, ...], int] = {}
        """Species of what is counted by its name or by a decision."""
        self._twins: dict[tuple[Any, ...], int] = {}
        self._originals: list[Life] = []
        self.arena: Bytes = np.zeros(ARENA, np.uint8)
        self.known: Ints = np.zeros((8 * SPECIES, 4), np.int64)
        self.species: Ints = np.zeros((SPECIES, w.FORM), np.int64)
        self.state[w.KEY] = self.state[w.TEXTS] = 0

    def words(self) -> bytes:
        """The key that the walk does not know."""
        start = int(self.state[w.KEY])
        return self.arena[start : start + int(self.state[w.WHAT])].tobytes()

    def know(self, meaning: int) -> None:
        """The walk knows the key from now on."""
        walk_words.learn(self.arena, self.known, int(self.state[w.WHAT]), meaning, self.state)
        self.widen_arena()

    def add_species(self, proto: Life, flags: int = 0) -> int:
        """The number of a new species."""
        alike = proto.state is None and not flags & (w.FIRST | w.SECOND)
        state = STATES.get(proto.state or "", w.OTHER)
        return self._add_row(proto, flags_of(proto, None) | flags, state, bool(proto.cloexec), alike)

    def twin(self, life: Life) -> int:
        """A number for what all copies of lives that are like this one have in common."""
        facts = life.kind, life.target, life.inode, life.local, life.peer, life.other_end, life.state_source
        if facts not in self._twins:
            like = Life(NO_TABLE, life.fd, -1, life.kind, life.via, None)
            like.same_file_as(life)
            self._twins[facts] = _TWINS + len(self._originals)
            self._originals.append(like)
        return self._twins[facts]

    def copy(self, twin: int, note: bytes | None, over: bool, cloexec: bool) -> Life:
        """What a copy is of an original of this twin: a species, or one that `twin` has told apart."""
        original = self.protos[twin] if twin < _TWINS else self._originals[twin - _TWINS]
        life = Life(NO_TABLE, original.fd, -1, "unknown", "dup", None)
        life.same_file_as(original)
        life.describe(note)
        life.via = "dup_over" if over else "dup"
        life.cloexec = cloexec
        return life

    def read_pair(self, window: Window, row: int) -> None:
        """A call that makes two says what is not known: read it."""
        name = self.names[int(window.columns["syscall"][row])]
        numbers = self.state[w.LIST : w.LIST + 6].tolist()
        pair = read_pair(name, self.words()[:-16], window.text(row), numbers)
        species = NEVER
        if pair is not None:
            species = self.add_species(pair.ends[0], w.FIRST)
            self.add_species(pair.ends[1], w.SECOND)
            self.forms[species] = self.forms[species + 1] = pair
        self.know(species)

    def read(self, window: Window, row: int, listener: Life | None) -> None:
        """A creation, of a client where it is of a `listener`, says what is not known: read it."""
        columns = window.columns
        name = self.names[int(columns["syscall"][row])]
        words, text = self.words()[:-16], window.text(row)
        ret_note, ret = int(columns["ret_note"][row]), int(columns["ret"][row])
        note = self.scan.notes.items[ret_note] if ret_note >= 0 else None

        def make(words: bytes, text: bytes, ret: int, note: bytes | None) -> Life | None:
            return _proto(name, words, text, ret, note, listener)

        if has_holes(words):
            form = read_form(words, text, ret, note, self.hosts, make)
            self.know(LITERAL if form is None else self._add_form(form))
        else:
            proto = make(words, text, ret, note)
            self.know(NEVER if proto is None else self.add_species(proto))

    def _add_form(self, form: Form) -> int:
        species = self.add_species(form.proto)
        self.species[species, [w.F_TWIN, w.F_KIN, w.F_PEER]] = False, form.kin, form.peer
        self.forms[species] = form
        return species

    def read_decision(self, window: Window, row: int) -> None:
        """A call decides about a socket what is not known: read it."""
        words = self.words()
        code, before = np.frombuffer(words[-16:], np.int64).tolist()
        errno = self.scan.errnos.items[code] if code >= 0 else b""
        given = int(self.state[w.LIST])
        said = read_decision(words[:-16], window.text(row), errno, before, given, self.hosts)
        if said is None:
            self.know(NEVER)
            return
        number = 0
        if said.state[1]:
            self.reasons.append(said.state)
            number = len(self.reasons)
        left = STATES.get(said.state[0] or "", w.OTHER)
        self.know(self._add_row(_NOBODY, 0, left, 0, 0, 0, number, said.fails, said.local, said.peer))

    def _add_row(self, proto: Life, *row: int) -> int:
        """The number of a new form, with a life in place of all of a species."""
        number = len(self.protos)
        self.protos.append(proto)
        if number == len(self.species):
            self.species = np.concatenate((self.species, np.zeros_like(self.species)))
        self.species[number, : len(row)] = row
        return number

    def said(self, row: list[int]) -> Said:
        """What the text of its creation said of a record alone."""
        name = row[w.R_NAME]
        return Said(
            self.scan.notes.items[name - 1] if name > 0 else None,
            self._path(-1 - name) if name < 0 else None,
            self.address(row[w.R_OWN]) if row[w.R_OWN] > 0 else None,
            row[w.R_OWN],
            row[w.R_FAR],
            row[w.R_OTHER],
            bool(row[w.R_FLAGS] & w.SECOND),
        )

    def address(self, said: int) -> str:
        """An address as a record has it, in words."""
        return address(said, self.hosts)

    def _path(self, place: int) -> str:
        text = self.arena[place + 1 : place + w.LONGEST_KEY].tobytes()
        return text.partition(b"\n")[0].decode("ascii")

    def spell(self, window: Window, row: int) -> None:
        """Write a call's text, which stands elsewhere, where the walk looks for it."""
        self.widen_arena()
        text, state = window.text(row), self.state
        odd = len(text) > w.LONGEST_TEXT or not text.isascii() or not text.decode("ascii").isprintable()
        state[w.SPELLED], state[w.SPELLED_AT] = -1 if odd else len(text), row + 1
        if not odd:
            start = int(state[w.KEY])
            self.arena[start : start + len(text) + 1] = np.frombuffer(text + b"\n", np.uint8)

    def widen_arena(self) -> None:
        """Make room for what is read next."""
        if int(self.state[w.KEY]) + 2 * w.SLACK > len(self.arena):
            self.arena = np.concatenate((self.arena, np.zeros_like(self.arena)))


def flags_of(life: Life, table: Table | None) -> int:
    """What the walk has to know of a life, as bits."""
    found = w.FOREIGN if table is not None and life.table is not table else 0
    found |= w.NAMED if life.target is not None else 0
    found |= w.STREAM if life.kind in STREAMS else 0
    found |= w.CONNECTION if life.kind in CONNECTION else 0
    return found | (w.FANOTIFY if life.kind == "fanotify" else 0)


def _proto(
    name: bytes, words: bytes, text: bytes, ret: int, note: bytes | None, listener: Life | None
) -> Life | None:
    """What every descriptor is that is made with these words; None when they do not tell all.

    The arguments have to read the same whatever stands behind them.
    """
    call = Call(text)
    if any(Call(words + tail).args != call.args for tail in (b" = 7", b' = 7</a") = b> (c')):
        return None
    inside = words.partition(b"(")[2]
    if split(inside)[0] != call.args:
        return None
    news = list(created(EFFECTS[name], call, ret, note))
    if len(news) != 1 or news[0].fd != ret or news[0].via not in ("open", "accept"):
        return None
    (new,) = news
    life = Life(NO_TABLE, ret, -1, new.kind, new.via, None)
    if new.via == "accept":
        if listener is None or new.source != listener.fd:
            return None
        sockets.accepted(life, listener, NOWHERE, new.peer)
    elif new.source is not None:
        return None
    if new.target is not None:
        if name in paths.OPENS and note is None and paths.may_lead(new.target, call):
            return None
        life.target = new.target
    life.describe(new.note)
    life.cloexec = new.cloexec
    if name == b"socket":
        sockets.created(life, NOWHERE)
    return life
