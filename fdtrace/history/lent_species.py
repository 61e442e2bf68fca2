"""Species of creations: what every descriptor is that is made with the same words.

The walk compares the text of a creation with those that it knows; what a new
one says is read here, as the fold reads it, once for all that are like it.
"""

from __future__ import annotations

import re
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
from .lent_pairs import NO_TABLE, Pair, read_pair
from .lives import At, Life, Table
from .sockets import STREAMS

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
}
_NEVER = -2
_TWINS = 1 << 40
_PORT = re.compile(rb"port=htons\(([1-9]\d{0,4})\)")


class Species(Arrays):
    """The species that are known, and the arrays."""

    def __init__(self, calls: Calls, scan: Scan) -> None:
        super().__init__(calls)
        self.scan = scan
        self.names: list[bytes] = []
        self.ops: Ints = np.zeros((0, 3), np.int64)
        self._clients: dict[tuple[bytes, bytes | None, str, str | None], tuple[Life, str]] = {}
        self.forget_species()

    def forget_species(self) -> None:
        """No text is known."""
        self.protos: list[Life] = []
        self.pairs: dict[int, Pair] = {}
        self._twins: dict[tuple[Any, ...], int] = {}
        self._originals: list[Life] = []
        self.arena: Bytes = np.zeros(ARENA, np.uint8)
        self.known: Ints = np.zeros((8 * SPECIES, 4), np.int64)
        self.species: Ints = np.zeros((SPECIES, 4), np.int64)
        self.state[w.KEY] = self.texts = 0

    def words(self) -> bytes:
        """The key that the walk does not know."""
        start = int(self.state[w.KEY])
        return self.arena[start : start + int(self.state[w.WHAT])].tobytes()

    def know(self, meaning: int) -> None:
        """The walk knows the key from now on."""
        walk_words.learn(self.arena, self.known, int(self.state[w.WHAT]), meaning, self.state)
        self.texts += 1
        if int(self.state[w.KEY]) + 2 * w.LONGEST_KEY > len(self.arena):
            self.arena = np.concatenate((self.arena, np.zeros_like(self.arena)))

    def add_species(self, proto: Life, flags: int = 0) -> int:
        """The number of a new species."""
        species = len(self.protos)
        self.protos.append(proto)
        if species == len(self.species):
            self.species = np.concatenate((self.species, np.zeros_like(self.species)))
        self.species[species] = (
            flags_of(proto, None) | flags,
            STATES.get(proto.state or "", w.OTHER),
            bool(proto.cloexec),
            proto.state is None and not flags & (w.FIRST | w.SECOND),
        )
        return species

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
        species = _NEVER
        if pair is not None:
            species = self.add_species(pair.ends[0], w.FIRST)
            self.add_species(pair.ends[1], w.SECOND)
            self.pairs[species] = self.pairs[species + 1] = pair
        self.know(species)

    def read(self, window: Window, row: int, listener: Life | None) -> None:
        """A creation, of a client where it is of a `listener`, says what is not known: read it."""
        columns = window.columns
        name = self.names[int(columns["syscall"][row])]
        words = self.words()[:-16]
        ret_note = int(columns["ret_note"][row])
        note = self.scan.notes.items[ret_note] if ret_note >= 0 else None
        ret = int(columns["ret"][row])
        proto = self._client(words, note, listener) if listener is not None else None
        if proto is None:
            proto = _proto(name, words, window.text(row), ret, note, listener)
            if proto is not None and listener is not None:
                self._remember_client(words, note, listener, proto)
        self.know(_NEVER if proto is None else self.add_species(proto))

    def _client(self, words: bytes, note: bytes | None, listener: Life) -> Life | None:
        """A client that differs from one before in nothing but its port."""
        found = _template(words, note, listener)
        known = self._clients.get(found[0]) if found is not None else None
        if found is None or known is None:
            return None
        proto, before, port = known[0], known[1], found[1]
        life = Life(NO_TABLE, proto.fd, -1, proto.kind, proto.via, None)
        life.same_file_as(proto)
        life.cloexec = proto.cloexec
        life.peer = f"{(proto.peer or '')[: -len(before)]}{port}"
        if proto.target is not None:
            life.target = f"{proto.target[: -len(before) - 1]}{port}]" if note is not None else proto.target
        return life

    def _remember_client(self, words: bytes, note: bytes | None, listener: Life, proto: Life) -> None:
        found = _template(words, note, listener)
        if found is None or not (proto.peer or "").endswith(f":{found[1]}"):
            return
        if proto.inode is not None or (proto.target is not None) != (note is not None):
            return
        if note is not None and not (proto.target or "").endswith(f":{found[1]}]"):
            return
        if len(self._clients) > SPECIES:
            self._clients.clear()
        self._clients[found[0]] = proto, found[1]


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
        sockets.accepted(life, listener, _NOWHERE, new.peer)
    elif new.source is not None:
        return None
    if new.target is not None:
        if name in paths.OPENS and note is None and paths.may_lead(new.target, call):
            return None
        life.target = new.target
    life.describe(new.note)
    life.cloexec = new.cloexec
    if name == b"socket":
        sockets.created(life, _NOWHERE)
    return life


_NOWHERE = At(0, -1, 0, 0, 0, 0, b"", -1, -1)


def _template(
    words: bytes, note: bytes | None, listener: Life
) -> tuple[tuple[bytes, bytes | None, str, str | None], str] | None:
    """What an accept says but for the port of its client, and that; None when it is not plain."""
    ports = _PORT.findall(words)
    if len(ports) != 1:
        return None
    port = ports[0]
    if note is not None:
        if not note.endswith(b":" + port + b"]"):
            return None
        note = note[: -len(port) - 1]
    return (_PORT.sub(b"port", words), note, listener.kind, listener.local), port.decode()
