"""How what libwebsockets logs show is put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..history.lws import Connection
from ..history.lws_reads import Reads
from ..readers.sheet import LwsObject
from .nouns import noun

_SORTS = {
    "context": "contexts",
    "wsicli": "client connections",
    "wsisrv": "server connections",
    "wsi": "connections",
    "vh": "vhosts",
    "mux": "multiplexed connections",
}
_STAGES = {
    "dns": "name lookup",
    "descriptor": "making the socket",
    "connect": "connecting",
    "timeout": "waiting for an answer",
    "proxy": "the proxy",
    "tls": "TLS",
    "handshake": "the upgrade to websocket",
    "unknown": "an unnamed stage",
}


def sort(group: str | None) -> str:
    """A group of objects, in the plural."""
    return _SORTS.get(group or "", f"{group} objects" if group else "objects")


def count(number: int, plural: str) -> str:
    """A number with its noun."""
    return f"{number:,} {plural.removesuffix('s') if number == 1 else plural}"


# -- objects -------------------------------------------------------------------


def alive(group: str | None, description: str | None, suspects: int, created: int, destroyed: int) -> str:
    """So many of so many were never destroyed."""
    what = sort(group)
    of = f" ({description})" if description and group != "context" else ""
    were = "was" if suspects == 1 else "were"
    told = f"{suspects:,} of {created:,} libwebsockets {what}{of} {were} never destroyed"
    return f"{told}; {destroyed:,} were" if destroyed else told


def alive_reasons(outlived: int, idle: int, suspects: int, complete: bool) -> tuple[str, ...]:
    """Why they are suspected, and what is not known."""
    reasons = []
    if outlived:
        who = "each of them" if outlived == suspects else f"{outlived:,} of them"
        reasons.append(f"{who} outlived others of the same sort that were created later")
    if idle:
        reasons.append(f"{idle:,} of them are not mentioned any more for the last half of their life")
    reasons.append("alive at the end of the log: a program that is still running may yet destroy them")
    if not complete:
        reasons.append("lines about objects are missing from the log: some may have been destroyed unseen")
    return tuple(reasons)


CONTEXT_ADVICE = "call lws_context_destroy() on every path that ends the use of a context"
OBJECT_ADVICE = "find out why these are never closed: return -1 from their callback, or set a timeout"


# -- connections ------------------------------------------------------------------


def stages(failed: Sequence[Connection]) -> str:
    """At which stages connections failed, the most frequent first: `24 while connecting (ECONNREFUSED)`."""
    found = Counter((one.stage or "unknown", one.errno) for one in failed)
    return ", ".join(
        f"{number:,} at {_STAGES.get(stage, stage)}" + (f" ({errno})" if errno else "")
        for (stage, errno), number in found.most_common(3)
    )


def stuck(group: str | None, number: int, error: bool) -> str:
    """Connections that ended for the program and not for the library."""
    event = "after CLIENT_CONNECTION_ERROR" if error else "after they were closed"
    return f"{count(number, sort(group))} of libwebsockets never destroyed {event}"


STUCK_ADVICE = "no WSI_DESTROY follows: look for a callback that blocks or a user of lws_service() that stops"


def retries(address: str | None, number: int, span_s: float | None) -> str:
    """So many attempts in a row, so fast."""
    to = f" to {address}" if address else ""
    rate = ""
    if span_s is not None and span_s >= 1:
        rate = f", {(number - 1) / span_s:,.1f} a second"
    elif span_s is not None:
        rate = f" within {max(1, round(span_s * 1000)):,} ms"
    return f"{number:,} failed connections{to} in a row without back-off{rate}"


RETRY_ADVICE = (
    "wait longer after each failure: lws_retry_sul_schedule_retry_wsi() with a table of growing delays"
)


# -- descriptors ------------------------------------------------------------------


def behind(kind: str, number: int, contexts: int) -> str:
    """Descriptors that contexts leave behind."""
    many = "contexts" if contexts != 1 else "context"
    return f"{number:,} {noun(kind)} stay open after the {contexts:,} libwebsockets {many} that opened them"


def behind_reasons(created: int, destroyed: int, inferred: bool, exact: bool) -> tuple[str, ...]:
    """What the log says of the contexts."""
    told = [f"log: {count(created, 'contexts')} created, {destroyed:,} destroyed"]
    if inferred:
        told.append("without stacks: opened while the context was alive, of a kind that it opens for itself")
    if exact:
        told.append("the log's lines stand in the trace's own writes: the order is exact")
    else:
        told.append("log and trace are compared by their clocks")
    return tuple(told)


def behind_advice(kind: str) -> str:
    """What to do about descriptors that contexts leave behind.

    The versions are those whose sources leave the event pipe open; 4.3.6 and
    4.4.1 were seen doing it, 4.0.20, 4.2.2, 4.3.3, 4.3.7 and 5.0.0 closing it.
    """
    advice = "close it where the context is destroyed"
    if kind not in ("eventfd", "pipe"):
        return advice
    return (
        f"{advice}; libwebsockets 4.3.4 to 4.3.6, 4.4.0 and 4.4.1 do not"
        ' (upstream: "pipe: cleanup on ctx destruction"), 4.3.7 and 4.4.2 do'
    )


def outlived(group: str | None, number: int) -> str:
    """Descriptors whose connection is gone."""
    what, verb = ("descriptors", "are") if number != 1 else ("descriptor", "is")
    return f"{number:,} {what} of destroyed libwebsockets {sort(group)} {verb} still open"


OUTLIVED_ADVICE = (
    "somebody dup()ed it, or a child inherited it: the library gave its number up without closing"
)


def named(row: LwsObject) -> str:
    """An object as the log names it."""
    return f"[{row.group}|{row.ordinal or 0:x}|{row.description or ''}]"


# -- receive buffers ---------------------------------------------------------------


def fragments(callback: str, number: int, total: int) -> str:
    """So many messages came in pieces."""
    return f"{number:,} of {count(total, 'messages')} arrive in fragments ({callback})"


def fragment_reasons(buffer: int, mean: float, largest: int, fits: int) -> tuple[str, ...]:
    """What the pieces say about the buffer."""
    return (
        f"pieces of at most {buffer:,} bytes, {mean:.1f} a message",
        f"largest message {largest:,} bytes, 95 % have at most {fits:,}",
    )


def fragment_advice(fits: int, most: int) -> str:
    """The buffer that would fit."""
    if fits > most:
        return f"messages of {fits:,} bytes: put their fragments together instead of buffering them whole"
    return f"rx_buffer_size of {fits:,} in lws_protocols would take nearly every message at once"


def full_reads(reads: Reads, share: float) -> str:
    """So many reads fill their buffer."""
    what = noun(reads.kind) if reads.kind else "sockets"
    return f"{share:.0%} of {reads.count:,} reads from {what} fill their buffer of {reads.size:,} bytes"


def full_reasons(reads: Reads) -> tuple[str, ...]:
    """What came in pieces, and how much a read brings."""
    pieces = reads.pieces / reads.messages if reads.messages else 0.0
    return (
        f"{reads.bytes / reads.count:,.0f} bytes a read",
        f"{reads.fragmented:,} of {count(reads.messages, 'runs')} of reads took several,"
        f" {pieces:.1f} on average, at most {reads.largest:,} bytes",
    )


def full_advice(reads: Reads) -> str:
    """The buffer that would fit."""
    return f"a buffer of {reads.fitting:,} bytes would need one read where there are several now"
