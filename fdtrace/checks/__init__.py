"""What is wrong: one file a question, all of them in one explicit list.

A check is an observer of one capture: it hears of lives as they begin and end
and is asked for its findings when the capture is over. Its thresholds are
keyword arguments; the reason for each default is in its docstring.
"""

from __future__ import annotations

from .base import Check
from .close_errors import CloseErrors
from .double_close import DoubleClose
from .exhaustion import Exhaustion
from .inherited import Inherited
from .leak import Leak
from .use_after_close import UseAfterClose

CHECKS: tuple[type[Check], ...] = (Leak, Exhaustion, DoubleClose, UseAfterClose, CloseErrors, Inherited)

__all__ = ["CHECKS", "Check"]
