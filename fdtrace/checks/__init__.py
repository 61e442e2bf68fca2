"""What is wrong: one file a question, all of them in one explicit list.

A check is an observer of one capture: it hears of lives as they begin and end
and is asked for its findings when the capture is over. Its thresholds are
keyword arguments; the reason for each default is in its docstring.
"""

from __future__ import annotations

from . import lws_logs, snapshots
from .base import Check
from .close_errors import CloseErrors
from .double_close import DoubleClose
from .exhaustion import Exhaustion
from .inherited import Inherited
from .leak import Leak
from .lws_descriptors import LwsDescriptors
from .missed_close import MissedClose
from .missed_open import MissedOpen
from .receive_buffer import ReceiveBuffer
from .use_after_close import UseAfterClose

CHECKS: tuple[type[Check], ...] = (
    Leak,
    Exhaustion,
    DoubleClose,
    UseAfterClose,
    CloseErrors,
    Inherited,
    MissedOpen,
    MissedClose,
    LwsDescriptors,
    ReceiveBuffer,
)
"""The checks of a trace; some want snapshots or logs beside it."""

NAMES: tuple[str, ...] = tuple(
    dict.fromkeys((*(check.name for check in CHECKS), *snapshots.SNAPSHOT_CHECKS, *lws_logs.NAMES))
)
"""All checks by name, also those that snapshots and logs alone can answer."""

__all__ = ["CHECKS", "NAMES", "Check"]
