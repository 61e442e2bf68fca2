"""Values from the command line without the library that Typer checks them with, where it is not needed.

From version 0.29 on Typer hands every value to pydantic, also defaults and plain
text: loading that takes longer than reading a small capture. Values that need no
conversion are taken as they are; numbers and choices go Typer's own way.
"""

from __future__ import annotations

from typing import Any


def spare_checks(command: Any, ctx: Any) -> None:
    """Let the options of a command take text and defaults as they are; nothing changes with another Typer."""
    for option in command.get_params(ctx):
        if getattr(option, "_runtime_param", option) is None:
            option._runtime_param = _AsGiven()


class _AsGiven:
    """What an option's value becomes, in the place of Typer's own."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value for the command; raises what Typer raises for one that is of no use."""
        several = param.multiple or param.nargs == -1
        kind = param.type_descriptor.annotation
        if value is None:
            return [] if several else None
        if several and kind == list[str]:
            return list(value)
        if kind is str or value == param.default:
            return value
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param, ctx)
