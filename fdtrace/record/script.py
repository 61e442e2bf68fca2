"""A recording for machines without fdtrace: a shell script that needs sh and strace."""

from __future__ import annotations

import importlib.resources
import shlex

import fdtrace

from ..history.recommended import CLASSES
from ..readers.manifest import FORMAT
from .plan import Plan
from .strace_options import Strace, trace_list

_TEMPLATE = "record.sh"
_ANY = Strace("strace", (6, 0))
"""The script asks for the version where it runs; what it may ask strace for is in it."""
_EVERY_S = 10


def text(plan: Plan) -> str:
    """The script for a plan: what to record is its own argument, how is in it, where can be both."""
    values = {
        "VERSION": fdtrace.__version__,
        "FORMAT": FORMAT,
        "DETAIL": plan.detail,
        "STACKS": str(int(plan.stacks)),
        "PAYLOAD": str(plan.payload),
        "EVERY": str(max(int(plan.every_s or _EVERY_S), 1)),
        "DURATION": str(int(plan.duration_s or 0)),
        "FOLDER": shlex.quote(plan.folder),
        "FULL": shlex.quote(",".join(trace_list(_ANY, "full"))),
        "LIGHT": shlex.quote(",".join(trace_list(_ANY, "light"))),
        "OLD": ",".join(name.lstrip("%") for name in CLASSES),
    }
    script = importlib.resources.files("fdtrace.record").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    for name, value in values.items():
        script = script.replace(f"@{name}@", value)
    return script
