"""The state of a socket as the last decisive system call leaves it.

strace shows no states; they follow from calls (tcp(7), socket(7)): a read of 0
is the peer's FIN and leaves CLOSE_WAIT, a failed connect leaves CLOSE, and so
on. A snapshot, where there is one, knows better.
"""

from __future__ import annotations

from ..readers.strace import args as a
from ..readers.strace import notes
from ..readers.strace.args import Call
from . import effects as e
from .lives import At, Life

STREAMS = frozenset({"tcp", "tcp6", "unix", "socket", "sctp", "sctp6"})
_CONNECTION = frozenset({"tcp", "tcp6", "socket", "sctp", "sctp6"})
_REFUSED = frozenset(
    {
        b"ECONNREFUSED",
        b"ETIMEDOUT",
        b"ENETUNREACH",
        b"EHOSTUNREACH",
        b"ECONNABORTED",
        b"EADDRNOTAVAIL",
        b"ECONNRESET",
    }
)
RESET = frozenset({b"ECONNRESET", b"EPIPE", b"ENOTCONN", b"ETIMEDOUT", b"ESHUTDOWN", b"ECONNABORTED"})


def _set(life: Life, at: At, state: str, why: str) -> None:
    life.state, life.state_at, life.state_name = state, at, why


def io(life: Life, at: At, ret: int, errno: bytes) -> None:
    """A read or write that returned 0 or failed."""
    if errno:
        if errno in RESET and life.kind in STREAMS and life.state != "LISTEN":
            _set(life, at, "CLOSE", errno.decode("ascii", "replace"))
            life.failed = at
        return
    if ret == 0 and life.kind in STREAMS and at.syscall in e.STREAM_ENDS:
        after = "CLOSE" if life.state in ("FIN_WAIT2", "FIN_WAIT1") else "CLOSE_WAIT"
        _set(life, at, after, f"{at.syscall.decode()}() = 0")


def decide(life: Life, at: At, call: Call, ret: int, errno: bytes) -> None:
    """A call that changes or reveals the state or the addresses of a socket."""
    name = call.name
    if name == b"connect":
        _connect(life, at, call, errno)
    elif name == b"getsockopt":
        error = socket_error(call)
        if error is not None and not errno:
            _settled(life, at, error)
    elif errno:
        return
    elif name == b"listen":
        _set(life, at, "LISTEN", "listen()")
    elif name == b"bind" or name == b"getsockname":
        life.local = address(call.arg(1)) or life.local
    elif name == b"getpeername":
        life.peer = address(call.arg(1)) or life.peer
    elif name == b"shutdown" and life.kind in _CONNECTION and call.arg(1).partition(b" ")[0] != b"SHUT_RD":
        after = "CLOSE" if life.state == "CLOSE_WAIT" else "FIN_WAIT2"
        _set(life, at, after, "shutdown()")


def created(life: Life, at: At) -> None:
    """A new socket of TCP is closed in the kernel's words, and in none of its tables until connected."""
    if life.kind in ("tcp", "tcp6"):
        _set(life, at, "CLOSE", "socket()")


def accepted(life: Life, listener: Life, at: At, peer: str | None) -> None:
    """What a new connection takes over from the socket that it was accepted on."""
    if listener.kind not in ("unknown", "file"):
        life.kind = listener.kind
    life.local = listener.local
    life.peer = peer
    _set(life, at, "ESTABLISHED", "accept()")


def _connect(life: Life, at: At, call: Call, errno: bytes) -> None:
    life.peer = address(call.arg(1)) or life.peer
    if not errno or errno == b"EISCONN":
        _set(life, at, "ESTABLISHED", "connect()")
    elif errno in (b"EINPROGRESS", b"EALREADY", b"EINTR"):
        _set(life, at, "SYN_SENT", "connect()")
    elif errno in _REFUSED or life.kind == "unix":
        _set(life, at, "CLOSE", f"connect() = {errno.decode('ascii', 'replace')}")
        life.failed = at


def _settled(life: Life, at: At, error: bytes) -> None:
    if error == b"":
        if life.state == "SYN_SENT":
            _set(life, at, "ESTABLISHED", "SO_ERROR 0")
    else:
        _set(life, at, "CLOSE", f"SO_ERROR {error.decode('ascii', 'replace')}")
        life.failed = at


End = tuple[str, int]
"""What names one end of a pair of unix sockets: its description here, or its inode."""


def endpoints(life: Life) -> frozenset[End]:
    """The names of a socket's own end."""
    names = {("ofd", life.ofd)}
    if life.inode is not None:
        names.add(("inode", life.inode))
    return frozenset(names)


def other_end(life: Life) -> End | None:
    """The name of the end that a socket sends to, where socketpair or an annotation told it."""
    if life.other_end is not None:
        return "ofd", life.other_end
    target = life.target or ""
    left, arrow, right = target.partition("->")
    digits = right.rstrip("]").partition(",")[0]
    return ("inode", int(digits)) if arrow and digits.isdigit() and left.startswith("UNIX") else None


def address(text: bytes) -> str | None:
    """A printed sockaddr as `host:port`, `[v6]:port`, a path, or `@name` for an abstract socket."""
    host = None
    for marker in (b"inet_addr(", b"inet_pton(AF_INET6, "):
        position = text.find(marker)
        if position >= 0:
            found = a.string(text[position + len(marker) :])
            host = None if found is None else notes.text(found[0])
    for value in a.members(text, b"sun_path"):
        found = a.string(value)
        if found is not None:
            return ("@" if value.startswith(b"@") else "") + notes.text(found[0])
    if host is None:
        return None
    port = text.partition(b"port=htons(")[2].partition(b")")[0]
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port.decode()}" if port.isdigit() else shown


def socket_error(call: Call) -> bytes | None:
    """The error that getsockopt(SO_ERROR) reported: a name, b"" for none; None for other options."""
    if b"SO_ERROR" not in call.arg(2):
        return None
    value = call.arg(3).strip(b"[]")
    return b"" if value == b"0" else value
