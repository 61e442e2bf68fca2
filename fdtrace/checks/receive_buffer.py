"""Are receive buffers too small for what arrives?

A libwebsockets log says it by fragments: a message larger than the protocol's
rx_buffer_size comes in several callbacks, `first` on the first, `last` on the
last, `rpp` bytes of the frame still to come. A trace says it by reads that fill
their buffer and are followed by more. Either way it is advice about speed, not
a fault, and nothing is said unless most of what arrives is cut.
"""

from __future__ import annotations

from ..history.callsites import CallSites
from ..history.lws import Message, received
from ..history.lws_reads import Reads, reads
from ..history.run import History
from ..model import Finding
from ..readers.bundle import Capture
from ..readers.sheet import Sheet
from ..readers.strace.window import Scan
from . import lws_words as words
from .base import Check, called_by, quotes
from .lws_objects import evidence

NAME = "receive_buffer"
_SHOWN = 4


class ReceiveBuffer(Check):
    """Reads that fill their buffer again and again, so that what arrives takes several of them.

    Args:
        share: share of the reads that fill their buffer, from which on it is told (0.5).
        enough: reads that must have filled it (50: below, it was one large answer).
        several: share of the runs of reads that needed more than one (0.5).
        largest: buffers above this are never too small to be told (65536: the
            kernel rarely hands over more at once).
        smallest: buffers below this hold a fixed header, or a byte that wakes somebody (16).
    """

    name = NAME

    def __init__(
        self,
        scan: Scan,
        sites: CallSites,
        *,
        share: float = 0.5,
        enough: int = 50,
        several: float = 0.5,
        largest: int = 65536,
        smallest: int = 16,
    ) -> None:
        super().__init__(scan, sites)
        self.share, self.enough, self.several = share, enough, several
        self.largest, self.smallest = largest, smallest

    def findings(self, history: History) -> list[Finding]:
        """One finding for each place that reads with a small buffer."""
        return [self._finding(history, one) for one in reads(history, self.sites) if self._small(one)]

    def _small(self, one: Reads) -> bool:
        """Whether a place's buffer is too small. Reads that all fill it are of records with a known size."""
        if not self.smallest <= one.size < self.largest or one.full < self.enough or one.full == one.count:
            return False
        often = one.full / one.count >= self.share
        return often and bool(one.messages) and one.fragmented / one.messages >= self.several

    def _finding(self, history: History, one: Reads) -> Finding:
        name = f"{one.site.module}!{one.site.site}" if one.site else one.kind
        command = one.process.command if one.process else None
        return Finding(
            key=f"{NAME}:{command or '?'}:{name}",
            check=NAME,
            severity="low",
            title=words.full_reads(one, one.full / one.count),
            capture=history.capture.name,
            pid=one.process.pid if one.process else None,
            command=command,
            **called_by(one.site),
            kind=one.kind,
            example_fds=tuple(sorted(one.fds)[:5]),
            evidence=quotes(history, one.places),
            reasons=words.full_reasons(one),
            advice=words.full_advice(one),
        )


def findings_of_log(
    capture: Capture, sheet: Sheet, *, share: float = 0.5, enough: int = 5, most: int = 65536
) -> list[Finding]:
    """One finding for each callback whose messages mostly arrive in fragments.

    Args:
        capture: the log's file.
        sheet: what was read from it.
        share: share of the messages that arrive in fragments, from which on it is told.
        enough: messages in fragments that must have been seen.
        most: messages above this are better put together than buffered whole.
    """
    found = []
    for callback, all_of_them in received(sheet):
        whole = [message for message in all_of_them if message.whole]
        cut = [message for message in whole if len(message.lengths) > 1]
        if len(cut) >= enough and len(cut) >= share * len(whole):
            found.append(_of_log(capture, callback, whole, cut, most))
    return found


def _of_log(capture: Capture, callback: str, whole: list[Message], cut: list[Message], most: int) -> Finding:
    fits = fitting([message.frame or message.bytes for message in whole])
    pieces = sum(len(message.lengths) for message in cut) / len(cut)
    return Finding(
        key=f"{NAME}:{callback}",
        check=NAME,
        severity="low",
        title=words.fragments(callback, len(cut), len(whole)),
        capture=capture.name,
        kind="message",
        evidence=evidence(capture, cut[0].lines[:_SHOWN]),
        reasons=words.fragment_reasons(
            max(max(message.lengths) for message in cut),
            pieces,
            max(message.bytes for message in whole),
            fits,
        ),
        advice=words.fragment_advice(fits, most),
    )


def fitting(sizes: list[int]) -> int:
    """The buffer that takes 19 of 20 messages at once: the size of the twentieth largest, nothing rounded."""
    ordered = sorted(sizes)
    return ordered[min(len(ordered) - 1, len(ordered) * 19 // 20)]
