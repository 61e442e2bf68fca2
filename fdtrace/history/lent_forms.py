"""Forms: what descriptors are whose calls differ in numbers and names only, and what calls decide about them.

The walk takes out of a call's words what differs each time, and keeps it in the
record (`walk_forms`). What is left is read here, with several numbers and names in
turn: a form has to say with each of them what the fold would have made of the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ..readers.strace.args import Call
from . import patterns, sockets
from . import walk_columns as w
from . import walk_forms as f
from .creations import created, peer_pidfd
from .effects import EFFECTS
from .lives import At, Life

NOWHERE = At(0, -1, 0, 0, 0, 0, b"", -1, -1)
_END = rb"(?:<([\w/-]*):\[(->)?\]>)?"
_LIST = re.compile(rb"\[" + _END + rb", " + _END + rb"\]")
"""A list of two without its numbers."""
_TAILS = (b" = 0", b" = 7", b" = 0</a\") = b> (c')")
_OTHERS = [(1001, 17, 19, 1002, 23, 29), (0, 4, 123456789, 31, 5, 0)]
"""Descriptors and inodes for a second and a third look."""


class _Nobody:
    process = None


NO_TABLE: Any = _Nobody()
"""In place of the table of a life that only shows what others are like."""


class Said(NamedTuple):
    """What the text of its creation says of one descriptor alone; None where it does not."""

    note: bytes | None = None
    path: str | None = None
    peer: str | None = None
    own: int = -1
    far: int = -1
    other: int = -1
    """Of one end of a pair: its inode and the other's, -1 where not told; the other's number."""
    second: bool = False


# -- one descriptor --------------------------------------------------------------


class Form:
    """What every descriptor is that is made with these words: a life in place of them, and what is added."""

    __slots__ = ("kin", "peer", "proto")

    def __init__(self, proto: Life, peer: int, kin: int) -> None:
        self.proto = proto
        self.peer = peer
        """Where its peer comes from (`walk_columns.F_PEER`)."""
        self.kin = kin

    def fill_in(self, life: Life, said: Said) -> None:
        """Add to a life what its record says of it alone."""
        if self.peer:
            life.peer = said.peer
        if said.note is not None:
            life.target, life.inode = None, None
            life.describe(said.note)
        elif said.path is not None:
            life.target = said.path

    def tells(self, life: Life, said: Said) -> bool:
        """Whether it says of a life, with what is said of that, all that it is, and what it is counted as."""
        like = Life(NO_TABLE, life.fd, -1, self.proto.kind, self.proto.via, None)
        like.same_file_as(self.proto)
        like.cloexec = self.proto.cloexec
        self.fill_in(like, said)
        return _facts(like) == _facts(life) and (
            self.kin == w.BY_NAME or patterns.of(life) == patterns.of(self.proto)
        )


Maker = Callable[[bytes, bytes, int, bytes | None], Life | None]
"""Makes a life of the words of a call, its text, result and annotation; None where they do not tell all."""


class _Try(NamedTuple):
    """Numbers and names to put into a form."""

    port: int
    host: int
    path: bytes
    number: bytes
    peer: bytes


_TRIES = (
    _Try(1, 0, b"a/b", b"7", b"10.9.8.7:65"),
    _Try(65535, 0xFFFEFDFC, b"home/x-1/tmp.q", b"123456789", b"[fe80::1]:9"),
    _Try(8080, 0x7F000001, b"1", b"4026531840", b"1.2.3.4:50000"),
)


def read_form(
    words: bytes, text: bytes, ret: int, note: bytes | None, hosts: list[tuple[str, bool]], make: Maker
) -> Form | None:
    """What a form of words with something taken out means; None when it does not tell all."""
    shape, named, note_shape = words.partition(bytes([f.NAME]))
    if named and shape.endswith(bytes([f.PATH])):  # the sort of a path, not an annotation
        rest, named, note_shape = note_shape.partition(bytes([f.NAME]))
        shape += bytes([f.NAME]) + rest
    match = _pattern(shape).match(text)
    if match is None:
        return None
    life = make(match.group(), text, ret, note)
    if life is None:
        return None
    peers, lives = [], []
    for attempt in _TRIES:
        spelled = _spelled(shape, attempt)
        its_note = _note(note_shape, attempt) if named else note
        tail = b" = 7" if its_note is None else b" = 7<" + its_note + b">"
        other = make(spelled, spelled + tail, 7, its_note)
        if other is None:
            return None
        path = _path(shape, attempt)
        peer = make(spelled, spelled + b" = 7", 7, None) if f.PORT in shape else None
        peers.append(peer.peer if peer is not None else None)
        lives.append((other, its_note, None if its_note is not None or path is None else path.decode()))
    source = source_of(shape, peers, hosts) if f.PORT in shape or f.HOST in shape else w.KEEPS
    if source is None:
        return None
    named_by = bytes([f.PATH]) in shape or bytes([f.TEXT]) in note_shape
    form = Form(life, source, w.BY_NAME if named_by else w.BY_LOCAL if life.via == "accept" else w.NO_KIN)
    for (other, its_note, path_), peer_ in zip(lives, peers, strict=True):
        if not form.tells(other, Said(its_note, path_, peer_)):
            return None
    return form


def has_holes(words: bytes) -> bool:
    """Whether anything was taken out of words."""
    return any(c < 8 for c in words)


def _pattern(shape: bytes) -> re.Pattern[bytes]:
    """Words with anything where something was taken out."""
    found = re.escape(shape)
    found = found.replace(re.escape(bytes([f.PORT])), rb"\d+").replace(re.escape(bytes([f.HOST])), rb"[\d.]+")
    for sort in _SORTS:
        found = found.replace(re.escape(bytes([f.PATH, sort])), rb'(?:[^"]*, )?"[^"]*"')
    return re.compile(found, re.DOTALL)


_SORTS = (f.NAME, *b"/.")


def _spelled(shape: bytes, attempt: _Try) -> bytes:
    """Words with these numbers and names in them."""
    found = shape.replace(bytes([f.PORT]), b"%d" % attempt.port)
    found = found.replace(bytes([f.HOST]), dotted(attempt.host).encode())
    path = _path(shape, attempt)
    if path is None:
        return found
    name, _, rest = found.partition(bytes([f.PATH]))
    at = b"AT_FDCWD, " if name.startswith(b"openat") else b""
    return name + at + b'"' + path + b'"' + rest[1:]


def _path(shape: bytes, attempt: _Try) -> bytes | None:
    _, found, rest = shape.partition(bytes([f.PATH]))
    if not found:
        return None
    return attempt.path if rest.startswith(b".") else b"/" + attempt.path


def _note(shape: bytes, attempt: _Try) -> bytes:
    """An annotation of this form."""
    found = shape.replace(bytes([f.NUMBER]), attempt.number).replace(bytes([f.PEER]), attempt.peer)
    ending = b"count=0x7, eventfd-id=" + attempt.number + b"}" if shape.startswith(b"{") else attempt.path
    return found.replace(bytes([f.TEXT]), ending)


# -- addresses -------------------------------------------------------------------


def dotted(host: int) -> str:
    """An IPv4 address as it is written."""
    return ".".join(str(host >> shift & 255) for shift in (24, 16, 8, 0))


def source_of(shape: bytes, found: list[str | None], hosts: list[tuple[str, bool]]) -> int | None:
    """Where an address comes from (`walk_columns.F_PEER`) that was found with `_TRIES`; None: unclear."""
    first = found[0]
    if first is None:
        return w.KEEPS if not any(found) else None
    if f.HOST in shape and f.PORT in shape:
        expected: list[str | None] = [f"{dotted(one.host)}:{one.port}" for one in _TRIES]
        return w.GIVEN if found == expected else None
    if f.HOST in shape:
        return None
    if f.PORT in shape:
        host = first.rpartition(":")[0]
        if found != [f"{host}:{one.port}" for one in _TRIES]:
            return None
        return w.GIVEN - 1 - _host(host, True, hosts)
    return ((w.HOSTS + _host(first, False, hosts)) << 16) + 1


def _host(name: str, has_port: bool, hosts: list[tuple[str, bool]]) -> int:
    hosts.append((name, has_port))
    return len(hosts) - 1


def taken_from(source: int, given: int) -> int:
    """An address as a record has it, with the one that a text gave."""
    taken: int = f.address_from(source, given)
    return taken


def address(said: int, hosts: list[tuple[str, bool]]) -> str:
    """An address as a record has it, in words."""
    host, port = said - 1 >> 16, said - 1 & 0xFFFF
    if host < w.HOSTS:
        return f"{dotted(host)}:{port}"
    name, has_port = hosts[host - w.HOSTS]
    return f"{name}:{port}" if has_port else name


# -- decisions -------------------------------------------------------------------


class Decision(NamedTuple):
    """What a call decides about a socket: state and why, whether it failed, where its addresses come from."""

    state: tuple[str | None, str]
    """The second is empty where it decides no state."""
    fails: bool
    local: int
    peer: int


_AS_FAR = {w.CLOSE_WAIT: "CLOSE_WAIT", w.FIN_WAIT: "FIN_WAIT2", w.CLOSED_STATE: "CLOSE"} | {
    w.SYN_SENT: "SYN_SENT", w.LISTENING: "LISTEN", w.OTHER: "ESTABLISHED"
}  # fmt: skip


def read_decision(
    words: bytes,
    text: bytes,
    errno: bytes,
    before: int,
    given: int,
    hosts: list[tuple[str, bool]],
) -> Decision | None:
    """What calls that say this behind their descriptor decide about a socket; None when they do not tell all.

    The socket is one of the state and flags in `before`; `given` is the address in the text.
    """
    state, flags = divmod(before, f.STATES)
    name, _, rest = words.partition(b"(")
    tail = b" = -1 " + errno + b" (a)" if errno else b" = 0"
    lives = []
    for attempt in _TRIES:
        spelled = _spelled(name + b"(7" + rest, attempt)
        call = Call(spelled + tail)
        if any(Call(spelled + end).args != call.args for end in _TAILS):
            return None
        lives.append(_decided(call, errno, state, flags))
    local = source_of(words, [life.local for life in lives], hosts)
    peer = source_of(words, [life.peer for life in lives], hosts)
    if local is None or peer is None:
        return None
    decisions = {
        Decision((life.state, life.state_name), life.failed is not None, local, peer) for life in lives
    }
    actual = Call(text)
    if len(decisions) > 1 or (actual.name == b"getsockopt" and peer_pidfd(actual) is not None):
        return None
    (decision,) = decisions
    life = _decided(actual, errno, state, flags)
    said = [address(taken, hosts) if (taken := taken_from(s, given)) else None for s in (local, peer)]
    if Decision((life.state, life.state_name), life.failed is not None, local, peer) != decision:
        return None
    return decision if said == [life.local, life.peer] else None


def _decided(call: Call, errno: bytes, state: int, flags: int) -> Life:
    kind = "tcp" if flags & w.CONNECTION else "unix" if flags & w.STREAM else "udp"
    life = Life(NO_TABLE, 7, -1, kind, "open", None)
    life.state = _AS_FAR[state]
    sockets.decide(life, NOWHERE, call, -1 if errno else 0, errno)
    return life


# -- pairs -----------------------------------------------------------------------
class Pair:
    """What two descriptors are that one call makes: a life in place of each, and what numbers add to it."""

    __slots__ = ("_forms", "_has_peer", "_knows_inode", "ends")

    def __init__(self, ends: list[Life], forms: list[tuple[str, bool] | None]) -> None:
        self.ends = ends
        self._forms = forms
        self._knows_inode = [end.inode is not None for end in ends]
        self._has_peer = [end.peer is not None for end in ends]

    def fill_in(self, life: Life, said: Said) -> None:
        """Add to a life what its record says of it alone."""
        form = self._forms[said.second]
        if form is not None:
            life.target = _target(form, said.own, said.far)
        life.inode = said.own if self._knows_inode[said.second] else None
        life.peer = f"fd {said.other}" if self._has_peer[said.second] else None
        life.other_end = life.ofd - 1 if said.second else life.ofd + 1

    def tells(self, ends: list[Life], numbers: tuple[int, ...]) -> bool:
        """Whether it says of two lives with these numbers all that they are."""
        for n, end in enumerate(ends):
            own, far = numbers[3 * n + 1 : 3 * n + 3]
            like = self.ends[n]
            life = Life(NO_TABLE, numbers[3 * n], 0, like.kind, like.via, None)
            life.local, life.cloexec = like.local, like.cloexec
            self.fill_in(life, Said(own=own, far=far, other=numbers[3 - 3 * n], second=bool(n)))
            if _facts(life) != _facts(end):
                return False
        return True


def _target(form: tuple[str, bool], own: int, far: int) -> str:
    family, arrow = form
    return f"{family}:[{own}->{far}]" if arrow else f"{family}:[{own}]"


def _facts(life: Life) -> tuple[Any, ...]:
    own = life.target, life.local, life.peer, life.inode
    return life.fd, life.kind, life.via, life.cloexec, life.state, life.state_name, *own


def read_pair(name: bytes, words: bytes, text: bytes, numbers: list[int]) -> Pair | None:
    """What two descriptors are that a call with these words makes; None when they do not tell all.

    They have to read the same whatever the numbers are, and whatever stands behind them.
    """
    match = _LIST.search(words)
    if match is None or match.start() != words.find(b"["):
        return None
    forms = [
        (match.group(n).decode(), match.group(n + 1) is not None) if match.group(n) is not None else None
        for n in (1, 3)
    ]
    pair = None
    args = Call(text).args
    for some in (tuple(numbers), *_OTHERS):
        spelled = words[: match.start()] + _listed(forms, some) + words[match.end() :]
        if any(Call(spelled + tail).args != (args or Call(spelled + _TAILS[0]).args) for tail in _TAILS):
            return None
        ends = _ends(name, spelled + _TAILS[0])
        if ends is None:
            return None
        pair = pair or Pair(ends, forms)
        if not pair.tells(ends, some):
            return None
        args = []
    return pair


def _listed(forms: list[tuple[str, bool] | None], numbers: tuple[int, ...]) -> bytes:
    """The list with its numbers."""
    both = []
    for n, form in enumerate(forms):
        fd, own, far = numbers[3 * n : 3 * n + 3]
        both.append(f"{fd}" if form is None else f"{fd}<{_target(form, own, far)}>")
    return f"[{both[0]}, {both[1]}]".encode()


def _ends(name: bytes, text: bytes) -> list[Life] | None:
    """The lives that such a call makes, as far as its text tells (`numbers.create`)."""
    news = list(created(EFFECTS[name], Call(text), 0, None))
    if len(news) != 2 or any(new.fd < 0 or new.target or new.peer or new.source is not None for new in news):
        return None
    ends = []
    for new in news:
        life = Life(NO_TABLE, new.fd, 0, new.kind, new.via, None)
        life.describe(new.note)
        life.cloexec = new.cloexec
        ends.append(life)
    if name == b"socketpair":
        for one, other in (ends, ends[::-1]):
            one.peer = one.peer or f"fd {other.fd}"
    return ends
