"""What a check is: its rule and thresholds out of its docstrings, when it is wrong, how to confirm it.

One source for `fdtrace explain` and for docs/checks.md.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import sys
import textwrap
from typing import Any

from fdtrace import checks as package
from fdtrace.checks import NAMES, of_traces
from fdtrace.errors import BadArgument
from fdtrace.report.guidance import GUIDANCE
from fdtrace.report.layout import BOLD, labelled, paint

_SNAPSHOTS, _LOGS = "By snapshots alone", "By a libwebsockets log alone"
WITHOUT_TRACE: dict[str, tuple[tuple[str, str, str], ...]] = {
    "leak": ((_SNAPSHOTS, "snapshot_growth", "Limits"),),
    "exhaustion": ((_SNAPSHOTS, "snapshot_limit", "findings"),),
    "close_wait": ((_SNAPSHOTS, "socket_states", "findings"),),
    "half_closed": ((_SNAPSHOTS, "socket_states", "findings"),),
    "dead_socket": ((_SNAPSHOTS, "socket_states", "findings"),),
    "shared_listener": ((_SNAPSHOTS, "shared_listener", "findings"),),
    "deleted_file": ((_SNAPSHOTS, "deleted_file", "findings"),),
    "lws_objects": ((_LOGS, "lws_objects", "Limits"),),
    "lws_releases": ((_LOGS, "lws_connections", "Limits"),),
    "lws_retries": ((_LOGS, "lws_connections", "Limits"),),
    "receive_buffer": ((_LOGS, "receive_buffer", "findings_of_log"),),
}
"""Of the checks that need no trace: on what they rest, their module, and what in it has the thresholds."""

_MARKS = re.compile(r"\*\*|(?<!\w)\*(?=\S[^*]*\*)|(?<=\S)\*(?!\w)")


def sections() -> dict[str, list[str]]:
    """The Markdown of every rule, with the names of the checks that share it."""
    by_rule: dict[str, list[str]] = {}
    for name in NAMES:
        by_rule.setdefault(rule(name), []).append(name)
    return by_rule


def rule(name: str) -> str:
    """A check in Markdown: what it does with a trace, with snapshots and with logs; its limits."""
    of_trace = of_traces([name])
    text, told = "", set()
    for check in of_trace:
        told.add(check.__module__)
        text += _rule(sys.modules[check.__module__], check)
    for basis, where, what in WITHOUT_TRACE.get(name, ()):
        module = importlib.import_module(f"{package.__name__}.{where}")
        text += f"\n### {basis}\n" if of_trace else f"\n*{basis}.*\n"
        text += _rule(None if module.__name__ in told else module, getattr(module, what))
    guidance = GUIDANCE[name]
    for title, items in (("When it is wrong", guidance.wrong), ("To confirm", guidance.confirm)):
        text += f"\n{title}:\n\n" + "".join(f"* {item}\n" for item in items)
    return f"{text}\nTo try it: `{guidance.example}`\n"


def question(name: str) -> str:
    """The question that a check asks, in one sentence; of several in one module, what this one is about."""
    of_trace = of_traces([name])
    where = of_trace[0].__module__ if of_trace else f"{package.__name__}.{WITHOUT_TRACE[name][0][1]}"
    text = inspect.getdoc(importlib.import_module(where)) or ""
    if own := re.search(rf"^{name} {{2,}}(.*(?:\n {{4,}}.*)*)", text, re.MULTILINE):
        return " ".join(own[1].split())
    return " ".join(text.partition("\n\n")[0].split())


def _rule(module: Any, subject: Any) -> str:
    """The docstring of a module and of its check, or of what holds the check's thresholds."""
    parts = [_listed(inspect.getdoc(module) or "")] if module else []
    summary, _, arguments = (inspect.getdoc(subject) or "").partition("\nArgs:\n")
    if not (dataclasses.is_dataclass(subject) or summary.strip() in "".join(parts)):
        parts.append(summary.strip())
    thresholds = _thresholds(arguments, _defaults(subject))
    if thresholds:
        parts.append("Thresholds:\n\n" + "\n".join(thresholds))
    return "".join(f"\n{part}\n" for part in parts)


def _listed(text: str) -> str:
    """A docstring with its columns of `word   meaning` as a list."""
    text = re.sub(r"^(\w+) {2,}(?=\S)", r"* **\1**: ", text.rstrip(), flags=re.MULTILINE)
    return re.sub(r"^ {4,}(?=\S)", "  ", text, flags=re.MULTILINE)


def _defaults(subject: Any) -> dict[str, Any]:
    """The thresholds by name, each with its default."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(subject).parameters.items()
        if isinstance(parameter.default, (int, float, str)) and not isinstance(parameter.default, bool)
    }


def _thresholds(arguments: str, defaults: dict[str, Any]) -> list[str]:
    """The described arguments as a list; a default that the description does not tell is added."""
    items: dict[str, str] = {}
    for line in arguments.splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            name, _, meaning = line.strip().partition(": ")
            items[name] = meaning
        elif items and line.startswith("     "):
            items[name] += f" {line.strip()}"
    told = []
    for name, default in defaults.items():
        meaning = items.get(name, "")
        if not re.search(r"\(\d", meaning):
            meaning = f"{meaning.rstrip('.')} ({default:,})." if not isinstance(default, str) else meaning
        told.append(f"* `{name}`: {meaning}".replace(":  (", ": ("))
    return told


# -- for a terminal ------------------------------------------------------------------


def listing(width: int = 100, colour: bool = False) -> str:
    """All checks with their questions."""
    column = max(map(len, NAMES)) + 4
    lines = [line for name in NAMES for line in labelled(name, question(name), width, 2, column)]
    head = paint("The checks, each with the question that it asks:", BOLD, colour)
    return "\n".join([head, "", *lines, "", "More about one: fdtrace explain CHECK"]) + "\n"


def explanation(name: str, width: int = 100, colour: bool = False) -> str:
    """One check as text for a terminal.

    Raises:
        BadArgument: there is no such check; the nearest name is told.
    """
    if name not in NAMES:
        raise BadArgument.choice("the check", name, NAMES)
    lines = [paint(name, BOLD, colour)]
    for block in rule(name).strip().split("\n\n"):
        lines += ["", *_block(block, width, colour)]
    return "\n".join(lines) + "\n"


def _block(block: str, width: int, colour: bool) -> list[str]:
    """A paragraph, a list or a heading of Markdown in plain words, wrapped."""
    if block.startswith("### "):
        return [paint(block[4:], BOLD, colour)]
    if block.startswith(("* ", "- ")):
        mark = block[:2]
        items = re.split(rf"\n(?={re.escape(mark)})", block)
        return [line for item in items for line in _wrapped(item[2:], width, "  – ", "    ")]
    if re.fullmatch(r"\*[^*]+\.\*", block) or (block.endswith(":") and len(block) < 30):
        return [paint(block.strip("*"), BOLD, colour)]
    return _wrapped(block, width, "", "")


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    said = _MARKS.sub("", " ".join(text.split()))
    return textwrap.wrap(
        said, max(width, 40), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
