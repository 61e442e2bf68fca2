"""What a shell offers for the values of options, besides files and the words that an option lists itself."""

from __future__ import annotations


def check_names(incomplete: str) -> list[str]:
    """The names of checks."""
    from fdtrace.checks import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]


def checks_listed(incomplete: str) -> list[str]:
    """The names of checks in a list with commas: what is already there stays in front."""
    from fdtrace.checks import NAMES

    done, comma, last = incomplete.rpartition(",")
    chosen = done.split(",")
    return [f"{done}{comma}{name}" for name in NAMES if name.startswith(last) and name not in chosen]


def kinds(incomplete: str) -> list[str]:
    """The kinds of captures."""
    from fdtrace.readers import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]
