"""Stack frames as `-k` prints them: lines beginning with ` > ` after a call.

    > /usr/lib/libc.so.6(__open64+0x51) [0xf8011]
    > /srv/app/k(leaky+0x12) [0x115b] /srv/app/k.c:3        (-kk, strace 6.7)

Innermost first; the address is relative to the module. Symbols may be
demangled and hold anything, so the last `) [0x` of a line is the anchor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FRAME = re.compile(
    r"^(?P<module>.+?)\((?P<symbol>.*?)(?:\+0x(?P<offset>[0-9a-f]+))?\) \[0x(?P<address>[0-9a-f]+)\]"
    r"(?: (?P<source>\S.*?):(?P<line>\d+))?$"
)
LONGEST = 8192
"""No symbol is longer; what is, is not read as one."""
BARE = re.compile(r"^(?P<what>.*?) \[0x(?P<address>[0-9a-f]+)\]$")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a stack. `symbol` is "" in a stripped module, `offset` counts from the symbol."""

    module: str
    symbol: str
    offset: int | None
    address: int | None
    source: str | None = None
    source_line: int | None = None


def frames(block: bytes) -> list[Frame]:
    """The frames of an interned block, innermost first."""
    return [parse(line) for line in block.decode("utf-8", "backslashreplace").split("\n")]


def parse(line: str) -> Frame:
    """One frame line without its ` > `; text that is no frame becomes a module without symbol."""
    match = FRAME.match(line[:LONGEST])
    if match is not None:
        offset, source_line = match["offset"], match["line"]
        return Frame(
            match["module"],
            match["symbol"],
            int(offset, 16) if offset else None,
            int(match["address"], 16),
            match["source"],
            int(source_line) if source_line else None,
        )
    bare = BARE.match(line)
    if bare is not None:
        return Frame(bare["what"], "", None, int(bare["address"], 16))
    return Frame(line, "", None, None)
