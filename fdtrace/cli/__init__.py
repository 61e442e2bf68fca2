"""The command line: arguments, the library, a renderer, an exit code. One file a command.

Exit codes: 0 done, 1 findings at or above --fail-on, or a diff that is not in
order, 2 wrong usage, 3 an input that was named could not be read (the others
were), 4 a diff that cannot tell, 130 interrupted. Results go to standard output,
everything else to standard error.
"""

from __future__ import annotations

from .app import app

__all__ = ["app"]
